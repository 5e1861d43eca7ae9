"""Flags on customers: set, shown, appealed against, ended; and what rules do with them."""

from datetime import timedelta
from typing import Any

import pytest
from support.api import Api, key
from support.crm import FLAG, RISK, customer, customer_id, flag, global_id, settled, unflag
from support.world import World, make_world, staff_token

from refund_gql import clock, ids
from refund_gql.flow import flags
from refund_gql.models import (
    CustomerFlag,
    CustomerFlagChange,
    CustomerRisk,
    Rule,
    RuleEvaluation,
    Staff,
)
from refund_gql.roles import Role
from refund_gql.settings import Settings


async def appeal(by: Api, **asked: Any) -> dict[str, Any]:
    content = {"text": "I never did that", "idempotencyKey": key(), **asked}
    return await by.mutate("customerAppeal", content, "received", on="CustomerAppealReceipt")


async def answer(by: Api, flag_id: str, outcome: str) -> dict[str, Any]:
    content = {
        "flagId": flag_id,
        "outcome": outcome,
        "why": {"en": "I looked at the photos"},
        "idempotencyKey": key(),
    }
    return await by.mutate("customerAppealAnswer", content, FLAG, on="CustomerFlag")


async def own_token(world: World, settings: Settings) -> Api:
    """A second owner."""
    return world.api.with_token(await staff_token(world.shop.id, settings, Role.OWNER))


# --- set, shown, taken off ----------------------------------------------------------------------


async def test_a_flag_is_set_shown_and_counts(world: World) -> None:
    who = await global_id(world)
    made = await flag(world.agent, who, "swapper", level="HIGH", expiresInDays=30)
    assert (made["code"], made["level"], made["why"]) == ("swapper", "HIGH", "Swapped goods")
    assert (made["setByName"], made["holds"], made["outcome"]) == ("Agent", True, None)
    assert made["changes"] == [
        {"kind": "SET", "why": "Swapped goods", "actor": made["setBy"], "actorName": "Agent"}
    ]
    found = (await customer(world.finance, who, RISK))["risk"]
    assert (found["level"], found["known"], found["askedAt"]) == ("HIGH", False, None)
    assert (found["since"], found["expires"]) == (made["since"], made["expiresAt"])
    assert found["reasons"] == [
        {
            "code": "swapper",
            "source": "FLAG",
            "provider": None,
            "level": "HIGH",
            "text": "Swapped goods",
        }
    ]


async def test_the_same_flag_again_changes_nothing(world: World) -> None:
    who = await global_id(world)
    first = await flag(world.agent, who, "swapper", expiresInDays=30)
    again = await flag(world.owner, who, "swapper", level="HIGH", expiresInDays=300)
    assert again == first
    assert (await settled(await customer_id(world))).flags_version == 1


async def test_a_flag_is_taken_off_and_may_come_back(world: World) -> None:
    who = await global_id(world)
    made = await flag(world.agent, who, "swapper")
    gone = await unflag(world.agent, who, "swapper")
    assert (gone["id"], gone["holds"]) == (made["id"], False)
    assert [change["kind"] for change in gone["changes"]] == ["REMOVED", "SET"]
    assert (await customer(world.agent, who, RISK))["risk"]["reasons"] == []
    refused = await unflag(world.agent, who, "swapper")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "flag"])
    back = await flag(world.agent, who, "swapper")
    assert (back["id"] != made["id"], back["holds"]) == (True, True)
    history = (await customer(world.agent, who, "flags { holds }"))["flags"]
    assert history == [{"holds": True}, {"holds": False}]


async def test_a_key_that_is_sent_again_does_not_flag_anew(world: World) -> None:
    who, once = await global_id(world), key()
    await flag(world.agent, who, "swapper", idempotencyKey=once)
    await unflag(world.agent, who, "swapper")
    replayed = await flag(world.agent, who, "swapper", idempotencyKey=once)
    assert replayed["holds"] is False
    assert await CustomerFlag.filter(customer_id=await customer_id(world)).count() == 1


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"flag": " "}, "flag"),
        ({"flag": "x" * 65}, "flag"),
        ({"flag": "a\nb"}, "flag"),
        ({"why": {}}, "why"),
        ({"why": {"en": "x" * 501}}, "why.en"),
        ({"expiresInDays": 0}, "expiresInDays"),
        ({"expiresInDays": 731}, "expiresInDays"),
        ({"customerId": "nobody"}, "customerId"),
    ],
)
async def test_what_is_not_right_is_refused(
    world: World, changes: dict[str, Any], path: str
) -> None:
    refused = await flag(world.agent, await global_id(world), "swapper", **changes)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", *path.split(".")])
    assert not await CustomerFlag.filter(shop_id=world.shop.id).exists()


async def test_a_customer_has_at_most_twenty_flags(world: World) -> None:
    who = await global_id(world)
    for place in range(flags.MAX_FLAGS):
        await flag(world.agent, who, f"flag-{place}")
    refused = await flag(world.agent, who, "one-more")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "flag"])


# --- who may, and whose ---------------------------------------------------------------------------


async def test_no_shop_sees_anothers_flags(world: World, api: Api, settings: Settings) -> None:
    other = await make_world(api, settings)
    made = await flag(world.agent, await global_id(world), "swapper")
    for problem in (
        await flag(other.agent, await global_id(world), "mine"),
        await unflag(other.agent, await global_id(world), "swapper"),
        await appeal(other.agent, customerId=await global_id(world)),
        await answer(other.owner, made["id"], "REMOVED"),
    ):
        assert problem["code"] == "NOT_FOUND", problem
    assert (await customer(other.agent, await global_id(other), RISK))["risk"]["level"] is None
    query = "{ customerFlags { totalCount } }"
    assert (await other.owner(query))["customerFlags"] == {"totalCount": 0}
    assert await CustomerFlagChange.filter(flag_id=ids.split(made["id"])[1]).count() == 1  # type: ignore[index] # an id of ours


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.ANALYST, Role.WAREHOUSE, Role.SERVICE])
async def test_risk_is_for_who_decides_about_money(world: World, role: Role) -> None:
    who = await global_id(world)
    query = "query C($id: ID!) { node(id: $id) { ... on Customer { risk { level } } } }"
    [error] = await world.as_(role).errors(query, id=who)
    assert error["extensions"]["code"] == "FORBIDDEN"


# --- appeals --------------------------------------------------------------------------------------


async def test_a_customer_appeals_and_an_owner_looks_again(world: World) -> None:
    who = await global_id(world)
    made = await flag(world.agent, who, "swapper")
    assert await appeal(world.customer) == {
        "__typename": "CustomerAppealReceipt",
        "received": True,
    }
    waiting = """{ customerFlags(filter: {appealOpen: true}) {
        edges { node { id appeal customer { reference } } } } }"""
    assert (await world.owner(waiting))["customerFlags"]["edges"] == [
        {
            "node": {
                "id": made["id"],
                "appeal": "I never did that",
                "customer": {"reference": "C-1"},
            }
        }
    ]
    upheld = await answer(world.owner, made["id"], "UPHELD")
    assert (upheld["outcome"], upheld["holds"]) == ("UPHELD", True)
    assert [(c["kind"], c["why"], c["actorName"]) for c in upheld["changes"]] == [
        ("UPHELD", "I looked at the photos", "Owner"),
        ("APPEALED", "I never did that", "王小明"),
        ("SET", "Swapped goods", "Agent"),
    ]
    refused = await answer(world.owner, made["id"], "REMOVED")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "flagId"])
    await appeal(world.agent, customerId=who, flag="swapper")
    removed = await answer(world.owner, made["id"], "REMOVED")
    assert (removed["outcome"], removed["holds"]) == ("REMOVED", False)
    assert (await settled(await customer_id(world))).flags == []


async def test_an_appeal_does_not_tell_whether_there_is_a_flag(world: World) -> None:
    without = await appeal(world.customer)
    wrong = await appeal(world.customer, flag="guessed")
    await flag(world.agent, await global_id(world), "swapper")
    assert without == wrong == await appeal(world.customer)
    refused = await appeal(world.agent, customerId=await global_id(world), flag="guessed")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "flag"])


async def test_nobody_appeals_in_anothers_name(world: World) -> None:
    await world.order(customerReference="C-2")
    other = await global_id(world, "C-2")
    await flag(world.agent, other, "swapper")
    assert (await appeal(world.customer, customerId=other))["code"] == "NOT_FOUND"
    assert (await CustomerFlag.get(customer_id=await customer_id(world, "C-2"))).appealed_at is None


async def test_whoever_set_a_flag_does_not_hear_the_appeal(
    world: World, settings: Settings
) -> None:
    made = await flag(world.owner, await global_id(world), "swapper")
    await appeal(world.customer)
    colleague = await own_token(world, settings)
    refused = await answer(world.owner, made["id"], "UPHELD")
    assert (refused["code"], refused["message"]) == (
        "NOT_ALLOWED",
        "You set this flag yourself; ask another owner to look at the appeal",
    )
    assert (await answer(colleague, made["id"], "REMOVED"))["outcome"] == "REMOVED"


async def test_an_owner_alone_answers_for_her_own_flag(world: World) -> None:
    made = await flag(world.owner, await global_id(world), "swapper")
    await appeal(world.customer)
    assert (await answer(world.owner, made["id"], "UPHELD"))["outcome"] == "UPHELD"
    assert await Staff.filter(shop_id=world.shop.id, role=Role.OWNER).count() == 1


async def test_taking_a_flag_off_hears_its_appeal(world: World) -> None:
    who = await global_id(world)
    await flag(world.agent, who, "swapper")
    await appeal(world.customer)
    gone = await unflag(world.agent, who, "swapper")
    assert (gone["outcome"], gone["answeredAt"] is not None) == ("REMOVED", True)


# --- time -----------------------------------------------------------------------------------------


async def test_a_flag_ends_by_itself(world: World) -> None:
    who = await global_id(world)
    made = await flag(world.agent, who, "swapper", expiresInDays=30)
    stays = await flag(world.agent, who, "watch", expiresInDays=31)
    later = clock.now() + timedelta(days=30, minutes=1)
    with clock.fixed(lambda: later):
        await flags.decay()
        seen = (await customer(world.agent, who, f"flags {{ {FLAG} }} {RISK}"))["flags"]
    ended, left = sorted(seen, key=lambda one: str(one["code"]))
    assert (ended["id"], ended["holds"]) == (made["id"], False)
    assert (ended["changes"][0]["kind"], ended["changes"][0]["actor"]) == ("EXPIRED", "SYSTEM:-")
    assert (left["id"], left["removedAt"]) == (stays["id"], None)
    row = await CustomerRisk.get(customer_id=await customer_id(world))
    assert (row.flags, row.level, row.flags_version) == (["watch"], "MEDIUM", 3)


# --- rules ----------------------------------------------------------------------------------------


async def rule(world: World, *actions: dict[str, Any], condition: str = "true") -> None:
    """A live rule before all others."""
    document = """mutation M($input: RuleInput!) { rule: ruleCreate(input: $input, mode: LIVE) {
        __typename ... on Rule { id } ... on Problem { message } } }"""
    draft = {"name": {"en": "mine"}, "condition": condition, "actions": list(actions)}
    made = (await world.owner(document, input=draft))["rule"]
    assert made["__typename"] == "Rule", made
    others = await Rule.filter(shop_id=world.shop.id, deleted_at=None).order_by("position")
    order = [made["id"]] + [
        ids.encode("Rule", other.id) for other in others if other.name != {"en": "mine"}
    ]
    reorder = "mutation M($order: [ID!]!) { ruleReorder(order: $order) { __typename } }"
    await world.owner(reorder, order=order)


WATCH = {"kind": "FLAG", "parameters": {"flag": "watch", "why": {"zh": "首单即退"}, "days": 7}}


async def test_a_rule_flags_and_says_so(world: World) -> None:
    await rule(world, {"kind": "APPROVE"}, WATCH)
    for _ in range(2):
        refund = await world.refund(world.customer, await world.order())
        await world.reaches(refund, "REFUNDED")
    [found] = (await customer(world.owner, await global_id(world), f"flags {{ {FLAG} }}"))["flags"]
    assert (found["code"], found["level"], found["why"]) == ("watch", "MEDIUM", "首单即退")
    assert (found["setBy"], found["evaluation"]) == ("SYSTEM:-", {"decidedBy": {"number": 1}})
    assert len(found["changes"]) == 1
    row = await CustomerFlag.get(customer_id=await customer_id(world))
    assert row.expires_at - row.since == timedelta(days=7)


async def test_a_rule_takes_a_flag_off(world: World) -> None:
    await flag(world.agent, await global_id(world), "watch")
    await rule(
        world,
        {"kind": "APPROVE"},
        {"kind": "UNFLAG", "parameters": {"flag": "watch"}},
        condition="'watch' in customer.flags",
    )
    refund = await world.refund(world.customer, await world.order())
    await world.reaches(refund, "REFUNDED")
    row = await CustomerFlag.get(customer_id=await customer_id(world))
    kept = await RuleEvaluation.get(refund__number=refund["number"])
    change = await CustomerFlagChange.filter(flag_id=row.id).order_by("-id").first()
    assert change is not None
    assert (row.removed_at is not None, change.evaluation_id) == (True, kept.id)


async def test_a_flag_of_high_risk_meets_a_person_without_any_crm(world: World) -> None:
    await flag(world.agent, await global_id(world), "swapper", level="HIGH")
    refund = await world.reaches(await world.refund(world.customer, await world.order()), "REVIEW")
    assert refund["payouts"] == []
    seen = (await RuleEvaluation.get(refund__number=refund["number"])).facts
    assert (seen["customer.flags"], seen["customer.risk_level"]) == (["swapper"], "HIGH")
