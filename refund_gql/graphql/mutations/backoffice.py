"""The shop itself: settings, people, tokens, reasons."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import strawberry

from refund_gql import ids
from refund_gql.backoffice import shops, staff, tags
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import AutoAssign, Role, Scope
from refund_gql.graphql.mutations import routing_inputs
from refund_gql.graphql.mutations.answers import answer
from refund_gql.graphql.mutations.routing_inputs import (
    ChannelOrderInput,
    CourierRouteInput,
    ExposureLimitInput,
    GatewayRouteInput,
    RuleMatchingInput,
)
from refund_gql.graphql.problems import AlreadyExists, InvalidInput, NotAllowed, NotFound
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.reason import ReasonTag
from refund_gql.graphql.types.shop import ApiToken, IssuedToken, Shop, Staff

T = TypeVar("T")
V = TypeVar("V")

ShopUpdateResult = Annotated[
    Shop | InvalidInput | NotAllowed,
    strawberry.union("ShopUpdateResult", description="The shop as it is now, or why not."),
]
StaffCreateResult = Annotated[
    Staff | InvalidInput | NotAllowed | AlreadyExists,
    strawberry.union("StaffCreateResult", description="The new colleague, or why there is none."),
]
TokenResult = Annotated[
    IssuedToken | InvalidInput | NotAllowed | NotFound,
    strawberry.union("TokenResult", description="A fresh token, or why there is none."),
]
TokenRevokeResult = Annotated[
    ApiToken | InvalidInput | NotAllowed | NotFound,
    strawberry.union("TokenRevokeResult", description="The dead token, or why it lives."),
]
ReasonTagResult = Annotated[
    ReasonTag | InvalidInput | NotAllowed | NotFound | AlreadyExists,
    strawberry.union("ReasonTagResult", description="The tag as it is now, or why not."),
]


@strawberry.input(description="A text in one or both languages.")
class LocalizedText:
    zh: str | None = strawberry.field(default=None, description="Chinese.")
    en: str | None = strawberry.field(default=None, description="English.")

    def value(self) -> dict[str, str]:
        return {k: v for k, v in (("zh", self.zh), ("en", self.en)) if v is not None}


@strawberry.input(description="Null leaves a field as it is.")
class ShopInput:
    name: str | None = strawberry.field(default=None, description="What people call it.")
    time_zone: str | None = strawberry.field(default=None, description="IANA name.")
    locale: str | None = strawberry.field(default=None, description="zh or en.")
    finance_threshold: MinorUnits | None = strawberry.field(
        default=None, description="Minor units of the shop's currency."
    )
    return_window_days: int | None = strawberry.field(
        default=None, description="Days after delivery."
    )
    return_address: str | None = strawberry.field(default=None, description="For parcels.")
    return_requirements: LocalizedText | None = strawberry.field(
        default=None, description="What the goods must look like when they come back."
    )
    gateway_routes: list[GatewayRouteInput] | None = strawberry.field(
        default=None,
        description="Replaces all routes; a word without one is the plugin's own name.",
    )
    courier_routes: list[CourierRouteInput] | None = strawberry.field(
        default=None, description="Replaces all routes; a courier without one is not followed."
    )
    rule_matching: list[RuleMatchingInput] | None = strawberry.field(
        default=None, description="Replaces the whole choice; FIRST where a trigger is left out."
    )
    exposure_limits: list[ExposureLimitInput] | None = strawberry.field(
        default=None,
        description="Replaces all limits; nothing may go first where none is given.",
    )
    return_days: int | None = strawberry.field(
        default=None, description="Refund first: days until the reminder, 1 to 365."
    )
    return_grace_days: int | None = strawberry.field(
        default=None, description="Refund first: days from the reminder to the claim, 0 to 365."
    )
    dispute_days: int | None = strawberry.field(
        default=None, description="Days in which a refusal may be disputed, 0 to 365; 0: never."
    )
    offer_hours: int | None = strawberry.field(
        default=None, description="Hours in which a customer may choose among offers, 1 to 720."
    )
    return_cost: MinorUnits | None = strawberry.field(
        default=None, description="What a return parcel costs you, in minor units."
    )
    reduction_offer_threshold: MinorUnits | None = strawberry.field(
        default=None,
        description="Minor units: a line reduced by more at inspection is offered first.",
    )
    delivery_days: int | None = strawberry.field(
        default=None, description="In which parcels arrive, 1 to 90; where no history tells."
    )
    channel_order: list[ChannelOrderInput] | None = strawberry.field(
        default=None, description="Replaces the whole order; an empty list: no messages at all."
    )
    auto_assign: AutoAssign | None = strawberry.field(
        default=None, description="BY_LOAD: to whoever is at work and has the fewest cases."
    )

    def value(self) -> shops.ShopFacts:
        requirements = self.return_requirements
        return shops.ShopFacts(
            name=self.name,
            time_zone=self.time_zone,
            locale=self.locale,
            finance_threshold=self.finance_threshold,
            return_window_days=self.return_window_days,
            return_address=self.return_address,
            return_requirements=requirements.value() if requirements else None,
            gateway_routes=_if_given(self.gateway_routes, routing_inputs.gateways),
            courier_routes=_if_given(self.courier_routes, routing_inputs.couriers),
            rule_matching=_if_given(self.rule_matching, routing_inputs.rule_matching),
            exposure_limits=_if_given(self.exposure_limits, routing_inputs.exposure_limits),
            return_days=self.return_days,
            return_grace_days=self.return_grace_days,
            dispute_days=self.dispute_days,
            offer_hours=self.offer_hours,
            return_cost=self.return_cost,
            reduction_offer_threshold=self.reduction_offer_threshold,
            delivery_days=self.delivery_days,
            channel_order=_if_given(self.channel_order, routing_inputs.channels),
            auto_assign=self.auto_assign,
        )


def _if_given(value: T | None, convert: Callable[[T], V]) -> V | None:
    return None if value is None else convert(value)


@strawberry.input(description="A new colleague.")
class StaffInput:
    email: str = strawberry.field(description="Also the name at login.")
    name: str = strawberry.field(description="What colleagues see.")
    role: Role = strawberry.field(description="What the person may do.")
    password: str = strawberry.field(description="10 to 200 characters.")

    def value(self) -> staff.NewStaff:
        return staff.NewStaff(
            email=self.email, name=self.name, role=self.role, password=self.password
        )


@strawberry.input(description="A login.")
class StaffLoginInput:
    shop: str = strawberry.field(description="The shop's handle.")
    email: str = strawberry.field(description="The colleague's.")
    password: str = strawberry.field(description="Theirs.")


@strawberry.input(description="A token for a program.")
class ApiTokenInput:
    name: str = strawberry.field(description="What it is for.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    expires_at: datetime | None = strawberry.field(default=None, description="UTC; null: never.")


@strawberry.input(description="Null leaves a field as it is.")
class ReasonTagInput:
    labels: LocalizedText | None = strawberry.field(default=None, description="For people.")
    parent_id: strawberry.ID | None = strawberry.field(default=None, description="Wider reason.")
    seller_at_fault: bool | None = strawberry.field(
        default=None, description="Shipping is refunded with the goods."
    )
    position: int | None = strawberry.field(default=None, description="Order in lists.")

    def value(self) -> tags.TagFacts:
        return tags.TagFacts(
            labels=self.labels.value() if self.labels else None,
            parent_id=ids.optional("parentId", self.parent_id, "ReasonTag"),
            seller_at_fault=self.seller_at_fault,
            position=self.position,
        )


@strawberry.type
class BackofficeMutations:
    @strawberry.mutation(description="Change the shop's settings.")
    async def shop_update(self, info: Info, input: ShopInput) -> ShopUpdateResult:
        return await answer(info, Shop, lambda viewer: shops.update(viewer, input.value()))

    @strawberry.mutation(description="Add a colleague.")
    async def staff_create(self, info: Info, input: StaffInput) -> StaffCreateResult:
        return await answer(
            info,
            Staff,
            lambda viewer: staff.create(viewer, input.value()),
        )

    @strawberry.mutation(description="Log in; needs no token.")
    async def staff_login(self, info: Info, input: StaffLoginInput) -> TokenResult:
        login = staff.login(
            info.context.settings, shop=input.shop, email=input.email, password=input.password
        )
        return await _issued(info, login, "ApiToken")

    @strawberry.mutation(description="Make a token for a program of the shop.")
    async def api_token_create(self, info: Info, input: ApiTokenInput) -> TokenResult:
        token = staff.create_api_token(
            info.context.known_viewer,
            info.context.settings,
            name=input.name,
            scopes=input.scopes,
            expires_at=input.expires_at,
        )
        return await _issued(info, token, "ApiToken")

    @strawberry.mutation(description="Stop a token at once.")
    async def api_token_revoke(self, info: Info, token_id: strawberry.ID) -> TokenRevokeResult:
        return await answer(
            info,
            ApiToken,
            lambda viewer: staff.revoke_api_token(
                viewer, ids.required("tokenId", token_id, "ApiToken")
            ),
        )

    @strawberry.mutation(description="Open a session for one customer of the shop.")
    async def customer_session_create(self, info: Info, customer_reference: str) -> TokenResult:
        session = staff.create_customer_session(
            info.context.known_viewer,
            info.context.settings,
            customer_reference=customer_reference,
        )
        return await _issued(info, session, None)

    @strawberry.mutation(description="Add a reason.")
    async def reason_tag_create(
        self, info: Info, code: str, input: ReasonTagInput
    ) -> ReasonTagResult:
        return await answer(
            info, ReasonTag, lambda viewer: tags.create(viewer, code, input.value())
        )

    @strawberry.mutation(description="Change a reason; its code stays.")
    async def reason_tag_update(
        self, info: Info, id: strawberry.ID, input: ReasonTagInput
    ) -> ReasonTagResult:
        return await answer(
            info,
            ReasonTag,
            lambda viewer: tags.update(viewer, ids.required("id", id, "ReasonTag"), input.value()),
        )

    @strawberry.mutation(description="Retire a reason: not for new requests.")
    async def reason_tag_retire(self, info: Info, id: strawberry.ID) -> ReasonTagResult:
        return await answer(
            info, ReasonTag, lambda viewer: tags.retire(viewer, ids.required("id", id, "ReasonTag"))
        )


async def _issued(info: Info, work: Any, kind: str | None) -> Any:
    try:
        issued = await work
    except Refusal as refusal:
        return problems.of(refusal, info.context.locale)
    token_id = strawberry.ID(ids.encode(kind, issued.id)) if kind else None
    return IssuedToken(token=issued.text, expires_at=issued.expires_at, token_id=token_id)
