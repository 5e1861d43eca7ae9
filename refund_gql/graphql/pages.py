"""Pages of a list, mostly newest first: Relay connections over keyset cursors.

A cursor names the list and the last row seen, so rows that arrive meanwhile shift nothing, and
the same cursor gives the same next page again.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import orjson
import strawberry
from graphql import GraphQLError

from refund_gql.auth import Viewer
from refund_gql.database import fetch
from refund_gql.graphql import visibility
from refund_gql.graphql.rows import Row

MAX_PAGE = 100


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="There is more after `endCursor`.")
    has_previous_page: bool = strawberry.field(description="The page does not start the list.")
    start_cursor: str | None = strawberry.field(description="Of the first edge.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` to read on.")


@dataclass
class Where:
    """Conditions of one query, with their parameters."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[object] = field(default_factory=list)

    def add(self, condition: str, *values: object) -> None:
        """Add a condition; each `{}` in it becomes a numbered parameter."""
        first = len(self.parameters) + 1
        self.parameters += values
        self.conditions.append(condition.format(*(f"${first + i}" for i in range(len(values)))))

    def see(self, table: str, viewer: Viewer) -> None:
        """Only rows the viewer may see."""
        condition, values = visibility.predicate(table, viewer, first=len(self.parameters) + 1)
        self.conditions.append(condition)
        self.parameters += values

    @property
    def sql(self) -> str:
        return " and ".join(self.conditions)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A table as a list: highest `rank` first where there is one, newest first by `moment`, then
    by id."""

    name: str
    """What cursors call it."""
    kind: str
    """The name of the type its rows become."""
    table: str
    moment: str
    rank: str | None = None
    """A whole number, in SQL."""
    rising: bool = False
    """The other way round: lowest rank first, then oldest, then by id."""

    async def page(self, where: Where, first: int, after: str | None) -> "Page":
        """So many rows after the cursor. Raises GraphQLError for a bad `first` or cursor."""
        if not 1 <= first <= MAX_PAGE:
            raise GraphQLError(f"first: {first} - 1 to {MAX_PAGE}", extensions={"code": "BAD_PAGE"})
        paged = Where(list(where.conditions), list(where.parameters))
        if after is not None:
            keys, position = self._keys, self._position(after)
            holes = ", ".join("{}" for _ in keys)
            further = ">" if self.rising else "<"
            paged.add(f"({', '.join(keys)}) {further} ({holes})", *position)
        direction = "asc" if self.rising else "desc"
        order = ", ".join(f"{key} {direction}" for key in self._keys)
        sql = (
            f'select *{self._ranked} from "{self.table}" where {paged.sql}'  # noqa: S608 - names from our types
            f" order by {order} limit {first + 1}"
        )
        rows = await fetch(sql, *paged.parameters)
        return Page(
            listing=self, rows=rows[:first], more=len(rows) > first, after=after, where=where
        )

    async def count(self, where: Where) -> int:
        """How many rows there are in all."""
        sql = f'select count(*) from "{self.table}" where {where.sql}'  # noqa: S608 - names from our types
        [row] = await fetch(sql, *where.parameters)
        return int(row[0])

    def cursor(self, row: Row) -> str:
        """The opaque name of a row's place in this list."""
        place = [self.name, row[self.moment].isoformat(), str(row["id"])]
        if self.rank is not None:
            place.append(row["rank"])
        return base64.urlsafe_b64encode(orjson.dumps(place)).decode()

    @property
    def _keys(self) -> tuple[str, ...]:
        """What rows are sorted by, all of it one way."""
        ranks = (self.rank,) if self.rank is not None else ()
        return (*ranks, self.moment, "id")

    @property
    def _ranked(self) -> str:
        return f", {self.rank} as rank" if self.rank is not None else ""

    def _position(self, cursor: str) -> tuple[object, ...]:
        try:
            name, moment, row, *rank = orjson.loads(
                base64.b64decode(cursor[:300], altchars=b"-_", validate=True)
            )
            if name != self.name:
                raise ValueError(f"a cursor of {name}")
            if [type(one) for one in rank] != [int] * (self.rank is not None):
                raise ValueError("a rank that is none")
            return (*rank, datetime.fromisoformat(moment).astimezone(UTC), UUID(row))
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise GraphQLError(
                f"after: not a cursor of {self.name}", extensions={"code": "BAD_CURSOR"}
            ) from error


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some rows of a listing."""

    listing: Listing
    rows: Sequence[Row]
    more: bool
    after: str | None
    where: Where

    @property
    def info(self) -> PageInfo:
        cursors = [self.listing.cursor(row) for row in (*self.rows[:1], *self.rows[-1:])]
        return PageInfo(
            has_next_page=self.more,
            has_previous_page=self.after is not None,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


def contains(text: str) -> str:
    """The ILIKE pattern for a text anywhere, with the text's own wildcards taken literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
