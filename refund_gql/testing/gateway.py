"""The rules for payment gateways: what the gateway says, against what its account has paid."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import uuid4

from refund_gql.providers import (
    Acknowledgement,
    DisputeNotice,
    DisputeState,
    GatewayNotice,
    Misconfigured,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderKind,
    RefundRequest,
    Refused,
    Retryable,
)
from refund_gql.testing.accounts import GatewayAccount, Payment
from refund_gql.testing.faults import ERRORS, LOST, UNREADABLE, Fault, On
from refund_gql.testing.suite import eventually, missing, rule
from refund_gql.testing.webhooks import News, Webhook, WebhookConformance

SUCCEEDED, PROCESSING = OutcomeState.SUCCEEDED, OutcomeState.PROCESSING
REJECTED, UNKNOWN = OutcomeState.REJECTED, OutcomeState.UNKNOWN
ACCEPTED = {SUCCEEDED, PROCESSING}
AMOUNTS = (1, 115, 1005, 1999, 100_000_000_001)
"""Minor units; 1.15, 10.05 and 19.99 are the ones that floats get wrong."""


@dataclass(frozen=True, kw_only=True)
class RefundNews(News):
    """What a webhook says about one refund."""

    number: str
    amount: int = 2000
    """Minor units."""
    currency: str = "EUR"
    state: OutcomeState | None = SUCCEEDED
    """None for a status word that the provider's documents do not have."""


@dataclass(frozen=True, kw_only=True)
class DisputeNews(News):
    """What a webhook says about one chargeback."""

    reference: str
    """The provider's own."""
    capture_reference: str
    amount: int = 2000
    """Minor units."""
    currency: str = "EUR"
    state: DisputeState = DisputeState.OPENED
    reason: str = "FRAUD"
    """A code that the provider may have; only its presence is checked."""


async def said(call: Awaitable[Outcome]) -> Outcome:
    """What a refund proved, as the engine understands it: errors that escape included."""
    try:
        return await call
    except Retryable as error:
        return Outcome(state=REJECTED, retriable=True, retry_after=error.retry_after)
    except (Refused, Misconfigured):
        return Outcome(state=REJECTED)
    except Exception as error:
        return Outcome(state=UNKNOWN, code=type(error).__name__)


async def asked(gateway: PaymentGateway, request: RefundRequest) -> Outcome:
    """What a query proved; an error that escapes it proves nothing about the money."""
    try:
        return await gateway.query(request)
    except Exception:
        return Outcome(state=UNKNOWN)


class GatewayConformance(WebhookConformance):
    """The tests of a payment gateway."""

    kind = ProviderKind.GATEWAY
    currency: ClassVar[str] = "EUR"
    """For the refunds that are not about currencies; one that the sheet has."""

    def request(
        self, account: GatewayAccount, *, amount: int = 2000, currency: str = ""
    ) -> RefundRequest:
        """A refund of a whole payment, with a number never used before."""
        chosen = currency or self.currency
        return RefundRequest(
            number=f"RF{uuid4().hex.upper()}",
            amount=amount,
            currency=chosen,
            capture_reference=account.capture(amount, chosen),
            captured_amount=amount,
        )

    def news(self) -> RefundNews:
        """News about a refund never heard of."""
        return RefundNews(number=f"RF{uuid4().hex.upper()}", currency=self.currency)

    def chargeback(self) -> DisputeNews:
        """News about a chargeback never heard of."""
        return DisputeNews(
            reference=f"DP{uuid4().hex.upper()}",
            capture_reference=f"PAY{uuid4().hex.upper()}",
            currency=self.currency,
        )

    def notices(
        self, provider: PaymentGateway, webhook: Webhook
    ) -> tuple[GatewayNotice | DisputeNotice, ...]:
        """The one notice of a webhook."""
        return (provider.parse_webhook(webhook.headers, webhook.body),)

    async def call(self, provider: PaymentGateway, account: GatewayAccount, on: On) -> object:
        """A refund, or a query."""
        request = self.request(account)
        return await (provider.refund(request) if on is On.ACTIONS else provider.query(request))

    def effects(self, account: GatewayAccount) -> object:
        """The payments."""
        return list(account.paid())

    def ways(self, provider: PaymentGateway) -> tuple[On, ...]:
        """Queries only where the sheet has them."""
        return tuple(On) if provider.capabilities().can_query else (On.ACTIONS,)

    async def _after(
        self, account: GatewayAccount, faults: tuple[Fault, ...]
    ) -> list[tuple[Fault, Outcome]]:
        """What the gateway says of a refund under each of the faults."""
        found = []
        async with self.opened(account) as gateway:
            for fault in faults:
                with account.struck(fault):
                    found.append((fault, await said(gateway.refund(self.request(account)))))
        return found

    # --- Bronze: it cannot lose money -------------------------------------------------------

    @rule("same-number-pays-once")
    async def test_same_number_pays_once(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            for fault in (None, Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.ERROR_AFTER):
                before = len(account.paid())
                request = self.request(account)
                if fault is not None:
                    with account.struck(fault):
                        await said(gateway.refund(request))
                for _ in range(3):
                    await said(gateway.refund(request))
                paid = list(account.paid())[before:]
                assert paid == [_payment(request)], f"after {fault or 'no fault'}"

    @rule("other-amount-is-refused")
    async def test_other_amount_is_refused(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            request = self.request(account)
            first = await said(gateway.refund(request))
            assert first.state in ACCEPTED, "an ordinary refund was not accepted"
            second = await said(gateway.refund(replace(request, amount=request.amount - 100)))
        assert list(account.paid()) == [_payment(request)]
        assert second.state not in ACCEPTED

    @rule("time-out-is-unknown")
    async def test_time_out_is_unknown(self, account: GatewayAccount) -> None:
        for fault, outcome in await self._after(account, LOST):
            assert outcome.state is UNKNOWN, fault

    @rule("server-error-is-unknown")
    async def test_server_error_is_unknown(self, account: GatewayAccount) -> None:
        for fault, outcome in await self._after(account, ERRORS):
            assert outcome.state is UNKNOWN, fault

    @rule("unreadable-answer-is-unknown")
    async def test_unreadable_answer_is_unknown(self, account: GatewayAccount) -> None:
        for fault, outcome in await self._after(account, UNREADABLE):
            assert outcome.state is UNKNOWN, fault

    @rule("unknown-status-is-unknown")
    async def test_unknown_status_is_unknown(self, account: GatewayAccount) -> None:
        for fault, outcome in await self._after(account, (Fault.UNRECOGNISED,)):
            assert outcome.state is UNKNOWN, fault
        async with self.opened(account) as gateway:
            if On.READS not in self.ways(gateway):
                return
            request = self.request(account)
            await said(gateway.refund(request))
            with account.struck(Fault.UNRECOGNISED, On.READS):
                found = await asked(gateway, request)
            assert found.state is UNKNOWN, "query"

    @rule("absent-is-not-rejected")
    async def test_absent_is_not_rejected(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            if On.READS in self.ways(gateway):
                outcome = await asked(gateway, self.request(account))
                assert (outcome.state, outcome.absent) == (UNKNOWN, True)

    @rule("doubtful-query-stays-unknown")
    async def test_doubtful_query_stays_unknown(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            if On.READS not in self.ways(gateway):
                return
            for fault in (*LOST, *ERRORS, *UNREADABLE, Fault.CONNECTION_REFUSED):
                request = self.request(account)
                await said(gateway.refund(request))
                with account.struck(fault, On.READS):
                    outcome = await asked(gateway, request)
                assert (outcome.state, outcome.absent) == (UNKNOWN, False), fault

    @rule("amounts-are-exact")
    async def test_amounts_are_exact(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            sheet = gateway.capabilities().currencies
            tried = [one for one in ("EUR", "JPY", "KWD") if sheet is None or one in sheet]
            for currency in tried or [self.currency]:
                for amount in AMOUNTS:
                    request = self.request(account, amount=amount, currency=currency)
                    outcome = await said(gateway.refund(request))
                    assert list(account.paid())[-1:] == [_payment(request)]
                    assert outcome.amount in (None, amount), f"echoed for {amount} {currency}"
                    assert outcome.currency in (None, currency)

    # --- Silver: it stays up ----------------------------------------------------------------

    @rule("query-settles-the-unknown")
    async def test_query_settles_the_unknown(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            if On.READS not in self.ways(gateway):
                missing("query-settles-the-unknown", "the sheet says `can_query=False`.")
            request = self.request(account)
            with account.struck(Fault.TIMEOUT_AFTER):
                await said(gateway.refund(request))
            assert (await asked(gateway, request)).state in ACCEPTED

    @rule("cancelled-call-can-be-queried")
    async def test_cancelled_call_can_be_queried(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            request = self.request(account)
            with account.struck(Fault.HANG_AFTER):
                call = asyncio.ensure_future(gateway.refund(request))
                await eventually(lambda: len(account.paid()) == 1 or call.done())
                call.cancel()
                with suppress(asyncio.CancelledError):
                    await call
            assert call.cancelled(), "CancelledError was swallowed, or the call did not hang"
            if On.READS in self.ways(gateway):
                assert (await asked(gateway, request)).state in ACCEPTED
            await said(gateway.refund(request))
        assert list(account.paid()) == [_payment(request)]

    @rule("concurrent-calls-pay-once")
    async def test_concurrent_calls_pay_once(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            request = self.request(account)
            outcomes = await asyncio.gather(*(said(gateway.refund(request)) for _ in range(20)))
        assert list(account.paid()) == [_payment(request)]
        assert ACCEPTED & {outcome.state for outcome in outcomes}, "none of them was accepted"

    @rule("refused-connection-is-retriable")
    async def test_refused_connection_is_retriable(self, account: GatewayAccount) -> None:
        for _, outcome in await self._after(account, (Fault.CONNECTION_REFUSED,)):
            assert (outcome.state, outcome.retriable) == (REJECTED, True)

    @rule("retries-are-left-to-the-engine")
    async def test_retries_are_left_to_the_engine(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            for fault in (Fault.TIMEOUT_BEFORE, Fault.ERROR_BEFORE, Fault.RATE_LIMITED):
                before = account.actions()
                with account.struck(fault):
                    await said(gateway.refund(self.request(account)))
                after = account.actions()
                # Accounts without a transport cannot count what was asked of them.
                assert after is None or after - (before or 0) == 1, fault

    @rule("webhook-is-understood")
    async def test_webhook_is_understood(self, account: GatewayAccount) -> None:
        if await self.refuses_all(account):
            return
        news = self.news()
        async with self.opened(account) as gateway:
            (known,) = self.notices(gateway, self.webhook(news))
            (strange,) = self.notices(gateway, self.webhook(news.but(state=None)))
            answer = gateway.acknowledgement(known)
        assert isinstance(known, GatewayNotice)
        assert isinstance(strange, GatewayNotice)
        assert (known.number, known.outcome.state) == (news.number, SUCCEEDED)
        assert known.outcome.amount in (None, news.amount)
        assert strange.outcome.state is UNKNOWN
        assert isinstance(answer, Acknowledgement)
        assert 200 <= answer.status < 300

    @rule("chargebacks-are-understood")
    async def test_chargebacks_are_understood(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            if not gateway.capabilities().disputes:
                return
            opened = self.chargeback()
            for state in DisputeState:
                news = opened.but(state=state, event_id=uuid4().hex)
                (notice,) = self.notices(gateway, self.webhook(news))
                assert isinstance(notice, DisputeNotice), "no DisputeNotice"
                assert notice.at == news.sent_at
                said = notice.reference, notice.capture_reference, notice.amount, notice.currency
                meant = news.reference, news.capture_reference, news.amount, news.currency
                assert (notice.event_id != "", notice.state, said) == (True, state, meant)

    # --- Gold: it is pleasant ---------------------------------------------------------------

    @rule("partial-refunds")
    async def test_partial_refunds(self, account: GatewayAccount) -> None:
        async with self.opened(account) as gateway:
            if not gateway.capabilities().partial:
                missing("partial-refunds", "the sheet says `partial=False`.")
            whole = self.request(account, amount=10_000)
            parts = [
                replace(whole, number=f"RF{uuid4().hex.upper()}", amount=amount)
                for amount in (1, 3333, 6666)
            ]
            for part in parts:
                assert (await said(gateway.refund(part))).state in ACCEPTED
            for part in parts:
                if On.READS in self.ways(gateway):
                    found = await asked(gateway, part)
                    assert found.state in ACCEPTED
                    assert found.amount in (None, part.amount)
        assert list(account.paid()) == [_payment(part) for part in parts]


def _payment(request: RefundRequest) -> Payment:
    return Payment(
        amount=request.amount,
        currency=request.currency,
        capture_reference=request.capture_reference,
    )
