"""One shop's connection to one provider: every call goes through here.

A call has a deadline, a place in a bounded number of calls, and a breaker; it runs on the
provider's own lane, is counted, and shows no secret, whatever the plugin puts into its errors.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog

from refund_gql.errors import Unavailable
from refund_gql.providers import (
    Misconfigured,
    Outcome,
    OutcomeState,
    OutcomeUnknown,
    Provider,
    ProviderError,
    Refused,
    Retryable,
)
from refund_gql.registry import metrics
from refund_gql.registry.breaker import Breaker
from refund_gql.registry.lane import Blocked, Lane
from refund_gql.registry.redaction import Redaction

P = TypeVar("P", bound=Provider, covariant=True)
T = TypeVar("T")
_log = structlog.get_logger(__name__)


class ProviderUnreachable(Unavailable):
    """The provider cannot be called for this shop now; nothing was sent."""

    def __init__(self, reason: str, detail: str, *, retry_at: datetime | None = None) -> None:
        """`reason` is MISSING, DISABLED, MISCONFIGURED or DOWN; `detail` is for staff."""
        super().__init__(detail)
        self.reason, self.detail, self.retry_at = reason, detail, retry_at


@dataclass(kw_only=True)
class Connection(Generic[P]):
    """A provider object and everything that stands between it and the engine."""

    provider: P
    lane: Lane
    breaker: Breaker
    redaction: Redaction
    seconds: float
    """Deadline of one call."""
    slots: asyncio.Semaphore
    """Calls that may be under way at once."""
    report: Callable[[str | None], Coroutine[Any, Any, None]]
    """Told why the provider went down, and None when it is back."""
    sheet: Any = None
    """The capabilities of a gateway or a courier."""
    _calls: set["asyncio.Task[Any]"] = field(default_factory=set, repr=False)

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    @property
    def up(self) -> bool:
        """False while the breaker is open."""
        return not self.breaker.open

    @property
    def retry_at(self) -> datetime:
        """While the breaker is open: when a call may try again."""
        return self.breaker.retry_at

    def require_up(self) -> None:
        """Raise ProviderUnreachable while the breaker lets nobody through."""
        if self.breaker.open and not self.breaker.due:
            raise self._down()

    async def call(self, method: str, work: Callable[[P], Coroutine[Any, Any, T]]) -> T:
        """Await one method of the provider.

        Raises ProviderUnreachable when the breaker is open: nothing was sent. Raises a
        ProviderError when the provider did not do it; OutcomeUnknown for a time-out and for
        whatever else escapes it.
        """
        if not self.breaker.admits():
            raise self._down()
        return await self._whole(self._call(method, work))

    async def probe(self, method: str, work: Callable[[P], Coroutine[Any, Any, T]]) -> T:
        """As `call`, whether the breaker is open or not: a person wants to know."""
        return await self._whole(self._call(method, work))

    async def read(self, work: Callable[[P], T], *, seconds: float) -> T:
        """Run a method that does no I/O, such as `parse_webhook`; no breaker is asked.

        Raises what the method raises, and OutcomeUnknown when it does not end in time.
        """

        async def run() -> T:
            return work(self.provider)

        result = await self._ended("read", run, seconds)
        if isinstance(result, ProviderError):
            raise result
        return result

    async def aclose(self) -> None:
        """Close the provider when its running calls have ended."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=self.seconds)
        try:
            await self.lane.run(self.provider.aclose, seconds=self.seconds)
        except Exception as error:
            _log.warning("a provider failed to close", provider=self.name, error=self._text(error))

    def _down(self) -> ProviderUnreachable:
        return ProviderUnreachable(
            "DOWN", f"{self.name} does not answer", retry_at=self.breaker.retry_at
        )

    async def _whole(self, call: Coroutine[Any, Any, T]) -> T:
        """A call that has begun ends and is counted, whatever happens to who asked for it."""
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return await asyncio.shield(task)

    async def _call(self, method: str, work: Callable[[P], Coroutine[Any, Any, T]]) -> T:
        async with self.slots:
            began = time.perf_counter()
            with metrics.in_flight(self.name):
                ended = await self._ended(method, lambda: work(self.provider), self.seconds)
            await self._count(method, began, ended)
        if isinstance(ended, ProviderError):
            raise ended
        return self.redaction.result(ended)

    async def _ended(
        self, method: str, work: Callable[[], Coroutine[Any, Any, T]], seconds: float
    ) -> T | ProviderError:
        """What the work came to. The error is returned, since one that is raised from here would
        carry the plugin's own as its context, secrets and all."""
        try:
            return await self.lane.run(work, seconds=seconds)
        except Exception as error:
            return self._translated(error, method)

    async def _count(self, method: str, began: float, ended: object) -> None:
        metrics.count(self.name, method, _word(ended), time.perf_counter() - began)
        if not _is_failure(ended):
            if self.breaker.succeeded():
                _log.info("a provider is back", provider=self.name)
                await self._say(None)
        elif self.breaker.failed():
            reason = self._text(ended)
            _log.error("a provider is down", provider=self.name, method=method, reason=reason)
            await self._say(reason)

    async def _say(self, reason: str | None) -> None:
        """Report a change. That it cannot be stored must not make a call that ended look as if it
        had not been made."""
        try:
            await self.report(reason)
        except Unavailable:
            _log.warning("the health of a provider could not be stored", provider=self.name)

    def _translated(self, error: Exception, method: str) -> ProviderError:
        if isinstance(error, ProviderError):
            return self._redacted(error)
        return self._unknown(error, method)

    def _unknown(self, error: Exception, method: str) -> OutcomeUnknown:
        """What a time-out or an escaped exception proves: nothing. Logged, since the plugin's
        author has to see it and nobody else will."""
        if isinstance(error, Blocked):
            stack = self.redaction.text(error.stack)
            _log.error(
                "a provider blocks its event loop", provider=self.name, method=method, stack=stack
            )
            return OutcomeUnknown("it blocks its event loop", code="BLOCKED")
        if isinstance(error, TimeoutError):
            return OutcomeUnknown("no answer in time", code="TIMEOUT")
        _log.error(
            "a provider raised what no contract names",
            provider=self.name,
            method=method,
            trace=self.redaction.trace(error),
        )
        return OutcomeUnknown(self._text(error), code=type(error).__name__)

    def _redacted(self, error: ProviderError) -> ProviderError:
        """The same error without secrets, and without the chain that may show some."""
        error.args = (self.redaction.text(str(error)),)
        error.code = self.redaction.text(error.code) if error.code else None
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)

    def _text(self, ended: object) -> str:
        if isinstance(ended, Outcome):
            ended = ended.code or ended.state
        return self.redaction.text(str(ended) or type(ended).__name__)[:500]


def _is_failure(ended: object) -> bool:
    """True when the provider seems not to be there, or not to work.

    A refusal is an answer, and so is "leave me alone for a minute".
    """
    if isinstance(ended, Outcome):
        unknown = ended.state is OutcomeState.UNKNOWN and not ended.absent
        turned_away = ended.state is OutcomeState.REJECTED and ended.retriable
        return (unknown or turned_away) and ended.retry_after is None
    if isinstance(ended, Retryable):
        return ended.retry_after is None
    return isinstance(ended, Exception) and not isinstance(ended, Refused | Misconfigured)


def _word(ended: object) -> str:
    """The label of a metric."""
    if isinstance(ended, Outcome):
        return str(ended.state).lower()
    if isinstance(ended, OutcomeUnknown) and ended.code in ("TIMEOUT", "BLOCKED"):
        return ended.code.lower()
    return type(ended).__name__.lower() if isinstance(ended, Exception) else "ok"
