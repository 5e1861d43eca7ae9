"""Money leaves exactly once: every way a gateway can fail, what it is asked then, and by which
number. The bank is the sandbox with a ledger of its own; the ledger is what happened."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.settings import SandboxSettings
from support.api import STAFF_ONLY, Api, key
from support.providers import lend, line
from support.world import World, eventually

from refund_gql import clock, database, jobs
from refund_gql.app import Engine
from refund_gql.errors import ExceedsRefundable
from refund_gql.flow import payout as payouts
from refund_gql.models import Capture, Payout
from refund_gql.providers import (
    GatewayCapabilities,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderSettings,
    RefundRequest,
)
from refund_gql.settings import Settings

OK = Outcome(state=OutcomeState.SUCCEEDED, code="OK")
ABSENT = Outcome(state=OutcomeState.UNKNOWN, code="NOT_FOUND", absent=True)
LOST = Outcome(state=OutcomeState.UNKNOWN, code="500")


class Bank:
    """The sandbox under a name of its own, with its ledger."""

    def __init__(self, path: Path) -> None:
        self.name = f"bank-{key()}"
        self.path = path
        self.gateway = SandboxGateway(
            SandboxSettings(
                ledger=path,
                timeout_seconds=0.01,
                slow_seconds=0.05,
                processing_seconds=0.05,
                reverse_after_seconds=0,
                retry_after_seconds=0.01,
                settling_seconds=0,
                recheck_after_seconds=0.01,
            )
        )

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as ledger:
            return ledger.execute(sql).fetchall()

    @property
    def payments(self) -> list[int]:
        """What moved, in minor units, oldest first."""
        return [amount for (amount,) in self.read("select amount from payment order by id")]

    @property
    def calls(self) -> list[str]:
        """What the bank was asked, in order."""
        return [name for (name,) in self.read("select operation from call order by id")]


@pytest.fixture
async def bank(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Bank(tmp_path / "bank.sqlite")
    await made.gateway.check()
    lend(monkeypatch, engine.providers, line(made.gateway), name=made.name)
    yield made
    await made.gateway.aclose()


class Planted(PaymentGateway):
    """Answers what the test says, and keeps what it was asked."""

    name = "planted"

    def __init__(self, *answers: Any, sheet: GatewayCapabilities | None = None) -> None:
        super().__init__(ProviderSettings())
        self._answers = list(answers)
        self._sheet = sheet or GatewayCapabilities(settling_time=timedelta(0))
        self.asked: list[tuple[str, RefundRequest]] = []
        self.before_answering: Callable[[], Awaitable[None]] | None = None

    async def check(self) -> None:
        """Nothing to prove."""

    async def refund(self, request: RefundRequest) -> Outcome:
        return await self._answer("REFUND", request)

    async def query(self, request: RefundRequest) -> Outcome:
        return await self._answer("QUERY", request)

    def capabilities(self) -> GatewayCapabilities:
        return self._sheet

    async def _answer(self, call: str, request: RefundRequest) -> Outcome:
        self.asked.append((call, request))
        answer = self._answers.pop(0)
        if self.before_answering is not None:
            await self.before_answering()
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[no-any-return] # also what no gateway should answer

    @property
    def calls(self) -> list[str]:
        return [call for call, _ in self.asked]


Plant = Callable[..., Planted]
"""Installs a gateway that gives these answers in turn."""


@pytest.fixture
def planted() -> str:
    """The name of this test's planted gateway: what other tests left behind never calls it."""
    return f"planted-{key()}"


@pytest.fixture
def plant(engine: Engine, planted: str, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Install a gateway called `planted`."""

    def install(*answers: Any, sheet: GatewayCapabilities | None = None) -> Planted:
        gateway = Planted(*answers, sheet=sheet)
        lend(monkeypatch, engine.providers, line(gateway), name=planted)
        return gateway

    return install


# --- a world in which one refund is paid by one gateway ---------------------------------------


async def asked_back(world: World, gateway: str, script: str = "", **order: Any) -> dict[str, Any]:
    """An unshipped order for 89.00 CNY, paid through `gateway`, asked back: approved at once."""
    capture = {
        "gateway": gateway,
        "reference": f"PAY-{key()}",
        "amount": 8900,
        "metadata": {"sandbox": script},
    }
    reported = await world.order(**{"captures": [capture], **order})
    return await world.refund(world.customer, reported)


async def stuck(world: World, gateway: str, script: str = "") -> dict[str, Any]:
    """As `asked_back`, once a person has to look."""
    return await world.reaches(await asked_back(world, gateway, script), "PAYMENT_STUCK")


async def parked(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    """The refund once one of its payouts waits for a gateway."""

    async def look() -> dict[str, Any] | None:
        found = await world.owner.refund(refund["id"], STAFF_ONLY)
        return found if any(payout["parkedReason"] for payout in found["payouts"]) else None

    return await eventually(look, "parked")


def attempts(refund: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [
        (attempt["call"], attempt["outcome"], attempt["code"])
        for payout in refund["payouts"]
        for attempt in payout["attempts"]
    ]


async def reserved(refund: dict[str, Any]) -> list[int]:
    """What the captures of the refund's payouts reserve, oldest payout first."""
    numbers = [payout["number"] for payout in refund["payouts"]]
    rows = await Payout.filter(number__in=numbers).order_by("id")
    return [(await Capture.get(id=row.capture_id)).reserved for row in rows]


def statuses(refund: dict[str, Any]) -> list[str]:
    return [payout["status"] for payout in refund["payouts"]]


async def retried(by: Api, refund: dict[str, Any], which: int = 0) -> dict[str, Any]:
    return await by.mutate(
        "payoutRetry",
        {"payoutId": refund["payouts"][which]["id"], "idempotencyKey": key()},
    )


# --- every fault that ends well ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "conversation"),
    [
        ("OK", [("REFUND", "SUCCEEDED", "SUCCEEDED")]),
        (
            "TIMEOUT_BEFORE",
            [
                ("REFUND", "UNKNOWN", "TIMEOUT"),
                ("QUERY", "UNKNOWN", "NOT_FOUND"),
                ("REFUND", "SUCCEEDED", "SUCCEEDED"),
            ],
        ),
        (
            "TIMEOUT_AFTER",
            [("REFUND", "UNKNOWN", "TIMEOUT"), ("QUERY", "SUCCEEDED", "SUCCEEDED")],
        ),
        (
            "ERROR_BEFORE",
            [
                ("REFUND", "UNKNOWN", "500"),
                ("QUERY", "UNKNOWN", "NOT_FOUND"),
                ("REFUND", "SUCCEEDED", "SUCCEEDED"),
            ],
        ),
        ("ERROR_AFTER", [("REFUND", "UNKNOWN", "500"), ("QUERY", "SUCCEEDED", "SUCCEEDED")]),
        (
            "RATE_LIMITED",
            [("REFUND", "REJECTED", "RATE_LIMITED"), ("REFUND", "SUCCEEDED", "SUCCEEDED")],
        ),
        ("SLOW", [("REFUND", "SUCCEEDED", "SUCCEEDED")]),
        (
            "UNKNOWN_STATUS",
            [("REFUND", "UNKNOWN", "QUEUED_AT_PARTNER"), ("QUERY", "SUCCEEDED", "SUCCEEDED")],
        ),
        (
            "ERROR_BEFORE,TIMEOUT_AFTER",
            [
                ("REFUND", "UNKNOWN", "500"),
                ("QUERY", "UNKNOWN", "NOT_FOUND"),
                ("REFUND", "UNKNOWN", "TIMEOUT"),
                ("QUERY", "SUCCEEDED", "SUCCEEDED"),
            ],
        ),
        (
            "TIMEOUT_AFTER,REFUSE*",
            [("REFUND", "UNKNOWN", "TIMEOUT"), ("QUERY", "SUCCEEDED", "SUCCEEDED")],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_fault_is_settled_by_asking_and_the_money_moves_once(
    world: World, bank: Bank, script: str, conversation: list[tuple[str, str, str]]
) -> None:
    asked = await asked_back(world, bank.name, script)
    refund = await world.reaches(asked, "REFUNDED")
    assert attempts(refund) == conversation
    assert [call.lower() for call, _, _ in conversation] == bank.calls[: len(conversation)]
    assert bank.payments == [8900]
    assert await reserved(refund) == [8900]
    assert [entry["type"] for entry in refund["timeline"]][-3:] == [
        "PAYMENT_STARTED",
        "PAYOUT_SUCCEEDED",
        "REFUNDED",
    ]


async def test_what_the_bank_only_accepted_is_asked_for_until_it_is_done(
    world: World, bank: Bank
) -> None:
    refund = await world.reaches(await asked_back(world, bank.name, "PROCESSING"), "REFUNDED")
    [first, *queries] = attempts(refund)
    assert first == ("REFUND", "PROCESSING", "PROCESSING")
    assert set(queries[:-1]) <= {("QUERY", "PROCESSING", "PROCESSING")}
    assert queries[-1] == ("QUERY", "SUCCEEDED", "SUCCEEDED")
    assert bank.payments == [8900]


async def test_every_repetition_carries_the_same_number_and_equal_values(
    world: World, bank: Bank
) -> None:
    asked = await asked_back(world, bank.name, "ERROR_BEFORE,TIMEOUT_BEFORE,ERROR_AFTER")
    refund = await world.reaches(asked, "REFUNDED")
    sent = bank.read("select distinct number, amount, currency, capture_reference from call")
    [payout] = refund["payouts"]
    [row] = await Payout.filter(number=payout["number"])
    assert sent == [(payout["number"], 8900, "CNY", row.request["capture_reference"])]
    assert bank.payments == [8900]


async def test_a_gateway_gets_equal_requests_whatever_the_shop_changed_meanwhile(
    world: World, planted: str, plant: Plant
) -> None:
    """A new report of the order between two attempts does not reach into a stored request."""
    gateway = plant(LOST, ABSENT, OK)
    number = f"SO-{key()}"
    capture = {"gateway": planted, "reference": f"PAY-{key()}", "amount": 8900}
    first = {**capture, "metadata": {"terminal": "1"}}

    async def report_again() -> None:
        gateway.before_answering = None
        await world.order(number=number, captures=[{**capture, "metadata": {"terminal": "2"}}])

    gateway.before_answering = report_again
    asked = await asked_back(world, planted, number=number, captures=[first])
    await world.reaches(asked, "REFUNDED")
    requests = [request for _, request in gateway.asked]
    assert gateway.calls == ["REFUND", "QUERY", "REFUND"]
    assert requests == [requests[0]] * 3
    assert requests[0].metadata == {"terminal": "1"}


@pytest.mark.parametrize(
    "nonsense",
    [
        RuntimeError("the plugin is broken"),
        None,
        {"state": "SUCCEEDED"},
        Outcome(state="SUCCEEDED"),  # type: ignore[arg-type] # what a careless plugin does
        Outcome(state=OutcomeState.UNKNOWN, code="X" * 1000, message="\x00" * 1000),
        Outcome(state=OutcomeState.PROCESSING, reference="R" * 1000),
    ],
    ids=["exception", "nothing", "no outcome", "no state", "endless code", "endless reference"],
)
async def test_nonsense_proves_nothing_and_is_settled_by_asking(
    world: World, planted: str, plant: Plant, nonsense: object
) -> None:
    gateway = plant(nonsense, OK)
    refund = await world.reaches(await asked_back(world, planted), "REFUNDED")
    assert gateway.calls == ["REFUND", "QUERY"]
    [first, second] = attempts(refund)
    assert first[1] in ("UNKNOWN", "PROCESSING")
    assert second[1] == "SUCCEEDED"


async def test_a_gateway_that_never_answers_is_left_at_the_deadline(
    world: World, planted: str, plant: Plant
) -> None:
    gateway = plant(OK, OK)
    never = asyncio.Event()

    async def drip() -> None:
        gateway.before_answering = None
        await never.wait()

    gateway.before_answering = drip
    refund = await world.reaches(await asked_back(world, planted), "REFUNDED")
    assert attempts(refund) == [("REFUND", "UNKNOWN", "TIMEOUT"), ("QUERY", "SUCCEEDED", "OK")]


# --- faults that need a person ----------------------------------------------------------------


async def test_a_refusal_frees_the_money_and_the_same_number_is_tried_again(
    world: World, bank: Bank
) -> None:
    refund = await stuck(world, bank.name, "REFUSE,OK")
    assert attempts(refund) == [("REFUND", "REJECTED", "REFUSED")]
    assert (statuses(refund), refund["stuckReason"]) == (["REJECTED"], "REJECTED")
    assert (await reserved(refund), bank.payments) == ([0], [])
    answer = await retried(world.finance, refund)
    assert (answer["__typename"], answer["status"]) == ("Refund", "PAYING")
    again = await world.reaches(refund, "REFUNDED")
    assert attempts(again) == [
        ("REFUND", "REJECTED", "REFUSED"),
        ("REFUND", "SUCCEEDED", "SUCCEEDED"),
    ]
    assert [payout["number"] for payout in again["payouts"]] == [refund["payouts"][0]["number"]]
    assert (await reserved(again), bank.payments) == ([8900], [8900])


async def test_a_number_that_is_used_up_gets_a_successor(world: World, bank: Bank) -> None:
    refund = await world.reaches(
        await asked_back(world, bank.name, "NUMBER_SPENT"), "PAYMENT_STUCK"
    )
    assert (statuses(refund), await reserved(refund)) == (["REJECTED"], [0])
    await retried(world.finance, refund)
    refund = await world.reaches(refund, "REFUNDED")
    assert [(p["status"], p["superseded"]) for p in refund["payouts"]] == [
        ("REJECTED", True),
        ("SUCCEEDED", False),
    ]
    assert len({payout["number"] for payout in refund["payouts"]}) == 2
    assert (await reserved(refund), bank.payments) == ([8900, 8900], [8900])


async def test_what_only_a_person_can_finish_is_not_sent_again(world: World, bank: Bank) -> None:
    refund = await stuck(world, bank.name, "MANUAL")
    assert (statuses(refund), refund["stuckReason"]) == (["NEEDS_MANUAL"], "NEEDS_MANUAL")
    assert (await reserved(refund), bank.payments) == ([8900], [])
    await bank.gateway.ledger.settle(refund["payouts"][0]["number"])
    await retried(world.finance, refund)
    refund = await world.reaches(refund, "REFUNDED")
    assert [call for call, _, _ in attempts(refund)] == ["REFUND", "QUERY"]
    assert bank.payments == [8900]


async def test_another_amount_is_an_alarm_and_no_success(world: World, bank: Bank) -> None:
    refund = await world.reaches(
        await asked_back(world, bank.name, "WRONG_AMOUNT"), "PAYMENT_STUCK"
    )
    assert (statuses(refund), refund["stuckReason"]) == (["NEEDS_MANUAL"], "ECHO_MISMATCH")
    assert (await reserved(refund), bank.payments) == ([8900], [8900])
    await retried(world.finance, refund)
    refund = await world.reaches(refund, "REFUNDED")
    assert [call for call, _, _ in attempts(refund)] == ["REFUND", "QUERY"]
    assert bank.payments == [8900]


async def test_a_reversal_reopens_the_refund_and_a_retry_pays_under_a_new_number(
    world: World, planted: str, plant: Plant
) -> None:
    taken_back = Outcome(state=OutcomeState.REVERSED, code="BACK")
    gateway = plant(OK, taken_back, OK, sheet=GatewayCapabilities(recheck_after=timedelta(0)))
    asked = await asked_back(world, planted)
    refund = await world.reaches(asked, "PAYMENT_STUCK")
    assert (statuses(refund), refund["stuckReason"]) == (["REVERSED"], "REVERSED")
    assert [entry["type"] for entry in refund["timeline"]][-2:] == ["REFUNDED", "PAYMENT_REVERSED"]
    assert await reserved(refund) == [0]
    await retried(world.finance, refund)
    refund = await world.reaches(refund, "REFUNDED")
    assert [(p["status"], p["superseded"]) for p in refund["payouts"]] == [
        ("REVERSED", True),
        ("SUCCEEDED", False),
    ]
    assert await reserved(refund) == [8900, 8900]
    assert gateway.calls[:3] == ["REFUND", "QUERY", "REFUND"]
    [first, _, second] = [request for _, request in gateway.asked[:3]]
    assert first.number != second.number


async def test_the_banks_own_reversal_is_noticed(world: World, bank: Bank) -> None:
    """The sandbox pays, and takes it back: the second look after a success sees it."""
    refund = await world.reaches(
        await asked_back(world, bank.name, "REVERSE_LATER"), "PAYMENT_STUCK"
    )
    assert (statuses(refund), refund["stuckReason"]) == (["REVERSED"], "REVERSED")
    assert (await reserved(refund), bank.payments) == ([0], [8900])


async def test_exactly_the_allowed_number_of_conversations_then_a_person(
    world: World, bank: Bank, settings: Settings
) -> None:
    """Nobody can tell: the money may have moved, so it stays reserved."""
    refund = await world.reaches(
        await asked_back(world, bank.name, "ERROR_BEFORE*"), "PAYMENT_STUCK"
    )
    rounds = settings.payout_tries // 2
    assert (
        attempts(refund)
        == [
            ("REFUND", "UNKNOWN", "500"),
            ("QUERY", "UNKNOWN", "NOT_FOUND"),
        ]
        * rounds
    )
    assert (statuses(refund), refund["stuckReason"]) == (["NEEDS_MANUAL"], "NO_ANSWER")
    assert (await reserved(refund), bank.payments) == ([8900], [])


async def test_a_retriable_refusal_is_repeated_exactly_as_often_as_allowed(
    world: World, bank: Bank, settings: Settings
) -> None:
    refund = await world.reaches(
        await asked_back(world, bank.name, "RATE_LIMITED*"), "PAYMENT_STUCK"
    )
    assert attempts(refund) == [("REFUND", "REJECTED", "RATE_LIMITED")] * settings.payout_tries
    assert (statuses(refund), refund["stuckReason"]) == (["REJECTED"], "REJECTED")
    assert (await reserved(refund), bank.payments) == ([0], [])


async def test_a_retry_by_hand_gives_all_the_tries_again(
    world: World, bank: Bank, settings: Settings
) -> None:
    asked = await asked_back(world, bank.name, "RATE_LIMITED*")
    refund = await world.reaches(asked, "PAYMENT_STUCK")
    await retried(world.finance, refund)

    async def twice() -> dict[str, Any] | None:
        found = await world.reaches(refund, "PAYMENT_STUCK")
        return found if len(attempts(found)) > settings.payout_tries else None

    again = await eventually(twice, "stuck again")
    assert len(attempts(again)) == 2 * settings.payout_tries


async def test_a_gateway_that_is_not_installed_parks_the_payout_until_it_is(
    world: World, planted: str, plant: Plant
) -> None:
    refund = await parked(world, await asked_back(world, planted))
    assert (statuses(refund), refund["payouts"][0]["parkedReason"]) == (
        ["READY"],
        "GATEWAY_MISSING",
    )
    assert (attempts(refund), await reserved(refund)) == ([], [8900])
    gateway = plant(OK)
    refund = await world.reaches(refund, "REFUNDED")
    assert (gateway.calls, refund["payouts"][0]["parkedReason"]) == (["REFUND"], None)
    types = [entry["type"] for entry in refund["timeline"]]
    assert types[2:] == [
        "PAYOUT_PARKED",
        "PAYMENT_STARTED",
        "PAYOUT_RESUMED",
        "PAYOUT_SUCCEEDED",
        "REFUNDED",
    ]


async def test_a_retry_is_not_lost_while_the_job_that_gave_up_is_still_there(
    world: World, planted: str, plant: Plant
) -> None:
    """That job holds the key of the next attempt until the queue has cleared it away."""
    plant(sheet=GatewayCapabilities(currencies=frozenset({"JPY"})))
    refund = await stuck(world, planted)
    row = await Payout.get(number=refund["payouts"][0]["number"])
    later = clock.now() + timedelta(hours=1)

    async def linger(tx: database.Transaction) -> None:
        await jobs.enqueue(tx, "pay", row.id, key=f"pay:{row.id}:1", run_at=later)

    await database.transaction(linger)
    gateway = plant(OK)
    await retried(world.finance, refund)
    await world.reaches(refund, "REFUNDED")
    assert gateway.calls == ["REFUND"]


@pytest.mark.parametrize("by", ["agent", "warehouse", "customer", "service"])
async def test_only_finance_and_the_owner_retry(world: World, bank: Bank, by: str) -> None:
    refund = await stuck(world, bank.name, "REFUSE*")
    query = """mutation M($input: PayoutRetryInput!) {
        payoutRetry(input: $input) { __typename } }"""
    step = {"payoutId": refund["payouts"][0]["id"], "idempotencyKey": key()}
    [error] = await getattr(world, by).errors(query, input=step)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert bank.calls == ["refund"]


async def test_what_is_not_stuck_is_not_retried(world: World, bank: Bank) -> None:
    refund = await world.reaches(await asked_back(world, bank.name, "OK*"), "REFUNDED")
    answer = await retried(world.finance, refund)
    assert (answer["code"], answer["allowedNext"]) == ("ILLEGAL_STEP", [])
    assert bank.payments == [8900]


async def test_a_retry_is_once_per_key(world: World, bank: Bank) -> None:
    refund = await stuck(world, bank.name, "REFUSE,OK*")
    step = {"payoutId": refund["payouts"][0]["id"], "idempotencyKey": key()}
    answers = [await world.finance.mutate("payoutRetry", step) for _ in range(2)]
    assert {answer["__typename"] for answer in answers} == {"Refund"}
    await world.reaches(refund, "REFUNDED")
    assert (bank.calls[:2], bank.payments) == (["refund", "refund"], [8900])


# --- the sheet is obeyed before the call ------------------------------------------------------


@pytest.mark.parametrize(
    ("sheet", "reason"),
    [
        (GatewayCapabilities(currencies=frozenset({"EUR", "USD"})), "CURRENCY_NOT_SUPPORTED"),
        (GatewayCapabilities(window=timedelta(minutes=5)), "GATEWAY_WINDOW_CLOSED"),
        (GatewayCapabilities(max_parts=0), "TOO_MANY_PARTS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_the_sheet_forbids_is_never_sent(
    world: World,
    planted: str,
    plant: Plant,
    sheet: GatewayCapabilities,
    reason: str,
) -> None:
    gateway = plant(sheet=sheet)
    refund = await stuck(world, planted)
    assert (statuses(refund), refund["stuckReason"]) == (["NEEDS_MANUAL"], reason)
    assert (gateway.asked, attempts(refund)) == ([], [])
    assert await reserved(refund) == [8900]


TWO_LINES = [
    {"sku": "A", "title": "甲", "quantity": 1, "unitPrice": 5900},
    {"sku": "B", "title": "乙", "quantity": 1, "unitPrice": 3000},
]


async def two_parts(world: World, planted: str) -> list[dict[str, Any]]:
    """Two refunds of one capture of 89.00 CNY, asked for at the same time."""
    capture = {"gateway": planted, "reference": f"PAY-{key()}", "amount": 8900}
    order = await world.order(lines=TWO_LINES, captures=[capture])
    return [
        await world.refund(
            world.customer, order, lines=[{"orderLineId": line["id"], "quantity": 1}]
        )
        for line in order["lines"]
    ]


async def test_a_gateway_without_partial_refunds_gets_whole_ones_only(
    world: World, planted: str, plant: Plant
) -> None:
    gateway = plant(OK, sheet=GatewayCapabilities(partial=False))
    for part in await two_parts(world, planted):
        refund = await world.reaches(part, "PAYMENT_STUCK")
        assert refund["stuckReason"] == "PARTIAL_NOT_SUPPORTED"
    assert gateway.asked == []
    await world.reaches(await asked_back(world, planted), "REFUNDED")
    assert gateway.calls == ["REFUND"]


async def test_as_many_parts_as_allowed_and_no_more(
    world: World, planted: str, plant: Plant
) -> None:
    gateway = plant(OK, sheet=GatewayCapabilities(max_parts=1))
    parts = await two_parts(world, planted)
    ends = [await world.reaches(part, "REFUNDED", "PAYMENT_STUCK") for part in parts]
    assert sorted(end["stuckReason"] or "" for end in ends) == ["", "TOO_MANY_PARTS"]
    assert gateway.calls == ["REFUND"]


async def test_a_refused_refund_is_no_part(world: World, planted: str, plant: Plant) -> None:
    """The gateway proved that it has nothing: the one allowed part is still to be had."""
    refused = Outcome(state=OutcomeState.REJECTED, code="NO")
    gateway = plant(refused, OK, sheet=GatewayCapabilities(max_parts=1))
    parts = await two_parts(world, planted)
    ends = [await world.reaches(part, "REFUNDED", "PAYMENT_STUCK") for part in parts]
    assert sorted(end["stuckReason"] or "" for end in ends) == ["", "REJECTED"]
    assert gateway.calls == ["REFUND", "REFUND"]


async def test_two_refunds_of_one_capture_keep_the_gateways_distance(
    world: World, planted: str, plant: Plant
) -> None:
    interval = timedelta(seconds=0.3)
    gateway = plant(OK, OK, sheet=GatewayCapabilities(least_interval=interval))
    for part in await two_parts(world, planted):
        await world.reaches(part, "REFUNDED")
    numbers = [request.number for _, request in gateway.asked]
    [first, second] = [await Payout.get(number=number) for number in numbers]
    assert first.sent_at is not None
    assert second.sent_at is not None
    assert second.sent_at - first.sent_at >= interval


async def test_one_capture_is_at_the_gateway_once_at_a_time(
    world: World, planted: str, plant: Plant, database_url: str
) -> None:
    gateway = plant(OK, OK)
    answer = asyncio.Event()
    gateway.before_answering = answer.wait  # type: ignore[assignment] # returns True, nobody looks
    parts = await two_parts(world, planted)

    async def second_waits() -> bool | None:
        connection = await asyncpg.connect(database_url)
        try:
            waiting = await connection.fetchval(
                "select count(*) from pgqueuer where dedupe_key like 'pay:%:wait:%'"
                " and convert_from(payload, 'UTF8')::uuid in"
                " (select id from payout where shop_id = $1)",
                world.shop.id,
            )
            return True if waiting else None
        finally:
            await connection.close()

    await eventually(second_waits, "the second payout was put off")
    assert gateway.calls == ["REFUND"]
    answer.set()
    for part in parts:
        await world.reaches(part, "REFUNDED")
    assert gateway.calls == ["REFUND", "REFUND"]


# --- no transaction is open while a gateway is called -----------------------------------------


async def test_the_attempt_is_stored_and_no_lock_is_held_during_a_call(
    world: World, planted: str, plant: Plant, database_url: str
) -> None:
    gateway = plant(LOST, OK)
    seen: list[tuple[bool, bool, int, int]] = []

    async def look() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            async with connection.transaction():
                _, request = gateway.asked[-1]
                # In the order of the engine's own locks.
                payout = await Payout.get(number=request.number)
                free = await soon_free(connection, payout.refund_id)
                row = await connection.fetchrow(_UNLOCKED, request.number)
                assert row is not None
                stored = await connection.fetchval(_STORED, row["id"])
                inside = database._inside.get()
                seen.append((inside, free, row["attempts"], stored))
        finally:
            await connection.close()

    gateway.before_answering = look
    await world.reaches(await asked_back(world, planted), "REFUNDED")
    assert seen == [(False, True, 1, 1), (False, True, 2, 2)]


async def soon_free(connection: asyncpg.Connection, refund_id: UUID) -> bool:
    """Whether the refund's lock can be had during the call; others take it for a moment."""
    for _ in range(100):
        if await connection.fetchval(_ADVISORY, str(refund_id)):
            return True
        await asyncio.sleep(0.01)
    return False


_UNLOCKED = """
select payout.id, payout.attempts
  from payout join capture on capture.id = payout.capture_id
  join refund on refund.id = payout.refund_id
 where payout.number = $1 for update nowait
"""
_ADVISORY = "select pg_try_advisory_xact_lock(hashtextextended('refund:' || $1, 0))"
_STORED = "select count(*) from payout_attempt where payout_id = $1"


# --- which capture pays how much --------------------------------------------------------------


def capture(amount: int, reserved: int = 0, disputed: int = 0) -> Capture:
    return Capture(amount=amount, reserved=reserved, disputed=disputed, currency="CNY")


@pytest.mark.parametrize(
    ("captures", "amount", "parts"),
    [
        ([(100,), (50,)], 120, [100, 20]),
        ([(100,), (50,)], 100, [100]),
        ([(100, 30, 20), (50,)], 100, [50, 50]),
        ([(100, 100), (50,)], 10, [10]),
        ([(100, 60, 60), (50,)], 50, [50]),
        ([], 0, []),
    ],
)
def test_the_captures_pay_in_order_each_within_its_cap(
    captures: list[tuple[int, ...]], amount: int, parts: list[int]
) -> None:
    spread = payouts.spread([capture(*fields) for fields in captures], amount, "CNY")
    assert [part for _, part in spread] == parts


@pytest.mark.parametrize(
    ("captures", "amount", "maximum"),
    [([(100,), (50,)], 151, 150), ([(100, 60, 60)], 1, 0), ([], 1, 0)],
)
def test_what_the_captures_do_not_hold_is_refused_before_anything_is_written(
    captures: list[tuple[int, ...]], amount: int, maximum: int
) -> None:
    with pytest.raises(ExceedsRefundable) as refused:
        payouts.spread([capture(*fields) for fields in captures], amount, "CNY")
    assert refused.value.data["maximum_refundable"] == maximum


async def test_a_payout_number_is_34_characters_that_every_gateway_takes(
    world: World, bank: Bank
) -> None:
    refund = await world.reaches(await asked_back(world, bank.name, "OK*"), "REFUNDED")
    number = refund["payouts"][0]["number"]
    assert len(number) == 34
    assert number.isascii()
    assert number.isalnum()
    assert number == number.upper()


async def test_a_payout_is_sent_after_it_was_created_and_settled_after_it_was_sent(
    world: World, bank: Bank
) -> None:
    before = clock.now()
    refund = await world.reaches(await asked_back(world, bank.name, "OK*"), "REFUNDED")
    [row] = await Payout.filter(number=refund["payouts"][0]["number"])
    assert row.sent_at is not None
    assert row.settled_at is not None
    assert before <= row.created_at <= row.sent_at <= row.settled_at
