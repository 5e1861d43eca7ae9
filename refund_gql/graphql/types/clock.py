"""Deadlines: the clocks of a refund, the terms they run on, and how often they are kept."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from refund_gql import clock, labels
from refund_gql.database import read
from refund_gql.flow import deadline_policies, service_levels
from refund_gql.flow.deadline_policies import Terms
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import ClockState, DeadlineAction, DeadlineStage, DeadlineUnit
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, column, enum, reference
from refund_gql.graphql.types.money import Money

if TYPE_CHECKING:
    from refund_gql.graphql.types.refund import Refund

LazyRefund = Annotated["Refund", strawberry.lazy("refund_gql.graphql.types.refund")]


@strawberry.type(description="One stage of a refund against its deadline.")
class Clock(Node):
    table: ClassVar[str] = "clock"

    stage: DeadlineStage = enum("stage", DeadlineStage, "What is waited for.")
    state: ClockState = enum("state", ClockState, "Where it stands.")
    policy_version: int = column("policy", "The terms it runs on; 0: the engine's own.")
    started_at: datetime = column("started_at", "UTC.")
    due_at: datetime = column("due_at", "The deadline; UTC. While PAUSED: as it was before.")
    warn_at: datetime | None = column("warn_at", "When it warns; UTC; null: it does not.")
    warned_at: datetime | None = column("warned_at", "When it warned; UTC.")
    paused_at: datetime | None = column("paused_at", "Since when it is paused; UTC.")
    ended_at: datetime | None = column("ended_at", "When the stage was over; UTC; null: it is not.")
    refund: LazyRefund | None = reference("refund_id", "Refund", "Of which refund.")

    @strawberry.field(description="What is waited for, in words.")
    def stage_text(self, info: Info) -> str:
        return labels.DEADLINE_STAGES[DeadlineStage(self.row["stage"])][info.context.locale]

    @strawberry.field(description="Seconds until dueAt, or left when the pause is over; 0: passed.")
    def remaining_seconds(self) -> int | None:
        if self.row["ended_at"] is not None:
            return None
        if self.row["left_seconds"] is not None:
            return int(self.row["left_seconds"])
        return max(int((self.row["due_at"] - clock.now()).total_seconds()), 0)

    @strawberry.field(description="When the deadline passed unkept; UTC; null: it did not.")
    def breached_at(self) -> datetime | None:
        breached = self.row["state"] == ClockState.BREACHED
        return self.row["due_at"].astimezone(UTC) if breached else None

    @strawberry.field(description="What happens at its end.")
    async def action(self, info: Info) -> DeadlineAction:
        stage, number = DeadlineStage(self.row["stage"]), self.row["policy"]
        rows = await info.context.rows.many(
            "deadline_policy", "shop_id", self.row["shop_id"], "number"
        )
        own = {(row["stage"], row["number"]): row["action"] for row in rows}
        return DeadlineAction(own.get((stage, number), deadline_policies.OWN[stage].action))


@strawberry.type(description="How long a stage may take in this shop, and what happens then.")
class DeadlinePolicy:
    terms: strawberry.Private[Terms]
    currency: strawberry.Private[str]

    @strawberry.field(description="What is waited for.")
    def stage(self) -> DeadlineStage:
        return self.terms.stage

    @strawberry.field(description="What is waited for, in words.")
    def stage_text(self, info: Info) -> str:
        return labels.DEADLINE_STAGES[self.terms.stage][info.context.locale]

    @strawberry.field(description="From 1; 0: the engine's own terms.")
    def version(self) -> int:
        return self.terms.number

    @strawberry.field(description="How many units.")
    def amount(self) -> int:
        return self.terms.amount

    @strawberry.field(description="Of what.")
    def unit(self) -> DeadlineUnit:
        return self.terms.unit

    @strawberry.field(description="Time counts only while the shop is open.")
    def business_hours_only(self) -> bool:
        return self.terms.business_hours_only

    @strawberry.field(description="A warning when so many percent are gone; null: no warning.")
    def warn_percent(self) -> int | None:
        return self.terms.warn_percent

    @strawberry.field(description="What happens at the end.")
    def action(self) -> DeadlineAction:
        return self.terms.action

    @strawberry.field(description="APPROVE: at most so much; null with every other action.")
    def approve_most(self) -> Money | None:
        if self.terms.action is not DeadlineAction.APPROVE:
            return None
        return Money(amount=MinorUnits(self.terms.approve_most), currency=self.currency)


@strawberry.type(description="How often the deadline of a stage was kept.")
class SlaFigure:
    figure: strawberry.Private[service_levels.Figure]

    @strawberry.field(description="What was waited for.")
    def stage(self) -> DeadlineStage:
        return self.figure.stage

    @strawberry.field(description="Deadlines that were kept.")
    def met(self) -> int:
        return self.figure.met

    @strawberry.field(description="Deadlines that were not.")
    def breached(self) -> int:
        return self.figure.breached

    @strawberry.field(description="met of met and breached, 0 to 1; null without any.")
    def share(self) -> float | None:
        return self.figure.share

    @strawberry.field(
        description="How long the stage took, pauses left out, by the wall clock; null without any."
    )
    def median_seconds(self) -> int | None:
        return self.figure.median_seconds


async def policies(info: Info) -> list[DeadlinePolicy]:
    """What holds in the viewer's shop now, for every stage."""
    shop_id = info.context.known_viewer.shop_id
    shop = await info.context.rows.one("shop", shop_id)
    assert shop is not None, "a viewer sees their own shop"
    current = await read(lambda: deadline_policies.current(None, shop_id))
    return [
        DeadlinePolicy(terms=current[stage], currency=shop["currency"]) for stage in DeadlineStage
    ]
