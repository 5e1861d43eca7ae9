"""What a forecast says: days, bands, and how good such forecasts were.

Rates are refunds requested on a day over orders placed on that day, 0 to 1.
"""

from dataclasses import dataclass, field
from datetime import date

ENOUGH = 28
"""Days with orders, below which a pattern of weekdays would be guesswork."""


@dataclass(frozen=True, kw_only=True)
class Day:
    """What happened on one day of the shop."""

    on: date
    orders: float
    refunds: float
    """Requested on that day; may exceed the orders of a thin day."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """Where a figure will lie: eight times of ten within `low80` and `high80`, and so on."""

    low80: float
    high80: float
    low95: float
    high95: float

    def times(self, factor: float) -> "Band":
        """The band of a multiple."""
        return Band(
            low80=self.low80 * factor,
            high80=self.high80 * factor,
            low95=self.low95 * factor,
            high95=self.high95 * factor,
        )


@dataclass(frozen=True, kw_only=True)
class Point:
    """One day to come."""

    on: date
    rate: float
    rate_band: Band
    orders: float
    """Expected: the median of the last same weekdays; 0 on days on which the shop sells nothing."""
    refunds: float
    """rate * orders."""
    refunds_band: Band
    """Of the rate, at the expected orders: the uncertainty of the orders is not in it."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The days to come, and whether a pattern could be learnt at all."""

    points: tuple[Point, ...]
    short: bool
    """True below `ENOUGH` days with orders: a level with a wide band, no weekdays."""
    weekdays: tuple[float, ...] = field(default=())
    """Monday to Sunday: the rate on such a day outside campaigns; empty when `short`."""


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """The forecasts that would have been made, against what came."""

    origins: int
    mase: float
    """Mean error over that of saying "as last week" in the history known then; below 1 is better
    than last week."""
    coverage80: float
    """The share of days within the 80 % band."""
