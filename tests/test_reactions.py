"""Rules after the request: what happens to a refund, and what the shop's rules make of it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from support import rulebook
from support.api import key
from support.rulebook import announced, answer, evaluations, live, row_id
from support.world import World, eventually, shipped
from tortoise.exceptions import IntegrityError

from refund_gql import clock, database, ids
from refund_gql.choices import RuleMode, RuleTrigger
from refund_gql.flow import effects, occasions, reactions, tracking, waiting
from refund_gql.flow.journal import Change
from refund_gql.flow.risk import NOBODY
from refund_gql.models import Event, Rule, RuleEvaluation, RuleUse, Staff
from refund_gql.providers import Checkpoint, Tracking, TrackingTag
from refund_gql.roles import Role
from refund_gql.rules.actions import ActionKind, AddTag

TAG = {"kind": "ADD_TAG", "tag": "changed-mind"}
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = [trigger for trigger in RuleTrigger if trigger is not RuleTrigger.REQUESTED]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The jobs `react` that were enqueued; the test does them itself."""
    with rulebook.by_hand(monkeypatch) as subjects:
        yield subjects


async def in_review(world: World, **order: Any) -> dict[str, Any]:
    """A refund that a person has to look at, and that everybody has heard of."""
    order = await world.order(**{"shipments": shipped(), **order})
    refund = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    await announced(row_id(refund))
    return refund


async def found_reason(world: World, refund: dict[str, Any]) -> str | None:
    found = await world.owner.refund(refund["id"], "foundReason { code }")
    return str(found["foundReason"]["code"]) if found["foundReason"] else None


async def ask(trigger: RuleTrigger, world: World, refund: dict[str, Any], cause: str) -> None:
    await database.transaction(
        lambda tx: occasions.ask(tx, world.shop.id, trigger, row_id(refund), cause)
    )


# --- a status has changed -----------------------------------------------------------------------


async def test_a_change_of_status_is_answered_by_the_worker(world: World) -> None:
    came = "refund.status == 'REVIEW' && refund.previous_status == 'REQUESTED'"
    await live(world, "STATUS_CHANGED", came, TAG)
    refund = await world.refund(world.customer, await world.order(shipments=shipped()))

    async def noted() -> str | None:
        return await found_reason(world, refund)

    assert await eventually(noted, "the reason") == "changed-mind"
    [kept] = await evaluations(refund, "STATUS_CHANGED")
    assert (kept.cause, kept.facts["refund.previous_status"]) == ("2", "REQUESTED")
    assert kept.explanation["en"] == "Done by the rule “mine” (1)."
    assert kept.explanation["zh"] == "已执行规则“mine”（第 1 版）。"
    [use] = await RuleUse.filter(refund_id=row_id(refund))
    assert (use.visit, use.mode, use.evaluation_id) == (2, RuleMode.LIVE, kept.id)


async def test_the_shops_own_business_is_not_on_the_customers_timeline(
    world: World, asked: list[str]
) -> None:
    await live(world, "STATUS_CHANGED", "true", TAG)
    refund = await in_review(world)
    await answer(asked)
    timelines = [
        [entry["type"] for entry in (await by.refund(refund["id"]))["timeline"]]
        for by in (world.agent, world.customer)
    ]
    assert timelines[0] == ["REQUESTED", "SENT_TO_REVIEW", "REASON_FOUND"]
    assert timelines[1] == ["REQUESTED", "SENT_TO_REVIEW"]


async def test_the_same_change_is_answered_once(world: World, asked: list[str]) -> None:
    await live(world, "STATUS_CHANGED", "true", TAG)
    refund = await in_review(world)
    [subject] = asked
    await asyncio.gather(*(reactions.react(subject, NOBODY) for _ in range(3)))
    await reactions.react(subject, NOBODY)
    assert len(await evaluations(refund, "STATUS_CHANGED")) == 1
    assert (await world.owner.refund(refund["id"]))["version"] == 3


async def test_a_change_is_judged_as_it_was_however_late(world: World, asked: list[str]) -> None:
    await live(world, "STATUS_CHANGED", "refund.status == 'REVIEW'", TAG)
    refund = await in_review(world)
    cancelled = {"refundId": refund["id"], "idempotencyKey": key()}
    await world.customer.mutate("refundCancel", cancelled)
    await announced(row_id(refund))
    await answer(asked)
    seen = await evaluations(refund, "STATUS_CHANGED")
    assert [kept.facts["refund.status"] for kept in seen] == ["REVIEW", "CANCELLED"]
    assert [bool(kept.actions) for kept in seen] == [True, False]


async def test_a_status_that_is_only_passed_through_is_no_change(
    world: World, asked: list[str]
) -> None:
    """Small money goes through finance review within the warehouse's own step."""
    await live(world, "STATUS_CHANGED", "refund.status == 'FINANCE_REVIEW'", TAG)
    refund = await in_review(world)
    agreed = {"refundId": refund["id"], "idempotencyKey": key(), "kind": "REFUND_ONLY"}
    await world.agent.mutate("refundApprove", agreed)
    gone = {"refundId": refund["id"], "idempotencyKey": key(), "verdict": "GOODS_GONE"}
    await world.warehouse.mutate("refundConfirmWarehouse", gone)
    await world.reaches(refund, "REFUNDED")
    await announced(row_id(refund))
    await answer(asked)
    assert await found_reason(world, refund) is None
    assert [
        kept.facts["refund.status"] for kept in await evaluations(refund, "STATUS_CHANGED")
    ] == [
        "REVIEW",
        "WAREHOUSE_CHECK",
        "APPROVED",
        "PAYING",
        "REFUNDED",
    ]


@pytest.mark.parametrize("mode", [None, "OFF"])
async def test_a_shop_without_such_rules_has_nothing_to_do(
    world: World, asked: list[str], mode: str | None
) -> None:
    await live(world, "REQUESTED", "refund.amount < 0", TAG)
    if mode is not None:
        await live(world, "STATUS_CHANGED", "true", TAG, mode=mode)
    refund = await in_review(world)
    await ask(RuleTrigger.STATUS_CHANGED, world, refund, "2")
    assert asked == []


async def test_a_rule_in_the_shadow_only_watches(world: World, asked: list[str]) -> None:
    await live(world, "STATUS_CHANGED", "true", TAG, mode="SHADOW")
    refund = await in_review(world)
    await answer(asked)
    [kept] = await evaluations(refund, "STATUS_CHANGED")
    assert (kept.verdicts[0]["effective"], kept.actions) == (True, [])
    assert (await world.owner.refund(refund["id"]))["version"] == 2


# --- a parcel has news --------------------------------------------------------------------------


async def told(world: World, number: str, *tags: TrackingTag | None) -> None:
    lines = tuple(
        Checkpoint(at=AT + timedelta(hours=hour), tag=tag, code=str(hour))
        for hour, tag in enumerate(tags)
    )
    news = tracking.understood(Tracking(tracking_number=number, checkpoints=lines))
    await tracking.record(world.shop.id, "sandbox-courier", news)


async def test_news_of_a_parcel_is_heard_once(world: World, asked: list[str]) -> None:
    await live(world, "TRACKING_EVENT", "courier.event == 'EXCEPTION'", TAG)
    sent = shipped(delivered=False)
    refund = await in_review(world, shipments=sent)
    for _ in range(2):
        await told(world, sent[0]["trackingNumber"], TrackingTag.IN_TRANSIT, TrackingTag.EXCEPTION)
    assert len(asked) == 2
    await answer(asked)
    seen = await evaluations(refund, "TRACKING_EVENT")
    assert [kept.facts["courier.event"] for kept in seen] == ["IN_TRANSIT", "EXCEPTION"]
    assert await found_reason(world, refund) == "changed-mind"


async def test_a_code_that_nobody_knows_is_no_known_event(world: World, asked: list[str]) -> None:
    await live(world, "TRACKING_EVENT", "courier.event != 'DELIVERED'", TAG)
    sent = shipped(delivered=False)
    refund = await in_review(world, shipments=sent)
    await told(world, sent[0]["trackingNumber"], None)
    await answer(asked)
    [kept] = await evaluations(refund, "TRACKING_EVENT")
    assert (kept.verdicts[0]["outcome"], kept.verdicts[0]["missing"]) == (
        "UNKNOWN",
        "courier.event",
    )


async def test_news_of_a_returned_parcel_is_heard(world: World, asked: list[str]) -> None:
    await live(world, "TRACKING_EVENT", "refund.status == 'RETURNING'", TAG)
    refund = await in_review(world)
    step = {"refundId": refund["id"]}
    agreed = {**step, "idempotencyKey": key(), "kind": "RETURN_AND_REFUND"}
    await world.agent.mutate("refundApprove", agreed)
    parcel = {**step, "idempotencyKey": key(), "courier": "SF", "trackingNumber": key()}
    await world.customer.mutate("returnShip", parcel)
    await told(world, parcel["trackingNumber"], TrackingTag.IN_TRANSIT)
    await answer(asked)
    assert await found_reason(world, refund) == "changed-mind"


async def test_news_concerns_open_refunds_of_this_shop_only(world: World, asked: list[str]) -> None:
    await live(world, "TRACKING_EVENT", "true", TAG)
    sent = shipped()
    refund = await in_review(world, shipments=sent)
    await told(world, f"{sent[0]['trackingNumber']}-other", TrackingTag.EXCEPTION)
    withdrawn = {"refundId": refund["id"], "idempotencyKey": key()}
    await world.customer.mutate("refundCancel", withdrawn)
    await told(world, sent[0]["trackingNumber"], TrackingTag.EXCEPTION)
    assert asked == []


# --- time has passed ----------------------------------------------------------------------------


async def look_after(asked: list[str], minutes: int) -> None:
    """A round of the clock, so long from now, and what it asks for."""
    then = clock.now() + timedelta(minutes=minutes)
    with clock.fixed(lambda: then):
        await rulebook.look_everywhere()
        await answer(asked)


async def test_the_clock_acts_when_the_time_has_come_and_once(
    world: World, asked: list[str]
) -> None:
    await live(world, "CLOCK", "refund.minutes_in_status >= 60", TAG)
    refund = await in_review(world)
    await look_after(asked, 30)
    assert await evaluations(refund, "CLOCK") == []
    await look_after(asked, 90)
    await look_after(asked, 200)
    [kept] = await evaluations(refund, "CLOCK")
    assert 90 <= kept.facts["refund.minutes_in_status"] < 110
    assert await found_reason(world, refund) == "changed-mind"
    assert (await world.owner.refund(refund["id"]))["version"] == 3


async def test_a_new_visit_of_a_status_starts_the_time_again(
    world: World, asked: list[str]
) -> None:
    await live(world, "CLOCK", "refund.status == 'REVIEW' && refund.minutes_in_status >= 60", TAG)
    refund = await in_review(world)
    await look_after(asked, 90)
    agreed = {"refundId": refund["id"], "idempotencyKey": key(), "kind": "REFUND_ONLY"}
    await world.agent.mutate("refundApprove", agreed)
    here = {"refundId": refund["id"], "idempotencyKey": key(), "verdict": "WITH_CUSTOMER"}
    await world.warehouse.mutate("refundConfirmWarehouse", here)
    await look_after(asked, 30)
    assert len(await evaluations(refund, "CLOCK")) == 1
    await look_after(asked, 150)
    assert [use.visit for use in await RuleUse.filter(refund_id=row_id(refund)).order_by("at")] == [
        2,
        5,
    ]


@pytest.mark.parametrize(("matching", "acted"), [("FIRST", ["high"]), ("ALL", ["high", "low"])])
async def test_a_rule_that_has_acted_keeps_its_place(
    world: World, asked: list[str], matching: str, acted: list[str]
) -> None:
    matched = [{"trigger": "CLOCK", "matching": matching}]
    document = """mutation M($matching: [RuleMatchingInput!]!) {
        shopUpdate(input: {ruleMatching: $matching}) { __typename } }"""
    await world.owner(document, matching=matched)
    for name in ("high", "low"):
        await live(world, "CLOCK", "refund.minutes_in_status >= 60", TAG, name=name)
    refund = await in_review(world)
    for minutes in (90, 120, 200):
        await look_after(asked, minutes)
    uses = await RuleUse.filter(refund_id=row_id(refund)).order_by("at", "id")
    names = {rule.id: rule.name["en"] for rule in await Rule.filter(shop_id=world.shop.id)}
    assert [names[use.rule_id] for use in uses] == acted


async def test_the_clock_asks_only_about_refunds_that_a_rule_may_mind(
    world: World, asked: list[str]
) -> None:
    """What one statement says about a refund rules most of them out."""
    await live(world, "CLOCK", "refund.minutes_in_status >= 60 && order.lines == 7", TAG)
    refund = await in_review(world)
    await rulebook.look_everywhere()
    assert [subject for subject in asked if str(row_id(refund)) in subject] == []
    then = clock.now() + timedelta(minutes=90)
    with clock.fixed(lambda: then):
        await rulebook.look_everywhere()
        assert len([subject for subject in asked if str(row_id(refund)) in subject]) == 1
        await answer(asked)
    assert await evaluations(refund, "CLOCK") == []


async def test_pages_leave_nobody_out(
    world: World, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PAGE", 1)
    monkeypatch.setattr(waiting, "TURNS", 2)
    await live(world, "CLOCK", "refund.minutes_in_status >= 0", TAG)
    refunds = [await in_review(world) for _ in range(3)]
    await rulebook.look_everywhere()
    assert {UUID(subject.split(":")[1]) for subject in asked} >= set(map(row_id, refunds))


# --- what is known of the risk has changed ------------------------------------------------------


async def test_news_of_the_risk_is_answered_once_for_each_cause(
    world: World, asked: list[str]
) -> None:
    await live(world, "RISK_CHANGED", "!customer.risk_known", TAG)
    refund = await in_review(world)
    for cause in ("flag-1", "flag-1", "flag-2"):
        await ask(RuleTrigger.RISK_CHANGED, world, refund, cause)
    await answer(asked)
    seen = await evaluations(refund, "RISK_CHANGED")
    assert [kept.cause for kept in seen] == ["flag-1", "flag-2"]
    assert [len(kept.actions) for kept in seen] == [1, 0]


async def test_a_flag_has_the_rules_read_over_what_is_open(world: World) -> None:
    await live(world, "RISK_CHANGED", "customer.risk_level == 'HIGH'", TAG)
    open_ = await in_review(world)
    over = await world.refund(world.customer, await world.order())
    await world.reaches(over, "REFUNDED")
    flag = """mutation M($input: CustomerFlagInput!) { customerFlag(input: $input) {
        __typename } }"""
    document = "query R($id: ID!) { refund(id: $id) { customer { id } } }"
    customer = (await world.owner(document, id=open_["id"]))["refund"]["customer"]["id"]
    why = {"en": "Came back worn, twice"}
    marked = {"customerId": customer, "flag": "watch", "level": "HIGH", "why": why}
    await world.owner(flag, input={**marked, "idempotencyKey": key()})

    async def noted() -> str | None:
        return await found_reason(world, open_)

    assert await eventually(noted, "the reason") == "changed-mind"
    assert await evaluations(over, "RISK_CHANGED") == []


async def test_rules_that_answer_each_other_come_to_an_end(
    world: World, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each effect is news of the risk again, under a name of its own."""

    async def stir(change: Change, action: AddTag, kept: UUID) -> None:
        shop_id, refund_id = change.refund.shop_id, change.refund.id
        await occasions.ask(change.tx, shop_id, RuleTrigger.RISK_CHANGED, refund_id, str(kept))

    monkeypatch.setattr(effects, "EFFECTS", {**effects.EFFECTS, ActionKind.ADD_TAG: stir})
    matched = [{"trigger": "RISK_CHANGED", "matching": "ALL"}]
    document = """mutation M($matching: [RuleMatchingInput!]!) {
        shopUpdate(input: {ruleMatching: $matching}) { __typename } }"""
    await world.owner(document, matching=matched)
    for name in ("ping", "pong"):
        await live(world, "RISK_CHANGED", "true", TAG, name=name)
    refund = await in_review(world)
    await ask(RuleTrigger.RISK_CHANGED, world, refund, "first")
    await asyncio.wait_for(answer(asked), timeout=60)
    assert await RuleUse.filter(refund_id=row_id(refund)).count() == 2


# --- what rules may do then ---------------------------------------------------------------------


@pytest.mark.parametrize("trigger", LATER)
async def test_no_rule_decides_after_the_request(world: World, trigger: RuleTrigger) -> None:
    refused = await rulebook.write(world, trigger.value, "true", {"kind": "APPROVE"})
    assert (refused["code"], refused["path"]) == (
        "INVALID_INPUT",
        ["input", "actions", "0", "kind"],
    )
    assert "on REQUESTED only" in refused["message"]


async def test_a_rule_hands_a_refund_on_within_customer_service(
    world: World, asked: list[str]
) -> None:
    colleague = await Staff.filter(shop_id=world.shop.id, role=Role.AGENT).first()
    assert colleague is not None
    route = {"kind": "ROUTE", "desk": "REVIEW", "staff": str(colleague.id)}
    await live(world, "CLOCK", "refund.minutes_in_status >= 240", route)
    waits, moved_on = await in_review(world), await in_review(world)
    agreed = {"refundId": moved_on["id"], "idempotencyKey": key(), "kind": "REFUND_ONLY"}
    await world.owner.mutate("refundApprove", agreed)
    await look_after(asked, 300)
    assignees = [
        (await world.owner.refund(refund["id"], "assignee { id }"))["assignee"]["id"]
        for refund in (waits, moved_on)
    ]
    assert assignees[0] == ids.encode("Staff", colleague.id) != assignees[1]
    [routed] = await Event.filter(shop_id=world.shop.id, type="ROUTED")
    [kept] = await evaluations(waits, "CLOCK")
    assert routed.payload == {
        "assignee": str(colleague.id),
        "priority": "NORMAL",
        "evaluation": str(kept.id),
    }


async def test_the_database_keeps_one_evaluation_for_each_cause(
    world: World, asked: list[str]
) -> None:
    await live(world, "RISK_CHANGED", "true", TAG)
    refund = await in_review(world)
    await ask(RuleTrigger.RISK_CHANGED, world, refund, "first")
    await answer(asked)
    [kept] = await evaluations(refund, "RISK_CHANGED")
    about: dict[str, Any] = {"shop_id": kept.shop_id, "refund_id": kept.refund_id, "at": kept.at}
    with pytest.raises(IntegrityError, match="refund_id, trigger, cause"):
        await RuleEvaluation.create(**about, trigger=kept.trigger, cause=kept.cause)
