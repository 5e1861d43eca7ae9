"""The bank: what it does with the refunds in its file, call by call."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from refund_gql.providers import OutcomeState, RefundRequest
from refund_gql_sandbox.file import SharedFile
from refund_gql_sandbox.gateway.behaviour import History
from refund_gql_sandbox.gateway.books import TABLES, Books, Entry
from refund_gql_sandbox.gateway.misbehaviour import WITHOUT_EFFECT, Misbehaviour

Choose = Callable[[RefundRequest, History], Misbehaviour]
"""Decides inside the transaction, because only there the count of earlier calls stands still."""


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
    """

    def __init__(
        self, path: Path, *, processing_seconds: float = 1.0, reverse_after_seconds: float = 1.0
    ) -> None:
        self.path = path
        self._file = SharedFile(path, TABLES)
        self._processing_seconds = processing_seconds
        self._reverse_after_seconds = reverse_after_seconds

    async def open(self) -> None:
        """Create the file and its tables where missing. Raises like `SharedFile.run`."""
        await self._file.open()

    async def refund(self, request: RefundRequest, choose: Choose) -> Receipt:
        """Record the call and, unless the misbehaviour forbids, accept and pay the refund once.

        Raises like `SharedFile.run`, and whatever `choose` raises; then the call left no trace.
        """
        return await self._file.run(lambda db: self._refund(Books(db), request, choose))

    async def query(self, request: RefundRequest, choose: Choose) -> Receipt:
        """Record the call and look the number up. Raises like `refund`."""
        return await self._file.run(lambda db: _query(Books(db), request, choose))

    async def settle(self, number: str) -> None:
        """Be the person who pays a refund that is NEEDS_MANUAL.

        Raises SettleError when none of this number waits, and like `SharedFile.run`.
        """
        await self._file.run(lambda db: _settle(Books(db), number))

    async def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        await self._file.close()

    def _refund(self, books: Books, request: RefundRequest, choose: Choose) -> Receipt:
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


def _query(books: Books, request: RefundRequest, choose: Choose) -> Receipt:
    misbehaviour = choose(request, books.history(request, "query"))
    books.advance(request.number)
    books.record(request, "query", misbehaviour, effect=False)
    return Receipt(misbehaviour=misbehaviour, entry=books.find(request.number))


def _settle(books: Books, number: str) -> None:
    entry = books.find(number)
    if entry is None or entry.state is not OutcomeState.NEEDS_MANUAL:
        found = entry.state if entry else "unknown to the bank"
        raise SettleError(f"refund {number} is {found}; only NEEDS_MANUAL can be settled")
    books.pay(number)
