"""The engine with a bug put in on purpose, to prove that the harness finds it.

`python -m support.planted BUG ...` is `refund-gql ...` with that bug.
"""

import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg

from refund_gql import cli, jobs
from refund_gql.choices import PayoutStatus
from refund_gql.flow import conversation, once, payout, request, settlement
from refund_gql.flow.journal import Change
from refund_gql.flow.settlement import Terms
from refund_gql.models import Capture, Payout
from refund_gql.providers import Outcome, OutcomeState


def new_number_per_attempt() -> None:
    """Every conversation sends, under a number the bank has never seen."""
    store = conversation._store_attempt

    async def store_attempt(
        change: Change, owed: Payout, capture: Capture
    ) -> conversation.Conversation:
        if owed.sent_at is not None:
            owed.number = f"RP{uuid4().hex.upper()}"
            owed.request = {**owed.request, "number": owed.number}
            owed.status = PayoutStatus.READY
        return await store(change, owed, capture)

    _replace(conversation, "_store_attempt", store_attempt)


def silence_is_failure() -> None:
    """An open outcome counts as a refusal, and the money is given back to the capture."""
    settle_rightly = settlement.settle

    async def settle(change: Change, owed: Payout, outcome: Outcome, terms: Terms) -> None:
        if outcome.state is OutcomeState.UNKNOWN:
            outcome = Outcome(state=OutcomeState.REJECTED, code="NO_ANSWER")
        await settle_rightly(change, owed, outcome, terms)

    _replace(settlement, "settle", settle)


def no_cap() -> None:
    """Nobody compares with what was captured, not even the database."""

    def first_capture_pays(captures: Any, amount: int, *anything: Any) -> Any:
        return [(captures[0], amount)]

    _replace(request, "_refuse_excess", lambda *anything: None)
    _replace(payout, "covers", lambda *anything: True)
    _replace(payout, "spread", first_capture_pays)
    _replace(
        payout, "_RESERVE", "update capture set reserved = reserved + $2 where id = $1 returning id"
    )
    install = jobs.install

    async def install_and_drop(url: str) -> None:
        await install(url)
        connection = await asyncpg.connect(url)
        await connection.execute(
            "alter table capture drop constraint if exists capture_never_over_refunded"
        )
        await connection.close()

    _replace(jobs, "install", install_and_drop)


def forgotten_keys() -> None:
    """An idempotency key is stored, and never recognised again."""
    _replace(once, "_RESERVE", once._RESERVE.replace("$3", "$3 || gen_random_uuid()"))


BUGS: dict[str, Callable[[], None]] = {
    "new-number-per-attempt": new_number_per_attempt,
    "silence-is-failure": silence_is_failure,
    "no-cap": no_cap,
    "forgotten-keys": forgotten_keys,
}


def _replace(module: Any, name: str, value: Any) -> None:
    assert hasattr(module, name), f"{module.__name__} has no {name} any more"
    setattr(module, name, value)


if __name__ == "__main__":
    BUGS[sys.argv.pop(1)]()
    cli.main()
