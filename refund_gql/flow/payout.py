"""Step 8, the money: what is owed on which capture, committed before anybody is called.

A payout's number and request are stored here, under the locks of its refund and its captures,
and never change. Talking to the gateway is `conversation`'s part.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from refund_gql import database
from refund_gql.auth import Viewer
from refund_gql.choices import PayoutStatus
from refund_gql.database import Transaction
from refund_gql.errors import ExceedsRefundable, IllegalStep, NotFound
from refund_gql.flow import journal
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Capture, Payout, new_id
from refund_gql.roles import Role
from refund_gql.states import JOURNEY, RefundStatus, Step

STUCK = (PayoutStatus.REJECTED, PayoutStatus.NEEDS_MANUAL, PayoutStatus.REVERSED)

_RESERVE = """
update capture set reserved = reserved + $2
 where id = $1 and amount - reserved - disputed >= $2 returning id
"""
# A chargeback that found everything refunded already takes what is given back first.
_RELEASE = """
update capture
   set reserved = reserved - $2,
       disputed = disputed + least(dispute_excess, $2),
       dispute_excess = dispute_excess - least(dispute_excess, $2)
 where id = $1
"""
_FREE = "select amount - reserved - disputed as free from capture where id = $1"


def free(capture: Capture) -> int:
    """What can still be refunded of a capture, in minor units."""
    return capture.amount - capture.reserved - capture.disputed


def covers(captures: Sequence[Capture], amount: int) -> bool:
    """True when the captures together hold the amount."""
    return sum(max(free(capture), 0) for capture in captures) >= amount


def spread(captures: Sequence[Capture], amount: int, currency: str) -> list[tuple[Capture, int]]:
    """Which capture pays how much, in the order given, each within its own cap; pure.

    Computed completely before anything is written. Raises ExceedsRefundable.
    """
    parts, rest = [], amount
    for capture in captures:
        part = min(rest, max(free(capture), 0))
        if part:
            parts.append((capture, part))
            rest -= part
    if rest:
        raise ExceedsRefundable(
            requested=amount, maximum_refundable=amount - rest, currency=currency
        )
    return parts


async def open_payouts(change: Change, captures: Sequence[Capture]) -> None:
    """Commit the refund's amount on its captures, newest first, and enqueue the payments.

    A refund of zero needs no gateway: it is over at once.
    """
    if change.refund.amount == 0:
        await change.take(Step.START_PAYMENT, by_engine=True)
        await complete(change)
        return
    for capture, part in spread(captures, change.refund.amount, change.refund.currency):
        await reserve(change.tx, capture.id, part, capture.currency)
        payout = _payout(change, capture, part)
        await payout.save(using_db=change.tx, force_create=True)
        await schedule(change, payout)


async def complete(change: Change) -> None:
    """All the money moved: the refund is over, and what comes after it has its job."""
    await change.take(Step.COMPLETE_PAYMENT, by_engine=True)
    refund = change.refund
    await change.enqueue("aftercare", refund.id, key=f"aftercare:{refund.id}:{refund.version}")


def _payout(change: Change, capture: Capture, amount: int) -> Payout:
    number = f"RP{new_id().hex.upper()}"
    return Payout(
        id=new_id(),
        shop_id=change.refund.shop_id,
        refund_id=change.refund.id,
        capture_id=capture.id,
        number=number,
        amount=amount,
        currency=capture.currency,
        gateway=capture.gateway,
        request={
            "number": number,
            "amount": amount,
            "currency": capture.currency,
            "capture_reference": capture.reference,
            "captured_amount": capture.amount,
            "metadata": capture.metadata,
        },
        created_at=change.now,
    )


async def reserve(tx: Transaction, capture_id: UUID, amount: int, currency: str) -> None:
    """Take the amount from the capture's refundable rest; the database decides.

    Raises ExceedsRefundable when the capture no longer holds it.
    """
    if await tx.execute_query_dict(_RESERVE, [capture_id, amount]):
        return
    [row] = await tx.execute_query_dict(_FREE, [capture_id])
    raise ExceedsRefundable(requested=amount, maximum_refundable=row["free"], currency=currency)


async def release(tx: Transaction, payout: Payout) -> None:
    """Give the amount back to the capture: it is proven that the money is not with the customer."""
    await tx.execute_query(_RELEASE, [payout.capture_id, payout.amount])


async def schedule(change: Change, payout: Payout, *, after: timedelta = timedelta(0)) -> None:
    """Enqueue the payout's next conversation; the attempt's number makes the key new."""
    await change.enqueue(
        "pay",
        payout.id,
        key=f"pay:{payout.id}:{payout.attempts + 1}",
        run_at=change.now + after if after else None,
    )


# --- a person decides -------------------------------------------------------------------------


async def retry(viewer: Viewer, payout_id: UUID, *, once: Once) -> UUID:
    """Try a stuck payout again; returns the refund's id.

    A refused one is sent again with its own number, one whose number is used up or whose money
    came back gets a successor with a new number, and one that nobody can tell about is asked
    for first. Raises NotFound, NotAllowed, IllegalStep and ExceedsRefundable.
    """
    viewer.require(Role.OWNER, Role.FINANCE)
    payouts = Payout.filter(id=payout_id, shop_id=viewer.shop_id)
    found = await database.read(payouts.first)
    if found is None:
        raise NotFound(kind="Payout", id=str(payout_id))

    async def work(change: Change) -> None:
        payout = await Payout.filter(id=payout_id).using_db(change.tx).get()
        if payout.status not in STUCK or payout.superseded:
            raise IllegalStep(
                step=Step.RETRY_PAYMENT.value,
                status=payout.status.value,
                allowed_next=[s.value for s in JOURNEY.allowed(change.refund.status, viewer.role)],
            )
        again = await _again(change, payout)
        change.refund.stuck_reason = None
        if change.refund.status is RefundStatus.PAYMENT_STUCK:
            await change.take(Step.RETRY_PAYMENT, payload={"payout": str(again.id)})
        # The job that gave up may still hold the key of the next attempt.
        await change.enqueue("pay", again.id, key=f"pay:{again.id}:retry:{change.now.timestamp()}")

    return await journal.change(viewer, found.refund_id, work, once=once)


async def _again(change: Change, payout: Payout) -> Payout:
    if payout.status is PayoutStatus.NEEDS_MANUAL and payout.renumber:
        # Whoever retries knows that nothing was paid; the reservation passes to the successor.
        payout.status = PayoutStatus.REJECTED
        return await _succeed(change, payout)
    if payout.status is PayoutStatus.NEEDS_MANUAL:
        asked_before = payout.sent_at is not None
        payout.status = PayoutStatus.UNKNOWN if asked_before else PayoutStatus.READY
        return await _reset(change, payout)
    await reserve(change.tx, payout.capture_id, payout.amount, payout.currency)
    if payout.status is PayoutStatus.REVERSED or payout.renumber:
        return await _succeed(change, payout)
    payout.status = PayoutStatus.READY
    return await _reset(change, payout)


async def _reset(change: Change, payout: Payout) -> Payout:
    payout.tries, payout.code, payout.message = 0, None, None
    await payout.save(using_db=change.tx)
    return payout


async def _succeed(change: Change, payout: Payout) -> Payout:
    capture = await Capture.filter(id=payout.capture_id).using_db(change.tx).get()
    successor = _payout(change, capture, payout.amount)
    successor.replaces_id = payout.id
    payout.superseded = True
    await payout.save(using_db=change.tx)
    await successor.save(using_db=change.tx, force_create=True)
    return successor
