"""The shop's own calendar of campaigns."""

from datetime import date
from typing import Annotated

import strawberry

from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.problems import InvalidInput, NotAllowed, NotFound
from refund_gql.graphql.types.forecast import CampaignDay
from refund_gql.insight import seasons

CampaignDayResult = Annotated[
    CampaignDay | InvalidInput | NotAllowed,
    strawberry.union("CampaignDayResult", description="The day, or why not."),
]


@strawberry.type(description="The day is no longer in the calendar.")
class CampaignRemoved:
    code: str = strawberry.field(description="Which campaign.")
    on: date = strawberry.field(description="The day.")


CampaignRemoveResult = Annotated[
    CampaignRemoved | InvalidInput | NotAllowed | NotFound,
    strawberry.union("CampaignRemoveResult", description="What was removed, or why not."),
]


@strawberry.input(description="A name in one language.")
class CampaignNameInput:
    locale: str = strawberry.field(description="zh or en.")
    name: str = strawberry.field(description="At most 100 characters.")


@strawberry.input(description="A day on which the shop sells far more than usual.")
class CampaignDayInput:
    code: str = strawberry.field(description="The same every year; at most 64 characters.")
    on: date = strawberry.field(description="The day, past or to come.")
    names: list[CampaignNameInput] = strawberry.field(description="One or both languages.")


@strawberry.type
class InsightMutations:
    @strawberry.mutation(description="Put a day into the calendar, or name one anew.")
    async def campaign_set(self, info: Info, input: CampaignDayInput) -> CampaignDayResult:
        names = {name.locale: name.name for name in input.names}
        try:
            entry = await seasons.enter(info.context.known_viewer, input.code, input.on, names)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return CampaignDay(entry=entry)

    @strawberry.mutation(
        description="Take a day out of the calendar; a usual one, such as 11.11, too."
    )
    async def campaign_remove(self, info: Info, code: str, on: date) -> CampaignRemoveResult:
        try:
            await seasons.take_out(info.context.known_viewer, code, on)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return CampaignRemoved(code=code, on=on)
