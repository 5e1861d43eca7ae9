"""Reading what the shop's refunds say."""

from datetime import date
from typing import Annotated

import strawberry

from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.problems import InvalidInput, NotInstalled
from refund_gql.graphql.types.forecast import CampaignDay, Forecast
from refund_gql.insight import outlook, seasons

ForecastResult = Annotated[
    Forecast | InvalidInput | NotInstalled,
    strawberry.union("ForecastResult", description="The forecast, or why not."),
]


@strawberry.type(description="Campaign days, in order.")
class CampaignCalendar:
    days: list[CampaignDay] = strawberry.field(description="Usual ones and the shop's own.")


CampaignCalendarResult = Annotated[
    CampaignCalendar | InvalidInput,
    strawberry.union("CampaignCalendarResult", description="The days, or why not."),
]


@strawberry.type
class InsightQueries:
    @strawberry.field(
        description="How many refunds today and the next days will bring: `days` is 7 to 28."
    )
    async def forecast(self, info: Info, days: int = 14) -> ForecastResult:
        try:
            found = await outlook.outlook(info.context.known_viewer, days)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return Forecast(outlook=found)

    @strawberry.field(
        description="The campaigns from one day to another, both included, at most 800 days apart."
    )
    async def campaigns(
        self,
        info: Info,
        from_: Annotated[date, strawberry.argument(name="from")],
        until: date,
    ) -> CampaignCalendarResult:
        try:
            found = await seasons.calendar(info.context.known_viewer.shop_id, from_, until)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return CampaignCalendar(days=[CampaignDay(entry=entry) for entry in found])
