"""Webhook endpoints: adding, changing, testing them, and sending once more."""

from collections.abc import Awaitable
from typing import Annotated, Any

import strawberry

from refund_gql import ids
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import EventType
from refund_gql.graphql.mutations.answers import answer
from refund_gql.graphql.problems import InvalidInput, NoSecretKey, NotAllowed, NotFound
from refund_gql.graphql.types.endpoint import (
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpointSecret,
    WebhookTest,
)
from refund_gql.outbox import deliveries, endpoints, sending

WebhookEndpointResult = Annotated[
    WebhookEndpoint | InvalidInput | NotAllowed | NotFound,
    strawberry.union("WebhookEndpointResult", description="The endpoint as it is now, or why not."),
]
WebhookEndpointSecretResult = Annotated[
    WebhookEndpointSecret | InvalidInput | NotAllowed | NotFound | NoSecretKey,
    strawberry.union("WebhookEndpointSecretResult", description="A fresh secret, or why not."),
]
WebhookTestResult = Annotated[
    WebhookTest | InvalidInput | NotAllowed | NotFound,
    strawberry.union("WebhookTestResult", description="What came of it, or why it was not sent."),
]
WebhookDeliveryResult = Annotated[
    WebhookDelivery | InvalidInput | NotAllowed | NotFound,
    strawberry.union("WebhookDeliveryResult", description="The delivery, queued, or why not."),
]


@strawberry.input(description="A new endpoint.")
class WebhookEndpointCreateInput:
    url: str = strawberry.field(description="https, port 443 or 8443, a public address.")
    description: str = strawberry.field(default="", description="What it is for.")
    events: list[EventType] = strawberry.field(
        default_factory=list, description="What it wants; empty: all."
    )

    def value(self) -> endpoints.EndpointFacts:
        return endpoints.EndpointFacts(
            url=self.url, description=self.description, events=self.events
        )


@strawberry.input(description="Null leaves a field as it is.")
class WebhookEndpointUpdateInput:
    url: str | None = strawberry.field(default=None, description="What waits goes there too.")
    description: str | None = strawberry.field(default=None, description="What it is for.")
    events: list[EventType] | None = strawberry.field(
        default=None, description="What it wants; empty: all."
    )

    def value(self) -> endpoints.EndpointFacts:
        return endpoints.EndpointFacts(
            url=self.url, description=self.description, events=self.events
        )


@strawberry.type
class EndpointMutations:
    @strawberry.mutation(description="Send events to a URL; its secret is in the answer.")
    async def webhook_endpoint_create(
        self, info: Info, input: WebhookEndpointCreateInput
    ) -> WebhookEndpointSecretResult:
        viewer, settings = info.context.known_viewer, info.context.settings
        return await _issued(info, endpoints.create(viewer, settings, input.value()))

    @strawberry.mutation(description="Change an endpoint; its secret stays.")
    async def webhook_endpoint_update(
        self, info: Info, id: strawberry.ID, input: WebhookEndpointUpdateInput
    ) -> WebhookEndpointResult:
        settings = info.context.settings
        return await answer(
            info,
            WebhookEndpoint,
            lambda viewer: endpoints.update(
                viewer, settings, ids.required("id", id, "WebhookEndpoint"), input.value()
            ),
        )

    @strawberry.mutation(description="A new secret; the old one signs too for 24 hours.")
    async def webhook_endpoint_rotate_secret(
        self, info: Info, id: strawberry.ID
    ) -> WebhookEndpointSecretResult:
        async def rotate() -> endpoints.Issued:
            viewer, settings = info.context.known_viewer, info.context.settings
            row = ids.required("id", id, "WebhookEndpoint")
            return await endpoints.rotate_secret(viewer, settings, row)

        return await _issued(info, rotate())

    @strawberry.mutation(description="Send nothing more; what waits for it is dead.")
    async def webhook_endpoint_disable(
        self, info: Info, id: strawberry.ID
    ) -> WebhookEndpointResult:
        return await answer(
            info,
            WebhookEndpoint,
            lambda viewer: endpoints.disable(viewer, ids.required("id", id, "WebhookEndpoint")),
        )

    @strawberry.mutation(description="Send what happens from now on.")
    async def webhook_endpoint_enable(self, info: Info, id: strawberry.ID) -> WebhookEndpointResult:
        return await answer(
            info,
            WebhookEndpoint,
            lambda viewer: endpoints.enable(viewer, ids.required("id", id, "WebhookEndpoint")),
        )

    @strawberry.mutation(description="Send a signed event `ping` now; answers within 10 seconds.")
    async def webhook_endpoint_test(self, info: Info, id: strawberry.ID) -> WebhookTestResult:
        sender = sending.of(info.context.settings)
        try:
            row = ids.required("id", id, "WebhookEndpoint")
            result = await sender.ping(info.context.known_viewer, row)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return WebhookTest(
            delivered=result.failure is None,
            response_status=result.status,
            error=result.failure,
        )

    @strawberry.mutation(description="Send it again, from the first try, under the same id.")
    async def webhook_delivery_redeliver(
        self, info: Info, id: strawberry.ID
    ) -> WebhookDeliveryResult:
        return await answer(
            info,
            WebhookDelivery,
            lambda viewer: deliveries.redeliver(viewer, ids.required("id", id, "WebhookDelivery")),
        )


async def _issued(info: Info, work: Awaitable[endpoints.Issued]) -> Any:
    try:
        issued = await work
    except Refusal as refusal:
        return problems.of(refusal, info.context.locale)
    row = await info.context.rows.fresh(WebhookEndpoint.table, issued.endpoint_id)
    assert row is not None, "what a viewer changed, the viewer sees"
    return WebhookEndpointSecret(endpoint=WebhookEndpoint(row=row), secret=issued.secret)
