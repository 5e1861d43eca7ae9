"""What came in from outside and must take effect once: idempotency keys and webhooks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields

from refund_gql.models.row import ShopRow, mapping, moment, reference


class IdempotencyKey(ShopRow):
    """A caller's name for one operation; kept for ever."""

    shop: Any = reference("Shop")
    key = fields.CharField(max_length=255)
    fingerprint = fields.CharField(max_length=64)
    """SHA-256 over operation, caller and input."""
    subject_id: UUID | None = fields.UUIDField(null=True)
    """The row the operation made or changed."""
    problem: Any = fields.JSONField(null=True)
    """The refusal the first call heard: {code, path, data}."""
    created_at: datetime = moment()

    class Meta:
        table = "idempotency_key"
        unique_together = (("shop", "key"),)


class WebhookMessage(ShopRow):
    """What one verified webhook of a provider said: stored once, then handled by a job."""

    shop: Any = reference("Shop")
    provider = fields.CharField(max_length=64)
    event_id = fields.CharField(max_length=128)
    """The provider's id of the message."""
    number = fields.CharField(max_length=64)
    """Our refund number, the parcel's tracking number, or the chargeback's reference."""
    notice: Any = mapping()
    """What was said, in our words; never the raw body."""
    received_at: datetime = moment()
    handled_at: datetime | None = moment(null=True)

    class Meta:
        table = "webhook_message"
        unique_together = (("shop", "provider", "event_id", "number"),)
