"""Step 5, the return: address and requirements out, courier and number in, parcel received."""

from uuid import UUID

from refund_gql import validation
from refund_gql.auth import Viewer
from refund_gql.choices import ExposureRelease, ReturnStatus
from refund_gql.flow import exposures, goods, journal, scans
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Return, Shop
from refund_gql.states import Step

OPEN = (ReturnStatus.AWAITED, ReturnStatus.SHIPPED, ReturnStatus.RECEIVED)


async def open_return(change: Change) -> None:
    """Ask for the goods: the shop's address and requirements as they stand now."""
    shop = await Shop.filter(id=change.refund.shop_id).using_db(change.tx).get()
    await Return.create(
        using_db=change.tx,
        shop_id=shop.id,
        refund_id=change.refund.id,
        status=ReturnStatus.AWAITED,
        address=shop.return_address,
        requirements=shop.return_requirements,
        opened_at=change.now,
    )


async def ship(
    viewer: Viewer,
    refund_id: UUID,
    *,
    courier: str,
    tracking_number: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """The parcel was handed over. Raises InvalidInput for a blank courier or number."""
    courier = validation.text("courier", courier, longest=64)
    tracking_number = validation.text("trackingNumber", tracking_number, longest=64)

    async def work(change: Change) -> None:
        parcel = await goods.take(change, Step.SHIP_RETURN)
        parcel.status = ReturnStatus.SHIPPED
        parcel.courier, parcel.tracking_number = courier, tracking_number
        parcel.shipped_at = change.now
        await parcel.save(using_db=change.tx)
        await scans.release(change)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def receive(
    viewer: Viewer, refund_id: UUID, *, once: Once, expected_version: int | None = None
) -> UUID:
    """The parcel arrived, announced or not."""

    async def work(change: Change) -> None:
        parcel = await goods.take(change, Step.RECEIVE_RETURN)
        parcel.status, parcel.received_at = ReturnStatus.RECEIVED, change.now
        await parcel.save(using_db=change.tx)
        await exposures.release(change, ExposureRelease.RECEIVED)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def close_open(change: Change) -> None:
    """Nobody waits for the goods any more."""
    parcels = Return.filter(refund_id=change.refund.id, status__in=OPEN).using_db(change.tx)
    await parcels.update(status=ReturnStatus.CANCELLED)
