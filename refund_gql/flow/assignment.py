"""Who looks after a refund while it waits at a desk: taken, handed over, or dealt out by load.

One person at a time. Whoever of the staff acts on a case that nobody has looks after it from
then on (`Change.take`); when it comes to a desk where they cannot act, they let go of it
(`queueing`).
"""

from dataclasses import dataclass
from uuid import UUID

from refund_gql import database, labels
from refund_gql.auth import Viewer, system
from refund_gql.choices import NoteKind
from refund_gql.desks import PEOPLE, WORKERS, Desk
from refund_gql.errors import AlreadyTaken, InvalidInput, NotAllowed, NotFound, NotWaiting
from refund_gql.events import EventType
from refund_gql.flow import journal, makers, notes, queueing
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Refund, Staff
from refund_gql.roles import Role

MISSING = """
select 'assign' as kind, id as subject, 'assign:' || id || ':missing' as key
  from refund where desk is not null and assign_wanted
 union all
select 'vacate', s.id, 'vacate:' || s.id || ':missing' from staff s
 where not s.active and exists (
       select from refund r where r.assignee_id = s.id and r.desk is not null)
"""
"""The cases that nobody was given although somebody was to be, for the reconciler."""

# Without it, two that are dealt out at once would both go to whoever has the fewest.
_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('desk:' || $1 || ':' || $2, 0))"
_LEAST_BUSY = """
select s.id from staff s
 where s.shop_id = $1 and s.active and s.available and s.role = any($2::text[])
   and not 'STAFF:' || s.id = any($3::text[])
 order by (select count(*) from refund r
            where r.shop_id = s.shop_id and r.assignee_id = s.id and r.desk = $4),
       s.last_case_at nulls first, s.id
 limit 1
"""


@dataclass(frozen=True, kw_only=True)
class HandOver:
    """Who is to look after a refund; None gives it back to the queue."""

    refund_id: UUID
    staff_id: UUID | None
    reason: str = ""
    """For colleagues; kept as a note."""
    expected_version: int | None = None


async def take(
    viewer: Viewer, refund_id: UUID, *, once: Once, expected_version: int | None = None
) -> UUID:
    """Look after a refund that nobody has; one's own stays as it is.

    Raises NotAllowed, NotFound, NotWaiting, AlreadyTaken, StaleVersion, IdempotencyConflict.
    """
    viewer.require(*sorted(PEOPLE))

    async def work(change: Change) -> None:
        desk = _require_desk(change)
        if change.refund.assignee_id == viewer.staff_id:
            return
        await _require_free(change)
        me = await Staff.filter(id=viewer.staff_id).using_db(change.tx).get()
        if not await queueing.can_act(change.tx, change.refund, desk, me):
            raise _decided_before(desk)
        await _give(change, me)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def assign(viewer: Viewer, asked: HandOver, *, once: Once) -> UUID:
    """Give a case to a colleague of its desk, or back to the queue, where it stays until somebody
    takes it. For an owner, for whoever has the case, and for all its desk while nobody has it.

    Raises NotAllowed, NotFound, NotWaiting, AlreadyTaken, InvalidInput, StaleVersion,
    IdempotencyConflict.
    """
    viewer.require(*sorted(PEOPLE))

    async def work(change: Change) -> None:
        desk, holder = _require_desk(change), change.refund.assignee_id
        if viewer.role is not Role.OWNER and holder != viewer.staff_id:
            await _require_free(change)
        if asked.staff_id == holder:
            return
        if asked.staff_id is None:
            await _let_go(change)
        else:
            await _give(change, await _colleague(change, desk, asked.staff_id))
        if asked.reason:
            await notes.keep(change, NoteKind.HANDOVER, asked.reason)

    return await journal.change(
        viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
    )


# --- by the engine ----------------------------------------------------------------------------


async def deal(refund_id: UUID) -> None:
    """The job `assign`: give a case to whoever is at work, can act on it, and has the fewest of
    its desk; of several, to who has waited longest for one. With nobody there it stays in the
    queue. Cases of one desk are dealt out one after the other; a second run does nothing.
    """
    refund = await Refund.get(id=refund_id)

    async def work(change: Change) -> None:
        if not change.refund.assign_wanted:
            return
        person = await _least_busy(change)
        if person is None:
            change.refund.assign_wanted = False
            await change.refund.save(using_db=change.tx, update_fields=["assign_wanted"])
        else:
            await _give(change, person)

    if refund.assign_wanted:
        await journal.change(system(refund.shop_id), refund_id, work)


async def vacate(staff_id: UUID) -> None:
    """The job `vacate`: the cases of somebody who has left go back to their queues."""
    person = await Staff.get(id=staff_id)
    held = Refund.filter(shop_id=person.shop_id, assignee_id=staff_id, desk__not_isnull=True)
    for refund_id in await database.read(lambda: held.values_list("id", flat=True)):
        await journal.change(system(person.shop_id), UUID(str(refund_id)), _leaving(staff_id))


def _leaving(staff_id: UUID) -> journal.Work:
    async def work(change: Change) -> None:
        gone = Staff.filter(id=staff_id, active=False).using_db(change.tx)
        if change.refund.assignee_id != staff_id or not await gone.exists():
            return
        await _let_go(change)
        change.refund.assign_wanted = await queueing.dealt_out(change.tx, change.refund)

    return work


async def _least_busy(change: Change) -> Staff | None:
    refund, tx = change.refund, change.tx
    desk = refund.desk
    assert desk is not None, "the database deals out at desks only"
    await tx.execute_query(_ONE_AT_A_TIME, [str(refund.shop_id), desk.value])
    if not await queueing.dealt_out(tx, refund):
        return None
    barred = await makers.barred(tx, refund, desk)
    roles = [role.value for role in WORKERS[desk]]
    found = await tx.execute_query_dict(
        _LEAST_BUSY, [refund.shop_id, roles, sorted(barred), desk.value]
    )
    return await Staff.filter(id=found[0]["id"]).using_db(tx).get() if found else None


# --- one case ---------------------------------------------------------------------------------


async def _give(change: Change, person: Staff) -> None:
    before = change.refund.assignee_id
    change.refund.assignee_id, change.refund.assign_wanted = person.id, False
    await Staff.filter(id=person.id).using_db(change.tx).update(last_case_at=change.now)
    moved = {"staff": str(person.id), "before": str(before) if before else None}
    await change.record(EventType.ASSIGNED, moved)


async def _let_go(change: Change) -> None:
    before = change.refund.assignee_id
    change.refund.assignee_id = None
    await change.record(EventType.UNASSIGNED, {"before": str(before)})


def _require_desk(change: Change) -> Desk:
    """Where the refund waits, which must be where the viewer works."""
    refund = change.refund
    if refund.desk is None:
        raise NotWaiting(status=refund.status.value)
    change.viewer.require(*sorted(WORKERS[refund.desk]))
    return refund.desk


async def _require_free(change: Change) -> None:
    holder = await Staff.filter(id=change.refund.assignee_id).using_db(change.tx).first()
    if holder is not None:
        raise AlreadyTaken(taken_by=holder.name)


async def _colleague(change: Change, desk: Desk, staff_id: UUID) -> Staff:
    people = Staff.filter(id=staff_id, shop_id=change.viewer.shop_id, active=True)
    person = await people.using_db(change.tx).first()
    if person is None:
        raise NotFound(kind="Staff", id=str(staff_id))
    if person.role not in WORKERS[desk]:
        raise _works_elsewhere(person, desk)
    if not await queueing.can_act(change.tx, change.refund, desk, person):
        raise _decided_before(desk)
    return person


def _decided_before(desk: Desk) -> NotAllowed:
    """Of two people that have to agree, one is the other's check."""
    return NotAllowed(reason="OWN_PROPOSAL" if desk is Desk.FINANCE else "OTHER_REVIEWER")


def _works_elsewhere(person: Staff, desk: Desk) -> InvalidInput:
    place, role = labels.DESKS[desk], labels.ROLES[person.role]
    return InvalidInput(
        field="staffId",
        found=role["en"],
        expected=f"somebody who works at the desk: {place['en']}",
        zh=f"可处理“{place['zh']}”的同事",
    )
