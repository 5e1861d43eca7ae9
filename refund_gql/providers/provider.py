"""What every kind of provider has in common."""

from abc import ABC, abstractmethod
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class ProviderSettings(BaseModel):
    """Base of a provider's settings: subclass it, mark secrets as `pydantic.SecretStr`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Provider(ABC):
    """One connection to one outside system, made once at start and closed at shutdown."""

    name: ClassVar[str]
    """Unique per kind; the name stored in rows, so it never changes once used."""
    Settings: ClassVar[type[ProviderSettings]] = ProviderSettings
    """The settings model; filled from `REFUND_GQL_<NAME>_<FIELD>` in the environment."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings

    @abstractmethod
    async def check(self) -> None:
        """Prove that the credentials work, without moving money. Raises when they do not."""

    async def aclose(self) -> None:  # noqa: B027 - most providers hold nothing to close
        """Release clients and files; called once, at shutdown."""
