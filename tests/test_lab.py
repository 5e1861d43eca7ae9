"""The lab: what a rule would have done on the shop's own history, through the API."""

from datetime import timedelta
from typing import Any

import pytest
from support import lab
from support.api import key
from support.lab import HOLD, draft
from support.world import World, shipped

from refund_gql import clock, ids
from refund_gql.lab import past
from refund_gql.models import Capture, Refund, RuleEvaluation

Answer = dict[str, Any]
HIGH, UNSHIPPED = "High value or high risk: a person", "Unshipped, refund only: approve"


def money(amount: int) -> Answer:
    return {"amount": amount, "currency": "CNY"}


def some(count: int, of: int, amount: int, foreign: int = 0) -> Answer:
    """A RefundSum."""
    return {
        "count": count,
        "share": pytest.approx(count / of if of else 0),
        "money": money(amount),
        "otherCurrencies": foreign,
    }


async def paid(world: World, price: int = 8900, **changes: Any) -> Answer:
    """A refund that the default rules approved."""
    line = {"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": price}
    order = await world.order(lines=[line], **changes)
    return await world.reaches(await world.refund(world.customer, order), "REFUNDED")


async def reviewed(world: World, price: int = 8900) -> Answer:
    """A refund of goods that were sent, waiting for a person."""
    line = {"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": price}
    order = await world.order(lines=[line], shipments=shipped())
    return await world.reaches(await world.refund(world.customer, order), "REVIEW")


async def reject(world: World, refund: Answer) -> None:
    step = {"refundId": refund["id"], "idempotencyKey": key(), "reason": "worn"}
    after = await world.agent.mutate("refundReject", step)
    assert after["status"] == "REJECTED", after


async def test_a_draft_is_tried_on_what_really_happened(world: World) -> None:
    first, second = await paid(world, 8900), await paid(world, 3000)
    waiting = await reviewed(world, 5000)
    found = await lab.report(
        world, draft=draft("refund.amount >= 5000", HOLD), before=await rule_id(world, HIGH)
    )
    assert found["refunds"] == some(3, 3, 16900)
    assert found["recorded"] == 3
    assert found["automaticThen"] == some(2, 3, 11900)
    assert found["automaticToday"] == some(2, 3, 11900)
    assert found["automaticWithDraft"] == some(1, 3, 3000)
    assert found["matched"] == found["tookEffect"] == some(2, 3, 13900)
    assert found["unknown"] == found["errors"] == []
    assert found["capped"] == some(0, 3, 0)
    [overlap] = found["overlaps"]
    assert overlap == {
        "name": UNSHIPPED,
        "mode": "LIVE",
        "both": some(1, 3, 8900),
        "cameFirst": 0,
        "taken": 1,
        "conflicting": 1,
        "rule": {"name": UNSHIPPED},
    }
    for refund, status in ((first, "REFUNDED"), (second, "REFUNDED"), (waiting, "REVIEW")):
        assert (await world.owner.refund(refund["id"]))["status"] == status
    assert await RuleEvaluation.filter(shop_id=world.shop.id).count() == 3


async def rule_id(world: World, name: str) -> str:
    rules = (await world.owner("{ rules { id name } }"))["rules"]
    found: str = next(rule["id"] for rule in rules if rule["name"] == name)
    return found


async def test_what_people_decided_is_held_against_the_draft(world: World) -> None:
    """Sent goods are never approved by a rule, so only a stop can differ from people here."""
    granted, refused = await reviewed(world, 4000), await reviewed(world, 6000)
    await reject(world, refused)
    step = {"refundId": granted["id"], "idempotencyKey": key(), "kind": "REFUND_ONLY"}
    await world.agent.mutate("refundApprove", step)
    gone = {"refundId": granted["id"], "idempotencyKey": key(), "verdict": "GOODS_GONE"}
    await world.warehouse.mutate("refundConfirmWarehouse", gone)
    await world.reaches(granted, "REFUNDED")
    found = await lab.report(world, draft=draft("order.delivered", HOLD))
    differing = {one["kind"]: one for one in found["disagreements"]}
    assert list(differing) == ["APPROVES_REFUSED", "STOPS_APPROVED", "APPROVES_REDUCED"]
    assert differing["APPROVES_REFUSED"]["refunds"] == some(0, 2, 0)
    assert differing["STOPS_APPROVED"]["refunds"] == some(1, 2, 4000)
    [sample] = differing["STOPS_APPROVED"]["samples"]
    assert sample == {
        "refund": {"number": granted["number"]},
        "explanation": "Kept for a person by the rule “draft” (1): look.",
    }


async def test_what_was_refused_and_would_be_approved_is_shown(world: World) -> None:
    """The rules were off then, so people decided about goods that were never sent."""
    await switch(world, "OFF")
    line = {"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": 7000}
    refused = await world.refund(world.customer, await world.order(lines=[line]))
    await reject(world, await world.reaches(refused, "REVIEW"))
    found = await lab.report(world, draft=draft("refund.goods_shipped == false"))
    [approves_refused, *others] = found["disagreements"]
    assert approves_refused["refunds"] == some(1, 1, 7000)
    assert approves_refused["samples"][0]["refund"] == {"number": refused["number"]}
    assert [other["refunds"]["count"] for other in others] == [0, 0]
    assert found["approved"] == some(1, 1, 7000)
    assert (found["automaticThen"]["count"], found["automaticToday"]["count"]) == (0, 0)


async def switch(world: World, mode: str) -> None:
    """All rules at once."""
    document = """mutation M($id: ID!, $mode: RuleMode!) {
        ruleSetMode(id: $id, mode: $mode) { __typename } }"""
    for rule in (await world.owner("{ rules { id } }"))["rules"]:
        await world.owner(document, id=rule["id"], mode=mode)


async def test_what_was_disputed_later_is_counted_among_what_it_would_approve(
    world: World,
) -> None:
    await switch(world, "OFF")
    for price in (7000, 9000):
        line = {"sku": "CUP", "title": "杯子", "quantity": 1, "unitPrice": price}
        order = await world.order(lines=[line])
        await world.reaches(await world.refund(world.customer, order), "REVIEW")
    await Capture.filter(shop_id=world.shop.id, amount=9000).update(disputed=9000)
    found = await lab.report(world, draft=draft("true"))
    assert found["approved"] == some(2, 2, 16000)
    assert found["disputed"] == some(1, 2, 9000)


async def test_a_draft_behind_a_rule_that_takes_everything_is_shadowed(world: World) -> None:
    await paid(world)
    found = await lab.report(world, draft=draft("refund.amount == 8900"))
    assert found["shadowedBy"] == {"name": UNSHIPPED}
    assert (found["matched"], found["tookEffect"]) == (some(1, 1, 8900), some(0, 1, 0))
    assert [(one["cameFirst"], one["conflicting"]) for one in found["overlaps"]] == [(1, 0)]


async def test_a_rule_is_tried_as_it_stands(world: World) -> None:
    await paid(world)
    unshipped = await rule_id(world, UNSHIPPED)
    found = await lab.report(world, replaces=unshipped)
    assert found["automaticWithDraft"] == found["automaticToday"] == some(1, 1, 8900)
    # The third default rule would have approved nothing that is worth so much.
    changed = await lab.report(world, replaces=unshipped, draft=draft("false"))
    assert changed["automaticWithDraft"] == some(0, 1, 0)
    assert changed["automaticToday"] == some(1, 1, 8900)


async def test_a_daily_cap_fills_up_as_it_would_have(world: World) -> None:
    for _ in range(3):
        await paid(world)
    capped = draft("refund.amount == 8900", dailyCount=2)
    found = await lab.report(world, replaces=await rule_id(world, UNSHIPPED), draft=capped)
    days = found["days"]
    # A test that runs at midnight in Shanghai sees two days; the cap holds on each.
    assert sum(day["matched"] for day in days) == 3
    assert all(day["tookEffect"]["count"] <= 2 for day in days)
    assert found["cappedDays"] == sum(day["capped"] > 0 for day in days)
    assert found["tookEffect"]["count"] + found["capped"]["count"] == 3


async def test_facts_that_history_does_not_know_are_told(world: World) -> None:
    await paid(world)
    found = await lab.report(world, draft=draft("customer.tier == 'GOLD'"))
    assert found["unknown"] == [{"fact": "customer.tier", "count": 1}]
    broken = await lab.report(world, draft=draft("refund.amount / refund.age_minutes > 5"))
    assert broken["errors"] == [{"error": "divide by zero", "count": 1}]


async def test_other_currencies_are_counted_and_not_added(world: World) -> None:
    await paid(world)
    await paid(world, 500, currency="EUR")
    found = await lab.report(world, draft=draft("true"), before=await rule_id(world, HIGH))
    assert found["refunds"] == found["automaticThen"] == some(2, 2, 8900, foreign=1)
    assert found["tookEffect"] == some(2, 2, 8900, foreign=1)


# --- what was known at the time -----------------------------------------------------------------


UNKNOWABLE = {
    "desk.queue_length",
    "customer.risk_known",
    "customer.risk_level",
    "customer.flags",
}
"""What the engine records at the time and nobody can work out afterwards."""
PARCELS = {"courier.delay_days"}
"""The same, of parcels that are followed."""


async def test_facts_worked_out_afterwards_are_those_that_were_recorded(world: World) -> None:
    product = {"sku": "CUP", "title": "杯子", "category": "kitchen"}
    document = "mutation M($input: ProductInput!) { productUpsert(input: $input) { __typename } }"
    await world.service(document, input=product)
    for refund in await variety(world):
        row = await Refund.get(number=refund["number"])
        recorded = (await RuleEvaluation.get(refund_id=row.id)).facts
        found = await past.reconstructed(world.shop.id, [row.id])
        known = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found[row.id].items()
        }
        lost = UNKNOWABLE | PARCELS
        assert known == {n: v for n, v in recorded.items() if n not in lost}
        assert set(recorded) >= UNKNOWABLE


async def variety(world: World) -> list[Answer]:
    """Refunds of every sort; all orders are there before the first one is asked for."""
    two = [
        {"sku": "CUP", "title": "杯子", "quantity": 2, "unitPrice": 1000},
        {"sku": "POT", "title": "壶", "quantity": 1, "unitPrice": 4500},
    ]
    [parcel] = shipped(delivered=False)
    sent = {**parcel, "lines": [{"position": 1, "quantity": 1}]}
    placed = (clock.now() - timedelta(days=40)).isoformat()
    plain, old, partly, gone, here = [
        await world.order(lines=two),
        await world.order(lines=two, placedAt=placed),
        await world.order(lines=two, shipments=[sent]),
        await world.order(lines=two, shipments=shipped(delivered=False)),
        await world.order(lines=two, shipments=shipped(), currency="EUR"),
    ]
    tags = (await world.owner("{ reasonTags { id code } }"))["reasonTags"]
    cup = [{"orderLineId": plain["lines"][0]["id"], "quantity": 1}]
    pot = [{"orderLineId": partly["lines"][1]["id"], "quantity": 1}]
    rest = [{"orderLineId": partly["lines"][0]["id"], "quantity": 2}]
    asked = [
        (world.customer, plain, {"lines": cup, "reasonTagId": tags[0]["id"]}, "REFUNDED"),
        (world.agent, old, {"kind": "RETURN_AND_REFUND"}, "REFUNDED"),
        (world.service, partly, {"lines": pot}, "REVIEW"),
        (world.customer, plain, {}, "REFUNDED"),
        (world.customer, partly, {"lines": rest}, "REFUNDED"),
        (world.customer, gone, {"kind": "RETURN_AND_REFUND"}, "REVIEW"),
        (world.customer, here, {"kind": "RETURN_AND_REFUND"}, "REVIEW"),
    ]
    return [
        await world.reaches(await world.refund(by, order, **more), status)
        for by, order, more, status in asked
    ]


async def test_a_refund_that_was_refused_before_does_not_raise_the_rate(world: World) -> None:
    first = await reviewed(world)
    await reject(world, first)
    second = await paid(world)
    row = await Refund.get(number=second["number"])
    [known] = (await past.reconstructed(world.shop.id, [row.id])).values()
    assert (known["customer.refunds_30d"], known["customer.refund_rate_30d"]) == (1, 0.0)
    assert ids.encode("Refund", row.id) == second["id"]


async def test_imported_history_without_an_order_is_looked_at(world: World) -> None:
    await Refund.create(
        shop_id=world.shop.id,
        number=f"OLD-{key()}",
        kind="REFUND_ONLY",
        status="REFUNDED",
        version=1,
        currency="CNY",
        goods_amount=700,
        amount=700,
        requested_by="SYSTEM:-",
        imported=True,
        requested_at=clock.now() - timedelta(days=3),
        approved_at=clock.now(),
        finished_at=clock.now(),
        updated_at=clock.now(),
        head="-",
    )
    cheap = await lab.report(world, draft=draft("refund.amount < 1000", HOLD))
    assert (cheap["refunds"], cheap["recorded"]) == (some(1, 1, 700), 0)
    assert cheap["disagreements"][1]["refunds"] == some(1, 1, 700)
    needy = await lab.report(world, draft=draft("order.age_minutes < 60"))
    assert needy["unknown"] == [{"fact": "order.age_minutes", "count": 1}]
    bold = await lab.report(world, draft=draft("refund.amount < 1000"))
    assert (bold["matched"]["count"], bold["approved"]["count"]) == (1, 0)
