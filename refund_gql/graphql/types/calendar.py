"""When the shop is open."""

from datetime import date

import strawberry

from refund_gql import calendars, clock
from refund_gql.calendars import MIDNIGHT, Calendar
from refund_gql.database import read
from refund_gql.flow import business_hours
from refund_gql.graphql.context import Info


@strawberry.type(description="Open from one time up to another, on one day, by local clocks.")
class OpeningHours:
    opens: str = strawberry.field(description="HH:MM, such as 09:00.")
    closes: str = strawberry.field(description="HH:MM; 24:00 is the end of the day.")


@strawberry.type(description="The hours of one day of the week.")
class WeekdayHours:
    weekday: int = strawberry.field(description="1 is Monday, 7 is Sunday.")
    hours: list[OpeningHours] = strawberry.field(description="In order; none: closed.")


@strawberry.type(description="A day that is not like its weekday.")
class SpecialDay:
    day: date = strawberry.field(description="Where the shop is.")
    hours: list[OpeningHours] = strawberry.field(description="In order; none: closed.")


@strawberry.type(description="When the shop is open.")
class BusinessCalendar:
    calendar: strawberry.Private[Calendar]
    version: int = strawberry.field(
        description="Grows with every change; 0: the usual hours of the shop's market."
    )

    @strawberry.field(description="IANA name; of the shop.")
    def time_zone(self) -> str:
        return self.calendar.zone.key

    @strawberry.field(description="Monday to Sunday.")
    def weekly(self) -> list[WeekdayHours]:
        weekly = self.calendar.weekly
        return [WeekdayHours(weekday=day, hours=_hours(weekly.get(day, ()))) for day in range(1, 8)]

    @strawberry.field(description="Days that are different, in order.")
    def special_days(self) -> list[SpecialDay]:
        days = self.calendar.days
        return [SpecialDay(day=day, hours=_hours(days[day])) for day in sorted(days)]

    @strawberry.field(description="Whether the shop is open now.")
    def open_now(self) -> bool:
        return self.calendar.is_open(clock.now())


def _hours(hours: calendars.OfDay) -> list[OpeningHours]:
    return [OpeningHours(opens=_time(one.opens), closes=_time(one.closes)) for one in sorted(hours)]


def _time(minutes: int) -> str:
    assert minutes <= MIDNIGHT, "hours end with their day"
    return f"{minutes // 60:02}:{minutes % 60:02}"


async def of_viewer(info: Info) -> BusinessCalendar:
    """The calendar of the viewer's shop, as it is now."""
    shop_id = info.context.known_viewer.shop_id
    shop = await info.context.rows.one("shop", shop_id)
    assert shop is not None, "a viewer sees their own shop"
    row = await read(lambda: business_hours.newest(None, shop_id))
    calendar = business_hours.in_force(shop["time_zone"], row)
    return BusinessCalendar(calendar=calendar, version=row.number if row else 0)
