"""Money pitfalls of real systems, one named test each, and the proof that the tests would notice.

The numbers are those of the project's checklist of pitfalls. Where a whole file proves a rule,
the test here is one example of it. At the end the defects themselves are planted: each of these
tests must fail then.
"""

import ast
import asyncio
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.settings import SandboxSettings
from refund_gql_sandbox.webhook import sign
from support.api import Api, key
from support.providers import lend, line
from support.world import World, eventually, make_world, shipped

import refund_gql
from refund_gql import app, clock, jobs, money, webhooks
from refund_gql.app import Engine
from refund_gql.choices import PayoutStatus
from refund_gql.flow import (
    calling,
    conversation,
    findings,
    makers,
    payout,
    policy,
    quote,
    reconciliation,
    request,
    settlement,
)
from refund_gql.flow.conversation import Gateways
from refund_gql.flow.quote import Quote
from refund_gql.graphql.mutations.refund_inputs import RefundLineInput
from refund_gql.models import Payout, WebhookMessage
from refund_gql.providers import Outcome, OutcomeState, RefundRequest
from refund_gql.settings import Settings


class Shy(SandboxGateway):
    """The sandbox, except that `query` tells nothing while it is shy."""

    shy = False

    async def query(self, request: RefundRequest) -> Outcome:
        if self.shy:
            return Outcome(state=OutcomeState.UNKNOWN, retry_after=timedelta(hours=1))
        return await super().query(request)


@dataclass(frozen=True, kw_only=True)
class Here:
    """A shop, a bank of its own with a ledger, and a client that sends webhooks."""

    world: World
    api: Api
    gateway: Shy
    bank: str
    """The gateway's name in this process; no other test has it."""
    ledger: Path
    url: str
    client: httpx2.AsyncClient

    def paid(self, amount: int, script: str = "OK*", **more: Any) -> dict[str, Any]:
        """A capture at this bank."""
        paid = {"gateway": self.bank, "reference": f"PAY-{key()}", "amount": amount}
        return {**paid, "metadata": {"sandbox": script}, **more}

    async def order(self, script: str = "OK*", **changes: Any) -> dict[str, Any]:
        """A thermos for 89.00 CNY, unshipped, unless told otherwise."""
        return await self.world.order(**{"captures": [self.paid(8900, script)], **changes})

    async def ask(self, order: dict[str, Any], by: Api | None = None, **more: Any) -> Any:
        return await self.world.refund(by or self.world.customer, order, **more)

    async def ends(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The refund once its money moved, or a person has to look."""
        return await self.world.reaches(asked, "REFUNDED", "PAYMENT_STUCK")

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as ledger:
            return ledger.execute(sql).fetchall()

    @property
    def payments(self) -> list[int]:
        """What the bank paid, in minor units, oldest first."""
        return [amount for (amount,) in self.read("select amount from payment order by id")]

    async def sql(self, statement: str, *arguments: object) -> list[Any]:
        connection = await asyncpg.connect(self.url)
        try:
            rows: list[Any] = await connection.fetch(statement, *arguments)
            return rows
        finally:
            await connection.close()

    async def reserved(self) -> list[int]:
        rows = await self.sql(
            "select reserved from capture where gateway = $1 order by id", self.bank
        )
        return [row["reserved"] for row in rows]

    async def tell(self, number: str, state: str, **more: Any) -> httpx2.Response:
        """A signed webhook about a payout of 89.00 CNY."""
        told = {"id": key(), "number": number, "state": state, "amount": 8900, "currency": "CNY"}
        body = json.dumps({**told, **more}).encode()
        headers = sign(body, "sandbox-webhook-secret")
        return await self.client.post(
            f"/webhooks/{self.world.shop.handle}/{self.bank}", content=body, headers=headers
        )


@pytest.fixture
async def here(
    world: World, api: Api, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    ledger = tmp_path / "bank.sqlite"
    gateway = Shy(
        SandboxSettings(
            ledger=ledger,
            timeout_seconds=0.01,
            processing_seconds=0.05,
            retry_after_seconds=0.01,
            settling_seconds=0,
        )
    )
    await gateway.check()
    bank = f"bank-{key()}"
    lend(monkeypatch, engine.providers, line(gateway), name=bank)
    transport = httpx2.ASGITransport(app=app.create_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Here(
            world=world,
            api=api,
            gateway=gateway,
            bank=bank,
            ledger=ledger,
            url=engine.database_url,
            client=client,
        )
    await gateway.aclose()


def lines(*prices: int, quantity: int = 1) -> list[dict[str, Any]]:
    return [
        {"sku": f"SKU-{i}", "title": f"商品 {i}", "quantity": quantity, "unitPrice": price}
        for i, price in enumerate(prices)
    ]


def unit(order: dict[str, Any], line: int = 0, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """The part of a request that names so many units of one line."""
    return {"lines": [{"orderLineId": order["lines"][line]["id"], "quantity": quantity, **more}]}


def cny(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "CNY"}


def step(refund: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"refundId": refund["id"], "idempotencyKey": key(), **more}


def types(refund: dict[str, Any]) -> list[str]:
    return [entry["type"] for entry in refund["timeline"]]


async def retried(here: Here, refund: dict[str, Any]) -> dict[str, Any]:
    step = {"payoutId": refund["payouts"][0]["id"], "idempotencyKey": key()}
    return await here.world.finance.mutate("payoutRetry", step)


# --- over-refund and races --------------------------------------------------------------------


async def test_p01_of_parallel_requests_exactly_what_fits_is_accepted(here: Here) -> None:
    """Ten units for sale, four of them paid for; ten requests at the same moment."""
    order = await here.order(lines=lines(100, quantity=10), captures=[here.paid(400)])
    answers = await asyncio.gather(
        *(here.ask(order, here.world.service, **unit(order)) for _ in range(10))
    )
    kinds = Counter(answer["__typename"] for answer in answers)
    assert kinds == {"Refund": 4, "ExceedsRefundable": 6}
    for answer in answers:
        if answer["__typename"] == "Refund":
            assert (await here.ends(answer))["status"] == "REFUNDED"
    assert here.payments == [100] * 4


_PROCESS = """
import asyncio, sys
from uuid import UUID
from refund_gql import database
from refund_gql.auth import Viewer
from refund_gql.errors import Refusal
from refund_gql.flow import request
from refund_gql.flow.once import Once
from refund_gql.flow.request import RequestedLine, RequestRefund
from refund_gql.models import new_id
from refund_gql.roles import Role
from refund_gql.states import RefundKind

url, shop, order, line = sys.argv[1], *map(UUID, sys.argv[2:])
viewer = Viewer(shop_id=shop, role=Role.OWNER)
asked = RequestRefund(
    order_id=order,
    kind=RefundKind.REFUND_ONLY,
    lines=(RequestedLine(order_line_id=line, quantity=1),),
)

async def ask():
    once = Once(key=str(new_id()), operation="refundRequest", input={})
    try:
        await request.request(viewer, asked, once=once)
        return 1
    except Refusal:
        return 0

async def main():
    async with database.connected(url, pool_size=4):
        print(sum(await asyncio.gather(*(ask() for _ in range(8)))))

asyncio.run(main())
"""


async def test_p01_also_over_several_processes(here: Here) -> None:
    order = await here.order(lines=lines(100, quantity=30), captures=[here.paid(700)])
    [row] = await here.sql(
        "select l.id, l.order_id from order_line l join capture c using (order_id)"
        " where c.gateway = $1",
        here.bank,
    )
    arguments = [here.url, str(here.world.shop.id), str(row["order_id"]), str(row["id"])]

    async def process() -> int:
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PROCESS, *arguments, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await made.communicate()
        assert made.returncode == 0
        return int(out)

    accepted = await asyncio.gather(*(process() for _ in range(3)))
    assert sum(accepted) == 7
    assert order["total"]["amount"] == 3000

    async def all_paid() -> bool | None:
        return True if len(here.payments) == 7 else None

    await eventually(all_paid, "every accepted request was paid")
    assert await here.reserved() == [700]


async def test_p02_parts_that_fit_one_by_one_do_not_fit_together(here: Here) -> None:
    """The bank would pay anything: the cap is the engine's own."""
    order = await here.order(lines=lines(5000, 5000), captures=[here.paid(8000)])
    first = await here.ask(order, **unit(order, 0))
    assert (await here.ends(first))["status"] == "REFUNDED"
    second = await here.ask(order, **unit(order, 1))
    assert second.get("code") == "EXCEEDS_REFUNDABLE"
    assert second["maximumRefundable"] == cny(3000)
    assert here.payments == [5000]


QUOTE = """query Q($id: ID!) { refundQuote(orderId: $id) {
  claimed { amount } maximumRefundable { amount } } order(id: $id) {
  lines { refundableQuantity } } }"""


async def test_p03_pending_refunds_count(here: Here) -> None:
    order = await here.order(
        lines=lines(5000, 5000), captures=[here.paid(8000)], shipments=shipped()
    )
    pending = await here.ask(order, **unit(order, 0))
    await here.world.reaches(pending, "REVIEW")
    seen = await here.world.customer(QUOTE, id=order["id"])
    assert seen["refundQuote"] == {
        "claimed": {"amount": 5000},
        "maximumRefundable": {"amount": 3000},
    }
    assert [line["refundableQuantity"] for line in seen["order"]["lines"]] == [0, 1]
    second = await here.ask(order, **unit(order, 1))
    assert second.get("code") == "EXCEEDS_REFUNDABLE"
    assert second["maximumRefundable"] == cny(3000)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (None, 8900),
        (8900, 8900),
        (1, 1),
        (0, "INVALID_INPUT"),
        (-1, "INVALID_INPUT"),
        (-8900, "INVALID_INPUT"),
        (8901, "EXCEEDS_REFUNDABLE"),
        (2**53 - 1, "EXCEEDS_REFUNDABLE"),
    ],
)
async def test_p04_null_zero_and_negative_amounts_are_three_things(
    here: Here, asked: int | None, answer: int | str
) -> None:
    order = await here.order(shipments=shipped())
    amount = None if asked is None else cny(asked)
    found = await here.ask(order, here.world.agent, **unit(order, amount=amount))
    assert (found.get("amount") or {"amount": found.get("code")})["amount"] == answer


@pytest.mark.parametrize(("units", "accepted"), [(1, True), (3, True), (4, False), (0, False)])
async def test_p04_no_units_and_too_many_are_refused(
    here: Here, units: int, accepted: bool
) -> None:
    order = await here.order(lines=lines(100, quantity=3), captures=[here.paid(300)])
    found = await here.ask(order, **unit(order, quantity=units))
    assert (found["__typename"] == "Refund") is accepted
    assert accepted or found["path"] == ["input", "lines", "0", "quantity"]


async def test_p04_a_list_without_lines_is_not_everything(here: Here) -> None:
    found = await here.ask(await here.order(), lines=[])
    assert (found.get("code"), found["path"]) == ("INVALID_INPUT", ["input", "lines"])
    assert here.payments == []


async def test_p05_what_the_payments_do_not_hold_is_refused_before_any_moves(here: Here) -> None:
    """Three payments, and a chargeback on one: the whole is asked for, and nothing is paid."""
    captures = [here.paid(3000), here.paid(3000, disputed=100), here.paid(2900)]
    order = await here.order(captures=captures)
    found = await here.ask(order)
    assert (found.get("code"), found["maximumRefundable"]) == ("EXCEEDS_REFUNDABLE", cny(8800))
    assert (here.payments, await here.reserved()) == ([], [0, 0, 0])


async def test_p06_two_items_that_finish_at_once_are_both_counted(here: Here) -> None:
    order = await here.order(lines=lines(100, 200, 300), captures=[here.paid(600)])
    asked = await asyncio.gather(*(here.ask(order, **unit(order, i)) for i in range(3)))
    for refund in asked:
        assert (await here.ends(refund))["status"] == "REFUNDED"
    assert (sorted(here.payments), await here.reserved()) == ([100, 200, 300], [600])
    seen = await here.world.customer(QUOTE, id=order["id"])
    assert seen["refundQuote"]["claimed"] == {"amount": 600}


async def test_p07_two_orders_that_share_a_payment_keep_to_their_shares(here: Here) -> None:
    shared = key()
    a = await here.order(lines=lines(6000), captures=[here.paid(6000, reference=shared)])
    b = await here.order(lines=lines(4000), captures=[here.paid(4000, reference=shared)])
    assert (await here.ends(await here.ask(a)))["status"] == "REFUNDED"
    assert (await here.ask(a))["reason"] == "NOTHING_LEFT"
    assert await here.reserved() == [6000, 0]
    assert (await here.ends(await here.ask(b)))["status"] == "REFUNDED"
    assert here.payments == [6000, 4000]


# --- double refund ----------------------------------------------------------------------------


async def test_p08_one_number_for_every_attempt(here: Here) -> None:
    order = await here.order("ERROR_BEFORE,TIMEOUT_AFTER")
    refund = await here.ends(await here.ask(order))
    assert refund["status"] == "REFUNDED"
    sent = here.read("select distinct number from call")
    assert sent == [(refund["payouts"][0]["number"],)]
    assert here.payments == [8900]


async def test_p09_the_intent_is_stored_before_the_bank_is_called(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another connection: what is not committed cannot be seen."""
    seen: list[tuple[str, int]] = []
    pay = here.gateway.refund

    async def look(request: RefundRequest) -> Outcome:
        [row] = await here.sql(
            "select p.status, (select count(*) from payout_attempt a where a.payout_id = p.id)"
            " as attempts from payout p where number = $1",
            request.number,
        )
        seen.append((row["status"], row["attempts"]))
        return await pay(request)

    monkeypatch.setattr(here.gateway, "refund", look)
    assert (await here.ends(await here.ask(await here.order())))["status"] == "REFUNDED"
    assert seen == [("SENDING", 1)]


async def test_p10_a_timeout_after_the_effect_is_no_failure(here: Here) -> None:
    refund = await here.ends(await here.ask(await here.order("TIMEOUT_AFTER,REFUSE*")))
    assert refund["status"] == "REFUNDED"
    calls = [(attempt["call"], attempt["outcome"]) for attempt in refund["payouts"][0]["attempts"]]
    assert calls == [("REFUND", "UNKNOWN"), ("QUERY", "SUCCEEDED")]
    assert (here.payments, await here.reserved()) == ([8900], [8900])


@pytest.mark.parametrize(
    ("script", "end", "payments"),
    [
        ("TIMEOUT_AFTER", "REFUNDED", [8900]),
        ("TIMEOUT_BEFORE", "REFUNDED", [8900]),
        ("TIMEOUT_BEFORE,REFUSE*", "PAYMENT_STUCK", []),
    ],
    ids=["paid", "nothing", "refused"],
)
async def test_p11_what_is_old_and_pending_is_asked_for_not_given_up(
    here: Here, script: str, end: str, payments: list[int]
) -> None:
    """A month in doubt proves nothing; only the bank's word does."""
    here.gateway.shy = True
    asked = await here.ask(await here.order(script))

    async def in_doubt() -> Payout | None:
        return await Payout.filter(gateway=here.bank, status="UNKNOWN", attempts=2).first()

    payout = await eventually(in_doubt, "the bank was asked and told nothing")
    await here.sql(
        "update payout set sent_at = sent_at - interval '30 days' where id = $1", payout.id
    )
    await reconciliation.reconcile()
    assert (await Payout.get(id=payout.id)).status == "UNKNOWN"
    here.gateway.shy = False

    async def job_gone() -> bool | None:
        gone = await here.sql(
            "delete from pgqueuer where convert_from(payload, 'UTF8') = $1 returning id",
            str(payout.id),
        )
        return True if gone else None

    await eventually(job_gone, "the job of the second attempt is gone")
    await reconciliation.reconcile()
    assert (await here.ends(asked))["status"] == end
    assert here.payments == payments


async def test_p12_one_key_at_the_same_moment_is_one_refund(here: Here) -> None:
    order = await here.order(lines=lines(100, quantity=9), captures=[here.paid(900)])
    asked = {"orderId": order["id"], "idempotencyKey": key(), **unit(order)}
    answers = await asyncio.gather(
        *(here.world.service.request("refundRequest", asked) for _ in range(6))
    )
    assert {answer["__typename"] for answer in answers} == {"Refund"}
    assert len({answer["id"] for answer in answers}) == 1
    assert (await here.ends(answers[0]))["status"] == "REFUNDED"
    assert here.payments == [100]
    other = {**asked, **unit(order, quantity=2)}
    conflict = await here.world.service.request("refundRequest", other)
    assert conflict.get("code") == "IDEMPOTENCY_CONFLICT"


async def test_p13_two_equal_parts_of_one_order_are_both_paid(here: Here) -> None:
    order = await here.order(lines=lines(4450, quantity=2))
    for _ in range(2):
        assert (await here.ends(await here.ask(order, **unit(order))))["status"] == "REFUNDED"
    assert here.payments == [4450, 4450]
    assert len(here.read("select distinct number from payment")) == 2


async def test_p14_two_people_who_saw_the_same_balance(here: Here) -> None:
    order = await here.order(lines=lines(4450, quantity=2))
    seen = cny(8900)
    first = await here.ask(order, here.world.agent, **unit(order), expectedRefundable=seen)
    second = await here.ask(order, here.world.owner, **unit(order), expectedRefundable=seen)
    assert first["__typename"] == "Refund"
    assert (second.get("code"), second.get("maximumRefundable")) == ("STALE_BALANCE", cny(4450))


async def test_p15_the_webhook_of_our_own_refund_is_no_second_refund(here: Here) -> None:
    refund = await here.ends(await here.ask(await here.order()))
    number = refund["payouts"][0]["number"]
    for _ in range(2):
        assert (await here.tell(number, "SUCCEEDED")).status_code == 200

    async def both_handled() -> bool | None:
        handled = WebhookMessage.filter(number=number, handled_at__isnull=False)
        return True if await handled.count() == 2 else None

    await eventually(both_handled, "both messages were handled")
    after = await here.world.owner.refund(refund["id"])
    assert (after["version"], types(after).count("PAYOUT_SUCCEEDED")) == (refund["version"], 1)
    assert (here.payments, await here.reserved()) == ([8900], [8900])


async def test_p16_after_a_chargeback_there_is_nothing_to_refund(here: Here) -> None:
    order = await here.order(captures=[here.paid(8900, disputed=8900)])
    found = await here.ask(order)
    assert found.get("code") == "EXCEEDS_REFUNDABLE"
    assert found["maximumRefundable"] == cny(0)
    assert here.payments == []


async def test_p16_a_chargeback_after_the_refund_is_flagged(here: Here) -> None:
    number, capture = key(), here.paid(8900)
    order = await here.order(number=number, captures=[capture])
    await here.ends(await here.ask(order))
    await here.order(number=number, captures=[{**capture, "disputed": 8900}])
    [row] = await here.sql(
        "select disputed, dispute_excess from capture where gateway = $1", here.bank
    )
    assert (row["disputed"], row["dispute_excess"]) == (0, 8900)


async def test_p16_a_chargeback_stops_a_refund_that_was_not_sent_yet(here: Here) -> None:
    """Committed, but its neighbour is still at the bank: it would go out after the chargeback."""
    here.gateway.shy = True
    number, capture = key(), here.paid(8900, "TIMEOUT_BEFORE")
    order = await here.order(number=number, lines=lines(4000, 4900), captures=[capture])
    first = await here.ask(order, **unit(order, 0))

    async def at_the_bank() -> Payout | None:
        return await Payout.filter(gateway=here.bank, status="UNKNOWN").first()

    await eventually(at_the_bank, "the first is at the bank")
    second = await here.ask(order, **unit(order, 1))
    await here.world.reaches(second, "APPROVED")
    reported: dict[str, Any] = {"number": number, "lines": lines(4000, 4900)}
    await here.order(**reported, captures=[{**capture, "disputed": 8900}])
    neighbour = await Payout.get(gateway=here.bank, status="UNKNOWN")
    await here.tell(neighbour.number, "SUCCEEDED", amount=4000)
    assert (await here.ends(first))["status"] == "REFUNDED"
    held = await here.world.reaches(second, "PAYMENT_STUCK")
    assert (held["stuckReason"], held["payouts"][0]["attempts"]) == ("DISPUTED", [])
    await here.order(**reported, captures=[capture])
    here.gateway.shy = False
    await retried(here, held)
    assert (await here.ends(held))["status"] == "REFUNDED"
    assert here.payments == [4900]


# --- stuck, late and out of order -------------------------------------------------------------


async def test_p17_what_failed_is_tried_again_under_the_same_refund(here: Here) -> None:
    stuck = await here.ends(await here.ask(await here.order("REFUSE,OK*")))
    assert stuck["status"] == "PAYMENT_STUCK"
    assert (await retried(here, stuck))["__typename"] == "Refund"
    refund = await here.world.reaches(stuck, "REFUNDED")
    assert (refund["id"], here.payments) == (stuck["id"], [8900])


async def test_p18_a_failure_gives_the_balance_back(here: Here) -> None:
    refund = await here.ends(await here.ask(await here.order("REFUSE*")))
    assert refund["status"] == "PAYMENT_STUCK"
    assert await here.reserved() == [0]


async def test_p18_a_limit_of_n_allows_exactly_n(here: Here, settings: Settings) -> None:
    refund = await here.ends(await here.ask(await here.order("RATE_LIMITED*")))
    assert len(refund["payouts"][0]["attempts"]) == settings.payout_tries
    assert len(here.read("select id from call")) == settings.payout_tries


async def test_p19_what_was_not_sent_does_not_say_that_it_was(here: Here) -> None:
    missing = {"gateway": "not-installed", "reference": key(), "amount": 8900}
    asked = await here.ask(await here.order(captures=[missing]))

    async def parked() -> Payout | None:
        return await Payout.filter(refund__number=asked["number"], parked_at__isnull=False).first()

    row = await eventually(parked, "parked")
    assert (row.parked_reason, row.status) == ("GATEWAY_MISSING", PayoutStatus.READY)
    assert (row.sent_at, row.attempts) == (None, 0)
    refund = await here.world.owner.refund(asked["id"])
    assert (refund["status"], refund["timeline"][-1]["type"]) == ("APPROVED", "PAYOUT_PARKED")


async def test_p20_a_late_refusal_does_not_undo_a_success(here: Here) -> None:
    refund = await here.ends(await here.ask(await here.order()))
    number = refund["payouts"][0]["number"]
    for state in ("REJECTED", "PROCESSING"):
        await here.tell(number, state)

    async def handled() -> bool | None:
        rows = WebhookMessage.filter(number=number, handled_at__isnull=False)
        return True if await rows.count() == 2 else None

    await eventually(handled, "both messages were handled")
    after = await here.world.owner.refund(refund["id"])
    assert (after["status"], await here.reserved()) == ("REFUNDED", [8900])


async def test_p20_a_reversal_does(here: Here) -> None:
    refund = await here.ends(await here.ask(await here.order()))
    await here.tell(refund["payouts"][0]["number"], "REVERSED")
    refund = await here.world.reaches(refund, "PAYMENT_STUCK")
    assert (refund["stuckReason"], await here.reserved()) == ("REVERSED", [0])


async def test_p21_a_bank_that_sends_no_message_is_asked(here: Here) -> None:
    refund = await here.ends(await here.ask(await here.order("PROCESSING")))
    assert (refund["status"], here.payments) == ("REFUNDED", [8900])


async def test_p21_a_bank_that_never_tells_ends_with_a_person(here: Here) -> None:
    refund = await here.ends(await here.ask(await here.order("ERROR_BEFORE*")))
    assert (refund["status"], refund["stuckReason"]) == ("PAYMENT_STUCK", "NO_ANSWER")


async def test_p22_the_banks_reference_is_kept_and_is_not_the_payments(here: Here) -> None:
    """Told by a webhook first; the query goes by our own number."""
    here.gateway.shy = True
    asked = await here.ask(await here.order("TIMEOUT_AFTER"))

    async def in_doubt() -> Payout | None:
        return await Payout.filter(gateway=here.bank, status="UNKNOWN").first()

    payout = await eventually(in_doubt, "the bank has it, and tells nothing")
    assert payout.gateway_reference is None
    await here.tell(payout.number, "SUCCEEDED", reference="BANK-1")
    assert (await here.ends(asked))["status"] == "REFUNDED"
    payout = await Payout.get(id=payout.id)
    assert payout.gateway_reference == "BANK-1"
    assert payout.gateway_reference != payout.request["capture_reference"]


async def test_p23_a_message_with_a_wrong_reference_does_not_stop_the_polling(here: Here) -> None:
    asked = await here.ask(await here.order("TIMEOUT_AFTER"))
    answer = await here.tell("RP-SOMEBODY-ELSES", "SUCCEEDED")
    assert answer.status_code == 200
    refund = await here.ends(asked)
    assert (refund["status"], here.payments) == ("REFUNDED", [8900])


async def test_p24_what_was_not_stored_is_not_acknowledged(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund = await here.ends(await here.ask(await here.order()))
    number = refund["payouts"][0]["number"]

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "enqueue", fail)
        assert (await here.tell(number, "REVERSED")).status_code == 500
    assert await WebhookMessage.filter(number=number).count() == 0
    assert (await here.tell(number, "REVERSED")).status_code == 200
    await here.world.reaches(refund, "PAYMENT_STUCK")


# --- rounding, currency, shipping -------------------------------------------------------------


async def test_p26_unit_by_unit_ends_at_exactly_what_was_paid(here: Here) -> None:
    """179.25 for seven pieces: no seventh of it is a whole cent."""
    bundle = [{**lines(2561, quantity=7)[0], "discount": 2}]
    order = await here.order(lines=bundle, captures=[here.paid(17925)])
    for _ in range(7):
        assert (await here.ends(await here.ask(order, **unit(order))))["status"] == "REFUNDED"
    assert sorted(here.payments) == [2560, 2560, 2561, 2561, 2561, 2561, 2561]
    assert (sum(here.payments), await here.reserved()) == (17925, [17925])


async def test_p27_no_cent_is_kept_back(here: Here) -> None:
    """A discount of a third over three lines, asked back line by line."""
    order = await here.order(
        lines=lines(1000, 1000, 1000), discount=1000, captures=[here.paid(2000)]
    )
    for position in range(3):
        assert (await here.ends(await here.ask(order, **unit(order, position))))[
            "status"
        ] == "REFUNDED"
    assert sorted(here.payments) == [666, 667, 667]


@pytest.mark.parametrize(
    ("currency", "amount", "decimal"),
    [
        ("JPY", 8900, "8900"),
        ("KRW", 8900, "8900"),
        ("KWD", 8905, "8.905"),
        ("EUR", 8900, "89.00"),
        ("CNY", 8900, "89.00"),
    ],
)
async def test_p28_minor_units_are_the_currencys_own(
    here: Here, settings: Settings, currency: str, amount: int, decimal: str
) -> None:
    abroad = await make_world(here.api, settings, currency=currency)
    order = await abroad.order(currency=currency, lines=lines(amount), captures=[here.paid(amount)])
    asked = await abroad.refund(abroad.customer, order)
    refund = await abroad.reaches(asked, "REFUNDED", "PAYMENT_STUCK")
    seen = await abroad.owner.refund(refund["id"], "read: amount { decimal }")
    assert (seen["status"], seen["read"]["decimal"]) == ("REFUNDED", decimal)
    assert here.read("select amount, currency from payment") == [(amount, currency)]


MONEY_CODE = (
    "money.py",
    "flow/quote.py",
    "flow/request.py",
    "flow/claims.py",
    "flow/classification.py",
    "flow/inspection.py",
    "flow/findings.py",
    "flow/chargebacks.py",
    "flow/finance.py",
    "flow/payout.py",
    "flow/policy.py",
    "catalogue/orders.py",
    "models/order.py",
    "models/payout.py",
    "models/refund.py",
)


@pytest.mark.parametrize("file", MONEY_CODE)
def test_p28_no_float_touches_the_money(file: str) -> None:
    source = (Path(refund_gql.__file__).parent / file).read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, ast.Div), file
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), file
        assert not (isinstance(node, ast.Name) and node.id in ("float", "round")), file
        assert not (isinstance(node, ast.Attribute) and node.attr == "FloatField"), file


async def test_p29_another_currency_is_refused(here: Here) -> None:
    order = await here.order(shipments=shipped())
    rupees = {"amount": 8900, "currency": "INR"}
    found = await here.ask(order, here.world.agent, **unit(order, amount=rupees))
    assert found.get("code") == "INVALID_INPUT"
    assert found["path"] == ["input", "lines", "0", "amount", "currency"]
    found = await here.ask(order, here.world.agent, expectedRefundable=rupees)
    assert found.get("code") == "INVALID_INPUT"
    assert here.payments == []


async def test_p31_shipping_goes_back_once_and_with_the_last_goods(here: Here) -> None:
    order = await here.order(
        lines=lines(3000, 5000), shippingAmount=1200, captures=[here.paid(9200)]
    )
    first = await here.ask(order, **unit(order, 0))
    last = await here.ask(order, **unit(order, 1))
    assert (first["amount"]["amount"], last["amount"]["amount"]) == (3000, 6200)
    for refund in (first, last):
        assert (await here.ends(refund))["status"] == "REFUNDED"
    assert sorted(here.payments) == [3000, 6200]


async def test_p31_shipping_that_was_used_does_not_go_back_with_what_was_not_sent(
    here: Here,
) -> None:
    """One line was shipped and is asked back first; the last line to go was never sent."""
    [parcel] = shipped()
    parcel["lines"] = [{"position": 0, "quantity": 1}]
    order = await here.order(
        lines=lines(3000, 5000),
        shippingAmount=1200,
        shipments=[parcel],
        captures=[here.paid(9200)],
    )
    first = await here.ask(order, **unit(order, 0))
    last = await here.ask(order, **unit(order, 1))
    assert (first["amount"]["amount"], last["amount"]["amount"]) == (3000, 5000)


async def test_p31_free_shipping_is_not_refunded(here: Here) -> None:
    found = await here.ask(await here.order(shippingAmount=0))
    assert found["amount"] == cny(8900)


# --- goods, points, authority -----------------------------------------------------------------


async def test_p35_what_arrived_is_paid_not_what_was_announced(here: Here) -> None:
    order = await here.order(
        lines=lines(3000, quantity=3), captures=[here.paid(9000)], shipments=shipped()
    )
    refund = await here.world.reaches(await here.ask(order), "REVIEW")
    await here.world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    refund = await here.world.warehouse.mutate("returnReceive", step(refund))
    two = {"refundLineId": refund["lines"][0]["id"], "verdict": "ACCEPTED", "receivedQuantity": 2}
    refund = await here.world.warehouse.mutate("returnInspect", step(refund, lines=[two]))
    await here.world.finance.mutate("refundApproveFinance", step(refund))
    await here.ends(refund)
    assert here.payments == [6000]


async def test_p39_nothing_to_pay_needs_no_bank(here: Here) -> None:
    refund = await here.ends(await here.ask(await here.order(lines=lines(0), captures=[])))
    assert (refund["status"], refund["payouts"]) == ("REFUNDED", [])
    assert here.read("select id from call") == []


async def test_p40_a_customer_names_no_amount(here: Here) -> None:
    order = await here.order(shipments=shipped())
    for amount in (1, 8900):
        found = await here.ask(order, **unit(order, amount=cny(amount)))
        assert (found.get("code"), found["reason"]) == ("NOT_ALLOWED", "AMOUNT_IS_COMPUTED")


async def test_p40_a_customer_sees_no_other_customers_order(here: Here) -> None:
    foreign = await here.order(customerReference="C-2")
    assert (await here.ask(foreign))["code"] == "NOT_FOUND"
    assert here.payments == []


async def test_p41_nobody_releases_what_they_asked_for(here: Here) -> None:
    order = await here.order(lines=lines(39900), captures=[here.paid(39900)], shipments=shipped())
    refund = await here.world.reaches(await here.ask(order, here.world.owner), "REVIEW")
    await here.world.agent.mutate("refundApprove", step(refund, kind="REFUND_ONLY"))
    await here.world.warehouse.mutate("refundConfirmWarehouse", step(refund, verdict="GOODS_GONE"))
    answer = await here.world.owner.mutate("refundApproveFinance", step(refund))
    assert answer["__typename"] == "NotAllowed"
    assert (await here.world.owner.refund(refund["id"]))["payouts"] == []


async def test_p41_a_second_request_while_one_waits_is_refused(here: Here) -> None:
    order = await here.order(shipments=shipped())
    await here.world.reaches(await here.ask(order), "REVIEW")
    again = await here.ask(order, here.world.agent)
    assert (again.get("code"), again["reason"]) == ("NOT_REFUNDABLE", "NOTHING_LEFT")


async def test_p43_a_failed_refund_leaves_the_order_as_it_was(here: Here) -> None:
    order = await here.order("REFUSE*", shippingAmount=0)
    columns = "fulfilment, goods_amount, shipping_amount, total, closed_at, placed_at"
    rows = f'select {columns} from "order" where number = $1'
    before = await here.sql(rows, order["number"])
    assert (await here.ends(await here.ask(order)))["status"] == "PAYMENT_STUCK"
    assert await here.sql(rows, order["number"]) == before


async def test_p44_the_window_is_counted_in_the_shops_days(here: Here) -> None:
    """Delivered at 23:30 of March 1st in Shanghai, the afternoon in UTC; seven days."""
    arrived = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)
    parcel = {
        "courier": "SF",
        "trackingNumber": key()[:12],
        "shippedAt": (arrived - timedelta(days=1)).isoformat(),
        "deliveredAt": arrived.isoformat(),
    }
    order = await here.order(shipments=[parcel])
    with clock.fixed(lambda: datetime(2026, 3, 8, 16, tzinfo=UTC)):
        late = await here.ask(order)
    assert late.get("reason") == "WINDOW_CLOSED"
    with clock.fixed(lambda: datetime(2026, 3, 8, 15, 59, 59, tzinfo=UTC)):
        in_time = await here.ask(order)
    assert in_time["__typename"] == "Refund"


# --- the defects themselves -------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]


def maximum_without(*forgotten: str) -> Plant:
    """The refundable rest forgets what pends, or what a chargeback holds."""

    def maximum(self: Quote) -> int:
        spent = 0 if "claims" in forgotten else max(self.claimed, self.reserved)
        disputed = 0 if "disputes" in forgotten else self.disputed
        return max(0, self.captured - disputed - spent)

    return lambda patch: patch.setattr(Quote, "maximum", property(maximum))


def no_lock(patch: pytest.MonkeyPatch) -> None:
    load = quote.load

    async def without(tx: Any, shop_id: Any, order_id: Any, *, lock: bool = False) -> Any:
        return await load(tx, shop_id, order_id)

    patch.setattr(quote, "load", without)


def zero_is_everything(patch: pytest.MonkeyPatch) -> None:
    value = RefundLineInput.value

    def careless(self: RefundLineInput, i: int) -> Any:
        line = value(self, i)
        return line if line.amount and line.amount.amount else replace(line, amount=None)

    patch.setattr(RefundLineInput, "value", careless)


def a_new_number_per_attempt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        conversation,
        "request_of",
        lambda payout: RefundRequest(**{**payout.request, "number": f"RP{key()}"}),
    )


def a_timeout_is_a_refusal(patch: pytest.MonkeyPatch) -> None:
    ask = calling._ask

    async def hasty(*arguments: Any) -> Outcome:
        outcome = await ask(*arguments)
        unknown = outcome.state is OutcomeState.UNKNOWN
        return replace(outcome, state=OutcomeState.REJECTED) if unknown else outcome

    patch.setattr(calling, "_ask", hasty)


def one_try_too_many(patch: pytest.MonkeyPatch) -> None:
    terms = Gateways._terms
    patch.setattr(
        Gateways,
        "_terms",
        lambda self, gateway: replace(terms(self, gateway), tries=self.tries + 1),
    )


def nothing_is_given_back(patch: pytest.MonkeyPatch) -> None:
    async def keep(*_: object) -> None:
        """Forget to release."""

    patch.setattr(payout, "release", keep)


def the_last_message_wins(patch: pytest.MonkeyPatch) -> None:
    settle = settlement.settle

    async def forgetful(change: Any, payout: Payout, outcome: Outcome, terms: Any) -> None:
        if payout.status is PayoutStatus.SUCCEEDED:
            payout.status = PayoutStatus.PROCESSING
        await settle(change, payout, outcome, terms)

    patch.setattr(settlement, "settle", forgetful)


def the_reference_is_dropped(patch: pytest.MonkeyPatch) -> None:
    understood = calling.understood
    patch.setattr(calling, "understood", lambda answer: replace(understood(answer), reference=None))


def errors_are_swallowed(patch: pytest.MonkeyPatch) -> None:
    store = webhooks._store

    async def silently(*arguments: Any) -> None:
        try:
            await store(*arguments)
        except Exception:
            return

    patch.setattr(webhooks, "_store", silently)


def every_unit_is_rounded_down(patch: pytest.MonkeyPatch) -> None:
    worth = quote.LineQuote.worth

    def each(self: quote.LineQuote, quantity: int) -> int:
        return min(worth(self, quantity), self.amount // self.quantity * quantity)

    patch.setattr(quote.LineQuote, "worth", each)


PLANTED: list[tuple[Callable[..., Any], tuple[Any, ...], Plant]] = [
    (test_p01_of_parallel_requests_exactly_what_fits_is_accepted, (), no_lock),
    (
        test_p02_parts_that_fit_one_by_one_do_not_fit_together,
        (),
        maximum_without("claims"),
    ),
    (test_p03_pending_refunds_count, (), maximum_without("claims")),
    (
        test_p04_null_zero_and_negative_amounts_are_three_things,
        (0, "INVALID_INPUT"),
        zero_is_everything,
    ),
    (test_p08_one_number_for_every_attempt, (), a_new_number_per_attempt),
    (test_p10_a_timeout_after_the_effect_is_no_failure, (), a_timeout_is_a_refusal),
    (
        test_p14_two_people_who_saw_the_same_balance,
        (),
        lambda patch: patch.setattr(request, "_refuse_stale_balance", lambda *_: None),
    ),
    (
        test_p16_after_a_chargeback_there_is_nothing_to_refund,
        (),
        maximum_without("disputes"),
    ),
    (
        test_p17_what_failed_is_tried_again_under_the_same_refund,
        (),
        lambda patch: patch.setattr(payout, "STUCK", ()),
    ),
    (test_p18_a_failure_gives_the_balance_back, (), nothing_is_given_back),
    (test_p20_a_late_refusal_does_not_undo_a_success, (), the_last_message_wins),
    (
        test_p22_the_banks_reference_is_kept_and_is_not_the_payments,
        (),
        the_reference_is_dropped,
    ),
    (test_p26_unit_by_unit_ends_at_exactly_what_was_paid, (), every_unit_is_rounded_down),
    (
        test_p28_minor_units_are_the_currencys_own,
        ("JPY", 8900, "8900"),
        lambda patch: patch.setitem(money.EXPONENTS, "JPY", 2),
    ),
    (
        test_p29_another_currency_is_refused,
        (),
        lambda patch: patch.setattr(request, "_require_currency", lambda *_: None),
    ),
    (
        test_p31_shipping_goes_back_once_and_with_the_last_goods,
        (),
        lambda patch: patch.setattr(policy, "refunds_shipping", lambda *_, **__: True),
    ),
    (
        test_p35_what_arrived_is_paid_not_what_was_announced,
        (),
        lambda patch: patch.setattr(findings, "share", lambda total, part, whole: total),
    ),
    (
        test_p41_nobody_releases_what_they_asked_for,
        (),
        lambda patch: patch.setattr(makers, "of", _nobody),
    ),
    (
        test_p44_the_window_is_counted_in_the_shops_days,
        (),
        lambda patch: patch.setattr(policy, "ZoneInfo", lambda name: UTC),
    ),
]


async def _nobody(*_: object) -> set[str]:
    return set()


@pytest.mark.parametrize(
    ("pitfall", "values", "plant"), PLANTED, ids=lambda value: getattr(value, "__name__", "")
)
async def test_the_pitfalls_test_notices_the_pitfall(
    here: Here,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    pitfall: Callable[..., Any],
    values: tuple[Any, ...],
    plant: Plant,
) -> None:
    more = (settings,) if "settings" in pitfall.__annotations__ else ()
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        await pitfall(here, *more, *values)


async def test_the_attempts_limit_is_noticed(
    here: Here, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_try_too_many(monkeypatch)
    with pytest.raises(AssertionError):
        await test_p18_a_limit_of_n_allows_exactly_n(here, settings)


async def test_a_swallowed_error_is_noticed(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    errors_are_swallowed(monkeypatch)
    with pytest.raises(AssertionError):
        await test_p24_what_was_not_stored_is_not_acknowledged(here, monkeypatch)
