"""Step 7, finance review (财务审核): above the shop's threshold, and never by a maker."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.errors import NotAllowed
from refund_gql.flow import journal, makers, offers, payout, policy, quote, refund_first
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Capture, Shop
from refund_gql.states import RefundStatus, Step


class FinanceVerdict(StrEnum):
    """What finance decides."""

    APPROVE = "APPROVE"
    SEND_BACK = "SEND_BACK"


async def arrive(change: Change, *, as_asked: bool = True) -> None:
    """The refund has come to finance; small money on which everybody agreed goes on at once, and
    ahead of its goods only within the customer's limit.

    `as_asked` is False when an inspection granted less than the customer asked for.
    """
    refund = change.refund
    shop = await Shop.filter(id=refund.shop_id).using_db(change.tx).get()
    agreed = as_asked and not await _requester_decided(change)
    captures = await _captures(change)
    skips = policy.skips_finance(
        shop, amount=refund.amount, currency=refund.currency, everybody_agreed=agreed
    )
    if skips and payout.covers(captures, refund.amount) and await _may_go_first(change):
        trace = {"policy": "built-in", "finance_threshold": shop.finance_threshold}
        await change.take(Step.APPROVE_FINANCE, because="", trace=trace, by_engine=True)
        await _release(change, captures)


async def decide(
    viewer: Viewer,
    refund_id: UUID,
    *,
    verdict: FinanceVerdict,
    note: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Release the money, or send the refund back to review.

    Raises NotAllowed for whoever proposed or requested it, ExceedsRefundable when the captures
    no longer hold the amount, and what every step raises.
    """

    async def work(change: Change) -> None:
        if verdict is FinanceVerdict.SEND_BACK:
            await change.take(Step.SEND_BACK, because=note)
            await offers.undo(change)
            return
        await _refuse_own_proposal(change)
        captures = await _captures(change)
        await change.take(Step.APPROVE_FINANCE, because=note)
        await _release(change, captures)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def _may_go_first(change: Change) -> bool:
    return not change.refund.goods_later or await refund_first.within_limit(change)


async def _release(change: Change, captures: Sequence[Capture]) -> None:
    if change.refund.goods_later:
        await refund_first.commit(change, captures)
    else:
        await payout.open_payouts(change, captures)


async def _captures(change: Change) -> list[Capture]:
    order_id = change.refund.order_id
    assert order_id is not None, "only imported refunds have no order"
    rows = await quote.load(change.tx, change.refund.shop_id, order_id, lock=True)
    assert rows is not None
    return list(rows.captures)


async def _refuse_own_proposal(change: Change) -> None:
    waiting = change.refund.status is RefundStatus.FINANCE_REVIEW
    if waiting and change.viewer.actor in await makers.of(change.tx, change.refund):
        raise NotAllowed(reason="OWN_PROPOSAL")


async def _requester_decided(change: Change) -> bool:
    """Somebody reviewed a request of their own: finance must look, however small it is."""
    return not (await makers.requesters(change.tx, change.refund)).isdisjoint(
        await makers.deciders(change.tx, change.refund)
    )
