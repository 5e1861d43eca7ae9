"""What can be set; the engine fills it from `REFUND_GQL_SANDBOX_<FIELD>` in the environment."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from refund_gql.providers import ProviderSettings

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SandboxSettings(ProviderSettings):
    """Settings of the sandbox; each has a default, so the sandbox runs without any."""

    ledger: Path | None = None
    """The ledger file; None for `refund-gql-sandbox-<uid>.sqlite` in the temporary directory."""
    script: Path | None = None
    """A JSON-lines file of rules, read again whenever it changes; None for no script."""
    chaos: float = Field(default=0.0, ge=0, le=1)
    """How likely a call without another trigger misbehaves at random: 0 never, 1 always."""
    seed: int = 0
    """Which random misbehaviours `chaos` chooses: equal seed and calls, equal misbehaviours."""
    timeout_seconds: Seconds = 0.2
    """How long a simulated time-out hangs before it raises."""
    slow_seconds: Seconds = 0.5
    """How long SLOW takes to answer."""
    processing_seconds: Seconds = 1.0
    """How long PROCESSING takes to become SUCCEEDED."""
    reverse_after_seconds: Seconds = 1.0
    """How long REVERSE_LATER stays SUCCEEDED."""
    retry_after_seconds: Seconds = 1.0
    """How long RATE_LIMITED asks to be left alone."""
    settling_seconds: Seconds = 2.0
    """Told to the engine as `GatewayCapabilities.settling_time`."""
    least_interval_seconds: Seconds = 0.0
    """Told to the engine as `GatewayCapabilities.least_interval`; not enforced by the sandbox."""
    recheck_after_seconds: Seconds | None = None
    """Told to the engine as `GatewayCapabilities.recheck_after`; None for no second look."""
    webhook_secret: SecretStr = Field(default=SecretStr("sandbox-webhook-secret"), min_length=1)
    """The key of webhook signatures. The default is public: the sandbox guards no real money."""

    @property
    def ledger_file(self) -> Path:
        """The ledger file in use."""
        # The uid keeps two users of one machine out of each other's (unwritable) files.
        name = f"refund-gql-sandbox-{os.getuid()}.sqlite"
        return self.ledger or Path(tempfile.gettempdir(), name)
