"""Where a field's value comes from, and how it is read.

A source is a column of the file or a constant. Values are read as text and converted exactly: a
binary number of a Parquet file counts as the shortest decimal text that stands for it, so 2.55
is 2.55 and no calculation ever sees the float.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, model_validator

from refund_gql.money import from_decimal
from refund_gql.validation import FIRST_MOMENT, LAST_MOMENT

_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")
_INT4 = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Locale:
    """What a mapping says once for all its columns."""

    currency: str
    """ISO 4217 code of every amount."""
    zone: ZoneInfo
    """For times that name no offset of their own."""


def as_text(value: object) -> str | None:
    """The value of a cell as stripped text; None when the cell is empty."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value)
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
    return str(value).strip() or None


class Source(BaseModel, ABC):
    """A column of the file, or a constant; `default` stands in for empty cells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str | None = None
    constant: str | int | float | None = None
    default: str | int | float | None = None

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_origin(self) -> "Source":
        if (self.column is None) == (self.constant is None):
            raise ValueError("name a column, or else a constant")
        return self

    @abstractmethod
    def convert(self, text: str, locale: Locale) -> Any:
        """The field's value. Raises ValueError with the reason why it cannot be had."""

    def check(self, locale: Locale) -> None:
        """Raises ValueError when the constant or the default is no value of this field."""
        for text in (as_text(self.constant), as_text(self.default)):
            if text is not None:
                self.convert(text, locale)


class Text(Source):
    """A short text; with `whole`, a number that another program wrote as 17850.0 is 17850."""

    limit: ClassVar[int] = 64
    whole: bool = False

    def convert(self, text: str, locale: Locale) -> str:
        if "\0" in text:
            raise ValueError("holds a NUL character or half of a character")
        text = str(whole_number(text)) if self.whole else text
        if len(text) > self.limit:
            raise ValueError(f"is longer than {self.limit} characters")
        return text


class Name(Text):
    """A person's name."""

    limit = 200


class Title(Text):
    """A title of a product."""

    limit = 300


class Email(Text):
    """An e-mail address."""

    limit = 320


class Quantity(Source):
    """A number of units, at least 1; `negate` turns the sign of a file that counts downwards."""

    negate: bool = False

    def convert(self, text: str, locale: Locale) -> int:
        number = whole_number(text)
        number = -number if self.negate else number
        if not 0 < number <= _INT4:
            raise ValueError(f"is not a number of units between 1 and {_INT4}")
        return number


class Amount(Source):
    """Money in major units, as in 19.90; becomes minor units, at least 0."""

    negate: bool = False
    decimal: Literal[".", ","] = "."
    """What the file writes before the cents; thousands are never separated."""

    def convert(self, text: str, locale: Locale) -> int:
        if self.decimal == "," and "." in text:
            raise ValueError("holds a point where only a decimal comma is expected")
        number = plain_decimal(text.replace(self.decimal, "."))
        try:
            minor = from_decimal(number, locale.currency)
        except ValueError as error:
            # A rejection names the text it found by itself.
            raise ValueError(str(error).removeprefix(f"{number!r} ")) from error
        minor = -minor if self.negate else minor
        if minor < 0:
            raise ValueError("is negative")
        return minor


class Moment(Source):
    """A point in time: ISO 8601, or `format` in the directives of strptime."""

    format: str | None = None

    def convert(self, text: str, locale: Locale) -> datetime:
        try:
            if self.format:
                # The zone follows below, for this way and for the other.
                moment = datetime.strptime(text, self.format)
            else:
                moment = datetime.fromisoformat(text)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=locale.zone)
            moment = aware.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            expected = self.format or "ISO 8601, as in 2011-12-09T12:50:00"
            raise ValueError(f"is not a time written as {expected}") from error
        if not FIRST_MOMENT <= moment <= LAST_MOMENT:
            raise ValueError(f"is not between {FIRST_MOMENT:%Y} and {LAST_MOMENT:%Y}")
        return moment


class Flag(Source):
    """Yes or no; an empty cell is a no."""

    yes: tuple[str, ...] = ("true", "1", "yes", "y")
    no: tuple[str, ...] = ("false", "0", "no", "n")

    def convert(self, text: str, locale: Locale) -> bool:
        word = text.casefold()
        if word in (each.casefold() for each in self.yes):
            return True
        if word in (each.casefold() for each in self.no):
            return False
        raise ValueError(f"is none of {', '.join(self.yes + self.no)}")


def plain_decimal(text: str) -> str:
    """The text itself. Raises ValueError unless it is a decimal number in ASCII digits."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("is not a decimal number")
    return text


def whole_number(text: str) -> int:
    """The integer that the text stands for. Raises ValueError when it is none."""
    number = Decimal(plain_decimal(text))
    if number != int(number):
        raise ValueError("is not a whole number")
    return int(number)
