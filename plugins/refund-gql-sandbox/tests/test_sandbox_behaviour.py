"""Which trigger wins, how long it lasts, and that chaos can be repeated."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.gateway.behaviour import CHAOS_ON_QUERY, CHAOS_ON_REFUND, Behaviour, History
from refund_gql_sandbox.gateway.misbehaviour import MAGIC_AMOUNTS, Misbehaviour
from refund_gql_sandbox.script import InstructionError
from refund_gql_sandbox.settings import SandboxSettings

from refund_gql.providers import OutcomeState, RefundRequest


def a_request(misbehaviours: str = "", *, number: str = "R1", amount: int = 1500) -> RefundRequest:
    return RefundRequest(
        number=number,
        amount=amount,
        currency="EUR",
        capture_reference="CAP-1",
        captured_amount=5000,
        metadata={"sandbox": misbehaviours, "colour": "blue"},
    )


def on_refund(behaviour: Behaviour, request: RefundRequest, calls: int) -> list[str]:
    return [
        behaviour.on_refund(request, History(nth=nth, spent=False)) for nth in range(1, calls + 1)
    ]


@pytest.mark.parametrize(
    ("misbehaviours", "expected"),
    [
        ("", ["OK", "OK", "OK"]),
        ("TIMEOUT_AFTER,OK", ["TIMEOUT_AFTER", "OK", "OK"]),
        (" ERROR_AFTER , SLOW ", ["ERROR_AFTER", "SLOW", "OK"]),
        ("OK,REFUSE", ["OK", "REFUSE", "OK"]),
        ("RATE_LIMITED*", ["RATE_LIMITED"] * 3),
        ("ERROR_BEFORE,REFUSE*", ["ERROR_BEFORE", "REFUSE", "REFUSE"]),
    ],
)
def test_metadata_is_a_sequence(misbehaviours: str, expected: list[str]) -> None:
    behaviour = Behaviour(SandboxSettings())
    assert on_refund(behaviour, a_request(misbehaviours), 3) == expected


@pytest.mark.parametrize("misbehaviours", ["refuse", "REFUSE,", "*", "REFUSE*,OK", "REFUSE;OK"])
def test_metadata_with_a_mistake_names_it(misbehaviours: str) -> None:
    behaviour = Behaviour(SandboxSettings())
    with pytest.raises(InstructionError, match=r"metadata 'sandbox': .* use names of OK, REFUSE"):
        on_refund(behaviour, a_request(misbehaviours), 1)


@pytest.mark.parametrize(("ending", "misbehaviour"), MAGIC_AMOUNTS.items())
def test_a_magic_amount_is_for_the_first_call_but_a_refusal_for_all(
    ending: int, misbehaviour: Misbehaviour
) -> None:
    behaviour = Behaviour(SandboxSettings())
    later = "REFUSE" if misbehaviour is Misbehaviour.REFUSE else "OK"
    for amount in (ending, 120_000 + ending):
        assert on_refund(behaviour, a_request(amount=amount), 3) == [misbehaviour, later, later]


def test_every_misbehaviour_has_one_magic_amount() -> None:
    assert list(MAGIC_AMOUNTS) == list(range(9001, 9015))
    assert [Misbehaviour.OK, *MAGIC_AMOUNTS.values()] == list(Misbehaviour)


@pytest.mark.parametrize("amount", [9000, 9015, 90010, 19, 59001 + 5000])
def test_other_amounts_are_not_magic(amount: int) -> None:
    assert on_refund(Behaviour(SandboxSettings()), a_request(amount=amount), 1) == ["OK"]


async def test_a_magic_amount_acts_through_the_gateway(tmp_path: Path) -> None:
    gateway = SandboxGateway(SandboxSettings(ledger=tmp_path / "bank.sqlite", timeout_seconds=0))
    with pytest.raises(TimeoutError):
        await gateway.refund(a_request(amount=9005))
    assert (await gateway.refund(a_request(amount=9005))).state is OutcomeState.SUCCEEDED
    refused = a_request(number="R2", amount=9001)
    assert [(await gateway.refund(refused)).code for _ in range(3)] == ["REFUSED"] * 3
    await gateway.aclose()


def test_the_script_wins_over_metadata_over_amount_over_chaos(tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"misbehaviour": "MANUAL"}))
    behaviour = Behaviour(SandboxSettings(script=script, chaos=1))
    chosen = on_refund(behaviour, a_request("SLOW,ERROR_AFTER", amount=9001), 3)
    assert chosen == ["MANUAL", "ERROR_AFTER", "REFUSE"]
    assert on_refund(behaviour, a_request(), 2)[1] in CHAOS_ON_REFUND


def test_ok_shields_a_call_from_the_triggers_below(tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"number": "R1", "misbehaviour": "OK", "times": None}))
    behaviour = Behaviour(SandboxSettings(script=script, chaos=1))
    assert on_refund(behaviour, a_request("REFUSE*", amount=9001), 3) == ["OK"] * 3
    assert on_refund(behaviour, a_request("OK*", number="R2", amount=9001), 3) == ["OK"] * 3


def test_a_spent_number_beats_every_trigger() -> None:
    behaviour = Behaviour(SandboxSettings(chaos=1))
    history = History(nth=2, spent=True)
    assert behaviour.on_refund(a_request("OK*"), history) is Misbehaviour.NUMBER_SPENT


def chaos(seed: int, probability: float = 0.5) -> list[str]:
    behaviour = Behaviour(SandboxSettings(seed=seed, chaos=probability))
    requests = [replace(a_request(), number=f"R{i}") for i in range(200)]
    history = History(nth=1, spent=False)
    return [
        choose(request, history)
        for request in requests
        for choose in (behaviour.on_refund, behaviour.on_query)
    ]


def test_chaos_is_repeated_by_its_seed() -> None:
    assert chaos(seed=7) == chaos(seed=7)
    assert chaos(seed=7) != chaos(seed=8)


def test_chaos_happens_as_often_as_it_is_told_to() -> None:
    assert set(chaos(seed=1, probability=0)) == {"OK"}
    assert "OK" not in chaos(seed=1, probability=1)
    assert Counter(chaos(seed=1))["OK"] == pytest.approx(200, abs=40)


def test_chaos_chooses_among_all_it_may_and_nothing_else() -> None:
    behaviour = Behaviour(SandboxSettings(chaos=1))
    histories = [History(nth=nth, spent=False) for nth in range(1, 200)]
    refunds = {behaviour.on_refund(a_request(), history) for history in histories}
    queries = {behaviour.on_query(a_request(), history) for history in histories}
    assert refunds == set(CHAOS_ON_REFUND)
    assert queries == set(CHAOS_ON_QUERY)


async def test_chaos_troubles_query_through_the_gateway(tmp_path: Path) -> None:
    settings = SandboxSettings(ledger=tmp_path / "bank.sqlite", timeout_seconds=0, chaos=1)
    gateway = SandboxGateway(settings)
    assert (await gateway.refund(a_request("OK*"))).state is OutcomeState.SUCCEEDED
    seen = set()
    for _ in range(40):
        try:
            outcome = await gateway.query(a_request("OK*"))
            seen.add((outcome.state, outcome.code, outcome.absent))
        except TimeoutError:
            seen.add((OutcomeState.UNKNOWN, "time-out", False))
    assert seen == {
        (OutcomeState.UNKNOWN, "500", False),
        (OutcomeState.UNKNOWN, "time-out", False),
    }
    await gateway.aclose()
