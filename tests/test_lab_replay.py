"""The replay without a database: what is counted, and that chunks make no difference."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refund_gql.choices import RuleMatching, RuleMode
from refund_gql.lab import lineup, tally
from refund_gql.lab.lineup import Lineup
from refund_gql.lab.replay import Past, People, Replay
from refund_gql.lab.tally import Disagreement, Overlap, Sum, Tally
from refund_gql.rules.actions import (
    Action,
    AddTag,
    Approve,
    ApproveReturn,
    Desk,
    Hold,
    RefundFirst,
    Route,
    Words,
)
from refund_gql.rules.engine import Rule
from refund_gql.rules.facts import Facts, FactValue

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""In Shanghai."""
APPROVE, STOP = Approve(), Route(desk=Desk.REVIEW)


def rule(number: int, condition: str, *actions: Action, **more: Any) -> Rule:
    return Rule(
        id=UUID(int=number),
        version_id=UUID(int=number),
        version=1,
        name={"en": f"rule {number}"},
        position=2 * number,
        condition=condition,
        actions=actions,
        **{"mode": RuleMode.LIVE, **more},
    )


def trial(draft: Rule, *today: Rule, matching: RuleMatching = RuleMatching.FIRST) -> Lineup:
    return Lineup(
        today=today, draft=draft, matching=matching, currency="CNY", time_zone="Asia/Shanghai"
    )


def past(amount: int = 100, **more: Any) -> Past:
    known = {
        "refund.amount": amount,
        "refund.currency": "CNY",
        "shop.currency": "CNY",
        "refund.goods_shipped": more.pop("shipped", False),
        "order.paid_amount": more.pop("paid", 10_000),
        **more.pop("facts", {}),
    }
    filled = {
        "id": UUID(int=amount),
        "at": NOON,
        "recorded": True,
        "asked": amount,
        "granted": amount,
        "currency": "CNY",
        "automatic": False,
        "people": People.NOTHING,
        "disputed": False,
    }
    return Past(facts=Facts(known), **{**filled, **more})


def tried(lined_up: Lineup, *history: Past) -> Tally:
    replay = Replay(lined_up, Tally())
    for one in history:
        replay.look_at(one)
    return replay.tally


# --- who would decide ---------------------------------------------------------------------------


def test_sent_goods_are_never_approved_whatever_the_draft_says() -> None:
    found = tried(
        trial(rule(1, "true", APPROVE)),
        past(100),
        past(200, shipped=True),
        past(300, paid=299),
        past(400, people=People.REFUSED, shipped=True),
    )
    assert found.matched == found.acted == Sum(count=4, amount=1000)
    assert found.automatic_tried == found.approved == Sum(count=1, amount=100)
    assert found.differences == {}


@pytest.mark.parametrize(
    ("known", "agreed"),
    [
        ({}, {"APPROVE_RETURN", "REFUND_FIRST"}),
        ({"order.within_window": False}, {"REFUND_FIRST"}),
        ({"refund.kind": "REFUND_ONLY"}, set()),
        ({"refund.goods_shipped": False}, {"APPROVE"}),
        ({"refund.amount": 501}, {"APPROVE_RETURN"}),
        ({"order.paid_amount": 499}, {"APPROVE_RETURN"}),
    ],
)
def test_what_nobody_has_to_look_at(known: dict[str, FactValue], agreed: set[str]) -> None:
    facts = {
        "refund.amount": 500,
        "refund.kind": "RETURN_AND_REFUND",
        "refund.goods_shipped": True,
        "order.paid_amount": 500,
        "order.within_window": True,
        **known,
    }
    found = set()
    for action in (Approve(), ApproveReturn(), RefundFirst(most=500), Hold(why=Words(en="wait"))):
        asked = replace(past(500), facts=Facts(facts))
        if tried(trial(rule(1, "true", action)), asked).automatic_tried.count:
            found.add(action.kind.value)
    assert found == agreed


def test_a_rule_that_was_replaced_is_in_one_world_only() -> None:
    found = tried(
        trial(
            rule(1, "refund.amount < 200", APPROVE),
            rule(1, "refund.amount < 500", APPROVE),
            rule(2, "true", STOP),
        ),
        past(100),
        past(300),
    )
    assert (found.automatic_today, found.automatic_tried) == (Sum(2, 400), Sum(1, 100))
    assert list(found.overlaps) == [str(UUID(int=2))]


def test_disagreements_are_with_people_only() -> None:
    approving = trial(rule(1, "true", APPROVE))
    found = tried(
        approving,
        past(100, people=People.REFUSED),
        past(200, people=People.GRANTED),
        past(300, people=People.GRANTED, granted=250),
        past(400, automatic=True),
    )
    sums = {sort: differing.sum for sort, differing in found.differences.items()}
    assert sums == {
        Disagreement.APPROVES_REFUSED: Sum(1, 100),
        Disagreement.APPROVES_REDUCED: Sum(1, 50),
    }
    stopping = tried(trial(rule(1, "true", STOP)), past(100, people=People.GRANTED), past(200))
    assert stopping.differences[Disagreement.STOPS_APPROVED].sum == Sum(1, 100)


def test_ten_samples_are_kept_with_the_words_of_the_rules() -> None:
    history = [past(n, people=People.GRANTED) for n in range(1, 16)]
    held = Hold(why=Words(en="look", zh="请查看"))
    found = tried(trial(rule(1, "true", held)), *history)
    differing = found.differences[Disagreement.STOPS_APPROVED]
    assert differing.sum.count == 15
    assert [UUID(one.refund).int for one in differing.samples] == list(range(1, 11))
    assert differing.samples[0].explanation == {
        "en": "Kept for a person by the rule “rule 1” (1): look.",
        "zh": "规则“rule 1”（第 1 版）转人工处理：请查看。",
    }


# --- other rules --------------------------------------------------------------------------------


def test_an_earlier_rule_that_takes_everything_is_named() -> None:
    first, draft = rule(1, "refund.amount < 500", STOP), rule(2, "refund.amount < 200", APPROVE)
    found = tried(trial(draft, first), past(100), past(150), past(300))
    assert found.overlaps == {str(first.id): Overlap(both=Sum(2, 250), first=2, conflicts=2)}
    assert found.shadowed_by == str(first.id)
    reversed_ = tried(trial(replace(draft, position=1), first), past(100), past(300))
    assert reversed_.overlaps == {
        str(first.id): Overlap(both=Sum(1, 100), taken=1, conflicts=1),
    }
    assert reversed_.shadowed_by is None


def test_two_rules_that_share_the_work_shadow_nothing_alone() -> None:
    small, large = rule(1, "refund.amount < 200", STOP), rule(2, "refund.amount >= 200", STOP)
    found = tried(trial(rule(3, "true", APPROVE), small, large), past(100), past(300))
    assert [one.first for one in found.overlaps.values()] == [1, 1]
    assert (found.acted.count, found.shadowed_by) == (0, None)


def test_a_rule_in_the_shadow_matches_and_takes_nothing() -> None:
    watcher = rule(1, "true", STOP, mode=RuleMode.SHADOW)
    found = tried(trial(rule(2, "true", APPROVE), watcher), past(100))
    assert found.overlaps == {str(watcher.id): Overlap(both=Sum(1, 100), conflicts=1)}
    assert found.automatic_tried == Sum(1, 100)


def test_where_all_rules_are_read_the_first_to_decide_decides() -> None:
    noting, deciding = rule(1, "true", AddTag(tag="x")), rule(2, "true", STOP)
    found = tried(
        trial(rule(3, "true", APPROVE), noting, deciding, matching=RuleMatching.ALL),
        past(100, people=People.REFUSED),
    )
    assert (found.acted, found.approved) == (Sum(1, 100), Sum())
    assert {one.first for one in found.overlaps.values()} == {0}
    assert found.shadowed_by is None


def test_a_rule_of_an_older_engine_matches_nothing() -> None:
    found = tried(trial(rule(2, "true", APPROVE), rule(1, "no.such_fact > 1", STOP)), past(100))
    assert (found.overlaps, found.acted.count) == ({}, 1)


# --- caps ---------------------------------------------------------------------------------------


def test_a_cap_starts_anew_at_midnight_of_the_shop() -> None:
    capped = trial(rule(1, "true", APPROVE, daily_amount=250))
    late, midnight = NOON + timedelta(hours=11, minutes=59), NOON + timedelta(hours=12)
    found = tried(capped, past(100), past(150), past(1), past(40, at=late), past(250, at=midnight))
    assert (found.acted, found.capped) == (Sum(3, 500), Sum(2, 41))
    assert found.capped_days == 1
    assert {text: (day.acted.count, day.capped) for text, day in found.days.items()} == {
        "2026-03-02": (2, 2),
        "2026-03-03": (1, 0),
    }


def test_a_cap_counts_in_either_world_by_itself() -> None:
    capped = rule(2, "true", APPROVE, daily_count=1)
    found = tried(trial(rule(1, "refund.amount < 150", STOP), capped), past(100), past(200))
    # Today the first uses the cap up; with the draft it is left for the second.
    assert (found.automatic_today, found.automatic_tried) == (Sum(1, 100), Sum(1, 200))


# --- chunks -------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> Sequence[Past]:
    steps = draw(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 400)), max_size=12))
    return list(_history(steps, draw))


def _history(steps: list[tuple[int, int]], draw: st.DrawFn) -> Iterator[Past]:
    at = NOON
    for pause, amount in steps:
        at += timedelta(minutes=pause)
        yield past(
            amount,
            at=at,
            people=draw(st.sampled_from(People)),
            disputed=draw(st.booleans()),
            currency=draw(st.sampled_from(["CNY", "EUR"])),
        )


@given(histories(), st.integers(1, 12))
def test_chunks_make_no_difference(history: Sequence[Past], size: int) -> None:
    lined_up = trial(
        rule(2, "refund.amount < 300", APPROVE, daily_count=2),
        rule(1, "refund.amount > 250", STOP, daily_amount=600),
        rule(3, "true", APPROVE),
    )
    counted = Tally()
    for start in range(0, len(history), size):
        again = lineup.loaded(orjson.loads(orjson.dumps(lineup.stored(lined_up))))
        replay = Replay(again, tally.loaded(orjson.loads(tally.stored(counted))))
        for one in history[start : start + size]:
            replay.look_at(one)
        counted = replay.tally
    assert counted == tried(lined_up, *history)
    assert counted.refunds.count == len(history)
