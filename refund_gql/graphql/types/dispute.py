"""Chargebacks, as gateways report them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from refund_gql.graphql.enums import DisputeState
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, column, enum, reference
from refund_gql.graphql.types.money import Money

if TYPE_CHECKING:
    from refund_gql.graphql.types.order import Capture, Order

LazyCapture = Annotated["Capture", strawberry.lazy("refund_gql.graphql.types.order")]
LazyOrder = Annotated["Order", strawberry.lazy("refund_gql.graphql.types.order")]


@strawberry.type(description="A chargeback: the payer's bank takes money of a payment back.")
class Dispute(Node):
    table: ClassVar[str] = "dispute"

    gateway: str = column("gateway", "The payment gateway's name.")
    own_reference: str = column("reference", "The gateway's own reference.", name="reference")
    state: DisputeState = enum("state", DisputeState, "Where it stands.")
    cause: str = column("reason", "The gateway's own code; empty: it gave none.")
    opened_at: datetime = column("opened_at", "When the gateway first spoke of it; UTC.")
    closed_at: datetime | None = column("closed_at", "UTC; null: it is open.")
    capture: LazyCapture | None = reference("capture_id", "Capture", "On which payment.")
    order: LazyOrder | None = reference("order_id", "Order", "Of which order.")

    @strawberry.field(description="What it holds of the payment, unless it is won.")
    def amount(self) -> Money:
        return Money(amount=MinorUnits(self.row["amount"]), currency=self.row["currency"])
