"""Offers: what the shop proposes, and what the customer makes of it."""

from typing import Annotated
from uuid import UUID

import strawberry

from refund_gql import ids, validation
from refund_gql.flow import counteroffers, negotiation, offer_drafts
from refund_gql.flow.offer_drafts import OfferDraft, Proposal
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import OfferKind, ReturnPayer
from refund_gql.graphql.mutations.answers import answer, once, words
from refund_gql.graphql.mutations.backoffice import LocalizedText
from refund_gql.graphql.mutations.refund_inputs import RefundStepInput
from refund_gql.graphql.problems import (
    ExceedsRefundable,
    IdempotencyConflict,
    IllegalStep,
    InvalidInput,
    NotAllowed,
    NotFound,
    OfferClosed,
    OverBudget,
    StaleVersion,
)
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.refund import Refund

_KEY = "Names this operation: send the same key again when you are not sure it arrived."
_LONGEST_TEXT = 500

OfferResult = Annotated[
    Refund
    | InvalidInput
    | NotFound
    | NotAllowed
    | IllegalStep
    | StaleVersion
    | ExceedsRefundable
    | OverBudget
    | OfferClosed
    | IdempotencyConflict,
    strawberry.union("OfferResult", description="The refund as it is now, or why not."),
]


@strawberry.input(description="One way out; amounts in minor units.")
class OfferInput:
    kind: OfferKind = strawberry.field(description="What it is.")
    amount: MinorUnits | None = strawberry.field(
        default=None,
        description="KEEP_AND_COMPENSATE and PARTIAL: the money, in the refund's currency.",
    )
    coupon_amount: MinorUnits = strawberry.field(
        default=MinorUnits(0), description="EXCHANGE_COUPON: its worth, in the shop's currency."
    )
    coupon_bonus: MinorUnits = strawberry.field(
        default=MinorUnits(0), description="EXCHANGE_COUPON: on top."
    )
    coupon_days: int | None = strawberry.field(
        default=None, description="EXCHANGE_COUPON: days it is valid; null: it does not end."
    )
    return_payer: ReturnPayer = strawberry.field(
        default=ReturnPayer.SHOP, description="FULL_WITH_RETURN: who pays the parcel."
    )
    text: LocalizedText | None = strawberry.field(
        default=None, description="What the customer reads beside it; at most 500 characters."
    )
    guide: LocalizedText | None = strawberry.field(
        default=None, description="The https address of a guide to the goods."
    )

    def value(self, i: int) -> OfferDraft:
        texts = self.text.value() if self.text else {}
        return OfferDraft(
            kind=self.kind,
            amount=self.amount,
            coupon_amount=self.coupon_amount,
            coupon_bonus=self.coupon_bonus,
            coupon_days=self.coupon_days,
            return_payer=self.return_payer,
            texts={
                locale: validation.text(f"offers.{i}.text.{locale}", text, longest=_LONGEST_TEXT)
                for locale, text in texts.items()
            },
            guides=self.guide.value() if self.guide else {},
        )


@strawberry.input(description="Offer a customer a choice.")
class OfferProposeInput(RefundStepInput):
    offers: list[OfferInput] = strawberry.field(description="1 to 5, best first.")
    message: str = strawberry.field(default="", description="The customer reads it.")
    reason: str = strawberry.field(default="", description="For colleagues.")

    def value(self) -> Proposal:
        validation.limited("offers", len(self.offers), offer_drafts.MOST)
        return Proposal(
            drafts=tuple(offer.value(i) for i, offer in enumerate(self.offers)),
            message=words("message", self.message),
            reason=words("reason", self.reason),
        )


@strawberry.input(description="Take an offer.")
class OfferAcceptInput:
    offer_id: strawberry.ID = strawberry.field(description="The offer.")
    idempotency_key: str = strawberry.field(description=_KEY)

    @property
    def id(self) -> UUID:
        return ids.required("offerId", self.offer_id, "Offer")


@strawberry.input(description="Take none of the offers.")
class OfferDeclineInput(RefundStepInput):
    reason: str = strawberry.field(default="", description="In the customer's words.")


@strawberry.input(description="Propose another amount in place of the offers.")
class OfferCounterInput(RefundStepInput):
    amount: MinorUnits = strawberry.field(
        description="Minor units of the refund's currency; at most what was asked for."
    )
    note: str = strawberry.field(default="", description="In the customer's words.")


@strawberry.input(description="Agree to the amount that the customer proposed.")
class OfferAcceptCounterInput(RefundStepInput):
    reason: str = strawberry.field(default="", description="For colleagues.")


@strawberry.input(description="Take the offers back.")
class OfferWithdrawInput(RefundStepInput):
    reason: str = strawberry.field(default="", description="For colleagues.")


@strawberry.type
class OfferMutations:
    @strawberry.mutation(description="First review: offer the customer ways out to choose from.")
    async def offer_propose(self, info: Info, input: OfferProposeInput) -> OfferResult:
        return await answer(
            info,
            Refund,
            lambda viewer: negotiation.propose(
                viewer,
                input.id,
                input.value(),
                expected_version=input.expected_version,
                once=once("offerPropose", input),
            ),
        )

    @strawberry.mutation(description="The customer takes an offer; the refund moves on by itself.")
    async def offer_accept(self, info: Info, input: OfferAcceptInput) -> OfferResult:
        return await answer(
            info,
            Refund,
            lambda viewer: negotiation.accept(viewer, input.id, once=once("offerAccept", input)),
        )

    @strawberry.mutation(description="The customer takes none of them; a person looks again.")
    async def offer_decline(self, info: Info, input: OfferDeclineInput) -> OfferResult:
        return await answer(
            info,
            Refund,
            lambda viewer: negotiation.decline(
                viewer,
                input.id,
                reason=words("reason", input.reason),
                expected_version=input.expected_version,
                once=once("offerDecline", input),
            ),
        )

    @strawberry.mutation(
        description="The customer proposes another amount, the goods staying where they are; once "
        "per refund."
    )
    async def offer_counter(self, info: Info, input: OfferCounterInput) -> OfferResult:
        return await answer(
            info,
            Refund,
            lambda viewer: counteroffers.counter(
                viewer,
                input.id,
                amount=input.amount,
                note=words("note", input.note),
                expected_version=input.expected_version,
                once=once("offerCounter", input),
            ),
        )

    @strawberry.mutation(description="First review: agree to what the customer proposed.")
    async def offer_accept_counter(self, info: Info, input: OfferAcceptCounterInput) -> OfferResult:
        return await answer(
            info,
            Refund,
            lambda viewer: counteroffers.accept_counter(
                viewer,
                input.id,
                reason=words("reason", input.reason),
                expected_version=input.expected_version,
                once=once("offerAcceptCounter", input),
            ),
        )

    @strawberry.mutation(description="Take the offers back; the refund returns to review.")
    async def offer_withdraw(self, info: Info, input: OfferWithdrawInput) -> OfferResult:
        return await answer(
            info,
            Refund,
            lambda viewer: negotiation.withdraw(
                viewer,
                input.id,
                reason=words("reason", input.reason),
                expected_version=input.expected_version,
                once=once("offerWithdraw", input),
            ),
        )
