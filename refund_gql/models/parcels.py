"""Parcels both ways: where goods go back to, who fetches them, which parcels are followed, how
long a lane takes, and what went wrong."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import (
    AnomalyKind,
    ParcelDirection,
    PickupStatus,
    WatchEnd,
    WatchMode,
)
from refund_gql.models.row import ShopRow, choice, listing, mapping, moment, reference


class ReturnAddress(ShopRow):
    """A place that goods are sent back to, and which goods."""

    shop: Any = reference("Shop")
    name = fields.CharField(max_length=100)
    """What the shop calls it."""
    parts: Any = mapping()
    """The fields of `providers.Address`."""
    regions: Any = listing()
    """Orders that went there, ISO 3166-2 or a country; none: anywhere."""
    categories: Any = listing()
    """Of products; with none and no `skus`: whatever goods."""
    skus: Any = listing()
    position = fields.IntField(default=0)
    """The lowest that matches is taken."""
    fallback = fields.BooleanField(default=False)
    """Taken when no other matches."""
    created_at: datetime = moment()

    class Meta:
        table = "return_address"
        constraints = [
            UniqueConstraint(
                fields=("shop_id",),
                name="one_fallback_return_address_per_shop",
                condition="fallback",
            )
        ]


class ReturnPickup(ShopRow):
    """A parcel that a courier fetches from the customer.

    Number, courier and request are stored before the first byte is sent.
    """

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    goods_return: Any = reference("Return")
    goods_return_id: UUID
    status: PickupStatus = choice(PickupStatus, default=PickupStatus.WANTED)
    number = fields.CharField(max_length=64, unique=True)
    """Ours; the courier accepts one pickup under it."""
    word = fields.CharField(max_length=64)
    """What the shop calls the courier."""
    courier = fields.CharField(max_length=64)
    """The courier plugin's name."""
    request: Any = mapping()
    """What is sent, at every try the same; emptied when it is over, for it names a person."""
    tries = fields.IntField(default=0)
    """Calls so far."""
    reference = fields.CharField(max_length=128, null=True)
    """The courier's own."""
    tracking_number = fields.CharField(max_length=64, null=True)
    label_url = fields.CharField(max_length=500, null=True)
    problem = fields.CharField(max_length=64, null=True)
    """Why it is not booked: COURIER_DOWN, or a code of the courier."""
    error = fields.CharField(max_length=500, null=True)
    """The same in words."""
    wanted_by = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    wanted_at: datetime = moment()
    booked_at: datetime | None = moment(null=True)

    class Meta:
        table = "return_pickup"
        constraints = [
            UniqueConstraint(
                fields=("goods_return_id",),
                name="one_pickup_per_return",
                condition="status IN ('WANTED', 'BOOKING', 'BOOKED')",
            )
        ]


class ParcelWatch(ShopRow):
    """A parcel that is followed, and when its courier is asked next."""

    shop: Any = reference("Shop")
    courier = fields.CharField(max_length=64)
    """The courier plugin's name."""
    tracking_number = fields.CharField(max_length=64)
    carrier = fields.CharField(max_length=64, default="")
    """What the plugin calls the carrier."""
    direction: ParcelDirection = choice(ParcelDirection)
    mode: WatchMode = choice(WatchMode, default=WatchMode.SUBSCRIBING)
    next_look_at: datetime = moment()
    """Whoever moves it forward makes the call: one process per interval."""
    asked_at: datetime | None = moment(null=True)
    answered_at: datetime | None = moment(null=True)
    """When the courier last answered: what is not told since is not known."""
    subscribed_at: datetime | None = moment(null=True)
    polls = fields.IntField(default=0)
    failures = fields.IntField(default=0)
    """Calls in a row without an answer."""
    problem = fields.CharField(max_length=64, null=True)
    error = fields.CharField(max_length=500, null=True)
    created_at: datetime = moment()
    delivered_at: datetime | None = moment(null=True)
    """As the courier tells it."""
    closed_at: datetime | None = moment(null=True)
    ended: WatchEnd | None = choice(WatchEnd, null=True)

    class Meta:
        table = "parcel_watch"
        unique_together = (("shop", "courier", "tracking_number"),)
        indexes = [
            ("shop_id", "tracking_number"),
            ("shop_id", "created_at", "id"),
            ("closed_at", "answered_at"),
        ]
        constraints = [
            CheckConstraint(
                check="(closed_at IS NULL) = (ended IS NULL)", name="parcel_watch_ends_for_a_reason"
            )
        ]


class Lane(ShopRow):
    """How long a courier took to a region: the shop's own parcels of half a year."""

    shop: Any = reference("Shop")
    courier = fields.CharField(max_length=64)
    """What shipments call it."""
    region = fields.CharField(max_length=6)
    cases = fields.IntField()
    p50_hours = fields.IntField()
    p90_hours = fields.IntField()
    refreshed_at: datetime = moment()

    class Meta:
        table = "lane"
        unique_together = (("shop", "courier", "region"),)


class ShipmentAnomaly(ShopRow):
    """Something wrong with a parcel on its way to a customer: opened once, closed by delivery."""

    shop: Any = reference("Shop")
    order: Any = reference("Order")
    order_id: UUID
    shipment: Any = reference("Shipment")
    shipment_id: UUID
    kind: AnomalyKind = choice(AnomalyKind)
    since: datetime = moment()
    """From when it has been true."""
    opened_at: datetime = moment()
    """When it was noticed."""
    told_at: datetime | None = moment(null=True)
    """When shop and customer were told; None: a job is about to."""
    closed_at: datetime | None = moment(null=True)

    class Meta:
        table = "shipment_anomaly"
        unique_together = (("shipment", "kind"),)
        indexes = [("shop_id", "opened_at", "id")]
