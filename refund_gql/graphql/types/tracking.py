"""Where a parcel was, as its courier told it."""

from datetime import datetime
from typing import Any, ClassVar

import strawberry

from refund_gql.graphql.enums import TrackingTag
from refund_gql.graphql.scalars import JSON
from refund_gql.graphql.sources import Node, children, column, enum, json


@strawberry.type(description="One line of a parcel's history, in the courier's own words.")
class TrackingCheckpoint(Node):
    table: ClassVar[str] = "tracking_checkpoint"

    courier: str = column("courier", "The courier plugin that told it.")
    at: datetime = column("at", "UTC.")
    tag: TrackingTag | None = enum("tag", TrackingTag, "Null: a code nobody knows.")
    code: str = column("code", "The courier's own code.")
    text: str = column("text", "The courier's own words.")
    place: str = column("place", "Where it was.")
    flags: JSON = json("flags", "RETURNING, RETURNED_TO_SENDER, REFUSED, CUSTOMS.")
    received_at: datetime = column("received_at", "UTC; when we heard of it.")


def tracking() -> Any:
    """The field of a parcel that lists its history."""
    return children(
        "tracking_number",
        "TrackingCheckpoint",
        "Where it was, newest first; empty until its courier tells.",
        order="at desc, id desc",
        key="tracking_number",
    )
