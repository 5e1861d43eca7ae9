"""An errand at a CRM system: something it must do once, however long that takes.

As with payouts: the system, our number and the request are stored before the first byte, no
transaction is open during the call, and every try sends the same. A system that cannot be
reached, or that nobody has set up, is waited for visibly; the refund waits for none of it.
"""

import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from refund_gql import database
from refund_gql.auth import system
from refund_gql.choices import CouponStatus, RestitutionStatus
from refund_gql.flow import journal
from refund_gql.flow.journal import Change
from refund_gql.models import PluginSettings
from refund_gql.models.aftercare import ErrandRow
from refund_gql.providers import (
    Crm,
    Misconfigured,
    OutcomeUnknown,
    Provider,
    ProviderError,
    ProviderKind,
    Refused,
    Retryable,
)
from refund_gql.registry import Connection, Providers, ProviderUnreachable
from refund_gql.validation import printable

PATIENCE = timedelta(days=5)
"""How long an errand is tried, from when it was wanted or staff last asked for it."""
NO_CRM = "NO_CRM"
"""No CRM system that can do it is set up for the shop."""
NONSENSE = "NONSENSE"
"""What came back is no answer: it proves nothing."""

_SHORTEST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
_LONGEST_REQUESTED = timedelta(hours=6)
"""However long a CRM system asks to be left alone."""

R = TypeVar("R", bound=ErrandRow)
A = TypeVar("A")
Status = CouponStatus | RestitutionStatus


@dataclass(frozen=True, kw_only=True)
class Crms:
    """The CRM systems of this process."""

    connect: Callable[[UUID, str], Awaitable[Connection[Crm]]]
    classes: Mapping[str, type[Provider]]
    """Name -> class: what it inherits says what it can do."""

    @classmethod
    def of(cls, providers: Providers) -> Self:
        """Those that are installed."""
        offers = providers.registry.of_kind(ProviderKind.CRM)
        return cls(connect=providers.crm, classes={offer.name: offer.provider for offer in offers})

    async def able(self, shop_id: UUID, ability: type) -> str | None:
        """The first CRM system that the shop has set up and that can; None: there is none."""
        names = [name for name, kind in self.classes.items() if issubclass(kind, ability)]
        rows = PluginSettings.filter(shop_id=shop_id, enabled=True, provider__in=names)
        found = await database.read(lambda: rows.order_by("provider").first())
        return found.provider if found else None


@dataclass(frozen=True, kw_only=True)
class Errand(Generic[R, A]):
    """One sort of errand."""

    job: str
    rows: type[R]
    ability: type
    """What a CRM system must be, beside a `Crm`."""
    waiting: Status
    calling: Status
    failed: Status
    ready: Callable[[Change, R], bool]
    """Whether it is time yet."""
    request: Callable[[Change, R], Awaitable[Mapping[str, Any]]]
    """What is to be sent, as JSON; stored with the first call."""
    call: Callable[[Connection[Crm], R], Coroutine[Any, Any, A]]
    """Raises a ProviderError, or TypeError for an answer that is none."""
    done: Callable[[Change, R, A], Awaitable[None]]
    """What an answer means; sets the status."""

    async def run(self, crms: Crms, row_id: UUID) -> None:
        """One try; does nothing when it is done, given up, or not to be done yet."""
        found = await self.rows.get(id=row_id)
        if found.status not in (self.waiting, self.calling):
            return
        answer = await self._attempt(crms, found)
        if answer is not None:
            await self._finish(found, answer)

    async def _attempt(self, crms: Crms, found: R) -> "_Answer[R, A] | None":
        """A call and what came of it; None when none was to be made."""
        name = found.crm or await crms.able(found.shop_id, self.ability)
        if name is None:
            return _Answer(failure=Failure(code=NO_CRM, error="no CRM system that can is set up"))
        try:
            line = await crms.connect(found.shop_id, name)
            line.require_up()
        except ProviderUnreachable as error:
            return _Answer(failure=failure_of(error))
        begun = await self._begin(found, name)
        if begun is None:
            return None
        try:
            return _Answer(begun=begun, answer=await self.call(line, begun.row))
        except (ProviderError, ProviderUnreachable, TypeError) as error:
            return _Answer(begun=begun, failure=failure_of(error))

    async def _begin(self, found: R, crm: str) -> "_Begun[R] | None":
        """Store what is about to be sent, and that it is."""
        begun: list[_Begun[R]] = []

        async def work(change: Change) -> None:
            begun.clear()
            row = await self._locked(change, found.id)
            if row.status not in (self.waiting, self.calling):
                return
            if not self.ready(change, row):
                await self._rest(change, row)
                return
            if row.crm not in (None, crm):
                return  # another job has chosen meanwhile, and does it
            row.crm = crm
            row.request = row.request or await self.request(change, row)
            # Cut off once, it may have been done, whatever the next call comes to.
            doubted = row.status == self.calling
            row.status = self.calling
            row.tries += 1
            await row.save(using_db=change.tx)
            begun.append(_Begun(row=row, doubted=doubted))

        await journal.change(system(found.shop_id), found.refund_id, work)
        return begun[0] if begun else None

    async def _finish(self, found: R, answer: "_Answer[R, A]") -> None:
        async def work(change: Change) -> None:
            row = await self._locked(change, found.id)
            if answer.failure is None:
                assert answer.answer is not None
                if row.status in (self.waiting, self.calling, self.failed):
                    row.problem = row.error = None
                    await self.done(change, row, answer.answer)
                    await row.save(using_db=change.tx)
            elif self._still(row, answer.begun) and self.ready(change, row):
                await self._failed(change, row, answer.failure, answer.begun)
                await row.save(using_db=change.tx)
            elif self._still(row, answer.begun):
                await self._rest(change, row)

        await journal.change(system(found.shop_id), found.refund_id, work)

    def _still(self, row: R, begun: "_Begun[R] | None") -> bool:
        """Whether nobody knows better than a try that failed."""
        if begun is None:
            return row.status in (self.waiting, self.calling)
        return row.status == self.calling and row.tries == begun.row.tries

    async def _failed(
        self, change: Change, row: R, failure: "Failure", begun: "_Begun[R] | None"
    ) -> None:
        row.problem, row.error = failure.code, failure.error
        if failure.final or change.now >= row.wanted_at + PATIENCE:
            row.status = self.failed
            return
        if begun is not None and not (failure.doubtful or begun.doubted):
            row.status = self.waiting
        await schedule(change, self.job, row, change.now + _wait(row, failure, change.now))

    async def _rest(self, change: Change, row: R) -> None:
        """It is not time: whoever knows when it is has it tried, and no problem of it is left."""
        row.problem = row.error = None
        await row.save(using_db=change.tx)

    async def _locked(self, change: Change, row_id: UUID) -> R:
        rows = self.rows.filter(id=row_id).using_db(change.tx).select_for_update()
        return await rows.get()


async def schedule(change: Change, job: str, row: R, run_at: datetime | None = None) -> None:
    """Enqueue the errand's first try, or another at a time in UTC: the running job still holds
    its own key, so each of those is named by its time."""
    key = f"{job}:{row.id}:{run_at.timestamp() if run_at else 'first'}"
    await change.enqueue(job, row.id, key=key, run_at=run_at)


# --- what went wrong --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What a try that failed proves."""

    code: str
    error: str
    doubtful: bool = False
    """It may have been done all the same."""
    final: bool = False
    """Trying again is useless."""
    after: timedelta | None = None
    """How long the CRM system asked to be left alone."""


@dataclass(frozen=True, kw_only=True)
class _Begun(Generic[R]):
    row: R
    """As it was when the call began."""
    doubted: bool
    """An earlier call may have done it."""


@dataclass(frozen=True, kw_only=True)
class _Answer(Generic[R, A]):
    begun: _Begun[R] | None = None
    """None when no call was made."""
    answer: A | None = None
    failure: Failure | None = None


def failure_of(error: Exception) -> Failure:
    """What an error of a call proves, in the length that rows can hold."""
    words = printable(str(error), longest=500)
    match error:
        case ProviderUnreachable():
            return Failure(code=f"CRM_{error.reason}", error=words)
        case Misconfigured():
            return Failure(code="CRM_MISCONFIGURED", error=words)
        case Refused():
            return Failure(code=_code(error, "REFUSED"), error=words, final=True)
        case Retryable():
            return Failure(code=_code(error, "RETRYABLE"), error=words, after=error.retry_after)
        case OutcomeUnknown():
            return Failure(code=_code(error, "OUTCOME_UNKNOWN"), error=words, doubtful=True)
        case _:
            return Failure(code=NONSENSE, error=words, doubtful=True)


def _code(error: ProviderError, otherwise: str) -> str:
    return printable(error.code, longest=64) or otherwise


def _wait(row: R, failure: Failure, now: datetime) -> timedelta:
    """Longer and longer, and at least as long as the CRM system asked for; with jitter."""
    wait = min(max((now - row.wanted_at) / 4, _SHORTEST_WAIT), _LONGEST_WAIT)
    wait *= random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
    return max(wait, min(failure.after or wait, _LONGEST_REQUESTED))
