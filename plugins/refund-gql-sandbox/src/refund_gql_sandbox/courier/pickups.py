"""The pickups the courier has accepted, one per number, and what they cost."""

import sqlite3
import time
from datetime import timedelta

from pydantic import TypeAdapter

from refund_gql.providers import Pickup, PickupRequest, Quote, Refused

TABLES = """
CREATE TABLE IF NOT EXISTS pickup (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    reference TEXT NOT NULL UNIQUE,
    tracking_number TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL
) STRICT;
"""

_REQUEST = TypeAdapter(PickupRequest)

_SERVICES = (("STANDARD", 1000, 200, timedelta(days=3)), ("EXPRESS", 1800, 500, timedelta(days=1)))
"""Name, price of the first kilogram, price of each further one begun, and how long it takes."""


class Pickups:
    """The pickups, open for the length of one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def find(self, number: str) -> Pickup | None:
        """The pickup of this number."""
        row = self._row(number)
        return _pickup(row) if row else None

    def book(self, request: PickupRequest, *, journey: str) -> Pickup:
        """The pickup of the request's number, accepted now unless it was before.

        Raises Refused when the number belongs to another pickup.
        """
        asked = _REQUEST.dump_json(request).decode()
        row = self._row(request.number) or self._accept(request.number, asked, journey)
        if row["request"] != asked:
            raise Refused("The number belongs to another pickup", code="NUMBER_REUSED")
        return _pickup(row)

    def _accept(self, number: str, asked: str, journey: str) -> sqlite3.Row:
        following = "SELECT coalesce(max(id), 0) + 1 FROM pickup"
        tracking_number = f"SBX-{journey}-{self._db.execute(following).fetchone()[0]:08d}"
        row: sqlite3.Row = self._db.execute(
            "INSERT INTO pickup (number, request, reference, tracking_number, created_at)"
            " VALUES (?, ?, ?, ?, ?) RETURNING *",
            (number, asked, f"SBX-PICKUP-{number}", tracking_number, time.time()),
        ).fetchone()
        return row

    def _row(self, number: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM pickup WHERE number = ?", (number,)
        ).fetchone()
        return row


def quotes(request: PickupRequest, currency: str) -> list[Quote]:
    """What each service would cost, cheapest first."""
    further = max(0, -(-request.weight_grams // 1000) - 1)
    return [
        Quote(service=name, amount=first + further * each, currency=currency, transit_time=time)
        for name, first, each, time in _SERVICES
    ]


def _pickup(row: sqlite3.Row) -> Pickup:
    return Pickup(reference=row["reference"], tracking_number=row["tracking_number"])
