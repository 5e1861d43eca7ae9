"""The journey of a refund, told through the API."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from support.api import Api, key
from support.world import World, make_world, shipped, staff_token

from refund_gql.flow import classification
from refund_gql.flow.risk import Risks
from refund_gql.roles import Role
from refund_gql.settings import Settings


def types(refund: dict[str, Any]) -> list[str]:
    return [entry["type"] for entry in refund["timeline"]]


def step(refund: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The input of a step of this refund, under a fresh key."""
    return {"refundId": refund["id"], "idempotencyKey": key(), **more}


def paid(refund: dict[str, Any]) -> list[int]:
    """What the payouts that succeeded moved, in minor units."""
    return [p["amount"]["amount"] for p in refund["payouts"] if p["status"] == "SUCCEEDED"]


async def in_review(world: World, **changes: Any) -> dict[str, Any]:
    """A refund of a delivered order that customer service has to decide."""
    asked = await world.refund(
        world.customer, await world.order(**{"shipments": shipped(), **changes})
    )
    return await world.reaches(asked, "REVIEW")


async def at_inspection(world: World, **changes: Any) -> dict[str, Any]:
    """A return whose parcel the warehouse has in its hands."""
    refund = await in_review(world, **changes)
    await world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    return await world.warehouse.mutate("returnReceive", step(refund))


def found(refund: dict[str, Any], verdict: str, received: int, **more: Any) -> dict[str, Any]:
    """What the warehouse says about the refund's only line."""
    line = {"refundLineId": refund["lines"][0]["id"], "verdict": verdict}
    return step(refund, lines=[{**line, "receivedQuantity": received, **more}])


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
    refund = await world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    assert refund["status"] == "AWAITING_RETURN"
    refund = await world.customer.mutate(
        "returnShip", step(refund, courier="SF", trackingNumber="SF123"), "id status"
    )
    assert refund["status"] == "RETURNING"
    refund = await world.warehouse.mutate("returnReceive", step(refund))
    assert refund["status"] == "INSPECTION"
    refund = await world.warehouse.mutate("returnInspect", found(refund, "ACCEPTED", 1))
    assert refund["status"] == "FINANCE_REVIEW"
    await world.finance.mutate("refundApproveFinance", step(refund))
    refund = await world.reaches(refund, "REFUNDED")
    assert types(refund) == [
        "REQUESTED",
        "SENT_TO_REVIEW",
        "RETURN_APPROVED",
        "RETURN_SHIPPED",
        "RETURN_RECEIVED",
        "INSPECTION_PASSED",
        "GOODS_DISPOSED",
        "FINANCE_APPROVED",
        "PAYMENT_STARTED",
        "PAYOUT_SUCCEEDED",
        "REFUNDED",
    ]
    assert [p["amount"]["amount"] for p in refund["payouts"]] == [39900]


# --- refund only, though goods were sent ------------------------------------------------------


async def test_a_lost_parcel_is_refunded_once_the_warehouse_confirms_it(world: World) -> None:
    refund = await in_review(world, shipments=shipped(delivered=False))
    refund = await world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    assert refund["status"] == "WAREHOUSE_CHECK"
    await world.warehouse.mutate(
        "refundConfirmWarehouse", step(refund, verdict="GOODS_GONE", note="包裹丢失")
    )
    refund = await world.reaches(refund, "REFUNDED")
    assert types(refund) == [
        "REQUESTED",
        "SENT_TO_REVIEW",
        "REFUND_ONLY_APPROVED",
        "WAREHOUSE_CONFIRMED",
        "FINANCE_APPROVED",
        "PAYMENT_STARTED",
        "PAYOUT_SUCCEEDED",
        "REFUNDED",
    ]
    assert paid(refund) == [8900]


async def test_goods_that_the_customer_has_go_back_to_review_and_are_refused_with_a_reason(
    world: World,
) -> None:
    refund = await in_review(world)
    await world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    refund = await world.warehouse.mutate(
        "refundConfirmWarehouse", step(refund, verdict="WITH_CUSTOMER")
    )
    assert refund["status"] == "REVIEW"
    refund = await world.agent.mutate("refundReject", step(refund, reason="快递显示您已签收"))
    assert (refund["status"], refund["payouts"]) == ("REJECTED", [])
    seen = await world.customer.refund(refund["id"])
    assert seen["rejection"] == "快递显示您已签收"
    assert types(seen)[-2:] == ["GOODS_FOUND_WITH_CUSTOMER", "REJECTED"]


async def test_a_refusal_needs_words(world: World) -> None:
    refund = await in_review(world)
    answer = await world.agent.mutate("refundReject", step(refund, reason="  "))
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "reason"])
    assert (await world.owner.refund(refund["id"]))["status"] == "REVIEW"


async def test_after_a_refusal_the_goods_can_be_asked_for_again(world: World) -> None:
    order = await world.order(shipments=shipped())
    first = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    again = await world.refund(world.customer, order)
    assert (again["code"], again["reason"]) == ("NOT_REFUNDABLE", "NOTHING_LEFT")
    await world.agent.mutate("refundReject", step(first, reason="请提供照片"))
    again = await world.refund(world.customer, order)
    assert again["amount"]["amount"] == 8900


async def test_evidence_is_asked_for_and_given(world: World) -> None:
    refund = await in_review(world)
    await world.agent.mutate("refundRequestEvidence", step(refund, question="请上传破损照片"))
    words = "evidenceQuestion evidenceAnswer"
    seen = await world.customer.refund(refund["id"], words)
    assert (seen["status"], seen["evidenceQuestion"]) == ("REVIEW", "请上传破损照片")
    answer = step(refund, answer="https://img.example/1.jpg")
    await world.customer.mutate("refundProvideEvidence", answer)
    seen = await world.agent.refund(refund["id"], words)
    assert (seen["status"], seen["evidenceAnswer"]) == ("REVIEW", "https://img.example/1.jpg")
    assert types(seen)[2:] == ["EVIDENCE_REQUESTED", "EVIDENCE_PROVIDED"]


# --- the customer withdraws -------------------------------------------------------------------


async def test_a_withdrawn_request_frees_the_units_for_a_new_one(world: World) -> None:
    order = await world.order(shipments=shipped())
    first = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    withdrawn = await world.customer.mutate("refundCancel", step(first))
    assert withdrawn["status"] == "CANCELLED"
    again = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    assert again["amount"]["amount"] == 8900
    assert again["id"] != first["id"]


async def test_who_withdraws_while_sending_back_is_waited_for_no_more(world: World) -> None:
    refund = await in_review(world)
    await world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    await world.customer.mutate("refundCancel", step(refund))
    seen = await world.owner.refund(refund["id"], "returns { status }")
    assert (seen["status"], seen["returns"]) == ("CANCELLED", [{"status": "CANCELLED"}])


async def test_a_parcel_on_its_way_cannot_be_withdrawn(world: World) -> None:
    refund = await in_review(world)
    await world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    await world.customer.mutate("returnShip", step(refund, courier="SF", trackingNumber="SF1"))
    answer = await world.customer.mutate("refundCancel", step(refund))
    assert (answer["code"], answer["allowedNext"]) == ("ILLEGAL_STEP", [])


async def test_committed_money_cannot_be_withdrawn(world: World) -> None:
    refund = await world.reaches(
        await world.refund(world.customer, await world.order()), "REFUNDED"
    )
    answer = await world.customer.mutate("refundCancel", step(refund))
    assert answer["code"] == "ILLEGAL_STEP"
    assert (await world.owner.refund(refund["id"]))["status"] == "REFUNDED"


# --- an order that is half way out of the door ------------------------------------------------

CUP_AND_TEA = [
    {"sku": "CUP", "title": "杯子", "quantity": 2, "unitPrice": 3000},
    {"sku": "TEA", "title": "茶叶", "quantity": 1, "unitPrice": 5000},
]


async def reason(world: World, code: str) -> str:
    """The id of one of the trade's reasons."""
    tags = (await world.customer("{ reasonTags { id code } }"))["reasonTags"]
    return next(str(tag["id"]) for tag in tags if tag["code"] == code)


async def half_shipped(world: World) -> dict[str, Any]:
    """Two cups and a tea, 12.00 CNY shipping; one cup has left the warehouse."""
    [parcel] = shipped(delivered=False)
    return await world.order(
        lines=CUP_AND_TEA,
        shippingAmount=1200,
        shipments=[{**parcel, "lines": [{"position": 0, "quantity": 1}]}],
    )


async def test_the_unshipped_half_is_paid_at_once_and_the_shipped_half_is_reviewed(
    world: World,
) -> None:
    order = await half_shipped(world)
    fault = await reason(world, "logistics")
    asked = await world.refund(world.customer, order, reasonTagId=fault)
    assert asked["amount"]["amount"] == 2 * 3000 + 5000 + 1200
    original = await world.reaches(asked, "REFUNDED")
    assert [(line["sku"], line["amount"]["amount"]) for line in original["lines"]] == [
        ("TEA", 5000)
    ]
    assert (original["amount"]["amount"], paid(original)) == (5000, [5000])
    assert types(original)[:3] == ["REQUESTED", "SPLIT", "APPROVED_INSTANTLY"]
    [link] = original["splitInto"]
    sibling = await world.owner.refund(link["id"], "shippingAmount { amount } statedReason { id }")
    assert [(line["sku"], line["quantity"]) for line in sibling["lines"]] == [("CUP", 2)]
    assert sibling["shippingAmount"]["amount"] == 1200
    assert sibling["amount"]["amount"] == 2 * 3000 + 1200
    assert (sibling["status"], sibling["payouts"]) == ("REVIEW", [])
    assert sibling["statedReason"]["id"] == fault


async def test_the_two_halves_name_each_other(world: World) -> None:
    asked = await world.refund(world.customer, await half_shipped(world))
    original = await world.reaches(asked, "REFUNDED")
    history = "timeline { type payload }"
    original = await world.owner.refund(original["id"], history)
    [link] = original["splitInto"]
    sibling = await world.owner.refund(link["id"], history)
    split = next(entry for entry in original["timeline"] if entry["type"] == "SPLIT")
    born = sibling["timeline"][0]
    assert sibling["number"] == f"{original['number']}-2"
    assert list(split["payload"]) == ["into"]
    assert list(born["payload"]) == ["split_from"]
    assert types(sibling) == ["REQUESTED", "SENT_TO_REVIEW"]


async def test_the_shipped_half_goes_its_own_way_to_the_money(world: World) -> None:
    asked = await world.refund(world.customer, await half_shipped(world))
    original = await world.reaches(asked, "REFUNDED")
    [sibling] = original["splitInto"]
    await world.agent.mutate("refundApprove", step(sibling, kind="REFUND_ONLY"))
    await world.warehouse.mutate(
        "refundConfirmWarehouse", step(sibling, verdict="GOODS_GONE", note="拦截成功")
    )
    sibling = await world.reaches(sibling, "REFUNDED")
    assert (paid(original), paid(sibling)) == ([5000], [6000])


async def test_a_refused_half_frees_only_its_own_units(world: World) -> None:
    order = await half_shipped(world)
    original = await world.reaches(await world.refund(world.customer, order), "REFUNDED")
    await world.agent.mutate("refundReject", step(original["splitInto"][0], reason="商品已寄出"))
    again = await world.refund(world.customer, order)
    assert [(line["sku"], line["quantity"]) for line in again["lines"]] == [("CUP", 2)]
    assert again["amount"]["amount"] == 6000


# --- what arrived is what is paid -------------------------------------------------------------

THREE_CUPS = [{"sku": "CUP", "title": "杯子", "quantity": 3, "unitPrice": 3333}]


async def test_two_of_three_arrived_and_two_are_paid(world: World) -> None:
    refund = await at_inspection(world, lines=THREE_CUPS)
    refund = await world.warehouse.mutate("returnInspect", found(refund, "ACCEPTED", 2))
    assert refund["status"] == "FINANCE_REVIEW"
    assert refund["amount"]["amount"] == 6666
    assert refund["lines"][0]["worth"]["amount"] == 9999
    await world.finance.mutate("refundApproveFinance", step(refund))
    assert paid(await world.reaches(refund, "REFUNDED")) == [6666]


async def test_a_worn_cup_is_worth_less(world: World) -> None:
    refund = await at_inspection(world, lines=THREE_CUPS)
    refund = await world.warehouse.mutate(
        "returnInspect", found(refund, "REDUCED", 3, amount=5000, note="有划痕")
    )
    assert (refund["status"], refund["amount"]["amount"]) == ("FINANCE_REVIEW", 5000)
    seen = await world.owner.refund(
        refund["id"],
        "returns { status inspections { verdict receivedQuantity amount { amount } note } }",
    )
    assert seen["returns"] == [
        {
            "status": "INSPECTED",
            "inspections": [
                {
                    "verdict": "REDUCED",
                    "receivedQuantity": 3,
                    "amount": {"amount": 5000},
                    "note": "有划痕",
                }
            ],
        }
    ]


async def test_nobody_grants_more_than_was_asked_for(world: World) -> None:
    refund = await at_inspection(world, lines=THREE_CUPS)
    answer = await world.warehouse.mutate(
        "returnInspect", found(refund, "REDUCED", 3, amount=10000)
    )
    assert answer["code"] == "EXCEEDS_REFUNDABLE"
    assert answer["maximumRefundable"] == {"amount": 9999, "currency": "CNY"}
    seen = await world.owner.refund(refund["id"])
    assert (seen["status"], seen["amount"]["amount"]) == ("INSPECTION", 9999)


@pytest.mark.parametrize(
    ("verdict", "received", "more", "field"),
    [
        ("ACCEPTED", 4, {}, "receivedQuantity"),
        ("ACCEPTED", -1, {}, "receivedQuantity"),
        ("ACCEPTED", 3, {"amount": 1}, "amount"),
        ("REFUSED", 3, {"amount": 0}, "amount"),
        ("REDUCED", 3, {}, "amount"),
        ("REDUCED", 3, {"amount": -1}, "amount"),
    ],
)
async def test_a_finding_that_cannot_be_is_refused(
    world: World, verdict: str, received: int, more: dict[str, Any], field: str
) -> None:
    refund = await at_inspection(world, lines=THREE_CUPS)
    answer = await world.warehouse.mutate("returnInspect", found(refund, verdict, received, **more))
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "lines", "0", field])
    assert (await world.owner.refund(refund["id"]))["status"] == "INSPECTION"


async def test_a_parcel_is_inspected_line_by_line(world: World) -> None:
    """Every line of the refund exactly once: not none, not twice, not somebody else's."""
    refund = await at_inspection(world, lines=CUP_AND_TEA)
    cup, tea = (
        {"refundLineId": line["id"], "verdict": "ACCEPTED", "receivedQuantity": 1}
        for line in refund["lines"]
    )
    for lines in ([], [cup], [cup, cup], [cup, tea, tea]):
        answer = await world.warehouse.mutate("returnInspect", step(refund, lines=lines))
        assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "lines"])
    refused = {**tea, "verdict": "REFUSED"}
    refund = await world.warehouse.mutate("returnInspect", step(refund, lines=[refused, cup]))
    assert (refund["status"], refund["amount"]["amount"]) == ("FINANCE_REVIEW", 3000)
    assert [line["amount"]["amount"] for line in refund["lines"]] == [3000, 0]


async def test_goods_that_are_refused_go_back_to_review_with_the_amount_untouched(
    world: World,
) -> None:
    refund = await at_inspection(world, lines=THREE_CUPS)
    refund = await world.warehouse.mutate("returnInspect", found(refund, "REFUSED", 3))
    assert (refund["status"], refund["amount"]["amount"]) == ("REVIEW", 9999)
    refund = await world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    assert refund["status"] == "AWAITING_RETURN"
    seen = await world.owner.refund(refund["id"], "returns { status }")
    assert seen["returns"] == [{"status": "AWAITED"}, {"status": "INSPECTED"}]


# --- a chargeback comes between the request and its decision ----------------------------------


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Event]:
    """While it is not set, no request is classified."""
    go, classify = asyncio.Event(), classification.classify

    async def wait_then_classify(refund_id: UUID, risks: Risks) -> None:
        await go.wait()
        await classify(refund_id, risks)

    monkeypatch.setattr(classification, "classify", wait_then_classify)
    yield go
    go.set()


async def charged_back(
    world: World, gate: asyncio.Event, disputed: int, **order: Any
) -> tuple[dict[str, Any], Callable[[int], Any]]:
    """A refund that is classified after a chargeback took so much, and how to report another."""
    paid = {"gateway": "sandbox", "reference": uuid4().hex, "amount": 8900}
    same: dict[str, Any] = {"number": f"SO-{uuid4().hex}", **order}

    async def report(disputed: int) -> dict[str, Any]:
        return await world.order(**same, captures=[{**paid, "disputed": disputed}])

    asked = await world.refund(world.customer, await report(0))
    await report(disputed)
    gate.set()
    return asked, report


async def test_money_that_a_chargeback_holds_is_a_persons_business(
    world: World, gate: asyncio.Event
) -> None:
    asked, report = await charged_back(world, gate, 8900)
    refund = await world.reaches(asked, "REVIEW")
    answer = await world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "kind"])
    refund = await world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    assert refund["status"] == "FINANCE_REVIEW"
    answer = await world.finance.mutate("refundApproveFinance", step(refund))
    assert answer["code"] == "EXCEEDS_REFUNDABLE"
    assert answer["maximumRefundable"] == {"amount": 0, "currency": "CNY"}
    await report(0)
    await world.finance.mutate("refundApproveFinance", step(refund))
    assert paid(await world.reaches(refund, "REFUNDED")) == [8900]


async def test_a_half_that_cannot_be_paid_at_once_is_not_split_off(
    world: World, gate: asyncio.Event
) -> None:
    """One line was sent, the other not; a chargeback holds the money of both."""
    lines = [
        {"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": 3900},
        {"sku": "TEA", "title": "茶叶", "quantity": 1, "unitPrice": 5000},
    ]
    [parcel] = shipped(delivered=False)
    parcel["lines"] = [{"position": 0, "quantity": 1}]
    asked, _ = await charged_back(world, gate, 4000, lines=lines, shipments=[parcel])
    refund = await world.reaches(asked, "REVIEW")
    assert (refund["amount"]["amount"], refund["splitInto"]) == (8900, [])
    assert types(refund) == ["REQUESTED", "SENT_TO_REVIEW"]


# --- finance ----------------------------------------------------------------------------------


async def at_finance(
    world: World, *, approver: Api | None = None, **changes: Any
) -> dict[str, Any]:
    """A refund of 399.00 CNY, far above the shop's threshold of 100.00, that finance releases."""
    shoes = [{"sku": "SHOES", "title": "跑鞋", "quantity": 1, "unitPrice": 39900}]
    refund = await in_review(world, lines=shoes)
    await (approver or world.agent).mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    await world.warehouse.mutate("refundConfirmWarehouse", step(refund, verdict="GOODS_GONE"))
    return await world.reaches(refund, "FINANCE_REVIEW")


@pytest.mark.parametrize(
    ("price", "end", "events"),
    [
        (10000, "REFUNDED", ["FINANCE_APPROVED", "PAYMENT_STARTED"]),
        (10001, "FINANCE_REVIEW", ["WAREHOUSE_CONFIRMED"]),
    ],
)
async def test_finance_looks_above_the_threshold_only(
    world: World, price: int, end: str, events: list[str]
) -> None:
    """The world's threshold is 100.00 CNY."""
    line = {"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": price}
    refund = await in_review(world, lines=[line])
    await world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    await world.warehouse.mutate("refundConfirmWarehouse", step(refund, verdict="GOODS_GONE"))
    refund = await world.reaches(refund, end)
    assert set(events) <= set(types(refund))
    assert ("FINANCE_APPROVED" in types(refund)) is (price == 10000)


async def test_less_than_was_asked_for_is_finances_business_however_small(world: World) -> None:
    refund = await at_inspection(world)
    refund = await world.warehouse.mutate("returnInspect", found(refund, "REDUCED", 1, amount=1))
    assert (refund["status"], refund["amount"]["amount"]) == ("FINANCE_REVIEW", 1)


async def test_who_approved_does_not_release_the_money(world: World) -> None:
    refund = await at_finance(world, approver=world.owner)
    answer = await world.owner.mutate("refundApproveFinance", step(refund))
    assert (answer["__typename"], answer["code"]) == ("NotAllowed", "NOT_ALLOWED")
    assert answer["message"] == "Nobody approves their own proposal; ask a colleague"
    assert (await world.owner.refund(refund["id"]))["payouts"] == []
    await world.finance.mutate("refundApproveFinance", step(refund))
    assert paid(await world.reaches(refund, "REFUNDED")) == [39900]


async def test_who_asked_does_not_release_the_money(world: World) -> None:
    order = await world.order(
        shipments=shipped(),
        lines=[{"sku": "SHOES", "title": "跑鞋", "quantity": 1, "unitPrice": 39900}],
    )
    refund = await world.reaches(await world.refund(world.owner, order), "REVIEW")
    await world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    await world.warehouse.mutate("refundConfirmWarehouse", step(refund, verdict="GOODS_GONE"))
    answer = await world.owner.mutate("refundApproveFinance", step(refund))
    assert (answer["__typename"], answer["code"]) == ("NotAllowed", "NOT_ALLOWED")
    answer = await world.finance.mutate("refundApproveFinance", step(refund))
    assert answer["__typename"] == "Refund"


async def test_who_reviews_a_request_of_their_own_meets_finance_however_small_it_is(
    world: World,
) -> None:
    order = await world.order(shipments=shipped())
    refund = await world.reaches(await world.refund(world.agent, order), "REVIEW")
    await world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    await world.warehouse.mutate("refundConfirmWarehouse", step(refund, verdict="GOODS_GONE"))
    assert (await world.owner.refund(refund["id"]))["status"] == "FINANCE_REVIEW"


async def test_finance_sends_back_and_the_next_approval_is_decided_anew(world: World) -> None:
    refund = await at_finance(world)
    refund = await world.finance.mutate(
        "refundApproveFinance", step(refund, verdict="SEND_BACK", note="金额请再核对")
    )
    assert (refund["status"], refund["payouts"]) == ("REVIEW", [])
    seen = await world.agent.refund(refund["id"], "decisions { step reason actorName }")
    assert seen["decisions"][-1] == {
        "step": "SEND_BACK",
        "reason": "金额请再核对",
        "actorName": "Finance",
    }
    await world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    await world.warehouse.mutate("refundConfirmWarehouse", step(refund, verdict="GOODS_GONE"))
    colleague = world.api.with_token(await staff_token(world.shop.id, world.settings, Role.FINANCE))
    await colleague.mutate("refundApproveFinance", step(refund))
    assert paid(await world.reaches(refund, "REFUNDED")) == [39900]


async def test_a_shop_without_a_threshold_sees_every_amount(api: Api, settings: Settings) -> None:
    careful = await make_world(api, settings, finance_threshold=0)
    line = {"sku": "PIN", "title": "别针", "quantity": 1, "unitPrice": 1}
    refund = await in_review(careful, lines=[line])
    await careful.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    answer = await careful.warehouse.mutate(
        "refundConfirmWarehouse", step(refund, verdict="GOODS_GONE")
    )
    assert answer["status"] == "FINANCE_REVIEW"


# --- the money --------------------------------------------------------------------------------


async def test_a_gift_costs_nothing_and_needs_no_bank(world: World) -> None:
    gift = [{"sku": "GIFT", "title": "赠品", "quantity": 1, "unitPrice": 0}]
    refund = await world.reaches(
        await world.refund(world.customer, await world.order(lines=gift)), "REFUNDED"
    )
    assert (refund["amount"]["amount"], refund["payouts"]) == (0, [])
    assert types(refund) == ["REQUESTED", "APPROVED_INSTANTLY", "PAYMENT_STARTED", "REFUNDED"]


async def test_three_payments_are_refunded_newest_first_each_within_its_own(world: World) -> None:
    """Paid in three parts, 40 + 30 + 19; first 45 goes back, then the other 44."""
    lines = [
        {"sku": "A", "title": "甲", "quantity": 1, "unitPrice": 4500},
        {"sku": "B", "title": "乙", "quantity": 1, "unitPrice": 4400},
    ]
    captures = [
        {
            "gateway": "sandbox",
            "reference": uuid4().hex,
            "amount": amount,
            "capturedAt": f"2026-03-0{day}T12:00:00Z",
            "metadata": {"sandbox": "OK*"},
        }
        for day, amount in ((1, 4000), (3, 3000), (2, 1900))
    ]
    order = await world.order(lines=lines, captures=captures)
    moved = []
    for line in order["lines"]:
        one = [{"orderLineId": line["id"], "quantity": 1}]
        asked = await world.refund(world.customer, order, lines=one)
        moved.append(paid(await world.reaches(asked, "REFUNDED")))
    assert moved == [[3000, 1500], [400, 4000]]
    captures_of = """query O($id: ID!) { order(id: $id) {
        captures { amount { amount } reserved { amount } } } }"""
    seen = await world.owner(captures_of, id=order["id"])
    assert [
        (capture["amount"]["amount"], capture["reserved"]["amount"])
        for capture in seen["order"]["captures"]
    ] == [(3000, 3000), (1900, 1900), (4000, 4000)]


@pytest.mark.parametrize(
    ("currency", "price", "decimal"), [("JPY", 8900, "8900"), ("KWD", 8905, "8.905")]
)
async def test_money_without_cents_and_with_three_decimals(
    api: Api, settings: Settings, currency: str, price: int, decimal: str
) -> None:
    abroad = await make_world(api, settings, currency=currency)
    line = {"sku": "TEA", "title": "Tea", "quantity": 1, "unitPrice": price}
    order = await abroad.order(currency=currency, lines=[line])
    refund = await abroad.reaches(await abroad.refund(abroad.customer, order), "REFUNDED")
    seen = await abroad.owner.refund(refund["id"], "sum: amount { decimal }")
    assert seen["sum"]["decimal"] == decimal
    assert [payout["amount"] for payout in seen["payouts"]] == [
        {"amount": price, "currency": currency}
    ]
