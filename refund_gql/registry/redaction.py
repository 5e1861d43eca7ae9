"""Takes a provider's secrets out of whatever its plugin says.

A plugin may put its key into an exception, a URL or the words of an outcome. The engine knows
the values and removes them before anything is logged, stored or shown.
"""

import json
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, SecretBytes, SecretStr

from refund_gql.providers import (
    Checkpoint,
    Delivery,
    DisputeNotice,
    GatewayNotice,
    Outcome,
    RiskSignal,
    Tracking,
    TrackingNotice,
)

T = TypeVar("T")
MASK = "[secret]"
_SHORTEST = 4
"""A shorter value is no secret worth the words it would blot out."""

_WORDS: Mapping[type, tuple[str, ...]] = {
    Outcome: ("reference", "code", "message"),
    Delivery: ("reference",),
    Checkpoint: ("code", "text", "place"),
    RiskSignal: ("text",),
    DisputeNotice: ("reason",),
}
"""What a plugin words itself, in whatever is stored and shown; numbers that rows are found by
stay as they are."""
_PARTS: Mapping[type, tuple[str, ...]] = {
    GatewayNotice: ("outcome",),
    TrackingNotice: ("tracking",),
    Tracking: ("checkpoints",),
}
"""Where such words lie deeper."""


@dataclass(frozen=True)
class Redaction:
    """The secrets of one connection."""

    values: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, settings: BaseModel) -> Self:
        """The secrets in a settings object."""
        return cls.among(_secrets(settings))

    @classmethod
    def among(cls, values: Iterable[object]) -> Self:
        """The texts among these values, as they are and as a URL, JSON or `repr` spells them."""
        texts = (value for value in values if isinstance(value, str))
        plain = {text for text in texts if len(text) >= _SHORTEST}
        spelt = plain | {spelling for text in plain for spelling in _spellings(text)}
        # The longest first: one secret may be a part of another.
        return cls(tuple(sorted(spelt, key=len, reverse=True)))

    def text(self, text: str) -> str:
        """The text without the secrets."""
        for value in self.values:
            text = text.replace(value, MASK)
        return text

    def trace(self, error: BaseException) -> str:
        """The traceback of an error, chain included, without the secrets."""
        return self.text("".join(traceback.format_exception(error)))

    def result(self, result: T) -> T:
        """What a method returned, with nothing secret in the words that are stored and shown."""
        cleaned: T = self._cleaned(result)
        return cleaned

    def _cleaned(self, value: Any) -> Any:
        if type(value) in (list, tuple):
            return type(value)(map(self._cleaned, value))
        if kind := _listed(value, _WORDS):
            words = {name: self._masked(getattr(value, name)) for name in _WORDS[kind]}
            return replace(value, **words)
        if kind := _listed(value, _PARTS):
            parts = {name: self._cleaned(getattr(value, name)) for name in _PARTS[kind]}
            return replace(value, **parts)
        return value

    def _masked(self, words: str | None) -> str | None:
        # Plugins are foreign code: what is no text stays what it is, and is judged elsewhere.
        return self.text(words) if isinstance(words, str) else words


def _spellings(text: str) -> tuple[str, ...]:
    # The lines of a private key one by one: what stands between them, each `repr` spells anew.
    lines = (line for line in text.splitlines() if len(line) >= _SHORTEST)
    return quote(text, safe=""), json.dumps(text)[1:-1], repr(text)[1:-1], *lines


def _listed(value: object, table: Mapping[type, object]) -> type | None:
    """The entry of the table that a value is an instance of."""
    return next((kind for kind in table if isinstance(value, kind)), None)


def _secrets(value: object) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode("utf-8", "replace")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, dict):
        for part in value.values():
            yield from _secrets(part)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from _secrets(part)
