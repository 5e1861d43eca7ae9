"""A sound courier, and the depot behind it, which writes the local time of Shanghai."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx2

from planted import wire
from planted.wire import PlantedSettings
from refund_gql.providers import (
    Checkpoint,
    Courier,
    CourierCapabilities,
    Headers,
    Parcel,
    Pickup,
    PickupRequest,
    Tracking,
    TrackingNotice,
    TrackingTag,
)
from refund_gql.testing import CourierAccount, Scan, Simulator

SHANGHAI = ZoneInfo("Asia/Shanghai")
CODES: dict[str, TrackingTag | None] = {
    "10": TrackingTag.INFO_RECEIVED,
    "20": TrackingTag.IN_TRANSIT,
    "30": TrackingTag.DELIVERED,
    "35": TrackingTag.AVAILABLE_FOR_PICKUP,
    "99": None,
}


class ParcelsCourier(Courier):
    """Speaks JSON with the depot."""

    name = "parcels"
    Settings = PlantedSettings
    settings: PlantedSettings

    def __init__(
        self, settings: PlantedSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings)
        self.client = wire.client(settings, transport or httpx2.AsyncHTTPTransport())

    async def aclose(self) -> None:
        await self.client.aclose()

    async def check(self) -> None:
        await wire.ask(self.client, "GET", "/account")

    def capabilities(self) -> CourierCapabilities:
        return CourierCapabilities(pickup=True)

    async def track(self, parcel: Parcel) -> Tracking:
        scans = await wire.ask(self.client, "GET", f"/parcels/{parcel.tracking_number}")
        return self.tracking(parcel.tracking_number, scans or [])

    def tracking(self, number: str, scans: Sequence[dict[str, str]]) -> Tracking:
        return Tracking(
            tracking_number=number, checkpoints=tuple(self.checkpoint(scan) for scan in scans)
        )

    def checkpoint(self, scan: dict[str, str]) -> Checkpoint:
        return Checkpoint(
            at=self.time(scan["time"]),
            tag=self.tag(scan["code"]),
            code=scan["code"],
            text=scan["text"],
        )

    def time(self, text: str) -> datetime:
        # An aware time in UTC, from a text that does not say so.
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
        return local.astimezone(ZoneInfo("UTC"))

    def tag(self, code: str) -> TrackingTag | None:
        return CODES.get(code)

    def parse_webhook(self, headers: Headers, body: bytes) -> Sequence[TrackingNotice]:
        wire.verify(headers, body, self.settings)
        message = json.loads(body)
        tracking = self.tracking(message["parcel"], message["scans"])
        return [TrackingNotice(event_id=message["id"], tracking=tracking)]

    async def book_pickup(self, request: PickupRequest) -> Pickup:
        return await self.order(request)

    async def order(self, request: PickupRequest) -> Pickup:
        order = {"number": request.number, "goods": request.goods}
        return _pickup(await wire.ask(self.client, "POST", "/pickups", json=order))

    async def find_pickup(self, number: str) -> Pickup | None:
        found = await wire.ask(self.client, "GET", f"/pickups/{number}")
        return _pickup(found) if found else None


def _pickup(answer: Any) -> Pickup:
    return Pickup(reference=answer["reference"])


class Depot(Simulator, CourierAccount):
    """Orders a van whenever it is asked to, as real ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, Sequence[Scan]] = {}

    def show(self, tracking_number: str, scans: Sequence[Scan]) -> None:
        self.shown[tracking_number] = scans

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        if not wire.authorised(request):
            return httpx2.Response(401)
        if request.method == "POST":
            number = json.loads(request.content)["number"]
            self.pickups.append(number)
            return httpx2.Response(200, json={"reference": f"van-{number}"})
        return self.look(request.url.path)

    def look(self, path: str) -> httpx2.Response:
        what, _, number = path.strip("/").partition("/")
        if what == "account":
            return httpx2.Response(200, json={})
        if what == "pickups":
            return (
                httpx2.Response(200, json={"reference": f"van-{number}"})
                if number in self.pickups
                else httpx2.Response(404)
            )
        if number not in self.shown:
            return httpx2.Response(404)
        return httpx2.Response(200, json=[written(scan) for scan in self.shown[number]])

    def unrecognised(self, answer: httpx2.Response) -> httpx2.Response:
        return httpx2.Response(200, json={"reference": "?", "status": "teleported"})


def written(scan: Scan) -> dict[str, str]:
    """A scan as the depot writes it."""
    local = scan.at.astimezone(SHANGHAI)
    return {"time": f"{local:%Y-%m-%d %H:%M:%S}", "code": scan.code, "text": scan.text}
