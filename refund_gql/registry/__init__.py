"""Plugins: found at start, set up per shop, called with a deadline and at arm's length.

`discovery` finds the classes, `configuration` keeps each shop's settings, `connection` calls one
provider of one shop on its `lane`, `providers` holds the connections, and `health` remembers
which provider is down.
"""

from refund_gql.registry.connection import Connection, ProviderUnreachable
from refund_gql.registry.discovery import (
    Offer,
    Plugin,
    PluginsRefused,
    PluginState,
    Registry,
    load,
)
from refund_gql.registry.providers import Providers

__all__ = [
    "Connection",
    "Offer",
    "Plugin",
    "PluginState",
    "PluginsRefused",
    "ProviderUnreachable",
    "Providers",
    "Registry",
    "load",
]
