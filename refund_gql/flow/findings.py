"""What was found in a parcel, counted unit by unit, and what is granted for it. Pure.

Usually one verdict holds for all that came of a line, and what did not come is missing. Where it
does not, the units are counted out; together they are the line's quantity.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from refund_gql import labels
from refund_gql.choices import Disposition, Verdict
from refund_gql.errors import ExceedsRefundable, InvalidInput, NotFound
from refund_gql.models import RefundLine
from refund_gql.money import share

DISPOSITIONS: Mapping[Verdict, Disposition] = {
    Verdict.ACCEPTED: Disposition.RESTOCK,
    Verdict.REDUCED: Disposition.REPAIR,
    Verdict.REFUSED: Disposition.BACK_TO_CUSTOMER,
}
"""What becomes of units that came, where nobody says otherwise."""
_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """So many units, and what is said about them."""

    verdict: Verdict
    quantity: int
    amount: int | None = None
    """With REDUCED only: what is granted for these units, in minor units."""
    disposition: Disposition | None = None
    """None: as usual after the verdict."""
    reason_id: UUID | None = None
    """Why less or nothing is granted, in the shop's categories."""
    arrived: str = ""
    """With WRONG_ITEM only: what came instead."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found for one refund line: one verdict for all that came, or `outcomes`."""

    refund_line_id: UUID
    verdict: Verdict | None = None
    received_quantity: int | None = None
    """Units that came; None: all, unless the verdict says that none did."""
    amount: int | None = None
    """With REDUCED only, in minor units."""
    disposition: Disposition | None = None
    reason_id: UUID | None = None
    arrived: str = ""
    note: str = ""
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Granted:
    """An outcome with its price, in minor units, and where its units go."""

    outcome: Outcome
    amount: int
    disposition: Disposition | None


@dataclass(frozen=True, kw_only=True)
class Found:
    """The whole parcel: every refund line, in the order of the findings."""

    lines: Mapping[UUID, tuple[Granted, ...]]
    """Refund line -> its units, those for which something is granted first."""

    @property
    def nothing(self) -> bool:
        """True when nothing that was sent back is worth anything: a person decides."""
        return not any(one.outcome.verdict.granted for one in self._all())

    @property
    def amounts(self) -> dict[UUID, int]:
        """Refund line -> minor units granted."""
        return {line: sum(one.amount for one in units) for line, units in self.lines.items()}

    def in_words(self, locale: str) -> str:
        """How many units were found how, as colleagues read it."""
        counts = dict.fromkeys(Verdict, 0)
        for one in self._all():
            counts[one.outcome.verdict] += one.outcome.quantity
        said = [
            f"{labels.VERDICTS[verdict][locale]} {count}"
            for verdict, count in counts.items()
            if count
        ]
        return ("、" if locale == "zh" else ", ").join([*self._empty(counts, locale), *said])

    def _empty(self, counts: Mapping[Verdict, int], locale: str) -> list[str]:
        if any(count for verdict, count in counts.items() if verdict is not Verdict.MISSING):
            return []
        return ["空包裹" if locale == "zh" else "an empty parcel"]

    def with_verdict(self, verdict: Verdict) -> list[UUID]:
        """The refund lines of which some units have it."""
        return [
            line_id
            for line_id, units in self.lines.items()
            if any(one.outcome.verdict is verdict for one in units)
        ]

    def _all(self) -> Iterator[Granted]:
        return (one for units in self.lines.values() for one in units)


def hardest(units: Sequence[Granted]) -> Verdict:
    """The hardest verdict on a unit that came; when none did, on what is not there."""
    said = [one.outcome.verdict for one in units]
    here = [verdict for verdict in said if verdict.arrived]
    return max(here, key=_RANKS.__getitem__) if here else min(said, key=_RANKS.__getitem__)


def received(units: Sequence[Granted]) -> int:
    """Units of ours that came."""
    return sum(one.outcome.quantity for one in units if one.outcome.verdict.arrived)


def count(findings: Sequence[Finding], lines: Sequence[RefundLine], currency: str) -> Found:
    """Price what was found. Raises NotFound, InvalidInput, and ExceedsRefundable for units that
    would be granted more than was asked for them."""
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
    spelt = {
        finding.refund_line_id: _outcomes(f"lines.{i}", finding, by_id[finding.refund_line_id])
        for i, finding in enumerate(findings)
    }
    return Found(lines={line: _priced(by_id[line], said, currency) for line, said in spelt.items()})


# --- the counting -----------------------------------------------------------------------------


def _outcomes(field: str, finding: Finding, line: RefundLine) -> tuple[Outcome, ...]:
    if finding.outcomes:
        return _counted(field, finding, line)
    if finding.verdict is None:
        raise _wrong(f"{field}.verdict", "None", "a verdict, or outcomes", "验货结论或逐件结果")
    return _told(field, finding, finding.verdict, line)


def _told(field: str, finding: Finding, verdict: Verdict, line: RefundLine) -> tuple[Outcome, ...]:
    """One verdict for all that came; the rest is missing."""
    most = line.quantity if verdict.arrived else 0
    came = most if finding.received_quantity is None else finding.received_quantity
    if not 0 <= came <= most:
        raise _wrong(f"{field}.receivedQuantity", str(came), f"0 to {most}", f"0 到 {most}")
    units = Outcome(
        verdict=verdict,
        quantity=came if verdict.arrived else line.quantity,
        amount=finding.amount,
        disposition=finding.disposition,
        reason_id=finding.reason_id,
        arrived=finding.arrived,
        note=finding.note,
    )
    _check(field, units)
    rest = Outcome(verdict=Verdict.MISSING, quantity=line.quantity - units.quantity)
    return tuple(one for one in (units, rest) if one.quantity)


def _counted(field: str, finding: Finding, line: RefundLine) -> tuple[Outcome, ...]:
    """Several outcomes, which say everything."""
    if finding.verdict is not None:
        raise _wrong(
            f"{field}.verdict",
            finding.verdict.value,
            "none beside outcomes",
            "填写逐件结果时不再填写整行结论",
        )
    for i, outcome in enumerate(finding.outcomes):
        if outcome.quantity < 1:
            found = str(outcome.quantity)
            raise _wrong(f"{field}.outcomes.{i}.quantity", found, "1 or more", "至少为 1")
        _check(f"{field}.outcomes.{i}", outcome)
    units = sum(outcome.quantity for outcome in finding.outcomes)
    if units != line.quantity:
        raise _wrong(
            f"{field}.outcomes",
            f"{units} units",
            f"{line.quantity} units together",
            f"合计 {line.quantity} 件",
        )
    return finding.outcomes


def _check(field: str, said: Outcome) -> None:
    """Raise InvalidInput where an outcome contradicts itself."""
    if (said.amount is not None) != (said.verdict is Verdict.REDUCED):
        raise _wrong(
            f"{field}.amount",
            str(said.amount),
            "with REDUCED, only then",
            "仅在 REDUCED 时填写，且必须填写",
        )
    if said.amount is not None and said.amount < 0:
        raise _wrong(f"{field}.amount", str(said.amount), "zero or more", "不小于零")
    if said.disposition is not None and not said.verdict.arrived:
        raise _wrong(
            f"{field}.disposition",
            said.disposition.value,
            "none for what is not here",
            "未到货不填写",
        )
    if bool(said.arrived.strip()) != (said.verdict is Verdict.WRONG_ITEM):
        raise _wrong(
            f"{field}.arrivedInstead",
            repr(said.arrived),
            "what came instead, with WRONG_ITEM only",
            "仅在 WRONG_ITEM 时填写实际收到的商品",
        )


def _wrong(field: str, found: str, expected: str, zh: str) -> InvalidInput:
    return InvalidInput(field=field, found=found, expected=expected, zh=zh)


# --- the price --------------------------------------------------------------------------------


def _priced(line: RefundLine, outcomes: Sequence[Outcome], currency: str) -> tuple[Granted, ...]:
    """Units are worth their share of the line, what is granted first; however they are counted
    out, the shares add up to what all of them are worth."""
    units, before, priced = 0, 0, []
    for outcome in sorted(outcomes, key=lambda one: _RANKS[one.verdict]):
        units += outcome.quantity
        upto = share(line.amount, units, line.quantity)
        priced.append(_granted(outcome, upto - before, currency))
        before = upto
    return tuple(priced)


def _granted(outcome: Outcome, worth: int, currency: str) -> Granted:
    if outcome.amount is not None and outcome.amount > worth:
        raise ExceedsRefundable(
            requested=outcome.amount, maximum_refundable=worth, currency=currency
        )
    accepted = worth if outcome.verdict is Verdict.ACCEPTED else 0
    return Granted(
        outcome=outcome,
        amount=accepted if outcome.amount is None else outcome.amount,
        disposition=outcome.disposition or DISPOSITIONS.get(outcome.verdict),
    )
