"""What the engine knows about a refund when its rules are asked: one reading of the database.

Read inside the transaction that acts on it, under the refund's and the order's locks, so that
what was decided on is what is true. What nobody knows is left out, never guessed; the names and
their meanings stand in `rules.facts`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from refund_gql import markets
from refund_gql.calendars import Calendar
from refund_gql.database import Transaction
from refund_gql.desks import STATUSES, Desk
from refund_gql.flow import business_hours, lanes, policy
from refund_gql.flow.signals import Risk
from refund_gql.models import Order, Refund, Shipment, Shop
from refund_gql.rules.facts import Facts, FactValue
from refund_gql.states import RefundKind

_REFUND = """
select coalesce(tag.code, '') as reason,
       exists (select from refund_line l join order_line o on o.id = l.order_line_id
                where l.refund_id = r.id and o.shipped_quantity > 0) as goods_shipped,
       not exists (select from refund x where x.order_id = r.order_id and x.id <> r.id
                    and x.split_from_id is distinct from r.id
                    and r.split_from_id is distinct from x.id
                    and x.requested_at <= r.requested_at) as first_on_order,
       exists (select from decision d where d.refund_id = r.id
                and d.step = 'PROVIDE_EVIDENCE')
           or exists (select from evidence_file f where f.refund_id = r.id
                       and f.status = 'STORED' and f.purpose <> 'INSPECTION') as evidence_given,
       o.id as order_id, o.placed_at, o.fulfilment, o.region, o.presale,
       (select sum(amount)::bigint from capture c where c.order_id = o.id) as paid_amount,
       (select count(*) from order_line l where l.order_id = o.id) as lines,
       (select max(delivered_at) from shipment s where s.order_id = o.id) as delivered_at,
       (select array_agg(distinct p.category order by p.category)
          from refund_line l join product p on p.shop_id = r.shop_id and p.sku = l.sku
         where l.refund_id = r.id and p.category <> '') as categories,
       (select max(rate.refunded::float8 / rate.sold)
          from refund_line l join product p on p.shop_id = r.shop_id and p.sku = l.sku
          join product_rate rate on rate.product_id = p.id
         where l.refund_id = r.id) as highest_rate,
       shop.time_zone, shop.currency as shop_currency,
       (select count(*) from refund q
         where q.shop_id = r.shop_id and q.status = any($2::text[])) as queue_length
  from refund r join "order" o on o.id = r.order_id join shop on shop.id = r.shop_id
  left join reason_tag tag on tag.id = r.stated_reason_id
 where r.id = $1
"""

_FIRST_REVIEW = sorted(status.value for status in STATUSES[Desk.FIRST_REVIEW])

_CUSTOMER = """
with orders as (
    select o.id, o.placed_at, o.currency,
           exists (select from refund r where r.order_id = o.id
                    and r.status not in ('REJECTED', 'CANCELLED') and r.id <> $3) as refunded,
           (select coalesce(sum(amount), 0) from capture c where c.order_id = o.id) as paid,
           (select coalesce(sum(p.amount), 0) from payout p join refund r on r.id = p.refund_id
             where r.order_id = o.id and p.status = 'SUCCEEDED') as paid_back
      from "order" o where o.customer_id = $1
), refunds as (
    select requested_at from refund where customer_id = $1 and id <> $3
)
select (select count(*) from orders) as orders,
       (select coalesce(sum(paid - paid_back), 0)::bigint from orders where currency = $4)
           as lifetime_value,
       (select count(*) from goods_claim where customer_id = $1 and status = 'OPEN') as open_claims,
       {windows}
"""
_WINDOW = """
       (select count(*) from refunds where requested_at > $2::timestamptz - interval '{days} days')
           as refunds_{days}d,
       (select count(*) from orders where placed_at > $2::timestamptz - interval '{days} days')
           as orders_{days}d,
       (select count(*) from orders where refunded
           and placed_at > $2::timestamptz - interval '{days} days') as refunded_{days}d"""
WINDOWS = (30, 90, 365)
_CUSTOMER = _CUSTOMER.format(windows=",".join(_WINDOW.format(days=days) for days in WINDOWS))

_PARCELS = """
select distinct on (s.id) c.tag, c.flags,
       exists (select from shipment_anomaly a
                where a.shipment_id = s.id and a.closed_at is null) as noticed
  from shipment s join tracking_checkpoint c
    on c.shop_id = s.shop_id and c.tracking_number = s.tracking_number
 where s.order_id = $1 order by s.id, c.at desc, c.id desc
"""
_DELAY = f"""
select max(extract(epoch from
           coalesce(s.delivered_at, w.delivered_at, $2) - ({lanes.EXPECTED_AT})))::float8 as late
  from shipment s {lanes.JOINED}
  left join parcel_watch w on w.shop_id = s.shop_id and w.tracking_number = s.tracking_number
   and w.direction = 'OUT'
 where s.order_id = $1 and (s.delivered_at is not null or w.id is not null)
"""  # noqa: S608 - our own texts
"""Of the latest parcel, in seconds; a parcel that nobody follows says nothing until it arrives."""
_A_DAY = 24 * 60 * 60
TROUBLE = {"EXCEPTION", "EXPIRED"}
"""The last word of a courier about a parcel that is in trouble."""


async def gather(tx: Transaction, refund: Refund, now: datetime, risk: Risk) -> Facts:
    """Everything that is known about a refund at this moment; the refund as it is in memory,
    where it may be ahead of its row."""
    [row] = await tx.execute_query_dict(_REFUND, [refund.id, _FIRST_REVIEW])
    open_row = await business_hours.newest(tx, refund.shop_id)
    calendar = business_hours.in_force(row["time_zone"], open_row)
    known = {**_of_refund(refund, row, now), **_of_order(row, now), **_of_shop(row, calendar, now)}
    if refund.customer_id is not None:
        known |= await _of_customer(tx, refund, row["shop_currency"], now)
    known |= await _of_parcels(tx, row["order_id"])
    known |= await _delay(tx, row["order_id"], now)
    sent = row["fulfilment"] != "UNSHIPPED"
    known["order.within_window"] = not sent or await _within_window(tx, refund, now)
    return Facts({**known, **risk.facts()})


def _of_refund(refund: Refund, row: dict[str, Any], now: datetime) -> dict[str, FactValue]:
    paid = row["paid_amount"] or 0
    known: dict[str, FactValue] = {
        "refund.amount": refund.amount,
        "refund.currency": str(refund.currency),
        # Nothing has to come back that was never sent, whatever was asked for.
        "refund.kind": refund.kind.value if row["goods_shipped"] else RefundKind.REFUND_ONLY.value,
        "refund.status": refund.status.value,
        "refund.reason": row["reason"],
        "refund.channel": channel(refund.requested_by),
        "refund.goods_shipped": row["goods_shipped"],
        "refund.age_minutes": minutes(now - refund.requested_at),
        "refund.first_on_order": row["first_on_order"],
        "refund.evidence_given": row["evidence_given"],
    }
    if paid > 0:
        known["refund.share_of_order"] = min(refund.amount / paid, 1.0)
    if row["categories"]:
        known["product.categories"] = tuple(row["categories"])
    if row["highest_rate"] is not None:
        known["product.highest_refund_rate"] = row["highest_rate"]
    return known


def _of_order(row: dict[str, Any], now: datetime) -> dict[str, FactValue]:
    known: dict[str, FactValue] = {
        "order.age_minutes": minutes(now - row["placed_at"]),
        "order.shipped": row["fulfilment"] != "UNSHIPPED",
        "order.delivered": row["fulfilment"] == "DELIVERED",
        "order.paid_amount": row["paid_amount"] or 0,
        "order.lines": row["lines"],
        "order.region": row["region"],
        "order.market": markets.market_of(row["region"], row["time_zone"]),
        "order.presale": row["presale"],
    }
    if row["delivered_at"] is not None:
        known["order.days_since_delivery"] = (now - row["delivered_at"]).days
    return known


async def _within_window(tx: Transaction, refund: Refund, now: datetime) -> bool:
    parcels = await Shipment.filter(order_id=refund.order_id).using_db(tx)
    if not parcels:
        return True
    shop = await Shop.filter(id=refund.shop_id).using_db(tx).get()
    order = await Order.filter(id=refund.order_id).using_db(tx).get()
    end = (await policy.terms_of(tx, shop, order)).window_end(parcels)
    return end is None or now < end


def _of_shop(row: dict[str, Any], calendar: Calendar, now: datetime) -> dict[str, FactValue]:
    return {
        **of_the_hour(now, calendar),
        "shop.currency": row["shop_currency"],
        "desk.queue_length": row["queue_length"],
    }


async def _of_customer(
    tx: Transaction, refund: Refund, currency: str, now: datetime
) -> dict[str, FactValue]:
    [found] = await tx.execute_query_dict(_CUSTOMER, [refund.customer_id, now, refund.id, currency])
    return of_customer(found)


def of_customer(found: Mapping[str, Any]) -> dict[str, FactValue]:
    """From the columns that `_CUSTOMER` has; without orders there is no rate."""
    known: dict[str, FactValue] = {
        "customer.orders": found["orders"],
        "customer.lifetime_value": found["lifetime_value"],
        "customer.open_claims": found["open_claims"],
    }
    for days in WINDOWS:
        known[f"customer.refunds_{days}d"] = found[f"refunds_{days}d"]
        if found[f"orders_{days}d"]:
            rate = found[f"refunded_{days}d"] / found[f"orders_{days}d"]
            known[f"customer.refund_rate_{days}d"] = rate
    return known


async def _of_parcels(tx: Transaction, order_id: UUID) -> dict[str, FactValue]:
    """Known only for parcels whose courier has told anything."""
    rows = await tx.execute_query_dict(_PARCELS, [order_id])
    if not rows:
        return {}
    trouble = (row["noticed"] or row["tag"] in TROUBLE or row["flags"] != "[]" for row in rows)
    return {"courier.anomaly": any(trouble)}


async def _delay(tx: Transaction, order_id: UUID, now: datetime) -> dict[str, FactValue]:
    """Known once a parcel has arrived, or is followed."""
    [row] = await tx.execute_query_dict(_DELAY, [order_id, now])
    if row["late"] is None:
        return {}
    return {"courier.delay_days": max(int(row["late"] // _A_DAY), 0)}


def channel(requested_by: str) -> str:
    """Who asked, from KIND:id."""
    kind = requested_by.partition(":")[0]
    return "AGENT" if kind == "STAFF" else kind


def of_the_hour(now: datetime, calendar: Calendar) -> dict[str, FactValue]:
    """What the shop's own clock and calendar show."""
    local = now.astimezone(calendar.zone)
    return {
        "shop.hour": local.hour,
        "shop.weekday": local.isoweekday(),
        "shop.business_hours": calendar.is_open(now),
    }


def minutes(span: timedelta) -> int:
    """Whole minutes, never fewer than none."""
    return max(int(span.total_seconds() // 60), 0)
