"""Deadlines through the real door: started by the refund, and what happens when they pass."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.api import key
from support.deadlines import (
    always_open,
    clocks,
    crowd,
    expires,
    in_review,
    passes,
    policy,
    row,
    states,
    warns,
)
from support.postroom import Postroom, announce_all, by_hand, reachable
from support.trust import SHOES, finding, paid_first, row_id, seen, step, trusting, types
from support.world import World, shipped

from refund_gql import clock
from refund_gql.flow import deadlines
from refund_gql.models import Clock, Event, OrderLine, Refund

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def history(refund: Any) -> list[str]:
    return [
        event.type.value
        for event in await Event.filter(refund_id=row_id(refund)).order_by("version")
    ]


async def awaiting(world: World) -> Any:
    """A pair of shoes that its customer is to send back."""
    order = await world.order(lines=SHOES, shipments=shipped())
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    refund = await world.reaches(asked, "REVIEW")
    return await step(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")


# --- started and stopped by the refund ----------------------------------------------------------


async def test_a_request_that_nobody_looks_at_has_no_clock(world: World) -> None:
    refund = await world.reaches(
        await world.refund(world.customer, await world.order()), "REFUNDED"
    )
    assert await states(world.owner, refund) == {}


async def test_review_starts_two_clocks_and_each_ends_in_its_own_time(world: World) -> None:
    await always_open(world)
    refund = await in_review(world)
    found = await clocks(world.agent, refund)
    assert {stage: one["state"] for stage, one in found.items()} == {
        "FIRST_RESPONSE": "RUNNING",
        "REVIEW": "RUNNING",
    }
    spans = {
        stage: (
            moment(one["dueAt"]) - moment(one["startedAt"]),
            moment(one["dueAt"]) - moment(one["warnAt"]),
        )
        for stage, one in found.items()
    }
    assert spans == {
        "FIRST_RESPONSE": (5 * MINUTE, 2 * MINUTE),
        "REVIEW": (48 * HOUR, 0.2 * 48 * HOUR),
    }
    assert found["REVIEW"]["action"] == "ESCALATE"
    assert found["REVIEW"]["policyVersion"] == 0
    assert 172_000 < found["REVIEW"]["remainingSeconds"] <= 172_800
    await step(world.agent, "refundSetPriority", refund, priority="HIGH")
    assert (await states(world.owner, refund)) == {"FIRST_RESPONSE": "MET", "REVIEW": "RUNNING"}
    await step(world.agent, "refundApprove", refund, kind="REFUND_ONLY")
    after = await clocks(world.owner, refund)
    assert {stage: one["state"] for stage, one in after.items()} == {
        "FIRST_RESPONSE": "MET",
        "REVIEW": "MET",
        "WAREHOUSE_CHECK": "RUNNING",
    }
    assert after["REVIEW"]["remainingSeconds"] is None


async def test_a_withdrawn_request_stops_its_clocks(world: World) -> None:
    refund = await in_review(world)
    await step(world.customer, "refundCancel", refund)
    assert set((await states(world.owner, refund)).values()) == {"CANCELLED"}
    await passes(refund, "REVIEW", 90 * DAY)
    await deadlines.look()
    assert "CLOCK_BREACHED" not in await history(refund)


async def test_small_money_that_passes_finance_by_itself_starts_no_clock(world: World) -> None:
    refund = await in_review(world)
    refund = await step(world.agent, "refundApprove", refund, kind="REFUND_ONLY")
    await step(world.warehouse, "refundConfirmWarehouse", refund, verdict="GOODS_GONE")
    await world.reaches(refund, "REFUNDED")
    assert "FINANCE" not in await states(world.owner, refund)


async def test_finance_has_one_business_day(world: World) -> None:
    await always_open(world)
    refund = await in_review(world, kind="REFUND_ONLY")
    await Refund.filter(id=row_id(refund)).update(requested_by="STAFF:x")
    world.shop.finance_threshold = 0
    await world.shop.save()
    refund = await step(world.agent, "refundApprove", refund, kind="REFUND_ONLY")
    await step(world.warehouse, "refundConfirmWarehouse", refund, verdict="GOODS_GONE")
    found = (await clocks(world.owner, refund))["FINANCE"]
    assert moment(found["dueAt"]) - moment(found["startedAt"]) == DAY
    await step(world.finance, "refundApproveFinance", refund)
    assert (await states(world.owner, refund))["FINANCE"] == "MET"


async def test_goods_that_follow_their_money_are_inspected_in_time_too(world: World) -> None:
    await trusting(world)
    refund = await paid_first(world)
    assert await states(world.owner, refund) == {}
    await step(world.warehouse, "returnReceive", refund)
    assert await states(world.owner, refund) == {"INSPECTION": "RUNNING"}
    await step(world.warehouse, "returnInspect", refund, lines=finding(refund, "ACCEPTED", 1))
    assert await states(world.owner, refund) == {"INSPECTION": "MET"}


async def test_what_came_late_is_late_even_when_the_engine_slept(world: World) -> None:
    refund = await in_review(world)
    await passes(refund, "REVIEW", 3 * DAY)
    await step(world.agent, "refundReject", refund, reason="no")
    found = (await clocks(world.owner, refund))["REVIEW"]
    assert found["state"] == "BREACHED"
    assert found["breachedAt"] == found["dueAt"]
    await deadlines.look()
    assert "CLOCK_BREACHED" not in await history(refund)


# --- the customer's turn --------------------------------------------------------------------------


async def test_review_pauses_while_the_customer_is_asked(world: World) -> None:
    refund = await in_review(world)
    await passes(refund, "REVIEW", 40 * HOUR)
    await step(world.agent, "refundRequestEvidence", refund, question="photo?")
    found = await clocks(world.owner, refund)
    assert found["REVIEW"]["state"] == "PAUSED"
    left = found["REVIEW"]["remainingSeconds"]
    assert 7 * 3600 < left <= 8 * 3600
    assert found["CUSTOMER_ANSWERS"]["state"] == "RUNNING"
    await passes(refund, "REVIEW", 50 * HOUR)
    await deadlines.look()
    assert "CLOCK_BREACHED" not in await history(refund)
    await step(world.customer, "refundProvideEvidence", refund, answer="here")
    after = await clocks(world.owner, refund)
    assert after["CUSTOMER_ANSWERS"]["state"] == "MET"
    assert after["REVIEW"]["state"] == "RUNNING"
    resumed = await row(refund, "REVIEW")
    event = await Event.get(refund_id=row_id(refund), type="EVIDENCE_PROVIDED")
    assert resumed.due_at - event.at == timedelta(seconds=left)
    assert 50 * 3600 <= resumed.paused_seconds < 51 * 3600


async def test_a_customer_who_is_silent_is_reminded_and_the_shop_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reachable(world, DEFAULT=["letterbox"])
    postroom = Postroom()
    async with by_hand(monkeypatch):
        refund = await in_review(world)
        await step(world.agent, "refundRequestEvidence", refund, question="请上传照片")
        await warns(refund, "CUSTOMER_ANSWERS")
        messages = await announce_all(postroom, row_id(refund))
        assert [one.event for one in messages][-1] == "EVIDENCE_REMINDER"
        assert messages[-1].text == (
            f"您的退款申请（{refund['number']}）仍需补充以下信息，补充后我们会尽快处理：\n请上传照片"
        )
        await expires(refund, "CUSTOMER_ANSWERS")
    assert (await history(refund))[-4:] == [
        "CLOCK_WARNED",
        "EVIDENCE_REMINDED",
        "CLOCK_BREACHED",
        "EVIDENCE_REMINDED",
    ]
    assert await states(world.owner, refund) == {
        "FIRST_RESPONSE": "MET",
        "REVIEW": "RUNNING",
        "CUSTOMER_ANSWERS": "BREACHED",
    }


async def test_a_customer_sees_what_she_has_to_do_and_nothing_of_the_shop(world: World) -> None:
    refund = await in_review(world)
    await step(world.agent, "refundRequestEvidence", refund, question="photo?")
    await warns(refund, "CUSTOMER_ANSWERS")
    hers = await world.customer.refund(
        refund["id"], "clocks { stage stageText state dueAt remainingSeconds }"
    )
    [only] = hers["clocks"]
    assert (only["stage"], only["stageText"], only["state"]) == (
        "CUSTOMER_ANSWERS",
        "顾客补充凭证",
        "RUNNING",
    )
    assert types(hers)[-1] == "EVIDENCE_REMINDED"
    assert not {"CLOCK_WARNED", "CLOCK_BREACHED"} & set(types(hers))


# --- when they pass -------------------------------------------------------------------------------


async def test_silence_is_warned_of_then_escalated_and_only_once(world: World) -> None:
    refund = await in_review(world)
    await warns(refund, "REVIEW")
    assert (await history(refund))[-1] == "CLOCK_WARNED"
    await deadlines.look()
    assert (await history(refund)).count("CLOCK_WARNED") == 1
    await expires(refund, "REVIEW")
    assert (await history(refund))[-2:] == ["CLOCK_BREACHED", "ESCALATED"]
    found = await world.owner.refund(refund["id"], "priority escalation")
    assert (found["priority"], found["status"]) == ("HIGH", "REVIEW")
    assert found["escalation"] == "Decision of customer service: the deadline has passed"
    await deadlines.look()
    assert (await history(refund)).count("CLOCK_BREACHED") == 1


async def test_goods_that_do_not_come_close_the_request_and_give_the_units_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reachable(world, DEFAULT=["letterbox"])
    postroom = Postroom()
    async with by_hand(monkeypatch):
        refund = await awaiting(world)
        due = (await row(refund, "CUSTOMER_SHIPS")).due_at
        await warns(refund, "CUSTOMER_SHIPS")
        await expires(refund, "CUSTOMER_SHIPS")
        messages = await announce_all(postroom, row_id(refund))
    assert due.hour == 16  # the midnight after the seventh day, in Shanghai
    assert [one.event for one in messages][-2:] == ["SHIPPING_REMINDER", "EXPIRED"]
    after = await seen(world, refund)
    assert (after["status"], after["payouts"]) == ("CANCELLED", [])
    assert after["returns"][0]["status"] == "CANCELLED"
    assert (await history(refund))[-4:] == [
        "CLOCK_WARNED",
        "SHIPPING_REMINDED",
        "CLOCK_BREACHED",
        "EXPIRED",
    ]
    line = await OrderLine.get(order__id=(await Refund.get(id=row_id(refund))).order_id)
    assert (line.claimed_quantity, line.claimed_amount) == (0, 0)
    late = await step(world.customer, "returnShip", refund, courier="SF", trackingNumber="1")
    assert late["__typename"] == "IllegalStep"


async def test_goods_that_were_sent_in_time_are_not_closed_on(world: World) -> None:
    refund = await awaiting(world)
    await step(world.customer, "returnShip", refund, courier="SF", trackingNumber="1")
    await passes(refund, "CUSTOMER_SHIPS", 90 * DAY)
    await deadlines.look()
    assert (await seen(world, refund))["status"] == "RETURNING"
    assert "CLOCK_BREACHED" not in await history(refund)


# --- agreement by silence -------------------------------------------------------------------------


async def agrees(world: World, most: int) -> None:
    made = await policy(world.owner, "REVIEW", 48, "HOURS", "APPROVE", approveMost=most)
    assert (made["version"], made["approveMost"]) == (1, {"amount": most, "currency": "CNY"})


async def test_silence_agrees_and_the_warehouse_is_asked_all_the_same(world: World) -> None:
    await agrees(world, 8900)
    refund = await in_review(world)
    await expires(refund, "REVIEW")
    after = await world.owner.refund(refund["id"], "decisions { step explanation }")
    assert (after["status"], after["payouts"]) == ("WAREHOUSE_CHECK", [])
    assert after["decisions"][-1] == {
        "step": "APPROVE_REFUND_ONLY",
        "explanation": "Customer service did not answer in time, so the engine agreed, as the "
        "shop has set.",
    }
    assert await states(world.owner, refund) == {
        "FIRST_RESPONSE": "CANCELLED",
        "REVIEW": "BREACHED",
        "WAREHOUSE_CHECK": "RUNNING",
    }


async def test_silence_agrees_to_a_return_and_pays_nothing_yet(world: World) -> None:
    await agrees(world, 8900)
    refund = await in_review(world, kind="RETURN_AND_REFUND")
    await expires(refund, "REVIEW")
    after = await seen(world, refund)
    assert (after["status"], after["payouts"]) == ("AWAITING_RETURN", [])
    assert after["returns"] == [{"status": "AWAITED", "address": "1 Return Road"}]


async def escalated(world: World, refund: Any) -> None:
    """A person decides; nothing was agreed to."""
    await expires(refund, "REVIEW")
    assert (await history(refund))[-2:] == ["CLOCK_BREACHED", "ESCALATED"]
    after = await seen(world, refund)
    assert (after["status"], after["payouts"]) == ("REVIEW", [])


async def test_silence_does_not_agree_to_more_than_the_shop_allows(world: World) -> None:
    await agrees(world, 8899)
    await escalated(world, await in_review(world))


async def test_silence_does_not_agree_where_a_rule_wants_a_person(world: World) -> None:
    await agrees(world, 1_000_000)
    lines = [{"sku": "SOFA", "title": "沙发", "quantity": 1, "unitPrice": 500_000}]
    order = await world.order(lines=lines, shipments=shipped())
    refund = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    await escalated(world, refund)


async def test_silence_does_not_overrule_the_warehouse(world: World) -> None:
    await agrees(world, 8900)
    refund = await in_review(world)
    refund = await step(world.agent, "refundApprove", refund, kind="REFUND_ONLY")
    await step(world.warehouse, "refundConfirmWarehouse", refund, verdict="WITH_CUSTOMER")
    await escalated(world, refund)


async def test_silence_does_not_agree_to_what_staff_asked_for(world: World) -> None:
    await agrees(world, 8900)
    refund = await world.refund(world.agent, await world.order(shipments=shipped()))
    await escalated(world, await world.reaches(refund, "REVIEW"))


# --- exactly once, and by the database's time -----------------------------------------------------


async def test_two_workers_that_look_at_once_fire_each_clock_once(world: World) -> None:
    refunds = [await in_review(world) for _ in range(3)]
    for refund in refunds:
        clock_ = await row(refund, "REVIEW")
        await passes(refund, "REVIEW", clock_.due_at - clock_.started_at)
    await asyncio.gather(*(deadlines.look() for _ in range(4)))
    for refund in refunds:
        assert (await history(refund)).count("CLOCK_BREACHED") == 1


async def test_a_claim_of_a_worker_that_died_comes_back_by_itself(world: World) -> None:
    refund = await in_review(world)
    clock_ = await row(refund, "REVIEW")
    await passes(refund, "REVIEW", clock_.due_at - clock_.started_at)
    claimed = await deadlines._claim()
    assert clock_.id in {one.id for one in claimed}
    await deadlines.look()
    assert "CLOCK_BREACHED" not in await history(refund)
    await type(clock_).filter(id=clock_.id).update(next_at=clock.now() - MINUTE)
    await deadlines.look()
    assert (await history(refund)).count("CLOCK_BREACHED") == 1


async def test_of_two_hundred_each_fires_once_though_a_worker_dies_on_the_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await policy(world.owner, "REVIEW", 48, "HOURS", "NONE")
    refund = await in_review(world)
    await crowd(refund, 200)
    mine = {"refund__number__startswith": f"{refund['number']}-C"}
    fire, batches = deadlines._fire_batch, 0

    async def dies(batch: Any, turnstile: Any) -> list[Exception]:
        """A worker whose process ends after the third batch: it comes to no later one."""
        nonlocal batches
        batches += 1
        return await fire(batch, turnstile) if batches <= 3 else []

    with monkeypatch.context() as patch:
        patch.setattr(deadlines, "_fire_batch", dies)
        await deadlines.look()
    assert await Clock.filter(**mine, state="BREACHED").count() <= 60
    await Clock.filter(**mine, state="RUNNING").update(next_at=clock.now() - MINUTE)
    await asyncio.gather(deadlines.look(), deadlines.look())
    assert await Clock.filter(**mine, state="BREACHED").count() == 200
    assert await Event.filter(**mine, type="CLOCK_BREACHED").count() == 200


async def test_a_clock_that_cannot_fire_keeps_no_other_from_it(world: World) -> None:
    broken, good = await in_review(world), await in_review(world)
    for refund in (broken, good):
        clock_ = await row(refund, "REVIEW")
        await passes(refund, "REVIEW", clock_.due_at - clock_.started_at)
    unknown = Clock.filter(id=(await row(broken, "REVIEW")).id)
    await unknown.update(policy=99)
    with pytest.raises(ExceptionGroup, match="could not fire"):
        await deadlines.look()
    assert (await history(good)).count("CLOCK_BREACHED") == 1
    assert "CLOCK_BREACHED" not in await history(broken)
    await unknown.update(policy=0, next_at=clock.now() - MINUTE)
    await deadlines.look()
    assert (await history(broken)).count("CLOCK_BREACHED") == 1


async def test_a_worker_whose_own_clock_is_wrong_fires_nothing_early(world: World) -> None:
    refund = await in_review(world)
    tomorrow = clock.now() + 30 * DAY
    with clock.fixed(lambda: tomorrow):
        await deadlines.look()
    assert (await states(world.owner, refund))["REVIEW"] == "RUNNING"
    yesterday = clock.now() - 30 * DAY
    clock_ = await row(refund, "REVIEW")
    await passes(refund, "REVIEW", clock_.due_at - clock_.started_at)
    with clock.fixed(lambda: yesterday):
        await deadlines.look()
    assert (await states(world.owner, refund))["REVIEW"] == "BREACHED"


async def test_a_change_of_terms_is_for_new_clocks_only(world: World) -> None:
    before = await in_review(world)
    due = (await row(before, "REVIEW")).due_at
    made = await policy(world.owner, "REVIEW", 10, "MINUTES", "NONE")
    assert (made["version"], made["warnPercent"]) == (1, None)
    after = await in_review(world)
    assert (await row(before, "REVIEW")).due_at == due
    found = (await clocks(world.owner, after))["REVIEW"]
    assert moment(found["dueAt"]) - moment(found["startedAt"]) == 10 * MINUTE
    assert (found["warnAt"], found["action"], found["policyVersion"]) == (None, "NONE", 1)
    await expires(after, "REVIEW")
    assert (await history(after))[-1] == "CLOCK_BREACHED"
    await expires(before, "REVIEW")
    assert (await history(before))[-1] == "ESCALATED"


# --- the story: shoes that are too small ----------------------------------------------------------


async def test_shoes_that_are_too_small_are_answered_and_inspected_in_time(world: World) -> None:
    """The second case of the trade: answered within five minutes, inspected within 24 hours."""
    await always_open(world)
    order = await world.order(lines=SHOES, shipments=shipped())
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    refund = await world.reaches(asked, "REVIEW")
    await passes(refund, "FIRST_RESPONSE", 4 * MINUTE)
    await deadlines.look()
    assert (await history(refund))[-1] == "CLOCK_WARNED"
    refund = await step(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    await step(world.customer, "returnShip", refund, courier="SF", trackingNumber=key())
    await step(world.warehouse, "returnReceive", refund)
    await passes(refund, "INSPECTION", 23 * HOUR)
    await deadlines.look()
    assert "CLOCK_BREACHED" not in await history(refund)
    lines = finding(refund, "ACCEPTED", 1)
    refund = await step(world.warehouse, "returnInspect", refund, lines=lines)
    found = await clocks(world.owner, refund)
    assert {stage: one["state"] for stage, one in found.items()} == {
        "FIRST_RESPONSE": "MET",
        "REVIEW": "MET",
        "CUSTOMER_SHIPS": "MET",
        "INSPECTION": "MET",
        "FINANCE": "RUNNING",
    }
    took = {
        stage: moment(one["endedAt"]) - moment(one["startedAt"])
        for stage, one in found.items()
        if one["endedAt"]
    }
    assert 4 * MINUTE <= took["FIRST_RESPONSE"] < 5 * MINUTE
    assert 23 * HOUR <= took["INSPECTION"] < 24 * HOUR
