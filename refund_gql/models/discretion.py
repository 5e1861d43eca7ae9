"""Within which limits staff decide, what they have decided, and what they had to ask for."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import DiscretionStatus, DiscretionStep, Purpose
from refund_gql.models.row import ShopRow, choice, mapping, minor_units, moment, reference
from refund_gql.roles import Role

_LIMITS = ("per_case", "per_day", "per_month")


class Budget(ShopRow):
    """The limits of one member of staff, or of everybody of a role who has none of their own.

    Minor units of the shop's currency; None is no limit.
    """

    shop: Any = reference("Shop")
    staff: Any = reference("Staff", null=True)
    staff_id: UUID | None
    role: Role | None = choice(Role, null=True)
    purpose: Purpose = choice(Purpose)
    per_case: int | None = fields.BigIntField(null=True)
    per_day: int | None = fields.BigIntField(null=True)
    per_month: int | None = fields.BigIntField(null=True)
    updated_at: datetime = moment()

    class Meta:
        table = "budget"
        constraints = [
            CheckConstraint(
                check="(staff_id IS NULL) <> (role IS NULL)", name="budget_of_a_person_or_a_role"
            ),
            CheckConstraint(
                check=" AND ".join(f"({limit} IS NULL OR {limit} >= 0)" for limit in _LIMITS),
                name="budget_not_negative",
            ),
            UniqueConstraint(
                fields=("staff_id", "purpose"),
                name="one_budget_per_person_and_purpose",
                condition="staff_id IS NOT NULL",
            ),
            UniqueConstraint(
                fields=("shop_id", "role", "purpose"),
                name="one_budget_per_role_and_purpose",
                condition="role IS NOT NULL",
            ),
        ]


class DiscretionEntry(ShopRow):
    """What one decision took of somebody's budget; reversed when it came to nothing."""

    shop: Any = reference("Shop")
    staff: Any = reference("Staff")
    staff_id: UUID
    refund: Any = reference("Refund")
    refund_id: UUID
    coupon: Any = reference("Coupon", null=True)
    coupon_id: UUID | None
    """Of which coupon; it stays with the customer, whatever becomes of the refund."""
    purpose: Purpose = choice(Purpose)
    amount: int = minor_units()
    currency = fields.CharField(max_length=3)
    at: datetime = moment()
    reversed_at: datetime | None = moment(null=True)

    class Meta:
        table = "discretion_entry"
        indexes = [("staff_id", "purpose", "at"), ("shop_id", "at", "id")]
        constraints = [CheckConstraint(check="amount > 0", name="discretion_entry_positive")]


class DiscretionTask(ShopRow):
    """A step that was beyond somebody's budget, for a colleague with more."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    staff: Any = reference("Staff")
    staff_id: UUID
    """Who wanted it; never who decides."""
    step: DiscretionStep = choice(DiscretionStep)
    input: Any = mapping()
    """What the step takes, as JSON."""
    status: DiscretionStatus = choice(DiscretionStatus, default=DiscretionStatus.OPEN)
    purpose: Purpose = choice(Purpose)
    amount: int = minor_units()
    """What it would take of a budget."""
    currency = fields.CharField(max_length=3)
    reason = fields.TextField(default="")
    """In the words of whoever wanted it."""
    asked_at: datetime = moment()
    decided_by: Any = reference("Staff", null=True)
    decided_by_id: UUID | None
    decided_at: datetime | None = moment(null=True)
    answer = fields.TextField(default="")
    """In the words of whoever refused it."""

    class Meta:
        table = "discretion_task"
        indexes = [("shop_id", "asked_at", "id")]
        constraints = [
            CheckConstraint(
                check="(decided_at IS NULL) = (status = 'OPEN')",
                name="discretion_task_decided_once",
            ),
            CheckConstraint(
                check="decided_by_id IS NULL OR decided_by_id <> staff_id",
                name="discretion_task_decided_by_another",
            ),
            UniqueConstraint(
                fields=("refund_id", "staff_id", "step"),
                name="one_open_discretion_task",
                condition="status = 'OPEN'",
            ),
        ]
