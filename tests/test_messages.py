"""A message arrives at least once, is given up only where staff can see it, and is never sent
twice by mistake: whatever the channel does, and whenever the process dies."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from support.postroom import Alarm, Postroom, announce_all, by_hand, reachable, told
from support.world import World, make_world, shipped

from refund_gql import clock, ids
from refund_gql.choices import MessageStatus
from refund_gql.errors import Unavailable
from refund_gql.events import EventType
from refund_gql.models import Customer, Event, Message, Refund, new_id
from refund_gql.outbox import messages
from refund_gql.providers import (
    Misconfigured,
    Notification,
    OutcomeUnknown,
    Refused,
    Retryable,
)
from refund_gql.roles import Role
from refund_gql.states import RefundStatus

Answer = Callable[[str, Notification], BaseException | None]


@pytest_asyncio.fixture(loop_scope="session")
async def alarms(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Alarm]]:
    async with by_hand(monkeypatch) as made:
        yield made


@pytest.fixture
def postroom() -> Postroom:
    return Postroom()


async def queued(world: World, postroom: Postroom, *channels: str) -> Message:
    """A message that a request was received, to a customer with e-mail and telephone."""
    await reachable(world, DEFAULT=list(channels))
    asked = await world.refund(world.customer, await world.order(shipments=shipped()))
    await world.reaches(asked, "REVIEW")
    refund = await Refund.get(number=asked["number"], shop_id=world.shop.id)
    [message] = await announce_all(postroom, refund.id)
    return message


async def all_of(message: Message) -> list[Message]:
    return await Message.filter(refund_id=message.refund_id).order_by("created_at", "id")


def always(error: BaseException) -> Answer:
    return lambda name, message: error


def on(channel: str, error: BaseException) -> Answer:
    return lambda name, message: error if name == channel else None


async def try_until_done(postroom: Postroom, message: Message, most: int = 40) -> Message:
    for _ in range(most):
        await messages.send(postroom, message.id)
        await message.refresh_from_db()
        if message.status not in (MessageStatus.QUEUED, MessageStatus.SENDING):
            return message
    raise AssertionError(f"{message.status} after {most} tries")


# --- the plain way ----------------------------------------------------------------------------


async def test_a_message_is_handed_over_once(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox")
    await messages.send(postroom, message.id)
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.tries, message.code) == (MessageStatus.SENT, 1, None)
    assert message.reference == "ref-1"
    assert message.sent_at is not None
    [sent] = postroom.sent["letterbox"]
    assert sent == Notification(
        id=str(message.id),
        address="wang@shop.example",
        locale="zh",
        event="REQUEST_RECEIVED",
        subject="已收到您的退款申请",
        text=message.text,
        variables=message.variables,
    )
    assert sent.variables["amount"] == "¥89.00"


async def test_no_transaction_is_open_during_the_call(
    world: World, postroom: Postroom, alarms: list[Alarm], database_url: str
) -> None:
    message = await queued(world, postroom, "letterbox")
    seen: list[str] = []
    watcher = await asyncpg.connect(database_url)
    status = await watcher.prepare("select status from message where id = $1 for update nowait")

    class Watched(Postroom):
        async def send(self, shop_id: UUID, name: str, message: Notification) -> Any:
            seen.append(await status.fetchval(UUID(message.id)))
            return await super().send(shop_id, name, message)

    try:
        await messages.send(Watched(), message.id)
    finally:
        await watcher.close()
    assert seen == ["SENDING"]


async def test_a_long_text_is_cut_to_what_the_channel_takes(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "pager")
    await messages.send(postroom, message.id)
    [sent] = postroom.sent["pager"]
    assert sent.text == message.text[:20]
    assert sent.address == "13800000000"


# --- failures ---------------------------------------------------------------------------------


async def test_refused_falls_to_the_next_channel_and_the_next(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    first = await queued(world, postroom, "letterbox", "pager", "robot")
    postroom.answer = on("letterbox", Refused("blocked", code="43101"))
    await messages.send(postroom, first.id)
    one, two = await all_of(first)
    assert told([one, two]) == [
        ("REQUEST_RECEIVED", "letterbox", "SUPERSEDED"),
        ("REQUEST_RECEIVED", "pager", "QUEUED"),
    ]
    assert (one.code, one.error) == ("43101", "blocked")
    assert one.id != two.id
    assert alarms[-1].subject == str(two.id)
    postroom.answer = on("pager", Refused("no such number"))
    await messages.send(postroom, two.id)
    three = (await all_of(first))[-1]
    await messages.send(postroom, three.id)
    assert told(await all_of(first)) == [
        ("REQUEST_RECEIVED", "letterbox", "SUPERSEDED"),
        ("REQUEST_RECEIVED", "pager", "SUPERSEDED"),
        ("REQUEST_RECEIVED", "robot", "SENT"),
    ]
    assert list(postroom.sent) == ["robot"]


async def test_refused_by_all_is_a_dead_letter(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox")
    postroom.answer = always(Refused())
    await messages.send(postroom, message.id)
    [message] = await all_of(message)
    assert (message.status, message.code) == (MessageStatus.DEAD, "REFUSED")
    assert message.error == "Certainly not done, and repeating is useless."


async def test_an_address_that_is_gone_falls_to_the_next_channel(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox", "pager")
    await Customer.filter(id=message.customer_id).update(email="")
    await messages.send(postroom, message.id)
    assert [(m.channel, m.status.value, m.code) for m in await all_of(message)] == [
        ("letterbox", "SUPERSEDED", "NO_ADDRESS"),
        ("pager", "QUEUED", None),
    ]
    assert postroom.texts == []


async def test_retryable_waits_longer_and_longer_then_the_next_channel(
    world: World, postroom: Postroom, alarms: list[Alarm], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await queued(world, postroom, "letterbox", "pager")
    postroom.answer = on("letterbox", Retryable("busy", code="45009"))
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)
    now = clock.now()
    with clock.fixed(lambda: now):
        alarms.clear()
        await messages.send(postroom, message.id)
        await message.refresh_from_db()
        assert (message.status, message.code) == (MessageStatus.QUEUED, "45009")
        await try_until_done(postroom, message)
    assert (message.status, message.tries) == (MessageStatus.SUPERSEDED, messages.MAX_TRIES)
    waits = [(a.run_at - now).total_seconds() for a in alarms if a.run_at and a.run_at > now]
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert (await all_of(message))[-1].channel == "pager"


async def test_a_channels_own_wish_is_respected_within_limits(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox")
    now = clock.now()
    with clock.fixed(lambda: now):
        for asked, waits in ((7200, 7200), (10**7, 6 * 3600)):
            postroom.answer = always(Retryable(retry_after=timedelta(seconds=asked)))
            await messages.send(postroom, message.id)
            assert alarms[-1].run_at == now + timedelta(seconds=waits)


async def test_unknown_is_repeated_under_the_same_id_where_the_channel_drops_doubles(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox", "pager")
    postroom.answer = always(OutcomeUnknown("no answer in time", code="TIMEOUT"))
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.code) == (MessageStatus.QUEUED, "OUTCOME_UNKNOWN")
    postroom.answer = lambda name, message: None
    await messages.send(postroom, message.id)
    assert [sent.id for sent in postroom.sent["letterbox"]] == [str(message.id)]


async def test_unknown_for_ever_is_a_dead_letter_and_goes_nowhere_else(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox", "pager")
    postroom.answer = always(RuntimeError("token=secret"))
    await try_until_done(postroom, message)
    assert [(m.channel, m.status.value, m.code) for m in await all_of(message)] == [
        ("letterbox", "DEAD", "OUTCOME_UNKNOWN")
    ]
    assert (message.tries, message.error) == (messages.MAX_TRIES, "RuntimeError")


@pytest.mark.parametrize(
    "error",
    [OutcomeUnknown("no answer in time"), ValueError("anything else")],
    ids=["unknown", "escaped"],
)
async def test_unknown_is_not_repeated_where_doubles_arrive(
    world: World, postroom: Postroom, alarms: list[Alarm], error: Exception
) -> None:
    message = await queued(world, postroom, "pager", "letterbox")
    postroom.answer = always(error)
    await messages.send(postroom, message.id)
    postroom.answer = lambda name, message: None
    await messages.send(postroom, message.id)
    assert [(m.channel, m.status.value, m.code) for m in await all_of(message)] == [
        ("pager", "DEAD", "OUTCOME_UNKNOWN")
    ]
    assert postroom.texts == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("letterbox does not answer"), "CHANNEL_UNAVAILABLE"),
        (Misconfigured("the password is wrong", field="password"), "MISCONFIGURED"),
    ],
    ids=["down", "misconfigured"],
)
async def test_a_channel_that_is_down_is_waited_for(
    world: World, postroom: Postroom, alarms: list[Alarm], error: Exception, code: str
) -> None:
    message = await queued(world, postroom, "letterbox", "pager")
    postroom.answer = always(error)
    start = message.created_at
    for hours, minutes in ((0, 1), (2, 30), (12, 60), (71, 60)):
        now = start + timedelta(hours=hours)
        with clock.fixed(lambda now=now: now):  # type: ignore[misc] # bound at once
            await messages.send(postroom, message.id)
        await message.refresh_from_db()
        assert (message.status, message.code) == (MessageStatus.QUEUED, code)
        assert message.error == str(error)
        assert message.tries == 0
        assert alarms[-1].run_at == now + timedelta(minutes=minutes)
    with clock.fixed(lambda: start + timedelta(days=3)):
        await messages.send(postroom, message.id)
    assert [(m.status.value, m.code) for m in await all_of(message)] == [("DEAD", code)]


async def test_a_channel_that_comes_back_sends_what_waited(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    postroom.absent = {"letterbox"}
    message = await queued(world, postroom, "letterbox")
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.code) == (MessageStatus.QUEUED, "CHANNEL_UNAVAILABLE")
    postroom.absent = set()
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.code, message.tries) == (MessageStatus.SENT, None, 1)


# --- the process dies -------------------------------------------------------------------------


async def cut_off(postroom: Postroom, message: Message, *, arrived: bool) -> None:
    """The process dies during the call, before or after the channel has taken the message."""

    def die(name: str, notification: Notification) -> BaseException:
        if arrived:
            postroom.arrive(name, notification)
        return asyncio.CancelledError()

    postroom.answer = die
    with pytest.raises(asyncio.CancelledError):
        await messages.send(postroom, message.id)
    postroom.answer = lambda name, message: None
    await message.refresh_from_db()
    assert message.status is MessageStatus.SENDING


@pytest.mark.parametrize("arrived", [False, True])
async def test_a_cut_off_call_is_repeated_under_the_same_id(
    world: World, postroom: Postroom, alarms: list[Alarm], arrived: bool
) -> None:
    message = await queued(world, postroom, "letterbox")
    await cut_off(postroom, message, arrived=arrived)
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.tries) == (MessageStatus.SENT, 2)
    assert [m.id for m in postroom.sent["letterbox"]] == [str(message.id)] * (1 + arrived)


@pytest.mark.parametrize("arrived", [False, True])
async def test_a_cut_off_call_is_a_persons_business_where_doubles_arrive(
    world: World, postroom: Postroom, alarms: list[Alarm], arrived: bool
) -> None:
    message = await queued(world, postroom, "pager")
    await cut_off(postroom, message, arrived=arrived)
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.code) == (MessageStatus.DEAD, "OUTCOME_UNKNOWN")
    assert len(postroom.texts) == arrived


async def test_a_cut_off_call_stays_one_while_its_channel_is_away(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "pager")
    await cut_off(postroom, message, arrived=True)
    postroom.absent = {"pager"}
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.code) == (MessageStatus.SENDING, "OUTCOME_UNKNOWN")
    postroom.absent = set()
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.code) == (MessageStatus.DEAD, "OUTCOME_UNKNOWN")


async def test_proof_counts_even_when_somebody_gave_up_meanwhile(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "pager")
    under_way, answer = asyncio.Event(), asyncio.Event()

    class Slow(Postroom):
        async def send(self, shop_id: UUID, name: str, message: Notification) -> Any:
            under_way.set()
            await answer.wait()
            return await super().send(shop_id, name, message)

    slow = asyncio.create_task(messages.send(Slow(), message.id))
    await under_way.wait()
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert message.status is MessageStatus.DEAD
    answer.set()
    await slow
    await message.refresh_from_db()
    assert (message.status, message.code) == (MessageStatus.SENT, None)
    assert postroom.texts == []


async def test_a_thousand_messages_through_a_channel_that_fails_half_the_time(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    first = await queued(world, postroom, "letterbox")
    expected = {str(one) for one in await a_thousand_like(first)}
    chance = random.Random(20)
    ended: Counter[str] = Counter()

    def fail_half(name: str, notification: Notification) -> BaseException | None:
        if chance.random() < 0.5:
            return None
        error, arrives = chance.choice(FAILURES)
        ended[type(error).__name__] += 1
        if arrives:
            postroom.arrive(name, notification)
        return error

    postroom.answer = fail_half
    resent = 0
    while pending := await Message.filter(shop_id=world.shop.id).exclude(status="SENT"):
        for message in (m for m in pending if m.status is MessageStatus.DEAD):
            result = await resend(world.agent, message)
            assert result["__typename"] == "Message"
            resent += 1
        await send_all(postroom, [message.id for message in pending])
    arrived = Counter(sent.id for sent in postroom.sent["letterbox"])
    assert set(arrived) == expected
    assert max(arrived.values()) > 1
    assert len({(sent.id, sent.text) for sent in postroom.sent["letterbox"]}) == len(expected)
    assert set(ended) == {type(error).__name__ for error, _ in FAILURES}
    assert resent < 20


FAILURES: list[tuple[BaseException, bool]] = [
    (Retryable("busy"), False),
    (OutcomeUnknown("lost before"), False),
    (OutcomeUnknown("lost after"), True),
    (ConnectionResetError("escaped"), True),
    (asyncio.CancelledError(), False),
    (asyncio.CancelledError(), True),
]
"""How a call may end, and whether the message has arrived all the same."""


async def a_thousand_like(first: Message) -> list[UUID]:
    """A thousand messages in all: questions to the same customer, each about its own event."""
    [event] = await Event.filter(refund_id=first.refund_id, version=first.version)
    asked = [
        Event(
            shop_id=event.shop_id,
            refund_id=event.refund_id,
            version=version,
            type=EventType.EVIDENCE_REQUESTED,
            status=RefundStatus.REVIEW,
            actor=event.actor,
            at=event.at,
            hash=event.hash,
        )
        for version in range(1_000, 1_999)
    ]
    more = [
        Message(
            id=new_id(),
            shop_id=first.shop_id,
            refund_id=first.refund_id,
            customer_id=first.customer_id,
            event="EVIDENCE_REQUESTED",
            version=event.version,
            channel="letterbox",
            locale="zh",
            subject="",
            text=f"question {event.version}",
            created_at=first.created_at,
        )
        for event in asked
    ]
    await Event.bulk_create(asked)
    await Message.bulk_create(more)
    return [first.id, *(message.id for message in more)]


async def send_all(postroom: Postroom, all_ids: list[UUID]) -> None:
    """One try for each, eight at a time; a try may be cut off."""
    waiting = iter(all_ids)

    async def worker() -> None:
        for message_id in waiting:
            task = asyncio.create_task(messages.send(postroom, message_id))
            await asyncio.wait([task])
            assert task.cancelled() or task.exception() is None

    await asyncio.gather(*(worker() for _ in range(8)))


# --- overtaken --------------------------------------------------------------------------------


async def test_what_would_mislead_by_now_is_dropped(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox")
    await Refund.filter(id=message.refund_id).update(status=RefundStatus.REJECTED)
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.code) == (MessageStatus.SUPERSEDED, "OVERTAKEN")
    assert postroom.texts == []


async def test_a_delay_is_told_only_when_its_day_has_come_and_it_lasts(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    await reachable(world, DEFAULT=["letterbox"])
    order = await world.order(metadata={"sandbox": "REJECTED*"})
    asked = await world.refund(world.customer, order)
    await world.reaches(asked, "PAYMENT_STUCK")
    refund = await Refund.get(number=asked["number"], shop_id=world.shop.id)
    delay = (await announce_all(postroom, refund.id))[-1]
    assert delay.event == "PAYMENT_DELAYED"
    await messages.send(postroom, delay.id)
    assert postroom.texts == []
    due = alarms[-1].run_at
    assert due is not None
    assert due > clock.now() + timedelta(hours=23)
    with clock.fixed(lambda: due):
        await Refund.filter(id=refund.id).update(status=RefundStatus.REFUNDED)
        await messages.send(postroom, delay.id)
        await delay.refresh_from_db()
        assert (delay.status, delay.code) == (MessageStatus.SUPERSEDED, "OVERTAKEN")
        assert postroom.texts == []
        await Message.filter(id=delay.id).update(status=MessageStatus.QUEUED)
        await Refund.filter(id=refund.id).update(status=RefundStatus.PAYMENT_STUCK)
        await messages.send(postroom, delay.id)
    [(_, text)] = postroom.texts
    assert text.startswith("很抱歉，您的退款 ¥89.00 因支付渠道原因稍有延迟")


# --- dead letters -----------------------------------------------------------------------------

RESEND = """mutation R($id: ID!) { result: messageResend(id: $id) { __typename
    ... on Message { status tries resends failureCode } ... on Problem { code message path } } }"""


async def resend(by: Any, message: Message) -> dict[str, Any]:
    answer = await by(RESEND, id=ids.encode("Message", message.id))
    result: dict[str, Any] = answer["result"]
    return result


async def test_staff_send_a_dead_letter_again(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox")
    postroom.answer = always(Refused("mailbox full"))
    await messages.send(postroom, message.id)
    # What staff send by hand is not judged by where the refund stands.
    await Refund.filter(id=message.refund_id).update(status=RefundStatus.REJECTED)
    assert await resend(world.agent, message) == {
        "__typename": "Message",
        "status": "QUEUED",
        "tries": 0,
        "resends": 1,
        "failureCode": None,
    }
    assert alarms[-1].subject == str(message.id)
    postroom.answer = lambda name, message: None
    await messages.send(postroom, message.id)
    assert [sent.id for sent in postroom.sent["letterbox"]] == [str(message.id)]
    again = await resend(world.agent, message)
    assert (again["__typename"], again["path"]) == ("InvalidInput", ["input", "id"])
    assert again["message"] == "id is SENT; expected: a message that is DEAD"
    assert len(postroom.texts) == 1


async def test_somebody_reached_at_last(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox")
    await Customer.filter(id=message.customer_id).update(email="", phone="")
    await messages.send(postroom, message.id)
    await message.refresh_from_db()
    assert (message.status, message.code) == (MessageStatus.DEAD, "NO_ADDRESS")
    await Customer.filter(id=message.customer_id).update(email="new@shop.example")
    await resend(world.owner, message)
    await messages.send(postroom, message.id)
    assert [sent.address for sent in postroom.sent["letterbox"]] == ["new@shop.example"]


async def test_another_shops_dead_letter_is_not_found(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox")
    postroom.answer = always(Refused())
    await messages.send(postroom, message.id)
    other = await make_world(world.api, world.settings)
    assert (await resend(other.owner, message))["__typename"] == "NotFound"
    for role in (Role.FINANCE, Role.ANALYST, Role.CUSTOMER):
        [error] = await world.as_(role).errors(RESEND, id=ids.encode("Message", message.id))
        assert error["extensions"]["code"] == "FORBIDDEN"
    await message.refresh_from_db()
    assert message.status is MessageStatus.DEAD


async def test_a_refund_shows_what_its_customer_was_told(
    world: World, postroom: Postroom, alarms: list[Alarm]
) -> None:
    message = await queued(world, postroom, "letterbox")
    await messages.send(postroom, message.id)
    query = """query R($id: ID!) { refund(id: $id) { messages {
        kind kindText channel status text sentAt customer { name } } } }"""
    assert message.refund_id is not None
    refund = (await world.agent(query, id=ids.encode("Refund", message.refund_id)))["refund"]
    await message.refresh_from_db()
    assert message.sent_at is not None
    assert refund["messages"] == [
        {
            "kind": "REQUEST_RECEIVED",
            "kindText": "Request received",
            "channel": "letterbox",
            "status": "SENT",
            "text": message.text,
            "sentAt": message.sent_at.isoformat(),
            "customer": {"name": "王小明"},
        }
    ]


# --- nothing is forgotten ---------------------------------------------------------------------


async def test_the_sweep_finds_what_waits(
    world: World, postroom: Postroom, alarms: list[Alarm], database_url: str
) -> None:
    message = await queued(world, postroom, "letterbox")
    connection = await asyncpg.connect(database_url)

    async def found() -> list[tuple[str, str]]:
        rows = await connection.fetch(messages.MISSING)
        return [(row["kind"], row["key"]) for row in rows if row["subject"] == message.id]

    try:
        assert await found() == [("message", f"message:{message.id}:missing")]
        await messages.send(postroom, message.id)
        assert await found() == []
    finally:
        await connection.close()
