"""Webhooks of the fakes: JSON, signed with HMAC-SHA256 over time stamp and body."""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from refund_gql.providers import Headers, WebhookRejected
from refund_gql.testing.fakes.memory import FakeSettings

HEADER = "fake-signature"
TOLERANCE = timedelta(minutes=5)


def signed(
    message: Mapping[str, Any], *, secret: str = "", at: datetime | None = None
) -> tuple[dict[str, str], bytes]:
    """Headers and body of a webhook; `secret` and `at` (UTC) are the fakes' own and now."""
    key = secret or FakeSettings().webhook_secret.get_secret_value()
    stamp = str(int((at or datetime.now(UTC)).timestamp()))
    body = json.dumps(message, ensure_ascii=False).encode()
    return {HEADER: f"{stamp}.{_signature(key, stamp, body)}"}, body


def opened(settings: FakeSettings, headers: Headers, body: bytes) -> Any:
    """The message of an authentic webhook. Raises WebhookRejected for any other."""
    stamp, _, given = headers.get(HEADER, "").partition(".")
    wanted = _signature(settings.webhook_secret.get_secret_value(), stamp, body)
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise WebhookRejected(f"the header {HEADER} does not verify")
    if abs(datetime.now(UTC) - datetime.fromtimestamp(int(stamp), UTC)) > TOLERANCE:
        raise WebhookRejected("the message is too old")
    return json.loads(body)


def _signature(secret: str, stamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
