"""Reading decisions: what rules and people decided, over all refunds."""

from datetime import datetime

import strawberry

from refund_gql import ids
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Step
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.refund import Decision

DECISIONS = Listing(name="decisions", kind="Decision", table="decision", moment="decided_at")


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class DecisionFilter:
    step: list[Step] | None = strawberry.field(default=None, description="Any of these.")
    automatic: bool | None = strawberry.field(
        default=None, description="True: by the engine; false: by somebody."
    )
    rule_id: strawberry.ID | None = strawberry.field(
        default=None, description="By any version of this rule."
    )
    staff_id: strawberry.ID | None = strawberry.field(
        default=None, description="By this member of staff."
    )
    decided_from: datetime | None = strawberry.field(default=None, description="Inclusive.")
    decided_to: datetime | None = strawberry.field(default=None, description="Exclusive.")

    def apply(self, where: Where) -> None:
        """Add the conditions."""
        if self.step is not None:
            where.add("step = any({}::text[])", [step.value for step in self.step])
        if self.automatic is not None:
            where.add("(actor like 'SYSTEM:%') = {}", self.automatic)
        if self.rule_id is not None:
            where.add("trace->'rule'->>'id' = {}", str(ids.row_id(self.rule_id, "Rule")))
        if self.staff_id is not None:
            where.add("actor = {}", f"STAFF:{ids.row_id(self.staff_id, 'Staff')}")
        if self.decided_from is not None:
            where.add("decided_at >= {}", self.decided_from)
        if self.decided_to is not None:
            where.add("decided_at < {}", self.decided_to)


@strawberry.type
class DecisionQueries:
    @strawberry.field(description="What rules and people decided, newest first.")
    async def decisions(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: DecisionFilter | None = None,
    ) -> Connection[Decision]:
        where = Where()
        where.see("decision", info.context.known_viewer)
        if filter is not None:
            filter.apply(where)
        return Connection(page=await DECISIONS.page(where, first, after))
