"""One PostgreSQL and one running engine, with its worker, for the whole test session."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr
from support.api import Api
from support.world import World, make_world

from refund_gql import app, logs, vault
from refund_gql.app import Engine
from refund_gql.models import Shop
from refund_gql.settings import Settings


@pytest.fixture(scope="session")
def data() -> Any:
    """The data folder of this session's embedded PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="refund-gql-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(data: Path) -> Settings:
    settings = Settings(
        data=data,
        pool_size=16,
        payout_backoff_seconds=0.05,
        payout_backoff_limit_seconds=0.5,
        gateway_timeout_seconds=2,
        breaker_failures=1_000_000,  # what misbehaves on purpose is no provider that is down
        secret_keys=SecretStr(vault.new_key()),
    )
    logs.configure(settings)
    return settings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(settings: Settings, data: Path) -> AsyncIterator[Engine]:
    """The engine with its worker, as one process runs it."""
    sandbox = {
        "ledger": str(data / "sandbox.sqlite"),
        "timeout_seconds": "0.05",
        "slow_seconds": "0.2",
        "processing_seconds": "0.2",
        "reverse_after_seconds": "0.2",
        "settling_seconds": "0.1",
        "retry_after_seconds": "0.1",
        "recheck_after_seconds": "1.0",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "_reconcile", _leave_it_to_the_tests)
        patch.setattr(app, "_look_at_the_clock", _leave_it_to_the_tests)
        patch.setattr(app, "_watch_deadlines", _leave_it_to_the_tests)
        patch.setattr(app, "_about_customers", lambda risks: {})  # would change rows at any moment
        patch.setattr(app, "_about_parcels", dict)
        async with app.engine(settings, {"sandbox": sandbox}) as running, app.worker(running):
            await _forget_durability(running.database_url)
            yield running


async def _leave_it_to_the_tests() -> None:
    """Some tests take jobs away on purpose; the sweep would give them back at any moment, as the
    clock would read rules that a test wants to read itself."""


async def _forget_durability(url: str) -> None:
    """A test database need not survive the machine."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("alter system set fsync = off")
        await connection.execute("select pg_reload_conf()")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def database_url(engine: Engine) -> str:
    """The URL of the migrated database; Tortoise is connected to it in this process."""
    return engine.database_url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(engine: Engine) -> AsyncIterator[Api]:
    """The API without a token."""
    transport = httpx2.ASGITransport(app=app.create_app(engine))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(client)


@pytest_asyncio.fixture(loop_scope="session")
async def world(api: Api, settings: Settings) -> World:
    """A fresh shop with people and tokens."""
    return await make_world(api, settings)


@pytest.fixture
def make_shop(engine: Engine) -> Callable[..., Awaitable[Shop]]:
    """Make a bare shop, with some fields given."""
    from refund_gql.backoffice import shops

    async def make(**overrides: Any) -> Shop:
        shop_id = await shops.create(
            overrides.pop("handle", f"shop-{uuid4().hex[:12]}"),
            name="Test",
            currency=overrides.pop("currency", "CNY"),
            time_zone="Asia/Shanghai",
            locale="en",
        )
        await Shop.filter(id=shop_id).update(**overrides) if overrides else None
        return await Shop.get(id=shop_id)

    return make


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The Online Retail tests are part of the suite where the data is."""
    if "REFUND_GQL_ONLINE_RETAIL" in os.environ:
        return
    without = [item for item in items if item.get_closest_marker("online_retail") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in without])
    items[:] = without


def pytest_report_header() -> str:
    """Say what part of the suite runs here."""
    here = "present" if "REFUND_GQL_ONLINE_RETAIL" in os.environ else "absent, its tests left out"
    return f"Online Retail data: {here}"
