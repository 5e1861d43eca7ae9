"""Negotiation: what the shop offers, and what the customer makes of it."""

from refund_gql.choices import OfferKind
from refund_gql.flow.offer_drafts import MONEY
from refund_gql.graphql.next_steps.action import Action
from refund_gql.graphql.standing import Standing
from refund_gql.states import Step

_RETURNS = frozenset({OfferKind.FULL_WITH_RETURN})
_MONEY = frozenset(MONEY)
_COUPONS = frozenset({OfferKind.EXCHANGE_COUPON})


def _money_pays(standing: Standing) -> bool:
    """Whether one of the offers is small enough to be paid without finance."""
    offers = standing.bargain.open(_MONEY)
    return any(standing.pays(row["amount"]) for row in offers)


def _counter_pays(standing: Standing) -> bool:
    amount = standing.bargain.counter
    return amount is not None and standing.pays(amount)


ACTIONS: tuple[Action, ...] = (
    Action(
        step=Step.PROPOSE_OFFERS,
        mutation="offerPropose",
        consequence={
            "en": "The customer reads the offers and takes one, declines, or names an amount of "
            "their own; no money yet.",
            "zh": "顾客将看到协商方案，可接受、拒绝或提出期望金额，暂不退款。",
        },
        possible=lambda standing: bool(standing.offer_kinds),
    ),
    Action(
        step=Step.ACCEPT_RETURN_OFFER,
        mutation="offerAccept",
        offers=_RETURNS,
        consequence={
            "en": "The goods are to be sent back; after the inspection {amount} is refunded.",
            "zh": "请寄回商品，验货通过后退款 {amount}。",
        },
        possible=lambda standing: bool(standing.bargain.open(_RETURNS)),
    ),
    Action(
        step=Step.ACCEPT_MONEY_OFFER,
        mutation="offerAccept",
        offers=_MONEY,
        consequence={
            "en": "The amount of the offer is refunded, and the matter is closed with it; above "
            "the shop's threshold finance looks first.",
            "zh": "按所选方案的金额退款并结案；超过免审额度时先由财务审核。",
        },
        possible=lambda standing: bool(standing.bargain.open(_MONEY)),
        moves_money=_money_pays,
    ),
    Action(
        step=Step.ACCEPT_COUPON_OFFER,
        mutation="offerAccept",
        offers=_COUPONS,
        consequence={
            "en": "A coupon is issued in place of the money; nothing else is refunded.",
            "zh": "发放优惠券代替退款，不再退还款项。",
        },
        possible=lambda standing: bool(standing.bargain.open(_COUPONS)),
    ),
    Action(
        step=Step.DECLINE_OFFERS,
        mutation="offerDecline",
        consequence={
            "en": "Customer service looks at the request again.",
            "zh": "由客服重新审核申请。",
        },
    ),
    Action(
        step=Step.COUNTER_OFFERS,
        mutation="offerCounter",
        consequence={
            "en": "The offers end, and customer service decides on the amount; possible once.",
            "zh": "现有方案失效，由客服决定是否同意该金额；仅可提出一次。",
        },
        possible=lambda standing: standing.bargain.may_counter and standing.refund["amount"] > 0,
    ),
    Action(
        step=Step.WITHDRAW_OFFERS,
        mutation="offerWithdraw",
        consequence={
            "en": "The customer can take none of them any more; the request is reviewed again.",
            "zh": "顾客不能再接受这些方案，申请退回初审。",
        },
    ),
    Action(
        step=Step.ACCEPT_COUNTER,
        mutation="offerAcceptCounter",
        consequence={
            "en": "The amount the customer named is refunded; above the shop's threshold finance "
            "looks first.",
            "zh": "按顾客期望的金额退款；超过免审额度时先由财务审核。",
        },
        possible=lambda standing: standing.bargain.counter is not None,
        moves_money=_counter_pays,
    ),
)
