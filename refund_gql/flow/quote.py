"""What may be refunded on an order now, line by line. The figures prove themselves.

Discounts go back pro rata: a unit is worth its share of what was paid for its line. Pieces are
taken from what is left, so refunding a line one by one ends at exactly the amount paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from refund_gql.database import Transaction
from refund_gql.models import Capture, Order, OrderLine
from refund_gql.money import share


@dataclass(frozen=True, kw_only=True)
class LineQuote:
    """One order line; amounts in minor units."""

    order_line_id: UUID
    quantity: int
    """Units bought."""
    amount: int
    """What they cost after `discount`."""
    discount: int
    refundable_quantity: int
    """Units that are neither refunded nor asked for."""
    refundable_amount: int
    """What those units are worth."""
    claimed_amount: int
    """What the units refunded, or asked for, are worth."""

    def worth(self, quantity: int) -> int:
        """What so many of the refundable units are worth; all of them take the exact rest."""
        return share(self.refundable_amount, quantity, self.refundable_quantity)


@dataclass(frozen=True, kw_only=True)
class Quote:
    """One order; amounts in minor units of `currency`."""

    currency: str
    lines: tuple[LineQuote, ...]
    shipping_amount: int
    shipping_refundable: int
    captured: int
    """What the customer paid, over all captures."""
    reserved: int
    """What payouts took or are taking of it."""
    disputed: int
    """What chargebacks hold of it."""

    @property
    def claimed(self) -> int:
        """The worth of everything refunded or on its way, goods and shipping."""
        goods = sum(line.claimed_amount for line in self.lines)
        return goods + self.shipping_amount - self.shipping_refundable

    @property
    def total(self) -> int:
        """What the order costs: always claimed plus what remains of lines and shipping."""
        return self.claimed + self.goods_refundable + self.shipping_refundable

    @property
    def goods_refundable(self) -> int:
        return sum(line.refundable_amount for line in self.lines)

    @property
    def maximum(self) -> int:
        """The most that a new request can get: what is left of the order, and of the money.

        Claims without a payout yet count as spent, and so do payouts without a claim.
        """
        money = self.captured - self.disputed - max(self.claimed, self.reserved)
        return max(0, min(self.goods_refundable + self.shipping_refundable, money))

    @property
    def nothing_left(self) -> bool:
        return not any(line.refundable_quantity for line in self.lines)


def of(order: Order, lines: Sequence[OrderLine], captures: Sequence[Capture]) -> Quote:
    """The quote of an order from its rows; pure."""
    return Quote(
        currency=order.currency,
        lines=tuple(_line(line) for line in lines),
        shipping_amount=order.shipping_amount,
        shipping_refundable=order.shipping_amount - order.shipping_claimed,
        captured=sum(capture.amount for capture in captures),
        reserved=sum(capture.reserved for capture in captures),
        disputed=sum(capture.disputed for capture in captures),
    )


def _line(line: OrderLine) -> LineQuote:
    return LineQuote(
        order_line_id=line.id,
        quantity=line.quantity,
        amount=line.amount,
        discount=line.discount,
        refundable_quantity=line.quantity - line.claimed_quantity,
        refundable_amount=line.amount - line.claimed_amount,
        claimed_amount=line.claimed_amount,
    )


@dataclass(frozen=True, kw_only=True)
class OrderRows:
    """An order with everything the money depends on."""

    order: Order
    lines: tuple[OrderLine, ...]
    captures: tuple[Capture, ...]
    """Newest first: the order in which they are refunded."""

    @property
    def quote(self) -> Quote:
        return of(self.order, self.lines, self.captures)


async def load(
    tx: Transaction | None, shop_id: UUID, order_id: UUID, *, lock: bool = False
) -> OrderRows | None:
    """Read an order, its lines and captures; with `lock`, nobody else changes them meanwhile."""
    orders = Order.filter(id=order_id, shop_id=shop_id).using_db(tx)
    order = await (orders.select_for_update() if lock else orders).first()
    if order is None:
        return None
    captures = Capture.filter(order_id=order_id, shop_id=shop_id).using_db(tx)
    if lock:
        captures = captures.select_for_update()
    lines = OrderLine.filter(order_id=order_id, shop_id=shop_id).using_db(tx)
    return OrderRows(
        order=order,
        lines=tuple(await lines.order_by("position")),
        captures=tuple(await captures.order_by("-captured_at", "-id")),
    )
