"""What an import did, for people and for programs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from refund_gql.importing.reading import Reading
from refund_gql.money import Money

_SHOWN = 10
"""Rejections that the printed report names; the file of `--rejects` has all of them."""
_LISTED = 100
"""Rejections in the JSON report."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The same for a dry run, for a real one, and for one that went on after a kill."""

    shop: str
    reading: Reading[Any]
    counts: Counter[str]
    """What all chunks brought: `rows`, `orders`, `amount` and so on."""
    dry_run: bool
    already_imported: bool = False
    """The very file was imported with the very mapping before; nothing was done."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON; amounts are minor units of `currency`."""
        reading = self.reading
        return {
            "kind": reading.kind,
            "file": reading.file,
            "shop": self.shop,
            "currency": reading.mapping.currency,
            "dry_run": self.dry_run,
            "already_imported": self.already_imported,
            "rows": {
                "total": reading.rows,
                "imported": self.counts["rows"],
                "existing": self.counts["rows_existing"],
                "skipped": reading.skipped,
                "rejected": reading.rows_rejected,
            },
            "counts": {
                name: self.counts[name] for name in sorted(self.counts) if "rows" not in name
            },
            "rejects": [each._asdict() for each in reading.rejects[:_LISTED]],
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        reading, counts = self.reading, self.counts
        yield f"{reading.file}: {_rows(reading.rows)} for the {reading.kind} of {self.shop}"
        if self.already_imported:
            yield "  already imported with this mapping; this is what it brought then"
        if self.dry_run:
            yield "  dry run: nothing was written"
        yield f"  imported  {_rows(counts['rows'])}, {_number(counts[reading.kind], reading.kind)}"
        yield f"  amount    {Money(amount=counts['amount'], currency=reading.mapping.currency)}"
        if existing := counts[f"{reading.kind}_existing"]:
            yield f"  existing  {_rows(counts['rows_existing'])}, {_number(existing, reading.kind)}"
        for rule, number in reading.skipped.items():
            yield f"  skipped   {_rows(number)}: {rule}"
        if reading.kind == "refunds":
            yield f"  linked    {_rows(counts['lines_linked'])} to the purchase they refund"
        yield f"  created   {self._created()}"
        yield from self._rejections()

    def _created(self) -> str:
        names = ("customers", "products", "captures")
        return ", ".join(_number(self.counts[name], name) for name in names if name in self.counts)

    def _rejections(self) -> Iterator[str]:
        yield f"  rejected  {_rows(self.reading.rows_rejected)}"
        for each in self.reading.rejects[:_SHOWN]:
            yield f"    {each}"
        if (more := len(self.reading.rejects) - _SHOWN) > 0:
            yield f"    and {more:,} more; --rejects FILE.csv writes all of them"


def _rows(number: int) -> str:
    return _number(number, "rows")


def _number(number: int, things: str) -> str:
    return f"{number:,} {things.removesuffix('s') if number == 1 else things}"
