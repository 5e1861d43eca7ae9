"""The calls that reached the courier, the CRM and the inbox, as all processes count them."""

import sqlite3
import time

TABLES = """
CREATE TABLE IF NOT EXISTS visit (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    operation TEXT NOT NULL,
    subject TEXT NOT NULL,
    at REAL NOT NULL,
    trouble TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS visit_subject ON visit (subject, operation, provider);
"""


class Visits:
    """The visits of one provider, open for the length of one transaction."""

    def __init__(self, db: sqlite3.Connection, provider: str) -> None:
        self._db = db
        self._provider = provider

    def count(self, operation: str, subject: str) -> int:
        """How many calls of an operation were about this."""
        count: int = self._db.execute(
            "SELECT count(*) FROM visit WHERE subject = ? AND operation = ? AND provider = ?",
            (subject, operation, self._provider),
        ).fetchone()[0]
        return count

    def record(self, operation: str, subject: str, trouble: str) -> None:
        """Note a call."""
        self._db.execute(
            "INSERT INTO visit (provider, operation, subject, at, trouble) VALUES (?, ?, ?, ?, ?)",
            (self._provider, operation, subject, time.time(), trouble),
        )
