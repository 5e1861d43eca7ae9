"""Rows for resolvers: batched per request, each query with the viewer's predicate."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from graphql import GraphQLError
from strawberry.dataloader import DataLoader

from refund_gql.auth import Viewer
from refund_gql.database import fetch
from refund_gql.graphql import visibility

Row = asyncpg.Record

MAX_LISTED = 20_000
"""Rows in the lists of one answer; a document that goes in circles would ask for millions."""


class Rows:
    """What one request has read; relations of all parents at one level take one query."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._loaders: dict[tuple[str, ...], DataLoader[Any, Any]] = {}
        self._listed = 0

    async def one(self, table: str, id: UUID) -> Row | None:
        """The row of this id, if the viewer may see it."""
        found: Row | None = await self._loader((table,)).load(id)
        return found

    async def fresh(self, table: str, id: UUID) -> Row | None:
        """As `one`, read now: after a change of this very request."""
        self._loaders.clear()
        return await self.one(table, id)

    async def many(self, table: str, column: str, key: UUID | str, order: str) -> list[Row]:
        """The visible rows whose `column` is `key`, an id or a text, in `order`.

        Raises GraphQLError when the answer grows beyond MAX_LISTED.
        """
        kind = "text" if isinstance(key, str) else "uuid"
        found: list[Row] = await self._loader((table, column, order, kind)).load(key)
        self._listed += len(found)
        if self._listed > MAX_LISTED:
            raise GraphQLError(
                f"The answer has more than {MAX_LISTED} rows in its lists; ask for less",
                extensions={"code": "QUERY_TOO_COMPLEX"},
            )
        return found

    async def found(self, sql: str, key: UUID) -> UUID | None:
        """The row that a statement finds for `key`, seen or not; one run for all keys.

        The statement takes the keys as $1 and the viewer's shop as $2, and gives (key, found).
        """
        if (sql,) not in self._loaders:
            self._loaders[sql,] = DataLoader(self._by_statement(sql))
        found: UUID | None = await self._loaders[sql,].load(key)
        return found

    async def listed(self, sql: str, key: UUID) -> list[Row]:
        """The rows that a statement gives for `key`; one run for all keys.

        The statement takes the keys as $1 and the viewer's shop as $2, and gives rows with `key`.
        """
        if (sql,) not in self._loaders:
            self._loaders[sql,] = DataLoader(self._by_key(sql))
        found: list[Row] = await self._loaders[sql,].load(key)
        return found

    def _loader(self, source: tuple[str, ...]) -> DataLoader[Any, Any]:
        if source not in self._loaders:
            self._loaders[source] = DataLoader(
                self._by_id(*source) if len(source) == 1 else self._by_parent(*source)
            )
        return self._loaders[source]

    def _by_statement(self, sql: str) -> Any:
        async def load(keys: list[UUID]) -> Sequence[UUID | None]:
            rows = await fetch(sql, keys, self._viewer.shop_id)
            found = {row["key"]: row["found"] for row in rows}
            return [found.get(key) for key in keys]

        return load

    def _by_id(self, table: str) -> Any:
        where, parameters = visibility.predicate(table, self._viewer, first=2)
        sql = f'select * from "{table}" where id = any($1::uuid[]) and {where}'  # noqa: S608 - names from our types

        async def load(keys: list[UUID]) -> Sequence[Row | None]:
            found = {row["id"]: row for row in await fetch(sql, keys, *parameters)}
            return [found.get(key) for key in keys]

        return load

    def _by_key(self, sql: str) -> Any:
        async def load(keys: list[UUID]) -> Sequence[list[Row]]:
            found = defaultdict(list)
            for row in await fetch(sql, keys, self._viewer.shop_id):
                found[row["key"]].append(row)
            return [found[key] for key in keys]

        return load

    def _by_parent(self, table: str, column: str, order: str, kind: str) -> Any:
        where, parameters = visibility.predicate(table, self._viewer, first=2)
        sql = (
            f'select * from "{table}" where {column} = any($1::{kind}[])'  # noqa: S608 - names from our types
            f" and {where} order by {order}"
        )

        async def load(keys: list[Any]) -> Sequence[list[Row]]:
            found = defaultdict(list)
            for row in await fetch(sql, keys, *parameters):
                found[row[column]].append(row)
            return [found[key] for key in keys]

        return load
