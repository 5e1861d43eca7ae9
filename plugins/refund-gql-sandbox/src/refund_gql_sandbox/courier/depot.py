"""The tables of the courier: parcels under way.

Columns named `..._at` and `seen_at` are seconds since 1970 in UTC.
"""

import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from refund_gql.providers import Checkpoint, Tracking
from refund_gql_sandbox.courier.codes import CODES, checkpoint
from refund_gql_sandbox.courier.journey import Stop
from refund_gql_sandbox.settings import Language

TABLES = """
CREATE TABLE IF NOT EXISTS parcel (
    tracking_number TEXT PRIMARY KEY,
    started_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS checkpoint (
    id INTEGER PRIMARY KEY,
    tracking_number TEXT NOT NULL,
    seen_at REAL NOT NULL,
    happened_at REAL NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL,
    place TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS checkpoint_parcel ON checkpoint (tracking_number, seen_at);
CREATE TABLE IF NOT EXISTS subscription (
    tracking_number TEXT PRIMARY KEY,
    created_at REAL NOT NULL
) STRICT;
"""
# A journey is written down whole when it starts. What a parcel has gone through stays true for
# all processes, whatever becomes of the file of journeys and of the speed.


class Depot:
    """The parcels, open for the length of one transaction, at one moment of the courier's clock."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._now = time.time()

    def knows(self, tracking_number: str) -> bool:
        """Whether the parcel is under way."""
        found = self._db.execute(
            "SELECT 1 FROM parcel WHERE tracking_number = ?", (tracking_number,)
        ).fetchone()
        return found is not None

    def dispatch(
        self, tracking_number: str, stops: Sequence[Stop], *, speed: float, language: Language
    ) -> None:
        """Start the journey of a parcel that is not under way."""
        self._db.execute("INSERT INTO parcel VALUES (?, ?)", (tracking_number, self._now))
        self._db.executemany(
            "INSERT INTO checkpoint (tracking_number, seen_at, happened_at, code, text, place)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    tracking_number,
                    self._now + stop.after / speed,
                    self._now + (stop.after if stop.happened is None else stop.happened) / speed,
                    stop.code,
                    _text(stop, language),
                    stop.place,
                )
                for stop in stops
            ],
        )

    def tracking(self, tracking_number: str) -> Tracking:
        """What is known of a parcel by now; nothing when it is not under way."""
        rows = self._db.execute(
            "SELECT happened_at, code, text, place FROM checkpoint"
            " WHERE tracking_number = ? AND seen_at <= ? ORDER BY seen_at, id",
            (tracking_number, self._now),
        )
        return Tracking(
            tracking_number=tracking_number,
            checkpoints=tuple(_checkpoint(**row) for row in rows),
            expected_at=self._expected(tracking_number),
        )

    def subscribe(self, tracking_number: str) -> None:
        """Note that news of a parcel is wanted; the second time changes nothing."""
        self._db.execute(
            "INSERT INTO subscription VALUES (?, ?) ON CONFLICT DO NOTHING",
            (tracking_number, self._now),
        )

    def subscriptions(self) -> list[str]:
        """The parcels of which news is wanted, in the order of asking."""
        rows = self._db.execute("SELECT tracking_number FROM subscription ORDER BY rowid")
        return [row["tracking_number"] for row in rows]

    def _expected(self, tracking_number: str) -> datetime | None:
        at = self._db.execute(
            "SELECT min(happened_at) FROM checkpoint WHERE tracking_number = ? AND code = 'SIGNED'",
            (tracking_number,),
        ).fetchone()[0]
        return None if at is None else datetime.fromtimestamp(at, UTC)


def _text(stop: Stop, language: Language) -> str:
    if stop.text is not None:
        return stop.text
    return CODES[stop.code].text(language) if stop.code in CODES else stop.code


def _checkpoint(*, happened_at: float, code: str, text: str, place: str) -> Checkpoint:
    return checkpoint(datetime.fromtimestamp(happened_at, UTC), code, text=text, place=place)
