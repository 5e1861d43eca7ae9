"""A real year of a real shop, imported whole, against figures taken from the file by other means.

Needs the Online Retail data (UCI 352): its folder is named by REFUND_GQL_ONLINE_RETAIL.
"""

import os
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from refund_gql import clock, models
from refund_gql.database import fetch
from refund_gql.importing import mapping, reading
from refund_gql.importing.mapping import OrderMapping, RefundMapping
from refund_gql.importing.report import Report
from refund_gql.importing.run import Run
from refund_gql.models import Shop

FOLDER = os.environ.get("REFUND_GQL_ONLINE_RETAIL")

pytestmark = pytest.mark.online_retail


@dataclass(frozen=True, kw_only=True)
class Year:
    """The shop after the import."""

    shop: Shop
    orders: Report
    refunds: Report

    async def one(self, sql: str) -> Any:
        """The value of a statement over the rows of the shop, $1."""
        return (await fetch(sql, self.shop.id))[0][0]


def source() -> Path:
    return Path(FOLDER or "") / "online_retail.parquet"


@pytest.fixture(scope="module")
async def year(database_url: str) -> Year:
    shop = await models.Shop.create(
        handle=f"online-retail-{uuid4().hex[:8]}", name="Online Retail", currency="GBP",
        time_zone="Europe/London", locale="en", created_at=clock.now(),
    )  # fmt: skip
    orders = mapping.load("online_retail_orders", OrderMapping)
    refunds = mapping.load("online_retail_refunds", RefundMapping)
    return Year(
        shop=shop,
        orders=await Run(reading.orders(source(), orders), shop).perform(),
        refunds=await Run(reading.refunds(source(), refunds), shop).perform(),
    )


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """The file, with the price in tenths of a penny: the finest it has."""
    frame = pl.read_parquet(source()).with_row_index("row", offset=1)
    prices = frame["UnitPrice"].unique().to_list()
    mills = {price: int(Decimal(repr(price)) * 1000) for price in prices}
    assert all(Decimal(mills[price]) == Decimal(repr(price)) * 1000 for price in prices)
    return frame.with_columns(
        mills=pl.col("UnitPrice").replace_strict(mills, return_dtype=pl.Int64),
        customer=pl.col("CustomerID").cast(pl.Int64).cast(pl.String),
        cancelled=pl.col("InvoiceNo").str.starts_with("C"),
    )


@pytest.fixture(scope="module")
def sales(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that are sales: the bad debt that was booked as one is not."""
    return rows.filter(
        ~pl.col("cancelled")
        & (pl.col("Quantity") > 0)
        & (pl.col("mills") > 0)
        & (pl.col("Description") != "Adjust bad debt")
    )


@pytest.fixture(scope="module")
def payable(sales: pl.DataFrame) -> pl.DataFrame:
    """Sales at a price in whole pence."""
    return sales.filter(pl.col("mills") % 10 == 0)


@pytest.fixture(scope="module")
def cancelled(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("cancelled"))


@pytest.fixture(scope="module")
def linked() -> pl.DataFrame:
    """The cancellation lines with a customer, tied to purchases by somebody else's program."""
    return pl.read_csv(Path(FOLDER or "") / "refund_lines_linked.csv.gz", infer_schema=False)


def pence(rows: pl.DataFrame) -> int:
    """What the rows cost, in exact integers."""
    pairs = zip(rows["mills"].to_list(), rows["Quantity"].to_list(), strict=True)
    mills = sum(price * abs(quantity) for price, quantity in pairs)
    assert mills % 10 == 0
    return int(mills) // 10


async def test_every_sale_is_an_order(year: Year, payable: pl.DataFrame) -> None:
    assert await year.one('select count(*) from "order" where shop_id = $1') == (
        payable["InvoiceNo"].n_unique()
    )
    assert await year.one('select sum(total) from "order" where shop_id = $1') == pence(payable)
    assert await year.one("select sum(amount) from capture where shop_id = $1") == pence(payable)
    assert year.orders.counts["amount"] == pence(payable)


async def test_every_row_of_a_sale_is_one_line(year: Year, payable: pl.DataFrame) -> None:
    sql = """select o.number, l.sku, l.quantity, l.unit_price * 10 from order_line l
        join "order" o on o.id = l.order_id where l.shop_id = $1"""
    stored = Counter(map(tuple, await fetch(sql, year.shop.id)))
    columns = ("InvoiceNo", "StockCode", "Quantity", "mills")
    assert stored == Counter(payable.select(columns).iter_rows())
    assert max(stored.values()) > 1


async def test_orders_have_the_earliest_time_of_their_rows(
    year: Year, payable: pl.DataFrame
) -> None:
    earliest = payable.group_by("InvoiceNo").agg(
        pl.col("InvoiceDate")
        .min()
        .dt.replace_time_zone("Europe/London")
        .dt.convert_time_zone("UTC")
    )
    stored = await fetch('select number, placed_at from "order" where shop_id = $1', year.shop.id)
    assert dict(map(tuple, stored)) == dict(earliest.iter_rows())


async def test_what_is_left_out_is_counted(year: Year, rows: pl.DataFrame) -> None:
    left = rows.filter(~pl.col("cancelled") & ~pl.col("InvoiceNo").str.starts_with("A"))
    assert year.orders.reading.skipped == {
        "cancellations": rows["cancelled"].sum(),
        "bad debt": rows["InvoiceNo"].str.starts_with("A").sum(),
        "stock corrections": (left["Quantity"] <= 0).sum(),
        "free of charge": ((left["Quantity"] > 0) & (left["mills"] == 0)).sum(),
    }


async def test_prices_finer_than_a_penny_are_rejected_by_row(
    year: Year, sales: pl.DataFrame
) -> None:
    fine = sales.filter(pl.col("mills") % 10 != 0)["row"].to_list()
    reason = "is finer than the minor unit of GBP"
    assert fine
    assert year.orders.reading.rejects == [(row, "unit_price", "0.001", reason) for row in fine]
    assert await year.one("select count(*) from import_reject where shop_id = $1") == len(fine)


async def test_every_row_is_accounted_for(year: Year, rows: pl.DataFrame) -> None:
    for report in (year.orders, year.refunds):
        counts = report.as_dict()["rows"]
        skipped = sum(counts["skipped"].values())
        assert counts["imported"] + counts["rejected"] + skipped == counts["total"] == len(rows)


async def test_customers_without_a_number_are_none(
    year: Year, payable: pl.DataFrame, cancelled: pl.DataFrame
) -> None:
    known = {*payable["customer"].drop_nulls(), *cancelled["customer"].drop_nulls()}
    stored = await fetch("select reference from customer where shop_id = $1", year.shop.id)
    assert {row[0] for row in stored} == known
    nobody = payable.filter(pl.col("customer").is_null())["InvoiceNo"].n_unique()
    assert nobody == await year.one(
        'select count(*) from "order" where shop_id = $1 and customer_id is null'
    )


async def test_every_cancellation_is_a_refund_to_the_penny(
    year: Year, cancelled: pl.DataFrame
) -> None:
    assert (
        await year.one(
            "select count(*) from refund where shop_id = $1 and imported and status = 'REFUNDED'"
        )
        == cancelled["InvoiceNo"].n_unique()
    )
    sql = "select sum({}) from {} where shop_id = $1"
    assert await year.one(sql.format("amount", "refund")) == pence(cancelled)
    assert await year.one(sql.format("amount", "refund_line")) == pence(cancelled)
    assert year.refunds.counts["amount"] == pence(cancelled)
    assert await year.one("select count(*) from event where shop_id = $1") == (
        cancelled["InvoiceNo"].n_unique()
    )


async def test_the_share_of_linked_lines_is_that_of_the_other_program(
    year: Year, linked: pl.DataFrame
) -> None:
    found = linked["orig_invoice"].is_not_null().sum()
    counts = year.refunds.counts
    assert (counts["lines_linked"], counts["lines_with_customer"]) == (found, len(linked))
    assert 0.85 < counts["lines_linked"] / counts["lines_with_customer"] < 0.86


async def test_lines_are_linked_to_the_same_purchases(year: Year, linked: pl.DataFrame) -> None:
    """Two invoices of one minute are the same: neither program can tell which was later."""
    orders = await fetch('select number, placed_at from "order" where shop_id = $1', year.shop.id)
    times = {row["number"]: row["placed_at"] for row in orders} | {None: None}
    sql = """select r.number, l.sku, l.quantity, o.placed_at from refund_line l
        join refund r on r.id = l.refund_id and r.customer_id is not null
        left join order_line p on p.id = l.order_line_id left join "order" o on o.id = p.order_id
        where l.shop_id = $1"""
    stored = Counter(map(tuple, await fetch(sql, year.shop.id)))
    columns = ("InvoiceNo", "StockCode", "refund_qty", "orig_invoice")
    others = Counter(
        (number, sku, int(quantity), times[invoice])
        for number, sku, quantity, invoice in linked.select(columns).iter_rows()
    )
    assert stored == others


async def test_history_is_claimed_up_to_what_was_bought(year: Year) -> None:
    lines = """with refunded as (
            select order_line_id as id, sum(quantity) as units from refund_line
            where shop_id = $1 group by order_line_id
        ) select count(*) from order_line p left join refunded using (id)
        where p.shop_id = $1 and claimed_quantity <> least(quantity, coalesce(units, 0))"""
    captures = """with refunded as (
            select p.order_id, sum(l.amount) as paid from refund_line l
            join order_line p on p.id = l.order_line_id where l.shop_id = $1 group by p.order_id
        ) select count(*) from capture c left join refunded using (order_id)
        where c.shop_id = $1 and c.reserved <> least(c.amount, coalesce(paid, 0))"""
    closed = """select count(*) from order_line where shop_id = $1
        and claimed_quantity = quantity and claimed_amount <> amount"""
    assert [await year.one(sql) for sql in (lines, captures, closed)] == [0, 0, 0]
    assert await year.one("select sum(reserved) from capture where shop_id = $1") > 0
    assert await year.one("select count(*) from payout where shop_id = $1") == 0


async def test_the_largest_refund_is_tied_to_its_order(year: Year) -> None:
    row = (
        await fetch(
            """select r.amount, o.number, o.placed_at < r.finished_at from refund r
            join "order" o on o.id = r.order_id
            where r.shop_id = $1 order by r.amount desc limit 1""",
            year.shop.id,
        )
    )[0]
    assert tuple(row) == (16846960, "581483", True)


async def test_the_same_year_again_brings_nothing(year: Year) -> None:
    refunds = mapping.load("online_retail_refunds", RefundMapping)
    again = await Run(reading.refunds(source(), refunds), year.shop).perform()
    assert again.already_imported
    assert again.counts == year.refunds.counts
