"""Which plugins are there: discovery at start, one broken plugin never stops the others."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy
import structlog
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from refund_gql.providers import (
    PLUGIN_API,
    Courier,
    Crm,
    Notifier,
    PaymentGateway,
    Provider,
    ProviderKind,
    hookspecs,
)
from refund_gql.registry import schema
from refund_gql.settings import Settings, provider_environment

GROUP = "refund_gql"
LOAD_SECONDS = 30.0
"""How long a plugin may take to be imported."""

_HOOKS: Mapping[str, type[Provider]] = {
    "register_gateways": PaymentGateway,
    "register_couriers": Courier,
    "register_crms": Crm,
    "register_notifiers": Notifier,
}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_log = structlog.get_logger(__name__)
T = TypeVar("T")


class PluginState(StrEnum):
    """How loading went."""

    ACTIVE = "ACTIVE"
    """Loaded; whether a shop has set it up is another question."""
    FAILED = "FAILED"
    """Its import or its registration failed."""
    INCOMPATIBLE = "INCOMPATIBLE"
    """Written for another plugin API, or for none that it names."""
    MISCONFIGURED = "MISCONFIGURED"
    """The environment gives it settings that do not validate."""
    DUPLICATE = "DUPLICATE"
    """It wants a provider name that another plugin has."""


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
    """Names of its providers."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A provider class that a plugin brings."""

    name: str
    kind: ProviderKind
    provider: type[Provider]
    plugin: str
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Settings for every shop, from the environment; may hold secrets."""


@dataclass(frozen=True, kw_only=True)
class Registry:
    """What the installed plugins offer, by the names stored in rows."""

    offers: Mapping[str, Offer] = field(default_factory=dict)
    plugins: tuple[Plugin, ...] = ()

    def of_kind(self, kind: ProviderKind) -> Sequence[Offer]:
        """The offers of one kind, in order of name."""
        return sorted((o for o in self.offers.values() if o.kind is kind), key=lambda o: o.name)


class PluginsRefused(Exception):
    """A plugin did not load and `REFUND_GQL_STRICT_PLUGINS` is set."""


class _Problem(Exception):
    def __init__(self, state: PluginState, reason: str) -> None:
        self.state, self.reason = state, reason
        super().__init__(reason)


def load(settings: Settings, defaults: Mapping[str, Mapping[str, str]]) -> Registry:
    """Find and check the plugins. Raises PluginsRefused in strict mode only.

    `defaults` are settings by provider name that the environment may override.
    """
    found = [(entry, _found(entry)) for entry in _selected(settings)]
    names = {kind.name for _, kinds in found if not isinstance(kinds, _Problem) for kind in kinds}
    environment = {name: provider_environment(name, names) for name in names}
    given = {name: {**defaults.get(name, {}), **environment[name]} for name in names}
    offers: dict[str, Offer] = {}
    plugins = tuple(_take(entry, kinds, offers, given) for entry, kinds in found)
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
    return Registry(offers=offers, plugins=plugins)


def _selected(settings: Settings) -> Iterable[EntryPoint]:
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    if settings.plugins is None:
        return found
    allowed = {name.strip() for name in settings.plugins.split(",")}
    return [entry for entry in found if entry.name in allowed]


def _found(entry: EntryPoint) -> "Sequence[type[Provider]] | _Problem":
    """The classes a plugin brings, or what is wrong with it."""
    try:
        return _within(LOAD_SECONDS, lambda: _classes(entry))
    except _Problem as problem:
        return problem
    except Exception as error:
        _log.exception("plugin failed to load", plugin=entry.name)
        return _Problem(PluginState.FAILED, f"{entry.value}: {type(error).__name__}: {error}")


def _take(
    entry: EntryPoint,
    kinds: "Sequence[type[Provider]] | _Problem",
    offers: dict[str, Offer],
    given: Mapping[str, Mapping[str, str]],
) -> Plugin:
    """Add what a plugin offers, all of it or nothing; says what became of the plugin."""
    state, reason, made = PluginState.ACTIVE, "", dict[str, Offer]()
    try:
        if isinstance(kinds, _Problem):
            raise kinds
        for kind in kinds:
            offer = _offer(kind, entry, given[kind.name])
            _refuse_taken_name(offer, {**offers, **made})
            made[offer.name] = offer
        offers.update(made)
    except _Problem as problem:
        state, reason, made = problem.state, problem.reason, {}
    return Plugin(
        name=entry.name,
        distribution=entry.dist.name if entry.dist else "",
        version=entry.dist.version if entry.dist else "",
        state=state,
        reason=reason,
        provides=tuple(made),
    )


def _within(seconds: float, work: Callable[[], T]) -> T:
    """Run foreign code in a thread that may be left behind. Raises _Problem when it hangs."""
    done: list[Callable[[], T]] = []

    def run() -> None:
        try:
            result = work()
            done.append(lambda: result)
        except BaseException as error:
            caught = error
            done.append(lambda: _raise(caught))

    thread = threading.Thread(target=run, name="plugin-loader", daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        raise _Problem(PluginState.FAILED, f"its import did not end within {seconds:g} seconds")
    return done[0]()


def _raise(error: BaseException) -> Any:
    # SystemExit at import is the plugin's failure, not our end.
    raise error if isinstance(error, Exception) else RuntimeError(repr(error)) from error


def _classes(entry: EntryPoint) -> list[type[Provider]]:
    module = entry.load()
    _check_api(module)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=entry.name)
    manager.check_pending()
    found = []
    for hook, base in _HOOKS.items():
        for returned in getattr(manager.hook, hook)():
            if not isinstance(returned, list | tuple):
                raise TypeError(f"{hook}() returns a list of classes, not {returned!r}")
            found += [_checked(hook, base, kind) for kind in returned]
    return found


def _checked(hook: str, base: type[Provider], kind: Any) -> type[Provider]:
    """The class a hook returned. Raises TypeError for what the registry cannot use."""
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise TypeError(f"{hook}() returned {kind!r}, which is no subclass of {base.__name__}")
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise TypeError(f"{kind.__name__} is abstract: it lacks {', '.join(missing)}")
    name = getattr(kind, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TypeError(
            f"{kind.__name__}.name is {name!r}: lower-case letters, digits and dashes, please"
        )
    if base is Notifier and not isinstance(getattr(kind, "address", None), str):
        raise TypeError(f"{kind.__name__}.address must name the address it needs, or be empty")
    return kind


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


def _offer(kind: type[Provider], entry: EntryPoint, given: Mapping[str, str]) -> Offer:
    problems = schema.problems(kind.Settings, given)
    # What is missing, each shop may still set.
    if wrong := [problem for problem in problems if not problem.missing]:
        places = ", ".join(f"{_variable(kind, p.field)} ({p.message})" for p in wrong)
        raise _Problem(PluginState.MISCONFIGURED, f"correct {places}")
    return Offer(name=kind.name, kind=kind.kind, provider=kind, plugin=entry.name, defaults=given)


def _variable(kind: type[Provider], field: str) -> str:
    return f"REFUND_GQL_{kind.name}_{field}".upper().replace("-", "_").replace(".", "_")


def _refuse_taken_name(offer: Offer, taken: Mapping[str, Offer]) -> None:
    if owner := taken.get(offer.name):
        raise _Problem(
            PluginState.DUPLICATE,
            f"the provider name {offer.name!r} is taken by {owner.provider.__module__} (plugin "
            f"{owner.plugin}); {offer.provider.__module__} wants it too: uninstall one of them, "
            "or leave one out of REFUND_GQL_PLUGINS",
        )
