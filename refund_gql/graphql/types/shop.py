"""The shop and who works in it."""

from datetime import datetime
from typing import Any, ClassVar

import orjson
import strawberry

from refund_gql.flow import discretion
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import (
    AutoAssign,
    MessageKind,
    Role,
    RuleMatching,
    RuleTrigger,
    Scope,
)
from refund_gql.graphql.scalars import JSON, MinorUnits
from refund_gql.graphql.sources import Node, children, column, enum, json, localized, reference
from refund_gql.graphql.types.discretion import StaffBudget
from refund_gql.graphql.types.exposure_limit import ExposureLimit
from refund_gql.graphql.types.following import ReturnAddress
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.routing import ChannelOrder, CourierRoute, GatewayRoute
from refund_gql.graphql.types.rule import RuleMatchingSetting
from refund_gql.models.exposure import ANY_TIER
from refund_gql.outbox.channels import DEFAULT


@strawberry.type(description="One thing that goods must be when they come back.")
class ReturnChecklistPoint:
    code: str = strawberry.field(description="Stable, for programs.")
    zh: str = strawberry.field(description="In Chinese.")
    en: str = strawberry.field(description="In English.")
    categories: list[str] = strawberry.field(
        description="Of the products it is asked of; none: all."
    )


@strawberry.type(description="A tenant: its settings and the rules of its house.")
class Shop(Node):
    table: ClassVar[str] = "shop"

    handle: str = column("handle", "The shop's name in logins and on the command line.")
    name: str = column("name", "What people call it.")
    currency: str = column("currency", "ISO 4217; orders may have others.")
    time_zone: str = column("time_zone", "IANA name; return windows end at midnight here.")
    locale: str = column("locale", "zh or en.")
    return_window_days: int = column(
        "return_window_days",
        "Days after delivery; orders keep those they were placed under, and what their "
        "market's law gives.",
    )
    return_policies: list["ReturnPolicy"] = children(
        "shop_id", "ReturnPolicy", "What was promised when, newest first.", order="number desc"
    )
    return_days: int = column(
        "return_days", "Refund first: days until the goods must be on their way, or a reminder."
    )
    return_grace_days: int = column(
        "return_grace_days", "Refund first: days after the reminder until a claim."
    )
    dispute_days: int = column("dispute_days", "Days in which a refusal may be disputed; 0: never.")
    offer_hours: int = column("offer_hours", "Hours in which a customer may choose among offers.")
    return_address: str = column(
        "return_address",
        "Where goods are sent back to, unless one of `returnAddresses` takes them.",
    )
    return_requirements: str = localized(
        "return_requirements", "What all goods must look like when they come back."
    )
    return_addresses: list[ReturnAddress] = children(
        "shop_id",
        "ReturnAddress",
        "Where goods go back to instead, first to last.",
        order="position, id",
    )
    delivery_days: int = column(
        "delivery_days", "In which parcels arrive, where their lane has no history."
    )

    @strawberry.field(description="The same point by point.")
    def return_checklist(self) -> list[ReturnChecklistPoint]:
        points: list[dict[str, Any]] = orjson.loads(self.row["return_checklist"])
        return [ReturnChecklistPoint(**point) for point in points]

    auto_assign: AutoAssign = enum("auto_assign", AutoAssign, "Whether cases are dealt out.")

    @strawberry.field(description="At or below this, finance review is skipped.")
    def finance_threshold(self) -> Money:
        amount = MinorUnits(self.row["finance_threshold"])
        return Money(amount=amount, currency=self.row["currency"])

    @strawberry.field(description="What a return parcel costs the shop, as it reckons.")
    def return_cost(self) -> Money:
        amount = MinorUnits(self.row["return_cost"])
        return Money(amount=amount, currency=self.row["currency"])

    @strawberry.field(
        description="A line that an inspection reduces by more is offered to the customer first; "
        "null: no reduction is."
    )
    def reduction_offer_threshold(self) -> Money | None:
        least = self.row["reduction_offer_threshold"]
        if least is None:
            return None
        return Money(amount=MinorUnits(least), currency=self.row["currency"])

    @strawberry.field(description="What may be paid to one customer before the goods are back.")
    def exposure_limits(self) -> list[ExposureLimit]:
        limits: dict[str, int] = orjson.loads(self.row["exposure_limits"])
        return [
            ExposureLimit(
                tier=None if tier == ANY_TIER else tier,
                most=Money(amount=MinorUnits(most), currency=self.row["currency"]),
            )
            for tier, most in limits.items()
        ]

    @strawberry.field(description="Which gateways your words in captures mean.")
    def gateway_routes(self) -> list[GatewayRoute]:
        routes: dict[str, str] = orjson.loads(self.row["gateway_routes"])
        return [GatewayRoute(word=word, provider=name) for word, name in routes.items()]

    @strawberry.field(description="Where parcels of your couriers are followed.")
    def courier_routes(self) -> list[CourierRoute]:
        routes: dict[str, dict[str, str]] = orjson.loads(self.row["courier_routes"])
        return [CourierRoute(word=word, **route) for word, route in routes.items()]

    @strawberry.field(description="How far the rules of each trigger are read.")
    def rule_matching(self) -> list[RuleMatchingSetting]:
        chosen: dict[str, str] = orjson.loads(self.row["rule_matching"])
        return [
            RuleMatchingSetting(
                trigger=trigger, matching=RuleMatching(chosen.get(trigger, RuleMatching.FIRST))
            )
            for trigger in RuleTrigger
        ]

    @strawberry.field(description="Which channels messages to customers take; none: none are sent.")
    def channel_order(self) -> list[ChannelOrder]:
        order: dict[str, list[str]] = orjson.loads(self.row["channel_order"])
        return [
            ChannelOrder(kind=None if kind == DEFAULT else MessageKind(kind), channels=channels)
            for kind, channels in order.items()
        ]


@strawberry.type(description="What the shop promises to orders placed from then on.")
class ReturnPolicy(Node):
    table: ClassVar[str] = "return_policy"

    number: int = column("number", "From 1.")
    window_days: int = column("window_days", "Days after delivery.")
    author_name: str = column("author_name", "Who changed it.")
    since: datetime = column("since", "UTC.")


@strawberry.type(description="A person who works in the shop.")
class Staff(Node):
    table: ClassVar[str] = "staff"

    email: str = column("email", "Also the name at login.")
    name: str = column("name", "What colleagues see.")
    role: Role = enum("role", Role, "What the person may do.")
    active: bool = column("active", "False: cannot log in any more.")
    available: bool = column("available", "At work: cases may be dealt out to them.")
    created_at: datetime = column("created_at", "UTC.")

    @strawberry.field(
        description="How much the person decides alone, and what is used of it; empty where that "
        "is not yours to see."
    )
    async def budgets(self, info: Info) -> list[StaffBudget]:
        viewer = info.context.known_viewer
        if viewer.role is not Role.OWNER and viewer.staff_id != self.row["id"]:
            return []
        standings = await discretion.standings(viewer, self.row["id"], Role(self.row["role"]))
        shop = await info.context.rows.one("shop", self.row["shop_id"])
        assert shop is not None, "a viewer sees their own shop"
        return [StaffBudget(standing=found, currency=shop["currency"]) for found in standings]


@strawberry.type(description="A bearer token of a program or of a login.")
class ApiToken(Node):
    table: ClassVar[str] = "api_token"

    name: str = column("name", "What it is for.")
    role: Role = enum("role", Role, "Whose rights it has.")
    scopes: JSON = json("scopes", "For SERVICE: what it may do.")
    prefix: str = column("prefix", "The part of the token that is no secret.")
    staff: Staff | None = reference("staff_id", "Staff", "Who logged in; null: a program.")
    created_at: datetime = column("created_at", "UTC.")
    expires_at: datetime | None = column("expires_at", "UTC; null: never.")
    revoked_at: datetime | None = column("revoked_at", "UTC; set: it no longer works.")


@strawberry.type(description="A fresh token. The text is shown this once.")
class IssuedToken:
    token: str = strawberry.field(description="Send it as `Authorization: Bearer ...`.")
    expires_at: datetime | None = strawberry.field(description="UTC; null: never.")
    token_id: strawberry.ID | None = strawberry.field(
        description="For `apiTokenRevoke`; null for a customer's session."
    )


@strawberry.type(description="Who is asking.")
class Viewer:
    name: str = strawberry.field(description="The person's or the token's name.")
    role: Role = strawberry.field(description="What the caller is.")
    scopes: list[Scope] = strawberry.field(description="For SERVICE.")

    @strawberry.field(description="The shop the caller belongs to.")
    async def shop(self, info: Info) -> Shop:
        shop = await Shop.read(info, info.context.known_viewer.shop_id)
        assert shop is not None, "a viewer has a shop"
        return shop
