"""Values the built-in scalars cannot hold."""

from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from refund_gql.money import MAX_MINOR_UNITS

MinorUnits = NewType("MinorUnits", int)
"""An amount in minor units; wider than GraphQL's 32-bit Int."""

JSON = NewType("JSON", object)
"""Any JSON value."""


def _parse_minor_units(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_MINOR_UNITS:
        raise GraphQLError("MinorUnits is an integer between -(2^53-1) and 2^53-1")
    return value


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
        JSON: strawberry.scalar(
            name="JSON",
            description="Any JSON value.",
            serialize=lambda value: value,
            parse_value=lambda value: value,
        ),
    },
)
