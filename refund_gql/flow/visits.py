"""A refund's visit of a status: from the event that brought it there to the one that takes it away.

The version of that first event names the visit. It is read off the history, which never changes.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from refund_gql.database import Transaction
from refund_gql.states import RefundStatus

_VISIT = """
select e.version, e.at, e.status, previous.status as previous
  from event e left join event previous
    on previous.refund_id = e.refund_id and previous.version = e.version - 1
 where e.refund_id = $1 and e.version <= $2 and e.status is distinct from previous.status
 order by e.version desc limit 1
"""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One stay in one status."""

    version: int
    """The refund's version when it came."""
    since: datetime
    """UTC."""
    status: RefundStatus
    previous: RefundStatus | None
    """Where it came from; None: it was requested."""


async def at(tx: Transaction, refund_id: UUID, version: int) -> Visit:
    """The visit in which the refund had this version."""
    [row] = await tx.execute_query_dict(_VISIT, [refund_id, version])
    previous = row["previous"]
    return Visit(
        version=row["version"],
        since=row["at"],
        status=RefundStatus(row["status"]),
        previous=RefundStatus(previous) if previous else None,
    )
