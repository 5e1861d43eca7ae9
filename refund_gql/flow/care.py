"""The care list (专属维护名单): refunded customers whom somebody should look after.

One open entry per customer, with every refund that brought them there; an entry that was closed
stays as it is, and the next refund opens another.
"""

from enum import StrEnum
from uuid import UUID

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.flow.journal import Change
from refund_gql.models import CareEntry, CareNote, CareRefund, Staff, new_id
from refund_gql.roles import Role

MAX_NOTE = 4_000
_CARERS = (Role.OWNER, Role.AGENT)

# The update locks the open entry, so that it cannot be closed before the refund is on it.
_OPEN = """
insert into care_entry (id, shop_id, customer_id, since) values ($1, $2, $3, $4)
on conflict (customer_id) where closed_at is null do update set since = care_entry.since
returning id
"""


class CareNoteKind(StrEnum):
    """What somebody did about an entry."""

    NOTED = "NOTED"
    CONTACTED = "CONTACTED"
    """The customer was spoken to."""
    ASSIGNED = "ASSIGNED"
    CLOSED = "CLOSED"


async def enter(change: Change) -> None:
    """Put the refund's customer onto the list, or the refund onto the customer's entry."""
    refund = change.refund
    [entry] = await change.tx.execute_query_dict(
        _OPEN, [new_id(), refund.shop_id, refund.customer_id, refund.finished_at]
    )
    await CareRefund.create(
        using_db=change.tx,
        shop_id=refund.shop_id,
        entry_id=entry["id"],
        refund_id=refund.id,
        added_at=change.now,
    )


# --- what staff do ----------------------------------------------------------------------------


async def assign(viewer: Viewer, entry_id: UUID, staff_id: UUID | None) -> UUID:
    """Give an entry to a colleague, or to nobody. Raises NotAllowed, NotFound, InvalidInput."""

    async def work(tx: Transaction) -> UUID:
        entry = await _open_entry(tx, viewer, entry_id)
        name = await _name(tx, viewer, staff_id) if staff_id else ""
        entry.assignee_id = staff_id
        await entry.save(using_db=tx)
        await _record(tx, viewer, entry, CareNoteKind.ASSIGNED, name)
        return entry.id

    viewer.require(*_CARERS)
    return await database.transaction(work)


async def note(viewer: Viewer, entry_id: UUID, text: str, *, contacted: bool) -> UUID:
    """Write down what was found or said; `contacted` when it was said to the customer.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    viewer.require(*_CARERS)
    text = validation.text("text", text, longest=MAX_NOTE)

    async def work(tx: Transaction) -> UUID:
        entry = await _open_entry(tx, viewer, entry_id)
        if contacted:
            entry.contacted_at = clock.now()
            await entry.save(using_db=tx)
        kind = CareNoteKind.CONTACTED if contacted else CareNoteKind.NOTED
        await _record(tx, viewer, entry, kind, text)
        return entry.id

    return await database.transaction(work)


async def close(viewer: Viewer, entry_id: UUID, text: str) -> UUID:
    """Take the customer off the list, with a word why or without. Raises NotAllowed, NotFound,
    InvalidInput."""
    viewer.require(*_CARERS)
    text = validation.text("text", text, longest=MAX_NOTE, required=False)

    async def work(tx: Transaction) -> UUID:
        entry = await _open_entry(tx, viewer, entry_id)
        entry.closed_at = clock.now()
        await entry.save(using_db=tx)
        await _record(tx, viewer, entry, CareNoteKind.CLOSED, text)
        return entry.id

    return await database.transaction(work)


async def _open_entry(tx: Transaction, viewer: Viewer, entry_id: UUID) -> CareEntry:
    rows = CareEntry.filter(id=entry_id, shop_id=viewer.shop_id).using_db(tx)
    entry = await rows.select_for_update().first()
    if entry is None:
        raise NotFound(kind="CareEntry", id=str(entry_id))
    if entry.closed_at is not None:
        raise InvalidInput(
            field="id", found="closed", expected="an entry that is open", zh="未关闭的条目"
        )
    return entry


async def _name(tx: Transaction, viewer: Viewer, staff_id: UUID) -> str:
    rows = Staff.filter(id=staff_id, shop_id=viewer.shop_id, active=True)
    person = await rows.using_db(tx).first()
    if person is None:
        raise NotFound(kind="Staff", id=str(staff_id))
    return person.name


async def _record(
    tx: Transaction, viewer: Viewer, entry: CareEntry, kind: CareNoteKind, text: str
) -> None:
    await CareNote.create(
        using_db=tx,
        shop_id=entry.shop_id,
        entry_id=entry.id,
        kind=kind,
        text=text,
        author=viewer.actor,
        author_name=viewer.name,
        at=clock.now(),
    )
