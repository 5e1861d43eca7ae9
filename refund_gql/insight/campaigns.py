"""Days that are unlike others of their weekday: campaigns and public holidays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

HOLIDAY = "holiday"
SPANS: Mapping[str, range] = {
    "before": range(-2, 1),
    "after": range(1, 5),
    "late": range(5, 9),
}
"""Part of a campaign -> days from its own day. Three coarse parts: one for each single day learns
less from the few campaigns that a shop has behind it."""
PARTS = (*SPANS, HOLIDAY)


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One campaign day."""

    code: str
    """The same every year."""
    on: date


@dataclass(frozen=True, kw_only=True)
class Season:
    """What is known of the days of a span, past and to come."""

    campaigns: Sequence[Campaign] = ()
    holidays: frozenset[date] = frozenset()

    def parts(self, day: date) -> frozenset[str]:
        """Which of PARTS a day has.

        Campaigns share their parts: what one 11.11 taught is said of the next 6.18 too, since a
        shop never has enough of one kind.
        """
        distances = {(day - campaign.on).days for campaign in self.campaigns}
        parts = {part for part, span in SPANS.items() if distances & set(span)}
        return frozenset(parts | ({HOLIDAY} if day in self.holidays else set()))


# --- what everybody knows -----------------------------------------------------------------------

FIXED: Mapping[str, tuple[int, int]] = {
    "3.8": (3, 8),
    "6.18": (6, 18),
    "11.11": (11, 11),
    "12.12": (12, 12),
}
"""Campaigns with a date of their own: code -> month, day."""
BLACK_FRIDAY = "black-friday"


def usual(first: date, last: date) -> tuple[Campaign, ...]:
    """The campaigns that Chinese and Western shops share, from `first` to `last`, both included.

    年货节 (the New Year goods festival) moves with the lunar calendar and with the platforms: a
    shop enters its days itself.
    """
    years = range(first.year, last.year + 1)
    fixed = [
        Campaign(code=code, on=date(year, month, day))
        for year in years
        for code, (month, day) in FIXED.items()
    ]
    black = [Campaign(code=BLACK_FRIDAY, on=black_friday(year)) for year in years]
    found = [one for one in (*fixed, *black) if first <= one.on <= last]
    return tuple(sorted(found, key=lambda one: (one.on, one.code)))


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    first = date(year, 11, 1)
    thursday = first + timedelta(days=(3 - first.weekday()) % 7, weeks=3)
    return thursday + timedelta(days=1)
