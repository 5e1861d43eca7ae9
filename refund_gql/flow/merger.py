"""Two requests on one order become one, when customer service sees that they are one matter.

The lines, the shipping fee and the files of one go over to the other; it is cancelled and says
where it went. What the two hold of the order together stays exactly what it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.errors import IllegalStep, InvalidInput, StaleVersion
from refund_gql.events import EventType
from refund_gql.flow import coupons, journal, ledger
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import EvidenceFile, Refund, RefundLine, Return
from refund_gql.roles import Role
from refund_gql.states import JOURNEY, Step

MAX_NOTE = 8_000
"""Characters of what two customers' notes come to; each has at most half."""

_ALONG = (EvidenceFile,)
"""What belongs to a request beside its lines, and goes over with them."""


@dataclass(frozen=True, kw_only=True)
class MergeRefunds:
    """`source` becomes part of `target`; versions are those that somebody looked at."""

    target_id: UUID
    source_id: UUID
    target_version: int | None = None
    source_version: int | None = None


async def merge(viewer: Viewer, asked: MergeRefunds, *, once: Once) -> UUID:
    """Make one request of two; returns the id of the one that stays.

    Raises NotFound, NotAllowed, IllegalStep, StaleVersion, IdempotencyConflict, and InvalidInput
    for requests that do not belong together.
    """
    viewer.require(Role.OWNER, Role.AGENT)
    if asked.target_id == asked.source_id:
        raise _unfit("itself", "another request", "另一退款申请")

    async def work(target: Change) -> None:
        source = await journal.beside(target, asked.source_id)
        _refuse_stale(source.refund, asked.source_version)
        _refuse_elsewhere(target)
        source.check(Step.MERGE)
        await _refuse_apart(target.refund, source)
        moved = _amounts(source.refund)
        await _move_lines(target, source)
        await _move_rest(target, source)
        await coupons.withdraw(source)
        # Whoever approves such a task has seen another amount.
        await ledger.close_tasks(target.tx, target.refund.id, target.now)
        await source.take(Step.MERGE, because="", payload={"into": str(target.refund.id), **moved})
        await source.save()
        await target.record(
            EventType.REQUEST_ADDED, {"from": str(source.refund.id), **_amounts(target.refund)}
        )

    return await journal.change(
        viewer,
        asked.target_id,
        work,
        expected_version=asked.target_version,
        once=once,
        also_lock=(asked.source_id,),
    )


# --- do they belong together? -----------------------------------------------------------------


def _refuse_stale(source: Refund, expected: int | None) -> None:
    if expected is not None and source.version != expected:
        raise StaleVersion(current_version=source.version, expected_version=expected)


def _refuse_elsewhere(target: Change) -> None:
    """The one that stays must still be undecided, as the one that goes must."""
    status, role = target.refund.status, target.viewer.role
    if status not in JOURNEY[Step.MERGE].sources:
        allowed = [step.value for step in JOURNEY.allowed(status, role)]
        raise IllegalStep(step=Step.MERGE.value, status=status.value, allowed_next=allowed)


async def _refuse_apart(target: Refund, source: Change) -> None:
    other = source.refund
    if (target.order_id, target.customer_id) != (other.order_id, other.customer_id):
        raise _unfit(other.number, "a request on the same order", "同一订单的退款申请")
    # Whoever refused it would decide about it again.
    if other.disputed_at is not None:
        raise _unfit(other.number, "a request that was not disputed", "未提出异议的退款申请")
    # What was inspected was found out about those very lines.
    if await Return.filter(refund_id=other.id).using_db(source.tx).exists():
        raise _unfit(
            other.number, "a request whose goods were never awaited", "尚未进入退货流程的退款申请"
        )


def _unfit(found: str, expected: str, zh: str) -> InvalidInput:
    return InvalidInput(field="fromId", found=found, expected=expected, zh=zh)


# --- one takes over what the other has --------------------------------------------------------


def _amounts(refund: Refund) -> Mapping[str, Any]:
    return {
        "amount": refund.amount,
        "shipping": refund.shipping_amount,
        "currency": refund.currency,
    }


async def _move_lines(target: Change, source: Change) -> None:
    """Units of the same order line add up; all others follow the ones that are there."""
    rows = RefundLine.filter(refund_id=target.refund.id).using_db(target.tx)
    there = {line.order_line_id: line for line in await rows}
    position = 1 + max(line.position for line in there.values())
    for line in await RefundLine.filter(refund_id=source.refund.id).using_db(target.tx):
        same = there.get(line.order_line_id)
        if same is None:
            line.refund_id, line.position = target.refund.id, position
            await line.save(using_db=target.tx, update_fields=["refund_id", "position"])
            position += 1
        else:
            await _add(target, same, line)


async def _add(target: Change, line: RefundLine, more: RefundLine) -> None:
    line.quantity += more.quantity
    line.worth += more.worth
    line.amount += more.amount
    await more.delete(using_db=target.tx)
    await line.save(using_db=target.tx, update_fields=["quantity", "worth", "amount"])


async def _move_rest(target: Change, source: Change) -> None:
    """The money, the customer's words, and what lies beside: nothing is left behind."""
    into, gone = target.refund, source.refund
    into.goods_amount += gone.goods_amount
    into.shipping_amount += gone.shipping_amount
    into.amount = into.goods_amount + into.shipping_amount
    into.stated_reason_id = into.stated_reason_id or gone.stated_reason_id
    if gone.note and gone.note != into.note:
        into.note = f"{into.note}\n{gone.note}".strip()[:MAX_NOTE]
    gone.goods_amount = gone.shipping_amount = gone.amount = 0
    gone.merged_into_id = into.id
    for kind in _ALONG:
        await kind.filter(refund_id=gone.id).using_db(target.tx).update(refund_id=into.id)
    # What had become part of it is now part of the one that stays.
    earlier = Refund.filter(merged_into_id=gone.id).using_db(target.tx)
    await earlier.update(merged_into_id=into.id)
