"""Real cancellations asked again as new refunds, through the API, with the money really paid.

The data asks for more than was bought in hundreds of places: the cap must refuse, never pay.
Needs the Online Retail data (UCI 352): its folder is named by REFUND_GQL_ONLINE_RETAIL.
"""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from support.api import Api
from support.world import eventually

from refund_gql import ids
from refund_gql.auth import system
from refund_gql.backoffice import staff
from refund_gql.choices import RuleMode
from refund_gql.database import fetch
from refund_gql.importing import mapping, reading
from refund_gql.importing.mapping import OrderMapping
from refund_gql.importing.run import Run
from refund_gql.models import Rule, Shop
from refund_gql.roles import Scope
from refund_gql.settings import Settings

pytestmark = pytest.mark.online_retail

CANCELLATIONS = 2500
"""Lines of the file that are replayed, in the file's order."""
AT_ONCE = 8

REQUEST = """mutation R($input: RefundRequestInput!) { refundRequest(input: $input) {
  __typename ... on Refund { id amount { amount } } ... on Problem { code } } }"""
OVERPAID = """
select count(*) from capture c where c.shop_id = $1 and c.amount <
       (select coalesce(sum(amount), 0) from payout p where p.capture_id = c.id
           and p.status not in ('REJECTED', 'REVERSED'))
"""
LINES = """
select o.number, l.id, l.sku, l.quantity, l.order_id from order_line l
  join "order" o on o.id = l.order_id where l.shop_id = $1 order by l.position
"""
OPEN = """
select count(*) from refund where shop_id = $1 and status not in ('REFUNDED', 'PAYMENT_STUCK')
"""


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["REFUND_GQL_ONLINE_RETAIL"])


async def test_no_capture_is_ever_refunded_beyond_what_was_paid(
    folder: Path, tmp_path: Path, api: Api, settings: Settings, make_shop: Any
) -> None:
    asked = pl.read_csv(folder / "refund_lines_linked.csv.gz", infer_schema=False)
    asked = asked.filter(pl.col("orig_invoice").is_not_null()).head(CANCELLATIONS)
    shop = await make_shop(currency="GBP")
    # Some of these are worth thousands of pounds: no person is to look at them here.
    await Rule.filter(shop_id=shop.id, position=10).update(mode=RuleMode.OFF)
    await import_orders(folder, tmp_path, asked["orig_invoice"].unique().to_list(), shop)
    backend = api.with_token(await token(shop, settings))
    lines = await order_lines(shop)
    answers: Counter[str] = Counter()
    granted = 0
    work = requests(asked, lines)

    async def client() -> None:
        nonlocal granted
        for request in work:
            result = (await backend(REQUEST, input=request))["refundRequest"]
            answers[result.get("code", "GRANTED")] += 1
            granted += result["amount"]["amount"] if result["__typename"] == "Refund" else 0

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    assert answers.total() == asked.height
    assert answers["GRANTED"] > 0.9 * asked.height
    # The rest asked for units that were gone; nothing else went wrong.
    assert set(answers) <= {"GRANTED", "INVALID_INPUT", "NOT_REFUNDABLE"}
    assert answers["INVALID_INPUT"] + answers["NOT_REFUNDABLE"] > 0

    async def drained() -> bool | None:
        return (await fetch(OPEN, shop.id))[0][0] == 0 or None

    await eventually(drained, "every refund is over", seconds=300)
    assert (await fetch(OVERPAID, shop.id))[0][0] == 0
    [paid] = await fetch(
        "select sum(amount) from payout where shop_id = $1 and status = 'SUCCEEDED'", shop.id
    )
    [stuck] = await fetch(
        "select coalesce(sum(amount), 0) from refund where shop_id = $1"
        " and status = 'PAYMENT_STUCK'",
        shop.id,
    )
    assert paid[0] + stuck[0] == granted


async def import_orders(folder: Path, tmp_path: Path, numbers: list[str], shop: Shop) -> None:
    """Import these orders only, as not yet shipped, so that no person has to look."""
    part = tmp_path / "part.parquet"
    rows = pl.scan_parquet(folder / "online_retail.parquet")
    rows.filter(pl.col("InvoiceNo").is_in(numbers)).collect().write_parquet(part)
    unsent = mapping.load("online_retail_orders", OrderMapping).with_fulfilment("UNSHIPPED")
    await Run(reading.orders(part, unsent), shop).perform()


async def token(shop: Shop, settings: Settings) -> str:
    issued = await staff.create_api_token(
        system(shop.id),
        settings,
        name="replay",
        scopes=[Scope.READ, Scope.REFUNDS],
        expires_at=None,
    )
    return issued.text


Line = tuple[UUID, UUID, int]
"""Order, order line, units bought."""


async def order_lines(shop: Shop) -> dict[tuple[str, str], list[Line]]:
    """Order number and SKU -> the lines that have it."""
    found = defaultdict(list)
    for row in await fetch(LINES, shop.id):
        found[row["number"], row["sku"]].append((row["order_id"], row["id"], row["quantity"]))
    return found


def requests(
    asked: pl.DataFrame, lines: dict[tuple[str, str], list[Line]]
) -> Iterator[dict[str, Any]]:
    """The input of each request: the cancelled units of the line that was bought."""
    for i, row in enumerate(asked.iter_rows(named=True)):
        order, line, _ = lines[row["orig_invoice"], row["StockCode"]][0]
        yield {
            "orderId": ids.encode("Order", order),
            "idempotencyKey": f"replay-{i}",
            "lines": [
                {
                    "orderLineId": ids.encode("OrderLine", line),
                    "quantity": int(row["refund_qty"]),
                }
            ],
        }
