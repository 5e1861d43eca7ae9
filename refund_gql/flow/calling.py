"""One call of a gateway, and what it proves about the money.

A gateway answers with an outcome, raises an error of the contract, or does neither; the engine
understands each as far as it proves something, and nothing as UNKNOWN.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from refund_gql import clock
from refund_gql.providers import (
    Misconfigured,
    Outcome,
    OutcomeState,
    OutcomeUnknown,
    PaymentGateway,
    ProviderError,
    RefundRequest,
    Retryable,
)
from refund_gql.registry import Connection, ProviderUnreachable
from refund_gql.validation import printable

_LONGEST_WAIT = timedelta(days=1)
"""However long a gateway asks to be left alone: nothing waits for ever."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call came to, and why its payout has to be parked, if it has to be."""

    outcome: Outcome
    parked: str | None = None


async def call(line: Connection[PaymentGateway], *, send: bool, request: RefundRequest) -> Answer:
    """Send the request, or ask what became of it; whatever comes of that is an outcome."""
    try:
        outcome = await _ask(line, send, request)
    except ProviderUnreachable as error:
        # Another payout is just trying whether the gateway is back; nothing was sent.
        outcome = _unsent(send, code=f"GATEWAY_{error.reason}", retry_at=error.retry_at)
        return Answer(outcome=outcome, parked=f"GATEWAY_{error.reason}")
    except Misconfigured as error:
        outcome = _unsent(send, code=error.code or "MISCONFIGURED", message=str(error))
        return Answer(outcome=outcome, parked="GATEWAY_MISCONFIGURED")
    open_end = outcome.state is OutcomeState.UNKNOWN or outcome.retriable
    if line.up or outcome.absent or not open_end:
        return Answer(outcome=outcome)
    rest = max(line.retry_at - clock.now(), timedelta(0))
    return Answer(
        outcome=replace(outcome, retry_after=outcome.retry_after or rest), parked="GATEWAY_DOWN"
    )


async def _ask(line: Connection[PaymentGateway], send: bool, request: RefundRequest) -> Outcome:
    try:
        if send:
            return understood(await line.call("refund", lambda gateway: gateway.refund(request)))
        return understood(await line.call("query", lambda gateway: gateway.query(request)))
    except Misconfigured:
        raise
    except ProviderError as error:
        return _outcome_of(error, send)
    except TypeError as error:
        return Outcome(state=OutcomeState.UNKNOWN, code="NO_OUTCOME", message=str(error))


def _outcome_of(error: ProviderError, send: bool) -> Outcome:
    """What an error proves about the money. From a query it proves nothing."""
    if isinstance(error, OutcomeUnknown) or not send:
        return Outcome(state=OutcomeState.UNKNOWN, code=error.code, message=str(error))
    retriable = isinstance(error, Retryable)
    return Outcome(
        state=OutcomeState.REJECTED,
        code=error.code,
        message=str(error),
        retriable=retriable,
        retry_after=error.retry_after if isinstance(error, Retryable) else None,
    )


def _unsent(
    send: bool,
    *,
    code: str,
    message: str | None = None,
    retry_at: datetime | None = None,
) -> Outcome:
    """The outcome of a call that was not made, or that was refused at the door."""
    state = OutcomeState.REJECTED if send else OutcomeState.UNKNOWN
    after = max(retry_at - clock.now(), timedelta(0)) if retry_at else None
    return Outcome(state=state, code=code, message=message, retriable=True, retry_after=after)


def understood(answer: object) -> Outcome:
    """What a gateway said, in the length and characters that rows can hold.

    Raises TypeError for what is no outcome: it proves nothing.
    """
    if not isinstance(answer, Outcome) or not isinstance(answer.state, OutcomeState):
        raise TypeError(f"a gateway answers with an Outcome, not with {type(answer).__name__}")
    return replace(
        answer,
        reference=printable(answer.reference, longest=128) or None,
        code=printable(answer.code, longest=64) or None,
        message=printable(answer.message, longest=500) or None,
        retry_after=answer.retry_after and min(answer.retry_after, _LONGEST_WAIT),
    )
