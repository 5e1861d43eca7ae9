"""What an outcome means for a payout and its refund: one precedence for answers and webhooks.

SUCCEEDED and REJECTED need proof and are kept against anything weaker; only REVERSED undoes a
success. The same evidence may come twice, late, or in any order: the end is the same.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

import structlog

from refund_gql.choices import PayoutStatus
from refund_gql.errors import ExceedsRefundable
from refund_gql.events import EventType
from refund_gql.flow import payout as payouts
from refund_gql.flow.journal import Change
from refund_gql.models import Payout
from refund_gql.providers import GatewayCapabilities, Outcome, OutcomeState
from refund_gql.states import RefundStatus, Step

_log = structlog.get_logger(__name__)

NUMBER_EXPIRED = "NUMBER_EXPIRED"
"""The gateway may have forgotten the number: it would pay again. A retry takes a new one."""
MAX_TRIES_ACCEPTED = 200
"""A gateway that is "processing" for so many conversations is a person's business."""
_WEBHOOK_PATIENCE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How patient to be with one gateway."""

    sheet: GatewayCapabilities
    tries: int
    """Conversations about one payout before a person has to look."""
    backoff: timedelta
    """The wait before the second conversation; it doubles up to `backoff_limit`."""
    backoff_limit: timedelta

    def wait(self, payout: Payout) -> timedelta:
        """The wait before the payout's next conversation, with jitter."""
        doubled = self.backoff.total_seconds() * 2 ** min(max(payout.tries - 1, 0), 20)
        jitter = random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
        return timedelta(seconds=min(doubled, self.backoff_limit.total_seconds()) * jitter)


async def settle(change: Change, payout: Payout, outcome: Outcome, terms: Terms) -> None:
    """Apply one outcome; does nothing when the payout knows better already."""
    if payout.superseded:
        _report_late_success(payout, outcome)
        return
    if payout.status is PayoutStatus.REVERSED:
        return
    if payout.status is PayoutStatus.SUCCEEDED and outcome.state is not OutcomeState.REVERSED:
        return
    if payout.status is PayoutStatus.REJECTED and outcome.state not in _STRONGER_THAN_REJECTED:
        return
    payout.gateway_reference = outcome.reference or payout.gateway_reference
    payout.code, payout.message = outcome.code, outcome.message
    if outcome.state is OutcomeState.SUCCEEDED:
        await _succeeded(change, payout, outcome, terms.sheet)
    elif outcome.state is OutcomeState.REVERSED:
        await _reversed(change, payout)
    elif outcome.state is OutcomeState.REJECTED:
        await _rejected(change, payout, outcome, terms)
    elif outcome.state is OutcomeState.NEEDS_MANUAL:
        await halt(change, payout, "NEEDS_MANUAL")
    else:
        await _open(change, payout, outcome, terms)
    await payout.save(using_db=change.tx)


_STRONGER_THAN_REJECTED = {OutcomeState.SUCCEEDED, OutcomeState.REVERSED}


async def halt(change: Change, payout: Payout, reason: str) -> None:
    """A person has to look; the reservation stays, since the money may have moved."""
    payout.status = PayoutStatus.NEEDS_MANUAL
    payout.code = payout.code or reason
    payout.renumber = payout.renumber or reason == NUMBER_EXPIRED
    await _stick(change, payout, reason)
    await payout.save(using_db=change.tx)


async def stop(change: Change, payout: Payout, reason: str) -> None:
    """It was never sent, and must not be now: what it held goes back to its capture, and a person
    has to look."""
    await payouts.release(change.tx, payout)
    payout.status, payout.code = PayoutStatus.REJECTED, reason
    await _stick(change, payout, reason)
    await payout.save(using_db=change.tx)


async def _stick(change: Change, payout: Payout, reason: str) -> None:
    another = change.refund.stuck_reason != reason
    change.refund.stuck_reason = reason
    payload = {"payout": str(payout.id), "reason": reason}
    if change.refund.status is RefundStatus.APPROVED:
        await change.take(Step.START_PAYMENT, by_engine=True)
    if change.refund.status is RefundStatus.PAYING:
        await change.take(Step.HALT_PAYMENT, payload=payload, by_engine=True)
    elif change.refund.status is RefundStatus.REFUNDED:
        await change.take(Step.REVERSE_PAYMENT, payload=payload, by_engine=True)
    elif another:
        await change.record(EventType.PAYMENT_STUCK, payload)


async def _succeeded(
    change: Change, payout: Payout, outcome: Outcome, sheet: GatewayCapabilities
) -> None:
    if payout.status is PayoutStatus.REJECTED and not await _taken_back(change, payout):
        return
    if _echo_differs(payout, outcome):
        _log.error(
            "the gateway paid another amount",
            payout=payout.number,
            wanted=payout.amount,
            echoed=outcome.amount,
        )
        await halt(change, payout, "ECHO_MISMATCH")
        return
    payout.status, payout.settled_at = PayoutStatus.SUCCEEDED, change.now
    await payout.save(using_db=change.tx)
    payload = {"payout": str(payout.id), "amount": payout.amount, "currency": payout.currency}
    await change.record(EventType.PAYOUT_SUCCEEDED, payload)
    await _finish(change)
    if sheet.recheck_after is not None:
        await change.enqueue(
            "recheck",
            payout.id,
            key=f"recheck:{payout.id}",
            run_at=change.now + sheet.recheck_after,
        )


async def _taken_back(change: Change, payout: Payout) -> bool:
    """Reserve again what was given back to the capture on the gateway's word; the money moved
    all the same. False, and a person has to look, when others have it by now."""
    # A number that paid is not used up: with a new one, a retry would pay twice.
    payout.renumber = False
    try:
        await payouts.reserve(change.tx, payout.capture_id, payout.amount, payout.currency)
    except ExceedsRefundable:
        _log.error("the gateway paid what it had rejected", payout=payout.number)
        await _stick(change, payout, "PAID_BEYOND_CAP")
        return False
    return True


def _report_late_success(payout: Payout, outcome: Outcome) -> None:
    if payout.status is PayoutStatus.REJECTED and outcome.state is OutcomeState.SUCCEEDED:
        _log.error(
            "the gateway paid a number it had refused, after a new one took its place",
            payout=payout.number,
        )


def _echo_differs(payout: Payout, outcome: Outcome) -> bool:
    return outcome.amount not in (None, payout.amount) or outcome.currency not in (
        None,
        payout.currency,
    )


async def _finish(change: Change) -> None:
    """Close the refund when every payout has succeeded; say so when another one is stuck."""
    rows = Payout.filter(refund_id=change.refund.id, superseded=False).using_db(change.tx)
    statuses = {PayoutStatus(row.status) for row in await rows}
    if change.refund.status is RefundStatus.APPROVED:
        await change.take(Step.START_PAYMENT, by_engine=True)
    if statuses == {PayoutStatus.SUCCEEDED}:
        if change.refund.status is RefundStatus.PAYMENT_STUCK:
            await change.take(Step.RETRY_PAYMENT, by_engine=True)
        change.refund.stuck_reason = None
        await payouts.complete(change)
    elif statuses & set(payouts.STUCK) and change.refund.status is RefundStatus.PAYING:
        change.refund.stuck_reason = "OTHER_PAYOUT_STUCK"
        await change.take(
            Step.HALT_PAYMENT, payload={"reason": "OTHER_PAYOUT_STUCK"}, by_engine=True
        )


async def _reversed(change: Change, payout: Payout) -> None:
    if payout.status.counts_against_cap:
        await payouts.release(change.tx, payout)
    payout.status = PayoutStatus.REVERSED
    await _stick(change, payout, "REVERSED")


async def _rejected(change: Change, payout: Payout, outcome: Outcome, terms: Terms) -> None:
    if outcome.retriable and not outcome.renumber and payout.tries < terms.tries:
        payout.status = PayoutStatus.READY
        await payouts.schedule(change, payout, after=outcome.retry_after or terms.wait(payout))
        return
    await payouts.release(change.tx, payout)
    payout.status, payout.renumber = PayoutStatus.REJECTED, outcome.renumber
    await _stick(change, payout, "REJECTED")


async def _open(change: Change, payout: Payout, outcome: Outcome, terms: Terms) -> None:
    """PROCESSING or UNKNOWN: the end is open, ask again later with the same number."""
    if outcome.state is OutcomeState.PROCESSING:
        payout.status = PayoutStatus.PROCESSING
    elif payout.status is not PayoutStatus.PROCESSING:
        payout.status = PayoutStatus.UNKNOWN
    after = outcome.retry_after or terms.wait(payout)
    if not terms.sheet.can_query:
        # Only a webhook can tell; a person looks when none comes.
        after = _WEBHOOK_PATIENCE
    if outcome.absent and payout.sent_at is not None:
        settled_at = payout.sent_at + terms.sheet.settling_time
        if change.now >= settled_at:
            # Proof enough that nothing happened: the same number may be sent again.
            payout.status, after = PayoutStatus.READY, timedelta(0)
        else:
            after = max(after, settled_at - change.now)
    accepted = payout.status is PayoutStatus.PROCESSING
    if payout.tries >= (MAX_TRIES_ACCEPTED if accepted else terms.tries):
        await halt(change, payout, "NO_ANSWER")
        return
    await payouts.schedule(change, payout, after=after)
