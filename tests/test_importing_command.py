"""`refund-gql import`, run as a process of its own."""

import asyncio
import csv
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from refund_gql import models
from refund_gql.models import Shop

MakeShop = Callable[..., Awaitable[Shop]]

HEADER = "order,placed,article,pieces,price\n"
ROWS = HEADER + "1,2024-05-01,A,2,1.50\n2,2024-05-01,A,x,1.50\n"
MAPPING = """
kind = "orders"
currency = "GBP"
time_zone = "UTC"
[fields]
number = "order"
placed_at = "placed"
sku = "article"
quantity = "pieces"
unit_price = "price"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `rows.csv`, one bad row in it, and the mapping `shop.toml`."""
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "shop.toml").write_text(MAPPING)
    return tmp_path


async def start(database_url: str, folder: Path, *arguments: str) -> Process:
    program = "from refund_gql.importing.command import app; app()"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-c", program, *arguments, cwd=folder, stdout=PIPE,
        stderr=PIPE, env=os.environ | same_database(database_url),
    )  # fmt: skip


def same_database(url: str) -> dict[str, str]:
    """The environment in which another process finds the database of the tests."""
    match parse_qs(urlsplit(url).query):
        case {"host": [socket]}:
            return {"REFUND_GQL_DATA": str(Path(socket).parent)}
        case _:
            return {"REFUND_GQL_DATABASE_URL": url}


async def call(database_url: str, folder: Path, *arguments: str) -> tuple[int | None, str, str]:
    process = await start(database_url, folder, *arguments)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_an_import_prints_its_report(
    database_url: str, make_shop: MakeShop, folder: Path
) -> None:
    shop = await make_shop()
    options = ("--mapping", "shop.toml", "--shop", shop.handle, "--rejects", "rejects.csv")
    code, out, err = await call(database_url, folder, "orders", "rows.csv", *options)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"rows.csv: 2 rows for the orders of {shop.handle}",
        "  imported  1 row, 1 order",
        "  amount    3.00 GBP",
        "  created   0 customers, 1 product, 1 capture",
        "  rejected  1 row",
        "    row 2, quantity: 'x' is not a decimal number",
    ]
    with (folder / "rejects.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["row", "field", "found", "reason"],
            ["2", "quantity", "x", "is not a decimal number"],
        ]
    assert (await models.Order.get(shop_id=shop.id)).fulfilment.value == "UNSHIPPED"


async def test_a_report_can_be_json(database_url: str, make_shop: MakeShop, folder: Path) -> None:
    shop = await make_shop()
    options = ("--mapping", "shop.toml", "--shop", shop.handle, "--json", "--dry-run")
    code, out, _ = await call(database_url, folder, "orders", "rows.csv", *options)
    assert code == 0
    assert json.loads(out) == {
        "kind": "orders",
        "file": "rows.csv",
        "shop": shop.handle,
        "currency": "GBP",
        "dry_run": True,
        "already_imported": False,
        "rows": {"total": 2, "imported": 1, "existing": 0, "skipped": {}, "rejected": 1},
        "counts": {
            "amount": 300, "captures": 1, "customers": 0, "orders": 1, "orders_existing": 0,
            "products": 1,
        },
        "rejects": [
            {"row": 2, "field": "quantity", "found": "x", "reason": "is not a decimal number"}
        ],
    }  # fmt: skip
    assert await models.Order.filter(shop_id=shop.id).count() == 0


async def test_the_fulfilment_can_be_given(
    database_url: str, make_shop: MakeShop, folder: Path
) -> None:
    shop = await make_shop()
    options = ("--mapping", "shop.toml", "--shop", shop.handle, "--fulfilment", "DELIVERED")
    code, _, _ = await call(database_url, folder, "orders", "rows.csv", *options)
    assert code == 0
    assert (await models.Order.get(shop_id=shop.id)).fulfilment.value == "DELIVERED"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("orders", "none.csv", "--mapping", "shop.toml"), "none.csv: cannot be read"),
        (("orders", "rows.csv", "--mapping", "none.toml"), "none.toml: cannot be read"),
        (("refunds", "rows.csv", "--mapping", "shop.toml"), "kind: Input should be 'refunds'"),
        (("orders", "rows.csv", "--mapping", "online_retail_orders"), "no column 'InvoiceNo'"),
        (
            ("orders", "rows.csv", "--mapping", "shop.toml", "--rejects", "no/where.csv"),
            "no/where.csv: cannot be written",
        ),
    ],
)
async def test_what_cannot_be_used_ends_with_code_2(
    database_url: str, make_shop: MakeShop, folder: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    shop = await make_shop()
    code, out, err = await call(database_url, folder, *arguments, "--shop", shop.handle)
    assert (code, out) == (2, "")
    assert complaint in err
    assert await models.ImportRun.filter(shop_id=shop.id).count() == 0


async def test_an_unknown_shop_ends_with_code_2(database_url: str, folder: Path) -> None:
    options = ("--mapping", "shop.toml", "--shop", "nowhere")
    code, out, err = await call(database_url, folder, "orders", "rows.csv", *options)
    assert (code, out) == (2, "")
    assert err.startswith("there is no shop with the handle 'nowhere'; create it first: ")


async def test_a_database_that_is_not_there_ends_with_code_1(folder: Path) -> None:
    options = ("--mapping", "shop.toml", "--shop", "nowhere")
    nobody = "postgresql://nobody@127.0.0.1:1/nothing"
    code, out, err = await call(nobody, folder, "orders", "rows.csv", *options)
    assert (code, out) == (1, "")
    assert err.startswith("the database cannot be reached, or was lost (")


async def test_a_killed_process_leaves_a_beginning_to_go_on_from(
    database_url: str, make_shop: MakeShop, folder: Path
) -> None:
    shop, total = await make_shop(), 10_000
    rows = (f"{number},2024-05-01,A{number % 50},1,1.00\n" for number in range(total))
    (folder / "rows.csv").write_text(HEADER + "".join(rows))
    options = ("orders", "rows.csv", "--mapping", "shop.toml", "--shop", shop.handle, "--json")
    process = await start(database_url, folder, *options)
    while not await models.Order.filter(shop_id=shop.id).exists():
        assert process.returncode is None
        await asyncio.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert 0 < await models.Order.filter(shop_id=shop.id).count() < total

    code, out, _ = await call(database_url, folder, *options)
    report = json.loads(out)
    assert (code, report["already_imported"]) == (0, False)
    assert report["counts"]["orders"] == total
    assert report["counts"]["orders_existing"] == 0
    assert await models.Order.filter(shop_id=shop.id).count() == total
    assert await models.OrderLine.filter(shop_id=shop.id).count() == total
    assert await models.Capture.filter(shop_id=shop.id).count() == total
    assert await models.Product.filter(shop_id=shop.id).count() == 50
