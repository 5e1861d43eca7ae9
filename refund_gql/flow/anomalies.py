"""What goes wrong with parcels on their way to customers: noticed once, closed by delivery.

Only parcels that are followed, and whose courier has answered lately: a courier that is down
makes no parcel late. The job `anomaly` tells shop and customer; rules read `courier.anomaly`.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from refund_gql import clock, database, jobs
from refund_gql.database import Transaction
from refund_gql.flow import lanes
from refund_gql.models import new_id

JOB = "anomaly"
STUCK = timedelta(hours=72)
LOST = timedelta(days=10)
"""Without a scan for so long."""
_FRESH = timedelta(days=2)
"""How lately a courier must have answered for its silence about a parcel to mean anything."""
_AT_ONCE = 500

MISSING = """
select 'anomaly' as kind, id as subject, 'anomaly:' || id as key from shipment_anomaly
 where told_at is null
"""
"""The anomalies that must have a live job, as the reconciler's sweep wants them."""

DELIVERED = """
exists (select from tracking_checkpoint d
         where d.shop_id = s.shop_id and d.tracking_number = s.tracking_number
           and d.tag = 'DELIVERED' and d.at >= s.shipped_at - interval '1 day'
           and not d.flags ?| array['RETURNING', 'RETURNED_TO_SENDER', 'REFUSED'])
"""
"""Whether a courier has delivered the shipment `s`, in SQL. The shop may enter a parcel after its
courier has scanned it, so the first day before counts too."""

_CLOSE = f"""
update shipment_anomaly a set closed_at = $1 from shipment s
 where s.id = a.shipment_id and a.closed_at is null
   and (s.delivered_at is not null or {DELIVERED})
"""  # noqa: S608 - our own texts
_FOUND = f"""
with followed as (
    select s.id as shipment_id, s.shop_id, s.order_id, w.ended, last.tag,
           {lanes.EXPECTED_AT} as expected_at, coalesce(last.at, s.shipped_at) as scanned_at
      from parcel_watch w
      join shipment s on s.shop_id = w.shop_id and s.tracking_number = w.tracking_number
      {lanes.JOINED}
      left join lateral (
          select c.tag, c.at from tracking_checkpoint c
           where c.shop_id = s.shop_id and c.tracking_number = s.tracking_number
             and c.at <= $1::timestamptz + interval '1 day'
           order by c.at desc, c.id desc limit 1) last on true
     where w.direction = 'OUT' and s.delivered_at is null and not {DELIVERED}
       and (w.closed_at is null and w.answered_at > $1::timestamptz - $2::interval
            or w.ended in ('EXPIRED', 'SENT_BACK')
           and w.closed_at > $1::timestamptz - $2::interval)
)
select f.shop_id, f.order_id, f.shipment_id, k.kind, k.since
  from followed f, lateral (values
      ('EXCEPTION', f.tag = 'EXCEPTION', f.scanned_at),
      ('LOST', f.tag = 'EXPIRED' or f.ended = 'EXPIRED'
               or f.scanned_at < $1::timestamptz - $4::interval, f.scanned_at + $4::interval),
      ('STUCK', f.scanned_at < $1::timestamptz - $3::interval, f.scanned_at + $3::interval),
      ('LATE', f.expected_at < $1, f.expected_at)) k(kind, holds, since)
 where k.holds and (k.kind = 'EXCEPTION' or f.tag is distinct from 'AVAILABLE_FOR_PICKUP')
   and not exists (select from shipment_anomaly a
                    where a.shipment_id = f.shipment_id and a.kind = k.kind)
 order by f.shipment_id, k.kind limit $5
"""  # noqa: S608 - our own texts
_OPEN = """
insert into shipment_anomaly (id, shop_id, order_id, shipment_id, kind, since, opened_at)
values ($1, $2, $3, $4, $5, least($6::timestamptz, $7), $7::timestamptz)
on conflict (shipment_id, kind) do nothing returning id
"""


async def sweep() -> int:
    """Close what was delivered, open what is new; returns how many were opened. Sweeping again,
    or at the same time, opens nothing twice."""
    now = clock.now()

    async def work(tx: Transaction) -> int:
        await tx.execute_query(_CLOSE, [now])
        found = await tx.execute_query_dict(_FOUND, [now, _FRESH, STUCK, LOST, _AT_ONCE])
        return sum([await _open(tx, row) for row in found])

    return await database.transaction(work)


async def _open(tx: Transaction, row: dict[str, Any]) -> bool:
    content = [new_id(), row["shop_id"], row["order_id"], row["shipment_id"], row["kind"]]
    opened = await tx.execute_query_dict(_OPEN, [*content, row["since"], clock.now()])
    for anomaly in opened:
        await _announce(tx, anomaly["id"])
    return bool(opened)


async def _announce(tx: Transaction, anomaly_id: UUID) -> None:
    await jobs.enqueue(tx, JOB, anomaly_id, key=f"{JOB}:{anomaly_id}")
