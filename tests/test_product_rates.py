"""How often a product comes back, as rules learn it."""

import asyncio
from datetime import timedelta
from typing import Any

from support.world import World

from refund_gql import clock, database, ids
from refund_gql.flow import facts, product_rates
from refund_gql.flow.signals import Risk
from refund_gql.models import Order, ProductRate, Refund

PRODUCT = """mutation P($input: ProductInput!) { result: productUpsert(input: $input) {
    ... on Product { id } ... on Problem { code } } }"""
LINE = {"sku": "SHOE", "title": "跑鞋", "quantity": 1, "unitPrice": 8900}


async def sold(world: World, count: int) -> list[dict[str, Any]]:
    """So many orders of one pair of shoes each."""
    await world.owner(PRODUCT, input={"sku": "SHOE", "title": "跑鞋", "category": "shoes"})
    return [await world.order(lines=[LINE]) for _ in range(count)]


async def rate(refund: dict[str, Any]) -> object:
    row = await Refund.get(id=ids.required("id", refund["id"], "Refund"))
    known = await database.transaction(lambda tx: facts.gather(tx, row, clock.now(), Risk()))
    return known.get("product.highest_refund_rate")


async def test_a_products_rate_is_known_from_twenty_sales_on(world: World) -> None:
    orders = await sold(world, 19)
    refunds = [await world.refund(world.customer, order) for order in orders[:2]]
    await asyncio.gather(*(world.reaches(refund, "REFUNDED") for refund in refunds))
    await product_rates.refresh()
    assert await rate(refunds[0]) is None
    orders += await sold(world, 1)
    await product_rates.refresh()
    assert await rate(refunds[0]) == 2 / 20


async def test_a_request_that_came_to_nothing_is_no_return(world: World) -> None:
    orders = await sold(world, 20)
    refund = await world.refund(world.customer, orders[0])
    await world.reaches(refund, "REFUNDED")
    await Refund.filter(shop_id=world.shop.id).update(status="CANCELLED")
    await product_rates.refresh()
    assert await rate(refund) == 0


async def test_what_was_sold_long_ago_counts_no_more(world: World) -> None:
    orders = await sold(world, 20)
    refund = await world.refund(world.customer, orders[0])
    await product_rates.refresh()
    assert await ProductRate.filter(shop_id=world.shop.id).count() == 1
    long_ago = clock.now() - timedelta(days=91)
    await Order.filter(shop_id=world.shop.id).update(placed_at=long_ago)
    await product_rates.refresh()
    assert await rate(refund) is None
    assert await ProductRate.filter(shop_id=world.shop.id).count() == 0
