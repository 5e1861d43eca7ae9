"""What happens beside a rule's decision: one effect for each action that does not decide.

Each runs inside the change that the rules were read for, under the refund's lock, and calls
nobody: what leaves the house is enqueued with the change, and exists if and only if it commits.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import structlog

from refund_gql.events import EventType
from refund_gql.flow import coupons, flags, priorities, standing
from refund_gql.flow.flags import Author, Mark
from refund_gql.flow.journal import Change
from refund_gql.models import ReasonTag
from refund_gql.rules.actions import ActionKind, AddTag, Escalate, Flag, Notify, Unflag
from refund_gql.rules.engine import Evaluation

_log = structlog.get_logger(__name__)

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


async def _flag(change: Change, action: Flag, kept: UUID) -> None:
    """A flag that holds already stays as it is."""
    refund = change.refund
    if refund.customer_id is None:
        return
    row = await standing.lock(change.tx, refund.shop_id, refund.customer_id)
    mark = Mark(code=action.flag, why=action.why.texts(), level=action.level, days=action.days)
    if await flags.put(change.tx, row, mark, Author.of(change.viewer, kept)) is None:
        _log.warning("a customer has too many flags", customer=str(row.customer_id))


async def _unflag(change: Change, action: Unflag, kept: UUID) -> None:
    """Whoever set it. A flag that she does not have is no mistake."""
    refund = change.refund
    if refund.customer_id is None:
        return
    row = await standing.lock(change.tx, refund.shop_id, refund.customer_id)
    await flags.take_off(change.tx, row, action.flag, {}, Author.of(change.viewer, kept))


async def _notify(change: Change, action: Notify, kept: UUID) -> None:
    """The outbox makes a message of the event, unless the customer knows already."""
    wanted = {"message": action.message, "evaluation": str(kept)}
    await change.record(EventType.MESSAGE_REQUESTED, wanted)


async def _escalate(change: Change, action: Escalate, kept: UUID) -> None:
    why = action.why.model_dump(exclude_defaults=True)
    await priorities.escalate(change, action.priority, why, {"evaluation": str(kept)})


EFFECTS: Mapping[ActionKind, Effect] = {
    ActionKind.ADD_TAG: _add_tag,
    ActionKind.FLAG: _flag,
    ActionKind.UNFLAG: _unflag,
    ActionKind.ISSUE_COUPON: coupons.give,
    ActionKind.COMPENSATE: coupons.compensate,
    ActionKind.NOTIFY: _notify,
    ActionKind.ESCALATE: _escalate,
}
"""Every action that `rules.actions.AVAILABLE` offers and that does not decide."""
