"""The forecast of one shop: its past days, its season, and how today looks against the band."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from zoneinfo import ZoneInfo

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.errors import NotInstalled
from refund_gql.insight import seasons
from refund_gql.insight.campaigns import Season
from refund_gql.insight.expectation import Backtest, Day, Forecast
from refund_gql.models import Shop
from refund_gql.roles import Role

LEAST_DAYS, MOST_DAYS = 7, 28
"""Days ahead that may be asked for, today included."""
HISTORY = timedelta(days=3 * 366)

_fitting = asyncio.Semaphore(1)  # a fit takes a core; requests beside it keep the other ones
_DAYS = """
with sold as (
    select (placed_at at time zone $3)::date as day, count(*) as orders
      from "order" where shop_id = $1 and placed_at >= $2 group by 1
), asked as (
    select (requested_at at time zone $3)::date as day, count(*) as refunds
      from refund where shop_id = $1 and requested_at >= $2 and split_from_id is null group by 1
)
select day, coalesce(orders, 0) as orders, coalesce(refunds, 0) as refunds
  from sold full join asked using (day) order by day
"""
"""The parts of a request that was split count as one."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is expected, how good such expectations were, and what has come today."""

    forecast: Forecast | None
    """From today on; None for a shop that has never sold anything."""
    backtest: Backtest | None
    """None with too little history to try it on."""
    today: Day
    """So far."""

    @property
    def above(self) -> bool:
        """Today has already more refunds than 39 days out of 40 should have."""
        return self.forecast is not None and (
            self.today.refunds > self.forecast.points[0].refunds_band.high95
        )


async def outlook(viewer: Viewer, days: int) -> Outlook:
    """Of the viewer's shop, today and the days after. Raises NotAllowed, InvalidInput,
    NotInstalled."""
    viewer.require(Role.OWNER, Role.FINANCE, Role.ANALYST)
    _require_extra()
    days = validation.whole("days", days, least=LEAST_DAYS, most=MOST_DAYS)
    shop = await Shop.get(id=viewer.shop_id)
    now = clock.now()
    today = now.astimezone(ZoneInfo(shop.time_zone)).date()
    history = await _history(shop, now)
    ahead = [today + timedelta(days=step) for step in range(days)]
    past = [day for day in history if day.on < today]
    season = await seasons.season(shop, past[0].on if past else today, ahead[-1])
    async with _fitting:
        found, tried = await asyncio.to_thread(_fit, past, ahead, season)
    sofar = [day for day in history if day.on == today]
    return Outlook(
        forecast=found,
        backtest=tried,
        today=sofar[0] if sofar else Day(on=today, orders=0, refunds=0),
    )


def _fit(
    past: Sequence[Day], ahead: Sequence[date], season: Season
) -> tuple[Forecast | None, Backtest | None]:
    from refund_gql.insight import forecast  # takes a second to import

    return forecast.forecast(past, ahead, season), forecast.backtest(past, season)


def _require_extra() -> None:
    if any(find_spec(name) is None for name in ("sklearn", "holidays")):
        raise NotInstalled(extra="insight")


async def _history(shop: Shop, now: datetime) -> list[Day]:
    """Every day on which something was sold or asked for, in the shop's own days."""
    rows = await database.fetch(_DAYS, shop.id, now - HISTORY, shop.time_zone)
    return [
        Day(on=row["day"], orders=float(row["orders"]), refunds=float(row["refunds"]))
        for row in rows
    ]
