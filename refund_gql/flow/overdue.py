"""Goods that were paid for and do not come: a reminder, then a claim. The job `overdue`.

One job per exposure, an alarm clock for its two dates. It looks again by itself until the
exposure is released; what it has done stands in the row, so that it does each thing once.
"""

from datetime import datetime, timedelta
from uuid import UUID

from refund_gql.auth import system
from refund_gql.choices import ClaimReason, ReturnStatus
from refund_gql.events import EventType
from refund_gql.flow import exposures, goods, goods_claims, journal, policy, scans
from refund_gql.flow.journal import Change
from refund_gql.models import Exposure, Shop
from refund_gql.states import RefundStatus

_UNPAID = timedelta(days=1)
"""Nobody is reminded of goods whose money has not come; so long until the next look."""


async def schedule(change: Change, exposure: Exposure) -> None:
    """Have a new exposure looked at on its first date."""
    await _look_again(change, exposure, exposure.due_at)


async def look(exposure_id: UUID) -> None:
    """The job `overdue`; does nothing when the goods have shown, or before their time."""
    found = await Exposure.get(id=exposure_id)
    if found.released_at is None:
        await journal.change(system(found.shop_id), found.refund_id, _judge)


async def _judge(change: Change) -> None:
    # What a courier told while nobody listened counts too.
    await scans.release(change)
    exposure = await exposures.unreleased(change)
    if exposure is None:
        return
    if change.refund.status is not RefundStatus.REFUNDED:
        await _look_again(change, exposure, max(exposure.due_at, change.now + _UNPAID))
    elif exposure.reminded_at is None:
        await _remind_when_due(change, exposure)
    elif change.now < exposure.final_at:
        await _look_again(change, exposure, exposure.final_at)
    else:
        await overdue(change)


async def _remind_when_due(change: Change, exposure: Exposure) -> None:
    if change.now < exposure.due_at:
        await _look_again(change, exposure, exposure.due_at)
        return
    # Who is reminded late, since the money came late, has the whole grace all the same.
    late = (change.now - exposure.due_at).days
    shop = await Shop.filter(id=exposure.shop_id).using_db(change.tx).get()
    exposure.reminded_at = change.now
    exposure.final_at = policy.midnight(shop.time_zone, exposure.final_at, days=late)
    await exposure.save(using_db=change.tx, update_fields=["reminded_at", "final_at"])
    parcel = await goods.newest(change)
    # Who has entered a number has done their part: the claim is for people to judge.
    if parcel.status is ReturnStatus.AWAITED:
        await change.record(EventType.RETURN_REMINDED, {"exposure": str(exposure.id)})
    await _look_again(change, exposure, exposure.final_at)


async def overdue(change: Change) -> None:
    """The goods have not come: the exposure becomes a claim over all that was paid, and people
    take it from there. Whatever else is to be noted about such a customer belongs here."""
    await goods_claims.open_claim(change, ClaimReason.OVERDUE, change.refund.amount)


async def _look_again(change: Change, exposure: Exposure, at: datetime) -> None:
    # The running job still holds its own key, so each is named by its time.
    key = f"overdue:{exposure.id}:{at.timestamp()}"
    await change.enqueue("overdue", exposure.id, key=key, run_at=at)
