"""The contract of a CRM system: what it knows about a customer, and what we tell it.

Writes are sets, never counters: the engine repeats them until they succeed, and the second time
must change nothing. A signal that is missing or late is no signal; it never blocks a refund and
never approves one.

Coupons, points and reviews are no kinds of their own. The systems that issue coupons, keep points
or hold reviews are the CRM and the shop's own connectors, with the same credentials, settings and
check; further kinds would make one vendor's plugin register four classes with four copies of the
settings. So they are interfaces a `Crm` may implement beside: `class Acme(Crm, CouponIssuer)`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from refund_gql.providers.provider import Provider, ProviderKind


class RiskLevel(StrEnum):
    """How much reason there is to have a person look."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True, kw_only=True)
class CustomerKey:
    """How the shop knows a customer; a CRM looks for whichever of these it has."""

    reference: str
    """The shop's own reference; always there."""
    email: str = ""
    phone: str = ""
    contacts: Mapping[str, str] = field(default_factory=dict)
    """Further addresses and foreign ids by name, such as `wechat_openid`."""


@dataclass(frozen=True, kw_only=True)
class RiskSignal:
    """One fact that speaks for or against trusting a customer's request."""

    code: str
    """Stable, in the plugin's words: `serial-returner`."""
    level: RiskLevel
    text: str = ""
    """For people."""
    since: datetime | None = None
    """UTC."""
    expires_at: datetime | None = None
    """UTC; None when the CRM gives no end."""


@dataclass(frozen=True, kw_only=True)
class FlagChange:
    """Flags one customer must have, and must not have, afterwards."""

    customer: CustomerKey
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class FlagResult:
    """What became of one change."""

    reference: str
    """`CustomerKey.reference` of the change."""
    applied: bool
    code: str | None = None
    """The CRM's own code when it was not applied."""
    message: str = ""
    retriable: bool = False
    """Trying this one again later may work."""


class Crm(Provider):
    """Knows the shop's customers. Every method may raise a ProviderError."""

    kind: ClassVar[ProviderKind] = ProviderKind.CRM

    @abstractmethod
    async def signals(self, customer: CustomerKey) -> Sequence[RiskSignal]:
        """What speaks for or against a customer. Changes nothing; may be called often. A
        customer the CRM does not know has no signals: that is no error."""

    @abstractmethod
    async def set_flags(self, changes: Sequence[FlagChange]) -> Sequence[FlagResult]:
        """Add and remove flags of at most 100 customers; one result per change, in order.

        May be called again with the same changes: the flags are then the same. One customer's
        failure is a result with `applied=False`, not an exception.
        """

    async def tier(self, customer: CustomerKey) -> str | None:
        """The customer's tier in the shop's words, such as `gold`; None for none. Changes
        nothing; may be called often."""
        return None


@dataclass(frozen=True, kw_only=True)
class CouponRequest:
    """A coupon to be given to a customer."""

    number: str
    """Our number; the same number must issue at most one coupon."""
    customer: CustomerKey
    amount: int
    """Minor units."""
    currency: str
    """ISO 4217."""
    least_order_amount: int = 0
    """Minor units an order must reach."""
    valid_until: datetime | None = None
    """UTC."""


@dataclass(frozen=True, kw_only=True)
class Coupon:
    """A coupon that was issued."""

    number: str
    """Our number."""
    code: str
    """What the customer enters."""
    reference: str | None = None
    """The system's own reference."""


class CouponIssuer(ABC):
    """Issues coupons; implemented by a `Crm` that can."""

    @abstractmethod
    async def issue_coupon(self, request: CouponRequest) -> Coupon:
        """Issue a coupon. May be called again with an equal request: the answer is then the
        coupon of the first time. Raises a ProviderError."""

    @abstractmethod
    async def revoke_coupon(self, number: str) -> bool:
        """Make the coupon with our number worthless; False when it was used already. May be
        called again. Raises a ProviderError."""


class LoyaltyLedger(ABC):
    """Keeps what customers pay with beside money; implemented by a `Crm` that does."""

    @abstractmethod
    async def restore_points(self, number: str, customer: CustomerKey, points: int) -> None:
        """Give a customer points back that were spent on an order. `number` is ours: the same
        number must give back at most once, and called again it changes nothing. Raises a
        ProviderError."""

    @abstractmethod
    async def restore_coupon(self, number: str, customer: CustomerKey, code: str) -> None:
        """Make a coupon that was used on an order usable again. `number` is ours: the same
        number must do so at most once, and called again it changes nothing. Raises a
        ProviderError; Refused where the coupon cannot be used again, such as one that has ended."""


@dataclass(frozen=True, kw_only=True)
class ProductReview:
    """What a customer wrote about a product."""

    reference: str
    """The system's own id of the review; the same review always carries the same."""
    sku: str
    rating: int
    """1 to 5."""
    text: str
    written_at: datetime
    """UTC."""
    order_number: str | None = None
    locale: str = ""


@dataclass(frozen=True, kw_only=True)
class ReviewPage:
    """Some reviews, oldest first."""

    reviews: tuple[ProductReview, ...]
    cursor: str | None = None
    """Where to read on; None when this was the last page for now."""


class ReviewSource(ABC):
    """Holds product reviews; implemented by a `Crm` that does."""

    @abstractmethod
    async def reviews(self, *, since: datetime, cursor: str | None = None) -> ReviewPage:
        """Reviews written or changed since then (UTC), from the cursor on. Changes nothing; may
        be called often. Raises a ProviderError."""
