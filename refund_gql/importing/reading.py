"""Everything about an import that needs no database: the file, read and judged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from refund_gql import clock, models
from refund_gql.importing import drafting, file, sheet, table
from refund_gql.importing.chunk import Importer
from refund_gql.importing.draft import Draft, OrderDraft, RefundDraft
from refund_gql.importing.failure import BrokenFile
from refund_gql.importing.mapping import Mapping, OrderMapping, RefundMapping
from refund_gql.importing.orders import OrderImporter
from refund_gql.importing.refunds import RefundImporter
from refund_gql.importing.rejection import Reject
from refund_gql.importing.sheet import Sheet

M = TypeVar("M", bound=Mapping)
D = TypeVar("D", bound=Draft)


@dataclass(frozen=True, kw_only=True)
class Reading(Generic[D]):
    """What a file holds according to a mapping."""

    kind: str
    """orders or refunds."""
    file: str
    """The file's name, without its folder."""
    file_sha256: str
    mapping: Mapping
    importer: Callable[[models.Shop], Importer[D]]
    drafts: list[D]
    rows: int
    """Rows of the file."""
    skipped: dict[str, int]
    """Rule -> how many rows it left out."""
    rejects: list[Reject]
    """By row; a row may be there with several fields."""
    rows_rejected: int

    @property
    def rows_drafted(self) -> int:
        """Rows that the drafts are made of."""
        return sum(len(draft.lines) for draft in self.drafts)


def orders(path: Path, mapping: OrderMapping) -> Reading[OrderDraft]:
    """Read orders. Raises Failure."""
    return _read(
        "orders",
        path,
        mapping,
        drafting.orders,
        lambda shop: OrderImporter(shop, mapping, clock.now()),
    )


def refunds(path: Path, mapping: RefundMapping) -> Reading[RefundDraft]:
    """Read refunds. Raises Failure."""
    return _read(
        "refunds",
        path,
        mapping,
        drafting.refunds,
        lambda shop: RefundImporter(shop, mapping, clock.now()),
    )


def _read(
    kind: str,
    path: Path,
    mapping: M,
    draft: Callable[[Sheet, M], list[D]],
    importer: Callable[[models.Shop], Importer[D]],
) -> Reading[D]:
    source = file.read(path)
    cells = table.read(source, mapping.columns(), mapping.separator)
    rows = sheet.read(cells, mapping)
    drafts = draft(rows, mapping)
    rejects = sorted(rows.rejects)
    if rejects and not drafts:
        raise BrokenFile(
            f"{path.name}: none of its rows can be imported. {rejects[0]}. "
            "Is it the right mapping for this file?"
        )
    return Reading(
        kind=kind,
        file=source.name,
        file_sha256=source.sha256,
        mapping=mapping,
        importer=importer,
        drafts=drafts,
        rows=rows.total,
        skipped=rows.skipped,
        rejects=rejects,
        rows_rejected=len(rows.bad),
    )
