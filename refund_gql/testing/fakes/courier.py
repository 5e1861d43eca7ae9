"""A courier in memory."""

from collections.abc import Sequence
from datetime import datetime

from refund_gql.providers import (
    Checkpoint,
    Courier,
    CourierCapabilities,
    Headers,
    Parcel,
    Pickup,
    PickupRequest,
    ProviderSettings,
    Quote,
    Tracking,
    TrackingNotice,
    TrackingTag,
)
from refund_gql.testing.accounts import CourierAccount, Scan
from refund_gql.testing.fakes import signing
from refund_gql.testing.fakes.memory import FakeSettings, MemoryAccount, translated
from refund_gql.testing.faults import On

CODES = {f"fake-{tag.value.lower()}": tag for tag in TrackingTag}
"""The fake's own codes."""


class FakeDepot(MemoryAccount, CourierAccount):
    """A depot that orders one van per number."""

    def __init__(self) -> None:
        super().__init__()
        self.scans: dict[str, Sequence[Scan]] = {}

    def show(self, tracking_number: str, scans: Sequence[Scan]) -> None:
        """From now on this is the parcel's history."""
        self.scans[tracking_number] = scans

    def order(self, number: str) -> Pickup:
        """Order a van, unless the number has one."""
        if number not in self.pickups:
            self.pickups.append(number)
        return Pickup(reference=f"van-{number}")

    def find(self, number: str) -> Pickup | None:
        """The van of a number."""
        return Pickup(reference=f"van-{number}") if number in self.pickups else None


class FakeCourier(Courier):
    """Reports what a `FakeDepot` shows; one of its own, if none is given."""

    name = "fake-courier"
    Settings = FakeSettings
    settings: FakeSettings

    def __init__(
        self, settings: ProviderSettings | None = None, account: FakeDepot | None = None
    ) -> None:
        super().__init__(settings or FakeSettings())
        self.account = account or FakeDepot()

    def capabilities(self) -> CourierCapabilities:
        """It can do everything."""
        return CourierCapabilities(subscribe=True, pickup=True, quote=True)

    async def check(self) -> None:
        """Ask the depot for nothing in particular."""
        with translated():
            await self.account.reach(self.settings, On.READS, lambda: None)

    async def track(self, parcel: Parcel) -> Tracking:
        """The scans the depot shows."""
        number = parcel.tracking_number
        with translated():
            scans = await self.account.reach(
                self.settings, On.READS, lambda: self.account.scans.get(number, ())
            )
        return Tracking(tracking_number=number, checkpoints=tuple(map(_checkpoint, scans)))

    async def subscribe(self, parcel: Parcel) -> None:
        """Nothing to arrange: a test writes the webhooks, with `signed`."""

    def parse_webhook(self, headers: Headers, body: bytes) -> Sequence[TrackingNotice]:
        """Messages with the keys id, tracking_number and scans (at, code, text, place)."""
        message = signing.opened(self.settings, headers, body)
        scans = [
            Scan(**{**scan, "at": datetime.fromisoformat(scan["at"])}) for scan in message["scans"]
        ]
        tracking = Tracking(
            tracking_number=message["tracking_number"],
            checkpoints=tuple(map(_checkpoint, scans)),
        )
        return [TrackingNotice(event_id=message["id"], tracking=tracking)]

    async def book_pickup(self, request: PickupRequest) -> Pickup:
        """One van per number."""
        with translated():
            return await self.account.reach(
                self.settings, On.ACTIONS, lambda: self.account.order(request.number)
            )

    async def find_pickup(self, number: str) -> Pickup | None:
        """The van of a number."""
        with translated():
            return await self.account.reach(
                self.settings, On.READS, lambda: self.account.find(number)
            )

    async def quote(self, request: PickupRequest) -> Sequence[Quote]:
        """Ten yuan, and one more per started kilogram."""
        kilograms = -(-request.weight_grams // 1000)
        return [Quote(service="van", amount=1000 + 100 * kilograms, currency="CNY")]


def _checkpoint(scan: Scan) -> Checkpoint:
    return Checkpoint(
        at=scan.at, tag=CODES.get(scan.code), code=scan.code, text=scan.text, place=scan.place
    )
