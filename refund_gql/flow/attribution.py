"""Who bought again after a refund, and with our coupon: read when asked, from the orders as they
are, so that orders may come in any order, late, or by import."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from refund_gql import database, validation
from refund_gql.auth import Viewer
from refund_gql.roles import Role

WINDOW = timedelta(days=30)
"""An order this long after the refund counts as bought again."""

BOUGHT_AGAIN = f"""
select e.id as key, (
    select o.id from "order" o
     where o.shop_id = e.shop_id and o.customer_id = e.customer_id
       and exists (select from care_refund c join refund r on r.id = c.refund_id
                    where c.entry_id = e.id and o.placed_at > r.finished_at
                      and o.placed_at <= r.finished_at + interval '{WINDOW.days} days')
     order by o.placed_at, o.id limit 1
) as found
  from care_entry e where e.id = any($1::uuid[]) and e.shop_id = $2
"""  # noqa: S608 - a number of ours
"""Entry of the care list -> the first order after one of its refunds, if there is one."""

REDEEMED_ON = """
select c.id as key, (
    select o.id from "order" o
     where o.shop_id = c.shop_id and o.customer_id = c.customer_id
       and o.coupons_used ? c.code order by o.placed_at, o.id limit 1
) as found
  from coupon c where c.id = any($1::uuid[]) and c.shop_id = $2
"""
"""Coupon -> the order on which its customer used it, if there is one."""

_FIGURES = f"""
with refunded as (
    select customer_id, id, finished_at from refund
     where shop_id = $1 and status = 'REFUNDED' and customer_id is not null
       and finished_at >= $2 and finished_at < $3
), again as (
    select r.customer_id,
           bool_or(exists (select from coupon c where c.customer_id = r.customer_id
                            and c.shop_id = $1 and o.coupons_used ? c.code)) as with_coupon
      from refunded r join "order" o
        on o.shop_id = $1 and o.customer_id = r.customer_id and o.placed_at > r.finished_at
       and o.placed_at <= r.finished_at + interval '{WINDOW.days} days'
     group by r.customer_id
)
select (select count(distinct customer_id) from refunded) as refunded,
       count(*) as bought_again, count(*) filter (where with_coupon) as with_coupon
  from again
"""  # noqa: S608 - a number of ours


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Customers refunded in a span of time, and how many of them bought again."""

    refunded: int
    bought_again: int
    with_coupon: int
    """Of those who bought again: with one of our coupons."""

    @property
    def share(self) -> float | None:
        """0 to 1; None when nobody was refunded."""
        return self.bought_again / self.refunded if self.refunded else None


async def figures(viewer: Viewer, begin: datetime, end: datetime) -> Figures:
    """For the refunds paid from `begin` up to, and not including, `end`; both UTC.

    Raises NotAllowed, InvalidInput.
    """
    viewer.require(Role.OWNER, Role.AGENT, Role.ANALYST)
    validation.window(begin, end)
    [row] = await database.fetch(_FIGURES, viewer.shop_id, begin, end)
    return Figures(**row)
