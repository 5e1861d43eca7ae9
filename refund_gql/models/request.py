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
    """A provider's message: stored once, then handled by a job."""

    shop: Any = reference("Shop", null=True)
    provider = fields.CharField(max_length=64)
    event_id = fields.CharField(max_length=128)
    number = fields.CharField(max_length=64)
    outcome: Any = mapping()
    received_at: datetime = moment()
    handled_at: datetime | None = moment(null=True)

    class Meta:
        table = "webhook_message"
        unique_together = (("provider", "event_id"),)
