"""The mapping: how the columns of a shop's file become orders or refunds. `docs/importing.md`
teaches the language; this module is its grammar.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from refund_gql.importing.condition import Skip
from refund_gql.importing.failure import BrokenMapping
from refund_gql.importing.source import (
    Amount,
    Email,
    Flag,
    Locale,
    Moment,
    Name,
    Quantity,
    Source,
    Text,
    Title,
)
from refund_gql.money import EXPONENTS

Sent = Literal["UNSHIPPED", "SHIPPED", "DELIVERED"]
"""How far a whole order of the past has come."""


class Fields(BaseModel):
    """Field of the engine -> where the file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: Text
    """The order's or the refund's number; rows with the same number belong together."""
    sku: Text
    title: Title | None = None
    quantity: Quantity
    customer: Text | None = None
    """The shop's own reference of the customer."""
    customer_name: Name | None = None
    customer_email: Email | None = None
    shipping: Amount | None = None
    """Shipping of the whole order or refund: the same on each of its rows, or empty."""

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Name and source of every field that the mapping fills."""
        for name in type(self).model_fields:
            if (source := getattr(self, name)) is not None:
                yield name, source

    def required(self, name: str) -> bool:
        """Whether an empty cell of this field rejects its row."""
        return type(self).model_fields[name].is_required()

    @model_validator(mode="after")
    def _customers_have_a_reference(self) -> "Fields":
        if self.customer is None and (self.customer_name or self.customer_email):
            raise ValueError("customer_name and customer_email need `customer`, the reference")
        return self


class OrderFields(Fields):
    """What an order line is made of."""

    placed_at: Moment
    unit_price: Amount
    discount: Amount | None = None
    """Taken off the whole line, not off each unit."""
    shipped: Flag | None = None
    delivered: Flag | None = None
    shipped_at: Moment | None = None
    delivered_at: Moment | None = None
    courier: Text | None = None
    tracking_number: Text | None = None

    def without_fulfilment(self) -> "OrderFields":
        """The same fields, blind to what the file says about parcels."""
        names = ("shipped", "delivered", "shipped_at", "delivered_at", "courier", "tracking_number")
        return self.model_copy(update=dict.fromkeys(names))


class RefundFields(Fields):
    """What a refund line is made of."""

    refunded_at: Moment
    unit_price: Amount | None = None
    amount: Amount | None = None
    """What was paid back for the whole line, where the file has no price of a unit."""
    order_number: Text | None = None
    """The order the line belongs to, where the file knows it."""

    def required(self, name: str) -> bool:
        """As ever; and no refund is of nothing because its amount was left out."""
        return name in {"unit_price", "amount"} or super().required(name)

    @model_validator(mode="after")
    def _one_amount(self) -> "RefundFields":
        if (self.unit_price is None) == (self.amount is None):
            raise ValueError("give `unit_price`, or else `amount`")
        return self


class Mapping(BaseModel):
    """What orders and refunds have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    currency: str
    time_zone: str
    separator: Literal[",", ";", "|", "\t"] = ","
    """Between the columns of a CSV file."""
    bad_row_rejects: Literal["row", "whole"] = "whole"
    """What falls with a row that cannot be read: itself, or its whole order or refund."""
    skip: tuple[Skip, ...] = ()
    fields: Fields

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, code: str) -> str:
        if code not in EXPONENTS:
            raise ValueError(f"{code!r} is not an ISO 4217 currency")
        return code

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f"{name!r} is not a time zone, as in Europe/London") from error
        return name

    @model_validator(mode="after")
    def _constants_are_values(self) -> "Mapping":
        for name, source in self.fields.sources():
            try:
                source.check(self.locale)
            except ValueError as error:
                raise ValueError(f"fields.{name}: the constant or default {error}") from error
        return self

    @property
    def locale(self) -> Locale:
        """Currency and time zone, as the sources need them."""
        return Locale(currency=self.currency, zone=ZoneInfo(self.time_zone))

    def columns(self) -> dict[str, str]:
        """Column of the file -> the first place in the mapping that names it."""
        places: dict[str, str] = {}
        for name, source in self.fields.sources():
            if source.column is not None:
                places.setdefault(source.column, f"fields.{name}")
        for rule in self.skip:
            for column in sorted(rule.columns()):
                places.setdefault(column, f"skip rule {rule.name!r}")
        return places

    def sha256(self, *more: object) -> str:
        """A digest of everything the mapping says, and of `more` that the result depends on."""
        content = [self.model_dump(mode="json", by_alias=True), *more]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class OrderMapping(Mapping):
    """`kind = "orders"`: one row of the file is one order line."""

    kind: Literal["orders"]
    gateway: str = Field(default="sandbox", min_length=1, max_length=64)
    """The provider on which the orders were paid."""
    fulfilment: Sent | None = None
    """How far every order has come, where the file does not say; unshipped by default."""
    fields: OrderFields

    @model_validator(mode="after")
    def _one_fulfilment(self) -> "OrderMapping":
        said = self.fields != self.fields.without_fulfilment()
        if said and self.fulfilment is not None:
            raise ValueError("`fulfilment` is for files without columns about parcels")
        return self

    def with_fulfilment(self, fulfilment: Sent) -> "OrderMapping":
        """The same mapping for orders that have all come this far."""
        fields = self.fields.without_fulfilment()
        return self.model_copy(update={"fulfilment": fulfilment, "fields": fields})


class RefundMapping(Mapping):
    """`kind = "refunds"`: one row of the file is one line of a finished refund."""

    kind: Literal["refunds"]
    fields: RefundFields


M = TypeVar("M", bound=Mapping)


def load(name: str, kind: type[M]) -> M:
    """Read a mapping: the path of a TOML file, or the bare name of one that ships with us.

    Raises BrokenMapping.
    """
    text = _read(name)
    try:
        return kind.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BrokenMapping(f"{name}: this is not TOML: {error}") from error
    except ValidationError as error:
        raise BrokenMapping(f"{name}: {'; '.join(_complaints(error))}") from error


def shipped() -> list[str]:
    """The names of the mappings that ship with the package."""
    return sorted(path.name.removesuffix(".toml") for path in _shipped() if _is_toml(path.name))


def _shipped() -> Iterable[Any]:
    return (files("refund_gql.importing") / "mappings").iterdir()


def _is_toml(name: str) -> bool:
    return name.endswith(".toml")


def _read(name: str) -> str:
    for resource in _shipped():
        if resource.name == f"{name}.toml":
            return str(resource.read_text(encoding="utf-8"))
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(shipped())
        raise BrokenMapping(
            f"{name}: cannot be read ({error.strerror}); give the path of a TOML file, or one of "
            f"{known}"
        ) from error
    except UnicodeDecodeError as error:
        raise BrokenMapping(f"{name}: byte {error.start + 1} is not UTF-8; save it anew") from error


def _complaints(error: ValidationError) -> Iterator[str]:
    problems = error.errors()
    # Of a mapping of the other kind, everything else is wrong too.
    for problem in [each for each in problems if each["loc"] == ("kind",)] or problems:
        place = ".".join(str(part) for part in problem["loc"]) or "the mapping"
        yield f"{place}: {problem['msg'].removeprefix('Value error, ')}"
