"""Migrating from zero gives exactly the schema of the models, constraints included."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from support.databases import empty_database
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.api import migrate as run_migrations
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql import database, jobs, models
from refund_gql.models.row import Row

COLUMNS = """
select table_name, column_name, data_type, character_maximum_length, is_nullable
  from information_schema.columns where table_schema = 'public'
"""
INDEXES = r"""
select c.relname as table_name, i.indisunique,
       regexp_replace(pg_get_indexdef(i.indexrelid), '^.* ON public\.', '') as definition
  from pg_index i join pg_class c on c.oid = i.indrelid
  join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'
"""
CONSTRAINTS = """
select conrelid::regclass::text as table_name, contype, pg_get_constraintdef(oid) as definition
  from pg_constraint where connamespace = 'public'::regnamespace and contype in ('f', 'c', 'p')
"""
FOREIGN_KEYS_WITHOUT_INDEX = """
select c.conrelid::regclass::text || '.' || a.attname
  from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
 where c.contype = 'f' and not exists (
       select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])
"""
CASCADING = """
select conrelid::regclass::text from pg_constraint where contype = 'f' and confdeltype <> 'r'
"""
MIGRATIONS = sorted(path.stem for path in Path("migrations").glob("0*.py"))
ALL_MODELS: list[Any] = [m for m in vars(models).values() if isinstance(m, type)]


@pytest_asyncio.fixture(loop_scope="session")
async def migrated(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database that was migrated from zero."""
    url = await empty_database(database_url, "migrated")
    await database.migrate(url)
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def generated(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database that was made from the models, with their constraints."""
    url = await empty_database(database_url, "generated")
    async with TortoiseContext():
        await Tortoise.init(config=database.orm_config(url, pool_size=2))
        await Tortoise.generate_schemas()
        await get_connection("default").execute_script("\n".join(constraints_as_sql()))
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


def constraints_as_sql() -> list[str]:
    """The models' own constraints, which `generate_schemas` leaves out."""
    statements = []
    for model in ALL_MODELS:
        table = model._meta.db_table
        for constraint in getattr(model.Meta, "constraints", ()):
            if isinstance(constraint, CheckConstraint):
                statements.append(
                    f'alter table "{table}" add constraint {constraint.name}'
                    f" check ({constraint.check});"
                )
            elif isinstance(constraint, UniqueConstraint):
                columns = ", ".join(constraint.fields)
                statements.append(
                    f'create unique index {constraint.name} on "{table}" ({columns})'
                    f" where {constraint.condition};"
                )
    return statements


async def rows(connection: asyncpg.Connection, sql: str) -> set[tuple[Any, ...]]:
    found = {tuple(row) for row in await connection.fetch(sql)}
    return {row for row in found if not str(row[0]).startswith("tortoise_")}


@pytest.mark.parametrize(
    "what", [COLUMNS, INDEXES, CONSTRAINTS], ids=["columns", "indexes", "constraints"]
)
async def test_the_migrations_give_the_models(
    migrated: asyncpg.Connection, generated: asyncpg.Connection, what: str
) -> None:
    assert await rows(migrated, what) == await rows(generated, what)


async def test_every_foreign_key_has_an_index_and_restricts(migrated: asyncpg.Connection) -> None:
    assert [row[0] for row in await migrated.fetch(FOREIGN_KEYS_WITHOUT_INDEX)] == []
    assert [row[0] for row in await migrated.fetch(CASCADING)] == []


def test_every_table_names_its_shop() -> None:
    without = {m.__name__ for m in ALL_MODELS if "shop_id" not in m._meta.fields_map}
    assert without == {"Shop"}
    assert all(issubclass(model, Row) for model in ALL_MODELS)


async def test_no_model_waits_for_a_migration(database_url: str) -> None:
    config = database.orm_config(database_url, pool_size=2)
    async with TortoiseContext() as context:
        await context.init(config=config, init_connections=False)
        assert context.apps is not None
        found = await MigrationAutodetector(context.apps, config["apps"]).changes()
    assert found == []


async def test_two_processes_may_migrate_at_once(database_url: str) -> None:
    url = await empty_database(database_url, "raced")
    await asyncio.gather(
        database.migrate(url), database.migrate(url), jobs.install(url), jobs.install(url)
    )
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch("select name from tortoise_migrations order by name")
        assert [row[0] for row in names] == MIGRATIONS
    finally:
        await connection.close()


async def test_a_capture_cannot_be_refunded_beyond_its_amount(
    migrated: asyncpg.Connection,
) -> None:
    """The database itself holds the cap, whatever the code believes."""
    sql = """update capture set reserved = amount + 1 where id = $1"""
    order = await make_capture(migrated)
    with pytest.raises(asyncpg.CheckViolationError, match="capture_never_over_refunded"):
        await migrated.execute(sql, order)


async def make_capture(connection: asyncpg.Connection) -> Any:
    shop, order, capture = models.new_id(), models.new_id(), models.new_id()
    await connection.execute(
        "insert into shop (id, handle, name, currency, time_zone, locale, finance_threshold,"
        " return_window_days, return_address, return_requirements, created_at)"
        " values ($1, 'h', 'n', 'CNY', 'UTC', 'en', 0, 7, '', '{}', now())",
        shop,
    )
    await connection.execute(
        'insert into "order" (id, shop_id, number, currency, fulfilment, goods_amount,'
        " shipping_amount, shipping_claimed, total, placed_at, created_at, updated_at)"
        " values ($1, $2, 'N', 'CNY', 'UNSHIPPED', 100, 0, 0, 100, now(), now(), now())",
        order,
        shop,
    )
    await connection.execute(
        "insert into capture (id, shop_id, order_id, gateway, reference, amount, currency,"
        " reserved, disputed, dispute_excess, metadata, captured_at)"
        " values ($1, $2, $3, 'sandbox', 'P', 100, 'CNY', 0, 0, 0, '{}', now())",
        capture,
        shop,
        order,
    )
    return capture


# --- a database with rows in it ---------------------------------------------------------------


async def test_the_rows_of_an_older_version_survive_an_upgrade(database_url: str) -> None:
    url = await empty_database(database_url, "upgraded")
    await migrate_to(url, MIGRATIONS[0])
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(OLD_ROWS)
        await database.migrate(url)
        [shop] = await connection.fetch("select handle, channel_order::text from shop")
        [customer] = await connection.fetch("select contacts::text, channels::text from customer")
        messages = await connection.fetch("select event_id, notice from webhook_message")
        waiting = await connection.fetch("select status, desk, desk_since from refund order by id")
    finally:
        await connection.close()
    assert tuple(shop) == ("old", "{}")
    assert tuple(customer) == ("{}", "[]")
    assert [tuple(row) for row in messages] == [("evt-1", '{"outcome": {}}')]
    assert [tuple(row) for row in waiting] == [
        ("REVIEW", "FIRST_REVIEW", datetime(2026, 1, 2, tzinfo=UTC)),
        ("REFUNDED", None, None),
    ]


OLD_ROWS = """
insert into shop (id, handle, name, currency, time_zone, locale, finance_threshold,
                  return_window_days, return_address, return_requirements, created_at)
values ('00000000-0000-0000-0000-000000000001', 'old', 'Old', 'CNY', 'Asia/Shanghai', 'zh', 0, 7,
        '', '{}', now());
insert into customer (id, shop_id, reference, name, email, phone, locale, created_at)
values ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 'C-1',
        '', '', '', 'zh', now());
insert into webhook_message (id, shop_id, provider, event_id, number, notice, received_at)
values ('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000001', 'bank',
        'evt-1', 'RP-1', '{"outcome": {}}', now());
insert into refund (id, shop_id, number, kind, status, version, currency, goods_amount,
                    shipping_amount, amount, note, requested_by, imported, requested_at, updated_at,
                    head)
select ('00000000-0000-0000-0000-00000000001' || n)::uuid, '00000000-0000-0000-0000-000000000001',
       'R-' || n, 'REFUND_ONLY', status, 3, 'CNY', 1, 0, 1, '', 'CUSTOMER:-', true, '2026-01-01',
       now(), ''
  from (values (1, 'REVIEW'), (2, 'REFUNDED')) as old(n, status);
insert into event (id, shop_id, refund_id, version, type, status, payload, actor, actor_name, at,
                   hash)
select gen_random_uuid(), '00000000-0000-0000-0000-000000000001',
       '00000000-0000-0000-0000-000000000011', version, type, status, '{}', 'SYSTEM:-', '', at, ''
  from (values (1, 'REQUESTED', 'REQUESTED', '2026-01-01'::timestamptz),
               (2, 'SENT_TO_REVIEW', 'REVIEW', '2026-01-02'),
               (3, 'EVIDENCE_REQUESTED', 'REVIEW', '2026-01-03'))
       as old(version, type, status, at);
"""


async def migrate_to(url: str, name: str) -> None:
    """As `database.migrate`, and no further than one migration."""
    async with TortoiseContext():
        config = database.orm_config(url, pool_size=2)
        await run_migrations(config=config, target=f"refund_gql.{name}")
