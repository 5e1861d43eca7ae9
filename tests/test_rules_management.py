"""Rules through the API: written, checked, switched, ordered, deleted; and the first of them."""

import asyncio
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from support.api import Api
from support.world import World, make_world, shipped

from refund_gql import clock, database, ids
from refund_gql.backoffice import default_rules
from refund_gql.backoffice import rules as management
from refund_gql.backoffice.default_rules import DEFAULTS
from refund_gql.choices import RuleMatching, RuleMode, RuleTrigger
from refund_gql.database import Transaction
from refund_gql.models import Refund, RuleEvaluation, RuleUse
from refund_gql.money import EXPONENTS
from refund_gql.rules import engine, language, records
from refund_gql.rules.actions import Approve, Route
from refund_gql.rules.engine import Usage
from refund_gql.rules.facts import FACTS, Facts, FactValue
from refund_gql.settings import Settings

RULE = """id name names trigger mode position version deletedAt
  current { number condition actions { kind parameters label decides } description
            dailyCount dailyAmount validFrom validUntil author authorName }
  versions { number condition } changes { kind version before after actorName }"""
PROBLEM = """__typename ... on Problem { code message path }
  ... on InvalidCondition { mistakes { line column message excerpt } }"""
DRAFT: dict[str, Any] = {
    "name": {"zh": "小额通过", "en": "Small ones"},
    "condition": "refund.amount < 5000",
    "actions": [{"kind": "APPROVE"}],
}


async def create(by: Api, *, mode: str = "LIVE", **changes: Any) -> dict[str, Any]:
    query = f"""mutation M($input: RuleInput!, $mode: RuleMode!) {{
        result: ruleCreate(input: $input, mode: $mode) {{ {PROBLEM} ... on Rule {{ {RULE} }} }}
    }}"""
    return await _result(by, query, input={**DRAFT, **changes}, mode=mode)


async def update(by: Api, rule: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    query = f"""mutation M($id: ID!, $input: RuleInput!) {{
        result: ruleUpdate(id: $id, input: $input) {{ {PROBLEM} ... on Rule {{ {RULE} }} }} }}"""
    return await _result(by, query, id=rule["id"], input={**DRAFT, **changes})


async def set_mode(by: Api, rule: Mapping[str, Any], mode: str) -> dict[str, Any]:
    query = f"""mutation M($id: ID!, $mode: RuleMode!) {{
        result: ruleSetMode(id: $id, mode: $mode) {{
            __typename ... on Problem {{ code message path }} ... on Rule {{ {RULE} }} }} }}"""
    return await _result(by, query, id=rule["id"], mode=mode)


async def delete(by: Api, rule: Mapping[str, Any]) -> dict[str, Any]:
    query = f"""mutation M($id: ID!) {{ result: ruleDelete(id: $id) {{
        __typename ... on Problem {{ code message path }} ... on Rule {{ {RULE} }} }} }}"""
    return await _result(by, query, id=rule["id"])


async def reorder(by: Api, order: list[str]) -> dict[str, Any]:
    query = """mutation M($order: [ID!]!) { result: ruleReorder(order: $order) {
        __typename ... on Problem { code message path }
        ... on RuleOrder { rules { id position } } } }"""
    return await _result(by, query, order=order)


async def rules(by: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await by(f"{{ rules {{ {RULE} }} }}"))["rules"]
    return found


async def _result(by: Api, query: str, **variables: Any) -> dict[str, Any]:
    result: dict[str, Any] = (await by(query, **variables))["result"]
    return result


# --- writing ----------------------------------------------------------------------------------


async def test_a_rule_is_written_changed_and_keeps_what_it_was(world: World) -> None:
    made = await create(world.owner, dailyCount=3, dailyAmount=90_000, description={"en": "Why"})
    assert (made["name"], made["mode"], made["version"]) == ("Small ones", "LIVE", 1)
    assert made["names"] == DRAFT["name"]
    assert made["position"] > max(rule["position"] for rule in (await rules(world.owner))[:-1])
    current = made["current"]
    assert current["actions"] == [
        {"kind": "APPROVE", "parameters": {}, "label": "Approve at once", "decides": True}
    ]
    assert (current["dailyCount"], current["dailyAmount"]) == (3, 90_000)
    assert (current["description"], current["authorName"]) == ("Why", "Owner")
    changed = await update(world.owner, made, condition="refund.amount < 6000")
    assert (changed["version"], changed["current"]["dailyCount"]) == (2, None)
    assert changed["versions"] == [
        {"number": 2, "condition": "refund.amount < 6000"},
        {"number": 1, "condition": "refund.amount < 5000"},
    ]
    assert [(c["kind"], c["version"], c["actorName"]) for c in changed["changes"]] == [
        ("UPDATED", 2, "Owner"),
        ("CREATED", 1, "Owner"),
    ]


async def test_a_stale_editor_writes_over_nothing(world: World) -> None:
    rule = await create(world.owner)
    document = """mutation M($id: ID!, $input: RuleInput!, $seen: Int!) {
        result: ruleUpdate(id: $id, input: $input, expectedVersion: $seen) {
            __typename ... on Rule { version current { condition } }
            ... on StaleVersion { currentVersion } } }"""

    async def save(seen: int, condition: str) -> dict[str, Any]:
        draft = {**DRAFT, "condition": condition}
        return await _result(world.owner, document, id=rule["id"], input=draft, seen=seen)

    first = await save(1, "refund.amount < 100")
    assert first["version"] == 2
    assert await save(1, "true") == {"__typename": "StaleVersion", "currentVersion": 2}
    found = next(kept for kept in await rules(world.owner) if kept["id"] == rule["id"])
    assert found["current"]["condition"] == "refund.amount < 100"


async def test_modes_and_deletion_are_recorded(world: World) -> None:
    made = await create(world.owner, mode="SHADOW")
    live = await set_mode(world.owner, made, "LIVE")
    assert live["mode"] == "LIVE"
    assert live["changes"][0]["before"] == {"mode": "SHADOW"}
    assert live["changes"][0]["after"] == {"mode": "LIVE"}
    same = await set_mode(world.owner, made, "LIVE")
    assert len(same["changes"]) == 2
    gone = await delete(world.owner, made)
    assert gone["deletedAt"]
    assert [change["kind"] for change in gone["changes"]] == ["DELETED", "MODE_SET", "CREATED"]
    assert made["id"] not in [rule["id"] for rule in await rules(world.owner)]
    found = await world.owner("query($id: ID!) { rule(id: $id) { deletedAt } }", id=made["id"])
    assert found["rule"] == {"deletedAt": gone["deletedAt"]}
    for again in (delete(world.owner, made), update(world.owner, made)):
        assert (await again)["code"] == "NOT_FOUND"


async def test_the_order_names_every_rule_once(world: World) -> None:
    first, second, third, *rest = [rule["id"] for rule in await rules(world.owner)]
    for wrong in ([first, second, *rest], [first, second, third, third, *rest], []):
        assert (await reorder(world.owner, wrong))["path"] == ["input", "order"]
    wanted = [third, first, second, *rest]
    moved = await reorder(world.owner, wanted)
    assert [rule["id"] for rule in moved["rules"]] == wanted
    assert [rule["id"] for rule in await rules(world.owner)] == wanted
    top, *_ = await rules(world.owner)
    assert top["changes"][0] == {
        "kind": "MOVED",
        "version": 1,
        "before": {"position": 30},
        "after": {"position": 10},
        "actorName": "Owner",
    }


async def test_rules_that_are_made_at_once_stand_one_after_the_other(world: World) -> None:
    made = await asyncio.gather(*(create(world.owner) for _ in range(4)))
    assert len({rule["position"] for rule in made}) == 4


async def test_a_shop_has_so_many_rules_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = len(DEFAULTS) + 1
    monkeypatch.setattr(management, "MAX_RULES", most)
    assert (await create(world.owner))["__typename"] == "Rule"
    assert (await create(world.owner))["path"] == ["input", "rules"]
    assert len(await rules(world.owner)) == most


# --- what is refused --------------------------------------------------------------------------


async def test_a_condition_with_mistakes_is_not_saved(world: World) -> None:
    refused = await create(world.owner, condition="refund.amount < 50.0 ||\n refund.colour == 'x'")
    assert refused == {
        "__typename": "InvalidCondition",
        "code": "INVALID_CONDITION",
        "message": "Line 2, column 2: There is no fact refund.colour",
        "path": ["input", "condition"],
        "mistakes": [
            {
                "line": 2,
                "column": 2,
                "message": "There is no fact refund.colour",
                "excerpt": " refund.colour == 'x'\n ^",
            }
        ],
    }
    assert len(await rules(world.owner)) == len(DEFAULTS)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": {}}, "name"),
        ({"name": {"zh": " "}}, "name.zh"),
        ({"name": {"en": "x" * 101}}, "name.en"),
        ({"description": {"en": "x" * 1001}}, "description.en"),
        ({"actions": []}, "actions"),
        ({"actions": [{"kind": "REJECT"}]}, "actions.0.kind"),
        (
            {"actions": [{"kind": "PROPOSE_OFFERS", "parameters": {"offers": ["PARTIAL"]}}]},
            "actions.0.offers.0",
        ),
        ({"actions": [{"kind": "APPROVE", "parameters": []}]}, "actions.0.parameters"),
        ({"actions": [{"kind": "ADD_TAG", "parameters": {"tag": "nowhere"}}]}, "actions.0.tag"),
        ({"actions": [{"kind": "NOTIFY", "parameters": {"message": "X"}}]}, "actions.0.message"),
        ({"dailyCount": 0}, "dailyCount"),
        ({"dailyAmount": 0}, "dailyAmount"),
        (
            {"validFrom": "2026-01-02T00:00:00Z", "validUntil": "2026-01-02T00:00:00Z"},
            "validUntil",
        ),
    ],
)
async def test_what_is_not_right_is_refused_with_its_place(
    world: World, changes: dict[str, Any], path: str
) -> None:
    refused = await create(world.owner, **changes)
    assert refused["code"] == "INVALID_INPUT", refused
    assert refused["path"] == ["input", *path.split(".")]
    assert len(await rules(world.owner)) == len(DEFAULTS)


async def test_a_colleague_of_another_shop_is_nobody_here(
    world: World, api: Api, settings: Settings
) -> None:
    stranger = (await (await make_world(api, settings)).owner("{ viewer { shop { id } } }"))[
        "viewer"
    ]
    foreign = ids.required("id", stranger["shop"]["id"], "Shop")
    route = {"kind": "ROUTE", "parameters": {"desk": "REVIEW", "staff": str(foreign)}}
    assert (await create(world.owner, actions=[route]))["code"] == "NOT_FOUND"


async def test_agents_read_and_only_owners_write(world: World) -> None:
    [first, *_] = await rules(world.agent)
    for attempt in ("ruleDelete(id: $id)", "ruleSetMode(id: $id, mode: OFF)"):
        query = f"mutation M($id: ID!) {{ {attempt} {{ __typename }} }}"
        [error] = await world.agent.errors(query, id=first["id"])
        assert error["extensions"]["code"] == "FORBIDDEN"
    for nobody in (world.customer, world.service, world.warehouse, world.finance):
        [error] = await nobody.errors("{ rules { id } }")
        assert error["extensions"]["code"] == "FORBIDDEN"


async def test_rules_of_another_shop_are_not_there(
    world: World, api: Api, settings: Settings
) -> None:
    other = await make_world(api, settings)
    [first, *_] = await rules(other.owner)
    found = await world.owner("query($id: ID!) { rule(id: $id) { id } }", id=first["id"])
    assert found == {"rule": None}
    assert (await set_mode(world.owner, first, "OFF"))["code"] == "NOT_FOUND"
    assert (await reorder(world.owner, [first["id"]]))["code"] == "INVALID_INPUT"
    assert (await rules(other.owner))[0]["mode"] == "LIVE"


# --- for whoever writes rules -----------------------------------------------------------------


async def test_an_editor_can_complete_and_check_as_one_types(world: World) -> None:
    asked = await world.agent(
        """query($bad: String!, $good: String!) {
             ruleFacts { name group type description example values triggers }
             ruleActions { kind label decides triggers schema }
             bad: ruleValidate(condition: $bad) { facts mistakes { line column message excerpt } }
             good: ruleValidate(condition: $good) { facts mistakes { line } } }""",
        bad="order.shiped",
        good="!order.shipped && refund.amount < 5000",
    )
    assert [fact["name"] for fact in asked["ruleFacts"]] == [fact.name for fact in FACTS]
    [amount, *_] = asked["ruleFacts"]
    assert (amount["type"], amount["group"], amount["example"]) == ("INT", "refund", 8900)
    forms = {form["kind"]: form for form in asked["ruleActions"]}
    assert forms["APPROVE"]["triggers"] == ["REQUESTED"]
    assert forms["ROUTE"]["triggers"] == list(RuleTrigger)
    assert forms["ROUTE"]["schema"]["required"] == ["desk"]
    assert forms["COMPENSATE"]["triggers"] == list(RuleTrigger)
    assert forms["PROPOSE_OFFERS"]["triggers"] == ["REQUESTED"]
    assert asked["bad"]["mistakes"] == [
        {
            "line": 1,
            "column": 1,
            "message": "There is no fact order.shiped; did you mean order.shipped?",
            "excerpt": "order.shiped\n^",
        }
    ]
    assert asked["good"] == {"facts": ["order.shipped", "refund.amount"], "mistakes": []}


async def test_how_far_rules_are_read_is_the_shops_choice(world: World) -> None:
    query = """mutation($input: ShopInput!) { shopUpdate(input: $input) {
        ... on Problem { path } ... on Shop { ruleMatching { trigger matching } } } }"""
    both = [{"trigger": "REQUESTED", "matching": how} for how in ("ALL", "FIRST")]
    twice = await world.owner(query, input={"ruleMatching": both})
    assert twice["shopUpdate"] == {"path": ["input", "ruleMatching"]}
    chosen = await world.owner(query, input={"ruleMatching": both[:1]})
    assert chosen["shopUpdate"]["ruleMatching"] == [
        {"trigger": trigger.value, "matching": "ALL" if trigger == "REQUESTED" else "FIRST"}
        for trigger in RuleTrigger
    ]
    await world.shop.refresh_from_db()
    assert records.matching(world.shop, RuleTrigger.REQUESTED) is RuleMatching.ALL
    assert records.matching(world.shop, RuleTrigger.CLOCK) is RuleMatching.FIRST


# --- the rules a shop starts with -------------------------------------------------------------


async def test_a_new_shop_starts_with_rules_in_both_languages(world: World) -> None:
    found = await rules(world.owner)
    assert [(rule["names"], rule["mode"], rule["trigger"]) for rule in found] == [
        (
            {"zh": "高金额或高风险转人工", "en": "High value or high risk: a person"},
            "LIVE",
            "REQUESTED",
        ),
        (
            {"zh": "未发货仅退款自动通过", "en": "Unshipped, refund only: approve"},
            "LIVE",
            "REQUESTED",
        ),
        ({"zh": "小额未发货自动通过", "en": "Small and unshipped: approve"}, "LIVE", "REQUESTED"),
        (
            {"zh": "金卡会员先退款后收货", "en": "Gold customers: refund first"},
            "SHADOW",
            "REQUESTED",
        ),
        (
            {"zh": "物流异常通过并补偿", "en": "A parcel went wrong: approve and compensate"},
            "SHADOW",
            "REQUESTED",
        ),
    ]
    kinds = [[action["kind"] for action in rule["current"]["actions"]] for rule in found]
    assert kinds == [
        ["ROUTE"],
        ["APPROVE"],
        ["APPROVE"],
        ["REFUND_FIRST"],
        ["APPROVE", "COMPENSATE"],
    ]
    assert all(rule["changes"][0]["kind"] == "CREATED" for rule in found)


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_they_are_understood_in_every_currency(currency: str) -> None:
    for default in DEFAULTS:
        assert (
            language.check(default_rules.condition(default, currency), RuleTrigger.REQUESTED) == ()
        )


@pytest.mark.parametrize(("currency", "amount"), [("CNY", 5000), ("JPY", 5000), ("KWD", 50_000)])
def test_a_small_amount_is_small_in_any_currency(currency: str, amount: int) -> None:
    assert default_rules.minor(default_rules.SMALL, currency) == amount


THERMOS: dict[str, FactValue] = {
    "refund.amount": 8900,
    "refund.currency": "CNY",
    "shop.currency": "CNY",
    "refund.kind": "REFUND_ONLY",
    "refund.goods_shipped": False,
    "order.age_minutes": 10,
    "customer.risk_known": False,
    "customer.risk_level": "LOW",
}


@pytest.mark.parametrize(
    ("known", "decided_by", "decision"),
    [
        ({}, "Unshipped, refund only: approve", Approve),
        ({"refund.goods_shipped": True}, None, None),
        ({"refund.kind": "RETURN_AND_REFUND"}, None, None),
        (
            {"refund.kind": "RETURN_AND_REFUND", "refund.amount": 4999},
            "Small and unshipped: approve",
            Approve,
        ),
        ({"refund.amount": 500_000}, "High value or high risk: a person", Route),
        (
            {"refund.amount": 500_000, "refund.currency": "JPY"},
            "Unshipped, refund only: approve",
            Approve,
        ),
        (
            {"customer.risk_level": "HIGH"},
            "High value or high risk: a person",
            Route,
        ),
    ],
)
async def test_what_they_decide(
    world: World, known: dict[str, FactValue], decided_by: str | None, decision: type | None
) -> None:
    found = await evaluated(world, Facts({**THERMOS, **known}))
    assert (found.decided_by.name["en"] if found.decided_by else None) == decided_by
    assert (type(found.decision) if found.decision else None) is decision


async def test_a_crm_that_is_down_blocks_nothing(world: World) -> None:
    without = {k: v for k, v in THERMOS.items() if k != "customer.risk_level"}
    found = await evaluated(world, Facts(without))
    live = [v for v in found.verdicts if v.rule.mode is RuleMode.LIVE]
    assert [v.outcome.value for v in live] == ["UNKNOWN", "MATCHED"]
    assert found.decision == Approve()


async def evaluated(world: World, facts: Facts) -> engine.Evaluation:
    async def work(tx: Transaction) -> engine.Evaluation:
        return await decide(tx, world, facts)

    return await database.transaction(work)


async def decide(tx: Transaction, world: World, facts: Facts) -> engine.Evaluation:
    """As the flow does it."""
    trigger, now = RuleTrigger.REQUESTED, clock.now()
    found = await records.load(tx, world.shop.id, trigger)
    return engine.evaluate(
        found,
        facts,
        trigger=trigger,
        matching=records.matching(world.shop, trigger),
        now=now,
        usage=await records.used_today(tx, world.shop, found, now),
    )


# --- evaluations are kept, and count ----------------------------------------------------------


async def refund_of(world: World) -> UUID:
    order = await world.order(shipments=shipped())
    asked = await world.refund(world.customer, order)
    refund_id = ids.required("id", (await world.reaches(asked, "REVIEW"))["id"], "Refund")
    # What the flow itself has decided is out of the way.
    await RuleUse.filter(refund_id=refund_id).delete()
    await RuleEvaluation.filter(refund_id=refund_id).delete()
    return refund_id


VISITS = itertools.count(2)


async def decide_and_record(world: World, refund_id: UUID) -> engine.Evaluation:
    """As if each were another refund: one is classified only once."""
    visit = next(VISITS)

    async def work(tx: Transaction) -> engine.Evaluation:
        found = await decide(tx, world, Facts(THERMOS))
        await records.record(
            tx,
            shop_id=world.shop.id,
            refund_id=refund_id,
            amount=8900,
            evaluation=found,
            cause=str(visit),
            visit=visit,
        )
        return found

    return await database.transaction(work)


async def test_an_evaluation_is_kept_with_facts_verdicts_and_words(world: World) -> None:
    await create(world.owner, mode="SHADOW", condition="true")
    refund_id = await refund_of(world)
    await decide_and_record(world, refund_id)
    query = """query($id: ID!) { refund(id: $id) { ruleEvaluations {
        trigger facts explanation decision { kind decides } actions { kind } decidedBy { number }
        verdicts { name version mode outcome effective missing error } } } }"""
    refund = (await world.agent(query, id=ids.encode("Refund", refund_id)))["refund"]
    [kept] = refund["ruleEvaluations"]
    assert kept["facts"] == THERMOS
    assert kept["explanation"] == (
        "Approved at once by the rule “Unshipped, refund only: approve” (1)."
    )
    assert kept["decision"] == {"kind": "APPROVE", "decides": True}
    assert (kept["actions"], kept["decidedBy"]) == ([], {"number": 1})
    said = [(v["name"], v["mode"], v["outcome"], v["effective"]) for v in kept["verdicts"]]
    assert said == [
        ("High value or high risk: a person", "LIVE", "NOT_MATCHED", False),
        ("Unshipped, refund only: approve", "LIVE", "MATCHED", True),
        ("Gold customers: refund first", "SHADOW", "NOT_MATCHED", False),
        ("A parcel went wrong: approve and compensate", "SHADOW", "UNKNOWN", False),
        ("Small ones", "SHADOW", "MATCHED", False),
    ]


async def test_refunds_that_come_at_once_keep_to_the_daily_cap(world: World) -> None:
    top = await create(world.owner, condition="true", dailyCount=3)
    others = [rule["id"] for rule in await rules(world.owner) if rule["id"] != top["id"]]
    await reorder(world.owner, [top["id"], *others])
    refund_id = await refund_of(world)
    found = await asyncio.gather(*(decide_and_record(world, refund_id) for _ in range(7)))
    assert sorted(type(e.decision).__name__ for e in found) == ["Approve"] * 3 + ["Hold"] * 4
    used = await RuleUse.filter(shop_id=world.shop.id, rule_id=ids.row_id(top["id"], "Rule"))
    assert [use.amount for use in used] == [8900] * 3
    assert await RuleEvaluation.filter(shop_id=world.shop.id).count() == 7


async def test_a_new_day_of_the_shop_begins_at_its_own_midnight(world: World) -> None:
    before_midnight = datetime(2026, 3, 1, 15, 59, tzinfo=UTC)
    assert records.midnight(world.shop, before_midnight) == datetime(2026, 2, 28, 16, tzinfo=UTC)
    after = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
    assert records.midnight(world.shop, after) == after
    top = await create(world.owner, condition="true", dailyCount=1)
    refund_id = await refund_of(world)
    await reorder(world.owner, [top["id"], *[r["id"] for r in (await rules(world.owner))[:-1]]])
    with clock.fixed(lambda: before_midnight):
        assert (await decide_and_record(world, refund_id)).decision == Approve()
        assert (await decide_and_record(world, refund_id)).decision == engine.CAP_REACHED
    with clock.fixed(lambda: after):
        assert (await decide_and_record(world, refund_id)).decision == Approve()


async def test_a_shadow_use_is_counted_apart(world: World) -> None:
    watched = await create(world.owner, mode="SHADOW", condition="true", dailyCount=1)
    await reorder(world.owner, [watched["id"], *[r["id"] for r in (await rules(world.owner))[:-1]]])
    refund_id = await refund_of(world)
    assert await Refund.filter(id=refund_id).exists()
    for _ in range(2):
        found = await decide_and_record(world, refund_id)
        assert found.verdicts[0].effective
    rule_id = ids.row_id(watched["id"], "Rule")
    uses = await RuleUse.filter(rule_id=rule_id)
    assert [use.mode for use in uses] == [RuleMode.SHADOW, RuleMode.SHADOW]

    async def usage(tx: Transaction) -> dict[UUID, Usage]:
        loaded = await records.load(tx, world.shop.id, RuleTrigger.REQUESTED)
        return await records.used_today(tx, world.shop, loaded, clock.now())

    assert await database.transaction(usage) == {}
