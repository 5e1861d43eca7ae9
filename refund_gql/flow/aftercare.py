"""Step 10, after the money: the job `aftercare` of a refund that was paid.

It costs the payment nothing but the job's own row: what the customer waits for is over by then.
Coupons that waited for the refund are issued, points and coupons go back, and the customer comes
onto the care list.
"""

from uuid import UUID

from refund_gql.auth import system
from refund_gql.flow import care, coupons, journal, restitution
from refund_gql.flow.journal import Change
from refund_gql.models import CareRefund, Refund
from refund_gql.states import RefundStatus

MISSING = """
select 'aftercare' as kind, r.id as subject, 'aftercare:' || r.id || ':missing' as key
  from refund r
 where r.status = 'REFUNDED' and r.finished_at > now() - interval '3 days' and not r.imported
   and r.customer_id is not null
   and not exists (select from care_refund c where c.refund_id = r.id)
"""
"""The refunds that must have a live job, as the reconciler's sweep wants them."""


async def after_refund(refund_id: UUID) -> None:
    """The job `aftercare`. A second run adds nothing, and neither does one for a refund whose
    payment was reversed meanwhile: it comes again when the money does."""
    refund = await Refund.get(id=refund_id)
    if refund.status is not RefundStatus.REFUNDED or refund.customer_id is None:
        return

    async def work(change: Change) -> None:
        if change.refund.status is not RefundStatus.REFUNDED:
            return
        await coupons.wake(change)
        known = CareRefund.filter(refund_id=refund_id).using_db(change.tx)
        if await known.exists():
            return
        await restitution.open_restitutions(change)
        await care.enter(change)

    await journal.change(system(refund.shop_id), refund_id, work)
