"""The forecast as a model: on a real year, on years that were made, and with next to nothing."""

import csv
import os
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from refund_gql.insight.campaigns import Campaign, Season, black_friday, usual
from refund_gql.insight.expectation import Day
from refund_gql.insight.forecast import backtest, forecast
from refund_gql.insight.public_holidays import between

MONDAY = date(2026, 1, 5)


def made(
    rate: Callable[[date], float], days: int, *, orders: int = 200, seed: int = 1
) -> list[Day]:
    """Days whose refunds are drawn at a known rate."""
    chance = np.random.default_rng(seed)
    ons = [MONDAY + timedelta(days=step) for step in range(days)]
    return [
        Day(on=on, orders=float(orders), refunds=float(chance.binomial(orders, rate(on))))
        for on in ons
    ]


def ahead(days: Sequence[Day], count: int) -> list[date]:
    return [days[-1].on + timedelta(days=step) for step in range(1, count + 1)]


# --- a real year --------------------------------------------------------------------------------


def real_year() -> dict[str, list[Day]]:
    """The three daily series of the Online Retail year: invoices, lines, and value."""
    folder = Path(os.environ["REFUND_GQL_ONLINE_RETAIL"])
    with (folder / "daily_refund_rate.csv").open() as file:
        invoices = [
            Day(
                on=date.fromisoformat(row["d"]),
                orders=float(row["orders"]),
                refunds=float(row["refunds"]),
            )
            for row in csv.DictReader(file)
        ]
    lines = pl.read_parquet(folder / "online_retail.parquet").select(
        on=pl.col("InvoiceDate").dt.date(),
        back=pl.col("InvoiceNo").str.starts_with("C"),
        worth=(pl.col("Quantity") * pl.col("UnitPrice")).abs(),
    )
    counted = lines.with_columns(weight=1.0)
    small = lines.filter(pl.col("worth") < 5_000)
    # In units of one order each, so that a day weighs as much as it does in the other series.
    orders = sum(day.orders for day in invoices)
    unit = float(small.filter(~pl.col("back"))["worth"].sum()) / orders
    valued = small.with_columns(weight=pl.col("worth") / unit)
    return {"invoices": invoices, "lines": daily(counted), "value": daily(valued)}


def daily(weighed: pl.DataFrame) -> list[Day]:
    back, weight = pl.col("back"), pl.col("weight")
    days = weighed.group_by("on").agg(
        orders=weight.filter(~back).sum(), refunds=weight.filter(back).sum()
    )
    return [Day(**row) for row in days.sort("on").to_dicts()]


def one_week_ahead(days: Sequence[Day]) -> tuple[float, list[bool]]:
    """Mean absolute scaled error over 25 origins, six trading days each, and what was covered."""
    seen = np.array([day.refunds / day.orders for day in days])
    errors, inside = list[float](), list[bool]()
    for origin in range(150, len(days) - 5, 6):
        came = days[origin : origin + 6]
        found = forecast(days[:origin], [day.on for day in came])
        assert found is not None
        rates = seen[origin : origin + 6]
        scale = np.mean(np.abs(seen[6:origin] - seen[: origin - 6]))
        off = np.abs(np.array([point.rate for point in found.points]) - rates)
        errors.append(float(np.mean(off) / scale))
        bands = [point.rate_band for point in found.points]
        inside += [b.low80 <= rate <= b.high80 for b, rate in zip(bands, rates, strict=True)]
    assert len(errors) == 25
    return float(np.mean(errors)), inside


@pytest.mark.online_retail
def test_a_real_year_is_forecast_as_well_as_the_best_known_models_do() -> None:
    scored = {name: one_week_ahead(days) for name, days in real_year().items()}
    assert np.mean([error for error, _ in scored.values()]) <= 0.73
    for _, inside in scored.values():
        assert 0.75 <= np.mean(inside) <= 0.90


# --- years that were made -----------------------------------------------------------------------


def test_a_weekday_that_differs_is_learnt() -> None:
    days = made(lambda on: 0.30 if on.weekday() == 0 else 0.05, 364)
    found = forecast(days, ahead(days, 7))
    assert found is not None
    monday, *others = found.points
    assert monday.on.weekday() == 0
    assert monday.rate == pytest.approx(0.30, abs=0.02)
    assert all(point.rate == pytest.approx(0.05, abs=0.01) for point in others)
    assert found.weekdays[0] == pytest.approx(0.30, abs=0.02)


def test_the_level_of_the_last_weeks_counts_more_than_that_of_last_year() -> None:
    days = made(lambda on: 0.20 if on < MONDAY + timedelta(days=250) else 0.04, 400)
    found = forecast(days, ahead(days, 7))
    assert found is not None
    # The mean of all days is 0.14.
    assert all(0.04 < point.rate < 0.09 for point in found.points)


def test_a_campaign_of_the_past_is_expected_again() -> None:
    first, second = date(2026, 6, 18), date(2026, 11, 11)
    season = Season(campaigns=[Campaign(code="6.18", on=first), Campaign(code="11.11", on=second)])

    def rate(on: date) -> float:
        return 0.20 if 1 <= (on - first).days <= 4 else 0.05

    days = made(rate, (second - MONDAY).days)
    told = forecast(days, ahead(days, 14), season)
    untold = forecast(days, ahead(days, 14))
    assert told is not None
    assert untold is not None
    after = [point for point in told.points if 1 <= (point.on - second).days <= 4]
    assert len(after) == 4
    assert all(point.rate == pytest.approx(0.20, abs=0.04) for point in after)
    assert all(point.rate < 0.08 for point in untold.points)


def test_eight_days_of_ten_lie_within_the_band() -> None:
    inside = list[bool]()
    for seed in range(20):
        days = made(lambda on: 0.10, 200 + 14, seed=seed)
        found = forecast(days[:200], [day.on for day in days[200:]])
        assert found is not None
        inside += [
            point.refunds_band.low80 <= day.refunds <= point.refunds_band.high80
            for point, day in zip(found.points, days[200:], strict=True)
        ]
    assert 0.74 <= np.mean(inside) <= 0.90
    # A band that is never left would be no band.
    assert not all(inside)


def test_the_level_is_the_one_that_a_library_finds() -> None:
    """Without weekdays to learn, both stages together are a weighted mean on the logit."""
    days = made(lambda on: 0.10, 20)
    found = forecast(days, ahead(days, 1))
    assert found is not None
    assert found.short
    ages = np.array([(days[-1].on - day.on).days for day in days])
    k, n = (np.array([getattr(day, name) for day in days]) for name in ("refunds", "orders"))
    weights = 0.5 ** (ages / 80)
    fitted = LogisticRegression(C=1e9).fit(
        np.zeros((40, 1)),
        np.repeat([1, 0], 20),
        sample_weight=np.concatenate([weights * k, weights * (n - k)]),
    )
    library = 1 / (1 + np.exp(-fitted.intercept_[0]))
    assert found.points[0].rate == pytest.approx(library, abs=1e-3)


# --- with next to nothing -----------------------------------------------------------------------


def test_without_any_order_nothing_is_said() -> None:
    assert forecast([], [MONDAY]) is None
    assert forecast([Day(on=MONDAY, orders=0, refunds=0)], [MONDAY + timedelta(days=1)]) is None


def test_a_new_shop_gets_a_wide_band_and_no_weekdays() -> None:
    days = made(lambda on: 0.10, 9, orders=4)
    found = forecast(days, ahead(days, 7))
    assert found is not None
    assert found.short
    assert found.weekdays == ()
    assert len({round(point.rate, 9) for point in found.points}) == 1
    assert all(point.rate_band.high95 > 2 * point.rate for point in found.points)
    assert backtest(days) is None


def test_a_shop_without_refunds_still_has_a_rate_and_a_band() -> None:
    days = [Day(on=day.on, orders=50, refunds=0) for day in made(lambda on: 0.5, 60)]
    found = forecast(days, ahead(days, 7))
    assert found is not None
    assert all(0 < point.rate < 0.001 for point in found.points)
    assert all(0 <= point.rate_band.low95 <= point.rate_band.high95 < 0.1 for point in found.points)


def test_more_refunds_than_orders_on_a_thin_day_break_nothing() -> None:
    days = [*made(lambda on: 0.1, 40), Day(on=MONDAY + timedelta(days=40), orders=1, refunds=9)]
    found = forecast(days, ahead(days, 1))
    assert found is not None
    assert 0.05 < found.points[0].rate < 0.15


def test_a_weekday_on_which_nothing_is_sold_expects_no_refunds() -> None:
    days = [day for day in made(lambda on: 0.1, 70) if day.on.weekday() != 5]
    found = forecast(days, ahead(days, 7))
    assert found is not None
    [saturday] = [point for point in found.points if point.on.weekday() == 5]
    assert (saturday.orders, saturday.refunds, saturday.refunds_band.high95) == (0, 0, 0)


def test_the_same_history_says_the_same_twice() -> None:
    days = made(lambda on: 0.1, 100)
    assert forecast(days, ahead(days, 28)) == forecast(days, ahead(days, 28))


def test_the_backtest_says_how_good_it_was() -> None:
    found = backtest(made(lambda on: 0.30 if on.weekday() == 0 else 0.05, 210))
    assert found is not None
    assert found.origins == 15
    assert found.mase < 0.8  # as last week carries last week's chance; the model does not
    assert 0.7 <= found.coverage80 <= 0.92


# --- the season ---------------------------------------------------------------------------------


def test_the_parts_of_a_campaign() -> None:
    season = Season(campaigns=[Campaign(code="11.11", on=date(2026, 11, 11))])
    parts = {
        step: season.parts(date(2026, 11, 11) + timedelta(days=step)) for step in range(-4, 11)
    }
    assert {step for step, found in parts.items() if found == {"before"}} == {-2, -1, 0}
    assert {step for step, found in parts.items() if found == {"after"}} == {1, 2, 3, 4}
    assert {step for step, found in parts.items() if found == {"late"}} == {5, 6, 7, 8}
    assert {step for step, found in parts.items() if not found} == {-4, -3, 9, 10}


def test_campaigns_that_everybody_knows() -> None:
    days = [(one.code, one.on.isoformat()) for one in usual(date(2026, 6, 18), date(2026, 12, 11))]
    assert days == [
        ("6.18", "2026-06-18"),
        ("11.11", "2026-11-11"),
        ("black-friday", "2026-11-27"),
    ]
    assert [black_friday(year).day for year in (2024, 2025, 2028)] == [29, 28, 24]


def test_public_holidays_of_a_country() -> None:
    week = between("CN", date(2026, 10, 1), date(2026, 10, 3))
    assert date(2026, 10, 1) in week
    assert date(2026, 12, 25) in between("DE", date(2026, 12, 1), date(2027, 1, 1))
    assert between("XX", date(2026, 1, 1), date(2026, 12, 31)) == frozenset()
