"""What colleagues write to each other about a refund; no customer ever reads it."""

from uuid import UUID

from refund_gql import validation
from refund_gql.auth import Viewer
from refund_gql.choices import NoteKind
from refund_gql.desks import PEOPLE
from refund_gql.events import EventType
from refund_gql.flow import journal, script_uses
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import RefundNote

MAX_NOTE = 4_000
"""Characters."""


async def write(
    viewer: Viewer,
    refund_id: UUID,
    text: str,
    *,
    once: Once,
    script_id: UUID | None = None,
    expected_version: int | None = None,
) -> UUID:
    """Write a note, wherever the refund stands; `script_id` names the canned text it came from.

    Raises NotAllowed, NotFound, InvalidInput, StaleVersion, IdempotencyConflict.
    """
    viewer.require(*sorted(PEOPLE))
    text = validation.text("text", text, longest=MAX_NOTE)

    async def work(change: Change) -> None:
        await change.record(EventType.NOTED)
        await keep(change, NoteKind.NOTE, text)
        await script_uses.record(change, script_id)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def keep(change: Change, kind: NoteKind, text: str) -> None:
    """Keep words beside the event that was recorded last: an event itself holds none."""
    await RefundNote.create(
        using_db=change.tx,
        shop_id=change.refund.shop_id,
        refund_id=change.refund.id,
        version=change.refund.version,
        kind=kind,
        text=text,
        author=change.viewer.actor,
        author_name=change.viewer.name,
        at=change.now,
    )
