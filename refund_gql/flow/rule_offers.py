"""The offers that a rule makes, worked out for one refund; or why a person makes them instead."""

from collections.abc import Mapping
from dataclasses import dataclass

from refund_gql.choices import OfferKind
from refund_gql.flow.offer_drafts import MONEY, OfferDraft
from refund_gql.models import Refund, Shop
from refund_gql.money import share
from refund_gql.rules.actions import OfferTerms, ProposeOffers

Words = Mapping[str, str]
"""Locale -> what people read."""

NOTHING_SENT: Words = {"zh": "商品未发货", "en": "nothing was sent"}
NO_MONEY: Words = {"zh": "没有可协商的款项", "en": "there is no money to negotiate about"}
NOT_COVERED: Words = {"zh": "可退金额不足", "en": "the payments do not cover the amount"}
TOO_MUCH: Words = {
    "zh": "方案金额超出申请金额",
    "en": "an offer is more than what was asked for",
}
TOO_LITTLE: Words = {"zh": "方案金额不足最小货币单位", "en": "an offer comes to nothing"}
OTHER_CURRENCY: Words = {
    "zh": "退款币种与店铺币种不同",
    "en": "the refund is in another currency than the shop's",
}
NO_CUSTOMER: Words = {"zh": "订单没有顾客信息", "en": "the customer is not known"}
NO_ADDRESS: Words = {"zh": "店铺未设置退货地址", "en": "the shop has no address for returns"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the offers are made about."""

    refund: Refund
    shop: Shop
    sent: bool
    """At least one of its units has left the warehouse."""
    covered: bool
    """The payments hold what is asked for."""
    addressed: bool
    """The shop has said where goods go back to."""


def work_out(wish: ProposeOffers, case: Case) -> tuple[OfferDraft, ...] | Words:
    """The drafts, best first; pure. A text says what is in the way: all are made, or none."""
    drafts = tuple(_draft(terms, case) for terms in wish.offers)
    return _in_the_way(wish, drafts, case) or drafts


def _draft(terms: OfferTerms, case: Case) -> OfferDraft:
    amount = terms.amount or share(case.refund.amount, terms.percent or 0, 100)
    coupon = terms.kind is OfferKind.EXCHANGE_COUPON
    texts = terms.text.texts() if terms.text else {}
    return OfferDraft(
        kind=terms.kind,
        amount=amount if terms.kind in MONEY else None,
        coupon_amount=amount if coupon else 0,
        coupon_bonus=terms.bonus,
        coupon_days=terms.valid_days if coupon else None,
        texts=texts,
        guides=dict.fromkeys(("zh", "en"), terms.guide) if terms.guide else {},
    )


def _in_the_way(wish: ProposeOffers, drafts: tuple[OfferDraft, ...], case: Case) -> Words | None:
    kinds, refund = {draft.kind for draft in drafts}, case.refund
    same_currency = refund.currency == case.shop.currency
    # Amounts of a rule, and coupons, are in the shop's currency; a share is in any.
    fixed = any(terms.amount or terms.kind is OfferKind.EXCHANGE_COUPON for terms in wish.offers)
    hindrances = (
        (NOTHING_SENT, not case.sent),
        (NO_MONEY, refund.amount == 0),
        (NOT_COVERED, not case.covered),
        (OTHER_CURRENCY, fixed and not same_currency),
        (TOO_MUCH, any((draft.amount or 0) > refund.amount for draft in drafts)),
        (TOO_LITTLE, any(draft.amount == 0 for draft in drafts)),
        (NO_CUSTOMER, OfferKind.EXCHANGE_COUPON in kinds and refund.customer_id is None),
        (NO_ADDRESS, OfferKind.FULL_WITH_RETURN in kinds and not case.addressed),
    )
    return next((words for words, applies in hindrances if applies), None)
