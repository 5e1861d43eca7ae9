"""What would have been known about refunds when they were asked for, worked out afterwards.

For history that the engine did not see: imports, and refunds from before there were rules. The
names and meanings are those of `flow.facts`, as of the moment of the request. What cannot be
known afterwards is left out: what a CRM system would have said, how long the queue was, how long
parcels took at the time, and in imported files what nobody wrote down. Reads a page of refunds
with one statement.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from refund_gql.database import fetch, read
from refund_gql.flow import business_hours, facts, policy
from refund_gql.flow.policy import Terms
from refund_gql.models import BusinessCalendar, ReturnPolicy
from refund_gql.rules.facts import Facts, FactValue
from refund_gql.states import RefundKind, RefundStatus

_PAGE = """
select r.id, r.currency,
       coalesce((select (e.payload->>'amount')::bigint from event e
                  where e.refund_id = r.id and e.version = 1), r.amount) as amount,
       r.kind, r.requested_by, r.requested_at, r.imported,
       r.customer_id, o.id as order_id, o.placed_at, o.region, o.presale,
       tag.code as reason,
       shop.time_zone, shop.currency as shop_currency,
       not exists (select from refund x where x.order_id = r.order_id and x.id <> r.id
                    and x.split_from_id is distinct from r.id
                    and r.split_from_id is distinct from x.id
                    and x.requested_at <= r.requested_at) as first_on_order,
       exists (select from decision d where d.refund_id = r.id and d.step = 'PROVIDE_EVIDENCE'
                and d.decided_at <= r.requested_at)
           or exists (select from evidence_file f where f.refund_id = r.id
                       and f.status = 'STORED' and f.purpose <> 'INSPECTION'
                       and f.uploaded_at <= r.requested_at) as evidence_given,
       (select sum(amount)::bigint from capture c
         where c.order_id = o.id and c.captured_at <= r.requested_at) as paid_amount,
       (select array_agg(distinct p.category order by p.category)
          from refund_line l join product p on p.shop_id = r.shop_id and p.sku = l.sku
         where l.refund_id = r.id and p.category <> '') as categories,
       (select bool_or(last.tag = any($3) or last.flags::text <> '[]')
          from (select distinct on (s.id) c.tag, c.flags
                  from shipment s join tracking_checkpoint c
                    on c.shop_id = s.shop_id and c.tracking_number = s.tracking_number
                 where s.order_id = o.id and c.received_at <= r.requested_at
                 order by s.id, c.at desc, c.id desc) last) as anomaly,
       case when goods.sent > 0 then true when goods.dated then false end
           as goods_shipped,
       units.lines, units.bought, units.shipped - parcels.ever as undated, parcels.sent,
       parcels.delivered, parcels.delivered_at, parcels.arrived_at,
       bought.*, asked.*, owed.*
  from refund r join shop on shop.id = r.shop_id
  left join "order" o on o.id = r.order_id
  left join reason_tag tag on tag.id = r.stated_reason_id
  cross join lateral (
      select coalesce(sum(parcel.sent), 0) as sent,
             bool_and(b.id is not null and b.shipped_quantity <= parcel.ever) as dated
        from refund_line l left join order_line b on b.id = l.order_line_id
        cross join lateral (
            select coalesce(sum(i.quantity), 0) as ever,
                   coalesce(sum(i.quantity) filter (where s.shipped_at <= r.requested_at), 0)
                       as sent
              from shipment_line i join shipment s on s.id = i.shipment_id
             where i.order_line_id = b.id) parcel
       where l.refund_id = r.id) goods
  cross join lateral (
      select count(*) as lines, sum(quantity) as bought, sum(shipped_quantity) as shipped
        from order_line b where b.order_id = o.id) units
  cross join lateral (
      select coalesce(sum(i.quantity), 0) as ever,
             coalesce(sum(i.quantity) filter (where s.shipped_at <= r.requested_at), 0) as sent,
             coalesce(sum(i.quantity) filter (where s.delivered_at <= r.requested_at), 0)
                 as delivered,
             max(s.delivered_at) filter (where s.delivered_at <= r.requested_at) as delivered_at,
             max(case when s.delivered_at <= r.requested_at then s.delivered_at
                      else s.shipped_at + $4::interval end)
                 filter (where s.shipped_at <= r.requested_at) as arrived_at
        from shipment s left join shipment_line i on i.shipment_id = s.id
       where s.order_id = o.id) parcels
  cross join lateral (
      select count(*) as orders,
             coalesce(sum(b.paid - b.paid_back) filter (where b.currency = shop.currency),
                      0)::bigint as lifetime_value,
             {windows}
        from (select b.placed_at, b.currency,
                     exists (select from refund x where x.order_id = b.id and x.id <> r.id
                              and x.requested_at <= r.requested_at
                              and (x.status not in ('REJECTED', 'CANCELLED')
                                   or x.finished_at > r.requested_at)) as refunded,
                     (select coalesce(sum(amount), 0) from capture c where c.order_id = b.id
                       and c.captured_at <= r.requested_at) as paid,
                     (select coalesce(sum(p.amount), 0) from payout p
                        join refund x on x.id = p.refund_id
                       where x.order_id = b.id and p.status = 'SUCCEEDED'
                         and p.settled_at <= r.requested_at) as paid_back
                from "order" b
               where b.customer_id = r.customer_id and b.placed_at <= r.requested_at) b) bought
  -- Filtered, not found by time: an index of the whole shop's requests would be read each time.
  cross join lateral (
      select {asked}
        from refund x where x.customer_id = r.customer_id and x.id <> r.id) asked
  cross join lateral (
      select count(*) as open_claims from goods_claim g
       where g.customer_id = r.customer_id and g.opened_at <= r.requested_at
         and (g.closed_at is null or g.closed_at > r.requested_at)) owed
 where r.shop_id = $1 and r.id = any($2::uuid[])
"""
_WINDOW = """
             count(*) filter (where b.placed_at > r.requested_at - interval '{days} days')
                 as orders_{days}d,
             count(*) filter (where b.refunded
                 and b.placed_at > r.requested_at - interval '{days} days') as refunded_{days}d"""
_ASKED = """
             count(*) filter (where x.requested_at <= r.requested_at
                 and x.requested_at > r.requested_at - interval '{days} days') as refunds_{days}d"""
_PAGE = _PAGE.format(
    windows=",".join(_WINDOW.format(days=days) for days in facts.WINDOWS),
    asked=",".join(_ASKED.format(days=days) for days in facts.WINDOWS),
)


async def reconstructed(shop_id: UUID, refunds: Sequence[UUID]) -> dict[UUID, Facts]:
    """Refund -> what was known when it was asked for."""
    if not refunds:
        return {}
    trouble, transit = sorted(facts.TROUBLE), policy.ASSUMED_TRANSIT
    rows = await fetch(_PAGE, shop_id, list(refunds), trouble, transit)
    promised = await read(ReturnPolicy.filter(shop_id=shop_id).all)
    opened = await read(BusinessCalendar.filter(shop_id=shop_id).order_by("number").all)
    return {row["id"]: _facts(dict(row), promised, opened) for row in rows}


def _facts(
    row: Mapping[str, Any],
    promised: Sequence[ReturnPolicy],
    opened: Sequence[BusinessCalendar],
) -> Facts:
    calendar = business_hours.at(row["time_zone"], opened, row["requested_at"])
    known = {**_of_refund(row), **facts.of_the_hour(row["requested_at"], calendar)}
    known["shop.currency"] = row["shop_currency"]
    if row["order_id"] is not None:
        known |= _of_order(
            row,
            policy.terms(
                promised,
                placed_at=row["placed_at"],
                region=row["region"],
                time_zone=row["time_zone"],
            ),
        )
    if row["customer_id"] is not None:
        known |= facts.of_customer(row)
    return Facts(known)


def _of_refund(row: Mapping[str, Any]) -> dict[str, FactValue]:
    known: dict[str, FactValue] = {
        "refund.amount": row["amount"],
        "refund.currency": row["currency"],
        "refund.status": RefundStatus.REQUESTED.value,
        "refund.age_minutes": 0,
        "refund.evidence_given": row["evidence_given"],
    }
    if row["goods_shipped"] is not None:
        known["refund.goods_shipped"] = row["goods_shipped"]
    if row["goods_shipped"] is False:
        known["refund.kind"] = RefundKind.REFUND_ONLY.value
    # A file that names no customer and no reason was not asked for by nobody, for no reason.
    if not row["imported"] or row["reason"]:
        known["refund.reason"] = row["reason"] or ""
    channel = facts.channel(row["requested_by"])
    if channel != "SYSTEM":
        known["refund.channel"] = channel
        known.setdefault("refund.kind", row["kind"])
    if row["categories"]:
        known["product.categories"] = tuple(row["categories"])
    return known


def _of_order(row: Mapping[str, Any], terms: Terms) -> dict[str, FactValue]:
    at: datetime = row["requested_at"]
    paid = row["paid_amount"] or 0
    known: dict[str, FactValue] = {
        "order.age_minutes": facts.minutes(at - row["placed_at"]),
        "order.paid_amount": paid,
        "order.lines": row["lines"],
        "order.region": row["region"],
        "order.market": terms.market,
        "order.presale": row["presale"],
        "refund.first_on_order": row["first_on_order"],
        **_of_parcels(row),
    }
    if row["arrived_at"] is not None:
        known["order.within_window"] = at < terms.window_end_of(row["arrived_at"])
    elif not row["undated"]:
        known["order.within_window"] = True
    if paid > 0:
        known["refund.share_of_order"] = min(row["amount"] / paid, 1.0)
    return known


def _of_parcels(row: Mapping[str, Any]) -> dict[str, FactValue]:
    """How far the goods had come. Units that were sent nobody knows when leave it open."""
    known: dict[str, FactValue] = {}
    if row["sent"] or not row["undated"]:
        known["order.shipped"] = row["sent"] > 0
    if not row["undated"] or row["delivered"] >= row["bought"]:
        known["order.delivered"] = 0 < row["bought"] <= row["delivered"]
    if row["delivered_at"] is not None:
        days: timedelta = row["requested_at"] - row["delivered_at"]
        known["order.days_since_delivery"] = days.days
    if row["anomaly"] is not None:
        known["courier.anomaly"] = row["anomaly"]
    return known
