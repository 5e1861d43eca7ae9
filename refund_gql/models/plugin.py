"""How a shop has set up the providers that plugins bring."""

from datetime import datetime
from typing import Any

from tortoise import fields

from refund_gql.models.row import ShopRow, mapping, moment, reference


class PluginSettings(ShopRow):
    """A shop's settings of one provider. Secrets lie apart, encrypted, and are never read out."""

    shop: Any = reference("Shop")
    provider = fields.CharField(max_length=64)
    enabled = fields.BooleanField(default=True)
    values: Any = mapping()
    """Field -> value, without the secrets."""
    secrets: Any = mapping()
    """Field -> envelope of the vault: {key, nonce, text}."""
    version = fields.IntField(default=1)
    """Grows with every change, so that every process sees that its connection is out of date."""
    updated_at: datetime = moment()
    updated_by = fields.CharField(max_length=64)
    """KIND:id, as in events."""

    class Meta:
        table = "plugin_settings"
        unique_together = (("shop", "provider"),)


class ProviderHealth(ShopRow):
    """A provider of a shop went down, or came back: the last change, as any process saw it."""

    shop: Any = reference("Shop")
    provider = fields.CharField(max_length=64)
    down_since: datetime | None = moment(null=True)
    """None while it is up."""
    reason = fields.CharField(max_length=500, default="")
    """Why it went down the last time."""
    last_failure_at: datetime = moment()
    changed_at: datetime = moment()

    class Meta:
        table = "provider_health"
        unique_together = (("shop", "provider"),)
