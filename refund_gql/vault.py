"""Secrets at rest: sealed with AES-256-GCM under keys that only the environment holds.

`REFUND_GQL_SECRET_KEYS` is a list `id:key,id:key`, each key 32 bytes in URL-safe Base64. The
first seals; all of them open, so that a key is replaced by putting a new one in front, running
`refund-gql secrets rotate`, and taking the old one away.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from refund_gql.errors import NoSecretKey
from refund_gql.settings import Settings

Envelope = dict[str, str]
"""A sealed secret as it is stored: {key, nonce, text}; `key` is the id of the key."""

_KEY_BYTES, _NONCE_BYTES = 32, 12


class Unreadable(Exception):
    """A sealed secret cannot be opened: its key is missing, or it was moved or changed."""


@dataclass(frozen=True)
class Vault:
    """Seals and opens secrets. An envelope only opens in the context it was sealed for, so that
    one copied to another shop's row is worthless."""

    keys: Mapping[str, AESGCM] = field(repr=False)

    @property
    def current(self) -> str:
        """The id of the key that seals. Raises NoSecretKey."""
        if not self.keys:
            raise NoSecretKey()
        return next(iter(self.keys))

    def seal(self, plain: str, *, context: str) -> Envelope:
        """The envelope of a secret. Raises NoSecretKey."""
        key, nonce = self.current, secrets.token_bytes(_NONCE_BYTES)
        text = self.keys[key].encrypt(nonce, plain.encode(), context.encode())
        return {"key": key, "nonce": _to_text(nonce), "text": _to_text(text)}

    def open(self, envelope: Mapping[str, Any], *, context: str) -> str:
        """The secret in an envelope. Raises Unreadable."""
        key = self.keys.get(envelope["key"])
        if key is None:
            raise Unreadable(
                f"it was sealed with the key {envelope['key']!r}, which is not in"
                " REFUND_GQL_SECRET_KEYS"
            )
        try:
            nonce, text = _to_bytes(envelope["nonce"]), _to_bytes(envelope["text"])
            return key.decrypt(nonce, text, context.encode()).decode()
        except InvalidTag as error:
            raise Unreadable(
                f"the key {envelope['key']!r} does not fit, or it was sealed for another place"
            ) from error


def of(settings: Settings) -> Vault:
    """The vault of this process. Raises ValueError for keys that are none."""
    listed = settings.secret_keys.get_secret_value().split(",")
    return Vault(dict(_key(entry.strip()) for entry in listed if entry.strip()))


def new_key() -> str:
    """A fresh `id:key`, to be put in front of the list."""
    return f"{secrets.token_hex(3)}:{_to_text(secrets.token_bytes(_KEY_BYTES))}"


def _key(entry: str) -> tuple[str, AESGCM]:
    name, _, text = entry.partition(":")
    try:
        key = _to_bytes(text)
    except binascii.Error:
        key = b""
    if not name or len(key) != _KEY_BYTES:
        raise ValueError(
            "REFUND_GQL_SECRET_KEYS: expected id:key with 32 bytes in URL-safe Base64;"
            " `refund-gql secrets new-key` makes one"
        )
    return name, AESGCM(key)


def _to_text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode()


def _to_bytes(value: str) -> bytes:
    return base64.urlsafe_b64decode(value)
