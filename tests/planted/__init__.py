"""A sound provider of each kind over HTTP, and bad ones that differ from it in one thing.

The package passes for a plugin: its hooks return whatever was planted. `test_conformance_catches`
runs the kit over all of them.
"""

from planted.catching import PLANTED
from refund_gql.providers import (
    Courier,
    Crm,
    Notifier,
    PaymentGateway,
    ProviderKind,
    hookimpl,
)

REFUND_GQL_API = ">=1.0,<2"


@hookimpl
def register_gateways() -> list[type[PaymentGateway]]:
    return PLANTED[ProviderKind.GATEWAY]


@hookimpl
def register_couriers() -> list[type[Courier]]:
    return PLANTED[ProviderKind.COURIER]


@hookimpl
def register_crms() -> list[type[Crm]]:
    return PLANTED[ProviderKind.CRM]


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return PLANTED[ProviderKind.NOTIFIER]
