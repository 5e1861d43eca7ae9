"""What the rows of a file add up to, before the database hears of it."""

from datetime import datetime
from typing import NamedTuple


class CustomerDraft(NamedTuple):
    """Who bought, in the shop's own words."""

    reference: str
    name: str
    email: str


class Parcel(NamedTuple):
    """A shipment, as far as the shop knows it."""

    courier: str
    tracking_number: str
    shipped_at: datetime
    delivered_at: datetime | None

    @property
    def name(self) -> tuple[str, str]:
        """What an order knows its parcels by."""
        return self.courier, self.tracking_number


class LineDraft(NamedTuple):
    """An order line: one row of the file. Amounts are minor units."""

    sku: str
    title: str | None
    quantity: int
    unit_price: int
    discount: int
    parcel: Parcel | None
    """None while the goods have not left."""

    @property
    def amount(self) -> int:
        """What all units cost after the discount."""
        return self.unit_price * self.quantity - self.discount

    @property
    def shipped_quantity(self) -> int:
        """Units that have left the warehouse."""
        return self.quantity if self.parcel else 0

    @property
    def delivered_quantity(self) -> int:
        """Units that have arrived."""
        return self.quantity if self.parcel and self.parcel.delivered_at else 0


class OrderDraft(NamedTuple):
    """All rows of one order number."""

    number: str
    placed_at: datetime
    customer: CustomerDraft | None
    shipping: int
    lines: tuple[LineDraft, ...]

    @property
    def goods(self) -> int:
        """What the lines cost, in minor units."""
        return sum(line.amount for line in self.lines)


class RefundLineDraft(NamedTuple):
    """A refund line: one row of the file."""

    sku: str
    title: str | None
    quantity: int
    amount: int
    """What was paid back for all units, in minor units."""
    order_number: str | None
    """The order the file says the line is from."""


class RefundDraft(NamedTuple):
    """All rows of one refund number."""

    number: str
    refunded_at: datetime
    customer: CustomerDraft | None
    shipping: int
    lines: tuple[RefundLineDraft, ...]

    @property
    def goods(self) -> int:
        """What was paid back for the lines, in minor units."""
        return sum(line.amount for line in self.lines)


Draft = OrderDraft | RefundDraft
