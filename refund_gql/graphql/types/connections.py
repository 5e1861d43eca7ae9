"""A list, page by page, in the words of Relay; `Connection[Refund]` is RefundConnection."""

from typing import Any, Generic, TypeVar

import strawberry

from refund_gql.graphql.pages import Page, PageInfo
from refund_gql.graphql.sources import Node

N = TypeVar("N", bound=Node)


@strawberry.type(description="An object and its place in the list.")
class Edge(Generic[N]):
    cursor: str = strawberry.field(description="Give it as `after` to read on from here.")
    node: N = strawberry.field(description="The object.")


@strawberry.type(description="A page of a list, newest first.")
class Connection(Generic[N]):
    page: strawberry.Private[Page]

    @strawberry.field(description="What is on this page.")
    def edges(self) -> list[Edge[N]]:
        listing = self.page.listing
        kind: Any = Node.kinds[listing.kind]
        return [Edge(cursor=listing.cursor(row), node=kind(row=row)) for row in self.page.rows]

    @strawberry.field(description="Where the page stands.")
    def page_info(self) -> PageInfo:
        return self.page.info

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.page.listing.count(self.page.where)
