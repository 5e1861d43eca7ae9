"""A courier in memory: what it knows of parcels, what it was asked, and how it fails."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from refund_gql import clock
from refund_gql.app import Engine
from refund_gql.choices import ParcelDirection
from refund_gql.flow import watching
from refund_gql.models import ParcelWatch, Shop
from refund_gql.providers import (
    Checkpoint,
    Courier,
    CourierCapabilities,
    Parcel,
    Pickup,
    PickupRequest,
    ProviderSettings,
    Tracking,
    TrackingFlag,
    TrackingTag,
)
from support.api import key
from support.providers import lend, line
from support.world import World

WORD = "SF"
"""What the shops of these tests call it."""


class Depot(Courier):
    """Tells what it is told to tell; counts what it was asked."""

    name = "depot"

    def __init__(self, **sheet: Any) -> None:
        super().__init__(ProviderSettings())
        self.key = f"depot-{key()}"
        self.sheet = CourierCapabilities(
            **{"least_poll_interval": timedelta(minutes=30), "pickup": True, **sheet}
        )
        self.lines: dict[str, list[Checkpoint]] = {}
        self.asked: list[str] = []
        self.calls: list[str] = []
        self.parcels: list[Parcel] = []
        self.errors: list[BaseException] = []
        """Raised one by one, before anything is done."""
        self.late_errors: list[BaseException] = []
        """Raised one by one, after it is done."""
        self.rubbish: list[Any] = []
        """Answered one by one, instead of the truth."""
        self.pickups: dict[str, PickupRequest] = {}
        self.gives_number = True
        self.gate: asyncio.Event | None = None
        """Where set, an answer waits for it."""
        self.called = asyncio.Event()

    async def check(self) -> None:
        """Nothing to prove."""

    def capabilities(self) -> CourierCapabilities:
        return self.sheet

    async def track(self, parcel: Parcel) -> Any:
        self.asked.append(parcel.tracking_number)
        self.parcels.append(parcel)
        self.called.set()
        if self.gate is not None:
            await self.gate.wait()
        self._fail(self.errors)
        if self.rubbish:
            return self.rubbish.pop(0)
        known = tuple(self.lines.get(parcel.tracking_number, ()))
        return Tracking(tracking_number=parcel.tracking_number, checkpoints=known)

    async def subscribe(self, parcel: Parcel) -> None:
        self.calls.append("subscribe")
        self._fail(self.errors)

    async def book_pickup(self, request: PickupRequest) -> Pickup:
        self.calls.append("book")
        self._fail(self.errors)
        assert request.number not in self.pickups, "ordered twice"
        self.pickups[request.number] = request
        self._fail(self.late_errors)
        return self._pickup(request.number)

    async def find_pickup(self, number: str) -> Pickup | None:
        self.calls.append("find")
        return self._pickup(number) if number in self.pickups else None

    def _pickup(self, number: str) -> Pickup:
        return Pickup(
            reference=f"REF-{number}",
            tracking_number=f"T{number[2:14]}" if self.gives_number else None,
            label_url="https://labels.example/1",
        )

    @staticmethod
    def _fail(errors: list[BaseException]) -> None:
        if errors:
            raise errors.pop(0)

    def says(
        self,
        number: str,
        tag: TrackingTag,
        *flags: TrackingFlag,
        at: datetime | None = None,
    ) -> None:
        """One more line of a parcel's history, as of now."""
        told = self.lines.setdefault(number, [])
        when = at or clock.now()
        told.append(Checkpoint(at=when, tag=tag, code=tag.value, flags=frozenset(flags)))


async def lent(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, world: World, depot: Depot, **more: Any
) -> Depot:
    """The shop's courier SF is this one."""
    made = line(depot, shop_id=world.shop.id, **more)
    lend(monkeypatch, engine.providers, made, name=depot.key)
    routes: Mapping[str, Any] = {WORD: {"provider": depot.key, "carrier": "sf"}}
    await Shop.filter(id=world.shop.id).update(courier_routes=routes)
    return depot


async def watched(
    world: World, depot: Depot, number: str, direction: ParcelDirection = ParcelDirection.BACK
) -> ParcelWatch:
    """A parcel that is to be looked at now, and of which no job knows: the test looks."""
    now = clock.now()
    return await ParcelWatch.create(
        shop_id=world.shop.id,
        courier=depot.key,
        tracking_number=number,
        carrier="sf",
        direction=direction,
        next_look_at=now,
        created_at=now,
    )


async def look(engine: Engine, watch_id: UUID, *, due: bool = True) -> ParcelWatch:
    """What the job does, once; with `due`, as if its time had come. The row after it."""
    if due:
        await ParcelWatch.filter(id=watch_id).update(next_look_at=clock.now())
    await watching.look(engine.providers.courier, watch_id)
    return await ParcelWatch.get(id=watch_id)


async def return_address(world: World, **content: Any) -> dict[str, Any]:
    """A new return address of the shop, or the problem."""
    document = """mutation M($input: ReturnAddressInput!) {
        made: returnAddressCreate(input: $input) {
            __typename ... on ReturnAddress { id name } ... on Problem { code path } } }"""
    made: dict[str, Any] = (await world.owner(document, input=content))["made"]
    return made
