"""The bank's webhook messages."""

from pydantic import BaseModel, ConfigDict, ValidationError

from refund_gql.providers import GatewayNotice, Outcome, OutcomeState, WebhookRejected

STATES = {
    state.value: state
    for state in (
        OutcomeState.SUCCEEDED,
        OutcomeState.PROCESSING,
        OutcomeState.REVERSED,
        OutcomeState.REJECTED,
    )
}
"""The status words the bank sends; any other word proves nothing."""


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


def translate(body: bytes) -> GatewayNotice:
    """The notice in a body that was verified before.

    Raises WebhookRejected when it is not a message.
    """
    try:
        return Message.model_validate_json(body).notice()
    except ValidationError as error:
        raise WebhookRejected("sandbox: the body is not a message of the bank") from error
