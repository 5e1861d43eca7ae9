"""The journey of a refund, told through the API."""

from support.api import key
from support.world import World, shipped


def types(refund: dict) -> list[str]:  # type: ignore[type-arg]
    return [entry["type"] for entry in refund["timeline"]]


async def test_the_wrong_colour_is_refunded_with_no_human(world: World) -> None:
    """An 89.00 CNY thermos, asked back ten minutes after the order, not shipped."""
    order = await world.order()
    asked = await world.refund(world.customer, order, note="颜色拍错了")
    assert asked["status"] == "REQUESTED"
    refund = await world.reaches(asked, "REFUNDED")
    assert refund["amount"] == {"amount": 8900, "currency": "CNY"}
    assert types(refund) == [
        "REQUESTED",
        "APPROVED_INSTANTLY",
        "PAYMENT_STARTED",
        "PAYOUT_SUCCEEDED",
        "REFUNDED",
    ]
    assert [entry["actorKind"] for entry in refund["timeline"]] == ["CUSTOMER"] + ["SYSTEM"] * 4
    [payout] = refund["payouts"]
    assert (payout["status"], payout["amount"]["amount"]) == ("SUCCEEDED", 8900)


async def test_a_pair_of_shoes_comes_back(world: World) -> None:
    lines = [{"sku": "SHOES-42", "title": "跑鞋 42", "quantity": 1, "unitPrice": 39900}]
    order = await world.order(lines=lines, shipments=shipped())
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND", note="太小了")
    refund = await world.reaches(asked, "REVIEW")
    step = {"refundId": refund["id"]}
    refund = await world.agent.mutate(
        "refundApprove", {**step, "idempotencyKey": key(), "kind": "RETURN_AND_REFUND"}
    )
    assert refund["status"] == "AWAITING_RETURN"
    refund = await world.customer.mutate(
        "returnShip",
        {**step, "idempotencyKey": key(), "courier": "SF", "trackingNumber": "SF123"},
        "status",
    )
    assert refund["status"] == "RETURNING"
    refund = await world.warehouse.mutate("returnReceive", {**step, "idempotencyKey": key()})
    assert refund["status"] == "INSPECTION"
    found = {
        "refundLineId": refund["lines"][0]["id"],
        "verdict": "ACCEPTED",
        "receivedQuantity": 1,
    }
    refund = await world.warehouse.mutate(
        "returnInspect", {**step, "idempotencyKey": key(), "lines": [found]}
    )
    assert refund["status"] == "FINANCE_REVIEW"
    await world.finance.mutate("refundApproveFinance", {**step, "idempotencyKey": key()})
    refund = await world.reaches(refund, "REFUNDED")
    assert types(refund) == [
        "REQUESTED",
        "SENT_TO_REVIEW",
        "RETURN_APPROVED",
        "RETURN_SHIPPED",
        "RETURN_RECEIVED",
        "INSPECTION_PASSED",
        "FINANCE_APPROVED",
        "PAYMENT_STARTED",
        "PAYOUT_SUCCEEDED",
        "REFUNDED",
    ]
    assert [p["amount"]["amount"] for p in refund["payouts"]] == [39900]
