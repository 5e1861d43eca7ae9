"""Providers that tests hand to the engine, without a package around them."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest

from refund_gql.providers import Courier, PaymentGateway, Provider
from refund_gql.registry import Connection, Providers, health
from refund_gql.registry.breaker import Breaker
from refund_gql.registry.lane import Lane
from refund_gql.registry.redaction import Redaction

P = TypeVar("P", bound=Provider)
T = TypeVar("T")


class Here(Lane):
    """Runs a provider on the loop of the test, so that both can share events and locks."""

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]], *, seconds: float) -> T:
        async with asyncio.timeout(seconds):
            return await work()


def line(
    provider: P,
    *,
    seconds: float = 2.0,
    failures: int = 1_000_000,
    rest: float = 30.0,
    shop_id: UUID | None = None,
    lane: Lane | None = None,
) -> Connection[P]:
    """A connection to a provider; by default its breaker never opens."""

    async def report(reason: str | None) -> None:
        if shop_id is not None:
            await health.record(shop_id, provider.name, reason)

    return Connection(
        provider=provider,
        lane=lane or Here(provider.name),
        breaker=Breaker(failures=failures, rest=timedelta(seconds=rest)),
        redaction=Redaction.of(provider.settings),
        seconds=seconds,
        slots=asyncio.Semaphore(20),
        report=report,
        sheet=provider.capabilities() if isinstance(provider, PaymentGateway | Courier) else None,
    )


def lend(
    monkeypatch: pytest.MonkeyPatch, providers: Providers, made: Connection[Any], *, name: str
) -> None:
    """Let every shop find this connection under a name, until the test is over."""
    find = providers._find

    async def lent(shop_id: UUID, wanted: str, kind: Any) -> Any:
        return made if wanted == name else await find(shop_id, wanted, kind)

    monkeypatch.setattr(providers, "_find", lent)
