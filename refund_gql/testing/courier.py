"""The rules for couriers: what the courier reports, against what its account shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import uuid4

import pytest

from refund_gql.providers import (
    Acknowledgement,
    Address,
    Checkpoint,
    Courier,
    OutcomeUnknown,
    Parcel,
    PickupRequest,
    ProviderKind,
    Refused,
    Tracking,
    TrackingNotice,
    TrackingTag,
)
from refund_gql.testing.accounts import CourierAccount, Scan
from refund_gql.testing.answers import TransientConformance, converted
from refund_gql.testing.faults import ERRORS, LOST, UNREADABLE, Fault, On
from refund_gql.testing.suite import rule
from refund_gql.testing.webhooks import News, Webhook, WebhookConformance

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ParcelNews(News):
    """What a webhook says about one parcel."""

    tracking_number: str
    scan: Scan


class CourierConformance(TransientConformance, WebhookConformance):
    """The tests of a courier."""

    kind = ProviderKind.COURIER
    codes: ClassVar[Mapping[str, TrackingTag | None]]
    """The provider's code -> the tag it must become; None for one that must stay unmapped."""
    unknown_code: ClassVar[str] = "no-such-code"
    """A code that the provider's table does not have."""

    def parcel(self) -> Parcel:
        """A parcel never seen before."""
        return Parcel(tracking_number=f"TN{uuid4().hex[:16].upper()}", phone="13800001234")

    def pickup(self) -> PickupRequest:
        """A pickup with a number never used before."""
        customer = Address(
            name="李雷",
            phone="13800001234",
            country="CN",
            region="浙江省",
            city="杭州市",
            district="西湖区",
            street="文三路 1 号",
            postcode="310012",
        )
        return PickupRequest(
            number=f"PU{uuid4().hex.upper()}",
            sender=customer,
            recipient=customer,
            goods="衣服",
            weight_grams=800,
        )

    def scan(self, *, code: str = "", hours: int = 0) -> Scan:
        """A scan with the first of the declared codes, if none is given."""
        return Scan(
            at=NOON + timedelta(hours=hours),
            code=code or next(iter(self._codes())),
            text="快件已到达【杭州中转站】",
            place="杭州",
        )

    def _codes(self) -> Mapping[str, TrackingTag | None]:
        found: Mapping[str, TrackingTag | None] = self.declared(
            "codes",
            "codes-map-as-documented",
            "the provider's codes, each with the tag it must become (None: stays unmapped)",
        )
        return found

    def news(self) -> ParcelNews:
        """News about a parcel never heard of."""
        return ParcelNews(tracking_number=self.parcel().tracking_number, scan=self.scan())

    def notices(self, provider: Courier, webhook: Webhook) -> tuple[TrackingNotice, ...]:
        """The notices of a webhook."""
        return tuple(provider.parse_webhook(webhook.headers, webhook.body))

    async def call(self, provider: Courier, account: CourierAccount, on: On) -> object:
        """A pickup, or a look at a parcel with one scan."""
        if on is On.ACTIONS:
            return await provider.book_pickup(self.pickup())
        parcel = self.parcel()
        account.show(parcel.tracking_number, [self.scan()])
        return await provider.track(parcel)

    def effects(self, account: CourierAccount) -> object:
        """The pickups."""
        return list(account.ordered())

    def ways(self, provider: Courier) -> tuple[On, ...]:
        """Pickups only where the sheet has them."""
        return (On.READS, On.ACTIONS) if provider.capabilities().pickup else (On.READS,)

    async def _tracked(self, account: CourierAccount, scans: Sequence[Scan]) -> Tracking:
        parcel = self.parcel()
        account.show(parcel.tracking_number, scans)
        async with self.opened(account) as courier:
            tracking: Tracking = await courier.track(parcel)
        assert tracking.tracking_number == parcel.tracking_number
        return tracking

    # --- Bronze -----------------------------------------------------------------------------

    @rule("codes-map-as-documented")
    async def test_codes_map_as_documented(self, account: CourierAccount) -> None:
        for code, tag in self._codes().items():
            (checkpoint,) = (await self._tracked(account, [self.scan(code=code)])).checkpoints
            assert (checkpoint.code, checkpoint.tag) == (code, tag)

    @rule("unknown-code-is-not-guessed")
    async def test_unknown_code_is_not_guessed(self, account: CourierAccount) -> None:
        scan = self.scan(code=self.unknown_code)
        tracked = (await self._tracked(account, [scan])).checkpoints
        for checkpoint in (*tracked, *await self._pushed(account, scan)):
            assert checkpoint.tag is None
            assert (checkpoint.code, checkpoint.text) == (scan.code, scan.text)

    @rule("pickup-is-ordered-once")
    async def test_pickup_is_ordered_once(self, account: CourierAccount) -> None:
        async with self.opened(account) as courier:
            if await self._refuses_pickups(courier):
                return
            for fault in (Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.ERROR_AFTER):
                request, before = self.pickup(), list(account.ordered())
                with account.struck(fault):
                    await converted(courier.book_pickup(request))
                assert list(account.ordered()) == [*before, request.number], fault
                found = await courier.find_pickup(request.number)
                assert found is not None, "a pickup that was ordered was not found"
            assert await courier.find_pickup(self.pickup().number) is None

    @rule("doubtful-pickup-is-unknown")
    async def test_doubtful_pickup_is_unknown(self, account: CourierAccount) -> None:
        async with self.opened(account) as courier:
            if await self._refuses_pickups(courier):
                return
            for fault in (*LOST, *ERRORS, *UNREADABLE):
                with account.struck(fault):
                    answer = await converted(courier.book_pickup(self.pickup()))
                assert isinstance(answer, OutcomeUnknown), fault

    async def _refuses_pickups(self, courier: Courier) -> bool:
        if courier.capabilities().pickup:
            return False
        with pytest.raises(Refused):
            await courier.book_pickup(self.pickup())
        return True

    @rule("doubtful-tracking-is-an-error")
    async def test_doubtful_tracking_is_an_error(self, account: CourierAccount) -> None:
        async with self.opened(account) as courier:
            for fault in (*LOST, *ERRORS, *UNREADABLE, Fault.CONNECTION_REFUSED):
                with account.struck(fault, On.READS):
                    answer = await converted(self.call(courier, account, On.READS))
                assert isinstance(answer, Exception), fault

    # --- Silver -----------------------------------------------------------------------------

    @rule("checkpoints-may-repeat")
    async def test_checkpoints_may_repeat(self, account: CourierAccount) -> None:
        one, two = self.scan(), self.scan(hours=2)
        parcel = self.parcel()
        seen: list[set[Checkpoint]] = []
        async with self.opened(account) as courier:
            for scans in ([one, two], [two, one], [one, two, two, one]):
                account.show(parcel.tracking_number, scans)
                seen.append(set((await courier.track(parcel)).checkpoints))
        assert [len(checkpoints) for checkpoints in seen] == [2, 2, 2]
        assert seen[0] == seen[1] == seen[2]

    @rule("times-are-utc")
    async def test_times_are_utc(self, account: CourierAccount) -> None:
        scan = self.scan(hours=9)
        tracked = (await self._tracked(account, [scan])).checkpoints
        for checkpoint in (*tracked, *await self._pushed(account, scan)):
            assert checkpoint.at.utcoffset() == timedelta(0)
            assert checkpoint.at == scan.at

    @rule("unknown-parcel-has-no-news")
    async def test_unknown_parcel_has_no_news(self, account: CourierAccount) -> None:
        async with self.opened(account) as courier:
            assert tuple((await courier.track(self.parcel())).checkpoints) == ()

    @rule("tracking-asks-once")
    async def test_tracking_asks_once(self, account: CourierAccount) -> None:
        async with self.opened(account) as courier:
            assert courier.capabilities().least_poll_interval > timedelta(0)
            # The first call may log in.
            await self.call(courier, account, On.READS)
            before = account.requests()
            await self.call(courier, account, On.READS)
            after = account.requests()
            # Accounts without a transport cannot count what was asked of them.
            assert after is None or after - (before or 0) == 1

    @rule("webhook-is-understood")
    async def test_webhook_is_understood(self, account: CourierAccount) -> None:
        if await self.refuses_all(account):
            return
        news = self.news()
        async with self.opened(account) as courier:
            notices = self.notices(courier, self.webhook(news))
            (notice,) = notices
            assert notice.tracking.tracking_number == news.tracking_number
            (checkpoint,) = notice.tracking.checkpoints
            assert checkpoint.code == news.scan.code
            assert checkpoint.tag == self._codes()[news.scan.code]
            answer = courier.acknowledgement(notices)
        assert isinstance(answer, Acknowledgement)
        assert 200 <= answer.status < 300

    async def _pushed(self, account: CourierAccount, scan: Scan) -> list[Checkpoint]:
        """What the courier reads in a webhook about the scan; nothing if it sends none."""
        if not self.sends_webhooks:
            return []
        webhook = self.webhook(self.news().but(scan=scan))
        async with self.opened(account) as courier:
            notices = self.notices(courier, webhook)
        return [one for notice in notices for one in notice.tracking.checkpoints]
