"""Which parcels are followed: returns on their way back, and what was sent to customers.

A parcel is followed when the shop's routing says where; for sixty days at most.
"""

from datetime import datetime, timedelta
from uuid import UUID

from refund_gql import clock, database, jobs
from refund_gql.choices import ParcelDirection
from refund_gql.database import Transaction
from refund_gql.models import new_id

JOB = "watch"
LONGEST = timedelta(days=60)
"""How long a parcel is followed."""
_AT_ONCE = 500
"""Parcels that one sweep takes up."""

MISSING = """
select 'watch' as kind, id as subject, 'watch:' || id || ':missing' as key
  from parcel_watch where closed_at is null
"""
"""The parcels that must have a live job, as the reconciler's sweep wants them."""

# A parcel that was followed before, as by a return that was sent off wrongly, is taken up again.
_FOLLOW = """
insert into parcel_watch (id, shop_id, courier, tracking_number, carrier, direction, mode,
                          next_look_at, polls, failures, created_at)
select $1, shop.id, route ->> 'provider', $4, coalesce(route ->> 'carrier', ''), $5,
       'SUBSCRIBING', $6, 0, 0, $6
  from shop, lateral (select courier_routes -> $3 as route) routed
 where shop.id = $2 and route is not null
on conflict (shop_id, courier, tracking_number) do update
   set direction = excluded.direction, mode = excluded.mode, failures = 0,
       next_look_at = excluded.next_look_at, created_at = excluded.created_at,
       closed_at = null, ended = null
 where parcel_watch.closed_at is not null
returning id
"""
_NOT_FOLLOWED = """
with wanted as (
    select s.shop_id, s.courier, s.tracking_number, 'OUT' as direction from shipment s
     where s.delivered_at is null and s.shipped_at between $1::timestamptz - $2::interval and $1
    union all
    select g.shop_id, g.courier, g.tracking_number, 'BACK' from goods_return g
     where g.status = 'SHIPPED' and g.shipped_at > $1::timestamptz - $2::interval
)
select w.* from wanted w join shop on shop.id = w.shop_id
 where shop.courier_routes -> w.courier is not null
   and not exists (select from parcel_watch p where p.shop_id = w.shop_id
                    and p.tracking_number = w.tracking_number
                    and p.courier = shop.courier_routes -> w.courier ->> 'provider')
 limit $3
"""


async def follow(
    tx: Transaction, shop_id: UUID, word: str, number: str, direction: ParcelDirection
) -> None:
    """Have a parcel followed, if the shop says where; `word` is its own for the courier."""
    now = clock.now()
    row = [new_id(), shop_id, word, number, direction.value, now]
    for found in await tx.execute_query_dict(_FOLLOW, row):
        await alarm(tx, found["id"], now)


async def follow_missing() -> int:
    """Take up what should be followed and is not: new shipments, returns whose courier got a
    route later. Returns how many were found."""

    async def work(tx: Transaction) -> int:
        rows = await tx.execute_query_dict(_NOT_FOLLOWED, [clock.now(), LONGEST, _AT_ONCE])
        for row in rows:
            direction = ParcelDirection(row["direction"])
            await follow(tx, row["shop_id"], row["courier"], row["tracking_number"], direction)
        return len(rows)

    return await database.transaction(work)


async def alarm(tx: Transaction, watch_id: UUID, at: datetime) -> None:
    """Have the parcel looked at then, UTC. Named by its time: the same alarm is set once."""
    await jobs.enqueue(tx, JOB, watch_id, key=f"{JOB}:{watch_id}:{at.timestamp()}", run_at=at)
