"""Reading refunds: one, many, and what may be refunded."""

from datetime import datetime
from enum import StrEnum

import strawberry

from refund_gql import ids
from refund_gql.auth import Viewer
from refund_gql.database import fetch, read
from refund_gql.flow import quote as quotes
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Fulfilment, Priority, RefundKind, RefundStatus
from refund_gql.graphql.pages import Listing, Where, contains
from refund_gql.graphql.rows import Row
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.order import Order
from refund_gql.graphql.types.quote import RefundQuote
from refund_gql.graphql.types.refund import Refund
from refund_gql.roles import Role

REFUNDS = Listing(name="refunds", kind="Refund", table="refund", moment="requested_at")
BY_PRIORITY = Listing(
    name="refundsByPriority",
    kind="Refund",
    table="refund",
    moment="requested_at",
    rank="array_position(array['NORMAL', 'HIGH', 'URGENT'], priority::text)",
)


@strawberry.enum(description="What comes first.")
class RefundOrder(StrEnum):
    NEWEST = "NEWEST"
    PRIORITY = "PRIORITY"
    """The most urgent, and among those the newest."""


_LISTINGS = {RefundOrder.NEWEST: REFUNDS, RefundOrder.PRIORITY: BY_PRIORITY}


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class RefundFilter:
    status: list[RefundStatus] | None = strawberry.field(default=None, description="Any of these.")
    kind: RefundKind | None = strawberry.field(default=None, description="This kind.")
    fulfilment: list[Fulfilment] | None = strawberry.field(
        default=None, description="The order's goods have come this far: any of these."
    )
    reason_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="Stated or found."
    )
    amount_from: MinorUnits | None = strawberry.field(
        default=None, description="Minor units, inclusive."
    )
    amount_to: MinorUnits | None = strawberry.field(
        default=None, description="Minor units, inclusive."
    )
    requested_from: datetime | None = strawberry.field(default=None, description="Inclusive.")
    requested_to: datetime | None = strawberry.field(default=None, description="Exclusive.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Of this one.")
    order_number: str | None = strawberry.field(default=None, description="Exactly this one.")
    assignee_id: strawberry.ID | None = strawberry.field(
        default=None, description="Looked after by this member of staff."
    )
    priority: list[Priority] | None = strawberry.field(
        default=None, description="Staff and programs only: any of these."
    )
    text: str | None = strawberry.field(
        default=None,
        description="Anywhere in the refund's number or note, the order's number, or the "
        "customer's name or reference.",
    )

    def apply(self, where: Where, viewer: Viewer) -> None:
        """Add the conditions."""
        if self.status is not None:
            where.add("status = any({}::text[])", [status.value for status in self.status])
        if self.priority is not None and viewer.customer_id is None:
            where.add("priority = any({}::text[])", [one.value for one in self.priority])
        if self.kind is not None:
            where.add("kind = {}", self.kind.value)
        if self.amount_from is not None:
            where.add("amount >= {}", self.amount_from)
        if self.amount_to is not None:
            where.add("amount <= {}", self.amount_to)
        if self.requested_from is not None:
            where.add("requested_at >= {}", self.requested_from)
        if self.requested_to is not None:
            where.add("requested_at < {}", self.requested_to)
        self._apply_relations(where)
        if self.text is not None:
            _apply_text(where, self.text, viewer)

    def _apply_relations(self, where: Where) -> None:
        if self.fulfilment is not None:
            where.add(
                'order_id in (select id from "order" where shop_id = refund.shop_id'
                " and fulfilment = any({}::text[]))",
                [state.value for state in self.fulfilment],
            )
        if self.reason_tag_id is not None:
            where.add(
                "{} in (stated_reason_id, found_reason_id)",
                ids.row_id(self.reason_tag_id, "ReasonTag"),
            )
        if self.customer_id is not None:
            where.add("customer_id = {}", ids.row_id(self.customer_id, "Customer"))
        if self.assignee_id is not None:
            where.add("assignee_id = {}", ids.row_id(self.assignee_id, "Staff"))
        if self.order_number is not None:
            where.add(
                'order_id in (select id from "order" where shop_id = refund.shop_id'
                " and number = {})",
                self.order_number,
            )


_NUMBER_TEXT = """(number ilike {0} or order_id in (
 select id from "order" where shop_id = refund.shop_id and number ilike {0}))"""
_PERSONAL_TEXT = """(number ilike {0} or note ilike {0} or order_id in (
 select id from "order" where shop_id = refund.shop_id and number ilike {0})
 or customer_id in (select id from customer where shop_id = refund.shop_id
                     and (name ilike {0} or reference ilike {0})))"""


def _apply_text(where: Where, text: str, viewer: Viewer) -> None:
    # Who may not read names and notes must not be able to search in them either.
    personal = viewer.role is not Role.ANALYST
    where.add(_PERSONAL_TEXT if personal else _NUMBER_TEXT, contains(text))


@strawberry.type
class RefundQueries:
    @strawberry.field(description="One refund, by id or by number; null when you see none.")
    async def refund(
        self, info: Info, id: strawberry.ID | None = None, number: str | None = None
    ) -> Refund | None:
        if id is not None:
            row_id = ids.row_id(id, "Refund")
            return await Refund.read(info, row_id) if row_id else None
        row = await by_number(info, "refund", number or "")
        return Refund(row=row) if row else None

    @strawberry.field(description="Refunds, newest first unless you say otherwise.")
    async def refunds(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: RefundFilter | None = None,
        order_by: RefundOrder = RefundOrder.NEWEST,
    ) -> Connection[Refund]:
        where = Where()
        where.see("refund", info.context.known_viewer)
        if filter is not None:
            filter.apply(where, info.context.known_viewer)
        # How urgent a refund is to the shop is not its customer's to read off the order either.
        staff = info.context.known_viewer.customer_id is None
        listing = _LISTINGS[order_by] if staff else REFUNDS
        return Connection(page=await listing.page(where, first, after))

    @strawberry.field(description="What may be refunded on an order now, line by line.")
    async def refund_quote(self, info: Info, order_id: strawberry.ID) -> RefundQuote | None:
        row_id = ids.row_id(order_id, "Order")
        order = await Order.read(info, row_id) if row_id else None
        if order is None:
            return None
        shop_id, row_id = info.context.known_viewer.shop_id, order.row["id"]
        rows = await read(lambda: quotes.load(None, shop_id, row_id))
        return RefundQuote.of(rows.quote) if rows else None


async def by_number(info: Info, table: str, number: str) -> Row | None:
    """The visible row of a table that has this number."""
    where = Where()
    where.see(table, info.context.known_viewer)
    where.add("number = {}", number)
    rows = await fetch(f'select * from "{table}" where {where.sql}', *where.parameters)  # noqa: S608 - names from our types
    return rows[0] if rows else None
