"""Files: the same rows in every format, and a plain word about each that is broken."""

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from refund_gql.importing import file, table
from refund_gql.importing.failure import BrokenFile, CannotImport
from refund_gql.importing.source import as_text
from refund_gql.importing.table import Table

WANTED = {"order": "fields.number", "price": "fields.unit_price", "title": "fields.title"}
ROWS = [("1", "2.55", 'A 12" ruler'), ("2", "0.1", None), ("1", "168469.6", "退款, two\nlines")]
CSV = 'order,price,title\n1,2.55,"A 12"" ruler"\n2,0.1,\n1,168469.6,"退款, two\nlines"\n'


def read(path: Path, columns: dict[str, str] = WANTED, separator: str = ",") -> Table:
    return table.read(file.read(path), columns, separator)


def texts(found: Table) -> list[tuple[str | None, ...]]:
    return [tuple(map(as_text, row)) for row in found.cells.select(*WANTED).rows()]


def write_parquet(path: Path) -> None:
    typed = [(number, float(price), title) for number, price, title in ROWS]
    pl.DataFrame(typed, schema=["order", "price", "title"], orient="row").write_parquet(path)


def write_jsonl(path: Path) -> None:
    typed = [(int(number), float(price), title) for number, price, title in ROWS]
    pl.DataFrame(typed, schema=["order", "price", "title"], orient="row").write_ndjson(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.csv", lambda path: path.write_text(CSV, encoding="utf-8")),
        ("rows.CSV", lambda path: path.write_text("\ufeff" + CSV, encoding="utf-8")),
        ("rows.csv.gz", lambda path: path.write_bytes(gzip.compress(CSV.encode()))),
        ("rows.jsonl", write_jsonl),
        ("rows.parquet", write_parquet),
    ],
)
def test_every_format_has_the_same_rows(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    found = read(tmp_path / name)
    assert texts(found) == ROWS
    assert found.torn == {}


def test_a_separator_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("title;order;price\nT;7;1,50\n", encoding="utf-8")
    assert texts(read(path, separator=";")) == [("7", "1,50", "T")]


def test_a_torn_row_is_named_and_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('order,price,title\n1,2.55\n\n2,1,T\n3,1,T,more\n4,1,12" ruler\n')
    found = read(path)
    assert found.torn == {
        0: "has 2 cells, the header has 3",
        2: "has 4 cells, the header has 3",
    }
    assert texts(found)[1] == ("2", "1", "T")
    assert texts(found)[3] == ("4", "1", '12" ruler')


def test_numbers_of_json_may_stand_beside_words(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"order": 9007199254740993, "price": 2.55, "title": "a"}\n\n'
        '{"price": "2.55", "order": "C1", "title": null, "more": [1]}\n'
    )
    assert texts(read(path)) == [("9007199254740993", "2.55", "a"), ("C1", "2.55", None)]


def test_gaps_and_categories_of_parquet_are_plain(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    frame = pl.DataFrame({"order": ["1", "2"], "price": [float("nan"), 1.0], "title": ["a", "a"]})
    frame.with_columns(pl.col("title").cast(pl.Categorical)).write_parquet(path)
    assert texts(read(path)) == [("1", None, "a"), ("2", "1.0", "a")]


BROKEN: list[tuple[str, bytes, str]] = [
    ("rows.csv", b"", "the file is empty"),
    ("rows.csv", b"\xef\xbb\xbf", "there is no column 'order'"),
    ("rows.csv", b"order,price,title\n", "there are no rows in the file"),
    ("rows.csv", b"order,price\n1,2\n", "no column 'title', which fields.title of the mapping"),
    ("rows.csv", b"order,price,title,price\n1,2,T,3\n", "two columns are called 'price'"),
    ("rows.csv", b'order,price,title\n1,2,T\n1,2,"T\n', "line 3: unexpected end of data"),
    ("rows.csv", b'order,price,title\n1,2,"T"x\n', "line 2: ',' expected after '\"'"),
    ("rows.csv", b"order,price,title\n1,2,T\n1,\x002,T\n", "line 3: a NUL byte"),
    ("rows.csv", b"order,price,title\n1,2,\xe9\n", "line 2: byte 0xe9 is not UTF-8"),
    ("rows.csv", "order,price,title\n1,2,T\n".encode("utf-16"), "line 1: a NUL byte"),
    ("rows.csv.gz", gzip.compress(CSV.encode())[:-9], "the gzip file is truncated or damaged"),
    ("rows.csv.gz", CSV.encode(), "the gzip file is truncated or damaged"),
    ("rows.jsonl", b'{"order": 1, "price": 2, "title": "T"}\n{"order', "line 2: "),
    ("rows.jsonl", b'{"order": 1, "price": 2, "title": "T"}\n[1]\n', "line 2: is not a JSON obj"),
    ("rows.jsonl", b'{"order": 1, "price": 2}\n', "there is no column 'title'"),
    ("rows.parquet", CSV.encode(), "not a Parquet file, or truncated or damaged"),
    ("rows.xlsx", CSV.encode(), "the ending says nothing about the format"),
    ("rows.parquet.gz", gzip.compress(b"PAR1"), "the ending says nothing about the format"),
]


@pytest.mark.parametrize(
    ("name", "content", "complaint"), BROKEN, ids=[str(i) for i in range(len(BROKEN))]
)
def test_a_broken_file_names_itself_and_the_place(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BrokenFile) as caught:
        read(tmp_path / name)
    assert str(caught.value).startswith(name)
    assert complaint in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match=r"nothing\.csv: cannot be read: No such file"):
        read(tmp_path / "nothing.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BrokenFile, match=r"folder\.csv: cannot be read: Is a directory"):
        read(tmp_path / "folder.csv")


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BrokenFile, match=r"rows\.parquet: not a Parquet file, or truncated"):
        read(path)


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"order": ["1"], "price": [[1.0]], "title": ["a"]}).write_parquet(path)
    with pytest.raises(BrokenFile, match=r"'price' holds List\(Float64\); only texts, numbers"):
        read(path)


def test_without_polars_the_answer_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(CSV, encoding="utf-8")
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(CannotImport, match=r"pip install 'refund-gql\[import\]'"):
        read(path)
