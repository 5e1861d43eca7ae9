"""The goods' own axis: where they stand when the money went first.

Usually the goods lead and the money follows, and both move along the journey's table together.
With *refund first* the money is committed before anything has come back; from then on the same
steps move the goods alone. They are recorded in the refund's history and leave its status, and
every cent, where they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from refund_gql.choices import ReturnStatus
from refund_gql.errors import IllegalStep
from refund_gql.flow.journal import Change
from refund_gql.models import OrderLine, RefundLine, Return
from refund_gql.roles import Role
from refund_gql.states import COMMITTED, JOURNEY, RefundStatus, Step


@dataclass(frozen=True, kw_only=True)
class Move:
    """Where a step takes goods that move alone."""

    sources: frozenset[ReturnStatus]
    target: ReturnStatus


_AWAITED, _SHIPPED, _RECEIVED = ReturnStatus.AWAITED, ReturnStatus.SHIPPED, ReturnStatus.RECEIVED

MOVES: Mapping[Step, Move] = {
    Step.SHIP_RETURN: Move(sources=frozenset({_AWAITED}), target=_SHIPPED),
    Step.RECEIVE_RETURN: Move(sources=frozenset({_AWAITED, _SHIPPED}), target=_RECEIVED),
    Step.REPORT_RETURN_LOST: Move(sources=frozenset({_SHIPPED}), target=ReturnStatus.LOST),
    Step.REOPEN_RETURN: Move(sources=frozenset({_SHIPPED}), target=_AWAITED),
    Step.PASS_INSPECTION: Move(sources=frozenset({_RECEIVED}), target=ReturnStatus.INSPECTED),
    Step.REFUSE_INSPECTION: Move(sources=frozenset({_RECEIVED}), target=ReturnStatus.INSPECTED),
}
"""Step -> where it leads; who may take it stands in the journey's table."""


def move_alone(*, goods_later: bool, status: RefundStatus) -> bool:
    """True once the money is committed and the goods have not led."""
    return goods_later and status in COMMITTED


def allowed(status: ReturnStatus, role: Role) -> tuple[Step, ...]:
    """What a role may do with goods that move alone, in the order of their way."""
    return tuple(
        step
        for step, move in MOVES.items()
        if status in move.sources and role in JOURNEY[step].roles
    )


def alone(change: Change) -> bool:
    """`move_alone`, of the refund that is being changed."""
    return move_alone(goods_later=change.refund.goods_later, status=change.refund.status)


async def take(
    change: Change,
    step: Step,
    *,
    because: str | None = None,
    payload: Mapping[str, Any] | None = None,
    trace: Mapping[str, Any] | None = None,
) -> Return:
    """Take a step of the goods; with `because` or `trace`, the decision is written too.

    Returns the parcel as it stood; whoever takes the step writes where it stands now. Raises
    what `Change.take` raises, and IllegalStep where goods that move alone cannot take it.
    """
    if not alone(change):
        await change.take(step, because=because, payload=payload, trace=trace)
        return await newest(change)
    change.require(step)
    parcel = await newest(change)
    if parcel.status not in MOVES[step].sources:
        raise IllegalStep(
            step=step.value,
            status=parcel.status.value,
            allowed_next=[s.value for s in allowed(parcel.status, change.viewer.role)],
        )
    await change.follow(step, because=because, payload=payload, trace=trace)
    return parcel


async def were_sent(change: Change) -> bool:
    """At least one unit of the refund's lines has left the warehouse."""
    lines = await RefundLine.filter(refund_id=change.refund.id).using_db(change.tx)
    ids = [line.order_line_id for line in lines]
    sent = OrderLine.filter(id__in=ids, shipped_quantity__gt=0).using_db(change.tx)
    return await sent.exists()


async def newest(change: Change) -> Return:
    """The return that was opened last; the table guarantees that there is one."""
    parcels = Return.filter(refund_id=change.refund.id).order_by("-opened_at", "-id")
    parcel = await parcels.using_db(change.tx).first()
    assert parcel is not None, "whoever waits for goods has opened a return"
    return parcel
