"""Reading orders."""

import strawberry

from refund_gql import ids
from refund_gql.auth import Viewer
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Fulfilment
from refund_gql.graphql.pages import Listing, Where, contains
from refund_gql.graphql.queries.refunds import by_number
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.order import Order
from refund_gql.roles import Role

ORDERS = Listing(name="orders", kind="Order", table="order", moment="placed_at")


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class OrderFilter:
    fulfilment: list[Fulfilment] | None = strawberry.field(
        default=None, description="The goods have come this far: any of these."
    )
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Of this one.")
    text: str | None = strawberry.field(
        default=None,
        description="Anywhere in the order's number or the customer's name or reference.",
    )

    def apply(self, where: Where, viewer: Viewer) -> None:
        """Add the conditions."""
        if self.fulfilment is not None:
            where.add("fulfilment = any({}::text[])", [state.value for state in self.fulfilment])
        if self.customer_id is not None:
            where.add("customer_id = {}", ids.row_id(self.customer_id, "Customer"))
        if self.text is not None:
            personal = viewer.role is not Role.ANALYST
            where.add(_PERSONAL_TEXT if personal else "number ilike {0}", contains(self.text))


_PERSONAL_TEXT = """(number ilike {0} or customer_id in (
 select id from customer where shop_id = "order".shop_id
    and (name ilike {0} or reference ilike {0})))"""


@strawberry.type
class OrderQueries:
    @strawberry.field(description="One order, by id or by number; null when you see none.")
    async def order(
        self, info: Info, id: strawberry.ID | None = None, number: str | None = None
    ) -> Order | None:
        if id is not None:
            row_id = ids.row_id(id, "Order")
            return await Order.read(info, row_id) if row_id else None
        row = await by_number(info, "order", number or "")
        return Order(row=row) if row else None

    @strawberry.field(description="Orders, newest first.")
    async def orders(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: OrderFilter | None = None,
    ) -> Connection[Order]:
        where = Where()
        where.see("order", info.context.known_viewer)
        if filter is not None:
            filter.apply(where, info.context.known_viewer)
        return Connection(page=await ORDERS.page(where, first, after))
