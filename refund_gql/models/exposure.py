"""Money that went ahead of its goods, and what the shop is owed when they do not make up for it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import ClaimReason, ClaimStatus, ExposureRelease
from refund_gql.models.row import ShopRow, choice, minor_units, moment, reference

ANY_TIER = "default"
"""Whose limit holds for customers without a tier, and for tiers without a limit of their own."""


class Exposure(ShopRow):
    """One refund that was paid before its goods came back."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    customer: Any = reference("Customer")
    customer_id: UUID
    tier = fields.CharField(max_length=64, null=True)
    """The customer's at that moment, in the CRM's words."""
    amount: int = minor_units()
    """What was paid, goods and shipping."""
    currency = fields.CharField(max_length=3)
    allowed: int = minor_units()
    """What the tier allowed at that moment, in minor units of the shop's currency."""
    opened_at: datetime = moment()
    due_at: datetime = moment()
    """The customer is reminded when nothing came until then."""
    final_at: datetime = moment()
    """A claim takes its place when nothing came until then."""
    reminded_at: datetime | None = moment(null=True)
    released_at: datetime | None = moment(null=True)
    release: ExposureRelease | None = choice(ExposureRelease, null=True)

    class Meta:
        table = "exposure"
        unique_together = (("shop", "refund"),)
        indexes = [("shop_id", "opened_at", "id")]
        constraints = [
            CheckConstraint(check="amount > 0 AND allowed >= 0", name="exposure_amount_positive"),
            CheckConstraint(
                check="opened_at < due_at AND due_at <= final_at", name="exposure_dates_in_order"
            ),
            CheckConstraint(
                check="(released_at IS NULL) = (release IS NULL)",
                name="exposure_released_for_a_reason",
            ),
        ]


class GoodsClaim(ShopRow):
    """What the shop is owed for goods that are missing or worth less; only people close it."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    customer: Any = reference("Customer")
    customer_id: UUID
    amount: int = minor_units()
    """What would not have been paid, had the goods come first."""
    currency = fields.CharField(max_length=3)
    reason: ClaimReason = choice(ClaimReason)
    status: ClaimStatus = choice(ClaimStatus, default=ClaimStatus.OPEN)
    opened_at: datetime = moment()
    opened_by = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    closed_at: datetime | None = moment(null=True)
    closed_by = fields.CharField(max_length=64, null=True)
    closed_by_name = fields.CharField(max_length=200, default="")
    note = fields.TextField(default="")
    """In the words of whoever opened or closed it."""

    class Meta:
        table = "goods_claim"
        indexes = [("shop_id", "opened_at", "id")]
        constraints = [
            CheckConstraint(check="amount > 0", name="goods_claim_amount_positive"),
            CheckConstraint(
                check="(closed_at IS NULL) = (status = 'OPEN')", name="goods_claim_closed_once"
            ),
            UniqueConstraint(
                fields=("refund_id",),
                name="one_open_claim_per_refund",
                condition="status = 'OPEN'",
            ),
        ]
