"""What a customer was offered to choose from, and how customers answer."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from refund_gql import labels
from refund_gql.flow.offer_figures import Figures
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import OfferKind, OfferState, ReturnPayer
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, children, column, enum, localized, reference
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.reason import ReasonTag

if TYPE_CHECKING:
    from refund_gql.graphql.types.refund import Refund


@strawberry.type(description="One way out that a customer was offered.")
class Offer(Node):
    table: ClassVar[str] = "offer"

    rank: int = column("rank", "From 1, best first.")
    kind: OfferKind = enum("kind", OfferKind, "What it is.")
    state: OfferState = enum("state", OfferState, "Where it stands.")
    coupon_days: int | None = column(
        "coupon_days", "EXCHANGE_COUPON: days it is valid; null: it does not end."
    )
    return_payer: ReturnPayer | None = enum(
        "return_payer", ReturnPayer, "FULL_WITH_RETURN: who pays the parcel."
    )
    text: str = localized("texts", "What the customer reads beside the kind.")
    guide: str = localized("guides", "The address of a guide to the goods; empty: none.")

    @strawberry.field(description="The kind in words.")
    def kind_text(self, info: Info) -> str:
        return labels.OFFERS[OfferKind(self.row["kind"])][info.context.locale]

    @strawberry.field(description="The money; null for a coupon.")
    def amount(self) -> Money | None:
        return self._money(self.row["amount"]) if self.row["amount"] else None

    @strawberry.field(description="EXCHANGE_COUPON: its face value, the bonus included.")
    def coupon(self) -> Money | None:
        face = self.row["coupon_amount"] + self.row["coupon_bonus"]
        return self._money(face) if face else None

    @strawberry.field(description="EXCHANGE_COUPON: how much of it is a bonus.")
    def coupon_bonus(self) -> Money | None:
        return self._money(self.row["coupon_bonus"]) if self.row["coupon_amount"] else None

    @strawberry.field(description="Money or face value, and the parcel where the shop pays it.")
    def cost_to_shop(self) -> Money:
        return self._money(self.row["cost"])

    def _money(self, amount: int) -> Money:
        return Money(amount=MinorUnits(amount), currency=self.row["currency"])


@strawberry.type(description="Offers that were made together; one is accepted at most.")
class OfferLadder(Node):
    table: ClassVar[str] = "offer_ladder"

    state: OfferState = enum("state", OfferState, "Where it stands.")
    message: str = column("message", "To the customer.")
    proposed_by: str = column("proposed_by", "KIND:id.")
    proposed_by_name: str = column("proposed_by_name", "Who it was.")
    proposed_at: datetime = column("proposed_at", "UTC.")
    expires_at: datetime = column("expires_at", "They can be accepted before; UTC.")
    closed_at: datetime | None = column("closed_at", "When they were answered or ended; UTC.")
    counter_note: str = column("counter_note", "In the customer's words.")
    offers: list[Offer] = children("ladder_id", "Offer", "Best first.", order="rank")
    refund: Annotated["Refund", strawberry.lazy("refund_gql.graphql.types.refund")] | None = (
        reference("refund_id", "Refund", "What they are made for.")
    )

    @strawberry.field(description="What was asked for when they were made.")
    def asked(self) -> Money:
        return self._money(self.row["asked_goods"] + self.row["asked_shipping"])

    @strawberry.field(description="What the customer proposed in their place; null: nothing.")
    def counter(self) -> Money | None:
        amount = self.row["counter_amount"]
        return None if amount is None else self._money(amount)

    def _money(self, amount: int) -> Money:
        return Money(amount=MinorUnits(amount), currency=self.row["currency"])


@strawberry.type(description="How customers answered offers of one kind, made for one reason.")
class OfferFigures:
    figures: strawberry.Private[Figures]
    currency: strawberry.Private[str]

    @strawberry.field(description="What was offered.")
    def kind(self) -> OfferKind:
        return self.figures.kind

    @strawberry.field(description="What the customers had stated; null: nothing.")
    async def reason(self, info: Info) -> ReasonTag | None:
        found = self.figures.reason_id
        return None if found is None else await ReasonTag.read(info, found)

    @strawberry.field(description="How many were made.")
    def proposed(self) -> int:
        return self.figures.proposed

    @strawberry.field(description="How many were accepted.")
    def accepted(self) -> int:
        return self.figures.accepted

    @strawberry.field(description="Declined, or passed over for another one or a counter.")
    def declined(self) -> int:
        return self.figures.declined

    @strawberry.field(description="How many nobody answered.")
    def expired(self) -> int:
        return self.figures.expired

    @strawberry.field(description="Accepted of proposed, 0 to 1.")
    def share(self) -> float:
        return self.figures.share

    @strawberry.field(
        description="By how much an accepted one costs less than was asked for, on average; null "
        "where none was accepted."
    )
    def mean_saved(self) -> Money | None:
        saved = self.figures.mean_saved
        return None if saved is None else Money(amount=MinorUnits(saved), currency=self.currency)
