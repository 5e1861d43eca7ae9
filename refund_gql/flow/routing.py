"""Where a rule's decision leads: to money, to the goods, to a desk, and there to a person.

A rule wishes; what the refund is decides whether that can be. Where it cannot, a person in
customer service has it, and the trace says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refund_gql.events import EventType
from refund_gql.flow import addresses, payout, policy, refund_first, rule_offers
from refund_gql.flow.exposures import Room
from refund_gql.flow.journal import Change
from refund_gql.flow.offer_drafts import OfferDraft
from refund_gql.flow.quote import OrderRows
from refund_gql.flow.rule_offers import Case
from refund_gql.models import Refund, RefundLine, Shipment, Shop
from refund_gql.rules.actions import (
    Action,
    Approve,
    ApproveReturn,
    Desk,
    ProposeOffers,
    RefundFirst,
    Route,
)
from refund_gql.states import RefundKind, RefundStatus, Step

Words = Mapping[str, str]
"""Locale -> what people read."""

GOODS_SENT: Words = {"zh": "商品已发货", "en": "goods were sent"}
NOTHING_SENT: Words = {"zh": "商品未发货", "en": "nothing was sent"}
PARTLY_SENT: Words = {"zh": "部分商品未发货", "en": "some of the goods were not sent"}
NOT_COVERED: Words = {"zh": "可退金额不足", "en": "the payments do not cover the amount"}
GOODS_COME_BACK: Words = {"zh": "商品需要退回", "en": "the goods are to come back"}
NO_RETURN_WANTED: Words = {"zh": "顾客未申请退货", "en": "the customer does not return the goods"}
WINDOW_OVER: Words = {"zh": "已超出退货期限", "en": "the return window has ended"}
NO_ADDRESS: Words = {"zh": "店铺未设置退货地址", "en": "the shop has no address for returns"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that is being classified."""

    rows: OrderRows
    """Of its order, locked."""
    lines: Sequence[RefundLine]
    shipped: int
    """How many of its lines have left the warehouse, in part at least."""
    tier: str | None = None
    """The customer's, in the CRM's words."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """The step that is taken, and what stood in the way of the one that was wished for."""

    step: Step
    hindrance: Words | None = None
    room: Room | None = None
    """Where the money goes first: what there is room for."""
    drafts: tuple[OfferDraft, ...] = ()
    """Where the customer has a choice: what is offered."""


async def way(change: Change, decision: Action | None, request: Request) -> Way:
    """The way a decision leads; no decision, and one that cannot be, lead to review."""
    match decision:
        case Approve():
            return _unless(_no_approval(change.refund, request), Step.APPROVE_INSTANTLY)
        case ApproveReturn():
            return _unless(await _no_return(change, request), Step.APPROVE_RETURN_INSTANTLY)
        case RefundFirst():
            return await _first(change, decision, request)
        case ProposeOffers():
            return await _offers(change, decision, request)
        case Route(desk=Desk.WAREHOUSE):
            return _unless(_no_warehouse(change.refund, request), Step.ROUTE_TO_WAREHOUSE)
        case Route(desk=Desk.FINANCE):
            return _unless(_no_finance(request), Step.ROUTE_TO_FINANCE)
        case _:
            return Way(step=Step.SEND_TO_REVIEW)


def place(refund: Refund, route: Route) -> None:
    """Give a refund to whom the rule names, as soon as it says."""
    refund.assignee_id = route.staff or refund.assignee_id
    refund.priority = route.priority or refund.priority


async def hand_on(change: Change, route: Route, kept: str) -> None:
    """Later, within customer service; `kept` is the id of the rules' evaluation.

    A refund that is anywhere else by now stays with whoever has it.
    """
    refund = change.refund
    before = refund.assignee_id, refund.priority
    if refund.status is not RefundStatus.REVIEW:
        return
    place(refund, route)
    if (refund.assignee_id, refund.priority) != before:
        assignee = str(refund.assignee_id) if refund.assignee_id else None
        handed = {"assignee": assignee, "priority": refund.priority.value, "evaluation": kept}
        await change.record(EventType.ROUTED, handed)


# --- what stands in the way -------------------------------------------------------------------


def _unless(hindrance: Words | None, step: Step) -> Way:
    wished = Way(step=step)
    return wished if hindrance is None else Way(step=Step.SEND_TO_REVIEW, hindrance=hindrance)


async def _first(change: Change, wish: RefundFirst, request: Request) -> Way:
    all_sent = refund_first.all_sent(request.lines, request.rows.lines)
    found = await refund_first.room_for(
        change, wish, request.rows.captures, tier=request.tier, all_sent=all_sent
    )
    if isinstance(found, Room):
        return Way(step=Step.APPROVE_FIRST_INSTANTLY, room=found)
    return Way(step=Step.SEND_TO_REVIEW, hindrance=found.texts())


async def _offers(change: Change, wish: ProposeOffers, request: Request) -> Way:
    shop = await Shop.filter(id=change.refund.shop_id).using_db(change.tx).get()
    case = Case(
        refund=change.refund,
        shop=shop,
        sent=request.shipped > 0,
        covered=payout.covers(request.rows.captures, change.refund.amount),
        addressed=await addresses.known(change.tx, shop),
    )
    found = rule_offers.work_out(wish, case)
    if isinstance(found, tuple):
        return Way(step=Step.PROPOSE_OFFERS_INSTANTLY, drafts=found)
    return Way(step=Step.SEND_TO_REVIEW, hindrance=found)


def _no_approval(refund: Refund, request: Request) -> Words | None:
    if request.shipped:
        return GOODS_SENT
    covered = payout.covers(request.rows.captures, refund.amount)
    return None if covered else NOT_COVERED


def _no_warehouse(refund: Refund, request: Request) -> Words | None:
    if not request.shipped:
        return NOTHING_SENT
    return None if refund.kind is RefundKind.REFUND_ONLY else GOODS_COME_BACK


def _no_finance(request: Request) -> Words | None:
    return GOODS_SENT if request.shipped else None


async def _no_return(change: Change, request: Request) -> Words | None:
    refund, tx = change.refund, change.tx
    if request.shipped < len(request.lines):
        return PARTLY_SENT if request.shipped else NOTHING_SENT
    if refund.kind is not RefundKind.RETURN_AND_REFUND:
        return NO_RETURN_WANTED
    shop = await Shop.filter(id=refund.shop_id).using_db(tx).get()
    parcels = await Shipment.filter(order_id=refund.order_id).using_db(tx)
    terms = await policy.terms_of(tx, shop, request.rows.order)
    end = terms.window_end(parcels)
    if end is None or refund.requested_at >= end:
        return WINDOW_OVER
    return None if await addresses.known(tx, shop) else NO_ADDRESS
