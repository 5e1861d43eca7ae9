"""`nextSteps` is what really can be done: each action is called, in every status, by every role."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLInputObjectType, get_named_type
from support import documents
from support.api import Api, key
from support.bargain import over
from support.screen import call, filled, labels_of, named, offered
from support.standing import OFFERS, fetched_by, pictured, row_id, stands, wished
from support.world import World, staff_token

from refund_gql import clock, ids
from refund_gql.flow import pickups
from refund_gql.graphql.documents import money_fields
from refund_gql.graphql.next_steps import ACTIONS
from refund_gql.graphql.next_steps.action import Action
from refund_gql.models import Decision, Refund, Shop, Staff
from refund_gql.roles import Role
from refund_gql.states import JOURNEY, RefundStatus, Step

Answer = dict[str, Any]
COURIER = "POST"
"""Whom the shop sends for goods; its parcels to customers go with another."""
ROLES = [role for role in Role if role is not Role.SYSTEM]
BESIDE = {
    "refundRequest": "it makes a refund",
    "couponIssue": "it is a gift, whatever becomes of the refund",
    "couponRetry": "of a coupon",
    "couponRevoke": "of a coupon",
    "restitutionRetry": "of a restitution",
    "customerFlag": "of a customer",
    "customerUnflag": "of a customer",
    "customerAppeal": "of a customer",
    "customerAppealAnswer": "of a customer",
    "ruleBacktest": "of a rule",
}
"""Mutation with an idempotency key -> why it is no step of a refund."""


def test_every_mutation_on_a_refund_is_told() -> None:
    told = {action.mutation for action in ACTIONS}
    assert told | set(BESIDE) == money_fields(documents.core())
    assert not told & set(BESIDE)


def test_every_step_of_people_is_told_once() -> None:
    people = {row.step for row in JOURNEY.transitions if row.roles - {Role.SYSTEM}}
    told = [action.step for action in ACTIONS if action.step]
    assert sorted(told) == sorted(people - {Step.SUBMIT})


@pytest.mark.parametrize("action", ACTIONS, ids=lambda one: one.step or one.mutation)
def test_an_action_speaks_both_languages_and_names_real_inputs(action: Action) -> None:
    for locale in ("zh", "en"):
        assert action.words(locale)
        assert action.consequence[locale].format(amount="1.00 CNY")
    kind = get_named_type(documents.fields("Mutation")[action.mutation].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    assert set(action.fixed) | ({action.reason} - {""}) <= set(kind.fields)


# --- each is called ---------------------------------------------------------------------------


def anyhow(action: Action, refund: Answer, around: Answer) -> Answer:
    """The same, for what is not offered; `around` names what else there is."""
    found = {"refundLineId": refund["lines"][0]["id"], "verdict": "ACCEPTED"}
    sender = {"name": "words", "phone": "words", "country": "CN", "street": "words"}
    return {
        "refundId": refund["id"],
        "payoutId": ids.encode("Payout", UUID(int=1)),
        "claimId": ids.encode("Claim", UUID(int=1)),
        "offerId": ids.encode("Offer", UUID(int=1)),
        "fromId": refund["id"],
        "staffId": None,
        **dict.fromkeys(("reason", "question", "answer", "note", "text", "name"), "words"),
        "courier": COURIER,
        "trackingNumber": "1",
        "sender": sender,
        "lines": None if action.step is Step.AMEND else [found],
        "offers": [{"kind": "FULL_WITH_RETURN"}],
        "amount": 1,
        "size": 1,
        "kind": "REFUND_ONLY",
        "verdict": "GOODS_GONE",
        "priority": "HIGH",
        "foundReasonTagId": None,
        **around,
        **action.fixed,
    }


def never_offered(steps: list[Answer]) -> Iterator[Action]:
    named = {(one["mutation"], one["step"]) for one in steps}
    # Two steps of one mutation that the same input takes: one of them is offered.
    same = {one["mutation"] for one in steps}
    for action in ACTIONS:
        alike = not action.fixed or action.step in (Step.APPROVE_UNSENT, Step.APPROVE_REFUND_ONLY)
        if (action.mutation, action.step) not in named and not (alike and action.mutation in same):
            yield action


@pytest.mark.parametrize("status", RefundStatus)
async def test_what_is_offered_is_done_and_what_is_not_is_refused(
    world: World, status: RefundStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickups, "_schedule", _no_courier)
    await fetched_by(world, COURIER)
    other = await stands(world, RefundStatus.REVIEW)
    refund = await stands(world, status, beside=True)
    around = {**await surrounded(world, refund), "intoId": other["id"]}
    for role in ROLES:
        by = world.as_(role)
        steps = await offered(by, refund)
        refused = [_refused(by, one, anyhow(one, refund, around)) for one in never_offered(steps)]
        await asyncio.gather(*refused)
        for one in filter(_stays, steps):
            await _done(by, one, refund)
        await asyncio.gather(
            *(_done_afresh(world, by, one, status) for one in steps if not _stays(one))
        )


async def _refused(by: Api, action: Action, content: Answer) -> None:
    code = await call(by, action.mutation, content)
    assert code, (by.token, action.mutation, action.step)


async def _done_afresh(world: World, by: Api, one: Answer, status: RefundStatus) -> None:
    refund = await stands(world, status, beside=one["step"] == Step.MERGE)
    if one["mutation"] in _USED_UP:
        await surrounded(world, refund)
    await _done(by, one, refund)


async def _done(by: Api, one: Answer, refund: Answer) -> None:
    [now] = [
        each
        for each in await offered(by, refund)
        if (each["mutation"], each["step"]) == (one["mutation"], one["step"])
    ]
    assert now["blockedBecause"] is None
    assert await call(by, one["mutation"], filled(now["needs"])) == "", one


_USED_UP = {"evidenceRemove", "returnBookPickup", "discretionApprove", "discretionRefuse"}
"""What leaves less for the next role to do, though it is no step."""


def _stays(one: Answer) -> bool:
    return one["step"] is None and one["mutation"] not in _USED_UP


async def surrounded(world: World, refund: Answer) -> Answer:
    """A file, and a task for somebody with more budget: their ids by input."""
    return {"fileId": await pictured(world, refund), "taskId": await wished(world, refund)}


async def _no_courier(*anything: object) -> None:
    """No job: nobody is sent."""


# --- for this viewer --------------------------------------------------------------------------


async def test_who_proposed_does_not_release(world: World) -> None:
    refund = await stands(world, RefundStatus.FINANCE_REVIEW)
    release = named(await offered(world.owner, refund), "APPROVE_FINANCE")
    assert (release["blockedBecause"], release["movesMoney"]) == (None, True)
    assert release["consequence"] == "Money leaves: 20.00 CNY to the original payment."
    owner = await Staff.get(shop_id=world.shop.id, role=Role.OWNER)
    await Decision.create(
        shop_id=world.shop.id,
        refund_id=row_id(refund),
        step=Step.APPROVE_RETURN,
        actor=f"STAFF:{owner.id}",
        decided_at=clock.now(),
    )
    blocked = named(await offered(world.owner, refund), "APPROVE_FINANCE")
    assert blocked["blockedBecause"] == ("Nobody approves their own proposal; ask a colleague")
    assert await call(world.owner, "refundApproveFinance", filled(blocked["needs"])) == (
        "NOT_ALLOWED"
    )
    assert named(await offered(world.owner, refund), "SEND_BACK")["blockedBecause"] is None


async def test_who_refused_does_not_review_the_dispute(world: World) -> None:
    refund = await stands(world, RefundStatus.REVIEW)
    content = {"refundId": refund["id"], "reason": "no", "idempotencyKey": key()}
    await world.agent.mutate("refundReject", content)
    assert (
        await call(world.customer, "refundDispute", {"refundId": refund["id"], "note": "x"}) == ""
    )
    steps = await offered(world.agent, refund)
    blocked = {one["step"] for one in steps if one["blockedBecause"]}
    assert blocked == {"APPROVE_REFUND_ONLY", "APPROVE_RETURN", "APPROVE_FIRST", "REJECT"}
    other = world.api.with_token(await staff_token(world.shop.id, world.settings, Role.AGENT))
    assert not [one for one in await offered(other, refund) if one["blockedBecause"]]


async def test_a_refusal_is_disputable_as_long_as_it_is(world: World) -> None:
    refund = await stands(world, RefundStatus.REJECTED)
    assert [one["mutation"] for one in await offered(world.customer, refund)] == ["refundDispute"]
    long_ago = clock.now() - timedelta(days=20)
    await Refund.filter(id=row_id(refund)).update(finished_at=long_ago)
    assert await offered(world.customer, refund) == []


async def test_the_inputs_are_the_schemas_with_what_the_refund_knows(world: World) -> None:
    refund = await stands(world, RefundStatus.INSPECTION)
    step = named(await offered(world.warehouse, refund), "PASS_INSPECTION")
    assert (step["mutation"], step["reasonRequired"]) == ("returnInspect", False)
    needs = {need["name"]: need for need in step["needs"]}
    kind = documents.core().type_map["ReturnInspectInput"]
    assert isinstance(kind, GraphQLInputObjectType)
    assert set(needs) == set(kind.fields) - {"idempotencyKey"}
    assert needs["refundId"]["choices"] == [{"value": refund["id"], "label": refund["number"]}]
    inside = {need["name"]: need for need in needs["lines"]["fields"]}
    assert inside["refundLineId"]["required"] is True
    assert [one["value"] for one in inside["refundLineId"]["choices"]] == [
        line["id"] for line in refund["lines"]
    ]
    assert {"value": "WRONG_ITEM", "label": "another item in its place"} in inside["verdict"][
        "choices"
    ]


async def test_a_stuck_payment_is_tried_again_by_name(world: World) -> None:
    order = await world.order(metadata={"sandbox": "REFUSE,OK*"})
    stuck = await world.reaches(await world.refund(world.customer, order), "PAYMENT_STUCK")
    retry = named(await offered(world.finance, stuck), "RETRY_PAYMENT")
    [choice] = retry["needs"][0]["choices"]
    assert choice["value"] == stuck["payouts"][0]["id"]
    assert await call(world.finance, retry["mutation"], filled(retry["needs"])) == ""
    await world.reaches(stuck, "REFUNDED")


async def test_a_claim_is_opened_then_closed(world: World) -> None:
    refund = await stands(world, RefundStatus.REVIEW)
    content = {"refundId": refund["id"], "idempotencyKey": key()}
    await world.agent.mutate("refundApproveFirst", content)
    paid = await world.finance.mutate("refundApproveFinance", {**content, "idempotencyKey": key()})
    await world.reaches(paid, "REFUNDED")
    for mutation, then in (
        ("claimOpen", {"claimSettle", "claimWriteOff"}),
        ("claimSettle", {"claimOpen"}),
    ):
        [one] = [one for one in await offered(world.owner, refund) if one["mutation"] == mutation]
        assert await call(world.owner, mutation, filled(one["needs"])) == ""
        now = {one["mutation"] for one in await offered(world.owner, refund)}
        assert {name for name in now if name.startswith("claim")} == then


# --- between two ------------------------------------------------------------------------------


async def test_each_offer_is_taken_by_name(world: World) -> None:
    refund = await stands(world, RefundStatus.NEGOTIATING)
    steps = await offered(world.customer, refund)
    taken = {one["step"]: one for one in steps if one["mutation"] == "offerAccept"}
    assert {step: labels_of(one, "offerId") for step, one in taken.items()} == {
        "ACCEPT_RETURN_OFFER": ["退货全额退款: 20.00 CNY"],
        "ACCEPT_MONEY_OFFER": ["部分退款: 5.00 CNY"],
        "ACCEPT_COUPON_OFFER": ["换取优惠券: 100.00 CNY"],
    }
    assert {step for step, one in taken.items() if one["movesMoney"]} == {"ACCEPT_MONEY_OFFER"}
    content = filled(taken["ACCEPT_MONEY_OFFER"]["needs"])
    assert await call(world.customer, "offerAccept", content) == ""
    paid = await world.reaches(refund, "REFUNDED")
    assert paid["amount"] == {"amount": 500, "currency": "CNY"}


async def test_offers_that_are_over_are_not_taken(world: World) -> None:
    refund = await stands(world, RefundStatus.NEGOTIATING)
    await over(refund)
    steps = await offered(world.customer, refund)
    assert [one["step"] for one in steps if one["step"]] == [
        "DECLINE_OFFERS",
        "COUNTER_OFFERS",
        "CANCEL",
    ]


async def test_an_amount_of_the_customers_is_proposed_once_and_accepted(world: World) -> None:
    refund = await stands(world, RefundStatus.NEGOTIATING)
    counter = {"refundId": refund["id"], "amount": 700}
    assert await call(world.customer, "offerCounter", counter) == ""
    accept = named(await offered(world.agent, refund), "ACCEPT_COUNTER")
    assert (accept["mutation"], accept["movesMoney"]) == ("offerAcceptCounter", True)
    offers = {"refundId": refund["id"], "offers": OFFERS}
    assert await call(world.agent, "offerPropose", offers) == ""
    assert "COUNTER_OFFERS" not in [one["step"] for one in await offered(world.customer, refund)]
    assert await call(world.customer, "offerCounter", counter) == "INVALID_INPUT"
    assert await call(world.agent, "offerWithdraw", counter) == ""
    again = [one["step"] for one in await offered(world.agent, refund)]
    assert "ACCEPT_COUNTER" not in again
    assert await call(world.agent, "offerAcceptCounter", counter) == "OFFER_CLOSED"


async def test_what_the_customer_proposed_is_paid_when_it_is_accepted(world: World) -> None:
    refund = await stands(world, RefundStatus.NEGOTIATING)
    await call(world.customer, "offerCounter", {"refundId": refund["id"], "amount": 700})
    accept = named(await offered(world.agent, refund), "ACCEPT_COUNTER")
    assert await call(world.agent, accept["mutation"], filled(accept["needs"])) == ""
    paid = await world.reaches(refund, "REFUNDED")
    assert paid["amount"] == {"amount": 700, "currency": "CNY"}


async def test_a_reduction_is_offered_where_the_shop_asks_first(world: World) -> None:
    refund = await stands(world, RefundStatus.INSPECTION)
    assert "OFFER_REDUCTION" not in [one["step"] for one in await offered(world.owner, refund)]
    await Shop.filter(id=world.shop.id).update(reduction_offer_threshold=500)
    step = named(await offered(world.warehouse, refund), "OFFER_REDUCTION")
    line = {"refundLineId": refund["lines"][0]["id"], "verdict": "REDUCED", "amount": 1400}
    content = {"refundId": refund["id"], "lines": [line]}
    assert await call(world.warehouse, step["mutation"], content) == ""
    assert (await world.owner.refund(refund["id"]))["status"] == "NEGOTIATING"


# --- between requests and colleagues ------------------------------------------------------------


async def test_a_request_becomes_part_of_the_other_on_its_order(world: World) -> None:
    alone = await stands(world, RefundStatus.REVIEW)
    assert "MERGE" not in [one["step"] for one in await offered(world.agent, alone)]
    refund = await stands(world, RefundStatus.REVIEW, beside=True)
    merge = named(await offered(world.agent, refund), "MERGE")
    content = filled(merge["needs"])
    assert content["fromId"] == refund["id"]
    assert await call(world.agent, merge["mutation"], content) == ""
    into = await world.owner.refund(content["intoId"])
    assert into["amount"] == {"amount": 3000, "currency": "CNY"}
    assert (await world.owner.refund(refund["id"]))["status"] == "CANCELLED"


async def test_a_request_is_changed_until_a_colleague_has_dealt_with_it(world: World) -> None:
    refund = await stands(world, RefundStatus.REVIEW)
    change = {"refundId": refund["id"], "note": "words"}
    assert named(await offered(world.customer, refund), "AMEND")["mutation"] == "refundAmend"
    note = {"refundId": refund["id"], "text": "words"}
    assert await call(world.agent, "refundNote", note) == ""
    assert named(await offered(world.customer, refund), "AMEND")["blockedBecause"] is None
    question = {"refundId": refund["id"], "question": "words"}
    assert await call(world.agent, "refundRequestEvidence", question) == ""
    assert "AMEND" not in [one["step"] for one in await offered(world.customer, refund)]
    assert await call(world.customer, "refundAmend", change) == "NOT_AMENDABLE"


async def test_a_case_is_given_to_who_may_decide_about_it(world: World) -> None:
    refund = await stands(world, RefundStatus.FINANCE_REVIEW)
    owner = await Staff.get(shop_id=world.shop.id, role=Role.OWNER)
    steps = {one["mutation"]: one for one in await offered(world.owner, refund)}
    assert labels_of(steps["refundAssign"], "staffId") == ["Finance", "Owner"]
    assert steps["refundTake"]["blockedBecause"] is None
    await Decision.create(
        shop_id=world.shop.id,
        refund_id=row_id(refund),
        step=Step.PROPOSE_OFFERS,
        actor=f"STAFF:{owner.id}",
        decided_at=clock.now(),
    )
    steps = {one["mutation"]: one for one in await offered(world.owner, refund)}
    assert labels_of(steps["refundAssign"], "staffId") == ["Finance"]
    assert steps["refundTake"]["blockedBecause"] == (
        "Nobody approves their own proposal; ask a colleague"
    )
    assert await call(world.owner, "refundTake", filled(steps["refundTake"]["needs"])) == (
        "NOT_ALLOWED"
    )
    content = {**filled(steps["refundAssign"]["needs"]), "staffId": ids.encode("Staff", owner.id)}
    assert await call(world.owner, "refundAssign", content) == "NOT_ALLOWED"


async def test_what_was_beyond_a_budget_is_done_or_refused_by_a_colleague(world: World) -> None:
    refund = await stands(world, RefundStatus.REVIEW)
    task = await wished(world, refund)
    steps = {one["mutation"]: one for one in await offered(world.owner, refund)}
    for mutation in ("discretionApprove", "discretionRefuse"):
        assert filled(steps[mutation]["needs"]) == {"taskId": task}
        assert labels_of(steps[mutation], "taskId") == ["approve the request: 20.00 CNY"]
    own = {one["mutation"] for one in await offered(world.agent, refund)}
    assert not {"discretionApprove", "discretionRefuse"} & own
    assert await call(world.owner, "discretionApprove", {"taskId": task}) == ""
    assert (await world.owner.refund(refund["id"]))["status"] == "AWAITING_RETURN"
    left = {one["mutation"] for one in await offered(world.owner, refund)}
    assert not {"discretionApprove", "discretionRefuse"} & left


async def test_a_file_is_taken_back_by_who_sent_it_or_the_owner(world: World) -> None:
    refund = await stands(world, RefundStatus.REVIEW)
    file = await pictured(world, refund)
    for role in ROLES:
        steps = {one["mutation"]: one for one in await offered(world.as_(role), refund)}
        removable = role in (Role.CUSTOMER, Role.OWNER)
        assert ("evidenceRemove" in steps) is removable, role
        if removable:
            assert filled(steps["evidenceRemove"]["needs"]) == {"fileId": file}
