"""The bank: one SQLite file, shared by all workers, that outlives each of them.

Every operation is one transaction that takes the file's write lock at its start, so that two
workers who send the same number at the same moment are answered one after the other.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from refund_gql.providers import OutcomeState, RefundRequest
from refund_gql_sandbox.behaviour import History
from refund_gql_sandbox.books import SCHEMA, Books, Entry
from refund_gql_sandbox.misbehaviour import WITHOUT_EFFECT, Misbehaviour

BUSY_SECONDS = 30.0
"""How long an operation waits for another process before it gives up."""

Choose = Callable[[RefundRequest, History], Misbehaviour]
"""Decides inside the transaction, because only there the count of earlier calls stands still."""


class LedgerError(Exception):
    """The ledger file can't be opened or written, or stayed locked; nothing was written."""


class SettleError(Exception):
    """No refund of this number waits for a person."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What one call met at the bank."""

    misbehaviour: Misbehaviour
    """What the caller is to be shown instead of, or on top of, the truth."""
    entry: Entry | None
    """The refund of the number after the call; None when there is none, or it was not looked up."""


class Ledger:
    """The bank. Pays each refund number at most once, whoever asks, however often.

    It deliberately does NOT check that the refunds of one capture stay within what was captured:
    the cap is the engine's duty and never the bank's, and a sandbox that caught an overpayment
    would hide the very bug that a test looks for.

    Make a new one after a fork: SQLite connections don't survive it.
    """

    def __init__(
        self, path: Path, *, processing_seconds: float = 1.0, reverse_after_seconds: float = 1.0
    ) -> None:
        self.path = path
        self._processing_seconds = processing_seconds
        self._reverse_after_seconds = reverse_after_seconds
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Create the file and its tables where missing. Raises LedgerError."""
        await asyncio.to_thread(self._open)

    async def refund(self, request: RefundRequest, choose: Choose) -> Receipt:
        """Record the call and, unless the misbehaviour forbids, accept and pay the refund once.

        Raises LedgerError, and whatever `choose` raises; then the call left no trace.
        """
        return await asyncio.to_thread(self._refund, request, choose)

    async def query(self, request: RefundRequest, choose: Choose) -> Receipt:
        """Record the call and look the number up. Raises like `refund`."""
        return await asyncio.to_thread(self._query, request, choose)

    async def settle(self, number: str) -> None:
        """Be the person who pays a refund that is NEEDS_MANUAL.

        Raises SettleError when none of this number waits, LedgerError.
        """
        await asyncio.to_thread(self._settle, number)

    async def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        await asyncio.to_thread(self._close)

    def _open(self) -> None:
        with self._transaction():
            pass

    def _refund(self, request: RefundRequest, choose: Choose) -> Receipt:
        with self._transaction() as books:
            misbehaviour = choose(request, books.history(request, "refund"))
            if misbehaviour in WITHOUT_EFFECT:
                books.record(request, "refund", misbehaviour, effect=False)
                return Receipt(misbehaviour=misbehaviour, entry=None)
            new = books.find(request.number) is None
            if new:
                self._accept(books, request, misbehaviour)
            else:
                books.advance(request.number)
            books.record(request, "refund", misbehaviour, effect=new)
            return Receipt(misbehaviour=misbehaviour, entry=books.find(request.number))

    def _accept(self, books: Books, request: RefundRequest, misbehaviour: Misbehaviour) -> None:
        match misbehaviour:
            case Misbehaviour.MANUAL:
                books.accept(request, OutcomeState.NEEDS_MANUAL)
            case Misbehaviour.PROCESSING:
                wait = self._processing_seconds
                books.accept(request, OutcomeState.PROCESSING, settle_after=wait)
            case _:
                reverses = misbehaviour is Misbehaviour.REVERSE_LATER
                wait_or_none = self._reverse_after_seconds if reverses else None
                books.accept(request, OutcomeState.PROCESSING, reverse_after=wait_or_none)
                books.pay(request.number)

    def _query(self, request: RefundRequest, choose: Choose) -> Receipt:
        with self._transaction() as books:
            misbehaviour = choose(request, books.history(request, "query"))
            books.advance(request.number)
            books.record(request, "query", misbehaviour, effect=False)
            return Receipt(misbehaviour=misbehaviour, entry=books.find(request.number))

    def _settle(self, number: str) -> None:
        with self._transaction() as books:
            entry = books.find(number)
            if entry is None or entry.state is not OutcomeState.NEEDS_MANUAL:
                found = entry.state if entry else "unknown to the bank"
                raise SettleError(f"refund {number} is {found}; only NEEDS_MANUAL can be settled")
            books.pay(number)

    def _close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[Books]:
        with self._lock:
            try:
                with _write_lock(self._connected()) as books:
                    yield books
            except sqlite3.Error as error:
                raise LedgerError(
                    f"refund-gql-sandbox: the ledger {self.path}: {error}; "
                    "REFUND_GQL_SANDBOX_LEDGER must name a sandbox ledger, or a new file, "
                    "in a writable directory"
                ) from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _connect(self.path)
        return self._connection


def _connect(path: Path) -> sqlite3.Connection:
    # One connection for all threads; `Ledger._lock` keeps them apart.
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        _switch_to_wal(db)
        # Survives the death of any process; only a power cut may cost the last payments, and a
        # sandbox does not pay a disk flush per call for that.
        db.execute("PRAGMA synchronous = NORMAL")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            db.executescript(SCHEMA)
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
def _write_lock(db: sqlite3.Connection) -> Iterator[Books]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield Books(db)
        db.execute("COMMIT")
    except BaseException:
        # SQLite itself has already rolled back after some errors, a full disk among them.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
