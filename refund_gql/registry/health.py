"""Which provider of which shop is down, in the database: the process that shows it is seldom the
process that saw it."""

from uuid import UUID

from refund_gql import clock, database
from refund_gql.database import Transaction
from refund_gql.models import new_id

_DOWN = """
insert into provider_health
       (id, shop_id, provider, down_since, reason, last_failure_at, changed_at)
values ($1, $2, $3, $4, $5, $4, $4)
on conflict (shop_id, provider) do update
   set down_since = coalesce(provider_health.down_since, excluded.down_since),
       reason = excluded.reason, last_failure_at = excluded.last_failure_at,
       changed_at = excluded.changed_at
"""
_UP = """
update provider_health set down_since = null, changed_at = $3
 where shop_id = $1 and provider = $2 and down_since is not null
"""


async def record(shop_id: UUID, provider: str, reason: str | None) -> None:
    """The provider went down for this reason; None: it is back."""

    async def work(tx: Transaction) -> None:
        if reason is None:
            await tx.execute_query(_UP, [shop_id, provider, clock.now()])
        else:
            content = [new_id(), shop_id, provider, clock.now(), reason]
            await tx.execute_query(_DOWN, content)

    await database.transaction(work)
