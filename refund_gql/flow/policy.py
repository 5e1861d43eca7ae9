"""The rules of the house as data and pure functions: windows, thresholds, shipping.

No rule a shop writes reaches below these. What was promised when an order was placed stays
promised, whatever the shop promises today, and what the law of its market gives comes on top: a
rule, or a person, may give a customer more, never less.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from refund_gql import markets
from refund_gql.choices import Fulfilment
from refund_gql.database import Transaction
from refund_gql.models import Order, OrderLine, ReturnPolicy, Shipment, Shop

ASSUMED_TRANSIT = timedelta(days=15)
"""A parcel nobody reported as delivered counts as delivered so long after it was shipped:
otherwise a missing report would keep the return window open for ever."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The return window of one order: the shop's promise, and the law's floor below it."""

    policy: int
    """The number of the shop's policy that was in force when the order was placed."""
    promised_days: int
    market: str
    """ISO 3166-1 alpha-2; empty when nothing tells."""
    floor_days: int
    """0 where the market has no such law."""
    time_zone: str
    """Of the shop, whose calendar counts."""

    @property
    def window_days(self) -> int:
        """Days after delivery in which the customer may ask."""
        return max(self.promised_days, self.floor_days)

    def window_end(self, shipments: Sequence[Shipment]) -> datetime | None:
        """When the last day of the window ends: the midnight after it, in the shop's zone; None
        while nothing was shipped.

        Counted from the latest delivery, in whole days of the shop's own calendar.
        """
        if not shipments:
            return None
        return self.window_end_of(
            max(s.delivered_at or s.shipped_at + ASSUMED_TRANSIT for s in shipments)
        )

    def window_end_of(self, delivered: datetime) -> datetime:
        """The same, where the latest delivery is known."""
        return midnight(self.time_zone, delivered, days=self.window_days + 1)


def terms(
    policies: Iterable[ReturnPolicy], *, placed_at: datetime, region: str, time_zone: str
) -> Terms:
    """The terms of an order placed at this time; pure. `policies` are all of the shop's; an order
    from before the first has the first."""
    earliest, *later = sorted(policies, key=lambda policy: policy.number)
    agreed = next((row for row in reversed(later) if row.since <= placed_at), earliest)
    market = markets.market_of(region, time_zone)
    return Terms(
        policy=agreed.number,
        promised_days=agreed.window_days,
        market=market,
        floor_days=markets.RETURN_DAYS.get(market, 0),
        time_zone=time_zone,
    )


async def terms_of(tx: Transaction | None, shop: Shop, order: Order) -> Terms:
    """The terms of one of the shop's orders."""
    policies = await ReturnPolicy.filter(shop_id=shop.id).using_db(tx)
    return terms(policies, placed_at=order.placed_at, region=order.region, time_zone=shop.time_zone)


def return_due(shop: Shop, paid_at: datetime) -> datetime:
    """Refund first: the midnight after the last day on which the goods must be on their way, in
    the shop's zone."""
    return midnight(shop.time_zone, paid_at, days=shop.return_days + 1)


def return_final(shop: Shop, paid_at: datetime) -> datetime:
    """Refund first: the same for the days of grace after the reminder."""
    return midnight(shop.time_zone, paid_at, days=shop.return_days + shop.return_grace_days + 1)


def dispute_end(shop: Shop, refused_at: datetime) -> datetime:
    """The midnight after the last day on which a refusal may be disputed, in the shop's zone; with
    no days at all, the moment of the refusal."""
    if shop.dispute_days == 0:
        return refused_at
    return midnight(shop.time_zone, refused_at, days=shop.dispute_days + 1)


def midnight(time_zone: str, moment: datetime, *, days: int) -> datetime:
    """The beginning of the day so many days later, in this time zone."""
    zone = ZoneInfo(time_zone)
    # By the calendar: a day of 23 or 25 hours is still a day.
    day = moment.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time(), tzinfo=zone)


def refunds_shipping(
    lines: Iterable[OrderLine], *, takes_everything: bool, seller_at_fault: bool
) -> bool:
    """Shipping goes back with the last of the goods: when nothing was sent, or the shop erred.

    `lines` are all lines of the order: what was sent and refunded before was shipped all the same.
    """
    if not takes_everything:
        return False
    return seller_at_fault or all(line.fulfilment is Fulfilment.UNSHIPPED for line in lines)


def skips_finance(shop: Shop, *, amount: int, currency: str, everybody_agreed: bool) -> bool:
    """Small money on which every earlier step agreed needs no finance review."""
    return everybody_agreed and currency == shop.currency and amount <= shop.finance_threshold
