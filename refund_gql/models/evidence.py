"""Files that show what happened: photos, videos and documents. The bytes lie elsewhere."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.choices import EvidencePurpose, EvidenceStatus
from refund_gql.models.row import ShopRow, choice, moment, reference
from refund_gql.roles import Role


class EvidenceFile(ShopRow):
    """One file of one refund, from its announcement on. STORED only once its bytes are there."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    purpose: EvidencePurpose = choice(EvidencePurpose)
    status: EvidenceStatus = choice(EvidenceStatus)
    name = fields.CharField(max_length=200)
    """What its uploader calls it; shown, and never a path of ours."""
    size = fields.IntField()
    """Bytes: announced, and then exactly so many."""
    media_type = fields.CharField(max_length=100, null=True)
    """What its content is, whatever it was called."""
    sha256 = fields.CharField(max_length=64, null=True)
    """Of its content; stays when the bytes are gone."""
    key = fields.CharField(max_length=100, null=True)
    """Where the bytes lie in the store; None: there are none."""
    secret = fields.CharField(max_length=64)
    """What its tickets are made with, see `tickets`; never shown."""
    role: Role = choice(Role)
    """The uploader's at that moment."""
    uploaded_by = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    uploaded_by_name = fields.CharField(max_length=200, default="")
    started_at: datetime = moment()
    expires_at: datetime = moment()
    """Until when it can be uploaded."""
    uploaded_at: datetime | None = moment(null=True)
    removed_at: datetime | None = moment(null=True)

    class Meta:
        table = "evidence_file"
        indexes = [("status", "started_at")]
        constraints = [
            CheckConstraint(check="size > 0", name="evidence_file_not_empty"),
            CheckConstraint(
                check="status <> 'STORED' OR (key IS NOT NULL AND media_type IS NOT NULL"
                " AND sha256 IS NOT NULL AND uploaded_at IS NOT NULL)",
                name="evidence_file_stored_is_there",
            ),
            CheckConstraint(
                check="(status = 'REMOVED') = (removed_at IS NOT NULL)",
                name="evidence_file_removed_once",
            ),
        ]
