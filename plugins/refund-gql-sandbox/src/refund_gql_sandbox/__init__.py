"""Providers to practise with, one of each kind, that misbehave on request.

A bank, a courier, a CRM system and an inbox, in one SQLite file and without network.
"""

from refund_gql.providers import Courier, Crm, Notifier, PaymentGateway, hookimpl
from refund_gql_sandbox.courier import SandboxCourier
from refund_gql_sandbox.crm import SandboxCrm
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.inbox import SandboxInbox

REFUND_GQL_API = ">=1.0,<2"


@hookimpl
def register_gateways() -> list[type[PaymentGateway]]:
    """The bank."""
    return [SandboxGateway]


@hookimpl
def register_couriers() -> list[type[Courier]]:
    """The courier."""
    return [SandboxCourier]


@hookimpl
def register_crms() -> list[type[Crm]]:
    """The CRM system."""
    return [SandboxCrm]


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    """The inbox."""
    return [SandboxInbox]
