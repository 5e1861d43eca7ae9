"""The ledger under many callers: threads, processes, restarts and kill -9."""

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.settings import SandboxSettings

from refund_gql.providers import Outcome, OutcomeState, RefundRequest

PAID = Outcome(
    state=OutcomeState.SUCCEEDED,
    reference="SBX-R1",
    code="SUCCEEDED",
    amount=1500,
    currency="EUR",
)

WORKER = """
import asyncio, sys
from pathlib import Path
from refund_gql.providers import RefundRequest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.settings import SandboxSettings

async def main(ledger, misbehaviours, numbers, times):
    gateway = SandboxGateway(SandboxSettings(ledger=Path(ledger), timeout_seconds=600))
    requests = [
        RefundRequest(number=number, amount=1500, currency="EUR", capture_reference="CAP-1",
                      captured_amount=5000, metadata={"sandbox": misbehaviours})
        for number in numbers.split(",") for _ in range(int(times))
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    outcomes = await asyncio.gather(*map(gateway.refund, requests))
    print({outcome.state.value for outcome in outcomes})
    await gateway.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


def a_gateway(tmp_path: Path) -> SandboxGateway:
    return SandboxGateway(SandboxSettings(ledger=tmp_path / "bank.sqlite", timeout_seconds=0))


def a_request(number: str = "R1", misbehaviours: str = "OK") -> RefundRequest:
    return RefundRequest(
        number=number,
        amount=1500,
        currency="EUR",
        capture_reference="CAP-1",
        captured_amount=5000,
        metadata={"sandbox": misbehaviours},
    )


async def a_worker(
    tmp_path: Path, misbehaviours: str, numbers: str, times: int
) -> asyncio.subprocess.Process:
    """A process that is ready to send, and sends once it reads a line."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        *(str(tmp_path / "bank.sqlite"), misbehaviours, numbers, str(times)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"ready\n"
    return worker


def read(tmp_path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(tmp_path / "bank.sqlite")) as db:
        return db.execute(statement).fetchall()


async def test_twenty_calls_at_once_pay_once(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    outcomes = await asyncio.gather(*(gateway.refund(a_request()) for _ in range(20)))
    assert outcomes == [PAID] * 20
    assert read(tmp_path, "SELECT number, amount FROM payment") == [("R1", 1500)]
    assert read(tmp_path, "SELECT count(*), sum(effect) FROM call") == [(20, 1)]
    await gateway.aclose()


async def test_two_processes_on_a_new_file_pay_each_number_once(tmp_path: Path) -> None:
    numbers = [f"R{i}" for i in range(10)]
    workers = [await a_worker(tmp_path, "OK*", ",".join(numbers), 10) for _ in range(2)]
    printed = await asyncio.gather(*(worker.communicate(b"go\n") for worker in workers))
    assert [out.strip() for out, _ in printed] == [b"{'SUCCEEDED'}"] * 2
    paid = read(tmp_path, "SELECT number, count(*) FROM payment GROUP BY number ORDER BY number")
    assert paid == [(number, 1) for number in numbers]
    assert read(tmp_path, "SELECT count(*), sum(effect) FROM call") == [(200, 10)]


async def test_a_killed_worker_leaves_its_payment_behind(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    worker = await a_worker(tmp_path, "TIMEOUT_AFTER", "R1", 1)
    assert worker.stdin is not None
    worker.stdin.write(b"go\n")
    for _ in range(600):
        if (await gateway.query(a_request())) == PAID:
            break
        await asyncio.sleep(0.05)
    worker.kill()
    assert await worker.wait() == -signal.SIGKILL

    assert await gateway.query(a_request()) == PAID
    assert await gateway.refund(a_request(misbehaviours="TIMEOUT_AFTER")) == PAID
    assert read(tmp_path, "SELECT number FROM payment") == [("R1",)]
    await worker.communicate()
    await gateway.aclose()


async def test_a_new_ledger_on_the_same_file_remembers(tmp_path: Path) -> None:
    first = a_gateway(tmp_path)
    assert (await first.refund(a_request(misbehaviours="ERROR_BEFORE,ERROR_AFTER"))).code == "500"
    await first.aclose()

    second = a_gateway(tmp_path)
    # The second call of the number, although the first of this object.
    assert (await second.refund(a_request(misbehaviours="ERROR_BEFORE,ERROR_AFTER"))).code == "500"
    assert read(tmp_path, "SELECT misbehaviour, effect FROM call") == [
        ("ERROR_BEFORE", 0),
        ("ERROR_AFTER", 1),
    ]
    await second.aclose()

    third = a_gateway(tmp_path)
    assert await third.refund(a_request()) == PAID
    assert read(tmp_path, "SELECT number FROM payment") == [("R1",)]
    await third.aclose()


async def test_a_closed_ledger_opens_again(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    await gateway.aclose()
    assert await gateway.refund(a_request()) == PAID
    await gateway.aclose()
    await gateway.aclose()
    assert await gateway.query(a_request()) == PAID
    await gateway.aclose()


async def test_one_row_tells_the_life_of_a_refund(tmp_path: Path) -> None:
    settings = SandboxSettings(ledger=tmp_path / "bank.sqlite", reverse_after_seconds=0)
    gateway = SandboxGateway(settings)
    await gateway.refund(a_request(misbehaviours="REVERSE_LATER"))
    life = "SELECT number, amount, currency, capture_reference, reference, state FROM refund"
    row = ("R1", 1500, "EUR", "CAP-1", "SBX-R1")
    assert read(tmp_path, life) == [(*row, "SUCCEEDED")]
    assert read(tmp_path, "SELECT settled_at = created_at, reversed_at FROM refund") == [(1, None)]

    await gateway.query(a_request())
    assert read(tmp_path, life) == [(*row, "REVERSED")]
    assert read(tmp_path, "SELECT reversed_at >= settled_at FROM refund") == [(1,)]
    await gateway.aclose()


async def test_payments_cannot_be_changed_or_removed(tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path)
    await gateway.refund(a_request())
    for statement in ("UPDATE payment SET amount = 1", "DELETE FROM payment"):
        with pytest.raises(sqlite3.IntegrityError, match="payment is append-only"):
            read(tmp_path, statement)
    assert read(tmp_path, "SELECT number, amount FROM payment") == [("R1", 1500)]
    await gateway.aclose()
