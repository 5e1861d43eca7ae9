"""Parked payouts: the gateway cannot be reached for us, so the money waits, visibly.

Nothing is rerouted and nobody has to do anything: the job looks again, and the payout goes on by
itself when the gateway is back. Only what may already have been paid is not left in doubt for
ever: after a day a person looks.
"""

import random
from datetime import timedelta

from refund_gql.events import EventType
from refund_gql.flow.journal import Change
from refund_gql.models import Payout

DOUBT_LIMIT = timedelta(days=1)
"""How long a payout that was sent may wait for a gateway that is down."""


async def park(change: Change, payout: Payout, reason: str) -> None:
    """Note that the payout waits for its gateway, and why; once per reason.

    Its patience starts anew when the gateway returns, unless it has been in doubt for too long.
    """
    doubt_since = payout.sent_at if payout.status.in_doubt else None
    if doubt_since is None or change.now < doubt_since + DOUBT_LIMIT:
        payout.tries = 0
    if payout.parked_reason != reason:
        payout.parked_reason = reason
        payout.parked_at = payout.parked_at or change.now
        await _record(change, EventType.PAYOUT_PARKED, payout, reason)
    await payout.save(using_db=change.tx)


async def resume(change: Change, payout: Payout) -> None:
    """The gateway is there; nothing happens to a payout that was not parked."""
    if payout.parked_reason is None:
        return
    reason, payout.parked_reason, payout.parked_at = payout.parked_reason, None, None
    await payout.save(using_db=change.tx)
    await _record(change, EventType.PAYOUT_RESUMED, payout, reason)


async def look_again(change: Change, payout: Payout, after: timedelta) -> None:
    """Enqueue the next look, named by its time: the job that parks holds the attempt's key."""
    run_at = change.now + after * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
    key = f"pay:{payout.id}:parked:{run_at.timestamp()}"
    await change.enqueue("pay", payout.id, key=key, run_at=run_at)


async def _record(change: Change, event: EventType, payout: Payout, reason: str) -> None:
    await change.record(event, {"payout": str(payout.id), "reason": reason})
