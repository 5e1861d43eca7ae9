"""How often each product comes back: counted every night, so that no request waits for it."""

from datetime import timedelta

from refund_gql import clock, database
from refund_gql.database import Transaction
from refund_gql.models import ProductRate

LOOKS_BACK = timedelta(days=90)
LEAST_SALES = 20
"""Order lines; of fewer a rate says nothing, and is not known."""
_AT_ONCE = 1000

_FIGURES = """
select l.shop_id, l.product_id, count(*)::int as sold,
       count(*) filter (where exists (
           select from refund_line part join refund r on r.id = part.refund_id
            where part.order_line_id = l.id and r.status not in ('REJECTED', 'CANCELLED')
       ))::int as refunded
  from order_line l join "order" o on o.id = l.order_id
 where o.placed_at > $1::timestamptz - $2::interval and l.product_id is not null
 group by l.shop_id, l.product_id having count(*) >= $3
"""


async def refresh() -> int:
    """Count all products anew, by the date of their orders; returns how many have a rate."""
    now = clock.now()
    rows = await database.fetch(_FIGURES, now, LOOKS_BACK, LEAST_SALES)
    rates = [ProductRate(**row, counted_at=now) for row in rows]

    async def work(tx: Transaction) -> None:
        # A product that hardly sells any more has no rate.
        await ProductRate.filter(counted_at__lt=now).using_db(tx).delete()
        await ProductRate.bulk_create(rates, batch_size=_AT_ONCE, using_db=tx)

    await database.transaction(work)
    return len(rates)
