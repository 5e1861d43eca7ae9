"""Reading chargebacks."""

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import DisputeState
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.dispute import Dispute

DISPUTES = Listing(name="disputes", kind="Dispute", table="dispute", moment="opened_at")


@strawberry.type
class DisputeQueries:
    @strawberry.field(description="Chargebacks that gateways have reported, newest first.")
    async def disputes(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        state: list[DisputeState] | None = None,
    ) -> Connection[Dispute]:
        where = Where()
        where.see("dispute", info.context.known_viewer)
        if state is not None:
            where.add("state = any({}::text[])", [each.value for each in state])
        return Connection(page=await DISPUTES.page(where, first, after))
