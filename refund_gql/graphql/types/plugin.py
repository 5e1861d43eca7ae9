"""The installed plugins, and how the shop has set up what they bring."""

from datetime import datetime
from typing import ClassVar

import orjson
import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import PluginState, ProviderKind, Tier
from refund_gql.graphql.scalars import JSON
from refund_gql.graphql.sources import Node, column, json
from refund_gql.registry.status import Installed, ProviderStatus


@strawberry.type(description="A shop's settings of one provider. Secrets are never read out.")
class PluginSettings(Node):
    table: ClassVar[str] = "plugin_settings"

    provider: str = column("provider", "The provider's name.")
    enabled: bool = column("enabled", "False: switched off; what needs it waits.")
    values: JSON = json("values", "Field -> value, without the secrets.")
    version: int = column("version", "Grows with every change.")
    updated_at: datetime = column("updated_at", "UTC.")

    @strawberry.field(description="Names of the secrets that are set.")
    def secrets_set(self) -> list[str]:
        return sorted(orjson.loads(self.row["secrets"]))


@strawberry.type(description="A connection to an outside system that a plugin brings.")
class Provider:
    status: strawberry.Private[ProviderStatus]

    @strawberry.field(description="What rows and routes call it.")
    def name(self) -> str:
        return self.status.name

    @strawberry.field(description="What it is.")
    def kind(self) -> ProviderKind:
        return self.status.kind

    @strawberry.field(
        description="ACTIVE, or MISCONFIGURED when your shop's settings lack something."
    )
    def state(self) -> PluginState:
        return self.status.state

    @strawberry.field(description="What is missing or wrong; empty when active.")
    def reason(self) -> str:
        return self.status.reason

    @strawberry.field(description="False: your shop has switched it off.")
    def enabled(self) -> bool:
        return self.status.enabled

    @strawberry.field(
        description="What the conformance kit found for this very code; null: it was not run."
    )
    def tier(self) -> Tier | None:
        return self.status.tier

    @strawberry.field(
        description="JSON schema of the settings, for forms; secrets are marked writeOnly."
    )
    def settings_schema(self) -> JSON:
        return JSON(self.status.settings_schema)

    @strawberry.field(description="UTC; set while it does not answer.")
    def down_since(self) -> datetime | None:
        return self.status.down_since

    @strawberry.field(description="Why it went down the last time; empty when it never did.")
    def down_reason(self) -> str:
        return self.status.down_reason

    @strawberry.field(description="UTC; when it was last found to be down.")
    def last_failure_at(self) -> datetime | None:
        return self.status.last_failure_at

    @strawberry.field(description="What your shop has set; null when it has set nothing.")
    async def settings(self, info: Info) -> PluginSettings | None:
        viewer = info.context.known_viewer
        rows = await info.context.rows.many(
            "plugin_settings", "shop_id", viewer.shop_id, "provider"
        )
        return next(
            (PluginSettings(row=r) for r in rows if r["provider"] == self.status.name), None
        )


@strawberry.type(description="An installed package, and what became of it at start.")
class Plugin:
    installed: strawberry.Private[Installed]

    @strawberry.field(description="The name of its entry point.")
    def name(self) -> str:
        return self.installed.plugin.name

    @strawberry.field(description="The Python distribution.")
    def distribution(self) -> str:
        return self.installed.plugin.distribution

    @strawberry.field(description="Of the distribution.")
    def version(self) -> str:
        return self.installed.plugin.version

    @strawberry.field(description="How loading went.")
    def state(self) -> PluginState:
        return self.installed.plugin.state

    @strawberry.field(description="What was found and what to do; empty when active.")
    def reason(self) -> str:
        return self.installed.plugin.reason

    @strawberry.field(description="The connections it brings.")
    def providers(self) -> list[Provider]:
        return [Provider(status=status) for status in self.installed.providers]


@strawberry.type(description="Whether a provider works with your shop's credentials.")
class PluginCheck:
    ok: bool = strawberry.field(description="The credentials were accepted.")
    failure: str | None = strawberry.field(description="Why not, for programs; null when ok.")
    reason: str = strawberry.field(description="Why not, in the provider's words; empty when ok.")
    setting: str | None = strawberry.field(description="The setting to look at.")
    milliseconds: int = strawberry.field(description="How long the answer took.")
