"""Rules that a test writes for its shop, through the API, and jobs `react` that it does by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from refund_gql import clock, database, ids, jobs
from refund_gql.database import Transaction
from refund_gql.flow import reactions, waiting
from refund_gql.flow.risk import NOBODY
from refund_gql.models import RuleEvaluation
from support.world import World, eventually

WRITE = """mutation M($input: RuleInput!, $trigger: RuleTrigger!, $mode: RuleMode!) {
    rule: ruleCreate(input: $input, trigger: $trigger, mode: $mode) {
        __typename ... on Rule { id } ... on Problem { code message path } } }"""


async def write(
    world: World,
    trigger: str,
    condition: str,
    *actions: dict[str, Any],
    name: str = "mine",
    mode: str = "LIVE",
    **more: Any,
) -> dict[str, Any]:
    """The answer to `ruleCreate`; each action is {kind, ...parameters}."""
    rule = {
        "name": {"en": name},
        "condition": condition,
        "actions": [
            {
                "kind": action["kind"],
                "parameters": {key: value for key, value in action.items() if key != "kind"},
            }
            for action in actions
        ],
        **more,
    }
    answer = await world.owner(WRITE, input=rule, trigger=trigger, mode=mode)
    made: dict[str, Any] = answer["rule"]
    return made


async def live(
    world: World, trigger: str, condition: str, *actions: dict[str, Any], **more: Any
) -> UUID:
    """A rule that was accepted; its row's id."""
    made = await write(world, trigger, condition, *actions, **more)
    assert made["__typename"] == "Rule", made
    return row_id(made, "Rule")


def row_id(answer: dict[str, Any], kind: str = "Refund") -> UUID:
    """The id of the row behind an object of the API."""
    return ids.required("id", answer["id"], kind)


@contextmanager
def by_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Keep the jobs `react` from the worker: their subjects, in order."""
    subjects, enqueue = list[str](), jobs.enqueue

    async def catch(
        tx: Transaction, kind: str, subject: object, *, key: str, run_at: datetime | None = None
    ) -> None:
        if kind == "react":
            subjects.append(str(subject))
        else:
            await enqueue(tx, kind, subject, key=key, run_at=run_at)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "enqueue", catch)
        yield subjects


async def answer(subjects: list[str]) -> None:
    """Do the jobs `react` that were asked for, and all that they ask for, in order."""
    while subjects:
        await reactions.react(subjects.pop(0), NOBODY)


async def announced(refund_id: UUID) -> None:
    """Every change of the refund so far has been told, to people and to rules."""
    queued = "select 1 from pgqueuer where entrypoint = 'announce' and payload like $1"

    async def done() -> bool | None:
        return None if await database.fetch(queued, f"{refund_id}:%".encode()) else True

    await eventually(done, "the last announcement")


async def look_everywhere() -> None:
    """One round of the clock, minute by minute: every open refund of every shop has its turn."""
    begin = clock.now()
    for minute in range(waiting.TURNS):
        moment = begin + timedelta(minutes=minute)
        with clock.fixed(partial(moment.astimezone, UTC)):
            await waiting.look()


async def evaluations(refund: dict[str, Any], trigger: str) -> list[RuleEvaluation]:
    """What rules of a trigger said about a refund, oldest first."""
    found = RuleEvaluation.filter(refund_id=row_id(refund), trigger=trigger)
    return await found.order_by("at", "id")
