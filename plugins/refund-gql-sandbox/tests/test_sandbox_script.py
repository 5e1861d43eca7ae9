"""Rules: what they match, that the file is read again, and what a mistake says."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.gateway.rule import Rule
from refund_gql_sandbox.script import InstructionError, Script
from refund_gql_sandbox.settings import SandboxSettings

from refund_gql.providers import OutcomeState, RefundRequest

REQUEST = RefundRequest(
    number="R1",
    amount=1500,
    currency="EUR",
    capture_reference="CAP-1",
    captured_amount=5000,
)


def matched(rule: dict[str, object]) -> list[int]:
    """Which of the first five calls the rule applies to."""
    parsed = Rule.model_validate({"misbehaviour": "SLOW", **rule})
    return [nth for nth in range(1, 6) if parsed.matches("refund", REQUEST, nth)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [1]),
        ({"times": 2}, [1, 2]),
        ({"times": None}, [1, 2, 3, 4, 5]),
        ({"nth": 3}, [3]),
        ({"nth": 2, "times": 2}, [2, 3]),
        ({"nth": 4, "times": None}, [4, 5]),
        ({"operation": "refund"}, [1]),
        ({"operation": "query"}, []),
        ({"number": "R1"}, [1]),
        ({"number": "R2"}, []),
        ({"amount": 1500}, [1]),
        ({"amount": 1501}, []),
        ({"capture": "CAP-1"}, [1]),
        ({"capture": "CAP-2"}, []),
        ({"number": "R1", "amount": 1500, "capture": "CAP-2"}, []),
    ],
    ids=str,
)
def test_a_rule_matches_what_it_names(rule: dict[str, object], expected: list[int]) -> None:
    assert matched(rule) == expected


def test_a_missing_file_holds_no_rules_until_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    script = Script(path, Rule)
    assert script.lines() == []
    path.write_text('\n{"misbehaviour": "SLOW"}\n\n')
    assert script.lines() == [Rule.model_validate({"misbehaviour": "SLOW"})]
    path.unlink()
    assert script.lines() == []


def test_the_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text('{"misbehaviour": "SLOW"}')
    script = Script(path, Rule)
    first = script.lines()
    assert script.lines() is first
    path.write_text('{"misbehaviour": "MANUAL"}')
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))
    assert script.lines() == [Rule.model_validate({"misbehaviour": "MANUAL"})]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("SLOW", "line 2: the line: Invalid JSON"),
        ("{}", "line 2: misbehaviour: Field required"),
        ('{"misbehaviour": "SLEEPY"}', "line 2: misbehaviour: Input should be 'OK', 'REFUSE'"),
        ('{"misbehaviour": "SLOW", "nth": 0}', "line 2: nth: Input should be greater than 0"),
        ('{"misbehaviour": "SLOW", "times": 0}', "line 2: times: Input should be greater than 0"),
        (
            '{"misbehaviour": "REFUSE", "operation": "query"}',
            "line 2: the line: Value error, query() can only meet ERROR_BEFORE, OK,",
        ),
        ('{"misbehaviour": "SLOW", "order": 1}', "line 2: order: Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, line: str, found: str) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(f'{{"misbehaviour": "OK"}}\n{line}\n')
    with pytest.raises(InstructionError) as raised:
        Script(path, Rule).lines()
    assert f"refund-gql-sandbox: {path}, {found}" in str(raised.value)
    assert "a rule has the fields operation, number, amount, capture, nth," in str(raised.value)


def test_a_script_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InstructionError, match=f"cannot read {tmp_path}: .*; the setting script must name"
    ):
        Script(tmp_path, Rule).lines()


async def test_a_script_steers_the_gateway_and_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(json.dumps({"number": "R1", "misbehaviour": "ERROR_BEFORE", "times": None}))
    gateway = SandboxGateway(SandboxSettings(ledger=tmp_path / "bank.sqlite", script=path))
    assert [(await gateway.refund(REQUEST)).code for _ in range(2)] == ["500", "500"]
    assert (await gateway.query(REQUEST)).absent

    new = tmp_path / "new.jsonl"
    new.write_text(json.dumps({"number": "R1", "nth": 3, "misbehaviour": "REFUSE"}))
    new.replace(path)
    assert (await gateway.refund(REQUEST)).code == "REFUSED"
    assert (await gateway.refund(REQUEST)).state is OutcomeState.SUCCEEDED
    await gateway.aclose()


async def test_a_broken_script_never_reaches_the_bank(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text("nonsense")
    gateway = SandboxGateway(SandboxSettings(ledger=tmp_path / "bank.sqlite", script=path))
    outcome = await gateway.refund(REQUEST)
    assert (outcome.state, outcome.code) == (OutcomeState.REJECTED, "SANDBOX_INSTRUCTION")
    asked = await gateway.query(REQUEST)
    assert (asked.state, asked.code) == (OutcomeState.UNKNOWN, "SANDBOX_INSTRUCTION")
    assert not asked.absent
    path.unlink()
    assert (await gateway.query(REQUEST)).absent
    await gateway.aclose()


@pytest.mark.parametrize(
    ("misbehaviour", "code"),
    [
        ("RATE_LIMITED", "RATE_LIMITED"),
        ("UNREACHABLE", "UNREACHABLE"),
        ("ERROR_BEFORE", "500"),
        ("UNKNOWN_STATUS", "QUEUED_AT_PARTNER"),
    ],
)
async def test_a_question_that_was_turned_away_proves_nothing(
    tmp_path: Path, misbehaviour: str, code: str
) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(json.dumps({"operation": "query", "nth": 2, "misbehaviour": misbehaviour}))
    settings = SandboxSettings(ledger=tmp_path / "bank.sqlite", script=path, retry_after_seconds=7)
    gateway = SandboxGateway(settings)
    assert (await gateway.refund(REQUEST)).state is OutcomeState.SUCCEEDED
    first, second, third = [await gateway.query(REQUEST) for _ in range(3)]
    assert (first.state, third.state) == (OutcomeState.SUCCEEDED,) * 2
    assert (second.state, second.code) == (OutcomeState.UNKNOWN, code)
    assert (second.absent, second.retriable) == (False, False)
    pause = timedelta(seconds=7) if misbehaviour == "RATE_LIMITED" else None
    assert second.retry_after == pause
    await gateway.aclose()
