"""The kill -9 harness: the engine's processes die at random moments, and the oracle judges.

Clients, bank and killer live here; the engine's processes are children, PostgreSQL and the
bank's ledger outlive them. After the last kill the clients stop, the work drains, and the
oracle compares what clients were told with the ledger and the rows.
"""

import asyncio
import math
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx2

from refund_gql import database, ids
from refund_gql.settings import Settings
from support import children, facts, oracle
from support.bank import Bank
from support.children import Child
from support.shoppers import Crowd, History, Shop
from support.world import eventually

_STANDSTILL = 120.0
"""Seconds without one refund more coming to its end, once nobody is killed any more: then
something is stuck. How long the whole pile takes depends on how long the kills have let it grow."""
_SHOP, _PASSWORD = "kill", "correct horse battery"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One campaign."""

    kills: int
    """SIGKILL."""
    signals: int = 0
    """SIGTERM and SIGINT, in turn."""
    workers: int = 0
    """0: one process does everything; otherwise so many workers beside an API without one."""
    clients: int = 6
    pause: float = 0.1
    """Seconds between two requests of one client, on average."""
    chaos: float = 0.4
    """How likely a call to the gateway misbehaves."""
    seed: int = 0
    program: Sequence[str] = children.PROGRAM


@dataclass(kw_only=True)
class Report:
    """What happened, and what should not have."""

    violations: list[str] = field(default_factory=list)
    seconds: float = 0
    kills: int = 0
    signals: int = 0
    starts: list[float] = field(default_factory=list)
    """Seconds from each start of the API to its first answer."""
    refunds: int = 0
    cancelled: int = 0
    refused: int = 0
    sent_again: int = 0
    """Requests that clients repeated."""
    calls: int = 0
    """Conversations with the bank."""
    payments: int = 0
    webhooks: int = 0
    retried: int = 0
    """Payouts that ran out of tries, and that a person tried once more."""
    drained: float = 0
    """Seconds from the last kill until everything was over."""

    def __str__(self) -> str:
        slow = sorted(self.starts)[int(len(self.starts) * 0.95)] if self.starts else 0.0
        return (
            f"{self.kills} SIGKILL, {self.signals} SIGTERM/SIGINT in {self.seconds:.0f} s; "
            f"{self.refunds} refunds ({self.cancelled} withdrawn), {self.refused} refused, "
            f"{self.sent_again} requests sent again; {self.calls} bank calls, "
            f"{self.payments} payments, {self.webhooks} webhooks, {self.retried} retried by hand; "
            f"start p95 {slow:.1f} s, drained in {self.drained:.1f} s; "
            f"{len(self.violations)} violations"
        )


async def campaign(plan: Plan, folder: Path) -> Report:
    """Run it in an empty folder that everybody may enter."""
    started = time.monotonic()
    async with database.server(Settings(data=folder, database_url=None)) as url:
        await _forget_durability(url)
        async with _site(plan, folder, url) as site:
            report = await _run(plan, site)
    report.seconds = time.monotonic() - started
    return report


async def _forget_durability(url: str) -> None:
    """The machine does not crash, only our processes do."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("alter system set fsync = off")
        await connection.execute("select pg_reload_conf()")
    finally:
        await connection.close()


# --- the place where it happens ---------------------------------------------------------------


@dataclass(kw_only=True)
class Site:
    """An engine with one shop, and everything its clients and its bank need."""

    url: str
    ledger: Path
    http: httpx2.AsyncClient
    api: Child
    workers: list[Child]
    shop: Shop

    @property
    def children(self) -> list[Child]:
        return [self.api, *self.workers]

    async def rows(self, sql: str, *arguments: object) -> list[Any]:
        """Rows of a statement on a connection of our own."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()


@asynccontextmanager
async def _site(plan: Plan, folder: Path, url: str) -> AsyncIterator[Site]:
    ledger, port = folder / "ledger.sqlite", children.free_port()
    env = _environment(plan, url, folder, ledger)
    await children.run(
        *(plan.program, "shop", "create", _SHOP, "--name", "Kill"),
        *("--owner-email", "owner@shop.example", "--owner-name", "Owner"),
        env=env,
        input=f"{_PASSWORD}\n",
    )
    serve = ["serve", "--port", str(port), *(["--no-worker"] if plan.workers else [])]
    api = Child([*plan.program, *serve], env, folder / "api.log")
    workers = [
        Child([*plan.program, "worker"], env, folder / f"worker-{i}.log")
        for i in range(plan.workers)
    ]
    base = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(base_url=base, timeout=10) as http:
        shop = Shop(http=http, token="", history=History())
        for child in (api, *workers):
            await child.start()
        try:
            await children.ready(http, api)
            shop.token = await _login(http)
            yield Site(url=url, ledger=ledger, http=http, api=api, workers=workers, shop=shop)
        finally:
            for child in (api, *workers):
                await child.stop(signal.SIGKILL)


def _environment(plan: Plan, url: str, folder: Path, ledger: Path) -> dict[str, str]:
    return children.environment(
        url,
        folder,
        payout_backoff_seconds="0.1",
        payout_backoff_limit_seconds="1",
        worker_heartbeat_seconds="2",
        gateway_timeout_seconds="1",
        breaker_seconds="0.5",
        sandbox_ledger=str(ledger),
        sandbox_chaos=str(plan.chaos),
        sandbox_seed=str(plan.seed),
        sandbox_timeout_seconds="0.1",
        sandbox_slow_seconds="0.2",
        sandbox_settling_seconds="0.2",
    )


async def _login(http: httpx2.AsyncClient) -> str:
    document = """mutation M($input: StaffLoginInput!) { staffLogin(input: $input) {
        ... on IssuedToken { token } } }"""
    login = {"shop": _SHOP, "email": "owner@shop.example", "password": _PASSWORD}
    body = {"query": document, "variables": {"input": login}}
    response = await http.post("/graphql", json=body)
    token: str = response.json()["data"]["staffLogin"]["token"]
    return token


# --- the campaign -----------------------------------------------------------------------------


async def _run(plan: Plan, site: Site) -> Report:
    report, chance = Report(), random.Random(plan.seed)
    bank = Bank(http=site.http, shop=_SHOP, ledger=site.ledger, chance=chance)
    crowd = Crowd(shop=site.shop, chance=chance, pause=plan.pause)
    closing_time, silence = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(bank.report(silence))
        async with asyncio.TaskGroup() as clients:
            for _ in range(plan.clients):
                clients.create_task(crowd.client(closing_time))
            await _kill(plan, site, report, chance)
            closing_time.set()
        await _drain(site, report)
        silence.set()
    for child in site.children:
        await _end(child, signal.SIGTERM, report)
    report.webhooks = bank.sent
    await _judge(site, report)
    return report


async def _kill(plan: Plan, site: Site, report: Report, chance: random.Random) -> None:
    """End processes at random moments, and start each again at once."""
    numbers = [signal.SIGKILL] * plan.kills
    numbers += [(signal.SIGTERM, signal.SIGINT)[i % 2] for i in range(plan.signals)]
    chance.shuffle(numbers)
    for number in numbers:
        child = chance.choice(site.children)
        if number is not signal.SIGKILL:
            await _until_all_work(site)
        # The API is up; a worker that is killed may be starting, working or idle.
        await asyncio.sleep(chance.uniform(0, 1 if child is site.api else 3))
        await _end(child, number, report)
        report.kills += number is signal.SIGKILL
        report.signals += number is not signal.SIGKILL
        await child.start()
        if child is site.api:
            report.starts.append(await children.ready(site.http, child))


_LISTENING = "select count(*) from pg_stat_activity where query ilike 'listen%'"


async def _until_all_work(site: Site) -> None:
    """Python itself may drop a signal that comes while it still imports."""

    async def all_listen() -> bool | None:
        [row] = await site.rows(_LISTENING)
        return row[0] >= max(1, len(site.workers)) or None

    await eventually(all_listen, "workers that listen")


async def _end(child: Child, number: signal.Signals, report: Report) -> None:
    code = await child.stop(number)
    if number is not signal.SIGKILL and code != 0:
        report.violations.append(f"{child.command} ended with {code} on {number.name}")


_MOVING = "select id from refund where status not in ('REFUNDED', 'CANCELLED', 'PAYMENT_STUCK')"
_OUT_OF_TRIES = """
select p.id from payout p join refund r on r.id = p.refund_id
 where r.status = 'PAYMENT_STUCK' and r.stuck_reason = 'NO_ANSWER' and p.status = 'NEEDS_MANUAL'
"""


async def _drain(site: Site, report: Report) -> None:
    """Wait until everything is over, or stands still. A payout that ran out of tries is tried once
    more."""
    started = moved = time.monotonic()
    retried, left = set[UUID](), math.inf
    while time.monotonic() < moved + _STANDSTILL:
        given_up = {row["id"] for row in await site.rows(_OUT_OF_TRIES)} - retried
        moving = len(await site.rows(_MOVING))
        if not given_up and not moving:
            break
        if moving < left:
            moved, left = time.monotonic(), moving
        for payout_id in given_up:
            await _retry(site, payout_id)
        retried |= given_up
        await asyncio.sleep(0.2)
    report.retried, report.drained = len(retried), time.monotonic() - started


async def _retry(site: Site, payout_id: UUID) -> None:
    document = """mutation M($input: PayoutRetryInput!) { result: payoutRetry(input: $input) {
        __typename } }"""
    global_id = ids.encode("Payout", payout_id)
    asked = {"payoutId": global_id, "idempotencyKey": f"retry-{payout_id}"}
    await site.shop.insist(document, input=asked)


async def _judge(site: Site, report: Report) -> None:
    history = site.shop.history
    [shop] = await site.rows("select id from shop")
    found = await facts.gather(site.url, shop["id"], site.ledger, history.acknowledged)
    report.violations += history.surprises + oracle.violations(found)
    for row in await site.rows("select entrypoint from pgqueuer where status = 'failed'"):
        report.violations.append(f"a job of kind {row['entrypoint']} gave up")
    for row in await site.rows("select event_id from webhook_message where handled_at is null"):
        report.violations.append(f"webhook {row['event_id']} was never handled")
    report.refunds, report.payments = len(found.refunds), len(found.payments)
    report.cancelled = sum(answer.cancelled for answer in history.acknowledged)
    report.refused, report.sent_again = history.refused, history.sent_again
    with closing(sqlite3.connect(f"file:{site.ledger}?mode=ro", uri=True)) as bank:
        [(report.calls,)] = bank.execute("select count(*) from call").fetchall()
