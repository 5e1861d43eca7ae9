"""What a plugin may import: contracts, values and hooks. Public and versioned (`PLUGIN_API`)."""

from refund_gql.providers.gateway import (
    Acknowledgement,
    GatewayCapabilities,
    GatewayNotice,
    Outcome,
    OutcomeState,
    PaymentGateway,
    RefundRequest,
    WebhookRejected,
)
from refund_gql.providers.hookspecs import PLUGIN_API, hookimpl
from refund_gql.providers.provider import Provider, ProviderSettings

__all__ = [
    "PLUGIN_API",
    "Acknowledgement",
    "GatewayCapabilities",
    "GatewayNotice",
    "Outcome",
    "OutcomeState",
    "PaymentGateway",
    "Provider",
    "ProviderSettings",
    "RefundRequest",
    "WebhookRejected",
    "hookimpl",
]
