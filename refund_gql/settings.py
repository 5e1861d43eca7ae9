"""Settings of the process. Nothing else reads the environment."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_data() -> Path:
    # As root, PostgreSQL runs as a system user of its own and must be able to reach its folder:
    # a private home would have to be opened to everybody.
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/refund-gql")
    return Path(platformdirs.user_data_dir("refund-gql", appauthor=False))


class Settings(BaseSettings):
    """Every switch of the engine; each is the environment variable `REFUND_GQL_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="REFUND_GQL_", frozen=True, extra="ignore")

    database_url: str | None = Field(default=None, repr=False, pattern="^postgres(ql)?://")
    """A PostgreSQL of yours; without it an embedded one starts in the data folder."""
    data: Path = Field(default_factory=_default_data)
    """The folder of the embedded PostgreSQL and of everything else kept on this machine."""
    pool_size: int = Field(default=10, ge=2, le=200)
    """Database connections of the API and of the flow in this process."""
    worker_pool_size: int = Field(default=5, ge=2, le=50)
    """Database connections of the job queue in this process."""
    worker_tasks: int = Field(default=20, ge=2, le=500)
    """Jobs running at once in this process."""
    worker_heartbeat_seconds: float = Field(default=30.0, ge=1)
    """How long a dead worker keeps its jobs before another takes them up."""
    gateway_timeout_seconds: float = Field(default=10.0, gt=0)
    """Total deadline of one call to a payment gateway."""
    provider_timeout_seconds: float = Field(default=10.0, gt=0)
    """Total deadline of one call to a courier, a CRM system or a channel."""
    payout_tries: int = Field(default=12, ge=2)
    """Conversations about one payout before a person has to look."""
    payout_backoff_seconds: float = Field(default=1.0, gt=0)
    """Wait before the second conversation; doubles up to `payout_backoff_limit_seconds`."""
    payout_backoff_limit_seconds: float = Field(default=300.0, gt=0)
    session_hours: int = Field(default=12, ge=1)
    """How long a login of staff or a session of a customer lasts."""
    plugins: str | None = None
    """Comma-separated names of the plugins to load; unset loads all, empty loads none."""
    strict_plugins: bool = False
    """Refuse to start when a plugin does not load."""
    provider_calls: int = Field(default=20, ge=1, le=500)
    """Calls of one provider of one shop under way at once in this process; more must wait."""
    breaker_failures: int = Field(default=5, ge=1)
    """Failed calls in a row after which a provider is left alone for a while."""
    breaker_seconds: float = Field(default=30.0, gt=0)
    """How long it is left alone before one call tries whether it is back."""
    files_url: str | None = None
    """Where files of evidence lie, as an fsspec URL such as `s3://bucket/folder`; without it they
    lie in the data folder."""
    file_max_bytes: int = Field(default=10 * 1024 * 1024, ge=1, le=100 * 1024 * 1024)
    """The largest file of evidence."""
    files_per_refund: int = Field(default=20, ge=1, le=200)
    """Files of evidence that one refund holds at once."""
    metrics_token: SecretStr = SecretStr("")
    """The bearer token that may read `/metrics`; without one there is no such page."""
    secret_keys: SecretStr = SecretStr("")
    """Keys of the secrets in the database, as `id:key,id:key`; the first seals. See vault.py."""
    webhook_private_networks: bool = False
    """Unsafe, for development: webhooks to http URLs and to addresses of this machine and of its
    private networks, on any port. Shops could reach whatever the engine reaches."""
    log_json: bool = False
    """Write logs as JSON lines instead of for people."""
    token_pepper: SecretStr = SecretStr("")
    """Mixed into the digest of every token, so that a stolen database alone is worth less."""


def provider_environment(name: str, others: Iterable[str] = ()) -> Mapping[str, str]:
    """The settings of one provider: `REFUND_GQL_<NAME>_<FIELD>` as field -> text.

    A variable belongs to the provider with the longest name that fits: `SANDBOX_COURIER_SPEED`
    is no setting of `sandbox` where there is a `sandbox-courier` among the `others`.
    """
    prefix = _prefix(name)
    longer = tuple(p for p in map(_prefix, others) if p.startswith(prefix) and p != prefix)
    return {
        key.removeprefix(prefix).lower(): value
        for key, value in os.environ.items()
        if key.startswith(prefix) and not key.startswith(longer)
    }


def _prefix(name: str) -> str:
    return f"REFUND_GQL_{name.upper().replace('-', '_')}_"
