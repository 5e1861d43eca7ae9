"""What every table has: a time-ordered id, the shop it belongs to, and typed shorthands.

Every foreign key is indexed and refuses to delete what it points at; every row but the shop
itself names its shop, and no query reads a table without it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model
from uuid_utils.compat import uuid7

__all__ = [
    "Row",
    "ShopRow",
    "added_choice",
    "choice",
    "listing",
    "mapping",
    "minor_units",
    "moment",
    "new_id",
    "reference",
]


def new_id() -> UUID:
    """A version 7 UUID: unique without asking anybody, and ascending with time."""
    return uuid7()


class Row(Model):
    """A table with a UUID key."""

    id = fields.UUIDField(primary_key=True, default=new_id)

    class Meta:
        abstract = True


class ShopRow(Row):
    """A table whose rows belong to one shop."""

    shop_id: UUID

    class Meta:
        abstract = True


def reference(model: str, *, null: bool = False) -> Any:
    """A foreign key: indexed, RESTRICT, and without a reverse relation to await by accident."""
    options: Any = {
        "related_name": False,
        "on_delete": fields.RESTRICT,
        "db_index": True,
        "null": null,
    }
    return fields.ForeignKeyField(f"refund_gql.{model}", **options)


def minor_units(*, default: int | None = None, added: bool = False) -> Any:
    """An amount in minor units; `added` for one that its table got later."""
    if added:
        return fields.BigIntField(default=default, db_default=default)
    return fields.BigIntField() if default is None else fields.BigIntField(default=default)


def choice(kind: type[StrEnum], *, null: bool = False, default: StrEnum | None = None) -> Any:
    """An enumeration stored by its name. A new value of it changes no column, so it needs no
    migration: the column is described by the enumeration's name, not by its values."""
    options: Any = {"description": kind.__name__, "max_length": 40}
    if default is None:
        return fields.CharEnumField(kind, null=null, **options)
    return fields.CharEnumField(kind, default=default, **options)


def added_choice(kind: type[StrEnum], default: StrEnum) -> Any:
    """An enumeration that a table got later: rows of before have the default, and whoever writes
    rows without the ORM need not know it."""
    stored = SqlDefault(f"'{default}'")
    return fields.CharEnumField(
        kind, description=kind.__name__, max_length=40, default=default, db_default=stored
    )


def moment(*, null: bool = False) -> Any:
    """A point in time, UTC."""
    return fields.DatetimeField(null=True) if null else fields.DatetimeField()


def mapping() -> Any:
    """A JSON object; empty by default, in the database too."""
    return fields.JSONField[Mapping[str, Any]](default=dict, db_default=SqlDefault("'{}'"))


def listing() -> Any:
    """A JSON array; empty by default, in the database too."""
    return fields.JSONField[Sequence[Any]](default=list, db_default=SqlDefault("'[]'"))
