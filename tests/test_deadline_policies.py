"""What a shop sets: terms per stage, opening hours, and the figures of how they are kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.deadlines import (
    ALWAYS,
    CALENDAR,
    POLICY,
    clocks,
    expires,
    in_review,
    opening,
    passes,
    policy,
)
from support.rulebook import live
from support.trust import row_id, step
from support.world import World, make_world, shipped

from refund_gql import calendars, clock
from refund_gql.choices import DeadlineAction, DeadlineStage, DeadlineUnit
from refund_gql.flow import clocks as faces
from refund_gql.flow import deadline_policies
from refund_gql.flow.clocks import Happening, Turn
from refund_gql.flow.deadline_policies import ACTIONS, OWN, Terms
from refund_gql.models import BusinessCalendar, DeadlinePolicy, Event, RuleEvaluation
from refund_gql.states import JOURNEY, TRANSITIONS, RefundStatus

EXACT = settings(derandomize=True, database=None, deadline=None, max_examples=100)


# --- terms ----------------------------------------------------------------------------------------


async def test_without_a_word_the_engines_own_terms_hold(world: World) -> None:
    found = (await world.agent(f"{{ deadlinePolicies {{ {POLICY} }} }}"))["deadlinePolicies"]
    shown = [
        (
            one["stage"],
            one["version"],
            one["amount"],
            one["unit"],
            one["warnPercent"],
            one["action"],
        )
        for one in found
    ]
    assert shown == [
        ("FIRST_RESPONSE", 0, 5, "MINUTES", 60, "ESCALATE"),
        ("REVIEW", 0, 48, "HOURS", 80, "ESCALATE"),
        ("WAREHOUSE_CHECK", 0, 24, "HOURS", 80, "ESCALATE"),
        ("CUSTOMER_SHIPS", 0, 7, "DAYS", 80, "CLOSE"),
        ("INSPECTION", 0, 24, "HOURS", 80, "ESCALATE"),
        ("FINANCE", 0, 1, "BUSINESS_DAYS", 80, "ESCALATE"),
        ("CUSTOMER_ANSWERS", 0, 72, "HOURS", 80, "REMIND"),
    ]


async def test_each_change_is_a_version_and_a_stale_one_is_refused(world: World) -> None:
    first = await policy(world.owner, "FINANCE", 2, "BUSINESS_DAYS", "NONE", expectedVersion=0)
    assert first["version"] == 1
    stale = await policy(world.owner, "FINANCE", 3, "BUSINESS_DAYS", "NONE", expectedVersion=0)
    assert stale["code"] == "STALE_VERSION"
    assert (await policy(world.owner, "FINANCE", 3, "HOURS", "NONE"))["version"] == 2
    kept = await DeadlinePolicy.filter(shop_id=world.shop.id).order_by("number")
    assert [(one.number, one.amount, one.author_name) for one in kept] == [
        (1, 2, "Owner"),
        (2, 3, "Owner"),
    ]


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        (("REVIEW", 0, "HOURS", "NONE"), "amount is 0; expected: 1 to 10000"),
        (("REVIEW", 366, "DAYS", "NONE"), "amount is 366; expected: 1 to 365"),
        (("REVIEW", 1, "HOURS", "REMIND"), "action is REMIND; expected: APPROVE, ESCALATE, NONE"),
        (("FINANCE", 1, "HOURS", "APPROVE"), "action is APPROVE; expected: ESCALATE, NONE"),
        (
            ("REVIEW", 1, "HOURS", "APPROVE"),
            "approveMost is 0; expected: more than zero with APPROVE, none otherwise",
        ),
    ],
)
async def test_terms_that_make_no_sense_are_refused(
    world: World, terms: tuple[str, int, str, str], says: str
) -> None:
    assert (await policy(world.owner, *terms))["message"] == says
    assert await DeadlinePolicy.filter(shop_id=world.shop.id).count() == 0


async def test_calendar_days_are_never_business_hours(world: World) -> None:
    made = await policy(world.owner, "REVIEW", 2, "DAYS", "NONE", businessHoursOnly=True)
    assert made["code"] == "INVALID_INPUT"
    made = await policy(world.owner, "REVIEW", 2, "DAYS", "NONE", warnPercent=100)
    assert made["message"] == "warnPercent is 100; expected: 1 to 99"


def test_every_stage_has_terms_that_may_be_set() -> None:
    assert list(OWN) == list(DeadlineStage)
    for stage, terms in OWN.items():
        assert terms.stage is stage
        assert terms.action in ACTIONS[stage]
        deadline_policies._check(terms)


SHANGHAI = calendars.usual("Asia/Shanghai", "CN")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))


@EXACT
@given(MOMENTS, st.sampled_from(DeadlineUnit), st.integers(1, 60), st.booleans())
def test_a_deadline_is_after_its_start_and_never_after_a_longer_one(
    start: datetime, unit: DeadlineUnit, amount: int, business: bool
) -> None:
    def due(amount: int) -> datetime:
        only = business and unit in (DeadlineUnit.MINUTES, DeadlineUnit.HOURS)
        terms = Terms(
            stage=DeadlineStage.REVIEW,
            amount=amount,
            unit=unit,
            business_hours_only=only,
            action=DeadlineAction.NONE,
        )
        return terms.due(SHANGHAI, start)

    assert start < due(amount) < due(amount + 1)


# --- what starts and ends a clock, on paper -------------------------------------------------------

BY_STATUS = {
    RefundStatus.REVIEW: DeadlineStage.REVIEW,
    RefundStatus.WAREHOUSE_CHECK: DeadlineStage.WAREHOUSE_CHECK,
    RefundStatus.AWAITING_RETURN: DeadlineStage.CUSTOMER_SHIPS,
    RefundStatus.INSPECTION: DeadlineStage.INSPECTION,
    RefundStatus.FINANCE_REVIEW: DeadlineStage.FINANCE,
}


@pytest.mark.parametrize(
    ("before", "row"),
    [(status, row) for row in TRANSITIONS for status in sorted(row.sources)],
    ids=lambda one: str(getattr(one, "step", one)),
)
def test_every_step_ends_what_it_leaves_and_starts_what_it_comes_to(
    before: RefundStatus, row: Any
) -> None:
    events = [Event(type=row.event, status=row.target, actor="SYSTEM:-")]
    turned = set(faces.turns(Happening(before=before, after=row.target, events=events)))
    if before is not row.target:
        started = {stage for stage, turn in turned if turn is Turn.START}
        ended = {stage for stage, turn in turned if turn in (Turn.MEET, Turn.DROP)}
        assert BY_STATUS.get(row.target) in started | {None}
        assert BY_STATUS.get(before) in ended | {None}
        assert started - {DeadlineStage.FIRST_RESPONSE} <= set(BY_STATUS.values())
    if row.target is RefundStatus.CANCELLED:
        assert {turn for _, turn in turned} <= {Turn.DROP}
    assert JOURNEY[row.step] is row


# --- opening hours --------------------------------------------------------------------------------


async def test_the_usual_hours_are_the_markets(world: World, settings: Any) -> None:
    usual = (await world.customer(f"{{ calendar {{ {CALENDAR_OF_CUSTOMER} }} }}"))["calendar"]
    nine = [{"opens": "09:00", "closes": "21:00"}]
    assert usual["timeZone"] == "Asia/Shanghai"
    assert usual["weekly"] == [{"weekday": day, "hours": nine} for day in range(1, 8)]
    berlin = await make_world(world.api, settings, time_zone="Europe/Berlin")
    found = (await berlin.owner(f"{{ calendar {{ {CALENDAR} }} }}"))["calendar"]
    assert [bool(day["hours"]) for day in found["weekly"]] == [True] * 5 + [False] * 2
    assert found["version"] == 0


CALENDAR_OF_CUSTOMER = "timeZone openNow weekly { weekday hours { opens closes } }"


async def test_a_calendar_is_replaced_as_a_whole_and_in_versions(world: World) -> None:
    holiday = {"day": "2026-10-01", "hours": []}
    made = await opening(world.owner, weekly=ALWAYS, specialDays=[holiday])
    assert (made["version"], made["openNow"], made["specialDays"]) == (1, True, [holiday])
    night = [{"weekday": 3, "hours": [{"opens": "22:00", "closes": "24:00"}]}]
    made = await opening(world.owner, weekly=night, expectedVersion=1)
    assert (made["version"], made["specialDays"]) == (2, [])
    assert made["weekly"][2] == night[0]
    assert (await opening(world.owner, weekly=ALWAYS, expectedVersion=1))["code"] == "STALE_VERSION"
    assert await BusinessCalendar.filter(shop_id=world.shop.id).count() == 2


def day(weekday: int, *spans: tuple[str, str]) -> dict[str, Any]:
    return {"weekday": weekday, "hours": [{"opens": a, "closes": b} for a, b in spans]}


@pytest.mark.parametrize(
    ("weekly", "says"),
    [
        ([], "weekly is a week without opening hours"),
        ([day(1)], "weekly is a week without opening hours"),
        ([day(1, ("09:00", "09:00"))], "weekly is 09:00 to 09:00"),
        ([day(1, ("22:00", "06:00"))], "weekly is 22:00 to 06:00"),
        ([day(1, ("09:00", "24:01"))], "weekly is 24:01"),
        ([day(1, ("9", "18:00"))], "weekly is 9"),
        ([day(1, ("09:00", "12:00"), ("11:00", "13:00"))], "weekly is opening hours that overlap"),
        ([day(8, ("09:00", "12:00"))], "weekly is 8"),
        ([day(1, ("09:00", "12:00")), day(1, ("13:00", "14:00"))], "weekly is 1, 1"),
    ],
)
async def test_hours_nobody_can_keep_are_refused(
    world: World, weekly: list[dict[str, Any]], says: str
) -> None:
    made = await opening(world.owner, weekly=weekly)
    assert made["code"] == "INVALID_INPUT"
    assert made["message"].startswith(f"{says}; expected: ")
    assert await BusinessCalendar.filter(shop_id=world.shop.id).count() == 0


async def test_only_an_owner_sets_terms_and_hours(world: World) -> None:
    document = (
        "mutation M($input: CalendarUpdateInput!) { calendarUpdate(input: $input) { __typename } }"
    )
    [refused] = await world.agent.errors(document, input={"weekly": ALWAYS})
    assert refused["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(("hours", "open_"), [(ALWAYS, True), (None, False)])
async def test_rules_know_whether_the_shop_is_open(
    world: World, hours: list[dict[str, Any]] | None, open_: bool
) -> None:
    tomorrow = (clock.now() + timedelta(days=3)).isoweekday()
    await opening(world.owner, weekly=hours or [day(tomorrow, ("00:00", "24:00"))])
    await live(world, "REQUESTED", "shop.business_hours", {"kind": "APPROVE_RETURN"})
    order = await world.order(shipments=shipped())
    refund = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    await world.reaches(refund, "AWAITING_RETURN" if open_ else "REVIEW")
    seen = await RuleEvaluation.get(refund_id=row_id(refund))
    assert seen.facts["shop.business_hours"] is open_


# --- how they are kept ----------------------------------------------------------------------------


async def figures(world: World) -> dict[str, Any]:
    now = clock.now()
    document = """query Q($a: DateTime!, $b: DateTime!) { slaFigures(from: $a, until: $b) {
        ... on SlaFigures { stages { stage met breached share medianSeconds } } } }"""
    span = {"a": (now - timedelta(days=9)).isoformat(), "b": (now + timedelta(1)).isoformat()}
    stages = (await world.agent(document, **span))["slaFigures"]["stages"]
    return {one.pop("stage"): one for one in stages}


async def test_figures_count_what_was_kept_and_what_was_missed(world: World) -> None:
    for hours in (10, 20, 60):
        refund = await in_review(world)
        await passes(refund, "REVIEW", timedelta(hours=hours))
        await step(world.agent, "refundReject", refund, reason="no")
    await step(world.customer, "refundCancel", await in_review(world))
    await in_review(world)
    found = await figures(world)
    assert list(found) == list(DeadlineStage)
    review = found["REVIEW"]
    assert (review["met"], review["breached"]) == (2, 1)
    assert review["share"] == pytest.approx(2 / 3)
    assert 20 * 3600 <= review["medianSeconds"] < 20 * 3600 + 60
    empty = {"met": 0, "breached": 0, "share": None, "medianSeconds": None}
    assert found["FINANCE"] == empty


async def test_breaches_are_listed_by_stage_and_by_whether_they_still_wait(world: World) -> None:
    document = """query Q($filter: SlaBreachFilter) { slaBreaches(filter: $filter) { totalCount
        edges { node { stage state refund { id } } } } }"""

    async def listed(**filter: Any) -> list[str]:
        found = (await world.owner(document, filter=filter))["slaBreaches"]
        assert found["totalCount"] == len(found["edges"])
        return [edge["node"]["refund"]["id"] for edge in found["edges"]]

    waits, over = await in_review(world), await in_review(world)
    await in_review(world)
    for refund in (waits, over):
        await expires(refund, "REVIEW")
    await step(world.agent, "refundReject", over, reason="no")
    assert set(await listed()) == {waits["id"], over["id"]}
    assert await listed(open=True, stage=["REVIEW"]) == [waits["id"]]
    assert await listed(open=False) == [over["id"]]
    assert await listed(stage=["FINANCE"]) == []
    assert (await clocks(world.owner, over))["REVIEW"]["endedAt"] is not None
