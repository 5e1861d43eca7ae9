"""Flagging customers, and asking to look again."""

from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.errors import Refusal
from refund_gql.flow import appeals, flags
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import AppealOutcome, RiskLevel
from refund_gql.graphql.mutations.answers import answer, once
from refund_gql.graphql.mutations.backoffice import LocalizedText
from refund_gql.graphql.problems import IdempotencyConflict, InvalidInput, NotAllowed, NotFound
from refund_gql.graphql.types.risk import CustomerFlag

CustomerFlagResult = Annotated[
    CustomerFlag | InvalidInput | NotAllowed | NotFound | IdempotencyConflict,
    strawberry.union("CustomerFlagResult", description="The flag as it is now, or why not."),
]
_KEY = "Names this operation: send the same key again when you are not sure it arrived."


@strawberry.type(description="An appeal was heard.")
class CustomerAppealReceipt:
    received: bool = strawberry.field(
        description="Always true. To the customer it says nothing about whether there is a flag."
    )


CustomerAppealResult = Annotated[
    CustomerAppealReceipt | InvalidInput | NotAllowed | NotFound | IdempotencyConflict,
    strawberry.union("CustomerAppealResult", description="That it was heard, or why not."),
]


@strawberry.input(description="A flag to set; one that holds already stays as it is.")
class CustomerFlagInput:
    customer_id: strawberry.ID = strawberry.field(description="Whom to flag.")
    flag: str = strawberry.field(description="Its code, at most 64 characters.")
    why: LocalizedText = strawberry.field(description="Why; at most 500 characters each.")
    idempotency_key: str = strawberry.field(description=_KEY)
    level: RiskLevel = strawberry.field(
        default=RiskLevel.MEDIUM, description="How much reason it is to have a person look."
    )
    expires_in_days: int = strawberry.field(
        default=flags.DAYS, description="After which it ends by itself; 1 to 730."
    )

    def mark(self) -> flags.Mark:
        return flags.Mark(
            code=self.flag, why=self.why.value(), level=self.level, days=self.expires_in_days
        )


@strawberry.input(description="A flag to take off.")
class CustomerUnflagInput:
    customer_id: strawberry.ID = strawberry.field(description="Whose flag.")
    flag: str = strawberry.field(description="Its code.")
    why: LocalizedText = strawberry.field(description="Why; at most 500 characters each.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="What to look at again.")
class CustomerAppealInput:
    text: str = strawberry.field(description="In the customer's words; at most 2,000 characters.")
    idempotency_key: str = strawberry.field(description=_KEY)
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For staff: who asks. Null in the customer's own session."
    )
    flag: str | None = strawberry.field(
        default=None, description="The code of one flag; null: every one."
    )

    def value(self) -> appeals.Appeal:
        customer_id = ids.optional("customerId", self.customer_id, "Customer")
        return appeals.Appeal(customer_id=customer_id, flag=self.flag, text=self.text)


@strawberry.input(description="The answer to an appeal.")
class CustomerAppealAnswerInput:
    flag_id: strawberry.ID = strawberry.field(description="The flag it is about.")
    outcome: AppealOutcome = strawberry.field(description="Whether the flag stays.")
    why: LocalizedText = strawberry.field(description="Why; at most 500 characters each.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type
class FlagMutations:
    @strawberry.mutation(description="Set a flag on a customer; the shop's CRM systems are told.")
    async def customer_flag(self, info: Info, input: CustomerFlagInput) -> CustomerFlagResult:
        return await answer(
            info,
            CustomerFlag,
            lambda viewer: flags.flag(
                viewer,
                ids.required("customerId", input.customer_id, "Customer"),
                input.mark(),
                once=once("customerFlag", input),
            ),
        )

    @strawberry.mutation(description="Take a flag off; the shop's CRM systems are told.")
    async def customer_unflag(self, info: Info, input: CustomerUnflagInput) -> CustomerFlagResult:
        return await answer(
            info,
            CustomerFlag,
            lambda viewer: flags.unflag(
                viewer,
                ids.required("customerId", input.customer_id, "Customer"),
                input.flag,
                input.why.value(),
                once=once("customerUnflag", input),
            ),
        )

    @strawberry.mutation(description="Ask to look again at a customer's flags.")
    async def customer_appeal(self, info: Info, input: CustomerAppealInput) -> CustomerAppealResult:
        try:
            viewer = info.context.known_viewer
            await appeals.appeal(viewer, input.value(), once=once("customerAppeal", input))
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return CustomerAppealReceipt(received=True)

    @strawberry.mutation(description="Answer an appeal: the flag stays, or it goes.")
    async def customer_appeal_answer(
        self, info: Info, input: CustomerAppealAnswerInput
    ) -> CustomerFlagResult:
        return await answer(
            info,
            CustomerFlag,
            lambda viewer: appeals.answer(
                viewer,
                ids.required("flagId", input.flag_id, "CustomerFlag"),
                input.outcome,
                input.why.value(),
                once=once("customerAppealAnswer", input),
            ),
        )
