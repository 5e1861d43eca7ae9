"""Goods on their way back, and what was found when they arrived."""

from datetime import datetime
from typing import ClassVar

import orjson
import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Disposition, ReturnStatus, Verdict
from refund_gql.graphql.rows import Row
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, children, column, enum, reference
from refund_gql.graphql.types.following import ReturnPickup
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.reason import ReasonTag
from refund_gql.graphql.types.tracking import TrackingCheckpoint, tracking
from refund_gql.outbox.kinds import LOCALES


@strawberry.type(description="So many units of an inspected line, and what was found of them.")
class InspectionOutcome(Node):
    table: ClassVar[str] = "inspection_outcome"

    verdict: Verdict = enum("verdict", Verdict, "What was found.")
    quantity: int = column("quantity", "Units.")
    disposition: Disposition | None = enum(
        "disposition", Disposition, "What becomes of them; null: they are not here."
    )
    reason: ReasonTag | None = reference(
        "reason_id", "ReasonTag", "Why less or nothing is granted."
    )
    arrived_instead: str = column("arrived", "With WRONG_ITEM: what came in its place.")
    note: str = column("note", "In the inspector's words.")

    @strawberry.field(description="What is granted for these units.")
    async def amount(self, info: Info) -> Money:
        inspection = await info.context.rows.one("inspection", self.row["inspection_id"])
        assert inspection is not None, "an outcome is visible only with its inspection"
        return await _money(info, inspection, self.row["amount"])


@strawberry.type(description="What the warehouse found for one refund line.")
class Inspection(Node):
    table: ClassVar[str] = "inspection"

    verdict: Verdict = enum(
        "verdict", Verdict, "The hardest on any unit that came; of none, why there is none."
    )
    received_quantity: int = column("received_quantity", "Units of ours that arrived.")
    note: str = column("note", "In the inspector's words.")
    inspected_at: datetime = column("inspected_at", "UTC.")
    outcomes: list[InspectionOutcome] = children(
        "inspection_id", "InspectionOutcome", "Unit by unit; together the line.", order="position"
    )

    @strawberry.field(description="What is granted for the line.")
    async def amount(self, info: Info) -> Money:
        return await _money(info, self.row, self.row["amount"])


async def _money(info: Info, inspection: Row, amount: int) -> Money:
    line = await info.context.rows.one("refund_line", inspection["refund_line_id"])
    refund = await info.context.rows.one("refund", line["refund_id"]) if line else None
    assert refund is not None, "an inspection is visible only with its refund"
    return Money(amount=MinorUnits(amount), currency=refund["currency"])


@strawberry.type(description="One thing that goods must be when they come back.")
class ReturnRequirement:
    code: str = strawberry.field(description="Stable, for programs.")
    text: str = strawberry.field(description="What people read.")


@strawberry.type(description="How long returns took, from their beginning to the money.")
class RefundExpectation:
    cases: int = strawberry.field(
        description="Returns of 90 days; 0: too few, and the engine's default counts."
    )
    median_hours: int = strawberry.field(description="Half of them took no longer.")
    p80_hours: int = strawberry.field(description="Four of five took no longer.", name="p80Hours")


@strawberry.type(description="The goods of a refund on their way back.")
class Return(Node):
    table: ClassVar[str] = "goods_return"

    status: ReturnStatus = enum("status", ReturnStatus, "Where the goods stand.")
    address: str = column("address", "Where to send them.")
    expected_refund_at: datetime | None = column(
        "expected_refund_at",
        "By when four of five had their money, as foreseen at the beginning; UTC.",
    )
    courier: str = column("courier", "Who carries them; empty: not yet handed over.")
    tracking_number: str = column("tracking_number", "The courier's number.")
    tracking: list[TrackingCheckpoint] = tracking()
    opened_at: datetime = column("opened_at", "UTC.")
    shipped_at: datetime | None = column("shipped_at", "UTC.")
    received_at: datetime | None = column("received_at", "UTC.")
    inspections: list[Inspection] = children(
        "goods_return_id", "Inspection", "One for each refund line.", order="id"
    )

    @strawberry.field(description="What they must look like, in words; `locale`: zh or en.")
    def requirements(self, info: Info, locale: str | None = None) -> str:
        texts: dict[str, str] = orjson.loads(self.row["requirements"])
        return texts.get(locale or info.context.locale) or next(iter(texts.values()), "")

    @strawberry.field(description="The same point by point; `locale`: zh or en.")
    def checklist(self, info: Info, locale: str | None = None) -> list[ReturnRequirement]:
        points: list[dict[str, str]] = orjson.loads(self.row["checklist"])
        language = locale if locale in LOCALES else info.context.locale
        return [ReturnRequirement(code=each["code"], text=each[language]) for each in points]

    @strawberry.field(description="The figures behind `expectedRefundAt`.")
    def expected_refund_basis(self) -> RefundExpectation | None:
        basis = orjson.loads(self.row["expected_basis"])
        return RefundExpectation(**basis) if basis else None

    @strawberry.field(description="The courier that fetches them, newest pickup; null: none asked.")
    async def pickup(self, info: Info) -> ReturnPickup | None:
        rows = await info.context.rows.many(
            "return_pickup", "goods_return_id", self.row["id"], "wanted_at desc, id desc"
        )
        return ReturnPickup(row=rows[0]) if rows else None
