"""Points and coupons given back to customers, once per number."""

import sqlite3
import time

from refund_gql.providers import Refused

TABLES = """
CREATE TABLE IF NOT EXISTS restoration (
    number TEXT PRIMARY KEY,
    reference TEXT NOT NULL,
    points INTEGER NOT NULL,
    code TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
"""


class Loyalty:
    """What was given back, open for the length of one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def restore(self, number: str, reference: str, points: int, code: str) -> None:
        """Give points or a coupon back, unless the number has done it.

        Raises Refused when the number belongs to something else.
        """
        wanted = (reference, points, code)
        self._db.execute(
            "INSERT INTO restoration VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (number, *wanted, time.time()),
        )
        kept = self._db.execute(
            "SELECT reference, points, code FROM restoration WHERE number = ?", (number,)
        ).fetchone()
        if tuple(kept) != wanted:
            raise Refused("The number belongs to something else", code="NUMBER_REUSED")

    def points(self, reference: str) -> int:
        """The points a customer was given back."""
        found = self._db.execute(
            "SELECT coalesce(sum(points), 0) FROM restoration WHERE reference = ?", (reference,)
        ).fetchone()
        return int(found[0])
