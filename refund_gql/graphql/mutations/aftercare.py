"""What staff do after the money: coupons, what is given back, and the care list."""

from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.flow import care, coupons_by_hand, restitution
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import CouponPurpose
from refund_gql.graphql.mutations.answers import answer, once
from refund_gql.graphql.problems import (
    IdempotencyConflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    OverBudget,
    StaleVersion,
)
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.care import CareEntry
from refund_gql.graphql.types.coupon import Coupon, Restitution

_KEY = "Names this operation: send the same key again when you are not sure it arrived."

CouponResult = Annotated[
    Coupon | InvalidInput | NotAllowed | NotFound | IdempotencyConflict,
    strawberry.union("CouponResult", description="The coupon as it is now, or why not."),
]
CouponIssueResult = Annotated[
    Coupon | InvalidInput | NotAllowed | NotFound | StaleVersion | OverBudget | IdempotencyConflict,
    strawberry.union("CouponIssueResult", description="The coupon, wanted, or why not."),
]
RestitutionRetryResult = Annotated[
    Restitution | InvalidInput | NotAllowed | NotFound | IdempotencyConflict,
    strawberry.union("RestitutionRetryResult", description="What is tried again, or why not."),
]
CareResult = Annotated[
    CareEntry | InvalidInput | NotAllowed | NotFound,
    strawberry.union("CareResult", description="The entry as it is now, or why not."),
]


@strawberry.input(description="A coupon that staff give; amounts in the shop's currency.")
class CouponIssueInput:
    refund_id: strawberry.ID = strawberry.field(description="What it is given for.")
    purpose: CouponPurpose = strawberry.field(
        default=CouponPurpose.GIFT, description="COMPENSATION: once per order."
    )
    amount: MinorUnits = strawberry.field(
        description="Minor units; an agent gives at most the shop's `financeThreshold`."
    )
    least_order_amount: MinorUnits = strawberry.field(
        default=MinorUnits(0), description="Minor units an order must reach; 0: any order."
    )
    valid_days: int | None = strawberry.field(
        default=30, description="Counted from the day it is issued; null: it does not end."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version you looked at; refused when the refund has moved on."
    )
    idempotency_key: str = strawberry.field(description=_KEY)

    def value(self) -> coupons_by_hand.CouponDraft:
        return coupons_by_hand.CouponDraft(
            refund_id=ids.required("refundId", self.refund_id, "Refund"),
            purpose=self.purpose,
            amount=self.amount,
            least_order_amount=self.least_order_amount,
            valid_days=self.valid_days,
        )


@strawberry.input(description="Which coupon.")
class CouponStepInput:
    id: strawberry.ID = strawberry.field(description="The coupon.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="Which restitution.")
class RestitutionRetryInput:
    id: strawberry.ID = strawberry.field(description="The restitution.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="Who looks after a customer.")
class CareAssignInput:
    id: strawberry.ID = strawberry.field(description="The entry.")
    staff_id: strawberry.ID | None = strawberry.field(
        default=None, description="The colleague; null: nobody."
    )


@strawberry.input(description="What was found or said.")
class CareNoteInput:
    id: strawberry.ID = strawberry.field(description="The entry.")
    text: str = strawberry.field(description="At most 4,000 characters.")
    contacted: bool = strawberry.field(default=False, description="It was said to the customer.")


@strawberry.input(description="Whom to take off the list.")
class CareCloseInput:
    id: strawberry.ID = strawberry.field(description="The entry.")
    text: str = strawberry.field(default="", description="Why; at most 4,000 characters.")


@strawberry.type
class AftercareMutations:
    @strawberry.mutation(description="Give a customer a coupon; a CRM system issues it.")
    async def coupon_issue(self, info: Info, input: CouponIssueInput) -> CouponIssueResult:
        return await answer(
            info,
            Coupon,
            lambda viewer: coupons_by_hand.give(
                viewer,
                input.value(),
                expected_version=input.expected_version,
                once=once("couponIssue", input),
            ),
        )

    @strawberry.mutation(description="Have a coupon that failed or waits tried again at once.")
    async def coupon_retry(self, info: Info, input: CouponStepInput) -> CouponResult:
        return await answer(
            info,
            Coupon,
            lambda viewer: coupons_by_hand.retry(
                viewer,
                ids.required("id", input.id, "Coupon"),
                once=once("couponRetry", input),
            ),
        )

    @strawberry.mutation(
        description="Make a coupon worthless: REVOKING until the CRM system has confirmed it."
    )
    async def coupon_revoke(self, info: Info, input: CouponStepInput) -> CouponResult:
        return await answer(
            info,
            Coupon,
            lambda viewer: coupons_by_hand.revoke(
                viewer,
                ids.required("id", input.id, "Coupon"),
                once=once("couponRevoke", input),
            ),
        )

    @strawberry.mutation(description="Have points or a coupon given back tried again at once.")
    async def restitution_retry(
        self, info: Info, input: RestitutionRetryInput
    ) -> RestitutionRetryResult:
        return await answer(
            info,
            Restitution,
            lambda viewer: restitution.retry(
                viewer,
                ids.required("id", input.id, "Restitution"),
                once=once("restitutionRetry", input),
            ),
        )

    @strawberry.mutation(description="Say who looks after a customer of the care list.")
    async def care_assign(self, info: Info, input: CareAssignInput) -> CareResult:
        return await answer(
            info,
            CareEntry,
            lambda viewer: care.assign(
                viewer,
                ids.required("id", input.id, "CareEntry"),
                ids.optional("staffId", input.staff_id, "Staff"),
            ),
        )

    @strawberry.mutation(description="Write down what was found, or said to the customer.")
    async def care_note(self, info: Info, input: CareNoteInput) -> CareResult:
        return await answer(
            info,
            CareEntry,
            lambda viewer: care.note(
                viewer,
                ids.required("id", input.id, "CareEntry"),
                input.text,
                contacted=input.contacted,
            ),
        )

    @strawberry.mutation(description="Take a customer off the care list.")
    async def care_close(self, info: Info, input: CareCloseInput) -> CareResult:
        return await answer(
            info,
            CareEntry,
            lambda viewer: care.close(
                viewer, ids.required("id", input.id, "CareEntry"), input.text
            ),
        )
