"""How a plugin is found: a package with an entry point in the group `refund_gql`.

Hooks are called once, at start, return classes and do no I/O.
"""

import pluggy

from refund_gql.providers.gateway import PaymentGateway

PLUGIN_API = "1.0"
"""The version of everything in `refund_gql.providers`."""

hookspec = pluggy.HookspecMarker("refund_gql")
hookimpl = pluggy.HookimplMarker("refund_gql")


@hookspec
def register_gateways() -> list[type[PaymentGateway]]:  # type: ignore[empty-body] # a hookspec has no body
    """Return the payment gateway classes this package brings."""
