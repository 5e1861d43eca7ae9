"""Rules of the clock: the schedule that finds refunds whose time in a status a rule may mind.

Each open refund is looked at once in fifteen minutes, a fifteenth of them every minute. A look
costs no query of its own: a page of refunds comes with the facts that one statement can give,
and a rule whose condition fails on those alone fails on all others too. Only where it may hold
does the job `react` gather everything, under the refund's locks, and judge again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from refund_gql import clock, database
from refund_gql.calendars import Calendar
from refund_gql.choices import RuleMode, RuleOutcome, RuleTrigger
from refund_gql.database import Transaction
from refund_gql.flow import business_hours, facts, occasions
from refund_gql.flow.occasions import Occasion
from refund_gql.models import Shop
from refund_gql.rules import engine, records
from refund_gql.rules.engine import Evaluation, Rule
from refund_gql.rules.facts import Facts
from refund_gql.states import FINAL, RefundStatus

TURNS = 15
"""Minutes in which every open refund has its turn."""
PAGE = 500
"""Refunds of one statement."""
OPEN = [status.value for status in RefundStatus if status not in FINAL]

_SHOPS = """
select distinct shop_id from rule
 where trigger = 'CLOCK' and mode <> 'OFF' and deleted_at is null order by shop_id
"""
_WAITING = """
select r.id, r.amount, r.currency, r.status, r.requested_at, coalesce(tag.code, '') as reason,
       visit.at as since,
       (select array_agg(u.rule_id::text || ':' || u.mode) from rule_use u
         where u.refund_id = r.id and u.visit = visit.version) as acted
  from refund r left join reason_tag tag on tag.id = r.stated_reason_id
  cross join lateral (
       select e.version, e.at from event e left join event previous
           on previous.refund_id = e.refund_id and previous.version = e.version - 1
        where e.refund_id = r.id and e.status is distinct from previous.status
        order by e.version desc limit 1) visit
 where r.shop_id = $1 and r.status = any($2::text[]) and not r.imported
   and (hashtext(r.id::text) & 2147483647) % $3 = $4 and r.id > $5
 order by r.id limit $6
"""
_START = UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One look at the open refunds of one shop."""

    shop: Shop
    rules: Sequence[Rule]
    calendar: Calendar
    now: datetime

    async def page(self, tx: Transaction, after: UUID) -> UUID | None:
        """Ask about those of a page that a rule may mind; the last of it, None at the end."""
        turn = int(self.now.timestamp()) // 60 % TURNS
        rows = await tx.execute_query_dict(_WAITING, [self.shop.id, OPEN, TURNS, turn, after, PAGE])
        cause = self.now.isoformat(timespec="minutes")
        for row in rows:
            if self._may_act(row):
                occasion = Occasion(trigger=RuleTrigger.CLOCK, refund_id=row["id"], cause=cause)
                await occasions.enqueue(tx, occasion)
        return rows[-1]["id"] if len(rows) == PAGE else None

    def _may_act(self, row: Mapping[str, Any]) -> bool:
        acted = self._acted(row["acted"] or ())
        seen = self._judge(row, acted)
        return any(
            verdict.effective
            or (verdict.outcome is RuleOutcome.UNKNOWN and verdict.rule.id not in acted)
            for verdict in seen.verdicts
        )

    def _judge(self, row: Mapping[str, Any], acted: frozenset[UUID]) -> Evaluation:
        return engine.evaluate(
            self.rules,
            Facts({
                "refund.amount": row["amount"],
                "refund.currency": row["currency"],
                "refund.status": row["status"],
                "refund.reason": row["reason"],
                "refund.age_minutes": facts.minutes(self.now - row["requested_at"]),
                "refund.minutes_in_status": facts.minutes(self.now - row["since"]),
                **facts.of_the_hour(self.now, self.calendar),
                "shop.currency": self.shop.currency,
            }),
            trigger=RuleTrigger.CLOCK,
            matching=records.matching(self.shop, RuleTrigger.CLOCK),
            now=self.now,
            usage={},
            acted=acted,
        )  # fmt: skip

    def _acted(self, uses: Sequence[str]) -> frozenset[UUID]:
        return frozenset(
            rule.id
            for rule in self.rules
            if {f"{rule.id}:{rule.mode}", f"{rule.id}:{RuleMode.LIVE}"} & set(uses)
        )


async def look() -> None:
    """The schedule `clock`, once a minute: ask about the refunds whose turn it is."""
    now = clock.now()
    for shop in await database.fetch(_SHOPS):
        await _look_at(shop["shop_id"], now)


async def _look_at(shop_id: UUID, now: datetime) -> None:
    """Page by page, each in a transaction of its own: an open one holds others back."""
    after: UUID | None = _START
    while after is not None:
        last = after

        async def work(tx: Transaction, last: UUID = last) -> UUID | None:
            shop = await Shop.filter(id=shop_id).using_db(tx).get()
            rules = await records.load(tx, shop_id, RuleTrigger.CLOCK)
            calendar = await business_hours.of_shop(tx, shop)
            return await _Look(shop=shop, rules=rules, calendar=calendar, now=now).page(tx, last)

        after = await database.transaction(work)
