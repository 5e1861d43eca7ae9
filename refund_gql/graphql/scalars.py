"""Values the built-in scalars cannot hold, or would hold without a limit."""

from datetime import UTC, date, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from refund_gql.money import MAX_MINOR_UNITS
from refund_gql.validation import FIRST_MOMENT, LAST_MOMENT

MinorUnits = NewType("MinorUnits", int)
"""An amount in minor units; wider than GraphQL's 32-bit Int."""

JSON = NewType("JSON", object)
"""Any JSON value."""


def _parse_minor_units(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_MINOR_UNITS:
        raise GraphQLError("MinorUnits is an integer between -(2^53-1) and 2^53-1")
    return value


def _parse_moment(value: Any) -> datetime:
    """A time without a zone is meant as UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError("DateTime is an ISO 8601 text such as 2026-01-31T08:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise GraphQLError(f"DateTime is from {FIRST_MOMENT:%Y} to {LAST_MOMENT:%Y}")
    return moment.astimezone(UTC)


def _parse_day(value: Any) -> date:
    """A day of a calendar."""
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError("Date is an ISO 8601 text such as 2026-01-31") from None
    if not FIRST_MOMENT.date() <= day <= LAST_MOMENT.date():
        raise GraphQLError(f"Date is from {FIRST_MOMENT:%Y} to {LAST_MOMENT:%Y}")
    return day


CONFIG = StrawberryConfig(
    disable_field_suggestions=True,
    scalar_map={
        MinorUnits: strawberry.scalar(
            name="MinorUnits",
            description="An amount in the currency's minor units (8900 CNY is 89.00 yuan): "
            "an integer of at most 2^53 - 1, so that every JSON reader keeps it exactly.",
            serialize=int,
            parse_value=_parse_minor_units,
        ),
        datetime: strawberry.scalar(
            name="DateTime",
            description="A point in time in ISO 8601, from 1970 to 2999; without a zone it is UTC.",
            serialize=datetime.isoformat,
            parse_value=_parse_moment,
        ),
        date: strawberry.scalar(
            name="Date",
            description="A day in ISO 8601, such as 2026-01-31; from 1970 to 2999.",
            serialize=date.isoformat,
            parse_value=_parse_day,
        ),
        JSON: strawberry.scalar(
            name="JSON",
            description="Any JSON value.",
            serialize=lambda value: value,
            parse_value=lambda value: value,
        ),
    },
)
