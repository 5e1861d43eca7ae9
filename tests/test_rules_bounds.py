"""Whatever rules a shop writes: what the engine holds, it holds.

Random rules of a small grammar over random requests, on the real database: money leaves only for
what was never sent, finance sees what is above its threshold, the engine takes no step that the
table gives to a person, nobody is refused, and rules after the request move nothing.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import Phase, given
from hypothesis import settings as campaign
from hypothesis import strategies as st
from support import rulebook
from support.rulebook import announced, row_id
from support.world import World, eventually, shipped

from refund_gql import clock
from refund_gql.auth import Viewer
from refund_gql.backoffice import rules
from refund_gql.backoffice.rule_drafts import RuleDraft
from refund_gql.choices import RuleMatching, RuleMode, RuleTrigger
from refund_gql.models import (
    Capture,
    Decision,
    Event,
    Payout,
    Refund,
    Rule,
    RuleEvaluation,
    RuleUse,
    Shop,
)
from refund_gql.roles import Role
from refund_gql.rules import actions, engine
from refund_gql.rules.engine import Evaluation
from refund_gql.rules.engine import Rule as Judged
from refund_gql.rules.facts import Facts
from refund_gql.states import JOURNEY, RefundStatus, Step

C = TypeVar("C")
THRESHOLD = 10_000
WORDS = {"en": "look", "zh": "请处理"}

# --- a small grammar ------------------------------------------------------------------------------

ATOMS = st.sampled_from([
    "true",
    "false",
    "refund.goods_shipped",
    "refund.first_on_order",
    "refund.amount < 9000",
    "refund.amount * 2 > 20000",
    "refund.amount / (refund.amount - 8900) > 0",
    "refund.kind == 'RETURN_AND_REFUND'",
    "customer.risk_level == 'LOW'",
    "order.days_since_delivery < 3",
    "size(product.categories) > 0",
    "shop.hour < 12",
])  # fmt: skip
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
            lambda three: f"({three[0]} {three[1]} {three[2]})"
        ),
    ),
    max_leaves=4,
)
DECIDING: list[dict[str, Any]] = [
    {"kind": "APPROVE"},
    {"kind": "APPROVE_RETURN"},
    {"kind": "HOLD", "why": WORDS},
    *({"kind": "ROUTE", "desk": desk} for desk in ("REVIEW", "WAREHOUSE", "FINANCE")),
]
BESIDE: list[dict[str, Any]] = [
    {"kind": "ADD_TAG", "tag": "changed-mind"},
    {"kind": "NOTIFY", "message": "REFUNDED"},
    {"kind": "NOTIFY", "message": "APPROVED"},
    {"kind": "ESCALATE", "why": WORDS, "priority": "URGENT"},
]
LATER: list[dict[str, Any]] = [*BESIDE, {"kind": "ROUTE", "desk": "REVIEW", "priority": "HIGH"}]


@dataclass(frozen=True, kw_only=True)
class Written:
    """One rule."""

    trigger: RuleTrigger
    mode: RuleMode
    condition: str
    actions: tuple[dict[str, Any], ...]
    daily_count: int | None = None


@st.composite
def written(draw: st.DrawFn, triggers: tuple[RuleTrigger, ...]) -> Written:
    trigger = draw(st.sampled_from(triggers))
    beside = draw(st.lists(st.sampled_from(BESIDE), max_size=2, unique_by=lambda one: one["kind"]))
    if trigger is RuleTrigger.REQUESTED:
        done = [draw(st.sampled_from(DECIDING)), *beside]
    else:
        done = beside or [draw(st.sampled_from(LATER))]
    return Written(
        trigger=trigger,
        mode=draw(st.sampled_from(list(RuleMode))),
        condition=draw(CONDITIONS),
        actions=tuple(done),
        daily_count=draw(st.sampled_from([None, None, 1])),
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """A shop's rules, and what somebody asks for."""

    rules: list[Written]
    matching: RuleMatching
    price: int
    sent: str
    kind: str


CASES = st.builds(
    Case,
    rules=st.lists(
        written((RuleTrigger.REQUESTED, RuleTrigger.REQUESTED, RuleTrigger.STATUS_CHANGED)),
        min_size=1,
        max_size=5,
    ),
    matching=st.sampled_from(list(RuleMatching)),
    price=st.sampled_from([1, 4999, 8900, THRESHOLD, THRESHOLD + 1, 600_000]),
    sent=st.sampled_from(["nothing", "something", "everything"]),
    kind=st.sampled_from(["REFUND_ONLY", "RETURN_AND_REFUND"]),
)


def drawn(cases: st.SearchStrategy[C], n: int) -> list[C]:
    """So many cases. Drawn beforehand: chance that the engine takes for itself meanwhile, as for
    its waits, would look like chance in the strategy."""
    found: list[C] = []

    @campaign(max_examples=n, deadline=None, database=None, phases=[Phase.generate])
    @given(cases)
    def draw(case: C) -> None:
        found.append(case)

    draw()
    return found


# --- on the real database -------------------------------------------------------------------------


async def test_whatever_the_rules_say_what_the_engine_holds_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Shop.filter(id=world.shop.id).update(finance_threshold=THRESHOLD)
    with rulebook.by_hand(monkeypatch) as asked:
        for case in drawn(CASES, 40):
            await _check(world, case, asked)


async def _check(world: World, case: Case, asked: list[str]) -> None:
    await _write(world, case)
    order = await world.order(**_order(case))
    refund = await world.refund(world.customer, order, kind=case.kind)
    parts = await _classified(row_id(refund))
    before = {part.id: _settled(part) for part in parts}
    await rulebook.answer(asked)
    after = await Refund.filter(order_id=parts[0].order_id).order_by("id")
    assert {part.id: _settled(part) for part in after} == before
    for part in after:
        await _holds(part)
    for capture in await Capture.filter(order_id=parts[0].order_id):
        paid = await Payout.filter(capture_id=capture.id).values_list("amount", flat=True)
        assert sum(int(str(amount)) for amount in paid) <= capture.amount


def _settled(refund: Refund) -> tuple[RefundStatus, int]:
    """Where it is and stays; money that was committed goes on by itself."""
    paying = refund.status in (RefundStatus.APPROVED, RefundStatus.PAYING)
    return RefundStatus.REFUNDED if paying else refund.status, refund.amount


async def _write(world: World, case: Case) -> None:
    await Rule.filter(shop_id=world.shop.id).update(mode="OFF", deleted_at=clock.now())
    matching = {trigger.value: case.matching.value for trigger in RuleTrigger}
    await Shop.filter(id=world.shop.id).update(rule_matching=matching)
    owner = Viewer(shop_id=world.shop.id, role=Role.OWNER)
    for one in case.rules:
        draft = RuleDraft(
            name={"en": "random"},
            condition=one.condition,
            actions=one.actions,
            description={},
            daily_count=one.daily_count,
        )
        await rules.create(owner, one.trigger, one.mode, draft)


def _order(case: Case) -> dict[str, Any]:
    lines = [
        {"sku": sku, "title": sku, "quantity": 1, "unitPrice": case.price} for sku in ("A", "B")
    ]
    parcels = shipped() if case.sent != "nothing" else []
    if case.sent == "something":
        parcels[0]["lines"] = [{"position": 0, "quantity": 1}]
    return {"lines": lines, "shipments": parcels}


async def _classified(refund_id: UUID) -> list[Refund]:
    """The refund, and what was split off, once the rules have been read over both."""
    first = await Refund.get(id=refund_id)

    async def parts() -> list[Refund] | None:
        found = await Refund.filter(order_id=first.order_id).order_by("id")
        waits = [part for part in found if part.status is RefundStatus.REQUESTED]
        return None if waits else found

    found = await eventually(parts, "the classification")
    for part in found:
        await announced(part.id)
    return found


async def _holds(refund: Refund) -> None:
    steps = [Step(one.step) for one in await Decision.filter(refund_id=refund.id)]
    assert all(Role.SYSTEM in JOURNEY[step].roles for step in steps), "only the engine was here"
    assert refund.status not in (RefundStatus.REJECTED, RefundStatus.CANCELLED)
    paid = await Payout.filter(refund_id=refund.id).exists()
    seen = await _seen(refund)
    if seen["refund.goods_shipped"]:
        assert not paid, "goods that were sent are paid by people, or after an inspection"
    if refund.status is RefundStatus.FINANCE_REVIEW:
        assert not paid
    # The money may be on its way, and more happen meanwhile.
    events = await Event.filter(refund_id=refund.id, version__lte=refund.version).order_by(
        "version"
    )
    assert [event.version for event in events] == list(range(1, refund.version + 1))
    uses = await RuleUse.filter(refund_id=refund.id).values_list("rule_id", "visit", "mode")
    assert len(set(uses)) == len(uses)


async def _seen(refund: Refund) -> dict[str, Any]:
    kept = await RuleEvaluation.get(refund_id=refund.id, trigger=RuleTrigger.REQUESTED)
    found: dict[str, Any] = kept.facts
    return found


# --- what decides ---------------------------------------------------------------------------------

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
KNOWN = st.fixed_dictionaries(
    {
        "refund.amount": st.sampled_from([1, 8900, 600_000]),
        "refund.goods_shipped": st.booleans(),
        "refund.kind": st.sampled_from(["REFUND_ONLY", "RETURN_AND_REFUND"]),
        "shop.hour": st.integers(0, 23),
    },
    optional={
        "refund.first_on_order": st.booleans(),
        "customer.risk_level": st.sampled_from(["LOW", "HIGH"]),
        "order.days_since_delivery": st.integers(0, 5),
    },
)
RULES = st.lists(written((RuleTrigger.REQUESTED,)), max_size=6)


def judged(rules_: list[Written]) -> list[Judged]:
    return [
        Judged(
            id=uuid4(),
            version_id=uuid4(),
            version=1,
            name={"en": str(place)},
            mode=one.mode,
            position=place,
            condition=one.condition,
            actions=actions.parse(one.actions, RuleTrigger.REQUESTED),
            daily_count=one.daily_count,
        )
        for place, one in enumerate(rules_)
    ]


def evaluate(rules_: list[Judged], facts: Facts, matching: RuleMatching) -> Evaluation:
    return engine.evaluate(
        rules_,
        facts,
        trigger=RuleTrigger.REQUESTED,
        matching=matching,
        now=NOW,
        usage={},
    )


@given(RULES, KNOWN, st.sampled_from(list(RuleMatching)), st.randoms())
def test_order_and_mode_are_all_that_matters(
    drafts: list[Written], known: dict[str, Any], matching: RuleMatching, chance: Any
) -> None:
    """Twice the same; in whatever order the rows come; with or without those that are OFF; and
    those in the shadow change nothing of what is done."""
    rules_, facts = judged(drafts), Facts(known)
    first = evaluate(rules_, facts, matching)
    assert evaluate(rules_, facts, matching) == first
    shuffled = chance.sample(rules_, len(rules_))
    assert evaluate(shuffled, facts, matching) == first
    on = [rule for rule in rules_ if rule.mode is not RuleMode.OFF]
    assert evaluate(on, facts, matching) == first
    live = evaluate([rule for rule in on if rule.mode is RuleMode.LIVE], facts, matching)
    assert (live.decision, live.actions) == (first.decision, first.actions)


@given(RULES, KNOWN, st.sampled_from(list(RuleMatching)))
def test_who_has_acted_does_nothing_and_keeps_its_place(
    drafts: list[Written], known: dict[str, Any], matching: RuleMatching
) -> None:
    rules_, facts = judged([replace(one, daily_count=None) for one in drafts]), Facts(known)
    first = evaluate(rules_, facts, matching)
    acted = [verdict.rule.id for verdict in first.verdicts if verdict.effective]
    again = engine.evaluate(
        rules_,
        facts,
        trigger=RuleTrigger.REQUESTED,
        matching=matching,
        now=NOW,
        usage={},
        acted=acted,
    )
    assert (again.decision, again.actions) == (None, ())
    assert not [verdict for verdict in again.verdicts if verdict.effective]
