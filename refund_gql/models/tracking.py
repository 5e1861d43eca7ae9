"""What couriers told us about parcels, word for word and once each."""

from datetime import datetime
from typing import Any

from tortoise import fields

from refund_gql.models.row import ShopRow, choice, listing, moment, reference
from refund_gql.providers import TrackingTag


class TrackingCheckpoint(ShopRow):
    """One line of a parcel's history. Append-only; the current state is derived."""

    shop: Any = reference("Shop")
    courier = fields.CharField(max_length=64)
    """The courier plugin's name."""
    tracking_number = fields.CharField(max_length=64)
    digest = fields.CharField(max_length=64)
    """SHA-256 of what was told: the same line is stored once."""
    at: datetime = moment()
    tag: TrackingTag | None = choice(TrackingTag, null=True)
    code = fields.CharField(max_length=64, default="")
    text = fields.CharField(max_length=500, default="")
    place = fields.CharField(max_length=200, default="")
    flags: Any = listing()
    received_at: datetime = moment()

    class Meta:
        table = "tracking_checkpoint"
        unique_together = (("shop", "courier", "tracking_number", "digest"),)
        indexes = [("shop_id", "tracking_number", "at")]
