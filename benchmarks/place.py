"""The place where it is measured: a PostgreSQL of its own, engine processes, one shop."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import psutil

from refund_gql import postgres

PROGRAM = (str(Path(sys.executable).with_name("refund-gql")),)
_PASSWORD = "measured with care"  # noqa: S105 - of a shop that lives for minutes
_PATIENCE = 60.0
"""Seconds."""


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder that the database's own user may enter."""
    made = Path(tempfile.mkdtemp(prefix="refund-gql-bench-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class Place:
    """One database and one shop; the engine runs with its default settings."""

    folder: Path
    url: str
    handle: str

    @property
    def env(self) -> dict[str, str]:
        return environment(self.folder, REFUND_GQL_DATABASE_URL=self.url)

    @asynccontextmanager
    async def serving(self, *options: str, program: Sequence[str] = PROGRAM) -> AsyncIterator[Any]:
        """A server process with a client who is logged in as the shop's owner."""
        port = free_port()
        command = [*program, "serve", "--port", str(port), *options]
        with process(command, self.env) as running:
            base = f"http://127.0.0.1:{port}"
            async with httpx2.AsyncClient(base_url=base, timeout=60) as http:
                await ready(http)
                yield Server(http=http, process=running, token=await _login(http, self.handle))

    @contextmanager
    def working(self) -> Iterator[psutil.Process]:
        """A worker process."""
        with process([*PROGRAM, "worker"], self.env) as running:
            yield running

    def command(self, *arguments: str, input: str = "") -> str:
        """Run a command to its end; what it printed."""
        done = subprocess.run(
            [*PROGRAM, *arguments],
            env=self.env,
            input=input,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{arguments} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout


@contextmanager
def place() -> Iterator[Place]:
    """Start a database of its own with a new shop in it."""
    with folder() as made, postgres.embedded(made) as url:
        found = Place(folder=made, url=url, handle=f"bench-{uuid4().hex[:8]}")
        found.command(
            *("shop", "create", found.handle, "--name", "Bench", "--currency", "GBP"),
            *("--owner-email", "owner@shop.example", "--owner-name", "Owner"),
            input=f"{_PASSWORD}\n",
        )
        yield found


def environment(data: Path, **settings: str) -> dict[str, str]:
    """The environment of an engine process: nothing inherited that would change it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("REFUND_GQL_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {
        **inherited,
        "REFUND_GQL_DATA": str(data),
        "REFUND_GQL_SANDBOX_LEDGER": str(data / "ledger.sqlite"),
        **settings,
    }


@contextmanager
def process(command: Sequence[str], env: dict[str, str]) -> Iterator[psutil.Process]:
    """A child process, asked to stop at the end of the block."""
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        yield psutil.Process(child.pid)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(_PATIENCE)


async def ready(http: httpx2.AsyncClient) -> None:
    """Wait until the API answers."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            if (await http.get("/readyz")).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        await asyncio.sleep(0.01)
    raise TimeoutError("the server does not start")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


_LOGIN = """mutation M($input: StaffLoginInput!) { result: staffLogin(input: $input) {
    ... on IssuedToken { token } } }"""
_UPSERT = """mutation M($input: [OrderInput!]!) { result: orderUpsertBulk(input: $input) {
    ... on Order { id } } }"""
_REQUEST = """mutation M($input: RefundRequestInput!) { result: refundRequest(input: $input) {
    ... on Refund { id status } } }"""


async def _login(http: httpx2.AsyncClient, handle: str) -> str:
    login = {"shop": handle, "email": "owner@shop.example", "password": _PASSWORD}
    body = {"query": _LOGIN, "variables": {"input": login}}
    response = await http.post("/graphql", json=body)
    token: str = response.json()["data"]["result"]["token"]
    return token


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server, and the door to it."""

    http: httpx2.AsyncClient
    process: psutil.Process
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    async def __call__(self, document: str, **variables: Any) -> Any:
        """The data of an operation that has no errors."""
        body = {"query": document, "variables": variables}
        response = await self.http.post("/graphql", json=body, headers=self.headers)
        answer = orjson.loads(response.content)
        if response.status_code != 200 or "errors" in answer:
            raise RuntimeError(f"{response.status_code}: {response.text[:500]}")
        return answer["data"]

    async def orders(self, count: int) -> list[str]:
        """The ids of so many new orders: two lines, paid, nothing shipped."""
        found: list[str] = []
        while len(found) < count:
            batch = [_order() for _ in range(min(100, count - len(found)))]
            found += [order["id"] for order in (await self(_UPSERT, input=batch))["result"]]
        return found

    async def refund(self, order_id: str) -> str:
        """Ask for everything; the refund's id."""
        asked = {"orderId": order_id, "idempotencyKey": uuid4().hex}
        refund_id: str = (await self(_REQUEST, input=asked))["result"]["id"]
        return refund_id


def _order() -> dict[str, Any]:
    never_troubled = {"sandbox": "OK*"}
    return {
        "number": f"SO-{uuid4().hex}",
        "currency": "GBP",
        "placedAt": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "customerReference": f"C-{uuid4().int % 200}",
        "lines": [
            {"sku": "CUP", "title": "Cup", "quantity": 2, "unitPrice": 1250},
            {"sku": "POT", "title": "Pot", "quantity": 1, "unitPrice": 4900},
        ],
        "captures": [
            {
                "gateway": "sandbox",
                "reference": uuid4().hex,
                "amount": 7400,
                "metadata": never_troubled,
            }
        ],
    }


def processor_seconds(running: psutil.Process) -> float:
    """Processor time of a process so far, user and system."""
    times = running.cpu_times()
    return times.user + times.system


def megabytes(running: psutil.Process) -> float:
    """Resident memory of a process."""
    return running.memory_info().rss / 2**20
