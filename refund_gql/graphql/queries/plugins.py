"""Reading the installed plugins and the shop's settings of them."""

import strawberry

from refund_gql.database import fetch
from refund_gql.graphql.context import Info
from refund_gql.graphql.pages import Where
from refund_gql.graphql.types.plugin import Plugin, PluginSettings
from refund_gql.registry import status


@strawberry.type
class PluginQueries:
    @strawberry.field(description="Every installed plugin, and what became of it at start.")
    async def plugins(self, info: Info) -> list[Plugin]:
        providers = info.context.known_providers
        shop_id = info.context.known_viewer.shop_id
        found = await status.of_shop(providers.registry, providers.vault, shop_id)
        return [Plugin(installed=installed) for installed in found]

    @strawberry.field(description="What your shop has set for a provider; null when nothing.")
    async def plugin_settings(self, info: Info, provider: str) -> PluginSettings | None:
        where = Where()
        where.see("plugin_settings", info.context.known_viewer)
        where.add("provider = {}", provider)
        sql = f"select * from plugin_settings where {where.sql}"  # noqa: S608 - no input
        rows = await fetch(sql, *where.parameters)
        return PluginSettings(row=rows[0]) if rows else None
