"""What uploads and removals leave behind: rows that nothing came of, bytes that no row names."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from refund_gql import clock, database
from refund_gql.choices import EvidenceStatus
from refund_gql.database import Transaction
from refund_gql.models import EvidenceFile, Shop
from refund_gql.storage import Storage

_log = structlog.get_logger(__name__)

AGE = timedelta(days=1)
"""How old a leftover is before it is taken for one; no upload takes as long."""

MISSING = """
select 'evidence' as kind, id::text as subject, 'evidence:' || id || ':missing' as key
  from evidence_file where status = 'REMOVED' and key is not null
"""
"""The removed files whose bytes may still be there, for the reconciler."""

_FORGET = "delete from evidence_file where status = 'PENDING' and started_at < $1"
_NAMED = "select key from evidence_file where shop_id = $1 and key = any($2)"


async def discard(store: Storage, file_id: UUID) -> None:
    """The job `evidence`: the bytes of a removed file go. A second run does nothing."""
    file = await EvidenceFile.get(id=file_id)
    if file.status is not EvidenceStatus.REMOVED or file.key is None:
        return
    await store.delete(file.key)

    async def work(tx: Transaction) -> None:
        await EvidenceFile.filter(id=file_id).using_db(tx).update(key=None)

    await database.transaction(work)


async def sweep(store: Storage) -> None:
    """Forget announced files that never came, and bytes that no row ever named."""
    before = clock.now() - AGE

    async def work(tx: Transaction) -> None:
        await tx.execute_query(_FORGET, [before])

    await database.transaction(work)
    for shop_id in await database.read(lambda: Shop.all().values_list("id", flat=True)):
        for key in await _orphans(store, UUID(str(shop_id)), before):
            await store.delete(key)
            _log.info("bytes of an upload that was cut off are gone", key=key)


async def _orphans(store: Storage, shop_id: UUID, before: datetime) -> list[str]:
    old = [key for key in await store.keys(str(shop_id)) if _is_old(key, before)]
    rows = await database.fetch(_NAMED, shop_id, old) if old else []
    return sorted(set(old) - {row["key"] for row in rows})


def _is_old(key: str, before: datetime) -> bool:
    """True for what an upload stored before that moment, by the time in its key; a file that
    somebody else has put there is none of ours."""
    try:
        made = UUID(key.rpartition("/")[2])
    except ValueError:
        return False
    # A version 7 UUID begins with 48 bits of milliseconds since 1970 (RFC 9562).
    return datetime.fromtimestamp((made.int >> 80) / 1000, UTC) < before
