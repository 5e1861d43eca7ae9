"""Each misbehaviour: what the engine sees, and whether the money moved."""

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from refund_gql_sandbox.file import FileError
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.gateway.ledger import SettleError
from refund_gql_sandbox.gateway.message import Message
from refund_gql_sandbox.script import InstructionError
from refund_gql_sandbox.settings import SandboxSettings

from refund_gql.providers import (
    Acknowledgement,
    GatewayCapabilities,
    Misconfigured,
    Outcome,
    OutcomeState,
    RefundRequest,
)

NUMBER = "R000000000000000000000000000000001"
REFERENCE = f"SBX-{NUMBER}"
PAID = Outcome(
    state=OutcomeState.SUCCEEDED,
    reference=REFERENCE,
    code="SUCCEEDED",
    amount=1500,
    currency="EUR",
)
ABSENT = Outcome(
    state=OutcomeState.UNKNOWN,
    code="NOT_FOUND",
    message="The bank has no refund of this number",
    absent=True,
)
SERVER_ERROR = Outcome(
    state=OutcomeState.UNKNOWN, code="500", message="The bank had an internal error"
)


def a_gateway(tmp_path: Path, **seconds: float) -> SandboxGateway:
    # Times so short that no test waits, and so long where a test must not see time pass.
    quick = {"timeout_seconds": 0.0, "slow_seconds": 0.0, "processing_seconds": 3600.0}
    settings = {**quick, "reverse_after_seconds": 3600.0, **seconds}
    return SandboxGateway(
        SandboxSettings.model_validate({"ledger": tmp_path / "bank.sqlite", **settings})
    )


def a_request(
    misbehaviours: str = "", *, number: str = NUMBER, amount: int = 1500
) -> RefundRequest:
    return RefundRequest(
        number=number,
        amount=amount,
        currency="EUR",
        capture_reference="CAP-1",
        captured_amount=5000,
        metadata={"sandbox": misbehaviours} if misbehaviours else {},
    )


def payments(gateway: SandboxGateway) -> list[tuple[str, int, str]]:
    with closing(sqlite3.connect(gateway.ledger.path)) as db:
        return db.execute("SELECT number, amount, currency FROM payment ORDER BY id").fetchall()


def calls(gateway: SandboxGateway) -> list[tuple[str, str, int]]:
    with closing(sqlite3.connect(gateway.ledger.path)) as db:
        return db.execute("SELECT operation, misbehaviour, effect FROM call ORDER BY id").fetchall()


ONCE = [(NUMBER, 1500, "EUR")]


async def test_a_refund_pays_at_once_and_is_known_to_query(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert await gateway.query(a_request()) == ABSENT
    assert await gateway.refund(a_request()) == PAID
    assert await gateway.query(a_request()) == PAID
    assert payments(gateway) == ONCE
    assert calls(gateway) == [("query", "OK", 0), ("refund", "OK", 1), ("query", "OK", 0)]
    await gateway.aclose()


async def test_the_same_number_pays_once_and_hears_the_same(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert [await gateway.refund(a_request()) for _ in range(3)] == [PAID] * 3
    assert payments(gateway) == ONCE
    assert [effect for _, _, effect in calls(gateway)] == [1, 0, 0]
    await gateway.aclose()


@pytest.mark.parametrize(
    "other",
    [
        replace(a_request(), amount=1501),
        replace(a_request(), currency="USD"),
        replace(a_request(), capture_reference="CAP-2"),
    ],
    ids=["amount", "currency", "capture"],
)
async def test_a_number_cannot_be_reused_for_another_refund(
    tmp_path: Path, other: RefundRequest
) -> None:
    gateway = a_gateway(tmp_path)
    await gateway.refund(a_request())
    assert await gateway.refund(other) == Outcome(
        state=OutcomeState.REJECTED,
        code="NUMBER_REUSED",
        message="The number belongs to a refund of another amount, currency or capture",
    )
    assert await gateway.query(a_request()) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_the_cap_is_not_the_banks_business(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    outcome = await gateway.refund(a_request(amount=999_999))
    assert outcome == replace(PAID, amount=999_999)
    assert payments(gateway) == [(NUMBER, 999_999, "EUR")]
    await gateway.aclose()


async def test_refuse_pays_nothing(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert await gateway.refund(a_request("REFUSE")) == Outcome(
        state=OutcomeState.REJECTED, code="REFUSED", message="The bank refuses this refund"
    )
    assert await gateway.query(a_request()) == ABSENT
    assert payments(gateway) == []
    assert calls(gateway) == [("refund", "REFUSE", 0), ("query", "OK", 0)]
    await gateway.aclose()


async def test_rate_limited_asks_to_be_left_alone_then_pays(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, retry_after_seconds=7)
    assert await gateway.refund(a_request("RATE_LIMITED")) == Outcome(
        state=OutcomeState.REJECTED,
        code="RATE_LIMITED",
        message="Too many requests",
        retriable=True,
        retry_after=timedelta(seconds=7),
    )
    assert payments(gateway) == []
    assert await gateway.refund(a_request("RATE_LIMITED")) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_an_unreachable_bank_pays_nothing_and_may_be_tried_again(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert await gateway.refund(a_request("UNREACHABLE")) == Outcome(
        state=OutcomeState.REJECTED,
        code="UNREACHABLE",
        message="The connection to the bank failed before anything was sent",
        retriable=True,
    )
    assert payments(gateway) == []
    assert await gateway.refund(a_request("UNREACHABLE")) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


@pytest.mark.parametrize(
    ("misbehaviours", "amount"), [("NUMBER_SPENT", 1500), ("", 9003)], ids=["metadata", "amount"]
)
async def test_a_spent_number_stays_spent_and_a_new_one_pays(
    tmp_path: Path, misbehaviours: str, amount: int
) -> None:
    gateway = a_gateway(tmp_path)
    spent = a_request(misbehaviours, amount=amount)
    refused = Outcome(
        state=OutcomeState.REJECTED,
        code="NUMBER_SPENT",
        message="The number is used up; send the refund with a new one",
        renumber=True,
    )
    assert [await gateway.refund(spent) for _ in range(2)] == [refused] * 2
    assert await gateway.query(spent) == ABSENT
    assert await gateway.refund(replace(spent, amount=77)) == refused
    assert payments(gateway) == []

    outcome = await gateway.refund(replace(spent, number="R2"))
    assert outcome == replace(PAID, reference="SBX-R2", amount=amount)
    assert await gateway.refund(spent) == refused
    assert payments(gateway) == [("R2", amount, "EUR")]
    await gateway.aclose()


async def test_spent_for_ever_spends_every_number(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    numbers = ["R1", "R2", "R3"]
    requests = [a_request("NUMBER_SPENT*", number=number) for number in numbers]
    outcomes = [await gateway.refund(request) for request in requests]
    assert [outcome.renumber for outcome in outcomes] == [True] * 3
    assert payments(gateway) == []
    await gateway.aclose()


async def test_the_new_number_goes_on_in_the_sequence(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    sequence = "NUMBER_SPENT,ERROR_BEFORE,OK"
    await gateway.refund(a_request(sequence, number="R1"))
    assert await gateway.refund(a_request(sequence, number="R2")) == SERVER_ERROR
    assert payments(gateway) == []
    outcome = await gateway.refund(a_request(sequence, number="R2"))
    assert outcome == replace(PAID, reference="SBX-R2")
    assert payments(gateway) == [("R2", 1500, "EUR")]
    await gateway.aclose()


async def test_timeout_before_hangs_raises_and_pays_nothing(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, timeout_seconds=0.05)
    start = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^the sandbox did not answer in time$"):
        await gateway.refund(a_request("TIMEOUT_BEFORE"))
    assert time.monotonic() - start >= 0.05
    assert await gateway.query(a_request()) == ABSENT
    assert payments(gateway) == []
    assert await gateway.refund(a_request("TIMEOUT_BEFORE")) == PAID
    await gateway.aclose()


async def test_timeout_after_hangs_raises_and_has_paid(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, timeout_seconds=0.05)
    start = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^the sandbox did not answer in time$"):
        await gateway.refund(a_request("TIMEOUT_AFTER"))
    assert time.monotonic() - start >= 0.05
    assert payments(gateway) == ONCE
    assert calls(gateway) == [("refund", "TIMEOUT_AFTER", 1)]
    assert await gateway.query(a_request()) == PAID
    assert await gateway.refund(a_request("TIMEOUT_AFTER")) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_a_cancelled_call_has_paid_and_is_known(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, timeout_seconds=60)
    await gateway.check()
    call = asyncio.create_task(gateway.refund(a_request("TIMEOUT_AFTER")))
    for _ in range(600):
        if payments(gateway):
            break
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await gateway.query(a_request()) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_error_before_pays_nothing(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert await gateway.refund(a_request("ERROR_BEFORE")) == SERVER_ERROR
    assert await gateway.query(a_request()) == ABSENT
    assert payments(gateway) == []
    await gateway.aclose()


async def test_error_after_has_paid(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert await gateway.refund(a_request("ERROR_AFTER")) == SERVER_ERROR
    assert await gateway.query(a_request()) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_an_unknown_status_has_paid(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert await gateway.refund(a_request("UNKNOWN_STATUS")) == Outcome(
        state=OutcomeState.UNKNOWN,
        code="QUEUED_AT_PARTNER",
        message="The bank answered a status that is in no table",
    )
    assert await gateway.query(a_request()) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_slow_pays_and_answers_late(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, slow_seconds=0.05)
    start = time.monotonic()
    assert await gateway.refund(a_request("SLOW")) == PAID
    assert time.monotonic() - start >= 0.05
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_processing_pays_nothing_until_its_time_has_come(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    processing = replace(PAID, state=OutcomeState.PROCESSING, code="PROCESSING")
    assert await gateway.refund(a_request("PROCESSING")) == processing
    assert await gateway.query(a_request()) == processing
    assert await gateway.refund(a_request("PROCESSING*")) == processing
    assert payments(gateway) == []
    assert calls(gateway)[0] == ("refund", "PROCESSING", 1)
    await gateway.aclose()


async def test_processing_pays_once_when_its_time_has_come(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, processing_seconds=0)
    outcome = await gateway.refund(a_request("PROCESSING"))
    assert outcome.state is OutcomeState.PROCESSING
    assert payments(gateway) == []
    assert [await gateway.query(a_request()) for _ in range(2)] == [PAID] * 2
    assert await gateway.refund(a_request("PROCESSING")) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_manual_waits_for_a_person(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    manual = replace(PAID, state=OutcomeState.NEEDS_MANUAL, code="NEEDS_MANUAL")
    assert await gateway.refund(a_request("MANUAL")) == manual
    assert await gateway.refund(a_request("MANUAL")) == manual
    assert await gateway.query(a_request()) == manual
    assert payments(gateway) == []

    await gateway.ledger.settle(NUMBER)
    assert await gateway.query(a_request()) == PAID
    assert payments(gateway) == ONCE
    with pytest.raises(SettleError, match=f"{NUMBER} is SUCCEEDED"):
        await gateway.ledger.settle(NUMBER)
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_a_number_nobody_sent_cannot_be_settled(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    with pytest.raises(SettleError, match=f"{NUMBER} is unknown to the bank"):
        await gateway.ledger.settle(NUMBER)
    assert payments(gateway) == []
    await gateway.aclose()


async def test_wrong_amount_pays_the_right_one(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert await gateway.refund(a_request("WRONG_AMOUNT")) == replace(PAID, amount=1501)
    assert payments(gateway) == ONCE
    assert await gateway.query(a_request()) == PAID
    await gateway.aclose()


async def test_reverse_later_is_succeeded_until_its_time_has_come(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    assert await gateway.refund(a_request("REVERSE_LATER")) == PAID
    assert await gateway.query(a_request()) == PAID
    await gateway.aclose()


async def test_reverse_later_is_told_by_query_only(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path, reverse_after_seconds=0)
    assert await gateway.refund(a_request("REVERSE_LATER")) == PAID
    taken_back = replace(PAID, state=OutcomeState.REVERSED, code="REVERSED")
    assert [await gateway.query(a_request()) for _ in range(2)] == [taken_back] * 2
    assert await gateway.refund(a_request("REVERSE_LATER")) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_an_effect_on_a_reused_number_moves_nothing(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    await gateway.refund(a_request())
    other = a_request("OK,TIMEOUT_AFTER,ERROR_AFTER,WRONG_AMOUNT", amount=9)
    with pytest.raises(TimeoutError):
        await gateway.refund(other)
    assert await gateway.refund(other) == SERVER_ERROR
    assert (await gateway.refund(other)).code == "NUMBER_REUSED"
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_a_refusal_of_a_repetition_does_not_undo_the_payment(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    with pytest.raises(TimeoutError):
        await gateway.refund(a_request("TIMEOUT_AFTER,REFUSE"))
    assert (await gateway.refund(a_request("TIMEOUT_AFTER,REFUSE"))).code == "REFUSED"
    assert await gateway.query(a_request()) == PAID
    assert payments(gateway) == ONCE
    await gateway.aclose()


async def test_metadata_nobody_understands_never_reaches_the_bank(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    await gateway.check()
    outcome = await gateway.refund(a_request("TIMEOUT_AFTR"))
    assert (outcome.state, outcome.code) == (OutcomeState.REJECTED, "SANDBOX_INSTRUCTION")
    assert outcome.message is not None
    assert outcome.message.startswith(
        "refund-gql-sandbox: the capture's metadata 'sandbox': 'TIMEOUT_AFTR' is not a valid"
    )
    assert calls(gateway) == []
    assert payments(gateway) == []
    await gateway.aclose()


async def test_check_makes_the_ledger_and_moves_no_money(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    await gateway.check()
    assert (payments(gateway), calls(gateway)) == ([], [])
    await gateway.aclose()


async def test_check_names_a_ledger_that_cannot_be_opened(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path / "missing")
    with pytest.raises(FileError, match=r"missing/bank\.sqlite: unable to open database file"):
        await gateway.check()
    assert not (tmp_path / "missing").exists()
    await gateway.aclose()


async def test_check_names_a_ledger_that_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "bank.sqlite").write_text("not a database, but long enough to be read as one" * 9)
    gateway = a_gateway(tmp_path)
    with pytest.raises(FileError, match="file is not a database"):
        await gateway.check()
    await gateway.aclose()


async def test_check_reads_the_script(tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text("{}")
    settings = SandboxSettings(ledger=tmp_path / "bank.sqlite", script=script)
    gateway = SandboxGateway(settings)
    with pytest.raises(InstructionError, match=r"script\.jsonl, line 1: misbehaviour"):
        await gateway.check()
    await gateway.aclose()


async def test_a_bad_key_moves_no_money_and_is_told_to_a_person(tmp_path: Path) -> None:
    settings = SandboxSettings(ledger=tmp_path / "bank.sqlite", api_key=SecretStr("bad-key"))
    gateway = SandboxGateway(settings)
    with pytest.raises(Misconfigured, match="refuses the API key") as raised:
        await gateway.check()
    assert (raised.value.code, raised.value.field) == ("AUTHENTICATION", "api_key")
    refused = await gateway.refund(a_request())
    assert (refused.state, refused.code) == (OutcomeState.REJECTED, "AUTHENTICATION")
    assert (refused.retriable, refused.renumber) == (False, False)
    assert not settings.ledger_file.exists()


async def test_a_bad_key_proves_nothing_about_an_earlier_refund(tmp_path: Path) -> None:
    good = a_gateway(tmp_path)
    await good.refund(a_request())
    locked_out = SandboxGateway(
        SandboxSettings(ledger=good.ledger.path, api_key=SecretStr("bad-key"))
    )
    outcome = await locked_out.query(a_request())
    assert (outcome.state, outcome.code) == (OutcomeState.UNKNOWN, "AUTHENTICATION")
    assert not outcome.absent
    assert await good.query(a_request()) == PAID
    assert payments(good) == ONCE
    await good.aclose()


def test_capabilities_come_from_the_settings(tmp_path: Path) -> None:
    settings = SandboxSettings(
        can_query=False,
        currencies=frozenset({"EUR", "JPY"}),
        partial=False,
        max_parts=50,
        window_seconds=86_400,
        settling_seconds=3,
        least_interval_seconds=4,
        number_longest=34,
        number_life_seconds=60,
        recheck_after_seconds=5,
        ledger=tmp_path,
    )
    assert SandboxGateway(settings).capabilities() == GatewayCapabilities(
        can_query=False,
        disputes=True,
        currencies=frozenset({"EUR", "JPY"}),
        partial=False,
        max_parts=50,
        window=timedelta(days=1),
        settling_time=timedelta(seconds=3),
        least_interval=timedelta(seconds=4),
        number_longest=34,
        number_life=timedelta(minutes=1),
        recheck_after=timedelta(seconds=5),
    )
    assert SandboxGateway(SandboxSettings()).capabilities() == GatewayCapabilities(
        disputes=True, settling_time=timedelta(seconds=2), number_longest=64
    )


def test_a_webhook_is_answered_with_ok(tmp_path: Path) -> None:
    told = Message(id="evt-1", number=NUMBER, state="SUCCEEDED", amount=1500, currency="EUR")
    assert a_gateway(tmp_path).acknowledgement(told.notice()) == Acknowledgement(
        status=200, body=b"ok", content_type="text/plain"
    )
