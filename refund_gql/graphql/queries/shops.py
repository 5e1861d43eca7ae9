"""Reading the shop, the caller, the reasons, and anything by its id."""

import strawberry

from refund_gql import ids
from refund_gql.database import fetch
from refund_gql.graphql.context import Info
from refund_gql.graphql.pages import Where
from refund_gql.graphql.sources import Node
from refund_gql.graphql.types.reason import ReasonTag
from refund_gql.graphql.types.shop import Shop, Viewer


@strawberry.type
class ShopQueries:
    @strawberry.field(description="Who is asking; null without a valid token.")
    def viewer(self, info: Info) -> Viewer | None:
        viewer = info.context.viewer
        if viewer is None:
            return None
        return Viewer(name=viewer.name, role=viewer.role, scopes=sorted(viewer.scopes))

    @strawberry.field(description="The caller's shop.")
    async def shop(self, info: Info) -> Shop:
        shop = await Shop.read(info, info.context.known_viewer.shop_id)
        assert shop is not None, "a viewer has a shop"
        return shop

    @strawberry.field(description="The reasons a request may state, in the shop's order.")
    async def reason_tags(self, info: Info, include_retired: bool = False) -> list[ReasonTag]:
        where = Where()
        where.see("reason_tag", info.context.known_viewer)
        if not include_retired:
            where.add("retired_at is null")
        sql = f"select * from reason_tag where {where.sql} order by position, code"  # noqa: S608 - no input
        return [ReasonTag(row=row) for row in await fetch(sql, *where.parameters)]

    @strawberry.field(description="Anything by its global id; null when you see none.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        parts = ids.split(id)
        if parts is None or parts[0] not in Node.kinds:
            return None
        return await Node.kinds[parts[0]].read(info, parts[1])
