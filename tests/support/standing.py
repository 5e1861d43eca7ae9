"""Refunds that stand where a test wants them, as if they had come there by themselves."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from refund_gql import clock, desks, ids
from refund_gql.choices import (
    DiscretionStep,
    EvidencePurpose,
    EvidenceStatus,
    Purpose,
    ReturnStatus,
)
from refund_gql.models import DiscretionTask, EvidenceFile, Refund, Return, Shop, Staff
from refund_gql.roles import Role
from refund_gql.states import RefundStatus
from support.api import key
from support.bargain import COUPON, RETURN, partial
from support.world import World, shipped

Answer = dict[str, Any]
CUPS = [{"sku": "CUP", "title": "Cup", "quantity": 3, "unitPrice": 1000}]
OFFERS = [RETURN, partial(500), COUPON]
"""One of each kind that leads somewhere else."""
_IN_EARNEST: dict[RefundStatus, tuple[str, Answer]] = {
    RefundStatus.REJECTED: ("refundReject", {"reason": "no"}),
    RefundStatus.CANCELLED: ("refundCancel", {}),
    RefundStatus.NEGOTIATING: ("offerPropose", {"offers": OFFERS}),
}
"""What gives back what a refund holds of its order, or makes offers, and so has to be done."""
_GOODS = {
    RefundStatus.AWAITING_RETURN: ReturnStatus.AWAITED,
    RefundStatus.RETURNING: ReturnStatus.SHIPPED,
    RefundStatus.INSPECTION: ReturnStatus.RECEIVED,
}
"""Where the goods stand in statuses that wait for them."""
_DEPOT = {"name": "Depot", "phone": "1", "country": "CN", "street": "1 Return Road"}


async def stands(world: World, status: RefundStatus, *, beside: bool = False) -> Answer:
    """A refund of two of three cups, which were delivered, that stands there as if it had come
    there by itself; with `beside`, the third cup is asked for as well."""
    made = await world.order(lines=CUPS, shipments=shipped())
    refund = await _asked(world, made, 2)
    if beside:
        await _asked(world, made, 1)
    if status in _IN_EARNEST:
        content = {"refundId": refund["id"], "idempotencyKey": key()}
        mutation, more = _IN_EARNEST[status]
        return await world.agent.mutate(mutation, {**content, **more})
    await _put(refund, status)
    if (goods := _GOODS.get(status)) is not None:
        await Return.create(
            shop_id=world.shop.id,
            refund_id=row_id(refund),
            status=goods,
            address="A",
            recipient=_DEPOT,
            opened_at=clock.now(),
        )
    return refund


async def _asked(world: World, order: Answer, cups: int) -> Answer:
    lines = [{"orderLineId": order["lines"][0]["id"], "quantity": cups}]
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND", lines=lines)
    return await world.reaches(asked, "REVIEW")


async def _put(refund: Answer, status: RefundStatus) -> None:
    now, desk = clock.now(), desks.desk_of(status)
    changes = {"status": status, "finished_at": now}
    waiting = {"desk": desk, "desk_since": now if desk else None}
    await Refund.filter(id=row_id(refund)).update(**changes, **waiting)


# --- what may stand around it -------------------------------------------------------------------


async def wished(world: World, refund: Answer) -> str:
    """The agent would have agreed to the return, had the budget allowed: the task's id."""
    agent = await Staff.filter(shop_id=world.shop.id, role=Role.AGENT).order_by("id").first()
    assert agent is not None
    task = await DiscretionTask.create(
        shop_id=world.shop.id,
        refund_id=row_id(refund),
        staff_id=agent.id,
        step=DiscretionStep.APPROVE,
        input={"kind": "RETURN_AND_REFUND", "reason": ""},
        purpose=Purpose.APPROVAL,
        amount=2000,
        currency="CNY",
        asked_at=clock.now(),
    )
    return ids.encode("DiscretionTask", task.id)


async def pictured(world: World, refund: Answer) -> str:
    """Its customer has sent a photo: the file's id."""
    row, now = await Refund.get(id=row_id(refund)), clock.now()
    file = await EvidenceFile.create(
        shop_id=world.shop.id,
        refund_id=row.id,
        purpose=EvidencePurpose.EVIDENCE,
        status=EvidenceStatus.STORED,
        name="photo.jpg",
        size=1,
        media_type="image/jpeg",
        sha256="0" * 64,
        key=key(),
        secret=key(),
        role=Role.CUSTOMER,
        uploaded_by=f"CUSTOMER:{row.customer_id}",
        started_at=now,
        expires_at=now + timedelta(minutes=1),
        uploaded_at=now,
    )
    return ids.encode("EvidenceFile", file.id)


async def fetched_by(world: World, courier: str) -> None:
    """The shop has a courier whom customers can order."""
    routes = {courier: {"provider": "sandbox", "carrier": ""}}
    await Shop.filter(id=world.shop.id).update(courier_routes=routes)


def row_id(refund: Answer) -> UUID:
    return ids.required("id", refund["id"], "Refund")
