"""Step 6, inspection: what arrived, line by line; the refund follows what was received."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.choices import ReturnStatus, Verdict
from refund_gql.events import EventType
from refund_gql.flow import finance, findings, goods, goods_claims, journal, negotiation, reasons
from refund_gql.flow.findings import Finding, Found, Granted
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Inspection, InspectionOutcome, RefundLine, Return, new_id
from refund_gql.states import Step


@dataclass(frozen=True, kw_only=True)
class InspectReturn:
    """The whole parcel: every line of the refund exactly once."""

    refund_id: UUID
    findings: tuple[Finding, ...]
    note: str = ""
    found_reason_id: UUID | None = None
    root_cause_id: UUID | None = None
    expected_version: int | None = None


async def inspect(viewer: Viewer, asked: InspectReturn, *, once: Once) -> UUID:
    """Record the findings. Where nothing is granted, as for an empty parcel, the refund goes back
    to review; otherwise the lines' amounts follow the findings and finance is next. Where the
    money went first, what the goods lack becomes a claim, and nothing else moves.

    Raises NotFound, NotAllowed, IllegalStep, StaleVersion, InvalidInput, ExceedsRefundable.
    """

    async def work(change: Change) -> None:
        lines = await RefundLine.filter(refund_id=asked.refund_id).using_db(change.tx)
        found = findings.count(asked.findings, lines, change.refund.currency)
        if goods.alone(change):
            await _after_the_money(change, asked, lines, found)
        else:
            await _before_the_money(change, asked, lines, found)

    return await journal.change(
        viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
    )


async def _before_the_money(
    change: Change, asked: InspectReturn, lines: Sequence[RefundLine], found: Found
) -> None:
    asked_for, reduced = change.refund.amount, found.with_verdict(Verdict.REDUCED)
    if await negotiation.offer_reduction(change, reduced, found.amounts, because=asked.note):
        await _write_down(change, await goods.newest(change), asked, lines, found)
        return
    if not found.nothing:
        await _grant(change, lines, found.amounts)
    step = Step.REFUSE_INSPECTION if found.nothing else Step.PASS_INSPECTION
    await _take(change, step, asked, lines, found, {"amount": change.refund.amount})
    if not found.nothing:
        await finance.arrive(change, as_asked=change.refund.amount == asked_for)


async def _after_the_money(
    change: Change, asked: InspectReturn, lines: Sequence[RefundLine], found: Found
) -> None:
    """Goods of which nothing is accepted would not have been paid for at all, shipping included;
    otherwise they lack what the lines were paid above their findings."""
    lacking = sum(line.amount for line in lines) - sum(found.amounts.values())
    step = Step.REFUSE_INSPECTION if found.nothing else Step.PASS_INSPECTION
    shortfall = change.refund.amount if found.nothing else lacking
    await _take(change, step, asked, lines, found, {"lacking": shortfall})
    await goods_claims.after_inspection(change, shortfall)


async def _take(
    change: Change,
    step: Step,
    asked: InspectReturn,
    lines: Sequence[RefundLine],
    found: Found,
    payload: Mapping[str, Any],
) -> None:
    """Take the step, with what was found in words for colleagues, and write it all down."""
    said = {
        locale: " · ".join(filter(None, [found.in_words(locale), asked.note]))
        for locale in ("zh", "en")
    }
    parcel = await goods.take(
        change, step, because=asked.note, payload=payload, trace={"explanation": said}
    )
    await _write_down(change, parcel, asked, lines, found)


async def _write_down(
    change: Change,
    parcel: Return,
    asked: InspectReturn,
    lines: Sequence[RefundLine],
    found: Found,
) -> None:
    await reasons.note(change, found=asked.found_reason_id, root=asked.root_cause_id)
    await _record(change, parcel, asked, found)
    await _dispose(change, lines, found)


async def _grant(change: Change, lines: Sequence[RefundLine], granted: Mapping[UUID, int]) -> None:
    refund = change.refund
    for line in lines:
        line.amount = granted[line.id]
        await line.save(using_db=change.tx, update_fields=["amount"])
    refund.goods_amount = sum(granted.values())
    refund.amount = refund.goods_amount + refund.shipping_amount


async def _dispose(change: Change, lines: Sequence[RefundLine], found: Found) -> None:
    """Tell the shop's stock what becomes of the units that came; one event for the parcel."""
    units = [
        {
            "line": str(line.id),
            "sku": line.sku,
            "quantity": one.outcome.quantity,
            "disposition": one.disposition.value,
        }
        for line in sorted(lines, key=lambda line: line.position)
        for one in found.lines[line.id]
        if one.disposition is not None
    ]
    if units:
        await change.record(EventType.GOODS_DISPOSED, {"goods": units})


async def _record(change: Change, parcel: Return, asked: InspectReturn, found: Found) -> None:
    for finding in asked.findings:
        units = found.lines[finding.refund_line_id]
        await reasons.require(change, *(one.outcome.reason_id for one in units))
        row = Inspection(
            id=new_id(),
            shop_id=change.refund.shop_id,
            goods_return_id=parcel.id,
            refund_line_id=finding.refund_line_id,
            verdict=findings.hardest(units).value,
            received_quantity=findings.received(units),
            amount=sum(one.amount for one in units),
            note=finding.note,
            inspected_at=change.now,
        )
        await row.save(using_db=change.tx, force_create=True)
        await InspectionOutcome.bulk_create(_rows(row, units), using_db=change.tx)
    parcel.status = ReturnStatus.INSPECTED
    await parcel.save(using_db=change.tx, update_fields=["status"])


def _rows(inspection: Inspection, units: Sequence[Granted]) -> list[InspectionOutcome]:
    return [
        InspectionOutcome(
            shop_id=inspection.shop_id,
            inspection_id=inspection.id,
            position=position,
            verdict=one.outcome.verdict,
            quantity=one.outcome.quantity,
            amount=one.amount,
            disposition=one.disposition,
            reason_id=one.outcome.reason_id,
            arrived=one.outcome.arrived.strip(),
            note=one.outcome.note,
        )
        for position, one in enumerate(units)
    ]
