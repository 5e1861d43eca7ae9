"""Chargebacks: what a payer's bank has taken back of a payment, as the gateway reports it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.models.row import ShopRow, choice, minor_units, moment, reference
from refund_gql.providers import DisputeState


class Dispute(ShopRow):
    """One chargeback on one capture. Where a payment was for several orders, each order's share
    of it has a row."""

    shop: Any = reference("Shop")
    capture: Any = reference("Capture")
    capture_id: UUID
    order: Any = reference("Order")
    order_id: UUID
    gateway = fields.CharField(max_length=64)
    """The provider's name in the plugin registry."""
    reference = fields.CharField(max_length=128)
    """The gateway's own reference of the dispute."""
    amount: int = minor_units()
    """What it holds of the capture, unless it is won."""
    currency = fields.CharField(max_length=3)
    state: DisputeState = choice(DisputeState)
    reason = fields.CharField(max_length=64, default="")
    """The gateway's own code."""
    opened_at: datetime = moment()
    """When the gateway first spoke of it, by its own clock."""
    closed_at: datetime | None = moment(null=True)
    told_at: datetime = moment()
    """The time of the newest word about it, by the gateway's clock."""

    class Meta:
        table = "dispute"
        unique_together = (("shop", "gateway", "reference", "capture"),)
        indexes = [("shop_id", "opened_at", "id")]
        constraints = [
            CheckConstraint(check="amount > 0", name="dispute_amount_positive"),
            CheckConstraint(
                check="(closed_at IS NULL) = (state = 'OPENED')", name="dispute_closed_when_over"
            ),
        ]


_HELD = """
select coalesce(sum(amount), 0)::bigint as held from dispute
 where capture_id = $1 and state <> 'WON'
"""


async def held(tx: Any, capture_id: UUID) -> int:
    """What the gateway's chargebacks hold of a capture, in minor units."""
    [row] = await tx.execute_query_dict(_HELD, [capture_id])
    return int(row["held"])
