"""`refund-gql plugins`: what is installed, what each lacks, and whether it works."""

import json
import sys
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.table import Column, Table

from refund_gql import app as engine
from refund_gql import registry, vault
from refund_gql.models import Shop
from refund_gql.registry import PluginState, checking, status
from refund_gql.registry.status import Installed, ProviderStatus
from refund_gql.settings import Settings

plugins = cyclopts.App(name="plugins", help="The installed plugins, and why one does not work.")


@plugins.default
def listing(*, json_output: Annotated[bool, Parameter(name="--json", negative=())] = False) -> int:
    """List the installed plugins and what they bring, as the environment sets them up.

    Ends with 1 when a plugin did not load.
    """
    settings = Settings()
    found = status.of_process(registry.load(settings, {}), vault.of(settings))
    if json_output:
        sys.stdout.write(json.dumps([_as_json(one) for one in found]) + "\n")
    else:
        Console().print(_table(found))
    return 0 if all(one.plugin.state is PluginState.ACTIVE for one in found) else 1


@plugins.command
async def check(name: str, *, shop: str) -> int:
    """Ask a provider whether it accepts a shop's credentials; moves nothing.

    Ends with 1 when it does not.

    Parameters
    ----------
    name
        The provider.
    shop
        The handle of the shop whose settings are used.
    """
    async with engine.engine(Settings()) as running:
        found = await Shop.filter(handle=shop).first()
        if found is None:
            sys.stderr.write(f"There is no shop {shop}\n")
            return 2
        result = await checking.check(running.providers, found.id, name)
    if result.ok:
        sys.stdout.write(f"{name} works ({result.milliseconds} ms)\n")
        return 0
    setting = f" (setting {result.setting})" if result.setting else ""
    sys.stderr.write(f"{name}: {result.code}{setting}: {result.reason}\n")
    return 1


def _as_json(installed: Installed) -> dict[str, Any]:
    plugin = installed.plugin
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.state.value,
        "reason": plugin.reason,
        "providers": [_provider_as_json(provider) for provider in installed.providers],
    }


def _provider_as_json(provider: ProviderStatus) -> dict[str, Any]:
    return {
        "name": provider.name,
        "kind": provider.kind.value,
        "state": provider.state.value,
        "reason": provider.reason,
        "tier": provider.tier.value if provider.tier else None,
        "settingsSchema": provider.settings_schema,
    }


def _table(found: list[Installed]) -> Table:
    table = Table("plugin", "version", Column("provider", no_wrap=True), "kind", "state", "tier")
    table.add_column("settings")
    table.add_column("reason", overflow="fold")
    for one in found:
        plugin = one.plugin
        if not one.providers:
            row = ("", "", plugin.state.value, "", "", plugin.reason)
            table.add_row(plugin.name, plugin.version, *row)
        for provider in one.providers:
            table.add_row(plugin.name, plugin.version, *_cells(provider))
    return table


def _cells(provider: ProviderStatus) -> tuple[str, ...]:
    return (
        provider.name,
        provider.kind.value,
        provider.state.value,
        provider.tier.value if provider.tier else "-",
        provider.settings_summary,
        provider.reason,
    )
