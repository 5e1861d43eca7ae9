"""Setting deadlines and opening hours."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated

import strawberry

from refund_gql.calendars import MIDNIGHT, Hours
from refund_gql.errors import InvalidInput as InvalidInputRefusal
from refund_gql.errors import Refusal
from refund_gql.flow import business_hours, deadline_policies
from refund_gql.flow.business_hours import Opening
from refund_gql.flow.deadline_policies import Terms
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import DeadlineAction, DeadlineStage, DeadlineUnit
from refund_gql.graphql.problems import InvalidInput, NotAllowed, StaleVersion
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types import calendar, clock
from refund_gql.graphql.types.calendar import BusinessCalendar
from refund_gql.graphql.types.clock import DeadlinePolicy

_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)

DeadlinePolicyUpdateResult = Annotated[
    DeadlinePolicy | InvalidInput | NotAllowed | StaleVersion,
    strawberry.union("DeadlinePolicyUpdateResult", description="The terms now, or why not."),
]
CalendarUpdateResult = Annotated[
    BusinessCalendar | InvalidInput | NotAllowed | StaleVersion,
    strawberry.union("CalendarUpdateResult", description="The calendar now, or why not."),
]


@strawberry.input(description="How long a stage may take, and what happens then.")
class DeadlinePolicyUpdateInput:
    stage: DeadlineStage = strawberry.field(description="What is waited for.")
    amount: int = strawberry.field(description="How many units.")
    unit: DeadlineUnit = strawberry.field(description="Of what.")
    business_hours_only: bool = strawberry.field(
        default=False, description="Count time only while the shop is open; not with DAYS."
    )
    warn_percent: int | None = strawberry.field(
        default=None, description="Warn when so many percent are gone, 1 to 99; null: never."
    )
    action: DeadlineAction = strawberry.field(
        description="APPROVE only for REVIEW; REMIND and CLOSE only where a customer is waited for."
    )
    approve_most: MinorUnits | None = strawberry.field(
        default=None,
        description="With APPROVE: minor units of the shop's currency; more goes to a person.",
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse when the terms have changed since this version."
    )

    def value(self) -> Terms:
        return Terms(
            stage=self.stage,
            amount=self.amount,
            unit=self.unit,
            business_hours_only=self.business_hours_only,
            warn_percent=self.warn_percent,
            action=self.action,
            approve_most=self.approve_most or 0,
        )


@strawberry.input(description="Open from one time up to another, by local clocks.")
class OpeningHoursInput:
    opens: str = strawberry.field(description="HH:MM, such as 09:00.")
    closes: str = strawberry.field(description="HH:MM; 24:00 is the end of the day.")

    def value(self, field: str) -> Hours:
        opens, closes = _minutes(field, self.opens), _minutes(field, self.closes)
        if opens >= closes:
            raise InvalidInputRefusal(
                field=field,
                found=f"{self.opens} to {self.closes}",
                expected="hours that close after they open; a night is two days' hours",
                zh="结束时间须晚于开始时间；跨夜时段请拆成两天",
            )
        return Hours(opens=opens, closes=closes)


@strawberry.input(description="The hours of one day of the week.")
class WeekdayHoursInput:
    weekday: int = strawberry.field(description="1 is Monday, 7 is Sunday.")
    hours: list[OpeningHoursInput] = strawberry.field(description="None: closed.")


@strawberry.input(description="A day that is not like its weekday.")
class SpecialDayInput:
    day: date = strawberry.field(description="Where the shop is.")
    hours: list[OpeningHoursInput] = strawberry.field(description="None: closed.")


@strawberry.input(description="The whole calendar; it replaces the one before.")
class CalendarUpdateInput:
    weekly: list[WeekdayHoursInput] = strawberry.field(
        description="A weekday that is left out is closed."
    )
    special_days: list[SpecialDayInput] = strawberry.field(
        default_factory=list, description="Holidays, and days on which the shop opens specially."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse when the calendar has changed since this version."
    )

    def value(self) -> Opening:
        weekdays = [one.weekday for one in self.weekly]
        days = [one.day for one in self.special_days]
        if not set(weekdays) <= set(range(1, 8)) or len(set(weekdays)) < len(weekdays):
            raise InvalidInputRefusal(
                field="weekly",
                found=", ".join(map(str, weekdays))[:40],
                expected="weekdays from 1 to 7, each at most once",
                zh="星期 1 到 7，每个最多一次",
            )
        if len(set(days)) < len(days):
            raise InvalidInputRefusal(
                field="specialDays",
                found="a day twice",
                expected="each day at most once",
                zh="每个日期最多一次",
            )
        return Opening(
            weekly={one.weekday: _hours("weekly", one.hours) for one in self.weekly},
            days={one.day: _hours("specialDays", one.hours) for one in self.special_days},
            expected_version=self.expected_version,
        )


def _hours(field: str, hours: Sequence[OpeningHoursInput]) -> tuple[Hours, ...]:
    return tuple(one.value(field) for one in hours)


def _minutes(field: str, text: str) -> int:
    """Minutes from the beginning of the day."""
    found = _TIME.fullmatch(text)
    minutes = int(found[1]) * 60 + int(found[2]) if found else MIDNIGHT + 1
    if minutes > MIDNIGHT:
        raise InvalidInputRefusal(
            field=field,
            found=text[:20],
            expected="HH:MM, 00:00 to 24:00",
            zh="HH:MM，00:00 到 24:00",
        )
    return minutes


@strawberry.type
class ClockMutations:
    @strawberry.mutation(
        description="Change how long a stage may take; clocks that run keep their terms."
    )
    async def deadline_policy_update(
        self, info: Info, input: DeadlinePolicyUpdateInput
    ) -> DeadlinePolicyUpdateResult:
        try:
            stage = await deadline_policies.update(
                info.context.known_viewer,
                input.value(),
                expected_version=input.expected_version,
            )
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        now = {policy.terms.stage: policy for policy in await clock.policies(info)}
        return now[stage]

    @strawberry.mutation(
        description="Replace the shop's opening hours; clocks that run keep their deadlines."
    )
    async def calendar_update(self, info: Info, input: CalendarUpdateInput) -> CalendarUpdateResult:
        try:
            await business_hours.update(info.context.known_viewer, input.value())
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return await calendar.of_viewer(info)
