"""A payment gateway in memory."""

from dataclasses import dataclass

from refund_gql.providers import (
    GatewayCapabilities,
    GatewayNotice,
    Headers,
    Misconfigured,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderSettings,
    RefundRequest,
)
from refund_gql.testing.accounts import GatewayAccount, Payment
from refund_gql.testing.fakes import signing
from refund_gql.testing.fakes.memory import (
    FakeSettings,
    MemoryAccount,
    NobodyKnows,
    NothingDone,
    WrongKey,
    translated,
)
from refund_gql.testing.faults import On

_STATES = {state.value: state for state in (OutcomeState.SUCCEEDED, OutcomeState.REVERSED)}


@dataclass(frozen=True, kw_only=True)
class Refunded:
    """A refund the bank has made."""

    reference: str
    request: RefundRequest


class FakeBank(MemoryAccount, GatewayAccount):
    """A bank that pays a number once, and refuses it with other values."""

    def __init__(self) -> None:
        super().__init__()
        self.refunds: dict[str, Refunded] = {}

    def pay(self, request: RefundRequest) -> Outcome:
        """Pay, unless the number was paid before."""
        known = self.refunds.get(request.number)
        if known is None:
            return _outcome(self._pay_now(request))
        if known.request != request:
            return Outcome(state=OutcomeState.REJECTED, code="NUMBER_REUSED")
        return _outcome(known)

    def _pay_now(self, request: RefundRequest) -> Refunded:
        refunded = Refunded(reference=f"fake-{len(self.refunds) + 1}", request=request)
        self.refunds[request.number] = refunded
        self.payments.append(
            Payment(
                amount=request.amount,
                currency=request.currency,
                capture_reference=request.capture_reference,
            )
        )
        return refunded

    def find(self, request: RefundRequest) -> Outcome:
        """What became of a number."""
        known = self.refunds.get(request.number)
        if known is None:
            return Outcome(state=OutcomeState.UNKNOWN, code="NOT_FOUND", absent=True)
        return _outcome(known)


class FakeGateway(PaymentGateway):
    """Pays from a `FakeBank`; one of its own, if none is given."""

    name = "fake"
    Settings = FakeSettings
    settings: FakeSettings

    def __init__(
        self, settings: ProviderSettings | None = None, account: FakeBank | None = None
    ) -> None:
        super().__init__(settings or FakeSettings())
        self.account = account or FakeBank()

    def capabilities(self) -> GatewayCapabilities:
        """No restrictions."""
        return GatewayCapabilities()

    async def check(self) -> None:
        """Ask the bank for nothing in particular."""
        with translated():
            await self.account.reach(self.settings, On.READS, lambda: None)

    async def refund(self, request: RefundRequest) -> Outcome:
        """Pay once per number."""
        try:
            return await self.account.reach(
                self.settings, On.ACTIONS, lambda: self.account.pay(request)
            )
        except NothingDone as error:
            return Outcome(state=OutcomeState.REJECTED, retriable=True, retry_after=error.wait)
        except NobodyKnows as error:
            return Outcome(state=OutcomeState.UNKNOWN, code=str(error))
        except WrongKey as error:
            raise Misconfigured(str(error), field="api_key") from error

    async def query(self, request: RefundRequest) -> Outcome:
        """What became of a number."""
        try:
            return await self.account.reach(
                self.settings, On.READS, lambda: self.account.find(request)
            )
        except (NothingDone, NobodyKnows, WrongKey) as error:
            wait = error.wait if isinstance(error, NothingDone) else None
            return Outcome(state=OutcomeState.UNKNOWN, code=str(error), retry_after=wait)

    def parse_webhook(self, headers: Headers, body: bytes) -> GatewayNotice:
        """Messages with the keys id, number, state, amount and currency."""
        message = signing.opened(self.settings, headers, body)
        outcome = Outcome(
            state=_STATES.get(message["state"], OutcomeState.UNKNOWN),
            code=message["state"],
            amount=message["amount"],
            currency=message["currency"],
        )
        return GatewayNotice(event_id=message["id"], number=message["number"], outcome=outcome)


def _outcome(refunded: Refunded) -> Outcome:
    return Outcome(
        state=OutcomeState.SUCCEEDED,
        reference=refunded.reference,
        amount=refunded.request.amount,
        currency=refunded.request.currency,
    )
