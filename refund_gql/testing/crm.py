"""The rules for CRM systems: what is told and set, against what the account holds."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import uuid4

from refund_gql.providers import (
    CouponIssuer,
    CouponRequest,
    Crm,
    CustomerKey,
    FlagChange,
    LoyaltyLedger,
    ProductReview,
    ProviderKind,
    ReviewSource,
)
from refund_gql.testing.accounts import CrmAccount
from refund_gql.testing.answers import TransientConformance, converted
from refund_gql.testing.faults import ERRORS, LOST, UNREADABLE, Fault, On
from refund_gql.testing.suite import missing, rule

FLAGS = frozenset({"refund-risk-high", "refund-watch"})


class CrmConformance(TransientConformance):
    """The tests of a CRM system, and of the coupons, points and reviews it may have."""

    kind = ProviderKind.CRM
    risky_customer: ClassVar[CustomerKey]
    """One about whom the simulated account knows something."""
    unflaggable_customer: ClassVar[CustomerKey]
    """One whose flags the simulated account refuses to change."""

    def customer(self) -> CustomerKey:
        """A customer never seen before, who can be flagged."""
        reference = f"customer-{uuid4().hex[:12]}"
        return CustomerKey(reference=reference, email=f"{reference}@example.com")

    def change(self) -> FlagChange:
        """Two flags for a new customer."""
        return FlagChange(customer=self.customer(), add=FLAGS)

    def coupon(self) -> CouponRequest:
        """A coupon with a number never used before."""
        return CouponRequest(
            number=f"CP{uuid4().hex.upper()}",
            customer=self.customer(),
            amount=500,
            currency="CNY",
            valid_until=datetime.now(UTC).replace(microsecond=0) + timedelta(days=30),
        )

    async def call(self, provider: Crm, account: CrmAccount, on: On) -> object:
        """Flags for a new customer, or the signals of one."""
        if on is On.ACTIONS:
            return await provider.set_flags([self.change()])
        return await provider.signals(self.customer())

    def effects(self, account: CrmAccount) -> object:
        """The coupons and what was given back: flags of customers never named cannot have
        changed."""
        return list(account.issued()), list(account.restored())

    # --- Bronze -----------------------------------------------------------------------------

    @rule("flags-are-sets")
    async def test_flags_are_sets(self, account: CrmAccount) -> None:
        change = self.change()
        reference = change.customer.reference
        less = FlagChange(customer=change.customer, remove=frozenset({"refund-watch"}))
        async with self.opened(account) as crm:
            for _ in range(2):
                (result,) = await crm.set_flags([change])
                assert (result.reference, result.applied) == (reference, True)
                assert sorted(account.flags(reference)) == sorted(FLAGS)
            for _ in range(2):
                (result,) = await crm.set_flags([less])
                assert (result.reference, result.applied) == (reference, True)
                assert list(account.flags(reference)) == ["refund-risk-high"]

    @rule("unknown-customer-has-no-signals")
    async def test_unknown_customer_has_no_signals(self, account: CrmAccount) -> None:
        async with self.opened(account) as crm:
            assert list(await crm.signals(self.customer())) == []
            assert await crm.tier(self.customer()) is None

    @rule("failed-signal-is-no-signal")
    async def test_failed_signal_is_no_signal(self, account: CrmAccount) -> None:
        async with self.opened(account) as crm:
            for fault in (*LOST, *ERRORS, *UNREADABLE, Fault.CONNECTION_REFUSED):
                with account.struck(fault, On.READS):
                    answer = await converted(crm.signals(self.customer()))
                assert isinstance(answer, Exception) or answer in ([], ()), fault

    @rule("coupon-is-issued-once")
    async def test_coupon_is_issued_once(self, account: CrmAccount) -> None:
        async with self.opened(account) as crm:
            if not isinstance(crm, CouponIssuer):
                return
            for fault in (Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.ERROR_AFTER):
                request = self.coupon()
                with account.struck(fault):
                    await converted(crm.issue_coupon(request))
                first, second = [await crm.issue_coupon(request) for _ in range(2)]
                assert first == second, fault
                assert list(account.issued()).count(request.number) == 1, fault
                assert len(account.issued()) == len(set(account.issued())), fault

    @rule("restoration-happens-once")
    async def test_restoration_happens_once(self, account: CrmAccount) -> None:
        async with self.opened(account) as crm:
            if not isinstance(crm, LoyaltyLedger):
                return
            for fault in (Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.ERROR_AFTER):
                customer = self.customer()
                points, coupon = [f"RS{uuid4().hex.upper()}" for _ in range(2)]
                with account.struck(fault):
                    await converted(crm.restore_points(points, customer, 120))
                    await converted(crm.restore_coupon(coupon, customer, "SPENT-1"))
                for _ in range(2):
                    await crm.restore_points(points, customer, 120)
                    await crm.restore_coupon(coupon, customer, "SPENT-1")
                assert list(account.restored()).count(points) == 1, fault
                assert list(account.restored()).count(coupon) == 1, fault
                assert len(account.restored()) == len(set(account.restored())), fault

    # --- Silver -----------------------------------------------------------------------------

    @rule("risky-customer-has-signals")
    async def test_risky_customer_has_signals(self, account: CrmAccount) -> None:
        customer = self.declared(
            "risky_customer",
            "risky-customer-has-signals",
            "a CustomerKey about whom the simulated account knows something",
        )
        async with self.opened(account) as crm:
            signals = list(await crm.signals(customer))
            assert signals, "the account knows something, and the CRM does not tell it"
            assert signals == list(await crm.signals(customer)), "reading changed something"
        assert all(signal.code for signal in signals)

    @rule("one-failure-fails-one")
    async def test_one_failure_fails_one(self, account: CrmAccount) -> None:
        unflaggable = self.declared(
            "unflaggable_customer",
            "one-failure-fails-one",
            "a CustomerKey whose flags the simulated account refuses to change",
        )
        changes = [self.change(), FlagChange(customer=unflaggable, add=FLAGS), self.change()]
        async with self.opened(account) as crm:
            results = await converted(crm.set_flags(changes))
        assert not isinstance(results, Exception), f"the whole batch failed: {results!r}"
        told = [(result.reference, result.applied) for result in results]  # type: ignore[attr-defined] # `converted` returns any answer
        references = [change.customer.reference for change in changes]
        assert told == list(zip(references, (True, False, True), strict=True))
        for reference in (references[0], references[2]):
            assert sorted(account.flags(reference)) == sorted(FLAGS)

    @rule("token-is-refreshed-once")
    async def test_token_is_refreshed_once(self, account: CrmAccount) -> None:
        async with self.opened(account) as crm:
            await crm.signals(self.customer())
            before = account.tokens_issued()
            if before is None:
                return
            account.expire_tokens()
            await asyncio.gather(*(crm.signals(self.customer()) for _ in range(20)))
            assert account.tokens_issued() == before + 1

    @rule("revoked-coupon-stays-revoked")
    async def test_revoked_coupon_stays_revoked(self, account: CrmAccount) -> None:
        async with self.opened(account) as crm:
            if not isinstance(crm, CouponIssuer):
                return
            request = self.coupon()
            await crm.issue_coupon(request)
            assert await crm.revoke_coupon(request.number) is True
            assert await crm.revoke_coupon(request.number) is True
        assert list(account.revoked()) == [request.number]

    @rule("reviews-are-paged")
    async def test_reviews_are_paged(self, account: CrmAccount) -> None:
        async with self.opened(account) as crm:
            if not isinstance(crm, ReviewSource):
                return
            reviews = await _all_reviews(crm)
        if len(reviews) < 2:
            missing("reviews-are-paged", "the simulated account holds fewer than two reviews.")
        references = [review.reference for review in reviews]
        assert len(references) == len(set(references)), "a review came twice"
        assert all(review.written_at.utcoffset() == timedelta(0) for review in reviews)
        assert [one.written_at for one in reviews] == sorted(one.written_at for one in reviews)
        assert all(1 <= review.rating <= 5 for review in reviews)


async def _all_reviews(source: ReviewSource) -> list[ProductReview]:
    since, cursor = datetime(2000, 1, 1, tzinfo=UTC), None
    found: list[ProductReview] = []
    cursors: set[str | None] = set()
    while cursor not in cursors:
        cursors.add(cursor)
        page = await source.reviews(since=since, cursor=cursor)
        found += page.reviews
        if page.cursor is None:
            return found
        cursor = page.cursor
    raise AssertionError(f"the cursor {cursor!r} leads back to itself")
