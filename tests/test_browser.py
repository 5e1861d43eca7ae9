"""The page at /graphql in a real browser."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn

from refund_gql import app
from refund_gql.app import Engine
from refund_gql.graphql import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr",
]  # fmt: skip


@pytest.fixture
def chromium() -> str:
    if CHROMIUM is None:
        if "REFUND_GQL_REQUIRE_ALL" in os.environ:
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    return CHROMIUM


@pytest_asyncio.fixture(loop_scope="session")
async def address(engine: Engine) -> AsyncIterator[str]:
    """The engine behind a real socket."""
    config = uvicorn.Config(app.create_app(engine), port=0, log_config=None, ws="none")
    server = uvicorn.Server(config)
    server.capture_signals = _leave_signals_alone  # type: ignore[assignment]
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


class _leave_signals_alone:  # noqa: N801 - used as a function
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


async def test_a_browser_gets_a_page_with_every_example(chromium: str, address: str) -> None:
    document, log = await look(chromium, f"{address}/graphql")
    for role, title, operation in page.examples():
        assert role in document
        assert title in document
        assert operation.split("\n")[0] in document
    assert "一个 GraphQL 接口" in document
    assert "CONSOLE" not in log, "the page breaks its own Content-Security-Policy"


async def look(chromium: str, url: str) -> tuple[str, str]:
    """The page as the browser built it, and what the browser logged."""
    profile = Path(tempfile.mkdtemp(prefix="refund-gql-chromium-"))
    try:
        browser = await asyncio.create_subprocess_exec(
            chromium, *QUIET, f"--user-data-dir={profile}", "--dump-dom", url,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        document, log = await asyncio.wait_for(browser.communicate(), 120)
    finally:
        shutil.rmtree(profile, ignore_errors=True)
    return document.decode(), log.decode(errors="replace")
