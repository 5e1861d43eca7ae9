"""Evidence: files that the people of a refund add to it.

A row says that a file will come (`start`). Its bytes go to the store, under a key that no row
names yet. Then the row takes the key (`keep`), and only from then on there is a file. Whatever is
cut off before that leaves nothing but `leftovers`.
"""

from dataclasses import dataclass
from uuid import UUID, uuid5

from refund_gql import clock, database, tickets, validation
from refund_gql.auth import Viewer
from refund_gql.choices import EvidencePurpose, EvidenceStatus
from refund_gql.errors import InvalidInput, NotAllowed, NotFound
from refund_gql.events import EventType
from refund_gql.flow import journal
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import EvidenceFile
from refund_gql.roles import Role, Scope
from refund_gql.settings import Settings
from refund_gql.states import FINAL, RefundStatus

JOB = "evidence"
MAX_NAME = 200
_IDS = UUID("6d1f3c52-98ab-5f0e-8a34-2f6f0b7f9d11")
"""The namespace of the files that are announced; never changes."""

_ASKERS = (Role.CUSTOMER, Role.SERVICE, Role.OWNER, Role.AGENT)
PEOPLE = frozenset({*_ASKERS, Role.WAREHOUSE})
"""Who adds files."""
_PURPOSES = {
    **dict.fromkeys(_ASKERS, (EvidencePurpose.REQUEST, EvidencePurpose.EVIDENCE)),
    Role.OWNER: tuple(EvidencePurpose),
    Role.WAREHOUSE: (EvidencePurpose.INSPECTION,),
}
"""Role -> what its files can show."""


class NotAwaited(Exception):
    """The file is there already, or nobody waits for it any more."""


@dataclass(frozen=True, kw_only=True)
class StartUpload:
    """A file that will come; `size` in bytes."""

    refund_id: UUID
    purpose: EvidencePurpose
    name: str
    size: int
    expected_version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """What came, and where it lies."""

    key: str
    media_type: str
    sha256: str


# --- announcing -------------------------------------------------------------------------------


async def start(viewer: Viewer, asked: StartUpload, settings: Settings, *, once: Once) -> UUID:
    """Announce a file; returns its id. It can be uploaded for `tickets.WRITING`.

    Raises NotFound, NotAllowed, StaleVersion, IdempotencyConflict, and InvalidInput for a file
    that is too large, one too many, or comes too late.
    """
    viewer.require(*sorted(PEOPLE), scope=Scope.REFUNDS)
    _refuse_purpose(viewer.role, asked.purpose)
    validation.whole("size", asked.size, least=1, most=settings.file_max_bytes)
    name = cleaned(asked.name)
    file_id = uuid5(_IDS, f"{viewer.shop_id}:{once.key}")

    async def work(change: Change) -> None:
        _refuse_finished(change, asked.purpose)
        await _refuse_full(change, settings.files_per_refund, awaited=True)
        await EvidenceFile.create(
            using_db=change.tx,
            id=file_id,
            shop_id=change.refund.shop_id,
            refund_id=change.refund.id,
            purpose=asked.purpose,
            status=EvidenceStatus.PENDING,
            name=name,
            size=asked.size,
            secret=tickets.new_secret(),
            role=viewer.role,
            uploaded_by=viewer.actor,
            uploaded_by_name=viewer.name,
            started_at=change.now,
            expires_at=change.now + tickets.WRITING,
        )

    await journal.change(
        viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
    )
    return file_id


def purposes(role: Role, status: RefundStatus) -> tuple[EvidencePurpose, ...]:
    """What a new file of this role's can show where the refund stands; pure."""
    possible = _PURPOSES.get(role, ())
    return tuple(purpose for purpose in possible if not _too_late(status, purpose))


def _too_late(status: RefundStatus, purpose: EvidencePurpose) -> bool:
    """What the warehouse finds may come after the money; for the rest the matter is closed."""
    return purpose is not EvidencePurpose.INSPECTION and status in FINAL


def _refuse_purpose(role: Role, purpose: EvidencePurpose) -> None:
    possible = _PURPOSES[role]
    if purpose not in possible:
        raise InvalidInput(
            field="purpose",
            found=purpose.value,
            expected=" or ".join(possible),
            zh="或".join(possible),
        )


def cleaned(name: str) -> str:
    """A file's name without the folders it came from, and without what no one can read."""
    last = validation.printable(name, longest=10_000).replace("\\", "/").rpartition("/")[2]
    shown = last.strip(" .")
    if not shown:
        raise InvalidInput(
            field="name",
            found=name[:40],
            expected="the name of a file, such as photo.jpg",
            zh="文件名，例如 photo.jpg",
        )
    return validation.text("name", shown, longest=MAX_NAME)


def _refuse_finished(change: Change, purpose: EvidencePurpose) -> None:
    refund = change.refund
    if _too_late(refund.status, purpose):
        raise InvalidInput(
            field="refundId",
            found=refund.status.value,
            expected="a refund that is not over yet",
            zh="尚未结束的退款单",
        )


async def _refuse_full(change: Change, most: int, *, awaited: bool) -> None:
    files = EvidenceFile.filter(refund_id=change.refund.id).using_db(change.tx)
    count = await files.filter(status=EvidenceStatus.STORED).count()
    if awaited:
        coming = files.filter(status=EvidenceStatus.PENDING, expires_at__gt=change.now)
        count += await coming.count()
    if count >= most:
        raise InvalidInput(
            field="refundId",
            found=f"{count} files",
            expected=f"a refund with fewer than {most} files: remove one first",
            zh=f"文件少于 {most} 个的退款单；请先删除一个文件",
        )


# --- the bytes --------------------------------------------------------------------------------


async def find(settings: Settings, file_id: UUID, method: str, ticket: str) -> EvidenceFile | None:
    """The file that a ticket admits to; None without one, whether or not there is a file."""
    file = await database.read(EvidenceFile.filter(id=file_id).first)
    if file is None:
        return None
    admitted = tickets.admits(settings, file.secret, method, file_id, ticket, clock.now())
    return file if admitted else None


async def keep(settings: Settings, file: EvidenceFile, arrived: Arrived) -> None:
    """The bytes are in the store: from now on the refund has the file.

    Raises NotAwaited when somebody was first, and InvalidInput as `start` does.
    """

    async def work(change: Change) -> None:
        rows = EvidenceFile.filter(
            id=file.id, refund_id=change.refund.id, status=EvidenceStatus.PENDING
        )
        row = await rows.using_db(change.tx).first()
        if row is None:
            raise NotAwaited
        _refuse_finished(change, row.purpose)
        await _refuse_full(change, settings.files_per_refund, awaited=False)
        row.status, row.uploaded_at = EvidenceStatus.STORED, change.now
        row.key, row.media_type, row.sha256 = arrived.key, arrived.media_type, arrived.sha256
        await row.save(using_db=change.tx)
        added = {"file": str(row.id), "purpose": row.purpose.value, "size": row.size}
        await change.record(EventType.EVIDENCE_ADDED, added)

    await journal.change(_uploader(file), file.refund_id, work)


def _uploader(file: EvidenceFile) -> Viewer:
    """Whoever announced it, as they were then."""
    owner = file.uploaded_by.partition(":")[2]
    return Viewer(
        shop_id=file.shop_id,
        role=file.role,
        id=UUID(owner),
        name=file.uploaded_by_name,
        scopes=frozenset({Scope.REFUNDS}),
    )


# --- afterwards -------------------------------------------------------------------------------


async def require_given(change: Change, files: tuple[UUID, ...]) -> None:
    """Raise NotFound unless each is a file of this refund that customers see."""
    rows = EvidenceFile.filter(
        id__in=files,
        refund_id=change.refund.id,
        status=EvidenceStatus.STORED,
        purpose__not=EvidencePurpose.INSPECTION,
    )
    known = set(await rows.using_db(change.tx).values_list("id", flat=True))
    for file_id in files:
        if file_id not in known:
            raise NotFound(kind="EvidenceFile", id=str(file_id))


async def remove(viewer: Viewer, file_id: UUID, *, once: Once) -> UUID:
    """Take a file back: the row stays, the bytes go; returns its id.

    Raises NotFound, IdempotencyConflict, and NotAllowed for anybody but its uploader and the
    owner.
    """
    viewer.require(*sorted(PEOPLE), scope=Scope.REFUNDS)
    rows = EvidenceFile.filter(id=file_id, shop_id=viewer.shop_id)
    found = await database.read(rows.first)
    if found is None:
        raise NotFound(kind="EvidenceFile", id=str(file_id))

    async def work(change: Change) -> None:
        stored = rows.filter(refund_id=change.refund.id, status=EvidenceStatus.STORED)
        row = await stored.using_db(change.tx).first()
        if row is None or (viewer.customer_id and row.purpose is EvidencePurpose.INSPECTION):
            raise NotFound(kind="EvidenceFile", id=str(file_id))
        if viewer.role is not Role.OWNER and viewer.actor != row.uploaded_by:
            raise NotAllowed(reason="UPLOADER")
        row.status, row.removed_at = EvidenceStatus.REMOVED, change.now
        await row.save(using_db=change.tx, update_fields=["status", "removed_at"])
        await change.record(EventType.EVIDENCE_REMOVED, {"file": str(row.id)})
        await change.enqueue(JOB, row.id, key=f"{JOB}:{row.id}")

    await journal.change(viewer, found.refund_id, work, once=once)
    return file_id
