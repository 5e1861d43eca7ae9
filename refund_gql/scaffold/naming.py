"""Every name of a plugin, from the one its author chose."""

import re
from dataclasses import dataclass

from refund_gql.settings import Settings

LONGEST = 24
"""Characters; the lines of the templates leave room for it."""

_FORM = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class InvalidName(ValueError):
    """The name cannot be a plugin's."""


@dataclass(frozen=True)
class Naming:
    """The names of a plugin. Raises InvalidName for one that cannot be derived from."""

    name: str
    """The provider's, as it is stored in rows: `wechat-pay`."""

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(self.name) or len(self.name) > LONGEST:
            raise InvalidName(
                f"{self.name!r} is no name for a plugin: use lower-case letters, digits and single "
                f"dashes between them, a letter first, at most {LONGEST} characters"
            )
        if taken := self._engine_settings():
            raise InvalidName(
                f"{self.name!r} is taken: {self.variables}_… would be mistaken for the engine's "
                f"own {', '.join(taken)}"
            )

    @property
    def distribution(self) -> str:
        """What is installed: `refund-gql-wechat-pay`."""
        return f"refund-gql-{self.name}"

    @property
    def package(self) -> str:
        """What is imported: `refund_gql_wechat_pay`."""
        return self.distribution.replace("-", "_")

    @property
    def prefix(self) -> str:
        """What its classes begin with: `WechatPay`."""
        return self.title.replace(" ", "")

    @property
    def title(self) -> str:
        """For people: `Wechat Pay`."""
        return " ".join(part.capitalize() for part in self.name.split("-"))

    @property
    def variables(self) -> str:
        """What its environment variables begin with: `REFUND_GQL_WECHAT_PAY`."""
        return self.package.upper()

    def _engine_settings(self) -> list[str]:
        names = (f"REFUND_GQL_{field.upper()}" for field in Settings.model_fields)
        return sorted(name for name in names if name.startswith(f"{self.variables}_"))
