"""Within which limits staff decide, what they decided, and what they had to ask for."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from refund_gql.flow.discretion import Standing
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import (
    DiscretionStatus,
    DiscretionStep,
    Purpose,
    Role,
    Span,
)
from refund_gql.graphql.rows import Row
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, column, enum, reference
from refund_gql.graphql.types.money import Money

if TYPE_CHECKING:
    from refund_gql.graphql.types.coupon import Coupon
    from refund_gql.graphql.types.refund import Refund
    from refund_gql.graphql.types.shop import Staff

LazyStaff = Annotated["Staff", strawberry.lazy("refund_gql.graphql.types.shop")]
LazyRefund = Annotated["Refund", strawberry.lazy("refund_gql.graphql.types.refund")]
LazyCoupon = Annotated["Coupon", strawberry.lazy("refund_gql.graphql.types.coupon")]


@strawberry.type(description="The limits of one colleague, or of all of a role without their own.")
class Budget(Node):
    table: ClassVar[str] = "budget"

    purpose: Purpose = enum("purpose", Purpose, "What it is for.")
    role: Role | None = enum("role", Role, "Whose; null: a colleague's.")
    staff: LazyStaff | None = reference("staff_id", "Staff", "Whose; null: a role's.")
    updated_at: datetime = column("updated_at", "UTC.")

    @strawberry.field(description="The most for one refund; null: no limit.")
    async def per_case(self, info: Info) -> Money | None:
        return await self._limit(info, "per_case")

    @strawberry.field(description="The most in a day of the shop; null: no limit.")
    async def per_day(self, info: Info) -> Money | None:
        return await self._limit(info, "per_day")

    @strawberry.field(description="The most in a month of the shop; null: no limit.")
    async def per_month(self, info: Info) -> Money | None:
        return await self._limit(info, "per_month")

    async def _limit(self, info: Info, name: str) -> Money | None:
        shop = await info.context.rows.one("shop", self.row["shop_id"])
        assert shop is not None, "a viewer sees their own shop"
        return _money(self.row[name], shop["currency"])


@strawberry.type(description="A colleague's limits for one purpose, and what is used of them.")
class StaffBudget:
    standing: strawberry.Private[Standing]
    currency: strawberry.Private[str]

    @strawberry.field(description="What it is for.")
    def purpose(self) -> Purpose:
        return self.standing.purpose

    @strawberry.field(description="The most for one refund; null: no limit.")
    def per_case(self) -> Money | None:
        return self._limit("per_case")

    @strawberry.field(description="The most in a day; null: no limit.")
    def per_day(self) -> Money | None:
        return self._limit("per_day")

    @strawberry.field(description="The most in a month; null: no limit.")
    def per_month(self) -> Money | None:
        return self._limit("per_month")

    @strawberry.field(description="What was decided today, in the shop's time zone.")
    def used_today(self) -> Money:
        return Money(amount=MinorUnits(self.standing.used[Span.DAY]), currency=self.currency)

    @strawberry.field(description="What was decided this month, in the shop's time zone.")
    def used_this_month(self) -> Money:
        return Money(amount=MinorUnits(self.standing.used[Span.MONTH]), currency=self.currency)

    def _limit(self, name: str) -> Money | None:
        return _money(getattr(self.standing.budget, name, None), self.currency)


@strawberry.type(description="What one decision took of a colleague's budget.")
class DiscretionEntry(Node):
    table: ClassVar[str] = "discretion_entry"

    purpose: Purpose = enum("purpose", Purpose, "Which budget.")
    at: datetime = column("at", "UTC.")
    reversed_at: datetime | None = column("reversed_at", "It came to nothing then; UTC.")
    staff: LazyStaff | None = reference("staff_id", "Staff", "Who decided.")
    refund: LazyRefund | None = reference("refund_id", "Refund", "About what.")
    coupon: LazyCoupon | None = reference("coupon_id", "Coupon", "The coupon that was given.")

    @strawberry.field(description="How much.")
    def amount(self) -> Money:
        return amount_of(self.row)


@strawberry.type(description="A step beyond somebody's budget, for a colleague with more.")
class DiscretionTask(Node):
    table: ClassVar[str] = "discretion_task"

    step: DiscretionStep = enum("step", DiscretionStep, "What is wanted.")
    status: DiscretionStatus = enum("status", DiscretionStatus, "Where it stands.")
    purpose: Purpose = enum("purpose", Purpose, "Which budget it takes.")
    reason: str = column("reason", "In the words of whoever wants it.")
    answer: str = column("answer", "In the words of whoever refused it.")
    asked_at: datetime = column("asked_at", "UTC.")
    decided_at: datetime | None = column("decided_at", "UTC.")
    staff: LazyStaff | None = reference("staff_id", "Staff", "Who wants it.")
    decided_by: LazyStaff | None = reference("decided_by_id", "Staff", "Who answered.")
    refund: LazyRefund | None = reference("refund_id", "Refund", "About what.")

    @strawberry.field(description="How much it takes.")
    def amount(self) -> Money:
        return amount_of(self.row)


def amount_of(row: Row) -> Money:
    """A row's amount in its own currency."""
    return Money(amount=MinorUnits(row["amount"]), currency=row["currency"])


def _money(amount: int | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount=MinorUnits(amount), currency=currency)
