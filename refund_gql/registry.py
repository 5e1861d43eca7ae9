"""Which plugins are there: discovery at start, one broken plugin never stops the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
import structlog
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import ValidationError

from refund_gql.providers import PLUGIN_API, PaymentGateway, hookspecs
from refund_gql.settings import Settings, provider_environment

GROUP = "refund_gql"
_log = structlog.get_logger(__name__)


class PluginState(StrEnum):
    """How loading went."""

    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    INCOMPATIBLE = "INCOMPATIBLE"
    MISCONFIGURED = "MISCONFIGURED"
    DUPLICATE = "DUPLICATE"


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """One installed plugin and what became of it."""

    name: str
    distribution: str
    version: str
    state: PluginState
    reason: str = ""
    """What was found and what to do; empty when active."""
    provides: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The providers of this process, by the names stored in rows."""

    gateways: Mapping[str, PaymentGateway] = field(default_factory=dict)
    plugins: tuple[Plugin, ...] = ()

    async def aclose(self) -> None:
        """Close every provider; one that fails hurts no other."""
        for gateway in self.gateways.values():
            try:
                await gateway.aclose()
            except Exception:
                _log.exception("a provider failed to close", provider=gateway.name)


class PluginsRefused(Exception):
    """A plugin did not load and `REFUND_GQL_STRICT_PLUGINS` is set."""


class _Problem(Exception):
    def __init__(self, state: PluginState, reason: str) -> None:
        self.state, self.reason = state, reason
        super().__init__(reason)


def load(settings: Settings, defaults: Mapping[str, Mapping[str, str]]) -> Registry:
    """Find, check and set up the plugins. Raises PluginsRefused in strict mode only.

    `defaults` are settings by provider name that the environment may override.
    """
    gateways: dict[str, PaymentGateway] = {}
    plugins = tuple(_load_one(entry, gateways, defaults) for entry in _selected(settings))
    for plugin in plugins:
        if plugin.state is not PluginState.ACTIVE:
            _log.error(
                "plugin not loaded",
                plugin=plugin.name,
                state=plugin.state.value,
                reason=plugin.reason,
            )
    broken = [f"{p.name}: {p.reason}" for p in plugins if p.state is not PluginState.ACTIVE]
    if broken and settings.strict_plugins:
        raise PluginsRefused("; ".join(broken))
    return Registry(gateways=gateways, plugins=plugins)


def _selected(settings: Settings) -> Iterable[EntryPoint]:
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    if settings.plugins is None:
        return found
    allowed = {name.strip() for name in settings.plugins.split(",")}
    return [entry for entry in found if entry.name in allowed]


def _load_one(
    entry: EntryPoint,
    gateways: dict[str, PaymentGateway],
    defaults: Mapping[str, Mapping[str, str]],
) -> Plugin:
    state, reason, provides = PluginState.ACTIVE, "", tuple[str, ...]()
    try:
        made: dict[str, PaymentGateway] = {}
        for kind in _gateway_classes(entry):
            gateway = _make(kind, defaults.get(kind.name, {}))
            _refuse_taken_name(gateway, {**gateways, **made})
            made[gateway.name] = gateway
        gateways.update(made)
        provides = tuple(made)
    except _Problem as problem:
        state, reason = problem.state, problem.reason
    except Exception as error:
        _log.exception("plugin failed to load", plugin=entry.name)
        state, reason = PluginState.FAILED, f"{type(error).__name__}: {error}"
    return Plugin(
        name=entry.name,
        distribution=entry.dist.name if entry.dist else "",
        version=entry.dist.version if entry.dist else "",
        state=state,
        reason=reason,
        provides=provides,
    )


def _gateway_classes(entry: EntryPoint) -> list[type[PaymentGateway]]:
    module = entry.load()
    _check_api(module)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=entry.name)
    manager.check_pending()
    return [kind for kinds in manager.hook.register_gateways() for kind in kinds]


def _check_api(module: Any) -> None:
    wanted = getattr(module, "REFUND_GQL_API", None)
    try:
        fits = wanted is not None and PLUGIN_API in SpecifierSet(wanted)
    except InvalidSpecifier as error:
        raise _Problem(PluginState.INCOMPATIBLE, f"REFUND_GQL_API is no range: {error}") from error
    if not fits:
        raise _Problem(
            PluginState.INCOMPATIBLE,
            f"written for plugin API {wanted!r}, this engine has {PLUGIN_API}: "
            "install a version of the plugin for it",
        )


def _make(kind: type[PaymentGateway], defaults: Mapping[str, str]) -> PaymentGateway:
    try:
        settings = kind.Settings.model_validate_strings(
            {**defaults, **provider_environment(kind.name)}
        )
    except ValidationError as error:
        places = ", ".join(
            f"REFUND_GQL_{kind.name}_{'_'.join(map(str, item['loc']))}".upper().replace("-", "_")
            + f" ({item['msg']})"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise _Problem(PluginState.MISCONFIGURED, f"set {places}") from error
    return kind(settings)


def _refuse_taken_name(gateway: PaymentGateway, taken: Mapping[str, PaymentGateway]) -> None:
    if owner := taken.get(gateway.name):
        raise _Problem(
            PluginState.DUPLICATE,
            f"gateway {gateway.name!r} is taken by {type(owner).__module__}; "
            f"{type(gateway).__module__} wants it too: uninstall one of them",
        )
