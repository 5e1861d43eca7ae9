"""The bank's messages: about half of its payments are reported, late, out of order, repeatedly."""

import asyncio
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from refund_gql_sandbox.gateway.message import Message
from refund_gql_sandbox.webhook import sign

_SECRET = "sandbox-webhook-secret"
"""The sandbox's default; it is public."""


@dataclass(kw_only=True)
class Bank:
    """Sends webhooks about what stands in the sandbox's ledger."""

    http: httpx2.AsyncClient
    shop: str
    """The handle of the shop whose payments it reports."""
    ledger: Path
    chance: random.Random
    sent: int = 0
    """Messages that were accepted."""
    _seen: int = 0
    """The last payment that was looked at."""

    async def report(self, stop: asyncio.Event) -> None:
        """Report payments until told to stop; what was not accepted is sent again."""
        waiting: list[Message] = []
        while not stop.is_set():
            for message in self._news():
                if self.chance.random() < 0.5:
                    waiting += [message] * self.chance.choice((1, 2, 3))
            self.chance.shuffle(waiting)
            waiting = [message for message in waiting if not await self._send(message)]
            await asyncio.sleep(0.05)

    def _news(self) -> list[Message]:
        news = "select id, number, amount, currency from payment where id > ? order by id"
        try:
            with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as bank:
                rows = bank.execute(news, (self._seen,)).fetchall()
        except sqlite3.OperationalError:
            return []  # the engine has not made the ledger yet
        self._seen = max([self._seen, *(row[0] for row in rows)])
        return [_message(*row) for row in rows]

    async def _send(self, message: Message) -> bool:
        body = message.model_dump_json().encode()
        try:
            response = await self.http.post(
                f"/webhooks/{self.shop}/sandbox", content=body, headers=sign(body, _SECRET)
            )
        except httpx2.TransportError:
            return False
        self.sent += response.status_code == 200
        return response.status_code == 200


def _message(id: int, number: str, amount: int, currency: str) -> Message:
    known: dict[str, Any] = {"number": number, "amount": amount, "currency": currency}
    return Message(id=f"evt-{id}", state="SUCCEEDED", reference=f"SBX-{number}", **known)
