"""Many callers at once, through the API: one outcome, within the cap, and nobody is misled."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support import oracle
from support.api import Api, key
from support.books import Books
from support.world import World, eventually, make_world, shipped, staff_token

from refund_gql.roles import Role


@pytest.fixture
def books(world: World, database_url: str, data: Path) -> Books:
    return Books(world, database_url, data / "sandbox.sqlite")


async def ask(world: World, input: dict[str, Any]) -> dict[str, Any]:
    return await world.service.request("refundRequest", input)


def capture(amount: int) -> dict[str, Any]:
    never_troubled = {"sandbox": "OK*"}
    return {
        "gateway": "sandbox",
        "reference": key(),
        "amount": amount,
        "metadata": never_troubled,
    }


def kinds(answers: Iterable[dict[str, Any]]) -> Counter[str]:
    return Counter(answer["__typename"] for answer in answers)


# --- requests ---------------------------------------------------------------------------------


async def test_200_parallel_requests_are_accepted_as_far_as_the_money_goes(
    world: World, books: Books
) -> None:
    """200 units for sale, 40 of them paid for: 40 requests fit, whoever comes first."""
    order = await world.order(
        lines=[{"sku": "CUP", "title": "杯子", "quantity": 200, "unitPrice": 100}],
        captures=[capture(4000)],
    )
    unit = [{"orderLineId": order["lines"][0]["id"], "quantity": 1}]
    inputs = [{"orderId": order["id"], "idempotencyKey": key(), "lines": unit} for _ in range(200)]
    answers = await asyncio.gather(*(ask(world, asked) for asked in inputs))
    assert kinds(answers) == {"Refund": 40, "ExceedsRefundable": 160}
    refused = [answer for answer in answers if answer["__typename"] == "ExceedsRefundable"]
    assert {answer["maximumRefundable"]["amount"] for answer in refused} == {0}
    for asked, answer in zip(inputs, answers, strict=True):
        if answer["__typename"] == "Refund":
            await world.reaches(answer, "REFUNDED")
            books.note(asked["idempotencyKey"], answer)
    assert await books.violations() == []
    assert await books.payments() == [100] * 40


async def test_50_parallel_requests_with_one_key_are_one_refund(world: World, books: Books) -> None:
    order = await world.order(
        lines=[{"sku": "CUP", "title": "杯子", "quantity": 50, "unitPrice": 100}]
    )
    unit = [{"orderLineId": order["lines"][0]["id"], "quantity": 1}]
    asked = {"orderId": order["id"], "idempotencyKey": key(), "lines": unit}
    answers = await asyncio.gather(*(ask(world, asked) for _ in range(50)))
    assert kinds(answers) == {"Refund": 50}
    assert len({answer["id"] for answer in answers}) == 1
    await world.reaches(answers[0], "REFUNDED")
    for answer in answers:
        books.note(asked["idempotencyKey"], answer)
    assert await books.violations() == []
    assert await books.payments() == [100]


# --- decisions --------------------------------------------------------------------------------


async def at_finance(world: World) -> dict[str, Any]:
    """A refund of 89.00 CNY that waits for finance."""
    refund = await in_review(world)
    step = {"refundId": refund["id"]}
    await world.agent.mutate(
        "refundApprove", {**step, "idempotencyKey": key(), "kind": "REFUND_ONLY"}
    )
    refund = await world.warehouse.mutate(
        "refundConfirmWarehouse", {**step, "idempotencyKey": key(), "verdict": "GOODS_GONE"}
    )
    assert refund["status"] == "FINANCE_REVIEW"
    return refund


async def in_review(world: World, **order: Any) -> dict[str, Any]:
    """A refund of a delivered order that waits for customer service."""
    asked = await world.refund(world.customer, await world.order(shipments=shipped(), **order))
    return await world.reaches(asked, "REVIEW")


def approve(by: Api, refund: dict[str, Any]) -> Any:
    return by.mutate("refundApproveFinance", {"refundId": refund["id"], "idempotencyKey": key()})


def cancel(by: Api, refund: dict[str, Any]) -> Any:
    return by.mutate("refundCancel", {"refundId": refund["id"], "idempotencyKey": key()})


@pytest.fixture
async def strict(api: Api, settings: Any) -> World:
    """A shop in which finance looks at every amount."""
    return await make_world(api, settings, finance_threshold=0)


@pytest.mark.parametrize("round", range(5))
async def test_of_two_finance_approvals_at_once_one_wins_and_the_other_is_told(
    strict: World, database_url: str, data: Path, round: int
) -> None:
    refund = await at_finance(strict)
    colleague = strict.api.with_token(
        await staff_token(strict.shop.id, strict.settings, Role.FINANCE)
    )
    answers = await asyncio.gather(approve(strict.finance, refund), approve(colleague, refund))
    assert kinds(answers) == {"Refund": 1, "IllegalStep": 1}
    [told] = [answer for answer in answers if answer["__typename"] == "IllegalStep"]
    assert told["code"] == "ILLEGAL_STEP"
    refund = await strict.reaches(refund, "REFUNDED")
    assert [payout["amount"]["amount"] for payout in refund["payouts"]] == [8900]
    books = Books(strict, database_url, data / "sandbox.sqlite")
    books.note("once", refund)
    assert await books.violations() == []
    assert await books.payments() == [8900]


@pytest.mark.parametrize("approval_first", [True, False])
@pytest.mark.parametrize("round", range(5))
async def test_approval_and_cancellation_at_once_have_one_outcome(
    world: World, books: Books, approval_first: bool, round: int
) -> None:
    refund = await in_review(world)
    approval = world.agent.mutate(
        "refundApprove",
        {"refundId": refund["id"], "idempotencyKey": key(), "kind": "REFUND_ONLY"},
    )
    calls = [approval, cancel(world.customer, refund)]
    answers = await asyncio.gather(*(calls if approval_first else reversed(calls)))
    assert kinds(answers) == {"Refund": 1, "IllegalStep": 1}
    [won] = [answer for answer in answers if answer["__typename"] == "Refund"]
    now = await world.owner.refund(refund["id"])
    assert {"__typename": "Refund", **now} == won
    assert now["status"] in ("WAREHOUSE_CHECK", "CANCELLED")
    assert [entry["type"] for entry in now["timeline"]][2:] == [
        {"WAREHOUSE_CHECK": "REFUND_ONLY_APPROVED", "CANCELLED": "CANCELLED"}[now["status"]]
    ]
    assert await books.violations([oracle.every_claim_is_its_refunds]) == []


async def test_of_20_parallel_retries_of_a_stuck_payout_one_is_sent(
    world: World, books: Books
) -> None:
    order = await world.order(metadata={"sandbox": "REFUSE,OK*"})
    refund = await world.reaches(await world.refund(world.customer, order), "PAYMENT_STUCK")
    [payout] = refund["payouts"]

    def retry() -> Any:
        return world.finance.mutate(
            "payoutRetry", {"payoutId": payout["id"], "idempotencyKey": key()}
        )

    answers = await asyncio.gather(*(retry() for _ in range(20)))
    assert kinds(answers) == {"Refund": 1, "IllegalStep": 19}
    refund = await world.reaches(refund, "REFUNDED")
    books.note("once", refund)
    assert await books.violations() == []
    assert await books.payments() == [8900]
    [payout] = refund["payouts"]
    assert [(a["call"], a["outcome"]) for a in payout["attempts"]] == [
        ("REFUND", "REJECTED"),
        ("REFUND", "SUCCEEDED"),
    ]


# --- lost connections -------------------------------------------------------------------------


async def test_jobs_are_done_after_the_worker_lost_its_listener(
    world: World, books: Books, database_url: str
) -> None:
    async def cut() -> int | None:
        return await _cut_off(database_url, only="query ilike 'listen%'") or None

    assert await eventually(cut, "a listening connection") == 1
    order = await world.order()
    refund = await world.reaches(await world.refund(world.customer, order), "REFUNDED")
    books.note("once", refund)
    assert await books.violations() == []


async def test_requests_whose_connections_are_lost_succeed_or_say_try_again(
    world: World, books: Books, database_url: str
) -> None:
    """Everything the database does for us is cut off again and again, while 60 orders are
    refunded. Who is told to try again does so, with the same key."""
    orders = [await world.order() for _ in range(60)]
    told: Counter[int] = Counter()

    async def insist(order: dict[str, Any]) -> None:
        asked = {"orderId": order["id"], "idempotencyKey": order["id"]}
        while (response := await _request(world, asked)).status_code == 503:
            assert response.headers["retry-after"] == "1"
            told[503] += 1
            await asyncio.sleep(0.05)
        assert response.status_code == 200, response.text
        books.note(order["id"], response.json()["data"]["refundRequest"])

    async with asyncio.TaskGroup() as group:
        for order in orders:
            group.create_task(insist(order))
        for _ in range(8):
            await _cut_off(database_url)
            await asyncio.sleep(0.05)
    assert books.refunds == 60

    async def all_paid() -> list[int] | None:
        return paid if len(paid := await books.payments()) >= 60 else None

    assert await eventually(all_paid, "60 payments") == [8900] * 60

    async def all_over() -> list[str] | None:
        return None if await books.violations() else []

    await eventually(all_over, "books without a breach")


async def _request(world: World, input: dict[str, Any]) -> Any:
    query = """mutation M($input: RefundRequestInput!) { refundRequest(input: $input) {
        ... on Refund { number amount { amount currency } } } }"""
    return await world.service.post(query, input=input)


async def _cut_off(database_url: str, *, only: str = "true") -> int:
    """Terminate the connections of this database, all or some; how many there were."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            f" where datname = current_database() and pid <> pg_backend_pid() and {only}"
        )
        return len(rows)
    finally:
        await connection.close()
