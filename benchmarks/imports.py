"""Rows a second of `refund-gql import`: a generated file, and Online Retail if it is there.

The folder of Online Retail (UCI 352) is named by REFUND_GQL_ONLINE_RETAIL.
"""

import csv
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from benchmarks.figures import Figure
from benchmarks.place import Place

ROWS = 50_000
_COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
_RETAIL = os.environ.get("REFUND_GQL_ONLINE_RETAIL")


async def measure(place: Place) -> list[Figure]:
    """The whole command, from its start to its report."""
    file = place.folder / "generated.csv"
    _write(file)
    generated = _import(place, "orders", file)
    figures = [*_figures("generated orders", generated)]
    if _RETAIL:
        retail = Path(_RETAIL) / "online_retail.parquet"
        orders, refunds = (_import(place, kind, retail) for kind in ("orders", "refunds"))
        took = orders.seconds + refunds.seconds
        figures += _figures("Online Retail, orders", orders)
        figures += _figures("Online Retail, refunds", refunds)
        figures.append(Figure(name="Online Retail, all", value=took, unit="s", aim="< 90 s"))
    return figures


@dataclass(frozen=True, kw_only=True)
class Import:
    """One command that ended well."""

    seconds: float
    rows: int
    """Rows of the file, skipped ones included."""


def _import(place: Place, kind: str, file: Path) -> Import:
    began = time.perf_counter()
    answer = place.command(
        *("import", kind, str(file), "--mapping", f"online_retail_{kind}"),
        *("--shop", place.handle, "--json"),
    )
    took = time.perf_counter() - began
    return Import(seconds=took, rows=orjson.loads(answer)["rows"]["total"])


def _figures(name: str, done: Import) -> list[Figure]:
    note = f"{done.rows:,} rows in the file"
    return [
        Figure(name=name, value=done.seconds, unit="s", note=note),
        Figure(name=f"{name}: rows", value=done.rows / done.seconds, unit="a second"),
    ]


def _write(file: Path) -> None:
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(_COLUMNS)
        writer.writerows(_rows())


def _rows() -> Iterator[list[object]]:
    """Orders of 1 to 40 lines by 4,000 customers, of 3,000 products; the same in every run."""
    chance, placed, written, invoice = random.Random(1), datetime(2011, 1, 4, 8), 0, 600_000
    while written < ROWS:
        invoice, placed = invoice + 1, placed + timedelta(minutes=chance.randint(1, 60))
        customer = chance.randint(12_000, 16_000)
        for _ in range(min(chance.randint(1, 40), ROWS - written)):
            product = chance.randint(10_000, 13_000)
            price = f"{chance.randint(20, 2000) / 100:.2f}"
            yield [
                invoice,
                product,
                f"ARTICLE {product}",
                chance.randint(1, 24),
                f"{placed:%Y-%m-%d %H:%M:%S}",
                price,
                customer,
                "United Kingdom",
            ]
            written += 1
