"""The command line, as somebody types it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import asyncpg
import httpx2
import pytest_asyncio
from support.databases import empty_database
from support.world import eventually

COMMAND = Path(sys.executable).parent / "refund-gql"


@pytest_asyncio.fixture(loop_scope="session")
async def url(database_url: str) -> str:
    return await empty_database(database_url, "command_line")


async def run(*words: str, url: str, stdin: str = "", **more: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    environment = {**os.environ, "REFUND_GQL_DATABASE_URL": url, **more}
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *words,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 120)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


OPEN = ["shop", "create", "corner", "--name", "街角小店", "--owner-email", "li@corner.example",
        "--owner-name", "李雷"]  # fmt: skip


async def test_a_shop_is_opened_and_its_owner_logs_in(url: str) -> None:
    code, out, err = await run(*OPEN, url=url, stdin="a long password\n")
    assert (code, err) == (0, "")
    assert "corner" in out
    async with serving(url) as address, httpx2.AsyncClient() as client:
        login = {"shop": "corner", "email": "li@corner.example", "password": "a long password"}
        answer = await client.post(
            f"{address}/graphql",
            json={
                "query": "mutation L($input: StaffLoginInput!) { staffLogin(input: $input) {"
                " ... on IssuedToken { token } } }",
                "variables": {"input": login},
            },
        )
        token = answer.json()["data"]["staffLogin"]["token"]
        viewer = await client.post(
            f"{address}/graphql",
            json={"query": "{ viewer { name role shop { name } } }"},
            headers={"authorization": f"Bearer {token}"},
        )
    assert viewer.json() == {
        "data": {"viewer": {"name": "李雷", "role": "OWNER", "shop": {"name": "街角小店"}}}
    }


async def test_a_handle_is_taken_once(url: str) -> None:
    await run(*OPEN, url=url, stdin="a long password\n")
    code, out, err = await run(*OPEN, url=url, stdin="a long password\n")
    assert (code, out) == (2, "")
    assert err == "The shop corner exists already\n"


async def test_a_weak_password_opens_no_shop(url: str) -> None:
    code, _, err = await run(*OPEN, url=url, stdin="short\n")
    assert code == 2
    assert "password" in err
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("select count(*) from shop") == 0
    finally:
        await connection.close()


async def test_a_token_is_printed_once_and_works(url: str) -> None:
    await run(*OPEN, url=url, stdin="a long password\n")
    code, token, err = await run(
        "token", "create", "corner", "READ", "CATALOGUE", "--name", "backend", url=url
    )
    assert (code, err) == (0, "")
    async with serving(url) as address, httpx2.AsyncClient() as client:
        answer = await client.post(
            f"{address}/graphql",
            json={"query": "{ viewer { role scopes } }"},
            headers={"authorization": f"Bearer {token.strip()}"},
        )
    assert answer.json()["data"]["viewer"] == {"role": "SERVICE", "scopes": ["CATALOGUE", "READ"]}


async def test_plugins_lists_what_is_installed(url: str) -> None:
    code, out, _ = await run("plugins", "--json", url=url)
    assert code == 0
    [sandbox] = [plugin for plugin in json.loads(out) if plugin["name"] == "sandbox"]
    assert (sandbox["state"], sandbox["provides"]) == ("ACTIVE", ["sandbox"])


async def test_a_misconfigured_plugin_is_named_with_its_variable(url: str) -> None:
    code, out, _ = await run("plugins", "--json", url=url, REFUND_GQL_SANDBOX_CHAOS="often")
    assert code == 1
    [sandbox] = json.loads(out)
    assert sandbox["state"] == "MISCONFIGURED"
    assert "REFUND_GQL_SANDBOX_CHAOS" in sandbox["reason"]


async def test_strict_plugins_refuse_to_start(url: str) -> None:
    code, _, err = await run(
        "serve", "--port", "0", url=url,
        REFUND_GQL_SANDBOX_CHAOS="often", REFUND_GQL_STRICT_PLUGINS="1",
    )  # fmt: skip
    assert code == 1
    assert "REFUND_GQL_SANDBOX_CHAOS" in err


async def test_api_and_worker_run_apart(url: str) -> None:
    """The API alone accepts a request; a worker started later pays it."""
    await run(*OPEN, url=url, stdin="a long password\n")
    _, token, _ = await run(
        "token", "create", "corner", "READ", "CATALOGUE", "REFUNDS", "--name", "t", url=url
    )
    ledger = {"REFUND_GQL_SANDBOX_LEDGER": str(Path(os.devnull).parent / "shm" / f"{os.getpid()}")}
    headers = {"authorization": f"Bearer {token.strip()}"}
    async with (
        serving(url, "--no-worker") as address,
        httpx2.AsyncClient(base_url=address, headers=headers) as client,
    ):
        refund = await ask(client)
        assert await status(client, refund) == "REQUESTED"
        async with process("worker", url=url, **ledger):

            async def paid() -> bool | None:
                return await status(client, refund) == "REFUNDED" or None

            await eventually(paid, "a worker of its own pays")


async def ask(client: httpx2.AsyncClient) -> str:
    order = {
        "number": "1", "currency": "CNY", "placedAt": "2026-11-01T00:00:00Z",
        "lines": [{"sku": "A", "title": "A", "quantity": 1, "unitPrice": 8900}],
        "captures": [{"gateway": "sandbox", "reference": "P1", "amount": 8900,
                      "metadata": {"sandbox": "OK*"}}],
    }  # fmt: skip
    data = await send(
        client,
        "mutation O($input: OrderInput!) { orderUpsert(input: $input) { ... on Order { id } } }",
        input=order,
    )
    request = {"orderId": data["orderUpsert"]["id"], "idempotencyKey": "k"}
    data = await send(
        client,
        "mutation R($input: RefundRequestInput!) { refundRequest(input: $input) {"
        " ... on Refund { id } } }",
        input=request,
    )
    refund: str = data["refundRequest"]["id"]
    return refund


async def status(client: httpx2.AsyncClient, refund: str) -> str:
    data = await send(client, "query S($id: ID!) { refund(id: $id) { status } }", id=refund)
    found: str = data["refund"]["status"]
    return found


async def send(client: httpx2.AsyncClient, query: str, **variables: object) -> dict:  # type: ignore[type-arg]
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    data: dict = answer.json()["data"]  # type: ignore[type-arg]
    return data


@asynccontextmanager
async def serving(url: str, *options: str) -> AsyncIterator[str]:
    """The address of a `serve` of its own, once it answers."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with (
        process("serve", "--port", str(port), *options, url=url),
        httpx2.AsyncClient() as client,
    ):
        address = f"http://127.0.0.1:{port}"

        async def ready() -> bool | None:
            try:
                return (await client.get(f"{address}/readyz")).status_code == 200 or None
            except httpx2.ConnectError:
                return None

        await eventually(ready, "the server answers")
        yield address


@asynccontextmanager
async def process(*words: str, url: str, **more: str) -> AsyncIterator[None]:
    """A long-running command; SIGTERM must end it in good order."""
    environment = {**os.environ, "REFUND_GQL_DATABASE_URL": url, **more}
    running = await asyncio.create_subprocess_exec(COMMAND, *words, env=environment)
    try:
        yield
    finally:
        running.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.wait(), 60) == 0
