"""The customer is offered ways out and takes one with a tap: once, in time, and to the cent."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from support.api import key
from support.bargain import (
    COUPON,
    KEEP,
    RETURN,
    accept,
    in_review,
    ladder_of,
    offered,
    over,
    partial,
    propose,
    seen,
    step,
)
from support.loyalty import row_id
from support.refusals import mutate
from support.world import World, shipped

from refund_gql import clock, database, ids
from refund_gql.choices import OfferState
from refund_gql.flow import negotiation
from refund_gql.models import Coupon, Offer, OfferLadder, Order, OrderLine, Refund, Shop
from refund_gql.outbox import facts
from refund_gql.outbox.kinds import MessageKind


def types(refund: dict[str, Any]) -> list[str]:
    return [entry["type"] for entry in refund["timeline"]]


def states(refund: dict[str, Any]) -> list[tuple[str, str]]:
    """Kind and state of every offer of the newest ladder, best first."""
    return [(offer["kind"], offer["state"]) for offer in refund["offerLadders"][0]["offers"]]


async def order_of(refund: dict[str, Any]) -> Order:
    return await Order.get(id=(await Refund.get(id=row_id(refund))).order_id)


# --- the thermos that "doesn't keep warm" -----------------------------------------------------


async def test_the_thermos_is_kept_for_twenty_yuan(world: World) -> None:
    """Offer A: everything back, both ways free. Offer B: keep it, 20.00 CNY and a video."""
    refund = await offered(world, RETURN, KEEP)
    assert refund["status"] == "NEGOTIATING"
    [a, b] = refund["offerLadders"][0]["offers"]
    assert (a["kind"], a["amount"]) == ("FULL_WITH_RETURN", {"amount": 8900})
    assert (b["kind"], b["amount"], b["text"]) == (
        "KEEP_AND_COMPENSATE",
        {"amount": 2000},
        "附使用视频",
    )
    assert b["guide"] == "https://shop.example/thermos"
    assert (await accept(world.customer, refund, "KEEP_AND_COMPENSATE"))["status"] == "APPROVED"
    paid = await world.reaches(refund, "REFUNDED")
    assert (paid["kind"], paid["amount"]["amount"]) == ("REFUND_ONLY", 2000)
    assert [payout["amount"]["amount"] for payout in paid["payouts"]] == [2000]
    assert [line["amount"]["amount"] for line in paid["lines"]] == [2000]
    assert types(paid)[2:5] == ["OFFERED", "OFFER_ACCEPTED", "FINANCE_APPROVED"]
    after = await seen(world, refund)
    assert states(after) == [("FULL_WITH_RETURN", "DECLINED"), ("KEEP_AND_COMPENSATE", "ACCEPTED")]
    assert after["offers"] == []
    again = await world.refund(world.customer, {"id": await order_id(refund)})
    assert again["reason"] == "NOTHING_LEFT"


async def order_id(refund: dict[str, Any]) -> str:
    return ids.encode("Order", (await order_of(refund)).id)


async def test_two_devices_that_tap_at_once_take_it_once(world: World) -> None:
    refund = await offered(world, RETURN, KEEP)
    answers = await asyncio.gather(
        *(accept(world.customer, refund, "KEEP_AND_COMPENSATE") for _ in range(4))
    )
    assert {answer["__typename"] for answer in answers} == {"Refund"}
    paid = await world.reaches(refund, "REFUNDED")
    assert [payout["amount"]["amount"] for payout in paid["payouts"]] == [2000]
    assert types(paid).count("OFFER_ACCEPTED") == 1


async def test_two_devices_that_tap_on_different_offers_take_one(world: World) -> None:
    refund = await offered(world, RETURN, KEEP)
    answers = await asyncio.gather(
        accept(world.customer, refund, "FULL_WITH_RETURN"),
        accept(world.customer, refund, "KEEP_AND_COMPENSATE"),
    )
    assert sorted(answer["__typename"] for answer in answers) == ["OfferClosed", "Refund"]
    [closed] = [answer for answer in answers if answer["__typename"] == "OfferClosed"]
    assert closed["code"] == "OFFER_CLOSED"
    assert await Offer.filter(refund_id=row_id(refund), state="ACCEPTED").count() == 1


async def test_the_same_key_takes_it_once_and_hears_the_same(world: World) -> None:
    refund, same = await offered(world, KEEP), key()
    first = await accept(world.customer, refund, "KEEP_AND_COMPENSATE", idempotencyKey=same)
    await world.reaches(refund, "REFUNDED")
    again = await accept(world.customer, refund, "KEEP_AND_COMPENSATE", idempotencyKey=same)
    assert (first["id"], again["status"]) == (again["id"], "REFUNDED")


# --- where each offer leads -------------------------------------------------------------------


async def test_a_return_that_is_accepted_waits_for_the_parcel(world: World) -> None:
    refund = await offered(world, RETURN, KEEP)
    answer = await accept(world.customer, refund, "FULL_WITH_RETURN")
    assert answer["status"] == "AWAITING_RETURN"
    after = await world.owner.refund(refund["id"], "returns { status address }")
    assert (after["kind"], after["amount"]["amount"]) == ("RETURN_AND_REFUND", 8900)
    assert after["returns"] == [{"status": "AWAITED", "address": "1 Return Road"}]
    assert types(after)[-2:] == ["OFFER_ACCEPTED", "RETURN_APPROVED"]
    assert after["payouts"] == []


async def test_a_coupon_settles_the_case_without_money(world: World) -> None:
    refund = await offered(world, COUPON)
    assert (await accept(world.customer, refund, "EXCHANGE_COUPON"))["status"] == "SETTLED"
    after = await world.owner.refund(refund["id"], "finishedAt statusText")
    assert (after["amount"]["amount"], after["payouts"]) == (0, [])
    assert after["finishedAt"] is not None
    [coupon] = await Coupon.filter(refund_id=row_id(refund))
    assert (coupon.purpose, coupon.amount, coupon.valid_days) == ("EXCHANGE", 10_000, 60)
    [line] = await OrderLine.filter(order_id=(await order_of(refund)).id)
    assert (line.claimed_quantity, line.claimed_amount) == (1, 8900)
    refused = await step(world.customer, "refundCancel", refund)
    assert (refused["__typename"], refused["currentStatus"]) == ("IllegalStep", "SETTLED")


async def test_the_lines_share_the_money_to_the_cent_before_any_shipping(world: World) -> None:
    lines = [
        {"sku": sku, "title": sku, "quantity": 1, "unitPrice": price}
        for sku, price in (("A", 3333), ("B", 3333), ("C", 3334))
    ]
    refund = await offered(world, KEEP, lines=lines, shippingAmount=800)
    await Shop.filter(id=world.shop.id).update(finance_threshold=0)
    await accept(world.customer, refund, "KEEP_AND_COMPENSATE")
    after = await world.reaches(refund, "FINANCE_REVIEW")
    assert [line["amount"]["amount"] for line in after["lines"]] == [667, 666, 667]
    assert after["amount"]["amount"] == 2000


async def test_finance_that_sends_it_back_opens_what_was_asked_for(world: World) -> None:
    await Shop.filter(id=world.shop.id).update(finance_threshold=0)
    fault = await reason(world)
    order = await world.order(shipments=shipped(), shippingAmount=800)
    asked = await world.refund(world.customer, order, reasonTagId=fault)
    refund = await world.reaches(asked, "REVIEW")
    assert refund["amount"]["amount"] == 9700
    await propose(world.agent, refund, KEEP)
    await accept(world.customer, await seen(world, refund), "KEEP_AND_COMPENSATE")
    assert (await order_of(refund)).shipping_claimed == 0
    await step(world.finance, "refundApproveFinance", refund, verdict="SEND_BACK")
    back = await seen(world, refund)
    assert (back["status"], back["amount"]["amount"]) == ("REVIEW", 9700)
    assert [line["amount"]["amount"] for line in back["lines"]] == [8900]
    assert (await order_of(refund)).shipping_claimed == 800
    assert states(back) == [("KEEP_AND_COMPENSATE", "WITHDRAWN")]
    assert (await propose(world.agent, refund, partial(9700)))["__typename"] == "Refund"


async def reason(world: World) -> str:
    """A reason that is the shop's fault."""
    tags = (await world.owner("{ reasonTags { id sellerAtFault } }"))["reasonTags"]
    found: str = next(tag["id"] for tag in tags if tag["sellerAtFault"])
    return found


async def test_who_proposed_releases_no_money(world: World) -> None:
    await Shop.filter(id=world.shop.id).update(finance_threshold=0)
    refund = await in_review(world)
    await propose(world.owner, refund, KEEP)
    await accept(world.customer, await seen(world, refund), "KEEP_AND_COMPENSATE")
    await world.reaches(refund, "FINANCE_REVIEW")
    refused = await step(world.owner, "refundApproveFinance", refund)
    assert (refused["__typename"], refused["reason"]) == ("NotAllowed", "OWN_PROPOSAL")
    assert (await step(world.finance, "refundApproveFinance", refund))["status"] == "APPROVED"


# --- no ---------------------------------------------------------------------------------------


async def test_a_customer_declines_and_a_person_looks_again(world: World) -> None:
    refund = await offered(world, RETURN, KEEP)
    declined = await step(world.customer, "offerDecline", refund, reason="都不合适")
    assert declined["status"] == "REVIEW"
    after = await seen(world, refund)
    assert states(after) == [("FULL_WITH_RETURN", "DECLINED"), ("KEEP_AND_COMPENSATE", "DECLINED")]
    late = await accept(world.customer, refund, "KEEP_AND_COMPENSATE")
    assert (late["__typename"], late["state"]) == ("OfferClosed", "DECLINED")
    assert (await world.owner.refund(refund["id"]))["payouts"] == []


async def test_offers_that_nobody_answers_expire(world: World) -> None:
    refund = await offered(world, KEEP)
    ladder_id = await over(refund)
    late = await accept(world.customer, refund, "KEEP_AND_COMPENSATE")
    assert (late["__typename"], late["state"]) == ("OfferClosed", "EXPIRED")
    await asyncio.gather(*(negotiation.expire(ladder_id) for _ in range(3)))
    after = await seen(world, refund)
    assert (after["status"], states(after)) == ("REVIEW", [("KEEP_AND_COMPENSATE", "EXPIRED")])
    assert types(after).count("OFFER_EXPIRED") == 1
    assert after["payouts"] == []


async def test_an_alarm_that_comes_early_is_set_again(world: World) -> None:
    refund = await offered(world, KEEP)
    ladder = await ladder_of(refund)
    await negotiation.expire(ladder.id)
    assert (await seen(world, refund))["status"] == "NEGOTIATING"
    assert ladder.expires_at - ladder.proposed_at == timedelta(hours=48)
    waiting = "select 1 from pgqueuer where entrypoint = 'offers' and payload = $1::bytea"
    assert await database.fetch(waiting, str(ladder.id).encode())


async def test_the_sweep_finds_offers_whose_alarm_was_lost(world: World) -> None:
    refund = await offered(world, KEEP)
    open_ones = await database.fetch(negotiation.MISSING)
    assert (await ladder_of(refund)).id in [row["subject"] for row in open_ones]
    await accept(world.customer, refund, "KEEP_AND_COMPENSATE")
    left = await database.fetch(negotiation.MISSING)
    assert (await ladder_of(refund)).id not in [row["subject"] for row in left]


async def test_staff_take_offers_back(world: World) -> None:
    refund = await offered(world, KEEP)
    assert (await step(world.agent, "offerWithdraw", refund))["status"] == "REVIEW"
    after = await seen(world, refund)
    assert states(after) == [("KEEP_AND_COMPENSATE", "WITHDRAWN")]
    assert (await propose(world.agent, refund, partial(3000)))["status"] == "NEGOTIATING"


async def test_a_customer_withdraws_the_request_and_its_offers(world: World) -> None:
    refund = await offered(world, KEEP)
    assert (await step(world.customer, "refundCancel", refund))["status"] == "CANCELLED"
    assert (await ladder_of(refund)).state is OfferState.WITHDRAWN
    [line] = await OrderLine.filter(order_id=(await order_of(refund)).id)
    assert (line.claimed_quantity, line.claimed_amount) == (0, 0)


# --- an amount of the customer's own ----------------------------------------------------------


async def test_a_counter_goes_back_to_review_and_staff_agree(world: World) -> None:
    refund = await offered(world, KEEP)
    countered = await step(world.customer, "offerCounter", refund, amount=3000, note="30 元")
    assert countered["status"] == "REVIEW"
    shown = (await seen(world, refund))["offerLadders"][0]
    assert (shown["state"], shown["counter"], shown["counterNote"]) == (
        "COUNTERED",
        {"amount": 3000},
        "30 元",
    )
    await step(world.agent, "offerAcceptCounter", refund)
    paid = await world.reaches(refund, "REFUNDED")
    assert [payout["amount"]["amount"] for payout in paid["payouts"]] == [3000]
    assert states(await seen(world, refund)) == [
        ("KEEP_AND_COMPENSATE", "COUNTERED"),
        ("KEEP_AND_COMPENSATE", "ACCEPTED"),
    ]


async def test_a_counter_is_made_once_and_never_above_what_was_asked(world: World) -> None:
    refund = await offered(world, KEEP)
    greedy = await step(world.customer, "offerCounter", refund, amount=8901)
    assert (greedy["__typename"], greedy["maximumRefundable"]) == (
        "ExceedsRefundable",
        {"amount": 8900, "currency": "CNY"},
    )
    await step(world.customer, "offerCounter", refund, amount=3000)
    await propose(world.agent, refund, partial(2500))
    again = await step(world.customer, "offerCounter", refund, amount=2900)
    assert (again["__typename"], again["path"]) == ("InvalidInput", ["input", "refundId"])
    assert (await seen(world, refund))["status"] == "NEGOTIATING"


async def test_a_counter_that_was_answered_with_offers_is_past(world: World) -> None:
    refund = await offered(world, KEEP)
    await step(world.customer, "offerCounter", refund, amount=3000)
    await propose(world.agent, refund, partial(2500))
    await step(world.customer, "offerDecline", refund)
    late = await step(world.agent, "offerAcceptCounter", refund)
    assert (late["__typename"], late["state"]) == ("OfferClosed", "DECLINED")
    assert (await seen(world, refund))["status"] == "REVIEW"


# --- what may be offered ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offers", "path"),
    [
        ([], "offers"),
        ([KEEP] * 6, "offers"),
        ([{"kind": "PARTIAL"}], "offers.0.amount"),
        ([{"kind": "PARTIAL", "amount": 0}], "offers.0.amount"),
        ([KEEP, {**RETURN, "amount": 1}], "offers.1.amount"),
        ([{"kind": "EXCHANGE_COUPON"}], "offers.0.couponAmount"),
        ([{**KEEP, "couponAmount": 1}], "offers.0.couponAmount"),
        ([{**COUPON, "couponDays": 0}], "offers.0.couponDays"),
        ([{**KEEP, "guide": {"en": "javascript:alert(1)"}}], "offers.0.guides.en"),
    ],
)
async def test_what_cannot_be_offered_is_refused(
    world: World, offers: list[dict[str, Any]], path: str
) -> None:
    refund = await in_review(world)
    refused = await propose(world.agent, refund, *offers)
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", *path.split(".")])
    assert not await OfferLadder.filter(refund_id=row_id(refund)).exists()


async def test_no_more_is_offered_than_was_asked_for(world: World) -> None:
    refund = await in_review(world)
    refused = await propose(world.agent, refund, partial(8901))
    assert (refused["__typename"], refused["maximumRefundable"]) == (
        "ExceedsRefundable",
        {"amount": 8900, "currency": "CNY"},
    )


async def test_what_an_offer_costs_is_the_shops_business(world: World) -> None:
    await Shop.filter(id=world.shop.id).update(return_cost=1200)
    refund = await offered(world, RETURN, {**RETURN, "returnPayer": "CUSTOMER"}, KEEP, COUPON)
    cost = "offers { costToShop { amount } }"
    shown = (await world.agent.refund(refund["id"], cost))["offers"]
    assert [offer["costToShop"]["amount"] for offer in shown] == [10_100, 8900, 2000, 10_000]
    asked = f"query R($id: ID!) {{ refund(id: $id) {{ {cost} }} }}"
    [error] = await world.customer.errors(asked, id=refund["id"])
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_an_offer_of_somebody_else_is_not_there(world: World) -> None:
    refund = await offered(world, KEEP)
    service = world.service
    await mutate(service, "customerUpsert", {"reference": "C-9", "name": "N"})
    made = await mutate(
        service,
        "customerSessionCreate",
        {"customerReference": "C-9"},
        "... on IssuedToken { token }",
    )
    stranger = world.api.with_token(made["token"])
    answer = await accept(stranger, refund, "KEEP_AND_COMPENSATE")
    assert (answer["__typename"], answer["objectType"]) == ("NotFound", "Offer")
    assert (await seen(world, refund))["status"] == "NEGOTIATING"


# --- what an inspection found -----------------------------------------------------------------


async def inspected(world: World, amount: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A return whose one line is worth so much to the inspection, and what that answers."""
    refund = await in_review(world)
    await step(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    await step(world.customer, "returnShip", refund, courier="SF", trackingNumber="1")
    await step(world.warehouse, "returnReceive", refund)
    finding = {"refundLineId": refund["lines"][0]["id"], "verdict": "REDUCED"}
    lines = [{**finding, "receivedQuantity": 1, "amount": amount}]
    answer = await step(world.warehouse, "returnInspect", refund, lines=lines)
    return await seen(world, refund), answer


async def test_a_large_reduction_is_offered_first(world: World) -> None:
    await Shop.filter(id=world.shop.id).update(reduction_offer_threshold=1000)
    refund, answer = await inspected(world, 6000)
    assert answer["status"] == "NEGOTIATING"
    assert refund["amount"]["amount"] == 8900
    await accept(world.customer, refund, "PARTIAL")
    paid = await world.reaches(refund, "REFUNDED")
    assert (paid["kind"], paid["amount"]["amount"]) == ("RETURN_AND_REFUND", 6000)


async def test_a_reduction_that_is_declined_goes_to_review(world: World) -> None:
    await Shop.filter(id=world.shop.id).update(reduction_offer_threshold=1000)
    refund, _ = await inspected(world, 6000)
    await step(world.customer, "offerDecline", refund)
    after = await world.owner.refund(refund["id"])
    assert (after["status"], after["amount"]["amount"]) == ("REVIEW", 8900)
    assert after["payouts"] == []


@pytest.mark.parametrize("threshold", [None, 2900])
async def test_a_small_reduction_needs_no_answer(world: World, threshold: int | None) -> None:
    await Shop.filter(id=world.shop.id).update(reduction_offer_threshold=threshold)
    _, answer = await inspected(world, 6000)
    assert answer["status"] == "FINANCE_REVIEW"


# --- a rule proposes --------------------------------------------------------------------------


async def rule(world: World, *offers: dict[str, Any]) -> None:
    document = """mutation M($input: RuleInput!) { rule: ruleCreate(input: $input, mode: LIVE) {
        __typename ... on Problem { message } } }"""
    action = {"kind": "PROPOSE_OFFERS", "parameters": {"offers": list(offers)}}
    content = {"name": {"en": "mine"}, "condition": "order.shipped", "actions": [action]}
    made = (await world.owner(document, input=content))["rule"]
    assert made["__typename"] == "Rule", made


async def test_a_rule_offers_right_after_the_request(world: World) -> None:
    await rule(
        world,
        {"kind": "FULL_WITH_RETURN"},
        {"kind": "PARTIAL", "percent": 25, "text": {"zh": "留用"}},
        {"kind": "EXCHANGE_COUPON", "amount": 9000, "bonus": 500},
    )
    asked = await world.refund(world.customer, await world.order(shipments=shipped()))
    await world.reaches(asked, "NEGOTIATING")
    refund = await seen(world, asked)
    assert [
        (offer["kind"], offer["amount"], offer["coupon"])
        for offer in refund["offerLadders"][0]["offers"]
    ] == [
        ("FULL_WITH_RETURN", {"amount": 8900}, None),
        ("PARTIAL", {"amount": 2225}, None),
        ("EXCHANGE_COUPON", None, {"amount": 9500}),
    ]
    await accept(world.customer, refund, "PARTIAL")
    paid = await world.reaches(refund, "REFUNDED")
    assert paid["amount"]["amount"] == 2225


async def test_offers_that_do_not_fit_leave_it_to_a_person(world: World) -> None:
    await rule(world, {"kind": "PARTIAL", "amount": 9000})
    asked = await world.refund(world.customer, await world.order(shipments=shipped()))
    refund = await world.reaches(asked, "REVIEW")
    shown = await world.owner.refund(refund["id"], "decisions { trace }")
    hindrance = shown["decisions"][0]["trace"]["hindrance"]
    assert hindrance == {
        "zh": "方案金额超出申请金额",
        "en": "an offer is more than what was asked for",
    }
    assert not await OfferLadder.filter(refund_id=row_id(refund)).exists()


# --- what is told -----------------------------------------------------------------------------


async def test_a_message_lists_the_offers(world: World) -> None:
    refund = await offered(world, RETURN, KEEP, COUPON)

    async def work(tx: database.Transaction) -> dict[str, str]:
        row = await Refund.filter(id=row_id(refund)).using_db(tx).get()
        shop = await Shop.filter(id=row.shop_id).using_db(tx).get()
        return await facts.gather(tx, shop, row, MessageKind.OFFERED, "zh")

    told = await database.transaction(work)
    assert told["offers"].splitlines() == [
        "1. 退货全额退款：¥89.00",
        "2. 保留商品并获得补偿：¥20.00。附使用视频。https://shop.example/thermos",
        "3. 换取优惠券：¥100.00",
    ]
    assert told["offer_message"] == "Take your pick"


async def test_figures_say_how_customers_answer(world: World) -> None:
    for taken in ("KEEP_AND_COMPENSATE", "FULL_WITH_RETURN"):
        refund = await offered(world, RETURN, KEEP)
        await accept(world.customer, refund, taken)
    await negotiation.expire(await over(await offered(world, KEEP)))
    document = """query F($from: DateTime!, $until: DateTime!) {
        offerFigures(from: $from, until: $until) { ... on OfferReport { rows {
            kind proposed accepted declined expired share meanSaved { amount } } } } }"""
    window = {
        "from": (clock.now() - timedelta(days=3)).isoformat(),
        "until": (clock.now() + timedelta(days=1)).isoformat(),
    }
    found = (await world.owner(document, **window))["offerFigures"]["rows"]
    common = {"proposed": 2, "accepted": 1, "declined": 1, "expired": 0, "share": 0.5}
    assert found == [
        {**common, "kind": "FULL_WITH_RETURN", "meanSaved": {"amount": 0}},
        {
            "kind": "KEEP_AND_COMPENSATE",
            "proposed": 3,
            "accepted": 1,
            "declined": 1,
            "expired": 1,
            "share": 1 / 3,
            "meanSaved": {"amount": 6900},
        },
    ]
