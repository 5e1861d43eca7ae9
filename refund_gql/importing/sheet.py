"""A table seen through a mapping: typed values by field, and what was left out and why."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from refund_gql.importing.condition import Condition, Skip
from refund_gql.importing.mapping import Mapping
from refund_gql.importing.rejection import ROW, Reject, reject
from refund_gql.importing.source import Locale, Source, as_text
from refund_gql.importing.table import Table


@dataclass(kw_only=True)
class Sheet:
    """The rows of a file by their index, which counts from 0."""

    total: int
    kept: list[int]
    """The rows that no skip rule leaves out."""
    skipped: dict[str, int]
    """Rule -> how many rows it left out."""
    values: dict[str, list[Any]] = field(default_factory=dict)
    """Field -> its value in each row of the file; None where there is none."""
    rejects: list[Reject] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)
    """The rejected rows."""

    def __getitem__(self, name: str) -> list[Any]:
        return self.values[name]

    def refuse(self, index: int, field: str, found: object, reason: str) -> None:
        """Reject one row."""
        self.bad.add(index)
        self.rejects.append(reject(index, field, found, reason))

    def refuse_all(self, indices: Iterable[int], found: object, reason: str) -> None:
        """Reject those rows of one order or refund that are not rejected yet."""
        for index in indices:
            if index not in self.bad:
                self.refuse(index, ROW, found, reason)

    def groups(self, *, whole: bool) -> dict[str, list[int]]:
        """Number -> its good rows, wherever they stand, in the order of the file.

        With `whole`, one bad row takes all rows of its number with it.
        """
        numbers, groups = self["number"], dict[str, list[int]]()
        for index in self.kept:
            if numbers[index] is not None:
                groups.setdefault(numbers[index], []).append(index)
        good = {number: self._good(number, rows, whole=whole) for number, rows in groups.items()}
        return {number: rows for number, rows in good.items() if rows}

    def _good(self, number: str, rows: list[int], *, whole: bool) -> list[int]:
        bad = self.bad.intersection(rows)
        if bad and whole:
            self.refuse_all(rows, number, f"falls with row {min(bad) + 1} of the same number")
            return []
        return [index for index in rows if index not in bad] if bad else rows


def read(table: Table, mapping: Mapping) -> Sheet:
    """Apply the skip rules, and convert every field of the rows that are left."""
    rules = _skipping(table, mapping.skip)
    counts = Counter(rules)
    sheet = Sheet(
        total=len(rules),
        kept=[index for index, rule in enumerate(rules) if rule is None],
        skipped={rule.name: counts[rule.name] for rule in mapping.skip},
    )
    for index, reason in table.torn.items():
        sheet.refuse(index, ROW, None, reason)
    sheet.values = {name: [None] * sheet.total for name in type(mapping.fields).model_fields}
    for name, source in mapping.fields.sources():
        column = _Column(name, source, mapping.fields.required(name), mapping.locale)
        sheet.values[name] = column.values(table, sheet)
    return sheet


class _Fault(NamedTuple):
    """Takes the place of a value that cannot be had."""

    found: str | None
    reason: str


class _Column(NamedTuple):
    """One field on its way from the file's cells to the engine's values."""

    name: str
    source: Source
    required: bool
    locale: Locale

    def values(self, table: Table, sheet: Sheet) -> list[Any]:
        if self.source.column is None:
            return [self._convert(self.source.constant)] * sheet.total
        values = table.spread(self.source.column, self._convert)
        for index in sheet.kept:
            if isinstance(fault := values[index], _Fault):
                values[index] = None
                if index not in table.torn:
                    sheet.refuse(index, self.name, fault.found, fault.reason)
        return values

    def _convert(self, cell: object) -> Any:
        text = as_text(cell) or as_text(self.source.default)
        if text is None:
            return _Fault(None, "is missing") if self.required else None
        try:
            return self.source.convert(text, self.locale)
        except ValueError as error:
            return _Fault(text, str(error))


def _skipping(table: Table, rules: Sequence[Skip]) -> list[str | None]:
    """For each row, the name of the first rule that leaves it out."""
    names: list[str | None] = [None] * table.cells.height
    for rule in rules:
        when, unless = _all_hold(table, rule.when), _all_hold(table, rule.unless)
        for index, name in enumerate(names):
            left_out = (not rule.when or when[index]) and not (rule.unless and unless[index])
            # The cells of a torn row may stand under the wrong headings.
            if name is None and left_out and index not in table.torn:
                names[index] = rule.name
    return names


def _all_hold(table: Table, conditions: Sequence[Condition]) -> list[bool]:
    tests = [table.spread(condition.column, condition.holds) for condition in conditions]
    return [all(results) for results in zip(*tests, strict=True)]
