"""How a plugin is found: a package with an entry point in the group `refund_gql`.

Hooks are called once, at start, return classes and do no I/O.
"""

import pluggy

from refund_gql.providers.courier import Courier
from refund_gql.providers.crm import Crm
from refund_gql.providers.gateway import PaymentGateway
from refund_gql.providers.notifier import Notifier

PLUGIN_API = "1.0"
"""The version of everything in `refund_gql.providers`."""

hookspec = pluggy.HookspecMarker("refund_gql")
hookimpl = pluggy.HookimplMarker("refund_gql")


@hookspec
def register_gateways() -> list[type[PaymentGateway]]:  # type: ignore[empty-body] # a hookspec has no body
    """Return the payment gateway classes this package brings."""


@hookspec
def register_couriers() -> list[type[Courier]]:  # type: ignore[empty-body] # a hookspec has no body
    """Return the courier classes this package brings."""


@hookspec
def register_crms() -> list[type[Crm]]:  # type: ignore[empty-body] # a hookspec has no body
    """Return the CRM classes this package brings."""


@hookspec
def register_notifiers() -> list[type[Notifier]]:  # type: ignore[empty-body] # a hookspec has no body
    """Return the notification channel classes this package brings."""
