"""Step 5, the return: instructions out, the parcel on its way, received; or lost, or sent again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from refund_gql import validation
from refund_gql.auth import Viewer
from refund_gql.choices import ExposureRelease, ParcelDirection, ReturnStatus
from refund_gql.flow import (
    addresses,
    expectations,
    exposures,
    goods,
    journal,
    overdue,
    parcels,
    pickups,
    scans,
)
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Return, Shop
from refund_gql.states import Step

OPEN = (ReturnStatus.AWAITED, ReturnStatus.SHIPPED, ReturnStatus.RECEIVED)


async def open_return(change: Change) -> None:
    """Ask for the goods: address and requirements as they stand now for what comes back."""
    await Return.create(
        using_db=change.tx,
        shop_id=change.refund.shop_id,
        refund_id=change.refund.id,
        status=ReturnStatus.AWAITED,
        opened_at=change.now,
        **await _instructions(change),
    )


async def _instructions(change: Change) -> Mapping[str, Any]:
    """What the customer is told: the columns of a return."""
    shop = await Shop.filter(id=change.refund.shop_id).using_db(change.tx).get()
    told = await addresses.instructions(change.tx, shop, change.refund.id)
    basis = await expectations.basis(change.tx, shop.id, change.now)
    return {
        "address": told.address,
        "recipient": told.recipient,
        "requirements": told.requirements,
        "checklist": told.checklist,
        # Money that went first is not waited for.
        "expected_refund_at": None if change.refund.goods_later else basis.from_(change.now),
        "expected_basis": {} if change.refund.goods_later else basis.stored(),
    }


# --- on its way -------------------------------------------------------------------------------


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
        parcel = await _hand_over(change, courier=courier, tracking_number=tracking_number)
        await parcels.follow(
            change.tx, parcel.shop_id, courier, tracking_number, ParcelDirection.BACK
        )

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def handed_over(change: Change) -> None:
    """The courier has fetched the parcel whose pickup was booked."""
    await _hand_over(change)


async def _hand_over(change: Change, **sent_as: str) -> Return:
    """`sent_as`: courier and number, where they are not known yet."""
    parcel = await goods.take(change, Step.SHIP_RETURN)
    parcel.status, parcel.shipped_at = ReturnStatus.SHIPPED, change.now
    parcel.update_from_dict(sent_as)
    await parcel.save(using_db=change.tx)
    await pickups.close(change, parcel)
    await scans.release(change)
    return parcel


# --- received ---------------------------------------------------------------------------------


async def receive(
    viewer: Viewer, refund_id: UUID, *, once: Once, expected_version: int | None = None
) -> UUID:
    """The parcel arrived, announced or not."""
    return await journal.change(
        viewer, refund_id, arrived, expected_version=expected_version, once=once
    )


async def arrived(change: Change) -> None:
    """The parcel is with the warehouse, as somebody there or its courier says."""
    parcel = await goods.take(change, Step.RECEIVE_RETURN)
    parcel.status, parcel.received_at = ReturnStatus.RECEIVED, change.now
    await parcel.save(using_db=change.tx)
    await pickups.close(change, parcel)
    await exposures.release(change, ExposureRelease.RECEIVED)


# --- it did not arrive ------------------------------------------------------------------------


async def report_lost(
    viewer: Viewer,
    refund_id: UUID,
    *,
    reason: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """The parcel got lost on its way back: people decide what becomes of the refund."""

    async def work(change: Change) -> None:
        await _lose(change, because=reason)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def reopen(
    viewer: Viewer,
    refund_id: UUID,
    *,
    reason: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """The parcel went to the wrong place, or back to the customer: the goods are awaited again,
    at the address that applies now."""

    async def work(change: Change) -> None:
        await _reopen(change, because=reason)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def lost(change: Change, *, because: Mapping[str, str]) -> None:
    """As `report_lost`, by the courier's word; `because` is locale -> why."""
    await _lose(change, trace={"explanation": because})


async def reopened(change: Change, *, because: Mapping[str, str]) -> None:
    """As `reopen`, by the courier's word; `because` is locale -> why."""
    await _reopen(change, trace={"explanation": because})


async def _lose(change: Change, **why: Any) -> None:
    parcel = await goods.take(change, Step.REPORT_RETURN_LOST, **why)
    parcel.status = ReturnStatus.LOST
    await parcel.save(using_db=change.tx, update_fields=["status"])
    await _expect_again(change)


async def _reopen(change: Change, **why: Any) -> None:
    parcel = await goods.take(change, Step.REOPEN_RETURN, **why)
    parcel.status, parcel.shipped_at = ReturnStatus.AWAITED, None
    parcel.courier = parcel.tracking_number = ""
    parcel.update_from_dict(dict(await _instructions(change)))
    await parcel.save(using_db=change.tx)
    await _expect_again(change)


async def _expect_again(change: Change) -> None:
    """Money that went first is looked after until its goods are here."""
    if (exposure := await exposures.reopen(change)) is not None:
        await overdue.schedule(change, exposure)


async def close_open(change: Change) -> None:
    """Nobody waits for the goods any more."""
    waiting = Return.filter(refund_id=change.refund.id, status__in=OPEN)
    for parcel in await waiting.using_db(change.tx):
        await pickups.close(change, parcel)
    await waiting.using_db(change.tx).update(status=ReturnStatus.CANCELLED)
