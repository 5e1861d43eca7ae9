"""The customer's own amount: proposed once in place of the shop's offers, and agreed to or not."""

from uuid import UUID

from refund_gql import validation
from refund_gql.auth import Viewer
from refund_gql.choices import DiscretionStep, OfferState, Purpose
from refund_gql.errors import ExceedsRefundable, InvalidInput, OfferClosed
from refund_gql.flow import discretion, discretion_tasks, finance, journal, offers
from refund_gql.flow.discretion_tasks import Wish
from refund_gql.flow.journal import Change
from refund_gql.flow.negotiation import require_answerer
from refund_gql.flow.once import Once
from refund_gql.models import OfferLadder
from refund_gql.states import RefundKind, Step


async def counter(
    viewer: Viewer,
    refund_id: UUID,
    *,
    amount: int,
    note: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Propose so many minor units in place of the offers, the goods staying where they are; once
    per refund. Raises InvalidInput, ExceedsRefundable, and what every step raises."""
    require_answerer(viewer)
    validation.minor_units("amount", amount, least=1)

    async def work(change: Change) -> None:
        await _require_first_counter(change)
        await change.take(Step.COUNTER_OFFERS, because=note, payload={"amount": amount})
        if amount > change.refund.amount:
            raise ExceedsRefundable(
                requested=amount,
                maximum_refundable=change.refund.amount,
                currency=change.refund.currency,
            )
        ladder = await offers.close(change, OfferState.COUNTERED)
        assert ladder is not None, "a refund that is negotiated has an open ladder"
        ladder.counter_amount, ladder.counter_note = amount, note
        await ladder.save(using_db=change.tx)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def _require_first_counter(change: Change) -> None:
    before = OfferLadder.filter(refund_id=change.refund.id, counter_amount__not_isnull=True)
    if await before.using_db(change.tx).exists():
        raise InvalidInput(
            field="refundId",
            found=str(change.refund.number),
            expected="a refund for which no amount was proposed yet: accept or decline",
            zh="尚未还价过的退款单：请选择接受或拒绝",
        )


async def accept_counter(
    viewer: Viewer,
    refund_id: UUID,
    *,
    reason: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Agree to what the customer proposed last. Raises OfferClosed when the shop has made other
    offers since, or the request is no longer what she spoke of; OverBudget, and what every step
    raises."""

    async def work(change: Change) -> None:
        await agree_to_counter(change, reason)

    asked = Wish(
        refund_id=refund_id,
        step=DiscretionStep.ACCEPT_COUNTER,
        input={"reason": reason},
        reason=reason,
    )
    return await discretion_tasks.or_ask(
        viewer,
        asked,
        lambda: journal.change(
            viewer, refund_id, work, expected_version=expected_version, once=once
        ),
    )


async def agree_to_counter(change: Change, reason: str) -> None:
    """`accept_counter`, in an open change."""
    refund = change.refund
    await change.take(Step.ACCEPT_COUNTER, because=reason)
    ladder = await offers.newest(change)
    if ladder is None or ladder.counter_amount is None or ladder.state is not OfferState.COUNTERED:
        raise OfferClosed(state=ladder.state.value if ladder else OfferState.WITHDRAWN.value)
    if not await offers.still_fits(change, ladder):
        raise OfferClosed(state=OfferState.WITHDRAWN.value)
    refund.goods_later = False
    if not ladder.inspected:
        refund.kind = RefundKind.REFUND_ONLY
    await offers.grant(change, await offers.countered(change, ladder))
    await finance.arrive(change)
    await discretion.charge(change, Purpose.APPROVAL, refund.amount, currency=refund.currency)
