"""The command line, as somebody types it."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr
from support.databases import empty_database
from support.world import eventually

from refund_gql import vault
from refund_gql.settings import Settings
from refund_gql.vault import Unreadable, Vault

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


# --- plugins ----------------------------------------------------------------------------------

SANDBOX = {
    "sandbox": "GATEWAY",
    "sandbox-courier": "COURIER",
    "sandbox-crm": "CRM",
    "sandbox-inbox": "NOTIFIER",
}
"""Every provider of the sandbox and its kind."""


async def test_plugins_lists_what_is_installed(url: str) -> None:
    code, out, _ = await run("plugins", "--json", url=url)
    assert code == 0
    [sandbox] = [plugin for plugin in json.loads(out) if plugin["name"] == "sandbox"]
    assert (sandbox["state"], sandbox["reason"]) == ("ACTIVE", "")
    assert (sandbox["distribution"], sandbox["version"]) == ("refund-gql-sandbox", "0.1.0")
    found = {provider["name"]: provider["kind"] for provider in sandbox["providers"]}
    assert found == SANDBOX
    for provider in sandbox["providers"]:
        assert (provider["state"], provider["reason"]) == ("ACTIVE", "")
        assert provider["settingsSchema"]["properties"]["api_key"]["writeOnly"] is True


async def test_plugins_are_a_table_for_people(url: str) -> None:
    code, out, _ = await run("plugins", url=url, COLUMNS="200")
    assert code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    assert [row[:5] for row in rows if row] == [
        ["sandbox", "0.1.0", name, kind, "ACTIVE"] for name, kind in SANDBOX.items()
    ]


async def test_a_misconfigured_plugin_is_named_with_its_variable(url: str) -> None:
    wrong = {"REFUND_GQL_SANDBOX_CHAOS": "often"}
    code, out, _ = await run("plugins", "--json", url=url, **wrong)
    assert code == 1
    [sandbox] = json.loads(out)
    assert (sandbox["state"], sandbox["providers"]) == ("MISCONFIGURED", [])
    assert "REFUND_GQL_SANDBOX_CHAOS" in sandbox["reason"]
    code, out, _ = await run("plugins", url=url, COLUMNS="200", **wrong)
    assert code == 1
    assert "MISCONFIGURED" in out
    assert "REFUND_GQL_SANDBOX_CHAOS" in out


async def test_a_provider_that_accepts_its_credentials_works(url: str, tmp_path: Path) -> None:
    await run(*OPEN, url=url, stdin="a long password\n")
    ledger = {"REFUND_GQL_SANDBOX_LEDGER": str(tmp_path / "ledger.sqlite")}
    code, out, err = await run("plugins", "check", "sandbox", "--shop", "corner", url=url, **ledger)
    assert (code, err) == (0, "")
    assert re.fullmatch(r"sandbox works \(\d+ ms\)\n", out)


async def test_refused_credentials_are_named_and_not_shown(url: str, tmp_path: Path) -> None:
    await run(*OPEN, url=url, stdin="a long password\n")
    more = {
        "REFUND_GQL_SANDBOX_LEDGER": str(tmp_path / "ledger.sqlite"),
        "REFUND_GQL_SANDBOX_API_KEY": "bad-canary-4711",
    }
    code, out, err = await run("plugins", "check", "sandbox", "--shop", "corner", url=url, **more)
    assert (code, out) == (1, "")
    assert err.startswith("sandbox: ")
    assert "(setting api_key)" in err
    assert "4711" not in err


@pytest.mark.parametrize(
    ("name", "handle", "code", "said"),
    [
        ("nobody", "corner", 1, "nobody: MISSING: no installed plugin brings"),
        ("sandbox", "elsewhere", 2, "There is no shop elsewhere"),
    ],
)
async def test_what_is_not_there_cannot_be_checked(
    url: str, name: str, handle: str, code: int, said: str
) -> None:
    await run(*OPEN, url=url, stdin="a long password\n")
    ended, out, err = await run("plugins", "check", name, "--shop", handle, url=url)
    assert (ended, out) == (code, "")
    assert err.startswith(said)


async def test_strict_plugins_refuse_to_start(url: str) -> None:
    code, _, err = await run(
        "serve", "--port", "0", url=url,
        REFUND_GQL_SANDBOX_CHAOS="often", REFUND_GQL_STRICT_PLUGINS="1",
    )  # fmt: skip
    assert code == 1
    assert "REFUND_GQL_SANDBOX_CHAOS" in err


# --- secrets ----------------------------------------------------------------------------------


async def new_key(url: str) -> str:
    code, out, err = await run("secrets", "new-key", url=url)
    assert (code, err) == (0, "")
    return out.removesuffix("\n")


def keys(*listed: str) -> Vault:
    return vault.of(Settings(secret_keys=SecretStr(",".join(listed))))


async def test_a_new_key_seals_and_is_never_the_same(url: str) -> None:
    first, second = await new_key(url), await new_key(url)
    assert first != second
    sealed = keys(first).seal("a secret", context="here")
    assert sealed["key"] == first.partition(":")[0]
    assert keys(second, first).open(sealed, context="here") == "a secret"
    with pytest.raises(Unreadable):
        keys(second).open(sealed, context="here")


async def keep_secrets(url: str, key: str) -> None:
    """Let the owner of a shop set up a plugin, and an endpoint whose secret has changed once."""
    await run(*OPEN, url=url, stdin="a long password\n")
    async with (
        serving(url, REFUND_GQL_SECRET_KEYS=key) as address,
        httpx2.AsyncClient(base_url=address) as client,
    ):
        client.headers["authorization"] = f"Bearer {await login(client)}"
        await send(
            client,
            "mutation S($input: PluginSettingsInput!) { pluginSettingsUpdate(input: $input)"
            " { ... on PluginSettings { id } } }",
            input={"provider": "sandbox", "values": {"api_key": "a", "webhook_secret": "b"}},
        )
        made = await send(
            client,
            "mutation E($input: WebhookEndpointCreateInput!) { webhookEndpointCreate("
            "input: $input) { ... on WebhookEndpointSecret { endpoint { id } } } }",
            input={"url": "https://shop.example/hook"},
        )
        await send(
            client,
            "mutation R($id: ID!) { webhookEndpointRotateSecret(id: $id)"
            " { ... on WebhookEndpointSecret { secret } } }",
            id=made["webhookEndpointCreate"]["endpoint"]["id"],
        )


async def login(client: httpx2.AsyncClient) -> str:
    given = {"shop": "corner", "email": "li@corner.example", "password": "a long password"}
    answer = await send(
        client,
        "mutation L($input: StaffLoginInput!) { staffLogin(input: $input)"
        " { ... on IssuedToken { token } } }",
        input=given,
    )
    token: str = answer["staffLogin"]["token"]
    return token


async def sealing_keys(url: str) -> list[str]:
    """The id of the key of every secret in the database."""
    sql = """
    select value->>'key' from plugin_settings, jsonb_each(secrets)
    union all select secret->>'key' from webhook_endpoint
    union all select previous_secret->>'key' from webhook_endpoint
    """
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_rotating_seals_every_secret_with_the_first_key(url: str) -> None:
    old, new = await new_key(url), await new_key(url)
    old_id, new_id = (key.partition(":")[0] for key in (old, new))
    await keep_secrets(url, old)
    assert await sealing_keys(url) == [old_id] * 4
    code, out, err = await run("secrets", "rotate", url=url, REFUND_GQL_SECRET_KEYS=f"{new},{old}")
    assert (code, err) == (0, "")
    assert out == f"4 secrets sealed anew with the key {new_id}\n"
    assert await sealing_keys(url) == [new_id] * 4
    code, out, _ = await run("secrets", "rotate", url=url, REFUND_GQL_SECRET_KEYS=new)
    assert (code, out) == (0, f"0 secrets sealed anew with the key {new_id}\n")


async def test_a_key_that_is_gone_is_named_and_nothing_changes(url: str) -> None:
    old, new = await new_key(url), await new_key(url)
    await keep_secrets(url, old)
    code, out, err = await run("secrets", "rotate", url=url, REFUND_GQL_SECRET_KEYS=new)
    assert (code, out) == (2, "")
    assert old.partition(":")[0] in err
    assert "Traceback" not in err
    assert await sealing_keys(url) == [old.partition(":")[0]] * 4


async def test_nothing_is_rotated_without_a_key(url: str) -> None:
    code, out, err = await run("secrets", "rotate", url=url)
    assert (code, out) == (2, "")
    assert "REFUND_GQL_SECRET_KEYS" in err


# --- one database, many processes -------------------------------------------------------------


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
async def serving(url: str, *options: str, **more: str) -> AsyncIterator[str]:
    """The address of a `serve` of its own, once it answers."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with (
        process("serve", "--port", str(port), *options, url=url, **more),
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
