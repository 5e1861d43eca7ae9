"""What a step of the refund does to the budgets of staff: decisions that came to nothing no longer
count, and what somebody was not allowed to decide is no longer asked."""

from datetime import datetime
from uuid import UUID

from refund_gql.database import Transaction
from refund_gql.states import RefundStatus

UNDOING = frozenset({RefundStatus.REVIEW, RefundStatus.REJECTED, RefundStatus.CANCELLED})
"""A refund that comes here holds no decision of staff that money may follow."""

_GIVE_BACK = """
update discretion_entry set reversed_at = $2
 where refund_id = $1 and reversed_at is null and coupon_id is null
"""
_GIVE_BACK_COUPON = """
update discretion_entry set reversed_at = $2 where coupon_id = $1 and reversed_at is null
"""

_CLOSE = """
update discretion_task set status = 'OBSOLETE', decided_at = $2
 where refund_id = $1 and status = 'OPEN' and step <> 'ISSUE_COUPON'
"""


async def follow(
    tx: Transaction, refund_id: UUID, before: RefundStatus, after: RefundStatus, now: datetime
) -> None:
    """A refund has gone from one status to another: reverse what was decided and came to nothing
    (coupons that were given beside it stay given), and close what waits for review once it is
    over."""
    if after in UNDOING:
        await tx.execute_query(_GIVE_BACK, [refund_id, now])
    if before is RefundStatus.REVIEW and after is not RefundStatus.REVIEW:
        await close_tasks(tx, refund_id, now)


async def close_tasks(tx: Transaction, refund_id: UUID, now: datetime) -> None:
    """Close what waits for somebody with more budget: it is no longer about what it was."""
    await tx.execute_query(_CLOSE, [refund_id, now])


async def give_back_coupon(tx: Transaction, coupon_id: UUID, now: datetime) -> None:
    """Reverse what a coupon took: it is worthless, or was never issued."""
    await tx.execute_query(_GIVE_BACK_COUPON, [coupon_id, now])
