"""Budgets of staff, and the steps that were beyond one."""

from typing import Annotated
from uuid import UUID

import strawberry

from refund_gql import ids
from refund_gql.flow import discretion, discretion_answers
from refund_gql.flow.discretion import BudgetFacts
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Purpose, Role
from refund_gql.graphql.mutations.answers import answer, once, words
from refund_gql.graphql.problems import (
    ExceedsRefundable,
    IdempotencyConflict,
    IllegalStep,
    InvalidInput,
    NotAllowed,
    NotFound,
    OfferClosed,
    OverBudget,
)
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.discretion import Budget, DiscretionTask
from refund_gql.graphql.types.refund import Refund

_KEY = "Names this operation: send the same key again when you are not sure it arrived."

BudgetResult = Annotated[
    Budget | InvalidInput | NotFound | NotAllowed,
    strawberry.union("BudgetResult", description="The budget as it is now, or why not."),
]
DiscretionApproveResult = Annotated[
    Refund
    | InvalidInput
    | NotFound
    | NotAllowed
    | IllegalStep
    | ExceedsRefundable
    | OverBudget
    | OfferClosed
    | IdempotencyConflict,
    strawberry.union(
        "DiscretionApproveResult", description="The refund after the step, or why not."
    ),
]
DiscretionRefuseResult = Annotated[
    DiscretionTask | InvalidInput | NotFound | NotAllowed | IdempotencyConflict,
    strawberry.union("DiscretionRefuseResult", description="The task as it is now, or why not."),
]


@strawberry.input(
    description="Limits in minor units of the shop's currency; null is no limit, and all of them "
    "null lift those of the role."
)
class BudgetSetInput:
    purpose: Purpose = strawberry.field(description="What it is for.")
    staff_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose; null: all of a role."
    )
    role: Role | None = strawberry.field(
        default=None, description="Of everybody in it who has none of their own."
    )
    per_case: MinorUnits | None = strawberry.field(default=None, description="For one refund.")
    per_day: MinorUnits | None = strawberry.field(default=None, description="In a day of the shop.")
    per_month: MinorUnits | None = strawberry.field(
        default=None, description="In a month of the shop."
    )

    def value(self) -> BudgetFacts:
        return BudgetFacts(
            purpose=self.purpose,
            staff_id=ids.optional("staffId", self.staff_id, "Staff"),
            role=self.role,
            per_case=self.per_case,
            per_day=self.per_day,
            per_month=self.per_month,
        )


@strawberry.input(description="Which task.")
class DiscretionApproveInput:
    task_id: strawberry.ID = strawberry.field(description="The task.")
    idempotency_key: str = strawberry.field(description=_KEY)

    @property
    def id(self) -> UUID:
        return ids.required("taskId", self.task_id, "DiscretionTask")


@strawberry.input(description="Which task, and why not.")
class DiscretionRefuseInput(DiscretionApproveInput):
    answer: str = strawberry.field(default="", description="For whoever asked.")


@strawberry.type
class DiscretionMutations:
    @strawberry.mutation(description="Say how much a colleague, or a role, decides alone.")
    async def budget_set(self, info: Info, input: BudgetSetInput) -> BudgetResult:
        return await answer(
            info,
            Budget,
            lambda viewer: discretion.set_budget(viewer, input.value()),
        )

    @strawberry.mutation(
        description="Do, in your own name and budget, what a colleague was not allowed to do alone."
    )
    async def discretion_approve(
        self, info: Info, input: DiscretionApproveInput
    ) -> DiscretionApproveResult:
        return await answer(
            info,
            Refund,
            lambda viewer: discretion_answers.approve(
                viewer, input.id, once=once("discretionApprove", input)
            ),
        )

    @strawberry.mutation(description="Say no to it; the refund stays where it is.")
    async def discretion_refuse(
        self, info: Info, input: DiscretionRefuseInput
    ) -> DiscretionRefuseResult:
        return await answer(
            info,
            DiscretionTask,
            lambda viewer: discretion_answers.refuse(
                viewer,
                input.id,
                answer=words("answer", input.answer),
                once=once("discretionRefuse", input),
            ),
        )
