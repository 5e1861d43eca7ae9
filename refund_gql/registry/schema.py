"""A provider's settings model: what it accepts, which fields are secret, what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import SecretBytes, SecretStr, ValidationError

from refund_gql.providers import OperatorOnly, ProviderSettings
from refund_gql.registry.redaction import Redaction


@dataclass(frozen=True, kw_only=True)
class SettingProblem:
    """What is wrong with one field; never with the value in it."""

    field: str
    """Dotted path."""
    message: str
    kind: str
    """Pydantic's name of the rule, such as `int_parsing`."""

    @property
    def missing(self) -> bool:
        """True when the field only has to be given."""
        return self.kind == "missing"


def secret_fields(model: type[ProviderSettings]) -> frozenset[str]:
    """The fields that are kept sealed: those declared as SecretStr or SecretBytes."""
    return frozenset(
        name for name, info in model.model_fields.items() if _is_secret(info.annotation)
    )


def operator_fields(model: type[ProviderSettings]) -> frozenset[str]:
    """The fields that no shop may set."""
    return frozenset(
        name
        for name, info in model.model_fields.items()
        if any(isinstance(mark, OperatorOnly) for mark in info.metadata)
    )


def _is_secret(annotation: Any) -> bool:
    return annotation in (SecretStr, SecretBytes) or any(map(_is_secret, get_args(annotation)))


def json_schema(model: type[ProviderSettings]) -> dict[str, Any]:
    """The JSON schema of the settings; secrets are marked `writeOnly`, what shops may not set
    `operatorOnly`; for UIs and docs."""
    return model.model_json_schema()


def summary(model: type[ProviderSettings]) -> str:
    """The settings in a few words: what must be given, and how many more there are."""
    required = [name for name, info in model.model_fields.items() if info.is_required()]
    secret = secret_fields(model)
    needed = [f"{name} (secret)" if name in secret else name for name in required]
    optional = len(model.model_fields) - len(required)
    return ", ".join([*needed, f"{optional} optional"])


def problems(model: type[ProviderSettings], values: Mapping[str, Any]) -> list[SettingProblem]:
    """Everything that is wrong with the values; texts are read as numbers where need be."""
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        # A plugin's own rule may repeat the secret it does not like.
        redaction = Redaction.among(values[name] for name in secret_fields(model) & set(values))
        return [
            SettingProblem(
                field=".".join(map(str, item["loc"])) or "settings",
                message=redaction.text(item["msg"]),
                kind=item["type"],
            )
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    return []


def build(model: type[ProviderSettings], values: Mapping[str, Any]) -> ProviderSettings:
    """The settings object. Raises pydantic's ValidationError, which shows no values."""
    return model.model_validate(dict(values))
