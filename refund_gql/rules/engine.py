"""Which rule decides, and why: a pure function from rules and facts to an evaluation.

Nothing here reads a clock, a database or chance: the same rules on the same facts give the same
evaluation. What comes out is a wish. The cap on a capture, the table of states and the law's
floor are held by the flow, which every action passes through, whatever a rule says.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from refund_gql.choices import RuleMatching, RuleMode, RuleOutcome, RuleTrigger
from refund_gql.errors import InvalidCondition
from refund_gql.rules import language
from refund_gql.rules.actions import Action, Hold, Words
from refund_gql.rules.facts import Facts
from refund_gql.rules.language import Bound, Judgement


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule as it stands: its place and mode, and its newest version."""

    id: UUID
    version_id: UUID
    version: int
    name: Mapping[str, str]
    """Locale -> name."""
    mode: RuleMode
    position: int
    """Lower is read first."""
    condition: str
    actions: tuple[Action, ...]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    """Up to, and not including."""
    daily_count: int | None = None
    """Refunds on which it may act in a day of the shop."""
    daily_amount: int | None = None
    """The sum of their amounts, in minor units of the shop's currency."""

    @property
    def decision(self) -> Action | None:
        """The action that decides where the refund goes, if it has one."""
        return next((action for action in self.actions if action.decides), None)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a rule has done today."""

    count: int = 0
    amount: int = 0
    """Minor units of the shop's currency."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of one rule."""

    rule: Rule
    outcome: RuleOutcome
    effective: bool = False
    """LIVE: it acted. SHADOW: it would have acted among the live rules."""
    missing: str = ""
    """UNKNOWN: the fact it needs."""
    error: str = ""
    """ERROR: why."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the rules of one trigger say about one refund."""

    trigger: RuleTrigger
    at: datetime
    facts: Facts
    verdicts: tuple[Verdict, ...]
    """Of every rule that was looked at, in order; after a first match the live ones that follow
    are not looked at."""
    decided_by: Rule | None
    """The live rule that decides; None: no rule does, and the flow's own policy applies."""
    decision: Action | None
    """Where the refund goes."""
    actions: tuple[Action, ...]
    """What happens beside it, in order."""


CAP_REACHED = Hold(
    why=Words(zh="该规则今日额度已用完，请人工处理", en="The rule has done enough for today")
)
"""What a capped rule does instead of what it says."""


def evaluate(
    rules: Sequence[Rule],
    facts: Facts,
    *,
    trigger: RuleTrigger,
    matching: RuleMatching,
    now: datetime,
    usage: Mapping[UUID, Usage],
    acted: Collection[UUID] = (),
    bound: Bound | None = None,
) -> Evaluation:
    """Judge the rules of one trigger, in the order of their positions. Never raises.

    Rules that are OFF are left out. A rule without usage has not acted today. A rule that has
    `acted` on the refund before keeps its place among the others, and does nothing again. Whoever
    judges the same facts more than once may give them `bound`.
    """
    walk = _Walk(
        facts=facts,
        bound=bound or language.bind(facts),
        matching=matching,
        now=now,
        usage=usage,
        acted=acted,
    )
    for rule in sorted(rules, key=lambda rule: (rule.position, rule.id)):
        walk.look_at(rule)
    return Evaluation(
        trigger=trigger,
        at=now,
        facts=facts,
        verdicts=tuple(walk.verdicts),
        decided_by=walk.decided_by,
        decision=walk.decision,
        actions=tuple(walk.actions),
    )


class _Walk:
    """One way through the rules."""

    def __init__(
        self,
        *,
        facts: Facts,
        bound: Bound,
        matching: RuleMatching,
        now: datetime,
        usage: Mapping[UUID, Usage],
        acted: Collection[UUID],
    ) -> None:
        self.verdicts: list[Verdict] = []
        self.decided_by: Rule | None = None
        self.decision: Action | None = None
        self.actions: list[Action] = []
        self._facts, self._bound = facts, bound
        self._matching, self._now, self._usage = matching, now, usage
        self._acted = acted
        self._ended = False

    def look_at(self, rule: Rule) -> None:
        if rule.mode is RuleMode.OFF or (self._ended and rule.mode is RuleMode.LIVE):
            return
        judgement = self._judge(rule)
        effective = self._takes_effect(rule, judgement.outcome)
        self.verdicts.append(
            Verdict(
                rule=rule,
                outcome=judgement.outcome,
                effective=effective,
                missing=judgement.missing,
                error=judgement.error,
            )
        )
        if effective and rule.mode is RuleMode.LIVE:
            self._act(rule, capped=judgement.outcome is RuleOutcome.CAPPED)
        elif self._stands_in_the_way(rule, judgement.outcome):
            self._ended = self._matching is RuleMatching.FIRST

    def _judge(self, rule: Rule) -> Judgement:
        if not _valid(rule, self._now):
            return Judgement(outcome=RuleOutcome.OUT_OF_DATE)
        judgement = _judged(rule.condition, self._bound)
        if judgement.outcome is RuleOutcome.MATCHED and self._used_up(rule):
            return Judgement(outcome=RuleOutcome.CAPPED)
        return judgement

    def _used_up(self, rule: Rule) -> bool:
        used = self._usage.get(rule.id, Usage())
        if rule.daily_count is not None and used.count >= rule.daily_count:
            return True
        if rule.daily_amount is None:
            return False
        amount = self._countable()
        return amount is None or used.amount + amount > rule.daily_amount

    def _countable(self) -> int | None:
        """The amount in the shop's currency; None when it is in another, or not known."""
        amount, currency = self._facts.get("refund.amount"), self._facts.get("refund.currency")
        same = currency is not None and currency == self._facts.get("shop.currency")
        return amount if same and isinstance(amount, int) else None

    def _stands_in_the_way(self, rule: Rule, outcome: RuleOutcome) -> bool:
        """It matches and has acted before: those below it are not read in its stead."""
        return (
            rule.mode is RuleMode.LIVE
            and rule.id in self._acted
            and outcome in (RuleOutcome.MATCHED, RuleOutcome.CAPPED)
        )

    def _takes_effect(self, rule: Rule, outcome: RuleOutcome) -> bool:
        if rule.id in self._acted:
            return False
        if outcome is RuleOutcome.MATCHED:
            return not self._ended
        # A cap stands between a rule and its decision; without one there is nothing to replace.
        return (
            outcome is RuleOutcome.CAPPED
            and not self._ended
            and self.decision is None
            and rule.decision is not None
        )

    def _act(self, rule: Rule, *, capped: bool) -> None:
        decision = CAP_REACHED if capped else rule.decision
        if self.decision is None and decision is not None:
            self.decided_by, self.decision = rule, decision
        if not capped:
            self.actions += [action for action in rule.actions if not action.decides]
        self._ended = self._matching is RuleMatching.FIRST


def _valid(rule: Rule, now: datetime) -> bool:
    begun = rule.valid_from is None or rule.valid_from <= now
    return begun and (rule.valid_until is None or now < rule.valid_until)


def _judged(condition: str, bound: Bound) -> Judgement:
    try:
        return language.compiled(condition).judge(bound)
    except InvalidCondition as error:
        # Saved under an older version of the engine, which knew another fact.
        return Judgement(outcome=RuleOutcome.ERROR, error=error.message("en"))
