"""Imports into a database: exactly once, whatever happens, and history counts."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from refund_gql import models
from refund_gql.database import Transaction
from refund_gql.events import GENESIS, EventType, chain_hash
from refund_gql.importing import reading, run
from refund_gql.importing.draft import OrderDraft, RefundDraft
from refund_gql.importing.failure import CannotImport
from refund_gql.importing.mapping import OrderMapping, RefundMapping
from refund_gql.importing.orders import OrderChunk
from refund_gql.importing.reading import Reading
from refund_gql.importing.report import Report
from refund_gql.importing.run import Run
from refund_gql.models import Shop
from refund_gql.states import RefundKind, RefundStatus

MakeShop = Callable[..., Awaitable[Shop]]

COMMON: dict[str, Any] = {"currency": "GBP", "time_zone": "UTC"}
FIELDS = {"number": "number", "sku": "sku", "title": "title", "quantity": "quantity",
          "unit_price": "price", "customer": "customer"}  # fmt: skip
COLUMNS = ("number", "at", "customer", "sku", "title", "quantity", "price", "more")
MAY = datetime(2024, 5, 1, tzinfo=UTC)


def write(folder: Path, rows: Sequence[str], name: str = "rows.csv") -> Path:
    """Rows as `number at customer sku title quantity price [more]`, `-` for an empty cell."""
    cells = [["" if cell == "-" else cell for cell in row.split()] for row in rows]
    lines = [",".join(row + [""] * (len(COLUMNS) - len(row))) for row in cells]
    path = folder / name
    path.write_text("\n".join([",".join(COLUMNS), *lines, ""]), encoding="utf-8")
    return path


def orders(folder: Path, *rows: str, **options: Any) -> Reading[OrderDraft]:
    fields = FIELDS | {"placed_at": "at"} | options.pop("fields", {})
    mapping = {"kind": "orders", "fields": fields} | COMMON | options
    return reading.orders(write(folder, rows), OrderMapping.model_validate(mapping))


def refunds(folder: Path, *rows: str, **options: Any) -> Reading[RefundDraft]:
    fields = FIELDS | {"refunded_at": "at"} | options.pop("fields", {})
    mapping = {"kind": "refunds", "fields": fields} | COMMON | options
    return reading.refunds(write(folder, rows), RefundMapping.model_validate(mapping))


async def perform(content: Reading[Any], shop: Shop) -> Report:
    return await Run(content, shop).perform()


async def lines_of(shop: Shop) -> dict[str, models.OrderLine]:
    """SKU -> order line, where every SKU was bought once."""
    return {line.sku: line for line in await models.OrderLine.filter(shop_id=shop.id)}


async def rows_in(shop: Shop) -> dict[str, int]:
    """How many rows of each kind the shop has."""
    tables = (models.Customer, models.Product, models.Order, models.OrderLine, models.Capture,
              models.Shipment, models.ShipmentLine, models.Refund, models.RefundLine,
              models.Event, models.ImportRun, models.ImportReject)  # fmt: skip
    return {table.__name__: await table.filter(shop_id=shop.id).count() for table in tables}


# --- orders -----------------------------------------------------------------------------------


async def test_an_order_arrives_whole(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop(locale="en")
    report = await perform(
        orders(
            tmp_path,
            "7 2024-05-01 ada LAMP Lamp 2 10.00 3.50",
            "7 2024-05-01 ada MUG - 3 0.10 3.50",
            gateway="wechatpay",
            fields={"shipping": "more"},
        ),
        shop,
    )
    [order] = await models.Order.filter(shop_id=shop.id)
    customer = await models.Customer.get(shop_id=shop.id)
    assert (customer.reference, customer.locale) == ("ada", "en")
    assert (order.number, order.customer_id, order.placed_at) == ("7", customer.id, MAY)
    assert (order.goods_amount, order.shipping_amount, order.total) == (2030, 350, 2380)
    assert (order.currency, order.fulfilment.value, order.closed_at) == ("GBP", "UNSHIPPED", None)
    [lamp, mug] = await models.OrderLine.filter(order_id=order.id).order_by("position")
    assert (lamp.position, lamp.sku, lamp.title, lamp.quantity) == (0, "LAMP", "Lamp", 2)
    assert (mug.position, mug.sku, mug.title, mug.amount) == (1, "MUG", "MUG", 30)
    assert (lamp.shipped_quantity, lamp.claimed_quantity, lamp.claimed_amount) == (0, 0, 0)
    assert (await models.Product.get(id=mug.product_id)).title == "MUG"
    capture = await models.Capture.get(order_id=order.id)
    assert (capture.gateway, capture.reference, capture.amount) == ("wechatpay", "7", 2380)
    assert (capture.reserved, capture.disputed, capture.metadata) == (0, 0, {})
    assert report.counts == {
        "orders": 1, "orders_existing": 0, "rows": 2, "rows_existing": 0, "amount": 2380,
        "captures": 1, "customers": 1, "products": 2,
    }  # fmt: skip


async def test_an_order_of_nothing_has_no_capture(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-05-01 - GIFT Gift 1 0.00"), shop)
    found = await rows_in(shop)
    assert (found["Order"], found["Capture"], found["Customer"]) == (1, 0, 0)


async def test_delivered_orders_have_parcels(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    rows = ("1 2024-05-01 ada A - 2 1.00", "1 2024-05-01 ada B - 1 1.00")
    await perform(orders(tmp_path, *rows, fulfilment="DELIVERED"), shop)
    order = await models.Order.get(shop_id=shop.id)
    assert order.fulfilment.value == "DELIVERED"
    shipment = await models.Shipment.get(order_id=order.id)
    assert (shipment.shipped_at, shipment.delivered_at) == (MAY, MAY)
    lines = await lines_of(shop)
    assert (lines["A"].shipped_quantity, lines["A"].delivered_quantity) == (2, 2)
    packed = await models.ShipmentLine.filter(shipment_id=shipment.id)
    assert {row.order_line_id: row.quantity for row in packed} == {
        lines["A"].id: 2,
        lines["B"].id: 1,
    }


async def test_customers_and_products_are_made_once(
    make_shop: MakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK", 1)
    shop, neighbour = await make_shop(), await make_shop()
    known = await models.Product.create(
        shop_id=shop.id, sku="A", title="Known before", created_at=MAY
    )
    rows = [f"{number} 2024-05-01 ada A New 1 1.00" for number in range(3)]
    report = await perform(orders(tmp_path, *rows), shop)
    await perform(orders(tmp_path, *rows), neighbour)
    assert (report.counts["customers"], report.counts["products"]) == (1, 0)
    assert (await models.Product.get(shop_id=shop.id)).title == "Known before"
    lines = await models.OrderLine.filter(shop_id=shop.id)
    assert [line.product_id for line in lines] == [known.id] * 3
    assert (await rows_in(neighbour))["Customer"] == 1


# --- once -------------------------------------------------------------------------------------


async def test_a_dry_run_reports_the_same_and_writes_nothing(
    make_shop: MakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK", 1)
    shop = await make_shop()
    rows = ("1 2024-05-01 ada A - 1 1.00", "2 2024-05-01 ada A - 1 1.00", "3 x ada A - 1 1.00")
    content = orders(tmp_path, *rows)
    rehearsal = await Run(content, shop).rehearse()
    assert not any((await rows_in(shop)).values())
    performance = await perform(content, shop)
    assert rehearsal.as_dict() == performance.as_dict() | {"dry_run": True}
    assert rehearsal.as_dict()["rows"] == {
        "total": 3, "imported": 2, "existing": 0, "skipped": {}, "rejected": 1,
    }  # fmt: skip


async def test_the_same_file_again_changes_nothing(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    content = orders(tmp_path, "1 2024-05-01 ada A - 1 1.00")
    first = await perform(content, shop)
    before = await rows_in(shop)
    again = await perform(content, shop)
    assert (first.already_imported, again.already_imported) == (False, True)
    assert again.counts == first.counts
    assert (await Run(content, shop).rehearse()).already_imported
    assert await rows_in(shop) == before


async def test_a_file_with_nothing_to_import_is_finished_at_once(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    shop = await make_shop()
    rule = {"name": "all", "when": [{"column": "sku", "missing": False}]}
    content = orders(tmp_path, "1 2024-05-01 ada A - 1 1.00", skip=[rule])
    assert (await perform(content, shop)).counts["orders"] == 0
    assert (await perform(content, shop)).already_imported


async def test_orders_that_exist_are_left_alone(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-05-01 ada A - 1 1.00"), shop)
    rows = ("1 2024-05-01 ada A - 9 9.00", "1 2024-05-01 ada B - 9 9.00",
            "2 2024-05-01 ada C - 1 3.00")  # fmt: skip
    report = await perform(orders(tmp_path, *rows), shop)
    assert (report.counts["orders"], report.counts["orders_existing"]) == (1, 1)
    assert (report.counts["rows"], report.counts["rows_existing"]) == (1, 2)
    amounts = {sku: line.amount for sku, line in (await lines_of(shop)).items()}
    assert amounts == {"A": 100, "C": 300}


class _Killed(BaseException):
    """The process is gone."""


async def test_a_killed_import_goes_on_and_imports_exactly_once(
    make_shop: MakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK", 2)
    shop = await make_shop()
    rows = [f"{number} 2024-05-01 c{number % 3} S{number % 4} - 1 1.00" for number in range(9)]
    content = orders(tmp_path, *rows, "9 2024-05-01 ada A - x 1.00", bad_row_rejects="row")
    write_chunk = OrderChunk.write

    async def write_three(chunk: OrderChunk, tx: Transaction) -> None:
        await write_chunk(chunk, tx)
        if any("5" in row for row in chunk.orders):
            raise _Killed

    monkeypatch.setattr(OrderChunk, "write", write_three)
    with pytest.raises(_Killed):
        await perform(content, shop)
    [halted] = await models.ImportRun.filter(shop_id=shop.id)
    assert (halted.chunks_done, halted.rows_imported, halted.finished_at) == (2, 4, None)
    assert (await rows_in(shop))["Order"] == 4

    monkeypatch.setattr(OrderChunk, "write", write_chunk)
    report = await perform(content, shop)
    [done] = await models.ImportRun.filter(shop_id=shop.id)
    assert (done.chunks_done, done.rows_imported, done.rows_rejected) == (5, 9, 1)
    assert done.finished_at is not None
    found = await rows_in(shop)
    assert (found["Order"], found["OrderLine"], found["Capture"]) == (9, 9, 9)
    assert (found["Customer"], found["Product"], found["ImportReject"]) == (3, 4, 1)
    assert (report.counts["orders"], report.counts["orders_existing"]) == (9, 0)
    assert (report.counts["customers"], report.counts["products"]) == (3, 4)


async def test_an_order_made_meanwhile_counts_as_existing(
    make_shop: MakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    shop = await make_shop()
    content = orders(tmp_path, "1 2024-05-01 ada A - 1 1.00", "2 2024-05-01 ada A - 1 1.00")
    write_chunk = OrderChunk.write

    async def write_late(chunk: OrderChunk, tx: Transaction) -> None:
        if len(chunk.orders) == 2:
            elsewhere = await asyncpg.connect(database_url)
            await elsewhere.execute(
                """insert into "order" (id, shop_id, number, currency, fulfilment, goods_amount,
                shipping_amount, shipping_claimed, total, placed_at, created_at, updated_at)
                values ($1, $2, '1', 'GBP', 'UNSHIPPED', 5, 0, 0, 5, $3, $3, $3)""",
                models.new_id(), shop.id, MAY,
            )  # fmt: skip
            await elsewhere.close()
        await write_chunk(chunk, tx)

    monkeypatch.setattr(OrderChunk, "write", write_late)
    report = await perform(content, shop)
    assert (report.counts["orders"], report.counts["orders_existing"]) == (1, 1)
    assert (await models.Order.get(shop_id=shop.id, number="1")).total == 5


async def test_two_processes_with_one_file_do_not_mix(
    make_shop: MakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK", 1)
    shop = await make_shop()
    content = orders(tmp_path, *(f"{number} 2024-05-01 a A - 1 1.00" for number in range(3)))
    slow = Run(content, shop)
    import_chunk = Run._import

    async def overtaken(self: Run[Any], *arguments: Any) -> None:
        if self is slow:
            await perform(content, shop)
        await import_chunk(self, *arguments)

    monkeypatch.setattr(Run, "_import", overtaken)
    with pytest.raises(CannotImport, match="another process is importing the same file"):
        await slow.perform()
    assert (await rows_in(shop))["Order"] == 3


async def test_rejected_rows_are_kept_with_the_run(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    # PostgreSQL cannot store the NUL that JSON can write.
    row = {"number": "1", "at": "2024-05-01", "sku": "A", "quantity": 1, "price": 1}
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, (row, row | {"number": "2", "sku": "A\0B"}))))
    fields = {name: name for name in ("number", "sku", "quantity")}
    mapping = OrderMapping.model_validate(
        {"kind": "orders", "fields": fields | {"placed_at": "at", "unit_price": "price"}} | COMMON
    )
    report = await perform(reading.orders(path, mapping), shop)
    [reject] = await models.ImportReject.filter(shop_id=shop.id)
    assert (reject.row_number, reject.field, reject.found) == (2, "sku", "A\\x00B")
    assert str(report).splitlines()[-2:] == [
        "  rejected  1 row",
        "    row 2, sku: 'A\\x00B' holds a NUL character or half of a character",
    ]


async def test_duplicate_rows_are_neither_merged_nor_doubled(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, *["1 2024-05-01 ada A Lamp 1 1.00"] * 3), shop)
    lines = await models.OrderLine.filter(shop_id=shop.id).order_by("position")
    assert [(line.position, line.sku, line.quantity) for line in lines] == [
        (0, "A", 1), (1, "A", 1), (2, "A", 1)
    ]  # fmt: skip


# --- refunds ----------------------------------------------------------------------------------


async def test_a_refund_of_the_past_is_finished_history(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-04-01 ada A Lamp 3 2.00"), shop)
    report = await perform(refunds(tmp_path, "C1 2024-05-01 ada A - 2 2.00"), shop)
    [refund] = await models.Refund.filter(shop_id=shop.id)
    order = await models.Order.get(shop_id=shop.id)
    assert (refund.number, refund.kind, refund.status) == (
        "C1", RefundKind.REFUND_ONLY, RefundStatus.REFUNDED
    )  # fmt: skip
    assert (refund.order_id, refund.customer_id) == (order.id, order.customer_id)
    assert (refund.amount, refund.goods_amount, refund.shipping_amount) == (400, 400, 0)
    assert (refund.requested_at, refund.approved_at, refund.finished_at) == (MAY, MAY, MAY)
    assert (refund.imported, refund.version, refund.stated_reason_id) == (True, 1, None)
    line = (await lines_of(shop))["A"]
    refunded = await models.RefundLine.get(refund_id=refund.id)
    assert (refunded.order_line_id, refunded.title, refunded.amount) == (line.id, "Lamp", 400)
    [event] = await models.Event.filter(refund_id=refund.id)
    assert (event.type, event.status, event.at) == (
        EventType.IMPORTED, RefundStatus.REFUNDED, MAY
    )  # fmt: skip
    assert event.payload == {"amount": 400, "currency": "GBP"}
    assert (
        refund.head
        == event.hash
        == chain_hash(
            GENESIS,
            refund_id=str(refund.id),
            version=1,
            type=EventType.IMPORTED,
            at=MAY,
            actor=event.actor,
            payload=event.payload,
        )
    )
    assert await models.Payout.filter(shop_id=shop.id).count() == 0
    assert (report.counts["refunds"], report.counts["lines_linked"]) == (1, 1)


async def test_history_counts_against_the_cap(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-04-01 ada A - 3 2.00"), shop)
    await perform(refunds(tmp_path, "C1 2024-05-01 ada A - 2 2.00"), shop)
    line = (await lines_of(shop))["A"]
    assert (line.claimed_quantity, line.claimed_amount) == (2, 400)
    capture = await models.Capture.get(shop_id=shop.id)
    assert (capture.amount, capture.reserved) == (600, 400)


@pytest.mark.parametrize(
    ("refunded", "claimed", "reserved"),
    [
        (["C1 2024-05-01 ada A - 5 2.00"], (3, 600), 600),
        (["C1 2024-05-01 ada A - 2 2.00", "C2 2024-05-02 ada A - 2 2.00"], (3, 600), 600),
        (["C1 2024-05-01 ada A - 1 9.00"], (1, 600), 600),
        (["C1 2024-05-01 ada A - 1 4.00", "C2 2024-05-01 ada A - 1 1.00"], (2, 500), 500),
        # Two units for a penny: the unit that is left is still worth what was paid for it.
        (["C1 2024-05-01 ada A - 2 0.01"], (2, 400), 2),
        (["C1 2024-05-01 ada A - 9 0.01"], (3, 600), 9),
        (["C1 2024-05-01 ada A - 2147483647 0.01"], (3, 600), 600),
    ],
)
async def test_claims_take_what_fits_and_never_more(
    make_shop: MakeShop,
    tmp_path: Path,
    refunded: list[str],
    claimed: tuple[int, int],
    reserved: int,
) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-04-01 ada A - 3 2.00"), shop)
    await perform(refunds(tmp_path, *refunded), shop)
    line = (await lines_of(shop))["A"]
    assert (line.claimed_quantity, line.claimed_amount) == claimed
    assert (await models.Capture.get(shop_id=shop.id)).reserved == reserved
    lines = await models.RefundLine.filter(shop_id=shop.id)
    assert {row.order_line_id for row in lines} == {line.id}


async def test_money_is_taken_from_the_newest_capture_first(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-04-01 ada A - 3 2.00"), shop)
    order = await models.Order.get(shop_id=shop.id)
    await models.Capture.create(
        shop_id=shop.id, order_id=order.id, gateway="sandbox", reference="later", amount=100,
        disputed=30, currency="GBP", captured_at=MAY,
    )  # fmt: skip
    await perform(refunds(tmp_path, "C1 2024-05-01 ada A - 1 2.00"), shop)
    captures = await models.Capture.filter(shop_id=shop.id)
    assert {row.reference: row.reserved for row in captures} == {"later": 70, "1": 130}


async def test_shipping_of_the_past_is_claimed(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    post = {"fields": {"shipping": "more"}}
    await perform(orders(tmp_path, "1 2024-04-01 ada A - 1 2.00 3.00", **post), shop)
    await perform(refunds(tmp_path, "C1 2024-05-01 ada A - 1 2.00 9.00", **post), shop)
    refund = await models.Refund.get(shop_id=shop.id)
    assert (refund.goods_amount, refund.shipping_amount, refund.amount) == (200, 900, 1100)
    assert (await models.Order.get(shop_id=shop.id)).shipping_claimed == 300
    assert (await models.Capture.get(shop_id=shop.id)).reserved == 500


async def owner(shop: Shop, line_id: UUID | None) -> str | None:
    """The number of the order that a refund line was tied to."""
    if line_id is None:
        return None
    line = await models.OrderLine.get(id=line_id, shop_id=shop.id)
    return str((await models.Order.get(id=line.order_id)).number)


@pytest.mark.parametrize(
    ("refunded", "order"),
    [
        ("C 2024-05-03 ada A - 1 2.00", "3"),
        ("C 2024-05-02 ada A - 1 2.00", "2"),
        ("C 2024-05-01T23:59 ada A - 1 2.00", "1"),
        ("C 2024-04-30 ada A - 1 2.00", None),
        ("C 2024-05-03 ada a - 1 2.00", None),
        ("C 2024-05-03 bob A - 1 2.00", "4"),
        ("C 2024-05-03 eve A - 1 2.00", None),
        ("C 2024-05-03 - A - 1 2.00", None),
        ("C 2024-05-03 ada FREE - 1 2.00", None),
    ],
)
async def test_a_refund_is_tied_to_the_last_purchase_before_it(
    make_shop: MakeShop, tmp_path: Path, refunded: str, order: str | None
) -> None:
    shop = await make_shop()
    rows = (
        "1 2024-05-01 ada A - 1 2.00", "3 2024-05-03 ada A - 1 2.00",
        "2 2024-05-02 ada A - 1 2.00", "4 2024-05-01 bob A - 1 2.00",
        "5 2024-05-01 ada FREE - 1 0.00",
    )  # fmt: skip
    await perform(orders(tmp_path, *rows), shop)
    await perform(refunds(tmp_path, refunded), shop)
    line = await models.RefundLine.get(shop_id=shop.id)
    assert await owner(shop, line.order_line_id) == order


async def test_equal_lines_are_claimed_one_after_the_other(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, *["1 2024-05-01 ada A - 1 2.00"] * 2), shop)
    rows = [f"C{number} 2024-05-02 ada A - 1 2.00" for number in range(3)]
    await perform(refunds(tmp_path, *rows), shop)
    lines = await models.OrderLine.filter(shop_id=shop.id)
    assert [(line.claimed_quantity, line.claimed_amount) for line in lines] == [(1, 200)] * 2
    assert await models.RefundLine.filter(shop_id=shop.id, order_line_id=None).count() == 0


async def test_the_file_may_know_the_order(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    rows = ("1 2024-05-01 ada A - 1 2.00", "2 2024-05-02 ada A - 1 2.00")
    await perform(orders(tmp_path, *rows), shop)
    refunded = ("C1 2024-04-03 - A - 1 2.00 1", "C2 2024-05-03 ada A - 1 2.00 404")
    await perform(refunds(tmp_path, *refunded, fields={"order_number": "more"}), shop)
    lines = await models.RefundLine.filter(shop_id=shop.id).order_by("id")
    assert [await owner(shop, line.order_line_id) for line in lines] == ["1", None]
    customer = await models.Customer.get(shop_id=shop.id)
    found = await models.Refund.filter(shop_id=shop.id)
    assert [refund.customer_id for refund in found] == [customer.id] * 2


async def test_a_refund_over_several_orders_has_no_order(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    shop = await make_shop()
    rows = ("1 2024-05-01 ada A - 1 2.00", "2 2024-05-01 ada B - 1 3.00")
    await perform(orders(tmp_path, *rows), shop)
    both = ("C1 2024-05-02 ada A - 1 2.00", "C1 2024-05-02 ada B - 1 3.00")
    one = ("C2 2024-05-02 ada A - 1 2.00", "C2 2024-05-02 ada NEW - 1 3.00")
    await perform(refunds(tmp_path, *both, *one), shop)
    found = {row.number: row.order_id for row in await models.Refund.filter(shop_id=shop.id)}
    first = await models.Order.get(shop_id=shop.id, number="1")
    assert found == {"C1": None, "C2": first.id}
    captures = await models.Capture.filter(shop_id=shop.id)
    assert {row.reference: row.reserved for row in captures} == {"1": 200, "2": 300}


async def test_a_refund_in_another_currency_is_tied_to_nothing(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-05-01 ada A - 1 2.00"), shop)
    await perform(refunds(tmp_path, "C1 2024-05-02 ada A - 1 2.00", currency="EUR"), shop)
    assert (await models.RefundLine.get(shop_id=shop.id)).order_line_id is None
    assert (await models.Capture.get(shop_id=shop.id)).reserved == 0


async def test_a_dry_run_of_refunds_claims_nothing(
    make_shop: MakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK", 1)
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-05-01 ada A - 1 2.00"), shop)
    rows = [f"C{number} 2024-05-02 {who} A - 1 2.00" for number, who in enumerate(("ada", "eve"))]
    content = refunds(tmp_path, *rows, rows[1].replace("C1", "C2"))
    before = await rows_in(shop)
    rehearsal = await Run(content, shop).rehearse()
    assert await rows_in(shop) == before
    assert (await lines_of(shop))["A"].claimed_quantity == 0
    assert rehearsal.counts == (await perform(content, shop)).counts
    assert rehearsal.counts == {
        "refunds": 3, "refunds_existing": 0, "rows": 3, "rows_existing": 0, "amount": 600,
        "customers": 1, "lines_linked": 1, "lines_with_customer": 3,
    }  # fmt: skip


async def test_refunds_that_exist_are_left_alone(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = await make_shop()
    await perform(orders(tmp_path, "1 2024-05-01 ada A - 9 2.00"), shop)
    await perform(refunds(tmp_path, "C1 2024-05-02 ada A - 1 2.00"), shop)
    rows = ("C1 2024-05-02 ada A - 5 2.00", "C2 2024-05-02 ada A - 1 2.00")
    report = await perform(refunds(tmp_path, *rows), shop)
    assert (report.counts["refunds"], report.counts["refunds_existing"]) == (1, 1)
    assert (await lines_of(shop))["A"].claimed_quantity == 2
