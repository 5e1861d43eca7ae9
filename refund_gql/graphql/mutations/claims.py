"""Refund first: what the shop is owed afterwards, opened and closed by people."""

from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.flow import goods_claims
from refund_gql.graphql.context import Info
from refund_gql.graphql.mutations.answers import answer, once, words
from refund_gql.graphql.mutations.refund_inputs import RefundStepInput
from refund_gql.graphql.mutations.refunds import RefundStepResult
from refund_gql.graphql.problems import IdempotencyConflict, InvalidInput, NotAllowed, NotFound
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.exposure import Claim
from refund_gql.graphql.types.refund import Refund

_KEY = "Names this operation: send the same key again when you are not sure it arrived."

ClaimResult = Annotated[
    Claim | InvalidInput | NotFound | NotAllowed | IdempotencyConflict,
    strawberry.union("ClaimResult", description="The claim as it is now, or why not."),
]


@strawberry.input(description="Open a claim by hand.")
class ClaimOpenInput(RefundStepInput):
    amount: MinorUnits = strawberry.field(description="What is owed, in minor units.")
    note: str = strawberry.field(default="", description="For colleagues.")


@strawberry.input(description="Close a claim.")
class ClaimCloseInput:
    claim_id: strawberry.ID = strawberry.field(description="The claim.")
    idempotency_key: str = strawberry.field(description=_KEY)
    note: str = strawberry.field(default="", description="For colleagues; empty: as it was.")


@strawberry.type
class ClaimMutations:
    @strawberry.mutation(description="Goods are lost or owed for: open a claim on their refund.")
    async def claim_open(self, info: Info, input: ClaimOpenInput) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: goods_claims.report(
                viewer,
                input.id,
                amount=input.amount,
                note=words("note", input.note),
                expected_version=input.expected_version,
                once=once("claimOpen", input),
            ),
        )

    @strawberry.mutation(description="Somebody made up for it; no money moves here.")
    async def claim_settle(self, info: Info, input: ClaimCloseInput) -> ClaimResult:
        return await answer(
            info,
            Claim,
            lambda viewer: goods_claims.settle(
                viewer,
                ids.required("claimId", input.claim_id, "Claim"),
                note=words("note", input.note),
                once=once("claimSettle", input),
            ),
        )

    @strawberry.mutation(description="The shop bears the loss.")
    async def claim_write_off(self, info: Info, input: ClaimCloseInput) -> ClaimResult:
        return await answer(
            info,
            Claim,
            lambda viewer: goods_claims.write_off(
                viewer,
                ids.required("claimId", input.claim_id, "Claim"),
                note=words("note", input.note),
                once=once("claimWriteOff", input),
            ),
        )
