"""Signatures of the sandbox's webhooks: HMAC-SHA256 over the time and the raw body.

The header is `t=<seconds since 1970>,v1=<hex>`. The time is signed too, so that a message that
was recorded can't be played again later.
"""

import hmac
import re
import time
from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from refund_gql.providers import WebhookRejected

SIGNATURE_HEADER = "sandbox-signature"
EVENT_HEADER = "sandbox-event"

TOLERANCE_SECONDS = 300
"""How far the time of a message may be from ours, either way."""

_FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def sign(body: bytes, secret: str, *, at: datetime | None = None) -> dict[str, str]:
    """The headers the sandbox sends with this body, for tests and benchmarks.

    `at` is when it is sent, now without it. The event header is the body's `id`, and empty when
    the body has none.
    """
    stamp = int(time.time() if at is None else at.timestamp())
    signature = f"t={stamp},v1={_signature(stamp, body, secret)}"
    return {SIGNATURE_HEADER: signature, EVENT_HEADER: _event(body)}


def verify(headers: Mapping[str, str], body: bytes, secret: SecretStr) -> None:
    """Raise WebhookRejected unless the raw body was signed with the secret, and lately.

    The event header is not signed: it may never decide which message this is, so one that
    differs from the body's id is refused.
    """
    found = _FORM.fullmatch(headers.get(SIGNATURE_HEADER, ""))
    if found is None:
        raise WebhookRejected(f"sandbox: the header {SIGNATURE_HEADER} is not t=<unix>,v1=<hex>")
    stamp = int(found[1])
    expected = _signature(stamp, body, secret.get_secret_value())
    if not hmac.compare_digest(found[2], expected):
        raise WebhookRejected(f"sandbox: the header {SIGNATURE_HEADER} does not verify")
    if abs(time.time() - stamp) > TOLERANCE_SECONDS:
        raise WebhookRejected(
            f"sandbox: the message is of another time than the last {TOLERANCE_SECONDS} seconds"
        )
    if headers.get(EVENT_HEADER) != _event(body):
        raise WebhookRejected(f"sandbox: the header {EVENT_HEADER} is not the message's id")


class _Identified(BaseModel):
    model_config = ConfigDict(strict=True)

    id: str


def _event(body: bytes) -> str:
    try:
        return _Identified.model_validate_json(body).id
    except ValidationError:
        return ""


def _signature(stamp: int, body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), b"%d." % stamp + body, "sha256").hexdigest()
