"""Killed at any moment, the engine keeps every promise: nothing lost, nothing paid twice."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kill import Plan, Report, campaign
from support.planted import BUGS

KILLS = int(os.environ.get("REFUND_GQL_TEST_KILLS", "300"))
"""SIGKILLs of the longest campaign; a third as many SIGTERM and SIGINT come on top."""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="refund-gql-kill-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def check(report: Report, plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{report}\n")
    assert report.violations == []
    assert (report.kills, report.signals) == (plan.kills, plan.signals)
    assert report.payments == report.refunds - report.cancelled > 0


async def test_a_short_campaign_breaks_no_promise(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One process does everything: killed eight times, asked to stop four times."""
    plan = Plan(kills=8, signals=4, seed=1)
    check(await campaign(plan, folder), plan, capsys)


@pytest.mark.soak
@pytest.mark.parametrize("workers", [0, 2], ids=["one process", "API and two workers"])
async def test_a_campaign_breaks_no_promise(
    folder: Path, capsys: pytest.CaptureFixture[str], workers: int
) -> None:
    plan = Plan(kills=60, signals=20, workers=workers, seed=2)
    check(await campaign(plan, folder), plan, capsys)


@pytest.mark.soak
async def test_a_long_campaign_breaks_no_promise(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """REFUND_GQL_TEST_KILLS says how long."""
    plan = Plan(kills=KILLS, signals=KILLS // 3, workers=1, clients=10, seed=3)
    check(await campaign(plan, folder), plan, capsys)


FOUND = {
    "new-number-per-attempt": "belongs to no payout",
    "silence-is-failure": "is PAYMENT_STUCK (REJECTED)",
    "no-cap": "back",
    "forgotten-keys": "is no acknowledged request",
}
"""Planted bug -> what the oracle says about it."""


@pytest.mark.soak
@pytest.mark.parametrize("bug", BUGS)
async def test_a_planted_bug_is_found(folder: Path, bug: str) -> None:
    """A harness that never saw a broken promise has proved nothing."""
    program = (sys.executable, "-m", "support.planted", bug)
    report = await campaign(Plan(kills=12, seed=4, program=program), folder)
    assert [breach for breach in report.violations if FOUND[bug] in breach]
