"""Parcels that are followed, pickups that were booked, and what goes wrong on the way."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import orjson
import strawberry

from refund_gql.graphql.enums import (
    AnomalyKind,
    ParcelDirection,
    PickupStatus,
    WatchEnd,
    WatchMode,
)
from refund_gql.graphql.sources import Node, column, enum, json, reference

if TYPE_CHECKING:
    from refund_gql.graphql.types.order import Order, Shipment

LazyOrder = Annotated["Order", strawberry.lazy("refund_gql.graphql.types.order")]
LazyShipment = Annotated["Shipment", strawberry.lazy("refund_gql.graphql.types.order")]


@strawberry.type(description="A place with a person.")
class Address:
    name: str = strawberry.field(description="Who.")
    phone: str = strawberry.field(description="Theirs.")
    country: str = strawberry.field(description="ISO 3166-1 alpha-2.")
    region: str = strawberry.field(description="Province or state.")
    city: str = strawberry.field(description="City.")
    district: str = strawberry.field(description="District.")
    street: str = strawberry.field(description="Street, building, room.")
    postcode: str = strawberry.field(description="Postcode.")


@strawberry.type(description="A place that goods are sent back to, and which goods.")
class ReturnAddress(Node):
    table: ClassVar[str] = "return_address"

    name: str = column("name", "What the shop calls it.")
    regions: list[str] = json("regions", "Of orders that went there; none: anywhere.")
    categories: list[str] = json("categories", "Of products; with none and no skus: any.")
    skus: list[str] = json("skus", "Of products.")
    position: int = column("position", "The lowest that takes all the goods is chosen.")
    fallback: bool = column("fallback", "Chosen when no other takes them.")

    @strawberry.field(description="Where it is.")
    def address(self) -> Address:
        return Address(**orjson.loads(self.row["parts"]))


@strawberry.type(description="A parcel that a courier fetches from the customer.")
class ReturnPickup(Node):
    table: ClassVar[str] = "return_pickup"

    status: PickupStatus = enum("status", PickupStatus, "Where it stands.")
    courier: str = column("word", "Who fetches it.")
    number: str = column("number", "Ours; the courier accepts one pickup under it.")
    reference: str | None = column("reference", "The courier's own.")
    tracking_number: str | None = column("tracking_number", "Null: not known yet.")
    label_url: str | None = column("label_url", "A label to print, where the courier makes one.")
    tries: int = column("tries", "Calls so far.")
    problem: str | None = column(
        "problem", "Why it is not booked: COURIER_DOWN, IN_DOUBT, or a code of the courier."
    )
    error: str | None = column("error", "The same in words.")
    wanted_at: datetime = column("wanted_at", "UTC.")
    booked_at: datetime | None = column("booked_at", "UTC.")


@strawberry.type(description="A parcel that is followed, and how.")
class ParcelWatch(Node):
    table: ClassVar[str] = "parcel_watch"

    courier: str = column("courier", "The courier plugin.")
    tracking_number: str = column("tracking_number", "The courier's number.")
    direction: ParcelDirection = enum("direction", ParcelDirection, "Which way it goes.")
    mode: WatchMode = enum("mode", WatchMode, "How news of it comes.")
    next_look_at: datetime = column("next_look_at", "When it is looked at again; UTC.")
    answered_at: datetime | None = column("answered_at", "When its courier last answered; UTC.")
    polls: int = column("polls", "How often the courier was asked.")
    failures: int = column("failures", "Calls in a row without an answer.")
    problem: str | None = column("problem", "Why there is no news: COURIER_DOWN, NONSENSE, ...")
    error: str | None = column("error", "The same in words.")
    created_at: datetime = column("created_at", "UTC.")
    delivered_at: datetime | None = column("delivered_at", "As the courier tells it; UTC.")
    closed_at: datetime | None = column("closed_at", "UTC; set: it is no longer followed.")
    ended: WatchEnd | None = enum("ended", WatchEnd, "Why not.")


@strawberry.type(description="Something wrong with a parcel on its way to a customer.")
class ShipmentAnomaly(Node):
    table: ClassVar[str] = "shipment_anomaly"

    kind: AnomalyKind = enum("kind", AnomalyKind, "What is wrong.")
    since: datetime = column("since", "From when it has been true; UTC.")
    opened_at: datetime = column("opened_at", "When it was noticed; UTC.")
    closed_at: datetime | None = column("closed_at", "When the parcel was delivered; UTC.")
    shipment: LazyShipment | None = reference("shipment_id", "Shipment", "The parcel.")
    order: LazyOrder | None = reference("order_id", "Order", "What it belongs to.")
