"""Negotiation (协商): the customer is offered ways out, and takes one with a tap.

Staff propose, or a rule does, or an inspection that found less than was asked for. The customer
accepts one, declines them all, or proposes an amount of her own, once. What she accepts moves the
refund on by itself; otherwise it returns to customer service.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from refund_gql import database
from refund_gql.auth import Viewer, system
from refund_gql.choices import DiscretionStep, OfferKind, OfferState, Purpose
from refund_gql.errors import NotFound, OfferClosed
from refund_gql.events import EventType
from refund_gql.flow import (
    coupons,
    discretion,
    discretion_tasks,
    finance,
    journal,
    offers,
    returns,
)
from refund_gql.flow.discretion_tasks import Wish
from refund_gql.flow.journal import Change
from refund_gql.flow.offer_drafts import (
    OfferDraft,
    Proposal,
    amount_of,
    most_money,
    require_money,
)
from refund_gql.flow.once import Once
from refund_gql.models import Offer, OfferLadder, RefundLine, Shop, new_id
from refund_gql.roles import Role, Scope
from refund_gql.states import RefundKind, Step

MISSING = """
select 'offers' as kind, id as subject, 'offers:' || id || ':missing' as key
  from offer_ladder where state = 'OPEN'
"""
"""The offers that must have a live job, as the reconciler's sweep wants them."""


# --- the shop proposes ------------------------------------------------------------------------


async def propose(
    viewer: Viewer,
    refund_id: UUID,
    proposal: Proposal,
    *,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Offer the customer a choice. Raises NotFound, NotAllowed, IllegalStep, StaleVersion,
    InvalidInput, ExceedsRefundable, OverBudget."""

    async def work(change: Change) -> None:
        await offer(change, proposal)

    asked = Wish(
        refund_id=refund_id,
        step=DiscretionStep.PROPOSE_OFFERS,
        input=proposal.stored(),
        reason=proposal.reason,
    )
    return await discretion_tasks.or_ask(
        viewer,
        asked,
        lambda: journal.change(
            viewer, refund_id, work, expected_version=expected_version, once=once
        ),
    )


async def offer(change: Change, proposal: Proposal) -> None:
    """`propose`, in an open change. One offer will be taken at most: of each budget the dearest
    counts until it is known which."""
    ladder_id, drafts, refund = new_id(), proposal.drafts, change.refund
    payload = {"ladder": str(ladder_id), "offers": len(drafts)}
    await change.take(Step.PROPOSE_OFFERS, because=proposal.reason, payload=payload)
    ladder = await offers.put(change, ladder_id, drafts, message=proposal.message)
    for purpose in Purpose:
        of_this = [draft for draft in drafts if draft.purpose is purpose]
        dearest = max((_worth(draft, ladder) for draft in of_this), default=0)
        await discretion.charge(change, purpose, dearest, currency=refund.currency)


def _worth(draft: OfferDraft, ladder: OfferLadder) -> int:
    """What it takes of a budget."""
    return draft.face or amount_of(draft, ladder.asked)


async def offer_at_once(
    change: Change, drafts: tuple[OfferDraft, ...], trace: Mapping[str, Any]
) -> None:
    """A rule proposes, right after the request."""
    ladder_id = new_id()
    payload = {"ladder": str(ladder_id), "offers": len(drafts)}
    await change.take(Step.PROPOSE_OFFERS_INSTANTLY, because="", trace=trace, payload=payload)
    await offers.put(change, ladder_id, drafts)


async def offer_reduction(
    change: Change, reduced: Collection[UUID], granted: Mapping[UUID, int], *, because: str
) -> bool:
    """An inspection reduced these refund lines. Where one loses more than the shop's threshold,
    the customer is asked first: True, and the refund has moved on. What the payments no longer hold
    is offered to nobody. `granted` is refund line -> minor units, of all of them."""
    refund = change.refund
    amount = sum(granted.values()) + refund.shipping_amount
    if not amount or not await _is_much(change, reduced, granted):
        return False
    if amount > await most_money(change):
        return False
    ladder_id = new_id()
    payload = {"ladder": str(ladder_id), "offers": 1, "amount": amount}
    await change.take(Step.OFFER_REDUCTION, because=because, payload=payload)
    draft = OfferDraft(kind=OfferKind.PARTIAL, amount=amount)
    await offers.put(change, ladder_id, [draft], line_amounts=granted)
    return True


async def _is_much(change: Change, reduced: Collection[UUID], granted: Mapping[UUID, int]) -> bool:
    """Another currency cannot be compared with the threshold: the customer is asked."""
    shop = await Shop.filter(id=change.refund.shop_id).using_db(change.tx).get()
    most = shop.reduction_offer_threshold
    if most is None or not reduced:
        return False
    lines = await RefundLine.filter(id__in=list(reduced)).using_db(change.tx)
    if change.refund.currency != shop.currency:
        return any(line.amount > granted[line.id] for line in lines)
    return any(line.amount - granted[line.id] > most for line in lines)


async def withdraw(
    viewer: Viewer,
    refund_id: UUID,
    *,
    reason: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Take the offers back; the refund returns to review."""

    async def work(change: Change) -> None:
        await change.take(Step.WITHDRAW_OFFERS, because=reason)
        await offers.close(change, OfferState.WITHDRAWN)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def expire(ladder_id: UUID) -> None:
    """The job `offers`: nobody has answered. Does nothing when somebody has."""
    found = await OfferLadder.get(id=ladder_id)
    if found.state is not OfferState.OPEN:
        return

    async def work(change: Change) -> None:
        ladder = await OfferLadder.filter(id=ladder_id).using_db(change.tx).get()
        if ladder.state is not OfferState.OPEN:
            return
        if change.now < ladder.expires_at:
            await offers.set_alarm(change, ladder)
            return
        await change.take(Step.EXPIRE_OFFERS, payload={"ladder": str(ladder_id)})
        await offers.close(change, OfferState.EXPIRED)

    await journal.change(system(found.shop_id), found.refund_id, work)


# --- the customer answers ---------------------------------------------------------------------


async def accept(viewer: Viewer, offer_id: UUID, *, once: Once) -> UUID:
    """Take an offer; returns the refund's id. The same offer taken twice is taken once, whatever
    the keys. Raises NotAllowed, NotFound, OfferClosed, IdempotencyConflict, and ExceedsRefundable
    for a coupon in place of money that a chargeback has taken meanwhile."""
    require_answerer(viewer)
    found = await _found(viewer, offer_id)

    async def work(change: Change) -> None:
        taken = await Offer.filter(id=offer_id).using_db(change.tx).get()
        if taken.state is OfferState.ACCEPTED:
            return
        await _require_open(change, taken)
        await _TAKING[taken.kind](change, taken)

    return await journal.change(viewer, found.refund_id, work, once=once)


def require_answerer(viewer: Viewer) -> None:
    """She herself, or the shop's own system in her name."""
    viewer.require(Role.CUSTOMER, Role.SERVICE, scope=Scope.REFUNDS)


async def _found(viewer: Viewer, offer_id: UUID) -> Offer:
    rows = Offer.filter(id=offer_id, shop_id=viewer.shop_id)
    if viewer.customer_id is not None:
        rows = rows.filter(refund__customer_id=viewer.customer_id)
    found = await database.read(rows.first)
    if found is None:
        raise NotFound(kind="Offer", id=str(offer_id))
    return found


async def _require_open(change: Change, taken: Offer) -> None:
    """A ladder whose time is over is over, though its job may still be on the way."""
    ladder = await OfferLadder.filter(id=taken.ladder_id).using_db(change.tx).get()
    if taken.state is not OfferState.OPEN:
        raise OfferClosed(state=taken.state.value)
    if change.now >= ladder.expires_at:
        raise OfferClosed(state=OfferState.EXPIRED.value)


async def _take_return(change: Change, taken: Offer) -> None:
    change.refund.kind, change.refund.goods_later = RefundKind.RETURN_AND_REFUND, False
    await change.take(Step.ACCEPT_RETURN_OFFER, because="", payload=_payload(taken))
    await offers.close(change, OfferState.ACCEPTED, taken)
    await returns.open_return(change)
    await change.record(EventType.RETURN_APPROVED)
    await discretion.narrow(change, Purpose.APPROVAL, taken.amount)


async def _take_money(change: Change, taken: Offer) -> None:
    ladder = await offers.newest(change)
    assert ladder is not None, "an open offer is on a ladder"
    change.refund.goods_later = False
    if not ladder.inspected:
        change.refund.kind = RefundKind.REFUND_ONLY
    await change.take(Step.ACCEPT_MONEY_OFFER, because="", payload=_payload(taken))
    await offers.close(change, OfferState.ACCEPTED, taken)
    await offers.grant(change, taken)
    await discretion.narrow(change, Purpose.COMPENSATION, taken.amount)
    await finance.arrive(change)


async def _take_coupon(change: Change, taken: Offer) -> None:
    """No money moves, and the units stay claimed: they are settled for good."""
    await require_money(change, change.refund.amount, lock=True)
    await change.take(Step.ACCEPT_COUPON_OFFER, because="", payload=_payload(taken))
    await offers.close(change, OfferState.ACCEPTED, taken)
    await offers.grant(change, taken)
    face = taken.coupon_amount + taken.coupon_bonus
    await discretion.narrow(change, Purpose.COMPENSATION, face)
    await coupons.withdraw(change)
    await coupons.exchange(change, face, valid_days=taken.coupon_days)


_TAKING = {
    OfferKind.FULL_WITH_RETURN: _take_return,
    OfferKind.KEEP_AND_COMPENSATE: _take_money,
    OfferKind.PARTIAL: _take_money,
    OfferKind.EXCHANGE_COUPON: _take_coupon,
}


def _payload(taken: Offer) -> dict[str, Any]:
    return {
        "offer": str(taken.id),
        "kind": taken.kind.value,
        "amount": taken.amount or taken.coupon_amount + taken.coupon_bonus,
        "currency": taken.currency,
    }


async def decline(
    viewer: Viewer,
    refund_id: UUID,
    *,
    reason: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Take none of them; customer service looks again."""
    require_answerer(viewer)

    async def work(change: Change) -> None:
        await change.take(Step.DECLINE_OFFERS, because=reason)
        await offers.close(change, OfferState.DECLINED)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )
