"""How many refunds the next days will bring: a binomial model that weighs days by their orders.

A refund rate is k of n, and a day with five orders says little. So the model is a regression of
k of n on the logit, in two stages: what weekdays and campaigns do is learnt from the whole
history, while today's level is learnt from the last weeks alone. Bands are quantiles of a Beta
whose spread is that of the days themselves (over-dispersion), never narrower than the binomial.

Rates are refunds requested on a day over orders placed on that day, 0 to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from refund_gql.insight.campaigns import PARTS, Season
from refund_gql.insight.expectation import ENOUGH, Backtest, Band, Day, Forecast, Point

_RIDGE = 5.0
"""How strongly effects are drawn to none: a weekday must have shown itself."""
_LEVEL_SCALE = 10.0
"""Levels of fortnights are scaled up, and so hardly drawn at all."""
_HALF_LIFE = 80.0
"""Days after which a day counts half for today's level."""
_FORTNIGHT = 14
_SAME_WEEKDAYS = 8
"""So many of the last same weekdays say how many orders a day will have."""
_DRAWS = 4_000
_SEED = 20_260_618  # the same history gives the same band
_QUANTILES = (0.025, 0.1, 0.9, 0.975)
_FEWEST_ORDERS = 0.5  # keeps a Beta's parameters finite

Vector = NDArray[np.float64]


def forecast(
    days: Sequence[Day], ahead: Sequence[date], season: Season | None = None
) -> Forecast | None:
    """The days `ahead`, after those of `days`, both in order; None without any orders.

    Days that are missing in `days` are days without orders. Takes about 10 ms for a year.
    """
    sold = [day for day in days if day.orders > 0]
    if not sold:
        return None
    season = season or Season()
    model = _fit(sold, season)
    points = tuple(_point(model, on, _expected_orders(days, on), season) for on in ahead)
    weekdays = tuple(_rate(model.level + effect) for effect in model.weekdays)
    return Forecast(points=points, short=model.short, weekdays=() if model.short else weekdays)


# --- the model --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Model:
    weekdays: Vector
    """Monday to Sunday, on the logit."""
    parts: dict[str, float]
    """Part of the season -> effect, on the logit."""
    level: float
    level_variance: float
    dispersion: float
    short: bool

    def logit(self, on: date, season: Season) -> float:
        inside = sum(self.parts[part] for part in season.parts(on))
        return self.level + float(self.weekdays[on.weekday()]) + inside


def _fit(sold: Sequence[Day], season: Season) -> _Model:
    n = np.array([day.orders for day in sold])
    k = np.minimum([day.refunds for day in sold], n)
    if short := len(sold) < ENOUGH:
        columns = np.zeros((len(sold), 7 + len(PARTS)))
        effects = np.zeros(7 + len(PARTS))
    else:
        columns = _columns(sold, season)
        effects = _effects(sold, columns, n, k)
    offset = columns @ effects
    weights = 0.5 ** (_ages(sold) / _HALF_LIFE)
    level = _level(offset, weights * n, weights * k)
    p = _sigmoid(offset + level)
    spread = n * p * (1 - p)
    dispersion = max(1.0, float(np.mean((k - n * p) ** 2 / np.maximum(spread, 1e-9))))
    told = float(np.sum(weights * spread))
    return _Model(
        weekdays=effects[:7],
        parts=dict(zip(PARTS, map(float, effects[7:]), strict=True)),
        level=level,
        level_variance=dispersion * float(np.sum(weights**2 * spread)) / max(told, 1e-9) ** 2,
        dispersion=dispersion,
        short=short,
    )


def _columns(sold: Sequence[Day], season: Season) -> Vector:
    """A column per weekday, and one per part of the season; 0 or 1."""
    columns = np.zeros((len(sold), 7 + len(PARTS)))
    for row, day in zip(columns, sold, strict=True):
        row[day.on.weekday()] = 1
        inside = season.parts(day.on)
        row[7:] = [part in inside for part in PARTS]
    return columns


def _effects(sold: Sequence[Day], columns: Vector, n: Vector, k: Vector) -> Vector:
    """Stage one, over the whole history: what each column does.

    One level per fortnight stands beside them, so that drift is not taken for an effect; it is
    thrown away.
    """
    fortnights = (_ages(sold) // _FORTNIGHT).astype(int)
    levels = np.zeros((len(sold), fortnights.max() + 1))
    levels[np.arange(len(sold)), fortnights] = _LEVEL_SCALE
    both = np.hstack([columns, levels])
    regression = LogisticRegression(C=1 / _RIDGE, solver="newton-cholesky")
    came_back = np.repeat([1, 0], len(sold))
    with threadpool_limits(1):  # so small that further threads only wait for each other
        regression.fit(np.vstack([both, both]), came_back, sample_weight=np.concatenate([k, n - k]))
    found: Vector = regression.coef_[0][: columns.shape[1]]
    return found


def _level(offset: Vector, n: Vector, k: Vector) -> float:
    """Stage two: the one number that, added to the effects, gives as many refunds as there were.

    Half a refund more and half an order without one keep it finite when there were none, or only.
    """
    wanted, level = float(k.sum()) + 0.5, 0.0
    low, high = -30.0, 30.0
    for _ in range(60):
        level = (low + high) / 2
        came = float((n * _sigmoid(offset + level)).sum() + _rate(level))
        low, high = (level, high) if came < wanted else (low, level)
    return level


def _ages(sold: Sequence[Day]) -> Vector:
    last = sold[-1].on
    return np.array([float((last - day.on).days) for day in sold])


def _sigmoid(x: Vector) -> Vector:
    curve: Vector = 1 / (1 + np.exp(-x))
    return curve


def _rate(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


# --- the days to come ---------------------------------------------------------------------------


def _expected_orders(days: Sequence[Day], on: date) -> float:
    """The median of the last same weekdays; a weekday without any orders has none."""
    known = {day.on: day.orders for day in days}
    first = days[0].on
    before = (on - timedelta(weeks=week) for week in range(1, 200))
    same = [known.get(day, 0.0) for day in before if first <= day <= days[-1].on]
    return float(np.median(same[:_SAME_WEEKDAYS])) if same else float(np.median([*known.values()]))


def _point(model: _Model, on: date, orders: float, season: Season) -> Point:
    rate = _rate(model.logit(on, season))
    band = _band(model, rate, max(orders, _FEWEST_ORDERS), on)
    return Point(
        on=on,
        rate=rate,
        rate_band=band,
        orders=orders,
        refunds=rate * orders,
        refunds_band=band.times(orders),
    )


def _band(model: _Model, rate: float, orders: float, on: date) -> Band:
    """Quantiles of a Beta with the rate as its mean."""
    slope = rate * (1 - rate)
    variance = model.dispersion * slope / orders + model.level_variance * slope**2
    size = max(slope / min(variance, 0.99 * slope) - 1, 1e-3)
    drawn = np.random.default_rng([_SEED, on.toordinal()]).beta(
        rate * size, (1 - rate) * size, _DRAWS
    )
    low95, low80, high80, high95 = map(float, np.quantile(drawn, _QUANTILES))
    return Band(low80=low80, high80=high80, low95=low95, high95=high95)


# --- how good it is -----------------------------------------------------------------------------


def backtest(
    days: Sequence[Day], season: Season | None = None, *, horizon: int = 7
) -> Backtest | None:
    """By rolling origin, a week apart, from half of the history on; None where there are fewer
    than two. `horizon` is days of `days`."""
    errors, inside = list[float](), list[bool]()
    for origin in range(max(len(days) // 2, ENOUGH), len(days) - horizon + 1, horizon):
        past, came = days[:origin], days[origin : origin + horizon]
        scored, scale = _scored(past, came, season), _last_week_error(past)
        if scored and scale:
            off = [abs(point.rate - seen) for point, seen in scored]
            errors.append(float(np.mean(off)) / scale)
            inside += [p.rate_band.low80 <= seen <= p.rate_band.high80 for p, seen in scored]
    if len(errors) < 2:
        return None
    return Backtest(
        origins=len(errors), mase=float(np.mean(errors)), coverage80=float(np.mean(inside))
    )


def _scored(
    past: Sequence[Day], came: Sequence[Day], season: Season | None
) -> list[tuple[Point, float]]:
    """What would have been said, with the rate that came."""
    sold = [day for day in came if day.orders > 0]
    found = forecast(past, [day.on for day in sold], season)
    return [] if found is None else list(zip(found.points, map(_seen, sold), strict=True))


def _seen(day: Day) -> float:
    return day.refunds / day.orders


def _last_week_error(past: Sequence[Day]) -> float:
    """Mean absolute difference to the same weekday of the week before."""
    rates = {day.on: _seen(day) for day in past if day.orders > 0}
    week = timedelta(weeks=1)
    steps = [abs(rate - rates[on - week]) for on, rate in rates.items() if on - week in rates]
    return float(np.mean(steps)) if steps else 0.0
