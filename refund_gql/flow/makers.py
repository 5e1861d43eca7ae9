"""Who spoke for paying a refund: whoever did does not release its money (maker-checker)."""

from refund_gql.database import Transaction
from refund_gql.models import Decision, Refund
from refund_gql.states import Step

PROPOSALS = (
    Step.APPROVE_REFUND_ONLY,
    Step.APPROVE_UNSENT,
    Step.APPROVE_RETURN,
    Step.APPROVE_FIRST,
    Step.CONFIRM_GOODS_GONE,
    Step.PASS_INSPECTION,
)
"""The decisions that speak for paying; who made one of them does not release the money."""


async def of(tx: Transaction, refund: Refund) -> set[str]:
    """Whoever asked for the refund or spoke for paying it, each as KIND:id."""
    return await requesters(tx, refund) | await deciders(tx, refund)


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
