"""From the customer's click to the money: requests arrive at a steady rate, and are watched.

Clients and watcher live in this process, the server (API and worker) in another, PostgreSQL
beside them. A request leaves at its time whether or not earlier ones are answered. The clock of
a refund runs from the moment its request is sent until the watcher, which looks every 10 ms on
a connection of its own, sees the committed event REFUNDED.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from benchmarks.figures import Figure, percentile
from benchmarks.place import Place, Server, megabytes, processor_seconds
from refund_gql import ids

RATE = 20
"""Requests a second."""
SECONDS = 30
WARM_UP = 4
"""Seconds at the same rate before it counts."""
_LOOK = 0.01
_SEEN = "select refund_id from event where refund_id = any($1::uuid[]) and type = 'REFUNDED'"


@dataclass(kw_only=True)
class Watch:
    """Which refunds are under way since when, and how long the others took; in seconds."""

    waiting: dict[UUID, float] = field(default_factory=dict)
    answered: list[float] = field(default_factory=list)
    refunded: list[float] = field(default_factory=list)

    async def look(self, connection: Any, finished: asyncio.Event) -> None:
        """Note the refunds that are over, until none is left after `finished`."""
        while self.waiting or not finished.is_set():
            for row in await connection.fetch(_SEEN, list(self.waiting)):
                began = self.waiting.pop(row["refund_id"])
                self.refunded.append(time.perf_counter() - began)
            await asyncio.sleep(_LOOK)

    async def ask(self, server: Server, order_id: str) -> None:
        """Send one request."""
        began = time.perf_counter()
        parts = ids.split(await server.refund(order_id))
        assert parts is not None, "the API answers with global ids"
        self.answered.append(time.perf_counter() - began)
        self.waiting[parts[1]] = began


async def measure(place: Place) -> list[Figure]:
    """Latencies at RATE a second, what a refund costs, and the server's memory."""
    async with place.serving() as server:
        started = megabytes(server.process)
        orders = await server.orders(RATE * (WARM_UP + SECONDS))
        await _steadily(place, server, orders[: RATE * WARM_UP])
        before = processor_seconds(server.process)
        watch = await _steadily(place, server, orders[RATE * WARM_UP :])
        busy = processor_seconds(server.process) - before
        return [*_figures(watch, busy), *_memory(started, megabytes(server.process))]


async def _steadily(place: Place, server: Server, orders: list[str]) -> Watch:
    watch, finished = Watch(), asyncio.Event()
    connection = await asyncpg.connect(place.url)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.look(connection, finished))
            async with asyncio.TaskGroup() as clients:
                began = time.perf_counter()
                for i, order_id in enumerate(orders):
                    await asyncio.sleep(began + i / RATE - time.perf_counter())
                    clients.create_task(watch.ask(server, order_id))
            finished.set()
    finally:
        await connection.close()
    return watch


def _figures(watch: Watch, busy: float) -> list[Figure]:
    count = len(watch.refunded)
    return [
        Figure(name="request answered, p50", value=_ms(watch.answered, 50), unit="ms"),
        Figure(name="request answered, p99", value=_ms(watch.answered, 99), unit="ms"),
        Figure(name="request to REFUNDED, p50", value=_ms(watch.refunded, 50), unit="ms"),
        Figure(
            name="request to REFUNDED, p99",
            value=_ms(watch.refunded, 99),
            unit="ms",
            aim="< 1000 ms",
            note=f"{count} refunds at {RATE} a second",
        ),
        Figure(name="request to REFUNDED, slowest", value=_ms(watch.refunded, 100), unit="ms"),
        Figure(
            name="processor time of the server for a refund",
            value=busy / count * 1000,
            unit="ms",
            note="without PostgreSQL",
        ),
    ]


def _ms(values: list[float], percent: float) -> float:
    return percentile(values, percent) * 1000


def _memory(started: float, loaded: float) -> list[Figure]:
    return [
        Figure(
            name="memory after start", value=started, unit="MB", note="resident, API and worker"
        ),
        Figure(name="memory after load", value=loaded, unit="MB"),
    ]
