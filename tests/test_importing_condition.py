"""Skip rules: which rows they leave out."""

from typing import Any

import pytest

from refund_gql.importing.condition import Condition


def holds(cell: object, **test: Any) -> bool:
    return Condition.model_validate({"column": "c", **test}).holds(cell)


@pytest.mark.parametrize(
    ("test", "inside", "outside"),
    [
        ({"is": "B"}, "B", "b"),
        ({"one_of": ["M", "POST"]}, "POST", "D"),
        ({"starts_with": "C"}, "C536379", "536379"),
        ({"matches": "[0-9]{5}[A-Z]?"}, "85123A", "85123AB"),
        ({"below": 1}, 0.5, 1.0),
        ({"at_most": 0}, 0, 1),
        ({"above": 0.1}, "0.2", "0.1"),
        ({"at_least": 10}, "10", "9"),
        ({"missing": True}, "  ", "x"),
        ({"missing": False}, "x", None),
    ],
)
def test_a_test_holds_inside_and_not_outside(
    test: dict[str, Any], inside: object, outside: object
) -> None:
    assert holds(inside, **test)
    assert not holds(outside, **test)


@pytest.mark.parametrize(
    "test", [{"is": "x"}, {"starts_with": ""}, {"at_most": 0}, {"below": 1}, {"matches": ".*"}]
)
def test_an_empty_cell_passes_nothing_but_missing(test: dict[str, Any]) -> None:
    assert not holds(None, **test)
    assert not holds("", **test)


def test_words_are_left_to_the_field_that_reads_them() -> None:
    assert not holds("many", at_most=0)
    assert not holds("many", above=0)


def test_comparisons_are_decimal() -> None:
    assert holds(0.1, at_most=0.1)
    assert holds("0.10", at_least=0.1)
    assert not holds(0.30000000000000004, at_most=0.3)
