"""What the planted providers have in common: settings, signatures, and the client's errors."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from pydantic import SecretStr

from refund_gql.providers import (
    Headers,
    Misconfigured,
    OutcomeUnknown,
    ProviderSettings,
    Refused,
    Retryable,
    WebhookRejected,
)

SETTINGS = {"api_key": "right-key-1234", "webhook_secret": "webhook-secret-1234"}
BAD_SETTINGS = {"api_key": "wrong-key-5678", "webhook_secret": "webhook-secret-1234"}


class PlantedSettings(ProviderSettings):
    """Settings of every planted provider."""

    api_key: SecretStr
    """From the provider's console."""
    webhook_secret: SecretStr
    """From the provider's console as well."""


def client(settings: PlantedSettings, transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    """A client of the provider."""
    return httpx2.AsyncClient(
        base_url="https://provider.test",
        transport=transport,
        headers={"authorization": f"Bearer {settings.api_key.get_secret_value()}"},
    )


def authorised(request: httpx2.Request) -> bool:
    """Whether a simulator knows the key of a request."""
    return request.headers.get("authorization") == f"Bearer {SETTINGS['api_key']}"


def wait_of(response: httpx2.Response) -> timedelta | None:
    """How long an answer asks to be left alone."""
    seconds = response.headers.get("retry-after")
    return timedelta(seconds=int(seconds)) if seconds else None


async def ask(client: httpx2.AsyncClient, method: str, path: str, **options: Any) -> Any:
    """The parsed answer; None for 404. Raises the errors of the contracts."""
    try:
        response = await client.request(method, path, **options)
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise Retryable("not connected") from error
    except httpx2.HTTPError as error:
        raise OutcomeUnknown("the connection broke") from error
    return understood(response)


def understood(response: httpx2.Response) -> Any:
    """The parsed answer; None for 404. Raises the errors of the contracts."""
    if response.status_code == 429:
        raise Retryable("too many", retry_after=wait_of(response))
    if response.status_code == 401:
        raise Misconfigured("the key is refused", field="api_key")
    if response.status_code == 422:
        raise Refused("not possible", code="422")
    if response.status_code >= 500:
        raise OutcomeUnknown("the provider is in trouble", code=str(response.status_code))
    if response.status_code == 404:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise OutcomeUnknown("the answer cannot be read") from error


def sign(body: bytes, at: datetime, secret: str) -> Mapping[str, str]:
    """The headers of a webhook."""
    stamp = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    return {"planted-signature": f"{stamp}.{signature}"}


def verify(headers: Headers, body: bytes, settings: PlantedSettings) -> None:
    """Raises WebhookRejected for what is not authentic."""
    stamp, _, _ = headers.get("planted-signature", "").partition(".")
    if not stamp.isdigit():
        raise WebhookRejected("not signed")
    at = datetime.fromtimestamp(int(stamp), UTC)
    genuine = sign(body, at, settings.webhook_secret.get_secret_value())
    given = headers["planted-signature"].encode()
    if not hmac.compare_digest(given, genuine["planted-signature"].encode()):
        raise WebhookRejected("wrongly signed")
    verify_time(at)


def verify_time(at: datetime) -> None:
    """Raises WebhookRejected for what is too old."""
    if abs(datetime.now(UTC) - at) > timedelta(minutes=5):
        raise WebhookRejected("too old")
