"""Webhooks to the shop's own systems: signed, at least once, for three days, and nothing leaks."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError
from structlog.testing import capture_logs
from support.api import Api
from support.refusals import Answer, mutate, not_found
from support.snapshot import snapshot
from support.world import World, make_world

from refund_gql import __version__, app, clock, database, errors, ids, labels, vault
from refund_gql.app import Engine
from refund_gql.auth import Viewer
from refund_gql.choices import DeliveryStatus
from refund_gql.events import GENESIS, EventType
from refund_gql.models import Event, Order, Refund, Shop, WebhookDelivery, WebhookEndpoint, new_id
from refund_gql.outbox import deliveries, endpoints, sending, signing
from refund_gql.outbox.deliveries import Failure
from refund_gql.outbox.endpoints import EndpointFacts, Issued
from refund_gql.outbox.guard import Guard
from refund_gql.outbox.sending import CALLS_PER_SHOP, WAITS, Sender
from refund_gql.roles import Role
from refund_gql.settings import Settings
from refund_gql.states import RefundKind, RefundStatus

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} X", "content-length: 0", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


# --- the shop's own system --------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    line: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """A real HTTP server on this machine."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    """What to answer next; then 204."""
    pause: asyncio.Event | None = None
    """Set before each answer, if there is one."""
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    endless: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.split("\r\n")
        headers = dict(entry.split(": ", 1) for entry in lines if entry)
        body = await reader.readexactly(int(headers["Content-Length"]))
        self.heard.append(Heard(line, headers, body))
        self.arrived.release()
        if self.pause is not None:
            await self.pause.wait()
        try:
            await self._answer(writer)
        except ConnectionError:
            pass  # the engine has heard enough
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self.answers.pop(0) if self.answers else NO_CONTENT)
        await writer.drain()
        while self.endless:
            writer.write(b"x" * 100_000)
            await writer.drain()


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks?key=path-canary"
    async with server:
        yield receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with listening() as made:
        yield made


# --- the engine's side ------------------------------------------------------------------------


@dataclass(frozen=True)
class Alarm:
    delivery_id: UUID
    at: datetime


@pytest.fixture(autouse=True)
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[Alarm]:
    """What was set. The jobs are written a day late, so that no worker takes them meanwhile."""
    found: list[Alarm] = []
    original = deliveries.set_alarm

    async def record(tx: database.Transaction, delivery_id: UUID, at: datetime) -> None:
        found.append(Alarm(delivery_id, at))
        await original(tx, delivery_id, at + timedelta(days=1))

    monkeypatch.setattr(deliveries, "set_alarm", record)
    return found


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time stands still, without jitter."""
    monkeypatch.setattr(sending, "JITTER", 0.0)
    moment = datetime.now(UTC)
    with clock.fixed(lambda: moment):
        yield moment


@pytest.fixture(scope="session")
def keeping(settings: Settings) -> Settings:
    """Settings with a key for secrets, for a machine of one's own."""
    return settings.model_copy(
        update={"secret_keys": SecretStr(vault.new_key()), "webhook_private_networks": True}
    )


@pytest.fixture
def sender(keeping: Settings) -> Sender:
    return sending.of(keeping)


@pytest.fixture
async def shop(make_shop: Callable[..., Awaitable[Shop]]) -> Shop:
    return await make_shop()


@pytest.fixture
async def door(engine: Engine, keeping: Settings) -> AsyncIterator[World]:
    """A shop behind an API with those settings."""
    transport = httpx2.ASGITransport(app=app.create_app(replace(engine, settings=keeping)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield await make_world(Api(client), keeping)


def owner_of(shop: Shop) -> Viewer:
    return Viewer(shop_id=shop.id, role=Role.OWNER)


async def endpoint_of(
    shop: Shop, keeping: Settings, receiver: Receiver, *events: EventType
) -> Issued:
    facts = EndpointFacts(url=receiver.url, events=events)
    return await endpoints.create(owner_of(shop), keeping, facts)


async def refund_of(shop: Shop, order: Order | None = None) -> Refund:
    """A row alone, so that nothing but the test speaks of it."""
    return await Refund.create(
        shop_id=shop.id,
        order_id=order.id if order else None,
        number=f"R-{uuid4().hex[:8]}",
        kind=RefundKind.REFUND_ONLY,
        status=RefundStatus.REFUNDED,
        version=3,
        currency="CNY",
        goods_amount=8900,
        amount=8900,
        requested_by="CUSTOMER:-",
        note="free-text-canary",
        imported=order is None,
        requested_at=clock.now(),
        updated_at=clock.now(),
        head=GENESIS,
    )


def event(
    refund: Refund,
    version: int = 3,
    type: EventType = EventType.REFUNDED,
    at: datetime | None = None,
) -> Event:
    return Event(
        shop_id=refund.shop_id,
        refund_id=refund.id,
        version=version,
        type=type,
        status=refund.status,
        payload={"code": "payload-canary"},
        actor="STAFF:-",
        actor_name="name-canary",
        at=at or clock.now(),
        hash=GENESIS,
    )


async def enqueue(refund: Refund, *events: Event) -> None:
    await database.transaction(lambda tx: deliveries.enqueue(tx, refund, events))


async def delivery_to(shop: Shop) -> WebhookDelivery:
    """One delivery of one event to the shop's endpoint."""
    refund = await refund_of(shop)
    await enqueue(refund, event(refund))
    return await WebhookDelivery.get(refund_id=refund.id)


async def fresh(delivery: WebhookDelivery) -> WebhookDelivery:
    return await WebhookDelivery.get(id=delivery.id)


async def make_due(delivery: WebhookDelivery) -> None:
    await WebhookDelivery.filter(id=delivery.id).update(next_try_at=clock.now())


def verified(heard: Heard, secret: str) -> Answer:
    """The content, if the library of the standard finds the signature good."""
    content: Answer = Webhook(secret).verify(heard.body, dict(heard.headers))
    return content


# --- what is sent to whom ---------------------------------------------------------------------


async def test_an_event_goes_to_every_endpoint_that_wants_it(
    shop: Shop, keeping: Settings, receiver: Receiver, alarms: list[Alarm], now: datetime
) -> None:
    everything = await endpoint_of(shop, keeping, receiver)
    some = await endpoint_of(shop, keeping, receiver, EventType.REFUNDED, EventType.REJECTED)
    await endpoint_of(shop, keeping, receiver, EventType.CANCELLED)
    deaf = await endpoint_of(shop, keeping, receiver)
    await endpoints.disable(owner_of(shop), deaf.endpoint_id)
    refund = await refund_of(shop)
    before = event(refund, 1, EventType.REQUESTED, at=now - timedelta(microseconds=1))
    events = (before, event(refund, 2, EventType.PAYMENT_STARTED), event(refund, 3))

    await enqueue(refund, *events)

    found = await WebhookDelivery.filter(shop_id=shop.id).order_by("version", "created_at", "id")
    assert {(row.endpoint_id, row.type, row.version, row.status, row.tries) for row in found} == {
        (everything.endpoint_id, "refund.payment_started", 2, DeliveryStatus.QUEUED, 0),
        (everything.endpoint_id, "refund.refunded", 3, DeliveryStatus.QUEUED, 0),
        (some.endpoint_id, "refund.refunded", 3, DeliveryStatus.QUEUED, 0),
    }
    assert {alarm.delivery_id for alarm in alarms} == {row.id for row in found}
    assert {alarm.at for alarm in alarms} == {now}

    await enqueue(refund, *events)
    assert await WebhookDelivery.filter(shop_id=shop.id).count() == len(alarms) == 3


async def test_other_shops_and_imported_history_are_not_sent(
    shop: Shop,
    make_shop: Callable[..., Awaitable[Shop]],
    keeping: Settings,
    receiver: Receiver,
    alarms: list[Alarm],
) -> None:
    await endpoint_of(shop, keeping, receiver)
    foreign, own = await refund_of(await make_shop()), await refund_of(shop)
    await enqueue(foreign, event(foreign))
    await enqueue(own, event(own, 1, EventType.IMPORTED))
    assert await WebhookDelivery.filter(shop_id__in=[shop.id, foreign.shop_id]).count() == 0
    assert alarms == []


async def test_delivery_and_job_exist_together_or_not_at_all(
    shop: Shop, keeping: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real alarm, in a transaction that no worker sees
    await endpoint_of(shop, keeping, receiver)
    refund = await refund_of(shop)
    jobs: list[Any] = []

    async def work(tx: database.Transaction) -> None:
        await deliveries.enqueue(tx, refund, [event(refund)])
        jobs.extend(await tx.execute_query_dict(
            "select job.entrypoint, job.dedupe_key, job.payload = convert_to(d.id::text, 'UTF8')"
            " as by_id, d.id, d.next_try_at from pgqueuer job, webhook_delivery d"
            " where d.refund_id = $1 and job.dedupe_key like 'deliver:' || d.id || ':%'",
            [refund.id],
        ))  # fmt: skip
        raise RuntimeError("roll back")

    with pytest.raises(RuntimeError):
        await database.transaction(work)
    [job] = jobs
    due = job["next_try_at"].astimezone(UTC).isoformat()
    assert (job["entrypoint"], job["by_id"]) == ("deliver", True)
    assert job["dedupe_key"] == f"deliver:{job['id']}:{due}"
    assert await WebhookDelivery.filter(shop_id=shop.id).count() == 0
    pattern = f"deliver:{job['id']}:%"
    assert await database.fetch("select from pgqueuer where dedupe_key like $1", pattern) == []


async def test_a_delivery_without_a_job_is_missed(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    await endpoint_of(shop, keeping, receiver)
    waiting, done = await delivery_to(shop), await delivery_to(shop)
    await sender.deliver(done.id)
    due = {row["subject"]: row for row in await database.fetch(deliveries.MISSING)}
    assert (due[waiting.id]["kind"], done.id in due) == ("deliver", False)


# --- one delivery -----------------------------------------------------------------------------


async def test_the_content_is_thin(
    door: World, keeping: Settings, receiver: Receiver, sender: Sender, now: datetime
) -> None:
    """Exactly this, and nothing about a person."""
    order = await Order.get(id=ids.row_id((await door.order())["id"], "Order"))
    issued = await endpoint_of(door.shop, keeping, receiver)
    refund = await refund_of(door.shop, order)
    await enqueue(refund, event(refund))
    await sender.deliver((await WebhookDelivery.get(refund_id=refund.id)).id)
    [heard] = receiver.heard
    assert verified(heard, issued.secret) == {
        "type": "refund.refunded",
        "timestamp": now.isoformat(),
        "data": {
            "id": ids.encode("Refund", refund.id),
            "number": refund.number,
            "version": 3,
            "status": "REFUNDED",
            "orderNumber": order.number,
            "amount": {"amount": 8900, "currency": "CNY"},
            "occurredAt": now.isoformat(),
        },
    }
    assert b"canary" not in heard.body
    assert len(heard.body) < 20_000


async def test_a_delivery_is_signed_and_recorded(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender, now: datetime
) -> None:
    issued = await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    await sender.deliver(delivery.id)
    [heard] = receiver.heard
    host = receiver.url.split("/")[2]
    signature = Webhook(issued.secret).sign(str(delivery.id), now, heard.body.decode())
    assert heard.line == "POST /hooks?key=path-canary HTTP/1.1"
    assert heard.headers == {
        "Host": host,
        "content-type": "application/json",
        "user-agent": f"refund_gql/{__version__}",
        "webhook-id": str(delivery.id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        "Content-Length": str(len(heard.body)),
    }
    assert verified(heard, issued.secret)["type"] == "refund.refunded"
    after = await fresh(delivery)
    assert (after.status, after.tries, after.response_status) == (DeliveryStatus.DELIVERED, 1, 204)
    assert (after.error, after.next_try_at, after.delivered_at) == (None, None, now)
    await sender.deliver(delivery.id)
    assert len(receiver.heard) == 1


CHANGES: Mapping[str, Callable[[Heard], Heard]] = {
    "body": lambda heard: replace(heard, body=heard.body.replace(b"8900", b"1")),
    "id": lambda heard: replace(heard, headers={**heard.headers, "webhook-id": str(uuid4())}),
    "time": lambda heard: replace(
        heard,
        headers={
            **heard.headers,
            "webhook-timestamp": str(int(heard.headers["webhook-timestamp"]) + 1),
        },
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_is_changed_on_the_way_is_not_verified(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    change: Callable[[Heard], Heard],
) -> None:
    issued = await endpoint_of(shop, keeping, receiver)
    await sender.deliver((await delivery_to(shop)).id)
    [heard] = receiver.heard
    with pytest.raises(WebhookVerificationError):
        verified(change(heard), issued.secret)
    with pytest.raises(WebhookVerificationError):
        verified(heard, signing.new_secret())


async def test_a_retry_is_the_same_to_the_byte(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender, now: datetime
) -> None:
    """Although the refund has moved on; only the time of the try and its signature differ."""
    issued = await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    receiver.answers = [status(500)]
    await sender.deliver(delivery.id)
    await Refund.filter(id=delivery.refund_id).update(status=RefundStatus.PAYMENT_STUCK, version=9)
    with clock.fixed(lambda: now + timedelta(seconds=61)):
        await sender.deliver(delivery.id)
    first, second = receiver.heard
    assert (second.body, second.headers["webhook-id"]) == (first.body, str(delivery.id))
    times = [int(heard.headers["webhook-timestamp"]) for heard in receiver.heard]
    assert times[1] - times[0] == 61
    assert verified(first, issued.secret) == verified(second, issued.secret)
    changed = {name for name in first.headers if first.headers[name] != second.headers[name]}
    assert changed == {"webhook-timestamp", "webhook-signature"}
    assert (await fresh(delivery)).status is DeliveryStatus.DELIVERED


async def test_both_secrets_sign_for_a_day(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender, now: datetime
) -> None:
    old = await endpoint_of(shop, keeping, receiver)
    new = await endpoints.rotate_secret(owner_of(shop), keeping, old.endpoint_id)
    await sender.deliver((await delivery_to(shop)).id)
    [heard] = receiver.heard
    assert len(heard.headers["webhook-signature"].split(" ")) == 2
    assert verified(heard, old.secret) == verified(heard, new.secret)

    endpoint = await WebhookEndpoint.get(id=old.endpoint_id)
    keeper, sent_id = vault.of(keeping), new_id()
    for passed, signers in ((timedelta(hours=24) - timedelta(microseconds=1), [new, old]),
                            (timedelta(hours=24), [new])):  # fmt: skip
        at = now + passed
        sent = signing.headers(keeper, endpoint, id=sent_id, at=at, body="{}")
        expected = [Webhook(signer.secret).sign(str(sent_id), at, "{}") for signer in signers]
        assert sent["webhook-signature"].split(" ") == expected

    newest = await endpoints.rotate_secret(owner_of(shop), keeping, old.endpoint_id)
    await sender.deliver((await delivery_to(shop)).id)
    assert verified(receiver.heard[-1], newest.secret) == verified(receiver.heard[-1], new.secret)
    with pytest.raises(WebhookVerificationError):
        verified(receiver.heard[-1], old.secret)


# --- failures ---------------------------------------------------------------------------------


async def test_three_days_of_tries(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    alarms: list[Alarm],
    now: datetime,
) -> None:
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    alarms.clear()
    receiver.answers = [status(500) for _ in range(10)]
    for number, wait in enumerate(WAITS, start=1):
        await sender.deliver(delivery.id)
        after = await fresh(delivery)
        assert (after.status, after.tries) == (DeliveryStatus.QUEUED, number)
        assert (after.response_status, after.error) == (500, "BAD_STATUS")
        assert after.next_try_at == now + wait
        assert alarms.pop() == Alarm(delivery.id, now + wait)
        await make_due(delivery)
    assert sum(WAITS, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    await sender.deliver(delivery.id)
    after = await fresh(delivery)
    assert (after.status, after.tries, after.next_try_at) == (DeliveryStatus.DEAD, 10, None)
    assert (after.response_status, after.error) == (500, "BAD_STATUS")
    assert alarms == []
    await sender.deliver(delivery.id)
    assert len(receiver.heard) == 10


async def test_waits_are_spread(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "JITTER", 0.1)
    await endpoint_of(shop, keeping, receiver)
    waiting = [await delivery_to(shop) for _ in range(5)]
    receiver.answers = [status(500) for _ in waiting]
    for delivery in waiting:
        await sender.deliver(delivery.id)
    due = {(await fresh(delivery)).next_try_at for delivery in waiting}
    assert len(due) > 1
    assert all(at and WAITS[0] <= at - now <= WAITS[0] * 1.1 for at in due)


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (status(429, "retry-after: 60"), timedelta(seconds=60)),
        (status(503, "retry-after: 7200"), timedelta(hours=2)),
        (status(503, "retry-after: 1"), WAITS[0]),
        (status(429, "retry-after: 999999999999999"), timedelta(hours=24)),
        (status(429, "retry-after: -5"), WAITS[0]),
        (status(429, "retry-after: soon"), WAITS[0]),
        (status(429, "retry-after: ٣"), WAITS[0]),
        (status(503, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT"), WAITS[0]),
        (status(503, "retry-after: Fri, 31 Dec 9999 23:59:59 GMT"), timedelta(hours=24)),
        (status(500, "retry-after: 7200"), WAITS[0]),
        (status(429), WAITS[0]),
    ],
)
async def test_retry_after_is_respected_within_limits(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    now: datetime,
    answer: bytes,
    wait: timedelta,
) -> None:
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    receiver.answers = [answer]
    await sender.deliver(delivery.id)
    assert (await fresh(delivery)).next_try_at == now + wait


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (status(100), "UNREACHABLE", None),
        (status(400), "BAD_STATUS", 400),
        (status(404), "BAD_STATUS", 404),
        (status(599), "BAD_STATUS", 599),
        (status(304), "REDIRECTED", 304),
        (b"", "UNREACHABLE", None),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "UNREACHABLE", None),
        (b"HTTP/1.1 204 No", "UNREACHABLE", None),
    ],
)
async def test_anything_but_2xx_is_tried_again(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    answer: bytes,
    error: str,
    code: int | None,
) -> None:
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    receiver.answers = [answer]
    await sender.deliver(delivery.id)
    after = await fresh(delivery)
    assert (after.status, after.error, after.response_status) == (
        DeliveryStatus.QUEUED,
        error,
        code,
    )
    await make_due(delivery)
    await sender.deliver(delivery.id)
    assert (await fresh(delivery)).status is DeliveryStatus.DELIVERED


async def test_a_redirect_is_refused(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    async with listening() as inside:
        await endpoint_of(shop, keeping, receiver)
        delivery = await delivery_to(shop)
        receiver.answers = [status(307, f"location: {inside.url}")]
        await sender.deliver(delivery.id)
        after = await fresh(delivery)
        assert (after.error, after.response_status) == ("REDIRECTED", 307)
        assert (len(receiver.heard), inside.heard) == (1, [])


async def test_a_slow_answer_is_not_waited_for(
    shop: Shop, keeping: Settings, receiver: Receiver
) -> None:
    impatient = Sender(vault=vault.of(keeping), guard=Guard(private_networks=True, seconds=0.1))
    receiver.pause = asyncio.Event()
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    await impatient.deliver(delivery.id)
    after = await fresh(delivery)
    assert (after.status, after.error, after.response_status, len(receiver.heard)) == (
        DeliveryStatus.QUEUED,
        "TIMED_OUT",
        None,
        1,
    )
    receiver.pause.set()


async def test_an_endless_answer_is_cut_off(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    receiver.answers, receiver.endless = [b"HTTP/1.1 200 OK\r\n\r\n"], True
    await sender.deliver(delivery.id)
    after = await fresh(delivery)
    assert (after.status, after.response_status) == (DeliveryStatus.DELIVERED, 200)


async def test_a_closed_port_and_a_private_address(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    """The second as it is without the opt-out: the URL was stored while it was allowed."""
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    strict = Sender(vault=vault.of(keeping), guard=Guard())
    await strict.deliver(delivery.id)
    assert ((await fresh(delivery)).error, receiver.heard) == ("FORBIDDEN_URL", [])
    await WebhookEndpoint.filter(id=delivery.endpoint_id).update(url="http://127.0.0.1:1/")
    await make_due(delivery)
    await sender.deliver(delivery.id)
    assert (await fresh(delivery)).error == "UNREACHABLE"


async def test_a_secret_that_cannot_be_opened_is_tried_again(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    other = keeping.model_copy(update={"secret_keys": SecretStr(vault.new_key())})
    await sending.of(other).deliver(delivery.id)
    after = await fresh(delivery)
    assert (after.status, after.error) == (DeliveryStatus.QUEUED, "SECRET_UNREADABLE")
    assert receiver.heard == []
    await make_due(delivery)
    await sender.deliver(delivery.id)
    assert (await fresh(delivery)).status is DeliveryStatus.DELIVERED


async def test_gone_disables_the_endpoint(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    alarms: list[Alarm],
    now: datetime,
) -> None:
    issued = await endpoint_of(shop, keeping, receiver)
    first, second = await delivery_to(shop), await delivery_to(shop)
    alarms.clear()
    receiver.answers = [status(410)]
    await sender.deliver(first.id)
    endpoint = await WebhookEndpoint.get(id=issued.endpoint_id)
    assert (endpoint.disabled_at, endpoint.disabled_reason) == (now, "GONE")
    dead = [await fresh(first), await fresh(second)]
    assert [row.status for row in dead] == [DeliveryStatus.DEAD] * 2
    assert [row.error for row in dead] == ["GONE", "ENDPOINT_DISABLED"]
    assert [row.next_try_at for row in dead] == [None, None]
    for delivery in (first, second):
        await sender.deliver(delivery.id)
    assert (len(receiver.heard), alarms) == (1, [])


async def test_a_url_that_is_gone_does_not_disable_the_one_after_it(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    """The owner gave the endpoint another URL while the old one was being called."""
    issued = await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    receiver.answers, receiver.pause = [status(410)], asyncio.Event()
    call = asyncio.create_task(sender.deliver(delivery.id))
    await receiver.arrived.acquire()
    async with listening() as moved:
        facts = EndpointFacts(url=moved.url)
        await endpoints.update(owner_of(shop), keeping, issued.endpoint_id, facts)
        receiver.pause.set()
        await call
        after = await fresh(delivery)
        assert (after.status, after.error) == (DeliveryStatus.QUEUED, "GONE")
        assert (await WebhookEndpoint.get(id=issued.endpoint_id)).disabled_at is None
        await make_due(delivery)
        await sender.deliver(delivery.id)
        assert len(moved.heard) == 1


# --- several at once, and crashes -------------------------------------------------------------


class Crash(Guard):
    """Dies after the call and before anything is recorded."""

    async def post(self, text: str, *, headers: Mapping[str, str], content: bytes) -> Any:
        await super().post(text, headers=headers, content=content)
        raise asyncio.CancelledError


async def test_a_crash_after_the_call_repeats_the_same_id(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    crashing = Sender(vault=vault.of(keeping), guard=Crash(private_networks=True))
    with pytest.raises(asyncio.CancelledError):
        await crashing.deliver(delivery.id)
    assert (await fresh(delivery)).status is DeliveryStatus.QUEUED
    await sender.deliver(delivery.id)
    after = await fresh(delivery)
    assert (after.status, after.tries) == (DeliveryStatus.DELIVERED, 2)
    first, second = receiver.heard
    assert (first.body, first.headers["webhook-id"]) == (second.body, str(delivery.id))


async def test_an_alarm_that_was_overtaken_does_nothing(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    alarms: list[Alarm],
    now: datetime,
) -> None:
    """It only makes sure that the right one exists."""
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    later = now + timedelta(hours=1)
    await WebhookDelivery.filter(id=delivery.id).update(next_try_at=later)
    alarms.clear()
    await sender.deliver(delivery.id)
    after = await fresh(delivery)
    assert (after.tries, after.next_try_at, receiver.heard) == (0, later, [])
    assert alarms == [Alarm(delivery.id, later)]
    with clock.fixed(lambda: later - timedelta(seconds=30)):  # another machine's clock
        await sender.deliver(delivery.id)
    assert len(receiver.heard) == 1


async def test_a_late_failure_does_not_undo_a_success(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    """Two workers at once; the one that began first hears 500 last."""
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    receiver.answers, receiver.pause = [status(500)], asyncio.Event()
    slow = asyncio.create_task(sender.deliver(delivery.id))
    await receiver.arrived.acquire()
    async with listening() as elsewhere:
        await WebhookEndpoint.filter(id=delivery.endpoint_id).update(url=elsewhere.url)
        await sender.deliver(delivery.id)
    receiver.pause.set()
    await slow
    after = await fresh(delivery)
    assert (after.status, after.response_status, after.error) == (
        DeliveryStatus.DELIVERED,
        204,
        None,
    )


async def test_of_two_failures_the_newer_sets_the_alarm(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    alarms: list[Alarm],
    now: datetime,
) -> None:
    await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    receiver.answers, receiver.pause = [status(500)], asyncio.Event()
    slow = asyncio.create_task(sender.deliver(delivery.id))
    await receiver.arrived.acquire()
    alarms.clear()
    async with listening() as elsewhere:
        elsewhere.answers = [status(404)]
        await WebhookEndpoint.filter(id=delivery.endpoint_id).update(url=elsewhere.url)
        await sender.deliver(delivery.id)
    receiver.pause.set()
    await slow
    after = await fresh(delivery)
    assert (after.status, after.tries, after.response_status) == (DeliveryStatus.QUEUED, 2, 404)
    assert alarms == [Alarm(delivery.id, now + WAITS[1])]


@pytest.mark.parametrize(
    ("answer", "end", "error"),
    [
        (NO_CONTENT, DeliveryStatus.DELIVERED, None),
        (status(500), DeliveryStatus.DEAD, "ENDPOINT_DISABLED"),
    ],
)
async def test_an_endpoint_is_disabled_during_a_call(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    answer: bytes,
    end: DeliveryStatus,
    error: str | None,
) -> None:
    """What was delivered was delivered; what was not stays dead."""
    issued = await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    receiver.answers, receiver.pause = [answer], asyncio.Event()
    call = asyncio.create_task(sender.deliver(delivery.id))
    await receiver.arrived.acquire()
    await endpoints.disable(owner_of(shop), issued.endpoint_id)
    receiver.pause.set()
    await call
    after = await fresh(delivery)
    assert (after.status, after.error, after.next_try_at) == (end, error, None)


async def test_a_slow_shop_does_not_take_every_worker(
    shop: Shop,
    keeping: Settings,
    receiver: Receiver,
    sender: Sender,
    alarms: list[Alarm],
    now: datetime,
) -> None:
    await endpoint_of(shop, keeping, receiver)
    many = [await delivery_to(shop) for _ in range(CALLS_PER_SHOP + 1)]
    receiver.pause = asyncio.Event()
    calls = [asyncio.create_task(sender.deliver(one.id)) for one in many[:-1]]
    for _ in calls:
        await receiver.arrived.acquire()
    alarms.clear()
    await sender.deliver(many[-1].id)
    after = await fresh(many[-1])
    assert (after.status, after.tries, len(receiver.heard)) == (DeliveryStatus.QUEUED, 0, 5)
    assert alarms == [Alarm(after.id, now + timedelta(seconds=10))]
    receiver.pause.set()
    await asyncio.gather(*calls)
    await sender.deliver(many[-1].id)
    assert len(receiver.heard) == CALLS_PER_SHOP + 1


async def test_a_delivery_that_does_not_exist_is_nothing(sender: Sender, engine: Engine) -> None:
    await sender.deliver(uuid4())


# --- through the API --------------------------------------------------------------------------

SECRET = "... on WebhookEndpointSecret { secret endpoint { id url events disabledAt } }"
ENDPOINT = "... on WebhookEndpoint { id url description events disabledAt disabledReason }"
DELIVERY = "... on WebhookDelivery { id webhookId status tries error errorText nextTryAt }"
TEST = "... on WebhookTest { delivered responseStatus error errorText }"
LIST = """query L($filter: WebhookDeliveryFilter, $first: Int! = 20, $after: String) {
  webhookEndpoints { id url description events previousSecretUntil disabledAt disabledReason
    createdAt }
  webhookDeliveries(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id webhookId type version payload status tries responseStatus error errorText
      createdAt nextTryAt deliveredAt endpoint { id } refund { number } } } } }"""


async def create(by: Api, url: str, **content: Any) -> Answer:
    made = await mutate(by, "webhookEndpointCreate", {"url": url, **content}, SECRET)
    assert made["__typename"] == "WebhookEndpointSecret", made
    return made


async def test_an_endpoint_from_beginning_to_end(
    door: World, receiver: Receiver, sender: Sender, now: datetime
) -> None:
    made = await create(
        door.owner, receiver.url, description=" ERP ", events=["REJECTED", "REFUNDED", "REFUNDED"]
    )
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["secret"])
    endpoint = made["endpoint"]["id"]
    delivery = await delivery_to(door.shop)
    receiver.answers = [status(503)]
    await sender.deliver(delivery.id)

    shown = await door.owner(LIST)
    assert shown["webhookEndpoints"] == [
        {
            "id": endpoint,
            "url": receiver.url,
            "description": "ERP",
            "events": ["REFUNDED", "REJECTED"],
            "previousSecretUntil": None,
            "disabledAt": None,
            "disabledReason": None,
            "createdAt": now.isoformat(),
        }
    ]
    [edge] = shown["webhookDeliveries"]["edges"]
    refund = await Refund.get(id=delivery.refund_id)
    assert edge["node"] == {
        "id": ids.encode("WebhookDelivery", delivery.id),
        "webhookId": str(delivery.id),
        "type": "refund.refunded",
        "version": 3,
        "payload": json.loads(receiver.heard[0].body),
        "status": "QUEUED",
        "tries": 1,
        "responseStatus": 503,
        "error": "BAD_STATUS",
        "errorText": "Answered with a status other than 2xx",
        "createdAt": now.isoformat(),
        "nextTryAt": (now + WAITS[0]).isoformat(),
        "deliveredAt": None,
        "endpoint": {"id": endpoint},
        "refund": {"number": refund.number},
    }

    nothing = {"id": endpoint, "input": {"description": "", "events": []}}
    changed = await mutate(door.owner, "webhookEndpointUpdate", nothing, ENDPOINT)
    assert (changed["url"], changed["description"], changed["events"]) == (receiver.url, "", [])
    disabled = await mutate(door.owner, "webhookEndpointDisable", {"id": endpoint}, ENDPOINT)
    assert (disabled["disabledAt"], disabled["disabledReason"]) == (now.isoformat(), "BY_STAFF")
    assert (await fresh(delivery)).error == "ENDPOINT_DISABLED"
    enabled = await mutate(door.owner, "webhookEndpointEnable", {"id": endpoint}, ENDPOINT)
    assert (enabled["disabledAt"], enabled["disabledReason"]) == (None, None)


async def test_deliveries_are_filtered_and_paged(
    door: World, receiver: Receiver, sender: Sender
) -> None:
    first = await create(door.owner, receiver.url)
    mine = [await delivery_to(door.shop) for _ in range(2)]
    await mutate(door.owner, "webhookEndpointDisable", {"id": first["endpoint"]["id"]})
    second = await create(door.owner, receiver.url)
    last = await delivery_to(door.shop)
    await sender.deliver(last.id)

    async def found(**filter: Any) -> list[str]:
        page = (await door.owner(LIST, filter=filter))["webhookDeliveries"]
        return [edge["node"]["webhookId"] for edge in page["edges"]]

    newest_first = sorted((str(row.id) for row in mine), reverse=True)
    assert await found() == [str(last.id), *newest_first]
    assert await found(endpointId=first["endpoint"]["id"]) == newest_first
    assert await found(status=["DEAD"]) == newest_first
    assert await found(endpointId=second["endpoint"]["id"], status=["DEAD"]) == []
    assert await found(endpointId="nothing") == []
    page = (await door.owner(LIST, first=2))["webhookDeliveries"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    rest = await door.owner(LIST, after=page["pageInfo"]["endCursor"])
    assert [edge["node"]["webhookId"] for edge in rest["webhookDeliveries"]["edges"]] == [
        newest_first[-1]
    ]


@pytest.mark.parametrize(
    ("tries", "answer", "end"),
    [
        (len(WAITS), status(500), DeliveryStatus.DEAD),
        (0, NO_CONTENT, DeliveryStatus.DELIVERED),
        (len(WAITS) - 1, status(500), DeliveryStatus.QUEUED),
    ],
)
async def test_redelivery_begins_again_under_the_same_id(
    door: World,
    receiver: Receiver,
    sender: Sender,
    alarms: list[Alarm],
    now: datetime,
    tries: int,
    answer: bytes,
    end: DeliveryStatus,
) -> None:
    """After three days, after a success that the receiver lost, and in the middle of waiting."""
    made = await create(door.owner, receiver.url)
    delivery = await delivery_to(door.shop)
    await WebhookDelivery.filter(id=delivery.id).update(tries=tries)
    receiver.answers = [answer, status(500)]
    await sender.deliver(delivery.id)
    assert (await fresh(delivery)).status is end
    alarms.clear()
    node = ids.encode("WebhookDelivery", delivery.id)
    again = await mutate(door.owner, "webhookDeliveryRedeliver", {"id": node}, DELIVERY)
    assert again == {
        "__typename": "WebhookDelivery",
        "id": node,
        "webhookId": str(delivery.id),
        "status": "QUEUED",
        "tries": 0,
        "error": None,
        "errorText": None,
        "nextTryAt": now.isoformat(),
    }
    assert alarms == [Alarm(delivery.id, now)]
    await sender.deliver(delivery.id)
    assert (await fresh(delivery)).next_try_at == now + WAITS[0]
    first, second = receiver.heard
    assert (second.body, second.headers["webhook-id"]) == (first.body, str(delivery.id))
    assert verified(second, made["secret"])


async def test_nothing_is_redelivered_to_a_disabled_endpoint(
    door: World, receiver: Receiver, alarms: list[Alarm]
) -> None:
    made = await create(door.owner, receiver.url)
    delivery = await delivery_to(door.shop)
    await mutate(door.owner, "webhookEndpointDisable", {"id": made["endpoint"]["id"]})
    alarms.clear()
    refusal = await mutate(
        door.owner, "webhookDeliveryRedeliver",
        {"id": ids.encode("WebhookDelivery", delivery.id)},
    )  # fmt: skip
    assert (refusal["code"], refusal["path"]) == ("INVALID_INPUT", ["input", "id"])
    assert ((await fresh(delivery)).status, alarms) == (DeliveryStatus.DEAD, [])


async def test_a_job_of_a_disabled_endpoint_ends(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    """The endpoint was disabled between the news and the first try."""
    issued = await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    await WebhookEndpoint.filter(id=issued.endpoint_id).update(disabled_at=clock.now())
    await sender.deliver(delivery.id)
    after = await fresh(delivery)
    assert (after.status, after.error) == (DeliveryStatus.DEAD, "ENDPOINT_DISABLED")
    assert receiver.heard == []


async def test_a_test_is_signed_and_leaves_nothing_behind(door: World, receiver: Receiver) -> None:
    made = await create(door.owner, receiver.url, events=["REJECTED"])
    asked = {"id": made["endpoint"]["id"]}
    before = await snapshot(door.shop.id)
    assert await mutate(door.owner, "webhookEndpointTest", asked, TEST) == {
        "__typename": "WebhookTest",
        "delivered": True,
        "responseStatus": 204,
        "error": None,
        "errorText": None,
    }
    [heard] = receiver.heard
    content = verified(heard, made["secret"])
    assert (content["type"], content["data"]) == ("ping", {})
    receiver.answers = [status(410)]
    assert await mutate(door.owner, "webhookEndpointTest", asked, TEST) == {
        "__typename": "WebhookTest",
        "delivered": False,
        "responseStatus": 410,
        "error": "GONE",
        "errorText": "Answered with 410: the endpoint has been disabled",
    }
    assert await snapshot(door.shop.id) == before


@pytest.mark.parametrize(
    ("url", "found", "en", "zh"),
    [
        ("ftp://hooks.example.com/", "ftp", "a URL that starts with https://",
         "以 https:// 开头的网址"),
        ("https://169.254.169.254/latest", "169.254.169.254", "a public address", "公网地址"),
        ("https://user:password-canary@hooks.example.com/", "...@",
         "no user name or password in it", "网址中不含用户名或密码"),
        ("", "''", "some text", "不能为空"),
        ("https://hooks.example.com/" + "x" * 500, "526 characters", "at most 500",
         "最多 500 个字符"),
    ],
)  # fmt: skip
async def test_a_url_that_is_never_called_is_not_stored(
    door: World, url: str, found: str, en: str, zh: str
) -> None:
    text = """mutation($url: String!) { webhookEndpointCreate(input: {url: $url}) {
      ... on InvalidInput { path found expected } } }"""
    before = await snapshot(door.shop.id)
    for language, expected in (("en", en), ("zh", zh)):
        response = await door.api.client.post(
            "/graphql",
            json={"query": text, "variables": {"url": url}},
            headers={
                "authorization": f"Bearer {door.owner.token}",
                "accept-language": language,
            },
        )
        assert "canary" not in response.text
        assert response.json()["data"]["webhookEndpointCreate"] == {
            "path": ["input", "url"], "found": found, "expected": expected,
        }  # fmt: skip
    assert await snapshot(door.shop.id) == before


async def test_without_the_opt_out_a_private_url_is_refused(
    door: World, engine: Engine, keeping: Settings, receiver: Receiver
) -> None:
    strict = keeping.model_copy(update={"webhook_private_networks": False})
    with pytest.raises(errors.InvalidInput) as refusal:
        await endpoint_of(door.shop, strict, receiver)
    assert refusal.value.data["found"] == "http"


async def test_ten_endpoints_are_enough(door: World, receiver: Receiver, keeping: Settings) -> None:
    """However many ask at once."""
    makers = [endpoint_of(door.shop, keeping, receiver) for _ in range(12)]
    results = await asyncio.gather(*makers, return_exceptions=True)
    assert sum(isinstance(result, Issued) for result in results) == 10
    refusal = await mutate(door.owner, "webhookEndpointCreate", {"url": receiver.url})
    assert refusal == {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "path": ["input", "endpoints"],
        "found": "11 entries",
    }
    assert await WebhookEndpoint.filter(shop_id=door.shop.id).count() == 10


async def test_imported_history_cannot_be_asked_for(door: World, receiver: Receiver) -> None:
    content = {"url": receiver.url, "events": ["REFUNDED", "IMPORTED"]}
    refusal = await mutate(door.owner, "webhookEndpointCreate", content)
    assert (refusal["path"], refusal["found"]) == (["input", "events"], "IMPORTED")


async def test_without_a_key_there_are_no_secrets(
    engine: Engine, settings: Settings, receiver: Receiver
) -> None:
    bare = settings.model_copy(
        update={"secret_keys": SecretStr(""), "webhook_private_networks": True}
    )
    transport = httpx2.ASGITransport(app=app.create_app(replace(engine, settings=bare)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        world = await make_world(Api(client), bare)
        refusal = await mutate(world.owner, "webhookEndpointCreate", {"url": receiver.url})
    assert refusal == {"__typename": "NoSecretKey", "code": "NO_SECRET_KEY", "path": []}
    assert await WebhookEndpoint.filter(shop_id=world.shop.id).count() == 0


# --- who sees it ------------------------------------------------------------------------------

ON_AN_ENDPOINT: Mapping[str, Answer] = {
    "webhookEndpointUpdate": {"input": {"url": "https://hooks.example.com/"}},
    "webhookEndpointRotateSecret": {},
    "webhookEndpointDisable": {},
    "webhookEndpointEnable": {},
    "webhookEndpointTest": {},
}


async def test_another_shops_webhooks_are_invisible(
    door: World, api: Api, settings: Settings, receiver: Receiver
) -> None:
    made = await create(door.owner, receiver.url)
    delivery = await delivery_to(door.shop)
    stranger = door.api.with_token((await make_world(api, settings)).owner.token)
    before = await snapshot(door.shop.id)
    for name, content in ON_AN_ENDPOINT.items():
        answer = await mutate(stranger, name, {"id": made["endpoint"]["id"], **content})
        assert answer == not_found("WebhookEndpoint"), name
    sent = ids.encode("WebhookDelivery", delivery.id)
    answer = await mutate(stranger, "webhookDeliveryRedeliver", {"id": sent})
    assert answer == not_found("WebhookDelivery")
    shown = await stranger(LIST)
    assert (shown["webhookEndpoints"], shown["webhookDeliveries"]["totalCount"]) == ([], 0)
    of_theirs = await stranger(LIST, filter={"endpointId": made["endpoint"]["id"]})
    assert of_theirs["webhookDeliveries"]["edges"] == []
    node = "query N($id: ID!) { node(id: $id) { id } }"
    for found in (made["endpoint"]["id"], sent):
        assert await stranger(node, id=found) == {"node": None}
        assert await door.customer(node, id=found) == {"node": None}
    assert (await snapshot(door.shop.id), receiver.heard) == (before, [])


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.OWNER, Role.SYSTEM)])
async def test_only_the_owner_may(door: World, receiver: Receiver, role: Role) -> None:
    by = door.as_(role)
    [error] = await by.errors(LIST)
    assert error["extensions"]["code"] == "FORBIDDEN"
    [error] = await by.errors(
        'mutation { webhookEndpointCreate(input: {url: "https://a.example/"}) { __typename } }'
    )
    assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
async def test_the_functions_ask_for_the_owner_too(
    shop: Shop, keeping: Settings, sender: Sender, role: Role
) -> None:
    viewer = Viewer(shop_id=shop.id, role=role)
    nobody, facts = uuid4(), EndpointFacts(url="https://hooks.example.com/")
    for call in (
        lambda: endpoints.create(viewer, keeping, facts),
        lambda: endpoints.update(viewer, keeping, nobody, facts),
        lambda: endpoints.rotate_secret(viewer, keeping, nobody),
        lambda: endpoints.disable(viewer, nobody),
        lambda: endpoints.enable(viewer, nobody),
        lambda: sender.ping(viewer, nobody),
        lambda: deliveries.redeliver(viewer, nobody),
    ):
        with pytest.raises(errors.NotAllowed):
            await call()


async def test_secrets_show_once_and_nowhere_else(
    door: World, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    with capture_logs() as lines:
        made = await create(door.owner, receiver.url)
        asked = {"id": made["endpoint"]["id"]}
        rotated = await mutate(door.owner, "webhookEndpointRotateSecret", asked, SECRET)
        delivery = await delivery_to(door.shop)
        receiver.answers = [status(500), status(410)]
        for _ in range(2):
            await sender.deliver(delivery.id)
            await make_due(delivery)
        shown = [
            await door.owner(LIST),
            await mutate(door.owner, "webhookEndpointTest", asked, TEST),
        ]
    assert [line["failure"] for line in lines if "failure" in line] == ["BAD_STATUS", "GONE"]
    issued = await endpoint_of(door.shop, keeping, receiver)
    rows = [await snapshot(door.shop.id), await database.fetch("select * from pgqueuer")]
    heard = [(one.headers, one.body) for one in receiver.heard]
    everywhere = f"{lines} {shown} {rows} {heard} {issued!r} {sender!r} {keeping!r}"
    for secret in (made["secret"], rotated["secret"], issued.secret):
        plain = secret.removeprefix("whsec_")
        assert len(plain) == 44
        assert plain not in everywhere
    assert "path-canary" not in f"{lines}"
    fields = '{ __type(name: "WebhookEndpoint") { fields { name } } }'
    names = {entry["name"] for entry in (await door.owner(fields))["__type"]["fields"]}
    assert names.isdisjoint({"secret", "previousSecret"})


async def test_a_secret_copied_to_another_endpoint_does_not_sign(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender
) -> None:
    first = await endpoint_of(shop, keeping, receiver)
    second = await endpoint_of(shop, keeping, receiver)
    await endpoints.disable(owner_of(shop), first.endpoint_id)
    stolen = (await WebhookEndpoint.get(id=first.endpoint_id)).secret
    await WebhookEndpoint.filter(id=second.endpoint_id).update(secret=stolen)
    delivery = await delivery_to(shop)
    await sender.deliver(delivery.id)
    assert ((await fresh(delivery)).error, receiver.heard) == ("SECRET_UNREADABLE", [])


# --- words and documents ----------------------------------------------------------------------

DOCUMENT = Path(__file__).parent.parent / "docs" / "webhooks.md"


def test_every_failure_has_words() -> None:
    assert set(labels.WEBHOOK_FAILURES) == {failure.value for failure in Failure}
    assert all(set(texts) == {"en", "zh"} for texts in labels.WEBHOOK_FAILURES.values())


def test_every_event_that_is_sent_is_documented() -> None:
    rows = re.findall(r"^\| `(refund\..*)` \| (.*) \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert rows == [
        (deliveries.wire_type(kind), labels.EVENTS[kind]["en"], labels.EVENTS[kind]["zh"])
        for kind in EventType
        if kind not in {EventType.IMPORTED, EventType.NOTED}
    ]


def snippet() -> str:
    [source] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(source)


async def test_the_documents_receiver_verifies_what_is_sent(
    shop: Shop, keeping: Settings, receiver: Receiver, sender: Sender, tmp_path: Path
) -> None:
    """In a process of its own, as a shop would run it."""
    issued = await endpoint_of(shop, keeping, receiver)
    delivery = await delivery_to(shop)
    await sender.deliver(delivery.id)
    [heard] = receiver.heard
    (tmp_path / "receiver.py").write_text(snippet())
    program = (
        "import json, sys; from receiver import receive; case = json.load(sys.stdin)\n"
        "print(receive(case['body'].encode(), case['headers']),"
        " receive(case['body'].encode(), case['headers']),"
        " receive(case['body'].encode() + b' ', case['headers']), receive(b'{}', {}))"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        input=json.dumps({"body": heard.body.decode(), "headers": dict(heard.headers)}),
        env={"WEBHOOK_SECRET": issued.secret, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    refund = await Refund.get(id=delivery.refund_id)
    assert done.stdout == f"{refund.number} is now REFUNDED (version 3)\n204 204 400 400\n"
