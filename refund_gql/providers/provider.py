"""What every kind of provider has in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from refund_gql.providers.errors import WebhookRejected


class ProviderKind(StrEnum):
    """The four kinds; a fifth would be a new version of the plugin API."""

    GATEWAY = "GATEWAY"
    """Moves money back; one of many, by the name stored with the payment."""
    COURIER = "COURIER"
    """Carries goods; one of many, by the shop's routing."""
    CRM = "CRM"
    """Knows customers; all that a shop has set up are asked."""
    NOTIFIER = "NOTIFIER"
    """Tells customers; the shop's order of preference decides."""


@dataclass(frozen=True)
class OperatorOnly:
    """Marks a setting that a shop may not change, only whoever runs the engine: a file, a host,
    whatever reaches beyond the shop. `ledger: Annotated[Path | None, OperatorOnly()] = None`
    is then set by the environment alone."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "operatorOnly": True}


class ProviderSettings(BaseModel):
    """Base of a provider's settings: subclass it, mark secrets as `pydantic.SecretStr`, and what
    is not the shop's to decide as `OperatorOnly`.

    Unknown fields are refused. Errors never show what was entered, since it may be a secret. The
    docstring under a field is its description in the schema, from which forms are made.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,  # they describe the fields in the JSON schema
    )


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """The answer a provider expects once the engine has stored its webhook."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


class Provider(ABC):
    """One connection of one shop to one outside system.

    Made when first needed and closed when its settings change or the process ends. It holds a
    client and tokens, and nothing that may not be lost. All of its methods run on an event loop
    of the provider's own: what blocks there blocks no other provider and not the engine.
    """

    name: ClassVar[str]
    """Lower-case letters, digits and dashes; unique among all providers of an installation. It
    is stored in rows, so it never changes once used."""
    kind: ClassVar[ProviderKind]
    """Set by the base class of each kind."""
    Settings: ClassVar[type[ProviderSettings]] = ProviderSettings
    """The settings model. A shop sets the values; `REFUND_GQL_<NAME>_<FIELD>` in the environment
    gives defaults for all shops."""

    def __init__(self, settings: ProviderSettings) -> None:
        """Keep the settings and make the client; no I/O."""
        self.settings = settings

    @abstractmethod
    async def check(self) -> None:
        """Prove that the credentials work, without moving money or goods. May be called often.

        Raises Misconfigured when they are refused, another ProviderError when nobody can tell.
        """

    async def aclose(self) -> None:  # noqa: B027 - most providers hold nothing to close
        """Release clients and files; called once, after the last call."""


def no_webhooks(provider: Provider) -> WebhookRejected:
    """The refusal of a provider that sends no webhooks."""
    return WebhookRejected(f"{provider.name} sends no webhooks")


Headers = Mapping[str, str]
"""Of a webhook; the names are lower case."""
