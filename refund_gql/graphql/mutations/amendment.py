"""What is asked for changes: by the customer, or by making one request of two."""

from typing import Annotated

import strawberry

from refund_gql import ids, validation
from refund_gql.flow import amendment, merger
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import RefundKind
from refund_gql.graphql.mutations.answers import answer, once, words
from refund_gql.graphql.mutations.refund_inputs import RefundLineInput, RefundStepInput
from refund_gql.graphql.mutations.refunds import RefundStepResult
from refund_gql.graphql.problems import (
    ExceedsRefundable,
    IdempotencyConflict,
    IllegalStep,
    InvalidInput,
    NotAllowed,
    NotAmendable,
    NotFound,
    NotRefundable,
    StaleVersion,
)
from refund_gql.graphql.types.refund import Refund

_KEY = "Names this operation: send the same key again when you are not sure it arrived."

RefundAmendResult = Annotated[
    Refund
    | InvalidInput
    | NotFound
    | NotAllowed
    | IllegalStep
    | StaleVersion
    | NotAmendable
    | NotRefundable
    | ExceedsRefundable
    | IdempotencyConflict,
    strawberry.union("RefundAmendResult", description="The changed refund, or why it is not."),
]


@strawberry.input(description="What is asked for now; what is left out stays as it is.")
class RefundAmendInput(RefundStepInput):
    kind: RefundKind | None = strawberry.field(
        default=None, description="What the customer wants; review may differ."
    )
    lines: list[RefundLineInput] | None = strawberry.field(
        default=None, description="All of them, in place of those before."
    )
    reason_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="What the customer states."
    )
    note: str | None = strawberry.field(default=None, description="The customer's own words.")

    def value(self) -> amendment.AmendRefund:
        lines = self.lines
        validation.limited("lines", len(lines or ()), 500)
        return amendment.AmendRefund(
            refund_id=self.id,
            kind=self.kind,
            lines=None if lines is None else tuple(x.value(i) for i, x in enumerate(lines)),
            reason_id=ids.optional("reasonTagId", self.reason_tag_id, "ReasonTag"),
            note=None if self.note is None else words("note", self.note),
            expected_version=self.expected_version,
        )


@strawberry.input(description="Two requests on one order that are to be one.")
class RefundMergeInput:
    into_id: strawberry.ID = strawberry.field(description="The request that stays.")
    from_id: strawberry.ID = strawberry.field(description="The request that becomes part of it.")
    idempotency_key: str = strawberry.field(description=_KEY)
    expected_into_version: int | None = strawberry.field(
        default=None, description="The version you looked at; refused when it has moved on."
    )
    expected_from_version: int | None = strawberry.field(
        default=None, description="The same of the other one."
    )

    def value(self) -> merger.MergeRefunds:
        return merger.MergeRefunds(
            target_id=ids.required("intoId", self.into_id, "Refund"),
            source_id=ids.required("fromId", self.from_id, "Refund"),
            target_version=self.expected_into_version,
            source_version=self.expected_from_version,
        )


@strawberry.type
class AmendmentMutations:
    @strawberry.mutation(
        description="Change a request of your own, at most five times, as long as no colleague "
        "has dealt with it. The rules look at it again, as at a new one."
    )
    async def refund_amend(self, info: Info, input: RefundAmendInput) -> RefundAmendResult:
        return await answer(
            info,
            Refund,
            lambda viewer: amendment.amend(viewer, input.value(), once=once("refundAmend", input)),
        )

    @strawberry.mutation(
        description="First review: make one request of two on the same order; answers with the "
        "one that stays."
    )
    async def refund_merge(self, info: Info, input: RefundMergeInput) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: merger.merge(viewer, input.value(), once=once("refundMerge", input)),
        )
