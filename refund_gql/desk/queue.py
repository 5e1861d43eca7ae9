"""The desks' queues: what waits at each, for how long, and who works there."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from refund_gql import desks
from refund_gql.auth import Viewer
from refund_gql.database import fetch
from refund_gql.desks import WORKERS, Desk

URGENCY = "array_position(array['URGENT', 'HIGH', 'NORMAL'], priority::text)"
"""The place of a refund's priority in SQL: the most urgent first."""

_WAITING = """
select desk, count(*) as total, count(*) filter (where assignee_id is null) as unassigned,
       count(*) filter (where assignee_id = $3) as mine, min(desk_since) as oldest_since
  from refund where shop_id = $1 and desk = any($2::text[]) group by desk
"""
_COLLEAGUES = """
select s.id, (select count(*) from refund r
               where r.shop_id = s.shop_id and r.assignee_id = s.id and r.desk = $3) as open_cases
  from staff s where s.shop_id = $1 and s.active and s.role = any($2::text[])
 order by s.available desc, open_cases, s.name, s.id
"""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What waits at one desk."""

    desk: Desk
    total: int = 0
    unassigned: int = 0
    mine: int = 0
    """Of whoever asks."""
    oldest_since: datetime | None = None
    """UTC; None when nothing waits."""


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """Somebody who works at a desk."""

    staff_id: UUID
    open_cases: int
    """Theirs at this desk."""


async def overview(viewer: Viewer) -> list[Queue]:
    """One queue for every desk at which the viewer works."""
    own = desks.of_role(viewer.role)
    names = [desk.value for desk in own]
    rows = await fetch(_WAITING, viewer.shop_id, names, viewer.staff_id)
    found = {row["desk"]: Queue(**{**row, "desk": Desk(row["desk"])}) for row in rows}
    return [found.get(desk.value, Queue(desk=desk)) for desk in own]


async def colleagues(viewer: Viewer, desk: Desk) -> list[Colleague]:
    """Who can be given a case of the desk: whoever is at work first, then who has the fewest."""
    roles = [role.value for role in WORKERS[desk]]
    rows = await fetch(_COLLEAGUES, viewer.shop_id, roles, desk.value)
    return [Colleague(staff_id=row["id"], open_cases=row["open_cases"]) for row in rows]
