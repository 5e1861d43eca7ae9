"""How long parcels take: the shop's own, by courier and region, counted every night."""

from datetime import timedelta
from typing import Any

from refund_gql import clock, database
from refund_gql.database import Transaction
from refund_gql.models import Lane, new_id

LOOKS_BACK = timedelta(days=180)
LEAST_CASES = 20
"""Fewer parcels say nothing: the shop's own `deliveryDays` count."""
_AT_ONCE = 1000

_FIGURES = """
select s.shop_id, s.courier, o.region, count(*)::int as cases,
       percentile_cont(0.5) within group (order by took) as p50,
       percentile_cont(0.9) within group (order by took) as p90
  from shipment s join "order" o on o.id = s.order_id
  left join parcel_watch w on w.shop_id = s.shop_id and w.tracking_number = s.tracking_number
   and w.direction = 'OUT',
       lateral (select extract(epoch from coalesce(s.delivered_at, w.delivered_at)
                               - s.shipped_at) / 3600 as took) t
 where s.shipped_at between $1::timestamptz - $2::interval and $1 and took > 0
 group by s.shop_id, s.courier, o.region having count(*) >= $3
"""

EXPECTED_AT = """
s.shipped_at + make_interval(hours => coalesce(lane.p90_hours, shop.delivery_days * 24))
"""
"""By when nine of ten parcels of the lane arrive, in SQL: `s` is the shipment, `lane` its lane
or nothing, `shop` its shop."""
JOINED = """
  join shop on shop.id = s.shop_id join "order" o on o.id = s.order_id
  left join lane on lane.shop_id = s.shop_id and lane.courier = s.courier
   and lane.region = o.region
"""
"""What `EXPECTED_AT` needs beside the shipment `s`."""


async def refresh() -> int:
    """Count all lanes anew; returns how many have a history."""
    now = clock.now()
    rows = await database.fetch(_FIGURES, now, LOOKS_BACK, LEAST_CASES)
    lanes = [
        Lane(
            id=new_id(),
            shop_id=row["shop_id"],
            courier=row["courier"],
            region=row["region"],
            cases=row["cases"],
            p50_hours=_whole(row["p50"]),
            p90_hours=_whole(row["p90"]),
            refreshed_at=now,
        )
        for row in rows
    ]

    async def work(tx: Transaction) -> None:
        # A lane that nobody uses any more has nothing to say.
        await Lane.filter(refreshed_at__lt=now).using_db(tx).delete()
        await Lane.bulk_create(lanes, batch_size=_AT_ONCE, using_db=tx)

    await database.transaction(work)
    return len(lanes)


def _whole(hours: Any) -> int:
    """Rounded up: within so many hours."""
    return -int(-hours // 1)
