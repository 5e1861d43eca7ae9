"""Webhooks to the shop's own systems: where they go, and what became of each."""

from datetime import datetime
from typing import ClassVar

import orjson
import strawberry

from refund_gql import labels
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import (
    DeliveryStatus,
    DisabledReason,
    EventType,
    Failure,
)
from refund_gql.graphql.scalars import JSON
from refund_gql.graphql.sources import Node, column, enum, json, reference
from refund_gql.graphql.types.following import ShipmentAnomaly
from refund_gql.graphql.types.refund import Refund


def _events(stored: str) -> list[EventType]:
    return [EventType(name) for name in orjson.loads(stored)]


@strawberry.type(description="A URL of the shop's own systems that hears of events.")
class WebhookEndpoint(Node):
    table: ClassVar[str] = "webhook_endpoint"

    url: str = column("url", "Where events are sent.")
    description: str = column("description", "What it is for.")
    events: list[EventType] = column("events", "What it wants; empty: all.", convert=_events)
    previous_secret_until: datetime | None = column(
        "previous_until", "UTC; until then the secret before the last rotation signs too."
    )
    disabled_at: datetime | None = column("disabled_at", "UTC; set: it hears nothing.")
    disabled_reason: DisabledReason | None = enum(
        "disabled_reason", DisabledReason, "Why it hears nothing."
    )
    created_at: datetime = column("created_at", "UTC; earlier events are not sent.")


@strawberry.type(description="One event on its way to one endpoint.")
class WebhookDelivery(Node):
    table: ClassVar[str] = "webhook_delivery"

    endpoint: WebhookEndpoint = reference("endpoint_id", "WebhookEndpoint", "Where it goes.")
    refund: Refund | None = reference("refund_id", "Refund", "What it is about; null: a parcel.")
    anomaly: ShipmentAnomaly | None = reference(
        "anomaly_id", "ShipmentAnomaly", "What it is about, where that is no refund."
    )
    type: str = column("type", "`refund.refunded` and so on.")
    version: int = column("version", "The refund's version after the event; or 0.")
    payload: JSON = json("payload", "The body.")
    status: DeliveryStatus = enum("status", DeliveryStatus, "Where it stands.")
    tries: int = column("tries", "So far, since it was queued or redelivered.")
    response_status: int | None = column("response_status", "HTTP status of the last answer.")
    error: Failure | None = enum("error", Failure, "Why the last try failed.")
    created_at: datetime = column("created_at", "UTC.")
    next_try_at: datetime | None = column("next_try_at", "UTC; while it is queued.")
    delivered_at: datetime | None = column("delivered_at", "UTC.")

    @strawberry.field(description="`webhook-id` of every try.")
    def webhook_id(self) -> strawberry.ID:
        return strawberry.ID(str(self.row["id"]))

    @strawberry.field(description="Why the last try failed, in words.")
    def error_text(self, info: Info) -> str | None:
        return failure_text(self.row["error"], info)


@strawberry.type(description="An endpoint and its fresh secret, which is shown this once.")
class WebhookEndpointSecret:
    endpoint: WebhookEndpoint = strawberry.field(description="Whose secret it is.")
    secret: str = strawberry.field(description="`whsec_...`: verifies what the endpoint receives.")


@strawberry.type(description="What came of a test.")
class WebhookTest:
    delivered: bool = strawberry.field(description="Answered with 2xx.")
    response_status: int | None = strawberry.field(description="HTTP status; null: no answer.")
    error: Failure | None = strawberry.field(description="Why it failed.")

    @strawberry.field(description="Why it failed, in words.")
    def error_text(self, info: Info) -> str | None:
        return failure_text(self.error, info)


def failure_text(failure: str | None, info: Info) -> str | None:
    """What people read for a failure."""
    return None if failure is None else labels.WEBHOOK_FAILURES[failure][info.context.locale]
