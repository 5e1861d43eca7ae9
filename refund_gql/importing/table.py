"""A file as a table of cells: CSV and JSON lines as text, Parquet with its own types."""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from refund_gql.importing.failure import BrokenFile, CannotImport
from refund_gql.importing.file import File

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Table:
    """The columns that a mapping asks for."""

    file: str
    cells: "pl.DataFrame"
    torn: dict[int, str] = field(default_factory=dict)
    """Index of a row that does not have the header's number of cells -> what is wrong with it."""

    def spread(self, column: str, function: Callable[[Any], T]) -> list[T]:
        """`function` of every cell, called once for each different value."""
        series = self.cells.get_column(column)
        results = {value: function(value) for value in series.unique().to_list()}
        return [results[value] for value in series.to_list()]


def read(file: File, columns: dict[str, str], separator: str) -> Table:
    """The wanted columns of a file; `columns` says which place of the mapping asks for each.

    Raises BrokenFile, and CannotImport where polars is missing.
    """
    table = _READERS[file.format](_polars(), file, columns, separator)
    if not table.cells.height:
        raise BrokenFile(f"{file.name}: there are no rows in the file; export it again")
    return table


def _polars() -> Any:
    try:
        import polars
    except ImportError as error:
        raise CannotImport(
            "reading files needs polars: pip install 'refund-gql[import]'"
        ) from error
    return polars


def _failures(pl: Any) -> tuple[type[BaseException], ...]:
    # Over some damage polars panics, with an exception that is no Exception.
    return pl.exceptions.PolarsError, pl.exceptions.PanicException


def _require(columns: dict[str, str], present: Collection[str], name: str) -> None:
    for column, place in columns.items():
        if column not in present:
            raise BrokenFile(
                f"{name}: there is no column {column!r}, which {place} of the mapping reads; "
                f"the file has {', '.join(map(repr, present))}"
            )


# --- CSV --------------------------------------------------------------------------------------


def _csv(pl: Any, file: File, columns: dict[str, str], separator: str) -> Table:
    header = next(filter(None, _records(file, separator)), [])
    _require(columns, header, file.name)
    for column in columns:
        if header.count(column) > 1:
            raise BrokenFile(f"{file.name}: two columns are called {column!r}; rename one")
    try:
        cells = pl.read_csv(file.data, separator=separator, infer_schema=False)
    except _failures(pl):
        return _slow_csv(pl, file, columns, separator)
    # polars fills short rows up with nulls, which only the last column can show.
    if cells.get_column(cells.columns[-1]).null_count():
        return _slow_csv(pl, file, columns, separator)
    return Table(file=file.name, cells=cells.select(*columns))


def _slow_csv(pl: Any, file: File, columns: dict[str, str], separator: str) -> Table:
    """Ten times slower than polars, which refuses a whole file for one inch mark."""
    header, *rows = filter(None, _records(file, separator))
    torn = {
        index: f"has {len(row)} cells, the header has {len(header)}"
        for index, row in enumerate(rows)
        if len(row) != len(header)
    }
    places = {column: header.index(column) for column in columns}
    cells = {
        column: [row[at] if at < len(row) else None for row in rows]
        for column, at in places.items()
    }
    schema = dict.fromkeys(columns, pl.String)
    return Table(file=file.name, cells=pl.DataFrame(cells, schema=schema), torn=torn)


def _records(file: File, separator: str) -> Iterator[list[str]]:
    lines = io.StringIO(file.data.decode(), newline="")
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise BrokenFile(
            f"{file.name}, line {reader.line_num}: {error}; a quotation mark is opened or closed "
            "in the wrong place: repair the line"
        ) from error


# --- JSON lines -------------------------------------------------------------------------------


def _jsonl(pl: Any, file: File, columns: dict[str, str], separator: str) -> Table:
    # As text, whatever the type: numbers keep their shortest form and may stand beside words.
    schema = dict.fromkeys(columns, pl.String)
    try:
        cells = pl.read_ndjson(io.BytesIO(file.data), schema=schema)
    except _failures(pl) as error:
        raise BrokenFile(_broken_line(file) or f"{file.name}: {error}") from error
    if any(cells.get_column(column).null_count() == cells.height for column in columns):
        _require(columns, sorted(_keys(file)), file.name)
    return Table(file=file.name, cells=cells)


def _keys(file: File) -> set[str]:
    lines = (line for line in file.data.splitlines() if line.strip())
    return {key for line in lines for key in json.loads(line)}


def _broken_line(file: File) -> str | None:
    for number, line in enumerate(file.data.splitlines(), start=1):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return f"{file.name}, line {number}: is not a JSON object; write one per line"
        except ValueError as error:
            return f"{file.name}, line {number}: {error}; write one JSON object per line"
    return None


# --- Parquet ----------------------------------------------------------------------------------


def _parquet(pl: Any, file: File, columns: dict[str, str], separator: str) -> Table:
    try:
        schema = pl.read_parquet_schema(io.BytesIO(file.data))
        _require(columns, list(schema), file.name)
        cells = pl.read_parquet(io.BytesIO(file.data), columns=list(columns))
    except _failures(pl) as error:
        raise BrokenFile(
            f"{file.name}: not a Parquet file, or truncated or damaged ({error}); copy it again"
        ) from error
    return Table(
        file=file.name, cells=cells.select(_plain(pl, cells, each, file.name) for each in columns)
    )


def _plain(pl: Any, cells: Any, column: str, name: str) -> Any:
    """The column as numbers, texts or times."""
    kind = cells.schema[column]
    if kind.is_float():
        return pl.col(column).fill_nan(None)
    if isinstance(kind, pl.Categorical | pl.Enum):
        return pl.col(column).cast(pl.String)
    if kind in (pl.String, pl.Boolean, pl.Null) or kind.is_numeric() or kind.is_temporal():
        return pl.col(column)
    raise BrokenFile(
        f"{name}: the column {column!r} holds {kind}; only texts, numbers and times can be read"
    )


_READERS: dict[str, Callable[[Any, File, dict[str, str], str], Table]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
}
