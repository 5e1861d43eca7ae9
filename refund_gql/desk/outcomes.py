"""How the cases ended for which a canned text was used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from refund_gql.states import FINAL, RefundStatus

CASES = """
with cases as (
    select u.script_id, u.refund_id, count(*) as uses
      from script_use u where u.script_id = any($1) and u.shop_id = $2
     group by u.script_id, u.refund_id
)
select cases.script_id as key, r.status, count(*) as cases, sum(cases.uses)::bigint as uses,
       count(*) filter (where not (
           exists (select from capture c
                    where c.order_id = r.order_id and c.disputed + c.dispute_excess > 0)
        or exists (select from refund x
                    where x.order_id = r.order_id and x.requested_at > r.finished_at
                      and x.split_from_id is distinct from r.id)
        or exists (select from event e join event later
                       on later.refund_id = e.refund_id and later.version = e.version + 1
                    where e.refund_id = r.id and e.status = 'REJECTED'
                      and later.status <> 'REJECTED'))) as undisputed
  from cases join refund r on r.id = cases.refund_id
 group by cases.script_id, r.status
"""
"""Script -> for each status in which its refunds stand: refunds, uses, and refunds that nobody
disputed: no chargeback, no new request for the order afterwards, no way back out of REJECTED.

Takes the scripts as $1 and the shop as $2."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Refunds that stand in one status."""

    status: RefundStatus
    count: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What has come of one canned text."""

    times_used: int
    outcomes: tuple[Outcome, ...]
    """By status, in the order of the journey; statuses without a refund are left out."""
    accepted: float | None
    """Of the refunds that are over: the share that nobody disputed, 0 to 1; None without any."""


def figures(rows: Iterable[Mapping[str, Any]]) -> Figures:
    """From the rows of `CASES` for one script. Pure."""
    by_status = {RefundStatus(row["status"]): row for row in rows}
    over = [row for status, row in by_status.items() if status in FINAL]
    ended = sum(row["cases"] for row in over)
    return Figures(
        times_used=sum(row["uses"] for row in by_status.values()),
        outcomes=tuple(
            Outcome(status=status, count=by_status[status]["cases"])
            for status in RefundStatus
            if status in by_status
        ),
        accepted=sum(row["undisputed"] for row in over) / ended if ended else None,
    )
