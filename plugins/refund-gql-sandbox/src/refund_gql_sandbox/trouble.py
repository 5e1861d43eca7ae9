"""What can go wrong at the courier, the CRM and the inbox, and how one asks for it.

The bank has names of its own, since money needs finer ones: see `gateway.misbehaviour`.
"""

import re
from datetime import timedelta
from enum import StrEnum

from refund_gql.providers import OutcomeUnknown, ProviderError, Refused, Retryable


class Trouble(StrEnum):
    """What goes wrong with one call."""

    OK = "OK"
    """Nothing; shields a call from chaos."""
    REFUSE = "REFUSE"
    """Does nothing; Refused."""
    RATE_LIMITED = "RATE_LIMITED"
    """Does nothing; Retryable with `retry_after`."""
    DOWN = "DOWN"
    """Does nothing; Retryable without `retry_after`."""
    TIMEOUT_BEFORE = "TIMEOUT_BEFORE"
    """Does nothing; hangs, then OutcomeUnknown."""
    TIMEOUT_AFTER = "TIMEOUT_AFTER"
    """Does it; hangs, then OutcomeUnknown."""
    ERROR_BEFORE = "ERROR_BEFORE"
    """Does nothing; OutcomeUnknown with code 500."""
    ERROR_AFTER = "ERROR_AFTER"
    """Does it; OutcomeUnknown with code 500."""
    SLOW = "SLOW"
    """Does it; answers late."""


WITHOUT_EFFECT = frozenset(
    {
        Trouble.REFUSE,
        Trouble.RATE_LIMITED,
        Trouble.DOWN,
        Trouble.TIMEOUT_BEFORE,
        Trouble.ERROR_BEFORE,
    }
)
"""A call with one of these changes nothing."""

TIMEOUTS = frozenset({Trouble.TIMEOUT_BEFORE, Trouble.TIMEOUT_AFTER})

LASTING = frozenset({Trouble.OK, Trouble.REFUSE, Trouble.DOWN})
"""For every call that asks for it; the others are for the first call of an operation about the
same thing, or no repetition would ever succeed."""

CHAOS = (
    Trouble.DOWN,
    Trouble.TIMEOUT_BEFORE,
    Trouble.TIMEOUT_AFTER,
    Trouble.ERROR_BEFORE,
    Trouble.ERROR_AFTER,
    Trouble.SLOW,
)
"""Only what an engine must survive without a person: nothing here refuses for good."""

_SPELLED = re.compile(r"\bSBX-([A-Z_]+)")


def spelled(text: str) -> Trouble | None:
    """The first trouble that a text asks for: `SBX-TIMEOUT_AFTER` anywhere in it."""
    words = _SPELLED.findall(text)
    return next((Trouble(word) for word in words if word in Trouble.__members__), None)


def error(trouble: Trouble, *, retry_after: timedelta) -> ProviderError | None:
    """What the caller gets instead of an answer; None when there is one."""
    match trouble:
        case Trouble.REFUSE:
            return Refused("The sandbox refuses this", code="REFUSED")
        case Trouble.RATE_LIMITED:
            return Retryable("Too many requests", code="RATE_LIMITED", retry_after=retry_after)
        case Trouble.DOWN:
            return Retryable("The sandbox is closed", code="DOWN")
        case Trouble.TIMEOUT_BEFORE | Trouble.TIMEOUT_AFTER:
            return OutcomeUnknown("The sandbox did not answer in time", code="TIMEOUT")
        case Trouble.ERROR_BEFORE | Trouble.ERROR_AFTER:
            return OutcomeUnknown("The sandbox had an internal error", code="500")
        case Trouble.OK | Trouble.SLOW:
            return None
