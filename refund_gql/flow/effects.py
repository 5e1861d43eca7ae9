"""What happens beside a rule's decision: one effect for each action that does not decide.

Each runs inside the change that the rules were read for, under the refund's lock, and calls
nobody: what leaves the house is enqueued with the change, and exists if and only if it commits.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from refund_gql.events import EventType
from refund_gql.flow import priorities
from refund_gql.flow.journal import Change
from refund_gql.models import ReasonTag
from refund_gql.rules.actions import ActionKind, AddTag, Escalate, Notify
from refund_gql.rules.engine import Evaluation

Effect = Callable[[Change, Any, UUID], Awaitable[None]]
"""The change, the action's parameters, and the id of the evaluation that wants it."""


async def carry_out(change: Change, evaluation: Evaluation, kept: UUID) -> None:
    """All that is to happen beside the decision, in order; `kept` is the evaluation's row."""
    for action in evaluation.actions:
        await EFFECTS[action.kind](change, action, kept)


async def _add_tag(change: Change, action: AddTag, kept: UUID) -> None:
    """A reason that a person has found stays."""
    if change.refund.found_reason_id is not None:
        return
    tags = ReasonTag.filter(shop_id=change.refund.shop_id, code=action.tag)
    tag = await tags.using_db(change.tx).first()
    if tag is not None:
        change.refund.found_reason_id = tag.id
        found = {"reason": tag.code, "evaluation": str(kept)}
        await change.record(EventType.REASON_FOUND, found)


async def _notify(change: Change, action: Notify, kept: UUID) -> None:
    """The outbox makes a message of the event, unless the customer knows already."""
    wanted = {"message": action.message, "evaluation": str(kept)}
    await change.record(EventType.MESSAGE_REQUESTED, wanted)


async def _escalate(change: Change, action: Escalate, kept: UUID) -> None:
    why = action.why.model_dump(exclude_defaults=True)
    await priorities.escalate(change, action.priority, why, {"evaluation": str(kept)})


EFFECTS: Mapping[ActionKind, Effect] = {
    ActionKind.ADD_TAG: _add_tag,
    ActionKind.NOTIFY: _notify,
    ActionKind.ESCALATE: _escalate,
}
"""Every action that `rules.actions.AVAILABLE` offers and that does not decide."""
