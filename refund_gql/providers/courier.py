"""The contract of a courier: where a parcel is, and how goods come back.

The engine keeps the history and derives the current state from it; a courier only reports what
it was told. Late, doubled and reordered reports are normal and do no harm.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from refund_gql.providers.errors import Refused
from refund_gql.providers.provider import (
    Acknowledgement,
    Headers,
    Provider,
    ProviderKind,
    no_webhooks,
)


class TrackingTag(StrEnum):
    """Where a parcel stands, in the nine words of AfterShip's delivery status."""

    PENDING = "PENDING"
    """The courier knows the number and nothing else."""
    INFO_RECEIVED = "INFO_RECEIVED"
    """Announced; the courier does not have the parcel yet."""
    IN_TRANSIT = "IN_TRANSIT"
    """Accepted and on its way."""
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    """On the last vehicle."""
    ATTEMPT_FAIL = "ATTEMPT_FAIL"
    """Delivery was tried in vain and will be tried again."""
    AVAILABLE_FOR_PICKUP = "AVAILABLE_FOR_PICKUP"
    """In a locker, a shop or with a neighbour: not with the addressee."""
    DELIVERED = "DELIVERED"
    """In the addressee's hands."""
    EXCEPTION = "EXCEPTION"
    """Lost, damaged, held, undeliverable."""
    EXPIRED = "EXPIRED"
    """No news for so long that none is expected."""


class TrackingFlag(StrEnum):
    """What a checkpoint says beside its tag."""

    RETURNING = "RETURNING"
    """On its way back to the sender."""
    RETURNED_TO_SENDER = "RETURNED_TO_SENDER"
    """Back with the sender."""
    REFUSED = "REFUSED"
    """The addressee refused it."""
    CUSTOMS = "CUSTOMS"
    """Customs has it."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """Which parcel is meant."""

    tracking_number: str
    carrier: str = ""
    """The courier's code of the carrier, for services that follow many; from the routing."""
    phone: str = ""
    """Of the sender or the addressee; some carriers want its last four digits."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One line of a parcel's history, as the courier told it."""

    at: datetime
    """UTC."""
    tag: TrackingTag | None
    """None for a code that is not in the courier's table: kept, and never guessed."""
    code: str = ""
    """The courier's own code, unchanged."""
    text: str = ""
    """The courier's own words, for people."""
    place: str = ""
    flags: frozenset[TrackingFlag] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """What the courier knows about one parcel."""

    tracking_number: str
    checkpoints: tuple[Checkpoint, ...] = ()
    """In any order, possibly with repetitions; none when the courier has no news."""
    expected_at: datetime | None = None
    """UTC; when the courier expects to deliver."""


@dataclass(frozen=True, kw_only=True)
class TrackingNotice:
    """A verified webhook: news about one parcel."""

    event_id: str
    """The courier's id of this message, or a hash of the body where it has none: the same
    message always carries the same id."""
    tracking: Tracking


@dataclass(frozen=True, kw_only=True)
class Address:
    """A place with a person."""

    name: str
    phone: str
    country: str
    """ISO 3166-1 alpha-2."""
    region: str = ""
    city: str = ""
    district: str = ""
    street: str = ""
    postcode: str = ""


@dataclass(frozen=True, kw_only=True)
class PickupRequest:
    """A parcel to be fetched from a customer and brought to the shop."""

    number: str
    """Our number of the pickup; the same number must order at most one."""
    sender: Address
    recipient: Address
    goods: str
    """What is in the parcel, in the sender's language."""
    weight_grams: int
    earliest: datetime | None = None
    """UTC; None for as soon as possible."""
    latest: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Pickup:
    """A pickup the courier has accepted."""

    reference: str
    """The courier's own reference."""
    tracking_number: str | None = None
    """None while the courier has not given one."""
    label_url: str | None = None
    """A label to print, where the courier makes one."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What carrying a parcel would cost."""

    service: str
    amount: int
    """Minor units."""
    currency: str
    """ISO 4217."""
    transit_time: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class CourierCapabilities:
    """What the engine may ask of this courier."""

    subscribe: bool = False
    """It can push news; `subscribe` works."""
    pickup: bool = False
    """`book_pickup` and `find_pickup` work."""
    quote: bool = False
    """`quote` works."""
    least_poll_interval: timedelta = timedelta(minutes=30)
    """Between two `track` calls for one parcel; asking more often gets numbers locked."""
    carriers: frozenset[str] = field(default_factory=frozenset)
    """The carrier codes it follows; empty when it carries parcels itself."""
    acknowledge_within: timedelta = timedelta(seconds=5)
    """How long it waits for the answer to a webhook."""


class Courier(Provider):
    """Follows and fetches parcels. Every method may raise a ProviderError."""

    kind: ClassVar[ProviderKind] = ProviderKind.COURIER

    @abstractmethod
    def capabilities(self) -> CourierCapabilities:
        """The courier's sheet; constant for the life of the object, no I/O."""

    @abstractmethod
    async def track(self, parcel: Parcel) -> Tracking:
        """All that is known about a parcel. Changes nothing; called no more often than the sheet
        allows. A number the courier does not know yet has no checkpoints: that is no error."""

    async def subscribe(self, parcel: Parcel) -> None:
        """Ask for webhooks about a parcel. May be called again for the same parcel."""
        raise Refused(f"{self.name} sends no news by itself")

    def parse_webhook(self, headers: Headers, body: bytes) -> Sequence[TrackingNotice]:
        """Verify the raw bytes first, then translate; one message may be about many parcels.

        No I/O. Raises WebhookRejected when the message is not authentic.
        """
        raise no_webhooks(self)

    def acknowledgement(self, notices: Sequence[TrackingNotice]) -> Acknowledgement:
        """What to answer once the notices of one webhook are stored."""
        return Acknowledgement()

    async def book_pickup(self, request: PickupRequest) -> Pickup:
        """Order a pickup.

        Not called twice for one number unless `find_pickup` proved that there is none: after
        OutcomeUnknown the engine looks it up first.
        """
        raise Refused(f"{self.name} fetches no parcels")

    async def find_pickup(self, number: str) -> Pickup | None:
        """The pickup with our number; None when the courier certainly has none. May be called
        often."""
        raise Refused(f"{self.name} fetches no parcels")

    async def quote(self, request: PickupRequest) -> Sequence[Quote]:
        """What the pickup would cost, cheapest first. Orders nothing; may be called often."""
        raise Refused(f"{self.name} gives no quotes")
