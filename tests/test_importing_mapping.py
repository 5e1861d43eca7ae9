"""The language of mappings: what it accepts, and how it refuses the rest."""

from pathlib import Path

import pytest

from refund_gql.importing import mapping
from refund_gql.importing.failure import BrokenMapping
from refund_gql.importing.mapping import OrderMapping, RefundMapping

ORDERS = """
kind = "orders"
currency = "EUR"
time_zone = "Europe/Berlin"
[fields]
number = "order"
placed_at = "date"
sku = "article"
quantity = "pieces"
unit_price = "price"
"""


def load(tmp_path: Path, text: str) -> OrderMapping:
    path = tmp_path / "shop.toml"
    path.write_text(text, encoding="utf-8")
    return mapping.load(str(path), OrderMapping)


def test_a_column_can_be_named_alone(tmp_path: Path) -> None:
    fields = load(tmp_path, ORDERS).fields
    assert (fields.number.column, fields.unit_price.column) == ("order", "price")
    assert fields.customer is None


def test_unsaid_things_have_the_documented_defaults(tmp_path: Path) -> None:
    given = load(tmp_path, ORDERS)
    assert (given.gateway, given.fulfilment) == ("sandbox", None)
    assert (given.bad_row_rejects, given.separator, given.skip) == ("whole", ",", ())


def test_the_mappings_that_ship_are_found_by_name() -> None:
    assert mapping.shipped() == ["online_retail_orders", "online_retail_refunds"]
    orders = mapping.load("online_retail_orders", OrderMapping)
    refunds = mapping.load("online_retail_refunds", RefundMapping)
    assert (orders.currency, orders.fulfilment) == ("GBP", "DELIVERED")
    assert refunds.fields.quantity.negate


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("EUR", "EURO"), "currency: 'EURO' is not an ISO 4217 currency"),
        (("Europe/Berlin", "Berlin"), "time_zone: 'Berlin' is not a time zone"),
        (('sku = "article"\n', ""), "fields.sku: Field required"),
        (('"pieces"', "{ column = 'pieces', whole = true }"), "fields.quantity.whole: Extra"),
        (('"pieces"', "{ column = 'pieces', constant = 1 }"), "name a column, or else a constant"),
        (('"pieces"', "{ constant = 0 }"), "fields.quantity: the constant or default is not a"),
        (('"price"', "{ constant = '1.234' }"), "is finer than the minor unit of EUR"),
        (("[fields]", "colour = 1\n[fields]"), "colour: Extra inputs are not permitted"),
        (("[fields]", "separator = '::'\n[fields]"), "separator: Input should be"),
        (("[fields]", "[fields]\ncustomer_name = 'n'"), "need `customer`, the reference"),
        (
            ("[fields]", "fulfilment = 'SHIPPED'\n[fields]\nshipped_at = 'sent'"),
            "`fulfilment` is for files without columns about parcels",
        ),
        (("[fields]", "[[skip]]\nname = 'x'\n[fields]"), "a rule needs `when` or `unless`"),
        (
            ("[fields]", "[[skip]]\nname = 'x'\nwhen = [{ column = 'c' }]\n[fields]"),
            "give the column exactly one test: is, one_of",
        ),
        (
            ("[fields]", "[[skip]]\nname = 'x'\nwhen = [{column = 'c', matches = '('}]\n[fields]"),
            "is not a regular expression",
        ),
        (("[fields]", "[fields"), "this is not TOML"),
        (('"orders"', '"refunds"'), "kind: Input should be 'orders'"),
    ],
)
def test_a_wrong_mapping_names_the_place(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    with pytest.raises(BrokenMapping) as caught:
        load(tmp_path, ORDERS.replace(*change))
    assert str(caught.value).startswith(f"{tmp_path / 'shop.toml'}: ")
    assert complaint in str(caught.value)


def test_a_mapping_of_the_other_kind_hears_only_that() -> None:
    with pytest.raises(BrokenMapping) as caught:
        mapping.load("online_retail_orders", RefundMapping)
    assert str(caught.value) == "online_retail_orders: kind: Input should be 'refunds'"


def test_an_unknown_mapping_hears_what_there_is() -> None:
    with pytest.raises(BrokenMapping, match=r"one of online_retail_orders, online_retail_refunds"):
        mapping.load("online_retial", OrderMapping)


def test_a_mapping_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'kind = "orders"\ndescription = "caf\xe9"')
    with pytest.raises(BrokenMapping, match="byte 35 is not UTF-8"):
        mapping.load(str(path), OrderMapping)


@pytest.mark.parametrize("fields", ["", "unit_price = 'p'\namount = 'a'"])
def test_a_refund_line_has_one_amount(tmp_path: Path, fields: str) -> None:
    path = tmp_path / "refunds.toml"
    path.write_text(
        'kind = "refunds"\ncurrency = "EUR"\ntime_zone = "UTC"\n[fields]\nnumber = "n"\n'
        f'refunded_at = "d"\nsku = "s"\nquantity = "q"\n{fields}\n'
    )
    with pytest.raises(BrokenMapping, match="give `unit_price`, or else `amount`"):
        mapping.load(str(path), RefundMapping)


def test_the_digest_is_of_what_is_said_not_of_how(tmp_path: Path) -> None:
    plain = load(tmp_path, ORDERS)
    commented = load(tmp_path, "# a remark\n" + ORDERS.replace('"date"', '{ column = "date" }'))
    other = load(tmp_path, ORDERS.replace('"date"', '"day"'))
    assert plain.sha256() == commented.sha256()
    assert len({plain.sha256(), other.sha256(), plain.sha256(500)}) == 3


def test_a_given_fulfilment_overrules_what_the_file_says(tmp_path: Path) -> None:
    given = load(tmp_path, ORDERS.replace("[fields]", "[fields]\nshipped_at = 'sent'"))
    replayed = given.with_fulfilment("UNSHIPPED")
    assert (replayed.fulfilment, replayed.fields.shipped_at) == ("UNSHIPPED", None)
    assert replayed.sha256() != given.sha256()
