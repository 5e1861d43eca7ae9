"""How soon people are to look at a refund: raised by rules and colleagues, lowered by people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.choices import Priority
from refund_gql.events import EventType
from refund_gql.flow import journal
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.roles import Role


@dataclass(frozen=True, kw_only=True)
class SetPriority:
    """What a colleague wants."""

    refund_id: UUID
    priority: Priority
    reason: str = ""
    """For colleagues."""
    expected_version: int | None = None


async def escalate(
    change: Change, priority: Priority, why: Mapping[str, str], payload: Mapping[str, Any]
) -> None:
    """Raise the priority, and say why: locale -> words. One that is higher already stays."""
    refund = change.refund
    refund.priority = max(refund.priority, priority, key=lambda one: one.rank)
    refund.escalation = why
    raised = {"priority": refund.priority.value, **payload}
    await change.record(EventType.ESCALATED, raised)


async def set_priority(viewer: Viewer, asked: SetPriority, *, once: Once) -> UUID:
    """Raise or lower it. Raises NotAllowed, NotFound, StaleVersion, IdempotencyConflict."""
    viewer.require(Role.OWNER, Role.AGENT)

    async def work(change: Change) -> None:
        rank, wanted = change.refund.priority.rank, asked.priority
        if wanted.rank < rank:
            await _lower(change, wanted)
        elif wanted is not Priority.NORMAL:
            why = {viewer.locale: asked.reason} if asked.reason else {}
            await escalate(change, wanted, why, {})

    return await journal.change(
        viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
    )


async def _lower(change: Change, priority: Priority) -> None:
    refund = change.refund
    refund.priority = priority
    if priority is Priority.NORMAL:
        refund.escalation = {}
    await change.record(EventType.PRIORITY_LOWERED, {"priority": priority.value})
