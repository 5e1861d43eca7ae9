"""Where a rule's ROUTE leads: to a desk, and there to a person."""

from uuid import UUID

from refund_gql.events import EventType
from refund_gql.flow.journal import Change
from refund_gql.rules.actions import Route
from refund_gql.states import RefundStatus


async def hand_on(change: Change, route: Route, kept: UUID) -> None:
    """Within customer service, to whom the rule names; `kept` is the id of its evaluation.

    A refund that is anywhere else by now stays with whoever has it.
    """
    refund = change.refund
    if refund.status is not RefundStatus.REVIEW or route.staff in (None, refund.assignee_id):
        return
    refund.assignee_id = route.staff
    await change.record(EventType.ROUTED, {"assignee": str(route.staff), "evaluation": str(kept)})
