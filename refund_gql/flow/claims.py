"""What a refund holds, given back when it comes to nothing: its part of the order, and the coupons
that were to be given for it. Its part of the order is claimed again when a refusal is disputed."""

from collections.abc import Sequence

from refund_gql.errors import ExceedsRefundable
from refund_gql.flow import coupons, quote
from refund_gql.flow.journal import Change
from refund_gql.flow.quote import OrderRows
from refund_gql.models import RefundLine
from refund_gql.money import share

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


async def take_again(change: Change) -> None:
    """Claim what was given back: the same units, at what they are worth of what is left now.

    Raises ExceedsRefundable where some of it has been refunded, or is being asked for, meanwhile.
    """
    refund = change.refund
    assert refund.order_id is not None, "only imported refunds have no order"
    rows = await quote.load(change.tx, refund.shop_id, refund.order_id, lock=True)
    assert rows is not None, "an order is never deleted"
    lines = await RefundLine.filter(refund_id=refund.id).using_db(change.tx)
    most, fits = rows.quote.maximum, _still_there(change, rows, lines)
    if fits:
        for line in lines:
            await _take_line(change, rows, line)
        refund.goods_amount = sum(line.amount for line in lines)
        refund.amount = refund.goods_amount + refund.shipping_amount
    if not fits or refund.amount > most:
        raise ExceedsRefundable(
            requested=refund.amount, maximum_refundable=most, currency=refund.currency
        )
    rows.order.shipping_claimed += refund.shipping_amount
    await rows.order.save(using_db=change.tx, update_fields=["shipping_claimed"])


def _still_there(change: Change, rows: OrderRows, lines: Sequence[RefundLine]) -> bool:
    left = {line.id: line.quantity - line.claimed_quantity for line in rows.lines}
    units = all(
        line.order_line_id is not None and line.quantity <= left.get(line.order_line_id, 0)
        for line in lines
    )
    return units and change.refund.shipping_amount <= rows.quote.shipping_refundable


async def _take_line(change: Change, rows: OrderRows, line: RefundLine) -> None:
    bought = next(row for row in rows.lines if row.id == line.order_line_id)
    rest = bought.amount - bought.claimed_amount
    whole = line.amount == line.worth
    line.worth = share(rest, line.quantity, bought.quantity - bought.claimed_quantity)
    line.amount = line.worth if whole else min(line.amount, line.worth)
    await line.save(using_db=change.tx, update_fields=["worth", "amount"])
    bought.claimed_quantity += line.quantity
    bought.claimed_amount += line.worth
    await bought.save(using_db=change.tx, update_fields=["claimed_quantity", "claimed_amount"])
