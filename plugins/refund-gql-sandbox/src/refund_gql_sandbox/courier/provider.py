"""The courier the engine talks to."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from refund_gql.providers import (
    Acknowledgement,
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
)
from refund_gql_sandbox import trouble, webhook
from refund_gql_sandbox.courier import depot, message, pickups
from refund_gql_sandbox.courier.depot import Depot
from refund_gql_sandbox.courier.journey import Journey, planned
from refund_gql_sandbox.courier.pickups import Pickups
from refund_gql_sandbox.door import Call, Door
from refund_gql_sandbox.script import Script
from refund_gql_sandbox.settings import CourierSettings


class SandboxCourier(Courier):
    """Parcels that move as time passes, the same for all who ask.

    Trouble is asked for in the tracking number, the number of the pickup, or its sender's street.
    """

    name = "sandbox-courier"
    Settings: ClassVar[type[ProviderSettings]] = CourierSettings
    settings: CourierSettings

    def __init__(self, settings: CourierSettings) -> None:
        super().__init__(settings)
        self._door = Door(self.name, settings, depot.TABLES + pickups.TABLES)
        self._journeys = Script(settings.journeys, Journey, setting="journeys")

    async def check(self) -> None:
        """Show the key, open the ledger and read the files. Raises like `Door.check`."""
        await self._door.check()
        await asyncio.to_thread(self._journeys.lines)

    async def aclose(self) -> None:
        """Let go of the ledger."""
        await self._door.close()

    async def track(self, parcel: Parcel) -> Tracking:
        """Where the parcel is by now; it sets out when it is first asked about."""
        number = parcel.tracking_number
        return await self._door.call(_about("track", number), lambda db: self._tracked(db, number))

    async def subscribe(self, parcel: Parcel) -> None:
        """Note that news is wanted; see `subscriptions`."""
        number = parcel.tracking_number

        def work(db: sqlite3.Connection) -> None:
            self._tracked(db, number)
            Depot(db).subscribe(number)

        await self._door.call(_about("subscribe", number), work)

    async def subscriptions(self) -> Sequence[Tracking]:
        """What is known by now of each parcel that news is wanted of: for who sends the webhooks,
        since the sandbox has no network."""
        return await self._door.look(
            lambda db: [self._tracked(db, number) for number in Depot(db).subscriptions()]
        )

    def parse_webhook(self, headers: Headers, body: bytes) -> Sequence[TrackingNotice]:
        """Verify and translate one of `message.Message`. Raises WebhookRejected."""
        webhook.verify(headers, body, self.settings.webhook_secret)
        return message.translate(body)

    def acknowledgement(self, notices: Sequence[TrackingNotice]) -> Acknowledgement:
        """The sandbox wants to read "ok"."""
        return Acknowledgement(body=b"ok")

    async def book_pickup(self, request: PickupRequest) -> Pickup:
        """Accept the pickup once; its parcel sets out at once."""

        def work(db: sqlite3.Connection) -> Pickup:
            pickup = Pickups(db).book(request, journey=self.settings.pickup_journey)
            self._tracked(db, pickup.tracking_number or "")
            return pickup

        return await self._door.call(_asked("book_pickup", request), work)

    async def find_pickup(self, number: str) -> Pickup | None:
        """Look the pickup up."""
        return await self._door.call(
            _about("find_pickup", number), lambda db: Pickups(db).find(number)
        )

    async def quote(self, request: PickupRequest) -> Sequence[Quote]:
        """A price for the first kilogram, and one for each that follows."""
        return await self._door.call(
            _asked("quote", request),
            lambda db: pickups.quotes(request, self.settings.quote_currency),
        )

    def capabilities(self) -> CourierCapabilities:
        """It can do all that couriers can, but for news that the settings hold back."""
        return CourierCapabilities(
            subscribe=self.settings.subscribe,
            pickup=True,
            quote=True,
            least_poll_interval=timedelta(seconds=self.settings.least_poll_seconds),
        )

    def _tracked(self, db: sqlite3.Connection, number: str) -> Tracking:
        parcels = Depot(db)
        if not parcels.knows(number) and (stops := planned(number, self._journeys)):
            parcels.dispatch(
                number, stops, speed=self.settings.speed, language=self.settings.language
            )
        return parcels.tracking(number)


def _about(operation: str, number: str) -> Call:
    return Call(operation=operation, subject=number, trouble=trouble.spelled(number))


def _asked(operation: str, request: PickupRequest) -> Call:
    asked = trouble.spelled(f"{request.number} {request.sender.street}")
    return Call(operation=operation, subject=request.number, trouble=asked)
