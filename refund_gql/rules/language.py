"""How a rule asks: CEL, the Common Expression Language, with the facts as its only names.

A condition is checked for types when it is saved, and every mistake says where it is. Judging a
compiled one takes microseconds and has no side effects; whatever goes wrong is a verdict, never
an exception. What CEL offers beyond that is taken out by `scan`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import cel_expr_python.cel as cel

from refund_gql.choices import RuleOutcome, RuleTrigger
from refund_gql.errors import InvalidCondition
from refund_gql.rules import mistake
from refund_gql.rules.facts import FACTS, FactType, FactValue
from refund_gql.rules.mistake import Mistake
from refund_gql.rules.scan import MAX_MISTAKES, scan

_CEL_TYPES = {
    FactType.BOOL: cel.Type.BOOL,
    FactType.INT: cel.Type.INT,
    FactType.DOUBLE: cel.Type.DOUBLE,
    FactType.STRING: cel.Type.STRING,
    FactType.STRINGS: cel.Type.List(cel.Type.STRING),
}
_ENV = cel.NewEnv(variables={fact.name: _CEL_TYPES[fact.type] for fact in FACTS})

_COMPILED_AT_ONCE = 4096
"""Conditions kept compiled; a version is never edited, so its text is its name."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a condition came to on some facts."""

    outcome: RuleOutcome
    """MATCHED, NOT_MATCHED, UNKNOWN or ERROR."""
    missing: str = ""
    """UNKNOWN: the fact it needs."""
    error: str = ""
    """ERROR: why, in CEL's words."""


@dataclass(frozen=True)
class Bound:
    """Facts in the form that conditions are judged on; made once, used by every rule."""

    activation: cel.Activation = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A condition without mistakes."""

    condition: str
    facts: frozenset[str]
    """The names it uses."""
    expression: cel.Expression = field(repr=False)

    def judge(self, bound: Bound) -> Judgement:
        """Whether it holds. Never raises."""
        value = self.expression.eval(bound.activation)
        if value.type() == cel.Type.BOOL:
            matched = RuleOutcome.MATCHED if value.value() else RuleOutcome.NOT_MATCHED
            return Judgement(outcome=matched)
        return _failed(str(value.value()))


def bind(facts: Mapping[str, FactValue]) -> Bound:
    """The facts, ready to be judged on."""
    return Bound(
        _ENV.Activation(
            {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in facts.items()
            }
        )
    )


def check(condition: str, trigger: RuleTrigger | None = None) -> tuple[Mistake, ...]:
    """Everything that is wrong with a condition; empty when nothing is."""
    found = scan(condition, trigger)
    if found.mistakes:
        return found.mistakes
    try:
        expression = _ENV.compile(condition)
    except RuntimeError as error:
        return _mistakes(condition, str(error))
    if expression.return_type() != cel.Type.BOOL:
        return (_no_condition(condition, expression.return_type()),)
    return ()


@lru_cache(maxsize=_COMPILED_AT_ONCE)
def compiled(condition: str) -> Compiled:
    """The condition, ready to be judged. Raises InvalidCondition."""
    mistakes = check(condition)
    if mistakes:
        raise InvalidCondition(mistakes=mistakes)
    return Compiled(
        condition=condition, facts=scan(condition).facts, expression=_ENV.compile(condition)
    )


# --- what CEL says, in our words --------------------------------------------------------------

_MISSING = re.compile(r'No value with name "([^"]+)" found')
_ERROR = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(-?\d+):(-?\d+): (.*)$", re.MULTILINE)
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\((.*)\)'")
_SINGLE_EQUALS = re.compile(r"token recognition error at: '= ?")


def _failed(words: str) -> Judgement:
    missing = _MISSING.search(words)
    if missing is not None:
        return Judgement(outcome=RuleOutcome.UNKNOWN, missing=missing.group(1))
    return Judgement(outcome=RuleOutcome.ERROR, error=words.partition(": ")[2] or words)


def _mistakes(condition: str, words: str) -> tuple[Mistake, ...]:
    """CEL's errors, each at its place; those that only follow from a syntax error are left out."""
    found: list[Mistake] = []
    for error in _ERROR.finditer(words):
        line, column, text = int(error.group(1)), int(error.group(2)), error.group(3)
        if line < 1:
            continue
        zh, en = _said(text)
        found.append(mistake.on(condition, line, column, zh=zh, en=en))
        if text.startswith("Syntax error") or len(found) == MAX_MISTAKES:
            break
    return tuple(found) or (_too_deep(condition),)


def _too_deep(condition: str) -> Mistake:
    """The one error of CEL that has no place."""
    return mistake.on(
        condition, 1, 1,
        zh="条件过于复杂，请拆分为多条规则",
        en="The condition is too deep; make several rules of it",
    )  # fmt: skip


def _said(words: str) -> tuple[str, str]:
    """One of CEL's errors in Chinese and English."""
    overload = _OVERLOAD.search(words)
    if overload is not None:
        return _mismatch(overload.group(1).strip("_@"), overload.group(2))
    if _SINGLE_EQUALS.search(words):
        return "比较请写 ==", "Write == to compare"
    if words.startswith("Syntax error"):
        what = words.removeprefix("Syntax error: ").partition(" expecting ")[0]
        return f"语法错误：{what}", f"This cannot be read: {what}"
    return f"条件有误：{words}", f"This is not right: {words}"


def _mismatch(operator: str, types: str) -> tuple[str, str]:
    operator = operator.replace("_", " ").strip()
    zh, en = f"{operator} 不能用于 {types}", f"{operator} does not work on {types}"
    if sorted(types.split(", ")) == ["double", "int"]:
        return (
            f"{zh}；请写成小数（如 50.0），或用 double() 转换",
            f"{en}; write the number as 50.0, or convert with double()",
        )
    return zh, en


def _no_condition(condition: str, found: cel.Type) -> Mistake:
    name = found.name().lower()
    return mistake.on(
        condition, 1, 1,
        zh=f"条件的结果必须是真或假，而这里是 {name}",
        en=f"A condition is true or false; this is {name}",
    )  # fmt: skip
