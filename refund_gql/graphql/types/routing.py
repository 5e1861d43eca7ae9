"""Which plugin is meant: a shop's own words for gateways and couriers, and its channels."""

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import MessageKind


@strawberry.type(description="Which gateway a word in captures means.")
class GatewayRoute:
    word: str = strawberry.field(description="What captures call the gateway.")
    provider: str = strawberry.field(description="The gateway plugin.")

    @strawberry.field(description="No installed plugin brings it: refunds of it wait.")
    def missing(self, info: Info) -> bool:
        return self.provider not in info.context.known_providers.registry.offers


@strawberry.type(description="Where parcels of a courier are followed.")
class CourierRoute:
    word: str = strawberry.field(description="What parcels call the courier.")
    provider: str = strawberry.field(description="The courier plugin.")
    carrier: str = strawberry.field(
        description="What that plugin calls the carrier, when it follows many; else empty."
    )

    @strawberry.field(description="No installed plugin brings it.")
    def missing(self, info: Info) -> bool:
        return self.provider not in info.context.known_providers.registry.offers


@strawberry.type(description="Which channels a kind of message takes.")
class ChannelOrder:
    kind: MessageKind | None = strawberry.field(
        description="Null: every kind without an order of its own."
    )
    channels: list[str] = strawberry.field(
        description="Notifiers, best first; none: such messages are not sent."
    )

    @strawberry.field(description="Those of them that no installed plugin brings.")
    def missing(self, info: Info) -> list[str]:
        offer = info.context.known_providers.offer
        return [name for name in self.channels if offer(name) is None]
