"""The refund, what it is made of, and what happened to it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import Disposition, Priority, ReturnStatus, Verdict
from refund_gql.desks import Desk
from refund_gql.events import EventType
from refund_gql.models.row import (
    ShopRow,
    added_choice,
    choice,
    listing,
    mapping,
    minor_units,
    moment,
    reference,
)
from refund_gql.states import RefundKind, RefundStatus, Step


class ReasonTag(ShopRow):
    """Why a customer wants a refund, in the shop's own categories."""

    shop: Any = reference("Shop")
    code = fields.CharField(max_length=64)
    """Stable; never changes once used."""
    labels: Any = mapping()
    """Locale -> label."""
    parent: Any = reference("ReasonTag", null=True)
    parent_id: UUID | None
    seller_at_fault = fields.BooleanField(default=False)
    """True: the shop's side caused it, so shipping is refunded with the goods."""
    position = fields.IntField(default=0)
    retired_at: datetime | None = moment(null=True)

    class Meta:
        table = "reason_tag"
        unique_together = (("shop", "code"),)


class Refund(ShopRow):
    """One request and its whole journey. Changes only through `flow.journal`."""

    shop: Any = reference("Shop")
    order: Any = reference("Order", null=True)
    order_id: UUID | None
    """None only for imported history whose order is not known."""
    customer: Any = reference("Customer", null=True)
    customer_id: UUID | None
    number = fields.CharField(max_length=64)
    kind: RefundKind = choice(RefundKind)
    status: RefundStatus = choice(RefundStatus)
    version = fields.IntField(default=0)
    """Grows by one with every event."""
    announced = fields.IntField(default=0, db_default=0)
    """The version up to which messages and webhooks have been made, without a gap; the outbox
    writes it."""
    currency = fields.CharField(max_length=3)
    goods_amount: int = minor_units()
    """The sum of the lines."""
    shipping_amount: int = minor_units(default=0)
    amount: int = minor_units()
    """goods_amount + shipping_amount: what the customer gets."""
    stated_reason: Any = reference("ReasonTag", null=True)
    stated_reason_id: UUID | None
    found_reason: Any = reference("ReasonTag", null=True)
    found_reason_id: UUID | None
    root_cause: Any = reference("ReasonTag", null=True)
    root_cause_id: UUID | None
    """Why it came to that, in the shop's own eyes; beside what was stated and what was found."""
    note = fields.TextField(default="")
    """The customer's own words."""
    requested_by = fields.CharField(max_length=64)
    """Who asked, as KIND:id."""
    assignee: Any = reference("Staff", null=True)
    assignee_id: UUID | None
    desk: Desk | None = choice(Desk, null=True)
    """Where it waits for a person; None when nobody has to act."""
    desk_since: datetime | None = moment(null=True)
    """When it came to the desk."""
    assign_wanted = fields.BooleanField(default=False, db_default=False)
    """It is to be dealt out to somebody; the job `assign` does it."""
    priority: Priority = added_choice(Priority, Priority.NORMAL)
    escalation: Any = mapping()
    """Locale -> why people are to look at it sooner; in the words of a rule or a colleague."""
    split_from: Any = reference("Refund", null=True)
    split_from_id: UUID | None
    merged_into: Any = reference("Refund", null=True)
    merged_into_id: UUID | None
    """The request that this one has become part of, and is cancelled for."""
    goods_later = fields.BooleanField(default=False, db_default=False)
    """Refund first: the goods follow the money, on an axis of their own."""
    disputed_at: datetime | None = moment(null=True)
    """When its refusal was disputed; once at most."""
    stuck_reason = fields.CharField(max_length=64, null=True)
    """While PAYMENT_STUCK: why a person has to look."""
    imported = fields.BooleanField(default=False)
    requested_at: datetime = moment()
    approved_at: datetime | None = moment(null=True)
    finished_at: datetime | None = moment(null=True)
    updated_at: datetime = moment()
    head = fields.CharField(max_length=64)
    """The hash of the newest event."""

    class Meta:
        table = "refund"
        unique_together = (("shop", "number"),)
        indexes = [
            ("shop_id", "requested_at", "id"),
            ("shop_id", "status", "requested_at"),
            ("updated_at",),
            ("status", "finished_at"),
            ("shop_id", "priority", "requested_at"),
            ("desk", "shop_id", "desk_since"),
        ]
        constraints = [
            CheckConstraint(
                check="goods_amount >= 0 AND shipping_amount >= 0"
                " AND amount = goods_amount + shipping_amount",
                name="refund_amount_is_its_parts",
            ),
            CheckConstraint(check="order_id IS NOT NULL OR imported", name="refund_has_an_order"),
            CheckConstraint(
                check="(desk IS NULL) = (desk_since IS NULL)", name="refund_waits_at_a_desk_since"
            ),
            CheckConstraint(
                check="NOT assign_wanted OR (desk IS NOT NULL AND assignee_id IS NULL)",
                name="refund_is_dealt_out_at_a_desk",
            ),
        ]


class RefundLine(ShopRow):
    """How many units of an order line are refunded, and for how much."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    order_line: Any = reference("OrderLine", null=True)
    order_line_id: UUID | None
    position = fields.IntField()
    sku = fields.CharField(max_length=64)
    title = fields.CharField(max_length=300)
    quantity = fields.IntField()
    worth: int = minor_units()
    """What the units cost: claimed of the order line for good, whatever is granted in the end."""
    amount: int = minor_units()
    """What is granted; staff may ask for less than the worth, an inspection may reduce it."""

    class Meta:
        table = "refund_line"
        unique_together = (("refund", "position"),)
        constraints = [
            CheckConstraint(
                check="quantity > 0 AND amount BETWEEN 0 AND worth",
                name="refund_line_within_worth",
            )
        ]


class Decision(ShopRow):
    """Who or what decided a step, and why. Append-only."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    step: Step = choice(Step)
    actor = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    actor_name = fields.CharField(max_length=200, default="")
    reason = fields.TextField(default="")
    """In the words of whoever decided; for a rejection the customer reads it."""
    trace: Any = mapping()
    """What was looked at: facts and the policy that applied."""
    decided_at: datetime = moment()

    class Meta:
        table = "decision"
        indexes = [("shop_id", "decided_at", "id")]


class Return(ShopRow):
    """The goods on their way back; an axis of its own beside the money."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    status: ReturnStatus = choice(ReturnStatus)
    address = fields.CharField(max_length=500)
    recipient: Any = mapping()
    """The same in parts, for couriers; empty where the shop has given only words."""
    requirements: Any = mapping()
    """Locale -> what the goods must look like, in words."""
    checklist: Any = listing()
    """The same point by point: {code, zh, en}."""
    expected_refund_at: datetime | None = moment(null=True)
    """When the money is expected back, as foreseen when the return was opened."""
    expected_basis: Any = mapping()
    """The figures behind it: cases, median_hours, p80_hours."""
    courier = fields.CharField(max_length=64, default="")
    tracking_number = fields.CharField(max_length=64, default="")
    opened_at: datetime = moment()
    shipped_at: datetime | None = moment(null=True)
    received_at: datetime | None = moment(null=True)

    class Meta:
        table = "goods_return"
        indexes = [("shop_id", "tracking_number")]
        constraints = [
            UniqueConstraint(
                fields=("refund_id",),
                name="one_open_return_per_refund",
                condition="status NOT IN ('INSPECTED', 'CANCELLED', 'LOST')",
            )
        ]


class Inspection(ShopRow):
    """What the warehouse found for one refund line of one parcel."""

    shop: Any = reference("Shop")
    goods_return: Any = reference("Return")
    goods_return_id: UUID
    refund_line: Any = reference("RefundLine")
    refund_line_id: UUID
    verdict = fields.CharField(max_length=20)
    """The hardest `Verdict` on any unit that came; of none, on what is not there."""
    received_quantity = fields.IntField()
    """Units of ours that came, whatever is granted for them."""
    amount: int = minor_units()
    """What is granted for the line after inspection."""
    note = fields.TextField(default="")
    inspected_at: datetime = moment()

    class Meta:
        table = "inspection"
        unique_together = (("goods_return", "refund_line"),)


class InspectionOutcome(ShopRow):
    """So many units of an inspected line, and what was said about them. The outcomes of a line
    add up to its quantity; inspections of before they were counted have none."""

    shop: Any = reference("Shop")
    inspection: Any = reference("Inspection")
    inspection_id: UUID
    position = fields.IntField()
    verdict: Verdict = choice(Verdict)
    quantity = fields.IntField()
    amount: int = minor_units()
    """What is granted for these units."""
    disposition: Disposition | None = choice(Disposition, null=True)
    """None for units that are not here."""
    reason: Any = reference("ReasonTag", null=True)
    reason_id: UUID | None
    """Why less or nothing is granted, in the shop's categories."""
    arrived = fields.CharField(max_length=300, default="")
    """With WRONG_ITEM: what came instead."""
    note = fields.TextField(default="")

    class Meta:
        table = "inspection_outcome"
        unique_together = (("inspection", "position"),)
        constraints = [
            CheckConstraint(
                check="quantity > 0 AND amount >= 0"
                " AND (amount = 0 OR verdict IN ('ACCEPTED', 'REDUCED'))",
                name="inspection_outcome_grants_what_came",
            ),
            CheckConstraint(
                check="(disposition IS NOT NULL) = (verdict NOT IN ('WRONG_ITEM', 'MISSING'))",
                name="inspection_outcome_disposes_of_what_came",
            ),
        ]


class Event(ShopRow):
    """What happened: audit trail and timeline in one. Append-only, chained by hash."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    version = fields.IntField()
    type: EventType = choice(EventType)
    status: RefundStatus = choice(RefundStatus)
    """The refund's status after this event."""
    payload: Any = mapping()
    actor = fields.CharField(max_length=64)
    actor_name = fields.CharField(max_length=200, default="")
    at: datetime = moment()
    hash = fields.CharField(max_length=64)

    class Meta:
        table = "event"
        unique_together = (("refund", "version"),)
