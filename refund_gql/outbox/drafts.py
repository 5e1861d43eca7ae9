"""News that has no channel yet, and the row it becomes when it gets one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from refund_gql import clock, jobs
from refund_gql.choices import MessageStatus
from refund_gql.database import Transaction
from refund_gql.events import EventType
from refund_gql.models import Customer, Event, Message, ShipmentAnomaly, Shop
from refund_gql.outbox import wording
from refund_gql.outbox.channels import Channels, choose, preferred
from refund_gql.outbox.kinds import KINDS, MessageKind
from refund_gql.outbox.wording import Place

NO_ADDRESS = "NO_ADDRESS"
"""The code of a message to somebody whom no channel reaches."""

_IDS = UUID("6f1b1c0e-6c0d-5c11-9d43-3c8f2b7f8a11")
"""The namespace of message ids; never changes."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What happened, and to what."""

    at: datetime
    refund_id: UUID | None = None
    anomaly_id: UUID | None = None
    version: int = 0
    """Of the refund's event."""
    requested: bool = False
    """A rule wants it told, at once."""

    @classmethod
    def event(cls, event: Event) -> Self:
        """Something that happened to a refund."""
        return cls(
            at=event.at,
            refund_id=event.refund_id,
            version=event.version,
            requested=event.type is EventType.MESSAGE_REQUESTED,
        )

    @classmethod
    def anomaly(cls, anomaly: ShipmentAnomaly) -> Self:
        """Something wrong with a parcel; no refund needs to be asked for."""
        return cls(at=anomaly.opened_at, anomaly_id=anomaly.id)

    @classmethod
    async def of(cls, tx: Transaction, message: Message) -> Self:
        """What a message is about."""
        if message.anomaly_id is not None:
            return cls.anomaly(await ShipmentAnomaly.get(id=message.anomaly_id, using_db=tx))
        events = Event.filter(refund_id=message.refund_id, version=message.version)
        return cls.event(await events.using_db(tx).get())


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is to be said to one customer about one event."""

    shop: Shop
    customer: Customer
    kind: MessageKind
    about: About
    """What happened; a kind is told once about it, through each channel at most once."""
    locale: str
    values: Mapping[str, str]
    """What a text of this kind may mention."""

    @property
    def due(self) -> datetime:
        """Not to be sent before, UTC."""
        if self.about.requested:
            return self.about.at
        return self.about.at + KINDS[self.kind].waits


async def of(tx: Transaction, message: Message) -> Draft:
    """The news that a message is about."""
    return Draft(
        shop=await Shop.filter(id=message.shop_id).using_db(tx).get(),
        customer=await Customer.filter(id=message.customer_id).using_db(tx).get(),
        kind=MessageKind(message.event),
        about=await About.of(tx, message),
        locale=message.locale,
        values=message.variables,
    )


async def queue(
    tx: Transaction, channels: Channels, draft: Draft, *, tried: Collection[str] = ()
) -> bool:
    """Make the message for the best channel that was not tried; False when there is none."""
    names = [
        name for name in preferred(draft.shop, draft.customer, draft.kind) if name not in tried
    ]
    channel = choose(channels, draft.customer, names)
    if channel is None:
        return False
    message = await _message(tx, draft, channel)
    await Message.bulk_create([message], ignore_conflicts=True, using_db=tx)
    await schedule(tx, message.id, draft.due)
    return True


async def bury(tx: Transaction, draft: Draft) -> None:
    """Keep the news as a dead letter: nobody can be reached, and staff should know."""
    channel = preferred(draft.shop, draft.customer, draft.kind)[0]
    message = await _message(tx, draft, channel)
    message.status, message.code = MessageStatus.DEAD, NO_ADDRESS
    await Message.bulk_create([message], ignore_conflicts=True, using_db=tx)


async def schedule(tx: Transaction, message_id: UUID, at: datetime) -> None:
    """Have the message sent at this time, UTC. The running job still holds its own key, so each
    is named by its time."""
    key = f"message:{message_id}:{at.timestamp()}"
    await jobs.enqueue(tx, "message", message_id, key=key, run_at=at)


async def _message(tx: Transaction, draft: Draft, channel: str) -> Message:
    place = Place(kind=draft.kind, locale=draft.locale, channel=channel)
    text = await wording.write(tx, draft.shop.id, place, draft.values)
    about = draft.about
    subject_id, version = about.refund_id or about.anomaly_id, about.version
    return Message(
        id=uuid5(_IDS, f"{subject_id}:{draft.kind}:{version}:{channel}"),
        shop_id=draft.shop.id,
        refund_id=about.refund_id,
        anomaly_id=about.anomaly_id,
        customer_id=draft.customer.id,
        event=draft.kind,
        version=version,
        channel=channel,
        locale=draft.locale,
        subject=text.subject,
        text=text.text,
        variables=draft.values,
        created_at=clock.now(),
    )
