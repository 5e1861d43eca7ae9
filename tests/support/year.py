"""A made-up year of requests for refunds, to be imported as history and to be really made.

The mix is made up, and plausible for a shop whose customers ask early: most ask before anything
is sent; some of these ask for a lot of money, and some parcels leave although somebody asked.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from refund_gql.demo.history import deal
from refund_gql.importing import reading
from refund_gql.importing.mapping import OrderFields, OrderMapping, RefundFields, RefundMapping
from refund_gql.importing.run import Run
from refund_gql.models import Shop


class Sort(StrEnum):
    """What is asked for, and how far the goods have come."""

    UNSENT = "UNSENT"
    SENT_LATER = "SENT_LATER"
    """Not sent when it was asked for; the parcel left afterwards."""
    HIGH_VALUE = "HIGH_VALUE"
    """Not sent, and worth more than the default rules let through."""
    UNDER_WAY = "UNDER_WAY"
    DELIVERED = "DELIVERED"


MIX = {
    Sort.UNSENT: 80,
    Sort.SENT_LATER: 8,
    Sort.HIGH_VALUE: 2,
    Sort.UNDER_WAY: 4,
    Sort.DELIVERED: 6,
}
"""Sort -> per cent of all requests: the default rules decide 88 of a hundred."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Request:
    """Somebody wants everything back that an order of one line cost."""

    number: int
    sort: Sort
    at: datetime
    """UTC."""
    placed: timedelta
    """How long before."""
    shipped: timedelta | None
    """How long before; negative: after."""
    delivered: timedelta | None
    price: int
    """Minor units of one unit."""
    quantity: int


def requests(count: int, *, seed: int, until: datetime) -> list[Request]:
    """So many requests in the year before a moment, each sort exactly as often as its share."""
    rng = Random(seed)
    return [_request(rng, n, sort, until) for n, sort in enumerate(deal(rng, MIX, count))]


def _request(rng: Random, number: int, sort: Sort, until: datetime) -> Request:
    shipped, delivered = _course(rng, sort)
    price = rng.randint(200, 90_000)
    return Request(
        number=number,
        sort=sort,
        at=until - rng.uniform(1, 360) * _DAY,
        placed=max(shipped or timedelta(), timedelta()) + rng.uniform(0.2, 30) * _HOUR,
        shipped=shipped,
        delivered=delivered,
        price=price + 500_000 if sort is Sort.HIGH_VALUE else price,
        quantity=rng.choice((1, 1, 1, 2)),
    )


def _course(rng: Random, sort: Sort) -> tuple[timedelta | None, timedelta | None]:
    """When the parcel was sent and delivered, as spans before the request."""
    if sort is Sort.SENT_LATER:
        return -rng.uniform(0.5, 20) * _HOUR, None
    if sort is Sort.UNDER_WAY:
        return rng.uniform(0.2, 4) * _DAY, None
    if sort is Sort.DELIVERED:
        delivered = rng.uniform(0.2, 6) * _DAY
        return delivered + rng.uniform(1, 4) * _DAY, delivered
    return None, None


# --- as history -------------------------------------------------------------------------------

_ORDERS = OrderMapping(
    kind="orders",
    currency="CNY",
    time_zone="Asia/Shanghai",
    fields=OrderFields.model_validate(
        {
            "number": "number",
            "placed_at": "placed_at",
            "sku": "sku",
            "quantity": "quantity",
            "unit_price": "unit_price",
            "shipped_at": "shipped_at",
            "delivered_at": "delivered_at",
        }
    ),
)
_REFUNDS = RefundMapping(
    kind="refunds",
    currency="CNY",
    time_zone="Asia/Shanghai",
    fields=RefundFields.model_validate(
        {
            "number": "refund",
            "order_number": "number",
            "refunded_at": "asked_at",
            "sku": "sku",
            "quantity": "quantity",
            "unit_price": "unit_price",
        }
    ),
)


async def bring_in(shop: Shop, asked: Sequence[Request], folder: Path) -> None:
    """Import the orders and their refunds from a file, as a shop would bring its past along."""
    file = folder / "year.csv"
    rows = [_row(request) for request in asked]
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    await Run(reading.orders(file, _ORDERS), shop).perform()
    await Run(reading.refunds(file, _REFUNDS), shop).perform()


def _row(request: Request) -> dict[str, object]:
    return {
        "number": f"SO-{request.number}",
        "refund": f"OLD-{request.number}",
        "sku": "CUP",
        "quantity": request.quantity,
        "unit_price": f"{request.price // 100}.{request.price % 100:02}",
        "placed_at": _before(request.at, request.placed),
        "asked_at": _before(request.at, timedelta()),
        "shipped_at": _before(request.at, request.shipped),
        "delivered_at": _before(request.at, request.delivered),
    }


def _before(at: datetime, span: timedelta | None) -> str:
    return "" if span is None else (at - span).astimezone(UTC).isoformat()


# --- as they are really made ------------------------------------------------------------------


def order(request: Request, now: datetime) -> dict[str, Any]:
    """The order as the shop would report it at the moment of the request, for `World.order`."""
    line = {
        "sku": "CUP",
        "title": "杯子",
        "quantity": request.quantity,
        "unitPrice": request.price,
    }
    found: dict[str, Any] = {"lines": [line], "placedAt": _before(now, request.placed)}
    if request.shipped is not None and request.shipped > timedelta():
        parcel = {
            "courier": "SF",
            "trackingNumber": f"T-{request.number}",
            "shippedAt": _before(now, request.shipped),
        }
        if request.delivered is not None:
            parcel["deliveredAt"] = _before(now, request.delivered)
        found["shipments"] = [parcel]
    return found
