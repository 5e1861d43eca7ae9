"""Addresses of files that carry their own permission: whoever holds one needs no token.

A ticket is `<until>.<signature>`. It is good for one file, for one method, and until one moment
(seconds since 1970, UTC); the signature is an HMAC-SHA256 under the file's own random secret and
the token pepper. Nothing about tickets is stored, and they end with the file's secret.
"""

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from refund_gql.settings import Settings

READING = timedelta(minutes=15)
"""How long an address to read from is good."""
WRITING = timedelta(minutes=15)
"""How long an address to upload to is good."""


def new_secret() -> str:
    """256 random bits for one file."""
    return secrets.token_hex(32)


def address(settings: Settings, secret: str, method: str, file_id: UUID, until: datetime) -> str:
    """The path with a ticket, on the host of the API."""
    end = int(until.timestamp())
    return f"/files/{file_id}?ticket={end}.{_sign(settings, secret, method, file_id, end)}"


def admits(
    settings: Settings, secret: str, method: str, file_id: UUID, ticket: str, now: datetime
) -> bool:
    """True for a ticket of exactly this file and method that has not ended."""
    end, _, signature = ticket.partition(".")
    if not (end.isascii() and end.isdigit() and len(end) <= 12 and signature.isascii()):
        return False
    expected = _sign(settings, secret, method, file_id, int(end))
    return hmac.compare_digest(expected, signature) and now < datetime.fromtimestamp(int(end), UTC)


def _sign(settings: Settings, secret: str, method: str, file_id: UUID, end: int) -> str:
    key = f"{settings.token_pepper.get_secret_value()}{secret}".encode()
    return hmac.digest(key, f"{method} {file_id} {end}".encode(), "sha256").hex()
