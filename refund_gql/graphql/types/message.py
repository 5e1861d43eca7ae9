"""Texts to customers, and what became of them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import MessageKind, MessageStatus
from refund_gql.graphql.sources import Node, column, enum, reference
from refund_gql.graphql.types.customer import Customer
from refund_gql.graphql.types.following import ShipmentAnomaly
from refund_gql.outbox.kinds import KINDS

if TYPE_CHECKING:
    from refund_gql.graphql.types.refund import Refund


@strawberry.type(description="One text to one customer through one channel.")
class Message(Node):
    table: ClassVar[str] = "message"

    kind: MessageKind = enum("event", MessageKind, "What it says.")
    version: int = column("version", "Of the refund's event that it is about.")
    channel: str = column("channel", "The notifier's name.")
    locale: str = column("locale", "zh or en.")
    subject: str = column("subject", "Personal data.")
    text: str = column("text", "Personal data.")
    status: MessageStatus = enum("status", MessageStatus, "Where it stands.")
    failure_code: str | None = column(
        "code",
        "Why it is not sent: a code of the channel, or REFUSED, RETRYABLE, OUTCOME_UNKNOWN, "
        "CHANNEL_UNAVAILABLE, MISCONFIGURED, NO_ADDRESS, OVERTAKEN.",
    )
    error: str | None = column("error", "The same in the channel's words.")
    tries: int = column("tries", "Calls of the channel, since staff last sent it again.")
    resends: int = column("resends", "How often staff sent it again.")
    channel_reference: str | None = column("reference", "The channel's own id.")
    created_at: datetime = column("created_at", "UTC.")
    sent_at: datetime | None = column("sent_at", "When the channel took it; UTC.")
    customer: Customer | None = reference("customer_id", "Customer", "Who it is for.")
    refund: Annotated["Refund", strawberry.lazy("refund_gql.graphql.types.refund")] | None = (
        reference("refund_id", "Refund", "What it is about; null: a parcel.")
    )
    anomaly: ShipmentAnomaly | None = reference(
        "anomaly_id", "ShipmentAnomaly", "What it is about, where that is no refund."
    )

    @strawberry.field(description="The kind in words.")
    def kind_text(self, info: Info) -> str:
        return KINDS[MessageKind(self.row["event"])].label[info.context.locale]
