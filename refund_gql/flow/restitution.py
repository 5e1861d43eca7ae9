"""What else a customer had paid with goes back too: points as the goods do, coupons at the end.

Reckoned over the whole order each time, under its lock, so that the parts of any number of
refunds never come to more than was spent, and the last of the goods brings exactly the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from refund_gql import database
from refund_gql.auth import Viewer
from refund_gql.choices import RestitutionKind, RestitutionStatus
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.flow import errands, journal
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Restitution, new_id
from refund_gql.money import share
from refund_gql.roles import Role

JOB = "restore"

_SPENT = """
select points_spent, array(select jsonb_array_elements_text(coupons_used)) as coupons,
       goods_amount, (select sum(quantity)::bigint from order_line where order_id = o.id) as units
  from "order" o where id = $1 and shop_id = $2 for update
"""
# A refund counts from when it was paid, and goes on counting when the payment is reversed: what
# was given back for it is with the customer.
_BACK = """
select coalesce(sum(l.amount), 0)::bigint as amount, coalesce(sum(l.quantity), 0)::bigint as units
  from refund_line l join refund r on r.id = l.refund_id
 where r.order_id = $1 and r.shop_id = $2 and not r.imported
   and (r.status = 'REFUNDED' or exists (select from restitution x where x.refund_id = r.id))
"""
_RESTORED = """
select coalesce(sum(points), 0)::bigint as points from restitution
 where order_id = $1 and shop_id = $2
"""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How much of an order has gone back: `part` of `whole`, in minor units of the goods, or in
    units where the goods cost nothing."""

    part: int
    whole: int

    @property
    def complete(self) -> bool:
        """Everything went back, at its full worth."""
        return self.part >= self.whole > 0

    def points(self, spent: int, restored: int) -> int:
        """How many points go back now; pure. Rounded down until the end, which takes the rest."""
        if self.whole == 0:
            return 0
        return max(share(spent, min(self.part, self.whole), self.whole) - restored, 0)


async def open_restitutions(change: Change) -> None:
    """Store what is to be given back for a refund that was paid, and have it done. A second run
    adds nothing."""
    refund = change.refund
    if refund.order_id is None or refund.customer_id is None:
        return
    of_order = [refund.order_id, refund.shop_id]
    [spent] = await change.tx.execute_query_dict(_SPENT, of_order)
    if not spent["points_spent"] and not spent["coupons"]:
        return
    progress = await _progress(change, of_order, spent["goods_amount"], spent["units"])
    [restored] = await change.tx.execute_query_dict(_RESTORED, of_order)
    rows = []
    if points := progress.points(spent["points_spent"], restored["points"]):
        rows.append(_row(change, RestitutionKind.POINTS, points=points))
    if progress.complete:
        rows += [_row(change, RestitutionKind.COUPON, code=code) for code in spent["coupons"]]
    await _store(change, rows)


async def _progress(
    change: Change, of_order: Sequence[UUID], goods_amount: int, units: int
) -> Progress:
    [back] = await change.tx.execute_query_dict(_BACK, list(of_order))
    if goods_amount:
        return Progress(part=back["amount"], whole=goods_amount)
    return Progress(part=back["units"], whole=units)


def _row(change: Change, kind: RestitutionKind, *, points: int = 0, code: str = "") -> Restitution:
    row_id, refund = new_id(), change.refund
    return Restitution(
        id=row_id,
        shop_id=refund.shop_id,
        refund_id=refund.id,
        order_id=refund.order_id,
        customer_id=refund.customer_id,
        number=f"RS{row_id.hex.upper()}",
        kind=kind,
        points=points,
        code=code,
        wanted_at=change.now,
        created_at=change.now,
    )


async def _store(change: Change, rows: Sequence[Restitution]) -> None:
    if not rows:
        return
    await Restitution.bulk_create(rows, ignore_conflicts=True, using_db=change.tx)
    stored = Restitution.filter(id__in=[row.id for row in rows]).using_db(change.tx)
    for row in await stored.order_by("id"):
        await errands.schedule(change, JOB, row)


async def retry(viewer: Viewer, restitution_id: UUID, *, once: Once) -> UUID:
    """Have one tried again at once, with its own number. Raises NotAllowed, NotFound,
    InvalidInput, IdempotencyConflict."""
    viewer.require(Role.OWNER, Role.AGENT)
    rows = Restitution.filter(id=restitution_id, shop_id=viewer.shop_id)
    found = await database.read(rows.first)
    if found is None:
        raise NotFound(kind="Restitution", id=str(restitution_id))

    async def work(change: Change) -> None:
        locked = Restitution.filter(id=restitution_id).using_db(change.tx).select_for_update()
        row = await locked.get()
        if row.status is RestitutionStatus.RESTORED:
            raise InvalidInput(
                field="id",
                found=row.status.value,
                expected="one that FAILED or waits",
                zh="失败或等待处理的退还",
            )
        if row.status is RestitutionStatus.FAILED:
            # Whoever was called may have done it, so it stays in doubt until it is asked again.
            row.status = RestitutionStatus.RESTORING if row.crm else RestitutionStatus.WANTED
        row.wanted_at, row.problem, row.error = change.now, None, None
        await row.save(using_db=change.tx)
        await errands.schedule(change, JOB, row, change.now)

    await journal.change(viewer, found.refund_id, work, once=once)
    return restitution_id
