"""Microseconds to judge a shop's rules over one refund, in one process and without a database."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from benchmarks.figures import Figure, spread
from benchmarks.place import Place
from refund_gql.backoffice import default_rules
from refund_gql.backoffice.default_rules import DEFAULTS
from refund_gql.choices import RuleMatching, RuleMode, RuleTrigger
from refund_gql.rules import engine, language
from refund_gql.rules.actions import Approve
from refund_gql.rules.engine import Rule
from refund_gql.rules.facts import FACTS, Facts
from refund_gql.rules.language import Compiled

_ROUNDS = 6
_TIMES = 3_000
"""Calls in a round."""
_LARGEST = "true" + " && refund.amount > 1" * 90
_NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)


async def measure(place: Place) -> list[Figure]:
    """Compiling, judging one condition, and whole evaluations of few and of many rules."""
    facts = Facts({fact.name: fact.example for fact in FACTS})
    bound = language.bind(facts)
    first = [default_rules.condition(default, "CNY") for default in DEFAULTS]
    small, largest = (language.compiled(text) for text in (first[1], _LARGEST))
    many = [f"refund.amount > {10**6 + n}" for n in range(100)]
    return [
        _figure("check a condition", lambda: language.check(first[0]), aim="< 5,000"),
        _figure("make facts ready", lambda: language.bind(facts)),
        _judged("judge a default rule", small, bound, aim="< 20"),
        _judged("judge 1,900 characters", largest, bound),
        _figure("evaluate the default rules", _evaluation(first, facts), aim="< 200"),
        _figure("evaluate 100 rules, none matching", _evaluation(many, facts), aim="< 2,000"),
    ]


def _judged(name: str, compiled: Compiled, bound: language.Bound, aim: str = "") -> Figure:
    return _figure(name, lambda: compiled.judge(bound), aim=aim)


def _evaluation(conditions: list[str], facts: Facts) -> Callable[[], object]:
    rules = [_rule(place, condition) for place, condition in enumerate(conditions)]
    return lambda: engine.evaluate(
        rules,
        facts,
        trigger=RuleTrigger.REQUESTED,
        matching=RuleMatching.FIRST,
        now=_NOW,
        usage={},
    )


def _rule(position: int, condition: str) -> Rule:
    return Rule(
        id=UUID(int=position),
        version_id=uuid4(),
        version=1,
        name={"en": str(position)},
        mode=RuleMode.LIVE,
        position=position,
        condition=condition,
        actions=(Approve(),),
    )


def _figure(name: str, work: Callable[[], object], aim: str = "") -> Figure:
    took = []
    for number in range(_ROUNDS + 1):
        began = time.perf_counter()
        for _ in range(_TIMES):
            work()
        if number:  # the first round warms up
            took.append((time.perf_counter() - began) / _TIMES * 1e6)
    return spread(name, took, "µs", aim=aim)
