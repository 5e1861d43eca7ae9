"""Secrets of endpoints, and what they sign: Standard Webhooks 1.0, HMAC-SHA256."""

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from standardwebhooks import Webhook

from refund_gql import __version__
from refund_gql.models import WebhookEndpoint
from refund_gql.vault import Envelope, Vault

OVERLAP = timedelta(hours=24)
"""How long the secret before the last change signs too."""
_SECRET_BYTES = 32


def new_secret() -> str:
    """A random secret: `whsec_` and Base64."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def seal(vault: Vault, endpoint: WebhookEndpoint, secret: str) -> Envelope:
    """The secret as the endpoint's row keeps it. Raises NoSecretKey."""
    return vault.seal(secret, context=context(endpoint))


def seal_anew(vault: Vault, endpoint: WebhookEndpoint) -> int:
    """Seal what another key than the current one has sealed; returns how many secrets that was."""
    count = 0
    for name in ("secret", "previous_secret"):
        envelope = getattr(endpoint, name)
        if envelope and envelope["key"] != vault.current:
            plain = vault.open(envelope, context=context(endpoint))
            setattr(endpoint, name, seal(vault, endpoint, plain))
            count += 1
    return count


def headers(
    vault: Vault, endpoint: WebhookEndpoint, *, id: UUID, at: datetime, body: str
) -> Mapping[str, str]:
    """What goes with a body; `at` is the time of this try, UTC. Raises vault.Unreadable."""
    signatures = (
        Webhook(vault.open(envelope, context=context(endpoint))).sign(str(id), at, body)
        for envelope in _envelopes(endpoint, at)
    )
    return {
        "content-type": "application/json",
        "user-agent": f"refund_gql/{__version__}",
        "webhook-id": str(id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _envelopes(endpoint: WebhookEndpoint, at: datetime) -> list[Envelope]:
    """The newest secret first."""
    overlapping = endpoint.previous_until is not None and at < endpoint.previous_until
    return [endpoint.secret, *([endpoint.previous_secret] if overlapping else [])]


def context(endpoint: WebhookEndpoint) -> str:
    """Where an endpoint's secrets belong; the vault opens them nowhere else."""
    return f"webhook_endpoint:{endpoint.shop_id}:{endpoint.id}"
