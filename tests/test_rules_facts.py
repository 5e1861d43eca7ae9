"""The facts: declared once, typed, described; known values are held to their declarations."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refund_gql.choices import RuleTrigger
from refund_gql.money import MAX_MINOR_UNITS
from refund_gql.rules import language
from refund_gql.rules.facts import (
    BY_NAME,
    FACTS,
    MAX_CHARACTERS,
    MAX_ENTRIES,
    Fact,
    Facts,
    FactType,
    FactValue,
)


def test_names_are_unique_and_in_groups() -> None:
    assert len(BY_NAME) == len(FACTS)
    groups = {fact.group for fact in FACTS}
    assert groups == {"refund", "order", "product", "customer", "courier", "shop", "desk"}
    assert all(fact.name.count(".") == 1 for fact in FACTS)


NOT_LEARNT_YET = {"product.open_alert"}
"""Declared, and nobody gathers them: a condition that names one is refused when it is saved."""


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_each_is_described_and_its_example_is_a_value(fact: Fact) -> None:
    assert set(fact.description) == {"zh", "en"}
    assert all(fact.description.values())
    assert fact.description["zh"] != fact.description["en"]
    assert Facts({fact.name: fact.example})[fact.name] == fact.example
    assert not fact.values or fact.example in fact.values
    assert fact.triggers or fact.name in NOT_LEARNT_YET


def test_some_are_known_on_one_trigger_only() -> None:
    alone = {fact.name: set(fact.triggers) for fact in FACTS if fact.triggers != set(RuleTrigger)}
    assert alone == {
        **{name: set() for name in NOT_LEARNT_YET},
        "refund.previous_status": {RuleTrigger.STATUS_CHANGED},
        "refund.minutes_in_status": {RuleTrigger.CLOCK},
        "courier.event": {RuleTrigger.TRACKING_EVENT},
    }


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("refund.colour", "red", "refund.colour is no declared fact"),
        ("refund.amount", 89.0, "refund.amount is INT, not 89.0"),
        ("refund.amount", True, "refund.amount is INT, not True"),
        ("refund.share_of_order", 1, "refund.share_of_order is DOUBLE, not 1"),
        ("order.shipped", 1, "order.shipped is BOOL, not 1"),
        ("customer.flags", ("a", 1), r"customer.flags is a list of texts"),
        ("customer.tier", None, "None is no value a fact can have"),
    ],
)
def test_what_is_gathered_wrongly_is_a_defect(name: str, value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Facts({name: value})  # type: ignore[dict-item] # a defect


@pytest.mark.parametrize(
    ("name", "most", "beyond"),
    [
        ("customer.tier", "x" * MAX_CHARACTERS, "x" * (MAX_CHARACTERS + 1)),
        ("customer.flags", ("x",) * MAX_ENTRIES, ("x",) * (MAX_ENTRIES + 1)),
        ("customer.flags", ("x" * MAX_CHARACTERS,), ("x" * (MAX_CHARACTERS + 1),)),
        ("customer.lifetime_value", -MAX_MINOR_UNITS, -MAX_MINOR_UNITS - 1),
        ("customer.refund_rate_90d", 1.0, float("nan")),
        ("customer.refund_rate_90d", 0.0, float("inf")),
    ],
)
def test_what_is_too_large_to_look_at_is_not_known(name: str, most: object, beyond: object) -> None:
    assert name in Facts({name: most})  # type: ignore[dict-item] # of the right type
    assert name not in Facts({name: beyond})  # type: ignore[dict-item] # of the right type


def test_facts_do_not_change_with_what_they_were_made_of() -> None:
    known: dict[str, str] = {"customer.tier": "GOLD"}
    facts = Facts(known)
    known["customer.tier"] = "NONE"
    assert dict(facts) == {"customer.tier": "GOLD"}
    with pytest.raises(TypeError):
        facts["customer.tier"] = "NONE"  # type: ignore[index] # that is the point


VALUES: dict[FactType, st.SearchStrategy[Any]] = {
    FactType.BOOL: st.booleans(),
    FactType.INT: st.integers(-MAX_MINOR_UNITS, MAX_MINOR_UNITS),
    FactType.DOUBLE: st.floats(-1e15, 1e15),
    FactType.STRING: st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_CHARACTERS),
    FactType.STRINGS: st.lists(st.text("abc", max_size=3), max_size=9).map(tuple),
}


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
@given(data=st.data())
def test_every_value_arrives_in_a_condition_as_it_is(fact: Fact, data: st.DataObject) -> None:
    value: FactValue = data.draw(VALUES[fact.type])
    bound = language.bind(Facts({fact.name: value}))
    assert language.compiled(f"{fact.name} == {fact.name}").judge(bound).outcome == "MATCHED"
    if fact.type is FactType.BOOL:
        said = language.compiled(fact.name).judge(bound).outcome
        assert said == ("MATCHED" if value else "NOT_MATCHED")
    if fact.type is FactType.INT:
        assert language.compiled(f"{fact.name} == {value}").judge(bound).outcome == "MATCHED"
