"""Clients that never give up: each request has a stable key and is sent until it is answered."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2

from support.facts import Acknowledged

_UPSERT = """mutation M($input: OrderInput!) { result: orderUpsert(input: $input) {
    __typename ... on Order { id lines { id } } } }"""
_REQUEST = """mutation M($input: RefundRequestInput!) { result: refundRequest(input: $input) {
    __typename ... on Problem { message }
    ... on Refund { id number amount { amount currency } } } }"""
_CANCEL = """mutation M($input: RefundStepInput!) { result: refundCancel(input: $input) {
    __typename ... on Problem { message } ... on Refund { status } } }"""

UNITS = 12
"""Units of every order's only line."""
PAID_FOR = 8
"""Units whose price was captured: the money is used up before the goods are."""
_EXPECTED = {"Refund", "ExceedsRefundable", "NotRefundable", "InvalidInput"}


@dataclass(kw_only=True)
class History:
    """What the clients were told."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: int = 0
    """Requests for more than was left."""
    sent_again: int = 0
    """Times that a request had to be repeated."""
    surprises: list[str] = field(default_factory=list)
    """Answers that no client should get, killed server or not."""


@dataclass(kw_only=True)
class Shop:
    """One shop as its backend sees it, over a connection that may break at any moment."""

    http: httpx2.AsyncClient
    token: str
    history: History

    async def insist(self, document: str, **variables: Any) -> dict[str, Any]:
        """The result of a mutation, however often it takes."""
        body = {"query": document, "variables": variables}
        headers = {"authorization": f"Bearer {self.token}"}
        while True:
            try:
                response = await self.http.post("/graphql", json=body, headers=headers)
            except httpx2.TransportError:
                pass
            else:
                if response.status_code != 503:
                    return self._result(response)
            self.history.sent_again += 1
            await asyncio.sleep(random.uniform(0.02, 0.1))

    def _result(self, response: httpx2.Response) -> dict[str, Any]:
        if response.status_code != 200 or "errors" in response.json():
            self.history.surprises.append(f"{response.status_code}: {response.text[:300]}")
            return {"__typename": "Surprise"}
        result: dict[str, Any] = response.json()["data"]["result"]
        return result


@dataclass(kw_only=True)
class Crowd:
    """Clients of one shop, who refund the same few orders until nothing is left of them."""

    shop: Shop
    chance: random.Random
    pause: float
    """Seconds between two requests of one client, on average."""
    _open: list[dict[str, Any]] = field(default_factory=list)

    async def client(self, stop: asyncio.Event) -> None:
        """Refund orders until told to stop; the request under way is seen through."""
        while not stop.is_set():
            if self.chance.random() < 0.15:
                await self._change_ones_mind()
            else:
                await self._refund_some()
            await asyncio.sleep(self.chance.uniform(0, 2 * self.pause))

    async def _refund_some(self) -> None:
        order = await self._order()
        key, answer = await self._request(order, self.chance.choice((1, 1, 2, 3)))
        if answer["__typename"] == "Refund":
            self._note(key, answer)
        else:
            self.shop.history.refused += 1
            if order in self._open:
                self._open.remove(order)

    async def _change_ones_mind(self) -> None:
        order = await self._new_order(shipped=True)
        key, answer = await self._request(order, UNITS // 2)
        step = {"refundId": answer["id"], "idempotencyKey": uuid4().hex}
        cancelled = await self.shop.insist(_CANCEL, input=step)
        if cancelled != {"__typename": "Refund", "status": "CANCELLED"}:
            self.shop.history.surprises.append(f"refundCancel: {cancelled}")
        self._note(key, answer, cancelled=True)

    async def _request(self, order: dict[str, Any], quantity: int) -> tuple[str, dict[str, Any]]:
        key = uuid4().hex
        lines = [{"orderLineId": order["lines"][0]["id"], "quantity": quantity}]
        asked = {"orderId": order["id"], "idempotencyKey": key, "lines": lines}
        answer = await self.shop.insist(_REQUEST, input=asked)
        if answer["__typename"] not in _EXPECTED:
            self.shop.history.surprises.append(f"refundRequest: {answer}")
        return key, answer

    def _note(self, key: str, refund: dict[str, Any], *, cancelled: bool = False) -> None:
        told = Acknowledged(
            key=key, number=refund["number"], cancelled=cancelled, **refund["amount"]
        )
        self.shop.history.acknowledged.append(told)

    async def _order(self) -> dict[str, Any]:
        if len(self._open) < 4:
            self._open.append(await self._new_order())
        return self.chance.choice(self._open)

    async def _new_order(self, *, shipped: bool = False) -> dict[str, Any]:
        price = self.chance.choice((1000, 5000, 30000)) + self.chance.randrange(100)
        placed = datetime.now(UTC) - timedelta(days=2)
        parcel = {
            "courier": "SF",
            "trackingNumber": uuid4().hex[:12],
            "shippedAt": (placed + timedelta(days=1)).isoformat(),
        }
        return await self.shop.insist(
            _UPSERT,
            input={
                "number": f"SO-{uuid4().hex[:12]}",
                "currency": "CNY",
                "placedAt": placed.isoformat(),
                "lines": [{"sku": "CUP", "title": "杯子", "quantity": UNITS, "unitPrice": price}],
                "captures": [
                    {
                        "gateway": "sandbox",
                        "reference": f"PAY-{uuid4().hex}",
                        "amount": PAID_FOR * price,
                    }
                ],
                "shipments": [parcel] if shipped else [],
            },
        )
