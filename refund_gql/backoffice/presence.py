"""Who works in the shop at all, and who is at work now."""

from uuid import UUID

from refund_gql import database, jobs
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.desks import PEOPLE
from refund_gql.errors import InvalidInput, NotAllowed, NotFound
from refund_gql.models import Staff
from refund_gql.roles import Role


async def set_available(viewer: Viewer, available: bool, staff_id: UUID | None = None) -> UUID:
    """Say whether somebody is at work, so that cases may be dealt out to them: oneself, or a
    colleague of an owner's. Raises NotAllowed, NotFound."""
    viewer.require(*sorted(PEOPLE))
    staff_id = staff_id or viewer.staff_id
    if staff_id != viewer.staff_id and viewer.role is not Role.OWNER:
        raise NotAllowed(reason="NOT_YOURSELF")

    async def work(tx: Transaction) -> UUID:
        person = await _locked(tx, viewer, staff_id, active=True)
        person.available = available
        await person.save(using_db=tx, update_fields=["available"])
        return person.id

    return await database.transaction(work)


async def set_active(viewer: Viewer, staff_id: UUID, active: bool) -> UUID:
    """Let somebody work here no longer, or again. Their tokens stop at once, and their cases go
    back to the queues. Raises NotAllowed, NotFound, and InvalidInput for oneself."""
    viewer.require(Role.OWNER)
    if staff_id == viewer.staff_id:
        raise InvalidInput(
            field="staffId", found="yourself", expected="a colleague", zh="其他同事，而非本人"
        )

    async def work(tx: Transaction) -> UUID:
        person = await _locked(tx, viewer, staff_id)
        if person.active is not active:
            person.active, person.available = active, False
            await person.save(using_db=tx, update_fields=["active", "available"])
            if not active:
                await jobs.enqueue(tx, "vacate", person.id, key=f"vacate:{person.id}")
        return person.id

    return await database.transaction(work)


async def _locked(tx: Transaction, viewer: Viewer, staff_id: UUID | None, **which: bool) -> Staff:
    people = Staff.filter(id=staff_id, shop_id=viewer.shop_id, **which).using_db(tx)
    person = await people.select_for_update(no_key=True).first()
    if person is None:
        raise NotFound(kind="Staff", id=str(staff_id))
    return person
