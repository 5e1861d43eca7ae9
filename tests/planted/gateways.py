"""The classes of tests for sound and bad gateways; run by `test_conformance_catches.py`."""

import asyncio
import json
import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import httpx2
import pytest
from pydantic import ConfigDict

from planted import wire
from planted.acme import AcmeBank, AcmeGateway
from planted.catching import README, caught_by, sound
from refund_gql.providers import (
    DisputeNotice,
    DisputeState,
    GatewayCapabilities,
    GatewayNotice,
    Headers,
    Outcome,
    OutcomeState,
    RefundRequest,
    WebhookRejected,
)
from refund_gql.testing import DisputeNews, GatewayConformance, RefundNews, Webhook

UNKNOWN = OutcomeState.UNKNOWN


class DisputedGateway(AcmeGateway):
    """It reports chargebacks, and says so."""

    name = "disputed"

    def capabilities(self) -> GatewayCapabilities:
        return replace(super().capabilities(), disputes=True)

    def parse_webhook(self, headers: Headers, body: bytes) -> GatewayNotice | DisputeNotice:
        wire.verify(headers, body, self.settings)
        message = json.loads(body)
        return self.dispute(message) if "dispute" in message else self.notice(body)

    def dispute(self, message: dict[str, str]) -> DisputeNotice:
        return DisputeNotice(
            event_id=message["id"],
            reference=message["dispute"],
            capture_reference=message["payment"],
            amount=int(Decimal(message["amount"]) * 100),
            currency=message["currency"],
            state=DisputeState(message["status"].upper()),
            at=datetime.fromisoformat(message["at"]),
        )


sound(AcmeGateway)
sound(DisputedGateway)


class PlantedSound(GatewayConformance):
    provider = AcmeGateway
    settings = wire.SETTINGS
    bad_settings = wire.BAD_SETTINGS
    plugin_module = "planted"
    readme = README

    @pytest.fixture
    def account(self) -> AcmeBank:
        return AcmeBank()

    def webhook(self, news: RefundNews | DisputeNews) -> Webhook:
        message = {"id": news.event_id, "amount": "20.00", "currency": news.currency}
        if isinstance(news, DisputeNews):
            message |= {"dispute": news.reference, "payment": news.capture_reference}
            message |= {"status": news.state.lower(), "at": news.sent_at.isoformat()}
        else:
            status = "paid" if news.state else "teleported"
            message |= {"number": news.number, "status": status}
        body = json.dumps(message).encode()
        secret = "of-another-merchant" if news.foreign else wire.SETTINGS["webhook_secret"]
        return Webhook(headers=wire.sign(body, news.sent_at, secret), body=body)


class PlantedDisputed(PlantedSound):
    provider = DisputedGateway


@caught_by(PlantedSound, "same-number-pays-once")
class NewKeyOnRetry(AcmeGateway):
    """The hidden double payment: asked again after a time-out, it pretends to be somebody new."""

    name = "new-key-on-retry"

    def __init__(
        self, settings: wire.PlantedSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings, transport)
        self.failed: set[str] = set()

    async def send(self, request: RefundRequest, key: str) -> httpx2.Response:
        again = key in self.failed
        try:
            return await super().send(request, f"{key}-{uuid4().hex}" if again else key)
        except httpx2.ReadTimeout:
            self.failed.add(key)
            raise


@caught_by(PlantedSound, "same-number-pays-once", "retries-are-left-to-the-engine")
class NewKeyInOneCall(AcmeGateway):
    """The same within one call, where nobody sees it."""

    name = "new-key-in-one-call"

    async def refund(self, request: RefundRequest) -> Outcome:
        outcome = await super().refund(request)
        if outcome.code == "ReadTimeout":
            with suppress(httpx2.HTTPError):
                await self.send(request, f"{request.number}-{uuid4().hex}")
        return outcome


@caught_by(PlantedSound, "retries-are-left-to-the-engine")
class RetriesItself(AcmeGateway):
    name = "retries-itself"

    async def refund(self, request: RefundRequest) -> Outcome:
        outcome = await super().refund(request)
        return await super().refund(request) if outcome.state is UNKNOWN else outcome


@caught_by(PlantedSound, "server-error-is-unknown")
class SuccessOn500(AcmeGateway):
    name = "success-on-500"

    def answered(self, response: httpx2.Response) -> Outcome:
        if response.status_code == 500 and response.request.method == "POST":
            return Outcome(state=OutcomeState.SUCCEEDED)
        return super().answered(response)


@caught_by(PlantedSound, "unknown-status-is-unknown")
class UnknownStatusIsSuccess(AcmeGateway):
    name = "unknown-status-is-success"

    def outcome(self, answer: dict[str, str] | None) -> Outcome:
        outcome = super().outcome(answer)
        strange = outcome.code == "teleported" and answer is not None and "id" not in answer
        return replace(outcome, state=OutcomeState.SUCCEEDED) if strange else outcome


@caught_by(PlantedSound, "time-out-is-unknown")
class TimeoutIsRejected(AcmeGateway):
    name = "timeout-is-rejected"

    async def refund(self, request: RefundRequest) -> Outcome:
        outcome = await super().refund(request)
        lost = outcome.code == "ReadTimeout"
        return replace(outcome, state=OutcomeState.REJECTED) if lost else outcome


@caught_by(PlantedSound, "absent-is-not-rejected")
class AbsentIsRejected(AcmeGateway):
    name = "absent-is-rejected"

    async def query(self, request: RefundRequest) -> Outcome:
        outcome = await super().query(request)
        return Outcome(state=OutcomeState.REJECTED) if outcome.absent else outcome


@caught_by(PlantedSound, "doubtful-query-stays-unknown")
class ErrorIsAbsence(AcmeGateway):
    name = "error-is-absence"

    async def query(self, request: RefundRequest) -> Outcome:
        outcome = await super().query(request)
        return replace(outcome, absent=outcome.state is UNKNOWN)


@caught_by(PlantedSound, "unreadable-answer-is-unknown")
class GarbageIsRejected(AcmeGateway):
    name = "garbage-is-rejected"

    def answered(self, response: httpx2.Response) -> Outcome:
        outcome = super().answered(response)
        garbled = response.status_code == 200 and outcome.code is None
        garbled &= response.request.method == "POST"
        return replace(outcome, state=OutcomeState.REJECTED) if garbled else outcome


@caught_by(PlantedSound, "amounts-are-exact")
class ReadsFloats(AcmeGateway):
    """19.99 * 100 is 1998.9999999999998."""

    name = "reads-floats"

    def decimal(self, amount: int, currency: str) -> str:
        factor = {"EUR": 100, "JPY": 1, "KWD": 1000}[currency]
        return super().decimal(int(amount / factor * factor), currency)

    def outcome(self, answer: dict[str, str] | None) -> Outcome:
        outcome = super().outcome(answer)
        if answer is None or outcome.currency != "EUR":
            return outcome
        return replace(outcome, amount=int(float(answer["amount"]) * 100))


@caught_by(PlantedSound, "amounts-are-exact")
class TwoPlacesForAll(AcmeGateway):
    """A hundredth of the yen, and ten times the dinars."""

    name = "two-places-for-all"

    def decimal(self, amount: int, currency: str) -> str:
        return super().decimal(amount, currency if currency == "JPY" else "EUR")


@caught_by(PlantedSound, "secrets-stay-secret")
class SecretInRepr(AcmeGateway):
    name = "secret-in-repr"

    def __repr__(self) -> str:
        return f"<{self.name} {self.settings.api_key.get_secret_value()}>"


@caught_by(PlantedSound, "secrets-stay-secret")
class SecretInLog(AcmeGateway):
    name = "secret-in-log"

    async def send(self, request: RefundRequest, key: str) -> httpx2.Response:
        logging.getLogger("acme").debug("sending with %s", dict(self.client.headers.raw))
        return await super().send(request, key)


@caught_by(PlantedSound, "secrets-stay-secret")
class SecretInException(AcmeGateway):
    name = "secret-in-exception"

    async def query(self, request: RefundRequest) -> Outcome:
        try:
            return await super().query(request)
        except httpx2.HTTPError as error:
            raise ConnectionError(f"with {self.settings.api_key.get_secret_value()}") from error


@caught_by(PlantedSound, "check-refuses-bad-credentials")
class ChecksNothing(AcmeGateway):
    name = "checks-nothing"

    async def check(self) -> None:
        with suppress(Exception):
            await super().check()


@caught_by(PlantedSound, "check-has-no-effect")
class PaysToCheck(AcmeGateway):
    name = "pays-to-check"

    async def check(self) -> None:
        await super().check()
        one_cent = RefundRequest(
            number=f"CHECK{uuid4().hex}",
            amount=1,
            currency="EUR",
            capture_reference="check",
            captured_amount=1,
        )
        await self.refund(one_cent)


@caught_by(PlantedSound, "tampered-webhook-is-refused")
class TrustsEverybody(AcmeGateway):
    """It looks at the time, and not at the signature."""

    name = "trusts-everybody"

    def parse_webhook(self, headers: Headers, body: bytes) -> GatewayNotice:
        stamp = headers.get("planted-signature", "0").partition(".")[0]
        wire.verify_time(datetime.fromtimestamp(int(stamp), UTC))
        try:
            return self.notice(body)
        except (ValueError, KeyError, ArithmeticError) as error:
            raise WebhookRejected("not a message") from error


@caught_by(PlantedSound, "stale-webhook-is-refused")
class TrustsTheOld(AcmeGateway):
    name = "trusts-the-old"

    def parse_webhook(self, headers: Headers, body: bytes) -> GatewayNotice | DisputeNotice:
        try:
            return super().parse_webhook(headers, body)
        except WebhookRejected as error:
            if str(error) == "too old":
                return self.notice(body)
            raise


@caught_by(PlantedSound, "webhooks-may-repeat")
class NewIdPerDelivery(AcmeGateway):
    name = "new-id-per-delivery"

    def notice(self, body: bytes) -> GatewayNotice:
        notice = super().notice(body)
        return replace(notice, event_id=f"{notice.event_id}-{time.monotonic_ns()}")


@caught_by(PlantedSound, "event-loop-is-free")
class BlocksTheLoop(AcmeGateway):
    name = "blocks-the-loop"

    async def query(self, request: RefundRequest) -> Outcome:
        time.sleep(0.06)  # noqa: ASYNC251 - this is what is wrong with it
        return await super().query(request)


@caught_by(PlantedSound, "retry-after-is-passed-on")
class SwallowsRetryAfter(AcmeGateway):
    name = "swallows-retry-after"

    def answered(self, response: httpx2.Response) -> Outcome:
        return replace(super().answered(response), retry_after=None)


@caught_by(PlantedSound, "client-is-closed")
class StaysOpen(AcmeGateway):
    name = "stays-open"

    async def aclose(self) -> None:
        pass


@caught_by(PlantedSound, "cancelled-call-can-be-queried")
class SwallowsCancellation(AcmeGateway):
    name = "swallows-cancellation"

    async def refund(self, request: RefundRequest) -> Outcome:
        try:
            return await super().refund(request)
        except asyncio.CancelledError:
            return Outcome(state=UNKNOWN)


@caught_by(PlantedSound, "partial-refunds")
class RefundsAllOfIt(AcmeGateway):
    name = "refunds-all-of-it"

    def decimal(self, amount: int, currency: str) -> str:
        # It knows one payment of a hundred, and takes every part of it for the whole.
        return super().decimal(10_000 if amount == 6666 else amount, currency)


@caught_by(PlantedSound, "other-amount-is-refused")
class IgnoresTheAmount(AcmeGateway):
    """A conflict is taken for the success of the first time."""

    name = "ignores-the-amount"

    def state(self, word: str) -> OutcomeState:
        return OutcomeState.SUCCEEDED if word == "conflict" else super().state(word)


@caught_by(PlantedSound, "concurrent-calls-pay-once")
class ChecksThenPays(AcmeGateway):
    """Its own memory instead of the provider's: a race."""

    name = "checks-then-pays"

    def __init__(
        self, settings: wire.PlantedSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings, transport)
        self.paid: dict[str, str] = {}

    async def send(self, request: RefundRequest, key: str) -> httpx2.Response:
        busy = self.paid.get(key) == "busy"
        self.paid[key] = "busy"
        try:
            return await super().send(request, f"{key}-{uuid4().hex}" if busy else key)
        finally:
            self.paid[key] = "idle"


@caught_by(PlantedSound, "webhook-is-understood")
class GuessesNews(AcmeGateway):
    name = "guesses-news"

    def notice(self, body: bytes) -> GatewayNotice:
        notice = super().notice(body)
        return replace(notice, outcome=replace(notice.outcome, state=OutcomeState.SUCCEEDED))


@caught_by(PlantedSound, "chargebacks-are-understood")
class LosesTheOrder(DisputedGateway):
    """It says when the news came, not when the chargeback came to its state."""

    name = "loses-the-order"

    def dispute(self, message: dict[str, str]) -> DisputeNotice:
        return replace(super().dispute(message), at=datetime(2026, 1, 1, tzinfo=UTC))


@caught_by(PlantedSound, "chargebacks-are-understood")
class NamesThePayment(DisputedGateway):
    """Two chargebacks on one payment are one to it."""

    name = "names-the-payment"

    def dispute(self, message: dict[str, str]) -> DisputeNotice:
        return replace(super().dispute(message), reference=message["payment"])


@caught_by(PlantedSound, "query-settles-the-unknown")
class ForgetsWhatWasLost(NewKeyOnRetry):
    """It does not even ask about what it lost."""

    name = "forgets-what-was-lost"

    async def send(self, request: RefundRequest, key: str) -> httpx2.Response:
        try:
            return await AcmeGateway.send(self, request, key)
        except httpx2.ReadTimeout:
            self.failed.add(key)
            raise

    async def query(self, request: RefundRequest) -> Outcome:
        lost = request.number in self.failed
        return Outcome(state=UNKNOWN) if lost else await super().query(request)


@caught_by(PlantedSound, "refused-connection-is-retriable")
class RefusedIsUnknown(AcmeGateway):
    name = "refused-is-unknown"

    async def refund(self, request: RefundRequest) -> Outcome:
        outcome = await super().refund(request)
        refused = outcome.state is OutcomeState.REJECTED and outcome.retry_after is None
        return replace(outcome, state=UNKNOWN) if refused else outcome


class Unmarked(wire.PlantedSettings):
    partner_token: str = "partner-1234"
    """A secret in plain text."""


@caught_by(PlantedSound, "secrets-are-marked")
class KeepsPlainSecrets(AcmeGateway):
    name = "keeps-plain-secrets"
    Settings = Unmarked


class Undescribed(wire.PlantedSettings):
    region: str = "eu"


@caught_by(PlantedSound, "settings-are-described")
class ExplainsNothing(AcmeGateway):
    name = "explains-nothing"
    Settings = Undescribed


class Loose(wire.PlantedSettings):
    model_config = ConfigDict(extra="ignore")


@caught_by(PlantedSound, "settings-are-valid")
class TakesAnySetting(AcmeGateway):
    name = "takes-any-setting"
    Settings = Loose


@caught_by(PlantedSound, "name-is-unique")
class Shouts(AcmeGateway):
    name = "ACME!"
