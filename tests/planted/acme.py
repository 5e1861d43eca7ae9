"""A sound payment gateway, and the bank behind it."""

import json
from decimal import Decimal
from typing import Any

import httpx2

from planted import wire
from planted.wire import PlantedSettings
from refund_gql.providers import (
    DisputeNotice,
    GatewayCapabilities,
    GatewayNotice,
    Headers,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderError,
    RefundRequest,
    Retryable,
)
from refund_gql.testing import GatewayAccount, Payment, Simulator

PLACES = {"EUR": 2, "JPY": 0, "KWD": 3}
STATES = {
    "paid": OutcomeState.SUCCEEDED,
    "pending": OutcomeState.PROCESSING,
    "conflict": OutcomeState.REJECTED,
}


class AcmeGateway(PaymentGateway):
    """Speaks to Acme in major units, as decimal text."""

    name = "acme"
    Settings = PlantedSettings
    settings: PlantedSettings

    def __init__(
        self, settings: PlantedSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings)
        self.client = wire.client(settings, transport or httpx2.AsyncHTTPTransport())

    async def aclose(self) -> None:
        await self.client.aclose()

    async def check(self) -> None:
        await wire.ask(self.client, "GET", "/balance")

    def capabilities(self) -> GatewayCapabilities:
        return GatewayCapabilities(currencies=frozenset(PLACES))

    async def refund(self, request: RefundRequest) -> Outcome:
        try:
            response = await self.send(request, request.number)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return Outcome(state=OutcomeState.REJECTED, retriable=True)
        except httpx2.HTTPError as error:
            return Outcome(state=OutcomeState.UNKNOWN, code=type(error).__name__)
        return self.answered(response)

    async def send(self, request: RefundRequest, key: str) -> httpx2.Response:
        return await self.client.post(
            "/refunds",
            json={
                "payment": request.capture_reference,
                "amount": self.decimal(request.amount, request.currency),
                "currency": request.currency,
            },
            headers={"idempotency-key": key},
        )

    def decimal(self, amount: int, currency: str) -> str:
        return str(Decimal(amount).scaleb(-PLACES[currency]))

    def answered(self, response: httpx2.Response) -> Outcome:
        try:
            return self.outcome(wire.understood(response))
        except Retryable as error:
            return Outcome(
                state=OutcomeState.REJECTED, retriable=True, retry_after=error.retry_after
            )
        except ProviderError as error:
            return Outcome(state=OutcomeState.UNKNOWN, code=error.code, message=str(error))

    def outcome(self, answer: Any) -> Outcome:
        if answer is None:
            return Outcome(state=OutcomeState.UNKNOWN, absent=True)
        currency = answer["currency"]
        return Outcome(
            state=self.state(answer["status"]),
            code=answer["status"],
            amount=int(Decimal(answer["amount"]).scaleb(PLACES[currency])),
            currency=currency,
        )

    def state(self, word: str) -> OutcomeState:
        return STATES.get(word, OutcomeState.UNKNOWN)

    async def query(self, request: RefundRequest) -> Outcome:
        response = await self.client.get(f"/refunds/{request.number}")
        return self.answered(response)

    def parse_webhook(self, headers: Headers, body: bytes) -> GatewayNotice | DisputeNotice:
        wire.verify(headers, body, self.settings)
        return self.notice(body)

    def notice(self, body: bytes) -> GatewayNotice:
        message = json.loads(body)
        return GatewayNotice(
            event_id=message["id"], number=message["number"], outcome=self.outcome(message)
        )


class AcmeBank(Simulator, GatewayAccount):
    """Remembers refunds by idempotency key."""

    def __init__(self) -> None:
        super().__init__()
        self.refunds: dict[str, dict[str, str]] = {}

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        if not wire.authorised(request):
            return httpx2.Response(401, json={"error": "who are you?"})
        if request.method == "POST":
            return self.refund(request.headers["idempotency-key"], json.loads(request.content))
        if request.url.path == "/balance":
            return httpx2.Response(200, json={"balance": "1000.00"})
        found = self.refunds.get(request.url.path.rpartition("/")[2])
        return httpx2.Response(200, json=found) if found else httpx2.Response(404)

    def refund(self, key: str, asked: dict[str, str]) -> httpx2.Response:
        found = self.refunds.get(key)
        if found is None:
            found = self.refunds[key] = {**asked, "status": "paid"}
            self.payments.append(
                Payment(
                    amount=int(Decimal(asked["amount"]).scaleb(PLACES[asked["currency"]])),
                    currency=asked["currency"],
                    capture_reference=asked["payment"],
                )
            )
        same = {**found, "status": ""} == {**asked, "status": ""}
        return httpx2.Response(200, json=found if same else {**asked, "status": "conflict"})

    def unrecognised(self, answer: httpx2.Response) -> httpx2.Response:
        return httpx2.Response(200, json={**answer.json(), "status": "teleported"})
