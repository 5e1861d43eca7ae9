"""The tables of the ledger file and what may be written into them.

Columns named `..._at` and `..._due` are seconds since 1970 in UTC; amounts are minor units.
"""

import sqlite3
import time
from dataclasses import dataclass

from refund_gql.providers import OutcomeState, RefundRequest
from refund_gql_sandbox.gateway.behaviour import History
from refund_gql_sandbox.gateway.misbehaviour import Misbehaviour
from refund_gql_sandbox.gateway.rule import Operation

TABLES = """
CREATE TABLE IF NOT EXISTS refund (
    number TEXT PRIMARY KEY,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    capture_reference TEXT NOT NULL,
    reference TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('PROCESSING', 'NEEDS_MANUAL', 'SUCCEEDED', 'REVERSED')),
    created_at REAL NOT NULL,
    settled_at REAL,
    reversed_at REAL,
    settle_due REAL,
    reverse_due REAL
) STRICT;
CREATE TABLE IF NOT EXISTS payment (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS payment_number ON payment (number);
CREATE TRIGGER IF NOT EXISTS payment_keeps BEFORE UPDATE ON payment
    BEGIN SELECT RAISE(ABORT, 'payment is append-only'); END;
CREATE TRIGGER IF NOT EXISTS payment_stays BEFORE DELETE ON payment
    BEGIN SELECT RAISE(ABORT, 'payment is append-only'); END;
CREATE TABLE IF NOT EXISTS call (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('refund', 'query')),
    at REAL NOT NULL,
    misbehaviour TEXT NOT NULL,
    effect INTEGER NOT NULL CHECK (effect IN (0, 1)),
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    capture_reference TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS call_number ON call (number, operation);
CREATE INDEX IF NOT EXISTS call_spent ON call (capture_reference, amount, currency, number)
    WHERE misbehaviour = 'NUMBER_SPENT';
"""
# `payment` has no unique number on purpose: it is what a test counts, and a table that could not
# hold a double payment would not show one. The guard is the primary key of `refund`.


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One refund the bank accepted."""

    number: str
    """The engine's refund number."""
    amount: int
    """Minor units."""
    currency: str
    """ISO 4217."""
    capture_reference: str
    """The payment that is refunded."""
    reference: str
    """The bank's own reference."""
    state: OutcomeState
    """PROCESSING, NEEDS_MANUAL, SUCCEEDED or REVERSED."""

    def fits(self, request: RefundRequest) -> bool:
        """Whether the request repeats this refund, rather than reuses its number for another."""
        return (self.amount, self.currency, self.capture_reference) == (
            request.amount,
            request.currency,
            request.capture_reference,
        )


class Books:
    """The tables, open for the length of one transaction, at one moment of the bank's clock."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._now = time.time()

    def history(self, request: RefundRequest, operation: Operation) -> History:
        """What the calls before this one were."""
        numbers = self._spent_before(request) | {request.number}
        earlier = sum(self._count(number, operation) for number in numbers)
        return History(nth=earlier + 1, spent=self._is_spent(request.number))

    def record(
        self,
        request: RefundRequest,
        operation: Operation,
        misbehaviour: Misbehaviour,
        *,
        effect: bool,
    ) -> None:
        """Note the call; `effect` is whether it created the refund."""
        self._db.execute(
            "INSERT INTO call (number, operation, at, misbehaviour, effect, amount, currency,"
            " capture_reference) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request.number,
                operation,
                self._now,
                misbehaviour,
                effect,
                request.amount,
                request.currency,
                request.capture_reference,
            ),
        )

    def find(self, number: str) -> Entry | None:
        """The refund of this number."""
        row = self._db.execute(
            "SELECT number, amount, currency, capture_reference, reference, state"
            " FROM refund WHERE number = ?",
            (number,),
        ).fetchone()
        return Entry(**{**row, "state": OutcomeState(row["state"])}) if row else None

    def accept(
        self,
        request: RefundRequest,
        state: OutcomeState,
        *,
        settle_after: float | None = None,
        reverse_after: float | None = None,
    ) -> None:
        """Create the refund, unpaid; the seconds plan what `advance` does later.

        Raises sqlite3.IntegrityError when the number is taken.
        """
        self._db.execute(
            "INSERT INTO refund (number, amount, currency, capture_reference, reference, state,"
            " created_at, settle_due, reverse_due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request.number,
                request.amount,
                request.currency,
                request.capture_reference,
                f"SBX-{request.number}",
                state,
                self._now,
                None if settle_after is None else self._now + settle_after,
                None if reverse_after is None else self._now + reverse_after,
            ),
        )

    def advance(self, number: str) -> None:
        """Let time do what was planned: pay what is due, then take back what is due."""
        due = self._db.execute(
            "SELECT 1 FROM refund WHERE number = ? AND state = 'PROCESSING' AND settle_due <= ?",
            (number, self._now),
        ).fetchone()
        if due:
            self.pay(number)
        self._db.execute(
            "UPDATE refund SET state = 'REVERSED', reversed_at = ?"
            " WHERE number = ? AND state = 'SUCCEEDED' AND reverse_due <= ?",
            (self._now, number, self._now),
        )

    def pay(self, number: str) -> None:
        """Move the money of an accepted refund."""
        self._db.execute(
            "UPDATE refund SET state = 'SUCCEEDED', settled_at = ? WHERE number = ?",
            (self._now, number),
        )
        self._db.execute(
            "INSERT INTO payment (number, amount, currency, at)"
            " SELECT number, amount, currency, ? FROM refund WHERE number = ?",
            (self._now, number),
        )

    def _spent_before(self, request: RefundRequest) -> set[str]:
        # The engine's answer to NUMBER_SPENT is an equal refund with a new number. The new number
        # goes on counting where the spent one stopped, or it would meet the same trigger again.
        rows = self._db.execute(
            "SELECT DISTINCT number FROM call WHERE misbehaviour = 'NUMBER_SPENT'"
            " AND capture_reference = ? AND amount = ? AND currency = ?",
            (request.capture_reference, request.amount, request.currency),
        )
        return {row["number"] for row in rows}

    def _is_spent(self, number: str) -> bool:
        spent = self._db.execute(
            "SELECT 1 FROM call WHERE number = ? AND misbehaviour = 'NUMBER_SPENT'", (number,)
        ).fetchone()
        return spent is not None

    def _count(self, number: str, operation: Operation) -> int:
        count: int = self._db.execute(
            "SELECT count(*) FROM call WHERE number = ? AND operation = ?", (number, operation)
        ).fetchone()[0]
        return count
