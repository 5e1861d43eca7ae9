"""What can be said about the installed plugins, for one shop or for none: shown in the API and on
the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from refund_gql import database
from refund_gql.models import PluginSettings, ProviderHealth
from refund_gql.providers import Misconfigured, Provider, ProviderKind
from refund_gql.providers.conformance import Tier, recorded_tier
from refund_gql.registry import configuration, schema
from refund_gql.registry.discovery import Offer, Plugin, PluginState, Registry
from refund_gql.vault import Vault


@dataclass(frozen=True, kw_only=True)
class ProviderStatus:
    """One provider as one shop sees it."""

    name: str
    kind: ProviderKind
    plugin: str
    state: PluginState
    """ACTIVE, or MISCONFIGURED when it lacks settings."""
    reason: str
    """What is missing or wrong, and where; empty when active."""
    enabled: bool
    """False: the shop has switched it off."""
    tier: Tier | None
    """What the conformance kit found for this very code; None when it was not run."""
    settings_schema: Mapping[str, Any]
    settings_summary: str
    """What must be set, and how much may be."""
    down_since: datetime | None = None
    down_reason: str = ""
    last_failure_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A plugin and its providers."""

    plugin: Plugin
    providers: tuple[ProviderStatus, ...]


async def of_shop(registry: Registry, vault: Vault, shop_id: UUID) -> list[Installed]:
    """Every plugin, with its providers as this shop has set them up."""
    rows = await database.read(PluginSettings.filter(shop_id=shop_id).all)
    health = await database.read(ProviderHealth.filter(shop_id=shop_id).all)
    return _listed(
        registry,
        vault,
        rows={row.provider: row for row in rows},
        health={row.provider: row for row in health},
    )


def of_process(registry: Registry, vault: Vault) -> list[Installed]:
    """Every plugin, with its providers as the environment has set them up."""
    return _listed(registry, vault, rows={}, health={})


def _listed(
    registry: Registry,
    vault: Vault,
    *,
    rows: Mapping[str, PluginSettings],
    health: Mapping[str, ProviderHealth],
) -> list[Installed]:
    return [
        Installed(
            plugin=plugin,
            providers=tuple(
                _status(registry.offers[name], vault, rows.get(name), health.get(name))
                for name in plugin.provides
            ),
        )
        for plugin in registry.plugins
    ]


def _status(
    offer: Offer, vault: Vault, row: PluginSettings | None, health: ProviderHealth | None
) -> ProviderStatus:
    wrong = _wrong(offer, vault, row)
    return ProviderStatus(
        name=offer.name,
        kind=offer.kind,
        plugin=offer.plugin,
        state=PluginState.MISCONFIGURED if wrong else PluginState.ACTIVE,
        reason=wrong,
        enabled=row is None or row.enabled,
        tier=_tier(offer.provider),
        settings_schema=schema.json_schema(offer.provider.Settings),
        settings_summary=schema.summary(offer.provider.Settings),
        down_since=health.down_since if health else None,
        down_reason=health.reason if health else "",
        last_failure_at=health.last_failure_at if health else None,
    )


def _wrong(offer: Offer, vault: Vault, row: PluginSettings | None) -> str:
    try:
        configuration.settings_of(offer, row, vault)
    except Misconfigured as error:
        return str(error)
    return ""


def _tier(provider: type[Provider]) -> Tier | None:
    return recorded_tier(provider.__module__.partition(".")[0], provider.name)
