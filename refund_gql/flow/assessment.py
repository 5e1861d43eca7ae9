"""The shop's own look at its customers: by schedules, never while a refund waits.

`assess` looks at those of whom there is new evidence since it last ran, `assess_all` learns once
a day what is usual in each shop and looks at everybody with a refund. Both may be repeated and
cut short at any moment: what was missed is found by the next run.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from refund_gql import clock, database
from refund_gql.database import Transaction
from refund_gql.flow import own_signals, standing
from refund_gql.flow.own_signals import Baseline, History, Period
from refund_gql.flow.signals import Signal, stored
from refund_gql.models import RiskBaseline, Shop, new_id
from refund_gql.money import Money

_BATCH = 200
"""Customers that are looked at in one statement."""
_OVERLAP = timedelta(minutes=5)
"""Evidence may become visible so long after the time it carries: no transaction is longer."""

_COUNTED = """
    select r.id, r.customer_id, r.order_id, r.currency, r.amount, r.requested_at, r.status,
           r.stated_reason_id, r.split_from_id
      from refund r left join reason_tag found on found.id = r.found_reason_id
     where r.shop_id = $1 and r.requested_at > $2 and r.customer_id is not null
       and r.status not in ('REJECTED', 'CANCELLED')
       and not coalesce(found.seller_at_fault, false)
"""
"""The refunds that are evidence."""

_USUAL = f"""
with counted as ({_COUNTED}), bought as (
    select customer_id, count(*) as orders from "order"
     where shop_id = $1 and placed_at > $2 and customer_id is not null
     group by customer_id having count(*) >= $3
), refunded as (
    select r.customer_id,
           count(distinct r.order_id) filter (where o.placed_at > $2) as orders,
           sum(r.amount) filter (where r.status = 'REFUNDED' and r.currency = $4) as amount
      from counted r left join "order" o on o.id = r.order_id group by r.customer_id
)
select count(*) as customers,
       percentile_disc(0.95) within group (
           order by coalesce(r.orders, 0)::float8 / b.orders) as high_rate,
       percentile_disc(0.95) within group (order by coalesce(r.amount, 0))::bigint as high_amount
  from bought b left join refunded r using (customer_id)
"""  # noqa: S608 - no input

_HISTORIES = f"""
with counted as ({_COUNTED} and r.customer_id = any($3::uuid[])), refunds as (
    select r.customer_id, count(*) as count, min(requested_at) as first, max(requested_at) as last,
           count(distinct r.order_id) filter (where o.placed_at > $2) as orders,
           sum(r.amount) filter (where r.status = 'REFUNDED' and r.currency = $5)::bigint as amount
      from counted r left join "order" o on o.id = r.order_id group by r.customer_id
), reasons as (
    select distinct on (r.customer_id) r.customer_id, tag.labels, count(*) as count,
           min(r.requested_at) as first, max(r.requested_at) as last
      from counted r join reason_tag tag on tag.id = r.stated_reason_id
     where r.requested_at > $4 and r.split_from_id is null
     group by r.customer_id, tag.id order by r.customer_id, count(*) desc, tag.id
), findings as (
    select r.customer_id, count(*) as count, min(i.inspected_at) as first,
           max(i.inspected_at) as last
      from refund r join refund_line l on l.refund_id = r.id
      join inspection i on i.refund_line_id = l.id
     where r.shop_id = $1 and r.customer_id = any($3::uuid[])
       and i.verdict <> 'ACCEPTED' and i.inspected_at > $2
     group by r.customer_id
)
select c.id,
       (select count(*) from "order" o where o.customer_id = c.id and o.placed_at > $2) as orders,
       f.orders as refunded_orders, f.amount,
       f.count as refunds_count, f.first as refunds_first, f.last as refunds_last,
       w.labels, w.count as reasons_count, w.first as reasons_first, w.last as reasons_last,
       i.count as findings_count, i.first as findings_first, i.last as findings_last,
       k.own_signals
  from customer c left join refunds f on f.customer_id = c.id
  left join reasons w on w.customer_id = c.id
  left join findings i on i.customer_id = c.id
  left join customer_risk k on k.customer_id = c.id
 where c.shop_id = $1 and c.id = any($3::uuid[])
"""  # noqa: S608 - no input

_WITH_NEWS = """
select customer_id from refund
 where shop_id = $1 and requested_at > $2 and customer_id is not null
union
select r.customer_id from inspection i join refund_line l on l.id = i.refund_line_id
  join refund r on r.id = l.refund_id
 where i.shop_id = $1 and i.inspected_at > $2 and r.customer_id is not null
"""
_WITH_REFUNDS = """
select customer_id from refund
 where shop_id = $1 and requested_at > $2 and customer_id is not null
union
select customer_id from customer_risk where shop_id = $1 and own_signals <> '[]'
"""


async def assess() -> None:
    """The schedule `assess`: look at every customer of whom there is new evidence."""
    for shop in await database.read(lambda: Shop.all().order_by("id")):
        known = await database.read(RiskBaseline.filter(shop_id=shop.id).first)
        if known is None:
            await _assess_all(shop)
        else:
            now, since = clock.now(), known.assessed_until - _OVERLAP
            await _assess(shop, _usual(known), await _customers(_WITH_NEWS, shop, since))
            await database.transaction(partial(_note_looked, known=known, until=now))


async def _note_looked(tx: Transaction, *, known: RiskBaseline, until: datetime) -> None:
    await RiskBaseline.filter(id=known.id).using_db(tx).update(assessed_until=until)


async def assess_all() -> None:
    """The schedule `baseline`: learn what is usual, and look at everybody with a refund."""
    for shop in await database.read(lambda: Shop.all().order_by("id")):
        await _assess_all(shop)


async def _assess_all(shop: Shop) -> None:
    now = clock.now()
    usual = await _learn(shop, now)
    since = now - own_signals.WINDOW
    await _assess(shop, usual, await _customers(_WITH_REFUNDS, shop, since))
    await database.transaction(lambda tx: _keep(tx, shop, usual, now))


async def _customers(sql: str, shop: Shop, since: datetime) -> list[UUID]:
    return sorted(row["customer_id"] for row in await database.fetch(sql, shop.id, since))


# --- what is usual ----------------------------------------------------------------------------


async def _learn(shop: Shop, now: datetime) -> Baseline:
    since, least = now - own_signals.WINDOW, own_signals.MIN_ORDERS
    [row] = await database.fetch(_USUAL, shop.id, since, least, str(shop.currency))
    return Baseline(
        customers=row["customers"],
        high_rate=row["high_rate"] or 0.0,
        high_amount=row["high_amount"] or 0,
    )


def _usual(row: RiskBaseline) -> Baseline:
    return Baseline(
        customers=row.customers,
        high_rate=row.high_rate,
        high_amount=row.high_amount,
    )


_KEEP = """
insert into risk_baseline (id, shop_id, customers, high_rate, high_amount,
                           computed_at, assessed_until)
values ($1, $2, $3, $4, $5, $6, $6)
on conflict (shop_id) do update
   set customers = excluded.customers, high_rate = excluded.high_rate,
       high_amount = excluded.high_amount,
       computed_at = excluded.computed_at, assessed_until = excluded.assessed_until
"""


async def _keep(tx: Transaction, shop: Shop, usual: Baseline, now: datetime) -> None:
    figures = [usual.customers, usual.high_rate, usual.high_amount]
    await tx.execute_query(_KEEP, [new_id(), shop.id, *figures, now])


# --- one customer after the other -------------------------------------------------------------


async def _assess(shop: Shop, usual: Baseline, customers: Sequence[UUID]) -> None:
    for first in range(0, len(customers), _BATCH):
        batch = customers[first : first + _BATCH]
        look = partial(_news, shop=shop, usual=usual, customers=batch)
        for customer_id in await database.transaction(look):
            write = partial(_write, shop=shop, usual=usual, customer_id=customer_id)
            await database.transaction(write)


async def _news(
    tx: Transaction, shop: Shop, usual: Baseline, customers: Sequence[UUID]
) -> list[UUID]:
    """Those of whom something else is kept than what their history says now."""
    found = await _look(tx, shop, usual, customers)
    return [row["id"] for row, said in found if stored(said) != _json(row["own_signals"])]


async def _write(tx: Transaction, shop: Shop, usual: Baseline, customer_id: UUID) -> None:
    """Look once more, under the lock: what is written last is what was true last."""
    row = await standing.lock(tx, shop.id, customer_id)
    [(_, said)] = await _look(tx, shop, usual, [customer_id])
    row.own_signals, row.assessed_at = stored(said), clock.now()
    await standing.settle(tx, row)


async def _look(
    tx: Transaction, shop: Shop, usual: Baseline, customers: Sequence[UUID]
) -> list[tuple[Mapping[str, Any], tuple[Signal, ...]]]:
    now, currency = clock.now(), str(shop.currency)
    since, lately = now - own_signals.WINDOW, now - own_signals.REASON_WINDOW
    asked = [shop.id, since, list(customers), lately, currency]
    rows = await tx.execute_query_dict(_HISTORIES, asked)
    return [(row, own_signals.signals(_history(row, currency), usual, now)) for row in rows]


def _history(row: Mapping[str, Any], currency: str) -> History:
    return History(
        orders=row["orders"],
        refunded_orders=row["refunded_orders"] or 0,
        refunds=_period(row, "refunds"),
        refunded=Money(amount=row["amount"] or 0, currency=currency),
        reason=_json(row["labels"]) or None,
        reasons=_period(row, "reasons"),
        findings=_period(row, "findings"),
    )


def _period(row: Mapping[str, Any], name: str) -> Period | None:
    if row[f"{name}_count"] is None:
        return None
    return Period(count=row[f"{name}_count"], first=row[f"{name}_first"], last=row[f"{name}_last"])


def _json(value: Any) -> Any:
    """A JSON column of a raw row; a row that is not there has nothing to say."""
    if value is None:
        return []
    return orjson.loads(value) if isinstance(value, str) else value
