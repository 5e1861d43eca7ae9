"""The engine of rules: who decides, what happens beside it, and that nothing else matters."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refund_gql import labels
from refund_gql.choices import RuleMatching, RuleMode, RuleOutcome, RuleTrigger
from refund_gql.errors import InvalidInput
from refund_gql.rules import actions, engine
from refund_gql.rules.actions import (
    AVAILABLE,
    Abilities,
    Action,
    ActionKind,
    AddTag,
    Approve,
    Desk,
    Hold,
    Notify,
    Route,
    Words,
)
from refund_gql.rules.engine import CAP_REACHED, Evaluation, Rule, Usage
from refund_gql.rules.explanation import explain
from refund_gql.rules.facts import Facts

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
FACTS = Facts(
    {
        "refund.amount": 8900,
        "refund.currency": "CNY",
        "shop.currency": "CNY",
        "refund.goods_shipped": False,
    }
)
HOLD = Hold(why=Words(zh="请核实", en="Have a look"))
ROUTE = Route(desk=Desk.REVIEW)
ALL_KINDS = Abilities(kinds={RuleTrigger.REQUESTED: frozenset(ActionKind)}, desks=frozenset(Desk))


def rule(number: int, condition: str = "true", *does: Action, **changes: object) -> Rule:
    """A live rule at this position that, if nothing else is said, approves everything."""
    known = Rule(
        id=UUID(int=number),
        version_id=UUID(int=1000 + number),
        version=1,
        name={"en": f"Rule {number}", "zh": f"规则 {number}"},
        mode=RuleMode.LIVE,
        position=number,
        condition=condition,
        actions=does or (Approve(),),
    )
    return replace(known, **changes)  # type: ignore[arg-type] # names of fields


def evaluate(
    *rules: Rule,
    facts: Facts = FACTS,
    matching: RuleMatching = RuleMatching.FIRST,
    usage: Mapping[UUID, Usage] | None = None,
    now: datetime = NOW,
) -> Evaluation:
    return engine.evaluate(
        rules,
        facts,
        trigger=RuleTrigger.REQUESTED,
        matching=matching,
        now=now,
        usage=usage or {},
    )


def outcomes(evaluation: Evaluation) -> list[tuple[int, str, bool]]:
    return [(v.rule.position, v.outcome.value, v.effective) for v in evaluation.verdicts]


# --- first match, all matches -----------------------------------------------------------------


def test_the_first_that_matches_decides_and_acts_alone() -> None:
    tag, other = AddTag(tag="a"), AddTag(tag="b")
    found = evaluate(
        rule(3, "true", HOLD, other),
        rule(1, "refund.amount > 9000"),
        rule(2, "true", Approve(), tag),
    )
    assert outcomes(found) == [(1, "NOT_MATCHED", False), (2, "MATCHED", True)]
    assert found.decided_by is not None
    assert found.decided_by.position == 2
    assert (found.decision, found.actions) == (Approve(), (tag,))


def test_no_rule_no_decision() -> None:
    found = evaluate(rule(1, "false"))
    assert (found.decided_by, found.decision, found.actions) == (None, None, ())


def test_where_all_are_read_the_first_decision_stands_and_all_act() -> None:
    tag, news = AddTag(tag="a"), Notify(message="REQUEST_RECEIVED")
    found = evaluate(
        rule(1, "true", tag),
        rule(2, "true", HOLD),
        rule(3, "true", Approve(), news),
        matching=RuleMatching.ALL,
    )
    assert outcomes(found) == [(n, "MATCHED", True) for n in (1, 2, 3)]
    assert found.decided_by is not None
    assert found.decided_by.position == 2
    assert (found.decision, found.actions) == (HOLD, (tag, news))


# --- modes ------------------------------------------------------------------------------------


def test_a_shadow_rule_is_judged_and_changes_nothing() -> None:
    live = (rule(2, "true", HOLD), rule(3))
    with_shadow = evaluate(*live, rule(1, mode=RuleMode.SHADOW), rule(4, mode=RuleMode.SHADOW))
    assert outcomes(with_shadow) == [
        (1, "MATCHED", True),
        (2, "MATCHED", True),
        (4, "MATCHED", False),
    ]
    alone = evaluate(*live)
    assert (with_shadow.decision, with_shadow.decided_by) == (alone.decision, alone.decided_by)


def test_a_rule_that_is_off_is_not_looked_at() -> None:
    assert evaluate(rule(1, mode=RuleMode.OFF)).verdicts == ()


# --- what cannot be judged --------------------------------------------------------------------


def test_a_missing_fact_and_a_division_by_zero_pass_the_refund_on() -> None:
    found = evaluate(
        rule(1, "customer.risk_level == 'HIGH'", HOLD),
        rule(2, "1 / (refund.amount - 8900) > 0", HOLD),
        rule(3),
    )
    assert outcomes(found) == [(1, "UNKNOWN", False), (2, "ERROR", False), (3, "MATCHED", True)]
    assert [v.missing for v in found.verdicts] == ["customer.risk_level", "", ""]
    assert [v.error for v in found.verdicts] == ["", "divide by zero", ""]
    assert found.decision == Approve()


def test_a_condition_of_an_older_version_that_is_no_longer_understood_is_an_error() -> None:
    found = evaluate(rule(1, "refund.forgotten > 1", HOLD), rule(2))
    assert outcomes(found) == [(1, "ERROR", False), (2, "MATCHED", True)]
    assert "There is no fact refund.forgotten" in found.verdicts[0].error


@pytest.mark.parametrize(
    ("begins", "ends", "valid"),
    [
        (None, None, True),
        (NOW, None, True),
        (NOW + timedelta(seconds=1), None, False),
        (None, NOW + timedelta(seconds=1), True),
        (None, NOW, False),
    ],
)
def test_a_rule_counts_from_its_beginning_up_to_its_end(
    begins: datetime | None, ends: datetime | None, valid: bool
) -> None:
    found = evaluate(rule(1, valid_from=begins, valid_until=ends))
    assert outcomes(found) == [(1, "MATCHED" if valid else "OUT_OF_DATE", valid)]


# --- daily caps -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caps", "used", "capped"),
    [
        ({"daily_count": 3}, Usage(count=2), False),
        ({"daily_count": 3}, Usage(count=3), True),
        ({"daily_amount": 20_000}, Usage(amount=11_100), False),
        ({"daily_amount": 20_000}, Usage(amount=11_101), True),
        ({"daily_count": 9, "daily_amount": 8_899}, Usage(), True),
        ({}, Usage(count=10**6, amount=10**12), False),
    ],
)
def test_a_rule_that_has_done_enough_leaves_it_to_a_person(
    caps: dict[str, int], used: Usage, capped: bool
) -> None:
    first = rule(1, "true", Approve(), AddTag(tag="a"), **caps)
    found = evaluate(first, rule(2), usage={first.id: used})
    assert outcomes(found) == [(1, "CAPPED" if capped else "MATCHED", True)]
    assert found.decided_by == first
    assert found.decision == (CAP_REACHED if capped else Approve())
    assert found.actions == (() if capped else (AddTag(tag="a"),))


@pytest.mark.parametrize("known", [{"refund.currency": "EUR"}, {"shop.currency": "EUR"}])
def test_money_in_another_currency_is_not_counted_and_so_not_given(known: dict[str, str]) -> None:
    found = evaluate(rule(1, daily_amount=10**9), facts=Facts({**FACTS, **known}))
    assert found.decision == CAP_REACHED


def test_a_capped_rule_without_a_decision_stands_in_nobodys_way() -> None:
    found = evaluate(rule(1, "true", AddTag(tag="a"), daily_count=1), rule(2), usage={
        UUID(int=1): Usage(count=1)
    })  # fmt: skip
    assert outcomes(found) == [(1, "CAPPED", False), (2, "MATCHED", True)]
    assert (found.decision, found.actions) == (Approve(), ())


# --- properties -------------------------------------------------------------------------------

CONDITIONS = (
    "true", "false", "refund.amount > 5000", "desk.queue_length > 3", "1 / 0 > 0",
    "!refund.goods_shipped",
)  # fmt: skip
ACTIONS = (Approve(), HOLD, ROUTE, AddTag(tag="a"), Notify(message="REFUNDED"))


@st.composite
def some_rules(draw: st.DrawFn) -> list[Rule]:
    positions = draw(st.lists(st.integers(0, 20), max_size=7))
    return [
        rule(
            number,
            draw(st.sampled_from(CONDITIONS)),
            draw(st.sampled_from(ACTIONS)),
            position=position,
            mode=draw(st.sampled_from(RuleMode)),
            daily_count=draw(st.sampled_from([None, 1])),
        )
        for number, position in enumerate(positions)
    ]


SOME_FACTS = st.builds(
    lambda amount, shipped, queue: Facts(
        {
            **FACTS,
            "refund.amount": amount,
            "refund.goods_shipped": shipped,
            **({} if queue is None else {"desk.queue_length": queue}),
        }
    ),
    st.integers(0, 10_000),
    st.booleans(),
    st.none() | st.integers(0, 9),
)
MATCHINGS = st.sampled_from(RuleMatching)
USAGES = st.dictionaries(
    st.integers(0, 6).map(lambda n: UUID(int=n)), st.builds(Usage, count=st.integers(0, 2))
)


@given(some_rules(), SOME_FACTS, MATCHINGS, USAGES, st.randoms())
def test_the_same_rules_on_the_same_facts_say_the_same(
    rules: list[Rule],
    facts: Facts,
    matching: RuleMatching,
    usage: dict[UUID, Usage],
    chance: st.DataObject,
) -> None:
    """However they come out of the database: position and mode are what counts."""
    once = evaluate(*rules, facts=facts, matching=matching, usage=usage)
    shuffled = list(rules)
    chance.shuffle(shuffled)  # type: ignore[attr-defined] # a Random
    again = evaluate(*shuffled, facts=Facts(dict(facts)), matching=matching, usage=usage)
    assert outcomes(again) == outcomes(once)
    assert (again.decision, again.actions) == (once.decision, once.actions)
    assert explain(again) == explain(once)


@given(some_rules(), SOME_FACTS, MATCHINGS, USAGES)
def test_rules_that_do_not_act_make_no_difference(
    rules: list[Rule], facts: Facts, matching: RuleMatching, usage: dict[UUID, Usage]
) -> None:
    live = [r for r in rules if r.mode is RuleMode.LIVE]
    every = evaluate(*rules, facts=facts, matching=matching, usage=usage)
    alone = evaluate(*live, facts=facts, matching=matching, usage=usage)
    assert (every.decision, every.actions) == (alone.decision, alone.actions)
    assert every.decided_by == alone.decided_by


@given(some_rules(), SOME_FACTS, MATCHINGS, USAGES, st.integers(1, 1000))
def test_only_the_order_of_positions_counts(
    rules: list[Rule],
    facts: Facts,
    matching: RuleMatching,
    usage: dict[UUID, Usage],
    factor: int,
) -> None:
    spread = [replace(r, position=r.position * factor + factor) for r in rules]
    once = evaluate(*rules, facts=facts, matching=matching, usage=usage)
    again = evaluate(*spread, facts=facts, matching=matching, usage=usage)
    assert (again.decision, again.actions) == (once.decision, once.actions)


@given(some_rules(), SOME_FACTS, MATCHINGS, USAGES)
def test_a_decision_is_that_of_a_live_rule_that_matched_or_of_its_cap(
    rules: list[Rule], facts: Facts, matching: RuleMatching, usage: dict[UUID, Usage]
) -> None:
    found = evaluate(*rules, facts=facts, matching=matching, usage=usage)
    if found.decided_by is None:
        assert found.decision is None
        return
    [verdict] = [v for v in found.verdicts if v.rule == found.decided_by]
    assert verdict.effective
    assert verdict.rule.mode is RuleMode.LIVE
    if verdict.outcome is RuleOutcome.CAPPED:
        assert found.decision == CAP_REACHED
    else:
        assert (verdict.outcome, found.decision) == (RuleOutcome.MATCHED, verdict.rule.decision)


# --- in words ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "en", "zh"),
    [
        (
            [rule(1)],
            "Approved at once by the rule “Rule 1” (1).",
            "规则“规则 1”（第 1 版）自动通过。",
        ),
        (
            [rule(1, "true", ROUTE)],
            "Sent to customer service by the rule “Rule 1” (1).",
            "规则“规则 1”（第 1 版）转客服初审。",
        ),
        (
            [rule(1, "true", HOLD)],
            "Kept for a person by the rule “Rule 1” (1): Have a look.",
            "规则“规则 1”（第 1 版）转人工处理：请核实。",
        ),
        (
            [rule(1, "true", Approve(), daily_amount=1)],
            "Kept for a person: the rule “Rule 1” (1) has done enough for today.",
            "规则“规则 1”（第 1 版）今日额度已用完，转人工处理。",
        ),
        (
            [rule(1, "shop.hour > 8"), rule(2, "1 / 0 > 0")],
            "No rule decides this; it goes the shop's usual way."
            " The rule “Rule 1” (1) could not be judged: shop.hour is not known."
            " The rule “Rule 2” (1) could not be worked out: divide by zero.",
            "没有规则对此作出决定，按店铺默认流程处理。"
            "规则“规则 1”（第 1 版）因缺少 shop.hour 未能判断。"
            "规则“规则 2”（第 1 版）计算出错：divide by zero。",
        ),
    ],
)
def test_it_says_why(rules: list[Rule], en: str, zh: str) -> None:
    assert explain(evaluate(*rules)) == {"en": en, "zh": zh}


# --- actions ----------------------------------------------------------------------------------


EVERY: list[dict[str, Any]] = [
    {"kind": "APPROVE"},
    {"kind": "ROUTE", "desk": "FINANCE"},
    {"kind": "HOLD", "why": {"en": "look"}},
    {"kind": "REFUND_FIRST", "most": 20_000},
    {
        "kind": "PROPOSE_OFFERS",
        "offers": [
            {"kind": "FULL_WITH_RETURN"},
            {"kind": "PARTIAL", "percent": 20, "text": {"zh": "留用"}},
            {"kind": "EXCHANGE_COUPON", "amount": 9000, "bonus": 500, "valid_days": 60},
        ],
    },
    {"kind": "ADD_TAG", "tag": "logistics"},
    {"kind": "NOTIFY", "message": "REFUNDED"},
    {"kind": "FLAG", "flag": "watch", "why": {"zh": "频繁退款"}},
    {"kind": "UNFLAG", "flag": "watch"},
    {"kind": "ISSUE_COUPON", "amount": 1000, "least_order_amount": 5000, "valid_days": 14},
    {"kind": "COMPENSATE", "amount": 500},
    {"kind": "ESCALATE", "why": {"en": "look"}},
    {"kind": "APPROVE_RETURN"},
]


@pytest.mark.parametrize("draft", EVERY, ids=lambda draft: draft["kind"])
def test_every_action_survives_the_database(draft: dict[str, Any]) -> None:
    parsed = actions.parse([draft], RuleTrigger.REQUESTED, ALL_KINDS)
    assert actions.loaded(actions.stored(parsed)) == parsed
    schema = actions.parameters(ActionKind(draft["kind"]))
    assert set(draft) - {"kind"} <= set(schema["properties"])
    assert "kind" not in schema["properties"]


def test_every_action_has_a_form_and_words() -> None:
    assert {draft["kind"] for draft in EVERY} == set(ActionKind) == set(actions.ALL)
    assert set(labels.RULE_ACTIONS) == set(ActionKind)
    assert all(set(words) == {"en", "zh"} for words in labels.RULE_ACTIONS.values())
    deciding = {kind.value for kind, form in actions.ALL.items() if form.decides}
    assert deciding == {
        "APPROVE",
        "APPROVE_RETURN",
        "ROUTE",
        "HOLD",
        "REFUND_FIRST",
        "PROPOSE_OFFERS",
    }


@pytest.mark.parametrize("kind", ["REJECT", "DENY", "DECLINE", "REFUSE"])
def test_no_rule_rejects(kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        actions.parse([{"kind": kind}], RuleTrigger.REQUESTED, ALL_KINDS)
    assert refused.value.message("en") == (
        f"actions.0.kind is {kind}; expected: no rejection: a rule never says no to a customer;"
        " HOLD it for a person"
    )
    assert "规则不能自动拒绝退款" in refused.value.message("zh")


def offering(*terms: dict[str, object]) -> list[dict[str, object]]:
    """The actions of a rule that offers a choice."""
    return [{"kind": "PROPOSE_OFFERS", "offers": list(terms)}]


@pytest.mark.parametrize(
    ("drafts", "field", "found"),
    [
        ([], "actions", "0 actions"),
        ([{"kind": "NOTIFY", "message": str(n)} for n in range(11)], "actions", "11 actions"),
        ([{}], "actions.0.kind", ""),
        ([{"kind": "EXPLODE"}], "actions.0.kind", "EXPLODE"),
        ([{"kind": "ROUTE"}], "actions.0.desk", "nothing"),
        ([{"kind": "ROUTE", "desk": "MOON"}], "actions.0.desk", "'MOON'"),
        ([{"kind": "APPROVE", "amount": 1}], "actions.0.amount", "1"),
        ([{"kind": "HOLD", "why": {}}], "actions.0.why", "{}"),
        ([{"kind": "COMPENSATE", "amount": 0}], "actions.0.amount", "0"),
        ([{"kind": "COMPENSATE", "amount": 2**53}], "actions.0.amount", "9007199254740992"),
        ([{"kind": "APPROVE"}, {"kind": "ADD_TAG", "tag": " "}], "actions.1.tag", "' '"),
        ([EVERY[0], EVERY[2]], "actions", "APPROVE and HOLD"),
        (offering(), "actions.0.offers", "[]"),
        (offering({"kind": "PARTIAL"}), "actions.0.offers.0", "{'kind': 'PARTIAL'}"),
        (
            offering({"kind": "FULL_WITH_RETURN", "percent": 5}),
            "actions.0.offers.0",
            "{'kind': 'FULL_WITH_RETURN', 'percent': 5}",
        ),
        ([EVERY[7], EVERY[8]], "actions", "FLAG watch twice"),
        ([EVERY[5], {"kind": "ADD_TAG", "tag": "other"}], "actions", "ADD_TAG twice"),
        ([EVERY[6], EVERY[6]], "actions", "NOTIFY REFUNDED twice"),
    ],
)
def test_what_cannot_be_done_is_refused(
    drafts: list[dict[str, object]], field: str, found: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        actions.parse(drafts, RuleTrigger.REQUESTED, ALL_KINDS)
    assert (refused.value.data["field"], refused.value.data["found"]) == (field, found)


NO_OFFERS = Abilities(
    kinds={
        trigger: kinds - {ActionKind.PROPOSE_OFFERS} for trigger, kinds in AVAILABLE.kinds.items()
    },
    desks=frozenset(Desk),
)


@pytest.mark.parametrize(
    ("draft", "trigger", "field"),
    [
        (EVERY[4], RuleTrigger.REQUESTED, "actions.0.kind"),
        (EVERY[4], RuleTrigger.CLOCK, "actions.0.kind"),
    ],
)
def test_what_is_not_available_yet_is_refused(
    draft: dict[str, object], trigger: RuleTrigger, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        actions.parse([draft], trigger, NO_OFFERS)
    assert refused.value.data["field"] == field
    assert "not available yet" in refused.value.message("en")
    assert "尚未开放" in refused.value.message("zh")


LATER_ONLY = Abilities(kinds=AVAILABLE.kinds, desks=frozenset(Desk))


@pytest.mark.parametrize("trigger", [t for t in RuleTrigger if t is not RuleTrigger.REQUESTED])
@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (EVERY[0], "actions.0.kind"),
        (EVERY[2], "actions.0.kind"),
        ({"kind": "ROUTE", "desk": "FINANCE"}, "actions.0.desk"),
    ],
)
def test_what_decides_is_refused_after_the_request(
    draft: dict[str, object], field: str, trigger: RuleTrigger
) -> None:
    with pytest.raises(InvalidInput) as refused:
        actions.parse([draft], trigger, LATER_ONLY)
    assert refused.value.data["field"] == field
    assert "this on REQUESTED only" in refused.value.message("en")
    assert "仅可用于 REQUESTED" in refused.value.message("zh")
