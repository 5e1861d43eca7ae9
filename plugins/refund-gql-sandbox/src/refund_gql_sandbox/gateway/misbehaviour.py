"""The names of everything the sandbox can do wrong."""

from enum import StrEnum


class Misbehaviour(StrEnum):
    """What goes wrong with one call. "Pays" below means: at most once per refund number."""

    OK = "OK"
    """Nothing: the call is answered as it should be."""
    REFUSE = "REFUSE"
    """Pays nothing; REJECTED, not retriable."""
    RATE_LIMITED = "RATE_LIMITED"
    """Pays nothing; REJECTED, retriable, with `retry_after`."""
    NUMBER_SPENT = "NUMBER_SPENT"
    """Pays nothing; REJECTED with `renumber`. The number stays spent; a new one is accepted."""
    TIMEOUT_BEFORE = "TIMEOUT_BEFORE"
    """Pays nothing; hangs, then raises TimeoutError."""
    TIMEOUT_AFTER = "TIMEOUT_AFTER"
    """Pays; hangs, then raises TimeoutError."""
    ERROR_BEFORE = "ERROR_BEFORE"
    """Pays nothing; UNKNOWN with code 500."""
    ERROR_AFTER = "ERROR_AFTER"
    """Pays; UNKNOWN with code 500."""
    UNKNOWN_STATUS = "UNKNOWN_STATUS"
    """Pays; answers a status word that is in no table, so UNKNOWN."""
    SLOW = "SLOW"
    """Pays; answers SUCCEEDED, late."""
    PROCESSING = "PROCESSING"
    """Accepts; PROCESSING. Pays later, and is seen as SUCCEEDED by the first call after that."""
    MANUAL = "MANUAL"
    """Accepts; NEEDS_MANUAL until `Ledger.settle` pays it."""
    WRONG_AMOUNT = "WRONG_AMOUNT"
    """Pays the right amount; SUCCEEDED, but echoes one minor unit too many."""
    REVERSE_LATER = "REVERSE_LATER"
    """Pays; SUCCEEDED, and later `query` says REVERSED."""
    UNREACHABLE = "UNREACHABLE"
    """Pays nothing; REJECTED, retriable: the connection failed before anything was sent."""


WITHOUT_EFFECT = frozenset(
    {
        Misbehaviour.REFUSE,
        Misbehaviour.RATE_LIMITED,
        Misbehaviour.NUMBER_SPENT,
        Misbehaviour.TIMEOUT_BEFORE,
        Misbehaviour.ERROR_BEFORE,
        Misbehaviour.UNREACHABLE,
    }
)
"""A refund() with one of these never reaches the books."""

ON_QUERY = frozenset(
    {
        Misbehaviour.OK,
        Misbehaviour.RATE_LIMITED,
        Misbehaviour.TIMEOUT_BEFORE,
        Misbehaviour.ERROR_BEFORE,
        Misbehaviour.UNKNOWN_STATUS,
        Misbehaviour.SLOW,
        Misbehaviour.WRONG_AMOUNT,
        Misbehaviour.UNREACHABLE,
    }
)
"""What a query() can meet. All of it is about the question: it proves nothing about the refund."""

MAGIC_AMOUNTS = {
    9001: Misbehaviour.REFUSE,
    9002: Misbehaviour.RATE_LIMITED,
    9003: Misbehaviour.NUMBER_SPENT,
    9004: Misbehaviour.TIMEOUT_BEFORE,
    9005: Misbehaviour.TIMEOUT_AFTER,
    9006: Misbehaviour.ERROR_BEFORE,
    9007: Misbehaviour.ERROR_AFTER,
    9008: Misbehaviour.UNKNOWN_STATUS,
    9009: Misbehaviour.SLOW,
    9010: Misbehaviour.PROCESSING,
    9011: Misbehaviour.MANUAL,
    9012: Misbehaviour.WRONG_AMOUNT,
    9013: Misbehaviour.REVERSE_LATER,
    9014: Misbehaviour.UNREACHABLE,
}
"""By the last four digits of an amount in minor units: 9005 and 129005 both time out."""
