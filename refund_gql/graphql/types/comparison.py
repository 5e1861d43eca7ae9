"""A rule in the shadow against the live ones."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import ActionKind, Ending, RuleOutcome
from refund_gql.graphql.types.lab import RefundSum
from refund_gql.graphql.types.refund import Refund
from refund_gql.graphql.types.rule import Rule
from refund_gql.lab import comparison
from refund_gql.lab.tally import Sum


@strawberry.type(description="Refunds on which the rule would have acted, and that went one way.")
class RuleComparisonCase:
    case: strawberry.Private[comparison.Case]
    refunds: RefundSum = strawberry.field(description="How many; of those it was judged on.")

    @strawberry.field(description="What the rule would have decided; null: it decides nothing.")
    def wanted(self) -> ActionKind | None:
        return self.case.wanted

    @strawberry.field(description="What the live rules decided; null: none of them did.")
    def live(self) -> ActionKind | None:
        return self.case.live

    @strawberry.field(description="One would have approved at once, and the other not.")
    def differs(self) -> bool:
        return self.case.differs

    @strawberry.field(description="What finally happened.")
    def happened(self) -> Ending:
        return self.case.happened

    @strawberry.field(description="The newest 10.")
    async def samples(self, info: Info) -> list[Refund]:
        found = await asyncio.gather(*(Refund.read(info, one) for one in self.case.samples))
        return [refund for refund in found if refund is not None]


@strawberry.type(description="What a rule would have done while it was in the shadow.")
class RuleComparison:
    found: strawberry.Private[comparison.Comparison]
    currency: strawberry.Private[str]

    def _sum(self, sum: Sum) -> RefundSum:
        return RefundSum(sum=sum, of=self.found.judged, currency=self.currency)

    @strawberry.field(description="The rule.")
    async def rule(self, info: Info) -> Rule | None:
        return await Rule.read(info, self.found.rule_id)

    @strawberry.field(name="from", description="Where the window begins; UTC.")
    def since(self) -> datetime:
        return self.found.window.starts_at

    @strawberry.field(description="Where it ends, not included; UTC.")
    def until(self) -> datetime:
        return self.found.window.ends_at

    @strawberry.field(description="Refunds over which it was read.")
    def judged(self) -> int:
        return self.found.judged

    @strawberry.field(description="How often it came to what; every outcome once.")
    def outcomes(self) -> list["RuleComparisonOutcome"]:
        return [
            RuleComparisonOutcome(outcome=outcome, count=count)
            for outcome, count in self.found.outcomes.items()
        ]

    @strawberry.field(description="Refunds on which it would have acted among the live rules.")
    def would_have_acted(self) -> RefundSum:
        return self._sum(self.found.acted())

    @strawberry.field(description="Of these, those where the live rules said something else.")
    def differing(self) -> RefundSum:
        return self._sum(self.found.acted(differing=True))

    @strawberry.field(description="The same one by one, most refunds first.")
    def cases(self) -> Sequence[RuleComparisonCase]:
        return [RuleComparisonCase(case=c, refunds=self._sum(c.sum)) for c in self.found.cases]


@strawberry.type(description="What came of judging a rule, so many times.")
class RuleComparisonOutcome:
    outcome: RuleOutcome = strawberry.field(description="What came of it.")
    count: int = strawberry.field(description="How often.")
