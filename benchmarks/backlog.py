"""How fast a pile of requests is worked off: approved, paid, closed."""

import asyncio
import time

import asyncpg

from benchmarks.figures import Figure
from benchmarks.place import Place, Server, processor_seconds

REFUNDS = 600
_CLIENTS = 8
_STATE = """
select count(*) filter (where type = 'REFUNDED') as over, min(at) filter (where type <> 'REQUESTED')
       as began, max(at) as ended
  from event where refund_id in (select refund_id from event where at > $1 and type = 'REQUESTED')
"""


async def measure(place: Place) -> list[Figure]:
    """Requests a second without a worker, then refunds a second once one worker comes."""
    connection = await asyncpg.connect(place.url)
    try:
        since = await connection.fetchval("select now()")
        async with place.serving("--no-worker") as server:
            orders = await server.orders(REFUNDS)
            asked = await _ask_for_all(server, orders)
        with place.working() as worker:
            [row] = await connection.fetch(_STATE, since)
            while row["over"] < REFUNDS:
                await asyncio.sleep(0.1)
                [row] = await connection.fetch(_STATE, since)
            busy = processor_seconds(worker)
        took = (row["ended"] - row["began"]).total_seconds()
    finally:
        await connection.close()
    return [
        Figure(
            name="requests accepted",
            value=REFUNDS / asked,
            unit="a second",
            note=f"{REFUNDS} by {_CLIENTS} clients, API alone",
        ),
        Figure(
            name="refunds from request to paid",
            value=REFUNDS / took,
            unit="a second",
            note="one worker works off the pile",
        ),
        Figure(
            name="processor time of the worker for a refund",
            value=busy / REFUNDS * 1000,
            unit="ms",
            note="with its start",
        ),
    ]


async def _ask_for_all(server: Server, orders: list[str]) -> float:
    left = list(orders)

    async def client() -> None:
        while left:
            await server.refund(left.pop())

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(_CLIENTS):
            group.create_task(client())
    return time.perf_counter() - began
