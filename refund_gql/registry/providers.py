"""The connections of this process: made when first needed, made anew when settings change."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import structlog

from refund_gql.models import PluginSettings
from refund_gql.providers import (
    Courier,
    Crm,
    Delivery,
    Misconfigured,
    Notification,
    Notifier,
    PaymentGateway,
    Provider,
    ProviderKind,
)
from refund_gql.registry import configuration, health
from refund_gql.registry.breaker import Breaker
from refund_gql.registry.connection import Connection, ProviderUnreachable
from refund_gql.registry.discovery import Offer, Registry
from refund_gql.registry.lane import Blocked, Lane
from refund_gql.registry.redaction import Redaction
from refund_gql.settings import Settings
from refund_gql.vault import Vault

P = TypeVar("P", bound=Provider)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A connection and the version of the settings it was made with."""

    connection: Connection[Provider]
    version: int


@dataclass(kw_only=True)
class Providers:
    """Finds the provider a row names, set up as its shop wants it."""

    registry: Registry
    vault: Vault
    settings: Settings
    _kept: dict[tuple[UUID, str], _Kept] = field(default_factory=dict, repr=False)
    _lanes: dict[str, Lane] = field(default_factory=dict, repr=False)
    _retiring: set["asyncio.Task[None]"] = field(default_factory=set, repr=False)

    async def gateway(self, shop_id: UUID, name: str) -> Connection[PaymentGateway]:
        """The gateway of this name. Raises ProviderUnreachable."""
        return await self._find(shop_id, name, PaymentGateway)

    async def courier(self, shop_id: UUID, name: str) -> Connection[Courier]:
        """The courier of this name. Raises ProviderUnreachable."""
        return await self._find(shop_id, name, Courier)

    async def crm(self, shop_id: UUID, name: str) -> Connection[Crm]:
        """The CRM system of this name. Raises ProviderUnreachable."""
        return await self._find(shop_id, name, Crm)

    async def any(self, shop_id: UUID, name: str) -> Connection[Provider]:
        """The provider of this name, whatever its kind. Raises ProviderUnreachable."""
        return await self._find(shop_id, name, Provider)

    def offer(self, name: str) -> type[Notifier] | None:
        """The notifier class of this name, if one is installed."""
        offer = self.registry.offers.get(name)
        if offer is None or offer.kind is not ProviderKind.NOTIFIER:
            return None
        kind: type[Notifier] = offer.provider  # type: ignore[assignment] # by its kind
        return kind

    async def send(self, shop_id: UUID, name: str, message: Notification) -> Delivery:
        """Send a message through a notifier. Raises ProviderError, ProviderUnreachable."""
        connection = await self._find(shop_id, name, Notifier)
        return await connection.call("send", lambda notifier: notifier.send(message))

    def down(self) -> Iterable[str]:
        """The names of the providers that this process found to be down."""
        return sorted(
            {name for (_, name), kept in self._kept.items() if kept.connection.breaker.open}
        )

    async def aclose(self) -> None:
        """Close every provider; one that fails or hangs hurts no other."""
        closing = [kept.connection.aclose() for kept in self._kept.values()]
        self._kept.clear()
        await asyncio.gather(*closing, *self._retiring)
        await asyncio.gather(*(lane.aclose() for lane in self._lanes.values()))

    async def _find(self, shop_id: UUID, name: str, kind: type[P]) -> Connection[P]:
        offer = self.registry.offers.get(name)
        if offer is None or not issubclass(offer.provider, kind):
            raise ProviderUnreachable("MISSING", self._why_missing(name))
        row = await configuration.find(shop_id, name)
        if row is not None and not row.enabled:
            raise ProviderUnreachable("DISABLED", f"{name} is switched off in the settings")
        version = row.version if row else 0
        kept = self._kept.get((shop_id, name))
        if kept is None or kept.version != version:
            kept = await self._renew(shop_id, offer, row, version)
        return kept.connection  # type: ignore[return-value] # the offer's class is a `kind`

    async def _renew(
        self, shop_id: UUID, offer: Offer, row: PluginSettings | None, version: int
    ) -> _Kept:
        try:
            connection = await self._connect(shop_id, offer, row)
        except Misconfigured as error:
            raise ProviderUnreachable("MISCONFIGURED", f"{offer.name}: {error}") from error
        # Somebody else may have made one while the provider was being made.
        if (now := self._kept.get((shop_id, offer.name))) and now.version >= version:
            self._retire(connection)
            return now
        if now is not None:
            self._retire(now.connection)
        self._kept[shop_id, offer.name] = kept = _Kept(connection=connection, version=version)
        return kept

    async def _connect(
        self, shop_id: UUID, offer: Offer, row: PluginSettings | None
    ) -> Connection[Provider]:
        settings = configuration.settings_of(offer, row, self.vault)
        redaction = Redaction.of(settings)
        lane = self._lanes.setdefault(offer.name, Lane(offer.name))

        async def make() -> tuple[Provider, object]:
            provider = offer.provider(settings)
            if isinstance(provider, PaymentGateway | Courier):
                return provider, provider.capabilities()
            return provider, None

        seconds = self._seconds(offer)
        try:
            provider, sheet = await lane.run(make, seconds=seconds)
        except (Blocked, TimeoutError) as error:
            raise ProviderUnreachable("DOWN", f"{offer.name} does not start") from error
        except Exception as error:
            _log.error(
                "a provider cannot be made", provider=offer.name, trace=redaction.trace(error)
            )
            raise Misconfigured(redaction.text(f"{type(error).__name__}: {error}")) from None
        return Connection(
            provider=provider,
            lane=lane,
            breaker=Breaker(
                failures=self.settings.breaker_failures,
                rest=timedelta(seconds=self.settings.breaker_seconds),
            ),
            redaction=redaction,
            seconds=seconds,
            slots=asyncio.Semaphore(self.settings.provider_calls),
            report=lambda reason: health.record(shop_id, offer.name, reason),
            sheet=sheet,
        )

    def _seconds(self, offer: Offer) -> float:
        if offer.kind is ProviderKind.GATEWAY:
            return self.settings.gateway_timeout_seconds
        return self.settings.provider_timeout_seconds

    def _retire(self, connection: Connection[Provider]) -> None:
        task = asyncio.create_task(connection.aclose())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    def _why_missing(self, name: str) -> str:
        broken = [p for p in self.registry.plugins if p.name == name and p.reason]
        if broken:
            return f"the plugin {name} is {broken[0].state.value}: {broken[0].reason}"
        return f"no installed plugin brings a provider named {name!r}"
