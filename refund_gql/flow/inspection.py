"""Step 6, inspection: what arrived, line by line; the refund follows what was received."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.choices import ReturnStatus
from refund_gql.errors import ExceedsRefundable, InvalidInput, NotFound
from refund_gql.flow import finance, goods, goods_claims, journal, negotiation
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Inspection, ReasonTag, RefundLine, Return
from refund_gql.money import share
from refund_gql.states import Step


class Verdict(StrEnum):
    """What the warehouse says about one line."""

    ACCEPTED = "ACCEPTED"
    """As it should be; units that are missing are not paid for."""
    REDUCED = "REDUCED"
    """Worn, incomplete or flawed: worth the amount given."""
    REFUSED = "REFUSED"
    """Nothing is granted for the line."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found for one refund line; `amount` only with REDUCED, in minor units."""

    refund_line_id: UUID
    verdict: Verdict
    received_quantity: int
    amount: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class InspectReturn:
    """The whole parcel: every line of the refund exactly once."""

    refund_id: UUID
    findings: tuple[Finding, ...]
    note: str = ""
    found_reason_id: UUID | None = None
    expected_version: int | None = None


async def inspect(viewer: Viewer, asked: InspectReturn, *, once: Once) -> UUID:
    """Record the findings. With every line refused the refund goes back to review; otherwise
    the lines' amounts follow the findings and finance is next. Where the money went first, what
    the goods lack becomes a claim, and nothing else moves.

    Raises NotFound, NotAllowed, IllegalStep, StaleVersion, InvalidInput, ExceedsRefundable.
    """

    async def work(change: Change) -> None:
        lines = await RefundLine.filter(refund_id=asked.refund_id).using_db(change.tx)
        granted = _granted(asked.findings, lines)
        _refuse_excess(change, lines, granted)
        if goods.alone(change):
            await _after_the_money(change, asked, lines, granted)
        else:
            await _before_the_money(change, asked, lines, granted)

    return await journal.change(
        viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
    )


def _all_refused(asked: InspectReturn) -> bool:
    return all(finding.verdict is Verdict.REFUSED for finding in asked.findings)


async def _before_the_money(
    change: Change,
    asked: InspectReturn,
    lines: Sequence[RefundLine],
    granted: Mapping[UUID, int],
) -> None:
    refused, asked_for = _all_refused(asked), change.refund.amount
    reduced = [f.refund_line_id for f in asked.findings if f.verdict is Verdict.REDUCED]
    if await negotiation.offer_reduction(change, reduced, granted, because=asked.note):
        await _record(change, await goods.newest(change), asked, granted)
        return
    if not refused:
        await _grant(change, lines, granted)
    step = Step.REFUSE_INSPECTION if refused else Step.PASS_INSPECTION
    payload = {"amount": change.refund.amount}
    parcel = await goods.take(change, step, because=asked.note, payload=payload)
    await _record(change, parcel, asked, granted)
    if not refused:
        await finance.arrive(change, as_asked=change.refund.amount == asked_for)


async def _after_the_money(
    change: Change,
    asked: InspectReturn,
    lines: Sequence[RefundLine],
    granted: Mapping[UUID, int],
) -> None:
    """Goods of which nothing is accepted would not have been paid for at all, shipping included;
    otherwise they lack what the lines were paid above their findings."""
    refused, lacking = _all_refused(asked), sum(line.amount - granted[line.id] for line in lines)
    step = Step.REFUSE_INSPECTION if refused else Step.PASS_INSPECTION
    shortfall = change.refund.amount if refused else lacking
    parcel = await goods.take(change, step, because=asked.note, payload={"lacking": shortfall})
    await _record(change, parcel, asked, granted)
    await goods_claims.after_inspection(change, shortfall)


def _granted(findings: Sequence[Finding], lines: Sequence[RefundLine]) -> dict[UUID, int]:
    """Refund line -> minor units granted; pure."""
    by_id = {line.id: line for line in lines}
    found = [finding.refund_line_id for finding in findings]
    for line_id in found:
        if line_id not in by_id:
            raise NotFound(kind="RefundLine", id=str(line_id))
    if sorted(found) != sorted(by_id):
        raise InvalidInput(
            field="lines",
            found=f"{len(found)} findings",
            expected="each refund line once",
            zh="每个退款商品各一次",
        )
    return {
        finding.refund_line_id: _amount(f"lines.{i}", finding, by_id[finding.refund_line_id])
        for i, finding in enumerate(findings)
    }


def _amount(field: str, finding: Finding, line: RefundLine) -> int:
    if not 0 <= finding.received_quantity <= line.quantity:
        raise InvalidInput(
            field=f"{field}.receivedQuantity",
            found=str(finding.received_quantity),
            expected=f"0 to {line.quantity}",
            zh=f"0 到 {line.quantity}",
        )
    if (finding.amount is not None) != (finding.verdict is Verdict.REDUCED):
        raise InvalidInput(
            field=f"{field}.amount",
            found=str(finding.amount),
            expected="with REDUCED, only then",
            zh="仅在 REDUCED 时填写，且必须填写",
        )
    received = share(line.amount, finding.received_quantity, line.quantity)
    if finding.verdict is Verdict.REFUSED:
        return 0
    if finding.amount is None:
        return received
    if finding.amount < 0:
        raise InvalidInput(
            field=f"{field}.amount",
            found=str(finding.amount),
            expected="zero or more",
            zh="不小于零",
        )
    return finding.amount


def _refuse_excess(
    change: Change, lines: Sequence[RefundLine], granted: Mapping[UUID, int]
) -> None:
    for line in lines:
        if granted[line.id] > line.amount:
            raise ExceedsRefundable(
                requested=granted[line.id],
                maximum_refundable=line.amount,
                currency=change.refund.currency,
            )


async def _grant(change: Change, lines: Sequence[RefundLine], granted: Mapping[UUID, int]) -> None:
    refund = change.refund
    for line in lines:
        line.amount = granted[line.id]
        await line.save(using_db=change.tx, update_fields=["amount"])
    refund.goods_amount = sum(granted.values())
    refund.amount = refund.goods_amount + refund.shipping_amount


async def _record(
    change: Change, parcel: Return, asked: InspectReturn, granted: Mapping[UUID, int]
) -> None:
    if asked.found_reason_id is not None:
        await _set_found_reason(change, asked.found_reason_id)
    await Inspection.bulk_create(
        [
            Inspection(
                shop_id=change.refund.shop_id,
                goods_return_id=parcel.id,
                refund_line_id=finding.refund_line_id,
                verdict=finding.verdict.value,
                received_quantity=finding.received_quantity,
                amount=granted[finding.refund_line_id],
                note=finding.note,
                inspected_at=change.now,
            )
            for finding in asked.findings
        ],
        using_db=change.tx,
    )
    parcel.status = ReturnStatus.INSPECTED
    await parcel.save(using_db=change.tx, update_fields=["status"])


async def _set_found_reason(change: Change, reason_id: UUID) -> None:
    tags = ReasonTag.filter(id=reason_id, shop_id=change.refund.shop_id, retired_at=None)
    if not await tags.using_db(change.tx).exists():
        raise NotFound(kind="ReasonTag", id=str(reason_id))
    change.refund.found_reason_id = reason_id
