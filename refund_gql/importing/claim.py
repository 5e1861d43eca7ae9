"""History counts: what was refunded before can not be refunded again.

A claim takes what still fits of an order line and of its order's captures, never more: refunds
of the past exceed their purchases, and the CHECK constraints hold all the same.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from refund_gql.database import Transaction
from refund_gql.importing.copying import connection_of

_HOLD = 'select 1 from "order" where id = any($1::uuid[]) order by id for update'
# Newest first, as captures are refunded.
_CAPTURES = """
    select id, order_id, amount - reserved - disputed as rest from capture
    where order_id = any($1::uuid[]) order by captured_at desc, id desc for update
"""
_RESERVE = """
    update capture set reserved = reserved + claim.amount
    from unnest($1::uuid[], $2::bigint[]) claim(id, amount) where capture.id = claim.id
"""
# Units that were refunded below their price are claimed at their price: otherwise the units that
# are left would be worth more than was paid for them.
_CLAIM_LINES = """
    with claim as (
        select l.id, least(c.quantity, l.quantity - l.claimed_quantity) as units, c.amount as paid,
            l.quantity - l.claimed_quantity as rest, l.amount - l.claimed_amount as rest_amount
        from unnest($1::uuid[], $2::bigint[], $3::bigint[]) c(id, quantity, amount)
        join order_line l on l.id = c.id
    )
    update order_line l set
        claimed_quantity = l.claimed_quantity + claim.units,
        claimed_amount = l.claimed_amount + least(
            rest_amount,
            greatest(paid, case when rest > 0 then div(rest_amount::numeric * units, rest) end)
        )
    from claim where l.id = claim.id
"""
_CLAIM_SHIPPING = """
    update "order" o set shipping_claimed = least(o.shipping_amount, o.shipping_claimed + c.amount)
    from unnest($1::uuid[], $2::bigint[]) c(id, amount) where o.id = c.id
"""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What the refunds of one chunk take, in units and minor units."""

    quantities: Counter[UUID] = field(default_factory=Counter)
    """Order line -> units."""
    amounts: Counter[UUID] = field(default_factory=Counter)
    """Order line -> what was paid back for them."""
    shipping: Counter[UUID] = field(default_factory=Counter)
    """Order -> what was paid back of its shipping."""
    totals: Counter[UUID] = field(default_factory=Counter)
    """Order -> what was paid back in all."""

    def add_line(self, order_id: UUID, line_id: UUID, quantity: int, amount: int) -> None:
        """Some units of an order line were refunded."""
        self.quantities[line_id] += quantity
        self.amounts[line_id] += amount
        self.totals[order_id] += amount

    def add_shipping(self, order_id: UUID, amount: int) -> None:
        """Some of an order's shipping was refunded."""
        self.shipping[order_id] += amount
        self.totals[order_id] += amount

    async def write(self, tx: Transaction) -> None:
        """Raise the counters. The order's row is locked first: whoever claims something of an
        order does so under that lock."""
        connection = connection_of(tx)
        await connection.execute(_HOLD, list(self.totals))
        captures = await connection.fetch(_CAPTURES, list(self.totals))
        shares = _spread(self.totals, captures)
        await connection.execute(_RESERVE, list(shares), list(shares.values()))
        lines = list(self.quantities)
        await connection.execute(
            _CLAIM_LINES, lines, list(self.quantities.values()), [self.amounts[x] for x in lines]
        )
        await connection.execute(_CLAIM_SHIPPING, list(self.shipping), list(self.shipping.values()))


def _spread(totals: Mapping[UUID, int], captures: list[asyncpg.Record]) -> dict[UUID, int]:
    """Capture -> its share, filling an order's captures one after the other."""
    left, shares = dict(totals), dict[UUID, int]()
    for capture in captures:
        share = min(left[capture["order_id"]], capture["rest"])
        left[capture["order_id"]] -= share
        shares[capture["id"]] = share
    return shares
