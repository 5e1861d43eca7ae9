"""Step 4, warehouse check (仓库确认): where are the goods of a refund-only request?"""

from enum import StrEnum
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.flow import finance, journal
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.states import Step


class WarehouseVerdict(StrEnum):
    """What the warehouse found."""

    GOODS_GONE = "GOODS_GONE"
    """Lost, returned to sender, or never left: not with the customer."""
    WITH_CUSTOMER = "WITH_CUSTOMER"
    """The customer has them: back to review."""


async def confirm(
    viewer: Viewer,
    refund_id: UUID,
    *,
    verdict: WarehouseVerdict,
    note: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Confirm that the goods are not with the customer, or that they are."""

    async def work(change: Change) -> None:
        if verdict is WarehouseVerdict.WITH_CUSTOMER:
            await change.take(Step.FIND_GOODS_WITH_CUSTOMER, because=note)
            return
        await change.take(Step.CONFIRM_GOODS_GONE, because=note)
        await finance.arrive(change)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )
