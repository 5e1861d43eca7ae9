"""Refund first, goods later: who gets the money before the goods are back, and who does not."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate
from support import documents
from support.api import Api, key
from support.postroom import Postroom, announce_all, by_hand, reachable
from support.trust import (
    SHOES,
    allow,
    exposure,
    is_of,
    paid,
    paid_first,
    row_id,
    rule,
    seen,
    sent_back,
    standing,
    step,
    trusting,
    types,
)
from support.world import World, make_world, shipped

from refund_gql.models import Exposure, GoodsClaim, RuleEvaluation, Shop
from refund_gql.settings import Settings


async def why(refund: dict[str, Any]) -> dict[str, str]:
    """What the rules' decision says in words."""
    kept = await RuleEvaluation.get(refund_id=row_id(refund))
    words: dict[str, str] = kept.explanation
    return words


async def nothing_went_first(world: World, refund: dict[str, Any]) -> None:
    """It waits in review; no money, no exposure, and nothing lost."""
    found = await seen(world, refund)
    assert (found["status"], found["payouts"], found["exposure"]) == ("REVIEW", [], None)
    assert found["returns"] == []
    assert await Exposure.filter(refund_id=row_id(refund)).count() == 0


# --- a rule -----------------------------------------------------------------------------------


async def test_a_gold_customer_is_paid_at_once_and_the_goods_follow(world: World) -> None:
    await trusting(world)
    refund = await paid_first(world)
    assert types(refund) == [
        "REQUESTED",
        "REFUND_FIRST_GRANTED",
        "GOODS_AWAITED",
        "PAYMENT_STARTED",
        "PAYOUT_SUCCEEDED",
        "REFUNDED",
    ]
    found = await seen(world, refund)
    assert found["kind"] == "RETURN_AND_REFUND"
    assert found["returns"] == [{"status": "AWAITED", "address": "1 Return Road"}]
    assert found["exposure"] == {
        "amount": {"amount": 39900},
        "tier": "gold",
        "limit": {"amount": 100_000},
        "release": None,
        "releasedAt": None,
        "remindedAt": None,
    }
    assert paid(found) == [39900]
    assert await standing(world) == {
        "tier": "gold",
        "limit": {"amount": 100_000, "currency": "CNY"},
        "open": {"amount": 39900},
        "claimed": {"amount": 0},
    }
    assert await why(refund) == {
        "zh": "规则“信任客户”（第 1 版）先退款后收货。",
        "en": "Paid before the goods are back, by the rule “trusted” (1).",
    }


async def test_the_customer_is_told_of_the_money_and_of_the_goods(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trusting(world)
    await reachable(world, DEFAULT=["letterbox"])
    postroom = Postroom()
    async with by_hand(monkeypatch):
        refund = await paid_first(world)
        messages = await announce_all(postroom, row_id(refund))
    assert [message.event for message in messages] == ["REFUND_FIRST", "REFUNDED"]
    first = messages[0]
    due = (await exposure(refund)).due_at
    last_day = first.variables["return_by"]
    assert first.text == (
        f"感谢您的信任，您的退款申请（{refund['number']}）已通过，退款 ¥399.00 先行为您办理，"
        "将在1-3个工作日内返回支付账户。\n"
        f"请在{last_day}前（含当日）寄回商品。\n"
        "寄回地址：1 Return Road\n"
        "寄回要求：未穿着，配件齐全\n"
        "寄出后请填写快递公司和运单号。"
    )
    # Midnight in Shanghai is 16:00 of the day before in UTC, and that day is the last one.
    assert (due.hour, due.minute) == (16, 0)
    assert last_day == f"{due.year}年{due.month}月{due.day}日"


async def test_beyond_the_limit_a_person_decides_and_reads_why(world: World) -> None:
    await trusting(world, gold=50_000)
    await paid_first(world)
    refund = await world.reaches(await sent_back(world), "REVIEW")
    await nothing_went_first(world, refund)
    assert await why(refund) == {
        "zh": "规则“信任客户”（第 1 版）无法执行，转人工处理："
        "退款 399.00 CNY 超出该顾客的先行退款额度"
        "（额度 500.00 CNY，已占用 399.00 CNY）。",
        "en": "Kept for a person, since the rule “trusted” (1) cannot be followed: 399.00 CNY is "
        "beyond what the customer may get first (399.00 CNY of 500.00 CNY are used).",
    }
    decisions = "decisions { step trace }"
    [made] = (await world.owner.refund(refund["id"], decisions))["decisions"]
    assert made["trace"]["explanation"] == await why(refund)
    after = await step(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    assert after["status"] == "AWAITING_RETURN"


async def test_exactly_the_limit_is_within_it(world: World) -> None:
    await trusting(world, gold=39_900)
    await paid_first(world)
    assert (await standing(world))["open"] == {"amount": 39_900}


@pytest.mark.parametrize(
    ("tier", "limits"),
    [(None, {"gold": 100_000}), ("silver", {"gold": 100_000}), ("gold", {}), ("gold", {"gold": 0})],
    ids=["no tier", "another tier", "no limits", "nothing"],
)
async def test_who_has_no_limit_gets_nothing_first(
    world: World, tier: str | None, limits: dict[str, int]
) -> None:
    await rule(world)
    await allow(world, **limits)
    await is_of(world, tier)
    refund = await world.reaches(await sent_back(world), "REVIEW")
    await nothing_went_first(world, refund)
    assert "of 0.00 CNY are used" in (await why(refund))["en"]


async def test_a_shop_may_trust_everybody_a_little(world: World) -> None:
    await rule(world)
    await allow(world, default=40_000, GOLD=100_000)
    await is_of(world, None)
    await paid_first(world)
    assert (await standing(world))["limit"]["amount"] == 40_000
    await is_of(world, "Gold")
    assert (await standing(world))["limit"]["amount"] == 100_000


async def test_the_rules_own_limit_holds_too(world: World) -> None:
    await allow(world, gold=100_000)
    await is_of(world, "gold")
    await rule(world, most=39_899)
    refund = await world.reaches(await sent_back(world), "REVIEW")
    await nothing_went_first(world, refund)
    assert (await why(refund))["en"].endswith("399.00 CNY is more than the rule's 398.99 CNY.")


async def test_another_currency_is_a_persons_business(world: World) -> None:
    await trusting(world)
    refund = await world.reaches(await sent_back(world, currency="USD"), "REVIEW")
    await nothing_went_first(world, refund)
    assert "what may be paid first is in CNY" in (await why(refund))["en"]


@pytest.mark.parametrize("kind", ["REFUND_ONLY", "RETURN_AND_REFUND"])
async def test_goods_that_need_not_come_back_are_not_waited_for(world: World, kind: str) -> None:
    await trusting(world)
    sent = shipped() if kind == "REFUND_ONLY" else []
    await rule(world, "true")
    order = await world.order(
        lines=[{**SHOES[0], "unitPrice": 600_000}], shipments=sent
    )  # too much for the rules that approve what was not sent
    await allow(world, gold=1_000_000)
    await _first(world, "trusted")
    refund = await world.reaches(await world.refund(world.customer, order, kind=kind), "REVIEW")
    await nothing_went_first(world, refund)
    assert "for goods that were sent and come back" in (await why(refund))["en"]


async def _first(world: World, name: str) -> None:
    """Read the rules of this name before all others."""
    listed = (await world.owner("{ rules { id name } }"))["rules"]
    order = sorted(listed, key=lambda each: each["name"] != name)
    document = "mutation M($order: [ID!]!) { ruleReorder(order: $order) { __typename } }"
    await world.owner(document, order=[each["id"] for each in order])


async def test_what_was_not_sent_is_split_off_and_the_rest_goes_first(world: World) -> None:
    """The unsent cup is paid as always; the shoes are paid first and come back."""
    await trusting(world)
    lines = [*SHOES, {"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": 3000}]
    [parcel] = shipped()
    parcel["lines"] = [{"position": 0, "quantity": 1}]
    refund = await world.reaches(
        await sent_back(world, lines=lines, shipments=[parcel]), "REFUNDED"
    )
    [other] = refund["splitInto"]
    other = await world.reaches(other, "REFUNDED")
    assert (paid(refund), paid(other)) == ([3000], [39900])
    assert (await seen(world, refund))["exposure"] is None
    assert (await seen(world, other))["exposure"]["amount"] == {"amount": 39900}


async def test_a_new_shop_watches_its_gold_customers_and_pays_them_first_once_it_says_so(
    world: World,
) -> None:
    await allow(world, gold=100_000)
    await is_of(world, "gold")
    watched = await world.reaches(await sent_back(world), "REVIEW")
    await nothing_went_first(world, watched)
    kept = await RuleEvaluation.get(refund_id=row_id(watched))
    [gold] = [v for v in kept.verdicts if v["name"]["en"] == "Gold customers: refund first"]
    assert (gold["mode"], gold["outcome"], gold["effective"]) == ("SHADOW", "MATCHED", True)
    listed = (await world.owner("{ rules { id name } }"))["rules"]
    [rule_id] = [each["id"] for each in listed if each["name"] == "Gold customers: refund first"]
    document = "mutation M($id: ID!) { ruleSetMode(id: $id, mode: LIVE) { __typename } }"
    await world.owner(document, id=rule_id)
    assert paid(await paid_first(world)) == [39_900]


# --- many at once -----------------------------------------------------------------------------


async def test_refunds_at_once_do_not_go_beyond_the_limit_together(world: World) -> None:
    await trusting(world, gold=4 * 39_900 + 39_899)
    asked = await asyncio.gather(*(sent_back(world) for _ in range(16)))
    ends = [await world.reaches(refund, "REFUNDED", "REVIEW") for refund in asked]
    assert Counter(end["status"] for end in ends) == {"REFUNDED": 4, "REVIEW": 12}
    assert (await standing(world))["open"] == {"amount": 4 * 39_900}
    assert sum(sum(paid(end)) for end in ends) == 4 * 39_900


async def test_one_customers_limit_is_not_another_ones(world: World) -> None:
    await trusting(world, gold=39_900)
    await paid_first(world)
    order = await world.order(lines=SHOES, shipments=shipped(), customerReference="C-2")
    await is_of(world, "gold", "C-2")
    refund = await world.refund(world.service, order, kind="RETURN_AND_REFUND")
    await world.reaches(refund, "REFUNDED")
    assert await Exposure.filter(shop_id=world.shop.id, released_at=None).count() == 2


# --- staff ------------------------------------------------------------------------------------


@pytest.fixture
async def strict(api: Api, settings: Settings) -> World:
    """A shop in which finance looks at more than 100.00."""
    return await make_world(api, settings, finance_threshold=10_000)


CUP = [{"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": 8900}]


async def in_review(world: World, **order: Any) -> dict[str, Any]:
    return await world.reaches(await sent_back(world, **order), "REVIEW")


async def test_staff_pay_little_money_first_within_the_limit(strict: World) -> None:
    await allow(strict, gold=10_000)
    await is_of(strict, "gold")
    refund = await in_review(strict, lines=CUP)
    await step(strict.agent, "refundApproveFirst", refund, reason="老顾客")
    refund = await strict.reaches(refund, "REFUNDED")
    assert types(refund) == [
        "REQUESTED",
        "SENT_TO_REVIEW",
        "REFUND_FIRST_PROPOSED",
        "FINANCE_APPROVED",
        "GOODS_AWAITED",
        "PAYMENT_STARTED",
        "PAYOUT_SUCCEEDED",
        "REFUNDED",
    ]
    assert paid(refund) == [8900]
    assert (await seen(strict, refund))["exposure"]["tier"] == "gold"


async def test_more_than_the_threshold_waits_for_finance_and_not_for_its_proposer(
    strict: World,
) -> None:
    await allow(strict, gold=100_000)
    await is_of(strict, "gold")
    refund = await in_review(strict)
    after = await step(strict.owner, "refundApproveFirst", refund)
    assert (after["status"], after["payouts"]) == ("FINANCE_REVIEW", [])
    assert (await seen(strict, refund))["returns"] == []
    own = await step(strict.owner, "refundApproveFinance", refund)
    assert (own["code"], own["message"]) == (
        "NOT_ALLOWED",
        "Nobody approves their own proposal; ask a colleague",
    )
    await step(strict.finance, "refundApproveFinance", refund)
    refund = await strict.reaches(refund, "REFUNDED")
    assert (await seen(strict, refund))["returns"][0]["status"] == "AWAITED"


async def test_beyond_the_limit_finance_must_release_even_little_money(strict: World) -> None:
    refund = await in_review(strict, lines=CUP)
    after = await step(strict.agent, "refundApproveFirst", refund)
    assert (after["status"], after["payouts"]) == ("FINANCE_REVIEW", [])
    await step(strict.finance, "refundApproveFinance", refund)
    found = await seen(strict, await strict.reaches(refund, "REFUNDED"))
    assert found["exposure"]["limit"] == {"amount": 0}


async def test_what_finance_sends_back_may_go_the_usual_way(strict: World) -> None:
    refund = await in_review(strict)
    await step(strict.agent, "refundApproveFirst", refund)
    await step(strict.finance, "refundApproveFinance", refund, verdict="SEND_BACK")
    after = await step(strict.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    assert after["status"] == "AWAITING_RETURN"
    received = await step(strict.warehouse, "returnReceive", refund)
    assert received["status"] == "INSPECTION"
    assert await Exposure.filter(refund_id=row_id(refund)).count() == 0


async def test_staff_cannot_wait_for_goods_that_were_never_sent(strict: World) -> None:
    """What nobody needs to send back is not paid first: refused, and nothing changes."""
    [parcel] = shipped()
    half = [{**parcel, "lines": [{"position": 0, "quantity": 1}]}]
    refund = await in_review(strict, lines=[{**CUP[0], "quantity": 2}], shipments=half)
    answer = await step(strict.agent, "refundApproveFirst", refund)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "refundId"])
    found = await seen(strict, refund)
    assert (found["status"], found["version"]) == ("REVIEW", refund["version"])


@pytest.mark.parametrize("role", ["warehouse", "finance"])
async def test_who_does_not_review_does_not_propose(strict: World, role: str) -> None:
    refund = await in_review(strict)
    document = """mutation M($input: RefundApproveFirstInput!) {
        refundApproveFirst(input: $input) { __typename } }"""
    asked = {"refundId": refund["id"], "idempotencyKey": key()}
    [error] = await getattr(strict, role).errors(document, input=asked)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert (await seen(strict, refund))["status"] == "REVIEW"


# --- what stays as it was ---------------------------------------------------------------------


async def test_committed_money_cannot_be_withdrawn(world: World) -> None:
    await trusting(world)
    refund = await paid_first(world)
    answer = await step(world.customer, "refundCancel", refund)
    assert (answer["code"], answer["allowedNext"]) == ("ILLEGAL_STEP", [])
    assert (await seen(world, refund))["returns"][0]["status"] == "AWAITED"


async def test_an_open_claim_counts_against_the_limit(world: World) -> None:
    await trusting(world, gold=79_800)
    refund = await paid_first(world)
    await step(world.agent, "claimOpen", refund, amount=39_900, note="快递丢失")
    assert await standing(world) == {
        "tier": "gold",
        "limit": {"amount": 79_800, "currency": "CNY"},
        "open": {"amount": 0},
        "claimed": {"amount": 39_900},
    }
    await paid_first(world)
    third = await world.reaches(await sent_back(world), "REVIEW")
    await nothing_went_first(world, third)
    kept = await RuleEvaluation.get(refund_id=row_id(third))
    assert kept.facts["customer.open_claims"] == 1
    assert await GoodsClaim.filter(shop_id=world.shop.id, status="OPEN").count() == 1


async def test_limits_are_the_owners_and_each_tier_stands_once(world: World) -> None:
    document = """mutation M($input: ShopInput!) { shopUpdate(input: $input) {
        __typename ... on Shop { returnDays returnGraceDays } ... on Problem { message path } } }"""
    limits = [{"tier": "gold", "most": 1}, {"tier": "Gold", "most": 2}]
    twice = (await world.owner(document, input={"exposureLimits": limits}))["shopUpdate"]
    assert (twice["__typename"], twice["path"]) == ("InvalidInput", ["input", "exposureLimits"])
    for name, value in (("returnDays", 0), ("returnGraceDays", 366)):
        refused = (await world.owner(document, input={name: value}))["shopUpdate"]
        assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", name])
    days = {"returnDays": 3, "returnGraceDays": 0}
    assert (await world.owner(document, input=days))["shopUpdate"] == {"__typename": "Shop", **days}
    [error] = await world.agent.errors(document, input=days)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert (await Shop.get(id=world.shop.id)).exposure_limits == {}


def test_the_operations_shown_are_valid() -> None:
    text = Path("docs/refund-first.md").read_text("utf-8")
    shown = re.findall(r"```graphql\n(.*?)```", text, flags=re.DOTALL)
    assert len(shown) == 2
    for operation in shown:
        assert validate(documents.core(), parse(operation)) == []
