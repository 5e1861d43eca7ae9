"""The flags of customers: sets that are kept."""

import sqlite3
import time

from refund_gql.providers import FlagChange, FlagResult
from refund_gql_sandbox import trouble
from refund_gql_sandbox.trouble import Trouble
from refund_gql_sandbox.visits import Visits

TABLES = """
CREATE TABLE IF NOT EXISTS flag (
    reference TEXT NOT NULL,
    flag TEXT NOT NULL,
    since_at REAL NOT NULL,
    PRIMARY KEY (reference, flag)
) STRICT;
"""

PER_CUSTOMER = frozenset({Trouble.REFUSE, Trouble.RATE_LIMITED})
"""Trouble with one customer of many; any other is trouble with the whole call."""


class Flags:
    """The flags, open for the length of one transaction."""

    def __init__(self, db: sqlite3.Connection, visits: Visits) -> None:
        self._db = db
        self._visits = visits

    def of(self, reference: str) -> frozenset[str]:
        """The flags a customer has."""
        rows = self._db.execute("SELECT flag FROM flag WHERE reference = ?", (reference,))
        return frozenset(row["flag"] for row in rows)

    def change(self, change: FlagChange) -> FlagResult:
        """Make it so; the second time changes nothing."""
        reference = change.customer.reference
        met = self._trouble(reference)
        if met in PER_CUSTOMER:
            return FlagResult(
                reference=reference,
                applied=False,
                code=met.value,
                message="The sandbox refuses this customer",
                retriable=met is Trouble.RATE_LIMITED,
            )
        if change.add & change.remove:
            return FlagResult(
                reference=reference,
                applied=False,
                code="CONTRADICTION",
                message=f"To add and to remove: {', '.join(sorted(change.add & change.remove))}",
            )
        self._apply(reference, change)
        return FlagResult(reference=reference, applied=True)

    def _trouble(self, reference: str) -> Trouble:
        asked = trouble.spelled(reference) or Trouble.OK
        earlier = self._visits.count("set_flag", reference)
        met = asked if not earlier or asked in trouble.LASTING else Trouble.OK
        self._visits.record("set_flag", reference, met)
        return met

    def _apply(self, reference: str, change: FlagChange) -> None:
        now = time.time()
        self._db.executemany(
            "INSERT INTO flag VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(reference, flag, now) for flag in sorted(change.add)],
        )
        self._db.executemany(
            "DELETE FROM flag WHERE reference = ? AND flag = ?",
            [(reference, flag) for flag in sorted(change.remove)],
        )
