"""What people at a desk see: the queues, and their colleagues."""

from datetime import datetime

import strawberry

from refund_gql import labels
from refund_gql.desk import queue
from refund_gql.desk.queue import URGENCY
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Desk
from refund_gql.graphql.pages import Listing, Page, PageInfo
from refund_gql.graphql.types.refund import Refund
from refund_gql.graphql.types.shop import Staff

QUEUE = Listing(
    name="queue",
    kind="Refund",
    table="refund",
    moment="desk_since",
    rank=URGENCY,
    rising=True,
)


@strawberry.type(description="A refund that waits at a desk.")
class QueueEdge:
    cursor: str = strawberry.field(description="Give it as `after` to read on from here.")
    node: Refund = strawberry.field(description="The refund.")
    waiting_since: datetime = strawberry.field(description="When it came to the desk; UTC.")


@strawberry.type(description="A page of a desk's queue: the most urgent first, then the oldest.")
class QueueConnection:
    page: strawberry.Private[Page]

    @strawberry.field(description="What is on this page.")
    def edges(self) -> list[QueueEdge]:
        listing = self.page.listing
        return [
            QueueEdge(
                cursor=listing.cursor(row),
                node=Refund(row=row),
                waiting_since=row[listing.moment],
            )
            for row in self.page.rows
        ]

    @strawberry.field(description="Where the page stands.")
    def page_info(self) -> PageInfo:
        return self.page.info

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.page.listing.count(self.page.where)


@strawberry.type(description="How much waits at a desk.")
class Queue:
    found: strawberry.Private[queue.Queue]

    @strawberry.field(description="Where.")
    def desk(self) -> Desk:
        return self.found.desk

    @strawberry.field(description="The desk in words.")
    def name(self, info: Info) -> str:
        return labels.DESKS[self.found.desk][info.context.locale]

    @strawberry.field(description="All that waits there.")
    def total(self) -> int:
        return self.found.total

    @strawberry.field(description="Of these: what nobody looks after.")
    def unassigned(self) -> int:
        return self.found.unassigned

    @strawberry.field(description="Of these: yours.")
    def mine(self) -> int:
        return self.found.mine

    @strawberry.field(description="Since when the oldest has waited; UTC. Null: nothing waits.")
    def oldest_since(self) -> datetime | None:
        return self.found.oldest_since


@strawberry.type(description="Somebody to whom a case of a desk can be given.")
class DeskColleague:
    staff: Staff = strawberry.field(description="Who it is.")
    open_cases: int = strawberry.field(description="What they look after at this desk.")
