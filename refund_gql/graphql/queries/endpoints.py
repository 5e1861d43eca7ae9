"""Reading webhook endpoints and what was sent to them."""

import strawberry

from refund_gql import ids
from refund_gql.database import fetch
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import DeliveryStatus
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.endpoint import WebhookDelivery, WebhookEndpoint

DELIVERIES = Listing(
    name="webhookDeliveries", kind="WebhookDelivery", table="webhook_delivery", moment="created_at"
)


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class WebhookDeliveryFilter:
    endpoint_id: strawberry.ID | None = strawberry.field(default=None, description="To this one.")
    status: list[DeliveryStatus] | None = strawberry.field(
        default=None, description="Any of these."
    )

    def apply(self, where: Where) -> None:
        """Add the conditions."""
        if self.endpoint_id is not None:
            where.add("endpoint_id = {}", ids.row_id(self.endpoint_id, "WebhookEndpoint"))
        if self.status is not None:
            where.add("status = any({}::text[])", [status.value for status in self.status])


@strawberry.type
class EndpointQueries:
    @strawberry.field(description="The shop's webhook endpoints, oldest first; at most 10.")
    async def webhook_endpoints(self, info: Info) -> list[WebhookEndpoint]:
        where = Where()
        where.see("webhook_endpoint", info.context.known_viewer)
        sql = f"select * from webhook_endpoint where {where.sql} order by created_at, id"  # noqa: S608 - no input
        return [WebhookEndpoint(row=row) for row in await fetch(sql, *where.parameters)]

    @strawberry.field(description="What was sent, or waits to be sent, newest first.")
    async def webhook_deliveries(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: WebhookDeliveryFilter | None = None,
    ) -> Connection[WebhookDelivery]:
        where = Where()
        where.see("webhook_delivery", info.context.known_viewer)
        if filter is not None:
            filter.apply(where)
        return Connection(page=await DELIVERIES.page(where, first, after))
