"""Reading what came of trying rules."""

from datetime import datetime
from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.problems import InvalidInput, NotFound
from refund_gql.graphql.types.comparison import RuleComparison
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.lab import RuleBacktestRun
from refund_gql.lab import backtests, comparison

RUNS = Listing(
    name="ruleBacktestRuns", kind="RuleBacktestRun", table="rule_backtest", moment="created_at"
)

RuleCompareResult = Annotated[
    RuleComparison | InvalidInput | NotFound,
    strawberry.union("RuleCompareResult", description="What it would have done, or why not."),
]


@strawberry.type
class LabQueries:
    @strawberry.field(description="One backtest; null when there is none.")
    async def rule_backtest_run(self, info: Info, id: strawberry.ID) -> RuleBacktestRun | None:
        row_id = ids.row_id(id, "RuleBacktestRun")
        return None if row_id is None else await RuleBacktestRun.read(info, row_id)

    @strawberry.field(description="Backtests, newest first.")
    async def rule_backtest_runs(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[RuleBacktestRun]:
        where = Where()
        where.see("rule_backtest", info.context.known_viewer)
        return Connection(page=await RUNS.page(where, first, after))

    @strawberry.field(
        description="What a rule would have done while it was in the shadow, against what the "
        "live rules decided and what finally happened; over at most 400 days."
    )
    async def rule_compare(
        self,
        info: Info,
        rule: strawberry.ID,
        since: Annotated[datetime, strawberry.argument(name="from", description="UTC.")],
        until: Annotated[
            datetime | None, strawberry.argument(description="UTC, not included; null: now.")
        ] = None,
    ) -> RuleCompareResult:
        viewer = info.context.known_viewer
        try:
            window = backtests.window_of(since, until)
            rule_id = ids.required("rule", rule, "Rule")
            found = await comparison.compare(viewer, rule_id, window)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        shop = await info.context.rows.one("shop", viewer.shop_id)
        assert shop is not None, "a viewer's shop is there"
        return RuleComparison(found=found, currency=shop["currency"])
