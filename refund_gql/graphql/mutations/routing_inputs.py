"""What a shop says about its gateways, couriers, channels, how its rules are read, and how far
it trusts each tier."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import strawberry

from refund_gql.errors import InvalidInput
from refund_gql.graphql.enums import MessageKind, RuleMatching, RuleTrigger
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.models.exposure import ANY_TIER
from refund_gql.outbox.channels import DEFAULT
from refund_gql.registry.routing import CourierRoute

T = TypeVar("T")
K = TypeVar("K", bound=str)


@strawberry.input(description="Which gateway a word in captures means.")
class GatewayRouteInput:
    word: str = strawberry.field(description="What captures call the gateway.")
    provider: str = strawberry.field(description="The gateway plugin.")


@strawberry.input(description="Where parcels of a courier are followed.")
class CourierRouteInput:
    word: str = strawberry.field(description="What parcels call the courier.")
    provider: str = strawberry.field(description="The courier plugin.")
    carrier: str = strawberry.field(
        default="", description="What that plugin calls the carrier, when it follows many."
    )


@strawberry.input(description="Which channels a kind of message takes.")
class ChannelOrderInput:
    kind: MessageKind | None = strawberry.field(
        default=None, description="Null: every kind without an order of its own."
    )
    channels: list[str] = strawberry.field(
        description="Notifiers, best first; none: such messages are not sent."
    )


@strawberry.input(description="How far the rules of one trigger are read.")
class RuleMatchingInput:
    trigger: RuleTrigger = strawberry.field(description="Of these rules.")
    matching: RuleMatching = strawberry.field(description="How far.")


@strawberry.input(description="What may be paid to one customer before the goods are back.")
class ExposureLimitInput:
    tier: str | None = strawberry.field(
        default=None,
        description="In the CRM's words; null: customers whose tier has no limit of its own.",
    )
    most: MinorUnits = strawberry.field(description="Minor units of the shop's currency.")


def gateways(entries: Sequence[GatewayRouteInput]) -> dict[str, str]:
    """Word -> gateway. Raises InvalidInput for a word that comes twice."""
    return _by("gatewayRoutes", entries, lambda e: e.word, lambda e: e.provider)


def couriers(entries: Sequence[CourierRouteInput]) -> dict[str, CourierRoute]:
    """Word -> courier. Raises InvalidInput for a word that comes twice."""
    return _by(
        "courierRoutes",
        entries,
        lambda e: e.word,
        lambda e: CourierRoute(provider=e.provider, carrier=e.carrier),
    )


def channels(entries: Sequence[ChannelOrderInput]) -> dict[str, list[str]]:
    """Kind or DEFAULT -> channels. Raises InvalidInput for a kind that comes twice."""
    return _by(
        "channelOrder", entries, lambda e: e.kind.value if e.kind else DEFAULT, lambda e: e.channels
    )


def rule_matching(entries: Sequence[RuleMatchingInput]) -> dict[RuleTrigger, RuleMatching]:
    """Trigger -> how far. Raises InvalidInput for a trigger that comes twice."""
    return _by("ruleMatching", entries, lambda e: e.trigger, lambda e: e.matching)


def exposure_limits(entries: Sequence[ExposureLimitInput]) -> dict[str, int]:
    """Tier or ANY_TIER -> limit. Raises InvalidInput for a tier that comes twice."""
    return _by("exposureLimits", entries, lambda e: e.tier or ANY_TIER, lambda e: e.most)


def _by(
    field: str, entries: Sequence[Any], key: Callable[[Any], K], value: Callable[[Any], T]
) -> dict[K, T]:
    found: dict[K, T] = {}
    for entry in entries:
        name = key(entry)
        if name in found:
            raise InvalidInput(
                field=field, found=name[:40], expected="each once", zh="每项只出现一次"
            )
        found[name] = value(entry)
    return found
