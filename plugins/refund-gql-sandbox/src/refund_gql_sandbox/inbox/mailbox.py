"""The inbox: what arrived, each message once, and who may read it."""

import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from refund_gql.providers import Delivery, Notification, Refused

TABLES = """
CREATE TABLE IF NOT EXISTS mail (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    locale TEXT NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    variables TEXT NOT NULL,
    received_at REAL NOT NULL,
    arrivals INTEGER NOT NULL
) STRICT;
"""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A message as it lies in the inbox."""

    position: int
    """From 1, in the order of arrival."""
    id: str
    """The engine's id of the message."""
    address: str
    locale: str
    event: str
    subject: str
    text: str
    variables: Mapping[str, str]
    received_at: datetime
    """UTC; of the first arrival."""
    arrivals: int
    """How often it was sent: the inbox drops all but the first, and counts."""


class Inbox:
    """The reader's side. Looking makes no file and marks nothing as read."""

    def __init__(self, path: Path) -> None:
        """`path` is the setting `ledger` of the inbox."""
        self.path = path

    def messages(self, *, after: int = 0) -> list[Mail]:
        """The messages behind a position, oldest first; none when there is no inbox yet.

        Blocks on the disk. Raises sqlite3.DatabaseError when the file is something else.
        """
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'mail'").fetchone():
                return []
            rows = db.execute("SELECT * FROM mail WHERE position > ? ORDER BY position", (after,))
            return [_mail(row) for row in rows]


def put(db: sqlite3.Connection, message: Notification) -> Delivery:
    """Keep a message, once.

    Raises Refused when its id belongs to another one.
    """
    row = db.execute("SELECT * FROM mail WHERE id = ?", (message.id,)).fetchone()
    if row is None:
        return _delivery(_insert(db, message))
    if not _fits(_mail(row), message):
        raise Refused("The id belongs to another message", code="ID_REUSED")
    db.execute("UPDATE mail SET arrivals = arrivals + 1 WHERE id = ?", (message.id,))
    return _delivery(row["position"])


def _insert(db: sqlite3.Connection, message: Notification) -> int:
    position: int = db.execute(
        "INSERT INTO mail (id, address, locale, event, subject, text, variables, received_at,"
        " arrivals) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1) RETURNING position",
        (
            message.id,
            message.address,
            message.locale,
            message.event,
            message.subject,
            message.text,
            json.dumps(dict(message.variables), ensure_ascii=False),
            time.time(),
        ),
    ).fetchone()[0]
    return position


def _fits(mail: Mail, message: Notification) -> bool:
    return (mail.address, mail.event, mail.subject, mail.text) == (
        message.address,
        message.event,
        message.subject,
        message.text,
    )


def _delivery(position: int) -> Delivery:
    return Delivery(reference=f"SBX-MAIL-{position}")


def _mail(row: sqlite3.Row) -> Mail:
    read = {
        "variables": json.loads(row["variables"]),
        "received_at": datetime.fromtimestamp(row["received_at"], UTC),
    }
    return Mail(**{**row, **read})
