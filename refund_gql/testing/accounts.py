"""The other side of a test: a simulated account at the provider, which knows what really happened.

The kit compares what a provider says with what its account has done. An account of a provider
that speaks HTTP is a `Simulator` as well; others implement `inject` themselves, mapping each
fault to what comes nearest.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from refund_gql.testing.faults import Fault, On


class Account(ABC):
    """What the kit asks of every simulated account. Each test gets a fresh one."""

    @abstractmethod
    def inject(self, fault: Fault | None, on: On) -> None:
        """From now on the fault strikes every such call; None: nothing goes wrong any more."""

    @contextmanager
    def struck(self, fault: Fault, on: On = On.ACTIONS) -> Iterator[None]:
        """The fault strikes inside the block."""
        self.inject(fault, on)
        try:
            yield
        finally:
            self.inject(None, on)

    def requests(self) -> int | None:
        """How many requests of any sort it got so far; None when it cannot count them."""
        return None

    def actions(self) -> int | None:
        """How many requests for an effect it got so far; None when it cannot count them."""
        return None

    def open_clients(self) -> int:
        """How many clients are connected to it and not closed."""
        return 0


@dataclass(frozen=True, kw_only=True)
class Payment:
    """Money that really moved back."""

    amount: int
    """Minor units."""
    currency: str
    """ISO 4217."""
    capture_reference: str


class GatewayAccount(Account):
    """A merchant's account. The simulator appends to `payments` whenever money moves."""

    def __init__(self) -> None:
        super().__init__()
        self.payments: list[Payment] = []

    def paid(self) -> Sequence[Payment]:
        """All payments, oldest first; override it when they are kept elsewhere."""
        return self.payments

    def capture(self, amount: int, currency: str) -> str:
        """Take a payment that can be refunded; returns the provider's reference of it.

        Override it when the simulator must know its payments.
        """
        return f"capture-{uuid4().hex}"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One line of a parcel's history, in the courier's own code."""

    at: datetime
    """UTC."""
    code: str
    text: str
    place: str = ""


class CourierAccount(Account):
    """A sender's account. The simulator appends to `pickups` whenever a van is ordered."""

    def __init__(self) -> None:
        super().__init__()
        self.pickups: list[str] = []

    def ordered(self) -> Sequence[str]:
        """Our numbers of all pickups ordered, oldest first."""
        return self.pickups

    @abstractmethod
    def show(self, tracking_number: str, scans: Sequence[Scan]) -> None:
        """From now on this is the parcel's history, in this order."""


class CrmAccount(Account):
    """A shop's account at a CRM. The simulator appends to `coupons` whenever it issues one, and to
    `restorations` whenever it gives points or a coupon back."""

    def __init__(self) -> None:
        super().__init__()
        self.coupons: list[str] = []
        self.restorations: list[str] = []

    @abstractmethod
    def flags(self, reference: str) -> Sequence[str]:
        """The flags of the customer with our reference, as the CRM would show them."""

    def issued(self) -> Sequence[str]:
        """Our numbers of all coupons issued, oldest first."""
        return self.coupons

    def revoked(self) -> Sequence[str]:
        """Our numbers of the coupons that are worthless now. For a CouponIssuer."""
        return ()

    def restored(self) -> Sequence[str]:
        """Our numbers of all points and coupons given back, oldest first. For a LoyaltyLedger."""
        return self.restorations

    def tokens_issued(self) -> int | None:
        """How many access tokens it has issued; None for a CRM without any."""
        return None

    def expire_tokens(self) -> None:
        """From now on it refuses the tokens issued so far."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A message that the channel has really taken, once per delivery to a person."""

    address: str
    text: str | None
    """None for a channel that only takes a template and its values."""


class NotifierAccount(Account):
    """An account at a channel. The simulator appends to `messages` whenever a person gets one,
    and to `ids` the message id of every request to send."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Sent] = []
        self.ids: list[str | None] = []

    def sent(self) -> Sequence[Sent]:
        """What people got, oldest first."""
        return self.messages

    def ids_seen(self) -> Sequence[str | None]:
        """The id each request to send carried; None where the channel can carry none."""
        return self.ids
