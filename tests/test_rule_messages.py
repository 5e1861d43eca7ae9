"""NOTIFY: a rule has a customer told, once, and only what holds."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from support import rulebook
from support.api import key
from support.postroom import reachable
from support.rulebook import announced, answer, live, row_id
from support.world import World, shipped

from refund_gql import clock
from refund_gql.events import EventType
from refund_gql.models import Customer, Event, Message
from refund_gql.outbox.drafts import About, Draft
from refund_gql.outbox.kinds import KINDS, MessageKind


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The jobs `react` that were enqueued; the test does them itself."""
    with rulebook.by_hand(monkeypatch) as subjects:
        yield subjects


def notify(kind: str) -> dict[str, Any]:
    return {"kind": "NOTIFY", "message": kind}


async def in_review(world: World) -> dict[str, Any]:
    """A refund whose customer has been told that it was received."""
    await reachable(world, DEFAULT=["letterbox"])
    order = await world.order(shipments=shipped())
    refund = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    await announced(row_id(refund))
    return refund


async def told(refund: dict[str, Any]) -> list[str]:
    """The kinds of all messages about a refund, in the order of the events they are about."""
    await announced(row_id(refund))
    messages = Message.filter(refund_id=row_id(refund)).order_by("version")
    return [str(kind) for kind in await messages.values_list("event", flat=True)]


def step(refund: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"refundId": refund["id"], "idempotencyKey": key(), **more}


async def test_what_is_no_longer_true_is_not_told(world: World, asked: list[str]) -> None:
    """The worker came late: the money has moved meanwhile."""
    await live(world, "STATUS_CHANGED", "refund.status == 'PAYING'", notify("PAYMENT_DELAYED"))
    refund = await in_review(world)
    await world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    gone = step(refund, verdict="GOODS_GONE")
    await world.warehouse.mutate("refundConfirmWarehouse", gone)
    await world.reaches(refund, "REFUNDED")
    await announced(row_id(refund))
    await answer(asked)
    assert await told(refund) == ["REQUEST_RECEIVED", "APPROVED", "REFUNDED"]
    events = [entry["type"] for entry in (await world.agent.refund(refund["id"]))["timeline"]]
    assert events.count("MESSAGE_REQUESTED") == 1, "asked for, and no longer true"


async def test_nobody_hears_the_same_news_twice(world: World, asked: list[str]) -> None:
    await live(world, "STATUS_CHANGED", "refund.status == 'REVIEW'", notify("REQUEST_RECEIVED"))
    refund = await in_review(world)
    await answer(asked)
    assert await told(refund) == ["REQUEST_RECEIVED"]


async def test_what_a_rule_told_first_is_not_told_again(world: World, asked: list[str]) -> None:
    """The return was asked for; a reminder is no second request, and a new return is."""
    await live(
        world, "STATUS_CHANGED", "refund.status == 'AWAITING_RETURN'", notify("RETURN_REQUESTED")
    )
    refund = await in_review(world)
    await world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    await announced(row_id(refund))
    await answer(asked)
    assert await told(refund) == ["REQUEST_RECEIVED", "RETURN_REQUESTED"]


async def test_what_does_not_hold_is_told_when_it_does(world: World, asked: list[str]) -> None:
    await live(world, "STATUS_CHANGED", "refund.status == 'REVIEW'", notify("CANCELLED"))
    refund = await in_review(world)
    await answer(asked)
    assert await told(refund) == ["REQUEST_RECEIVED"]
    await world.customer.mutate("refundCancel", step(refund))
    assert await told(refund) == ["REQUEST_RECEIVED", "CANCELLED"]


async def test_a_delay_is_told_when_the_rule_says_so(world: World) -> None:
    """Of itself it waits for a day; a rule has its own reasons."""
    shop, customer = world.shop, await Customer.get(shop_id=world.shop.id, reference="C-1")
    at = clock.now()
    due = [
        Draft(
            shop=shop,
            customer=customer,
            kind=MessageKind.PAYMENT_DELAYED,
            about=About.event(Event(type=kind, at=at)),
            locale="zh",
            values={},
        ).due
        for kind in (EventType.PAYMENT_STUCK, EventType.MESSAGE_REQUESTED)
    ]
    assert due == [at + timedelta(hours=24), at]


@pytest.mark.parametrize("message", ["REJECTED", "EVIDENCE_REQUESTED", "NEWSLETTER"])
async def test_what_only_a_person_can_say_is_refused(world: World, message: str) -> None:
    refused = await rulebook.write(world, "CLOCK", "true", notify(message))
    assert refused["code"] == "INVALID_INPUT"
    assert refused["path"] == ["input", "actions", "0", "message"]


@pytest.mark.parametrize("kind", [kind for kind in MessageKind if not KINDS[kind].spoken])
async def test_every_other_kind_can_be_asked_for(world: World, kind: MessageKind) -> None:
    await live(world, "STATUS_CHANGED", "false", notify(kind.value))
