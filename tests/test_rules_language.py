"""The language of conditions: what holds, what does not, what is refused and where."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refund_gql.choices import RuleOutcome, RuleTrigger
from refund_gql.errors import InvalidCondition
from refund_gql.rules import language
from refund_gql.rules.facts import FACTS, MAX_ENTRIES, Facts
from refund_gql.rules.scan import CALLS, MACROS, MAX_LENGTH, MAX_MISTAKES, METHODS

KNOWN = Facts(
    {
        "refund.amount": 8900,
        "refund.currency": "CNY",
        "refund.reason": "尺码不符",
        "refund.share_of_order": 1.0,
        "order.shipped": False,
        "customer.flags": ("vip", "new"),
        "product.categories": (),
    }
)


def outcome(condition: str, facts: Facts = KNOWN) -> RuleOutcome:
    return language.compiled(condition).judge(language.bind(facts)).outcome


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("true", True),
        ("refund.amount < 9000 && !order.shipped", True),
        ("refund.amount < 8900", False),
        ("refund.share_of_order >= 0.5", True),
        ("double(refund.amount) > 0.5 * 8900.0", True),
        ("refund.currency in ['CNY', 'EUR']", True),
        ("'vip' in customer.flags", True),
        ("customer.flags.exists(flag, flag.startsWith('v'))", True),
        ("customer.flags.all(flag, flag == 'vip')", False),
        ("customer.flags.exists_one(f, f == 'new') && refund.amount > 1", True),
        ("size(product.categories) == 0", True),
        ("refund.reason.contains('尺码') // 中文", True),
        ('refund.reason == "尺码\\u4e0d符"', True),
        ("refund.amount > 5000 ? order.shipped : true", False),
        ("order.shipped\n  || refund.amount == 8900", True),
        ("  (refund . amount) == 8900 ", True),
    ],
)
def test_what_holds(condition: str, holds: bool) -> None:
    assert language.check(condition) == ()
    assert outcome(condition) is (RuleOutcome.MATCHED if holds else RuleOutcome.NOT_MATCHED)


@pytest.mark.parametrize(
    ("condition", "line", "column", "en"),
    [
        ("", 1, 1, "Empty; write true for always"),
        ("\n", 1, 1, "Empty; write true for always"),
        ("refund.amount", 1, 1, "A condition is true or false; this is int"),
        ("refund.amuont < 1", 1, 1, "There is no fact refund.amuont; did you mean refund.amount"),
        ("true &&\n  shipped", 2, 3, "There is no fact shipped"),
        ("'中文' == refund.amount", 1, 6, "== does not work on string, int"),
        ("refund.amount < 50.0", 1, 15, "< does not work on int, double; write the number as 50.0"),
        ("!refund.amount", 1, 1, "! does not work on int"),
        ("refund.amount +", 1, 16, "This cannot be read: mismatched input '<EOF>'"),
        ("refund.amount = 5", 1, 15, "Write == to compare"),
        ("order.shipped and true", 1, 15, "Write && for and"),
        ("order.shipped ? true", 1, 21, "This cannot be read"),
        ("refund.amount > 9999999999999999999", 1, 17, "This is not right: invalid int literal"),
        ("refund.currency == 'CNY", 1, 20, "The text is not closed"),
        ("has(order.shipped)", 1, 1, "There is no has"),
        ("dyn(refund.amount) == 'x'", 1, 1, "There is no dyn to call; there are size, int, double"),
        ("refund.currency.lower() == 'x'", 1, 17, "There is no lower to call"),
        ("refund.currency.matches('(a+)+$')", 1, 17, "There are no regular expressions here"),
        ("customer.flags.map(f, f) == []", 1, 16, "No list can be built here"),
        ("[1, 2].all(x, x > 0)", 1, 8, "all works on a list among the facts only"),
        ("customer.flags.exists(order, true)", 1, 16, "order is taken; choose another name"),
        (
            "customer.flags.exists(f, product.categories.exists(g, f == g))",
            1, 45,
            "exists cannot stand inside another",
        ),
        ("customer.flags.exists(f, true) && f == ''", 1, 35, "There is no fact f"),
        ("{'a': 1}.size() > 0", 1, 1, "There is no { here"),
        ("refund.`amount` > 0", 1, 1, "There is no fact refund"),
        (".refund.amount > 0", 1, 1, "A dot stands after a name only"),
        ("'''a''' == 'b'", 1, 1, "Two texts side by side"),
        ("r'\\d' == 'b'", 1, 1, "A text has no prefix here"),
        ("true\x00", 1, 5, "No character of a text"),
        ("'\ud800' == ''", 1, 2, "No character of a text"),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(condition: str, line: int, column: int, en: str) -> None:
    first, *_ = language.check(condition)
    assert (first.line, first.column) == (line, column)
    assert first.message["en"].startswith(en)
    assert first.message["zh"]
    shown, caret = first.excerpt.split("\n")
    before = caret.removesuffix("^")
    assert shown.startswith(condition.split("\n")[line - 1][:1].replace("\x00", "?"))
    assert len(before) == column - 1
    with pytest.raises(InvalidCondition) as refused:
        language.compiled(condition)
    assert refused.value.message("en").startswith(f"Line {line}, column {column}: {en}")


def test_the_caret_stands_under_chinese_too() -> None:
    [found] = language.check("refund.reason == '尺码' && refund.reason > 1")
    shown, caret = found.excerpt.split("\n")
    assert shown == "refund.reason == '尺码' && refund.reason > 1"
    assert width(caret.removesuffix("^")) == width(shown[: found.column - 1])


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_several_mistakes_are_told_at_once_and_not_without_end() -> None:
    found = language.check("a > 1 || b > 2\n || c > 3")
    assert [(m.line, m.column) for m in found] == [(1, 1), (1, 10), (2, 5)]
    assert len(language.check(" || ".join(f"x{n}" for n in range(200)))) == MAX_MISTAKES


def test_a_fact_that_is_never_known_on_a_trigger_is_refused_there() -> None:
    condition = "refund.previous_status == 'REVIEW'"
    assert language.check(condition, RuleTrigger.STATUS_CHANGED) == ()
    [found] = language.check(condition, RuleTrigger.REQUESTED)
    assert found.message["en"].startswith("refund.previous_status is never known")


# --- what is not known, what cannot be worked out ---------------------------------------------


@pytest.mark.parametrize(
    ("condition", "missing"),
    [
        ("customer.risk_level == 'HIGH'", "customer.risk_level"),
        ("refund.amount > 1 && desk.queue_length > 1", "desk.queue_length"),
        ("courier.delay_days > 3 || refund.amount > 8900", "courier.delay_days"),
    ],
)
def test_a_fact_that_is_not_known_is_named(condition: str, missing: str) -> None:
    judged = language.compiled(condition).judge(language.bind(KNOWN))
    assert (judged.outcome, judged.missing) == (RuleOutcome.UNKNOWN, missing)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("courier.delay_days > 3 || refund.amount == 8900", RuleOutcome.MATCHED),
        ("courier.delay_days > 3 && refund.amount != 8900", RuleOutcome.NOT_MATCHED),
        ("refund.amount == 8900 || 1 / 0 > 0", RuleOutcome.MATCHED),
    ],
)
def test_what_cannot_change_the_answer_may_be_unknown(
    condition: str, expected: RuleOutcome
) -> None:
    assert outcome(condition) is expected


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        ("1 / (refund.amount - 8900) > 0", "divide by zero"),
        ("refund.amount % 0 == 0", "modulus by zero"),
        ("refund.amount * 9223372036854775807 > 0", "integer overflow"),
        ("int(refund.currency) > 0", "cannot convert string to int"),
        ("customer.flags[7] == 'x'", "Index error: index=7 size=2"),
    ],
)
def test_what_cannot_be_worked_out_is_a_verdict(condition: str, error: str) -> None:
    judged = language.compiled(condition).judge(language.bind(KNOWN))
    assert (judged.outcome, judged.error) == (RuleOutcome.ERROR, error)


# --- whoever means harm -----------------------------------------------------------------------

HOSTILE = {
    "ten thousand characters": "a" * 10_000,
    "a valid one of ten thousand": "true" + " && true" * 1249 + "   ",
    "brackets": "(" * 900 + "true" + ")" * 900,
    "lists in lists": "[" * 900 + "]" * 900 + " == []",
    "an endless list": f"refund.amount in [{','.join('1' * 900)}]",
    "a sum without end": "1" + "+1" * 900 + " > 0",
    "ternaries": "true ? " * 200 + "true" + ": false" * 200,
    "nested comprehensions": "[1,2].all(a, [1,2].all(b, [1,2].all(c, [1,2].all(d, true))))",
    "a list doubled": "customer.flags.map(f, [f, f]).map(f, f + f).size() > 0",
    "a regular expression bomb": "refund.reason.matches('((((a{9}){9}){9}){9}){9}$')",
    "texts without end": "'" + "\\'" * 990,
    "names without end": " || ".join(["refund.amount" + "x" * 40] * 35),
    "dots": "refund" + ".amount" * 280,
}


@pytest.mark.parametrize("condition", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_conditions_are_refused_in_words(condition: str) -> None:
    found = language.check(condition)
    assert 1 <= len(found) <= MAX_MISTAKES
    assert all(len(mistake.excerpt) < 300 for mistake in found)


def test_what_is_too_long_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("refund_gql.rules.scan._tokens")
    [found] = language.check("true || " * 250 + "x")
    assert found.message["en"] == f"The condition has 2001 characters; {MAX_LENGTH} are the limit"


@pytest.mark.parametrize(
    "condition",
    ["true" + "&&true" * 330, "!" * 1990 + "true", "-" * 1990 + "1 < 0", "true//" + "x" * 1990],
)
def test_the_largest_that_is_allowed_is_judged(condition: str) -> None:
    assert len(condition) <= MAX_LENGTH
    assert language.check(condition) == ()
    assert outcome(condition) in (RuleOutcome.MATCHED, RuleOutcome.NOT_MATCHED)


def test_lists_written_out_have_a_limit() -> None:
    most = f"refund.amount in [{', '.join(map(str, range(MAX_ENTRIES)))}]"
    assert language.check(most) == ()
    [found] = language.check(most.replace("]", ", 100]"))
    assert found.message["en"] == "The list goes on; 100 entries are the limit"


def test_a_condition_is_compiled_once() -> None:
    condition = "refund.amount == 424242"
    assert language.compiled(condition) is language.compiled(condition)
    assert language.compiled(condition).facts == {"refund.amount"}


WORDS = [
    *(fact.name for fact in FACTS),
    *(f".{name}(" for name in METHODS + MACROS),
    *(f"{name}(" for name in CALLS),
    *"()[]{},.?:!<>=+-*/%&|'\"`\\ \n",
    "&&", "||", "==", "true", "false", "null", " in ", "1", "0", "1.5", "'a'", "f", "f, ",
    "matches(", "map(", "r'", "//", "尺码", "\x00",
]  # fmt: skip


@settings(max_examples=600)
@given(parts=st.lists(st.sampled_from(WORDS), max_size=30))
def test_nothing_anybody_types_is_an_exception(parts: list[str]) -> None:
    """Whatever is accepted is judged without an exception, with facts and without."""
    condition = "".join(parts)
    if language.check(condition):
        return
    compiled = language.compiled(condition)
    for facts in (KNOWN, Facts({}), Facts({fact.name: fact.example for fact in FACTS})):
        assert compiled.judge(language.bind(facts)).outcome in RuleOutcome


COMPARISONS = st.sampled_from(
    [
        "refund.amount < 9000", "order.shipped", "1 / 0 > 0", "desk.queue_length > 3",
        "'vip' in customer.flags", "customer.flags.exists(f, f == 'x')", "shop.hour >= 9",
    ]
)  # fmt: skip


@given(
    condition=st.recursive(
        COMPARISONS,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
                lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
            ),
            inner.map(lambda part: f"!({part})"),
        ),
        max_leaves=6,
    )
)
def test_more_facts_never_turn_an_answer_around(condition: str) -> None:
    """What holds while something is unknown holds whatever that turns out to be."""
    if language.check(condition):
        return
    few = outcome(condition)
    more = {outcome(condition, Facts({**KNOWN, "desk.queue_length": n, "shop.hour": n}))
            for n in (0, 23)}  # fmt: skip
    if few in (RuleOutcome.MATCHED, RuleOutcome.NOT_MATCHED):
        assert more == {few}
