"""The first scan of a parcel that comes back after the money: the goods are with a courier.

A customer may enter any number, so not every scan counts: only one that was made after the money
went out, of a parcel that is not one of the shop's own shipments and not somebody else's return.
"""

from uuid import UUID

from refund_gql import database
from refund_gql.auth import system
from refund_gql.choices import ExposureRelease
from refund_gql.events import EventType
from refund_gql.flow import exposures, journal
from refund_gql.flow.journal import Change

_WAITING = """
select e.refund_id from exposure e
  join goods_return g on g.refund_id = e.refund_id and g.status = 'SHIPPED'
 where e.shop_id = $1 and e.released_at is null and g.tracking_number = $2
"""
_SCANNED = """
select exists (
    select from exposure e
      join goods_return g on g.refund_id = e.refund_id and g.status = 'SHIPPED'
      join tracking_checkpoint c
        on c.shop_id = e.shop_id and c.tracking_number = g.tracking_number
     where e.refund_id = $1 and e.released_at is null and c.at >= e.opened_at
       and c.tag not in ('PENDING', 'INFO_RECEIVED')
       and not exists (select from shipment s
                        where s.shop_id = e.shop_id and s.tracking_number = g.tracking_number)
       and not exists (select from goods_return other
                        where other.shop_id = e.shop_id and other.refund_id <> e.refund_id
                          and other.tracking_number = g.tracking_number)
) as scanned
"""


async def heard(shop_id: UUID, tracking_number: str) -> None:
    """A courier had news of a parcel: release what waits for it. Repeating it does nothing."""
    for row in await database.fetch(_WAITING, shop_id, tracking_number):
        await journal.change(system(shop_id), row["refund_id"], release)


async def release(change: Change) -> None:
    """Release the refund's exposure if a courier has its goods."""
    [found] = await change.tx.execute_query_dict(_SCANNED, [change.refund.id])
    if not found["scanned"]:
        return
    exposure = await exposures.release(change, ExposureRelease.SCANNED)
    if exposure is not None:
        payload = {"exposure": str(exposure.id), "amount": exposure.amount}
        await change.record(EventType.RETURN_SCANNED, payload)
