"""What can be set, one model per provider.

A shop sets the values; the engine takes defaults from `REFUND_GQL_<PROVIDER>_<FIELD>` in the
environment, as `REFUND_GQL_SANDBOX_COURIER_SPEED`.
"""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt, SecretStr

from refund_gql.providers import OperatorOnly, ProviderSettings

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Language = Literal["zh", "en"]


def _split(value: object) -> object:
    # The environment holds text only.
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


ServerFile = Annotated[Path | None, OperatorOnly()]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Currencies = Annotated[frozenset[Currency], BeforeValidator(_split)]


def default_ledger() -> Path:
    """Where the sandbox keeps its file when nobody says where."""
    # The uid keeps two users of one machine out of each other's (unwritable) files.
    return Path(tempfile.gettempdir(), f"refund-gql-sandbox-{os.getuid()}.sqlite")


class SharedSettings(ProviderSettings):
    """What all four have in common; each setting has a default, so the sandbox needs none."""

    ledger: ServerFile = None
    """The SQLite file; None for `refund-gql-sandbox-<uid>.sqlite` in the temporary directory."""
    api_key: SecretStr = Field(default=SecretStr("sandbox"), min_length=1)
    """The credentials: any text will do that does not begin with "bad"."""
    script: ServerFile = None
    """A JSON-lines file of rules, read again whenever it changes: which call misbehaves how."""
    chaos: float = Field(default=0.0, ge=0, le=1)
    """How likely a call without another trigger misbehaves at random: 0 never, 1 always."""
    seed: int = 0
    """Which random misbehaviours `chaos` chooses: equal seed and calls, equal misbehaviours."""
    timeout_seconds: Seconds = 0.2
    """How long a simulated time-out hangs before it raises."""
    slow_seconds: Seconds = 0.5
    """How long SLOW takes to answer."""
    retry_after_seconds: Seconds = 1.0
    """How long RATE_LIMITED asks to be left alone."""

    @property
    def ledger_file(self) -> Path:
        """The file in use."""
        return self.ledger or default_ledger()


class SandboxSettings(SharedSettings):
    """Settings of the bank, the gateway `sandbox`."""

    processing_seconds: Seconds = 1.0
    """How long PROCESSING takes to become SUCCEEDED."""
    reverse_after_seconds: Seconds = 1.0
    """How long REVERSE_LATER stays SUCCEEDED."""
    webhook_secret: SecretStr = Field(default=SecretStr("sandbox-webhook-secret"), min_length=1)
    """The key of webhook signatures. The default is public: the sandbox guards no real money."""
    can_query: bool = True
    """Told to the engine as `GatewayCapabilities.can_query`, like all that follow here; none of
    them is enforced by the sandbox."""
    currencies: Currencies | None = None
    """Capability `currencies`: ISO 4217 codes, in text separated by commas; None for all."""
    partial: bool = True
    """Capability `partial`."""
    max_parts: PositiveInt | None = None
    """Capability `max_parts`; None for no limit."""
    window_seconds: Seconds | None = None
    """Capability `window`; None for no limit."""
    least_interval_seconds: Seconds = 0.0
    """Capability `least_interval`."""
    settling_seconds: Seconds = 2.0
    """Capability `settling_time`."""
    number_longest: PositiveInt = 64
    """Capability `number_longest`, in characters."""
    number_life_seconds: Seconds | None = None
    """Capability `number_life`; None for ever."""
    recheck_after_seconds: Seconds | None = None
    """Capability `recheck_after`; None for no second look."""


class CourierSettings(SharedSettings):
    """Settings of the courier, `sandbox-courier`."""

    journeys: ServerFile = None
    """A JSON-lines file of journeys, read again whenever it changes: which parcel goes where."""
    speed: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """How many seconds of a journey pass in one second."""
    language: Language = "en"
    """What the courier writes its checkpoints in: `zh` or `en`."""
    pickup_journey: str = Field(default="DELIVERED", pattern="^[A-Z_]+$")
    """The journey of a parcel whose pickup was booked."""
    quote_currency: Currency = "CNY"
    """ISO 4217; what quotes are in."""
    least_poll_seconds: Seconds = 1.0
    """Capability `least_poll_interval`; told, not enforced."""
    subscribe: bool = True
    """Capability `subscribe`: whether the engine waits for webhooks, which somebody else sends,
    or asks."""
    webhook_secret: SecretStr = Field(default=SecretStr("sandbox-webhook-secret"), min_length=1)
    """The key of webhook signatures; the default is public."""


class CrmSettings(SharedSettings):
    """Settings of the CRM system, `sandbox-crm`."""

    customers: ServerFile = None
    """A JSON-lines file of customers, read again whenever it changes: signals and tiers."""
    reviews: ServerFile = None
    """A JSON-lines file of product reviews, read again whenever it changes."""
    reviews_per_page: int = Field(default=50, ge=1, le=1000)
    """How many reviews one call returns at most."""
    language: Language = "en"
    """What the signals that are told by a customer's reference are written in: `zh` or `en`."""


class InboxSettings(SharedSettings):
    """Settings of the inbox, `sandbox-inbox`: those all have."""
