"""The lab: trying a rule on the shop's history."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from refund_gql import ids
from refund_gql.auth import Viewer
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import RuleTrigger
from refund_gql.graphql.mutations.answers import answer, once
from refund_gql.graphql.mutations.rules import RuleInput
from refund_gql.graphql.problems import (
    IdempotencyConflict,
    InvalidCondition,
    InvalidInput,
    NotAllowed,
    NotFound,
)
from refund_gql.graphql.types.lab import RuleBacktestRun
from refund_gql.lab import backtests
from refund_gql.lab.backtests import Question

RuleBacktestResult = Annotated[
    RuleBacktestRun | InvalidCondition | InvalidInput | NotAllowed | NotFound | IdempotencyConflict,
    strawberry.union("RuleBacktestResult", description="The backtest, queued, or why not."),
]
RuleBacktestCancelResult = Annotated[
    RuleBacktestRun | InvalidInput | NotAllowed | NotFound,
    strawberry.union("RuleBacktestCancelResult", description="The backtest as it is now."),
]


@strawberry.input(description="What is to be tried, and on what.")
class RuleBacktestInput:
    idempotency_key: str = strawberry.field(description="Yours; the same key begins once.")
    since: datetime = strawberry.field(
        name="from", description="Refunds asked for since then; UTC, at most 400 days back."
    )
    until: datetime | None = strawberry.field(
        default=None, description="And before then; UTC, null: now."
    )
    draft: RuleInput | None = strawberry.field(
        default=None,
        description="What the rule would say; null: the rule of `replaces` as it stands. It acts "
        "for the whole window, whatever its own dates.",
    )
    trigger: RuleTrigger = strawberry.field(
        default=RuleTrigger.REQUESTED, description="REQUESTED, so far."
    )
    replaces: strawberry.ID | None = strawberry.field(
        default=None, description="The rule whose new version it would be; it keeps its place."
    )
    before: strawberry.ID | None = strawberry.field(
        default=None, description="The rule before which it would be read; null: after all others."
    )

    def value(self) -> Question:
        """Raises InvalidInput."""
        return Question(
            draft=self.draft.value() if self.draft else None,
            trigger=self.trigger,
            replaces=ids.optional("replaces", self.replaces, "Rule"),
            before=ids.optional("before", self.before, "Rule"),
            starts_at=self.since,
            ends_at=self.until,
        )


@strawberry.type
class LabMutations:
    @strawberry.mutation(
        description="Try a rule on the shop's history. Nothing comes of it but a report, which "
        "`ruleBacktestRun` has when it is done; at most 3 at a time."
    )
    async def rule_backtest(self, info: Info, input: RuleBacktestInput) -> RuleBacktestResult:
        async def work(viewer: Viewer) -> UUID:
            return await backtests.start(viewer, input.value(), once("ruleBacktest", input))

        return await answer(info, RuleBacktestRun, work)

    @strawberry.mutation(description="Stop a backtest; one that is over stays as it is.")
    async def rule_backtest_cancel(self, info: Info, id: strawberry.ID) -> RuleBacktestCancelResult:
        async def work(viewer: Viewer) -> UUID:
            return await backtests.cancel(viewer, ids.required("id", id, "RuleBacktestRun"))

        return await answer(info, RuleBacktestRun, work)
