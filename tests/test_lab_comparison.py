"""A rule in the shadow against the live ones, through the API."""

from datetime import timedelta
from typing import Any

from support.api import key
from support.lab import HOLD, SUM, draft
from support.world import World, shipped

from refund_gql import clock

Answer = dict[str, Any]

COMPARE = f"""query C($rule: ID!, $from: DateTime!) {{
    found: ruleCompare(rule: $rule, from: $from) {{
    __typename ... on Problem {{ code message }}
    ... on RuleComparison {{ judged rule {{ name }} from until outcomes {{ outcome count }}
        wouldHaveActed {SUM} differing {SUM}
        cases {{ wanted live differs happened refunds {SUM} samples {{ number }} }} }} }} }}"""


async def watched(world: World, rule: Answer) -> str:
    document = """mutation M($input: RuleInput!) {
        rule: ruleCreate(input: $input, mode: SHADOW) { ... on Rule { id } } }"""
    made: str = (await world.owner(document, input=rule))["rule"]["id"]
    return made


async def compare(world: World, rule: str) -> Answer:
    since = (clock.now() - timedelta(days=1)).isoformat()
    found: Answer = (await world.agent(COMPARE, rule=rule, **{"from": since}))["found"]
    return found


async def refund(world: World, price: int, status: str, **changes: Any) -> Answer:
    line = {"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": price}
    order = await world.order(lines=[line], **changes)
    return await world.reaches(await world.refund(world.customer, order), status)


def some(count: int, share: float, amount: int, foreign: int = 0) -> Answer:
    money = {"amount": amount, "currency": "CNY"}
    return {"count": count, "share": share, "money": money, "otherCurrencies": foreign}


async def test_what_a_shadow_would_have_done_is_held_against_what_was(world: World) -> None:
    rule = await watched(world, draft("refund.amount >= 5000", HOLD))
    # Last of all rules: it acts only where no live rule has. So it comes first.
    rules = (await world.owner("{ rules { id } }"))["rules"]
    order = [rule, *(other["id"] for other in rules if other["id"] != rule)]
    await world.owner(
        "mutation M($order: [ID!]!) { ruleReorder(order: $order) { __typename } }", order=order
    )
    large = await refund(world, 8000, "REFUNDED")
    foreign = await refund(world, 9000, "REFUNDED", currency="EUR")
    await refund(world, 3000, "REFUNDED")
    sent = await refund(world, 7000, "REVIEW", shipments=shipped())
    step = {"refundId": sent["id"], "idempotencyKey": key(), "reason": "worn"}
    await world.agent.mutate("refundReject", step)
    found = await compare(world, rule)
    assert (found["judged"], found["rule"]) == (4, {"name": "draft"})
    outcomes = {one["outcome"]: one["count"] for one in found["outcomes"]}
    assert outcomes == {
        "MATCHED": 3,
        "NOT_MATCHED": 1,
        "UNKNOWN": 0,
        "ERROR": 0,
        "CAPPED": 0,
        "OUT_OF_DATE": 0,
    }
    assert found["wouldHaveActed"] == some(3, 0.75, 15000, foreign=1)
    assert found["differing"] == some(2, 0.5, 8000, foreign=1)
    approved, refused = found["cases"]
    assert approved == {
        "wanted": "HOLD",
        "live": "APPROVE",
        "differs": True,
        "happened": "GRANTED",
        "refunds": some(2, 0.5, 8000, foreign=1),
        "samples": [{"number": foreign["number"]}, {"number": large["number"]}],
    }
    assert refused == {
        "wanted": "HOLD",
        "live": None,
        "differs": False,
        "happened": "REFUSED",
        "refunds": some(1, 0.25, 7000),
        "samples": [{"number": sent["number"]}],
    }


async def test_a_rule_that_was_never_in_the_shadow_has_nothing_to_compare(world: World) -> None:
    await refund(world, 8000, "REFUNDED")
    rule = (await world.owner("{ rules { id } }"))["rules"][0]["id"]
    found = await compare(world, rule)
    assert (found["judged"], found["cases"]) == (0, [])
    assert found["wouldHaveActed"] == some(0, 0.0, 0)


async def test_no_such_rule_is_a_problem(world: World) -> None:
    assert (await compare(world, "x"))["code"] == "INVALID_INPUT"
    found = await compare(world, (await world.owner("{ shop { id } }"))["shop"]["id"])
    assert found["code"] == "INVALID_INPUT"
    long_ago = {"from": "2020-01-01T00:00:00Z"}
    answer = (await world.agent(COMPARE, rule="x", **long_ago))["found"]
    assert (answer["code"], "400 days" in answer["message"]) == ("INVALID_INPUT", True)
