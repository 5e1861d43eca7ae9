"""A refusal is disputed once: another person looks, and what was asked for is claimed again."""

from datetime import timedelta
from typing import Any

from support.api import Api, key
from support.world import World, shipped, staff_token

from refund_gql import clock, ids
from refund_gql.models import Order, OrderLine, Refund, Shop
from refund_gql.roles import Role

Answer = dict[str, Any]
CUPS = [{"sku": "CUP", "title": "Cup", "quantity": 3, "unitPrice": 3333}]


def step(refund: Answer, **more: Any) -> Answer:
    return {"refundId": refund["id"], "idempotencyKey": key(), **more}


async def refused(world: World, **order: Any) -> tuple[Answer, Answer]:
    """An order, and its refund that the agent refused."""
    made = await world.order(**{"lines": CUPS, "shipments": shipped(), **order})
    refund = await world.reaches(await world.refund(world.customer, made), "REVIEW")
    return made, await world.agent.mutate("refundReject", step(refund, reason="worn"))


async def dispute(by: Api, refund: Answer, **more: Any) -> Answer:
    """What `refundDispute` answers."""
    document = """mutation M($input: RefundDisputeInput!) { result: refundDispute(input: $input) {
        __typename ... on Refund { id status version amount { amount } }
        ... on Problem { code message } ... on NotRefundable { reason }
        ... on ExceedsRefundable { maximumRefundable { amount } } } }"""
    answer: Answer = (await by(document, input=step(refund, note="it was new", **more)))["result"]
    return answer


async def claimed(world: World) -> list[tuple[int, int]]:
    rows = await OrderLine.filter(shop_id=world.shop.id).order_by("id")
    return [(row.claimed_quantity, row.claimed_amount) for row in rows]


async def colleague(world: World) -> Api:
    """Another agent."""
    return world.api.with_token(await staff_token(world.shop.id, world.settings, Role.AGENT))


async def test_another_person_decides(world: World) -> None:
    _, refund = await refused(world)
    assert await claimed(world) == [(0, 0)]
    after = await dispute(world.customer, refund)
    assert (after["status"], after["amount"]["amount"]) == ("REVIEW", 9999)
    assert await claimed(world) == [(3, 9999)]
    seen = await world.owner.refund(
        refund["id"], "assignee { id } disputedAt finishedAt decisions { step reason }"
    )
    assert (seen["assignee"], seen["finishedAt"]) == (None, None)
    assert seen["decisions"][-1] == {"step": "DISPUTE", "reason": "it was new"}
    for name, more in (
        ("refundApprove", {"kind": "RETURN_AND_REFUND"}),
        ("refundApproveFirst", {}),
        ("refundReject", {"reason": "no"}),
    ):
        answer = await world.agent.mutate(name, step(refund, **more))
        assert answer["code"] == "NOT_ALLOWED"
        assert answer["message"].endswith("a colleague decides")
    assert (await world.owner.refund(refund["id"]))["version"] == after["version"]
    other = await colleague(world)
    approved = await other.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    assert approved["status"] == "AWAITING_RETURN"


async def test_once_and_no_more(world: World) -> None:
    _, refund = await refused(world)
    once = key()
    first = await dispute(world.customer, refund, idempotencyKey=once)
    assert await dispute(world.customer, refund, idempotencyKey=once) == first
    again = await dispute(world.customer, refund)
    assert again["code"] == "ILLEGAL_STEP"
    other = await colleague(world)
    await other.mutate("refundReject", step(refund, reason="still worn"))
    last = await dispute(world.customer, refund)
    assert (last["code"], last["reason"]) == ("NOT_REFUNDABLE", "DISPUTED_BEFORE")
    assert (await world.owner.refund(refund["id"]))["rejection"] == "still worn"
    assert await claimed(world) == [(0, 0)]


async def test_within_the_shops_days(world: World) -> None:
    """By the shop's calendar: 15 days after the refusal, until midnight."""
    _, refund = await refused(world)
    own = Refund.filter(id=ids.required("id", refund["id"], "Refund"))
    await own.update(finished_at=clock.now() - timedelta(days=17))
    late = await dispute(world.service, refund)
    assert (late["code"], late["reason"]) == ("NOT_REFUNDABLE", "DISPUTE_CLOSED")
    await own.update(finished_at=clock.now() - timedelta(days=15))
    await Shop.filter(id=world.shop.id).update(dispute_days=0)
    assert (await dispute(world.service, refund))["reason"] == "DISPUTE_CLOSED"
    await Shop.filter(id=world.shop.id).update(dispute_days=15)
    assert (await dispute(world.service, refund))["status"] == "REVIEW"


async def test_what_was_refunded_meanwhile_cannot_be_had_again(world: World) -> None:
    order, refund = await refused(world)
    one = [{"orderLineId": order["lines"][0]["id"], "quantity": 1}]
    await world.reaches(await world.refund(world.customer, order, lines=one), "REVIEW")
    answer = await dispute(world.customer, refund)
    assert (answer["code"], answer["maximumRefundable"]) == ("EXCEEDS_REFUNDABLE", {"amount": 6666})
    assert (await world.owner.refund(refund["id"]))["status"] == "REJECTED"
    assert await claimed(world) == [(1, 3333)]


async def test_a_closed_order_stays_closed(world: World) -> None:
    made, refund = await refused(world)
    await Order.filter(id=ids.required("id", made["id"], "Order")).update(closed_at=clock.now())
    assert (await dispute(world.customer, refund))["reason"] == "ORDER_CLOSED"


async def test_a_stranger_disputes_nothing(world: World) -> None:
    _, refund = await refused(world)
    for by in (world.warehouse, world.finance):
        document = """mutation M($input: RefundDisputeInput!) {
            refundDispute(input: $input) { __typename } }"""
        [error] = await by.errors(document, input=step(refund, note="x"))
        assert error["extensions"]["code"] == "FORBIDDEN"
    assert (await world.owner.refund(refund["id"]))["status"] == "REJECTED"
