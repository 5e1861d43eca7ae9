"""What the lab predicts from history is what happens when the same requests are really made.

The requests of the demo year are made up (`support.year`). Those of Online Retail (UCI 352) are
real cancellations of a real shop; that nothing had been sent is made up, since the file does not
say. Its folder is named by REFUND_GQL_ONLINE_RETAIL.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pytest
from support import lab, year
from support.api import key
from support.world import World, eventually, make_world

from refund_gql import clock, ids
from refund_gql.database import fetch
from refund_gql.importing import mapping, reading
from refund_gql.importing.mapping import OrderMapping, RefundFields, RefundMapping
from refund_gql.importing.run import Run
from refund_gql.models import Shop

T = TypeVar("T")

AT_ONCE = 8
CANCELLATIONS = 1200
"""Lines of Online Retail, in the file's order."""

OPEN = "select count(*) from refund where shop_id = $1 and status = 'REQUESTED'"
SHARE = """
select count(*) as refunds, count(*) filter (where exists (
           select from decision d where d.refund_id = r.id and d.step = 'APPROVE_INSTANTLY'))
       as automatic
  from refund r where r.shop_id = $1
"""


async def together(work: Callable[[T], Awaitable[None]], things: Iterable[T]) -> None:
    """Do some at once, until all are done."""
    left = iter(things)

    async def one() -> None:
        for thing in left:
            await work(thing)

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))


async def predicted(world: World) -> float:
    """The share of the default rules, as the lab expects it from history."""
    rules = (await world.owner("{ rules { id name } }"))["rules"]
    found = await lab.report(
        world,
        replaces=next(rule["id"] for rule in rules if rule["name"].startswith("Unshipped")),
        **{"from": (clock.now() - timedelta(days=399)).isoformat()},
    )
    assert found["recorded"] == 0, "this shop knows its refunds from a file only"
    assert found["automaticThen"]["count"] == 0
    share: float = found["automaticWithDraft"]["share"]
    return share


async def actual(shop: Shop) -> float:
    """The share of requests that the rules approved, once all are decided."""

    async def decided() -> bool | None:
        return (await fetch(OPEN, shop.id))[0][0] == 0 or None

    await eventually(decided, "every request is decided", seconds=300)
    [row] = await fetch(SHARE, shop.id)
    return float(row["automatic"] / row["refunds"])


@pytest.mark.parametrize(
    "count", [pytest.param(200), pytest.param(2000, marks=pytest.mark.soak)], ids=str
)
async def test_the_lab_predicts_the_share_of_the_default_rules(
    world: World, api: Any, settings: Any, tmp_path: Path, count: int
) -> None:
    asked = year.requests(count, seed=7, until=clock.now())
    before = await make_world(api, settings)
    await year.bring_in(before.shop, asked, tmp_path)

    async def ask(request: year.Request) -> None:
        order = await world.order(**year.order(request, clock.now()))
        refund = await world.refund(world.customer, order)
        assert refund["__typename"] == "Refund", refund

    await together(ask, asked)
    expected, found = await predicted(before), await actual(world.shop)
    assert found >= 0.85
    assert abs(expected - found) <= 0.02


# --- a real year --------------------------------------------------------------------------------

RETAIL_REFUNDS = RefundMapping(
    kind="refunds",
    currency="GBP",
    time_zone="Europe/London",
    bad_row_rejects="row",
    fields=RefundFields.model_validate(
        {
            "number": "number",
            "order_number": "orig_invoice",
            "refunded_at": "asked_at",
            "sku": "StockCode",
            "quantity": "refund_qty",
            "unit_price": "orig_price",
        }
    ),
)
LINES = """
select o.number, l.sku, l.id, l.order_id from order_line l join "order" o on o.id = l.order_id
 where l.shop_id = $1 order by l.position desc
"""


@pytest.mark.online_retail
async def test_the_lab_predicts_a_real_year(api: Any, settings: Any, tmp_path: Path) -> None:
    folder = Path(os.environ["REFUND_GQL_ONLINE_RETAIL"])
    lines = pl.read_csv(folder / "refund_lines_linked.csv.gz", infer_schema=False)
    lines = lines.filter(pl.col("orig_invoice").is_not_null()).head(CANCELLATIONS)
    before, now = [await make_world(api, settings, currency="GBP") for _ in range(2)]
    for world in (before, now):
        await bring_orders(world.shop, lines, folder, tmp_path)
    granted = await ask_again(now, lines)
    await bring_refunds(before.shop, granted, tmp_path)
    expected, found = await predicted(before), await actual(now.shop)
    assert found >= 0.85
    assert abs(expected - found) <= 0.02


async def bring_orders(shop: Shop, lines: pl.DataFrame, folder: Path, tmp_path: Path) -> None:
    """The orders that were cancelled, as not yet sent."""
    part = tmp_path / "part.parquet"
    rows = pl.scan_parquet(folder / "online_retail.parquet")
    numbers = lines["orig_invoice"].unique().to_list()
    rows.filter(pl.col("InvoiceNo").is_in(numbers)).collect().write_parquet(part)
    unsent = mapping.load("online_retail_orders", OrderMapping).with_fulfilment("UNSHIPPED")
    await Run(reading.orders(part, unsent), shop).perform()


async def ask_again(world: World, lines: pl.DataFrame) -> pl.DataFrame:
    """Ask for what was cancelled, now; the lines that were there to be refunded."""
    rows = await fetch(LINES, world.shop.id)
    known = {(row["number"], row["sku"]): row for row in rows}
    granted: list[dict[str, Any]] = []

    async def ask(line: dict[str, Any]) -> None:
        row = known[line["orig_invoice"], line["StockCode"]]
        wanted = {
            "orderLineId": ids.encode("OrderLine", row["id"]),
            "quantity": int(line["refund_qty"]),
        }
        asked = {
            "orderId": ids.encode("Order", row["order_id"]),
            "idempotencyKey": key(),
            "lines": [wanted],
        }
        answer = await world.service.request("refundRequest", asked)
        if answer["__typename"] == "Refund":
            granted.append(line)

    await together(ask, lines.iter_rows(named=True))
    assert len(granted) > 0.9 * lines.height
    return pl.DataFrame(granted)


async def bring_refunds(shop: Shop, lines: pl.DataFrame, tmp_path: Path) -> None:
    """The same as history: each line a refund of its own, in the last months."""
    now, file = clock.now(), tmp_path / "refunds.csv"
    times = [(now - timedelta(minutes=7 * n + 1)).isoformat() for n in range(lines.height)]
    numbered = lines.with_columns(
        number=pl.Series([f"OLD-{n}" for n in range(lines.height)]), asked_at=pl.Series(times)
    )
    numbered.write_csv(file)
    report = await Run(reading.refunds(file, RETAIL_REFUNDS), shop).perform()
    assert report.counts["refunds"] == lines.height
