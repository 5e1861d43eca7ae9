"""The care list: refunded customers whom somebody looks after."""

import asyncio
from datetime import datetime
from typing import ClassVar

import strawberry

from refund_gql.flow import attribution
from refund_gql.flow.attribution import Figures
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import CareNoteKind
from refund_gql.graphql.sources import Node, children, column, enum, reference
from refund_gql.graphql.types.customer import Customer
from refund_gql.graphql.types.order import Order
from refund_gql.graphql.types.refund import Refund
from refund_gql.graphql.types.shop import Staff


@strawberry.type(description="What somebody did about an entry of the care list.")
class CareNote(Node):
    table: ClassVar[str] = "care_note"

    kind: CareNoteKind = enum("kind", CareNoteKind, "What was done.")
    text: str = column("text", "In the words of whoever did it; ASSIGNED: to whom.")
    author: str = column("author", "KIND:id.")
    author_name: str = column("author_name", "Who it was.")
    at: datetime = column("at", "UTC.")


@strawberry.type(description="A refunded customer whom the shop looks after.")
class CareEntry(Node):
    table: ClassVar[str] = "care_entry"

    since: datetime = column("since", "When the first of its refunds was paid; UTC.")
    contacted_at: datetime | None = column("contacted_at", "When staff last spoke to them; UTC.")
    closed_at: datetime | None = column("closed_at", "UTC; set: off the list.")
    customer: Customer | None = reference("customer_id", "Customer", "Who it is.")
    assignee: Staff | None = reference("assignee_id", "Staff", "Who looks after them.")
    notes: list[CareNote] = children(
        "entry_id", "CareNote", "What was done, oldest first.", order="at, id"
    )

    @strawberry.field(description="The refunds that brought them here, oldest first.")
    async def refunds(self, info: Info) -> list[Refund]:
        links = await info.context.rows.many(
            "care_refund", "entry_id", self.row["id"], "added_at, id"
        )
        found = await asyncio.gather(*(Refund.read(info, link["refund_id"]) for link in links))
        return [refund for refund in found if refund is not None]

    @strawberry.field(description="The first order within 30 days after one of these refunds.")
    async def bought_again(self, info: Info) -> Order | None:
        found = await info.context.rows.found(attribution.BOUGHT_AGAIN, self.row["id"])
        return None if found is None else await Order.read(info, found)


@strawberry.type(description="Refunded customers, and how many of them bought again in 30 days.")
class CareFigures:
    figures: strawberry.Private[Figures]

    @strawberry.field(description="Customers refunded in the span.")
    def refunded(self) -> int:
        return self.figures.refunded

    @strawberry.field(description="Of these: customers who bought again.")
    def bought_again(self) -> int:
        return self.figures.bought_again

    @strawberry.field(description="boughtAgain of refunded, 0 to 1; null when nobody was refunded.")
    def share(self) -> float | None:
        return self.figures.share

    @strawberry.field(description="Of those who bought again: with one of our coupons.")
    def with_coupon(self) -> int:
        return self.figures.with_coupon
