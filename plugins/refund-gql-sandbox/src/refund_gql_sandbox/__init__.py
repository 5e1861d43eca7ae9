"""A payment gateway to practise with: a bank in a file that misbehaves on request."""

from refund_gql.providers import PaymentGateway, hookimpl
from refund_gql_sandbox.gateway import SandboxGateway

REFUND_GQL_API = ">=1.0,<2"


@hookimpl
def register_gateways() -> list[type[PaymentGateway]]:
    """The one gateway of this package."""
    return [SandboxGateway]
