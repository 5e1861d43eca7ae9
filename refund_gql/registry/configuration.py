"""A shop's settings of a provider: defaults of the environment, the shop's values, its secrets.

Values lie in the database as they were given, secrets apart and sealed. What the shop sets goes
before what the environment gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound, StaleVersion
from refund_gql.models import PluginSettings, new_id
from refund_gql.providers import Misconfigured, ProviderSettings
from refund_gql.registry import schema
from refund_gql.registry.discovery import Offer, Registry
from refund_gql.roles import Role
from refund_gql.vault import Envelope, Unreadable, Vault

MAX_LENGTH = 20_000
"""Characters of JSON that the settings of one provider may take."""


@dataclass(frozen=True, kw_only=True)
class SettingsChange:
    """What may be changed; None leaves the switch as it is."""

    provider: str
    enabled: bool | None = None
    values: Mapping[str, Any] | None = None
    """Field -> value, secrets among them; null takes a field back to its default. A field that
    is not named stays."""
    expected_version: int | None = None


async def find(shop_id: UUID, provider: str) -> PluginSettings | None:
    """The row of a shop, if it has set anything."""
    return await database.read(
        lambda: PluginSettings.filter(shop_id=shop_id, provider=provider).first()
    )


def settings_of(offer: Offer, row: PluginSettings | None, vault: Vault) -> ProviderSettings:
    """The settings object a provider is made with. Raises Misconfigured, naming the field."""
    values = {**offer.defaults, **(row.values if row else {}), **_opened(row, vault)}
    model = offer.provider.Settings
    for problem in schema.problems(model, values):
        raise Misconfigured(f"{problem.field}: {problem.message}", field=problem.field)
    return schema.build(model, values)


async def update(viewer: Viewer, registry: Registry, vault: Vault, change: SettingsChange) -> UUID:
    """Change a shop's settings of a provider.

    Raises NotAllowed, NotFound (no such provider), InvalidInput naming the field and never the
    value, StaleVersion, NoSecretKey.
    """
    viewer.require(Role.OWNER)
    offer = registry.offers.get(change.provider)
    if offer is None:
        raise NotFound(kind="Provider", id=change.provider)
    given = _checked(offer, change.values or {})

    async def work(tx: Transaction) -> UUID:
        row = await _locked(tx, viewer, offer)
        if change.expected_version not in (None, row.version):
            raise StaleVersion(
                current_version=row.version, expected_version=change.expected_version
            )
        _apply(row, offer, vault, given)
        row.enabled = row.enabled if change.enabled is None else change.enabled
        _require_valid(offer, row, vault)
        row.version += 1
        row.updated_at, row.updated_by = clock.now(), viewer.actor
        await row.save(using_db=tx)
        return row.id

    return await database.transaction(work)


def not_an_object() -> InvalidInput:
    """The refusal of values that are no JSON object."""
    return InvalidInput(
        field="values", found="no object", expected="an object of field -> value", zh="JSON 对象"
    )


async def seal_anew(vault: Vault) -> int:
    """Seal every provider's secrets with the current key; returns how many were sealed anew.

    Raises NoSecretKey, and Unreadable when one cannot be opened: then nothing has changed.
    """

    async def work(tx: Transaction) -> int:
        count = 0
        for row in await PluginSettings.all().using_db(tx).select_for_update():
            old = {n: e for n, e in row.secrets.items() if e["key"] != vault.current}
            for name, envelope in old.items():
                context = context_of(row.shop_id, row.provider, name)
                row.secrets[name] = vault.seal(
                    vault.open(envelope, context=context), context=context
                )
            if old:
                await row.save(using_db=tx, update_fields=["secrets"])
            count += len(old)
        return count

    return await database.transaction(work)


def context_of(shop_id: UUID, provider: str, field: str) -> str:
    """What a provider's secret is bound to."""
    return f"plugin_settings:{shop_id}:{provider}:{field}"


def _opened(row: PluginSettings | None, vault: Vault) -> dict[str, str]:
    if row is None:
        return {}
    opened = {}
    for name, envelope in row.secrets.items():
        try:
            opened[name] = vault.open(envelope, context=context_of(row.shop_id, row.provider, name))
        except Unreadable as error:
            raise Misconfigured(f"{name}: {error}", field=name) from error
    return opened


def _checked(offer: Offer, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values, none of them unknown or wrong by itself."""
    validation.text("values", orjson.dumps(values).decode(), longest=MAX_LENGTH)
    if kept := sorted(schema.operator_fields(offer.provider.Settings) & set(values)):
        raise InvalidInput(
            field=f"values.{kept[0]}",
            found="set",
            expected="nothing: only whoever runs the engine sets this, in the environment",
            zh="不可设置：仅限系统运维人员通过环境变量配置",
        )
    set_ones = {name: value for name, value in values.items() if value is not None}
    for problem in schema.problems(offer.provider.Settings, {**offer.defaults, **set_ones}):
        if not problem.missing:
            raise _invalid(problem)
    if unknown := sorted(set(values) - set(offer.provider.Settings.model_fields)):
        raise InvalidInput(
            field=f"values.{unknown[0]}",
            found="unknown",
            expected=", ".join(sorted(offer.provider.Settings.model_fields)),
        )
    return values


def _invalid(problem: schema.SettingProblem) -> InvalidInput:
    # What was found is not repeated: it may be a secret in the wrong field.
    return InvalidInput(
        field=f"values.{problem.field}",
        found="missing" if problem.missing else "not acceptable",
        expected=problem.message,
        zh=_IN_CHINESE.get(problem.kind, problem.message),
    )


_IN_CHINESE = {
    "missing": "必填项",
    "extra_forbidden": "该插件没有此设置项",
    "string_type": "文本",
    "int_type": "整数",
    "int_parsing": "整数",
    "float_parsing": "数字",
    "float_type": "数字",
    "bool_parsing": "true 或 false",
    "bool_type": "true 或 false",
}


async def _locked(tx: Transaction, viewer: Viewer, offer: Offer) -> PluginSettings:
    """The shop's row under lock; made when the shop had none."""
    await tx.execute_query(
        "insert into plugin_settings (id, shop_id, provider, enabled, version, updated_at,"
        " updated_by) values ($1, $2, $3, true, 0, $4, $5) on conflict do nothing",
        [new_id(), viewer.shop_id, offer.name, clock.now(), viewer.actor],
    )
    rows = PluginSettings.filter(shop_id=viewer.shop_id, provider=offer.name).using_db(tx)
    return await rows.select_for_update().get()


def _apply(row: PluginSettings, offer: Offer, vault: Vault, given: Mapping[str, Any]) -> None:
    secret = schema.secret_fields(offer.provider.Settings)
    for name, value in given.items():
        kept: dict[str, Any] = row.secrets if name in secret else row.values
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = _sealed(row, vault, name, value) if name in secret else value


def _sealed(row: PluginSettings, vault: Vault, name: str, value: str) -> Envelope:
    return vault.seal(value, context=context_of(row.shop_id, row.provider, name))


def _require_valid(offer: Offer, row: PluginSettings, vault: Vault) -> None:
    """What is saved can be used, or is switched off."""
    values = {**offer.defaults, **row.values, **_opened(row, vault)}
    for problem in schema.problems(offer.provider.Settings, values):
        if row.enabled or not problem.missing:
            raise _invalid(problem)
