"""Who owns the rows and who asks: shops, their staff, tokens and customer sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.choices import AutoAssign
from refund_gql.models.row import (
    Row,
    ShopRow,
    added_choice,
    choice,
    listing,
    mapping,
    minor_units,
    moment,
    reference,
)
from refund_gql.roles import Role


class Shop(Row):
    """A tenant: everything of one shop hangs on its id."""

    handle = fields.CharField(max_length=64, unique=True)
    name = fields.CharField(max_length=200)
    currency = fields.CharField(max_length=3)
    time_zone = fields.CharField(max_length=64)
    locale = fields.CharField(max_length=8)
    finance_threshold: int = minor_units(default=0)
    """At or below this many minor units of the shop's currency, finance review is skipped."""
    return_window_days = fields.IntField(default=7)
    """Days after delivery in which a customer may ask; the Chinese seven days by default. The
    newest of its `ReturnPolicy`s."""
    return_address = fields.CharField(max_length=500, default="")
    return_requirements: Any = mapping()
    """Locale -> what the goods must look like when they come back."""
    return_checklist: Any = listing()
    """The same point by point: {code, zh, en, categories}; no categories: for all goods."""
    delivery_days = fields.IntField(default=7, db_default=7)
    """In which parcels arrive; where the lane has no history of its own."""
    gateway_routes: Any = mapping()
    """What captures call a gateway -> the gateway plugin's name; others are taken as they are."""
    courier_routes: Any = mapping()
    """What shipments call a courier -> {provider, carrier}; others are not followed."""
    channel_order: Any = mapping()
    """Kind of message, or DEFAULT -> notifiers in order of preference. Empty: no messages."""
    rule_matching: Any = mapping()
    """Trigger of rules -> FIRST or ALL; FIRST where nothing is said."""
    exposure_limits: Any = mapping()
    """Tier, or ANY_TIER -> minor units of the shop's currency that may be paid to one customer
    before the goods are back; 0 where nothing is said."""
    return_days = fields.IntField(default=7, db_default=7)
    """Refund first: days in which the goods must be on their way; then a reminder."""
    return_grace_days = fields.IntField(default=7, db_default=7)
    """Refund first: days after the reminder; then a claim."""
    auto_assign: AutoAssign = added_choice(AutoAssign, AutoAssign.OFF)
    """Whether cases are dealt out when they come to a desk."""
    dispute_days = fields.IntField(default=15, db_default=15)
    """Days in which a refusal may be disputed; 0: never."""
    offer_hours = fields.IntField(default=48, db_default=48)
    """Hours in which a customer may choose among offers."""
    return_cost: int = fields.BigIntField(default=0, db_default=0)
    """What a parcel with returned goods costs the shop, as it reckons; minor units."""
    reduction_offer_threshold: int | None = fields.BigIntField(null=True)
    """Minor units: a line that an inspection reduces by more is offered to the customer first;
    None: no reduction is."""
    created_at: datetime = moment()

    class Meta:
        table = "shop"
        constraints = [
            CheckConstraint(check="finance_threshold >= 0", name="shop_threshold_not_negative"),
            CheckConstraint(
                check="return_window_days BETWEEN 0 AND 3650", name="shop_window_in_range"
            ),
            CheckConstraint(
                check="return_days BETWEEN 1 AND 365 AND return_grace_days BETWEEN 0 AND 365",
                name="shop_return_days_in_range",
            ),
            CheckConstraint(
                check="dispute_days BETWEEN 0 AND 365", name="shop_dispute_days_in_range"
            ),
            CheckConstraint(
                check="offer_hours BETWEEN 1 AND 720 AND return_cost >= 0"
                " AND (reduction_offer_threshold IS NULL OR reduction_offer_threshold >= 0)",
                name="shop_offers_in_range",
            ),
            CheckConstraint(
                check="delivery_days BETWEEN 1 AND 90", name="shop_delivery_days_in_range"
            ),
        ]


class ReturnPolicy(ShopRow):
    """What the shop promises to orders placed from then on. Append-only: an order keeps what
    was promised when it was placed."""

    shop: Any = reference("Shop")
    number = fields.IntField()
    """From 1."""
    window_days = fields.IntField()
    """Days after delivery in which a customer may ask."""
    author = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    author_name = fields.CharField(max_length=200, default="")
    since: datetime = moment()

    class Meta:
        table = "return_policy"
        unique_together = (("shop", "number"),)
        constraints = [
            CheckConstraint(
                check="window_days BETWEEN 0 AND 3650", name="return_policy_window_in_range"
            )
        ]


class Staff(ShopRow):
    """A person who works in the shop."""

    shop: Any = reference("Shop")
    email = fields.CharField(max_length=320)
    name = fields.CharField(max_length=200)
    role: Role = choice(Role)
    password_hash = fields.CharField(max_length=200)
    active = fields.BooleanField(default=True)
    available = fields.BooleanField(default=False, db_default=False)
    """At work: cases may be dealt out to them."""
    last_case_at: datetime | None = moment(null=True)
    """When they last took or were given a case."""
    failed_logins = fields.IntField(default=0)
    locked_until: datetime | None = moment(null=True)
    created_at: datetime = moment()

    class Meta:
        table = "staff"
        unique_together = (("shop", "email"),)


class ApiToken(ShopRow):
    """A bearer token: of a program (no staff) or of a member of staff who logged in."""

    shop: Any = reference("Shop")
    staff: Any = reference("Staff", null=True)
    staff_id: UUID | None
    name = fields.CharField(max_length=200)
    role: Role = choice(Role)
    scopes: Any = listing()
    prefix = fields.CharField(max_length=16, unique=True)
    digest = fields.CharField(max_length=64)
    """SHA-256 of the secret half; the secret itself is shown once and never stored."""
    created_at: datetime = moment()
    expires_at: datetime | None = moment(null=True)
    revoked_at: datetime | None = moment(null=True)

    class Meta:
        table = "api_token"


class CustomerSession(ShopRow):
    """What the shop's backend opens for one of its customers."""

    shop: Any = reference("Shop")
    customer: Any = reference("Customer")
    customer_id: UUID
    prefix = fields.CharField(max_length=16, unique=True)
    digest = fields.CharField(max_length=64)
    created_at: datetime = moment()
    expires_at: datetime = moment()

    class Meta:
        table = "customer_session"
