"""What the rows of a file add up to, before the database hears of it: orders and refunds."""

from datetime import datetime
from typing import NamedTuple, TypeVar

D = TypeVar("D")


class CustomerDraft(NamedTuple):
    """Who bought, in the shop's own words."""

    reference: str
    name: str
    email: str


class Parcel(NamedTuple):
    """What a shop knows of a shipment."""

    courier: str
    tracking_number: str
    shipped_at: datetime
    delivered_at: datetime | None


class LineDraft(NamedTuple):
    """One row of the file. Amounts are minor units."""

    sku: str
    title: str | None
    quantity: int
    unit_price: int
    discount: int
    shipped: bool
    delivered: bool
    parcel: Parcel | None

    @property
    def amount(self) -> int:
        """What all units cost after the discount."""
        return self.unit_price * self.quantity - self.discount


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
    """One row of the file; the amount, in minor units, is what was paid back for all units."""

    sku: str
    title: str | None
    quantity: int
    amount: int
    order_number: str | None


class RefundDraft(NamedTuple):
    """All rows of one refund number."""

    number: str
    at: datetime
    customer: CustomerDraft | None
    shipping: int
    lines: tuple[RefundLineDraft, ...]

    @property
    def goods(self) -> int:
        """What was paid back for the lines, in minor units."""
        return sum(line.amount for line in self.lines)
