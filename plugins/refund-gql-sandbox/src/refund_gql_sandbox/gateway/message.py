"""The bank's webhook messages."""

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)

from refund_gql.providers import (
    DisputeNotice,
    DisputeState,
    GatewayNotice,
    Outcome,
    OutcomeState,
    WebhookRejected,
)

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


class DisputeMessage(BaseModel):
    """The body of a webhook about a chargeback; as `Message`, but for what it is about."""

    model_config = ConfigDict(frozen=True)

    id: str
    dispute: str
    """The bank's reference of the chargeback."""
    capture: str
    """The payment."""
    amount: PositiveInt
    """Minor units."""
    currency: str
    state: DisputeState
    at: AwareDatetime
    reason: str | None = None

    def notice(self) -> DisputeNotice:
        """The message in the engine's words."""
        return DisputeNotice(
            event_id=self.id,
            reference=self.dispute,
            capture_reference=self.capture,
            amount=self.amount,
            currency=self.currency,
            state=self.state,
            at=self.at,
            reason=self.reason,
        )


_ANY: TypeAdapter[Message | DisputeMessage] = TypeAdapter(Message | DisputeMessage)


def translate(body: bytes) -> GatewayNotice | DisputeNotice:
    """The notice in a body that was verified before.

    Raises WebhookRejected when it is not a message.
    """
    try:
        return _ANY.validate_json(body).notice()
    except ValidationError as error:
        raise WebhookRejected("sandbox: the body is not a message of the bank") from error
