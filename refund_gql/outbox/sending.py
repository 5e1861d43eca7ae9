"""The job `deliver`: sign a delivery, send it, record what came of it, set the next alarm.

The next alarm is always set in the transaction that says when it is due. So an alarm that finds
its delivery due later has been overtaken, for instance by a redelivery, and does nothing.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import structlog

from refund_gql import clock, database, vault
from refund_gql.auth import Viewer
from refund_gql.choices import DeliveryStatus
from refund_gql.database import Transaction
from refund_gql.errors import NotFound
from refund_gql.models import WebhookDelivery, WebhookEndpoint, new_id
from refund_gql.outbox import deliveries, guard, signing
from refund_gql.outbox.deliveries import DisabledReason, Failure
from refund_gql.outbox.guard import Answer, Guard
from refund_gql.roles import Role
from refund_gql.settings import Settings
from refund_gql.vault import Vault

_log = structlog.get_logger(__name__)

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""After the first failed try, the second, and so on; when they are used up, it is dead."""
JITTER = 0.1
"""At most so much longer, so that what failed together does not come back together."""
LONGEST_WAIT = timedelta(hours=24)
"""However long a server asks us to wait with `Retry-After`."""
CALLS_PER_SHOP = 5
"""Under way at once in this process: a slow endpoint must not take every worker."""
_BUSY_WAIT = timedelta(seconds=10)
_CLOCKS_DIFFER = timedelta(minutes=1)
"""At most, from machine to machine; an alarm that is earlier by more has been overtaken."""

_FAILURES: Mapping[type[Exception], Failure] = {
    guard.Forbidden: Failure.FORBIDDEN_URL,
    guard.NoAnswer: Failure.UNREACHABLE,
    guard.TimedOut: Failure.TIMED_OUT,
    guard.NotTrusted: Failure.NOT_TRUSTED,
    vault.Unreadable: Failure.SECRET_UNREADABLE,
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one try."""

    failure: Failure | None = None
    """None: delivered."""
    status: int | None = None
    """Of HTTP; None when there was none."""
    retry_after: timedelta = timedelta(0)
    """As long as the server asked for, within limits."""


@dataclass(frozen=True, kw_only=True)
class _Try:
    """A delivery on its way, with what it needs."""

    delivery: WebhookDelivery
    endpoint: WebhookEndpoint
    at: datetime


@dataclass(kw_only=True)
class Sender:
    """Sends what is signed; one in a process."""

    vault: Vault
    guard: Guard
    _under_way: Counter[UUID] = field(default_factory=Counter, repr=False)
    """Calls by shop."""

    async def deliver(self, delivery_id: UUID) -> None:
        """One try. May run twice at once: the receiver then hears the same id twice."""
        found = await database.read(WebhookDelivery.filter(id=delivery_id).first)
        if found is None:
            return
        if self._under_way[found.shop_id] >= CALLS_PER_SHOP:
            await database.transaction(lambda tx: _postpone(tx, delivery_id))
            return
        self._under_way[found.shop_id] += 1
        try:
            await self._try(delivery_id)
        finally:
            self._under_way[found.shop_id] -= 1

    async def ping(self, viewer: Viewer, endpoint_id: UUID) -> Result:
        """Send an event `ping`, once and at once, and keep nothing of it.

        Raises NotAllowed, NotFound.
        """
        viewer.require(Role.OWNER)
        found = WebhookEndpoint.filter(id=endpoint_id, shop_id=viewer.shop_id)
        endpoint = await database.read(found.first)
        if endpoint is None:
            raise NotFound(kind="WebhookEndpoint", id=str(endpoint_id))
        now = clock.now()
        content = {"type": "ping", "timestamp": now.isoformat(), "data": {}}
        return await self._send(endpoint, new_id(), now, deliveries.text_of(content))

    async def _try(self, delivery_id: UUID) -> None:
        started = await database.transaction(lambda tx: _start(tx, delivery_id))
        if started is None:
            return
        body = deliveries.text_of(started.delivery.payload)
        result = await self._send(started.endpoint, delivery_id, started.at, body)
        await database.transaction(lambda tx: _record(tx, started, result))
        if result.failure is not None:
            ours = result.failure is Failure.SECRET_UNREADABLE
            # No URL: its path may hold a secret of the shop's.
            (_log.error if ours else _log.info)(
                "a webhook was not delivered",
                delivery=str(delivery_id),
                endpoint=str(started.endpoint.id),
                failure=result.failure.value,
                status=result.status,
            )

    async def _send(self, endpoint: WebhookEndpoint, id: UUID, at: datetime, body: str) -> Result:
        try:
            headers = signing.headers(self.vault, endpoint, id=id, at=at, body=body)
            answer = await self.guard.post(endpoint.url, headers=headers, content=body.encode())
        except tuple(_FAILURES) as error:
            return Result(failure=_FAILURES[type(error)])
        return _judge(answer, at)


def of(settings: Settings) -> Sender:
    """The sender of this process. Raises ValueError for keys that are none."""
    return Sender(vault=vault.of(settings), guard=guard.of(settings))


# --- before the call --------------------------------------------------------------------------


async def _due(tx: Transaction, delivery_id: UUID) -> WebhookDelivery | None:
    """The locked delivery, if this is the time to try it."""
    delivery = await deliveries.locked(tx, delivery_id)
    if delivery is None or delivery.status is not DeliveryStatus.QUEUED:
        return None
    due = delivery.next_try_at or delivery.created_at
    if due <= clock.now() + _CLOCKS_DIFFER:
        return delivery
    # It has an alarm, but for one that was lost and is being replaced.
    await deliveries.set_alarm(tx, delivery_id, due)
    return None


async def _start(tx: Transaction, delivery_id: UUID) -> _Try | None:
    """Count the try before it is made; None when there is none to make."""
    delivery = await _due(tx, delivery_id)
    if delivery is None:
        return None
    endpoint = await WebhookEndpoint.get(id=delivery.endpoint_id, using_db=tx)
    if endpoint.disabled_at is not None:
        await _give_up(tx, delivery, Failure.ENDPOINT_DISABLED)
        return None
    delivery.tries += 1
    await delivery.save(using_db=tx, update_fields=["tries"])
    return _Try(delivery=delivery, endpoint=endpoint, at=clock.now())


async def _postpone(tx: Transaction, delivery_id: UUID) -> None:
    delivery = await _due(tx, delivery_id)
    if delivery is not None:
        await _wait(tx, delivery, _BUSY_WAIT)


# --- after the call ---------------------------------------------------------------------------


def _judge(answer: Answer, now: datetime) -> Result:
    status = answer.status
    if 200 <= status < 300:
        return Result(status=status)
    if status == 410:
        return Result(status=status, failure=Failure.GONE)
    if 300 <= status < 400:
        return Result(status=status, failure=Failure.REDIRECTED)
    asked = answer.headers.get("retry-after", "") if status in (429, 503) else ""
    return Result(status=status, failure=Failure.BAD_STATUS, retry_after=_patience(asked, now))


def _patience(asked: str, now: datetime) -> timedelta:
    """From a `Retry-After` in seconds or as a date (RFC 9110, 10.2.3); nonsense asks for none."""
    if asked.isascii() and asked.isdigit():
        wait = timedelta(seconds=min(int(asked[:9]), LONGEST_WAIT.total_seconds()))
    else:
        try:
            moment = parsedate_to_datetime(asked)
        except ValueError:
            return timedelta(0)
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), LONGEST_WAIT)


async def _record(tx: Transaction, made: _Try, result: Result) -> None:
    """Success counts whenever it comes; a failure only while nothing newer has begun."""
    gone = await _gone(tx, made) if result.failure is Failure.GONE else None
    delivery = await deliveries.locked(tx, made.delivery.id)
    assert delivery is not None, "deliveries are never deleted"
    if result.failure is None:
        await _deliver(tx, delivery, result)
    elif delivery.status is DeliveryStatus.QUEUED and delivery.tries == made.delivery.tries:
        delivery.response_status, delivery.error = result.status, result.failure.value
        if gone is not None or delivery.tries > len(WAITS):
            await _give_up(tx, delivery, result.failure)
        else:
            await _wait(tx, delivery, max(WAITS[delivery.tries - 1], result.retry_after))
    if gone is not None:
        await deliveries.stop(tx, gone, DisabledReason.GONE)


async def _gone(tx: Transaction, made: _Try) -> WebhookEndpoint | None:
    """The locked endpoint that said it is gone; None when it has moved to another URL since."""
    found = WebhookEndpoint.filter(id=made.endpoint.id, url=made.endpoint.url).using_db(tx)
    return await found.select_for_update(no_key=True).first()


async def _deliver(tx: Transaction, delivery: WebhookDelivery, result: Result) -> None:
    delivery.status, delivery.delivered_at = DeliveryStatus.DELIVERED, clock.now()
    delivery.response_status = result.status
    delivery.error = delivery.next_try_at = None
    await delivery.save(using_db=tx)


async def _wait(tx: Transaction, delivery: WebhookDelivery, wait: timedelta) -> None:
    jitter = random.uniform(0, JITTER)  # noqa: S311 - jitter, no secret
    delivery.next_try_at = clock.now() + wait * (1 + jitter)
    await delivery.save(using_db=tx)
    await deliveries.set_alarm(tx, delivery.id, delivery.next_try_at)


async def _give_up(tx: Transaction, delivery: WebhookDelivery, failure: Failure) -> None:
    delivery.status, delivery.error = DeliveryStatus.DEAD, failure.value
    delivery.next_try_at = None
    await delivery.save(using_db=tx)
