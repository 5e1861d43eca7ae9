"""The door of the courier, the CRM and the inbox: credentials, trouble, then one transaction."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

from refund_gql_sandbox import credentials, trouble, visits
from refund_gql_sandbox.chaos import Chaos
from refund_gql_sandbox.file import SharedFile
from refund_gql_sandbox.rule import Rule
from refund_gql_sandbox.script import Script
from refund_gql_sandbox.settings import SharedSettings
from refund_gql_sandbox.trouble import Trouble
from refund_gql_sandbox.visits import Visits

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is asked of a provider."""

    operation: str
    """The method's name."""
    subject: str
    """What it is about, the same in every repetition: a number, a reference."""
    trouble: Trouble | None = None
    """What the caller asks to go wrong."""


class Door:
    """Lets calls in one by one, over all processes, and some of them not."""

    def __init__(self, provider: str, settings: SharedSettings, tables: str) -> None:
        """`tables` is SQL for `SharedFile`; no I/O."""
        self._provider = provider
        self._settings = settings
        self._file = SharedFile(settings.ledger_file, visits.TABLES + tables)
        self._script = Script(settings.script, Rule)
        self._chaos = Chaos(probability=settings.chaos, seed=settings.seed)

    async def check(self) -> None:
        """Show the key, open the ledger and read the script.

        Raises Misconfigured for what a person has to correct, and what the file raises.
        """
        credentials.require(self._settings.api_key)
        await self._file.open()
        await asyncio.to_thread(self._script.lines)

    async def call(self, call: Call, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, in one transaction of its own; a misbehaving call may skip it.

        Raises the ProviderError that the trouble shows to the caller, whatever `work` raises
        (then the call left no trace), Misconfigured for a bad key or script, and what the file
        raises.
        """
        credentials.require(self._settings.api_key)
        met, answer = await self._file.run(lambda db: self._admit(db, call, work))
        await self._dawdle(met)
        shown = trouble.error(
            met, retry_after=timedelta(seconds=self._settings.retry_after_seconds)
        )
        if shown is not None:
            raise shown
        return cast(T, answer)  # there is one: whatever skips the work shows an error

    async def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns: the way in for the sandbox's own staff, without trouble or trace."""
        return await self._file.run(work)

    async def close(self) -> None:
        """Let go of the file."""
        await self._file.close()

    def _admit(
        self, db: sqlite3.Connection, call: Call, work: Callable[[sqlite3.Connection], T]
    ) -> tuple[Trouble, T | None]:
        book = Visits(db, self._provider)
        met = self._choose(call, nth=book.count(call.operation, call.subject) + 1)
        book.record(call.operation, call.subject, met)
        return met, None if met in trouble.WITHOUT_EFFECT else work(db)

    def _choose(self, call: Call, *, nth: int) -> Trouble:
        for rule in self._script.lines():
            if rule.matches(call.operation, call.subject, nth):
                return rule.trouble
        if call.trouble is not None and (nth == 1 or call.trouble in trouble.LASTING):
            return call.trouble
        named = f"{self._provider}/{call.operation}/{call.subject}/{nth}"
        return self._chaos.strikes(named, trouble.CHAOS) or Trouble.OK

    async def _dawdle(self, met: Trouble) -> None:
        if met in trouble.TIMEOUTS:
            await asyncio.sleep(self._settings.timeout_seconds)
        if met is Trouble.SLOW:
            await asyncio.sleep(self._settings.slow_seconds)
