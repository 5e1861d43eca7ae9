"""The job `backtest`: a trial goes on by some chunks, and the next job takes it from there.

What was counted and how far it got commit together, so a worker that is killed counts nobody
twice, and two workers with one trial do not either. Reading and judging hold no transaction, and
judging gives way to everybody else after every millisecond.
"""

import asyncio
import time
from datetime import datetime
from uuid import UUID

import structlog

from refund_gql import clock, database, jobs
from refund_gql.choices import BacktestStatus
from refund_gql.database import Transaction
from refund_gql.errors import Unavailable
from refund_gql.lab import history, lineup, tally
from refund_gql.lab.history import Page, Place
from refund_gql.lab.replay import Replay
from refund_gql.models import RuleBacktest

_log = structlog.get_logger(__name__)

CHUNK = 250
"""Refunds between two commits."""
CHUNKS = 20
"""Of one job; a process that is to stop does not wait for a year of history."""
SLICE = 0.001
"""Seconds of judging before somebody else has a turn."""
MAX_FAILURES = 3

OPEN = (BacktestStatus.QUEUED, BacktestStatus.RUNNING)

MISSING = """
select 'backtest' as kind, id as subject, 'backtest:' || id || ':missing' as key
  from rule_backtest where status in ('QUEUED', 'RUNNING')
"""
"""The trials that must have a live job, as the reconciler's sweep wants them."""

# Only from the place where this chunk began: whoever comes second has counted for nothing.
_ADVANCE = """
update rule_backtest
   set status = $3, done = done + $4, cursor_at = $5, cursor_id = $6, tally = $7, failures = 0,
       finished_at = $8
 where id = $1 and done = $2 and status in ('QUEUED', 'RUNNING') returning id
"""
_FAILED = """
update rule_backtest
   set failures = failures + 1,
       status = case when failures + 1 >= $2 then 'FAILED' else status end,
       finished_at = case when failures + 1 >= $2 then $3::timestamptz end
 where id = $1 and status in ('QUEUED', 'RUNNING') returning status
"""


async def work(run_id: UUID) -> None:
    """Go on with a trial; does nothing when it is over."""
    for chunk in range(1, CHUNKS + 1):
        try:
            goes_on = await _chunk(run_id, last=chunk == CHUNKS)
        except Unavailable:
            raise
        except Exception as error:
            if await _gave_up(run_id):
                _log.exception("a backtest failed for good", run=str(run_id), exc_info=error)
                return
            raise
        if not goes_on:
            return


async def enqueue(tx: Transaction, run_id: UUID, done: int) -> None:
    """The job that goes on behind so many refunds."""
    await jobs.enqueue(tx, "backtest", run_id, key=f"backtest:{run_id}:{done}")


async def _chunk(run_id: UUID, *, last: bool) -> bool:
    """Whether there is more for this job to do."""
    run = await database.read(lambda: RuleBacktest.get(id=run_id))
    if run.status not in OPEN:
        return False
    page = await history.page(run.shop_id, _place(run), run.ends_at, CHUNK)
    replay = Replay(lineup.loaded(run.lineup), tally.loaded(run.tally))
    await _look(replay, page)
    return await _commit(run, replay, page, last=last) and not last


def _place(run: RuleBacktest) -> Place:
    if run.cursor_at is None:
        return Place(at=run.starts_at)
    return Place(at=run.cursor_at, id=run.cursor_id)


async def _look(replay: Replay, page: Page) -> None:
    began = time.perf_counter()
    for number in range(len(page.rows)):
        replay.look_at(page.refund(number))
        if time.perf_counter() - began > SLICE:
            await asyncio.sleep(0)
            began = time.perf_counter()


async def _commit(run: RuleBacktest, replay: Replay, page: Page, *, last: bool) -> bool:
    """Keep what was counted; whether the trial goes on, and nobody else goes on with it."""
    ended = len(page.rows) < CHUNK
    place = page.end if page.rows else _place(run)
    status = BacktestStatus.DONE if ended else BacktestStatus.RUNNING
    counted = tally.stored(replay.tally)

    async def write(tx: Transaction) -> bool:
        finished_at: datetime | None = clock.now() if ended else None
        advance = [run.id, run.done, status, len(page.rows), place.at, place.id]
        if not await tx.execute_query_dict(_ADVANCE, [*advance, counted, finished_at]):
            return False
        if last and not ended:
            await enqueue(tx, run.id, run.done + len(page.rows))
        return not ended

    return await database.transaction(write)


async def _gave_up(run_id: UUID) -> bool:
    """Count a failure; whether it was the last that is borne."""

    async def write(tx: Transaction) -> bool:
        rows = await tx.execute_query_dict(_FAILED, [run_id, MAX_FAILURES, clock.now()])
        return not rows or rows[0]["status"] == BacktestStatus.FAILED

    return await database.transaction(write)
