"""Rules: what they match, that the file is read again, and what a mistake says."""

import json
import os
from pathlib import Path

import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.script import InstructionError, Rule, Script
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
    return [nth for nth in range(1, 6) if parsed.matches(REQUEST, nth)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [1]),
        ({"times": 2}, [1, 2]),
        ({"times": None}, [1, 2, 3, 4, 5]),
        ({"nth": 3}, [3]),
        ({"nth": 2, "times": 2}, [2, 3]),
        ({"nth": 4, "times": None}, [4, 5]),
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
    script = Script(path)
    assert script.rules() == []
    path.write_text('\n{"misbehaviour": "SLOW"}\n\n')
    assert script.rules() == [Rule.model_validate({"misbehaviour": "SLOW"})]
    path.unlink()
    assert script.rules() == []


def test_the_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text('{"misbehaviour": "SLOW"}')
    script = Script(path)
    first = script.rules()
    assert script.rules() is first
    path.write_text('{"misbehaviour": "MANUAL"}')
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))
    assert script.rules() == [Rule.model_validate({"misbehaviour": "MANUAL"})]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("SLOW", "line 2: the line: Invalid JSON"),
        ("{}", "line 2: misbehaviour: Field required"),
        ('{"misbehaviour": "SLEEPY"}', "line 2: misbehaviour: Input should be 'OK', 'REFUSE'"),
        ('{"misbehaviour": "SLOW", "nth": 0}', "line 2: nth: Input should be greater than 0"),
        ('{"misbehaviour": "SLOW", "times": 0}', "line 2: times: Input should be greater than 0"),
        ('{"misbehaviour": "SLOW", "order": 1}', "line 2: order: Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, line: str, found: str) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(f'{{"misbehaviour": "OK"}}\n{line}\n')
    with pytest.raises(InstructionError) as raised:
        Script(path).rules()
    assert f"refund-gql-sandbox: {path}, {found}" in str(raised.value)
    assert "a rule has the fields number, amount, capture, nth," in str(raised.value)


def test_a_script_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstructionError, match=f"cannot read the script {tmp_path}"):
        Script(tmp_path).rules()


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
    assert (await gateway.query(REQUEST)).absent
    await gateway.aclose()
