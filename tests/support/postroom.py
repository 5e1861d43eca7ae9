"""Channels in memory: what was sent through them, and how they fail when told to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from refund_gql import jobs
from refund_gql.database import Transaction
from refund_gql.errors import Unavailable
from refund_gql.events import span
from refund_gql.models import Customer, Event, Message, Shop
from refund_gql.outbox import announcing
from refund_gql.providers import EMAIL, PHONE, Delivery, Notification, Notifier
from support.world import World


class Letterbox(Notifier):
    """By e-mail; drops a second message with the same id."""

    name = "letterbox"
    address = EMAIL
    idempotent = True

    async def check(self) -> None:
        """Nothing to prove."""

    async def send(self, message: Notification) -> Delivery:
        raise NotImplementedError("the postroom sends")


class Pager(Letterbox):
    """By telephone, in few words; whatever is sent twice arrives twice."""

    name = "pager"
    address = PHONE
    idempotent = False
    longest_text = 20


class Robot(Letterbox):
    """Needs no address."""

    name = "robot"
    address = ""


class Chat(Letterbox):
    """By an address of the shop's own naming."""

    name = "chat"
    address = "chat_openid"


@dataclass
class Postroom:
    """Every channel, each with a list of what it was given; `Channels` of the outbox."""

    sent: dict[str, list[Notification]] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    answer: Callable[[str, Notification], BaseException | None] = lambda name, message: None
    """What a call ends with instead of an arrival; None delivers."""

    def offer(self, name: str) -> type[Notifier] | None:
        known = {kind.name: kind for kind in (Letterbox, Pager, Robot, Chat)}
        return None if name in self.absent else known.get(name)

    async def send(self, shop_id: UUID, name: str, message: Notification) -> Delivery:
        if self.offer(name) is None:
            raise Unavailable(f"{name} is not there")
        if error := self.answer(name, message):
            raise error
        self.arrive(name, message)
        return Delivery(reference=f"ref-{len(self.sent[name])}")

    def arrive(self, name: str, message: Notification) -> None:
        """The customer has it."""
        self.sent.setdefault(name, []).append(message)

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Channel and text of everything that arrived."""
        return [(name, message.text) for name, all_ in self.sent.items() for message in all_]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A job that would have been enqueued."""

    kind: str
    subject: str
    key: str
    run_at: datetime | None


@asynccontextmanager
async def by_hand(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Alarm]]:
    """Keep the outbox's own jobs from the worker: the test does them, when it wants to."""
    alarms: list[Alarm] = []
    enqueue = jobs.enqueue

    async def catch(
        tx: Transaction, kind: str, subject: object, *, key: str, run_at: datetime | None = None
    ) -> None:
        if kind in ("announce", "message", "deliver"):
            alarms.append(Alarm(kind=kind, subject=str(subject), key=key, run_at=run_at))
        else:
            await enqueue(tx, kind, subject, key=key, run_at=run_at)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "enqueue", catch)
        yield alarms


async def reachable(world: World, **order: list[str]) -> Customer:
    """The shop's customer with e-mail and telephone, and the shop's order of channels."""
    await Shop.filter(id=world.shop.id).update(channel_order=order)
    await Customer.filter(shop_id=world.shop.id, reference="C-1").update(
        email="wang@shop.example", phone="13800000000"
    )
    return await Customer.get(shop_id=world.shop.id, reference="C-1")


async def announce_all(postroom: Postroom, refund_id: UUID) -> list[Message]:
    """Announce every change of a refund, one after the other; returns its messages."""
    for first, last in await changes(refund_id):
        await announcing.announce(postroom, span(refund_id, first, last))
    return await Message.filter(refund_id=refund_id).order_by("version", "created_at", "id")


async def changes(refund_id: UUID) -> list[tuple[int, int]]:
    """First and last version of every change: its events have one time."""
    by_time: dict[datetime, list[int]] = {}
    for event in await Event.filter(refund_id=refund_id).order_by("version"):
        by_time.setdefault(event.at, []).append(event.version)
    return [(versions[0], versions[-1]) for versions in by_time.values()]


def told(messages: list[Message]) -> list[tuple[Any, ...]]:
    """Kind, channel and status of every message."""
    return [(m.event, m.channel, m.status.value) for m in messages]
