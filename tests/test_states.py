"""The journey's table: every state is reached, every state is left, nobody waits for ever."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from refund_gql.events import LABELS
from refund_gql.roles import STAFF, Role
from refund_gql.states import (
    FINAL,
    INITIAL,
    JOURNEY,
    STATUS_LABELS,
    TRANSITIONS,
    Journey,
    PayoutStatus,
    RefundStatus,
    Step,
    Transition,
)


def reachable(start: RefundStatus, rows: Iterable[Transition]) -> set[RefundStatus]:
    """Every state that some sequence of steps leads to from `start`."""
    found, rows = {start}, tuple(rows)
    while more := {row.target for row in rows if row.sources & found} - found:
        found |= more
    return found


def without(*steps: Step) -> list[Transition]:
    return [row for row in TRANSITIONS if row.step not in steps]


def changed(step: Step, **fields: object) -> list[Transition]:
    """The table with one row changed."""
    return [replace(row, **fields) if row.step is step else row for row in TRANSITIONS]  # type: ignore[arg-type] # fields of a row


# --- the table --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", RefundStatus)
def test_every_state_is_reached_from_the_request(status: RefundStatus) -> None:
    assert status in reachable(INITIAL, TRANSITIONS)


@pytest.mark.parametrize("status", sorted(set(RefundStatus) - FINAL))
def test_every_state_that_is_not_final_leads_to_a_final_one(status: RefundStatus) -> None:
    assert reachable(status, TRANSITIONS) & FINAL


def test_once_money_is_committed_the_only_end_is_that_it_is_paid() -> None:
    """No step leads from committed money to a refusal or a withdrawal."""
    for status in (
        RefundStatus.APPROVED,
        RefundStatus.PAYING,
        RefundStatus.PAYMENT_STUCK,
        RefundStatus.REFUNDED,
    ):
        assert reachable(status, TRANSITIONS) & FINAL == {RefundStatus.REFUNDED}


def test_what_is_refused_or_withdrawn_stays_so() -> None:
    assert JOURNEY.allowed(RefundStatus.REJECTED) == ()
    assert JOURNEY.allowed(RefundStatus.CANCELLED) == ()


def test_a_payment_is_left_again_only_when_the_gateway_reverses_it() -> None:
    assert JOURNEY.allowed(RefundStatus.REFUNDED) == (Step.REVERSE_PAYMENT,)


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: row.step.value)
def test_every_step_is_somebodys(row: Transition) -> None:
    assert row.roles


def test_money_moves_by_the_engines_hand_alone() -> None:
    """No token has the role SYSTEM, so nobody can talk the engine into these."""
    for step in (
        Step.APPROVE_INSTANTLY,
        Step.SEND_TO_REVIEW,
        Step.START_PAYMENT,
        Step.COMPLETE_PAYMENT,
        Step.HALT_PAYMENT,
        Step.REVERSE_PAYMENT,
    ):
        assert JOURNEY[step].roles == {Role.SYSTEM}


def test_a_customer_asks_answers_sends_back_and_withdraws() -> None:
    steps = {row.step for row in TRANSITIONS if Role.CUSTOMER in row.roles}
    assert steps == {Step.SUBMIT, Step.PROVIDE_EVIDENCE, Step.SHIP_RETURN, Step.CANCEL}


def test_an_analyst_changes_nothing() -> None:
    assert not [row.step for row in TRANSITIONS if Role.ANALYST in row.roles]


def test_who_reviews_does_not_release() -> None:
    """Agents, warehouse and finance share no decision; the owner may do each of them."""
    deciders = {role: set(JOURNEY[step].roles) & STAFF for step, role in _DECISIONS.items()}
    assert deciders == {role: {Role.OWNER, role} for role in _DECISIONS.values()}


_DECISIONS = {
    Step.APPROVE_RETURN: Role.AGENT,
    Step.PASS_INSPECTION: Role.WAREHOUSE,
    Step.APPROVE_FINANCE: Role.FINANCE,
}


def test_allowed_names_the_steps_of_one_role_in_table_order() -> None:
    assert JOURNEY.allowed(RefundStatus.AWAITING_RETURN, Role.CUSTOMER) == (
        Step.SHIP_RETURN,
        Step.CANCEL,
    )
    assert JOURNEY.allowed(RefundStatus.AWAITING_RETURN, Role.WAREHOUSE) == (Step.RECEIVE_RETURN,)
    assert JOURNEY.allowed(RefundStatus.AWAITING_RETURN, Role.ANALYST) == ()
    assert JOURNEY.allowed(RefundStatus.AWAITING_RETURN) == (
        Step.SHIP_RETURN,
        Step.RECEIVE_RETURN,
        Step.CANCEL,
    )


@pytest.mark.parametrize("labels", [STATUS_LABELS, LABELS], ids=["statuses", "events"])
def test_people_read_everything_in_both_languages(labels: dict[str, dict[str, str]]) -> None:
    names = RefundStatus if labels is STATUS_LABELS else {row.event for row in TRANSITIONS}
    assert set(names) <= set(labels)
    assert all(set(words) == {"en", "zh"} and all(words.values()) for words in labels.values())


# --- the picture ------------------------------------------------------------------------------


def test_the_picture_shows_every_transition_and_nothing_else() -> None:
    lines = JOURNEY.mermaid().splitlines()
    arrows = [
        f"  {source} --> {row.target}" + (f": {row.note}" if row.note else "")
        for row in TRANSITIONS
        for source in RefundStatus
        if source in row.sources
    ]
    ends = [f"  {status} --> [*]" for status in RefundStatus if status in FINAL]
    assert lines == ["stateDiagram-v2", f"  [*] --> {INITIAL}", *arrows, *ends]


# --- a wrong table does not start -------------------------------------------------------------


def test_a_state_nobody_can_reach_is_refused() -> None:
    away = changed(Step.FIND_GOODS_WITH_CUSTOMER, sources=frozenset({RefundStatus.INSPECTION}))
    away = [
        replace(row, target=RefundStatus.REVIEW) if row.step is Step.APPROVE_REFUND_ONLY else row
        for row in away
    ]
    with pytest.raises(ValueError, match="nobody can reach.*WAREHOUSE_CHECK"):
        Journey(away, INITIAL)


def test_a_dead_end_is_refused() -> None:
    stuck = changed(Step.RETRY_PAYMENT, sources=frozenset({RefundStatus.PAYING}))
    with pytest.raises(ValueError, match="without a way out.*PAYMENT_STUCK"):
        Journey(stuck, INITIAL)


def test_going_round_in_circles_is_no_way_out() -> None:
    """PAYMENT_STUCK leads to itself only: it has an arrow, and still nobody is ever paid."""
    circling = changed(Step.RETRY_PAYMENT, target=RefundStatus.PAYMENT_STUCK)
    with pytest.raises(ValueError, match="without a way out.*PAYMENT_STUCK"):
        Journey(circling, INITIAL)


def test_a_step_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly once"):
        Journey([*TRANSITIONS, JOURNEY[Step.CANCEL]], INITIAL)


def test_a_step_that_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly once"):
        Journey(without(Step.CANCEL), INITIAL)


# --- payouts ----------------------------------------------------------------------------------


def test_only_proof_that_the_money_is_not_with_the_customer_frees_it() -> None:
    free = {status for status in PayoutStatus if not status.counts_against_cap}
    assert free == {PayoutStatus.REJECTED, PayoutStatus.REVERSED}


def test_a_payout_is_in_doubt_between_the_call_and_its_proof() -> None:
    assert {status for status in PayoutStatus if status.in_doubt} == {
        PayoutStatus.SENDING,
        PayoutStatus.UNKNOWN,
    }
