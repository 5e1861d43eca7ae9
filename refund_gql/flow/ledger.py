"""Decisions that came to nothing no longer count against anybody's budget."""

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


async def give_back(tx: Transaction, refund_id: UUID, now: datetime) -> None:
    """Reverse what was decided about a refund; coupons that were given beside it stay given."""
    await tx.execute_query(_GIVE_BACK, [refund_id, now])


async def give_back_coupon(tx: Transaction, coupon_id: UUID, now: datetime) -> None:
    """Reverse what a coupon took: it is worthless, or was never issued."""
    await tx.execute_query(_GIVE_BACK_COUPON, [coupon_id, now])
