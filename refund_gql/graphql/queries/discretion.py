"""Reading budgets, the ledger, and the steps that were beyond somebody's budget."""

from datetime import datetime

import strawberry

from refund_gql import ids
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import DiscretionStatus
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.discretion import Budget, DiscretionEntry, DiscretionTask

LEDGER = Listing(
    name="discretionLedger", kind="DiscretionEntry", table="discretion_entry", moment="at"
)
TASKS = Listing(
    name="discretionTasks", kind="DiscretionTask", table="discretion_task", moment="asked_at"
)


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class LedgerFilter:
    staff_id: strawberry.ID | None = strawberry.field(default=None, description="Whose decisions.")
    decided_from: datetime | None = strawberry.field(default=None, description="Inclusive.")
    decided_to: datetime | None = strawberry.field(default=None, description="Exclusive.")

    def apply(self, where: Where) -> None:
        """Add the conditions."""
        if self.staff_id is not None:
            where.add("staff_id = {}", ids.row_id(self.staff_id, "Staff"))
        if self.decided_from is not None:
            where.add("at >= {}", self.decided_from)
        if self.decided_to is not None:
            where.add("at < {}", self.decided_to)


@strawberry.type
class DiscretionQueries:
    @strawberry.field(description="The limits that are set, for colleagues and for roles.")
    async def budgets(self, info: Info) -> list[Budget]:
        rows = info.context.rows
        found = await rows.many("budget", "shop_id", info.context.known_viewer.shop_id, "id")
        return [Budget(row=row) for row in found]

    @strawberry.field(description="What staff decided within their budgets, newest first.")
    async def discretion_ledger(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: LedgerFilter | None = None,
    ) -> Connection[DiscretionEntry]:
        where = Where()
        where.see("discretion_entry", info.context.known_viewer)
        (filter or LedgerFilter()).apply(where)
        return Connection(page=await LEDGER.page(where, first, after))

    @strawberry.field(
        description="Steps beyond somebody's budget, newest first; `status: null` lists those "
        "that were answered as well."
    )
    async def discretion_tasks(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        status: DiscretionStatus | None = DiscretionStatus.OPEN,
    ) -> Connection[DiscretionTask]:
        where = Where()
        where.see("discretion_task", info.context.known_viewer)
        if status is not None:
            where.add("status = {}", status.value)
        return Connection(page=await TASKS.page(where, first, after))
