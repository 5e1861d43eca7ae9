"""Two requests on one order become one, and what they hold of the order stays what it was."""

import asyncio
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import album, oracle
from support.api import REFUND, Api, key
from support.books import Books
from support.postroom import reachable
from support.rulebook import announced, row_id
from support.world import World, shipped, staff_token

from refund_gql.models import Event, Message, Order, OrderLine, Refund
from refund_gql.roles import Role

Answer = dict[str, Any]

LINES = [
    {"sku": "CUP", "title": "杯子", "quantity": 3, "unitPrice": 1000, "discount": 100},
    {"sku": "TEA", "title": "茶叶", "quantity": 2, "unitPrice": 5000},
    {"sku": "POT", "title": "茶壶", "quantity": 1, "unitPrice": 9900},
]
TRACKED = "note mergedInto { id } merged { id } shippingAmount { amount }"


async def merge(by: Api, into: Answer, other: Answer, **more: Any) -> Answer:
    """The answer to making one request of two."""
    query = f"""mutation M($input: RefundMergeInput!) {{ result: refundMerge(input: $input) {{
        __typename ... on Problem {{ code message path }} ... on Refund {{ {REFUND} {TRACKED} }}
        ... on InvalidInput {{ found expected }} ... on IllegalStep {{ allowedNext }}
        ... on StaleVersion {{ currentVersion }} }} }}"""
    content = {"intoId": into["id"], "fromId": other["id"], "idempotencyKey": key(), **more}
    result: Answer = (await by(query, input=content))["result"]
    return result


async def ask(world: World, order: Answer, *quantities: int, **more: Any) -> Answer:
    """A request for so many of each line that customer service looks at."""
    lines = [
        {"orderLineId": line["id"], "quantity": quantity}
        for line, quantity in zip(order["lines"], quantities, strict=False)
        if quantity
    ]
    asked = await world.refund(world.customer, order, lines=lines, **more)
    return await world.reaches(asked, "REVIEW")


async def bought(world: World, **changes: Any) -> Answer:
    return await world.order(**{"lines": LINES, "shipments": shipped(), **changes})


async def held(world: World) -> list[tuple[int, ...]]:
    """What the shop's orders have given away: units and worth of every line, and shipping."""
    lines = await OrderLine.filter(shop_id=world.shop.id).order_by("id")
    orders = await Order.filter(shop_id=world.shop.id).order_by("id")
    return [
        *((line.claimed_quantity, line.claimed_amount) for line in lines),
        *((order.shipping_claimed,) for order in orders),
    ]


async def events(refund: Answer) -> list[tuple[str, Answer]]:
    rows = await Event.filter(refund_id=row_id(refund)).order_by("version")
    return [(event.type.value, dict(event.payload)) for event in rows]


async def in_a_queue(world: World, order: Answer, *sizes: int) -> list[Answer]:
    """Requests for so many of the first line each."""
    return [await ask(world, order, size) for size in sizes]


# --- one of two -------------------------------------------------------------------------------


async def test_lines_money_words_and_files_go_over(world: World) -> None:
    order = await bought(world, shippingAmount=800)
    into = await ask(world, order, 1, 1, note="杯子碎了")
    other = await ask(world, order, 2, 1, 1, note="都不要了")
    shown = [await album.add(world.customer, refund) for refund in (into, other)]
    before = await held(world)
    merged = await merge(world.agent, into, other)
    assert (merged["id"], merged["status"]) == (into["id"], "REVIEW")
    amounts = [refund["amount"]["amount"] for refund in (into, other)]
    assert merged["amount"]["amount"] == sum(amounts) == 2900 + 10000 + 9900
    assert [
        (line["sku"], line["quantity"], line["amount"]["amount"]) for line in merged["lines"]
    ] == [("CUP", 3, 2900), ("TEA", 2, 10000), ("POT", 1, 9900)]
    assert merged["note"] == "杯子碎了\n都不要了"
    assert await held(world) == before
    gone = await world.owner.refund(other["id"], f"{TRACKED} {album.LISTED}")
    assert (gone["status"], gone["amount"]["amount"]) == ("CANCELLED", 0)
    assert (gone["lines"], gone["mergedInto"], gone["evidence"]) == ([], {"id": into["id"]}, [])
    stays = await world.owner.refund(into["id"], f"{TRACKED} {album.LISTED}")
    assert [file["id"] for file in stays["evidence"]] == shown
    assert stays["merged"] == [{"id": other["id"]}]
    [file] = [file for file in stays["evidence"] if file["id"] == shown[1]]
    assert (await world.api.client.get(file["url"])).content == album.PNG
    whole = {"currency": "CNY", "shipping": 0}
    went, came = str(row_id(other)), str(row_id(into))
    assert (await events(other))[-1] == ("MERGED", {"into": came, "amount": amounts[1], **whole})
    assert (await events(into))[-1] == (
        "REQUEST_ADDED", {"from": went, "amount": sum(amounts), **whole}
    )  # fmt: skip


async def test_shipping_goes_over_once(world: World) -> None:
    query = "{ reasonTags { id sellerAtFault } }"
    tags = (await world.owner(query))["reasonTags"]
    fault = next(tag["id"] for tag in tags if tag["sellerAtFault"])
    order = await bought(world, shippingAmount=800)
    into = await ask(world, order, 1)
    other = await ask(world, order, 2, 2, 1, reasonTagId=fault)
    assert (into["amount"]["amount"], other["amount"]["amount"]) == (966, 1934 + 19900 + 800)
    merged = await merge(world.agent, into, other)
    assert (merged["amount"]["amount"], merged["shippingAmount"]["amount"]) == (23600, 800)
    assert (await held(world))[-1] == (800,)


async def test_the_one_that_stays_is_paid_in_full(
    world: World, database_url: str, data: Path
) -> None:
    order = await bought(world)
    into, other = await in_a_queue(world, order, 1, 2)
    await merge(world.agent, into, other)
    step = {"refundId": into["id"]}
    await world.agent.mutate(
        "refundApprove", {**step, "idempotencyKey": key(), "kind": "REFUND_ONLY"}
    )
    await world.warehouse.mutate(
        "refundConfirmWarehouse", {**step, "idempotencyKey": key(), "verdict": "GOODS_GONE"}
    )
    paid = await world.reaches(into, "REFUNDED")
    assert [payout["amount"]["amount"] for payout in paid["payouts"]] == [2900]
    books = Books(world, database_url, data / "sandbox.sqlite")
    assert await books.payments() == [2900]


async def test_what_has_become_part_of_it_stays_part_of_what_it_becomes(world: World) -> None:
    order = await bought(world)
    first, second, third = await in_a_queue(world, order, 1, 1, 1)
    await merge(world.agent, second, first)
    merged = await merge(world.agent, third, second)
    assert {refund["id"] for refund in merged["merged"]} == {first["id"], second["id"]}
    assert merged["amount"]["amount"] == 2900


async def test_whoever_asked_for_either_does_not_release_the_money(world: World) -> None:
    """Otherwise a request of one's own, merged into somebody else's, would need nobody."""
    order = await bought(world)
    into = await ask(world, order, 0, 0, 1)
    lines = [{"orderLineId": order["lines"][0]["id"], "quantity": 3}]
    own = await world.refund(world.owner, order, lines=lines)
    await world.reaches(own, "REVIEW")
    await merge(world.agent, into, own)
    step = {"refundId": into["id"]}
    await world.agent.mutate(
        "refundApprove", {**step, "idempotencyKey": key(), "kind": "REFUND_ONLY"}
    )
    await world.warehouse.mutate(
        "refundConfirmWarehouse", {**step, "idempotencyKey": key(), "verdict": "GOODS_GONE"}
    )
    answer = await world.owner.mutate("refundApproveFinance", {**step, "idempotencyKey": key()})
    assert answer["code"] == "NOT_ALLOWED"
    assert (await world.owner.refund(into["id"]))["status"] == "FINANCE_REVIEW"


async def test_the_customer_hears_of_it_once(world: World) -> None:
    await reachable(world, DEFAULT=["letterbox"])
    order = await bought(world)
    into, other = await in_a_queue(world, order, 1, 2)
    for refund in (into, other):
        await announced(row_id(refund))
    before = await Message.filter(shop_id=world.shop.id).count()
    await merge(world.agent, into, other)
    for refund in (into, other):
        await announced(row_id(refund))
    told = await Message.filter(shop_id=world.shop.id).order_by("created_at", "id")
    [message] = told[before:]
    assert (message.event, message.refund_id) == ("MERGED", row_id(into))
    number = (await Refund.get(id=row_id(into))).number
    assert number in message.text
    assert "¥29.00" in message.text


# --- what does not belong together ------------------------------------------------------------


async def test_what_is_apart_stays_apart(world: World) -> None:
    order, elsewhere = await bought(world), await bought(world)
    into, same = await in_a_queue(world, order, 1, 1)
    foreign = await ask(world, elsewhere, 1)
    returned = await ask(world, order, 0, 1)
    step = {"refundId": returned["id"], "idempotencyKey": key()}
    await world.agent.mutate("refundApprove", {**step, "kind": "RETURN_AND_REFUND"})
    before = await held(world)
    for other, code in (
        (foreign, "INVALID_INPUT"),
        (into, "INVALID_INPUT"),
        (returned, "ILLEGAL_STEP"),
    ):
        assert (await merge(world.agent, into, other))["code"] == code
    assert (await merge(world.agent, returned, into))["code"] == "ILLEGAL_STEP"
    for stale in ({"expectedIntoVersion": 1}, {"expectedFromVersion": 1}):
        answer = await merge(world.agent, into, same, **stale)
        assert (answer["code"], answer["currentVersion"]) == ("STALE_VERSION", 2)
    assert await held(world) == before
    assert not await Event.filter(shop_id=world.shop.id, type="MERGED").exists()


async def test_a_request_that_was_inspected_keeps_its_lines(world: World) -> None:
    """What was found was found out about those very lines."""
    order = await bought(world)
    into, other = await in_a_queue(world, order, 1, 1)
    step = {"refundId": other["id"]}
    await world.agent.mutate(
        "refundApprove", {**step, "idempotencyKey": key(), "kind": "RETURN_AND_REFUND"}
    )
    await world.warehouse.mutate("returnReceive", {**step, "idempotencyKey": key()})
    found = {"refundLineId": other["lines"][0]["id"], "verdict": "REFUSED", "receivedQuantity": 1}
    await world.warehouse.mutate(
        "returnInspect", {**step, "idempotencyKey": key(), "lines": [found]}
    )
    answer = await merge(world.agent, into, other)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "fromId"])
    assert (await merge(world.agent, other, into))["__typename"] == "Refund"


# --- at once ----------------------------------------------------------------------------------


async def test_of_two_colleagues_who_merge_both_ways_one_wins(world: World) -> None:
    order = await bought(world)
    one, two = await in_a_queue(world, order, 1, 2)
    before = await held(world)
    colleague = world.api.with_token(await staff_token(world.shop.id, world.settings, Role.AGENT))
    answers = await asyncio.gather(merge(world.agent, one, two), merge(colleague, two, one))
    assert sorted(answer["__typename"] for answer in answers) == ["IllegalStep", "Refund"]
    assert await held(world) == before
    statuses = {(await world.owner.refund(refund["id"]))["status"] for refund in (one, two)}
    assert statuses == {"REVIEW", "CANCELLED"}


async def test_the_same_key_merges_once(world: World) -> None:
    order = await bought(world)
    one, two = await in_a_queue(world, order, 1, 2)
    once = {"idempotencyKey": key()}
    answers = await asyncio.gather(*(merge(world.agent, one, two, **once) for _ in range(3)))
    assert [answer["amount"]["amount"] for answer in answers] == [2900] * 3
    assert [name for name, _ in await events(one)].count("REQUEST_ADDED") == 1


async def test_a_file_that_is_on_its_way_arrives_where_its_request_went(world: World) -> None:
    order = await bought(world)
    into, other = await in_a_queue(world, order, 1, 1)
    upload = await album.announce(world.customer, other)
    await merge(world.agent, into, other)
    assert (await album.send(world.api, upload, album.PNG)).status_code == 201
    [file] = (await world.customer.refund(into["id"], album.LISTED))["evidence"]
    assert file["id"] == upload["fileId"]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_merged_and_withdrawn_the_order_s_books_add_up(
    world: World, database_url: str, data: Path, seed: int
) -> None:
    """Random requests on one order, merged and withdrawn in random order, in pairs at once."""
    chance = random.Random(seed)
    order = await bought(world, shippingAmount=800)
    asked = [
        await ask(world, order, *quantities) for quantities in ((1, 1), (1, 0), (1, 0, 1), (0, 1))
    ]
    checks = (oracle.every_claim_is_its_refunds, oracle.every_history_is_whole)
    books = Books(world, database_url, data / "sandbox.sqlite")
    before = await held(world)
    chance.shuffle(asked)
    await asyncio.gather(*(merge(world.agent, *pair) for pair in pairwise(asked)))
    assert await held(world) == before
    assert await books.violations(checks) == []
    for refund in asked[:2]:
        step = {"refundId": refund["id"], "idempotencyKey": key()}
        await world.customer.mutate("refundCancel", step)
    assert await books.violations(checks) == []
