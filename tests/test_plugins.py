"""Plugins through the API: what is installed, how a shop sets it up, whether it works."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import asyncpg
import pytest
from pydantic import Field, SecretStr
from support.world import World, make_world

from refund_gql import vault
from refund_gql.app import Engine
from refund_gql.providers import (
    Crm,
    CustomerKey,
    FlagChange,
    FlagResult,
    Misconfigured,
    OperatorOnly,
    ProviderKind,
    ProviderSettings,
    RiskSignal,
)
from refund_gql.registry import (
    Offer,
    Plugin,
    PluginState,
    ProviderUnreachable,
    Registry,
    configuration,
)
from refund_gql.roles import Role

SECRET = "sk-live-0815"


class AcmeSettings(ProviderSettings):
    """One of everything."""

    api_key: SecretStr = Field(min_length=8)
    webhook_secret: SecretStr | None = None
    retries: int = Field(default=3, ge=0)
    region: str = "cn"
    folder: Annotated[Path | None, OperatorOnly()] = None


class Acme(Crm):
    """Says which settings it was made with."""

    name = "acme"
    Settings: ClassVar[type[ProviderSettings]] = AcmeSettings
    settings: AcmeSettings
    made: ClassVar[list[AcmeSettings]] = []
    closed: ClassVar[list[AcmeSettings]] = []

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        self.made.append(self.settings)

    async def check(self) -> None:
        if self.settings.api_key.get_secret_value().endswith("-revoked"):
            key = self.settings.api_key.get_secret_value()
            raise Misconfigured(f"the key {key} was revoked", code="KEY_REVOKED", field="api_key")

    async def aclose(self) -> None:
        self.closed.append(self.settings)

    async def signals(self, customer: CustomerKey) -> list[RiskSignal]:
        return []

    async def set_flags(self, changes: Sequence[FlagChange]) -> list[FlagResult]:
        return [FlagResult(reference=one.customer.reference, applied=True) for one in changes]


@pytest.fixture(autouse=True)
def acme(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> type[Acme]:
    """Acme is installed beside what is there anyway, and a plugin that did not load."""
    offer = Offer(name="acme", kind=ProviderKind.CRM, provider=Acme, plugin="acme")
    here = engine.providers.registry
    plugins = (
        Plugin(
            name="acme",
            distribution="refund-gql-acme",
            version="1.2.3",
            state=PluginState.ACTIVE,
            provides=("acme",),
        ),
        Plugin(
            name="broken",
            distribution="refund-gql-broken",
            version="0.1",
            state=PluginState.FAILED,
            reason="refund_gql_broken: ImportError: no module named stripe",
        ),
    )
    with_acme = Registry(offers={**here.offers, "acme": offer}, plugins=(*here.plugins, *plugins))
    monkeypatch.setattr(engine.providers, "registry", with_acme)
    Acme.made.clear()
    Acme.closed.clear()
    return Acme


SETTINGS = "id provider enabled values secretsSet version"
PROBLEM = "... on Problem { __typename code message path } ... on InvalidInput { found expected }"


async def update(world: World, **input: Any) -> dict[str, Any]:
    document = f"""mutation M($input: PluginSettingsInput!) {{
        result: pluginSettingsUpdate(input: $input) {{
            {PROBLEM} ... on PluginSettings {{ {SETTINGS} }} }} }}"""
    found: dict[str, Any] = (await world.owner(document, input={"provider": "acme", **input}))[
        "result"
    ]
    return found


async def settings(world: World) -> dict[str, Any] | None:
    document = f'{{ pluginSettings(provider: "acme") {{ {SETTINGS} }} }}'
    found: dict[str, Any] | None = (await world.owner(document))["pluginSettings"]
    return found


async def check(world: World, provider: str = "acme") -> dict[str, Any]:
    document = """mutation M($input: PluginCheckInput!) { result: pluginCheck(input: $input) {
        ... on PluginCheck { ok failure reason setting }
        ... on Problem { __typename code } } }"""
    found: dict[str, Any] = (await world.owner(document, input={"provider": provider}))["result"]
    return found


# --- what is installed ------------------------------------------------------------------------


async def test_the_list_says_what_is_installed_and_what_each_lacks(world: World) -> None:
    document = """{ plugins { name distribution version state reason
        providers { name kind state reason enabled downSince settings { version } } } }"""
    found = {p["name"]: p for p in (await world.owner(document))["plugins"]}
    assert found["broken"] == {
        "name": "broken",
        "distribution": "refund-gql-broken",
        "version": "0.1",
        "state": "FAILED",
        "reason": "refund_gql_broken: ImportError: no module named stripe",
        "providers": [],
    }
    assert found["acme"]["providers"] == [
        {
            "name": "acme",
            "kind": "CRM",
            "state": "MISCONFIGURED",
            "reason": "api_key: Field required",
            "enabled": True,
            "downSince": None,
            "settings": None,
        }
    ]
    sandbox = [(p["name"], p["state"]) for p in found["sandbox"]["providers"]]
    assert ("sandbox", "ACTIVE") in sandbox


async def test_the_schema_of_the_settings_marks_what_is_secret_and_what_is_not_the_shops(
    world: World,
) -> None:
    found = await world.owner("{ plugins { name providers { settingsSchema } } }")
    [acme] = [p for p in found["plugins"] if p["name"] == "acme"]
    fields = acme["providers"][0]["settingsSchema"]["properties"]
    assert fields["api_key"]["writeOnly"] is True
    assert fields["retries"] == {
        "default": 3,
        "minimum": 0,
        "title": "Retries",
        "type": "integer",
    }
    assert fields["folder"]["operatorOnly"] is True


# --- setting it up ----------------------------------------------------------------------------


async def test_settings_are_kept_and_secrets_are_never_read_out(
    world: World, database_url: str
) -> None:
    assert await settings(world) is None
    saved = await update(world, values={"api_key": SECRET, "retries": 5})
    assert saved == {
        "id": saved["id"],
        "provider": "acme",
        "enabled": True,
        "values": {"retries": 5},
        "secretsSet": ["api_key"],
        "version": 1,
    }
    assert await settings(world) == saved
    connection = await asyncpg.connect(database_url)
    [row] = await connection.fetch("select p::text from plugin_settings p where provider = 'acme'")
    await connection.close()
    assert SECRET not in row[0]


async def test_what_is_not_named_stays_and_null_goes_back_to_the_default(world: World) -> None:
    await update(world, values={"api_key": SECRET, "webhook_secret": "whsec-1", "retries": 5})
    saved = await update(world, values={"retries": None, "webhook_secret": None, "region": "eu"})
    assert (saved["values"], saved["secretsSet"]) == ({"region": "eu"}, ["api_key"])


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ({"api_key": SECRET, "colour": "red"}, "values.colour", "Extra inputs"),
        ({"api_key": SECRET, "retries": "many"}, "values.retries", "valid integer"),
        ({"api_key": SECRET, "retries": -1}, "values.retries", "greater than or equal to 0"),
        ({"api_key": 4711}, "values.api_key", "valid string"),
        ({"api_key": {"nested": SECRET}}, "values.api_key", "valid string"),
        ({"api_key": "short"}, "values.api_key", "at least 8"),
        ({"retries": 1}, "values.api_key", "required"),
        ({"api_key": SECRET, "folder": "/etc"}, "values.folder", "whoever runs the engine"),
        ({"api_key": SECRET, "region": "x" * 20_001}, "values", "at most"),
        ([SECRET], "values", "an object"),
        (SECRET, "values", "an object"),
    ],
)
async def test_bad_settings_are_refused_by_field_and_nothing_is_kept(
    world: World, values: Any, path: str, expected: str
) -> None:
    refused = await update(world, values=values)
    assert (refused["__typename"], ".".join(refused["path"])) == ("InvalidInput", f"input.{path}")
    assert expected in refused["expected"]
    assert SECRET not in str(refused)
    assert await settings(world) is None


async def test_the_refusal_speaks_chinese(world: World) -> None:
    document = """mutation M($input: PluginSettingsInput!) { result:
        pluginSettingsUpdate(input: $input) { ... on InvalidInput { expected } } }"""
    response = await world.api.client.post(
        "/graphql",
        json={"query": document, "variables": {"input": {"provider": "acme", "values": {}}}},
        headers={"authorization": f"Bearer {world.tokens[Role.OWNER]}", "accept-language": "zh"},
    )
    assert response.json()["data"]["result"] == {"expected": "必填项"}


async def test_two_tabs_do_not_overwrite_each_other(world: World) -> None:
    await update(world, values={"api_key": SECRET}, expectedVersion=0)
    late = await update(world, values={"api_key": "another-key"}, expectedVersion=0)
    assert late["__typename"] == "StaleVersion"


async def test_there_is_no_such_provider(world: World) -> None:
    assert (await update(world, provider="nobody"))["__typename"] == "NotFound"
    assert (await check(world, "nobody"))["__typename"] == "NotFound"


async def test_without_a_key_no_secret_is_kept(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.providers, "vault", vault.Vault({}))
    refused = await update(world, values={"api_key": SECRET})
    assert (refused["__typename"], refused["code"]) == ("NoSecretKey", "NO_SECRET_KEY")
    assert await settings(world) is None


async def test_one_shop_sees_and_changes_nothing_of_another(world: World, engine: Engine) -> None:
    await update(world, values={"api_key": SECRET})
    other = await make_world(world.api, world.settings)
    assert await settings(other) is None
    await update(other, values={"api_key": "other-shops-key"})
    ours = await engine.providers.crm(world.shop.id, "acme")
    theirs = await engine.providers.crm(other.shop.id, "acme")
    assert [line.provider.settings.api_key.get_secret_value() for line in (ours, theirs)] == [  # type: ignore[attr-defined] # Acme's
        SECRET,
        "other-shops-key",
    ]


# --- what is set takes effect -----------------------------------------------------------------


async def test_a_change_takes_effect_with_the_next_call_and_the_old_one_is_closed(
    world: World, engine: Engine
) -> None:
    await update(world, values={"api_key": SECRET})
    first = await engine.providers.crm(world.shop.id, "acme")
    assert await engine.providers.crm(world.shop.id, "acme") is first
    await update(world, values={"region": "eu"})
    second = await engine.providers.crm(world.shop.id, "acme")
    assert second is not first
    assert [made.region for made in Acme.made] == ["cn", "eu"]
    await first.aclose()
    assert "cn" in [closed.region for closed in Acme.closed]


async def test_what_is_switched_off_or_incomplete_is_not_called(
    world: World, engine: Engine
) -> None:
    async def reason() -> str:
        with pytest.raises(ProviderUnreachable) as away:
            await engine.providers.crm(world.shop.id, "acme")
        return away.value.reason

    assert await reason() == "MISCONFIGURED"
    saved = await update(world, enabled=False)
    assert (saved["enabled"], await reason()) == (False, "DISABLED")
    assert Acme.made == []


async def test_a_sealed_secret_whose_key_is_gone_is_named_and_not_called(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await update(world, values={"api_key": SECRET})
    monkeypatch.setattr(engine.providers, "vault", vault.Vault({}))
    with pytest.raises(ProviderUnreachable, match="REFUND_GQL_SECRET_KEYS") as away:
        await engine.providers.crm(world.shop.id, "acme")
    assert away.value.reason == "MISCONFIGURED"


async def test_rotation_seals_everything_with_the_new_key(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await update(world, values={"api_key": SECRET})
    old = engine.providers.vault
    new = vault.of(world.settings.model_copy(update={"secret_keys": SecretStr(vault.new_key())}))
    both = vault.Vault({**new.keys, **old.keys})
    assert await configuration.seal_anew(both) >= 1
    assert await configuration.seal_anew(both) == 0
    monkeypatch.setattr(engine.providers, "vault", new)
    line = await engine.providers.crm(world.shop.id, "acme")
    assert line.provider.settings.api_key.get_secret_value() == SECRET  # type: ignore[attr-defined] # Acme's
    back = vault.Vault({**old.keys, **new.keys})
    assert await configuration.seal_anew(back) >= 1


# --- does it work -----------------------------------------------------------------------------


async def test_a_check_says_whether_the_credentials_are_accepted(world: World) -> None:
    await update(world, values={"api_key": SECRET})
    assert await check(world) == {"ok": True, "failure": None, "reason": "", "setting": None}
    await update(world, values={"api_key": "sk-0815-revoked"})
    assert await check(world) == {
        "ok": False,
        "failure": "KEY_REVOKED",
        "reason": "the key [secret] was revoked",
        "setting": "api_key",
    }


async def test_a_check_without_settings_says_what_is_missing(world: World) -> None:
    found = await check(world)
    assert (found["ok"], found["failure"]) == (False, "MISCONFIGURED")
    assert "api_key" in found["reason"]


@pytest.mark.parametrize("role", ["agent", "finance", "warehouse", "service", "customer"])
async def test_only_the_owner_sees_and_sets_plugins(world: World, role: str) -> None:
    documents: Mapping[str, dict[str, Any]] = {
        "{ plugins { name } }": {},
        '{ pluginSettings(provider: "acme") { version } }': {},
        "mutation M($i: PluginSettingsInput!) { pluginSettingsUpdate(input: $i) { __typename } }": {
            "i": {"provider": "acme", "values": {"api_key": SECRET}}
        },
        "mutation M($i: PluginCheckInput!) { pluginCheck(input: $i) { __typename } }": {
            "i": {"provider": "acme"}
        },
    }
    for document, variables in documents.items():
        [error] = await getattr(world, role).errors(document, **variables)
        assert error["extensions"]["code"] == "FORBIDDEN"
    assert await settings(world) is None
