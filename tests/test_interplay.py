"""Where one feature ends what another has begun: nothing is paid, given or decided twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from support import deadlines, trust
from support.api import Api, key
from support.bargain import (
    COUPON,
    KEEP,
    accept,
    in_review,
    offered,
    partial,
    propose,
    seen,
    step,
)
from support.couriers import return_address
from support.refusals import mutate
from support.trust import exposure, finding, row_id
from support.world import World, shipped, staff_token

from refund_gql import clock, ids
from refund_gql.auth import Viewer
from refund_gql.choices import DiscretionStep
from refund_gql.errors import IllegalStep, OverBudget
from refund_gql.flow import assignment, discretion_tasks, overdue, tracking
from refund_gql.flow.discretion_tasks import Wish
from refund_gql.models import (
    Coupon,
    DiscretionTask,
    Exposure,
    GoodsClaim,
    Payout,
    Refund,
    Return,
    Shop,
    Staff,
)
from refund_gql.providers import Checkpoint, Tracking, TrackingFlag, TrackingTag
from refund_gql.roles import Role

Answer = dict[str, Any]
LINES = [
    {"sku": "CUP", "title": "杯子", "quantity": 3, "unitPrice": 1000},
    {"sku": "TEA", "title": "茶叶", "quantity": 2, "unitPrice": 5000},
]

DEPOT = {"name": "林晓", "phone": "13800000000", "country": "CN", "street": "花园路 1"}


async def one_of_each(world: World) -> list[Answer]:
    """Two requests on one order in review: for 30.00 and for 100.00."""
    order = await world.order(lines=LINES, shipments=shipped())
    found = []
    for line in order["lines"]:
        lines = [{"orderLineId": line["id"], "quantity": line["quantity"]}]
        asked = await world.refund(world.customer, order, lines=lines)
        found.append(await world.reaches(asked, "REVIEW"))
    return found


async def merge(by: Api, into: Answer, other: Answer) -> Answer:
    content = {"intoId": into["id"], "fromId": other["id"], "idempotencyKey": key()}
    return await mutate(by, "refundMerge", content, "... on Refund { id status version }")


async def rule(world: World, condition: str, *offers: Answer) -> None:
    """A live rule that offers."""
    action = {"kind": "PROPOSE_OFFERS", "parameters": {"offers": list(offers)}}
    content = {"name": {"en": "mine"}, "condition": condition, "actions": [action]}
    document = """mutation R($input: RuleInput!) { rule: ruleCreate(input: $input, mode: LIVE) {
        __typename ... on Problem { message } } }"""
    assert (await world.owner(document, input=content))["rule"]["__typename"] == "Rule"


async def refused(world: World) -> Answer:
    """A request that the agent refused, and whose customer disputes that."""
    refund = await in_review(world)
    await step(world.agent, "refundReject", refund, reason="worn")
    return await step(world.customer, "refundDispute", refund, note="it was new")


async def charged_back(world: World) -> tuple[Answer, Answer]:
    """What an order is, and what the shop says once its payment is charged back."""
    paid = {"gateway": "sandbox", "reference": f"PAY-{key()}", "amount": 8900}
    order = {"number": f"SO-{key()}"}
    return {**order, "captures": [paid]}, {**order, "captures": [{**paid, "disputed": 8900}]}


async def nothing_moved(refund: Answer, amount: int) -> None:
    row = await Refund.get(id=row_id(refund))
    assert (row.status.value, row.amount) == ("REVIEW", amount)
    assert not await Payout.filter(refund_id=row.id).exists()


# --- offers -----------------------------------------------------------------------------------


async def test_a_counter_does_not_stretch_over_what_was_merged_in(world: World) -> None:
    cups, tea = await one_of_each(world)
    await propose(world.agent, cups, partial(500))
    await step(world.customer, "offerCounter", cups, amount=1000)
    await merge(world.agent, cups, tea)
    late = await step(world.agent, "offerAcceptCounter", cups)
    assert (late["__typename"], late["state"]) == ("OfferClosed", "WITHDRAWN")
    await nothing_moved(cups, 13_000)


async def test_a_counter_ends_with_the_request_that_it_was_about(world: World) -> None:
    await rule(world, "refund.amount == 3000", {"kind": "PARTIAL", "percent": 10})
    order = await world.order(lines=LINES, shipments=shipped(), shippingAmount=5000)
    line = order["lines"][0]["id"]
    asked = await world.refund(world.customer, order, lines=[{"orderLineId": line, "quantity": 3}])
    await world.reaches(asked, "NEGOTIATING")
    await step(world.customer, "offerCounter", asked, amount=2500)
    fewer = {"refundId": asked["id"], "lines": [{"orderLineId": line, "quantity": 1}]}
    await mutate(world.customer, "refundAmend", {**fewer, "idempotencyKey": key()})
    await world.reaches(asked, "REVIEW")
    late = await step(world.agent, "offerAcceptCounter", asked)
    assert (late["__typename"], late["state"]) == ("OfferClosed", "WITHDRAWN")
    await nothing_moved(asked, 1000)


async def test_no_coupon_takes_the_place_of_money_that_the_bank_has_given_back(
    world: World,
) -> None:
    order, told = await charged_back(world)
    refund = await offered(world, COUPON, KEEP, **order)
    await world.order(**told)
    answer = await accept(world.customer, refund, "EXCHANGE_COUPON")
    assert (answer["__typename"], answer["maximumRefundable"]) == (
        "ExceedsRefundable",
        {"amount": 0, "currency": "CNY"},
    )
    assert (await seen(world, refund))["status"] == "NEGOTIATING"
    assert not await Coupon.filter(refund_id=row_id(refund)).exists()
    await step(world.agent, "offerWithdraw", refund)
    again = await propose(world.agent, refund, COUPON)
    assert again["__typename"] == "ExceedsRefundable"


async def test_what_the_bank_has_given_back_is_no_reduction_to_offer(world: World) -> None:
    """The warehouse writes down what it found all the same, and finance sees it."""
    await Shop.filter(id=world.shop.id).update(reduction_offer_threshold=0)
    order, told = await charged_back(world)
    refund = await in_review(world, **order)
    await step(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    await step(world.warehouse, "returnReceive", refund)
    await world.order(**told)
    found = finding(refund, "REDUCED", 1, amount=5000)
    answer = await step(world.warehouse, "returnInspect", refund, lines=found)
    assert (answer["__typename"], answer["status"]) == ("Refund", "FINANCE_REVIEW")
    row = await Refund.get(id=row_id(refund))
    assert row.amount == 5000
    assert not await Payout.filter(refund_id=row.id).exists()
    assert (await seen(world, refund))["offerLadders"] == []


async def test_what_was_taken_in_place_of_money_cannot_be_made_worthless(world: World) -> None:
    refund = await offered(world, COUPON)
    assert (await accept(world.customer, refund, "EXCHANGE_COUPON"))["status"] == "SETTLED"
    coupon = await Coupon.get(refund_id=row_id(refund))
    content = {"id": ids.encode("Coupon", coupon.id), "idempotencyKey": key()}
    answer = await mutate(world.owner, "couponRevoke", content)
    assert (answer["__typename"], answer["path"]) == ("InvalidInput", ["input", "id"])
    await coupon.refresh_from_db()
    assert coupon.status.value not in ("WITHDRAWN", "REVOKING", "REVOKED")


async def test_goods_that_are_back_are_not_waited_for_again(world: World) -> None:
    """Inspected, refused, to be paid first, sent back by finance, and a part of it accepted."""
    await trust.allow(world, default=100_000)
    await Shop.filter(id=world.shop.id).update(finance_threshold=0)
    refund = await in_review(world)
    await step(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    await step(world.warehouse, "returnReceive", refund)
    await step(world.warehouse, "returnInspect", refund, lines=finding(refund, "REFUSED", 1))
    await step(world.agent, "refundApproveFirst", refund)
    await step(world.finance, "refundApproveFinance", refund, verdict="SEND_BACK")
    await propose(world.agent, refund, partial(2000))
    await accept(world.customer, await seen(world, refund), "PARTIAL")
    await step(world.finance, "refundApproveFinance", refund)
    paid = await world.reaches(refund, "REFUNDED")
    assert paid["amount"]["amount"] == 2000
    parcels = await Return.filter(refund_id=row_id(refund))
    assert [parcel.status.value for parcel in parcels] == ["INSPECTED"]
    assert not await Exposure.filter(refund_id=row_id(refund)).exists()


async def test_a_rule_offers_a_return_to_any_address_that_the_shop_has(world: World) -> None:
    await Shop.filter(id=world.shop.id).update(return_address="")
    made = await return_address(world, name="Depot", address=DEPOT, fallback=True)
    assert made["__typename"] == "ReturnAddress", made
    await rule(world, "order.shipped", {"kind": "FULL_WITH_RETURN"})
    asked = await world.refund(world.customer, await world.order(shipments=shipped()))
    await world.reaches(asked, "NEGOTIATING")
    taken = await accept(world.customer, await seen(world, asked), "FULL_WITH_RETURN")
    assert taken["status"] == "AWAITING_RETURN"


# --- two requests that became one -------------------------------------------------------------


async def test_who_spoke_for_paying_a_request_that_was_merged_releases_nothing(
    world: World,
) -> None:
    await Shop.filter(id=world.shop.id).update(finance_threshold=0)
    cups, tea = await one_of_each(world)
    await step(world.owner, "refundApprove", cups, kind="REFUND_ONLY")
    await step(world.warehouse, "refundConfirmWarehouse", cups, verdict="WITH_CUSTOMER")
    await merge(world.agent, tea, cups)
    await step(world.agent, "refundApprove", tea, kind="REFUND_ONLY")
    await step(world.warehouse, "refundConfirmWarehouse", tea, verdict="GOODS_GONE")
    answer = await step(world.owner, "refundApproveFinance", tea)
    assert (answer["__typename"], answer["reason"]) == ("NotAllowed", "OWN_PROPOSAL")
    assert not await Payout.filter(refund_id=row_id(tea)).exists()


async def test_a_task_is_not_approved_for_more_than_it_says(world: World) -> None:
    content = {"purpose": "APPROVAL", "role": "AGENT", "perCase": 1000}
    await mutate(world.owner, "budgetSet", content)
    cups, tea = await one_of_each(world)
    over = await step(world.agent, "refundApprove", cups, kind="RETURN_AND_REFUND")
    assert over["__typename"] == "OverBudget"
    await merge(world.agent, cups, tea)
    task = await DiscretionTask.get(refund_id=row_id(cups))
    answer = await mutate(
        world.owner,
        "discretionApprove",
        {"taskId": ids.encode("DiscretionTask", task.id), "idempotencyKey": key()},
    )
    assert (answer["__typename"], answer["found"]) == ("InvalidInput", "OBSOLETE")
    await nothing_moved(cups, 13_000)


async def test_nobody_is_asked_about_a_refund_that_moved_on_meanwhile(world: World) -> None:
    refund = await in_review(world)
    agent = await Staff.get(shop_id=world.shop.id, role=Role.AGENT)
    viewer = Viewer(shop_id=world.shop.id, role=Role.AGENT, id=agent.id, name="Agent")
    wish = Wish(refund_id=row_id(refund), step=DiscretionStep.APPROVE_FIRST, input={"reason": ""})

    async def too_late() -> UUID:
        await step(world.owner, "refundReject", refund, reason="no")
        over: Answer = {"purpose": "APPROVAL", "span": "CASE", "needed": 8900, "task": None}
        limit: Answer = {"currency": "CNY", "limit": 0, "remaining": 0, "limit_currency": "CNY"}
        raise OverBudget(**over, **limit)

    with pytest.raises(IllegalStep):
        await discretion_tasks.or_ask(viewer, wish, too_late)
    assert not await DiscretionTask.filter(refund_id=row_id(refund)).exists()


async def test_a_disputed_request_keeps_its_own_reviewer(world: World) -> None:
    order = await world.order(lines=LINES, shipments=shipped())
    asked = []
    for line in order["lines"]:
        one = await world.refund(
            world.customer, order, lines=[{"orderLineId": line["id"], "quantity": 1}]
        )
        asked.append(await world.reaches(one, "REVIEW"))
    disputed, other = asked
    await step(world.agent, "refundReject", disputed, reason="worn")
    await step(world.customer, "refundDispute", disputed, note="it was new")
    answer = await merge(world.agent, other, disputed)
    assert (answer["__typename"], answer["path"]) == ("InvalidInput", ["input", "fromId"])
    await merge(world.agent, disputed, other)
    answer = await step(world.agent, "refundReject", disputed, reason="no")
    assert (answer["__typename"], answer["reason"]) == ("NotAllowed", "OTHER_REVIEWER")


# --- a dispute at the desk --------------------------------------------------------------------


async def test_a_dispute_is_not_dealt_out_to_whoever_refused(world: World) -> None:
    refund = await refused(world)
    me = await Staff.get(shop_id=world.shop.id, role=Role.AGENT)
    owner = await Staff.get(shop_id=world.shop.id, role=Role.OWNER)
    mine = await step(world.agent, "refundTake", refund)
    assert (mine["__typename"], mine["reason"]) == ("NotAllowed", "OTHER_REVIEWER")
    given = ids.encode("Staff", me.id)
    answer = await step(world.owner, "refundAssign", refund, staffId=given)
    assert (answer["__typename"], answer["reason"]) == ("NotAllowed", "OTHER_REVIEWER")
    await mutate(world.owner, "shopUpdate", {"input": {"autoAssign": "BY_LOAD"}})
    await Refund.filter(id=row_id(refund)).update(assign_wanted=True)
    await Staff.filter(id=me.id).update(available=True)
    await assignment.deal(row_id(refund))
    assert (await Refund.get(id=row_id(refund))).assignee_id is None
    await staff_token(world.shop.id, world.settings, Role.AGENT)
    await Staff.filter(shop_id=world.shop.id, role=Role.AGENT).update(available=True)
    await Refund.filter(id=row_id(refund)).update(assign_wanted=True)
    await assignment.deal(row_id(refund))
    holder = (await Refund.get(id=row_id(refund))).assignee_id
    assert holder not in (None, me.id, owner.id)


# --- silence ----------------------------------------------------------------------------------


async def silence_agrees(world: World) -> None:
    await deadlines.policy(world.owner, "REVIEW", 48, "HOURS", "APPROVE", approveMost=1_000_000)


async def test_silence_does_not_agree_to_what_staff_merged_in(world: World) -> None:
    await silence_agrees(world)
    cups, tea = await one_of_each(world)
    await merge(world.agent, cups, tea)
    await deadlines.expires(cups, "REVIEW")
    await nothing_moved(cups, 13_000)


async def test_silence_does_not_agree_to_what_was_beyond_a_budget(world: World) -> None:
    await silence_agrees(world)
    content = {"purpose": "APPROVAL", "role": "AGENT", "perCase": 1000}
    await mutate(world.owner, "budgetSet", content)
    refund = await in_review(world)
    await step(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    await deadlines.expires(refund, "REVIEW")
    await nothing_moved(refund, 8900)


# --- money that went first --------------------------------------------------------------------


async def news(world: World, number: str, tag: TrackingTag, *flags: TrackingFlag) -> None:
    line = Checkpoint(at=clock.now(), tag=tag, code=f"{tag}", flags=frozenset(flags))
    told = Tracking(tracking_number=number, checkpoints=(line,))
    await tracking.record(world.shop.id, "sandbox-courier", tracking.understood(told))


@pytest.mark.parametrize(
    ("name", "then"),
    [("returnReopen", "AWAITED"), ("returnReportLost", "LOST")],
)
async def test_goods_that_were_scanned_and_do_not_come_are_claimed(
    world: World, name: str, then: str
) -> None:
    await trust.trusting(world)
    refund = await trust.paid_first(world)
    first = await exposure(refund)
    number = f"SF-{key()}"
    await step(world.customer, "returnShip", refund, courier="SF", trackingNumber=number)
    await news(world, number, TrackingTag.IN_TRANSIT)
    assert (await exposure(refund)).release == "SCANNED"
    await step(world.warehouse, name, refund, reason="at the wrong place")
    found = await trust.seen(world, refund)
    assert (found["status"], found["returns"][0]["status"]) == ("REFUNDED", then)
    row = await exposure(refund)
    assert (row.release, row.due_at >= first.due_at) == (None, True)
    await Exposure.filter(id=row.id).update(
        opened_at=row.opened_at - timedelta(days=60),
        due_at=row.due_at - timedelta(days=30),
        final_at=row.final_at - timedelta(days=30),
        reminded_at=clock.now(),
    )
    await overdue.look(row.id)
    claim = await GoodsClaim.get(refund_id=row_id(refund))
    assert (claim.amount, claim.status.value) == (39_900, "OPEN")
    assert (await exposure(refund)).release == "CLAIMED"


async def test_goods_that_somebody_has_claimed_are_not_counted_twice(world: World) -> None:
    await trust.trusting(world)
    refund = await trust.paid_first(world)
    number = f"SF-{key()}"
    await step(world.customer, "returnShip", refund, courier="SF", trackingNumber=number)
    await news(world, number, TrackingTag.IN_TRANSIT)
    await step(world.agent, "claimOpen", refund, amount=39_900, note="快递丢失")
    await step(world.warehouse, "returnReportLost", refund, reason="lost")
    assert (await exposure(refund)).release == "SCANNED"
    assert await GoodsClaim.filter(refund_id=row_id(refund)).count() == 1
