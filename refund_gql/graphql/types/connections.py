"""Lists of orders and refunds, page by page."""

import strawberry

from refund_gql.graphql.pages import Page, PageInfo
from refund_gql.graphql.types.order import Order
from refund_gql.graphql.types.refund import Refund


@strawberry.type(description="A refund and its place in the list.")
class RefundEdge:
    cursor: str = strawberry.field(description="Give it as `after` to read on from here.")
    node: Refund = strawberry.field(description="The refund.")


@strawberry.type(description="A page of refunds, newest first.")
class RefundConnection:
    page: strawberry.Private[Page]

    @strawberry.field(description="The refunds of this page.")
    def edges(self) -> list[RefundEdge]:
        return self.page.edges(RefundEdge, Refund)

    @strawberry.field(description="Where the page stands.")
    def page_info(self) -> PageInfo:
        return self.page.info

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.page.listing.count(self.page.where)


@strawberry.type(description="An order and its place in the list.")
class OrderEdge:
    cursor: str = strawberry.field(description="Give it as `after` to read on from here.")
    node: Order = strawberry.field(description="The order.")


@strawberry.type(description="A page of orders, newest first.")
class OrderConnection:
    page: strawberry.Private[Page]

    @strawberry.field(description="The orders of this page.")
    def edges(self) -> list[OrderEdge]:
        return self.page.edges(OrderEdge, Order)

    @strawberry.field(description="Where the page stands.")
    def page_info(self) -> PageInfo:
        return self.page.info

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.page.listing.count(self.page.where)
