"""Goods on their way back, and what was found when they arrived."""

from datetime import datetime
from typing import ClassVar

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import ReturnStatus, Verdict
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, children, column, enum, localized
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.tracking import TrackingCheckpoint, tracking


@strawberry.type(description="What the warehouse found for one refund line.")
class Inspection(Node):
    table: ClassVar[str] = "inspection"

    verdict: Verdict = enum("verdict", Verdict, "What was found.")
    received_quantity: int = column("received_quantity", "Units that arrived.")
    note: str = column("note", "In the inspector's words.")
    inspected_at: datetime = column("inspected_at", "UTC.")

    @strawberry.field(description="What is granted for the line.")
    async def amount(self, info: Info) -> Money:
        line = await info.context.rows.one("refund_line", self.row["refund_line_id"])
        refund = await info.context.rows.one("refund", line["refund_id"]) if line else None
        assert refund is not None, "an inspection is visible only with its refund"
        return Money(amount=MinorUnits(self.row["amount"]), currency=refund["currency"])


@strawberry.type(description="The goods of a refund on their way back.")
class Return(Node):
    table: ClassVar[str] = "goods_return"

    status: ReturnStatus = enum("status", ReturnStatus, "Where the goods stand.")
    address: str = column("address", "Where to send them.")
    requirements: str = localized("requirements", "What they must look like.")
    courier: str = column("courier", "Who carries them; empty: not yet handed over.")
    tracking_number: str = column("tracking_number", "The courier's number.")
    tracking: list[TrackingCheckpoint] = tracking()
    opened_at: datetime = column("opened_at", "UTC.")
    shipped_at: datetime | None = column("shipped_at", "UTC.")
    received_at: datetime | None = column("received_at", "UTC.")
    inspections: list[Inspection] = children(
        "goods_return_id", "Inspection", "One for each refund line.", order="id"
    )
