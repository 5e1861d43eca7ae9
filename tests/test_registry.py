"""Plugins are found at start; a broken one says what is wrong and stops no other."""

import sys
import threading
from collections.abc import Callable
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import Field, SecretStr, field_validator

from refund_gql.providers import (
    Delivery,
    GatewayCapabilities,
    Misconfigured,
    Notification,
    Notifier,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderKind,
    ProviderSettings,
    RefundRequest,
    hookimpl,
)
from refund_gql.registry import (
    Plugin,
    PluginsRefused,
    PluginState,
    Registry,
    configuration,
    discovery,
)
from refund_gql.settings import Settings
from refund_gql.vault import Vault


class Bank(PaymentGateway):
    """A gateway with nothing to configure."""

    name = "bank"

    async def check(self) -> None:
        """Nothing to prove."""

    async def refund(self, request: RefundRequest) -> Outcome:
        return Outcome(state=OutcomeState.UNKNOWN)

    async def query(self, request: RefundRequest) -> Outcome:
        return Outcome(state=OutcomeState.UNKNOWN)

    def capabilities(self) -> GatewayCapabilities:
        return GatewayCapabilities()


class KeyedSettings(ProviderSettings):
    """A secret that must be long, and a number."""

    api_key: SecretStr = Field(min_length=12)
    retries: int = 1

    @field_validator("api_key")
    @classmethod
    def _no_spaces(cls, value: SecretStr) -> SecretStr:
        if " " in value.get_secret_value():
            raise ValueError("must not have spaces")
        return value


class KeyedBank(Bank):
    """A gateway that needs a secret."""

    name = "keyed-bank"
    Settings: ClassVar[type[ProviderSettings]] = KeyedSettings


def named(name: str, base: type[Bank] = Bank) -> type[Bank]:
    return type(name.title(), (base,), {"name": name})


Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install plugins: an entry point each, with the module it leads to."""
    installed: list[EntryPoint] = []
    monkeypatch.setattr(discovery, "entry_points", lambda group: list(installed))

    def add(name: str, *gateways: Any, api: str | None = ">=1.0,<2", **attributes: Any) -> None:
        module = ModuleType(f"plugin_{name}")
        if gateways:
            hook = hookimpl(lambda: list(gateways))
            module.register_gateways = hook  # type: ignore[attr-defined] # a module made by hand
        if api is not None:
            module.REFUND_GQL_API = api  # type: ignore[attr-defined] # a module made by hand
        for attribute, value in attributes.items():
            setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        installed.append(EntryPoint(name, module.__name__, discovery.GROUP))

    return add


def load(**switches: Any) -> Registry:
    return discovery.load(Settings(**switches), {})


def only(found: Registry, name: str) -> Plugin:
    return next(plugin for plugin in found.plugins if plugin.name == name)


# --- what works -------------------------------------------------------------------------------


def test_a_plugin_brings_its_gateways(install: Install) -> None:
    install("banks", named("red"), named("blue"))
    found = load()
    assert sorted(found.offers) == ["blue", "red"]
    assert only(found, "banks") == Plugin(
        name="banks",
        distribution="",
        version="",
        state=PluginState.ACTIVE,
        provides=("red", "blue"),
    )


def test_the_environment_fills_a_providers_settings_over_the_defaults(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("keyed", KeyedBank)
    monkeypatch.setenv("REFUND_GQL_KEYED_BANK_API_KEY", "from-the-environment")
    defaults = {"keyed-bank": {"api_key": "from-the-defaults", "retries": "7"}}
    offer = discovery.load(Settings(), defaults).offers["keyed-bank"]
    settings = configuration.settings_of(offer, None, Vault({}))
    assert isinstance(settings, KeyedSettings)
    assert settings.api_key.get_secret_value() == "from-the-environment"
    assert settings.retries == 7


def test_a_variable_belongs_to_the_provider_with_the_longest_name_that_fits(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("a", KeyedBank)
    install("b", named("keyed-bank-blue", KeyedBank))
    monkeypatch.setenv("REFUND_GQL_KEYED_BANK_RETRIES", "1")
    monkeypatch.setenv("REFUND_GQL_KEYED_BANK_BLUE_RETRIES", "2")
    found = load(strict_plugins=True).offers
    assert found["keyed-bank"].defaults == {"retries": "1"}
    assert found["keyed-bank-blue"].defaults == {"retries": "2"}


# --- what is broken, and everything beside it works -------------------------------------------


class Unfinished(PaymentGateway):
    """Somebody forgot the methods."""

    name = "unfinished"


class FakeNotifierNamedAcme(Notifier):
    """A channel that needs no address."""

    name = "acme"
    address = ""

    async def check(self) -> None:
        """Nothing to prove."""

    async def send(self, message: Notification) -> Delivery:
        return Delivery()


class Nameless(FakeNotifierNamedAcme):
    """A channel that does not say which address it needs."""

    name = "nameless"
    address = None  # type: ignore[assignment] # somebody forgot


def explode() -> list[type[PaymentGateway]]:
    raise RuntimeError("no network at start")


@pytest.mark.parametrize(
    ("attributes", "state", "words"),
    [
        ({"register_gateways": hookimpl(explode)}, PluginState.FAILED, "no network at start"),
        (
            {"register_gateways": hookimpl(lambda: [Unfinished])},
            PluginState.FAILED,
            "abstract",
        ),
        ({"register_gateways": hookimpl(lambda: Bank)}, PluginState.FAILED, "TypeError"),
        (
            {"register_gateway": hookimpl(lambda: [Bank])},
            PluginState.FAILED,
            "register_gateway",
        ),
        (
            {"register_gateways": hookimpl(lambda currency: [Bank])},
            PluginState.FAILED,
            "currency",
        ),
        (
            {"register_couriers": hookimpl(lambda: [Bank])},
            PluginState.FAILED,
            "no subclass of Courier",
        ),
        (
            {"register_gateways": hookimpl(lambda: [named("Upper Case")])},
            PluginState.FAILED,
            "lower-case letters",
        ),
        (
            {"register_notifiers": hookimpl(lambda: [Nameless])},
            PluginState.FAILED,
            "Nameless.address",
        ),
        ({"api": None}, PluginState.INCOMPATIBLE, "this engine has 1.0"),
        ({"api": ">=2"}, PluginState.INCOMPATIBLE, "'>=2'"),
        ({"api": "one or two"}, PluginState.INCOMPATIBLE, "one or two"),
    ],
    ids=[
        "raises",
        "abstract",
        "no list",
        "misspelt hook",
        "unknown argument",
        "wrong kind",
        "bad name",
        "no address",
        "no version",
        "later version",
        "no range",
    ],
)
def test_a_broken_plugin_says_why_and_stops_no_other(
    install: Install, attributes: dict[str, Any], state: PluginState, words: str
) -> None:
    install("broken", **attributes)
    install("good", named("good-bank"))
    found = load()
    broken = only(found, "broken")
    assert (broken.state, broken.provides) == (state, ())
    assert words in broken.reason
    assert list(found.offers) == ["good-bank"]
    assert only(found, "good").state is PluginState.ACTIVE


def test_a_plugin_that_exits_at_import_does_not_take_the_engine_with_it(install: Install) -> None:
    install("quitter", register_gateways=hookimpl(lambda: sys.exit(3)))
    install("good", named("good-bank"))
    found = load()
    assert only(found, "quitter").state is PluginState.FAILED
    assert list(found.offers) == ["good-bank"]


def test_a_plugin_that_hangs_at_import_is_left_behind(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(discovery, "LOAD_SECONDS", 0.05)

    def hang() -> list[type[PaymentGateway]]:
        let_go.wait(60)
        return []

    install("hanging", register_gateways=hookimpl(hang))
    install("good", named("good-bank"))
    found = load()
    let_go.set()
    assert only(found, "hanging").state is PluginState.FAILED
    assert "did not end within 0.05 seconds" in only(found, "hanging").reason
    assert list(found.offers) == ["good-bank"]


def test_what_a_shop_may_still_set_is_no_reason_not_to_load(install: Install) -> None:
    install("keyed", KeyedBank)
    found = load(strict_plugins=True)
    assert only(found, "keyed").state is PluginState.ACTIVE
    with pytest.raises(Misconfigured, match="api_key") as missing:
        configuration.settings_of(found.offers["keyed-bank"], None, Vault({}))
    assert missing.value.field == "api_key"


def test_a_plugin_that_cannot_be_imported_is_failed(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("good", named("good-bank"))
    install("gone")
    monkeypatch.delitem(sys.modules, "plugin_gone")
    found = load()
    assert only(found, "gone").state is PluginState.FAILED
    assert "plugin_gone" in only(found, "gone").reason
    assert list(found.offers) == ["good-bank"]


@pytest.mark.parametrize(
    ("environment", "variable", "words"),
    [
        ({"API_KEY": "s3cret"}, "REFUND_GQL_KEYED_BANK_API_KEY", "at least 12"),
        ({"API_KEY": "s3cret with spaces"}, "REFUND_GQL_KEYED_BANK_API_KEY", "spaces"),
        (
            {"API_KEY": "s3cret-and-long", "RETRIES": "s3cret"},
            "REFUND_GQL_KEYED_BANK_RETRIES",
            "integer",
        ),
        (
            {"API_KEY": "s3cret-and-long", "APIKEY": "s3cret"},
            "REFUND_GQL_KEYED_BANK_APIKEY",
            "not permitted",
        ),
    ],
    ids=["too short", "with spaces", "no number", "misspelt"],
)
def test_a_misconfigured_plugin_names_the_variable_and_not_the_secret(
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    variable: str,
    words: str,
) -> None:
    install("keyed", KeyedBank)
    install("good", named("good-bank"))
    for name, value in environment.items():
        monkeypatch.setenv(f"REFUND_GQL_KEYED_BANK_{name}", value)
    found = load()
    keyed = only(found, "keyed")
    assert keyed.state is PluginState.MISCONFIGURED
    assert f"correct {variable} (" in keyed.reason
    assert words in keyed.reason
    assert "s3cret" not in keyed.reason
    assert list(found.offers) == ["good-bank"]


def test_a_second_gateway_of_the_same_name_is_refused_and_both_owners_are_named(
    install: Install,
) -> None:
    first, second = named("bank"), named("bank")
    first.__module__, second.__module__ = "first_package", "second_package"
    install("a", first)
    install("b", second, named("other-bank"))
    found = load()
    assert only(found, "b").state is PluginState.DUPLICATE
    assert "first_package" in only(found, "b").reason
    assert "second_package" in only(found, "b").reason
    assert found.offers["bank"].provider is first
    assert list(found.offers) == ["bank"]


def test_a_name_is_unique_over_all_kinds(install: Install) -> None:
    install("a", named("acme"))
    install("b", register_notifiers=hookimpl(lambda: [FakeNotifierNamedAcme]))
    found = load()
    assert only(found, "b").state is PluginState.DUPLICATE
    assert found.offers["acme"].kind is ProviderKind.GATEWAY


def test_one_plugin_with_the_same_name_twice_is_refused_too(install: Install) -> None:
    install("a", named("bank"), named("bank"))
    found = load()
    assert only(found, "a").state is PluginState.DUPLICATE
    assert found.offers == {}


# --- which plugins are wanted -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "loaded"),
    [
        (None, ["blue", "red"]),
        ("red", ["red"]),
        (" red , blue ", ["blue", "red"]),
        ("", []),
    ],
)
def test_only_the_plugins_of_the_list_are_loaded(
    install: Install, wanted: str | None, loaded: list[str]
) -> None:
    install("red", named("red"))
    install("blue", named("blue"))
    found = load(plugins=wanted)
    assert sorted(found.offers) == loaded
    assert sorted(plugin.name for plugin in found.plugins) == loaded


def test_a_plugin_that_is_not_wanted_is_not_even_imported(install: Install) -> None:
    install("red", named("red"))
    install("broken", api=None)
    found = load(plugins="red", strict_plugins=True)
    assert [plugin.name for plugin in found.plugins] == ["red"]


def test_the_strict_switch_refuses_to_start_and_names_every_broken_plugin(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("good", named("good-bank"))
    install("old", api=">=2")
    install("keyed", KeyedBank)
    monkeypatch.setenv("REFUND_GQL_KEYED_BANK_API_KEY", "short")
    with pytest.raises(PluginsRefused) as refused:
        load(strict_plugins=True)
    assert "old: written for plugin API" in str(refused.value)
    assert "keyed: correct REFUND_GQL_KEYED_BANK_API_KEY" in str(refused.value)
    assert "good" not in str(refused.value)


def test_the_strict_switch_is_content_with_good_plugins(install: Install) -> None:
    install("good", named("good-bank"))
    assert list(load(strict_plugins=True).offers) == ["good-bank"]
