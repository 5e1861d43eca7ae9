"""Offers as rows: what a ladder may hold, what each costs the shop, and what taking one does to
the refund's amounts. Who proposes and who answers is `negotiation`'s part."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from refund_gql.choices import OfferKind, OfferState, ReturnPayer, ReturnStatus
from refund_gql.flow.journal import Change
from refund_gql.flow.offer_drafts import MONEY, OfferDraft, amount_of, check
from refund_gql.models import Offer, OfferLadder, RefundLine, Return, Shop, new_id
from refund_gql.money import allocate

JOB = "offers"

_LOCK_ORDER = 'select 1 from "order" where id = $1 and shop_id = $2 for update'
_CLAIM_SHIPPING = """
update "order" set shipping_claimed = shipping_claimed + $3 where id = $1 and shop_id = $2
"""
_SHIPPING_LEFT = """
select shipping_amount - shipping_claimed as rest from "order" where id = $1 and shop_id = $2
"""


async def put(
    change: Change,
    ladder_id: UUID,
    drafts: Sequence[OfferDraft],
    *,
    message: str = "",
    line_amounts: Mapping[UUID, int] | None = None,
) -> OfferLadder:
    """Make the offers, best first, and set the alarm for their end.

    `line_amounts` are those of an inspection. Raises InvalidInput, ExceedsRefundable.
    """
    await check(change, drafts)
    shop = await Shop.filter(id=change.refund.shop_id).using_db(change.tx).get()
    ladder = await _ladder(change, ladder_id, shop, message, of_parcel=line_amounts is not None)
    for rank, draft in enumerate(drafts, start=1):
        offer = _offer(change, ladder, shop, rank, draft)
        offer.line_amounts = {str(line): amount for line, amount in (line_amounts or {}).items()}
        await offer.save(using_db=change.tx, force_create=True)
    await set_alarm(change, ladder)
    return ladder


async def set_alarm(change: Change, ladder: OfferLadder) -> None:
    """The job `offers` comes when the offers end."""
    await change.enqueue(JOB, ladder.id, key=f"offers:{ladder.id}", run_at=ladder.expires_at)


async def _ladder(
    change: Change, ladder_id: UUID, shop: Shop, message: str, *, of_parcel: bool
) -> OfferLadder:
    refund, lines = change.refund, await _lines(change)
    back = Return.filter(refund_id=refund.id, status=ReturnStatus.INSPECTED).using_db(change.tx)
    return await OfferLadder.create(
        using_db=change.tx,
        id=ladder_id,
        shop_id=refund.shop_id,
        refund_id=refund.id,
        message=message,
        proposed_by=change.viewer.actor,
        proposed_by_name=change.viewer.name,
        inspected=of_parcel or await back.exists(),
        asked_goods=refund.goods_amount,
        asked_shipping=refund.shipping_amount,
        asked_lines={str(line.id): line.amount for line in lines},
        currency=refund.currency,
        proposed_at=change.now,
        expires_at=change.now + timedelta(hours=shop.offer_hours),
    )


def _offer(change: Change, ladder: OfferLadder, shop: Shop, rank: int, draft: OfferDraft) -> Offer:
    coupon = draft.kind is OfferKind.EXCHANGE_COUPON
    full = draft.kind is OfferKind.FULL_WITH_RETURN
    return Offer(
        id=new_id(),
        shop_id=ladder.shop_id,
        refund_id=ladder.refund_id,
        ladder_id=ladder.id,
        rank=rank,
        kind=draft.kind,
        amount=amount_of(draft, ladder.asked),
        currency=shop.currency if coupon else ladder.currency,
        coupon_amount=draft.coupon_amount,
        coupon_bonus=draft.coupon_bonus,
        coupon_days=draft.coupon_days,
        return_payer=draft.return_payer if full else None,
        texts=dict(draft.texts),
        guides=dict(draft.guides),
        cost=_cost(draft, ladder, shop),
        created_at=change.now,
    )


def _cost(draft: OfferDraft, ladder: OfferLadder, shop: Shop) -> int:
    """Money or face value, and the parcel where the shop pays it; goods that come back are not
    set off. The parcel is reckoned in the shop's currency, and left out in another."""
    paid = draft.face if draft.face else amount_of(draft, ladder.asked)
    full = draft.kind is OfferKind.FULL_WITH_RETURN
    pays = full and draft.return_payer is ReturnPayer.SHOP and ladder.currency == shop.currency
    return paid + (shop.return_cost if pays else 0)


# --- what taking one does ---------------------------------------------------------------------


async def grant(change: Change, offer: Offer) -> None:
    """The refund is about the offer's money from now on. What an inspection said holds line by
    line; otherwise the goods share it by what each was asked for, before any shipping."""
    lines, refund = await _lines(change), change.refund
    if offer.line_amounts:
        parts = {line.id: int(offer.line_amounts[str(line.id)]) for line in lines}
        shipping = refund.shipping_amount
    else:
        of_goods = min(offer.amount, refund.goods_amount)
        shares = allocate(of_goods, [line.amount for line in lines])
        parts = {line.id: share for line, share in zip(lines, shares, strict=True)}
        shipping = offer.amount - of_goods
    await _set(change, lines, parts, shipping)


async def undo(change: Change) -> None:
    """Finance has sent back what was agreed on: the refund is about what was asked for again.

    Its shipping comes back as far as no other refund has it by now.
    """
    ladder = await newest(change)
    if ladder is None or ladder.state is not OfferState.ACCEPTED:
        return
    offer = (
        await Offer.filter(ladder_id=ladder.id, state=OfferState.ACCEPTED).using_db(change.tx).get()
    )
    if offer.kind not in MONEY:
        return
    ladder.state = offer.state = OfferState.WITHDRAWN
    await ladder.save(using_db=change.tx, update_fields=["state"])
    await offer.save(using_db=change.tx, update_fields=["state"])
    lines, refund = await _lines(change), change.refund
    order = [refund.order_id, refund.shop_id]
    await change.tx.execute_query_dict(_LOCK_ORDER, order)
    [left] = await change.tx.execute_query_dict(_SHIPPING_LEFT, order)
    shipping = min(ladder.asked_shipping, refund.shipping_amount + left["rest"])
    parts = {line.id: int(ladder.asked_lines[str(line.id)]) for line in lines}
    await _set(change, lines, parts, shipping)


async def _set(
    change: Change, lines: Sequence[RefundLine], parts: Mapping[UUID, int], shipping: int
) -> None:
    refund = change.refund
    order = [refund.order_id, refund.shop_id]
    await change.tx.execute_query_dict(_LOCK_ORDER, order)
    for line in lines:
        line.amount = parts[line.id]
        await line.save(using_db=change.tx, update_fields=["amount"])
    # What the order counts as claimed follows the refunds that claim it.
    await change.tx.execute_query(_CLAIM_SHIPPING, [*order, shipping - refund.shipping_amount])
    refund.goods_amount, refund.shipping_amount = sum(parts.values()), shipping
    refund.amount = refund.goods_amount + shipping


async def close(
    change: Change, state: OfferState, accepted: Offer | None = None
) -> OfferLadder | None:
    """End the open ladder, if there is one; an offer that was not accepted is declined when
    another one was."""
    ladders = OfferLadder.filter(refund_id=change.refund.id, state=OfferState.OPEN)
    ladder = await ladders.using_db(change.tx).first()
    if ladder is None:
        return None
    others = OfferState.DECLINED if accepted else state
    await Offer.filter(ladder_id=ladder.id).using_db(change.tx).update(state=others)
    if accepted is not None:
        accepted.state = OfferState.ACCEPTED
        await accepted.save(using_db=change.tx, update_fields=["state"])
    ladder.state, ladder.closed_at = state, change.now
    await ladder.save(using_db=change.tx)
    return ladder


async def countered(change: Change, ladder: OfferLadder) -> Offer:
    """The customer's own amount, as one more offer on the ladder: the one that is accepted."""
    assert ladder.counter_amount is not None
    rank = await Offer.filter(ladder_id=ladder.id).using_db(change.tx).count() + 1
    offer = Offer(
        id=new_id(),
        shop_id=ladder.shop_id,
        refund_id=ladder.refund_id,
        ladder_id=ladder.id,
        rank=rank,
        kind=OfferKind.PARTIAL if ladder.inspected else OfferKind.KEEP_AND_COMPENSATE,
        state=OfferState.ACCEPTED,
        amount=ladder.counter_amount,
        currency=ladder.currency,
        cost=ladder.counter_amount,
        created_at=change.now,
    )
    await offer.save(using_db=change.tx, force_create=True)
    ladder.state = OfferState.ACCEPTED
    await ladder.save(using_db=change.tx, update_fields=["state"])
    return offer


async def still_fits(change: Change, ladder: OfferLadder) -> bool:
    """Whether the refund asks for exactly what it asked for when the offers were made: it may have
    been changed, merged, or claimed anew since."""
    lines = {str(line.id): line.amount for line in await _lines(change)}
    shipping = change.refund.shipping_amount
    return lines == ladder.asked_lines and shipping == ladder.asked_shipping


async def newest(change: Change) -> OfferLadder | None:
    """The ladder that was made last."""
    ladders = OfferLadder.filter(refund_id=change.refund.id).order_by("-proposed_at", "-id")
    return await ladders.using_db(change.tx).first()


async def _lines(change: Change) -> list[RefundLine]:
    lines = RefundLine.filter(refund_id=change.refund.id).order_by("position")
    return await lines.using_db(change.tx)
