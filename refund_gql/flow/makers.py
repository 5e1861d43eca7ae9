"""Who spoke for paying a refund: whoever did does not release its money (maker-checker)."""

from refund_gql.choices import DiscretionStatus
from refund_gql.database import Transaction
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


async def of(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever asked for the refund or spoke for paying it, each as KIND:id."""
    asked = await requesters(tx, refund) | await _over_budget(tx, refund)
    return asked | await deciders(tx, refund)


async def _over_budget(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever would have approved it, had their budget allowed."""
    asked = DiscretionTask.filter(refund_id=refund.id, status=DiscretionStatus.APPROVED)
    staff = await asked.using_db(tx).values_list("staff_id", flat=True)
    return {f"STAFF:{staff_id}" for staff_id in staff}


async def requesters(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever asked for it, or for a request that has become part of it, each as KIND:id."""
    merged = Refund.filter(merged_into_id=refund.id).using_db(tx)
    others = await merged.values_list("requested_by", flat=True)
    return {refund.requested_by, *map(str, others)}


async def deciders(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever spoke for paying it, each as KIND:id."""
    decisions = Decision.filter(refund_id=refund.id, step__in=PROPOSALS)
    actors = await decisions.using_db(tx).values_list("actor", flat=True)
    return {str(actor) for actor in actors}
