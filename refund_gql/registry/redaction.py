"""Takes a provider's secrets out of whatever its plugin says.

A plugin may put its key into an exception, a URL or the words of an outcome. The engine knows
the values and removes them before anything is logged, stored or shown.
"""

import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, SecretBytes, SecretStr

from refund_gql.providers import Outcome

T = TypeVar("T")
MASK = "[secret]"
_SHORTEST = 4
"""A shorter value is no secret worth the words it would blot out."""


@dataclass(frozen=True)
class Redaction:
    """The secrets of one connection."""

    values: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, settings: BaseModel) -> Self:
        """The secrets in a settings object, as they are and as a URL spells them."""
        plain = {value for value in _secrets(settings) if len(value) >= _SHORTEST}
        spelt = plain | {quote(value, safe="") for value in plain}
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
        if not isinstance(result, Outcome):
            return result
        return replace(
            result,
            reference=self._masked(result.reference),
            code=self._masked(result.code),
            message=self._masked(result.message),
        )

    def _masked(self, words: str | None) -> str | None:
        # Plugins are foreign code: what is no text stays what it is, and is judged elsewhere.
        return self.text(words) if isinstance(words, str) else words


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
