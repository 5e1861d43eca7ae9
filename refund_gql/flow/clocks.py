"""A refund's clocks follow it: started, paused, resumed and stopped by what happens to it.

`journal` calls `follow` once for every change, with the events that the change has written; which
of them concern a clock is worked out without a question to the database, so that a refund that
nobody has to look at pays nothing. What happens when a deadline passes stands in `deadlines`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from refund_gql.calendars import Calendar
from refund_gql.choices import ClockState, DeadlineStage
from refund_gql.database import Transaction
from refund_gql.events import EventType
from refund_gql.flow import business_hours, deadline_policies
from refund_gql.flow.deadline_policies import Terms
from refund_gql.models import Clock, Event, Refund, Shop
from refund_gql.states import RefundStatus

_E, _R, _S = EventType, RefundStatus, DeadlineStage


class Turn(Enum):
    """What happens to a clock."""

    START = auto()
    PAUSE = auto()
    RESUME = auto()
    MEET = auto()
    """What it waited for has come."""
    DROP = auto()
    """It no longer matters."""


@dataclass(frozen=True, kw_only=True)
class Happening:
    """What one change did to a refund."""

    before: RefundStatus
    after: RefundStatus
    events: Sequence[Event]

    def has(self, *types: EventType) -> bool:
        """Whether one of these has happened."""
        return any(event.type in types for event in self.events)

    @property
    def by_staff(self) -> bool:
        """Whether a colleague has done any of it."""
        return any(event.actor.startswith("STAFF:") for event in self.events)

    def leaves(self, status: RefundStatus) -> bool:
        """Whether the refund stood there, and does no longer."""
        return self.before is status is not self.after


_BY_STATUS = {
    _S.REVIEW: _R.REVIEW,
    _S.WAREHOUSE_CHECK: _R.WAREHOUSE_CHECK,
    _S.CUSTOMER_SHIPS: _R.AWAITING_RETURN,
    _S.FINANCE: _R.FINANCE_REVIEW,
    _S.INSPECTION: _R.INSPECTION,
}
"""Stages that are a status of the refund."""


def turns(happening: Happening) -> Iterator[tuple[DeadlineStage, Turn]]:
    """What a change does to the refund's clocks, ends before beginnings; pure."""
    yield from _ends(happening)
    if happening.has(_E.EVIDENCE_PROVIDED):
        yield _S.CUSTOMER_ANSWERS, Turn.MEET
        yield _S.REVIEW, Turn.RESUME
    for stage, status in _BY_STATUS.items():
        if happening.after is status is not happening.before:
            yield stage, Turn.START
    if happening.has(_E.SENT_TO_REVIEW) and happening.after is _R.REVIEW:
        yield _S.FIRST_RESPONSE, Turn.START
    if happening.has(_E.EVIDENCE_REQUESTED):
        yield _S.REVIEW, Turn.PAUSE
        yield _S.CUSTOMER_ANSWERS, Turn.START
    # Where the money went first, the goods arrive without a change of status.
    if happening.has(_E.RETURN_RECEIVED) and happening.after is not _R.INSPECTION:
        yield _S.INSPECTION, Turn.START


def _ends(happening: Happening) -> Iterator[tuple[DeadlineStage, Turn]]:
    done = Turn.DROP if happening.after is _R.CANCELLED else Turn.MEET
    for stage, status in _BY_STATUS.items():
        if happening.leaves(status):
            yield stage, done
    if happening.has(_E.INSPECTION_PASSED, _E.INSPECTION_REFUSED):
        yield _S.INSPECTION, Turn.MEET
    if happening.before is _R.REVIEW and happening.by_staff:
        yield _S.FIRST_RESPONSE, Turn.MEET
    elif happening.leaves(_R.REVIEW):
        yield _S.FIRST_RESPONSE, Turn.DROP
    if happening.leaves(_R.REVIEW):
        yield _S.CUSTOMER_ANSWERS, Turn.DROP


async def follow(tx: Transaction, refund: Refund, happening: Happening, now: datetime) -> None:
    """Turn the refund's clocks; under its lock, in the transaction of the change."""
    wanted = list(turns(happening))
    if wanted:
        face = await _Face.read(tx, refund, now)
        for stage, turn in wanted:
            await face.turn(stage, turn)


async def resume(tx: Transaction, refund: Refund, stage: DeadlineStage, now: datetime) -> None:
    """Let a paused clock run again with the time it had left."""
    await (await _Face.read(tx, refund, now)).turn(stage, Turn.RESUME)


@dataclass(frozen=True, kw_only=True)
class _Face:
    """The open clocks of one refund, and what the time is."""

    tx: Transaction
    refund: Refund
    shop: Shop
    calendar: Calendar
    open: dict[DeadlineStage, Clock]
    now: datetime

    @classmethod
    async def read(cls, tx: Transaction, refund: Refund, now: datetime) -> "_Face":
        shop = await Shop.filter(id=refund.shop_id).using_db(tx).get()
        rows = await Clock.filter(refund_id=refund.id, ended_at=None).using_db(tx)
        return cls(
            tx=tx,
            refund=refund,
            shop=shop,
            calendar=await business_hours.of_shop(tx, shop),
            open={row.stage: row for row in rows},
            now=now,
        )

    async def turn(self, stage: DeadlineStage, turn: Turn) -> None:
        clock = self.open.get(stage)
        if turn is Turn.START:
            await self._start(stage)
        elif clock is not None:
            await self._turn(clock, turn)

    async def _start(self, stage: DeadlineStage) -> None:
        """From now; one that is open already makes room: it was asked for anew."""
        if (before := self.open.pop(stage, None)) is not None:
            await self._turn(before, Turn.DROP)
        terms = (await deadline_policies.current(self.tx, self.shop.id))[stage]
        clock = Clock(
            shop_id=self.shop.id,
            refund_id=self.refund.id,
            stage=stage,
            policy=terms.number,
            open_time=terms.open_time,
            started_at=self.now,
            due_at=terms.due(self.calendar, self.now),
        )
        self._warn_by(clock, terms)
        await clock.save(using_db=self.tx, force_create=True)
        self.open[stage] = clock

    def _warn_by(self, clock: Clock, terms: Terms) -> None:
        clock.next_at = clock.due_at
        if terms.warn_percent is not None:
            span = self._left(clock)
            warn_left = span * (100 - terms.warn_percent) // 100
            clock.warn_left_seconds = int(warn_left.total_seconds())
            clock.warn_at = clock.next_at = self._later(clock, span - warn_left)

    async def _turn(self, clock: Clock, turn: Turn) -> None:
        match turn:
            case Turn.PAUSE if clock.state is ClockState.RUNNING:
                self._pause(clock)
            case Turn.RESUME if clock.state is ClockState.PAUSED:
                self._resume(clock)
            case Turn.MEET | Turn.DROP:
                self._end(clock, turn)
                self.open.pop(clock.stage, None)
        await clock.save(using_db=self.tx)

    def _pause(self, clock: Clock) -> None:
        clock.left_seconds = int(self._left(clock).total_seconds())
        clock.state, clock.paused_at, clock.next_at = ClockState.PAUSED, self.now, None

    def _resume(self, clock: Clock) -> None:
        assert clock.paused_at is not None and clock.left_seconds is not None  # noqa: PT018
        left = clock.left_seconds
        clock.due_at = clock.next_at = self._later(clock, timedelta(seconds=left))
        if clock.warned_at is None and clock.warn_left_seconds is not None:
            until = max(left - clock.warn_left_seconds, 0)
            clock.warn_at = clock.next_at = self._later(clock, timedelta(seconds=until))
        self._unpause(clock)
        clock.state = ClockState.RUNNING

    def _end(self, clock: Clock, turn: Turn) -> None:
        """In time or not, whether or not the engine has noticed that the time was over."""
        if clock.state is ClockState.RUNNING and clock.due_at < self.now:
            clock.state = ClockState.BREACHED
        elif clock.state is not ClockState.BREACHED:
            met = turn is Turn.MEET
            clock.state = ClockState.MET if met else ClockState.CANCELLED
        self._unpause(clock)
        clock.next_at, clock.ended_at = None, self.now

    def _unpause(self, clock: Clock) -> None:
        if clock.paused_at is not None:
            clock.paused_seconds += int((self.now - clock.paused_at).total_seconds())
            clock.paused_at = clock.left_seconds = None

    def _left(self, clock: Clock) -> timedelta:
        return deadline_policies.left(self.calendar, self.now, clock.due_at, clock.open_time)

    def _later(self, clock: Clock, span: timedelta) -> datetime:
        return deadline_policies.later(self.calendar, self.now, span, clock.open_time)
