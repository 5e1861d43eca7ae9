"""What the next days will bring."""

from datetime import date

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.insight import expectation
from refund_gql.insight.outlook import Outlook
from refund_gql.insight.seasons import Entry


@strawberry.type(description="A day of the shop's campaign calendar.")
class CampaignDay:
    entry: strawberry.Private[Entry]

    @strawberry.field(description="The same every year, such as 11.11.")
    def code(self) -> str:
        return self.entry.code

    @strawberry.field(description="The day.")
    def on(self) -> date:
        return self.entry.on

    @strawberry.field(description="Its name, in the language of the request.")
    def name(self, info: Info) -> str:
        labels = self.entry.labels
        return labels.get(info.context.locale) or next(iter(labels.values()))

    @strawberry.field(description="The shop's own; false for a day that most shops share.")
    def own(self) -> bool:
        return self.entry.own


@strawberry.type(description="Where a figure will lie.")
class ForecastBand:
    low80: float = strawberry.field(description="One time of ten it is below this.")
    high80: float = strawberry.field(description="One time of ten it is above this.")
    low95: float = strawberry.field(description="One time of 40 it is below this.")
    high95: float = strawberry.field(description="One time of 40 it is above this.")

    @classmethod
    def of(cls, band: expectation.Band) -> "ForecastBand":
        """The same, for callers."""
        return cls(low80=band.low80, high80=band.high80, low95=band.low95, high95=band.high95)


@strawberry.type(description="One day of a forecast.")
class ForecastDay:
    point: strawberry.Private[expectation.Point]

    @strawberry.field(description="The day, of the shop's calendar.")
    def on(self) -> date:
        return self.point.on

    @strawberry.field(description="Refunds requested on it over orders placed on it, 0 to 1.")
    def rate(self) -> float:
        return self.point.rate

    @strawberry.field(description="Where the rate will lie.")
    def rate_band(self) -> ForecastBand:
        return ForecastBand.of(self.point.rate_band)

    @strawberry.field(description="Orders expected: the median of the last eight same weekdays.")
    def orders(self) -> float:
        return self.point.orders

    @strawberry.field(description="Requests expected: the rate times the orders expected.")
    def refunds(self) -> float:
        return self.point.refunds

    @strawberry.field(
        description="Where they will lie if the orders are as expected; more or fewer orders are "
        "not in it."
    )
    def refunds_band(self) -> ForecastBand:
        return ForecastBand.of(self.point.refunds_band)


@strawberry.type(
    description="How good such forecasts of the next seven days with orders were, made week by "
    "week over the second half of the history."
)
class ForecastBacktest:
    found: strawberry.Private[expectation.Backtest]

    @strawberry.field(description="Forecasts that were tried.")
    def forecasts(self) -> int:
        return self.found.origins

    @strawberry.field(
        description="Mean error over that of saying `as last week` (MASE); at 1 or more the "
        "forecast is no better than last week."
    )
    def relative_error(self) -> float:
        return self.found.mase

    @strawberry.field(description="The share of days within the band of 80 %, 0 to 1.")
    def coverage80(self) -> float:
        return self.found.coverage80


@strawberry.type(description="Today so far.")
class ForecastToday:
    outlook: strawberry.Private[Outlook]

    @strawberry.field(description="Orders placed.")
    def orders(self) -> int:
        return int(self.outlook.today.orders)

    @strawberry.field(description="Refunds requested.")
    def refunds(self) -> int:
        return int(self.outlook.today.refunds)

    @strawberry.field(
        description="More refunds already than 39 days of 40 should have: look at what happened."
    )
    def above_band(self) -> bool:
        return self.outlook.above


@strawberry.type(
    description="Refunds of the days to come, from the weekdays, campaigns and holidays of the "
    "past three years and the level of the last weeks."
)
class Forecast:
    outlook: strawberry.Private[Outlook]

    @strawberry.field(description="From today on; empty for a shop that has sold nothing yet.")
    def days(self) -> list[ForecastDay]:
        found = self.outlook.forecast
        return [ForecastDay(point=point) for point in found.points] if found else []

    @strawberry.field(
        description="Fewer than 28 days with orders are known: a level with a wide band, and no "
        "weekdays yet."
    )
    def short(self) -> bool:
        return self.outlook.forecast is None or self.outlook.forecast.short

    @strawberry.field(
        description="Monday to Sunday: the rate on such a day outside campaigns, at today's "
        "level; empty when `short`."
    )
    def weekdays(self) -> list[float]:
        return list(self.outlook.forecast.weekdays) if self.outlook.forecast else []

    @strawberry.field(description="null: not enough history to try it on.")
    def backtest(self) -> ForecastBacktest | None:
        found = self.outlook.backtest
        return None if found is None else ForecastBacktest(found=found)

    @strawberry.field(description="What has come today, against what was expected.")
    def today(self) -> ForecastToday:
        return ForecastToday(outlook=self.outlook)
