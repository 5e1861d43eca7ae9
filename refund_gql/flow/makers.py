"""Who spoke for paying a refund: whoever did does not release its money (maker-checker).

What somebody asked for or decided about a request that has become part of it counts too.
"""

from collections.abc import Collection
from uuid import UUID

from refund_gql.choices import DiscretionStatus
from refund_gql.database import Transaction
from refund_gql.desks import Desk
from refund_gql.models import Decision, DiscretionTask, Refund
from refund_gql.states import Step

PROPOSALS = (
    Step.APPROVE_REFUND_ONLY,
    Step.APPROVE_UNSENT,
    Step.APPROVE_RETURN,
    Step.APPROVE_FIRST,
    Step.CONFIRM_GOODS_GONE,
    Step.PASS_INSPECTION,
    Step.PROPOSE_OFFERS,
    Step.OFFER_REDUCTION,
    Step.ACCEPT_COUNTER,
)
"""The decisions that speak for paying; who made one of them does not release the money."""


async def barred(tx: Transaction, refund: Refund, desk: Desk) -> set[str]:
    """Whoever cannot decide about the refund at a desk where they work, each as KIND:id."""
    match desk:
        case Desk.FINANCE:
            return await of(tx, refund)
        case Desk.FIRST_REVIEW if refund.disputed_at is not None:
            return await refusers(tx, refund)
        case _:
            return set()


async def refusers(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever refused it: another person looks when the customer disputes that."""
    return await _actors(tx, refund, (Step.REJECT,))


async def of(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever asked for the refund or spoke for paying it, each as KIND:id."""
    asked = await requesters(tx, refund) | await _over_budget(tx, refund)
    return asked | await deciders(tx, refund)


async def _over_budget(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever would have approved it, had their budget allowed."""
    parts = await _parts(tx, refund)
    asked = DiscretionTask.filter(refund_id__in=parts, status=DiscretionStatus.APPROVED)
    staff = await asked.using_db(tx).values_list("staff_id", flat=True)
    return {f"STAFF:{staff_id}" for staff_id in staff}


async def requesters(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever asked for it, each as KIND:id."""
    return {refund.requested_by, *(await _merged(tx, refund)).values()}


async def deciders(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever spoke for paying it, each as KIND:id."""
    return await _actors(tx, refund, PROPOSALS)


async def _actors(tx: Transaction, refund: Refund, steps: Collection[Step]) -> set[str]:
    decisions = Decision.filter(refund_id__in=await _parts(tx, refund), step__in=steps)
    actors = await decisions.using_db(tx).values_list("actor", flat=True)
    return {str(actor) for actor in actors}


async def _parts(tx: Transaction, refund: Refund) -> list[UUID]:
    return [refund.id, *await _merged(tx, refund)]


async def _merged(tx: Transaction, refund: Refund) -> dict[UUID, str]:
    """Request that has become part of it -> who asked for it."""
    rows = await Refund.filter(merged_into_id=refund.id).using_db(tx)
    return {row.id: row.requested_by for row in rows}
