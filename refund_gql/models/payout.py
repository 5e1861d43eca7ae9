"""Money owed to a customer on one capture, and every conversation with a gateway about it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import PayoutStatus
from refund_gql.models.row import ShopRow, choice, mapping, minor_units, moment, reference
from refund_gql.providers import OutcomeState


class Payout(ShopRow):
    """One payment back. The number and the request are stored before the first byte is sent;
    the row is never deleted and never renumbered."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    capture: Any = reference("Capture")
    capture_id: UUID
    number = fields.CharField(max_length=64, unique=True)
    amount: int = minor_units()
    currency = fields.CharField(max_length=3)
    gateway = fields.CharField(max_length=64)
    status: PayoutStatus = choice(PayoutStatus, default=PayoutStatus.READY)
    request: Any = mapping()
    """The canonical request; what is sent is built from it and from nothing else."""
    gateway_reference = fields.CharField(max_length=128, null=True)
    code = fields.CharField(max_length=64, null=True)
    """The gateway's or the engine's code for the last outcome."""
    message = fields.CharField(max_length=500, null=True)
    attempts = fields.IntField(default=0)
    """Conversations so far; also the counter in the key of the next job."""
    tries = fields.IntField(default=0)
    """Conversations since the payout was opened or retried by hand; too many, and a person
    has to look."""
    renumber = fields.BooleanField(default=False)
    """The gateway said that this number is used up."""
    replaces: Any = reference("Payout", null=True)
    replaces_id: UUID | None
    superseded = fields.BooleanField(default=False)
    """A newer payout took this one's place."""
    parked_reason = fields.CharField(max_length=40, null=True)
    """While the gateway cannot be reached for us: GATEWAY_MISSING, GATEWAY_MISCONFIGURED or
    GATEWAY_DOWN. The payout goes on by itself when it returns."""
    parked_at: datetime | None = moment(null=True)
    created_at: datetime = moment()
    sent_at: datetime | None = moment(null=True)
    settled_at: datetime | None = moment(null=True)

    class Meta:
        table = "payout"
        constraints = [
            CheckConstraint(check="amount > 0", name="payout_amount_positive"),
            UniqueConstraint(
                fields=("replaces_id",),
                name="payout_replaced_once",
                condition="replaces_id IS NOT NULL",
            ),
        ]


class PayoutAttempt(ShopRow):
    """One conversation with a gateway: written before the call, completed after it."""

    shop: Any = reference("Shop")
    payout: Any = reference("Payout")
    payout_id: UUID
    number = fields.IntField()
    call = fields.CharField(max_length=8)
    """REFUND or QUERY."""
    outcome: OutcomeState | None = choice(OutcomeState, null=True)
    """None while it is under way, or after it was cut off."""
    code = fields.CharField(max_length=64, null=True)
    message = fields.CharField(max_length=500, null=True)
    started_at: datetime = moment()
    finished_at: datetime | None = moment(null=True)

    class Meta:
        table = "payout_attempt"
        unique_together = (("payout", "number"),)
