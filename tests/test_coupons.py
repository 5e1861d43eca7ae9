"""A coupon is wanted once, issued once, and never before its refund is decided; whatever the CRM
system does, the refund goes its way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from support.api import Api, key
from support.loyalty import (
    HOLD,
    Counter,
    attended,
    by_hand,
    coupons,
    credit,
    gift,
    paid_and_cared_for,
    read_all_rules,
    row_id,
    rule,
    set_up,
)
from support.refusals import mutate
from support.world import World, make_world, shipped

from refund_gql import clock, database, ids
from refund_gql.app import Engine
from refund_gql.choices import CouponPurpose, CouponStatus
from refund_gql.flow import aftercare, issuing
from refund_gql.flow.errands import PATIENCE, Crms
from refund_gql.models import Coupon, Event
from refund_gql.providers import Coupon as Issued
from refund_gql.providers import CouponRequest, Refused, Retryable
from refund_gql.settings import Settings
from refund_gql.testing.fakes import FakeCrm
from refund_gql.testing.faults import Fault


@pytest_asyncio.fixture(loop_scope="session")
async def counter(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Counter]:
    async with attended(world, engine, monkeypatch) as made:
        yield made


async def wanted(world: World, *actions: dict[str, Any]) -> tuple[dict[str, Any], Coupon]:
    """A refund that is paid, and the one coupon that a rule gives for it."""
    await read_all_rules(world)
    await rule(world, *(actions or (gift(),)))
    refund = await world.refund(world.customer, await world.order())
    refund = await paid_and_cared_for(world, refund)
    [coupon] = await coupons(refund)
    return refund, coupon


async def again(coupon: Coupon) -> Coupon:
    await coupon.refresh_from_db()
    return coupon


def standing(coupon: Coupon) -> tuple[str, int, str | None]:
    return coupon.status.value, coupon.tries, coupon.problem


# --- once -------------------------------------------------------------------------------------


async def test_a_gift_is_issued_as_it_was_asked_for(world: World, counter: Counter) -> None:
    refund, coupon = await wanted(world, gift(1500, least_order_amount=9900, valid_days=14))
    await counter.work()
    await again(coupon)
    assert standing(coupon) == ("ISSUED", 1, None)
    assert (coupon.code, coupon.crm, coupon.request) == ("FAKE000001", "sandbox-crm", {})
    [(request, issued)] = counter.register._coupons.values()
    assert (request.number, request.amount, request.currency) == (coupon.number, 1500, "CNY")
    assert (request.least_order_amount, request.valid_until) == (9900, coupon.valid_until)
    assert request.customer.reference == "C-1"
    assert issued.code == coupon.code
    event = await Event.filter(refund_id=row_id(refund), type="COUPON_ISSUED").get()
    assert event.payload == {
        "coupon": str(coupon.id),
        "purpose": "GIFT",
        "amount": 1500,
        "currency": "CNY",
    }


async def test_many_jobs_at_once_issue_it_once(world: World, counter: Counter) -> None:
    refund, coupon = await wanted(world)
    await asyncio.gather(*(counter.serve("coupon", coupon.id) for _ in range(6)))
    assert (await again(coupon)).status is CouponStatus.ISSUED
    assert list(counter.register.issued()) == [coupon.number]
    assert await Event.filter(refund_id=row_id(refund), type="COUPON_ISSUED").count() == 1


async def test_each_rule_gives_its_own_and_the_order_one_compensation(
    world: World, counter: Counter
) -> None:
    await read_all_rules(world)
    await rule(world, gift(1000), credit(500))
    await rule(world, gift(1000), credit(700))
    refund = await world.refund(world.customer, await world.order())
    refund = await world.reaches(refund, "REFUNDED")
    found = [(coupon.purpose.value, coupon.amount) for coupon in await coupons(refund)]
    assert found == [("COMPENSATION", 500), ("GIFT", 1000), ("GIFT", 1000)]
    gifts = [coupon.rule_id for coupon in await coupons(refund) if coupon.purpose == "GIFT"]
    assert len(set(gifts)) == 2


async def test_two_refunds_of_an_order_at_once_bring_one_compensation(
    world: World, counter: Counter
) -> None:
    await read_all_rules(world)
    await rule(world, credit())
    lines = [
        {"sku": sku, "title": sku, "quantity": 1, "unitPrice": 4000} for sku in ("A", "B", "C")
    ]
    order = await world.order(lines=lines)
    asked = await asyncio.gather(
        *(
            world.refund(world.customer, order, lines=[{"orderLineId": line["id"], "quantity": 1}])
            for line in order["lines"]
        )
    )
    for refund in asked:
        await paid_and_cared_for(world, refund)
    await counter.work()
    assert await Coupon.filter(shop_id=world.shop.id).count() == 1
    assert len(counter.register.issued()) == 1


# --- when the CRM system misbehaves -----------------------------------------------------------


async def test_without_a_crm_system_it_waits_visibly_and_the_refund_does_not(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Counter(Crms.of(engine.providers))
    async with by_hand(monkeypatch, bare):
        refund, coupon = await wanted(world)
        await bare.work()
        assert standing(await again(coupon)) == ("WANTED", 0, "NO_CRM")
        assert len(bare.jobs) == 1
        assert refund["status"] == "REFUNDED"
        await set_up(world)
        bare.open(monkeypatch, engine)
        await bare.work()
    assert standing(await again(coupon)) == ("ISSUED", 1, None)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.TIMEOUT_BEFORE])
async def test_after_an_unknown_outcome_the_same_number_is_asked_again(
    world: World, counter: Counter, fault: Fault
) -> None:
    _, coupon = await wanted(world)
    with counter.register.struck(fault):
        await counter.work()
    assert standing(await again(coupon)) == ("ISSUING", 1, "OUTCOME_UNKNOWN")
    await counter.work()
    assert standing(await again(coupon)) == ("ISSUED", 2, None)
    assert list(counter.register.issued()) == [coupon.number]


class Says(FakeCrm):
    """Answers what a test wants; None: what a sound one would."""

    answer: Any = None

    async def issue_coupon(self, request: CouponRequest) -> Issued:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer  # type: ignore[no-any-return] # nonsense on purpose
        return await super().issue_coupon(request)


@pytest.mark.parametrize(
    ("answer", "expected", "jobs"),
    [
        (Refused("no more", code="BUDGET_SPENT"), ("FAILED", 1, "BUDGET_SPENT"), 0),
        (Retryable("busy"), ("WANTED", 1, "RETRYABLE"), 1),
        ("a coupon", ("ISSUING", 1, "NONSENSE"), 1),
        (Issued(number="another", code="X"), ("ISSUING", 1, "NONSENSE"), 1),
        (ValueError("broken"), ("ISSUING", 1, "ValueError"), 1),
    ],
    ids=["refused", "busy", "no coupon", "another number", "broken"],
)
async def test_what_goes_wrong_is_shown_and_can_be_tried_again(
    world: World,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    counter: Counter,
    answer: Any,
    expected: tuple[str, int, str],
    jobs: int,
) -> None:
    counter.crm = says = Says(account=counter.register)
    counter.open(monkeypatch, engine)
    _, coupon = await wanted(world)
    says.answer = answer
    await counter.work()
    assert standing(await again(coupon)) == expected
    assert len(counter.jobs) == jobs
    says.answer, counter.jobs = None, {}
    result = await mutate(world.agent, "couponRetry", coupon_id(coupon))
    assert "code" not in result, result
    await counter.work()
    assert standing(await again(coupon)) == ("ISSUED", 2, None)


async def test_it_is_given_up_after_days(world: World, counter: Counter) -> None:
    _, coupon = await wanted(world)
    await Coupon.filter(id=coupon.id).update(wanted_at=clock.now() - PATIENCE)
    with counter.register.struck(Fault.CONNECTION_REFUSED):
        await counter.work()
    assert standing(await again(coupon)) == ("FAILED", 1, "RETRYABLE")
    assert counter.jobs == {}


async def test_no_transaction_is_open_during_the_call(
    world: World,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    counter: Counter,
    database_url: str,
) -> None:
    watcher = await asyncpg.connect(database_url)
    status = await watcher.prepare("select status from coupon where number = $1 for update nowait")
    seen: list[str] = []

    class Watched(FakeCrm):
        async def issue_coupon(self, request: CouponRequest) -> Issued:
            seen.append(await status.fetchval(request.number))
            return await super().issue_coupon(request)

    counter.crm = Watched(account=counter.register)
    counter.open(monkeypatch, engine)
    try:
        await wanted(world)
        await counter.work()
    finally:
        await watcher.close()
    assert seen == ["ISSUING"]


# --- the refund decides -----------------------------------------------------------------------


async def held(world: World) -> tuple[dict[str, Any], Coupon]:
    """A refund that waits for a person, and the coupon that waits for the decision."""
    await rule(world, HOLD, gift(), condition="refund.amount == 8901")
    document = "mutation M($order: [ID!]!) { ruleReorder(order: $order) { __typename } }"
    listed = (await world.owner("{ rules { id position } }"))["rules"]
    await world.owner(document, order=[each["id"] for each in reversed(listed)])
    lines = [{"sku": "THERMOS", "title": "保温杯", "quantity": 1, "unitPrice": 8901}]
    refund = await world.refund(world.customer, await world.order(lines=lines))
    refund = await world.reaches(refund, "REVIEW")
    [coupon] = await coupons(refund)
    return refund, coupon


async def test_nobody_gets_a_coupon_for_asking(world: World, counter: Counter) -> None:
    refund, coupon = await held(world)
    assert counter.jobs == {}
    await counter.serve("coupon", coupon.id)
    assert standing(await again(coupon)) == ("WANTED", 0, None)
    assert counter.jobs == {}
    assert (await world.customer.mutate("refundCancel", step(refund)))["status"] == "CANCELLED"
    assert standing(await again(coupon)) == ("WITHDRAWN", 0, None)
    await counter.serve("coupon", coupon.id)
    assert list(counter.register.issued()) == []


async def test_a_refused_refund_brings_none(world: World, counter: Counter) -> None:
    refund, coupon = await held(world)
    await world.agent.mutate("refundReject", {**step(refund), "reason": "worn"})
    assert standing(await again(coupon)) == ("WITHDRAWN", 0, None)
    await counter.serve("coupon", coupon.id)
    assert list(counter.register.issued()) == []


async def test_what_waited_is_issued_when_the_money_is_back(world: World, counter: Counter) -> None:
    refund, coupon = await held(world)
    await world.agent.mutate("refundApprove", {**step(refund), "kind": "REFUND_ONLY"})
    await paid_and_cared_for(world, refund)
    await aftercare.after_refund(row_id(refund))
    await counter.work()
    assert standing(await again(coupon)) == ("ISSUED", 1, None)


async def test_a_call_in_doubt_is_not_withdrawn(world: World, counter: Counter) -> None:
    """The customer may have it already, so it is asked for to the end."""
    refund, coupon = await held(world)
    await Coupon.filter(id=coupon.id).update(status="ISSUING", crm="sandbox-crm", tries=1)
    await world.customer.mutate("refundCancel", step(refund))
    await counter.serve("coupon", coupon.id)
    assert (await again(coupon)).status is CouponStatus.ISSUED


async def test_a_compensation_withdrawn_leaves_room_for_another(
    world: World, counter: Counter
) -> None:
    await read_all_rules(world)
    await rule(world, credit(500))
    order = await world.order(shipments=shipped())
    first = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    await world.customer.mutate("refundCancel", step(first))
    second = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    assert [c.status.value for c in await coupons(first)] == ["WITHDRAWN"]
    assert [c.status.value for c in await coupons(second)] == ["WANTED"]


async def test_a_payment_reversed_later_takes_no_coupon_back(
    world: World, counter: Counter
) -> None:
    await read_all_rules(world)
    await rule(world, gift())
    order = await world.order(metadata={"sandbox": "REVERSE_LATER*"})
    refund = await paid_and_cared_for(world, await world.refund(world.customer, order))
    await counter.work()
    await world.reaches(refund, "PAYMENT_STUCK")
    [coupon] = await coupons(refund)
    assert coupon.status is CouponStatus.ISSUED


# --- staff ------------------------------------------------------------------------------------


def step(refund: dict[str, Any]) -> dict[str, Any]:
    return {"refundId": refund["id"], "idempotencyKey": key()}


def coupon_id(coupon: Coupon) -> dict[str, Any]:
    return {"id": ids.encode("Coupon", coupon.id)}


@pytest_asyncio.fixture(loop_scope="session")
async def refund(world: World, counter: Counter) -> dict[str, Any]:
    """One that waits for a person."""
    order = await world.order(shipments=shipped())
    return await world.reaches(await world.refund(world.customer, order), "REVIEW")


async def test_staff_give_one_at_once_and_once(
    world: World, counter: Counter, refund: dict[str, Any]
) -> None:
    given = {**step(refund), "amount": 10_000, "leastOrderAmount": 0, "validDays": None}
    results = await asyncio.gather(
        *(mutate(world.agent, "couponIssue", given, "... on Coupon { id }") for _ in range(4))
    )
    assert len({result["id"] for result in results}) == 1, results
    await counter.work()
    [coupon] = await coupons(refund)
    assert standing(coupon) == ("ISSUED", 1, None)
    assert (coupon.valid_until, coupon.wanted_by_name) == (None, "Agent")
    conflict = await mutate(world.agent, "couponIssue", {**given, "amount": 9_999})
    assert conflict["code"] == "IDEMPOTENCY_CONFLICT"


async def test_an_agent_gives_what_needs_no_finance_and_the_owner_any(
    world: World, counter: Counter, refund: dict[str, Any]
) -> None:
    too_much = {**step(refund), "amount": 10_001}
    answer = await mutate(world.agent, "couponIssue", too_much)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "amount"])
    assert answer["found"] == "100.01 CNY"
    assert await coupons(refund) == []
    assert "code" not in await mutate(world.owner, "couponIssue", too_much)
    [coupon] = await coupons(refund)
    assert coupon.amount == 10_001


async def test_one_compensation_per_order_for_staff_too(
    world: World, counter: Counter, refund: dict[str, Any]
) -> None:
    content = {"refundId": refund["id"], "amount": 100, "purpose": "COMPENSATION"}
    assert "code" not in await mutate(world.agent, "couponIssue", content)
    answer = await mutate(world.agent, "couponIssue", content)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "purpose"])
    assert [coupon.purpose for coupon in await coupons(refund)] == [CouponPurpose.COMPENSATION]


async def test_a_coupon_is_revoked_once_the_crm_system_says_so(
    world: World, counter: Counter
) -> None:
    refund, coupon = await wanted(world)
    await counter.work()
    with counter.register.struck(Fault.TIMEOUT_AFTER):
        assert "code" not in await mutate(world.agent, "couponRevoke", coupon_id(coupon))
        await counter.work()
    assert standing(await again(coupon)) == ("REVOKING", 2, "OUTCOME_UNKNOWN")
    await counter.work()
    assert standing(await again(coupon)) == ("REVOKED", 3, None)
    assert list(counter.register.revoked()) == [coupon.number]
    assert await Event.filter(refund_id=row_id(refund), type="COUPON_REVOKED").count() == 1
    refused = await mutate(world.agent, "couponRevoke", coupon_id(coupon))
    assert (refused["code"], refused["found"]) == ("INVALID_INPUT", "REVOKED")


async def test_a_coupon_that_was_used_stays(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, counter: Counter
) -> None:
    class Used(FakeCrm):
        async def revoke_coupon(self, number: str) -> bool:
            return False

    counter.crm = Used(account=counter.register)
    counter.open(monkeypatch, engine)
    _, coupon = await wanted(world)
    await counter.work()
    await mutate(world.agent, "couponRevoke", coupon_id(coupon))
    await counter.work()
    assert standing(await again(coupon)) == ("ISSUED", 2, "ALREADY_USED")


async def test_one_that_nobody_has_heard_of_is_withdrawn_at_once(
    world: World, counter: Counter
) -> None:
    _, coupon = await wanted(world)
    await mutate(world.agent, "couponRevoke", coupon_id(coupon))
    assert standing(await again(coupon)) == ("WITHDRAWN", 0, None)
    await counter.work()
    assert list(counter.register.issued()) == []


# --- who sees it ------------------------------------------------------------------------------


async def test_a_customer_sees_the_codes_of_her_own_coupons(world: World, counter: Counter) -> None:
    refund, coupon = await wanted(world)
    document = "query R($id: ID!) { refund(id: $id) { coupons { couponCode status } } }"
    waiting = await world.customer(document, id=refund["id"])
    assert waiting["refund"]["coupons"] == [], "what is only wanted is no promise"
    await counter.work()
    seen = await world.customer(document, id=refund["id"])
    assert seen["refund"]["coupons"] == [{"couponCode": "FAKE000001", "status": "ISSUED"}]
    listed = await world.agent(
        "query C($filter: CouponFilter) { coupons(filter: $filter) { totalCount edges { node {"
        " number customer { reference coupons { number } } redeemedOrder { number } } } } }",
        filter={"status": ["ISSUED"]},
    )
    assert listed["coupons"] == {
        "totalCount": 1,
        "edges": [
            {
                "node": {
                    "number": coupon.number,
                    "customer": {"reference": "C-1", "coupons": [{"number": coupon.number}]},
                    "redeemedOrder": None,
                }
            }
        ],
    }


async def test_another_shop_finds_no_coupon(
    world: World, counter: Counter, api: Api, settings: Settings
) -> None:
    _, coupon = await wanted(world)
    other = await make_world(api, settings)
    for mutation in ("couponRetry", "couponRevoke"):
        answer = await mutate(other.owner, mutation, coupon_id(coupon))
        assert (answer["code"], answer["objectType"]) == ("NOT_FOUND", "Coupon")
    listed = await other.owner("{ coupons { totalCount } }")
    assert listed["coupons"]["totalCount"] == 0
    assert standing(await again(coupon)) == ("WANTED", 0, None)


# --- nothing is lost --------------------------------------------------------------------------


async def missing(coupon: Coupon) -> list[UUID]:
    found = await database.fetch(issuing.MISSING)
    return [row["subject"] for row in found if row["subject"] == coupon.id]


async def test_the_sweep_finds_what_must_have_a_job(world: World, counter: Counter) -> None:
    _, waiting = await held(world)
    assert await missing(waiting) == []
    _, coupon = await wanted(world)
    assert await missing(coupon) == [coupon.id]
    await counter.work()
    assert await missing(coupon) == []
    await mutate(world.agent, "couponRevoke", coupon_id(coupon))
    assert await missing(coupon) == [coupon.id]


async def test_what_came_to_wait_for_the_refund_leaves_no_problem_behind(
    world: World, counter: Counter
) -> None:
    """It could not be issued while the goods came back, and now the payment goes on."""
    _, coupon = await held(world)
    await Coupon.filter(id=coupon.id).update(problem="RETRYABLE", tries=1)
    assert await missing(coupon) == [coupon.id]
    await counter.serve("coupon", coupon.id)
    assert standing(await again(coupon)) == ("WANTED", 1, None)
    assert await missing(coupon) == []


def test_a_coupon_is_good_for_the_whole_of_its_last_day() -> None:
    evening = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)  # already February 1 in Shanghai
    assert issuing.last_moment(evening, 30, "Asia/Shanghai") == datetime(
        2026, 3, 3, 15, 59, 59, tzinfo=UTC
    )
    assert issuing.last_moment(evening, 1, "UTC") - evening == timedelta(hours=24, seconds=1799)
