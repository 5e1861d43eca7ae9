"""The place of a refund in its desk's queue, kept with every change; `desks` says which desk."""

from datetime import datetime

from refund_gql import desks
from refund_gql.choices import AutoAssign, ReturnStatus
from refund_gql.database import Transaction
from refund_gql.desks import WORKERS, Desk
from refund_gql.flow import makers
from refund_gql.models import Refund, Return, Shop, Staff
from refund_gql.states import COMMITTED


async def line_up(tx: Transaction, refund: Refund, now: datetime) -> None:
    """Put a refund that is about to be saved where it waits now.

    An assignee who can do nothing about it at a new desk lets go of it; the step that brought it
    there is the record of that.
    """
    desk = desks.desk_of(refund.status, await _goods(tx, refund))
    arrives = desk is not refund.desk
    if arrives:
        refund.desk, refund.desk_since = desk, now if desk else None
    if arrives and desk and refund.assignee_id and not await _keeps(tx, refund, desk):
        refund.assignee_id = None
    if desk is None or refund.assignee_id is not None:
        refund.assign_wanted = False
    elif arrives:
        refund.assign_wanted = await dealt_out(tx, refund)


async def dealt_out(tx: Transaction, refund: Refund) -> bool:
    """Whether the shop has its cases dealt out."""
    shops = Shop.filter(id=refund.shop_id, auto_assign=AutoAssign.BY_LOAD)
    return await shops.using_db(tx).exists()


async def can_act(tx: Transaction, refund: Refund, desk: Desk, person: Staff) -> bool:
    """Whether a colleague works at the desk, and may decide about this refund there."""
    if not person.active or person.role not in WORKERS[desk]:
        return False
    return f"STAFF:{person.id}" not in await makers.barred(tx, refund, desk)


async def _keeps(tx: Transaction, refund: Refund, desk: Desk) -> bool:
    person = await Staff.filter(id=refund.assignee_id).using_db(tx).first()
    return person is not None and await can_act(tx, refund, desk, person)


async def _goods(tx: Transaction, refund: Refund) -> ReturnStatus | None:
    """Where goods stand that follow their money."""
    if not refund.goods_later or refund.status not in COMMITTED:
        return None
    parcels = Return.filter(refund_id=refund.id).order_by("-opened_at", "-id")
    parcel = await parcels.using_db(tx).first()
    return parcel.status if parcel else None
