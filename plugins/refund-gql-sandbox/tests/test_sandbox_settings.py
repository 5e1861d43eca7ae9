"""Settings: the defaults, and what is refused."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from refund_gql_sandbox.settings import (
    CourierSettings,
    CrmSettings,
    InboxSettings,
    SandboxSettings,
    SharedSettings,
)

MODELS = [SandboxSettings, CourierSettings, CrmSettings, InboxSettings]


def test_the_defaults_need_nothing() -> None:
    settings = SandboxSettings()
    assert settings.model_dump(exclude={"webhook_secret", "api_key"}) == {
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
        "can_query": True,
        "currencies": None,
        "partial": True,
        "max_parts": None,
        "window_seconds": None,
        "number_longest": 64,
        "number_life_seconds": None,
        "recheck_after_seconds": None,
    }
    assert settings.webhook_secret.get_secret_value() == "sandbox-webhook-secret"
    assert settings.api_key.get_secret_value() == "sandbox"


def test_the_ledger_is_where_it_is_told_to_be_or_in_the_temporary_directory() -> None:
    name = f"refund-gql-sandbox-{os.getuid()}.sqlite"
    assert SandboxSettings().ledger_file == Path(tempfile.gettempdir()) / name
    assert SandboxSettings(ledger=Path("/srv/bank")).ledger_file == Path("/srv/bank")


def test_the_environments_text_is_understood() -> None:
    text = {"ledger": "/srv/bank", "chaos": "0.25", "seed": "7", "webhook_secret": "s"}
    assert SandboxSettings.model_validate_strings(
        {**text, "currencies": "EUR, JPY", "partial": "false"}
    ) == SandboxSettings(
        ledger=Path("/srv/bank"),
        chaos=0.25,
        seed=7,
        webhook_secret=SecretStr("s"),
        currencies=frozenset({"EUR", "JPY"}),
        partial=False,
    )


def test_a_shops_json_is_understood() -> None:
    given = {"currencies": ["EUR", "JPY"], "api_key": "k"}
    assert SandboxSettings.model_validate_json(json.dumps(given)) == SandboxSettings(
        currencies=frozenset({"EUR", "JPY"}), api_key=SecretStr("k")
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_describes_itself_and_has_a_default(model: type[SharedSettings]) -> None:
    model()
    properties = model.model_json_schema()["properties"]
    assert all(told["description"] for told in properties.values())
    secret = {name for name, told in properties.items() if told.get("format") == "password"}
    assert secret == {"api_key"} | {"webhook_secret"} & set(properties)


@pytest.mark.parametrize("model", MODELS)
def test_no_secret_is_in_a_text(model: type[SharedSettings]) -> None:
    secrets = {
        name: "canary" for name in ("api_key", "webhook_secret") if name in model.model_fields
    }
    settings = model.model_validate(secrets)
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert "canary" not in text
    with pytest.raises(ValidationError) as raised:
        model.model_validate({**secrets, "chaos": "canary", "unheard_of": "canary"})
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"chaos": 1.1},
        {"chaos": -0.1},
        {"chaos": "nan"},
        {"timeout_seconds": -1},
        {"slow_seconds": "inf"},
        {"webhook_secret": ""},
        {"api_key": ""},
        {"currencies": "EUR,euro"},
        {"max_parts": 0},
        {"number_longest": 0},
        {"ledgr": "/srv/bank"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SandboxSettings.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": 0},
        {"speed": "inf"},
        {"language": "fr"},
        {"quote_currency": "euro"},
        {"pickup_journey": "to the moon"},
        {"least_poll_seconds": -1},
    ],
    ids=str,
)
def test_what_makes_no_sense_to_the_courier_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CourierSettings.model_validate(wrong)


def test_a_page_holds_at_least_one_review() -> None:
    with pytest.raises(ValidationError):
        CrmSettings(reviews_per_page=0)
