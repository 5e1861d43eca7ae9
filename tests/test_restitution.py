"""What else an order was paid with goes back with the goods: never more than was spent, and all of
it in the end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from support.loyalty import (
    Counter,
    attended,
    paid_and_cared_for,
    restitutions,
    row_id,
)
from support.refusals import mutate
from support.world import World

from refund_gql import database, ids
from refund_gql.app import Engine
from refund_gql.flow import aftercare, restoring
from refund_gql.flow.restitution import Progress
from refund_gql.models import CareRefund, Event, Order, Restitution
from refund_gql.providers import CustomerKey, Refused
from refund_gql.testing.fakes import FakeCrm
from refund_gql.testing.faults import Fault

LINES = [{"sku": sku, "title": sku, "quantity": 1, "unitPrice": 1000} for sku in ("A", "B", "C")]


@pytest_asyncio.fixture(loop_scope="session")
async def counter(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Counter]:
    async with attended(world, engine, monkeypatch) as made:
        yield made


async def paid_back(world: World, order: dict[str, Any], *positions: int) -> dict[str, Any]:
    """A refund of some lines, or of everything, once what comes after it is under way."""
    lines = [{"orderLineId": order["lines"][at]["id"], "quantity": 1} for at in positions]
    refund = await world.refund(world.customer, order, lines=lines or None)
    return await paid_and_cared_for(world, refund)


# --- how much ---------------------------------------------------------------------------------


@given(
    spent=st.integers(0, 10**12),
    parts=st.lists(st.integers(0, 10**9), min_size=1, max_size=8).filter(lambda p: sum(p) > 0),
    data=st.data(),
)
def test_no_sequence_of_refunds_gives_back_more_than_was_spent(
    spent: int, parts: list[int], data: st.DataObject
) -> None:
    whole, done, restored = sum(parts), 0, 0
    for part in data.draw(st.permutations(parts)):
        done += part
        progress = Progress(part=done, whole=whole)
        points = progress.points(spent, restored)
        restored += points
        assert points >= 0
        # Within one point of the exact share, and never beyond it.
        assert spent * done - whole < restored * whole <= spent * done
        assert progress.complete is (done == whole)
    assert restored == spent


@given(spent=st.integers(0, 100), restored=st.integers(0, 200), part=st.integers(0, 100))
def test_an_order_that_was_corrected_takes_nothing_back(
    spent: int, restored: int, part: int
) -> None:
    assert Progress(part=part, whole=100).points(spent, restored) == max(
        spent * part // 100 - restored, 0
    )
    assert Progress(part=part, whole=0).points(spent, restored) == 0


# --- through the door -------------------------------------------------------------------------


async def test_points_go_back_with_the_goods_and_the_coupon_with_the_last(
    world: World, counter: Counter
) -> None:
    order = await world.order(lines=LINES, pointsSpent=100, couponsUsed=["SPRING", "SPRING"])
    found = []
    for position in range(3):
        refund = await paid_back(world, order, position)
        await counter.work()
        found.append([(row.points, row.code, row.status) for row in await restitutions(refund)])
    assert found == [
        [(33, "", "RESTORED")],
        [(33, "", "RESTORED")],
        [(0, "SPRING", "RESTORED"), (34, "", "RESTORED")],
    ]
    assert (counter.register.points, counter.register.usable) == ({"C-1": 100}, ["SPRING"])
    told = await world.customer.refund(refund["id"], "restitutions { kind points couponCode }")
    assert told["restitutions"] == [
        {"kind": "POINTS", "points": 34, "couponCode": None},
        {"kind": "COUPON", "points": 0, "couponCode": "SPRING"},
    ]
    types = [entry["type"] for entry in told["timeline"]]
    assert sorted(types[-2:]) == ["COUPON_RESTORED", "POINTS_RESTORED"]


async def test_refunds_at_once_give_back_exactly_what_was_spent(
    world: World, counter: Counter
) -> None:
    order = await world.order(lines=LINES, pointsSpent=7, couponsUsed=["SPRING"])
    await asyncio.gather(*(paid_back(world, order, position) for position in range(3)))
    await counter.work()
    assert (counter.register.points, counter.register.usable) == ({"C-1": 7}, ["SPRING"])


async def test_an_order_paid_with_points_alone_counts_its_units(
    world: World, counter: Counter
) -> None:
    free = [{**line, "unitPrice": 0} for line in LINES[:2]]
    order = await world.order(lines=free, pointsSpent=9, couponsUsed=["SPRING"])
    await paid_back(world, order, 0)
    await counter.work()
    assert (counter.register.points, counter.register.usable) == ({"C-1": 4}, [])
    await paid_back(world, order, 1)
    await counter.work()
    assert (counter.register.points, counter.register.usable) == ({"C-1": 9}, ["SPRING"])


async def test_an_order_without_either_brings_nothing(world: World, counter: Counter) -> None:
    refund = await paid_back(world, await world.order())
    assert await restitutions(refund) == []
    assert counter.jobs == {}


async def test_a_second_run_adds_nothing(world: World, counter: Counter) -> None:
    refund = await paid_back(world, await world.order(pointsSpent=5))
    await asyncio.gather(*(aftercare.after_refund(row_id(refund)) for _ in range(4)))
    [row] = await restitutions(refund)
    await asyncio.gather(*(counter.serve("restore", row.id) for _ in range(4)))
    assert counter.register.points == {"C-1": 5}
    assert list(counter.register.restored()) == [row.number]
    assert await Event.filter(refund_id=row_id(refund), type="POINTS_RESTORED").count() == 1


async def test_what_is_not_said_again_stays(world: World, counter: Counter) -> None:
    number = "SO-points"
    await world.order(number=number, pointsSpent=5, couponsUsed=["SPRING"])
    [stored] = await Order.filter(shop_id=world.shop.id, number=number)
    assert (stored.points_spent, stored.coupons_used) == (5, ["SPRING"])
    await world.order(number=number, captures=[])
    await stored.refresh_from_db()
    assert (stored.points_spent, stored.coupons_used) == (5, ["SPRING"])


# --- when the CRM system misbehaves -----------------------------------------------------------


async def test_points_are_given_once_whatever_the_network_does(
    world: World, counter: Counter
) -> None:
    refund = await paid_back(world, await world.order(pointsSpent=5))
    for fault in (Fault.TIMEOUT_AFTER, Fault.CONNECTION_REFUSED, Fault.ERROR_AFTER):
        with counter.register.struck(fault):
            await counter.work()
    [row] = await restitutions(refund)
    # The first call may have done it, so a certain "no" to a later one does not end the doubt.
    assert (row.status, row.tries, row.problem) == ("RESTORING", 3, "OUTCOME_UNKNOWN")
    await counter.work()
    await row.refresh_from_db()
    assert (row.status, row.tries, row.problem, row.request) == ("RESTORED", 4, None, {})
    assert counter.register.points == {"C-1": 5}


async def test_what_is_refused_is_shown_and_tried_again_by_staff(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, counter: Counter
) -> None:
    class Strict(FakeCrm):
        strict = True

        async def restore_points(self, number: str, customer: CustomerKey, points: int) -> None:
            if self.strict:
                raise Refused("the account is closed", code="CLOSED")
            await super().restore_points(number, customer, points)

    counter.crm = strict = Strict(account=counter.register)
    counter.open(monkeypatch, engine)
    refund = await paid_back(world, await world.order(pointsSpent=5))
    await counter.work()
    seen = await world.agent.refund(
        refund["id"], "restitutions { id status problemCode error tries }"
    )
    [shown] = seen["restitutions"]
    row = shown.pop("id")
    assert shown == {
        "status": "FAILED",
        "problemCode": "CLOSED",
        "error": "the account is closed",
        "tries": 1,
    }
    strict.strict = False
    assert "code" not in await mutate(world.agent, "restitutionRetry", {"id": row})
    await counter.work()
    assert counter.register.points == {"C-1": 5}
    done = await mutate(world.agent, "restitutionRetry", {"id": row})
    assert (done["code"], done["found"]) == ("INVALID_INPUT", "RESTORED")
    missing = await database.fetch(restoring.MISSING)
    assert ids.required("id", row, "Restitution") not in [each["subject"] for each in missing]


async def test_the_sweep_finds_what_waits(world: World, counter: Counter) -> None:
    refund = await paid_back(world, await world.order(pointsSpent=5))
    [row] = await restitutions(refund)
    subjects = [each["subject"] for each in await database.fetch(restoring.MISSING)]
    assert row.id in subjects
    assert await Restitution.filter(shop_id=world.shop.id).count() == 1
    await CareRefund.filter(refund_id=row_id(refund)).delete()
    lost = [each["subject"] for each in await database.fetch(aftercare.MISSING)]
    assert row_id(refund) in lost
