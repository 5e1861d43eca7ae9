"""When a shop is open, and the arithmetic of open time. Pure.

Hours are local: a shop that opens at nine does so at nine in winter and in summer. All moments
that come in and go out are aware; those that go out are UTC.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MIDNIGHT = 24 * 60
"""The end of a day, in minutes from its beginning."""
Span = tuple[datetime, datetime]
"""Open from the first moment up to, and not including, the second; UTC."""
OfDay = Sequence["Hours"]
"""The hours of one day, in any order; none: closed."""
_NO_TIME = timedelta(0)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, order=True)
class Hours:
    """Open from `opens` up to `closes`, in minutes from the beginning of a day.

    Raises ValueError unless 0 <= opens < closes <= MIDNIGHT.
    """

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.opens < self.closes <= MIDNIGHT:
            raise ValueError(f"hours from minute {self.opens} to minute {self.closes} of a day")


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The hours of a week, and the days that are different.

    Raises ValueError when no day of the week has any hours: open time would never pass.
    """

    zone: ZoneInfo
    weekly: Mapping[int, Sequence[Hours]]
    """ISO weekday (1 is Monday) -> hours; a day that is missing is closed."""
    days: Mapping[date, Sequence[Hours]] = field(default_factory=dict)
    """Day -> its hours instead of the weekday's; none: closed."""

    def __post_init__(self) -> None:
        if not any(self.weekly.values()):
            raise ValueError("a calendar without any opening hour")

    def is_open(self, moment: datetime) -> bool:
        """Whether the shop is open at this moment."""
        opens, _ = next(self._spans(moment))
        return opens <= moment

    def add(self, moment: datetime, span: timedelta) -> datetime:
        """The moment by which so much open time has passed; no time at all changes nothing."""
        moment = moment.astimezone(UTC)
        if span <= _NO_TIME:
            return moment
        for opens, closes in self._spans(moment):
            begin = max(opens, moment)
            if span <= closes - begin:
                return begin + span
            span -= closes - begin
        raise AssertionError("spans never end")

    def between(self, begin: datetime, end: datetime) -> timedelta:
        """How much open time there is from one moment to another; none backwards."""
        total = _NO_TIME
        for opens, closes in self._spans(begin):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, begin), _NO_TIME)
        return total

    def add_days(self, moment: datetime, days: int) -> datetime:
        """The same time of the day so many open days later, within the hours of that day. Who
        starts on a day that is closed starts when the next one opens."""
        local = moment.astimezone(self.zone)
        if not self._of(local.date()):
            local = next(self._spans(moment))[0].astimezone(self.zone)
        day = local.date()
        while days > 0:
            day += _DAY
            days -= bool(self._of(day))
        spans, since = self._of(day), local.replace(tzinfo=None)
        wanted = _utc(day, since - datetime.combine(since, time()), self.zone)
        return min(max(wanted, spans[0][0]), spans[-1][1])

    def _spans(self, moment: datetime) -> Iterator[Span]:
        """What is open from this moment on, in order, without end."""
        # From the day before: an hour that a change of clocks repeats belongs to it.
        day, last = moment.astimezone(self.zone).date() - _DAY, moment.astimezone(UTC)
        while True:
            for opens, closes in self._of(day):
                if closes > last:
                    yield opens, closes
                    last = closes
            day += _DAY

    def _of(self, day: date) -> list[Span]:
        """The spans of one day; hours that the change of clocks skips have no length."""
        found: list[Span] = []
        for hours in sorted(self.days.get(day, self.weekly.get(day.isoweekday(), ()))):
            opens, closes = (
                _utc(day, timedelta(minutes=at), self.zone) for at in (hours.opens, hours.closes)
            )
            if found:
                opens = max(opens, found[-1][1])
            if opens < closes:
                found.append((opens, closes))
        return found


def _utc(day: date, shows: timedelta, zone: ZoneInfo) -> datetime:
    """The moment at which local clocks show so much since midnight. One that is skipped is as far
    after the change; of one that comes twice, the first counts."""
    local = datetime.combine(day, time()) + shows
    return local.replace(tzinfo=zone).astimezone(UTC)


# --- as data ----------------------------------------------------------------------------------

Stored = Mapping[str, Sequence[Sequence[int]]]
"""Weekday or day (ISO 8601), as text -> pairs of minutes."""


def stored(hours: Mapping[int, Sequence[Hours]] | Mapping[date, Sequence[Hours]]) -> Stored:
    """Hours as JSON holds them."""
    return {str(day): [[one.opens, one.closes] for one in of] for day, of in hours.items()}


def read(zone: str, weekly: Stored, days: Stored) -> Calendar:
    """What `stored` made JSON of, in this IANA time zone."""
    return Calendar(
        zone=ZoneInfo(zone),
        weekly={int(day): _hours(of) for day, of in weekly.items()},
        days={date.fromisoformat(day): _hours(of) for day, of in days.items()},
    )


def _hours(pairs: Sequence[Sequence[int]]) -> tuple[Hours, ...]:
    return tuple(Hours(opens=opens, closes=closes) for opens, closes in pairs)


# --- where a shop has said nothing ------------------------------------------------------------

_NINE_TO_NINE = (Hours(opens=9 * 60, closes=21 * 60),)
_NINE_TO_SIX = (Hours(opens=9 * 60, closes=18 * 60),)


def usual(zone: str, market: str) -> Calendar:
    """The hours of a shop that has not said any: nine to nine on every day in mainland China,
    nine to six from Monday to Friday elsewhere. `market` is ISO 3166-1 alpha-2."""
    if market == "CN":
        weekly = dict.fromkeys(range(1, 8), _NINE_TO_NINE)
    else:
        weekly = dict.fromkeys(range(1, 6), _NINE_TO_SIX)
    return Calendar(zone=ZoneInfo(zone), weekly=weekly)
