"""What the shop's own history says, counted beforehand, and what it knows about its days."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.models.row import ShopRow, mapping, moment, reference


class ProductRate(ShopRow):
    """How often a product that was ordered of late has come back."""

    shop: Any = reference("Shop")
    product: Any = reference("Product")
    product_id: UUID
    sold = fields.IntField()
    """Order lines."""
    refunded = fields.IntField()
    """Of these, with a refund that was neither refused nor withdrawn."""
    counted_at: datetime = moment()

    class Meta:
        table = "product_rate"
        unique_together = (("shop", "product"),)
        constraints = [
            CheckConstraint(
                check="sold > 0 AND refunded BETWEEN 0 AND sold", name="product_rate_in_range"
            )
        ]


class CampaignDay(ShopRow):
    """One day of the shop's campaign calendar, or one of the usual ones that it leaves out."""

    shop: Any = reference("Shop")
    code = fields.CharField(max_length=64)
    """The same every year."""
    on: date = fields.DateField()
    labels: Any = mapping()
    """Locale -> name."""
    left_out = fields.BooleanField(default=False)
    """True: a usual campaign in which this shop takes no part."""

    class Meta:
        table = "campaign_day"
        unique_together = (("shop", "on", "code"),)
