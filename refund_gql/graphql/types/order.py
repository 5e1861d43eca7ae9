"""Orders as the shop reported them, with what was shipped and captured."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import strawberry

from refund_gql import models
from refund_gql.flow import policy
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Fulfilment
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Column, Node, children, column, enum, json, reference
from refund_gql.graphql.types.customer import Customer, Product
from refund_gql.graphql.types.dispute import Dispute
from refund_gql.graphql.types.following import ShipmentAnomaly
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.tracking import TrackingCheckpoint, tracking
from refund_gql.models.order import fulfilment_of

if TYPE_CHECKING:
    from refund_gql.graphql.types.refund import Refund


def money_column(name: str, description: str) -> Any:
    """A field that is a column of minor units beside the row's currency."""

    def read(root: Any) -> Money:
        return Money(amount=MinorUnits(root.row[name]), currency=root.row["currency"])

    return strawberry.field(
        resolver=read, description=description, metadata={"source": Column(name)}
    )


def line_money(name: str, description: str, *, parent: str) -> Any:
    """A field that is a column of minor units whose currency stands in the parent's row."""

    async def read(root: Any, info: Info) -> Money:
        row = await info.context.rows.one(parent, root.row[f"{parent}_id"])
        assert row is not None, "a line is visible only with its parent"
        return Money(amount=MinorUnits(root.row[name]), currency=row["currency"])

    return strawberry.field(
        resolver=read, description=description, metadata={"source": Column(name)}
    )


@strawberry.type(description="One position of an order.")
class OrderLine(Node):
    table: ClassVar[str] = "order_line"

    position: int = column("position", "Counted from 0.")
    sku: str = column("sku", "The shop's own key of the product.")
    title: str = column("title", "What the customer read.")
    quantity: int = column("quantity", "Units bought.")
    unit_price: Money = line_money("unit_price", "Before discounts.", parent="order")
    discount: Money = line_money(
        "discount", "The line's own plus its share of the order's.", parent="order"
    )
    amount: Money = line_money("amount", "What all units cost.", parent="order")
    shipped_quantity: int = column("shipped_quantity", "Units that left the warehouse.")
    delivered_quantity: int = column("delivered_quantity", "Units that arrived.")
    refundable_quantity: int = strawberry.field(
        resolver=lambda root: root.row["quantity"] - root.row["claimed_quantity"],
        description="Units neither refunded nor asked for.",
    )
    product: Product | None = reference("product_id", "Product", "The product now.")

    @strawberry.field(description="How far the units have come.")
    def fulfilment(self) -> Fulfilment:
        row = self.row
        return fulfilment_of(row["quantity"], row["shipped_quantity"], row["delivered_quantity"])


@strawberry.type(description="A parcel to the customer.")
class Shipment(Node):
    table: ClassVar[str] = "shipment"

    courier: str = column("courier", "Who carries it.")
    tracking_number: str = column("tracking_number", "The courier's number.")
    tracking: list[TrackingCheckpoint] = tracking()
    shipped_at: datetime = column("shipped_at", "UTC.")
    delivered_at: datetime | None = column("delivered_at", "UTC; null: not yet.")
    anomalies: list[ShipmentAnomaly] = children(
        "shipment_id", "ShipmentAnomaly", "What went wrong, oldest first.", order="opened_at, id"
    )

    @strawberry.field(description="By when nine of ten that went the same way arrive; UTC.")
    async def expected_at(self, info: Info) -> datetime:
        rows, row = info.context.rows, self.row
        shop = await rows.one("shop", row["shop_id"])
        order = await rows.one("order", row["order_id"])
        assert shop is not None, "a viewer sees their own shop"
        assert order is not None, "a parcel is visible only with its order"
        lanes = await rows.many("lane", "shop_id", row["shop_id"], "courier, region")
        way = (row["courier"], order["region"])
        hours = {(lane["courier"], lane["region"]): lane["p90_hours"] for lane in lanes}
        sent: datetime = row["shipped_at"]
        return sent + timedelta(hours=hours.get(way, shop["delivery_days"] * 24))


@strawberry.type(description="One payment, or one order's share of it.")
class Capture(Node):
    table: ClassVar[str] = "capture"

    gateway: str = column("gateway", "The payment gateway's name.")
    reference: str = column("reference", "The gateway's own reference.")
    amount: Money = money_column("amount", "What was paid.")
    reserved: Money = money_column("reserved", "What payouts took or are taking of it.")
    disputed: Money = money_column("disputed", "What chargebacks hold of it.")
    dispute_excess: Money = money_column(
        "dispute_excess", "Charged back although refunded: paid twice, for a person to settle."
    )
    captured_at: datetime = column("captured_at", "UTC.")


@strawberry.type(description="What the customer was promised when the order was placed.")
class ReturnTerms:
    policy: int = strawberry.field(description="The number of the shop's policy at the time.")
    promised_days: int = strawberry.field(description="The shop's promise, after delivery.")
    market: str = strawberry.field(description="ISO 3166-1 alpha-2; empty when nothing tells.")
    floor_days: int = strawberry.field(description="What the market's law gives at least.")
    window_days: int = strawberry.field(description="The longer of the two: it counts.")
    window_end: datetime | None = strawberry.field(
        description="From when the customer may ask no more; null while nothing was shipped."
    )


@strawberry.type(description="What a customer bought and paid.")
class Order(Node):
    table: ClassVar[str] = "order"

    number: str = column("number", "The shop's own number.")
    currency: str = column("currency", "ISO 4217.")
    fulfilment: Fulfilment = enum("fulfilment", Fulfilment, "How far the goods have come.")
    goods_amount: Money = money_column("goods_amount", "The lines, after every discount.")
    shipping_amount: Money = money_column("shipping_amount", "What shipping cost the customer.")
    total: Money = money_column("total", "goodsAmount + shippingAmount.")
    region: str = column("region", "Where it is sent to: ISO 3166-2, or the country; or empty.")
    presale: bool = column("presale", "Sold before it was there to be sent.")
    coupons_used: list[str] = json("coupons_used", "Codes of the coupons that made it cheaper.")
    points_spent: MinorUnits = column("points_spent", "Loyalty points that paid for a part of it.")
    placed_at: datetime = column("placed_at", "UTC.")
    closed_at: datetime | None = column("closed_at", "UTC; set: no refund may start.")
    customer: Customer | None = reference("customer_id", "Customer", "Who bought.")
    lines: list[OrderLine] = children(
        "order_id", "OrderLine", "In the shop's order.", order="position"
    )
    shipments: list[Shipment] = children(
        "order_id", "Shipment", "Oldest first.", order="shipped_at, id"
    )
    captures: list[Capture] = children(
        "order_id",
        "Capture",
        "Newest first: the order of refunding.",
        order="captured_at desc, id desc",
    )
    disputes: list[Dispute] = children(
        "order_id", "Dispute", "Chargebacks, oldest first.", order="opened_at, id"
    )

    refunds: list[Annotated["Refund", strawberry.lazy("refund_gql.graphql.types.refund")]] = (
        children("order_id", "Refund", "Newest first.", order="requested_at desc, id desc")
    )

    @strawberry.field(description="Until when the customer may ask, and why until then.")
    async def return_terms(self, info: Info) -> ReturnTerms:
        rows, shop_id = info.context.rows, self.row["shop_id"]
        shop = await rows.one("shop", shop_id)
        assert shop is not None, "an order is visible only with its shop"
        policies = await rows.many("return_policy", "shop_id", shop_id, "number")
        agreed = policy.terms(
            [models.ReturnPolicy(**row) for row in policies],
            placed_at=self.row["placed_at"],
            region=self.row["region"],
            time_zone=shop["time_zone"],
        )
        parcels = await rows.many("shipment", "order_id", self.row["id"], "shipped_at, id")
        return ReturnTerms(
            policy=agreed.policy,
            promised_days=agreed.promised_days,
            market=agreed.market,
            floor_days=agreed.floor_days,
            window_days=agreed.window_days,
            window_end=agreed.window_end([models.Shipment(**row) for row in parcels]),
        )
