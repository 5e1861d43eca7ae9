"""Refunds that stand where a test wants them, as if they had come there by themselves."""

from typing import Any
from uuid import UUID

from refund_gql import clock, ids
from refund_gql.choices import ReturnStatus
from refund_gql.models import Refund, Return
from refund_gql.states import RefundStatus
from support.api import key
from support.world import World, shipped

Answer = dict[str, Any]
CUPS = [{"sku": "CUP", "title": "Cup", "quantity": 2, "unitPrice": 1000}]
_ENDS: dict[RefundStatus, tuple[str, Answer]] = {
    RefundStatus.REJECTED: ("refundReject", {"reason": "no"}),
    RefundStatus.CANCELLED: ("refundCancel", {}),
}
"""What gives back what a refund holds of its order, and so has to be done in earnest."""
_GOODS = {
    RefundStatus.AWAITING_RETURN: ReturnStatus.AWAITED,
    RefundStatus.RETURNING: ReturnStatus.SHIPPED,
    RefundStatus.INSPECTION: ReturnStatus.RECEIVED,
}
"""Where the goods stand in statuses that wait for them."""


async def stands(world: World, status: RefundStatus) -> Answer:
    """A refund of delivered goods that stands there, as if it had come there by itself."""
    made = await world.order(lines=CUPS, shipments=shipped())
    asked = await world.refund(world.customer, made, kind="RETURN_AND_REFUND")
    refund = await world.reaches(asked, "REVIEW")
    if status in _ENDS:
        content = {"refundId": refund["id"], "idempotencyKey": key()}
        mutation, more = _ENDS[status]
        return await world.agent.mutate(mutation, {**content, **more})
    row = Refund.filter(id=row_id(refund))
    await row.update(status=status, finished_at=clock.now())
    if (goods := _GOODS.get(status)) is not None:
        await Return.create(
            shop_id=world.shop.id,
            refund_id=row_id(refund),
            status=goods,
            address="A",
            opened_at=clock.now(),
        )
    return refund


def row_id(refund: Answer) -> UUID:
    return ids.required("id", refund["id"], "Refund")
