"""The SQLite file behind the sandbox, shared by all workers, that outlives each of them.

Every operation is one transaction that takes the file's write lock at its start, so that two
workers who send the same number at the same moment are answered one after the other. The tables
of the four kinds have different names: they may share a file, and by default they do.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from refund_gql.providers import Misconfigured, OutcomeUnknown, ProviderError, Retryable

BUSY_SECONDS = 30.0
"""How long an operation waits for another process before it gives up."""

T = TypeVar("T")


class FileError(Misconfigured):
    """The ledger can't be opened or written, or is something else; nothing was written."""


class SharedFile:
    """Runs transactions in threads, never on the event loop.

    Make a new one after a fork: SQLite connections don't survive it.
    """

    def __init__(self, path: Path, tables: str) -> None:
        """`tables` is SQL that makes what is missing, and may run again and again; no I/O."""
        self.path = path
        self._tables = tables
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Create the file and its tables where missing. Raises like `run`."""
        await self.run(lambda db: None)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, after the commit; what it raises, after a rollback.

        Raises FileError, Retryable when the file stayed locked, OutcomeUnknown when the disk
        failed.
        """
        return await asyncio.to_thread(self._run, work)

    async def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        await asyncio.to_thread(self._close)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                with _write_lock(self._connected()) as db:
                    return work(db)
            except sqlite3.Error as error:
                raise _understood(error, self.path) from error

    def _close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _connect(self.path, self._tables)
        return self._connection


def _understood(error: sqlite3.Error, path: Path) -> ProviderError:
    # The low byte is the primary code; the rest says which kind of it.
    found = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if found in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Retryable(f"refund-gql-sandbox: the ledger {path} stayed locked")
    if found in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL):
        return OutcomeUnknown(f"refund-gql-sandbox: the disk of the ledger {path}: {error}")
    return FileError(
        f"refund-gql-sandbox: the ledger {path}: {error}; the setting ledger must name a sandbox "
        "ledger, or a new file, in a writable directory",
        field="ledger",
    )


def _connect(path: Path, tables: str) -> sqlite3.Connection:
    # One connection for all threads; `SharedFile._lock` keeps them apart.
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        _switch_to_wal(db)
        # Survives the death of any process; only a power cut may cost the last payments, and a
        # sandbox does not pay a disk flush per call for that.
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(f"BEGIN IMMEDIATE;{tables}COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def _switch_to_wal(db: sqlite3.Connection) -> None:
    # Two processes that switch a new file at once refuse each other without the busy time-out.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def _write_lock(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        # SQLite itself has already rolled back after some errors, a full disk among them.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
