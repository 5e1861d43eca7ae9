"""Orders of the past become orders of the engine: lines, parcels and one capture."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from refund_gql import models
from refund_gql.choices import Fulfilment
from refund_gql.database import Transaction
from refund_gql.importing.catalogue import Additions, Catalogue
from refund_gql.importing.chunk import Chunk, Importer
from refund_gql.importing.copying import CopyTable, Fetch
from refund_gql.importing.draft import LineDraft, OrderDraft
from refund_gql.importing.mapping import OrderMapping
from refund_gql.models.order import fulfilment_of

_ORDERS = CopyTable(
    models.Order, "id", "shop_id", "customer_id", "number", "currency", "fulfilment",
    "goods_amount", "shipping_amount", "total", "placed_at", "created_at", "updated_at",
)  # fmt: skip
_LINES = CopyTable(
    models.OrderLine, "id", "shop_id", "order_id", "product_id", "position", "sku", "title",
    "quantity", "unit_price", "discount", "amount", "shipped_quantity", "delivered_quantity",
)  # fmt: skip
_CAPTURES = CopyTable(
    models.Capture, "id", "shop_id", "order_id", "gateway", "reference", "amount", "currency",
    "captured_at",
)  # fmt: skip
_SHIPMENTS = CopyTable(
    models.Shipment, "id", "shop_id", "order_id", "courier", "tracking_number", "shipped_at",
    "delivered_at",
)  # fmt: skip
_SHIPMENT_LINES = CopyTable(
    models.ShipmentLine, "id", "shop_id", "shipment_id", "order_line_id", "quantity"
)
_EXISTING = 'select number from "order" where shop_id = $1 and number = any($2)'

Row = tuple[object, ...]


class OrderImporter(Importer[OrderDraft]):
    """Writes orders into one shop."""

    def __init__(self, shop: models.Shop, mapping: OrderMapping, now: datetime) -> None:
        self.shop, self.mapping, self.now = shop, mapping, now
        self.catalogue = Catalogue(shop, now)

    async def prepare(self, fetch: Fetch, drafts: Sequence[OrderDraft]) -> "OrderChunk":
        numbers = [draft.number for draft in drafts]
        known = {row["number"] for row in await fetch(_EXISTING, self.shop.id, numbers)}
        new = [draft for draft in drafts if draft.number not in known]
        additions = await self.catalogue.complete(
            fetch, [draft.customer for draft in new if draft.customer], _titles(new)
        )
        chunk = OrderChunk(importer=self, additions=additions)
        for draft in new:
            chunk.add(draft)
        lines = sum(len(draft.lines) for draft in drafts)
        chunk.counts.update(
            orders=len(new),
            orders_existing=len(known),
            rows=len(chunk.lines),
            rows_existing=lines - len(chunk.lines),
            amount=sum(draft.goods + draft.shipping for draft in new),
            captures=len(chunk.captures),
            customers=len(additions.customers),
            products=len(additions.products),
        )
        return chunk


@dataclass(frozen=True, kw_only=True)
class OrderChunk(Chunk):
    """The rows of some orders, table by table."""

    importer: OrderImporter
    additions: Additions
    counts: Counter[str] = field(default_factory=Counter)
    orders: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    captures: list[Row] = field(default_factory=list)
    shipments: list[Row] = field(default_factory=list)
    shipment_lines: list[Row] = field(default_factory=list)

    async def write(self, tx: Transaction) -> None:
        await self.additions.write(tx)
        await _ORDERS.write(tx, self.orders)
        await _LINES.write(tx, self.lines)
        await _CAPTURES.write(tx, self.captures)
        await _SHIPMENTS.write(tx, self.shipments)
        await _SHIPMENT_LINES.write(tx, self.shipment_lines)

    def committed(self) -> None:
        self.importer.catalogue.learn(self.additions)

    def add(self, draft: OrderDraft) -> None:
        """The rows of one order."""
        shop_id, mapping, now = self.importer.shop.id, self.importer.mapping, self.importer.now
        order_id, goods = models.new_id(), draft.goods
        total = goods + draft.shipping
        self.orders.append((
            order_id, shop_id, self._customer(draft), draft.number, mapping.currency,
            _fulfilment(draft.lines), goods, draft.shipping, total, draft.placed_at, now, now,
        ))  # fmt: skip
        line_ids = [
            self._add_line(order_id, position, line) for position, line in enumerate(draft.lines)
        ]
        self._add_parcels(order_id, draft.lines, line_ids)
        if total:
            self.captures.append((
                models.new_id(), shop_id, order_id, mapping.gateway, draft.number, total,
                mapping.currency, draft.placed_at,
            ))  # fmt: skip

    def _customer(self, draft: OrderDraft) -> UUID | None:
        if draft.customer is None:
            return None
        reference = draft.customer.reference
        known = self.importer.catalogue.customers.get(reference)
        return known or self.additions.customers[reference]

    def _add_line(self, order_id: UUID, position: int, line: LineDraft) -> UUID:
        line_id = models.new_id()
        product = self.importer.catalogue.products.get(line.sku)
        self.lines.append((
            line_id, self.importer.shop.id, order_id,
            product or self.additions.products[line.sku], position, line.sku,
            line.title or line.sku, line.quantity, line.unit_price, line.discount, line.amount,
            line.shipped_quantity, line.delivered_quantity,
        ))  # fmt: skip
        return line_id

    def _add_parcels(
        self, order_id: UUID, lines: Sequence[LineDraft], line_ids: Sequence[UUID]
    ) -> None:
        shop_id = self.importer.shop.id
        parcels = {line.parcel.name: line.parcel for line in lines if line.parcel}
        shipment_ids = {name: models.new_id() for name in parcels}
        for name, parcel in parcels.items():
            self.shipments.append((shipment_ids[name], shop_id, order_id, *parcel))
        for line, line_id in zip(lines, line_ids, strict=True):
            if line.parcel:
                shipment_id = shipment_ids[line.parcel.name]
                self.shipment_lines.append(
                    (models.new_id(), shop_id, shipment_id, line_id, line.quantity)
                )


def _titles(drafts: Sequence[OrderDraft]) -> dict[str, str]:
    """SKU -> the first title that the file gives it, else the SKU itself."""
    titles: dict[str, str] = {}
    for draft in drafts:
        for line in draft.lines:
            if line.title:
                titles.setdefault(line.sku, line.title)
    return {line.sku: titles.get(line.sku, line.sku) for draft in drafts for line in draft.lines}


def _fulfilment(lines: Sequence[LineDraft]) -> Fulfilment:
    return fulfilment_of(
        sum(line.quantity for line in lines),
        sum(line.shipped_quantity for line in lines),
        sum(line.delivered_quantity for line in lines),
    )
