"""Reading what was paid ahead of goods, and what is owed for it."""

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import ClaimStatus
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.exposure import Claim, Exposure

EXPOSURES = Listing(name="exposures", kind="Exposure", table="exposure", moment="opened_at")
CLAIMS = Listing(name="claims", kind="Claim", table="goods_claim", moment="opened_at")


@strawberry.type
class ExposureQueries:
    @strawberry.field(description="What was paid ahead of goods, newest first.")
    async def exposures(
        self, info: Info, first: int = 20, after: str | None = None, open: bool | None = None
    ) -> Connection[Exposure]:
        where = Where()
        where.see("exposure", info.context.known_viewer)
        if open is not None:
            where.add(f"released_at is {'null' if open else 'not null'}")
        return Connection(page=await EXPOSURES.page(where, first, after))

    @strawberry.field(description="What is owed for goods that were paid for, newest first.")
    async def claims(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        status: list[ClaimStatus] | None = None,
    ) -> Connection[Claim]:
        where = Where()
        where.see("goods_claim", info.context.known_viewer)
        if status is not None:
            where.add("status = any({}::text[])", [each.value for each in status])
        return Connection(page=await CLAIMS.page(where, first, after))
