"""Clocks of refunds in tests: how they stand, what a shop sets, and time that has passed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from refund_gql import database
from refund_gql.database import Transaction
from refund_gql.flow import deadlines
from refund_gql.models import Clock
from support.api import Api
from support.trust import row_id
from support.world import World, shipped

Answer = dict[str, Any]
CLOCKS = """clocks { stage state startedAt dueAt warnAt warnedAt pausedAt remainingSeconds
  breachedAt endedAt action policyVersion stageText }"""
TIMES = ["started_at", "due_at", "warn_at", "next_at", "paused_at", "warned_at"]
ALWAYS = [{"weekday": day, "hours": [{"opens": "00:00", "closes": "24:00"}]} for day in range(1, 8)]
"""Open day and night."""
CALENDAR = """version timeZone openNow weekly { weekday hours { opens closes } }
  specialDays { day hours { opens closes } }"""
POLICY = """stage stageText version amount unit businessHoursOnly warnPercent action
  approveMost { amount currency }"""
_OR_PROBLEM = "__typename ... on Problem { code message }"


async def opening(by: Api, **calendar: Any) -> Answer:
    """The calendar after an update, or the problem."""
    document = f"""mutation M($input: CalendarUpdateInput!) {{
        calendarUpdate(input: $input) {{
            {_OR_PROBLEM} ... on BusinessCalendar {{ {CALENDAR} }} }} }}"""
    made: Answer = (await by(document, input=calendar))["calendarUpdate"]
    return made


async def policy(by: Api, stage: str, amount: int, unit: str, action: str, **more: Any) -> Answer:
    """The terms of a stage after an update, or the problem."""
    document = f"""mutation M($input: DeadlinePolicyUpdateInput!) {{
        deadlinePolicyUpdate(input: $input) {{
            {_OR_PROBLEM} ... on DeadlinePolicy {{ {POLICY} }} }} }}"""
    wanted = {"stage": stage, "amount": amount, "unit": unit, "action": action, **more}
    made: Answer = (await by(document, input=wanted))["deadlinePolicyUpdate"]
    return made


async def always_open(world: World) -> None:
    """Business hours are all hours."""
    assert (await opening(world.owner, weekly=ALWAYS))["__typename"] == "BusinessCalendar"


async def in_review(world: World, **asked: Any) -> Answer:
    """A refund of shipped goods that waits for customer service."""
    refund = await world.refund(world.customer, await world.order(shipments=shipped()), **asked)
    return await world.reaches(refund, "REVIEW")


async def clocks(by: Api, refund: Mapping[str, Any]) -> dict[str, Answer]:
    """Stage -> its newest clock."""
    found = (await by.refund(refund["id"], CLOCKS))["clocks"]
    return {clock["stage"]: clock for clock in found}


async def states(by: Api, refund: Mapping[str, Any]) -> dict[str, str]:
    """Stage -> how its newest clock stands."""
    return {stage: clock["state"] for stage, clock in (await clocks(by, refund)).items()}


async def row(refund: Mapping[str, Any], stage: str) -> Clock:
    """The newest clock of a stage."""
    found = (
        await Clock.filter(refund_id=row_id(refund), stage=stage).order_by("-started_at").first()
    )
    assert found is not None
    return found


async def passes(refund: Mapping[str, Any], stage: str, span: timedelta) -> None:
    """A clock that was started so much earlier; nobody has looked at it since."""
    clock = await row(refund, stage)
    for name in TIMES:
        if (moment := getattr(clock, name)) is not None:
            setattr(clock, name, moment - span)
    await clock.save(update_fields=TIMES)


_REFUNDS = """
insert into refund select copy.* from refund r, generate_series(1, $2::int) n,
       jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(),
           'number', r.number || '-C' || n)) copy
 where r.id = $1
"""
_CLOCKS = """
insert into clock (id, shop_id, refund_id, stage, state, policy, open_time, started_at, due_at,
                   next_at, paused_seconds)
select gen_random_uuid(), shop_id, id, 'REVIEW', 'RUNNING', 0, false, now() - interval '2 days',
       now(), now(), 0
  from refund where number like $1 || '-C%'
"""


async def crowd(refund: Mapping[str, Any], count: int) -> None:
    """So many refunds like this one, each with a clock that is due; named NUMBER-C1 and so on."""

    async def work(tx: Transaction) -> None:
        await tx.execute_query(_REFUNDS, [row_id(refund), count])
        await tx.execute_query(_CLOCKS, [refund["number"]])

    await database.transaction(work)


async def expires(refund: Mapping[str, Any], stage: str) -> None:
    """The deadline of a stage passes, and the engine looks."""
    clock = await row(refund, stage)
    await passes(refund, stage, clock.due_at - clock.started_at)
    await deadlines.look()


async def warns(refund: Mapping[str, Any], stage: str) -> None:
    """It is time for the warning of a stage, and the engine looks."""
    clock = await row(refund, stage)
    assert clock.warn_at is not None
    await passes(refund, stage, clock.warn_at - clock.started_at)
    await deadlines.look()
