"""Coupons that customers were given, and what else was given back to them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from refund_gql.flow import attribution
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import (
    CouponPurpose,
    CouponStatus,
    RestitutionKind,
    RestitutionStatus,
)
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, column, enum, reference
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.order import Order, money_column

if TYPE_CHECKING:
    from refund_gql.graphql.types.customer import Customer
    from refund_gql.graphql.types.refund import Refund
    from refund_gql.graphql.types.rule import Rule

_PROBLEM = "Why it is not done: NO_CRM, CRM_DOWN, CRM_MISCONFIGURED, or a code of the CRM system."


@strawberry.type(description="A coupon for a customer.")
class Coupon(Node):
    table: ClassVar[str] = "coupon"

    number: str = column("number", "The engine's own number, as the CRM system knows it.")
    purpose: CouponPurpose = enum("purpose", CouponPurpose, "Why it is given.")
    status: CouponStatus = enum("status", CouponStatus, "Where it stands.")
    amount: Money = money_column("amount", "What it is worth.")
    least_order_amount: Money = money_column(
        "least_order_amount", "What an order must reach; 0: any order."
    )
    valid_days: int | None = column(
        "valid_days", "Counted from the day it is issued; null: it does not end."
    )
    valid_until: datetime | None = column("valid_until", "UTC; null: no end, or not issued yet.")
    coupon_code: str | None = column("code", "What the customer enters; known when it is issued.")
    crm: str | None = column("crm", "The CRM system that issues it; null: none was asked yet.")
    tries: int = column("tries", "Calls of the CRM system.")
    problem_code: str | None = column("problem", f"{_PROBLEM} ALREADY_USED: it was not revoked.")
    error: str | None = column("error", "The same in words.")
    wanted_by: str = column("wanted_by", "KIND:id.")
    wanted_by_name: str = column("wanted_by_name", "Who gave it.")
    created_at: datetime = column("created_at", "UTC.")
    issued_at: datetime | None = column("issued_at", "UTC.")
    revoked_at: datetime | None = column("revoked_at", "UTC.")
    rule: Annotated["Rule", strawberry.lazy("refund_gql.graphql.types.rule")] | None = reference(
        "rule_id", "Rule", "The rule that gave it; null: a person did."
    )
    customer: Annotated["Customer", strawberry.lazy("refund_gql.graphql.types.customer")] | None = (
        reference("customer_id", "Customer", "Whose it is.")
    )
    refund: Annotated["Refund", strawberry.lazy("refund_gql.graphql.types.refund")] | None = (
        reference("refund_id", "Refund", "What it is given for.")
    )

    @strawberry.field(description="The customer's order on which it was used, once reported.")
    async def redeemed_order(self, info: Info) -> Order | None:
        found = await info.context.rows.found(attribution.REDEEMED_ON, self.row["id"])
        return None if found is None else await Order.read(info, found)


@strawberry.type(description="Points or a coupon that a customer had paid with, given back.")
class Restitution(Node):
    table: ClassVar[str] = "restitution"

    number: str = column("number", "The engine's own number, as the CRM system knows it.")
    kind: RestitutionKind = enum("kind", RestitutionKind, "What it is.")
    status: RestitutionStatus = enum("status", RestitutionStatus, "How far it has come.")
    points: MinorUnits = column("points", "POINTS: how many.")
    coupon_code: str | None = column("code", "COUPON: which.", convert=lambda code: code or None)
    crm: str | None = column("crm", "The CRM system that does it; null: none was asked yet.")
    tries: int = column("tries", "Calls of the CRM system.")
    problem_code: str | None = column("problem", _PROBLEM)
    error: str | None = column("error", "The same in words.")
    created_at: datetime = column("created_at", "UTC.")
    restored_at: datetime | None = column("restored_at", "UTC.")
