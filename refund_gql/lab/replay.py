"""The replay: refunds of the past, judged once by today's rules and once with the draft. Pure.

Refunds come in the order in which they were asked for, so that daily caps fill up as they would
have. Nothing here reads a clock, a database or chance: the same lineup over the same history
gives the same tally, in however many chunks it comes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from refund_gql.choices import RuleMode, RuleOutcome, RuleTrigger
from refund_gql.errors import InvalidCondition
from refund_gql.lab.lineup import Lineup
from refund_gql.lab.tally import (
    MAX_ERRORS,
    MAX_SAMPLES,
    Day,
    Differences,
    Disagreement,
    Overlap,
    Sample,
    Tally,
    Usage,
    Used,
)
from refund_gql.rules import engine, language
from refund_gql.rules.actions import Approve, ApproveReturn, RefundFirst
from refund_gql.rules.engine import Evaluation, Rule, Verdict
from refund_gql.rules.explanation import explain
from refund_gql.rules.facts import Facts, FactValue
from refund_gql.rules.language import Bound, Compiled
from refund_gql.states import RefundKind


class People(StrEnum):
    """What the people of the shop made of a refund."""

    NOTHING = "NOTHING"
    """They were not asked, or have not decided yet."""
    REFUSED = "REFUSED"
    GRANTED = "GRANTED"


@dataclass(frozen=True, kw_only=True)
class Past:
    """One refund as it was asked for, and what came of it. Amounts in minor units."""

    id: UUID
    at: datetime
    """When it was asked for, UTC."""
    facts: Facts
    recorded: bool
    """The engine recorded the facts at the time."""
    asked: int
    granted: int
    currency: str
    automatic: bool
    """Nobody had to look at the request."""
    people: People
    disputed: bool
    """The payment was disputed, or the money came back, later."""


class Replay:
    """A lineup, and what was counted so far."""

    def __init__(self, lineup: Lineup, tally: Tally) -> None:
        self.tally = tally
        self._lineup, self._draft = lineup, lineup.draft
        self._condition = language.compiled(lineup.draft.condition)
        self._others = list(_readable(lineup.others))
        self._needed = frozenset[str]().union(
            *(condition.facts for _, condition in _readable((*lineup.today, lineup.draft)))
        )
        self._zone = ZoneInfo(lineup.time_zone)
        self._capped = {rule.id for rule in (*lineup.today, lineup.draft) if _has_cap(rule)}

    def look_at(self, past: Past) -> None:
        """One more refund; never an earlier one than the last."""
        # Only what a condition mentions: making a fact ready costs as much as judging with it.
        bound = language.bind({n: v for n, v in past.facts.items() if n in self._needed})
        day = past.at.astimezone(self._zone).date().isoformat()
        if self.tally.usage.day != day:
            self.tally.usage = Usage(day=day)
        usage = self.tally.usage
        today = self._world(self._lineup.today, usage.today, past, bound)
        tried = self._world(self._lineup.tried, usage.tried, past, bound)
        self._count(past, today, tried)
        self._count_draft(past, day, bound, today, tried)

    def _world(
        self, rules: Sequence[Rule], used: dict[str, Used], past: Past, bound: Bound
    ) -> Evaluation:
        evaluation = engine.evaluate(
            rules,
            past.facts,
            trigger=RuleTrigger.REQUESTED,
            matching=self._lineup.matching,
            now=past.at,
            usage=_usage(used),
            bound=bound,
        )
        for verdict in evaluation.verdicts:
            if verdict.rule.id in self._capped and _acted(verdict):
                spent = used.setdefault(str(verdict.rule.id), Used())
                spent.count += 1
                spent.amount += past.asked
        return evaluation

    def _money(self, past: Past, amount: int | None = None) -> int | None:
        """What is added up: the amount asked for, or another one; None in another currency."""
        own = past.currency == self._lineup.currency
        return (past.asked if amount is None else amount) if own else None

    # --- what is counted ----------------------------------------------------------------------

    def _count(self, past: Past, today: Evaluation, tried: Evaluation) -> None:
        tally, money = self.tally, self._money(past)
        tally.refunds.add(money)
        tally.recorded += past.recorded
        for approved, counted in (
            (automatic(tried), tally.automatic_tried),
            (automatic(today), tally.automatic_today),
            (past.automatic, tally.automatic_then),
        ):
            if approved:
                counted.add(money)

    def _count_draft(
        self, past: Past, day: str, bound: Bound, today: Evaluation, tried: Evaluation
    ) -> None:
        judged = self._condition.judge(bound)
        if judged.outcome is RuleOutcome.UNKNOWN:
            _one_more(self.tally.unknown, judged.missing)
        elif judged.outcome is RuleOutcome.ERROR:
            known = judged.error in self.tally.errors or len(self.tally.errors) < MAX_ERRORS
            _one_more(self.tally.errors, judged.error if known else "...")
        elif judged.outcome is RuleOutcome.MATCHED:
            self._count_match(past, self.tally.days.setdefault(day, Day()), tried)
            self._count_overlaps(past, bound, today, tried)

    def _count_match(self, past: Past, day: Day, tried: Evaluation) -> None:
        tally, money = self.tally, self._money(past)
        tally.matched.add(money)
        day.matched += 1
        verdict = _verdict(tried, self._draft.id)
        if verdict is None or not verdict.effective:
            return
        if verdict.outcome is RuleOutcome.CAPPED:
            tally.capped.add(money)
            day.capped += 1
            return
        tally.acted.add(money)
        day.acted.add(money)
        if tried.decided_by is self._draft:
            self._count_decision(past, tried)

    def _count_decision(self, past: Past, tried: Evaluation) -> None:
        """The draft decides, alone: what did people decide, and what came of it?"""
        money, approves = self._money(past), automatic(tried)
        if approves:
            self.tally.approved.add(money)
            if past.disputed:
                self.tally.disputed.add(money)
        if approves and past.people is People.REFUSED:
            self._differ(Disagreement.APPROVES_REFUSED, past, money, tried)
        elif approves and past.people is People.GRANTED and past.granted < past.asked:
            less = self._money(past, past.asked - past.granted)
            self._differ(Disagreement.APPROVES_REDUCED, past, less, tried)
        elif past.people is People.GRANTED and not isinstance(tried.decision, _AGREES):
            self._differ(Disagreement.STOPS_APPROVED, past, money, tried)

    def _differ(self, sort: Disagreement, past: Past, money: int | None, tried: Evaluation) -> None:
        found = self.tally.differences.setdefault(sort, Differences())
        found.sum.add(money)
        if len(found.samples) < MAX_SAMPLES:
            found.samples.append(Sample(refund=str(past.id), explanation=explain(tried)))

    def _count_overlaps(
        self, past: Past, bound: Bound, today: Evaluation, tried: Evaluation
    ) -> None:
        """The draft matches: which other rules do, and who comes first?"""
        draft_acts = _acts(tried, self._draft.id)
        for rule, condition in self._others:
            if condition.judge(bound).outcome is not RuleOutcome.MATCHED:
                continue
            found = self.tally.overlaps.setdefault(str(rule.id), Overlap())
            found.both.add(self._money(past))
            found.conflicts += _conflict(self._draft, rule)
            if rule.mode is RuleMode.LIVE:
                acts = _acts(tried, rule.id)
                found.first += acts and not draft_acts
                found.taken += draft_acts and not acts and _acts(today, rule.id)


_AGREES = (Approve, ApproveReturn, RefundFirst)


def automatic(evaluation: Evaluation) -> bool:
    """Whether nobody would have had to look: the rules agree, and what is known of the refund lets
    them have their way. Where that is not known, a person looks.

    Offers wait for the customer, and where they are declined for a person: no refund needs nobody
    because of them. What customers of a tier may get before their goods are back is not replayed.
    """
    facts = evaluation.facts
    match evaluation.decision:
        case Approve():
            return facts.get("refund.goods_shipped") is False and _is_covered(facts)
        case RefundFirst(most=most):
            return _comes_back(facts) and _is_covered(facts) and _at_most(facts, most)
        case ApproveReturn():
            return _comes_back(facts) and facts.get("order.within_window") is True
        case _:
            return False


def _is_covered(facts: Facts) -> bool:
    return _at_most(facts, facts.get("order.paid_amount", 0))


def _at_most(facts: Facts, limit: FactValue | None) -> bool:
    amount = facts.get("refund.amount")
    return limit is None or (isinstance(amount, int) and isinstance(limit, int) and amount <= limit)


def _comes_back(facts: Facts) -> bool:
    sent = facts.get("refund.goods_shipped") is True
    return sent and facts.get("refund.kind") == RefundKind.RETURN_AND_REFUND


def _readable(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Compiled]]:
    """Rules with their conditions; one that this version of the engine cannot read matches
    nothing."""
    for rule in rules:
        with suppress(InvalidCondition):
            yield rule, language.compiled(rule.condition)


def _has_cap(rule: Rule) -> bool:
    return rule.daily_count is not None or rule.daily_amount is not None


def _usage(used: Mapping[str, Used]) -> dict[UUID, engine.Usage]:
    return {
        UUID(rule_id): engine.Usage(count=spent.count, amount=spent.amount)
        for rule_id, spent in used.items()
    }


def _acted(verdict: Verdict) -> bool:
    """As a use is counted against a cap: live, in effect, and not stopped by the cap itself."""
    live = verdict.rule.mode is RuleMode.LIVE
    return live and verdict.effective and verdict.outcome is RuleOutcome.MATCHED


def _verdict(evaluation: Evaluation, rule_id: UUID) -> Verdict | None:
    return next((found for found in evaluation.verdicts if found.rule.id == rule_id), None)


def _acts(evaluation: Evaluation, rule_id: UUID) -> bool:
    """Whether a live rule takes effect, be it as the person that stands in for it once it has
    done enough."""
    verdict = _verdict(evaluation, rule_id)
    return verdict is not None and verdict.effective and verdict.rule.mode is RuleMode.LIVE


def _conflict(draft: Rule, other: Rule) -> bool:
    ours, theirs = draft.decision, other.decision
    if ours is None or theirs is None:
        return False
    return isinstance(ours, _AGREES) is not isinstance(theirs, _AGREES)


def _one_more(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
