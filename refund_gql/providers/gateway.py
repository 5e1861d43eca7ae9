"""The contract of a payment gateway: what a plugin gets, what it returns, what may happen twice.

The engine persists, the gateway translates. A gateway keeps no state of its own beyond its
client and its tokens, opens no transaction, and never retries by itself: the engine sees every
conversation.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from refund_gql.providers.provider import (
    Acknowledgement,
    Headers,
    Provider,
    ProviderKind,
    no_webhooks,
)


class OutcomeState(StrEnum):
    """What a conversation proved. Success and failure need proof; the default is UNKNOWN."""

    SUCCEEDED = "SUCCEEDED"
    """Explicit proof that the money moved. The engine closes the payout."""
    PROCESSING = "PROCESSING"
    """Accepted, not final. The engine queries later, or waits for the webhook."""
    REJECTED = "REJECTED"
    """Proof that this request was not accepted, or it broke before the first byte was sent."""
    UNKNOWN = "UNKNOWN"
    """Time-out, lost connection, 5xx, an answer nobody understands, a status not in the table."""
    NEEDS_MANUAL = "NEEDS_MANUAL"
    """The provider has the refund and cannot finish it. A person decides; never retried alone."""
    REVERSED = "REVERSED"
    """It had succeeded and the provider took it back. Only `query` and webhooks say this."""


@dataclass(frozen=True, kw_only=True)
class RefundRequest:
    """What the engine asks for. Stored before the first byte; every retry carries equal values."""

    number: str
    """Our refund number: 34 characters of [0-9A-Z]. The same number must pay at most once."""
    amount: int
    """Minor units, more than zero."""
    currency: str
    """ISO 4217."""
    capture_reference: str
    """The provider's own reference of the payment that is refunded."""
    captured_amount: int
    """What the payment took in all, in minor units of the same currency."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the shop attached to the capture; opaque to the engine."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one call to the provider proved."""

    state: OutcomeState
    reference: str | None = None
    """The provider's reference of the refund, when it told one."""
    code: str | None = None
    """The provider's own code, unchanged, for people and logs."""
    message: str | None = None
    """The provider's own words, for people; programs never compare them."""
    retriable: bool = False
    """REJECTED only: sending the same request again later may work. Independent of the state."""
    renumber: bool = False
    """REJECTED only: this number is used up; another try needs a new one."""
    absent: bool = False
    """UNKNOWN from `query` only: the provider says it has no refund of this number."""
    amount: int | None = None
    """The amount the provider echoed, in minor units; None when it echoes none."""
    currency: str | None = None
    """The currency the provider echoed."""
    retry_after: timedelta | None = None
    """How long the provider asked to be left alone."""


@dataclass(frozen=True, kw_only=True)
class GatewayNotice:
    """A verified webhook: evidence about one refund number."""

    event_id: str
    """The provider's id of this message; the same message carries the same id."""
    number: str
    """Our refund number."""
    outcome: Outcome


class DisputeState(StrEnum):
    """Where a chargeback stands."""

    OPENED = "OPENED"
    """The bank has taken the money; the shop may still prove that it is its own."""
    WON = "WON"
    """The money is the shop's again."""
    LOST = "LOST"
    """The money is gone for good."""


@dataclass(frozen=True, kw_only=True)
class DisputeNotice:
    """A verified webhook: the payer's bank takes money of a payment back, or gives it up."""

    event_id: str
    """The provider's id of this message; the same message carries the same id."""
    reference: str
    """The provider's own reference of the dispute, the same through its whole life."""
    capture_reference: str
    """The provider's own reference of the payment."""
    amount: int
    """What is disputed in all, in minor units; more than zero."""
    currency: str
    """ISO 4217."""
    state: DisputeState
    at: datetime
    """When it came to this state, UTC by the provider's clock: the newest word counts, in
    whatever order words arrive."""
    reason: str | None = None
    """The provider's own code of the reason."""


@dataclass(frozen=True, kw_only=True)
class GatewayCapabilities:
    """The sheet the engine obeys before it calls."""

    currencies: frozenset[str] | None = None
    """ISO 4217 codes it can refund; None for all."""
    can_query: bool = True
    """False: `query` can never tell; what is in doubt then waits for a webhook or a person."""
    partial: bool = True
    """False: a capture can only be refunded whole."""
    max_parts: int | None = None
    """How many refunds one capture may have."""
    window: timedelta | None = None
    """How long after the capture a refund is possible."""
    least_interval: timedelta = timedelta(0)
    """Between two refunds of one capture."""
    settling_time: timedelta = timedelta(seconds=10)
    """After sending, how long "not found" from `query` proves nothing."""
    number_longest: int = 255
    """How many characters of our refund number the provider takes; all are of [0-9A-Z]."""
    number_life: timedelta | None = None
    """How long the provider remembers a number; after it, the same number would pay again, so
    the engine never sends it again. None for ever."""
    recheck_after: timedelta | None = None
    """When set, the engine asks once more so long after success: success may be reversed."""
    disputes: bool = False
    """True: its webhooks report chargebacks, as a `DisputeNotice`."""
    acknowledge_within: timedelta = timedelta(seconds=5)
    """How long the provider waits for the answer to a webhook."""


class PaymentGateway(Provider):
    """Moves money back. Subclass it, one class per provider.

    Gateways return an `Outcome`. A ProviderError that escapes `refund` is understood as far as it
    proves something (Refused, Retryable and Misconfigured: no money moved); anything else, and
    whatever escapes `query`, is UNKNOWN.
    """

    kind: ClassVar[ProviderKind] = ProviderKind.GATEWAY

    @abstractmethod
    async def refund(self, request: RefundRequest) -> Outcome:
        """Ask the provider to pay back.

        May be called again with an equal request and the same number: the money must move at
        most once. Return an `Outcome` for whatever the provider answered; an exception that
        escapes is recorded as UNKNOWN and settled by `query`.
        """

    @abstractmethod
    async def query(self, request: RefundRequest) -> Outcome:
        """Ask what became of the refund with this number. Moves no money; may be called often.

        When the provider has no such refund, return UNKNOWN with `absent=True`. A gateway whose
        sheet says `can_query=False` is never asked.
        """

    def parse_webhook(self, headers: Headers, body: bytes) -> GatewayNotice | DisputeNotice:
        """Verify the raw bytes first, then translate. No I/O. A DisputeNotice only where the sheet
        says `disputes`.

        Raises WebhookRejected when the message is not authentic, or too old to be.
        """
        raise no_webhooks(self)

    def acknowledgement(self, notice: GatewayNotice | DisputeNotice) -> Acknowledgement:
        """What to answer once this webhook is stored."""
        return Acknowledgement()

    @abstractmethod
    def capabilities(self) -> GatewayCapabilities:
        """The provider's sheet; constant for the life of the object, no I/O."""
