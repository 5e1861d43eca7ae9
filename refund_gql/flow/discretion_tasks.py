"""Beyond the budget: the step is not taken, and becomes a task for a colleague with more.

The task is written after the refusal, in a transaction of its own. Cut off in between, nothing
has happened: the caller has no answer, sends the same again, and the task is made then.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.choices import DiscretionStatus, DiscretionStep, Purpose
from refund_gql.errors import OverBudget
from refund_gql.events import EventType
from refund_gql.flow import journal
from refund_gql.flow.journal import Change
from refund_gql.models import DiscretionTask, new_id
from refund_gql.states import Step

_STEPS = {
    DiscretionStep.APPROVE: Step.APPROVE_RETURN,
    DiscretionStep.APPROVE_FIRST: Step.APPROVE_FIRST,
    DiscretionStep.PROPOSE_OFFERS: Step.PROPOSE_OFFERS,
    DiscretionStep.ACCEPT_COUNTER: Step.ACCEPT_COUNTER,
}
"""What moves the refund, and where from; a coupon is given wherever it stands."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A step that somebody wants to take."""

    refund_id: UUID
    step: DiscretionStep
    input: Mapping[str, Any]
    """JSON; what `discretion_answers` needs to take it."""
    reason: str = ""


async def or_ask(viewer: Viewer, wish: Wish, doing: Callable[[], Awaitable[UUID]]) -> UUID:
    """What `doing` returns; beyond the viewer's budget OverBudget, which names the task, or
    IllegalStep where the refund has moved on meanwhile."""
    try:
        return await doing()
    except OverBudget as over:
        task_id = await _ask(viewer, wish, over)
        raise OverBudget(**{**over.data, "task": str(task_id)}) from over


async def _ask(viewer: Viewer, wish: Wish, over: OverBudget) -> UUID:
    """The task, new or the same again with what is wanted now."""
    assert viewer.staff_id is not None, "only staff have budgets"
    staff_id = viewer.staff_id
    found: list[UUID] = []

    async def work(change: Change) -> None:
        if (step := _STEPS.get(wish.step)) is not None:
            change.check(step)
        rows = DiscretionTask.filter(
            refund_id=wish.refund_id,
            staff_id=staff_id,
            step=wish.step,
            status=DiscretionStatus.OPEN,
        )
        known = await rows.using_db(change.tx).first()
        task = known or DiscretionTask(id=new_id(), asked_at=change.now, step=wish.step)
        task.shop_id, task.refund_id = viewer.shop_id, wish.refund_id
        task.staff_id = staff_id
        task.input, task.reason = dict(wish.input), wish.reason
        task.purpose, task.amount = Purpose(over.data["purpose"]), over.data["needed"]
        task.currency = over.data["currency"]
        await task.save(using_db=change.tx)
        found[:] = [task.id]
        if known is None:
            asked = {"task": str(task.id), "step": wish.step.value, "amount": task.amount}
            await change.record(EventType.DISCRETION_REQUESTED, asked)

    await journal.change(viewer, wish.refund_id, work)
    return found[0]
