"""The pages beside the API: is it alive, can it serve, what does it count."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from support.providers import line

from refund_gql import app, database
from refund_gql.app import Engine
from refund_gql.errors import Unavailable
from refund_gql.providers import OutcomeUnknown, ProviderKind, ProviderSettings
from refund_gql.providers.provider import Provider
from refund_gql.registry.providers import _Kept


async def get(running: Engine, path: str, **headers: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=app.create_app(running))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers=headers)


async def test_the_process_is_alive_and_ready(engine: Engine) -> None:
    assert (await get(engine, "/healthz")).json() == {"status": "ok"}
    assert (await get(engine, "/readyz")).json() == {"status": "ready"}


async def test_without_a_database_it_is_not_ready(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(database, "fetch", away)
    answer = await get(engine, "/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "database unreachable"})


class Down(Provider):
    """Never answers."""

    name = "down"
    kind = ProviderKind.CRM

    async def check(self) -> None:
        raise OutcomeUnknown("502")


async def test_a_provider_that_is_down_is_named(
    engine: Engine, make_shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, made = await make_shop(), line(Down(ProviderSettings()), failures=1)
    kept = {(shop.id, "down"): _Kept(connection=made, version=0)}
    monkeypatch.setattr(engine.providers, "_kept", kept)
    with pytest.raises(OutcomeUnknown):
        await made.call("check", lambda down: down.check())
    answer = await get(engine, "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "degraded", "down": ["down"]})


async def test_metrics_are_for_whoever_has_the_token(engine: Engine) -> None:
    settings = engine.settings.model_copy(update={"metrics_token": SecretStr("let-me-see")})
    running = replace(engine, settings=settings)
    seen = await get(running, "/metrics", authorization="Bearer let-me-see")
    assert (seen.status_code, seen.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert "refund_gql_provider_calls_total" in seen.text
    for token in ("Bearer wrong", "", "let-me-se", "Basic let-me-see"):
        assert (await get(running, "/metrics", authorization=token)).status_code == 404
    assert (await get(engine, "/metrics", authorization="Bearer ")).status_code == 404
