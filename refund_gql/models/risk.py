"""What CRM systems say about customers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields

from refund_gql.models.row import ShopRow, choice, listing, moment, reference
from refund_gql.providers import RiskLevel


class CustomerRisk(ShopRow):
    """The last answer of the shop's CRM systems about one customer."""

    shop: Any = reference("Shop")
    customer: Any = reference("Customer")
    customer_id: UUID
    level: RiskLevel | None = choice(RiskLevel, null=True)
    """The highest of the signals; None when there are none."""
    tier = fields.CharField(max_length=64, null=True)
    signals: Any = listing()
    """[{crm, code, level, text, since, expires_at}]"""
    known = fields.BooleanField()
    """False: not every CRM system answered."""
    asked_at: datetime = moment()

    class Meta:
        table = "customer_risk"
        unique_together = (("shop", "customer"),)
