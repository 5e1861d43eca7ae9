"""The worker: it hears its own probes, and says what failed."""

import asyncio

import asyncpg
import pytest
from structlog.testing import CapturingLogger
from support.world import eventually

from refund_gql import database, jobs
from refund_gql.jobs import Work
from refund_gql.settings import Settings


async def test_a_probe_waits_until_somebody_listens(database_url: str) -> None:
    """A probe that nobody can hear would make a healthy worker start again."""
    heard: list[str] = []
    async with asyncpg.create_pool(database_url, min_size=2, max_size=3) as pool:
        driver = jobs._PoolDriver(pool)
        probe = asyncio.create_task(driver.notify("probe", "are you there?"))
        await pool.fetch("select pg_sleep(0.1)")
        assert not probe.done()
        await driver.add_listener("probe", heard.append)
        await probe

        async def answer() -> str | None:
            return heard[0] if heard else None

        assert await eventually(answer, "the probe") == "are you there?"
        async with driver:
            pass  # lets go of the listening connection


async def test_a_failed_job_is_reported_and_done_again(
    database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, log, stop = list[str](), CapturingLogger(), asyncio.Event()
    monkeypatch.setattr(jobs, "_log", log)

    async def handle(subject: str) -> None:
        runs.append(subject)
        if len(runs) == 1:
            raise RuntimeError("the first run fails")

    work = Work(handlers={"fragile": handle}, schedules={})
    worker = asyncio.create_task(jobs.run(database_url, work, settings, stop))
    await database.transaction(lambda tx: jobs.enqueue(tx, "fragile", "row-1", key="fragile:1"))

    async def second_run() -> list[str] | None:
        return runs if len(runs) == 2 else None

    assert await eventually(second_run, "the second run") == ["row-1", "row-1"]
    stop.set()
    await worker
    [said] = log.calls
    assert (said.method_name, said.kwargs["kind"], said.kwargs["subject"]) == (
        "warning",
        "fragile",
        "row-1",
    )
    assert repr(said.kwargs["exc_info"]) == "RuntimeError('the first run fails')"


async def test_a_job_that_comes_too_early_may_set_itself_again(
    database_url: str, settings: Settings
) -> None:
    """Its key is its own until it is through; anybody else's would be dropped."""
    runs, stop = list[str](), asyncio.Event()

    async def handle(subject: str) -> None:
        runs.append(subject)
        if len(runs) < 4:
            for _ in range(2):
                await database.transaction(
                    lambda tx: jobs.enqueue(tx, "early", subject, key="early:1")
                )

    work = Work(handlers={"early": handle}, schedules={})
    worker = asyncio.create_task(jobs.run(database_url, work, settings, stop))
    await database.transaction(lambda tx: jobs.enqueue(tx, "early", "row-1", key="early:1"))

    async def all_runs() -> list[str] | None:
        return runs if len(runs) == 4 else None

    assert await eventually(all_runs, "the runs") == ["row-1"] * 4
    stop.set()
    await worker
    assert len(runs) == 4
