"""What comes after the money: coupons, what else is given back, and whom the shop looks after."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import (
    CouponPurpose,
    CouponStatus,
    RestitutionKind,
    RestitutionStatus,
)
from refund_gql.models.row import ShopRow, choice, mapping, minor_units, moment, reference


class ErrandRow(ShopRow):
    """Something a CRM system must do once, and how far it has come.

    Number, CRM system and request are stored before the first byte is sent and then stay.
    """

    refund_id: UUID
    status: Any
    number = fields.CharField(max_length=64, unique=True)
    """Ours, and what makes a second call harmless."""
    crm = fields.CharField(max_length=64, null=True)
    """The provider's name; None until the first call."""
    request: Any = mapping()
    """What is sent, at every try the same; emptied when it is done, for it names a person."""
    tries = fields.IntField(default=0)
    """Calls so far."""
    problem = fields.CharField(max_length=64, null=True)
    """Why it is not done: NO_CRM, CRM_DOWN, or a code of the CRM system."""
    error = fields.CharField(max_length=500, null=True)
    """The same in words."""
    wanted_at: datetime = moment()
    """When it was wanted, or staff last had it tried again: its patience begins here."""
    created_at: datetime = moment()

    class Meta:
        abstract = True


class Coupon(ErrandRow):
    """A coupon for a customer. Its amount is minor units of `currency`, the shop's own."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    order: Any = reference("Order", null=True)
    order_id: UUID | None
    """None only for imported history whose order is not known."""
    customer: Any = reference("Customer")
    customer_id: UUID
    evaluation: Any = reference("RuleEvaluation", null=True)
    evaluation_id: UUID | None
    """The evaluation of rules that wanted it; None: a person did."""
    rule: Any = reference("Rule", null=True)
    rule_id: UUID | None
    purpose: CouponPurpose = choice(CouponPurpose)
    status: CouponStatus = choice(CouponStatus, default=CouponStatus.WANTED)
    amount: int = minor_units()
    currency = fields.CharField(max_length=3)
    least_order_amount: int = minor_units(default=0)
    """What an order must reach before the coupon counts; 0: any order."""
    valid_days = fields.IntField(null=True)
    """Counted from the day it is issued; None: it does not end."""
    valid_until: datetime | None = moment(null=True)
    """The end of its last day where the shop is; known from the first call on."""
    code = fields.CharField(max_length=64, null=True)
    """What the customer enters; known when it is issued."""
    wanted_by = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    wanted_by_name = fields.CharField(max_length=200, default="")
    issued_at: datetime | None = moment(null=True)
    revoked_at: datetime | None = moment(null=True)

    class Meta:
        table = "coupon"
        indexes = [("shop_id", "created_at", "id")]
        constraints = [
            CheckConstraint(
                check="amount > 0 AND least_order_amount >= 0", name="coupon_amounts_in_range"
            ),
            UniqueConstraint(
                fields=("refund_id", "rule_id"),
                name="coupon_once_per_refund_and_rule",
                condition="purpose = 'GIFT' AND rule_id IS NOT NULL",
            ),
            UniqueConstraint(
                fields=("order_id",),
                name="coupon_one_compensation_per_order",
                condition="purpose = 'COMPENSATION' AND status <> 'WITHDRAWN'",
            ),
        ]


class Restitution(ErrandRow):
    """Points or a coupon that a customer had paid with, on their way back."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    order: Any = reference("Order")
    order_id: UUID
    customer: Any = reference("Customer")
    customer_id: UUID
    kind: RestitutionKind = choice(RestitutionKind)
    status: RestitutionStatus = choice(RestitutionStatus, default=RestitutionStatus.WANTED)
    points: Any = fields.BigIntField(default=0)
    """POINTS: how many."""
    code = fields.CharField(max_length=64, default="")
    """COUPON: which."""
    restored_at: datetime | None = moment(null=True)

    class Meta:
        table = "restitution"
        constraints = [
            CheckConstraint(
                check="(kind = 'POINTS' AND points > 0 AND code = '')"
                " OR (kind = 'COUPON' AND points = 0 AND code <> '')",
                name="restitution_is_points_or_a_coupon",
            ),
            UniqueConstraint(
                fields=("refund_id",),
                name="restitution_points_once_per_refund",
                condition="kind = 'POINTS'",
            ),
            UniqueConstraint(
                fields=("order_id", "code"),
                name="restitution_coupon_once_per_order",
                condition="kind = 'COUPON'",
            ),
        ]


class CareEntry(ShopRow):
    """A refunded customer whom the shop wants to look after (专属维护名单)."""

    shop: Any = reference("Shop")
    customer: Any = reference("Customer")
    customer_id: UUID
    assignee: Any = reference("Staff", null=True)
    assignee_id: UUID | None
    since: datetime = moment()
    """When the first of its refunds was paid."""
    contacted_at: datetime | None = moment(null=True)
    closed_at: datetime | None = moment(null=True)

    class Meta:
        table = "care_entry"
        indexes = [("shop_id", "since", "id")]
        constraints = [
            UniqueConstraint(
                fields=("customer_id",),
                name="care_one_open_entry_per_customer",
                condition="closed_at IS NULL",
            )
        ]


class CareRefund(ShopRow):
    """A refund that brought its customer onto the care list."""

    shop: Any = reference("Shop")
    entry: Any = reference("CareEntry")
    entry_id: UUID
    refund: Any = reference("Refund")
    refund_id: UUID
    added_at: datetime = moment()

    class Meta:
        table = "care_refund"
        unique_together = (("refund",),)


class CareNote(ShopRow):
    """What somebody of the staff did about an entry. Append-only."""

    shop: Any = reference("Shop")
    entry: Any = reference("CareEntry")
    entry_id: UUID
    kind = fields.CharField(max_length=20)
    """NOTED, CONTACTED, ASSIGNED or CLOSED."""
    text = fields.TextField(default="")
    author = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    author_name = fields.CharField(max_length=200, default="")
    at: datetime = moment()

    class Meta:
        table = "care_note"
