"""Every step of a refund."""

from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.flow import (
    dispute,
    finance,
    inspection,
    payout,
    priorities,
    reasons,
    request,
    returns,
    review,
    warehouse,
)
from refund_gql.graphql.context import Info
from refund_gql.graphql.mutations import refund_inputs as inputs
from refund_gql.graphql.mutations.answers import answer, once, words
from refund_gql.graphql.problems import (
    ExceedsRefundable,
    IdempotencyConflict,
    IllegalStep,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotRefundable,
    OverBudget,
    StaleBalance,
    StaleVersion,
)
from refund_gql.graphql.types.refund import Refund

RefundRequestResult = Annotated[
    Refund
    | InvalidInput
    | NotFound
    | NotAllowed
    | NotRefundable
    | ExceedsRefundable
    | StaleBalance
    | IdempotencyConflict,
    strawberry.union("RefundRequestResult", description="The new refund, or why there is none."),
]
RefundStepResult = Annotated[
    Refund
    | InvalidInput
    | NotFound
    | NotAllowed
    | IllegalStep
    | StaleVersion
    | ExceedsRefundable
    | OverBudget
    | IdempotencyConflict,
    strawberry.union("RefundStepResult", description="The refund after the step, or why not."),
]

RefundDisputeResult = Annotated[
    Refund
    | InvalidInput
    | NotFound
    | NotAllowed
    | IllegalStep
    | StaleVersion
    | NotRefundable
    | ExceedsRefundable
    | IdempotencyConflict,
    strawberry.union("RefundDisputeResult", description="The refund in review, or why not."),
]


@strawberry.type
class RefundMutations:
    @strawberry.mutation(description="Ask for a refund; the amount is computed by the server.")
    async def refund_request(
        self, info: Info, input: inputs.RefundRequestInput
    ) -> RefundRequestResult:
        return await answer(
            info,
            Refund,
            lambda viewer: request.request(
                viewer, input.value(), once=once("refundRequest", input)
            ),
        )

    @strawberry.mutation(description="First review: approve as refund only, or with a return.")
    async def refund_approve(
        self, info: Info, input: inputs.RefundApproveInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: review.approve(viewer, input.value(), once=once("refundApprove", input)),
        )

    @strawberry.mutation(description="First review: pay first, the goods come back later.")
    async def refund_approve_first(
        self, info: Info, input: inputs.RefundApproveFirstInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: review.approve_first(
                viewer,
                input.id,
                reason=words("reason", input.reason),
                expected_version=input.expected_version,
                once=once("refundApproveFirst", input),
            ),
        )

    @strawberry.mutation(description="First review: refuse, with a reason the customer reads.")
    async def refund_reject(self, info: Info, input: inputs.RefundRejectInput) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: review.reject(
                viewer,
                input.id,
                reason=words("reason", input.reason),
                expected_version=input.expected_version,
                script_id=input.script,
                once=once("refundReject", input),
            ),
        )

    @strawberry.mutation(description="First review: ask the customer for evidence.")
    async def refund_request_evidence(
        self, info: Info, input: inputs.RefundRequestEvidenceInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: review.request_evidence(
                viewer,
                input.id,
                question=words("question", input.question),
                expected_version=input.expected_version,
                script_id=input.script,
                once=once("refundRequestEvidence", input),
            ),
        )

    @strawberry.mutation(description="Answer a question for evidence.")
    async def refund_provide_evidence(
        self, info: Info, input: inputs.RefundProvideEvidenceInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: review.provide_evidence(
                viewer,
                input.id,
                answer=words("answer", input.answer),
                files=input.files,
                expected_version=input.expected_version,
                once=once("refundProvideEvidence", input),
            ),
        )

    @strawberry.mutation(description="Warehouse check: are the goods with the customer?")
    async def refund_confirm_warehouse(
        self, info: Info, input: inputs.RefundConfirmWarehouseInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: warehouse.confirm(
                viewer,
                input.id,
                verdict=input.verdict,
                note=words("note", input.note),
                expected_version=input.expected_version,
                once=once("refundConfirmWarehouse", input),
            ),
        )

    @strawberry.mutation(description="Return: the parcel was handed to a courier.")
    async def return_ship(self, info: Info, input: inputs.ReturnShipInput) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: returns.ship(
                viewer,
                input.id,
                courier=input.courier,
                tracking_number=input.tracking_number,
                expected_version=input.expected_version,
                once=once("returnShip", input),
            ),
        )

    @strawberry.mutation(description="Return: the parcel arrived, announced or not.")
    async def return_receive(self, info: Info, input: inputs.RefundStepInput) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: returns.receive(
                viewer,
                input.id,
                expected_version=input.expected_version,
                once=once("returnReceive", input),
            ),
        )

    @strawberry.mutation(description="Inspection: what arrived, line by line.")
    async def return_inspect(
        self, info: Info, input: inputs.ReturnInspectInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: inspection.inspect(
                viewer, input.value(), once=once("returnInspect", input)
            ),
        )

    @strawberry.mutation(description="Finance review: release the money, or send it back.")
    async def refund_approve_finance(
        self, info: Info, input: inputs.RefundApproveFinanceInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: finance.decide(
                viewer,
                input.id,
                verdict=input.verdict,
                note=words("note", input.note),
                expected_version=input.expected_version,
                once=once("refundApproveFinance", input),
            ),
        )

    @strawberry.mutation(description="Withdraw a request while no money is committed.")
    async def refund_cancel(self, info: Info, input: inputs.RefundStepInput) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: review.cancel(
                viewer,
                input.id,
                expected_version=input.expected_version,
                once=once("refundCancel", input),
            ),
        )

    @strawberry.mutation(
        description="Dispute a refusal, once: another member of staff looks at it again."
    )
    async def refund_dispute(
        self, info: Info, input: inputs.RefundDisputeInput
    ) -> RefundDisputeResult:
        return await answer(
            info,
            Refund,
            lambda viewer: dispute.dispute(
                viewer,
                input.id,
                note=words("note", input.note),
                expected_version=input.expected_version,
                once=once("refundDispute", input),
            ),
        )

    @strawberry.mutation(description="Say what was found to be the reason, or its root.")
    async def refund_set_reasons(
        self, info: Info, input: inputs.RefundSetReasonsInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: reasons.set_reasons(
                viewer, input.value(), once=once("refundSetReasons", input)
            ),
        )

    @strawberry.mutation(
        description="Have people look sooner, or later. A rule's ESCALATE never lowers it."
    )
    async def refund_set_priority(
        self, info: Info, input: inputs.RefundSetPriorityInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: priorities.set_priority(
                viewer, input.value(), once=once("refundSetPriority", input)
            ),
        )

    @strawberry.mutation(description="Try a stuck payout again; answers with its refund.")
    async def payout_retry(self, info: Info, input: inputs.PayoutRetryInput) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: payout.retry(
                viewer,
                ids.required("payoutId", input.payout_id, "Payout"),
                once=once("payoutRetry", input),
            ),
        )
