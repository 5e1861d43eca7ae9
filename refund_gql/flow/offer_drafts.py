"""What may be offered to a customer, before any of it is: one offer as a draft, and its checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from refund_gql import validation
from refund_gql.choices import OfferKind, Purpose, ReturnPayer
from refund_gql.errors import ExceedsRefundable, InvalidInput
from refund_gql.flow import goods, payout, quote
from refund_gql.flow.journal import Change

MOST = 5
"""Offers on one ladder."""
MAX_DAYS = 3_650
MAX_LINK = 500
MONEY = (OfferKind.KEEP_AND_COMPENSATE, OfferKind.PARTIAL)
"""What gives money and leaves the goods where they are."""


@dataclass(frozen=True, kw_only=True)
class OfferDraft:
    """One offer that is to be made; amounts in minor units."""

    kind: OfferKind
    amount: int | None = None
    """KEEP_AND_COMPENSATE and PARTIAL: of money, in the refund's currency."""
    coupon_amount: int = 0
    """EXCHANGE_COUPON: in the shop's currency, without the bonus."""
    coupon_bonus: int = 0
    coupon_days: int | None = None
    return_payer: ReturnPayer = ReturnPayer.SHOP
    texts: Mapping[str, str] = field(default_factory=dict)
    guides: Mapping[str, str] = field(default_factory=dict)

    @property
    def face(self) -> int:
        """What the coupon is worth to the customer."""
        return self.coupon_amount + self.coupon_bonus

    @property
    def purpose(self) -> Purpose:
        """Which budget it is taken from."""
        full = self.kind is OfferKind.FULL_WITH_RETURN
        return Purpose.APPROVAL if full else Purpose.COMPENSATION


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A ladder that is to be made: one to five offers, best first."""

    drafts: tuple[OfferDraft, ...]
    message: str = ""
    """To the customer."""
    reason: str = ""
    """For colleagues."""

    def stored(self) -> dict[str, Any]:
        """As JSON, for whoever makes it later."""
        content: dict[str, Any] = _PROPOSAL.dump_python(self, mode="json")
        return content


_PROPOSAL = TypeAdapter(Proposal)


def loaded(content: object) -> Proposal:
    """What `stored` made JSON of."""
    return _PROPOSAL.validate_python(content)


def amount_of(draft: OfferDraft, asked: int) -> int:
    """The money of an offer: a return brings all that was asked for."""
    return asked if draft.kind is OfferKind.FULL_WITH_RETURN else draft.amount or 0


async def check(change: Change, drafts: Sequence[OfferDraft]) -> None:
    """Raise InvalidInput or ExceedsRefundable unless the refund can be offered all of these."""
    if not 1 <= len(drafts) <= MOST:
        raise InvalidInput(
            field="offers",
            found=f"{len(drafts)} offers",
            expected=f"1 to {MOST}",
            zh=f"1 到 {MOST} 个方案",
        )
    for place, draft in enumerate(drafts):
        _check_shape(f"offers.{place}", draft)
    await _check_fit(change, drafts)


def _check_shape(field: str, draft: OfferDraft) -> None:
    money, coupon = draft.kind in MONEY, draft.kind is OfferKind.EXCHANGE_COUPON
    if (draft.amount is not None) is not money:
        raise InvalidInput(
            field=f"{field}.amount",
            found=str(draft.amount),
            expected="with KEEP_AND_COMPENSATE and PARTIAL, only then",
            zh="仅在 KEEP_AND_COMPENSATE 和 PARTIAL 时填写，且必须填写",
        )
    if (draft.coupon_amount > 0) is not coupon or (draft.coupon_bonus and not coupon):
        raise InvalidInput(
            field=f"{field}.couponAmount",
            found=str(draft.coupon_amount),
            expected="more than zero with EXCHANGE_COUPON, only then",
            zh="仅在 EXCHANGE_COUPON 时填写，且必须大于零",
        )
    validation.minor_units(f"{field}.amount", draft.amount or 0, least=1 if money else 0)
    validation.minor_units(f"{field}.couponAmount", draft.face)
    validation.minor_units(f"{field}.couponBonus", draft.coupon_bonus)
    if draft.coupon_days is not None:
        validation.whole(f"{field}.couponDays", draft.coupon_days, least=1, most=MAX_DAYS)
    for locale, link in draft.guides.items():
        _check_link(f"{field}.guides.{locale}", link)


def _check_link(field: str, link: str) -> None:
    validation.text(field, link, longest=MAX_LINK)
    if not link.startswith("https://") or not link.isprintable() or " " in link:
        raise InvalidInput(
            field=field, found=link[:80], expected="an https:// address", zh="https:// 开头的网址"
        )


async def _check_fit(change: Change, drafts: Sequence[OfferDraft]) -> None:
    """Never more than was asked for, nor than the payments still hold."""
    refund, kinds = change.refund, [draft.kind for draft in drafts]
    wanted = max(amount_of(draft, refund.amount) for draft in drafts)
    await require_money(change, wanted)
    if OfferKind.EXCHANGE_COUPON in kinds:
        await require_money(change, refund.amount)
    if OfferKind.FULL_WITH_RETURN in kinds:
        await _require_return(change, kinds.index(OfferKind.FULL_WITH_RETURN))
    if OfferKind.EXCHANGE_COUPON in kinds and refund.customer_id is None:
        raise InvalidInput(
            field=f"offers.{kinds.index(OfferKind.EXCHANGE_COUPON)}.kind",
            found=OfferKind.EXCHANGE_COUPON.value,
            expected="another kind: the customer is not known",
            zh="其他方案：订单没有顾客信息",
        )


async def require_money(change: Change, wanted: int, *, lock: bool = False) -> None:
    """Raise ExceedsRefundable unless the refund is about so much, and the payments still hold it.

    What a coupon takes the place of must be there too: what a chargeback has given back already
    is not given again in another form. With `lock`, nothing of it goes until the change is over.
    """
    most, currency = await most_money(change, lock=lock), change.refund.currency
    if wanted > most:
        raise ExceedsRefundable(requested=wanted, maximum_refundable=most, currency=currency)


async def most_money(change: Change, *, lock: bool = False) -> int:
    """What the refund is about, as far as the payments still hold it, in minor units."""
    refund = change.refund
    assert refund.order_id is not None, "only imported refunds have no order"
    rows = await quote.load(change.tx, refund.shop_id, refund.order_id, lock=lock)
    assert rows is not None
    left = sum(max(payout.free(capture), 0) for capture in rows.captures)
    return min(refund.amount, left)


async def _require_return(change: Change, place: int) -> None:
    if change.refund.amount == 0 or not await goods.were_sent(change):
        raise InvalidInput(
            field=f"offers.{place}.kind",
            found=OfferKind.FULL_WITH_RETURN.value,
            expected="another kind: nothing was sent that could come back",
            zh="其他方案：没有可退回的商品",
        )
