"""Staff decide within their budgets, to the cent and under lock; what is beyond one is a task for
somebody else, and never passes silently."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from support.api import Api, key
from support.bargain import COUPON, KEEP, RETURN, accept, in_review, propose, seen, step
from support.loyalty import row_id
from support.refusals import mutate
from support.world import World, staff_token

from refund_gql import clock, ids
from refund_gql.models import Coupon, Decision, DiscretionEntry, DiscretionTask, Shop, Staff
from refund_gql.roles import Role

Answer = dict[str, Any]


async def budget(world: World, purpose: str = "APPROVAL", **limits: Any) -> Answer:
    """What agents of the shop decide alone."""
    content = {"purpose": purpose, "role": "AGENT", **limits}
    made = await mutate(world.owner, "budgetSet", content, "... on Budget { id }")
    assert made["__typename"] == "Budget", made
    return made


async def approve(by: Api, refund: Answer, **input: Any) -> Answer:
    return await step(by, "refundApprove", refund, kind="RETURN_AND_REFUND", **input)


async def tasks(world: World, by: Api | None = None) -> list[Answer]:
    """The open tasks, newest first."""
    document = """{ discretionTasks { edges { node {
        id step reason amount { amount } staff { name } } } } }"""
    found = (await (by or world.owner)(document))["discretionTasks"]["edges"]
    return [edge["node"] for edge in found]


async def answer(by: Api, name: str, task: Answer, **input: Any) -> Answer:
    content = {"taskId": task["id"], "idempotencyKey": key(), **input}
    shown = "status" if name == "discretionApprove" else "status answer"
    kind = "Refund" if name == "discretionApprove" else "DiscretionTask"
    return await mutate(by, name, content, f"... on {kind} {{ {shown} }}")


async def colleague(world: World, role: Role = Role.AGENT) -> Api:
    return world.api.with_token(await staff_token(world.shop.id, world.settings, role))


async def spent(world: World) -> list[tuple[str, int]]:
    """Purpose and amount of what still counts, by purpose."""
    rows = await DiscretionEntry.filter(shop_id=world.shop.id, reversed_at=None)
    return sorted((row.purpose.value, row.amount) for row in rows)


async def status(world: World, refund: Answer) -> str:
    found: str = (await world.owner.refund(refund["id"]))["status"]
    return found


# --- limits -----------------------------------------------------------------------------------


async def test_without_a_budget_everything_passes_and_is_entered(world: World) -> None:
    refund = await in_review(world)
    assert (await approve(world.agent, refund))["status"] == "AWAITING_RETURN"
    assert await spent(world) == [("APPROVAL", 8900)]


@pytest.mark.parametrize("limit", ["perCase", "perDay", "perMonth"])
async def test_what_is_beyond_a_limit_is_not_done_and_becomes_a_task(
    world: World, limit: str
) -> None:
    await budget(world, "APPROVAL", **{limit: 8899})
    refund = await in_review(world)
    over = await approve(world.agent, refund, reason="good customer")
    span = {"perCase": "CASE", "perDay": "DAY", "perMonth": "MONTH"}[limit]
    assert (over["__typename"], over["code"], over["span"]) == ("OverBudget", "OVER_BUDGET", span)
    assert (over["needed"]["amount"], over["limit"]["amount"], over["remaining"]["amount"]) == (
        8900,
        8899,
        8899,
    )
    assert await status(world, refund) == "REVIEW"
    assert await spent(world) == []
    [task] = await tasks(world)
    assert (task["step"], task["reason"], task["amount"]) == (
        "APPROVE",
        "good customer",
        {"amount": 8900},
    )
    assert task["staff"] == {"name": "Agent"}


async def test_the_problem_names_its_task_and_is_written_in_both_languages(world: World) -> None:
    await budget(world, perCase=8000)
    refund = await in_review(world)
    content = {
        "refundId": refund["id"],
        "kind": "RETURN_AND_REFUND",
        "idempotencyKey": key(),
    }
    document = """mutation M($input: RefundApproveInput!) { result: refundApprove(input: $input) {
        ... on OverBudget { message task { id } } } }"""
    over = (await world.agent(document, input=content))["result"]
    assert over["message"] == (
        "89.00 CNY is more than your limit for one refund, of which 80.00 CNY is left;"
        " a colleague with more has been asked"
    )
    [task] = await tasks(world)
    assert over["task"] == {"id": task["id"]}


async def test_twenty_approvals_at_once_with_budget_for_five(world: World) -> None:
    await budget(world, perDay=5 * 8900)
    refunds = [await in_review(world) for _ in range(20)]
    answers = await asyncio.gather(*(approve(world.agent, refund) for refund in refunds))
    names = [answer["__typename"] for answer in answers]
    assert (names.count("Refund"), names.count("OverBudget")) == (5, 15)
    assert await spent(world) == [("APPROVAL", 8900)] * 5
    assert len(await tasks(world)) == 15


async def test_the_same_wish_twice_is_one_task(world: World) -> None:
    await budget(world, perCase=100)
    refund = await in_review(world)
    await asyncio.gather(*(approve(world.agent, refund) for _ in range(3)))
    assert len(await tasks(world)) == 1


async def test_a_colleagues_own_budget_goes_before_that_of_the_role(world: World) -> None:
    await budget(world, perCase=100)
    person = await Staff.get(shop_id=world.shop.id, role=Role.AGENT)
    own = {"purpose": "APPROVAL", "staffId": ids.encode("Staff", person.id), "perCase": 8900}
    assert (await mutate(world.owner, "budgetSet", own))["__typename"] == "Budget"
    assert (await approve(world.agent, await in_review(world)))["status"] == "AWAITING_RETURN"
    over = await approve(await colleague(world), await in_review(world))
    assert over["__typename"] == "OverBudget"


async def test_days_and_months_are_the_shops(world: World) -> None:
    """In Shanghai a new day begins eight hours before it does in UTC."""
    await budget(world, perDay=8900)
    refunds = [await in_review(world) for _ in range(3)]
    here = clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
    midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), here.tzinfo)
    before = midnight - timedelta(minutes=1)
    with clock.fixed(lambda: before.astimezone(UTC)):
        assert (await approve(world.agent, refunds[0]))["__typename"] == "Refund"
        assert (await approve(world.agent, refunds[1]))["__typename"] == "OverBudget"
    with clock.fixed(lambda: midnight.astimezone(UTC)):
        assert (await approve(world.agent, refunds[2]))["__typename"] == "Refund"


async def test_money_in_another_currency_cannot_be_compared_with_a_limit(world: World) -> None:
    refund = await in_review(world)
    await Shop.filter(id=world.shop.id).update(currency="EUR")
    assert (await approve(world.agent, refund))["__typename"] == "Refund"
    await budget(world, perCase=1_000_000)
    refund = await in_review(world)
    over = await approve(world.agent, refund)
    assert (over["__typename"], over["needed"]["amount"]) == ("OverBudget", 8900)


# --- what comes to nothing is given back ------------------------------------------------------


async def test_an_approval_that_is_sent_back_or_withdrawn_counts_no_more(world: World) -> None:
    await Shop.filter(id=world.shop.id).update(finance_threshold=0)
    refund = await in_review(world)
    await step(world.agent, "refundApproveFirst", refund)
    assert await spent(world) == [("APPROVAL", 8900)]
    await step(world.finance, "refundApproveFinance", refund, verdict="SEND_BACK")
    assert await spent(world) == []
    await approve(world.agent, refund)
    assert await spent(world) == [("APPROVAL", 8900)]
    await step(world.customer, "refundCancel", refund)
    assert await spent(world) == []
    kept = await DiscretionEntry.filter(shop_id=world.shop.id).count()
    assert kept == 2


async def test_of_the_offers_that_were_made_only_the_one_taken_counts(world: World) -> None:
    refund = await in_review(world)
    await propose(world.agent, refund, RETURN, KEEP, COUPON)
    assert await spent(world) == [("APPROVAL", 8900), ("COMPENSATION", 10_000)]
    await accept(world.customer, await seen(world, refund), "KEEP_AND_COMPENSATE")
    assert await spent(world) == [("COMPENSATION", 2000)]


async def test_offers_beyond_the_budget_are_not_sent(world: World) -> None:
    await budget(world, "COMPENSATION", perCase=1999)
    refund = await in_review(world)
    over = await propose(world.agent, refund, RETURN, KEEP)
    assert (over["__typename"], over["remaining"]["amount"]) == ("OverBudget", 1999)
    assert (await seen(world, refund))["offerLadders"] == []
    [task] = await tasks(world)
    assert (await answer(world.owner, "discretionApprove", task))["status"] == "NEGOTIATING"
    [made] = (await seen(world, refund))["offerLadders"]
    assert (made["message"], len(made["offers"])) == ("Take your pick", 2)


async def test_a_counter_takes_the_budget_of_who_agrees(world: World) -> None:
    await budget(world, perCase=2500)
    refund = await in_review(world)
    await propose(world.agent, refund, KEEP)
    await step(world.customer, "offerCounter", refund, amount=3000)
    over = await step(world.agent, "offerAcceptCounter", refund)
    assert over["__typename"] == "OverBudget"
    assert await status(world, refund) == "REVIEW"
    [task] = await tasks(world)
    await answer(world.owner, "discretionApprove", task)
    paid = await world.reaches(refund, "REFUNDED")
    assert paid["amount"]["amount"] == 3000


async def test_a_compensation_takes_the_budget_until_it_is_worthless(world: World) -> None:
    await budget(world, "COMPENSATION", perCase=1500)
    refund = await in_review(world)
    give = {"refundId": refund["id"], "purpose": "COMPENSATION", "amount": 1501}
    assert (await mutate(world.agent, "couponIssue", give))["__typename"] == "OverBudget"
    assert not await Coupon.filter(refund_id=row_id(refund)).exists()
    assert (await mutate(world.agent, "couponIssue", {**give, "amount": 1500}))[
        "__typename"
    ] == "Coupon"
    assert await spent(world) == [("COMPENSATION", 1500)]
    [coupon] = await Coupon.filter(refund_id=row_id(refund))
    await step(world.agent, "refundReject", refund, reason="no")
    assert await spent(world) == [("COMPENSATION", 1500)]
    await mutate(world.agent, "couponRevoke", {"id": ids.encode("Coupon", coupon.id)})
    assert await spent(world) == []


# --- a colleague answers ----------------------------------------------------------------------


async def beyond(world: World) -> tuple[Answer, Answer]:
    """A refund whose approval was beyond the agent's budget, and the task."""
    await budget(world, perCase=8000)
    refund = await in_review(world)
    await approve(world.agent, refund)
    [task] = await tasks(world)
    return refund, task


async def test_a_colleague_with_more_does_it_in_their_own_name(world: World) -> None:
    refund, task = await beyond(world)
    assert (await answer(world.owner, "discretionApprove", task))["status"] == "AWAITING_RETURN"
    [made] = await Decision.filter(refund_id=row_id(refund), step="APPROVE_RETURN")
    owner = await Staff.get(shop_id=world.shop.id, role=Role.OWNER)
    assert made.actor == f"STAFF:{owner.id}"
    [entry] = await DiscretionEntry.filter(shop_id=world.shop.id)
    assert (entry.staff_id, entry.amount) == (owner.id, 8900)
    assert await tasks(world) == []
    late = await answer(world.owner, "discretionApprove", task)
    assert (late["__typename"], late["path"]) == ("InvalidInput", ["input", "taskId"])


async def test_nobody_answers_a_task_of_their_own(world: World) -> None:
    refund, task = await beyond(world)
    for name in ("discretionApprove", "discretionRefuse"):
        refused = await answer(world.agent, name, task)
        assert (refused["__typename"], refused["reason"]) == ("NotAllowed", "OWN_PROPOSAL")
    assert await status(world, refund) == "REVIEW"


async def test_a_colleague_without_more_leaves_the_task_open(world: World) -> None:
    refund, task = await beyond(world)
    refused = await answer(await colleague(world), "discretionApprove", task)
    assert refused["__typename"] == "OverBudget"
    assert [open_one["id"] for open_one in await tasks(world)] == [task["id"]]
    assert await status(world, refund) == "REVIEW"


async def test_a_task_that_is_refused_changes_nothing(world: World) -> None:
    refund, task = await beyond(world)
    refused = await answer(world.owner, "discretionRefuse", task, answer="too much")
    assert (refused["status"], refused["answer"]) == ("REFUSED", "too much")
    assert await status(world, refund) == "REVIEW"
    assert (await spent(world), await tasks(world)) == ([], [])
    told = [entry["type"] for entry in (await world.owner.refund(refund["id"]))["timeline"]]
    assert told[-2:] == ["DISCRETION_REQUESTED", "DISCRETION_REFUSED"]
    seen_by_customer = (await world.customer.refund(refund["id"]))["timeline"]
    assert not [entry for entry in seen_by_customer if "DISCRETION" in entry["type"]]


async def test_a_task_ends_with_the_review_it_was_about(world: World) -> None:
    refund, task = await beyond(world)
    await step(world.agent, "refundReject", refund, reason="no")
    assert await tasks(world) == []
    late = await answer(world.owner, "discretionApprove", task)
    assert (late["__typename"], late["found"]) == ("InvalidInput", "OBSOLETE")
    assert await status(world, refund) == "REJECTED"


async def test_two_colleagues_at_once_do_it_once(world: World) -> None:
    refund, task = await beyond(world)
    other = await colleague(world, Role.OWNER)
    answers = await asyncio.gather(
        answer(world.owner, "discretionApprove", task), answer(other, "discretionApprove", task)
    )
    assert sorted(made["__typename"] for made in answers) == ["InvalidInput", "Refund"]
    assert await spent(world) == [("APPROVAL", 8900)]
    assert await DiscretionTask.filter(refund_id=row_id(refund), status="APPROVED").count() == 1


async def test_who_asked_does_not_release_the_money(world: World) -> None:
    await Shop.filter(id=world.shop.id).update(finance_threshold=0)
    asker = await colleague(world, Role.OWNER)
    person = await Staff.filter(shop_id=world.shop.id, role=Role.OWNER).order_by("-id").first()
    assert person is not None
    own = {"purpose": "APPROVAL", "staffId": ids.encode("Staff", person.id), "perCase": 1}
    await mutate(world.owner, "budgetSet", own)
    refund = await in_review(world)
    await step(asker, "refundApproveFirst", refund)
    [task] = await tasks(world)
    await answer(world.agent, "discretionApprove", task)
    await world.reaches(refund, "FINANCE_REVIEW")
    refused = await step(asker, "refundApproveFinance", refund)
    assert (refused["__typename"], refused["reason"]) == ("NotAllowed", "OWN_PROPOSAL")
    assert (await step(world.finance, "refundApproveFinance", refund))["status"] == "APPROVED"


# --- who sees what ----------------------------------------------------------------------------


async def test_owners_read_the_ledger_and_everybody_their_own_budget(world: World) -> None:
    await budget(world, perCase=9000, perDay=20_000)
    refund = await in_review(world)
    await approve(world.agent, refund)
    person = await Staff.get(shop_id=world.shop.id, role=Role.AGENT)
    ledger = """query L($staff: ID) { discretionLedger(filter: {staffId: $staff}) { edges { node {
        purpose amount { amount } reversedAt staff { name } refund { number } } } } }"""
    found = await world.owner(ledger, staff=ids.encode("Staff", person.id))
    assert found["discretionLedger"]["edges"] == [
        {
            "node": {
                "purpose": "APPROVAL",
                "amount": {"amount": 8900},
                "reversedAt": None,
                "staff": {"name": "Agent"},
                "refund": {"number": refund["number"]},
            }
        }
    ]
    [error] = await world.agent.errors(ledger, staff=None)
    assert error["extensions"]["code"] == "FORBIDDEN"
    own = """query B($id: ID!) { node(id: $id) { ... on Staff { budgets { purpose
        perCase { amount } perDay { amount } perMonth { amount }
        usedToday { amount } usedThisMonth { amount } } } } }"""
    shown = (await world.agent(own, id=ids.encode("Staff", person.id)))["node"]["budgets"]
    assert shown[0] == {
        "purpose": "APPROVAL",
        "perCase": {"amount": 9000},
        "perDay": {"amount": 20_000},
        "perMonth": None,
        "usedToday": {"amount": 8900},
        "usedThisMonth": {"amount": 8900},
    }
    nosy = await colleague(world)
    assert (await nosy(own, id=ids.encode("Staff", person.id)))["node"]["budgets"] == []


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({}, "staffId"),
        ({"role": "CUSTOMER"}, "role"),
        ({"role": "AGENT", "perDay": -1}, "perDay"),
    ],
)
async def test_a_budget_that_cannot_be_is_refused(world: World, content: Answer, path: str) -> None:
    refused = await mutate(world.owner, "budgetSet", {"purpose": "APPROVAL", **content})
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["input", path])


async def test_a_colleague_of_another_shop_gets_no_budget(world: World) -> None:
    stranger = ids.encode("Staff", UUID(int=7))
    refused = await mutate(world.owner, "budgetSet", {"purpose": "APPROVAL", "staffId": stranger})
    assert (refused["__typename"], refused["objectType"]) == ("NotFound", "Staff")
