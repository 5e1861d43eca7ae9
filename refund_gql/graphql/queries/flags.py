"""The flags of a shop's customers, and the appeals that wait."""

import strawberry

from refund_gql import clock, ids
from refund_gql.graphql.context import Info
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.risk import CustomerFlag

FLAGS = Listing(name="customerFlags", kind="CustomerFlag", table="customer_flag", moment="since")


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class CustomerFlagFilter:
    code: str | None = strawberry.field(default=None, description="Exactly this one.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Of this one.")
    holds: bool | None = strawberry.field(
        default=None, description="True: those that count now; false: those that are over."
    )
    appeal_open: bool | None = strawberry.field(
        default=None, description="Whether an appeal waits for its answer."
    )

    def apply(self, where: Where) -> None:
        """Add the conditions."""
        if self.code is not None:
            where.add("code = {}", self.code)
        if self.customer_id is not None:
            where.add("customer_id = {}", ids.row_id(self.customer_id, "Customer"))
        if self.holds is not None:
            where.add("(removed_at is null and expires_at > {}) = {}", clock.now(), self.holds)
        if self.appeal_open is not None:
            where.add("(appealed_at is not null and answered_at is null) = {}", self.appeal_open)


@strawberry.type
class FlagQueries:
    @strawberry.field(description="Flags on customers, newest first.")
    async def customer_flags(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: CustomerFlagFilter | None = None,
    ) -> Connection[CustomerFlag]:
        where = Where()
        where.see("customer_flag", info.context.known_viewer)
        if filter is not None:
            filter.apply(where)
        return Connection(page=await FLAGS.page(where, first, after))
