"""What happens beside a rule's decision: one effect for each action that does not decide.

Each runs inside the change that the rules were read for, under the refund's lock, and calls
nobody: what leaves the house is enqueued with the change, and exists if and only if it commits.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from refund_gql.flow import coupons
from refund_gql.flow.journal import Change
from refund_gql.models import ReasonTag
from refund_gql.rules.actions import ActionKind, AddTag
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
    change.refund.found_reason_id = tag.id if tag else None


EFFECTS: Mapping[ActionKind, Effect] = {
    ActionKind.ADD_TAG: _add_tag,
    ActionKind.ISSUE_COUPON: coupons.give,
    ActionKind.COMPENSATE: coupons.compensate,
}
"""Every action that `rules.actions.AVAILABLE` offers and that does not decide."""
