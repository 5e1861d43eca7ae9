"""What people at a desk write: notes to each other, and the texts they send again and again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from refund_gql.choices import NoteKind
from refund_gql.models.row import ShopRow, choice, listing, mapping, moment, reference


class RefundNote(ShopRow):
    """A word between colleagues about a refund; no customer ever reads it. Append-only."""

    shop: Any = reference("Shop")
    refund: Any = reference("Refund")
    refund_id: UUID
    version = fields.IntField()
    """Of the refund's event that was written with it."""
    kind: NoteKind = choice(NoteKind)
    text = fields.TextField()
    author = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    author_name = fields.CharField(max_length=200, default="")
    at: datetime = moment()

    class Meta:
        table = "refund_note"
        unique_together = (("refund", "version"),)


class Script(ShopRow):
    """A canned text (话术). What it says stands in its newest version."""

    shop: Any = reference("Shop")
    code = fields.CharField(max_length=64)
    """Stable; never changes."""
    version = fields.IntField(default=1)
    """The number of the version that speaks."""
    created_at: datetime = moment()
    retired_at: datetime | None = moment(null=True)

    class Meta:
        table = "script"
        unique_together = (("shop", "code"),)
        constraints = [CheckConstraint(check="version > 0", name="script_version_positive")]


class ScriptVersion(ShopRow):
    """What a canned text says, or said. Never edited."""

    shop: Any = reference("Shop")
    script: Any = reference("Script")
    script_id: UUID
    number = fields.IntField()
    """From 1."""
    texts: Any = mapping()
    """Locale -> {title, body}; the body is a template."""
    reasons: Any = listing()
    """Codes of the reason tags it is for; empty: for any."""
    desks: Any = listing()
    """The desks it is for; empty: for any."""
    author = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    author_name = fields.CharField(max_length=200, default="")
    created_at: datetime = moment()

    class Meta:
        table = "script_version"
        unique_together = (("script", "number"),)


class ScriptUse(ShopRow):
    """A canned text that was used for a refund. Append-only."""

    shop: Any = reference("Shop")
    script: Any = reference("Script")
    script_id: UUID
    number = fields.IntField()
    """Of the version that spoke."""
    refund: Any = reference("Refund")
    refund_id: UUID
    version = fields.IntField()
    """Of the refund's event that was written with it."""
    used_by = fields.CharField(max_length=64)
    """KIND:id, as in events."""
    at: datetime = moment()

    class Meta:
        table = "script_use"
        unique_together = (("refund", "version"),)
