"""PostgreSQL: the pools, the one way to write, and the one way to read rows.

`transaction` is the only place that opens a transaction. It survives a caller that goes away at
any moment, retries what PostgreSQL asks to be retried, and turns driver errors into
`errors.Unavailable` once.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import asyncpg
import structlog
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations
from tortoise.transactions import in_transaction

from refund_gql import postgres
from refund_gql.errors import Unavailable
from refund_gql.settings import Settings

T = TypeVar("T")
Transaction = TransactionWrapper

_log = structlog.get_logger(__name__)
_inside: ContextVar[bool] = ContextVar("inside_transaction", default=False)
_running: set[asyncio.Task[Any]] = set()

_ATTEMPTS = 6
_ROLLED_BACK = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection cut off in the middle of a message
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    OSError,
)
_REFUSED = (asyncpg.QueryCanceledError, asyncpg.InsufficientResourcesError)
"""It took too long, or there is no space left: rolled back, and no better at once."""
_LOCK = "select pg_advisory_xact_lock(hashtextextended('refund:' || $1, 0))"
_MIGRATION_LOCK = "select pg_advisory_lock(hashtext('refund_gql.migrate'))"


# --- the life of the pools --------------------------------------------------------------------


@asynccontextmanager
async def server(settings: Settings) -> AsyncIterator[str]:
    """The URL of the PostgreSQL to use: the given one, or the embedded one while it runs."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    running = postgres.embedded(settings.data)
    url = await asyncio.to_thread(running.__enter__)
    try:
        yield url
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


@asynccontextmanager
async def connected(url: str, *, pool_size: int) -> AsyncIterator[None]:
    """Open the ORM's pool for this process while the block runs."""
    config = orm_config(url, pool_size=pool_size)
    await Tortoise.init(config=config, _enable_global_fallback=True)
    try:
        yield
    finally:
        await _finish_running()
        await Tortoise.close_connections()


async def migrate(url: str) -> None:
    """Bring our tables up to date; processes that start together wait for each other."""
    lock = await asyncpg.connect(url)
    try:
        await lock.execute(_MIGRATION_LOCK)
        async with TortoiseContext():
            await run_migrations(config=orm_config(url, pool_size=2))
    finally:
        await lock.close()


def orm_config(url: str, *, pool_size: int) -> dict[str, Any]:
    """Tortoise's configuration for a PostgreSQL URL; `?host=` may name a socket's folder."""
    return {
        "connections": {
            "default": {
                "engine": "tortoise.backends.asyncpg",
                "credentials": {
                    **_credentials(url),
                    "minsize": 1,
                    "maxsize": pool_size,
                    "reset": _leave_as_it_is,
                    # An open transaction holds everybody's event feed back.
                    "server_settings": {
                        "idle_in_transaction_session_timeout": "10s",
                        "statement_timeout": "60s",
                    },
                },
            }
        },
        "apps": {
            "refund_gql": {
                "models": ["refund_gql.models"],
                "default_connection": "default",
                "migrations": _migrations_module(),
            }
        },
    }


async def _leave_as_it_is(connection: object) -> None:
    """Nothing of ours outlives its transaction in a session; asyncpg's own reset would cost as
    much as a query each time. An open transaction is rolled back all the same."""


def _credentials(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    ssl = {"ssl": options["sslmode"]} if "sslmode" in options else {}
    return {
        "host": options.get("host", parts.hostname),
        "port": int(options.get("port", parts.port or 5432)),
        "user": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
        "database": unquote(parts.path.lstrip("/")),
        **ssl,
    }


def _migrations_module() -> str:
    # In a wheel the migrations travel inside the package; in a checkout they lie beside it.
    packed = "refund_gql.migrations"
    return packed if find_spec(packed) else "migrations"


# --- writing ----------------------------------------------------------------------------------


async def transaction(
    work: Callable[[Transaction], Awaitable[T]], *, refunds: Iterable[UUID] = ()
) -> T:
    """Run `work` in one transaction, and commit it whatever happens to the caller meanwhile.

    The advisory locks of `refunds` are the very first statements, in ascending order: events of
    one refund then become visible in order. `work` may run more than once, so it does nothing
    but read and write this database. Raises Unavailable when the database is lost; then a
    caller that repeats the call with the same idempotency key is safe.
    """
    if _inside.get():
        raise RuntimeError("a transaction cannot be started inside another one")
    task = asyncio.create_task(_attempts(work, sorted(refunds)))
    _running.add(task)
    task.add_done_callback(_running.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_report_failure)
        raise


@asynccontextmanager
async def savepoint(tx: Transaction) -> AsyncIterator[None]:
    """Undo what the block wrote when it raises, and nothing else."""
    await tx.execute_script("savepoint step")
    try:
        yield
    except BaseException:
        await tx.execute_script("rollback to savepoint step")
        raise
    await tx.execute_script("release savepoint step")


async def _attempts(work: Callable[[Transaction], Awaitable[T]], refunds: Sequence[UUID]) -> T:
    _inside.set(True)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            # In a task of its own: Tortoise would go on with the connection of an attempt that
            # could not begin, or could not end.
            return await asyncio.create_task(_once(work, refunds))
        except _ROLLED_BACK as error:
            last: Exception = error
        except _REFUSED as error:
            raise Unavailable("the database refuses work for now") from error
        except _Lost as error:
            if error.while_committing or attempt == _ATTEMPTS:
                raise Unavailable("the database was lost") from error.__cause__
            last = error
        await asyncio.sleep(random.uniform(0, 0.02) * 2**attempt)  # noqa: S311 - jitter, no secret
    raise Unavailable("the database is too busy") from last


async def _once(work: Callable[[Transaction], Awaitable[T]], refunds: Sequence[UUID]) -> T:
    committing = False
    context = in_transaction()
    try:
        tx = await _enter(context)
        try:
            for refund in refunds:
                await tx.execute_query(_LOCK, [str(refund)])
            result = await work(tx)
        except BaseException as error:
            await context.__aexit__(type(error), error, error.__traceback__)
            raise
        committing = True
        await context.__aexit__(None, None, None)
    except _LOST as error:
        raise _Lost(while_committing=committing) from error
    return result


class _Lost(Exception):
    """The connection broke; the outcome is open only when it broke while committing."""

    def __init__(self, *, while_committing: bool) -> None:
        super().__init__()
        self.while_committing = while_committing


async def _enter(context: Any) -> Transaction:
    try:
        return cast(Transaction, await context.__aenter__())
    except BaseException:
        # Tortoise does not give the connection back when BEGIN itself fails.
        wrapper, pool = context.client, context.client._parent._pool
        if wrapper._connection is not None and pool is not None:
            await pool.release(wrapper._connection)
        raise


def _report_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("transaction failed after its caller had left", exc_info=error)


async def _finish_running() -> None:
    if _running:
        await asyncio.wait(_running, timeout=10)


# --- reading ----------------------------------------------------------------------------------


async def fetch(sql: str, *arguments: object) -> list[asyncpg.Record]:
    """Rows of one read-only statement, outside any transaction. Raises as `read`."""
    client = cast(AsyncpgDBClient, get_connection("default"))

    async def query() -> list[asyncpg.Record]:
        async with client.acquire_connection() as connection:
            return cast(list[asyncpg.Record], await connection.fetch(sql, *arguments))

    return await read(query)


async def read(query: Callable[[], Awaitable[T]]) -> T:
    """What `query` reads, through the ORM or not, outside any transaction.

    Raises Unavailable when the database cannot be reached, after one more try.
    """
    try:
        with suppress(*_LOST):
            return await query()
        return await query()
    except (*_LOST, *_REFUSED) as error:
        raise Unavailable("the database was lost, or refuses work for now") from error
