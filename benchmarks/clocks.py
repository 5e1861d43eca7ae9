"""How late clocks fire when ten thousand are due within one minute, two workers look, and one of
them is killed half-way."""

import asyncio
from contextlib import ExitStack
from datetime import datetime, timedelta

import asyncpg

from benchmarks.figures import Figure, percentile
from benchmarks.place import Place

CLOCKS = 10_000
LATEST = 30
"""Seconds; what a deadline may be late."""
_HEAD_START = timedelta(seconds=20)
"""Until the first is due: the workers have to start."""
_MINUTE = timedelta(minutes=1)
_PATIENCE = timedelta(minutes=5)

_REFUNDS = """
insert into refund select copy.* from refund r, generate_series(1, $2::int) n,
       jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'status', 'REVIEW',
           'number', r.number || '-C' || n)) copy
 where r.id = $1
returning id
"""
_CLOCKS = """
insert into clock (id, shop_id, refund_id, stage, state, policy, open_time, started_at, due_at,
                   next_at, paused_seconds)
select gen_random_uuid(), shop_id, id, 'REVIEW', 'RUNNING', 0, false, now(), due, due, 0
  from (select shop_id, id, $2::timestamptz + random() * $3::interval as due
          from refund where id = any($1::uuid[])) waiting
"""
_LEFT = "select count(*) from clock where state = 'RUNNING' and refund_id = any($1::uuid[])"
_LATE = """
select extract(epoch from fired_at - due_at)::float8 from clock where refund_id = any($1::uuid[])
"""
_TWICE = """
select count(*) from (select refund_id from event where type = 'CLOCK_BREACHED'
   and refund_id = any($1::uuid[]) group by refund_id having count(*) > 1) twice
"""
_FIRED = "select count(*) from event where type = 'CLOCK_BREACHED' and refund_id = any($1::uuid[])"


async def measure(place: Place) -> list[Figure]:
    """The spread of lateness, and whether each fired exactly once."""
    connection = await asyncpg.connect(place.url)
    try:
        refunds, begin = await _prepare(place, connection)
        await _work(place, connection, refunds, begin)
        late = [row[0] for row in await connection.fetch(_LATE, refunds)]
        fired = await connection.fetchval(_FIRED, refunds)
        twice = await connection.fetchval(_TWICE, refunds)
    finally:
        await connection.close()
    note = f"{CLOCKS:,} due within a minute, two workers, one killed half-way"
    return [
        Figure(name="clocks that fired", value=fired, unit="", aim=f"{CLOCKS}", note=note),
        Figure(name="clocks that fired twice", value=twice, unit="", aim="0"),
        Figure(name="lateness, median", value=percentile(late, 50), unit="s"),
        Figure(name="lateness, 99 %", value=percentile(late, 99), unit="s"),
        Figure(name="lateness, most", value=max(late), unit="s", aim=f"under {LATEST} s"),
    ]


async def _prepare(place: Place, connection: asyncpg.Connection) -> tuple[list[object], datetime]:
    """Refunds in review, each with a clock that nobody has looked at; and when the first is due."""
    async with place.serving("--no-worker") as server:
        [order] = await server.orders(1)
        await server.refund(order)
    first = await connection.fetchval("select id from refund order by requested_at desc limit 1")
    refunds = [row[0] for row in await connection.fetch(_REFUNDS, first, CLOCKS)]
    begin = await connection.fetchval("select now()") + _HEAD_START
    await connection.execute(_CLOCKS, refunds, begin, _MINUTE)
    return refunds, begin


async def _work(
    place: Place, connection: asyncpg.Connection, refunds: list[object], begin: datetime
) -> None:
    with place.working(), ExitStack() as other:
        doomed = other.enter_context(place.working())
        half_way = begin + _MINUTE / 2 - await connection.fetchval("select now()")
        await asyncio.sleep(half_way.total_seconds())
        doomed.kill()
        while await connection.fetchval(_LEFT, refunds):
            if await connection.fetchval("select now()") > begin + _PATIENCE:
                raise TimeoutError("clocks are left that never fired")
            await asyncio.sleep(0.5)
