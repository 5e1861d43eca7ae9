"""What was refused: one row of the file, one field, one reason."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from refund_gql.importing.failure import CannotImport

ROW = "row"
"""Stands for the field when the row as a whole is to blame."""
_LONGEST = 200


class Reject(NamedTuple):
    """Why one row was not imported."""

    row: int
    """1 is the first row of data; a header and empty lines do not count."""
    field: str
    found: str
    """The text in the file; what cannot be printed is escaped."""
    reason: str

    def __str__(self) -> str:
        found = f" '{self.found}'" if self.found else ""
        return f"row {self.row}, {self.field}:{found} {self.reason}"


def reject(index: int, field: str, found: object, reason: str) -> Reject:
    """The rejection of the row at `index`, which counts from 0."""
    text = "" if found is None else str(found)
    printable = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return Reject(index + 1, field, printable[:_LONGEST], reason)


def write(path: Path, rejects: Iterable[Reject]) -> None:
    """Write the rejected rows as CSV. Raises CannotImport."""
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("row", "field", "found", "reason"))
            writer.writerows(rejects)
    except OSError as error:
        raise CannotImport(f"{path}: cannot be written: {error.strerror}") from error
