"""Single values: exact, or refused with the reason."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refund_gql.importing.source import (
    Amount,
    Flag,
    Locale,
    Moment,
    Quantity,
    Source,
    Text,
    Title,
    as_text,
)

LONDON = Locale(currency="GBP", zone=ZoneInfo("Europe/London"))
COLUMN = {"column": "c"}


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None),
        ("  ", None),
        (" two words ", "two words"),
        (True, "true"),
        (7, "7"),
        (2.55, "2.55"),
        (17850.0, "17850.0"),
        (1e16, "1e+16"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (date(2011, 12, 9), "2011-12-09"),
        (datetime(2011, 12, 9, 12, 50), "2011-12-09T12:50:00"),
    ],
)
def test_every_cell_has_one_text(cell: object, text: str | None) -> None:
    assert as_text(cell) == text


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [
        ("GBP", "2.55", 255),
        ("GBP", "0.1", 10),
        ("GBP", "168469.6", 16846960),
        ("GBP", "1e+2", 10000),
        ("GBP", "90071992547409.91", 2**53 - 1),
        ("JPY", "1200", 1200),
        ("JPY", "1200.0", 1200),
        ("KWD", "1.234", 1234),
    ],
)
def test_amounts_are_minor_units(currency: str, text: str, minor: int) -> None:
    locale = Locale(currency=currency, zone=LONDON.zone)
    assert Amount.model_validate(COLUMN).convert(text, locale) == minor


@given(st.integers(min_value=0, max_value=10**12))
def test_a_binary_price_is_the_decimal_it_stands_for(pence: int) -> None:
    binary = float(Decimal(pence).scaleb(-2))
    text = as_text(binary)
    assert text is not None
    assert Amount.model_validate(COLUMN).convert(text, LONDON) == pence


@pytest.mark.parametrize(
    ("options", "text", "reason"),
    [
        ({}, "0.001", "is finer than the minor unit of GBP"),
        ({}, f"1.{'0' * 29}1", "is finer"),
        ({}, "-1.00", "is negative"),
        ({}, "90071992547409.92", "is larger than the engine's limit"),
        ({}, "1e99", "is larger than the engine's limit"),
        ({}, "1_000", "is not a decimal number"),
        ({}, "1,50", "is not a decimal number"),
        ({}, "£1.50", "is not a decimal number"),
        ({}, "１.50", "is not a decimal number"),
        ({}, "nan", "is not a decimal number"),
        ({}, "", "is not a decimal number"),
        ({"negate": True}, "1.00", "is negative"),
        ({"decimal": ","}, "1.234,50", "holds a point where only a decimal comma is expected"),
    ],
)
def test_an_amount_that_is_none_is_refused(
    options: dict[str, object], text: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Amount.model_validate(COLUMN | options).convert(text, LONDON)


def test_signs_and_commas_can_be_turned() -> None:
    source = Amount.model_validate(COLUMN | {"negate": True, "decimal": ","})
    assert source.convert("-12,50", LONDON) == 1250


@pytest.mark.parametrize(
    ("text", "whole", "result"),
    [("17850.0", True, "17850"), ("17850.0", False, "17850.0"), ("C536379", False, "C536379")],
)
def test_a_reference_written_as_a_number_loses_its_fraction(
    text: str, whole: bool, result: str
) -> None:
    assert Text.model_validate(COLUMN | {"whole": whole}).convert(text, LONDON) == result


@pytest.mark.parametrize(
    ("source", "text", "reason"),
    [
        (Text(column="c", whole=True), "17850.5", "is not a whole number"),
        (Text(column="c", whole=True), "C1", "is not a decimal number"),
        (Text(column="c"), "x" * 65, "is longer than 64 characters"),
        (Title(column="c"), "x" * 301, "is longer than 300 characters"),
        (Text(column="c"), "a\0b", "holds a NUL character"),
        (Quantity(column="c"), "0", "is not a number of units between 1 and 2147483647"),
        (Quantity(column="c"), "-1", "is not a number of units"),
        (Quantity(column="c"), "2147483648", "is not a number of units"),
        (Quantity(column="c"), "1.5", "is not a whole number"),
        (Quantity(column="c", negate=True), "6", "is not a number of units"),
        (Flag(column="c"), "perhaps", "is none of true, 1, yes, y, false, 0, no, n"),
        (Moment(column="c"), "9/12/2011", "is not a time written as ISO 8601"),
        (Moment(column="c"), "2011-02-30", "is not a time written as ISO 8601"),
        (Moment(column="c"), "0001-01-01T00:00:00+14:00", "is not a time"),
        (Moment(column="c", format="%d.%m.%Y"), "2011-12-09", "is not a time written as %d.%m.%Y"),
    ],
)
def test_a_value_that_is_none_is_refused(source: Source, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        source.convert(text, LONDON)


@pytest.mark.parametrize(
    ("options", "text", "moment"),
    [
        ({}, "2011-12-09T12:50:00", datetime(2011, 12, 9, 12, 50, tzinfo=UTC)),
        ({}, "2011-07-01 12:50", datetime(2011, 7, 1, 11, 50, tzinfo=UTC)),
        ({}, "2011-07-01T12:50:00+08:00", datetime(2011, 7, 1, 4, 50, tzinfo=UTC)),
        ({}, "2011-07-01T12:50:00Z", datetime(2011, 7, 1, 12, 50, tzinfo=UTC)),
        ({}, "2011-07-01", datetime(2011, 6, 30, 23, 0, tzinfo=UTC)),
        # The clock is set back at two: half past one comes twice, and the first one counts.
        ({}, "2011-10-30 01:30", datetime(2011, 10, 30, 0, 30, tzinfo=UTC)),
        (
            {"format": "%d/%m/%Y %H:%M"},
            "01/07/2011 12:50",
            datetime(2011, 7, 1, 11, 50, tzinfo=UTC),
        ),
    ],
)
def test_times_without_an_offset_are_of_the_mappings_zone(
    options: dict[str, str], text: str, moment: datetime
) -> None:
    assert Moment.model_validate(COLUMN | options).convert(text, LONDON) == moment


@pytest.mark.parametrize(("text", "flag"), [("Yes", True), ("1", True), ("NO", False)])
def test_flags_are_words(text: str, flag: bool) -> None:
    assert Flag.model_validate(COLUMN).convert(text, LONDON) is flag


def test_the_words_of_a_flag_can_be_chosen() -> None:
    flag = Flag.model_validate(COLUMN | {"yes": ["verschickt"], "no": ["offen"]})
    assert (flag.convert("Verschickt", LONDON), flag.convert("offen", LONDON)) == (True, False)
