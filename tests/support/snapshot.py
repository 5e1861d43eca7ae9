"""Every row of one shop, by raw SQL, to be compared with what is there later."""

from collections.abc import Collection, Mapping
from uuid import UUID

import orjson

from refund_gql.database import fetch

Snapshot = Mapping[str, list[dict[str, object]]]
"""Table -> rows in the order of their ids."""

_TABLES = """
select table_name from information_schema.columns
 where column_name = 'shop_id' and table_schema = 'public' order by 1
"""


async def tables() -> list[str]:
    """Every table whose rows belong to a shop."""
    return [row[0] for row in await fetch(_TABLES)]


async def snapshot(shop_id: UUID, *, without: Collection[str] = ()) -> Snapshot:
    """All rows of a shop, and the shop's own; `without` names tables to leave out."""
    found = {"shop": await _rows("shop", "id", shop_id)}
    for table in await tables():
        if table not in without:
            found[table] = await _rows(table, "shop_id", shop_id)
    return found


async def _rows(table: str, column: str, shop_id: UUID) -> list[dict[str, object]]:
    sql = f'select to_jsonb(t)::text from "{table}" t where {column} = $1 order by t.id'
    return [orjson.loads(row[0]) for row in await fetch(sql, shop_id)]
