"""The sandbox's webhook messages: JSON, signed with HMAC-SHA256 over the raw body."""

import hmac
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from refund_gql.providers import GatewayNotice, Outcome, OutcomeState, WebhookRejected

SIGNATURE_HEADER = "sandbox-signature"
EVENT_HEADER = "sandbox-event"

STATES = {
    state.value: state
    for state in (
        OutcomeState.SUCCEEDED,
        OutcomeState.PROCESSING,
        OutcomeState.REVERSED,
        OutcomeState.REJECTED,
    )
}
"""The status words the sandbox sends; any other word proves nothing."""


class Message(BaseModel):
    """The body of a webhook. Fields that are not listed are ignored, as a bank may add some."""

    model_config = ConfigDict(frozen=True, strict=True)

    id: str
    """The id of this message; a repeated delivery carries the same."""
    number: str
    """The engine's refund number."""
    state: str
    """One of STATES, or a word nobody knows."""
    amount: int
    """Minor units."""
    currency: str
    """ISO 4217."""
    reference: str | None = None
    """The bank's own reference."""

    def notice(self) -> GatewayNotice:
        """The message in the engine's words."""
        outcome = Outcome(
            state=STATES.get(self.state, OutcomeState.UNKNOWN),
            reference=self.reference,
            code=self.state,
            amount=self.amount,
            currency=self.currency,
        )
        return GatewayNotice(event_id=self.id, number=self.number, outcome=outcome)


def sign(body: bytes, secret: str) -> dict[str, str]:
    """The headers the sandbox sends with this body, for tests and benchmarks.

    The event header is the body's `id`, and empty when the body is not a message.
    """
    try:
        event = Message.model_validate_json(body).id
    except ValidationError:
        event = ""
    return {SIGNATURE_HEADER: _signature(body, secret), EVENT_HEADER: event}


def verify(headers: Mapping[str, str], body: bytes, secret: SecretStr) -> None:
    """Raise WebhookRejected unless the raw body was signed with the secret."""
    expected = _signature(body, secret.get_secret_value())
    # Bytes, because compare_digest raises TypeError for a str that is not ASCII.
    given = headers.get(SIGNATURE_HEADER, "").encode()
    if not hmac.compare_digest(given, expected.encode()):
        raise WebhookRejected(f"sandbox: the header {SIGNATURE_HEADER} does not verify")


def translate(headers: Mapping[str, str], body: bytes) -> GatewayNotice:
    """The notice in a body that was verified before.

    Raises WebhookRejected when it is not a message, or the event header names another one: that
    header is not signed, so it may never decide by itself which message this is.
    """
    try:
        message = Message.model_validate_json(body)
    except ValidationError as error:
        raise WebhookRejected("sandbox: the body is not a sandbox message") from error
    if headers.get(EVENT_HEADER) != message.id:
        raise WebhookRejected(f"sandbox: the header {EVENT_HEADER} is not the message's id")
    return message.notice()


def _signature(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()
