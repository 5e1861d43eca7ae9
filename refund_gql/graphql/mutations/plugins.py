"""Setting up providers, and finding out whether they work."""

from typing import Annotated, Any

import strawberry

from refund_gql.errors import NotFound as Unknown
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.mutations.answers import answer
from refund_gql.graphql.problems import (
    InvalidInput,
    NoSecretKey,
    NotAllowed,
    NotFound,
    StaleVersion,
)
from refund_gql.graphql.scalars import JSON
from refund_gql.graphql.types.plugin import PluginCheck, PluginSettings
from refund_gql.registry import checking, configuration
from refund_gql.roles import Role

PluginSettingsResult = Annotated[
    PluginSettings | InvalidInput | NotAllowed | NotFound | StaleVersion | NoSecretKey,
    strawberry.union(
        "PluginSettingsResult", description="The settings as they are now, or why not."
    ),
]
PluginCheckResult = Annotated[
    PluginCheck | InvalidInput | NotAllowed | NotFound,
    strawberry.union(
        "PluginCheckResult", description="What the provider said, or why it was not asked."
    ),
]


@strawberry.input(description="Null leaves a part as it is.")
class PluginSettingsInput:
    provider: str = strawberry.field(description="The provider's name.")
    enabled: bool | None = strawberry.field(
        default=None, description="False switches it off: what needs it waits, visibly."
    )
    values: JSON | None = strawberry.field(
        default=None,
        description="An object of field -> value, secrets among them; see `settingsSchema`. A field"
        " that is not named stays, null takes it back to its default.",
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse when somebody changed them since; 0: nothing set yet."
    )

    def value(self) -> configuration.SettingsChange:
        if self.values is not None and not isinstance(self.values, dict):
            raise configuration.not_an_object()
        return configuration.SettingsChange(
            provider=self.provider,
            enabled=self.enabled,
            values=self.values,
            expected_version=self.expected_version,
        )


@strawberry.input(description="Which provider to ask.")
class PluginCheckInput:
    provider: str = strawberry.field(description="The provider's name.")


@strawberry.type
class PluginMutations:
    @strawberry.mutation(description="Set up a provider for your shop.")
    async def plugin_settings_update(
        self, info: Info, input: PluginSettingsInput
    ) -> PluginSettingsResult:
        providers = info.context.known_providers
        return await answer(
            info,
            PluginSettings,
            lambda viewer: configuration.update(
                viewer, providers.registry, providers.vault, input.value()
            ),
        )

    @strawberry.mutation(
        description="Ask a provider whether it accepts your shop's credentials; moves nothing."
    )
    async def plugin_check(self, info: Info, input: PluginCheckInput) -> PluginCheckResult:
        return await _checked(info, input.provider)


async def _checked(info: Info, provider: str) -> Any:
    viewer, providers = info.context.known_viewer, info.context.known_providers
    try:
        viewer.require(Role.OWNER)
        if provider not in providers.registry.offers:
            raise Unknown(kind="Provider", id=provider)
    except Refusal as refusal:
        return problems.of(refusal, info.context.locale)
    found = await checking.check(providers, viewer.shop_id, provider)
    return PluginCheck(
        ok=found.ok,
        failure=found.code,
        reason=found.reason,
        setting=found.setting,
        milliseconds=found.milliseconds,
    )
