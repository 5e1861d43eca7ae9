"""Step 2, classification: what nobody has to look at is approved at once (极速退款).

The built-in policy: goods that were not shipped are refunded directly; shipped goods are
reviewed by a person; a request over both is split, so that the easy half does not wait.
"""

from collections.abc import Sequence
from uuid import UUID

from refund_gql.auth import system
from refund_gql.events import EventType
from refund_gql.flow import journal, payout, quote
from refund_gql.flow.journal import Change
from refund_gql.models import Capture, OrderLine, Refund, RefundLine, new_id
from refund_gql.states import Fulfilment, RefundKind, RefundStatus, Step


async def classify(refund_id: UUID) -> None:
    """The job `classify`; does nothing when the refund has moved on."""
    shop_id = await _shop_of(refund_id)
    sibling_id = new_id()

    async def work(change: Change) -> None:
        if change.refund.status is not RefundStatus.REQUESTED:
            return
        rows = await quote.load(change.tx, shop_id, _order_id(change.refund), lock=True)
        assert rows is not None
        lines = await RefundLine.filter(refund_id=refund_id).using_db(change.tx)
        shipped = _shipped(lines, rows.lines)
        at_once = _without(change.refund, lines, shipped)
        if len(shipped) == len(lines) or not payout.covers(rows.captures, at_once):
            await _send_to_review(change, shipped=len(shipped))
            return
        if shipped:
            await _split(change, sibling_id, shipped)
        await _approve(change, rows.captures)

    await journal.change(system(shop_id), refund_id, work, also_lock=(sibling_id,))


async def _shop_of(refund_id: UUID) -> UUID:
    refund = await Refund.get(id=refund_id)
    return refund.shop_id


def _order_id(refund: Refund) -> UUID:
    assert refund.order_id is not None, "only imported refunds have no order"
    return refund.order_id


def _shipped(lines: Sequence[RefundLine], order: Sequence[OrderLine]) -> list[RefundLine]:
    """The lines of which at least one unit has left the warehouse."""
    sent = {line.id for line in order if line.fulfilment is not Fulfilment.UNSHIPPED}
    return [line for line in lines if line.order_line_id in sent]


def _without(refund: Refund, lines: Sequence[RefundLine], shipped: Sequence[RefundLine]) -> int:
    """What can be paid at once: the unshipped lines, and the shipping fee when all are."""
    moved = {line.id for line in shipped}
    goods = sum(line.amount for line in lines if line.id not in moved)
    return goods if shipped else goods + refund.shipping_amount


async def _approve(change: Change, captures: Sequence[Capture]) -> None:
    change.refund.kind = RefundKind.REFUND_ONLY
    await change.take(
        Step.APPROVE_INSTANTLY,
        because="",
        trace={"policy": "built-in", "shipped_lines": 0},
    )
    await payout.open_payouts(change, captures)


async def _send_to_review(change: Change, *, shipped: int) -> None:
    trace = {"policy": "built-in", "shipped_lines": shipped}
    await change.take(Step.SEND_TO_REVIEW, because="", trace=trace)


async def _split(change: Change, sibling_id: UUID, shipped: Sequence[RefundLine]) -> None:
    """Move the shipped lines, and the shipping fee, to a refund of their own."""
    original = change.refund
    goods = sum(line.amount for line in shipped)
    sibling = Refund(
        id=sibling_id,
        shop_id=original.shop_id,
        order_id=original.order_id,
        customer_id=original.customer_id,
        number=f"{original.number}-2",
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
    await _send_to_review(opened, shipped=len(shipped))
    await opened.save()
