"""Which provider is meant: the shop's own names for gateways and couriers, translated.

A capture or a shipment keeps the name it was reported with; the shop's routing says which plugin
that is. A name without a route is the plugin's own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from refund_gql import database, validation
from refund_gql.models import Payout

MAX_ROUTES = 100
_GATEWAY = """
select coalesce(shop.gateway_routes ->> capture.gateway, capture.gateway) as gateway
  from capture join shop on shop.id = capture.shop_id where capture.id = $1
"""
_COURIER = "select courier_routes -> $2 as route from shop where id = $1"


@dataclass(frozen=True, kw_only=True)
class CourierRoute:
    """Where to ask about parcels of one courier."""

    provider: str
    """The courier plugin's name."""
    carrier: str = ""
    """What that plugin calls the carrier, for services that follow many."""


async def gateway_of(payout: Payout) -> str:
    """The gateway a payout goes through. Once it was sent, that never changes."""
    if payout.sent_at is not None:
        return payout.gateway
    [row] = await database.fetch(_GATEWAY, payout.capture_id)
    gateway: str = row["gateway"]
    return gateway


async def courier_of(shop_id: UUID, courier: str) -> CourierRoute | None:
    """Where parcels of this courier are followed; None when the shop follows none of them."""
    [row] = await database.fetch(_COURIER, shop_id, courier)
    route = json.loads(row["route"]) if row["route"] else None
    return CourierRoute(**route) if route else None


# --- what shops may store ---------------------------------------------------------------------


def checked_gateways(field: str, routes: Mapping[str, str]) -> dict[str, str]:
    """The shop's word -> the gateway plugin's name. Raises InvalidInput."""
    validation.limited(field, len(routes), MAX_ROUTES)
    return {
        validation.text(field, word, longest=64): validation.provider(f"{field}.{word[:64]}", name)
        for word, name in routes.items()
    }


def checked_couriers(field: str, routes: Mapping[str, CourierRoute]) -> dict[str, dict[str, str]]:
    """The shop's word -> the courier plugin and its carrier. Raises InvalidInput."""
    validation.limited(field, len(routes), MAX_ROUTES)
    return {
        validation.text(field, word, longest=64): {
            "provider": validation.provider(f"{field}.{word[:64]}", route.provider),
            "carrier": validation.text(field, route.carrier, longest=64, required=False),
        }
        for word, route in routes.items()
    }
