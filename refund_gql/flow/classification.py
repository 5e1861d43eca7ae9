"""Step 2, classification: the shop's rules decide what nobody has to look at (极速退款).

A request over goods that were sent and goods that were not is split first, so that the easy half
does not wait. Then the rules are read over what is true now, under the refund's and the order's
locks: what a rule approves is approved on facts that cannot change before the money is committed.
Whatever no rule decides goes to a person.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from refund_gql.auth import system
from refund_gql.choices import Fulfilment, RuleTrigger
from refund_gql.events import EventType
from refund_gql.flow import (
    effects,
    facts,
    journal,
    negotiation,
    payout,
    quote,
    refund_first,
    returns,
    routing,
    visits,
)
from refund_gql.flow.journal import Change
from refund_gql.flow.risk import Risks
from refund_gql.flow.routing import Request, Way
from refund_gql.flow.signals import Risk
from refund_gql.models import Capture, OrderLine, Refund, RefundLine, Shop, new_id
from refund_gql.rules import engine, records
from refund_gql.rules.actions import Route
from refund_gql.rules.engine import Evaluation
from refund_gql.rules.explanation import explain
from refund_gql.states import RefundKind, RefundStatus, Step


async def classify(refund_id: UUID, risks: Risks) -> None:
    """The job `classify`; does nothing when the refund has moved on."""
    refund = await Refund.get(id=refund_id)
    if refund.status is not RefundStatus.REQUESTED:
        return
    # Before the transaction: no lock is held while a CRM system thinks.
    risk = await risks.of(refund.shop_id, refund.customer_id)
    sibling_id = new_id()

    async def work(change: Change) -> None:
        if change.refund.status is not RefundStatus.REQUESTED:
            return
        rows = await quote.load(change.tx, refund.shop_id, _order_id(refund), lock=True)
        assert rows is not None
        lines = await RefundLine.filter(refund_id=refund_id).using_db(change.tx)
        shipped = _shipped(lines, rows.lines)
        if _is_mixed(change.refund, lines, shipped, rows.captures):
            await _split(change, sibling_id, shipped)
            lines, shipped = [line for line in lines if line not in shipped], []
        evaluation = await _evaluate(change, risk)
        asked = Request(rows=rows, lines=lines, shipped=len(shipped), tier=risk.tier)
        await _carry_out(change, evaluation, asked)

    await journal.change(system(refund.shop_id), refund_id, work, also_lock=(sibling_id,))


def _order_id(refund: Refund) -> UUID:
    assert refund.order_id is not None, "only imported refunds have no order"
    return refund.order_id


# --- what was sent, and what was not ----------------------------------------------------------


def _shipped(lines: Sequence[RefundLine], order: Sequence[OrderLine]) -> list[RefundLine]:
    """The lines of which at least one unit has left the warehouse."""
    sent = {line.id for line in order if line.fulfilment is not Fulfilment.UNSHIPPED}
    return [line for line in lines if line.order_line_id in sent]


def _is_mixed(
    refund: Refund,
    lines: Sequence[RefundLine],
    shipped: Sequence[RefundLine],
    captures: Sequence[Capture],
) -> bool:
    """True when a part was sent and the other part can be paid on its own."""
    if not shipped or len(shipped) == len(lines):
        return False
    moved = {line.id for line in shipped}
    at_once = sum(line.amount for line in lines if line.id not in moved)
    return payout.covers(captures, at_once)


async def _split(change: Change, sibling_id: UUID, shipped: Sequence[RefundLine]) -> None:
    """Move the shipped lines, and the shipping fee, to a refund of their own."""
    original = change.refund
    # One that was changed may have been split before.
    others = await Refund.filter(split_from_id=original.id).using_db(change.tx).count()
    goods = sum(line.amount for line in shipped)
    sibling = Refund(
        id=sibling_id,
        shop_id=original.shop_id,
        order_id=original.order_id,
        customer_id=original.customer_id,
        number=f"{original.number}-{others + 2}",
        kind=original.kind,
        currency=original.currency,
        goods_amount=goods,
        shipping_amount=original.shipping_amount,
        amount=goods + original.shipping_amount,
        stated_reason_id=original.stated_reason_id,
        note=original.note,
        requested_by=original.requested_by,
        requested_at=original.requested_at,
        split_from_id=original.id,
    )
    opened = await journal.start(
        change.tx, change.viewer, sibling, {"split_from": str(original.id)}
    )
    ids = [line.id for line in shipped]
    await RefundLine.filter(id__in=ids).using_db(change.tx).update(refund_id=sibling_id)
    original.goods_amount -= goods
    original.shipping_amount = 0
    original.amount = original.goods_amount
    await change.record(EventType.SPLIT, {"into": str(sibling_id)})
    await opened.enqueue("classify", sibling_id, key=f"classify:{sibling_id}:1")
    await opened.save()


# --- what the rules say -----------------------------------------------------------------------


async def _evaluate(change: Change, risk: Risk) -> Evaluation:
    shop = await Shop.filter(id=change.refund.shop_id).using_db(change.tx).get()
    rules = await records.load(change.tx, shop.id, RuleTrigger.REQUESTED)
    return engine.evaluate(
        rules,
        await facts.gather(change.tx, change.refund, change.now, risk),
        trigger=RuleTrigger.REQUESTED,
        matching=records.matching(shop, RuleTrigger.REQUESTED),
        now=change.now,
        usage=await records.used_today(change.tx, shop, rules, change.now),
    )


async def _carry_out(change: Change, evaluation: Evaluation, asked: Request) -> None:
    way = await routing.way(change, evaluation.decision, asked)
    # A request that was changed is judged again, in a visit of its own.
    visit = await visits.at(change.tx, change.refund.id, change.refund.version)
    kept = await records.record(
        change.tx,
        shop_id=change.refund.shop_id,
        refund_id=change.refund.id,
        amount=change.refund.amount,
        evaluation=evaluation,
        cause=str(visit.version) if visit.previous else "",
        visit=visit.version,
        hindrance=way.hindrance,
    )
    await effects.carry_out(change, evaluation, kept)
    if isinstance(evaluation.decision, Route):
        routing.place(change.refund, evaluation.decision)
    await _go(change, way, asked, _trace(evaluation, kept, asked.shipped, way.hindrance))


def _trace(
    evaluation: Evaluation, kept: UUID, shipped: int, hindrance: Mapping[str, str] | None
) -> Mapping[str, Any]:
    rule = evaluation.decided_by
    return {
        "evaluation": str(kept),
        "rule": {"id": str(rule.id), "version": rule.version} if rule else None,
        "explanation": explain(evaluation, hindrance),
        "shipped_lines": shipped,
        **({"hindrance": hindrance} if hindrance else {}),
    }


_UNSENT = (Step.APPROVE_INSTANTLY, Step.ROUTE_TO_FINANCE)


async def _go(change: Change, way: Way, asked: Request, trace: Mapping[str, Any]) -> None:
    """Take the step, with all that belongs to it."""
    if way.step in _UNSENT:
        change.refund.kind = RefundKind.REFUND_ONLY
    change.refund.goods_later = way.step is Step.APPROVE_FIRST_INSTANTLY
    if way.step is Step.PROPOSE_OFFERS_INSTANTLY:
        await negotiation.offer_at_once(change, way.drafts, trace)
        return
    await change.take(way.step, because="", trace=trace)
    match way.step:
        case Step.APPROVE_INSTANTLY:
            await payout.open_payouts(change, asked.rows.captures)
        case Step.APPROVE_FIRST_INSTANTLY:
            await refund_first.commit(change, asked.rows.captures, way.room)
        case Step.APPROVE_RETURN_INSTANTLY:
            await returns.open_return(change)
