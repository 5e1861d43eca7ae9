"""The CRM system the engine talks to."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from refund_gql.providers import (
    Coupon,
    CouponIssuer,
    CouponRequest,
    Crm,
    CustomerKey,
    FlagChange,
    FlagResult,
    LoyaltyLedger,
    ProviderSettings,
    Refused,
    ReviewPage,
    ReviewSource,
    RiskSignal,
)
from refund_gql_sandbox import trouble
from refund_gql_sandbox.crm import coupons, customers, flags, loyalty, reviews
from refund_gql_sandbox.crm.coupons import Coupons
from refund_gql_sandbox.crm.customers import Customer
from refund_gql_sandbox.crm.flags import Flags
from refund_gql_sandbox.crm.loyalty import Loyalty
from refund_gql_sandbox.crm.reviews import Review
from refund_gql_sandbox.door import Call, Door
from refund_gql_sandbox.script import Script
from refund_gql_sandbox.settings import CrmSettings
from refund_gql_sandbox.visits import Visits

LONGEST_BATCH = 100
"""Customers in one `set_flags`."""


class SandboxCrm(Crm, CouponIssuer, LoyaltyLedger, ReviewSource):
    """Customers whose risk and tier are told by their reference or by a file.

    Trouble is asked for in the customer's reference.
    """

    name = "sandbox-crm"
    Settings: ClassVar[type[ProviderSettings]] = CrmSettings
    settings: CrmSettings

    def __init__(self, settings: CrmSettings) -> None:
        super().__init__(settings)
        self._door = Door(self.name, settings, flags.TABLES + coupons.TABLES + loyalty.TABLES)
        self._customers = Script(settings.customers, Customer, setting="customers")
        self._reviews = Script(settings.reviews, Review, setting="reviews")

    async def check(self) -> None:
        """Show the key, open the ledger and read the files. Raises like `Door.check`."""
        await self._door.check()
        await asyncio.to_thread(self._customers.lines)
        await asyncio.to_thread(self._reviews.lines)

    async def aclose(self) -> None:
        """Let go of the ledger."""
        await self._door.close()

    async def signals(self, customer: CustomerKey) -> Sequence[RiskSignal]:
        """The risk signals of the file or of the reference; none for anybody else."""
        found = await self._known("signals", customer.reference)
        return [signal.risk() for signal in found.signals]

    async def tier(self, customer: CustomerKey) -> str | None:
        """The tier of the file or of the reference."""
        return (await self._known("tier", customer.reference)).tier

    async def set_flags(self, changes: Sequence[FlagChange]) -> Sequence[FlagResult]:
        """Keep the flags as sets; each customer may be refused alone."""
        if len(changes) > LONGEST_BATCH:
            raise Refused(f"At most {LONGEST_BATCH} customers at once", code="TOO_MANY")
        references = [change.customer.reference for change in changes]
        asked = (trouble.spelled(reference) for reference in references)
        call = Call(
            operation="set_flags",
            subject=" ".join(references),
            trouble=next((one for one in asked if one and one not in flags.PER_CUSTOMER), None),
        )

        def work(db: sqlite3.Connection) -> list[FlagResult]:
            kept = Flags(db, Visits(db, self.name))
            return [kept.change(change) for change in changes]

        return await self._door.call(call, work)

    async def flags(self, reference: str) -> frozenset[str]:
        """The flags a customer has: for tests and demos, since the engine only writes them."""
        return await self._door.look(lambda db: Flags(db, Visits(db, self.name)).of(reference))

    async def issue_coupon(self, request: CouponRequest) -> Coupon:
        """Issue the coupon once; the same number hears of the same coupon."""
        call = Call(
            operation="issue_coupon",
            subject=request.number,
            trouble=trouble.spelled(request.customer.reference),
        )
        return await self._door.call(call, lambda db: Coupons(db).issue(request))

    async def revoke_coupon(self, number: str) -> bool:
        """Make the coupon worthless unless it was used."""
        call = Call(operation="revoke_coupon", subject=number, trouble=trouble.spelled(number))
        return await self._door.call(call, lambda db: Coupons(db).revoke(number))

    async def redeem(self, number: str) -> None:
        """Be the customer who uses the coupon of this number: for tests and demos.

        Raises Refused when it can't be used any more.
        """
        await self._door.look(lambda db: Coupons(db).redeem(number))

    async def restore_points(self, number: str, customer: CustomerKey, points: int) -> None:
        """Give points back; the same number does so once."""
        await self._restore("restore_points", number, customer, points=points)

    async def restore_coupon(self, number: str, customer: CustomerKey, code: str) -> None:
        """Make a used coupon usable again; the same number does so once."""
        await self._restore("restore_coupon", number, customer, code=code)

    async def points(self, reference: str) -> int:
        """The points a customer was given back: for tests and demos."""
        return await self._door.look(lambda db: Loyalty(db).points(reference))

    async def _restore(
        self, operation: str, number: str, customer: CustomerKey, *, points: int = 0, code: str = ""
    ) -> None:
        call = Call(
            operation=operation, subject=number, trouble=trouble.spelled(customer.reference)
        )
        await self._door.call(
            call, lambda db: Loyalty(db).restore(number, customer.reference, points, code)
        )

    async def reviews(self, *, since: datetime, cursor: str | None = None) -> ReviewPage:
        """The reviews of the file, page by page."""
        return await self._door.call(
            Call(operation="reviews", subject=cursor or since.isoformat()),
            lambda db: reviews.page(
                self._reviews.lines(),
                since=since,
                cursor=cursor,
                longest=self.settings.reviews_per_page,
            ),
        )

    async def _known(self, operation: str, reference: str) -> Customer:
        call = Call(operation=operation, subject=reference, trouble=trouble.spelled(reference))
        return await self._door.call(
            call, lambda db: customers.known(reference, self._customers, self.settings.language)
        )
