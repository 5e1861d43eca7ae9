"""What the shop knows about its own days."""

from datetime import date
from typing import Any

from tortoise import fields

from refund_gql.models.row import ShopRow, mapping, reference


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
