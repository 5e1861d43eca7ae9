"""Settings: the defaults, and what is refused."""

import os
import tempfile
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from refund_gql_sandbox.settings import SandboxSettings


def test_the_defaults_need_nothing() -> None:
    settings = SandboxSettings()
    assert settings.model_dump(exclude={"webhook_secret"}) == {
        "ledger": None,
        "script": None,
        "chaos": 0.0,
        "seed": 0,
        "timeout_seconds": 0.2,
        "slow_seconds": 0.5,
        "processing_seconds": 1.0,
        "reverse_after_seconds": 1.0,
        "retry_after_seconds": 1.0,
        "settling_seconds": 2.0,
        "least_interval_seconds": 0.0,
        "recheck_after_seconds": None,
    }
    assert settings.webhook_secret.get_secret_value() == "sandbox-webhook-secret"


def test_the_ledger_is_where_it_is_told_to_be_or_in_the_temporary_directory() -> None:
    name = f"refund-gql-sandbox-{os.getuid()}.sqlite"
    assert SandboxSettings().ledger_file == Path(tempfile.gettempdir()) / name
    assert SandboxSettings(ledger=Path("/srv/bank")).ledger_file == Path("/srv/bank")


def test_the_environments_text_is_understood() -> None:
    text = {"ledger": "/srv/bank", "chaos": "0.25", "seed": "7", "webhook_secret": "s"}
    assert SandboxSettings.model_validate_strings(text) == SandboxSettings(
        ledger=Path("/srv/bank"), chaos=0.25, seed=7, webhook_secret=SecretStr("s")
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"chaos": 1.1},
        {"chaos": -0.1},
        {"chaos": "nan"},
        {"timeout_seconds": -1},
        {"slow_seconds": "inf"},
        {"webhook_secret": ""},
        {"ledgr": "/srv/bank"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SandboxSettings.model_validate(wrong)
