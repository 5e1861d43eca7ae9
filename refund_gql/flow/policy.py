"""The rules of the house as data and pure functions: windows, thresholds, shipping.

Built in for now; a later version lets every shop write its own rules on top.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from refund_gql.models import OrderLine, Shipment, Shop
from refund_gql.states import Fulfilment

ASSUMED_TRANSIT = timedelta(days=15)
"""A parcel nobody reported as delivered counts as delivered so long after it was shipped:
otherwise a missing report would keep the return window open for ever."""


def window_end(shop: Shop, shipments: Sequence[Shipment]) -> datetime | None:
    """When the last day of the return window ends: the midnight after it, in the shop's zone;
    None while nothing was shipped.

    Counted from the latest delivery, in whole days of the shop's own calendar.
    """
    if not shipments:
        return None
    delivered = max(s.delivered_at or s.shipped_at + ASSUMED_TRANSIT for s in shipments)
    return midnight(shop, delivered, days=shop.return_window_days + 1)


def return_due(shop: Shop, paid_at: datetime) -> datetime:
    """Refund first: the midnight after the last day on which the goods must be on their way, in
    the shop's zone."""
    return midnight(shop, paid_at, days=shop.return_days + 1)


def return_final(shop: Shop, paid_at: datetime) -> datetime:
    """Refund first: the same for the days of grace after the reminder."""
    return midnight(shop, paid_at, days=shop.return_days + shop.return_grace_days + 1)


def midnight(shop: Shop, moment: datetime, *, days: int) -> datetime:
    """The beginning of the day so many days later, where the shop is."""
    zone = ZoneInfo(shop.time_zone)
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
