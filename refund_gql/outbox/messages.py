"""One message on its way to one person: the job `message`.

The row is marked SENDING before the channel is called, and no transaction is open during the
call. Whatever becomes of the process meanwhile, the row says what is known; a message is given
up only where staff can see it.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from refund_gql import clock, database
from refund_gql.auth import Viewer
from refund_gql.choices import MessageStatus
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound, Unavailable
from refund_gql.models import Message, Refund, ShipmentAnomaly
from refund_gql.outbox import channels as routes
from refund_gql.outbox import drafts
from refund_gql.outbox.channels import Channels
from refund_gql.outbox.drafts import NO_ADDRESS, Draft
from refund_gql.outbox.kinds import KINDS
from refund_gql.providers.errors import Misconfigured, ProviderError, Refused, Retryable
from refund_gql.providers.notifier import Delivery, Notification, Notifier
from refund_gql.roles import Role
from refund_gql.validation import printable

MAX_TRIES = 10
"""Calls of one channel about one message; they take about three hours."""
PATIENCE = timedelta(days=3)
"""How old a message may grow while its channel is absent, down or not set up."""
CHANNEL_UNAVAILABLE = "CHANNEL_UNAVAILABLE"
MISCONFIGURED = "MISCONFIGURED"
OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
OVERTAKEN = "OVERTAKEN"
REFUSED = "REFUSED"
RETRYABLE = "RETRYABLE"
"""Codes for what a channel gives no code of its own."""

MISSING = """
select 'message' as kind, id as subject, 'message:' || id || ':missing' as key from message
 where status in ('QUEUED', 'SENDING')
"""
"""The messages that must have a live job, as the reconciler's sweep wants them."""

_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=1)
_LONGEST_REQUESTED = timedelta(hours=6)
"""However long a channel asks to be left alone."""
_SHORTEST_PARKING = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Handover:
    """One call that is about to be made; the row says SENDING."""

    message: Message
    offer: type[Notifier]
    address: str

    @property
    def notification(self) -> Notification:
        """What the channel gets; equal at every try."""
        message = self.message
        return Notification(
            id=str(message.id),
            address=self.address,
            locale=message.locale,
            event=message.event,
            subject=message.subject,
            text=message.text[: self.offer.longest_text],
            variables=message.variables,
        )


async def send(channels: Channels, message_id: UUID) -> None:
    """The job `message`: one try; does nothing when the message is through or given up."""
    handover = await _take(channels, message_id)
    if handover is None:
        return
    result = await _call(channels, handover)
    await _record(channels, handover, result)


async def resend(viewer: Viewer, message_id: UUID) -> UUID:
    """Send a dead letter again, under the same id. Raises NotAllowed, NotFound, InvalidInput."""
    viewer.require(Role.OWNER, Role.AGENT)

    async def work(tx: Transaction) -> UUID:
        rows = Message.filter(id=message_id, shop_id=viewer.shop_id).using_db(tx)
        message = await rows.select_for_update().first()
        if message is None:
            raise NotFound(kind="Message", id=str(message_id))
        if message.status is not MessageStatus.DEAD:
            raise InvalidInput(
                field="id",
                found=message.status.value,
                expected="a message that is DEAD",
                zh="状态为 DEAD 的消息",
            )
        message.status, message.tries = MessageStatus.QUEUED, 0
        message.resends += 1
        message.code = message.error = None
        await message.save(using_db=tx)
        await drafts.schedule(tx, message.id, clock.now())
        return message.id

    return await database.transaction(work)


# --- before the call --------------------------------------------------------------------------


async def _take(channels: Channels, message_id: UUID) -> Handover | None:
    """Mark the message SENDING; None when it is not to be sent now."""

    async def work(tx: Transaction) -> Handover | None:
        message = await _locked(tx, message_id)
        if message.status not in (MessageStatus.QUEUED, MessageStatus.SENDING):
            return None
        draft, handover = await drafts.of(tx, message), None
        offer, cut_off = channels.offer(message.channel), message.status is MessageStatus.SENDING
        if offer is None:
            code = OUTCOME_UNKNOWN if cut_off else CHANNEL_UNAVAILABLE
            await _park(tx, message, code, "no plugin brings this channel")
        elif cut_off and not _may_repeat(message, offer):
            _give_up(message, OUTCOME_UNKNOWN, "the call was cut off")
        elif clock.now() < draft.due:
            await drafts.schedule(tx, message.id, draft.due)
        elif await _is_overtaken(tx, message, draft):
            message.status, message.code = MessageStatus.SUPERSEDED, OVERTAKEN
        elif (address := routes.address(draft.customer, offer)) is None:
            missing = f"the customer has no {offer.address}"
            await _pass_on(tx, channels, message, NO_ADDRESS, missing)
        else:
            message.status = MessageStatus.SENDING
            message.tries += 1
            handover = Handover(message=message, offer=offer, address=address)
        await message.save(using_db=tx)
        return handover

    return await database.transaction(work)


async def _locked(tx: Transaction, message_id: UUID) -> Message:
    return await Message.filter(id=message_id).using_db(tx).select_for_update().get()


def _may_repeat(message: Message, offer: type[Notifier]) -> bool:
    """After a call that nobody knows the end of."""
    return offer.idempotent and message.tries < MAX_TRIES


async def _is_overtaken(tx: Transaction, message: Message, draft: Draft) -> bool:
    """The refund, or the parcel, has moved on so far that the text would mislead. What staff send
    again by hand, and what may be with the customer already, is not judged."""
    if message.resends or message.status is not MessageStatus.QUEUED:
        return False
    if draft.about.anomaly_id is not None:
        anomaly = await ShipmentAnomaly.get(id=draft.about.anomaly_id, using_db=tx)
        return anomaly.closed_at is not None
    refund = await Refund.filter(id=message.refund_id).using_db(tx).get()
    return refund.status not in KINDS[draft.kind].holds_in


# --- the call ---------------------------------------------------------------------------------


async def _call(channels: Channels, handover: Handover) -> Delivery | Exception:
    message = handover.message
    try:
        delivery = await channels.send(message.shop_id, message.channel, handover.notification)
        return Delivery(reference=printable(delivery.reference, longest=128) or None)
    except (ProviderError, Unavailable) as error:
        return error
    except Exception as error:
        # Whatever else escapes proves nothing: the message may be with the customer.
        _log.error(
            "a channel raised what no contract names",
            channel=message.channel,
            error=type(error).__name__,
        )
        return error


# --- after the call ---------------------------------------------------------------------------


async def _record(channels: Channels, handover: Handover, result: Delivery | Exception) -> None:
    async def work(tx: Transaction) -> None:
        message = await _locked(tx, handover.message.id)
        if isinstance(result, Delivery):
            # Proof, whatever somebody else took the silence for meanwhile.
            message.status, message.sent_at = MessageStatus.SENT, clock.now()
            message.reference, message.code, message.error = result.reference, None, None
        elif _same_try(message, handover.message):
            await _failed(tx, channels, message, handover.offer, result)
        await message.save(using_db=tx)

    await database.transaction(work)


def _same_try(now: Message, then: Message) -> bool:
    return (now.status, now.tries, now.resends) == (then.status, then.tries, then.resends)


async def _failed(
    tx: Transaction,
    channels: Channels,
    message: Message,
    offer: type[Notifier],
    error: Exception,
) -> None:
    code = error.code if isinstance(error, ProviderError) else None
    words = str(error) if isinstance(error, ProviderError | Unavailable) else type(error).__name__
    match error:
        case Refused():
            await _pass_on(tx, channels, message, code or REFUSED, words)
        case Retryable() if message.tries < MAX_TRIES:
            await _again(tx, message, code or RETRYABLE, words, after=error.retry_after)
        case Retryable():
            await _pass_on(tx, channels, message, code or RETRYABLE, words)
        case Misconfigured() | Unavailable():
            message.status = MessageStatus.QUEUED
            message.tries -= 1
            known = MISCONFIGURED if isinstance(error, Misconfigured) else CHANNEL_UNAVAILABLE
            await _park(tx, message, code or known, words)
        case _ if _may_repeat(message, offer):
            await _again(tx, message, OUTCOME_UNKNOWN, words)
        case _:
            _give_up(message, OUTCOME_UNKNOWN, words)


async def _again(
    tx: Transaction, message: Message, code: str, error: str, *, after: timedelta | None = None
) -> None:
    """Once more through the same channel, after a wait that doubles; `after` is its own wish."""
    message.status = MessageStatus.QUEUED
    _note(message, code, error)
    wait = min(_FIRST_WAIT * 2 ** (message.tries - 1), _LONGEST_WAIT)
    wait *= random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
    wait = max(wait, min(after or wait, _LONGEST_REQUESTED))
    await drafts.schedule(tx, message.id, clock.now() + wait)


async def _park(tx: Transaction, message: Message, code: str, error: str) -> None:
    """Wait for the channel to come back, at longer and longer intervals; a call that was cut off
    stays one."""
    age = clock.now() - message.created_at
    if age >= PATIENCE:
        _give_up(message, code, error)
        return
    _note(message, code, error)
    wait = min(max(age / 4, _SHORTEST_PARKING), _LONGEST_WAIT)
    await drafts.schedule(tx, message.id, clock.now() + wait)


async def _pass_on(
    tx: Transaction, channels: Channels, message: Message, code: str, error: str
) -> None:
    """This channel cannot do it: the next one takes over, or nobody does."""
    told = Message.filter(
        refund_id=message.refund_id,
        anomaly_id=message.anomaly_id,
        event=message.event,
        version=message.version,
    )
    tried = await told.using_db(tx).values_list("channel", flat=True)
    draft = await drafts.of(tx, message)
    if await drafts.queue(tx, channels, draft, tried={str(name) for name in tried}):
        message.status = MessageStatus.SUPERSEDED
        _note(message, code, error)
    else:
        _give_up(message, code, error)


def _give_up(message: Message, code: str, error: str) -> None:
    message.status = MessageStatus.DEAD
    _note(message, code, error)


def _note(message: Message, code: str, error: str) -> None:
    message.code = printable(code, longest=64) or None
    message.error = printable(error, longest=500) or None
