"""Following one parcel: when its courier is asked, and what becomes of the answer. Job `watch`.

A courier that sends news by itself is asked to, and asked for them only after a day of silence.
Any other is asked no more often than it allows, across all processes: whoever moves the parcel's
next look forward makes the call. A courier that is down, refuses or talks nonsense keeps only its
own parcels waiting.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from refund_gql import clock, database
from refund_gql.choices import ParcelDirection, WatchEnd, WatchMode
from refund_gql.database import Transaction
from refund_gql.flow import arrivals, parcels, tracking
from refund_gql.flow.pickups import Couriers
from refund_gql.models import ParcelWatch
from refund_gql.providers import (
    Courier,
    CourierCapabilities,
    Parcel,
    ProviderError,
    Refused,
    Retryable,
    Tracking,
    TrackingTag,
)
from refund_gql.registry import Connection, ProviderUnreachable
from refund_gql.validation import printable

NONSENSE = "NONSENSE"
"""What came back is no answer about this parcel."""
_SILENT = timedelta(days=1)
"""A subscription without news for so long may be broken: the courier is asked."""
_LEAST_POLL, _LONGEST_POLL = timedelta(seconds=10), timedelta(hours=6)
_LONGEST_REST = timedelta(hours=12)
"""Between two calls to a courier that does not answer."""
_LEAST_REST = timedelta(minutes=1)
_SUBSCRIPTION_TRIES = 5
"""Then the parcel is polled."""

_CLAIM = """
update parcel_watch set next_look_at = $3, asked_at = $4, polls = polls + $5
 where id = $1 and next_look_at = $2 and closed_at is null returning id
"""
_STATE = """
select (select max(received_at) from tracking_checkpoint c
         where c.shop_id = w.shop_id and c.tracking_number = w.tracking_number) as heard_at,
       (select min(at) from tracking_checkpoint c
         where c.shop_id = w.shop_id and c.tracking_number = w.tracking_number
           and c.tag = 'DELIVERED' and c.at >= w.created_at - interval '60 days'
           and not c.flags ?| array['RETURNING', 'RETURNED_TO_SENDER', 'REFUSED'])
           as delivered_at,
       (select row_to_json(last) from (
            select tag, flags from tracking_checkpoint c
             where c.shop_id = w.shop_id and c.tracking_number = w.tracking_number
             order by at desc, id desc limit 1) last) ->> 'tag' as tag,
       exists (select from tracking_checkpoint c
                where c.shop_id = w.shop_id and c.tracking_number = w.tracking_number
                  and c.flags ? 'RETURNED_TO_SENDER') as sent_back,
       exists (select from shipment s where s.shop_id = w.shop_id
                and s.tracking_number = w.tracking_number and s.delivered_at is null)
       or exists (select from goods_return g where g.shop_id = w.shop_id
                and g.tracking_number = w.tracking_number
                and g.status in ('AWAITED', 'SHIPPED')) as needed
  from parcel_watch w where w.id = $1
"""
_PHONE = """
select phone from customer where id = (
    select r.customer_id from goods_return g join refund r on r.id = g.refund_id
     where g.shop_id = $1 and g.tracking_number = $2
    union all
    select o.customer_id from shipment s join "order" o on o.id = s.order_id
     where s.shop_id = $1 and s.tracking_number = $2
    limit 1)
"""


@dataclass(frozen=True, kw_only=True)
class _State:
    """What is known of a parcel beside its watch."""

    heard_at: datetime | None
    delivered_at: datetime | None
    tag: str | None
    """Of the newest line."""
    sent_back: bool
    needed: bool


async def look(couriers: Couriers, watch_id: UUID) -> None:
    """The job `watch`: close it, ask, or wait; does nothing to a parcel that is not followed."""
    watch = await ParcelWatch.get(id=watch_id)
    if watch.closed_at is not None:
        return
    if clock.now() < watch.next_look_at:
        # Called too early, or somebody has asked meanwhile: the same alarm, set once.
        await database.transaction(lambda tx: parcels.alarm(tx, watch.id, watch.next_look_at))
        return
    state = await _state(watch)
    if (end := _end(watch, state)) is not None:
        # News that were stored by whoever died before acting on them count too.
        await arrivals.heard(watch.shop_id, watch.tracking_number)
        await _close(watch, end, state.delivered_at)
        return
    try:
        line = await couriers(watch.shop_id, watch.courier)
        line.require_up()
    except ProviderUnreachable as error:
        await _park(watch, error)
        return
    await _ask(line, watch, state)


async def _ask(line: Connection[Courier], watch: ParcelWatch, state: _State) -> None:
    sheet: CourierCapabilities = line.sheet
    if watch.mode is WatchMode.SUBSCRIBING and sheet.subscribe:
        await _subscribe(line, watch)
    elif watch.mode is WatchMode.SUBSCRIBED and not _stale(watch, state):
        await _claim(watch, _heard(watch, state) + _SILENT, polls=0)
    else:
        await _poll(line, watch, state, sheet)


# --- what is to be done -----------------------------------------------------------------------


def _end(watch: ParcelWatch, state: _State) -> WatchEnd | None:
    """Why it need not be followed any more."""
    if state.delivered_at is not None:
        return WatchEnd.DELIVERED
    if state.sent_back:
        return WatchEnd.SENT_BACK
    if state.tag == TrackingTag.EXPIRED or clock.now() >= watch.created_at + parcels.LONGEST:
        return WatchEnd.EXPIRED
    return None if state.needed else WatchEnd.NOT_NEEDED


def _heard(watch: ParcelWatch, state: _State) -> datetime:
    known = (watch.subscribed_at, watch.answered_at, state.heard_at)
    return max((at for at in known if at is not None), default=watch.created_at)


def _stale(watch: ParcelWatch, state: _State) -> bool:
    return clock.now() >= _heard(watch, state) + _SILENT


def interval(sheet: CourierCapabilities, quiet: timedelta) -> timedelta:
    """Between two polls: rarer the longer nothing happens, never more often than the courier
    allows. Pure."""
    return max(sheet.least_poll_interval, _LEAST_POLL, min(quiet / 8, _LONGEST_POLL))


def rest(failures: int, least: timedelta, asked: timedelta | None = None) -> timedelta:
    """After so many failures in a row: twice as long each time. Pure."""
    doubled = max(least, _LEAST_REST) * 2.0 ** min(failures, 12)
    return max(min(doubled, _LONGEST_REST), least, min(asked or least, _LONGEST_REST))


# --- the calls --------------------------------------------------------------------------------


async def _subscribe(line: Connection[Courier], watch: ParcelWatch) -> None:
    again = clock.now() + rest(watch.failures, _LEAST_REST)
    if not await _claim(watch, again, polls=0):
        return
    parcel = await _parcel(watch)
    failure = await _called(line.call("subscribe", lambda courier: courier.subscribe(parcel)))

    async def work(tx: Transaction, row: ParcelWatch) -> None:
        if failure is None:
            row.mode = WatchMode.SUBSCRIBED
            row.subscribed_at = row.answered_at = clock.now()
            _clear(row)
            await _next(tx, row, clock.now() + _SILENT)
            return
        _note(row, failure)
        if row.failures >= _SUBSCRIPTION_TRIES or _for_good(failure):
            row.mode = WatchMode.POLLING
        await _next(tx, row, max(row.next_look_at, clock.now() + _pause(row, failure)))

    await _change(watch, work)


async def _poll(
    line: Connection[Courier],
    watch: ParcelWatch,
    state: _State,
    sheet: CourierCapabilities,
) -> None:
    now = clock.now()
    pause = interval(sheet, now - (state.heard_at or watch.created_at))
    if not await _claim(watch, now + pause, polls=1):
        return
    parcel = await _parcel(watch)

    async def ask() -> None:
        news = await line.call("track", lambda courier: courier.track(parcel))
        await tracking.record(watch.shop_id, watch.courier, _about(watch, news))

    failure = await _called(ask())
    if failure is None and watch.direction is ParcelDirection.BACK:
        await arrivals.heard(watch.shop_id, watch.tracking_number, asked=True)

    async def work(tx: Transaction, row: ParcelWatch) -> None:
        if failure is None:
            row.answered_at = clock.now()
            _clear(row)
            return
        _note(row, failure)
        least = max(pause, sheet.least_poll_interval)
        await _next(tx, row, clock.now() + _pause(row, failure, least))

    await _change(watch, work)


def _about(watch: ParcelWatch, news: Tracking) -> Tracking:
    """Raises TypeError for what is no news of this parcel."""
    understood = tracking.understood(news)
    if understood.tracking_number != watch.tracking_number:
        raise TypeError("the courier answers about another parcel")
    return understood


async def _called(call: Coroutine[Any, Any, None]) -> Exception | None:
    """Why it failed; None when it did not."""
    try:
        await call
    except (ProviderError, ProviderUnreachable, TypeError) as error:
        return error
    return None


async def _parcel(watch: ParcelWatch) -> Parcel:
    rows = await database.fetch(_PHONE, watch.shop_id, watch.tracking_number)
    return Parcel(
        tracking_number=watch.tracking_number,
        carrier=watch.carrier,
        phone=rows[0]["phone"] if rows else "",
    )


# --- what is stored ---------------------------------------------------------------------------


async def _state(watch: ParcelWatch) -> _State:
    [row] = await database.fetch(_STATE, watch.id)
    return _State(**dict(row))


async def _claim(watch: ParcelWatch, until: datetime, *, polls: int) -> bool:
    """Move the next look forward, if nobody else has: then the call is this process' own. One
    that dies with it is made up for at the next look, not before."""

    async def work(tx: Transaction) -> bool:
        content: Sequence[object] = [watch.id, watch.next_look_at, until, clock.now(), polls]
        if not await tx.execute_query_dict(_CLAIM, list(content)):
            return False
        await parcels.alarm(tx, watch.id, until)
        return True

    return await database.transaction(work)


async def _change(
    watch: ParcelWatch, work: Callable[[Transaction, ParcelWatch], Coroutine[Any, Any, None]]
) -> None:
    async def unit(tx: Transaction) -> None:
        rows = ParcelWatch.filter(id=watch.id).using_db(tx)
        row = await rows.select_for_update(no_key=True).get()
        if row.closed_at is None:
            await work(tx, row)
            await row.save(using_db=tx)

    await database.transaction(unit)


async def _next(tx: Transaction, row: ParcelWatch, at: datetime) -> None:
    row.next_look_at = at
    await parcels.alarm(tx, row.id, at)


async def _park(watch: ParcelWatch, error: ProviderUnreachable) -> None:
    """The courier cannot be reached for us: the parcel waits, visibly, and costs no failure."""

    async def work(tx: Transaction, row: ParcelWatch) -> None:
        row.problem, row.error = _code(error), printable(str(error), longest=500)
        waited = clock.now() - (row.answered_at or row.created_at)
        wait = min(max(waited / 8, _LEAST_REST), _LONGEST_POLL)
        await _next(tx, row, max(error.retry_at or row.next_look_at, clock.now() + wait))

    await _change(watch, work)


async def _close(watch: ParcelWatch, end: WatchEnd, delivered_at: datetime | None) -> None:
    async def work(tx: Transaction, row: ParcelWatch) -> None:
        row.closed_at, row.ended, row.delivered_at = clock.now(), end, delivered_at
        _clear(row)

    await _change(watch, work)


def _clear(row: ParcelWatch) -> None:
    row.failures, row.problem, row.error = 0, None, None


def _note(row: ParcelWatch, error: Exception) -> None:
    row.failures += 1
    row.problem, row.error = _code(error), printable(str(error), longest=500)


def _pause(row: ParcelWatch, error: Exception, least: timedelta = _LEAST_REST) -> timedelta:
    return rest(row.failures, least, error.retry_after if isinstance(error, Retryable) else None)


def _for_good(error: Exception) -> bool:
    """The courier does not take the subscription, and would not the next time."""
    return isinstance(error, Refused)


def _code(error: Exception) -> str:
    match error:
        case ProviderUnreachable():
            return f"COURIER_{error.reason}"
        case ProviderError():
            return printable(error.code, longest=64) or type(error).__name__.upper()
        case _:
            return NONSENSE
