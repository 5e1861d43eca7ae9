"""A customer asks for something else: as a new request would be, and never more than is left."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import album, oracle
from support.api import REFUND, Api, key
from support.books import Books
from support.rulebook import live
from support.world import ORDER, World, shipped

from refund_gql import clock, ids
from refund_gql.choices import RuleMode
from refund_gql.models import Coupon, Event, ReasonTag, Rule, RuleEvaluation, Shipment
from refund_gql.roles import Role

Answer = dict[str, Any]

LINES = [
    {"sku": "CUP", "title": "杯子", "quantity": 3, "unitPrice": 1000, "discount": 100},
    {"sku": "TEA", "title": "茶叶", "quantity": 1, "unitPrice": 5000},
]
"""2900 for three cups, 5000 for the tea."""


async def amend(by: Api, refund: Answer, **input: Any) -> Answer:
    """The answer to a change of the request."""
    query = f"""mutation M($input: RefundAmendInput!) {{ result: refundAmend(input: $input) {{
        __typename ... on Problem {{ code message path }} ... on Refund {{ {REFUND} note }}
        ... on IllegalStep {{ allowedNext }} ... on NotAmendable {{ reason }}
        ... on NotRefundable {{ reason }} ... on InvalidInput {{ found }}
        ... on ExceedsRefundable {{ maximumRefundable {{ amount }} }} }} }}"""
    content = {"refundId": refund["id"], "idempotencyKey": key(), **input}
    result: Answer = (await by(query, input=content))["result"]
    return result


def units(order: Answer, *quantities: int) -> list[Answer]:
    """So many of each line, in order; none is left out."""
    return [
        {"orderLineId": line["id"], "quantity": quantity}
        for line, quantity in zip(order["lines"], quantities, strict=False)
        if quantity
    ]


async def in_review(world: World, *quantities: int, **changes: Any) -> tuple[Answer, Answer]:
    """An order, and a request for some of it that customer service looks at."""
    order = await world.order(**{"lines": LINES, "shipments": shipped(), **changes})
    asked = await world.refund(world.customer, order, lines=units(order, *quantities))
    return order, await world.reaches(asked, "REVIEW")


async def left(world: World, order: Answer) -> list[int]:
    """Units that can still be asked for, line by line."""
    query = f"query Q($id: ID!) {{ order(id: $id) {{ {ORDER} }} }}"
    seen = (await world.owner(query, id=order["id"]))["order"]
    return [line["refundableQuantity"] for line in seen["lines"]]


async def alone(world: World, condition: str, *actions: Answer) -> None:
    """The shop's only rule."""
    await Rule.filter(shop_id=world.shop.id).update(mode=RuleMode.OFF)
    await live(world, "REQUESTED", condition, *actions)


async def snapshot(world: World, refund: Answer) -> Answer:
    return await world.owner.refund(refund["id"], "note")


# --- what changes -----------------------------------------------------------------------------


async def test_a_request_is_computed_anew_and_looked_at_again(world: World) -> None:
    order, refund = await in_review(world, 1)
    assert refund["amount"]["amount"] == 966
    changed = await amend(
        world.customer,
        refund,
        lines=units(order, 2, 1),
        kind="RETURN_AND_REFUND",
        note="杯子要退两个",
    )
    assert (changed["status"], changed["kind"]) == ("REQUESTED", "RETURN_AND_REFUND")
    assert (changed["amount"]["amount"], changed["note"]) == (1933 + 5000, "杯子要退两个")
    assert [(line["sku"], line["quantity"]) for line in changed["lines"]] == [
        ("CUP", 2),
        ("TEA", 1),
    ]
    seen = await world.reaches(changed, "REVIEW")
    assert [entry["type"] for entry in seen["timeline"]] == [
        "REQUESTED", "SENT_TO_REVIEW", "AMENDED", "SENT_TO_REVIEW"
    ]  # fmt: skip
    assert await left(world, order) == [1, 0]
    written = await Event.filter(
        refund_id=ids.required("id", refund["id"], "Refund"), type="AMENDED"
    ).get()
    cup, tea = (str(ids.required("id", line["id"], "OrderLine")) for line in order["lines"])
    common = {"reason": None, "shipping": 0, "currency": "CNY"}
    assert written.payload == {
        "before": {
            **common,
            "kind": "REFUND_ONLY",
            "amount": 966,
            "lines": [{"line": cup, "quantity": 1, "amount": 966}],
        },
        "after": {
            **common,
            "kind": "RETURN_AND_REFUND",
            "amount": 6933,
            "lines": [
                {"line": cup, "quantity": 2, "amount": 1933},
                {"line": tea, "quantity": 1, "amount": 5000},
            ],
        },
    }


async def test_what_is_left_out_stays(world: World) -> None:
    order, refund = await in_review(world, 2, 1, shippingAmount=800)
    changed = await amend(world.customer, refund, note="碎了")
    assert (changed["amount"], changed["kind"]) == (refund["amount"], "REFUND_ONLY")
    assert [line["quantity"] for line in changed["lines"]] == [2, 1]
    assert await left(world, order) == [1, 0]


async def test_a_reason_on_the_shop_s_side_brings_the_shipping_and_another_takes_it(
    world: World,
) -> None:
    order, refund = await in_review(world, 3, 1, shippingAmount=800)
    tags = {tag.seller_at_fault: tag for tag in await ReasonTag.filter(shop_id=world.shop.id)}
    amounts = []
    for fault in (True, False, True):
        tag = ids.encode("ReasonTag", tags[fault].id)
        changed = await amend(world.customer, refund, reasonTagId=tag)
        amounts.append(changed["amount"]["amount"])
        await world.reaches(changed, "REVIEW")
    assert amounts == [8700, 7900, 8700]
    assert await left(world, order) == [0, 0]


async def test_less_that_a_program_asked_for_stays_less(world: World) -> None:
    order = await world.order(lines=LINES, shipments=shipped())
    lines = [{**units(order, 3)[0], "amount": {"amount": 1000, "currency": "CNY"}}]
    asked = await world.refund(world.service, order, lines=lines)
    refund = await world.reaches(asked, "REVIEW")
    changed = await amend(world.customer, refund, note="碎了")
    assert changed["amount"]["amount"] == 1000
    answer = await amend(world.customer, refund, lines=lines)
    assert answer["code"] == "NOT_ALLOWED"


async def test_the_rules_see_what_it_has_become(world: World) -> None:
    """A smaller request may need nobody; and the files that were added meanwhile count."""
    approve = {"kind": "APPROVE_RETURN"}
    await alone(world, "refund.amount < 2000 && refund.evidence_given", approve)
    order, refund = await in_review(world, 3, 1)
    await album.add(world.customer, refund)
    changed = await amend(world.customer, refund, lines=units(order, 1), kind="RETURN_AND_REFUND")
    await world.reaches(changed, "AWAITING_RETURN")
    read = RuleEvaluation.filter(refund_id=ids.required("id", refund["id"], "Refund"))
    facts = [evaluation.facts for evaluation in await read.order_by("at")]
    assert [fact["refund.evidence_given"] for fact in facts] == [False, True]
    assert [fact["refund.amount"] for fact in facts] == [7900, 966]


async def test_what_a_rule_wanted_to_give_is_given_for_what_it_has_become(world: World) -> None:
    gift = {"kind": "ISSUE_COUPON", "amount": 500}
    hold = {"kind": "HOLD", "why": {"en": "look"}}
    await alone(world, "refund.amount > 5000", gift, hold)
    order, refund = await in_review(world, 3, 1)
    coupons = Coupon.filter(refund_id=ids.required("id", refund["id"], "Refund"))
    [first] = await coupons
    for quantities, expected in (((1,), 0), ((3, 1), 1)):
        changed = await amend(world.customer, refund, lines=units(order, *quantities))
        await world.reaches(changed, "REVIEW")
        assert await coupons.count() == expected
    [again] = await coupons
    assert again.id != first.id


# --- what is refused --------------------------------------------------------------------------


async def test_more_than_is_left_changes_nothing(world: World) -> None:
    order, refund = await in_review(world, 1)
    other = await world.refund(world.customer, order, lines=units(order, 1))
    before = await snapshot(world, refund)
    answer = await amend(world.customer, refund, lines=units(order, 3))
    assert (answer["code"], answer["path"]) == (
        "INVALID_INPUT", ["input", "lines", "0", "quantity"]
    )  # fmt: skip
    assert await snapshot(world, refund) == before
    assert await left(world, order) == [1, 1]
    changed = await amend(world.customer, refund, lines=units(order, 2))
    # The last of three cups takes the exact rest: 2900 - 966 for the other request's cup.
    assert changed["amount"]["amount"] + other["amount"]["amount"] == 2900


async def test_more_than_was_paid_changes_nothing(world: World) -> None:
    paid = [{"gateway": "sandbox", "reference": key(), "amount": 3000}]
    order, refund = await in_review(world, 1, captures=paid)
    before = await snapshot(world, refund)
    answer = await amend(world.customer, refund, lines=units(order, 0, 1))
    assert answer["code"] == "EXCEEDS_REFUNDABLE"
    assert answer["maximumRefundable"]["amount"] == 3000
    assert await snapshot(world, refund) == before
    assert await left(world, order) == [2, 1]


async def test_a_sixth_change_is_refused(world: World) -> None:
    _, refund = await in_review(world, 1)
    for number in range(5):
        changed = await amend(world.customer, refund, note=f"第{number}次")
        await world.reaches(changed, "REVIEW")
    before = await snapshot(world, refund)
    answer = await amend(world.customer, refund, note="又一次")
    assert (answer["code"], answer["reason"]) == ("NOT_AMENDABLE", "TOO_OFTEN")
    assert await snapshot(world, refund) == before


@pytest.mark.parametrize("step", ["refundRequestEvidence", "refundMerge"])
async def test_once_a_colleague_has_dealt_with_it_its_customer_changes_it_no_more(
    world: World, step: str
) -> None:
    order, refund = await in_review(world, 1)
    if step == "refundMerge":
        other = await world.refund(world.customer, order, lines=units(order, 1))
        content = {"intoId": refund["id"], "fromId": other["id"]}
        await world.reaches(other, "REVIEW")
    else:
        content = {"refundId": refund["id"], "question": "照片？"}
    done = await world.agent.mutate(step, {**content, "idempotencyKey": key()})
    assert done["__typename"] == "Refund"
    answer = await amend(world.customer, refund, note="x")
    assert (answer["code"], answer["reason"]) == ("NOT_AMENDABLE", "DECIDED")


async def test_whoever_looks_after_it_soon_has_not_decided(world: World) -> None:
    _, refund = await in_review(world, 1)
    urgent = {"refundId": refund["id"], "idempotencyKey": key(), "priority": "URGENT"}
    await world.agent.mutate("refundSetPriority", urgent)
    assert (await amend(world.customer, refund, note="x"))["__typename"] == "Refund"


async def test_it_is_the_customer_s_own_affair(world: World) -> None:
    _, refund = await in_review(world, 1)
    for role in (Role.OWNER, Role.AGENT, Role.WAREHOUSE, Role.FINANCE):
        errors = await world.as_(role).errors(
            "mutation M($input: RefundAmendInput!) { refundAmend(input: $input) { __typename } }",
            input={"refundId": refund["id"], "idempotencyKey": key()},
        )
        assert errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_nothing_and_what_somebody_has_not_seen_are_refused(world: World) -> None:
    order, refund = await in_review(world, 1)
    before = await snapshot(world, refund)
    answer = await amend(world.customer, refund, lines=[])
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "lines"])
    twice = [*units(order, 1), *units(order, 1)]
    assert (await amend(world.customer, refund, lines=twice))["code"] == "INVALID_INPUT"
    stale = await amend(world.customer, refund, note="x", expectedVersion=1)
    assert stale["code"] == "STALE_VERSION"
    assert await snapshot(world, refund) == before


async def test_the_window_rules_out_other_goods_and_not_other_words(world: World) -> None:
    order, refund = await in_review(world, 1)
    long_ago = clock.now() - timedelta(days=60)
    parcels = Shipment.filter(order_id=ids.required("id", order["id"], "Order"))
    await parcels.update(shipped_at=long_ago, delivered_at=long_ago)
    more = await amend(world.customer, refund, lines=units(order, 2))
    assert (more["code"], more["reason"]) == ("NOT_REFUNDABLE", "WINDOW_CLOSED")
    words = await amend(world.customer, refund, note="x")
    assert (words["__typename"], words["note"]) == ("Refund", "x")


# --- at once ----------------------------------------------------------------------------------


@pytest.mark.parametrize("round", range(4))
async def test_of_a_change_and_an_approval_at_once_one_wins_cleanly(
    world: World, round: int
) -> None:
    order, refund = await in_review(world, 1)
    version = refund["version"]
    step = {"refundId": refund["id"], "idempotencyKey": key(), "expectedVersion": version}
    approved, changed = await asyncio.gather(
        world.agent.mutate("refundApprove", {**step, "kind": "RETURN_AND_REFUND"}),
        amend(world.customer, refund, lines=units(order, 3), expectedVersion=version),
    )
    outcome = {approved["__typename"], changed["__typename"]}
    assert outcome in ({"Refund", "StaleVersion"}, {"Refund", "IllegalStep"})
    seen = await world.reaches(refund, "REVIEW", "AWAITING_RETURN")
    if approved["__typename"] == "Refund":
        assert (seen["status"], seen["amount"]["amount"]) == ("AWAITING_RETURN", 966)
        assert await left(world, order) == [2, 1]
    else:
        assert (seen["status"], seen["amount"]["amount"]) == ("REVIEW", 2900)
        assert await left(world, order) == [0, 1]


async def test_changes_and_requests_at_once_never_take_more_than_there_is(
    world: World, database_url: str, data: Path
) -> None:
    """Two requests for cups grow at once while a third comes: the cups are counted once each."""
    order = await world.order(lines=LINES, shipments=shipped())
    refunds = []
    for _ in range(2):
        asked = await world.refund(world.customer, order, lines=units(order, 1))
        refunds.append(await world.reaches(asked, "REVIEW"))
    await asyncio.gather(
        *(amend(world.customer, refund, lines=units(order, 2)) for refund in refunds),
        *(amend(world.customer, refund, lines=units(order, 1, 1)) for refund in refunds),
        world.refund(world.customer, order, lines=units(order, 1)),
    )
    books = Books(world, database_url, data / "sandbox.sqlite")
    checks = (oracle.every_claim_is_its_refunds, oracle.every_history_is_whole)
    for refund in refunds:
        await world.reaches(refund, "REVIEW")
    assert await books.violations(checks) == []
