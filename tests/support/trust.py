"""Shops that trust some customers, and refunds that were paid before their goods came back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from refund_gql import clock, ids
from refund_gql.models import Customer, CustomerRisk, Exposure, PluginSettings
from support.api import Api, key
from support.world import World, shipped

Answer = dict[str, Any]
SHOES = [{"sku": "SHOES-42", "title": "跑鞋 42", "quantity": 1, "unitPrice": 39900}]
MORE = """nextSteps { step } returns { status address }
  exposure { amount { amount } tier limit { amount } release releasedAt remindedAt }
  claims { id amount { amount } cause status note closedByName }"""
"""What `Refund` tells about goods that follow their money."""


async def allow(world: World, **tiers: int) -> None:
    """What each tier may get first, in minor units; `default` is everybody else."""
    limits = [
        {"tier": None if tier == "default" else tier, "most": most} for tier, most in tiers.items()
    ]
    document = """mutation M($input: ShopInput!) { shopUpdate(input: $input) {
        __typename ... on Shop { exposureLimits { tier most { amount currency } } } } }"""
    made = (await world.owner(document, input={"exposureLimits": limits}))["shopUpdate"]
    assert made["__typename"] == "Shop", made


async def is_of(world: World, tier: str | None, reference: str = "C-1") -> None:
    """What the shop's CRM says of a customer, fresh enough not to be asked again."""
    customer = await Customer.get(shop_id=world.shop.id, reference=reference)
    await PluginSettings.get_or_create(
        shop_id=world.shop.id,
        provider="sandbox-crm",
        defaults={"updated_at": clock.now(), "updated_by": "-"},
    )
    told: Answer = {"tier": tier, "known": True, "signals": [], "asked_at": clock.now()}
    await CustomerRisk.update_or_create(
        shop_id=world.shop.id, customer_id=customer.id, defaults=told
    )


async def rule(world: World, condition: str = "refund.goods_shipped", **wish: Any) -> None:
    """A live rule that pays first."""
    draft = {
        "name": {"en": "trusted", "zh": "信任客户"},
        "condition": condition,
        "actions": [{"kind": "REFUND_FIRST", "parameters": wish}],
    }
    document = """mutation M($input: RuleInput!) { ruleCreate(input: $input, mode: LIVE) {
        __typename ... on Problem { message } } }"""
    made = (await world.owner(document, input=draft))["ruleCreate"]
    assert made["__typename"] == "Rule", made


async def trusting(world: World, **tiers: int) -> None:
    """A shop with limits and the rule, whose customer C-1 is gold."""
    await allow(world, **(tiers or {"gold": 100_000}))
    await is_of(world, "gold")
    await rule(world)


async def sent_back(world: World, by: Api | None = None, **order: Any) -> Answer:
    """A request to send delivered goods back: a pair of shoes for 399.00 CNY."""
    made = await world.order(**{"lines": SHOES, "shipments": shipped(), **order})
    return await world.refund(by or world.customer, made, kind="RETURN_AND_REFUND")


async def paid_first(world: World, **order: Any) -> Answer:
    """The same, paid; its goods are still away."""
    return await world.reaches(await sent_back(world, **order), "REFUNDED")


async def seen(world: World, refund: Mapping[str, Any]) -> Answer:
    """The refund now, with its goods, as the owner reads it."""
    return await world.owner.refund(refund["id"], MORE)


async def step(by: Api, name: str, refund: Mapping[str, Any], **more: Any) -> Answer:
    """A step of the refund, or the problem."""
    asked = {"refundId": refund["id"], "idempotencyKey": key(), **more}
    return await by.mutate(name, asked)


def finding(refund: Mapping[str, Any], verdict: str, received: int, **more: Any) -> list[Answer]:
    """What the warehouse says about the refund's only line."""
    line = {"refundLineId": refund["lines"][0]["id"], "verdict": verdict}
    return [{**line, "receivedQuantity": received, **more}]


def types(refund: Mapping[str, Any]) -> list[str]:
    return [entry["type"] for entry in refund["timeline"]]


def paid(refund: Mapping[str, Any]) -> list[int]:
    """What the payouts that succeeded moved, in minor units."""
    return [p["amount"]["amount"] for p in refund["payouts"] if p["status"] == "SUCCEEDED"]


async def exposure(refund: Mapping[str, Any]) -> Exposure:
    return await Exposure.get(refund_id=row_id(refund))


def row_id(refund: Mapping[str, Any]) -> UUID:
    return ids.required("id", refund["id"], "Refund")


async def standing(world: World) -> Answer:
    """What stands against the limit of C-1, as an agent reads it."""
    customer = await Customer.get(shop_id=world.shop.id, reference="C-1")
    document = """query C($id: ID!) { node(id: $id) { ... on Customer { exposure {
        tier limit { amount currency } open { amount } claimed { amount } } } } }"""
    found = await world.agent(document, id=ids.encode("Customer", customer.id))
    of: Answer = found["node"]["exposure"]
    return of
