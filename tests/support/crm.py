"""A CRM system in memory, set up for a shop, and what tests ask about flags."""

from typing import Any
from uuid import UUID

import pytest

from refund_gql import clock, ids
from refund_gql.app import Engine
from refund_gql.models import CrmFlags, Customer, CustomerRisk, PluginSettings
from refund_gql.providers import Crm
from support.api import Api, key
from support.providers import lend, line
from support.world import World, eventually

FLAG = """id code level why since expiresAt removedAt holds setBy setByName
  appealedAt appeal answeredAt outcome evaluation { decidedBy { number } }
  changes { kind why actor actorName }"""
RISK = "risk { level known askedAt since expires reasons { code source provider level text } }"


async def set_up(
    world: World, engine: Engine, patch: pytest.MonkeyPatch, crm: Crm, *others: Crm
) -> None:
    """Let the shop have these CRM systems; each is known by its class's name."""
    names = [one.name for one in (crm, *others)]
    for one in (crm, *others):
        lend(patch, engine.providers, line(one), name=one.name)
        await PluginSettings.create(
            shop_id=world.shop.id, provider=one.name, updated_at=clock.now(), updated_by="-"
        )
    patch.setattr(type(engine.risks), "names", property(lambda self: names), raising=False)


async def customer_id(world: World, reference: str = "C-1") -> UUID:
    return (await Customer.get(shop_id=world.shop.id, reference=reference)).id


async def global_id(world: World, reference: str = "C-1") -> str:
    return ids.encode("Customer", await customer_id(world, reference))


async def flag(by: Api, customer: str, code: str, **more: Any) -> dict[str, Any]:
    """Set a flag; the flag or the problem."""
    why = {"zh": "多次调包", "en": "Swapped goods"}
    asked = {"customerId": customer, "flag": code, "why": why, "idempotencyKey": key(), **more}
    return await by.mutate("customerFlag", asked, FLAG, on="CustomerFlag")


async def unflag(by: Api, customer: str, code: str, **more: Any) -> dict[str, Any]:
    """Take a flag off; the flag or the problem."""
    why = {"en": "A mix-up"}
    asked = {"customerId": customer, "flag": code, "why": why, "idempotencyKey": key(), **more}
    return await by.mutate("customerUnflag", asked, FLAG, on="CustomerFlag")


async def customer(by: Api, id: str, selection: str) -> dict[str, Any]:
    """What `by` sees of a customer."""
    query = f"query C($id: ID!) {{ node(id: $id) {{ ... on Customer {{ {selection} }} }} }}"
    found: dict[str, Any] = (await by(query, id=id))["node"]
    return found


async def settled(customer_id: UUID) -> CustomerRisk:
    """The customer's row once every CRM system has heard of her flags, or refuses to."""

    async def look() -> CustomerRisk | None:
        row = await CustomerRisk.get(customer_id=customer_id)
        return row if row.flags_told == row.flags_version else None

    return await eventually(look, "the CRM systems have heard of the flags")


async def told(customer_id: UUID, provider: str, **state: Any) -> CrmFlags:
    """What a CRM system was told, once its row is in this state."""
    rows = CrmFlags.filter(customer_id=customer_id, provider=provider, **state)
    return await eventually(rows.first, f"{provider}: {state}")
