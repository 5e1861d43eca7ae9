"""What a customer was offered to choose from, and what she made of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from refund_gql.choices import OfferKind, OfferState, ReturnPayer
from refund_gql.models.row import ShopRow, choice, mapping, minor_units, moment, reference


class OfferLadder(ShopRow):
    """One to five offers that were made together; a customer takes one of them at most."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    state: OfferState = choice(OfferState, default=OfferState.OPEN)
    message = fields.TextField(default="")
    """To the customer."""
    proposed_by = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    proposed_by_name = fields.CharField(max_length=200, default="")
    inspected = fields.BooleanField(default=False)
    """The goods are back, and were inspected: whatever is accepted, it is no refund only."""
    asked_goods: int = minor_units()
    asked_shipping: int = minor_units()
    """What the refund was about when the offers were made; it returns to that when what was
    accepted is sent back."""
    asked_lines: Any = mapping()
    """Refund line -> minor units; the parts of `asked_goods`."""
    currency = fields.CharField(max_length=3)
    """The refund's."""
    counter_amount: int | None = fields.BigIntField(null=True)
    """COUNTERED: what the customer proposed in their place."""
    counter_note = fields.TextField(default="")
    """In her own words."""
    proposed_at: datetime = moment()
    expires_at: datetime = moment()
    closed_at: datetime | None = moment(null=True)

    @property
    def asked(self) -> int:
        """What was asked for, goods and shipping, in minor units."""
        return self.asked_goods + self.asked_shipping

    class Meta:
        table = "offer_ladder"
        indexes = [("shop_id", "proposed_at", "id")]
        constraints = [
            CheckConstraint(
                check="asked_goods >= 0 AND asked_shipping >= 0 AND proposed_at < expires_at",
                name="offer_ladder_in_range",
            ),
            CheckConstraint(
                check="(closed_at IS NULL) = (state = 'OPEN')", name="offer_ladder_closed_once"
            ),
            CheckConstraint(
                check="counter_amount IS NULL"
                " OR (counter_amount > 0 AND counter_amount <= asked_goods + asked_shipping)",
                name="offer_ladder_counter_in_range",
            ),
            UniqueConstraint(
                fields=("refund_id",), name="one_open_ladder_per_refund", condition="state = 'OPEN'"
            ),
            UniqueConstraint(
                fields=("refund_id",),
                name="one_counter_per_refund",
                condition="counter_amount IS NOT NULL",
            ),
        ]


class Offer(ShopRow):
    """One way out on a ladder."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    ladder: Any = reference("OfferLadder")
    ladder_id: UUID
    rank = fields.IntField()
    """From 1: what the shop would rather give comes first."""
    kind: OfferKind = choice(OfferKind)
    state: OfferState = choice(OfferState, default=OfferState.OPEN)
    amount: int = minor_units()
    """Of money, in the refund's currency; 0 for a coupon."""
    currency = fields.CharField(max_length=3)
    """The refund's; of a coupon the shop's."""
    line_amounts: Any = mapping()
    """Refund line -> minor units where an inspection said so; else the lines share the amount."""
    coupon_amount: int = minor_units(default=0)
    """EXCHANGE_COUPON: its face value without the bonus."""
    coupon_bonus: int = minor_units(default=0)
    coupon_days = fields.IntField(null=True)
    """EXCHANGE_COUPON: days it is valid; None: it does not end."""
    return_payer: ReturnPayer | None = choice(ReturnPayer, null=True)
    """FULL_WITH_RETURN: who pays the parcel."""
    texts: Any = mapping()
    """Locale -> what the customer reads beside the kind."""
    guides: Any = mapping()
    """Locale -> https address of a guide to the goods."""
    cost: int = minor_units()
    """What it costs the shop, in minor units: money or face value, and the parcel."""
    created_at: datetime = moment()

    class Meta:
        table = "offer"
        unique_together = (("ladder", "rank"),)
        constraints = [
            CheckConstraint(
                check="rank >= 1 AND amount >= 0 AND coupon_amount >= 0 AND coupon_bonus >= 0"
                " AND cost >= 0",
                name="offer_in_range",
            ),
            CheckConstraint(
                check="(kind = 'EXCHANGE_COUPON') = (amount = 0)"
                " AND (kind = 'EXCHANGE_COUPON') = (coupon_amount > 0)",
                name="offer_is_money_or_a_coupon",
            ),
            CheckConstraint(
                check="(kind = 'FULL_WITH_RETURN') = (return_payer IS NOT NULL)",
                name="offer_return_has_a_payer",
            ),
            UniqueConstraint(
                fields=("ladder_id",),
                name="one_accepted_offer_per_ladder",
                condition="state = 'ACCEPTED'",
            ),
        ]
