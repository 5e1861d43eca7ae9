"""A CRM system in memory, with coupons, points and reviews."""

from collections.abc import Sequence
from datetime import datetime

from refund_gql.providers import (
    Coupon,
    CouponIssuer,
    CouponRequest,
    Crm,
    CustomerKey,
    FlagChange,
    FlagResult,
    LoyaltyLedger,
    ProductReview,
    ProviderSettings,
    Refused,
    ReviewPage,
    ReviewSource,
    RiskSignal,
)
from refund_gql.testing.accounts import CrmAccount
from refund_gql.testing.fakes.memory import FakeSettings, MemoryAccount, translated
from refund_gql.testing.faults import On

_PAGE = 2


class FakeRegister(MemoryAccount, CrmAccount):
    """A register of customers; a test fills its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.flagged: dict[str, set[str]] = {}
        self.known_signals: dict[str, list[RiskSignal]] = {}
        self.tiers: dict[str, str] = {}
        self.closed: set[str] = set()
        """References of customers whose flags cannot be changed."""
        self.reviews: list[ProductReview] = []
        """Oldest first."""
        self._coupons: dict[str, tuple[CouponRequest, Coupon]] = {}
        self._worthless: list[str] = []
        self.points: dict[str, int] = {}
        """Customer's reference -> points."""
        self.usable: list[str] = []
        """The codes of used coupons that are usable again."""
        self._restored: dict[str, tuple[str, int, str]] = {}

    def flags(self, reference: str) -> Sequence[str]:
        """The flags of a customer."""
        return sorted(self.flagged.get(reference, ()))

    def change(self, change: FlagChange) -> FlagResult:
        """Change one customer's flags."""
        reference = change.customer.reference
        if reference in self.closed:
            return FlagResult(reference=reference, applied=False, code="CLOSED")
        flags = self.flagged.setdefault(reference, set())
        flags |= change.add
        flags -= change.remove
        return FlagResult(reference=reference, applied=True)

    def issue(self, request: CouponRequest) -> Coupon:
        """Issue a coupon, unless the number has one. Raises Refused for other values."""
        if request.number not in self._coupons:
            self.coupons.append(request.number)
            coupon = Coupon(number=request.number, code=f"FAKE{len(self.coupons):06}")
            self._coupons[request.number] = (request, coupon)
        issued_for, coupon = self._coupons[request.number]
        if issued_for != request:
            raise Refused("the number was used for another coupon", code="NUMBER_REUSED")
        return coupon

    def revoke(self, number: str) -> bool:
        """Make a coupon worthless. Raises Refused for one that was never issued."""
        if number not in self._coupons:
            raise Refused("no coupon has this number", code="NOT_FOUND")
        if number not in self._worthless:
            self._worthless.append(number)
        return True

    def revoked(self) -> Sequence[str]:
        """The coupons that are worthless."""
        return self._worthless

    def restore(self, number: str, reference: str, points: int, code: str) -> None:
        """Give points or a coupon back, unless the number has done it. Raises Refused for other
        values."""
        wanted = (reference, points, code)
        if number not in self._restored:
            self._restored[number] = wanted
            self.points[reference] = self.points.get(reference, 0) + points
            self.usable += [code] if code else []
            self.restorations.append(number)
        if self._restored[number] != wanted:
            raise Refused("the number was used for something else", code="NUMBER_REUSED")

    def page(self, since: datetime, start: int) -> ReviewPage:
        """Two reviews, from a place on."""
        found = [review for review in self.reviews if review.written_at >= since]
        end = start + _PAGE
        return ReviewPage(
            reviews=tuple(found[start:end]), cursor=str(end) if end < len(found) else None
        )


class FakeCrm(Crm, CouponIssuer, LoyaltyLedger, ReviewSource):
    """Knows what is in a `FakeRegister`; one of its own, if none is given."""

    name = "fake-crm"
    Settings = FakeSettings
    settings: FakeSettings

    def __init__(
        self, settings: ProviderSettings | None = None, account: FakeRegister | None = None
    ) -> None:
        super().__init__(settings or FakeSettings())
        self.account = account or FakeRegister()

    async def check(self) -> None:
        """Ask the register for nothing in particular."""
        with translated():
            await self.account.reach(self.settings, On.READS, lambda: None)

    async def signals(self, customer: CustomerKey) -> Sequence[RiskSignal]:
        """What the register knows."""
        known = self.account.known_signals
        with translated():
            return await self.account.reach(
                self.settings, On.READS, lambda: tuple(known.get(customer.reference, ()))
            )

    async def tier(self, customer: CustomerKey) -> str | None:
        """The customer's tier."""
        with translated():
            return await self.account.reach(
                self.settings, On.READS, lambda: self.account.tiers.get(customer.reference)
            )

    async def set_flags(self, changes: Sequence[FlagChange]) -> Sequence[FlagResult]:
        """Sets, one result each."""
        with translated():
            return await self.account.reach(
                self.settings, On.ACTIONS, lambda: [self.account.change(one) for one in changes]
            )

    async def issue_coupon(self, request: CouponRequest) -> Coupon:
        """One coupon per number."""
        with translated():
            return await self.account.reach(
                self.settings, On.ACTIONS, lambda: self.account.issue(request)
            )

    async def revoke_coupon(self, number: str) -> bool:
        """Make the coupon worthless."""
        with translated():
            return await self.account.reach(
                self.settings, On.ACTIONS, lambda: self.account.revoke(number)
            )

    async def restore_points(self, number: str, customer: CustomerKey, points: int) -> None:
        """Once per number."""
        with translated():
            await self.account.reach(
                self.settings,
                On.ACTIONS,
                lambda: self.account.restore(number, customer.reference, points, ""),
            )

    async def restore_coupon(self, number: str, customer: CustomerKey, code: str) -> None:
        """Once per number."""
        with translated():
            await self.account.reach(
                self.settings,
                On.ACTIONS,
                lambda: self.account.restore(number, customer.reference, 0, code),
            )

    async def reviews(self, *, since: datetime, cursor: str | None = None) -> ReviewPage:
        """Two at a time."""
        with translated():
            return await self.account.reach(
                self.settings, On.READS, lambda: self.account.page(since, int(cursor or 0))
            )
