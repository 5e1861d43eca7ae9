"""Backtests as work: asked for once, done in chunks, found again, cancelled, and refused."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from support import lab
from support.api import key
from support.lab import draft
from support.world import World, eventually

from refund_gql import clock, ids, jobs
from refund_gql.choices import BacktestStatus
from refund_gql.database import Transaction, fetch
from refund_gql.flow import reconciliation
from refund_gql.lab import history, lineup, working
from refund_gql.lab.history import Place
from refund_gql.lab.replay import Replay
from refund_gql.lab.tally import Tally
from refund_gql.models import Refund, RuleBacktest

Answer = dict[str, Any]


async def past(world: World, count: int) -> None:
    """Imported refunds without orders; every third one is large."""
    now = clock.now()
    await Refund.bulk_create(
        Refund(
            shop_id=world.shop.id,
            number=f"OLD-{key()}",
            kind="REFUND_ONLY",
            status="REFUNDED",
            version=1,
            currency="CNY",
            goods_amount=amount,
            amount=amount,
            requested_by="SYSTEM:-",
            imported=True,
            requested_at=now - timedelta(hours=1 + number // 2),
            approved_at=now,
            finished_at=now,
            updated_at=now,
            head="-",
        )
        for number in range(count)
        for amount in [900_000 if number % 3 == 0 else 1_000 + number]
    )


class Killed(BaseException):
    """What a worker that is killed does to its handler."""


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker leaves backtests to the test."""

    async def nothing(run_id: UUID) -> None:
        return None

    monkeypatch.setattr(working, "work", nothing)


_work = working.work


async def asked(world: World, **more: Any) -> UUID:
    """The row id of a fresh run."""
    begun = await lab.begin(world.owner, **{"draft": _CAPPED, **more})
    assert begun["__typename"] == "RuleBacktestRun", begun
    return ids.required("id", begun["id"], "RuleBacktestRun")


_CAPPED = draft("refund.amount > 1000", lab.HOLD, dailyCount=5)


async def told(world: World, run_id: UUID) -> Answer:
    return await lab.run(world.owner, ids.encode("RuleBacktestRun", run_id))


# --- in chunks ----------------------------------------------------------------------------------


async def test_a_run_that_is_killed_between_chunks_counts_nobody_twice(
    world: World, idle: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(world, 50)
    whole, broken = await asked(world), await asked(world)
    await _work(whole)
    monkeypatch.setattr(working, "CHUNK", 7)
    commit = working._commit

    async def commit_and_die(*args: Any, **more: Any) -> bool:
        await commit(*args, **more)
        raise Killed

    async def die(*args: Any, **more: Any) -> bool:
        raise Killed

    for number in range(6):
        # Behind the commit, or just before it: what is not committed is looked at again.
        monkeypatch.setattr(working, "_commit", die if number % 3 == 2 else commit_and_die)
        with pytest.raises(Killed):
            await _work(broken)
    before = await told(world, broken)
    assert (before["status"], before["done"], before["report"]) == ("RUNNING", 28, None)
    monkeypatch.setattr(working, "_commit", commit)
    await _work(broken)
    first, second = await told(world, whole), await told(world, broken)
    assert (first["status"], first["done"], first["total"]) == ("DONE", 50, 50)
    assert {**first, "finishedAt": None} == {**second, "finishedAt": None}
    assert first["report"]["refunds"]["count"] == 50
    assert first["report"]["capped"]["count"] > 0


async def test_two_workers_with_one_run_count_once(
    world: World, idle: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(world, 30)
    monkeypatch.setattr(working, "CHUNK", 4)
    run_id = await asked(world)
    await asyncio.gather(*(_work(run_id) for _ in range(3)))
    await _work(run_id)
    found = await told(world, run_id)
    assert (found["status"], found["done"]) == ("DONE", 30)
    assert found["report"]["refunds"]["count"] == 30


async def test_a_job_hands_over_to_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(world, 23)
    monkeypatch.setattr(working, "CHUNK", 2)
    monkeypatch.setattr(working, "CHUNKS", 3)
    found = await lab.report(world, draft=_CAPPED)
    assert found["refunds"]["count"] == 23


async def test_judging_gives_way_to_everybody_else(
    world: World, idle: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(world, 40)
    run = await RuleBacktest.get(id=await asked(world))
    page = await history.page(run.shop_id, Place(at=run.starts_at), run.ends_at, 100)
    monkeypatch.setattr(working, "SLICE", 0)
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(somebody_else())
    await working._look(Replay(lineup.loaded(run.lineup), Tally()), page)
    other.cancel()
    assert len(page.rows) == 40
    assert turns >= 40


async def test_the_sweep_finds_a_run_whose_job_is_lost(
    world: World, idle: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(world, 3)
    run_id = await asked(world)

    async def gone() -> bool | None:
        rows = await fetch(
            "select 1 from pgqueuer where entrypoint = 'backtest'"
            " and payload = convert_to($1, 'UTF8')",
            str(run_id),
        )
        return True if not rows else None

    await eventually(gone, "the job is over, and has done nothing")
    made: list[tuple[str, str]] = []
    enqueue = jobs.enqueue

    async def spy(tx: Transaction, kind: str, subject: object, **more: Any) -> None:
        made.append((kind, str(subject)))
        await enqueue(tx, kind, subject, **more)

    monkeypatch.setattr(jobs, "enqueue", spy)
    await reconciliation.reconcile(working.MISSING)
    assert made.count(("backtest", str(run_id))) == 1
    await _work(run_id)
    made.clear()
    await reconciliation.reconcile(working.MISSING)
    assert ("backtest", str(run_id)) not in made


async def test_a_run_that_cannot_go_on_fails_visibly(
    world: World, idle: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(world, 3)
    run_id = await asked(world)

    async def broken(*args: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(history, "page", broken)
    for _ in range(working.MAX_FAILURES - 1):
        with pytest.raises(RuntimeError):
            await _work(run_id)
    assert (await told(world, run_id))["status"] == "QUEUED"
    await _work(run_id)
    found = await told(world, run_id)
    assert (found["status"], found["done"], found["report"]) == ("FAILED", 0, None)
    assert found["finishedAt"] is not None


# --- asking -------------------------------------------------------------------------------------


async def test_the_same_key_begins_once(world: World, idle: None) -> None:
    same = {"idempotencyKey": key(), "from": "2026-01-01T00:00:00Z", "draft": _CAPPED}
    first, second = await lab.begin(world.owner, **same), await lab.begin(world.owner, **same)
    assert first["id"] == second["id"]
    other = await lab.begin(world.owner, **{**same, "draft": draft("true")})
    assert other["code"] == "IDEMPOTENCY_CONFLICT"
    assert await RuleBacktest.filter(shop_id=world.shop.id).count() == 1


async def test_a_shop_has_few_unfinished_runs_and_can_cancel_them(world: World, idle: None) -> None:
    await past(world, 3)
    runs = [await asked(world) for _ in range(3)]
    refused = await lab.begin(world.owner, draft=_CAPPED)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "runs"])
    cancel = """mutation C($id: ID!) { run: ruleBacktestCancel(id: $id) {
        ... on RuleBacktestRun { status finishedAt } } }"""
    await _work(runs[0])
    for run_id, status in zip(runs, ("DONE", "CANCELLED", "CANCELLED"), strict=True):
        after = await world.owner(cancel, id=ids.encode("RuleBacktestRun", run_id))
        assert after["run"]["status"] == status
        assert after["run"]["finishedAt"] is not None
    await _work(runs[1])
    assert (await told(world, runs[1]))["done"] == 0
    assert (await lab.begin(world.owner, draft=_CAPPED))["__typename"] == "RuleBacktestRun"
    page = """{ ruleBacktestRuns(first: 3) { totalCount edges { node {
        status draft { name condition dailyCount actions { kind label } } replaces { id }
        authorName from until } } } }"""
    listed = (await world.agent(page))["ruleBacktestRuns"]
    assert listed["totalCount"] == 4
    assert [edge["node"]["status"] for edge in listed["edges"]] == [
        "QUEUED",
        "CANCELLED",
        "CANCELLED",
    ]
    assert listed["edges"][0]["node"]["draft"] == {
        "name": "draft",
        "condition": "refund.amount > 1000",
        "dailyCount": 5,
        "actions": [{"kind": "HOLD", "label": "Keep for a person"}],
    }
    assert listed["edges"][0]["node"]["authorName"] == "Owner"


OUT_OF_WINDOW = (clock.now() - timedelta(days=401)).isoformat()
AHEAD = (clock.now() + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("asked_for", "code", "path"),
    [
        ({"draft": draft("refund.amuont > 5")}, "INVALID_CONDITION", ["input", "condition"]),
        ({"draft": draft("refund.amount > 5.0")}, "INVALID_CONDITION", ["input", "condition"]),
        (
            {"draft": draft("true", {"kind": "REJECT"})},
            "INVALID_INPUT",
            ["input", "actions", "0", "kind"],
        ),
        ({"draft": draft("true"), "from": OUT_OF_WINDOW}, "INVALID_INPUT", ["input", "from"]),
        ({"draft": draft("true"), "from": AHEAD}, "INVALID_INPUT", ["input", "from"]),
        ({"draft": draft("true"), "trigger": "CLOCK"}, "INVALID_INPUT", ["input", "trigger"]),
        ({}, "INVALID_INPUT", ["input", "draft"]),
        ({"draft": draft("true"), "before": "x"}, "INVALID_INPUT", ["input", "before"]),
        (
            {"draft": draft("true"), "before": ids.encode("Rule", UUID(int=1))},
            "NOT_FOUND",
            [],
        ),
        ({"replaces": ids.encode("Rule", UUID(int=1))}, "NOT_FOUND", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_tried_is_refused_and_leaves_nothing(
    world: World, asked_for: Answer, code: str, path: list[str]
) -> None:
    refused = await lab.begin(world.owner, **asked_for)
    assert (refused["code"], refused["path"]) == (code, path)
    assert await RuleBacktest.filter(shop_id=world.shop.id).count() == 0


async def test_only_the_owner_tries_rules(world: World) -> None:
    document = """mutation M($input: RuleBacktestInput!) {
        ruleBacktest(input: $input) { __typename } }"""
    content = {"idempotencyKey": key(), "from": "2026-01-01T00:00:00Z", "draft": draft("true")}
    [error] = await world.agent.errors(document, input=content)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await RuleBacktest.filter(shop_id=world.shop.id).count() == 0


async def test_the_rules_of_a_run_are_those_of_its_beginning(world: World, idle: None) -> None:
    await past(world, 4)
    run_id = await asked(world, draft=draft("refund.amount > 0", lab.HOLD))
    document = """mutation M($id: ID!, $mode: RuleMode!) {
        ruleSetMode(id: $id, mode: $mode) { __typename } }"""
    for rule in (await world.owner("{ rules { id } }"))["rules"]:
        await world.owner(document, id=rule["id"], mode="OFF")
    await _work(run_id)
    found = await told(world, run_id)
    assert found["status"] == BacktestStatus.DONE
    assert found["report"]["matched"]["count"] == 4
    [overlap] = found["report"]["overlaps"]
    assert overlap["name"] == "High value or high risk: a person"
    assert (overlap["mode"], overlap["cameFirst"]) == ("LIVE", 2)
