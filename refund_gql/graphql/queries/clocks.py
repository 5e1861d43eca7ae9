"""Reading deadlines: the terms, the calendar, what was missed, and how often."""

from datetime import datetime
from typing import Annotated

import strawberry

from refund_gql.errors import Refusal
from refund_gql.flow import service_levels
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import DeadlineStage
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.problems import InvalidInput
from refund_gql.graphql.types import calendar, clock
from refund_gql.graphql.types.calendar import BusinessCalendar
from refund_gql.graphql.types.clock import Clock, DeadlinePolicy, SlaFigure
from refund_gql.graphql.types.connections import Connection

BREACHES = Listing(name="slaBreaches", kind="Clock", table="clock", moment="due_at")


@strawberry.type(description="The figures of every stage.")
class SlaFigures:
    stages: list[SlaFigure] = strawberry.field(description="Every stage once.")


SlaFiguresResult = Annotated[
    SlaFigures | InvalidInput,
    strawberry.union("SlaFiguresResult", description="The figures, or why not."),
]


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class SlaBreachFilter:
    stage: list[DeadlineStage] | None = strawberry.field(default=None, description="Any of these.")
    open: bool | None = strawberry.field(
        default=None, description="Whether the stage still goes on."
    )
    due_from: datetime | None = strawberry.field(
        default=None, description="The deadline was at this time or later."
    )
    due_before: datetime | None = strawberry.field(
        default=None, description="The deadline was before this time."
    )

    def apply(self, where: Where) -> None:
        """Add the conditions."""
        if self.stage is not None:
            where.add("stage = any({}::text[])", [stage.value for stage in self.stage])
        if self.open is not None:
            where.add(f"ended_at is {'' if self.open else 'not '}null")
        if self.due_from is not None:
            where.add("due_at >= {}", self.due_from)
        if self.due_before is not None:
            where.add("due_at < {}", self.due_before)


@strawberry.type
class ClockQueries:
    @strawberry.field(description="How long each stage may take now, and what happens then.")
    async def deadline_policies(self, info: Info) -> list[DeadlinePolicy]:
        return await clock.policies(info)

    @strawberry.field(description="When the shop is open.")
    async def calendar(self, info: Info) -> BusinessCalendar:
        return await calendar.of_viewer(info)

    @strawberry.field(description="Deadlines that were not kept, the latest first.")
    async def sla_breaches(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: SlaBreachFilter | None = None,
    ) -> Connection[Clock]:
        where = Where()
        where.see("clock", info.context.known_viewer)
        where.add("state = 'BREACHED'")
        (filter or SlaBreachFilter()).apply(where)
        return Connection(page=await BREACHES.page(where, first, after))

    @strawberry.field(
        description="How the clocks fared that were started in a span; `until` is not included, "
        "and at most 400 days after `from`."
    )
    async def sla_figures(
        self,
        info: Info,
        from_: Annotated[datetime, strawberry.argument(name="from")],
        until: datetime,
    ) -> SlaFiguresResult:
        try:
            found = await service_levels.figures(info.context.known_viewer, from_, until)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return SlaFigures(stages=[SlaFigure(figure=figure) for figure in found])
