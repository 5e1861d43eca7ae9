"""docs/risk.md is true: its operations are valid, its figures and words are the engine's."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate
from support.documents import core

from refund_gql.choices import AppealOutcome, CrmFlagsStatus, RiskSource
from refund_gql.flow import crm_flags, flags, own_signals, risk

TEXT = (Path(__file__).parent.parent / "docs" / "risk.md").read_text()
OPERATIONS = re.findall(r"```graphql\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_operations_are_valid(operation: str) -> None:
    assert validate(core(), parse(operation)) == []


def test_every_word_is_explained() -> None:
    words = [*RiskSource, *AppealOutcome, *CrmFlagsStatus]
    assert [word.value for word in words if f"`{word.value}`" not in TEXT] == []


def test_the_figures_are_the_engines() -> None:
    told = {
        f"every {risk.FRESH.seconds // 60} minutes",
        f"for {risk.PATIENCE.seconds} seconds",
        f"{own_signals.DECAY.days} days after the last evidence",
        f"{flags.DAYS} days, unless",
        f"{own_signals.MIN_RATE:.0%} and {own_signals.MIN_REFUNDS} orders".replace("%", " %"),
        f"{own_signals.MIN_EXTREME_RATE:.0%} and {own_signals.MIN_EXTREME_REFUNDS} orders".replace(
            "%", " %"
        ),
        f"{own_signals.REPEATS} times in {own_signals.REASON_WINDOW.days} days",
        f"{own_signals.MANY_FINDINGS} lines in a year",
        f"at least {own_signals.MIN_ORDERS} orders in a year",
        f"fewer than {own_signals.MIN_CUSTOMERS} of them",
        f"{crm_flags.FIRST_WAIT.seconds} seconds at first",
    }
    flowing = " ".join(TEXT.split())
    assert {words for words in told if words not in flowing} == set()
