"""`refund-gql demo`, run as a process of its own: what it prints, what is in the shop, how it
starts again and how it ends."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import psutil
import pytest
from pydantic import SecretStr
from support import facts, oracle
from support.databases import empty_database

from refund_gql import vault
from refund_gql.demo import people, script
from refund_gql.roles import Role, Scope
from refund_gql.settings import Settings
from refund_gql.states import RefundStatus

PROGRAM = Path(sys.executable).with_name("refund-gql")
ROLES = ("OWNER", "AGENT", "WAREHOUSE", "FINANCE", "ANALYST", "SERVICE", "CUSTOMER")
LIVE = len(script.SCENES) + 1
"""Every scene is a refund, and one of them is split in two."""


class Demo:
    """One run of the command."""

    def __init__(
        self, data: Path, *options: str, port: int = 0, env: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.told: dict[str, Any] = {}
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(
            [PROGRAM, "demo", "--data", data, "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment(**(env or {})),
            text=True,
        )

    def ready(self) -> dict[str, Any]:
        """The line of JSON, once it is there."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self.errors()
        self.told = json.loads(line)
        return dict(self.told)

    def lines_until(self, last: str) -> str:
        """What is printed for people."""
        assert self._process.stdout is not None
        text = ""
        while last not in text:
            line = self._process.stdout.readline()
            assert line, self.errors()
            text += line
        return text

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Send a signal: the exit code, and what else was printed on standard output."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """The exit code, and what else was printed on standard output."""
        output, _ = self._process.communicate(timeout=60)
        return self._process.returncode, output

    def errors(self) -> str:
        """What was printed on standard error."""
        self._log.seek(0)
        return self._log.read()

    def close(self) -> None:
        """Whatever happened, nothing is left."""
        self.end()
        self._log.close()

    def ask(self, role: str, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation, as one of the roles."""
        answer = httpx2.post(
            self.told["graphql"],
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {self.told['tokens'][role]}"},
        ).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def refunds(self, selection: str, **filter: Any) -> list[dict[str, Any]]:
        """All refunds of the shop."""
        query = f"""query($after: String, $filter: RefundFilter) {{
            refunds(first: 100, after: $after, filter: $filter) {{
                edges {{ node {{ {selection} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
        while page["hasNextPage"]:
            answer = self.ask("OWNER", query, after=page["endCursor"], filter=filter)["refunds"]
            found += [edge["node"] for edge in answer["edges"]]
            page = answer["pageInfo"]
        return found


def environment(**changes: str) -> dict[str, str]:
    """Ours without settings of the engine: only what the test says counts."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REFUND_GQL_")}
    return {**kept, **changes}


def servers(data: Path) -> list[int]:
    """The processes of the PostgreSQL of this folder."""
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if "postgres" in (process.info["name"] or "")
        and str(data / "postgres") in (process.info["cmdline"] or [])
    ]


def eventually(look: Any, what: str, seconds: float = 60) -> Any:
    """The first result of `look` that is not None."""
    for _ in range(int(seconds / 0.05)):
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the embedded server may enter, whoever runs the tests."""
    yield from temporary_folder()


def temporary_folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="refund-gql-demo-"))
    path.chmod(0o755)
    yield path
    assert servers(path) == [], "a server was left running"
    shutil.rmtree(path)


# --- one folder, started twice ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a start left behind."""

    told: Mapping[str, Any]
    refunds: set[str]
    exit_code: int
    more_output: str
    servers: list[int]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The data folder of most tests here."""
    yield from temporary_folder()


@pytest.fixture(scope="module")
def first(home: Path) -> Start:
    """The first start on an empty folder, ended with Ctrl-C."""
    run = Demo(home, "--json")
    try:
        told = run.ready()
        refunds = {refund["id"] for refund in run.refunds("id")}
        exit_code, more_output = run.end(signal.SIGINT)
    finally:
        run.close()
    return Start(
        told=told,
        refunds=refunds,
        exit_code=exit_code,
        more_output=more_output,
        servers=servers(home),
    )


@pytest.fixture(scope="module")
def demo(home: Path, first: Start) -> Iterator[Demo]:
    """The second start on the same folder."""
    run = Demo(home, "--json")
    try:
        run.ready()
        yield run
    finally:
        run.close()


def test_it_tells_programs_where_it_is_in_one_line(first: Start) -> None:
    told = first.told
    assert sorted(told) == ["database_url", "graphql", "shop_id", "tokens", "url"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", told["url"])
    assert told["graphql"] == f"{told['url']}/graphql"
    assert str(UUID(told["shop_id"])) == told["shop_id"]
    assert tuple(told["tokens"]) == ROLES
    assert first.more_output == ""


def test_ctrl_c_ends_everything_it_started(first: Start) -> None:
    assert first.exit_code == 0
    assert first.servers == []


def test_a_second_start_finds_everything_as_it_was(first: Start, demo: Demo) -> None:
    assert demo.told["shop_id"] == first.told["shop_id"]
    assert demo.told["tokens"] == first.told["tokens"]
    assert {refund["id"] for refund in demo.refunds("id")} == first.refunds


def test_the_tokens_are_kept_where_only_their_owner_reads_them(demo: Demo) -> None:
    file = demo.data / "demo.json"
    assert file.stat().st_mode & 0o777 == 0o600
    kept = json.loads(file.read_text())
    assert kept == {"tokens": demo.told["tokens"], "secret_key": kept["secret_key"]}
    key = Settings(secret_keys=SecretStr(kept["secret_key"]))
    assert vault.of(key).current == kept["secret_key"].partition(":")[0]


@pytest.mark.parametrize("role", ROLES)
def test_every_token_has_its_role(demo: Demo, role: str) -> None:
    viewer = demo.ask(role, "{ viewer { role scopes shop { id } } }")["viewer"]
    assert viewer["role"] == role
    assert viewer["scopes"] == (sorted(Scope) if role == "SERVICE" else [])


def test_the_shop_is_as_documented(demo: Demo) -> None:
    query = """{ shop { handle currency timeZone financeThreshold { amount } returnAddress
        zh: returnRequirements } }"""
    shop = demo.ask("OWNER", query)["shop"]
    assert (shop["handle"], shop["currency"], shop["timeZone"]) == ("demo", "CNY", "Asia/Shanghai")
    assert shop["financeThreshold"] == {"amount": 20000}
    assert "杭州" in shop["returnAddress"]
    assert "Hangzhou" in shop["returnAddress"]
    assert "吊牌" in shop["zh"]


@pytest.mark.parametrize("colleague", people.COLLEAGUES, ids=lambda c: c.role)
def test_staff_log_in_with_the_printed_password(demo: Demo, colleague: people.Colleague) -> None:
    login = """mutation($input: StaffLoginInput!) { staffLogin(input: $input) {
        ... on IssuedToken { token } } }"""
    asked = {"shop": "demo", "email": colleague.email, "password": people.PASSWORD}
    token = demo.ask("CUSTOMER", login, input=asked)["staffLogin"]["token"]
    viewer = httpx2.post(
        demo.told["graphql"],
        json={"query": "{ viewer { role name } }"},
        headers={"authorization": f"Bearer {token}"},
    ).json()["data"]["viewer"]
    assert viewer == {"role": colleague.role, "name": colleague.name}


# --- what is in the shop ----------------------------------------------------------------------


@pytest.mark.parametrize("status", RefundStatus)
def test_every_queue_has_a_live_refund(demo: Demo, status: RefundStatus) -> None:
    found = demo.refunds("imported version", status=[status])
    assert [refund["version"] for refund in found if not refund["imported"]] != []


def test_the_customer_has_a_refund_in_every_state(demo: Demo) -> None:
    query = "{ refunds(first: 100) { edges { node { status } } } }"
    edges = demo.ask("CUSTOMER", query)["refunds"]["edges"]
    assert {edge["node"]["status"] for edge in edges} == set(RefundStatus)


def test_history_has_the_shares_that_the_trade_reports(demo: Demo) -> None:
    history = [
        refund
        for refund in demo.refunds("imported status requestedAt finishedAt statedReason { code }")
        if refund["imported"]
    ]
    assert Counter(refund["statedReason"]["code"] for refund in history) == {
        "ordered-by-mistake": 76,
        "not-as-described": 44,
        "logistics": 36,
        "changed-mind": 30,
        "other": 14,
    }
    assert Counter(handling(refund) for refund in history) == {
        "within 24 hours": 84,
        "1 to 3 days": 70,
        "3 to 7 days": 36,
        "longer": 10,
    }
    assert {refund["status"] for refund in history} == {"REFUNDED"}


def handling(refund: Mapping[str, str]) -> str:
    requested_at, finished_at = (
        datetime.fromisoformat(refund[name]) for name in ("requestedAt", "finishedAt")
    )
    for words, limit in (("within 24 hours", 1), ("1 to 3 days", 3), ("3 to 7 days", 7)):
        if finished_at - requested_at < timedelta(days=limit):
            return words
    return "longer"


def test_clocks_run_over_what_waits(demo: Demo) -> None:
    """Each refund that waits for somebody has one that is not over; those of the past have none."""
    waiting = {"REVIEW", "WAREHOUSE_CHECK", "AWAITING_RETURN", "INSPECTION", "FINANCE_REVIEW"}
    for refund in demo.refunds("status imported clocks { endedAt }"):
        open_ = [clock for clock in refund["clocks"] if clock["endedAt"] is None]
        assert bool(open_) is (refund["status"] in waiting), refund
        assert not (refund["imported"] and refund["clocks"])


def test_an_imported_refund_has_one_event(demo: Demo) -> None:
    timelines = [
        [entry["type"] for entry in refund["timeline"]]
        for refund in demo.refunds("imported timeline { type }")
        if refund["imported"]
    ]
    assert timelines == [["IMPORTED"]] * 200


@pytest.mark.parametrize(
    "check",
    [
        oracle.every_history_is_whole,
        oracle.every_payment_is_a_payout,
        oracle.no_capture_is_over_refunded,
        oracle.every_claim_is_its_refunds,
    ],
)
async def test_the_books_add_up(demo: Demo, check: Any) -> None:
    """Chains verify, the bank paid what was ordered, and nothing is claimed twice."""
    shop_id, ledger = UUID(demo.told["shop_id"]), demo.data / "sandbox.sqlite"
    found = await facts.gather(demo.told["database_url"], shop_id, ledger, ())
    assert list(check(found)) == []


def test_live_refunds_lie_in_the_past(demo: Demo) -> None:
    """Each step has its own time, and none lies ahead."""
    now = datetime.now().astimezone()
    for refund in demo.refunds("imported timeline { at }"):
        times = [datetime.fromisoformat(entry["at"]) for entry in refund["timeline"]]
        assert times == sorted(times)
        assert times[-1] < now


# --- what can be tried ------------------------------------------------------------------------


ASK = """mutation($order: ID!) { refundRequest(input: {orderId: $order, idempotencyKey: "one"}) {
    ... on Refund { id status amount { decimal } } ... on Problem { code } } }"""


def test_an_unshipped_order_is_refunded_with_no_human(demo: Demo) -> None:
    order = demo.ask("CUSTOMER", '{ order(number: "SO-TRY-3") { id fulfilment } }')["order"]
    assert order["fulfilment"] == "UNSHIPPED"
    refund = demo.ask("CUSTOMER", ASK, order=order["id"])["refundRequest"]
    assert (refund["status"], refund["amount"]) == ("REQUESTED", {"decimal": "336.00"})

    def paid() -> dict[str, Any] | None:
        query = """query($id: ID!) { refund(id: $id) { status timeline { type actorKind }
            payouts { status amount { decimal } } } }"""
        now: dict[str, Any] = demo.ask("CUSTOMER", query, id=refund["id"])["refund"]
        return now if now["status"] == "REFUNDED" else None

    ended = eventually(paid, "the money")
    assert ended["payouts"] == [{"status": "SUCCEEDED", "amount": {"decimal": "336.00"}}]
    kinds = [entry["actorKind"] for entry in ended["timeline"]]
    assert kinds == ["CUSTOMER"] + ["SYSTEM"] * 4


def test_the_printed_commands_work(demo: Demo) -> None:
    """Another demo on the same database; ending it leaves the first one alone."""
    run = Demo(demo.data)
    try:
        text = run.lines_until("Ctrl-C")
        asked, followed, queue = [
            try_out(command) for command in re.findall(r"^curl .*?\}'$", text, re.M | re.S)
        ]
        assert run.end(signal.SIGTERM)[0] == 0
    finally:
        run.close()
    assert asked["refundRequest"]["__typename"] == "Refund"
    [refund] = followed["order"]["refunds"]
    assert refund["number"] == asked["refundRequest"]["number"]
    assert refund["timeline"][0]["text"] == "Refund requested"
    assert queue["refunds"]["totalCount"] >= 6
    assert people.PASSWORD in text
    assert [token for token in demo.told["tokens"].values() if token not in text] == []
    assert demo.ask("AGENT", "{ viewer { role } }") == {"viewer": {"role": "AGENT"}}


def try_out(command: str) -> Any:
    """What a shell would do."""
    words = shlex.split(command.replace("\\\n", " "))
    options = list(pairwise(words))
    headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
    [body] = [value for name, value in options if name == "-d"]
    address = next(word for word in words if word.startswith("http"))
    answer = httpx2.post(address, content=body.encode(), headers=headers).json()
    assert "errors" not in answer, answer
    return answer["data"]


# --- how it starts, and how it does not -------------------------------------------------------


def test_a_port_in_use_is_said_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = Demo(folder, "--json", port=port)
        assert run.ended() == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}" in run.errors()
    run.close()
    assert list(folder.iterdir()) == []


def test_without_the_sandbox_it_says_what_is_missing(demo: Demo) -> None:
    run = Demo(demo.data, "--json", env={"REFUND_GQL_PLUGINS": ""})
    assert run.ended() == (1, "")
    assert "refund-gql-sandbox" in run.errors()
    run.close()


async def test_a_start_that_was_cut_short_is_finished_by_the_next(folder: Path) -> None:
    run = Demo(folder, "--json")
    try:
        await eventually_in(folder, "select 1 from event where type = 'RETURN_APPROVED'")
        assert run.end(signal.SIGTERM)[0] == 0
        assert servers(folder) == []
    finally:
        run.close()
    run = Demo(folder, "--json")
    try:
        run.ready()
        live = [refund for refund in run.refunds("imported status") if not refund["imported"]]
        assert len(live) == LIVE
        assert {refund["status"] for refund in live} == set(RefundStatus)
    finally:
        run.close()


async def eventually_in(folder: Path, sql: str) -> Any:
    """The first value that a statement finds in a database that is being made."""

    async def look() -> Any:
        try:
            connection = await asyncpg.connect(
                host=str(folder / "postgres"), user="postgres", database="refund_gql"
            )
        except (OSError, asyncpg.PostgresError):
            return None
        try:
            return await connection.fetchval(sql)
        except asyncpg.UndefinedTableError:
            return None
        finally:
            await connection.close()

    for _ in range(1200):
        if (found := await look()) is not None:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"never came: {sql}")


async def test_fresh_begins_anew_and_touches_nothing_else(folder: Path) -> None:
    (folder / "mine.txt").write_text("kept")
    run = Demo(folder, "--json")
    try:
        old = await eventually_in(folder, "select id from shop")
    finally:
        run.close()
    (folder / "sandbox.sqlite").write_text("no ledger any more")
    run = Demo(folder, "--json", "--fresh")
    try:
        told = run.ready()
        assert told["shop_id"] != str(old)
        assert len(run.refunds("id")) == 200 + LIVE
    finally:
        run.close()
    assert (folder / "mine.txt").read_text() == "kept"


def test_fresh_refuses_while_somebody_works_there(demo: Demo) -> None:
    run = Demo(demo.data, "--json", "--fresh")
    assert run.ended() == (1, "")
    assert "in use" in run.errors()
    run.close()
    assert len(demo.refunds("id")) >= 200 + LIVE


def test_fresh_refuses_a_folder_that_the_demo_did_not_make(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("18\n")
    (folder / "sandbox.sqlite").write_text("somebody's")
    run = Demo(folder, "--json", "--fresh")
    assert run.ended() == (1, "")
    assert "was not made by the demo" in run.errors()
    run.close()
    assert (folder / "postgres" / "PG_VERSION").read_text() == "18\n"
    assert (folder / "sandbox.sqlite").read_text() == "somebody's"


def test_a_shop_of_somebody_else_is_left_alone(folder: Path) -> None:
    """A real shop may be called demo too: it gets no invented refunds, and is not deleted."""
    opened = cli(
        folder,
        *("shop", "create", "demo", "--name", "Real"),
        *("--owner-email", "me@shop.example", "--owner-name", "Me"),
        typed="a real password\n",
    )
    assert opened.returncode == 0, opened.stderr
    run = Demo(folder, "--json")
    assert run.ended() == (1, "")
    assert "not the demo's" in run.errors()
    run.close()
    run = Demo(folder, "--json", "--fresh")
    assert run.ended() == (1, "")
    assert "nothing was deleted" in run.errors()
    run.close()
    token = cli(folder, "token", "create", "demo", Scope.READ, "--name", "still there")
    assert token.stdout.startswith("rg_")


def cli(data: Path, *words: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    env = environment(REFUND_GQL_DATA=str(data))
    return subprocess.run(
        [PROGRAM, *words], env=env, input=typed, capture_output=True, text=True, check=False
    )


async def test_a_database_of_yours_is_used_and_not_emptied(folder: Path, database_url: str) -> None:
    url = await empty_database(database_url, "demo_elsewhere")
    env = {"REFUND_GQL_DATABASE_URL": url}
    run = Demo(folder, "--json", env=env)
    try:
        told = run.ready()
        assert told["database_url"] == url
        assert len(run.refunds("id")) == 200 + LIVE
        assert run.end(signal.SIGINT)[0] == 0
    finally:
        run.close()
    assert not (folder / "postgres").exists()
    run = Demo(folder, "--json", "--fresh", env=env)
    assert run.ended() == (1, "")
    assert "REFUND_GQL_DATABASE_URL" in run.errors()
    run.close()
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("select id from shop") == UUID(told["shop_id"])
    finally:
        await connection.close()


def test_every_role_of_a_person_has_a_token() -> None:
    """A new role needs a token in the demo too."""
    assert set(ROLES) == set(Role) - {Role.SYSTEM}
