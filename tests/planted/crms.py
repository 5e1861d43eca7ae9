"""The classes of tests for a sound CRM and bad ones."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import httpx2
import pytest

from planted import wire
from planted.catching import README, caught_by, sound
from planted.desk import Desk, DeskCrm
from refund_gql.providers import (
    Coupon,
    CouponRequest,
    CustomerKey,
    FlagChange,
    FlagResult,
    OutcomeUnknown,
    Refused,
    ReviewPage,
    RiskLevel,
    RiskSignal,
)
from refund_gql.testing import CrmConformance

sound(DeskCrm)


class PlantedSound(CrmConformance):
    provider = DeskCrm
    settings = wire.SETTINGS
    bad_settings = wire.BAD_SETTINGS
    plugin_module = "planted"
    readme = README
    risky_customer = CustomerKey(reference="risky")
    unflaggable_customer = CustomerKey(reference="closed")

    @pytest.fixture
    def account(self) -> Desk:
        return Desk()


@caught_by(PlantedSound, "flags-are-sets")
class Counts(DeskCrm):
    """One more flag each time it is told."""

    name = "counts"

    def __init__(
        self, settings: wire.PlantedSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings, transport)
        self.times: dict[str, int] = {}

    async def set_flag(self, change: FlagChange) -> FlagResult:
        reference = change.customer.reference
        self.times[reference] = times = self.times.get(reference, 0) + 1
        counted = frozenset({f"seen-{times}"}) if times > 1 else frozenset()
        return await super().set_flag(replace(change, add=change.add | counted))


@caught_by(PlantedSound, "one-failure-fails-one")
class AllOrNothing(DeskCrm):
    name = "all-or-nothing"

    async def set_flags(self, changes: Sequence[FlagChange]) -> Sequence[FlagResult]:
        results = await super().set_flags(changes)
        for result in results:
            if not result.applied:
                raise Refused("the batch failed", code=result.code)
        return results


@caught_by(PlantedSound, "failed-signal-is-no-signal")
class SuspectsWhenBlind(DeskCrm):
    name = "suspects-when-blind"

    async def signals(self, customer: CustomerKey) -> Sequence[RiskSignal]:
        try:
            return await super().signals(customer)
        except OutcomeUnknown:
            return [RiskSignal(code="no-answer", level=RiskLevel.HIGH)]


@caught_by(PlantedSound, "risky-customer-has-signals")
class KnowsNothing(DeskCrm):
    name = "knows-nothing"

    async def signals(self, customer: CustomerKey) -> Sequence[RiskSignal]:
        await super().signals(customer)
        return []


@caught_by(PlantedSound, "coupon-is-issued-once")
class NewCouponOnRetry(DeskCrm):
    name = "new-coupon-on-retry"

    async def issue_coupon(self, request: CouponRequest) -> Coupon:
        try:
            return await super().issue_coupon(request)
        except OutcomeUnknown:
            return await self.issue(uuid4().hex, request)


@caught_by(PlantedSound, "restoration-happens-once")
class RestoresOnRetry(DeskCrm):
    name = "restores-on-retry"

    async def restore_points(self, number: str, customer: CustomerKey, points: int) -> None:
        try:
            await super().restore_points(number, customer, points)
        except OutcomeUnknown:
            await self.restore(uuid4().hex, number)


@caught_by(PlantedSound, "token-is-refreshed-once")
class RefreshesInACrowd(DeskCrm):
    name = "refreshes-in-a-crowd"

    async def renew(self, used: str) -> None:
        self.token = (await wire.ask(self.client, "POST", "/token"))["token"]


@caught_by(PlantedSound, "errors-are-converted")
class LeaksForeignErrors(DeskCrm):
    name = "leaks-foreign-errors"

    async def signals(self, customer: CustomerKey) -> Sequence[RiskSignal]:
        try:
            return await super().signals(customer)
        except OutcomeUnknown as error:
            raise ConnectionError("it broke") from error


@caught_by(PlantedSound, "reviews-are-paged")
class ForgetsTheCursor(DeskCrm):
    name = "forgets-the-cursor"

    async def reviews(self, *, since: datetime, cursor: str | None = None) -> ReviewPage:
        page = await super().reviews(since=since)
        return replace(page, cursor=None if cursor else page.cursor)


@caught_by(PlantedSound, "unknown-customer-has-no-signals")
class SuspectsStrangers(DeskCrm):
    name = "suspects-strangers"

    async def tier(self, customer: CustomerKey) -> str | None:
        return "stranger"


@caught_by(PlantedSound, "revoked-coupon-stays-revoked")
class RevokesOnce(DeskCrm):
    name = "revokes-once"

    def __init__(
        self, settings: wire.PlantedSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings, transport)
        self.done: set[str] = set()

    async def revoke_coupon(self, number: str) -> bool:
        again = number in self.done
        self.done.add(number)
        return not again and await super().revoke_coupon(number)
