"""Money is exact: a split loses nothing, and no text becomes an amount it does not say."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refund_gql.money import (
    EXPONENTS,
    MAX_MINOR_UNITS,
    Money,
    allocate,
    from_decimal,
    share,
    to_decimal,
)

EXACT = settings(derandomize=True, database=None, deadline=None, max_examples=300)
AMOUNTS = st.integers(0, MAX_MINOR_UNITS)
WEIGHTS = st.lists(st.integers(0, MAX_MINOR_UNITS), min_size=1, max_size=20)

# --- allocate: the largest remainder ----------------------------------------------------------


@EXACT
@given(AMOUNTS, WEIGHTS)
def test_the_parts_sum_to_exactly_the_total(total: int, weights: list[int]) -> None:
    assert sum(allocate(total, weights)) == total


@EXACT
@given(AMOUNTS, WEIGHTS)
def test_each_part_is_proportional_to_within_one_minor_unit(total: int, weights: list[int]) -> None:
    whole = sum(weights)
    for part, weight in zip(allocate(total, weights), weights, strict=True):
        assert part >= 0
        if whole:
            assert abs(part * whole - total * weight) < whole


@EXACT
@given(AMOUNTS, WEIGHTS)
def test_who_weighs_more_never_gets_less(total: int, weights: list[int]) -> None:
    parts = [part for _, part in sorted(zip(weights, allocate(total, weights), strict=True))]
    assert sum(weights) == 0 or parts == sorted(parts)


@EXACT
@given(AMOUNTS, st.integers(1, MAX_MINOR_UNITS), st.integers(1, 20))
def test_ties_go_to_the_earlier_part(total: int, weight: int, count: int) -> None:
    floor, rest = divmod(total, count)
    assert allocate(total, [weight] * count) == [floor + 1] * rest + [floor] * (count - rest)


def test_the_remainder_goes_to_the_largest_fraction_not_to_the_first() -> None:
    assert allocate(10, [1, 2, 4]) == [1, 3, 6]
    assert allocate(103, [52, 51]) == [52, 51]
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]


def test_without_any_weight_the_first_part_takes_everything() -> None:
    assert allocate(7, [0, 0]) == [7, 0]
    assert allocate(0, []) == []


@pytest.mark.parametrize(("total", "weights"), [(1, []), (1, [2, -1]), (0, [-1])])
def test_what_cannot_be_split_is_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"nothing to allocate to|must not be negative"):
        allocate(total, weights)


# --- share: piece by piece --------------------------------------------------------------------


@EXACT
@given(AMOUNTS, st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_refunding_piece_by_piece_ends_at_exactly_the_amount(
    amount: int, pieces: list[int]
) -> None:
    left, units = amount, sum(pieces)
    for piece in pieces:
        worth = share(left, piece, units)
        assert 0 <= worth <= left
        assert worth == left * piece // units
        left, units = left - worth, units - piece
    assert (left, units) == (0, 0)


@EXACT
@given(AMOUNTS, st.integers(1, 1000))
def test_no_way_of_cutting_is_worth_more_than_a_unit_each(amount: int, units: int) -> None:
    """One by one, no unit is worth more than the rounded-up price: cutting gains nothing."""
    left = amount
    for done in range(units):
        worth = share(left, 1, units - done)
        assert amount // units <= worth <= -(-amount // units)
        left -= worth


@pytest.mark.parametrize(("part", "whole"), [(-1, 3), (4, 3), (0, 0), (1, 0)])
def test_what_is_no_part_has_no_worth(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="is not a part of"):
        share(100, part, whole)


# --- decimals ---------------------------------------------------------------------------------


@EXACT
@given(AMOUNTS, st.sampled_from(["JPY", "KRW", "KWD", "CNY", "EUR", "CLF"]))
def test_an_amount_survives_being_written_and_read(amount: int, currency: str) -> None:
    written = to_decimal(amount, currency)
    assert from_decimal(str(written), currency) == amount
    assert from_decimal(str(-written), currency) == -amount
    assert -int(written.as_tuple().exponent) == EXPONENTS[currency]


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (8900, "JPY", "8900 JPY"),
        (8900, "KRW", "8900 KRW"),
        (8900, "CNY", "89.00 CNY"),
        (8900, "EUR", "89.00 EUR"),
        (8900, "KWD", "8.900 KWD"),
        (8900, "CLF", "0.8900 CLF"),
        (-5, "CNY", "-0.05 CNY"),
        (MAX_MINOR_UNITS, "CNY", "90071992547409.91 CNY"),
    ],
)
def test_people_read_major_units_with_the_currencys_decimals(
    amount: int, currency: str, text: str
) -> None:
    assert str(Money(amount=amount, currency=currency)) == text


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("89", "CNY", 8900),
        ("89.0", "CNY", 8900),
        ("0.10", "EUR", 10),
        ("1.234", "KWD", 1234),
        ("1e3", "JPY", 1000),
        ("1.10e1", "CNY", 1100),
        ("1.00", "JPY", 1),
        ("-0", "CNY", 0),
    ],
)
def test_a_text_is_read_exactly(text: str, currency: str, minor: int) -> None:
    assert from_decimal(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("0.001", "CNY"),
        ("0.5", "JPY"),
        ("1.2345", "KWD"),
        ("", "CNY"),
        ("12,50", "EUR"),
        ("€5", "EUR"),
        ("NaN", "CNY"),
        ("sNaN", "CNY"),
        ("Infinity", "CNY"),
        ("90071992547409.92", "CNY"),
        ("1e999999999", "CNY"),
        ("1e-999999999", "CNY"),
        ("0." + "0" * 60 + "1", "CNY"),
        ("5." + "0" * 60 + "1", "CNY"),
    ],
)
def test_what_a_currency_cannot_hold_is_refused_and_never_rounded(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"decimal amount|finer than|finite|larger than"):
        from_decimal(text, currency)


@EXACT
@given(st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from(sorted(EXPONENTS)))
def test_what_is_read_is_what_was_written(value: Decimal, currency: str) -> None:
    try:
        minor = from_decimal(str(value), currency)
    except ValueError:
        return
    assert to_decimal(minor, currency) == value


# --- ISO 4217 ---------------------------------------------------------------------------------

ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE = "BHD IQD JOD KWD LYD OMR TND"
FOUR = "CLF UYW"


def test_the_exponents_are_those_of_iso_4217() -> None:
    """List one of the standard, as of 2026: everything that is not named here has two places."""
    not_two = {code: places for code, places in EXPONENTS.items() if places != 2}
    assert not_two == {
        **dict.fromkeys(ZERO.split(), 0),
        **dict.fromkeys(THREE.split(), 3),
        **dict.fromkeys(FOUR.split(), 4),
    }


def test_the_worlds_currencies_are_known() -> None:
    large = "AUD BRL CAD CHF CNY EUR GBP HKD IDR INR MXN MYR NZD PHP PLN SEK SGD THB TRY TWD USD"
    assert {EXPONENTS[code] for code in large.split()} == {2}


@pytest.mark.parametrize("code", ["XAU", "XXX", "XTS", "XDR", "cny", "RMB", "", "DEM"])
def test_what_is_no_currency_holds_no_money(code: str) -> None:
    """Metals, test codes, wrong case and dead currencies have no minor unit to count in."""
    assert code not in EXPONENTS
    with pytest.raises(ValueError, match="is not an ISO 4217 currency"):
        Money(amount=1, currency=code)
