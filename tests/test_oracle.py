"""The oracle sees each kind of breach; what it cannot see, no campaign can find."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import facts, oracle
from support.facts import Acknowledged, Facts
from support.world import World

Tamper = Callable[[Facts], Facts]


@pytest.fixture
async def whole(world: World, database_url: str, data: Path) -> Facts:
    """The facts about one refund that went well."""
    asked = await world.refund(world.customer, await world.order())
    refund = await world.reaches(asked, "REFUNDED")
    told = Acknowledged(key="k", number=refund["number"], **refund["amount"])
    return await facts.gather(database_url, world.shop.id, data / "sandbox.sqlite", [told])


def row(table: str, **changes: Any) -> Tamper:
    """Change the only row of a table, or its last."""

    def tamper(found: Facts) -> Facts:
        *rest, last = getattr(found, table)
        changed: dict[str, Any] = {table: [*rest, {**last, **changes}]}
        return replace(found, **changed)

    return tamper


def without(table: str) -> Tamper:
    return lambda found: replace(found, **{table: list(getattr(found, table))[:-1]})


def twice(table: str) -> Tamper:
    return lambda found: replace(found, **{table: list(getattr(found, table)) * 2})


def told(**changes: Any) -> Tamper:
    def tamper(found: Facts) -> Facts:
        [answer] = found.acknowledged
        return replace(found, acknowledged=[answer, replace(answer, **changes)])

    return tamper


def paid(**changes: Any) -> Tamper:
    def tamper(found: Facts) -> Facts:
        [payment] = found.payments
        return replace(found, payments=[replace(payment, **changes)])

    return tamper


BREACHES: dict[str, tuple[Tamper, str]] = {
    "lost refund": (without("refunds"), "was acknowledged and has 0 rows"),
    "doubled refund": (twice("refunds"), "was acknowledged and has 2 rows"),
    "refund nobody asked for": (without("acknowledged"), "is no acknowledged request"),
    "two answers for one key": (told(number="R-2"), "was told"),
    "other amount than told": (told(key="l", amount=1), "another amount than it has"),
    "stuck": (row("refunds", status="PAYING"), "is PAYING (None), not REFUNDED"),
    "cancelled, yet paid": (told(cancelled=True), "is REFUNDED (None), not CANCELLED"),
    "unpaid": (without("payments"), "0 paid, 8900 owed"),
    "paid twice": (twice("payments"), "was paid 2 times"),
    "paid under an unknown number": (paid(number="RP-2"), "belongs to no payout"),
    "wrong amount paid": (paid(amount=8901), "is not what was ordered"),
    "wrong currency paid": (paid(currency="USD"), "is not what was ordered"),
    "over-refunded": (row("captures", amount=8899), "8900 of 8899 back"),
    "gap in the history": (without("events"), "has gaps in its history"),
    "history of another end": (row("events", status="PAYING"), "its history says PAYING"),
    "tampered event": (row("events", payload={"amount": 1}), "has a broken chain"),
    "tampered head": (row("refunds", head="0" * 64), "has a broken chain"),
    "reservation": (row("captures", reserved=0), "reserves 0, not 8900"),
    "claim": (row("order_lines", claimed_quantity=0), "claims (0, 8900)"),
    "claimed shipping": (row("orders", shipping_claimed=1), "claims shipping"),
}


async def test_a_refund_that_went_well_is_no_breach(whole: Facts) -> None:
    assert oracle.violations(whole) == []


@pytest.mark.parametrize("breach", BREACHES)
async def test_each_breach_is_seen(whole: Facts, breach: str) -> None:
    tamper, words = BREACHES[breach]
    assert [seen for seen in oracle.violations(tamper(whole)) if words in seen]
