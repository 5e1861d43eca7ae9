"""A sound channel of text messages, without idempotency, and the network behind it."""

import json

import httpx2

from planted import wire
from planted.wire import PlantedSettings
from refund_gql.providers import PHONE, Delivery, Notification, Notifier
from refund_gql.testing import NotifierAccount, Sent, Simulator

BAD_NUMBER = "000"


class TextsNotifier(Notifier):
    """Posts one message at a time."""

    name = "texts"
    Settings = PlantedSettings
    settings: PlantedSettings
    address = PHONE

    def __init__(
        self, settings: PlantedSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings)
        self.client = wire.client(settings, transport or httpx2.AsyncHTTPTransport())

    async def aclose(self) -> None:
        await self.client.aclose()

    async def check(self) -> None:
        await wire.ask(self.client, "GET", "/account")

    async def send(self, message: Notification) -> Delivery:
        return await self.post(message, message.id)

    async def post(self, message: Notification, message_id: str) -> Delivery:
        body = {"to": message.address, "text": message.text, "id": message_id}
        answer = await wire.ask(self.client, "POST", "/messages", json=body)
        return Delivery(reference=answer["reference"])


class Network(Simulator, NotifierAccount):
    """Delivers whatever it gets, as often as it gets it."""

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        if not wire.authorised(request):
            return httpx2.Response(401)
        if request.method == "GET":
            return httpx2.Response(200, json={})
        asked = json.loads(request.content)
        if asked["to"] == BAD_NUMBER:
            return httpx2.Response(422)
        self.ids.append(asked["id"])
        self.messages.append(Sent(address=asked["to"], text=asked["text"]))
        return httpx2.Response(200, json={"reference": str(len(self.messages))})

    def unrecognised(self, answer: httpx2.Response) -> httpx2.Response:
        return httpx2.Response(200, json={"reference": "?", "status": "teleported"})
