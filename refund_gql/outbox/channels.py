"""Which channel a message takes: the customer's wish, then the shop's order, as data.

What a channel is called is stored; what it is, the plugins of this process know. A name that no
plugin answers to is kept, and waited for.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from refund_gql import validation
from refund_gql.errors import InvalidInput
from refund_gql.models import Customer, Shop
from refund_gql.outbox.kinds import MessageKind
from refund_gql.providers.notifier import EMAIL, PHONE, Delivery, Notification, Notifier

DEFAULT = "DEFAULT"
"""In a shop's order: every kind of message that has no order of its own."""
MAX_CHANNELS = 10
"""In one order of preference."""


class Channels(Protocol):
    """The notifiers of this process."""

    def offer(self, name: str) -> type[Notifier] | None:
        """What the channel of this name is like; None when no plugin brings it."""

    async def send(self, shop_id: UUID, name: str, message: Notification) -> Delivery:
        """Hand one message over, as `Notifier.send`, within a deadline.

        Raises ProviderError, or errors.Unavailable when the channel is absent, down or not set
        up for this shop: nothing was sent.
        """


# --- which one --------------------------------------------------------------------------------


def preferred(shop: Shop, customer: Customer, kind: MessageKind) -> list[str]:
    """The channels to try, best first; the customer's own wish counts among the shop's."""
    order: Mapping[str, Sequence[str]] = shop.channel_order
    of_shop = list(order.get(kind, order.get(DEFAULT, ())))
    wished = [name for name in customer.channels if name in of_shop]
    return list(dict.fromkeys(wished + of_shop))


def choose(channels: Channels, customer: Customer, names: Sequence[str]) -> str | None:
    """The first channel that reaches the customer; without one, the first that is absent, since
    it may come back; None when every channel is there and none has an address."""
    offers = {name: channels.offer(name) for name in names}
    for name, offer in offers.items():
        if offer is not None and address(customer, offer) is not None:
            return name
    return next((name for name, offer in offers.items() if offer is None), None)


def address(customer: Customer, offer: type[Notifier]) -> str | None:
    """Where this channel reaches the customer: "" when it needs no address, None when the shop
    has not given it."""
    if not offer.address:
        return ""
    known = {**customer.contacts, EMAIL: customer.email, PHONE: customer.phone}
    return known.get(offer.address) or None


# --- what shops may store ---------------------------------------------------------------------


def checked_order(field: str, order: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Kind of message, or DEFAULT -> channels. Raises InvalidInput."""
    for kind in order:
        if kind != DEFAULT and kind not in MessageKind.__members__:
            known = ", ".join((DEFAULT, *MessageKind))
            raise InvalidInput(field=field, found=kind[:40], expected=f"one of {known}", zh=known)
    return {kind: checked_names(f"{field}.{kind}", names) for kind, names in order.items()}


def checked_names(field: str, names: Sequence[str]) -> list[str]:
    """Names of channels, each once; no plugin needs to answer to them yet. Raises InvalidInput."""
    validation.limited(field, len(names), MAX_CHANNELS)
    for place, name in enumerate(names):
        validation.provider(f"{field}.{place}", name)
        if name in names[:place]:
            raise InvalidInput(
                field=f"{field}.{place}", found=name, expected="each once", zh="每个渠道只出现一次"
            )
    return list(names)
