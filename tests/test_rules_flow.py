"""Rules at work: what a shop has said decides where a refund goes, and the refund says why."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from support.api import key
from support.providers import lend, line
from support.world import World, shipped

from refund_gql import clock, ids
from refund_gql.app import Engine
from refund_gql.backoffice import default_rules
from refund_gql.flow import classification, risk
from refund_gql.flow.risk import Risks
from refund_gql.models import CustomerRisk, PluginSettings, Rule, RuleEvaluation, Shop
from refund_gql.providers import (
    Crm,
    CustomerKey,
    FlagChange,
    FlagResult,
    ProviderSettings,
    RiskLevel,
    RiskSignal,
)


async def rules(world: World) -> dict[str, str]:
    """English name -> id."""
    rows = await Rule.filter(shop_id=world.shop.id, deleted_at=None)
    return {row.name["en"]: ids.encode("Rule", row.id) for row in rows}


def without_kind(action: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in action.items() if name != "kind"}


async def create(world: World, condition: str, *actions: dict[str, Any], **more: Any) -> str:
    """A new rule, first of all; its id."""
    mode = more.pop("mode", "LIVE")
    document = """mutation M($input: RuleInput!, $mode: RuleMode!) {
        rule: ruleCreate(input: $input, mode: $mode) {
            __typename ... on Rule { id } ... on Problem { message } } }"""
    rule = {
        "name": {"en": "mine"},
        "condition": condition,
        "actions": [
            {"kind": action["kind"], "parameters": without_kind(action)} for action in actions
        ],
        **more,
    }
    made = (await world.owner(document, input=rule, mode=mode))["rule"]
    assert made["__typename"] == "Rule", made
    others = [other for other in (await rules(world)).values() if other != made["id"]]
    order = """mutation M($order: [ID!]!) { ruleReorder(order: $order) { __typename } }"""
    await world.owner(order, order=[made["id"], *others])
    found: str = made["id"]
    return found


async def set_mode(world: World, name: str, mode: str) -> None:
    document = """mutation M($id: ID!, $mode: RuleMode!) {
        ruleSetMode(id: $id, mode: $mode) { __typename } }"""
    await world.owner(document, id=(await rules(world))[name], mode=mode)


async def decision(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    """The trace of the first decision about a refund."""
    document = "query R($id: ID!) { refund(id: $id) { decisions { step trace } } }"
    found: dict[str, Any] = (await world.owner(document, id=refund["id"]))["refund"]["decisions"][0]
    return found


async def facts(refund: dict[str, Any]) -> dict[str, Any]:
    found = await RuleEvaluation.filter(refund__number=refund["number"]).first()
    assert found is not None
    seen: dict[str, Any] = found.facts
    return seen


UNSHIPPED = "Unshipped, refund only: approve"
HIGH = "High value or high risk: a person"
SMALL = "Small and unshipped: approve"
APPROVE = {"kind": "APPROVE"}


# --- the rules a shop starts with ---------------------------------------------------------------


async def test_the_thermos_is_approved_by_a_rule_with_a_name(world: World) -> None:
    refund = await world.reaches(
        await world.refund(world.customer, await world.order()), "REFUNDED"
    )
    made = await decision(world, refund)
    assert made["step"] == "APPROVE_INSTANTLY"
    assert made["trace"]["explanation"] == {
        "zh": "规则“未发货仅退款自动通过”（第 1 版）自动通过。",
        "en": "Approved at once by the rule “Unshipped, refund only: approve” (1).",
    }


async def test_much_money_goes_to_a_person(world: World) -> None:
    lines = [{"sku": "SOFA", "title": "沙发", "quantity": 1, "unitPrice": 500_000}]
    order = await world.order(lines=lines)
    refund = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    made = await decision(world, refund)
    assert made["trace"]["explanation"]["en"].startswith(
        "Sent to customer service by the rule “High value or high risk: a person”"
    )
    assert refund["payouts"] == []


async def test_what_was_sent_goes_to_a_person(world: World) -> None:
    order = await world.order(shipments=shipped())
    refund = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    made = await decision(world, refund)
    assert (made["trace"]["rule"], made["trace"]["shipped_lines"]) == (None, 1)
    assert (
        made["trace"]["explanation"]["en"] == "No rule decides this; it goes the shop's usual way."
    )


async def test_without_rules_everything_goes_to_a_person(world: World) -> None:
    for name in (UNSHIPPED, HIGH, SMALL):
        await set_mode(world, name, "OFF")
    refund = await world.refund(world.customer, await world.order())
    assert (await world.reaches(refund, "REVIEW"))["payouts"] == []


async def test_a_shop_from_before_there_were_rules_gets_them_once(world: World) -> None:
    bare = await Shop.create(
        handle=f"bare-{key()}",
        name="Bare",
        currency="JPY",
        time_zone="Asia/Tokyo",
        locale="en",
        created_at=clock.now(),
    )
    await asyncio.gather(default_rules.create_missing(), default_rules.create_missing())
    assert await Rule.filter(shop_id=bare.id).count() == len(default_rules.DEFAULTS)
    assert await default_rules.create_missing() == 0


# --- a shop's own rules -------------------------------------------------------------------------


async def test_a_rule_sees_what_is_true(world: World) -> None:
    product = {"sku": "THERMOS", "title": "保温杯", "category": "kitchen"}
    document = "mutation M($input: ProductInput!) { productUpsert(input: $input) { __typename } }"
    await world.service(document, input=product)
    refund = await world.refund(world.customer, await world.order())
    await world.reaches(refund, "REFUNDED")
    seen = await facts(refund)
    assert seen.pop("shop.hour") in range(24)
    assert seen.pop("shop.weekday") in range(1, 8)
    assert seen.pop("shop.business_hours") in (False, True)
    assert seen == {
        "refund.amount": 8900,
        "refund.currency": "CNY",
        "refund.kind": "REFUND_ONLY",
        "refund.status": "REQUESTED",
        "refund.reason": "",
        "refund.channel": "CUSTOMER",
        "refund.goods_shipped": False,
        "refund.age_minutes": 0,
        "refund.first_on_order": True,
        "refund.evidence_given": False,
        "refund.share_of_order": 1.0,
        "order.age_minutes": 10,
        "order.shipped": False,
        "order.delivered": False,
        "order.paid_amount": 8900,
        "order.lines": 1,
        "order.region": "",
        "order.market": "CN",
        "order.presale": False,
        "order.within_window": True,
        "product.categories": ["kitchen"],
        "customer.orders": 1,
        "customer.lifetime_value": 8900,
        "customer.open_claims": 0,
        "customer.refunds_30d": 0,
        "customer.refunds_90d": 0,
        "customer.refunds_365d": 0,
        "customer.refund_rate_30d": 0.0,
        "customer.refund_rate_90d": 0.0,
        "customer.refund_rate_365d": 0.0,
        "customer.risk_known": False,
        "customer.risk_level": "LOW",
        "customer.flags": [],
        "shop.currency": "CNY",
        "desk.queue_length": 0,
    }


async def test_earlier_refunds_of_the_customer_are_counted(world: World) -> None:
    for _ in range(2):
        refund = await world.refund(world.customer, await world.order())
        await world.reaches(refund, "REFUNDED")
    order = await world.order(shipments=shipped())
    refund = await world.refund(world.customer, order)
    await world.reaches(refund, "REVIEW")
    seen = await facts(refund)
    assert (seen["customer.orders"], seen["customer.refunds_30d"]) == (3, 2)
    assert seen["customer.refund_rate_90d"] == pytest.approx(2 / 3)
    assert seen["customer.lifetime_value"] == 8900
    assert seen["order.days_since_delivery"] == 2


async def test_the_first_rule_that_matches_decides(world: World) -> None:
    await create(
        world,
        "refund.reason == '' && refund.amount > 5000",
        {"kind": "HOLD", "why": {"en": "a reason, please", "zh": "请补充原因"}},
    )
    refund = await world.reaches(await world.refund(world.customer, await world.order()), "REVIEW")
    made = await decision(world, refund)
    assert made["trace"]["explanation"]["zh"] == "规则“mine”（第 1 版）转人工处理：请补充原因。"


async def test_a_rule_in_the_shadow_is_recorded_and_does_nothing(world: World) -> None:
    await create(world, "true", {"kind": "HOLD", "why": {"en": "try"}}, mode="SHADOW")
    refund = await world.refund(world.customer, await world.order())
    await world.reaches(refund, "REFUNDED")
    kept = await RuleEvaluation.get(refund__number=refund["number"])
    shadow, *others = kept.verdicts
    assert (shadow["mode"], shadow["outcome"], shadow["effective"]) == ("SHADOW", "MATCHED", True)
    assert [v["name"]["en"] for v in others if v["effective"]] == [UNSHIPPED]


async def test_no_rule_approves_what_was_sent(world: World) -> None:
    await create(world, "true", APPROVE)
    order = await world.order(shipments=shipped())
    refund = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    assert refund["payouts"] == []


async def test_a_rule_that_has_done_enough_for_today_leaves_it_to_a_person(world: World) -> None:
    await create(world, "refund.amount == 8900", APPROVE, dailyCount=2)
    asked = [await world.refund(world.customer, await world.order()) for _ in range(4)]
    ends = [await world.reaches(refund, "REFUNDED", "REVIEW") for refund in asked]
    assert sorted(refund["status"] for refund in ends) == [
        "REFUNDED",
        "REFUNDED",
        "REVIEW",
        "REVIEW",
    ]


async def test_a_tag_is_added_beside_the_decision(world: World) -> None:
    await create(world, "true", APPROVE, {"kind": "ADD_TAG", "tag": "changed-mind"})
    refund = await world.refund(world.customer, await world.order())
    refund = await world.reaches(refund, "REFUNDED")
    found = await world.owner.refund(refund["id"], "foundReason { code }")
    assert found["foundReason"] == {"code": "changed-mind"}


# --- a race -------------------------------------------------------------------------------------


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


async def test_a_parcel_that_ships_before_the_decision_keeps_the_money_in(
    world: World, gate: asyncio.Event
) -> None:
    number = f"SO-{key()}"
    paid = {"gateway": "sandbox", "reference": key(), "amount": 8900}
    order = await world.order(number=number, captures=[paid])
    refund = await world.refund(world.customer, order)
    await world.order(number=number, captures=[paid], shipments=shipped(delivered=False))
    gate.set()
    refund = await world.reaches(refund, "REVIEW")
    assert refund["payouts"] == []
    assert (await facts(refund))["refund.goods_shipped"] is True


# --- risk -----------------------------------------------------------------------------------------


class Scripted(Crm):
    """Says what a test wants."""

    name = "scripted"

    def __init__(self) -> None:
        super().__init__(ProviderSettings())
        self.says: Sequence[RiskSignal] | Exception | str = ()
        self.asked: list[CustomerKey] = []

    async def check(self) -> None:
        """Nothing to prove."""

    async def signals(self, customer: CustomerKey) -> Any:
        self.asked.append(customer)
        if isinstance(self.says, Exception):
            raise self.says
        if self.says == "hang":
            await asyncio.Event().wait()
        return self.says

    async def set_flags(self, changes: Sequence[FlagChange]) -> list[FlagResult]:
        return []

    async def tier(self, customer: CustomerKey) -> str | None:
        return "gold"


@pytest.fixture
async def crm(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """A CRM system that this shop has set up."""
    made = Scripted()
    lend(monkeypatch, engine.providers, line(made), name="scripted")
    monkeypatch.setattr(
        type(engine.risks), "names", property(lambda self: ["scripted"]), raising=False
    )
    await PluginSettings.create(
        shop_id=world.shop.id, provider="scripted", updated_at=clock.now(), updated_by="-"
    )
    return made


HIGH_RISK = RiskSignal(code="serial-returner", level=RiskLevel.HIGH, text="12 refunds in March")


async def test_a_customer_whose_risk_is_high_meets_a_person(world: World, crm: Scripted) -> None:
    crm.says = [HIGH_RISK, RiskSignal(code="new", level=RiskLevel.LOW)]
    refund = await world.reaches(await world.refund(world.customer, await world.order()), "REVIEW")
    seen = await facts(refund)
    assert (seen["customer.risk_level"], seen["customer.tier"]) == ("HIGH", "gold")
    assert seen["customer.flags"] == ["new", "serial-returner"]
    assert [customer.reference for customer in crm.asked] == ["C-1"]


async def test_the_answer_is_kept_for_a_while(world: World, crm: Scripted) -> None:
    for _ in range(2):
        await world.reaches(await world.refund(world.customer, await world.order()), "REFUNDED")
    assert len(crm.asked) == 1
    row = await CustomerRisk.get(shop_id=world.shop.id)
    assert (row.known, row.level, row.tier, row.signals) == (True, "LOW", "gold", [])


@pytest.mark.parametrize(
    "says", [RuntimeError("down"), "nonsense", [object()], None], ids=["down", "text", "list", "-"]
)
async def test_a_crm_that_cannot_answer_neither_blocks_nor_approves(
    world: World, crm: Scripted, says: Any
) -> None:
    crm.says = says
    refund = await world.refund(world.customer, await world.order())
    await world.reaches(refund, "REFUNDED")
    seen = await facts(refund)
    assert seen["customer.risk_known"] is False
    assert "customer.risk_level" not in seen


async def test_a_crm_that_hangs_is_not_waited_for(
    world: World, crm: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(risk, "PATIENCE", timedelta(milliseconds=20))
    crm.says = "hang"
    refund = await world.refund(world.customer, await world.order())
    await world.reaches(refund, "REFUNDED")
    assert (await facts(refund))["customer.risk_known"] is False


async def test_a_rule_that_needs_the_risk_does_not_match_without_it(
    world: World, crm: Scripted
) -> None:
    await create(world, "customer.risk_level == 'LOW'", {"kind": "HOLD", "why": {"en": "low"}})
    crm.says = RuntimeError("down")
    refund = await world.refund(world.customer, await world.order())
    await world.reaches(refund, "REFUNDED")
    kept = await RuleEvaluation.get(refund__number=refund["number"])
    [mine] = [v for v in kept.verdicts if v["name"] == {"en": "mine"}]
    assert (mine["outcome"], mine["missing"]) == ("UNKNOWN", "customer.risk_level")


# --- decisions over all refunds ------------------------------------------------------------------


async def decisions(world: World, **filter: Any) -> list[dict[str, Any]]:
    document = """query D($filter: DecisionFilter) { decisions(first: 50, filter: $filter) {
        totalCount edges { node { step explanation actorName refund { number }
          evaluation { decidedBy { number } } } } } }"""
    found = (await world.owner(document, filter=filter))["decisions"]
    assert found["totalCount"] == len(found["edges"])
    return [edge["node"] for edge in found["edges"]]


async def test_decisions_are_found_by_who_made_them(world: World) -> None:
    paid = await world.refund(world.customer, await world.order())
    await world.reaches(paid, "REFUNDED")
    order = await world.order(shipments=shipped())
    kept = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    step = {"refundId": kept["id"], "reason": "Worn", "idempotencyKey": key()}
    await world.agent.mutate("refundReject", step)

    rejected, sent, approved = await decisions(world)
    assert [made["step"] for made in (rejected, sent, approved)] == [
        "REJECT",
        "SEND_TO_REVIEW",
        "APPROVE_INSTANTLY",
    ]
    assert (rejected["explanation"], rejected["evaluation"]) == ("Worn", None)
    assert sent["explanation"] == "No rule decides this; it goes the shop's usual way."
    assert approved["refund"]["number"] == paid["number"]
    assert approved["evaluation"]["decidedBy"] == {"number": 1}

    assert await decisions(world, automatic=True) == [sent, approved]
    assert await decisions(world, automatic=False) == [rejected]
    assert await decisions(world, step=["REJECT"]) == [rejected]
    assert await decisions(world, ruleId=(await rules(world))[UNSHIPPED]) == [approved]
    assert await decisions(world, ruleId=(await rules(world))[HIGH]) == []
