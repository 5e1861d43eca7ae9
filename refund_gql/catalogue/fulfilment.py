"""What has left the warehouse and what has arrived, per order line."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from refund_gql import validation
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput
from refund_gql.models import Order, OrderLine, Shipment, ShipmentLine
from refund_gql.models.order import fulfilment_of


@dataclass(frozen=True, kw_only=True)
class ShippedLine:
    """So many units of the order line at `position`, counted from 0."""

    position: int
    quantity: int


@dataclass(frozen=True, kw_only=True)
class ShipmentFacts:
    """One parcel; `lines` None means everything that is in no other parcel."""

    courier: str
    tracking_number: str
    shipped_at: datetime
    delivered_at: datetime | None = None
    lines: tuple[ShippedLine, ...] | None = None


async def apply(
    tx: Transaction, order: Order, lines: Sequence[OrderLine], shipments: Sequence[ShipmentFacts]
) -> None:
    """Write the parcels and count, per line and for the order, what was shipped and delivered.

    Raises InvalidInput when parcels hold more than was bought.
    """
    for i, facts in enumerate(shipments):
        await _upsert(tx, order, lines, f"shipments.{i}", facts)
    await _count(tx, order, lines)


async def _upsert(
    tx: Transaction, order: Order, lines: Sequence[OrderLine], field: str, facts: ShipmentFacts
) -> None:
    courier = validation.text(f"{field}.courier", facts.courier, longest=64)
    number = validation.text(f"{field}.trackingNumber", facts.tracking_number, longest=64)
    known = Shipment.filter(order_id=order.id, courier=courier, tracking_number=number)
    shipment = await known.using_db(tx).first()
    fresh = shipment is None
    if shipment is None:
        shipment = Shipment(
            shop_id=order.shop_id, order_id=order.id, courier=courier, tracking_number=number
        )
    shipment.shipped_at, shipment.delivered_at = facts.shipped_at, facts.delivered_at
    await shipment.save(using_db=tx, force_create=fresh)
    if fresh or facts.lines is not None:
        await _write_contents(tx, order, shipment, lines, field, facts.lines)


async def _write_contents(
    tx: Transaction,
    order: Order,
    shipment: Shipment,
    lines: Sequence[OrderLine],
    field: str,
    contents: tuple[ShippedLine, ...] | None,
) -> None:
    await ShipmentLine.filter(shipment_id=shipment.id).using_db(tx).delete()
    packed = await _packed(tx, order)
    if contents is None:
        rest = {line.position: line.quantity - packed[line.id] for line in lines}
        contents = tuple(ShippedLine(position=p, quantity=q) for p, q in rest.items() if q)
    rows = []
    for i, item in enumerate(contents):
        validation.whole(f"{field}.lines.{i}.position", item.position, least=0, most=len(lines) - 1)
        line = lines[item.position]
        most = line.quantity - packed[line.id]
        validation.whole(f"{field}.lines.{i}.quantity", item.quantity, least=1, most=most)
        packed[line.id] += item.quantity
        rows.append(
            ShipmentLine(
                shop_id=order.shop_id,
                shipment_id=shipment.id,
                order_line_id=line.id,
                quantity=item.quantity,
            )
        )
    if len({row.order_line_id for row in rows}) != len(rows):
        raise InvalidInput(
            field=f"{field}.lines",
            found="twice",
            expected="each position once",
            zh="每行商品各一次",
        )
    await ShipmentLine.bulk_create(rows, using_db=tx)


async def _packed(tx: Transaction, order: Order) -> "Counter[object]":
    shipments = await Shipment.filter(order_id=order.id).using_db(tx).values_list("id", flat=True)
    packed: Counter[object] = Counter()
    for row in await ShipmentLine.filter(shipment_id__in=list(shipments)).using_db(tx):
        packed[row.order_line_id] += row.quantity
    return packed


async def _count(tx: Transaction, order: Order, lines: Sequence[OrderLine]) -> None:
    shipments = {row.id: row for row in await Shipment.filter(order_id=order.id).using_db(tx)}
    shipped: Counter[object] = Counter()
    delivered: Counter[object] = Counter()
    for row in await ShipmentLine.filter(shipment_id__in=list(shipments)).using_db(tx):
        shipped[row.order_line_id] += row.quantity
        if shipments[row.shipment_id].delivered_at is not None:
            delivered[row.order_line_id] += row.quantity
    for line in lines:
        line.shipped_quantity, line.delivered_quantity = shipped[line.id], delivered[line.id]
        await line.save(using_db=tx, update_fields=["shipped_quantity", "delivered_quantity"])
    order.fulfilment = fulfilment_of(
        sum(line.quantity for line in lines), shipped.total(), delivered.total()
    )
