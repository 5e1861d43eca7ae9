"""After a refusal: the customer disputes it, once, and another person looks at it."""

from datetime import timedelta
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.errors import InvalidInput, NotAllowed, NotRefundable
from refund_gql.flow import claims, journal, makers, policy
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Order, Shop
from refund_gql.states import RefundStatus, Step


async def dispute(
    viewer: Viewer,
    refund_id: UUID,
    *,
    note: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Have a refusal looked at again. What was asked for is claimed of the order anew.

    Raises NotFound, NotAllowed, IllegalStep, StaleVersion, InvalidInput without words,
    NotRefundable for a second dispute, after the shop's days and for a closed order, and
    ExceedsRefundable where the goods or the money have been refunded meanwhile.
    """
    if not note.strip():
        raise InvalidInput(
            field="note",
            found="''",
            expected="words that say why the refusal is wrong",
            zh="说明为何不认可拒绝结果的文字",
        )

    async def work(change: Change) -> None:
        refund = change.refund
        change.require(Step.DISPUTE)
        if refund.status is RefundStatus.REJECTED:
            await _refuse_late(change)
        await change.take(Step.DISPUTE, because=note)
        await claims.take_again(change)
        refund.disputed_at, refund.assignee_id = change.now, None

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def _refuse_late(change: Change) -> None:
    refund = change.refund
    if refund.disputed_at is not None:
        raise NotRefundable(reason="DISPUTED_BEFORE")
    order = await Order.filter(id=refund.order_id).using_db(change.tx).first()
    if order is not None and order.closed_at is not None:
        raise NotRefundable(reason="ORDER_CLOSED")
    shop = await Shop.filter(id=refund.shop_id).using_db(change.tx).get()
    assert refund.finished_at is not None, "what was refused is over"
    end = policy.dispute_end(shop, refund.finished_at)
    if order is None or change.now >= end:
        last_day = (end - timedelta(days=1)).date()
        raise NotRefundable(reason="DISPUTE_CLOSED", window_end=last_day.isoformat())


async def refuse_same_reviewer(change: Change) -> None:
    """Raise NotAllowed for whoever refused a request that was disputed: another person decides."""
    if change.refund.disputed_at is None or change.refund.status is not RefundStatus.REVIEW:
        return
    if change.viewer.actor in await makers.refusers(change.tx, change.refund):
        raise NotAllowed(reason="OTHER_REVIEWER")
