"""What `docs/lab.md` says is what there is."""

import re
from pathlib import Path

from graphql import parse, validate
from support import documents

from refund_gql.choices import BacktestStatus, RuleTrigger
from refund_gql.lab import backtests
from refund_gql.lab.comparison import Ending
from refund_gql.lab.tally import MAX_SAMPLES, Disagreement
from refund_gql.rules import language

TEXT = Path("docs/lab.md").read_text("utf-8")


def first_column(head: str) -> list[str]:
    """The names in the first column of a table."""
    table = TEXT.partition(f"| {head} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE)


def test_the_operations_shown_are_valid() -> None:
    shown = re.findall(r"```graphql\n(.*?)```", TEXT, flags=re.DOTALL)
    assert len(shown) == 3
    for operation in shown:
        assert validate(documents.core(), parse(operation)) == []


def test_the_condition_shown_is_understood() -> None:
    [condition] = re.findall(r'condition: "([^"]+)"', TEXT)
    assert language.check(condition, RuleTrigger.REQUESTED) == ()


def test_every_word_of_the_report_is_explained() -> None:
    assert first_column("status") == list(BacktestStatus)
    assert first_column("kind") == list(Disagreement)
    assert first_column("happened") == list(Ending)


def test_the_limits_are_those_of_the_engine() -> None:
    assert f"at most {backtests.MAX_WINDOW.days} days" in TEXT
    assert f"at most {backtests.MAX_OPEN} backtests" in TEXT
    assert "the first ten" in TEXT
    assert MAX_SAMPLES == 10
