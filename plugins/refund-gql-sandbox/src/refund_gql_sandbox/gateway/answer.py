"""What the bank says, in the engine's words."""

from dataclasses import replace
from datetime import timedelta

from refund_gql.providers import Outcome, OutcomeState, RefundRequest
from refund_gql_sandbox import credentials
from refund_gql_sandbox.gateway.books import Entry
from refund_gql_sandbox.gateway.misbehaviour import Misbehaviour

SERVER_ERROR = Outcome(
    state=OutcomeState.UNKNOWN, code="500", message="The bank had an internal error"
)
ABSENT = Outcome(
    state=OutcomeState.UNKNOWN,
    code="NOT_FOUND",
    message="The bank has no refund of this number",
    absent=True,
)
NUMBER_REUSED = Outcome(
    state=OutcomeState.REJECTED,
    code="NUMBER_REUSED",
    message="The number belongs to a refund of another amount, currency or capture",
)
LOCKED_OUT = Outcome(
    state=OutcomeState.REJECTED,
    code=credentials.CODE,
    message="The bank refuses the API key",
)
"""What refund() hears with bad credentials. The bank turned the request away at its door, which
proves that this one moved no money; sending it again helps nobody until a person has corrected
the key, so it is not retriable."""
INSTEAD = {
    Misbehaviour.REFUSE: Outcome(
        state=OutcomeState.REJECTED, code="REFUSED", message="The bank refuses this refund"
    ),
    Misbehaviour.NUMBER_SPENT: Outcome(
        state=OutcomeState.REJECTED,
        code="NUMBER_SPENT",
        message="The number is used up; send the refund with a new one",
        renumber=True,
    ),
    Misbehaviour.UNREACHABLE: Outcome(
        state=OutcomeState.REJECTED,
        code="UNREACHABLE",
        message="The connection to the bank failed before anything was sent",
        retriable=True,
    ),
    Misbehaviour.ERROR_BEFORE: SERVER_ERROR,
    Misbehaviour.ERROR_AFTER: SERVER_ERROR,
    Misbehaviour.UNKNOWN_STATUS: Outcome(
        state=OutcomeState.UNKNOWN,
        code="QUEUED_AT_PARTNER",
        message="The bank answered a status that is in no table",
    ),
}
"""What a misbehaviour answers whatever became of the refund."""


def rate_limited(seconds: float) -> Outcome:
    """The refusal of a bank that wants to be left alone so long."""
    return Outcome(
        state=OutcomeState.REJECTED,
        code="RATE_LIMITED",
        message="Too many requests",
        retriable=True,
        retry_after=timedelta(seconds=seconds),
    )


def unanswered(outcome: Outcome) -> Outcome:
    """What query() hears where refund() would hear this.

    That the question was turned away proves nothing about a refund that was accepted before:
    REJECTED would be a lie, and could make somebody pay twice.
    """
    return replace(outcome, state=OutcomeState.UNKNOWN, retriable=False)


def misinstructed(error: Exception) -> Outcome:
    """The refusal of a request that never left, because the sandbox's instructions are wrong."""
    return Outcome(state=OutcomeState.REJECTED, code="SANDBOX_INSTRUCTION", message=str(error))


def repeated(request: RefundRequest, entry: Entry) -> Outcome:
    """What refund() hears about the refund of its number, be it new or known."""
    if not entry.fits(request):
        return NUMBER_REUSED
    # A bank repeats its first answer; that it took the money back, only `query` tells.
    succeeded = entry.state is OutcomeState.REVERSED
    return described(entry, OutcomeState.SUCCEEDED if succeeded else entry.state)


def described(entry: Entry, state: OutcomeState | None = None) -> Outcome:
    """The refund as the books have it, or as if it were in another state."""
    return Outcome(
        state=state or entry.state,
        reference=entry.reference,
        code=state or entry.state,
        amount=entry.amount,
        currency=entry.currency,
    )
