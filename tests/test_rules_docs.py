"""What `docs/rules.md` says is what there is."""

import re
from pathlib import Path

from graphql import parse, validate
from support import documents

from refund_gql import labels
from refund_gql.backoffice.default_rules import DEFAULTS
from refund_gql.choices import RuleMode, RuleOutcome, RuleTrigger
from refund_gql.rules import actions, language
from refund_gql.rules.actions import AVAILABLE, ActionKind
from refund_gql.rules.facts import FACTS, Fact, FactType

TEXT = Path("docs/rules.md").read_text("utf-8")
_TYPES = {
    FactType.BOOL: "bool",
    FactType.INT: "int",
    FactType.DOUBLE: "double",
    FactType.STRING: "string",
    FactType.STRINGS: "list of strings",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def table(after: str) -> list[list[str]]:
    """The cells of the first table below a line."""
    lines = TEXT.partition(after)[2].split("\n\n|", 1)[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def facts_as_a_table() -> str:
    head = "| fact | type | is | 含义 | example |\n|---|---|---|---|---|\n"
    return head + "\n".join(map(_row, FACTS))


def _row(fact: Fact) -> str:
    only = ", ".join(f"`{value}`" for value in fact.values) if len(fact.values) < 5 else ""
    english = fact.description["en"] + (f": {only}" if only else "")
    chinese = fact.description["zh"]
    return f"| `{fact.name}` | {_TYPES[fact.type]} | {english} | {chinese} | `{_shown(fact)}` |"


def _shown(fact: Fact) -> str:
    if fact.type is FactType.STRINGS:
        assert isinstance(fact.example, tuple)
        return f"{list(fact.example)}"
    if fact.type is FactType.STRING:
        return f"'{fact.example}'"
    return str(fact.example).lower()


def test_the_table_of_facts_is_the_declared_one() -> None:
    found = TEXT.partition("<!-- facts -->\n")[2].partition("\n<!-- /facts -->")[0]
    assert found == facts_as_a_table()


def test_every_condition_shown_is_understood() -> None:
    shown = blocks("cel")
    assert len(shown) == 4
    for condition in shown:
        assert language.check(condition, RuleTrigger.REQUESTED) == ()


def test_the_mistake_shown_is_the_one_that_is_told() -> None:
    [shown] = blocks("text")
    condition, *_ = shown.splitlines()
    [found] = language.check(condition)
    assert shown == f"{found.excerpt}\n{found.message['en']}\n"


def test_the_operations_shown_are_valid() -> None:
    shown = blocks("graphql")
    assert len(shown) == 2
    for operation in shown:
        assert validate(documents.core(), parse(operation)) == []


def test_the_table_of_actions_is_what_there_is() -> None:
    able = AVAILABLE.kinds[RuleTrigger.REQUESTED]
    expected = {
        kind: (
            labels.RULE_ACTIONS[kind]["zh"],
            set(actions.parameters(kind).get("properties", {})),
            "yes" if actions.ALL[kind].decides else "",
            "yes" if kind in able else "",
        )
        for kind in ActionKind
    }
    told = {
        name.strip("`"): (zh, set(re.findall(r"`(\w+)`", parameters)), decides, available)
        for name, zh, parameters, decides, available in table("## Actions")
    }
    assert told == expected


def test_modes_and_verdicts_are_all_there() -> None:
    assert [row[0].strip("`") for row in table("## Which rule decides")] == list(RuleMode)
    assert {row[0].strip("`") for row in table("## Why it was decided")} == set(RuleOutcome)


def test_the_first_rules_are_those_of_a_new_shop() -> None:
    told = [(row[0], row[1], row[3].split()[0].strip("`")) for row in table("## The first rules")]
    assert told == [
        (rule.name["en"], rule.name["zh"], rule.actions("CNY")[0].kind.value) for rule in DEFAULTS
    ]
