"""What a refund of the past was for: the order line that its line most likely belongs to.

A file that knows the order of a refund line decides. Otherwise it is the customer's last purchase
of the same SKU at or before the refund's time: a rule of thumb, since the refund may belong to
an earlier purchase, or to several.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from refund_gql.importing.copying import Fetch

# Materialised, because a planner without fresh statistics (and a shop that has just been imported
# has none) joins every line of the shop first. Quantities are positive by the table's own rule.
_OF_CUSTOMERS = """
    with o as materialized (
        select id, customer_id, placed_at from "order"
        where customer_id = any($3::uuid[]) and shop_id = $1 and currency = $2
    )
    select w.customer_id as owner, l.id, l.order_id, l.sku, l.title, o.placed_at, o.customer_id,
        l.quantity - l.claimed_quantity as unclaimed
    from unnest($3::uuid[], $4::text[]) w(customer_id, sku)
    join o on o.customer_id = w.customer_id
    join order_line l on l.order_id = o.id and l.sku = w.sku and l.unit_price > 0
    order by o.placed_at, o.id, l.position
"""
_OF_ORDERS = """
    with o as materialized (
        select id, number, placed_at, customer_id from "order"
        where number = any($3::text[]) and shop_id = $1 and currency = $2
    )
    select w.number as owner, l.id, l.order_id, l.sku, l.title, o.placed_at, o.customer_id,
        l.quantity - l.claimed_quantity as unclaimed
    from unnest($3::text[], $4::text[]) w(number, sku)
    join o on o.number = w.number
    join order_line l on l.order_id = o.id and l.sku = w.sku and l.unit_price > 0
    order by o.placed_at, o.id, l.position
"""


@dataclass(kw_only=True)
class Purchase:
    """An order line that may have been refunded."""

    line_id: UUID
    order_id: UUID
    customer_id: UUID | None
    title: str
    placed_at: datetime
    unclaimed: int
    """Units that no refund has claimed yet, this import included."""


class Purchases:
    """The purchases of some customers, or of some orders, by SKU and ascending in time."""

    def __init__(self) -> None:
        self._found: dict[tuple[UUID | str, str], list[Purchase]] = defaultdict(list)

    async def find(
        self,
        fetch: Fetch,
        shop_id: UUID,
        currency: str,
        *,
        of_customers: Iterable[tuple[UUID, str]] = (),
        of_orders: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Read the purchases of (customer, SKU) and of (order number, SKU)."""
        for sql, wanted in ((_OF_CUSTOMERS, set(of_customers)), (_OF_ORDERS, set(of_orders))):
            if wanted:
                owners, skus = zip(*wanted, strict=True)
                for row in await fetch(sql, shop_id, currency, owners, skus):
                    self._found[row["owner"], row["sku"]].append(
                        Purchase(
                            line_id=row["id"],
                            order_id=row["order_id"],
                            customer_id=row["customer_id"],
                            title=row["title"],
                            placed_at=row["placed_at"],
                            unclaimed=row["unclaimed"],
                        )
                    )

    def last(
        self, owner: UUID | str, sku: str, *, until: datetime | None = None
    ) -> Purchase | None:
        """The last purchase, or the last one at or before `until`; among several of the same
        time, one with units that nobody has claimed."""
        earlier = self._until(owner, sku, until)
        latest = [each for each in earlier if each.placed_at == earlier[-1].placed_at]
        unclaimed = [each for each in latest if each.unclaimed > 0]
        return next(reversed(unclaimed or latest), None)

    def _until(self, owner: UUID | str, sku: str, until: datetime | None) -> Sequence[Purchase]:
        purchases = self._found.get((owner, sku), [])
        if until is None:
            return purchases
        return purchases[: bisect_right(purchases, until, key=lambda each: each.placed_at)]
