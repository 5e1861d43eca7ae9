"""From the rows of a file to orders and refunds: what is kept, left out, and rejected."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from refund_gql.importing import reading
from refund_gql.importing.draft import OrderDraft, Parcel, RefundDraft
from refund_gql.importing.failure import BrokenFile
from refund_gql.importing.mapping import OrderMapping, RefundMapping
from refund_gql.importing.reading import Reading

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = datetime(2024, 5, 3, 12, tzinfo=UTC)
ROW = {"number": "1", "at": "2024-05-01T12:00", "sku": "A", "quantity": "1", "price": "2.50"}
FIELDS = {
    "number": "number", "placed_at": "at", "sku": "sku", "quantity": "quantity",
    "unit_price": "price",
}  # fmt: skip


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder / "rows.csv"


def orders(
    folder: Path, *changes: dict[str, str], more: dict[str, Any] | None = None, **options: Any
) -> Reading[OrderDraft]:
    """Read rows that differ from ROW; `more` are fields beyond the necessary ones."""
    mapping = OrderMapping.model_validate(
        {"kind": "orders", "currency": "GBP", "time_zone": "UTC", "fields": FIELDS | (more or {})}
        | options
    )
    return reading.orders(write(folder, [ROW | change for change in changes]), mapping)


def refunds(
    folder: Path, *changes: dict[str, str], more: dict[str, Any] | None = None
) -> Reading[RefundDraft]:
    fields = {name: column for name, column in FIELDS.items() if name != "placed_at"}
    mapping = RefundMapping.model_validate(
        {
            "kind": "refunds",
            "currency": "GBP",
            "time_zone": "UTC",
            "fields": fields | {"refunded_at": "at"} | (more or {}),
        }
    )
    return reading.refunds(write(folder, [ROW | change for change in changes]), mapping)


def test_rows_of_an_order_need_not_stand_together(tmp_path: Path) -> None:
    found = orders(tmp_path, {"sku": "A"}, {"number": "2"}, {"sku": "B"})
    assert [(draft.number, [line.sku for line in draft.lines]) for draft in found.drafts] == [
        ("1", ["A", "B"]),
        ("2", ["A"]),
    ]


def test_equal_rows_are_lines_of_their_own(tmp_path: Path) -> None:
    [draft] = orders(tmp_path, {}, {}, {}).drafts
    assert len(draft.lines) == 3
    assert draft.goods == 750


def test_an_order_with_two_times_was_placed_at_the_earlier(tmp_path: Path) -> None:
    [draft] = orders(tmp_path, {"at": "2024-05-01T12:01"}, {}).drafts
    assert draft.placed_at == NOON


def test_discount_and_shipping_make_the_total(tmp_path: Path) -> None:
    [draft] = orders(
        tmp_path,
        {"quantity": "3", "off": "0.70", "post": "4.95"},
        {"post": ""},
        more={"discount": "off", "shipping": "post"},
    ).drafts
    assert [line.amount for line in draft.lines] == [680, 250]
    assert (draft.goods, draft.shipping) == (930, 495)


def test_the_first_name_of_a_customer_counts(tmp_path: Path) -> None:
    [draft] = orders(
        tmp_path,
        {"who": "17850.0", "name": ""},
        {"who": "", "name": "Ada"},
        {"who": "17850", "name": "A. L."},
        more={"customer": {"column": "who", "whole": True}, "customer_name": "name"},
    ).drafts
    assert draft.customer == ("17850", "Ada", "")


def test_constants_and_defaults_stand_in(tmp_path: Path) -> None:
    [draft] = orders(
        tmp_path,
        {"label": ""},
        {"label": "Lamp"},
        more={
            "title": {"column": "label", "default": "no title"},
            "customer": {"constant": "walk-in"},
        },
    ).drafts
    assert [line.title for line in draft.lines] == ["no title", "Lamp"]
    assert draft.customer == ("walk-in", "", "")


# --- left out ---------------------------------------------------------------------------------


def test_rows_are_counted_under_the_first_rule_that_leaves_them_out(tmp_path: Path) -> None:
    found = orders(
        tmp_path,
        {"number": "C1", "quantity": "-1"},
        {"number": "C2"},
        {"quantity": "-5"},
        {},
        skip=[
            {"name": "cancelled", "when": [{"column": "number", "starts_with": "C"}]},
            {"name": "stock", "when": [{"column": "quantity", "at_most": 0}]},
            {"name": "never", "when": [{"column": "number", "is": "9"}]},
        ],
    )
    assert found.skipped == {"cancelled": 2, "stock": 1, "never": 0}
    assert (found.rows, found.rows_drafted, found.rows_rejected) == (4, 1, 0)


def test_all_tests_of_a_rule_must_hold(tmp_path: Path) -> None:
    skip = {
        "name": "cheap A",
        "when": [{"column": "sku", "is": "A"}, {"column": "price", "below": 1}],
        "unless": [{"column": "number", "is": "1"}],
    }
    cheap = {"price": "0.50"}
    found = orders(
        tmp_path, cheap, cheap | {"number": "2"}, cheap | {"number": "3", "sku": "B"}, skip=[skip]
    )
    assert found.skipped == {"cheap A": 1}
    assert [draft.number for draft in found.drafts] == ["1", "3"]


def test_rows_left_out_are_not_judged(tmp_path: Path) -> None:
    skip = {"name": "returns", "when": [{"column": "number", "starts_with": "C"}]}
    found = orders(tmp_path, {"number": "C1", "price": "nonsense"}, {}, skip=[skip])
    assert found.rejects == []


# --- rejected ---------------------------------------------------------------------------------


def test_a_bad_row_takes_its_order_with_it_and_nothing_else(tmp_path: Path) -> None:
    found = orders(tmp_path, {}, {"number": "2"}, {"price": "0.001"}, {"number": "3"})
    assert [draft.number for draft in found.drafts] == ["2", "3"]
    assert found.rejects == [
        (1, "row", "1", "falls with row 3 of the same number"),
        (3, "unit_price", "0.001", "is finer than the minor unit of GBP"),
    ]
    assert found.rows_rejected == 2


def test_a_mapping_can_give_up_the_row_alone(tmp_path: Path) -> None:
    found = orders(tmp_path, {}, {"price": "0.001"}, {"sku": "B"}, bad_row_rejects="row")
    [draft] = found.drafts
    assert [line.sku for line in draft.lines] == ["A", "B"]
    assert [each.row for each in found.rejects] == [2]


def test_every_fault_of_a_row_is_named(tmp_path: Path) -> None:
    found = orders(tmp_path, {"sku": "", "quantity": "many", "at": "soon"}, {"number": "2"})
    assert [(each.field, each.found) for each in found.rejects] == [
        ("placed_at", "soon"),
        ("quantity", "many"),
        ("sku", ""),
    ]
    assert found.rows_rejected == 1


@pytest.mark.parametrize(
    ("change", "more", "reject"),
    [
        ({"number": ""}, {}, ("number", "", "is missing")),
        ({"number": "x" * 65}, {}, ("number", "x" * 65, "is longer than 64 characters")),
        ({"quantity": "0"}, {}, ("quantity", "0", "is not a number of units between 1 and ")),
        (
            {"quantity": "2000000000", "price": "90071992547409.91"},
            {},
            ("quantity", "2000000000", "x price is larger than the engine's limit"),
        ),
        ({"off": "2.51"}, {"discount": "off"}, ("discount", "2.51", "is more than the line costs")),
    ],
)
def test_what_a_row_must_not_be(
    tmp_path: Path, change: dict[str, str], more: dict[str, str], reject: tuple[str, str, str]
) -> None:
    found = orders(tmp_path, change, {"number": "2"}, more=more)
    [(row, field, text, reason)] = found.rejects
    assert (row, field, text) == (1, *reject[:2])
    assert reason.startswith(reject[2])


@pytest.mark.parametrize("name", ["customer", "shipping"])
def test_an_order_at_odds_with_itself_falls_whole(tmp_path: Path, name: str) -> None:
    found = orders(
        tmp_path, {"x": "7"}, {"x": "8"}, {"number": "2"}, more={name: "x"}, bad_row_rejects="row"
    )
    assert [draft.number for draft in found.drafts] == ["2"]
    assert {each.row for each in found.rejects} == {1, 2}
    assert found.rejects[0].reason == f"rows of the same number have a different {name}"


def test_an_order_too_large_to_count_falls_whole(tmp_path: Path) -> None:
    found = orders(tmp_path, *[{"price": "90071992547409.91"}] * 2, {"number": "2"})
    assert [each.row for each in found.rejects] == [1, 2]
    assert found.rejects[0].reason == "minor units in all, more than the engine's limit"


def test_a_torn_row_takes_its_order_with_it(tmp_path: Path) -> None:
    path = write(tmp_path, [ROW, ROW | {"number": "2"}])
    with path.open("a") as stream:
        stream.write("1,2024-05-01T12:00,A\n")
    mapping = OrderMapping.model_validate(
        {"kind": "orders", "currency": "GBP", "time_zone": "UTC", "fields": FIELDS}
    )
    found = reading.orders(path, mapping)
    assert [draft.number for draft in found.drafts] == ["2"]
    assert found.rejects == [
        (1, "row", "1", "falls with row 3 of the same number"),
        (3, "row", "", "has 3 cells, the header has 5"),
    ]


def test_a_file_without_a_single_good_row_is_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile) as caught:
        orders(tmp_path, {"price": "free"}, {"price": "gratis"})
    assert str(caught.value) == (
        "rows.csv: none of its rows can be imported. row 1, unit_price: 'free' is not a decimal "
        "number. Is it the right mapping for this file?"
    )


# --- parcels ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fulfilment", "parcel"),
    [
        ("UNSHIPPED", None),
        ("SHIPPED", Parcel("unknown", "under way", NOON, None)),
        ("DELIVERED", Parcel("unknown", "delivered", NOON, NOON)),
    ],
)
def test_a_constant_fulfilment_is_dated_by_the_order(
    tmp_path: Path, fulfilment: str, parcel: Parcel | None
) -> None:
    [draft] = orders(tmp_path, {}, {}, fulfilment=fulfilment).drafts
    assert [line.parcel for line in draft.lines] == [parcel, parcel]


def test_flags_split_an_order_into_what_arrived_left_and_stayed(tmp_path: Path) -> None:
    [draft] = orders(
        tmp_path,
        {"sent": "yes", "there": "yes"},
        {"sent": "yes", "there": "no"},
        {"sent": "", "there": ""},
        more={"shipped": "sent", "delivered": "there"},
    ).drafts
    assert [line.parcel for line in draft.lines] == [
        Parcel("unknown", "delivered", NOON, NOON),
        Parcel("unknown", "under way", NOON, None),
        None,
    ]


def test_rows_with_one_tracking_number_share_a_parcel(tmp_path: Path) -> None:
    parcel = {"by": "SF", "tracking": "SF1", "sent": "2024-05-01T12:00"}
    [draft] = orders(
        tmp_path,
        parcel | {"sent": "2024-05-03T12:00"},
        parcel | {"there": "2024-05-03T12:00"},
        parcel | {"tracking": "SF2"},
        more={
            "courier": "by", "tracking_number": "tracking", "shipped_at": "sent",
            "delivered_at": "there",
        },
    ).drafts  # fmt: skip
    shared = Parcel("SF", "SF1", NOON, LATER)
    assert [line.parcel for line in draft.lines] == [
        shared, shared, Parcel("SF", "SF2", NOON, None)
    ]  # fmt: skip


# --- refunds ----------------------------------------------------------------------------------


def test_a_refund_adds_up_its_lines(tmp_path: Path) -> None:
    [draft] = refunds(tmp_path, {"quantity": "2"}, {"sku": "B", "price": "0.10"}).drafts
    assert (draft.number, draft.refunded_at, draft.goods) == ("1", NOON, 510)
    assert [(line.sku, line.quantity, line.amount) for line in draft.lines] == [
        ("A", 2, 500),
        ("B", 1, 10),
    ]


def test_a_refund_can_name_the_amount_of_a_line(tmp_path: Path) -> None:
    [draft] = refunds(
        tmp_path, {"quantity": "3", "back": "-7.00"},
        more={"unit_price": None, "amount": {"column": "back", "negate": True}},
    ).drafts  # fmt: skip
    assert draft.goods == 700


def test_a_refund_of_an_amount_that_is_missing_is_rejected(tmp_path: Path) -> None:
    found = refunds(tmp_path, {"price": ""}, {"number": "2"})
    assert found.rejects == [(1, "unit_price", "", "is missing")]
