"""From what happened to a refund to the messages about it: the job `announce`.

One job per change of a refund, enqueued in the change's own transaction. Messages, their jobs
and the webhooks to the shop come to be in one transaction of this job, or not at all.
"""

from collections.abc import Sequence
from uuid import UUID

from refund_gql import database
from refund_gql.database import Transaction
from refund_gql.events import EventType
from refund_gql.models import Customer, Event, Message, Refund, Shop
from refund_gql.outbox import deliveries, drafts, facts
from refund_gql.outbox.channels import Channels, preferred
from refund_gql.outbox.drafts import About, Draft
from refund_gql.outbox.kinds import BY_EVENT, KINDS, MessageKind

MISSING = """
select 'announce' as kind, id || ':' || announced + 1 || ':' || version as subject,
       'announce:' || id || ':' || version || ':missing' as key
  from refund where announced < version and not imported
   and updated_at between now() - interval '30 days' and now() - interval '10 minutes'
"""
"""The changes that nobody was told of although there was time to, for the reconciler."""

# A change whose job was lost stays open, however many later ones are announced.
_ANNOUNCED = """
update refund set announced = $3 where id = $1 and announced between $2 - 1 and $3 - 1
"""


async def announce(channels: Channels, subject: str) -> None:
    """The job `announce`; its subject is an `events.span`. A second run adds nothing."""
    refund_text, first, last = subject.split(":")
    refund_id = UUID(refund_text)

    async def work(tx: Transaction) -> None:
        refund = await Refund.filter(id=refund_id).using_db(tx).get()
        history = await (
            Event.filter(refund_id=refund_id, version__lte=int(last))
            .order_by("version")
            .using_db(tx)
        )
        fresh = [event for event in history if event.version >= int(first)]
        await _tell(tx, channels, refund, history, int(first))
        await deliveries.enqueue(tx, refund, fresh)
        await tx.execute_query(_ANNOUNCED, [refund_id, int(first), int(last)])

    # Under the refund's lock, a second worker with the same job finds what the first has done.
    await database.transaction(work, refunds=(refund_id,))


async def _tell(
    tx: Transaction,
    channels: Channels,
    refund: Refund,
    history: Sequence[Event],
    first: int,
) -> None:
    """Queue the message about the change, if it is news and its customer is known."""
    found = news(history, first)
    if found is None or refund.imported or refund.customer_id is None:
        return
    kind, event = found
    known = Message.filter(refund_id=refund.id, event=kind, version=event.version)
    if await known.using_db(tx).exists():
        return
    shop = await Shop.filter(id=refund.shop_id).using_db(tx).get()
    customer = await Customer.filter(id=refund.customer_id).using_db(tx).get()
    if not preferred(shop, customer, kind):
        return
    # What a rule asks for is about the latest of its sort, whenever that was.
    at = None if event.type is EventType.MESSAGE_REQUESTED else event.at
    values = await facts.gather(tx, shop, refund, kind, customer.locale, at=at)
    draft = Draft(
        shop=shop,
        customer=customer,
        kind=kind,
        about=About.event(event),
        locale=customer.locale,
        values=values,
    )
    if not await drafts.queue(tx, channels, draft):
        await drafts.bury(tx, draft)


def news(history: Sequence[Event], first: int) -> tuple[MessageKind, Event] | None:
    """What the change that began with version `first` is to the customer; None: nothing new.

    `history` is everything that ever happened, oldest first, up to the end of the change. Of
    several pieces of news in one change only the last is told: it says it all. Pure.
    """
    told: set[tuple[MessageKind, int]] = set()
    found = None
    for place, event in enumerate(history):
        kind = _kind(event)
        if kind is None:
            continue
        again = KINDS[kind].again_after
        occurrence = sum(past.type in again for past in history[: place + 1])
        said = {kind for kind, _ in told}
        if (kind, occurrence) in told or said & KINDS[kind].unless_told:
            continue
        told.add((kind, occurrence))
        if event.version >= first:
            found = kind, event
    return found


def _kind(event: Event) -> MessageKind | None:
    """The news an event is. A rule cannot have customers told what does not hold: it is no news
    then, and will be when it does."""
    if event.type is not EventType.MESSAGE_REQUESTED:
        return BY_EVENT.get(event.type)
    kind = MessageKind.__members__.get(event.payload["message"])
    return kind if kind is not None and event.status in KINDS[kind].holds_in else None
