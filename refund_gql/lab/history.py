"""A shop's past refunds, page by page in the order in which they were asked for, each with what
was known about it then and what came of it.

Where the engine judged a refund, its facts are those it recorded; the others' are worked out by
`past`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from refund_gql.database import fetch
from refund_gql.lab import past
from refund_gql.lab.replay import Past, People
from refund_gql.rules import facts
from refund_gql.rules.facts import Facts
from refund_gql.states import RefundStatus, Step

_TOTAL = """
select count(*) from refund where shop_id = $1 and requested_at >= $2 and requested_at < $3
"""
_PAGE = """
select r.id, r.requested_at, r.amount, r.currency, r.status, r.approved_at, seen.facts,
       exists (select from decision d where d.refund_id = r.id and d.step = any($6))
           as automatic,
       exists (select from payout p where p.refund_id = r.id and p.status = 'REVERSED')
           or exists (select from capture c where c.order_id = r.order_id
                       and c.disputed + c.dispute_excess > 0) as disputed
  from refund r left join lateral (
      select e.facts from rule_evaluation e where e.refund_id = r.id and e.trigger = 'REQUESTED'
       order by e.at, e.id limit 1) seen on true
 where r.shop_id = $1 and (r.requested_at, r.id) > ($2, $3) and r.requested_at < $4
 order by r.requested_at, r.id limit $5
"""
_AUTOMATIC = [
    Step.APPROVE_INSTANTLY.value,
    Step.APPROVE_FIRST_INSTANTLY.value,
    Step.APPROVE_RETURN_INSTANTLY.value,
]
BEFORE_ALL = UUID(int=0)
"""The id of no refund: the place before all that were asked for at a moment."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far somebody has read: up to and with this refund."""

    at: datetime
    id: UUID = BEFORE_ALL


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some refunds, before their facts are made ready; that is work for small slices."""

    rows: tuple[Mapping[str, Any], ...]
    reconstructed: Mapping[UUID, Facts]

    def refund(self, number: int) -> Past:
        """One of them, from 0."""
        row = self.rows[number]
        worked_out = self.reconstructed.get(row["id"])
        return _past(row, worked_out if worked_out is not None else _recorded(row["facts"]))

    @property
    def end(self) -> Place:
        """Where the next page begins."""
        return Place(at=self.rows[-1]["requested_at"], id=self.rows[-1]["id"])


async def total(shop_id: UUID, starts_at: datetime, ends_at: datetime) -> int:
    """How many refunds were asked for in a window."""
    [row] = await fetch(_TOTAL, shop_id, starts_at, ends_at)
    return int(row[0])


async def page(shop_id: UUID, after: Place, ends_at: datetime, size: int) -> Page:
    """The next refunds, at most so many; none when the window is over."""
    rows = await fetch(_PAGE, shop_id, after.at, after.id, ends_at, size, _AUTOMATIC)
    unseen = [row["id"] for row in rows if row["facts"] is None]
    return Page(
        rows=tuple(map(dict, rows)), reconstructed=await past.reconstructed(shop_id, unseen)
    )


def _recorded(text: str) -> Facts:
    """Facts as they were kept. What this version of the engine does not know is left out."""
    known = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in orjson.loads(text).items()
    }
    try:
        return Facts(known)
    except ValueError:
        return Facts({name: value for name, value in known.items() if facts.fits(name, value)})


def _past(row: Mapping[str, Any], known: Facts) -> Past:
    asked = known.get("refund.amount")
    return Past(
        id=row["id"],
        at=row["requested_at"],
        facts=known,
        recorded=row["facts"] is not None,
        asked=asked if isinstance(asked, int) else row["amount"],
        granted=row["amount"],
        currency=row["currency"],
        automatic=row["automatic"],
        people=_people(row),
        disputed=row["disputed"],
    )


def _people(row: Mapping[str, Any]) -> People:
    """No rule rejects, and what no rule approved a person did; imports were decided elsewhere."""
    if row["automatic"]:
        return People.NOTHING
    if row["status"] == RefundStatus.REJECTED:
        return People.REFUSED
    return People.NOTHING if row["approved_at"] is None else People.GRANTED
