"""What a refund holds, given back when it comes to nothing: its part of the order, and the coupons
that were to be given for it."""

from refund_gql.flow import coupons
from refund_gql.flow.journal import Change

_LOCK_ORDER = 'select 1 from "order" where id = $1 and shop_id = $2 for update'
_RELEASE_LINES = """
update order_line o
   set claimed_quantity = o.claimed_quantity - r.quantity,
       claimed_amount = o.claimed_amount - r.worth
  from refund_line r
 where r.refund_id = $1 and r.shop_id = $2 and o.id = r.order_line_id
"""
_RELEASE_SHIPPING = """
update "order" set shipping_claimed = shipping_claimed - $3 where id = $1 and shop_id = $2
"""


async def release(change: Change) -> None:
    """Make the refund's units and money refundable again: it was refused or withdrawn. No rule
    gives anything for it any more."""
    refund = change.refund
    await change.tx.execute_query_dict(_LOCK_ORDER, [refund.order_id, refund.shop_id])
    await change.tx.execute_query(_RELEASE_LINES, [refund.id, refund.shop_id])
    await change.tx.execute_query(
        _RELEASE_SHIPPING, [refund.order_id, refund.shop_id, refund.shipping_amount]
    )
    await coupons.withdraw(change)
