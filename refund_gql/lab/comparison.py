"""A rule in the shadow against the live ones, over what was recorded at the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.choices import RuleMode, RuleOutcome
from refund_gql.database import fetch
from refund_gql.errors import NotFound
from refund_gql.lab.backtests import Window
from refund_gql.lab.tally import MAX_SAMPLES, Sum
from refund_gql.models import Rule
from refund_gql.rules import actions
from refund_gql.rules.actions import ActionKind
from refund_gql.states import RefundStatus

_JUDGED = """
with judged as (
    select e.refund_id, e.at, (e.facts->>'refund.amount')::bigint as amount,
           e.facts->'refund.currency' = e.facts->'shop.currency' as own, r.status,
           e.decision->>'kind' as live, verdict->>'outcome' as outcome,
           (verdict->>'effective')::boolean as effective,
           (select action->>'kind' from rule_version v, jsonb_array_elements(v.actions) action
             where v.rule_id = $2 and v.number = (verdict->>'version')::int
               and action->>'kind' = any($5::text[]) limit 1) as wanted
      from rule_evaluation e
      cross join lateral jsonb_array_elements(e.verdicts) verdict
      join refund r on r.id = e.refund_id
     where e.shop_id = $1 and e.at >= $3 and e.at < $4
       and verdict->>'rule' = $2::uuid::text and verdict->>'mode' = $6
)
select outcome, effective, wanted, live, happened, count(*) as count,
       coalesce(sum(amount) filter (where own), 0)::bigint as amount,
       count(*) filter (where not own) as abroad,
       (array_agg(refund_id order by at desc, refund_id))[1:$7] as samples
  from judged, lateral (
      select case when status = 'REJECTED' then 'REFUSED'
                  when status = 'CANCELLED' then 'WITHDRAWN'
                  when status = 'SETTLED' then 'SETTLED'
                  when status = any($8::text[]) then 'GRANTED' else 'OPEN' end as happened) ends
 group by outcome, effective, wanted, live, happened
 order by count(*) desc, outcome, wanted, live, happened
"""
_GRANTED = (
    RefundStatus.APPROVED,
    RefundStatus.PAYING,
    RefundStatus.REFUNDED,
    RefundStatus.PAYMENT_STUCK,
)
_DECIDING = [kind.value for kind, action in actions.ALL.items() if action.decides]


class Ending(StrEnum):
    """What finally happened to a refund."""

    GRANTED = "GRANTED"
    """The money was released."""
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    """The customer took it back."""
    SETTLED = "SETTLED"
    """The customer took a coupon in place of the money."""
    OPEN = "OPEN"
    """It is not over."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """The refunds on which the rule would have acted that went one way."""

    wanted: ActionKind | None
    """The rule's own decision; None: it has none."""
    live: ActionKind | None
    """What the live rules decided; None: none of them did."""
    happened: Ending
    sum: Sum
    samples: Sequence[UUID]
    """The newest of them, at most MAX_SAMPLES."""

    @property
    def differs(self) -> bool:
        """One would have approved at once, and the other not."""
        return (self.wanted is ActionKind.APPROVE) is not (self.live is ActionKind.APPROVE)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of judging one rule in the shadow."""

    rule_id: UUID
    window: Window
    outcomes: dict[RuleOutcome, int]
    """Outcome -> refunds."""
    cases: tuple[Case, ...]
    """Where it would have acted, most refunds first."""

    @property
    def judged(self) -> int:
        """Refunds over which it was read."""
        return sum(self.outcomes.values())

    def acted(self, *, differing: bool = False) -> Sum:
        """Refunds on which it would have acted; or those only where the live rules differ."""
        cases = [case.sum for case in self.cases if case.differs or not differing]
        return Sum(
            count=sum(case.count for case in cases),
            amount=sum(case.amount for case in cases),
            foreign=sum(case.foreign for case in cases),
        )


async def compare(viewer: Viewer, rule_id: UUID, window: Window) -> Comparison:
    """What a rule would have done while it was in the shadow. Raises NotFound."""
    if not await Rule.filter(id=rule_id, shop_id=viewer.shop_id).exists():
        raise NotFound(kind="Rule", id=str(rule_id))
    rows = await fetch(
        _JUDGED,
        *(viewer.shop_id, rule_id, window.starts_at, window.ends_at, _DECIDING),
        *(RuleMode.SHADOW.value, MAX_SAMPLES, [status.value for status in _GRANTED]),
    )
    outcomes = dict.fromkeys(RuleOutcome, 0)
    for row in rows:
        outcomes[RuleOutcome(row["outcome"])] += row["count"]
    acting = (row for row in rows if row["effective"] and row["outcome"] == RuleOutcome.MATCHED)
    return Comparison(
        rule_id=rule_id, window=window, outcomes=outcomes, cases=tuple(map(_case, acting))
    )


def _case(row: Any) -> Case:
    return Case(
        wanted=ActionKind(row["wanted"]) if row["wanted"] else None,
        live=ActionKind(row["live"]) if row["live"] else None,
        happened=Ending(row["happened"]),
        sum=Sum(count=row["count"], amount=row["amount"], foreign=row["abroad"]),
        samples=row["samples"],
    )
