"""A colleague with more budget does what somebody was not allowed to do alone, or refuses.

What was wanted is done in the name of whoever approves: her budget, her decision, under the same
checks as if she had begun it. Nobody answers a task of their own.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID, uuid5

from refund_gql import database
from refund_gql.auth import Viewer
from refund_gql.choices import DiscretionStatus, DiscretionStep
from refund_gql.errors import InvalidInput, NotAllowed, NotFound, OverBudget
from refund_gql.events import EventType
from refund_gql.flow import (
    counteroffers,
    coupons_by_hand,
    journal,
    negotiation,
    offer_drafts,
    review,
)
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import DiscretionTask
from refund_gql.roles import Role
from refund_gql.states import RefundKind

_IDS = UUID("6f0c6f4e-7a41-5f0a-9a3e-2b8c1d7e5f90")
"""The namespace of the coupons that tasks give; never changes."""

Input = Mapping[str, Any]


async def approve(viewer: Viewer, task_id: UUID, *, once: Once) -> UUID:
    """Take the step; returns the refund's id.

    Raises NotAllowed for whoever asked, OverBudget where this is beyond her budget as well (the
    task stays open), InvalidInput for a task that is answered, and what the step raises.
    """
    found = await _found(viewer, task_id)

    async def work(change: Change) -> None:
        task = await _open(change, task_id)
        await _DOING[task.step](change, task, task.input)
        await _answer(change, task, DiscretionStatus.APPROVED)

    try:
        return await journal.change(viewer, found.refund_id, work, once=once)
    except OverBudget as over:
        raise OverBudget(**{**over.data, "task": str(task_id)}) from over


async def refuse(viewer: Viewer, task_id: UUID, *, answer: str, once: Once) -> UUID:
    """Say no; the refund stays where it is. Returns the task's id. Raises NotAllowed, NotFound,
    InvalidInput, IdempotencyConflict."""
    found = await _found(viewer, task_id)

    async def work(change: Change) -> None:
        task = await _open(change, task_id)
        task.answer = answer
        await _answer(change, task, DiscretionStatus.REFUSED)
        refused = {"task": str(task.id), "step": task.step.value, "amount": task.amount}
        await change.record(EventType.DISCRETION_REFUSED, refused)

    await journal.change(viewer, found.refund_id, work, once=once)
    return task_id


async def _found(viewer: Viewer, task_id: UUID) -> DiscretionTask:
    viewer.require(Role.OWNER, Role.AGENT)
    rows = DiscretionTask.filter(id=task_id, shop_id=viewer.shop_id)
    found = await database.read(rows.first)
    if found is None:
        raise NotFound(kind="DiscretionTask", id=str(task_id))
    if found.staff_id == viewer.staff_id:
        raise NotAllowed(reason="OWN_PROPOSAL")
    return found


async def _open(change: Change, task_id: UUID) -> DiscretionTask:
    task = await DiscretionTask.filter(id=task_id).using_db(change.tx).get()
    if task.status is not DiscretionStatus.OPEN:
        raise InvalidInput(
            field="taskId",
            found=task.status.value,
            expected="a task that is OPEN",
            zh="状态为 OPEN 的审批单",
        )
    return task


async def _answer(change: Change, task: DiscretionTask, status: DiscretionStatus) -> None:
    task.status, task.decided_at = status, change.now
    task.decided_by_id = change.viewer.staff_id
    await task.save(using_db=change.tx)


# --- what was wanted --------------------------------------------------------------------------


async def _approve(change: Change, task: DiscretionTask, wanted: Input) -> None:
    await review.agree_by_hand(change, RefundKind(wanted["kind"]), wanted["reason"])


async def _approve_first(change: Change, task: DiscretionTask, wanted: Input) -> None:
    await review.agree_first(change, wanted["reason"])


async def _propose(change: Change, task: DiscretionTask, wanted: Input) -> None:
    await negotiation.offer(change, offer_drafts.loaded(wanted))


async def _accept_counter(change: Change, task: DiscretionTask, wanted: Input) -> None:
    await counteroffers.agree_to_counter(change, wanted["reason"])


async def _issue(change: Change, task: DiscretionTask, wanted: Input) -> None:
    draft, coupon_id = coupons_by_hand.drafted(wanted), uuid5(_IDS, str(task.id))
    await coupons_by_hand.hand_out(change, draft, coupon_id)


_DOING: Mapping[DiscretionStep, Callable[[Change, DiscretionTask, Input], Awaitable[None]]] = {
    DiscretionStep.APPROVE: _approve,
    DiscretionStep.APPROVE_FIRST: _approve_first,
    DiscretionStep.PROPOSE_OFFERS: _propose,
    DiscretionStep.ACCEPT_COUNTER: _accept_counter,
    DiscretionStep.ISSUE_COUPON: _issue,
}
