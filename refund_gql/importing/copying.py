"""Rows into tables by COPY: the fast way in, past the ORM but never past its models."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import orjson
from tortoise.models import Model

from refund_gql.database import Transaction

Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
"""Rows of one statement, inside a transaction or outside."""


def connection_of(tx: Transaction) -> asyncpg.Connection:
    """The driver's own connection of an open transaction: Tortoise knows no COPY."""
    return tx._connection


class CopyTable:
    """A table as COPY fills it: `columns` row by row, all others with the model's defaults."""

    def __init__(self, model: type[Model], *columns: str) -> None:
        self._table = model._meta.db_table
        others = {
            column: _default(model._meta.fields_map[name].default)
            for name, column in model._meta.fields_db_projection.items()
            if column not in columns and model._meta.fields_map[name].default is not None
        }
        self._columns = (*columns, *others)
        self._defaults = tuple(others.values())

    async def write(self, tx: Transaction, rows: Sequence[tuple[object, ...]]) -> None:
        """Append rows in the order of `columns`."""
        if rows:
            await connection_of(tx).copy_records_to_table(
                self._table,
                records=(row + self._defaults for row in rows),
                columns=self._columns,
            )


def _default(default: Any) -> object:
    value = default() if callable(default) else default
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value
