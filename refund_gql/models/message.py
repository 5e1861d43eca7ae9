"""What goes out after the commit: texts to people, and webhooks to the shop's own systems."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import DeliveryStatus, MessageStatus
from refund_gql.models.row import ShopRow, choice, listing, mapping, moment, reference


class Template(ShopRow):
    """A shop's own text for one message; without one, the built-in text is used."""

    shop: Any = reference("Shop")
    event = fields.CharField(max_length=40)
    """A kind of message, such as REFUNDED."""
    locale = fields.CharField(max_length=8)
    channel = fields.CharField(max_length=64, default="")
    """A notifier's name; empty for every channel without a template of its own."""
    subject = fields.CharField(max_length=300, default="")
    body = fields.TextField()
    updated_at: datetime = moment()
    updated_by = fields.CharField(max_length=64)

    class Meta:
        table = "template"
        unique_together = (("shop", "event", "locale", "channel"),)


class Message(ShopRow):
    """One text to one person through one channel. The id is made of refund, event and channel,
    so that the same news is never sent twice."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund", null=True)
    refund_id: UUID | None
    anomaly: Any = reference("ShipmentAnomaly", null=True)
    """What it is about, where that is no refund."""
    anomaly_id: UUID | None
    customer: Any = reference("Customer")
    customer_id: UUID
    event = fields.CharField(max_length=40)
    """A kind of message, such as REFUNDED."""
    version = fields.IntField()
    """Of the refund's event that gave rise to it; 0 where there is no refund."""
    channel = fields.CharField(max_length=64)
    """The notifier's name."""
    locale = fields.CharField(max_length=8)
    subject = fields.CharField(max_length=300)
    text = fields.TextField()
    variables: Any = mapping()
    status: MessageStatus = choice(MessageStatus, default=MessageStatus.QUEUED)
    tries = fields.IntField(default=0)
    """Calls of the channel since it was queued, or queued again by hand."""
    resends = fields.IntField(default=0)
    """How often staff sent it again."""
    code = fields.CharField(max_length=64, null=True)
    """Why the last try failed, for programs."""
    error = fields.CharField(max_length=500, null=True)
    """The same in the channel's words."""
    reference = fields.CharField(max_length=128, null=True)
    """The channel's own id."""
    created_at: datetime = moment()
    sent_at: datetime | None = moment(null=True)

    class Meta:
        table = "message"
        indexes = [("shop_id", "created_at", "id"), ("shop_id", "status", "created_at")]
        constraints = [
            CheckConstraint(
                check="num_nonnulls(refund_id, anomaly_id) = 1", name="message_is_about_one_thing"
            )
        ]


class WebhookEndpoint(ShopRow):
    """A URL of the shop's own systems that hears of events."""

    shop: Any = reference("Shop")
    url = fields.CharField(max_length=500)
    description = fields.CharField(max_length=200, default="")
    events: Any = listing()
    """Event types it wants; empty for all."""
    secret: Any = mapping()
    """Envelope of the vault around the signing secret."""
    previous_secret: Any = mapping()
    """The secret before the last change: signs too until `previous_until`."""
    previous_until: datetime | None = moment(null=True)
    disabled_at: datetime | None = moment(null=True)
    disabled_reason = fields.CharField(max_length=40, null=True)
    """BY_STAFF, or GONE when the endpoint answered 410."""
    created_at: datetime = moment()

    class Meta:
        table = "webhook_endpoint"


class WebhookDelivery(ShopRow):
    """One event on its way to one endpoint; the id is the `webhook-id` of every try."""

    shop: Any = reference("Shop")
    endpoint: Any = reference("WebhookEndpoint")
    endpoint_id: UUID
    refund: Any = reference("Refund", null=True)
    refund_id: UUID | None
    anomaly: Any = reference("ShipmentAnomaly", null=True)
    """What it is about, where that is no refund."""
    anomaly_id: UUID | None
    type = fields.CharField(max_length=60)
    """`refund.refunded` and so on."""
    version = fields.IntField()
    """Of the refund's event; 0 where there is no refund."""
    payload: Any = mapping()
    status: DeliveryStatus = choice(DeliveryStatus, default=DeliveryStatus.QUEUED)
    tries = fields.IntField(default=0)
    response_status = fields.IntField(null=True)
    """HTTP status of the last answer; None when there was none."""
    error = fields.CharField(max_length=200, null=True)
    """Why the last try failed, in our words; the answer's body is never kept."""
    created_at: datetime = moment()
    next_try_at: datetime | None = moment(null=True)
    delivered_at: datetime | None = moment(null=True)

    class Meta:
        table = "webhook_delivery"
        unique_together = (("endpoint", "refund", "version"),)
        indexes = [("shop_id", "created_at", "id"), ("shop_id", "status", "created_at")]
        constraints = [
            CheckConstraint(
                check="num_nonnulls(refund_id, anomaly_id) = 1",
                name="webhook_delivery_is_about_one_thing",
            ),
            UniqueConstraint(
                fields=("endpoint_id", "anomaly_id"),
                name="webhook_delivery_once_per_anomaly",
                condition="anomaly_id IS NOT NULL",
            ),
        ]
