"""The one way to write: whole or not at all, whatever happens to the caller or the database."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from support.api import key
from support.books import Books
from support.world import World, eventually
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.connection import get_connection

from refund_gql import database
from refund_gql.database import Transaction
from refund_gql.errors import Unavailable
from refund_gql.models import ReasonTag, Shop
from refund_gql.settings import Settings


@pytest.fixture
async def raw(database_url: str) -> AsyncIterator[Any]:
    """A connection of our own, beside the engine's."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def client() -> AsyncpgDBClient:
    return cast(AsyncpgDBClient, get_connection("default"))


async def every_connection_can_be_had(settings: Settings) -> None:
    """As many transactions at once as the pool is large: none of its connections is lost."""
    everybody_in = asyncio.Barrier(settings.pool_size)

    async def work(tx: Transaction) -> None:
        await everybody_in.wait()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for _ in range(settings.pool_size):
            group.create_task(database.transaction(work))


OURS = 99
"""Tells our tags from those that every shop begins with."""


async def tag(tx: Transaction, shop: Shop, code: str) -> None:
    await ReasonTag.create(using_db=tx, shop_id=shop.id, code=code, position=OURS)


async def codes(shop: Shop) -> list[str]:
    return sorted(str(tag.code) for tag in await ReasonTag.filter(shop_id=shop.id, position=OURS))


MakeShop = Callable[..., Awaitable[Shop]]


# --- callers that go away ---------------------------------------------------------------------


async def test_60_cancelled_callers_leave_whole_changes_and_no_connection_behind(
    make_shop: MakeShop, settings: Settings
) -> None:
    """A change that has begun is finished although nobody waits for it any more."""
    shop, chance, begun = await make_shop(), random.Random(7), set[int]()

    def change(i: int) -> Callable[[Transaction], Awaitable[None]]:
        async def work(tx: Transaction) -> None:
            begun.add(i)
            await tag(tx, shop, f"{i:02}a")
            await tx.execute_query("select pg_sleep(0.005)")
            await tag(tx, shop, f"{i:02}b")

        return work

    for i in range(60):
        caller = asyncio.create_task(database.transaction(change(i)))
        await asyncio.sleep(chance.uniform(0, 0.015))
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller
    await every_connection_can_be_had(settings)

    async def all_committed() -> list[str] | None:
        found = await codes(shop)
        return found if len(found) == 2 * len(begun) else None

    assert await eventually(all_committed, "the changes that had begun") == sorted(
        f"{i:02}{half}" for i in begun for half in "ab"
    )


# graphql-core drops the resolvers of a cancelled request that it had not come to.
@pytest.mark.filterwarnings("ignore:coroutine '.*_async_resolver' was never awaited:RuntimeWarning")
async def test_60_cancelled_http_requests_leave_one_refund_or_none(
    world: World, settings: Settings, database_url: str, data: Path
) -> None:
    """Who is cut off asks again with the same key, and gets the one refund."""
    chance, books = random.Random(11), Books(world, database_url, data / "sandbox.sqlite")
    for _ in range(60):
        order = await world.order()
        asked = {"orderId": order["id"], "idempotencyKey": key()}
        caller = asyncio.create_task(world.service.request("refundRequest", asked))
        await asyncio.sleep(chance.uniform(0, 0.03))
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller
        answer = await world.service.request("refundRequest", asked)
        books.note(asked["idempotencyKey"], answer)
        await world.reaches(answer, "REFUNDED")
    gc.collect()  # here, where the filter above holds
    await every_connection_can_be_had(settings)
    assert books.refunds == 60
    assert await books.violations() == []
    assert await books.payments() == [8900] * 60


# --- what PostgreSQL asks to be repeated ------------------------------------------------------


async def test_a_serialization_failure_is_tried_again(make_shop: MakeShop, raw: Any) -> None:
    """Both changes are there: the one that came first, and ours on top of it."""
    shop, attempts = await make_shop(return_window_days=1), 0

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tx.execute_script("set transaction isolation level repeatable read")
        row = await Shop.filter(id=shop.id).using_db(tx).get()
        if attempts == 1:
            await raw.execute("update shop set return_window_days = 10 where id = $1", shop.id)
        row.return_window_days += 1
        await row.save(using_db=tx, update_fields=["return_window_days"])

    await database.transaction(work)
    assert attempts == 2
    assert (await Shop.get(id=shop.id)).return_window_days == 11


async def test_a_deadlock_is_tried_again(make_shop: MakeShop) -> None:
    """Two changes take the same two rows in opposite orders; both come through."""
    first, second = await make_shop(return_window_days=0), await make_shop(return_window_days=0)
    both_hold_one = asyncio.Barrier(2)
    attempts = 0

    def change(*shops: Shop) -> Callable[[Transaction], Awaitable[None]]:
        async def work(tx: Transaction) -> None:
            nonlocal attempts
            attempts += 1
            await _extend(tx, shops[0].id)
            if attempts <= 2:
                await both_hold_one.wait()
            await _extend(tx, shops[1].id)

        return work

    await asyncio.gather(
        database.transaction(change(first, second)), database.transaction(change(second, first))
    )
    assert attempts == 3
    assert [(await Shop.get(id=s.id)).return_window_days for s in (first, second)] == [2, 2]


async def _extend(tx: Transaction, shop_id: UUID) -> None:
    await tx.execute_query(
        "update shop set return_window_days = return_window_days + 1 where id = $1", [shop_id]
    )


async def test_who_always_collides_is_told_to_try_later(make_shop: MakeShop) -> None:
    shop, attempts = await make_shop(), 0

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tag(tx, shop, "NEVER")
        raise asyncpg.SerializationError("again")

    with pytest.raises(Unavailable, match="too busy"):
        await database.transaction(work)
    assert attempts == 6
    assert await codes(shop) == []


@pytest.mark.parametrize("error", [asyncpg.QueryCanceledError, asyncpg.DiskFullError])
async def test_what_will_not_get_better_at_once_is_not_tried_again(
    make_shop: MakeShop, error: type[Exception]
) -> None:
    """A statement that takes too long would only take as long again."""
    shop, attempts = await make_shop(), 0

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tag(tx, shop, "NEVER")
        raise error("no")

    async def look() -> None:
        raise error("no")

    with pytest.raises(Unavailable):
        await database.transaction(work)
    with pytest.raises(Unavailable):
        await database.read(look)
    assert attempts == 1
    assert await codes(shop) == []


async def test_a_statement_has_a_time_limit(settings: Settings) -> None:
    async def work(tx: Transaction) -> None:
        await tx.execute_script("set local statement_timeout = '20ms'")
        await tx.execute_query("select pg_sleep(60)")

    with pytest.raises(Unavailable):
        await database.transaction(work)
    await every_connection_can_be_had(settings)


async def test_a_transaction_inside_another_is_refused(make_shop: MakeShop) -> None:
    """It would commit by itself while the outer one may still fail."""
    shop = await make_shop()

    async def inner(tx: Transaction) -> None:
        await tag(tx, shop, "INNER")

    async def outer(tx: Transaction) -> None:
        await tag(tx, shop, "OUTER")
        await database.transaction(inner)

    with pytest.raises(RuntimeError, match="inside another"):
        await database.transaction(outer)
    assert await codes(shop) == []


async def test_a_savepoint_undoes_its_own_part_and_nothing_else(make_shop: MakeShop) -> None:
    shop = await make_shop()

    async def work(tx: Transaction) -> None:
        await tag(tx, shop, "BEFORE")
        with suppress(ValueError):
            async with database.savepoint(tx):
                await tag(tx, shop, "UNDONE")
                raise ValueError
        await tag(tx, shop, "AFTER")

    await database.transaction(work)
    assert await codes(shop) == ["AFTER", "BEFORE"]


# --- connections that are lost ----------------------------------------------------------------


async def test_a_change_whose_connection_is_lost_is_made_once(
    make_shop: MakeShop, raw: Any, settings: Settings
) -> None:
    """Cut off before it is complete: nothing of it stays, and the next attempt is whole."""
    shop, attempts = await make_shop(), 0

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tag(tx, shop, "HALF")
        if attempts == 1:
            [row] = await tx.execute_query_dict("select pg_backend_pid() as pid")
            await raw.execute("select pg_terminate_backend($1)", row["pid"])
        await tag(tx, shop, "WHOLE")

    await database.transaction(work)
    assert attempts == 2
    assert await codes(shop) == ["HALF", "WHOLE"]
    await every_connection_can_be_had(settings)


async def test_a_change_that_cannot_begin_is_begun_again(
    make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first connection of the pool is dead, and only BEGIN finds out."""
    shop, begin, failures = await make_shop(), database.Transaction.begin, 1

    async def unlucky(self: Transaction) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise asyncpg.ConnectionDoesNotExistError("connection was closed")
        await begin(self)

    monkeypatch.setattr(database.Transaction, "begin", unlucky)
    await database.transaction(lambda tx: tag(tx, shop, "WRITTEN"))
    assert await codes(shop) == ["WRITTEN"]


async def test_an_open_outcome_is_not_tried_again(
    make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks while committing: perhaps it is done, so only the caller may repeat
    it, with its key."""
    shop, commit, attempts = await make_shop(), database.Transaction.commit, 0

    async def answer_lost(self: Transaction) -> None:
        await commit(self)
        raise asyncpg.ConnectionDoesNotExistError("connection was closed")

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tag(tx, shop, "DONE")

    monkeypatch.setattr(database.Transaction, "commit", answer_lost)
    with pytest.raises(Unavailable):
        await database.transaction(work)
    assert attempts == 1
    assert await codes(shop) == ["DONE"]


class Away:
    """A pool whose database goes away after so many connections."""

    def __init__(self, pool: Any, *, after: int) -> None:
        self._pool = pool
        self._left = after

    async def acquire(self) -> Any:
        if self._left == 0:
            raise asyncpg.CannotConnectNowError("the database system is starting up")
        self._left -= 1
        return await self._pool.acquire()

    async def release(self, connection: Any) -> None:
        await self._pool.release(connection)


DOORS = {
    "refund": "{ refunds(first: 1) { edges { node { id } } } }",
    "refundQuote": '{ refundQuote(orderId: "$ORDER") { total { amount } } }',
    "refundRequest": """mutation { refundRequest(input: {orderId: "$ORDER", idempotencyKey: "k"})
        { __typename } }""",
    "refundCancel": """mutation { refundCancel(input: {refundId: "$REFUND", idempotencyKey: "k"})
        { __typename } }""",
    "payoutRetry": """mutation { payoutRetry(input: {payoutId: "$PAYOUT", idempotencyKey: "k"})
        { __typename } }""",
    "customerSessionCreate": """mutation { customerSessionCreate(customerReference: "C-1")
        { __typename } }""",
    "staffLogin": """mutation { staffLogin(input: {shop: "s", email: "e", password: "p"})
        { __typename } }""",
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("authenticated", [True, False])
async def test_every_door_says_try_again_while_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch, door: str, authenticated: bool
) -> None:
    """Before or after it was known who asks; never an unexpected error."""
    order = await world.order(metadata={"sandbox": "REFUSE*"})
    refund = await world.reaches(await world.refund(world.owner, order), "PAYMENT_STUCK")
    document = (
        DOORS[door]
        .replace("$ORDER", order["id"])
        .replace("$REFUND", refund["id"])
        .replace("$PAYOUT", refund["payouts"][0]["id"])
    )
    anonymous = door == "staffLogin"
    programs = door == "customerSessionCreate"
    caller = world.api if anonymous else world.service if programs else world.owner
    away = Away(client()._pool, after=1 if authenticated and not anonymous else 0)
    with monkeypatch.context() as patch:
        patch.setattr(client(), "_pool", away)
        response = await caller.post(document)
    if door == "refundQuote" and authenticated:
        assert response.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
    else:
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
    assert (await world.owner.refund(refund["id"]))["version"] == refund["version"]
