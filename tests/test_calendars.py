"""Open time: what is open, how much of it passes, and what changes of clocks do to it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refund_gql import calendars
from refund_gql.calendars import MIDNIGHT, Calendar, Hours

EXACT = settings(derandomize=True, database=None, deadline=None, max_examples=40)
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
NO_TIME = timedelta(0)


def hours(*spans: tuple[float, float]) -> tuple[Hours, ...]:
    """From clock hours, such as 9.5."""
    return tuple(Hours(opens=int(a * 60), closes=int(b * 60)) for a, b in spans)


def office(zone: str, **days: tuple[Hours, ...]) -> Calendar:
    """Nine to five from Monday to Friday; `days` as d20260331=hours."""
    return Calendar(
        zone=ZoneInfo(zone),
        weekly=dict.fromkeys(range(1, 6), hours((9, 17))),
        days={date.fromisoformat(name[1:]): of for name, of in days.items()},
    )


def at(text: str, zone: str = "Asia/Shanghai") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


# --- examples, where a person can count along ---------------------------------------------------


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-03-02T10:00", 30, "2026-03-02T10:30"),  # a Monday
        ("2026-03-02T16:45", 30, "2026-03-03T09:15"),
        ("2026-03-02T16:30", 30, "2026-03-02T17:00"),  # the last minute belongs to the day
        ("2026-03-06T16:45", 30, "2026-03-09T09:15"),  # over a weekend
        ("2026-03-07T12:00", 30, "2026-03-09T09:30"),
        ("2026-03-02T03:00", 30, "2026-03-02T09:30"),
        ("2026-03-02T09:00", 5 * 480, "2026-03-06T17:00"),
    ],
)
def test_open_minutes_pass_while_the_shop_is_open(start: str, minutes: int, end: str) -> None:
    found = office("Asia/Shanghai").add(at(start), timedelta(minutes=minutes))
    assert found == at(end)
    assert found.tzinfo is UTC


def test_a_holiday_is_closed_and_an_extra_day_is_open() -> None:
    calendar = office("Asia/Shanghai", d20260302=(), d20260307=hours((10, 12)))
    assert calendar.add(at("2026-02-27T16:30"), timedelta(hours=1)) == at("2026-03-03T09:30")
    assert calendar.is_open(at("2026-03-02T10:00")) is False
    assert calendar.is_open(at("2026-03-07T11:59")) is True
    assert calendar.is_open(at("2026-03-07T12:00")) is False
    assert calendar.between(at("2026-03-06T00:00"), at("2026-03-08T00:00")) == timedelta(hours=10)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-02T10:00", "2026-03-03T10:00"),
        ("2026-03-06T10:00", "2026-03-09T10:00"),
        ("2026-03-06T20:00", "2026-03-09T17:00"),  # after hours: to the end of the next day
        ("2026-03-06T03:00", "2026-03-09T09:00"),
        ("2026-03-07T12:00", "2026-03-10T09:00"),  # a Saturday counts from Monday morning
    ],
)
def test_one_business_day(start: str, end: str) -> None:
    assert office("Asia/Shanghai").add_days(at(start), 1) == at(end)


def test_the_hour_that_spring_skips_has_no_length() -> None:
    calendar = Calendar(zone=ZoneInfo("Europe/Berlin"), weekly={7: hours((1, 2), (2, 3), (3, 4))})
    spring = at("2026-03-29T00:00", "Europe/Berlin")
    assert calendar.between(spring, spring + timedelta(hours=20)) == timedelta(hours=2)
    assert calendar.is_open(datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) is True


def test_the_hour_that_autumn_repeats_counts_twice() -> None:
    calendar = Calendar(zone=ZoneInfo("America/New_York"), weekly={7: hours((0, 4))})
    autumn = at("2026-11-01T00:00", "America/New_York")
    assert calendar.between(autumn, autumn + timedelta(hours=20)) == timedelta(hours=5)


def test_a_shop_opens_at_nine_in_winter_and_in_summer() -> None:
    calendar = office("Europe/Berlin")
    friday = at("2026-03-27T16:59", "Europe/Berlin")
    assert calendar.add(friday, timedelta(minutes=2)) == datetime(2026, 3, 30, 7, 1, tzinfo=UTC)


def test_the_whole_day_and_the_night_are_one() -> None:
    calendar = Calendar(
        zone=ZoneInfo("Asia/Shanghai"), weekly=dict.fromkeys(range(1, 8), hours((0, 24)))
    )
    start = at("2026-03-02T23:30")
    assert calendar.add(start, timedelta(hours=48)) == start + timedelta(hours=48)


def test_a_calendar_without_any_opening_hour_is_refused() -> None:
    with pytest.raises(ValueError, match="without any opening hour"):
        Calendar(zone=ZoneInfo("UTC"), weekly={})
    with pytest.raises(ValueError, match="without any opening hour"):
        Calendar(zone=ZoneInfo("UTC"), weekly={1: ()}, days={date(2026, 3, 2): hours((9, 10))})


@pytest.mark.parametrize(("opens", "closes"), [(10, 10), (11, 10), (-1, 10), (0, MIDNIGHT + 1)])
def test_hours_without_length_or_beyond_the_day_are_refused(opens: int, closes: int) -> None:
    with pytest.raises(ValueError, match="of a day"):
        Hours(opens=opens, closes=closes)


def test_the_usual_hours_depend_on_the_market() -> None:
    shanghai, berlin = (
        calendars.usual("Asia/Shanghai", "CN"),
        calendars.usual("Europe/Berlin", "DE"),
    )
    assert shanghai.weekly == dict.fromkeys(range(1, 8), hours((9, 21)))
    assert berlin.weekly == dict.fromkeys(range(1, 6), hours((9, 18)))


# --- laws, for any calendar ---------------------------------------------------------------------

HALF_HOURS = st.tuples(st.integers(0, 47), st.integers(1, 48)).filter(
    lambda pair: pair[0] < pair[1]
)
SPANS = HALF_HOURS.map(lambda pair: Hours(opens=pair[0] * 30, closes=pair[1] * 30))
DAY = st.lists(SPANS, max_size=3).map(tuple)
CALENDARS = st.builds(
    Calendar,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    weekly=st.dictionaries(st.integers(1, 7), DAY, min_size=1).filter(lambda w: any(w.values())),
    days=st.dictionaries(st.dates(date(2026, 3, 1), date(2026, 4, 10)), DAY, max_size=5),
)
MOMENTS = st.datetimes(
    datetime(2026, 3, 1), datetime(2026, 11, 10), timezones=st.just(UTC)
).map(lambda moment: moment.replace(microsecond=0))  # fmt: skip
TIMES = st.integers(0, 9 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))


@EXACT
@given(CALENDARS, MOMENTS, TIMES)
def test_as_much_passes_as_was_added(calendar: Calendar, start: datetime, span: timedelta) -> None:
    assert calendar.between(start, calendar.add(start, span)) == span


@EXACT
@given(CALENDARS, MOMENTS, TIMES, TIMES)
def test_more_time_never_ends_earlier(
    calendar: Calendar, start: datetime, one: timedelta, more: timedelta
) -> None:
    first, second = calendar.add(start, one), calendar.add(start, one + more)
    assert first <= second
    assert more > NO_TIME or first == second
    assert calendar.between(first, second) == more


@EXACT
@given(CALENDARS, MOMENTS, TIMES, TIMES)
def test_whoever_starts_later_never_ends_earlier(
    calendar: Calendar, start: datetime, wait: timedelta, span: timedelta
) -> None:
    assert calendar.add(start, span) <= calendar.add(start + wait, span + timedelta(seconds=1))
    assert calendar.add_days(start, 2) <= calendar.add_days(start + wait, 2)


@EXACT
@given(CALENDARS, MOMENTS, TIMES, TIMES)
def test_open_time_adds_up_and_is_never_more_than_time(
    calendar: Calendar, start: datetime, one: timedelta, two: timedelta
) -> None:
    middle, end = start + one, start + one + two
    whole = calendar.between(start, end)
    assert whole == calendar.between(start, middle) + calendar.between(middle, end)
    assert NO_TIME <= whole <= end - start
    assert calendar.between(end, start) == NO_TIME


@EXACT
@given(CALENDARS, MOMENTS)
def test_it_is_open_exactly_while_open_time_passes(calendar: Calendar, moment: datetime) -> None:
    second = timedelta(seconds=1)
    assert calendar.is_open(moment) is (calendar.between(moment, moment + second) == second)


@EXACT
@given(CALENDARS)
def test_what_is_stored_is_what_is_read(calendar: Calendar) -> None:
    read = calendars.read(
        calendar.zone.key, calendars.stored(calendar.weekly), calendars.stored(calendar.days)
    )
    assert read == calendar
