"""What was imported from files: how far each import got, and which rows it refused."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.models.row import ShopRow, mapping, moment, reference


class ImportRun(ShopRow):
    """One file read with one mapping. Its progress commits together with the rows it counts, so
    an import that was killed goes on behind the last chunk that is really there."""

    shop: Any = reference("Shop")
    kind = fields.CharField(max_length=8)
    """`orders` or `refunds`."""
    file = fields.CharField(max_length=255)
    """The file's name, without its folder."""
    file_sha256 = fields.CharField(max_length=64)
    mapping_sha256 = fields.CharField(max_length=64)
    """Over everything that decides which rows the file turns into."""
    chunks_done = fields.IntField(default=0)
    rows_total = fields.IntField()
    """Rows of the file; those that a skip rule leaves out are part of it."""
    rows_imported = fields.IntField(default=0)
    rows_rejected = fields.IntField()
    counts: Any = mapping()
    """Name -> number: what the committed chunks brought, for the report."""
    started_at: datetime = moment()
    finished_at: datetime | None = moment(null=True)

    class Meta:
        table = "import_run"
        unique_together = (("shop", "kind", "file_sha256", "mapping_sha256"),)
        constraints = [
            CheckConstraint(
                check="chunks_done >= 0 AND rows_imported >= 0 AND rows_rejected >= 0"
                " AND rows_imported + rows_rejected <= rows_total",
                name="import_run_rows_add_up",
            )
        ]


class ImportReject(ShopRow):
    """One reason why one row of a file was not imported."""

    shop: Any = reference("Shop")
    import_run: Any = reference("ImportRun")
    import_run_id: UUID
    row_number = fields.IntField()
    """1 is the first row of data."""
    field = fields.CharField(max_length=64)
    """The field of the mapping, or `row` when the row as a whole is to blame."""
    found = fields.CharField(max_length=200)
    reason = fields.CharField(max_length=300)

    class Meta:
        table = "import_reject"
