"""What the shop tells us: customers, products, orders, what was shipped and what was captured.

The flow never edits these rows except for the counters that guard the money: what is claimed of
an order line, and what is reserved of a capture. The database itself refuses to exceed either.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.choices import Fulfilment
from refund_gql.models.row import ShopRow, choice, listing, mapping, minor_units, moment, reference


class Customer(ShopRow):
    """A customer of the shop, known by the shop's own reference."""

    shop: Any = reference("Shop")
    reference = fields.CharField(max_length=64)
    name = fields.CharField(max_length=200, default="")
    email = fields.CharField(max_length=320, default="")
    phone = fields.CharField(max_length=40, default="")
    locale = fields.CharField(max_length=8, default="zh")
    contacts: Any = mapping()
    """Further addresses for channels by name, such as `wechat_openid`."""
    channels: Any = listing()
    """Notifiers the customer prefers, best first; before the shop's own order."""
    created_at: datetime = moment()

    class Meta:
        table = "customer"
        unique_together = (("shop", "reference"),)


class Product(ShopRow):
    """A thing the shop sells."""

    shop: Any = reference("Shop")
    sku = fields.CharField(max_length=64)
    title = fields.CharField(max_length=300)
    category = fields.CharField(max_length=100, default="")
    created_at: datetime = moment()

    class Meta:
        table = "product"
        unique_together = (("shop", "sku"),)


class Order(ShopRow):
    """What a customer bought and paid. Amounts are minor units of `currency`."""

    shop: Any = reference("Shop")
    customer: Any = reference("Customer", null=True)
    customer_id: UUID | None
    number = fields.CharField(max_length=64)
    currency = fields.CharField(max_length=3)
    fulfilment: Fulfilment = choice(Fulfilment, default=Fulfilment.UNSHIPPED)
    goods_amount: int = minor_units()
    """What the lines cost after every discount."""
    shipping_amount: int = minor_units(default=0)
    shipping_claimed: int = minor_units(default=0)
    """How much of the shipping is refunded or on its way back."""
    total: int = minor_units()
    """goods_amount + shipping_amount: what the customer was asked to pay."""
    region = fields.CharField(max_length=6, default="", db_default="")
    """Where it is sent to: ISO 3166-2 (CN-31), or the country alone; empty when not said."""
    presale = fields.BooleanField(default=False, db_default=False)
    """Sold before it was there to be sent."""
    coupons_used: Any = listing()
    """The codes of the coupons that made it cheaper."""
    points_spent: Any = fields.BigIntField(default=0, db_default=0)
    """Loyalty points that paid for a part of it."""
    placed_at: datetime = moment()
    closed_at: datetime | None = moment(null=True)
    """Set by the shop when no refund may start any more."""
    created_at: datetime = moment()
    updated_at: datetime = moment()

    class Meta:
        table = "order"
        unique_together = (("shop", "number"),)
        indexes = [("shop_id", "placed_at", "id")]
        constraints = [
            CheckConstraint(
                check="goods_amount >= 0 AND shipping_amount >= 0"
                " AND total = goods_amount + shipping_amount",
                name="order_total_is_its_parts",
            ),
            CheckConstraint(
                check="shipping_claimed BETWEEN 0 AND shipping_amount",
                name="order_shipping_not_over_claimed",
            ),
            CheckConstraint(check="points_spent >= 0", name="order_points_not_negative"),
        ]


class OrderLine(ShopRow):
    """One position of an order; `amount` is what all its units cost after discounts."""

    shop: Any = reference("Shop")
    order: Any = reference("Order")
    order_id: UUID
    product: Any = reference("Product", null=True)
    product_id: UUID | None
    position = fields.IntField()
    sku = fields.CharField(max_length=64)
    title = fields.CharField(max_length=300)
    quantity = fields.IntField()
    unit_price: int = minor_units()
    discount: int = minor_units(default=0)
    """The line's own discount plus its share of the order's."""
    amount: int = minor_units()
    shipped_quantity = fields.IntField(default=0)
    delivered_quantity = fields.IntField(default=0)
    claimed_quantity = fields.IntField(default=0)
    """Units refunded, or asked for by a refund that is not over."""
    claimed_amount: int = minor_units(default=0)
    """What the claimed units are worth, even where less was granted for them."""

    class Meta:
        table = "order_line"
        unique_together = (("order", "position"),)
        constraints = [
            CheckConstraint(
                check="amount = unit_price * quantity - discount AND amount >= 0 AND discount >= 0",
                name="order_line_amount_is_its_parts",
            ),
            CheckConstraint(
                check="quantity > 0 AND shipped_quantity BETWEEN 0 AND quantity"
                " AND delivered_quantity BETWEEN 0 AND shipped_quantity",
                name="order_line_quantities_nested",
            ),
            CheckConstraint(
                check="claimed_quantity BETWEEN 0 AND quantity",
                name="order_line_quantity_not_over_claimed",
            ),
            CheckConstraint(
                check="claimed_amount BETWEEN 0 AND amount",
                name="order_line_amount_not_over_claimed",
            ),
        ]

    @property
    def fulfilment(self) -> Fulfilment:
        """How far this line's units have left the warehouse."""
        return fulfilment_of(self.quantity, self.shipped_quantity, self.delivered_quantity)


def fulfilment_of(quantity: int, shipped: int, delivered: int) -> Fulfilment:
    """The state of `quantity` units of which so many were shipped and delivered."""
    if shipped == 0:
        return Fulfilment.UNSHIPPED
    if delivered >= quantity:
        return Fulfilment.DELIVERED
    return Fulfilment.SHIPPED if shipped >= quantity else Fulfilment.PARTLY_SHIPPED


class Shipment(ShopRow):
    """A parcel to the customer."""

    shop: Any = reference("Shop")
    order: Any = reference("Order")
    order_id: UUID
    courier = fields.CharField(max_length=64)
    tracking_number = fields.CharField(max_length=64)
    shipped_at: datetime = moment()
    delivered_at: datetime | None = moment(null=True)

    class Meta:
        table = "shipment"
        unique_together = (("order", "courier", "tracking_number"),)
        indexes = [("shop_id", "tracking_number"), ("delivered_at", "shipped_at")]


class ShipmentLine(ShopRow):
    """How many units of an order line are in a parcel."""

    shop: Any = reference("Shop")
    shipment: Any = reference("Shipment")
    shipment_id: UUID
    order_line: Any = reference("OrderLine")
    order_line_id: UUID
    quantity = fields.IntField()

    class Meta:
        table = "shipment_line"
        unique_together = (("shipment", "order_line"),)
        constraints = [
            CheckConstraint(check="quantity > 0", name="shipment_line_quantity_positive")
        ]


class Capture(ShopRow):
    """One payment (or one order's share of a payment) that can be refunded.

    The cap: amount - reserved - disputed >= 0, at every instant, held by the database.
    """

    shop: Any = reference("Shop")
    order: Any = reference("Order")
    order_id: UUID
    gateway = fields.CharField(max_length=64)
    """The provider's name in the plugin registry."""
    reference = fields.CharField(max_length=128)
    """The provider's own reference of the payment."""
    amount: int = minor_units()
    currency = fields.CharField(max_length=3)
    reserved: int = minor_units(default=0)
    """The sum of all payouts that are neither rejected nor reversed, and of imported history."""
    disputed: int = minor_units(default=0)
    """What a chargeback holds, as far as it was not refunded before."""
    dispute_excess: int = minor_units(default=0)
    """What a chargeback took although it had been refunded: paid twice, for a person to settle."""
    dispute_told: int = minor_units(default=0, added=True)
    """What the shop says that chargebacks hold; what the gateway says stands in `Dispute`."""
    metadata: Any = mapping()
    captured_at: datetime = moment()
    last_sent_at: datetime | None = moment(null=True)
    """When the last refund of this capture was sent to the gateway."""

    class Meta:
        table = "capture"
        unique_together = (("order", "gateway", "reference"),)
        constraints = [
            CheckConstraint(
                check="amount > 0 AND reserved >= 0 AND disputed >= 0 AND dispute_excess >= 0"
                " AND amount - reserved - disputed >= 0",
                name="capture_never_over_refunded",
            )
        ]

    def dispute(self, held: int) -> None:
        """Chargebacks hold as much as the shop says, or `held` as the gateway does: the greater,
        since both may speak of the same. What was refunded before is excess."""
        total = min(max(self.dispute_told, held), self.amount)
        self.disputed = min(total, self.amount - self.reserved)
        self.dispute_excess = total - self.disputed
