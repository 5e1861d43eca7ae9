"""Step 3, first review (客服初审): customer service decides, or asks for evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.choices import DiscretionStep, OfferState, Purpose
from refund_gql.errors import InvalidInput
from refund_gql.flow import (
    claims,
    discretion,
    discretion_tasks,
    dispute,
    evidence,
    finance,
    goods,
    journal,
    offers,
    refund_first,
    returns,
    script_uses,
)
from refund_gql.flow.discretion_tasks import Wish
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.states import RefundKind, Step


@dataclass(frozen=True, kw_only=True)
class ApproveRefund:
    """Approve as refund only, or as return and refund."""

    refund_id: UUID
    kind: RefundKind
    reason: str = ""
    expected_version: int | None = None


async def approve(viewer: Viewer, asked: ApproveRefund, *, once: Once) -> UUID:
    """Refund only goes to the warehouse when goods were sent, else to finance; a return awaits
    its parcel. Raises NotFound, NotAllowed, IllegalStep, StaleVersion, InvalidInput, OverBudget."""

    async def work(change: Change) -> None:
        await agree_by_hand(change, asked.kind, asked.reason)

    wish = Wish(
        refund_id=asked.refund_id,
        step=DiscretionStep.APPROVE,
        input={"kind": asked.kind.value, "reason": asked.reason},
        reason=asked.reason,
    )
    return await discretion_tasks.or_ask(
        viewer,
        wish,
        lambda: journal.change(
            viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
        ),
    )


async def agree_by_hand(change: Change, kind: RefundKind, reason: str) -> None:
    """`approve`, in an open change. Raises OverBudget beside what that raises."""
    await dispute.refuse_same_reviewer(change)
    await agree(change, kind, because=reason)
    await _charge(change)


async def agree(
    change: Change,
    kind: RefundKind,
    *,
    because: str,
    trace: Mapping[str, object] | None = None,
) -> None:
    """Take the step that belongs to the kind, and to whether goods were sent.

    Raises NotAllowed, IllegalStep, and InvalidInput for a return of what was never sent.
    """
    change.refund.kind, change.refund.goods_later = kind, False
    sent = await goods.were_sent(change)
    if kind is RefundKind.RETURN_AND_REFUND:
        if not sent:
            raise InvalidInput(
                field="kind",
                found=kind.value,
                expected="REFUND_ONLY: nothing was sent",
                zh="REFUND_ONLY：商品未发货",
            )
        await change.take(Step.APPROVE_RETURN, because=because, trace=trace)
        await returns.open_return(change)
    elif sent:
        await change.take(Step.APPROVE_REFUND_ONLY, because=because, trace=trace)
    else:
        await change.take(Step.APPROVE_UNSENT, because=because, trace=trace)
        await finance.arrive(change)


async def approve_first(
    viewer: Viewer,
    refund_id: UUID,
    *,
    reason: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Propose that the money goes first and the goods follow (先退款后收货).

    Raises NotFound, NotAllowed, IllegalStep, StaleVersion, InvalidInput, OverBudget.
    """

    async def work(change: Change) -> None:
        await agree_first(change, reason)

    wish = Wish(
        refund_id=refund_id,
        step=DiscretionStep.APPROVE_FIRST,
        input={"reason": reason},
        reason=reason,
    )
    return await discretion_tasks.or_ask(
        viewer,
        wish,
        lambda: journal.change(
            viewer, refund_id, work, expected_version=expected_version, once=once
        ),
    )


async def agree_first(change: Change, reason: str) -> None:
    """`approve_first`, in an open change. Raises OverBudget beside what that raises."""
    await dispute.refuse_same_reviewer(change)
    await change.take(Step.APPROVE_FIRST, because=reason)
    await refund_first.propose(change)
    await finance.arrive(change)
    await _charge(change)


async def _charge(change: Change) -> None:
    """Last of all: staff are locked after orders and captures."""
    refund = change.refund
    await discretion.charge(change, Purpose.APPROVAL, refund.amount, currency=refund.currency)


async def reject(
    viewer: Viewer,
    refund_id: UUID,
    *,
    reason: str,
    once: Once,
    expected_version: int | None = None,
    script_id: UUID | None = None,
) -> UUID:
    """Refuse, with a reason that the customer reads; the goods become refundable again.

    `script_id` names the canned text that the reason came from.
    """
    if not reason.strip():
        raise InvalidInput(
            field="reason",
            found="''",
            expected="words the customer will read",
            zh="顾客能看到的说明文字",
        )

    async def work(change: Change) -> None:
        await dispute.refuse_same_reviewer(change)
        await change.take(Step.REJECT, because=reason)
        await script_uses.record(change, script_id)
        await claims.release(change)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def request_evidence(
    viewer: Viewer,
    refund_id: UUID,
    *,
    question: str,
    once: Once,
    expected_version: int | None = None,
    script_id: UUID | None = None,
) -> UUID:
    """Ask the customer for evidence; the refund stays in review. `script_id` names the canned
    text that the question came from."""
    if not question.strip():
        raise InvalidInput(
            field="question",
            found="''",
            expected="words the customer will read",
            zh="顾客能看到的说明文字",
        )

    async def work(change: Change) -> None:
        await change.take(Step.REQUEST_EVIDENCE, because=question)
        await script_uses.record(change, script_id)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def provide_evidence(
    viewer: Viewer,
    refund_id: UUID,
    *,
    answer: str,
    files: tuple[UUID, ...] = (),
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Answer the question, in words or with files of the refund. Raises NotFound for others."""
    if not answer.strip() and not files:
        raise InvalidInput(
            field="answer", found="''", expected="words or files", zh="文字说明或凭证文件"
        )

    async def work(change: Change) -> None:
        await evidence.require_given(change, files)
        given = {"files": [str(file_id) for file_id in files]} if files else {}
        await change.take(Step.PROVIDE_EVIDENCE, because=answer, payload=given)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def cancel(
    viewer: Viewer, refund_id: UUID, *, once: Once, expected_version: int | None = None
) -> UUID:
    """Withdraw the request, while no money is committed and no parcel is on its way."""

    async def work(change: Change) -> None:
        await change.take(Step.CANCEL)
        await offers.close(change, OfferState.WITHDRAWN)
        await returns.close_open(change)
        await claims.release(change)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )
