"""Durable work: the one door to PgQueuer. Nothing else imports it.

A job is an at-least-once alarm clock for a row: it exists if and only if the transaction that
enqueued it commits, and its handler reads the row again and does nothing when the row has moved
on. The payload is a row's id, never data.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pgqueuer
import structlog
from pgqueuer.adapters.persistence import qb
from pgqueuer.core.executors import DatabaseRetryEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.domain.settings import DBSettings
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Context, Job
from pgqueuer.models import Schedule as Tick
from pgqueuer.queries import Queries
from pgqueuer.types import Channel

from refund_gql import clock
from refund_gql.database import Transaction
from refund_gql.settings import Settings

Handler = Callable[[str], Awaitable[None]]
Schedule = tuple[str, Callable[[], Awaitable[None]]]
"""A cron expression in UTC, and what to do then; one worker does it for all."""
Beat = tuple[float, Callable[[], Awaitable[object]]]
"""Seconds, and what every worker does again and again with so much rest between: for what cannot
wait for a cron's minute, or for a dead worker's schedule to be noticed. It has to share the work
out by itself."""
_log = structlog.get_logger(__name__)

# Every name is given here, because PgQueuer would otherwise take names from the environment,
# bare ones such as CHANNEL included, and two processes would use two queues.
_NAMES = DBSettings(
    prefix="",
    channel=Channel("ch_pgqueuer"),
    function="fn_pgqueuer_changed",
    statistics_table="pgqueuer_statistics",
    queue_status_type="pgqueuer_status",
    queue_table="pgqueuer",
    queue_table_log="pgqueuer_log",
    trigger="tg_pgqueuer_changed",
    schedules_table="pgqueuer_schedules",
)
_DEQUEUE_TIMEOUT = timedelta(seconds=5)
_BATCH = 10
_KEEP_LOG = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a worker can do, by kind."""

    handlers: Mapping[str, Handler]
    schedules: Mapping[str, Schedule]
    beats: Mapping[str, Beat] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Held:
    """The key of the job that runs here, from its headers: PgQueuer does not tell it otherwise."""

    key: str = ""
    turn: int = 0
    """How often it has set itself again."""


_held: ContextVar[_Held] = ContextVar("the job that runs here", default=_Held())  # noqa: B039 - frozen


class _TransactionDriver:
    """What PgQueuer needs of an open Tortoise transaction in order to enqueue."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def fetch(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self._tx.execute_query_dict(query, list(arguments))
        return rows


async def enqueue(
    tx: Transaction, kind: str, subject: object, *, key: str, run_at: datetime | None = None
) -> None:
    """Enqueue one job with the state change of `tx`.

    `key` names this very alarm, and holds a version or a counter: while a job of the same key is
    queued or running, the new one is dropped. `run_at` is UTC; None means at once. A job may come
    a moment before it: the delay counts from the beginning of the transaction that set it. Whoever
    is called too early sets the same alarm again.
    """
    held, turn = _held.get(), 0
    if key == held.key:
        # Dropped, it would be lost: the job that holds the key is the one that runs here.
        turn = held.turn + 1
    delay = max(run_at - clock.now(), timedelta(0)) if run_at else None
    await _queries(_TransactionDriver(tx)).enqueue(
        kind,
        str(subject).encode(),
        execute_after=delay,
        dedupe_key=f"{key}:again:{turn}" if turn else key,
        headers={"key": key, "turn": str(turn)},
        on_conflict="skip",
    )


async def install(url: str) -> None:
    """Create the queue's tables, or bring them up to date."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("select pg_advisory_lock(hashtext('refund_gql.jobs'))")
        queries = _queries(AsyncpgDriver(connection))
        if await queries.schema_is_installed():
            await queries.upgrade()
        else:
            await queries.install()
    finally:
        await connection.close()


async def run(url: str, work: Work, settings: Settings, stop: asyncio.Event) -> None:
    """Do jobs until `stop` is set, then finish the running ones. Never cancel it: a handler
    that is cancelled would look like a job that somebody withdrew."""

    @asynccontextmanager
    async def queuer() -> AsyncIterator[pgqueuer.PgQueuer]:
        async with asyncpg.create_pool(url, min_size=2, max_size=settings.worker_pool_size) as pool:
            yield _queuer(pool, work)

    beating = [asyncio.create_task(_beat(kind, beat, stop)) for kind, beat in work.beats.items()]
    try:
        await _run_queue(queuer, settings, stop)
    finally:
        stop.set()
        await asyncio.gather(*beating)


async def _run_queue(
    queuer: Callable[[], AbstractAsyncContextManager[pgqueuer.PgQueuer]],
    settings: Settings,
    stop: asyncio.Event,
) -> None:
    await pgqueuer.run(
        queuer,
        shutdown=stop,
        dequeue_timeout=_DEQUEUE_TIMEOUT,
        batch_size=min(_BATCH, settings.worker_tasks // 2),
        max_concurrent_tasks=settings.worker_tasks,
        heartbeat_timeout=timedelta(seconds=settings.worker_heartbeat_seconds),
        # PgQueuer does not listen again by itself when its connection is lost.
        shutdown_on_listener_failure=True,
        restart_on_failure=True,
        restart_delay=timedelta(seconds=1),
    )


async def _beat(kind: str, beat: Beat, stop: asyncio.Event) -> None:
    """A turn that fails is told, and tried again at the next."""
    rest, function = beat
    while not stop.is_set():
        try:
            await function()
        except Exception:
            _log.exception("a beat failed and will be tried again", kind=kind)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), rest)


class _PoolDriver(AsyncpgPoolDriver):
    """Notifies only once it listens. PgQueuer probes its listener before it is there: the answer
    is lost, and ten seconds later the worker takes itself for deaf and starts again."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self._listening = asyncio.Event()

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        await super().add_listener(channel, callback)
        self._listening.set()

    async def notify(self, channel: str, payload: str) -> None:
        await self._listening.wait()
        await super().notify(channel, payload)


def _queuer(pool: asyncpg.Pool, work: Work) -> pgqueuer.PgQueuer:
    driver = _PoolDriver(pool)
    queuer = pgqueuer.PgQueuer(connection=driver, channel=_NAMES.channel, queries=_queries(driver))
    for kind, handler in work.handlers.items():
        queuer.entrypoint(kind, on_failure="hold", executor_factory=_Executor)(_entry(handler))
    for kind, (expression, function) in work.schedules.items():
        queuer.schedule(kind, expression, clean_old=True)(_tick(function))
    return queuer


def _entry(handler: Handler) -> Callable[[Job], Awaitable[None]]:
    async def entry(job: Job) -> None:
        headers = job.headers or {}
        key, turn = str(headers.get("key", "")), int(str(headers.get("turn", "0")))
        before = _held.set(_Held(key=key, turn=turn))
        try:
            await handler((job.payload or b"").decode())
        finally:
            _held.reset(before)

    return entry


def _tick(function: Callable[[], Awaitable[None]]) -> Callable[[Tick], Awaitable[None]]:
    async def tick(schedule: Tick) -> None:
        await function()

    return tick


class _Executor(DatabaseRetryEntrypointExecutor):
    """Retries failures with jitter, and keeps a job whose handler is cancelled."""

    def __init__(self, parameters: EntrypointExecutorParameters) -> None:
        super().__init__(parameters, max_attempts=20, max_delay=timedelta(minutes=2))

    async def execute(self, job: Job, context: Context) -> None:
        try:
            await super().execute(job, context)
        except asyncio.CancelledError as error:
            raise RetryRequested(delay=timedelta(0), reason="the worker stopped") from error
        except RetryRequested as retry:
            _log.warning(
                "a job failed and will be tried again",
                kind=job.entrypoint,
                subject=(job.payload or b"").decode(),
                exc_info=retry.__cause__,
            )
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret
            raise RetryRequested(delay=retry.delay * jitter, reason=retry.reason) from retry


async def trim_log(tx: Transaction) -> None:
    """Forget finished jobs after a week; PgQueuer itself keeps them for ever."""
    await tx.execute_query(
        "delete from pgqueuer_log where aggregated and created < now() - $1::interval",
        [_KEEP_LOG],
    )


def _queries(driver: Any) -> Queries:
    return Queries(
        driver,
        qbe=qb.QueryBuilderEnvironment(_NAMES),
        qbq=qb.QueryQueueBuilder(_NAMES),
        qbs=qb.QuerySchedulerBuilder(_NAMES),
    )
