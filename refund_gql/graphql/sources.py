"""Where a field's value comes from, declared once: a column, a relation, a list.

The declaration stands in the field's metadata under "source". Resolvers are made from it, and
whatever else needs to know the sources (a compiler of queries, a document) reads it too.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

import orjson
import strawberry

from refund_gql import ids
from refund_gql.graphql.context import Info
from refund_gql.graphql.rows import Row


@strawberry.interface(description="Something with a global id.")
class Node:
    """A type whose values are rows of one table."""

    table: ClassVar[str]
    kinds: ClassVar[dict[str, type["Node"]]] = {}
    """Every type of this kind by name, so that types can point at each other."""
    row: strawberry.Private[Row]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Node.kinds[cls.__name__] = cls

    @strawberry.field(description="The global id; give it to `node` to read the object again.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(ids.encode(type(self).__name__, self.row["id"]))

    @classmethod
    async def read(cls, info: Info, id: UUID) -> Self | None:
        """The object of this row id, if the viewer may see it."""
        row = await info.context.rows.one(cls.table, id)
        return None if row is None else cls(row=row)


@dataclass(frozen=True)
class Column:
    """The value of a column of the row."""

    name: str


@dataclass(frozen=True)
class Reference:
    """The row of another table whose id stands in a column."""

    column: str
    target: str


@dataclass(frozen=True)
class Children:
    """The rows of another table that point at this one, by its id or by another column."""

    column: str
    target: str
    order: str
    key: str = "id"


def column(
    source: str,
    description: str,
    *,
    convert: Callable[[Any], Any] | None = None,
    name: str | None = None,
) -> Any:
    """A field that is a column; `convert` is applied to values other than None. `name` is for
    what the language has another use for."""

    def read(root: Any) -> Any:
        value = root.row[source]
        return value if convert is None or value is None else convert(value)

    return strawberry.field(
        resolver=read, name=name, description=description, metadata={"source": Column(source)}
    )


def enum(name: str, kind: type[StrEnum], description: str) -> Any:
    """A field that is an enumeration stored by name."""
    return column(name, description, convert=kind)


def json(name: str, description: str) -> Any:
    """A field that is a JSON column."""
    return column(name, description, convert=orjson.loads)


def reference(column: str, target: str, description: str) -> Any:
    """A field that is another row, found by its id in `column`."""

    async def read(root: Any, info: Info) -> Any:
        row_id = root.row[column]
        return None if row_id is None else await Node.kinds[target].read(info, row_id)

    return strawberry.field(
        resolver=read, description=description, metadata={"source": Reference(column, target)}
    )


def children(column: str, target: str, description: str, *, order: str, key: str = "id") -> Any:
    """A field that lists the rows whose `column` is this row's id, or its column `key`."""

    async def read(root: Any, info: Info) -> Any:
        kind = Node.kinds[target]
        rows = await info.context.rows.many(kind.table, column, root.row[key], order)
        return [kind(row=row) for row in rows]

    source = Children(column, target, order, key)
    return strawberry.field(resolver=read, description=description, metadata={"source": source})


def localized(name: str, description: str) -> Any:
    """A text in the language of the request, from a JSON column of locale -> text."""

    def read(root: Any, info: Info) -> Any:
        texts = orjson.loads(root.row[name])
        return texts.get(info.context.locale) or next(iter(texts.values()), "")

    return strawberry.field(
        resolver=read, description=description, metadata={"source": Column(name)}
    )


_UNSAFE = re.compile("[\x00\ud800-\udfff]")


def unsafe_text(value: str) -> bool:
    """True for text PostgreSQL cannot store: NUL, or half of a surrogate pair."""
    return _UNSAFE.search(value) is not None
