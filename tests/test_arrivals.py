"""What couriers say of goods on their way back: handed over, arrived, sent back, lost."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.couriers import WORD
from support.postroom import Postroom, announce_all, by_hand, reachable
from support.trust import exposure, paid_first, row_id, seen, step, trusting, types
from support.world import World, shipped

from refund_gql import clock
from refund_gql.flow import arrivals, tracking
from refund_gql.flow.arrivals import Line, News
from refund_gql.models import Decision, Exposure, Return
from refund_gql.providers import Checkpoint, Tracking, TrackingFlag, TrackingTag

NUMBER = "SF-BACK-1"
TAG, FLAG = TrackingTag, TrackingFlag
MORE = """returns { status courier trackingNumber address }
  decisions { step explanation }"""


async def told(
    world: World,
    tag: TrackingTag | None,
    *flags: TrackingFlag,
    at: datetime | None = None,
    number: str = NUMBER,
) -> None:
    """The courier tells one line, by default of this moment."""
    line = Checkpoint(at=at or clock.now(), tag=tag, code="c", flags=frozenset(flags))
    news = tracking.understood(Tracking(tracking_number=number, checkpoints=(line,)))
    await tracking.record(world.shop.id, "depot", news)


async def awaited(world: World) -> dict[str, Any]:
    """A refund that waits for its goods."""
    order = await world.order(shipments=shipped())
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    await world.reaches(asked, "REVIEW")
    return await step(world.agent, "refundApprove", asked, kind="RETURN_AND_REFUND")


async def sent(world: World, number: str = NUMBER) -> dict[str, Any]:
    """A refund whose goods are on their way back."""
    refund = await awaited(world)
    return await step(world.customer, "returnShip", refund, courier=WORD, trackingNumber=number)


async def now(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    return await world.owner.refund(refund["id"], MORE)


# --- what news mean ---------------------------------------------------------------------------


def line(tag: TrackingTag | None, *flags: TrackingFlag, minutes: int = 0) -> Line:
    at = datetime.fromisoformat("2026-03-01T08:00:00+00:00") + timedelta(minutes=minutes)
    return Line(at=at, tag=tag, flags=frozenset(flags))


@pytest.mark.parametrize(
    ("lines", "meaning"),
    [
        ([], set()),
        ([line(TAG.PENDING)], set()),
        ([line(TAG.INFO_RECEIVED)], set()),
        ([line(None)], set()),
        ([line(TAG.IN_TRANSIT), line(TAG.INFO_RECEIVED)], {"moved"}),
        ([line(TAG.AVAILABLE_FOR_PICKUP)], {"moved"}),
        ([line(TAG.DELIVERED)], {"moved", "arrived"}),
        ([line(TAG.IN_TRANSIT), line(TAG.DELIVERED)], {"moved", "arrived"}),
        ([line(TAG.EXCEPTION), line(TAG.DELIVERED)], {"moved", "arrived"}),
        ([line(TAG.DELIVERED, FLAG.RETURNED_TO_SENDER)], {"moved", "sent_back"}),
        ([line(TAG.EXCEPTION, FLAG.REFUSED)], {"moved", "sent_back"}),
        ([line(TAG.EXCEPTION, FLAG.RETURNED_TO_SENDER)], {"moved", "sent_back"}),
        ([line(TAG.EXCEPTION, FLAG.RETURNING)], {"moved"}),
        ([line(TAG.EXCEPTION, FLAG.CUSTOMS)], {"moved"}),
        ([line(TAG.EXCEPTION)], {"moved", "lost"}),
        ([line(TAG.EXPIRED)], {"moved", "lost"}),
        ([line(None), line(TAG.EXPIRED)], {"moved", "lost"}),
        ([line(TAG.IN_TRANSIT), line(TAG.EXCEPTION)], {"moved"}),
    ],
)
def test_what_lines_say_newest_first(lines: list[Line], meaning: set[str]) -> None:
    news = arrivals.read(lines)
    names = ("moved", "arrived", "sent_back", "lost")
    assert {name for name in names if getattr(news, name)} == meaning
    assert news == News() if not lines else news.last_at == lines[0].at


# --- arrived ----------------------------------------------------------------------------------


async def test_a_delivery_is_received_once(world: World) -> None:
    refund = await sent(world)
    await asyncio.gather(*(told(world, TAG.DELIVERED) for _ in range(5)))
    found = await now(world, refund)
    assert (found["status"], found["returns"][0]["status"]) == ("INSPECTION", "RECEIVED")
    assert types(found).count("RETURN_RECEIVED") == 1
    assert found["timeline"][-1]["actorKind"] == "SYSTEM"


async def test_with_refund_first_the_goods_alone_move(world: World) -> None:
    await trusting(world)
    refund = await paid_first(world)
    await step(world.customer, "returnShip", refund, courier=WORD, trackingNumber=NUMBER)
    await told(world, TAG.DELIVERED)
    found = await seen(world, refund)
    assert (found["status"], found["returns"][0]["status"]) == ("REFUNDED", "RECEIVED")
    assert (await exposure(refund)).released_at is not None
    assert [p["status"] for p in found["payouts"]] == ["SUCCEEDED"]


async def test_what_is_not_this_return_receives_nothing(world: World) -> None:
    """Delivered before the return was opened; one of the shop's own; somebody else's return."""
    own = shipped()
    await world.order(shipments=own)
    before = await sent(world, "BEFORE")
    outbound = await sent(world, own[0]["trackingNumber"])
    first, second = await sent(world, "TWICE"), await sent(world, "TWICE")
    await told(world, TAG.DELIVERED, number="BEFORE", at=clock.now() - timedelta(days=2))
    await told(world, TAG.DELIVERED, number="BEFORE", at=clock.now() + timedelta(days=3))
    for number in (own[0]["trackingNumber"], "TWICE", "ANOTHER"):
        await told(world, TAG.DELIVERED, number=number)
    for refund in (before, outbound, first, second):
        assert (await now(world, refund))["status"] == "RETURNING"


async def test_who_has_withdrawn_or_was_received_already_is_left_alone(world: World) -> None:
    refund = await sent(world)
    await step(world.warehouse, "returnReceive", refund)
    version = (await now(world, refund))["version"]
    await told(world, TAG.DELIVERED)
    await told(world, TAG.EXCEPTION)
    assert (await now(world, refund))["version"] == version


# --- lost -------------------------------------------------------------------------------------


async def test_a_lost_parcel_goes_to_people_with_the_reason_in_words(world: World) -> None:
    refund = await sent(world)
    await told(world, TAG.IN_TRANSIT)
    await told(world, TAG.EXCEPTION, at=clock.now() + timedelta(minutes=1))
    found = await now(world, refund)
    assert (found["status"], found["returns"][0]["status"]) == ("REVIEW", "LOST")
    assert types(found)[-1] == "RETURN_LOST"
    assert found["decisions"][-1] == {
        "step": "REPORT_RETURN_LOST",
        "explanation": "The courier reports that the parcel is lost, damaged or cannot be "
        "delivered",
    }
    again = await step(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    assert again["status"] == "AWAITING_RETURN"
    returns = (await now(world, refund))["returns"]
    assert [each["status"] for each in returns] == ["AWAITED", "LOST"]


async def test_ten_days_without_a_scan_are_a_loss_when_the_courier_was_asked(
    world: World,
) -> None:
    refund = await sent(world)
    await Return.filter(refund_id=row_id(refund)).update(
        shipped_at=clock.now() - arrivals.SILENCE, opened_at=clock.now() - timedelta(days=12)
    )
    await arrivals.heard(world.shop.id, NUMBER)
    assert (await now(world, refund))["status"] == "RETURNING"
    await arrivals.heard(world.shop.id, NUMBER, asked=True)
    found = await now(world, refund)
    assert found["status"] == "REVIEW"
    [decision] = await Decision.filter(refund_id=row_id(refund), step="REPORT_RETURN_LOST")
    assert decision.trace["explanation"]["zh"] == "包裹已 10 天没有物流更新"


async def test_a_recent_scan_is_no_silence(world: World) -> None:
    refund = await sent(world)
    await Return.filter(refund_id=row_id(refund)).update(
        shipped_at=clock.now() - timedelta(days=20), opened_at=clock.now() - timedelta(days=21)
    )
    await told(world, TAG.IN_TRANSIT, at=clock.now() - timedelta(days=9))
    await arrivals.heard(world.shop.id, NUMBER, asked=True)
    assert (await now(world, refund))["status"] == "RETURNING"


async def test_people_report_a_loss_too_and_what_was_paid_stays_paid(world: World) -> None:
    refund = await sent(world)
    lost = await step(world.warehouse, "returnReportLost", refund, reason="dock 3 burnt down")
    assert lost["status"] == "REVIEW"
    await trusting(world)
    first = await paid_first(world)
    await step(world.customer, "returnShip", first, courier=WORD, trackingNumber="SF-2")
    after = await step(world.agent, "returnReportLost", first)
    assert (after["status"], types(after)[-1]) == ("REFUNDED", "RETURN_LOST")
    assert (await seen(world, first))["returns"][0]["status"] == "LOST"
    assert await Exposure.filter(refund_id=row_id(first), released_at=None).exists()
    late = await step(world.agent, "returnReportLost", first)
    assert (late["code"], late["allowedNext"]) == ("ILLEGAL_STEP", [])


# --- sent to the wrong place ------------------------------------------------------------------


@pytest.mark.parametrize("flag", [FLAG.REFUSED, FLAG.RETURNED_TO_SENDER])
async def test_a_parcel_that_goes_back_is_awaited_again_at_the_right_address(
    world: World, flag: TrackingFlag
) -> None:
    refund = await sent(world)
    world.shop.return_address = "2 Return Road"
    await world.shop.save(update_fields=["return_address"])
    await told(world, TAG.EXCEPTION, flag)
    found = await now(world, refund)
    assert found["status"] == "AWAITING_RETURN"
    assert found["returns"] == [
        {"status": "AWAITED", "courier": "", "trackingNumber": "", "address": "2 Return Road"}
    ]
    assert types(found)[-1] == "RETURN_REOPENED"
    again = await step(
        world.customer, "returnShip", refund, courier=WORD, trackingNumber="SF-BACK-2"
    )
    assert again["status"] == "RETURNING"
    await told(world, TAG.DELIVERED, number="SF-BACK-2")
    assert (await now(world, refund))["status"] == "INSPECTION"


async def test_staff_reopen_a_return_and_the_customer_is_told_where_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reachable(world, DEFAULT=["letterbox"])
    async with by_hand(monkeypatch):
        refund = await sent(world)
        await step(world.agent, "returnReopen", refund, reason="wrong warehouse")
        messages = await announce_all(Postroom(), row_id(refund))
    assert [message.event for message in messages][-2:] == ["RETURN_REQUESTED", "RETURN_REOPENED"]
    assert "请将商品寄至：1 Return Road" in messages[-1].text
    assert "请重新寄回商品" in messages[-1].text
