"""Orders as the shop reports them: sent again whole whenever something changes.

An order is known by its number, a line by its position, a capture by gateway and reference, a
shipment by courier and tracking number. What was claimed or paid back is never cut below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.catalogue import customers, fulfilment
from refund_gql.catalogue.fulfilment import ShipmentFacts
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput
from refund_gql.models import Capture, Order, OrderLine
from refund_gql.models.dispute import held
from refund_gql.money import allocate
from refund_gql.roles import Role, Scope

MAX_LINES = 500
MAX_BULK = 250
MAX_COUPONS = 20


@dataclass(frozen=True, kw_only=True)
class LineFacts:
    """One position; `unit_price` and `discount` in minor units, `discount` for all its units."""

    sku: str
    title: str
    quantity: int
    unit_price: int
    discount: int = 0


@dataclass(frozen=True, kw_only=True)
class CaptureFacts:
    """One payment, or one order's share of it; amounts in minor units of the order's currency."""

    gateway: str
    reference: str
    amount: int
    captured_at: datetime | None = None
    disputed: int = 0
    """What chargebacks hold of it."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OrderFacts:
    """A whole order as it stands now; amounts in minor units of `currency`."""

    number: str
    currency: str
    placed_at: datetime
    lines: tuple[LineFacts, ...]
    customer_reference: str | None = None
    discount: int = 0
    """Off the whole order; spread over the lines in proportion to what they cost."""
    shipping_amount: int = 0
    captures: tuple[CaptureFacts, ...] = ()
    shipments: tuple[ShipmentFacts, ...] = ()
    closed: bool = False
    region: str = ""
    """Where it is sent to: ISO 3166-2, or the country alone."""
    presale: bool = False
    """Sold before it was there to be sent."""
    coupons_used: tuple[str, ...] | None = None
    """The codes of the coupons that made it cheaper; None: as it was."""
    points_spent: int | None = None
    """Loyalty points that paid for a part of it; None: as it was."""


async def upsert(viewer: Viewer, facts: OrderFacts) -> UUID:
    """Create the order or bring it up to date; returns its id. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.SERVICE, Role.OWNER, scope=Scope.CATALOGUE)
    _check(facts)

    async def work(tx: Transaction) -> UUID:
        order = await _order_row(tx, viewer.shop_id, facts)
        lines = await _upsert_lines(tx, order, facts)
        await _upsert_captures(tx, order, facts.captures)
        await fulfilment.apply(tx, order, lines, facts.shipments)
        if facts.closed != (order.closed_at is not None):
            order.closed_at = clock.now() if facts.closed else None
        _apply_spent(order, facts)
        order.updated_at = clock.now()
        await order.save(using_db=tx)
        return order.id

    return await database.transaction(work)


# --- checks that need no database -------------------------------------------------------------


def _check(facts: OrderFacts) -> None:
    validation.text("number", facts.number, longest=64)
    validation.currency("currency", facts.currency)
    validation.limited("lines", len(facts.lines), MAX_LINES)
    validation.limited("captures", len(facts.captures), 50)
    validation.limited("shipments", len(facts.shipments), 50)
    if not facts.lines:
        raise InvalidInput(
            field="lines", found="[]", expected="at least one line", zh="至少一件商品"
        )
    _check_spent(facts)
    for i, line in enumerate(facts.lines):
        _check_line(f"lines.{i}", line)
    for i, capture in enumerate(facts.captures):
        _check_capture(f"captures.{i}", capture)
    if len({_name(capture) for capture in facts.captures}) != len(facts.captures):
        raise InvalidInput(
            field="captures", found="twice", expected="each payment once", zh="每笔支付各一次"
        )
    goods = sum(_net(line) for line in facts.lines)
    validation.whole("discount", facts.discount, least=0, most=goods)
    validation.minor_units("shippingAmount", facts.shipping_amount)
    total = validation.minor_units("total", goods - facts.discount + facts.shipping_amount)
    paid = sum(capture.amount for capture in facts.captures)
    if paid > total:
        raise InvalidInput(
            field="captures",
            found=str(paid),
            expected=f"at most the order's total, {total}",
            zh=f"不超过订单总额 {total}",
        )


def _check_spent(facts: OrderFacts) -> None:
    codes = facts.coupons_used or ()
    validation.limited("couponsUsed", len(codes), MAX_COUPONS)
    for i, code in enumerate(codes):
        validation.text(f"couponsUsed.{i}", code, longest=64)
    if facts.points_spent is not None:
        validation.minor_units("pointsSpent", facts.points_spent)


def _name(capture: CaptureFacts) -> tuple[str, str]:
    return capture.gateway.strip(), capture.reference.strip()


def _net(line: LineFacts) -> int:
    return line.unit_price * line.quantity - line.discount


def _check_line(field: str, line: LineFacts) -> None:
    validation.text(f"{field}.sku", line.sku, longest=64)
    validation.text(f"{field}.title", line.title, longest=300, required=False)
    validation.whole(f"{field}.quantity", line.quantity, least=1, most=validation.MAX_QUANTITY)
    validation.minor_units(f"{field}.unitPrice", line.unit_price)
    gross = validation.minor_units(field, line.unit_price * line.quantity)
    validation.whole(f"{field}.discount", line.discount, least=0, most=gross)


def _check_capture(field: str, capture: CaptureFacts) -> None:
    validation.text(f"{field}.gateway", capture.gateway, longest=64)
    validation.text(f"{field}.reference", capture.reference, longest=128)
    validation.minor_units(f"{field}.amount", capture.amount, least=1)
    validation.whole(f"{field}.disputed", capture.disputed, least=0, most=capture.amount)
    validation.limited(f"{field}.metadata", len(capture.metadata), 20)


# --- rows -------------------------------------------------------------------------------------


async def _order_row(tx: Transaction, shop_id: UUID, facts: OrderFacts) -> Order:
    goods = sum(_net(line) for line in facts.lines) - facts.discount
    amounts = {
        "goods_amount": goods,
        "shipping_amount": facts.shipping_amount,
        "total": goods + facts.shipping_amount,
    }
    fresh = Order(
        shop_id=shop_id,
        number=facts.number.strip(),
        currency=facts.currency,
        placed_at=facts.placed_at,
        created_at=clock.now(),
        updated_at=clock.now(),
        **amounts,
    )
    await Order.bulk_create([fresh], ignore_conflicts=True, using_db=tx)
    found = Order.filter(shop_id=shop_id, number=fresh.number).using_db(tx)
    order = await found.select_for_update().get()
    if order.currency != facts.currency:
        raise InvalidInput(field="currency", found=facts.currency, expected=order.currency)
    validation.minor_units("shippingAmount", facts.shipping_amount, least=order.shipping_claimed)
    order.update_from_dict(
        {
            **amounts,
            "placed_at": facts.placed_at,
            "region": validation.region("region", facts.region),
            "presale": facts.presale,
        }
    )
    if facts.customer_reference is not None:
        customer = await customers.customer_row(tx, shop_id, facts.customer_reference)
        order.customer_id = customer.id
    return order


def _apply_spent(order: Order, facts: OrderFacts) -> None:
    """What the customer paid with beside money; each coupon counts once."""
    if facts.coupons_used is not None:
        order.coupons_used = list(dict.fromkeys(code.strip() for code in facts.coupons_used))
    if facts.points_spent is not None:
        order.points_spent = facts.points_spent


async def _upsert_lines(tx: Transaction, order: Order, facts: OrderFacts) -> list[OrderLine]:
    known = {line.position: line for line in await OrderLine.filter(order_id=order.id).using_db(tx)}
    if len(facts.lines) < len(known):
        raise InvalidInput(
            field="lines",
            found=f"{len(facts.lines)} lines",
            expected=f"all {len(known)} lines the order has had so far",
            zh=f"订单已有的全部 {len(known)} 行商品",
        )
    shares = allocate(facts.discount, [_net(line) for line in facts.lines])
    return [
        await _upsert_line(tx, order, known.get(position), position, line, share)
        for position, (line, share) in enumerate(zip(facts.lines, shares, strict=True))
    ]


async def _upsert_line(
    tx: Transaction,
    order: Order,
    known: OrderLine | None,
    position: int,
    facts: LineFacts,
    share: int,
) -> OrderLine:
    sku = facts.sku.strip()
    product = await customers.product_row(tx, order.shop_id, sku, title=facts.title)
    line = known or OrderLine(shop_id=order.shop_id, order_id=order.id, position=position)
    amount = _net(facts) - share
    if known is not None:
        field = f"lines.{position}"
        least = max(line.claimed_quantity, line.shipped_quantity)
        validation.whole(
            f"{field}.quantity", facts.quantity, least=least, most=validation.MAX_QUANTITY
        )
        validation.minor_units(field, amount, least=line.claimed_amount)
    line.product_id, line.sku, line.title = product.id, sku, facts.title.strip() or sku
    line.quantity, line.unit_price = facts.quantity, facts.unit_price
    line.discount, line.amount = facts.discount + share, amount
    await line.save(using_db=tx, force_create=known is None)
    return line


async def _upsert_captures(tx: Transaction, order: Order, captures: Sequence[CaptureFacts]) -> None:
    rows = Capture.filter(order_id=order.id).using_db(tx).select_for_update()
    known = {(row.gateway, row.reference): row for row in await rows.order_by("id")}
    for i, facts in enumerate(captures):
        row = known.get(_name(facts))
        await _upsert_capture(tx, order, row, f"captures.{i}", facts)


async def _upsert_capture(
    tx: Transaction, order: Order, known: Capture | None, field: str, facts: CaptureFacts
) -> None:
    gateway, reference = _name(facts)
    capture = known or Capture(
        shop_id=order.shop_id,
        order_id=order.id,
        gateway=gateway,
        reference=reference,
        currency=order.currency,
    )
    capture.amount = validation.minor_units(
        f"{field}.amount", facts.amount, least=max(1, capture.reserved)
    )
    # A chargeback on money that was refunded already cannot be refused, only shown.
    capture.dispute_told = facts.disputed
    capture.dispute(await held(tx, capture.id))
    capture.metadata = dict(facts.metadata)
    capture.captured_at = facts.captured_at or order.placed_at
    await capture.save(using_db=tx, force_create=known is None)
