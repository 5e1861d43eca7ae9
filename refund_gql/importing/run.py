"""An import from beginning to end, in chunks that survive a kill.

A chunk's rows and the progress they make commit together. Chunks are small, because an open
write transaction holds everybody's event feed back.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import asyncpg
import orjson
from tortoise.exceptions import IntegrityError

from refund_gql import clock, database, models
from refund_gql.database import Transaction
from refund_gql.importing.chunk import Chunk
from refund_gql.importing.copying import CopyTable, connection_of
from refund_gql.importing.draft import Draft
from refund_gql.importing.failure import CannotImport
from refund_gql.importing.progress import Advance
from refund_gql.importing.reading import Reading
from refund_gql.importing.report import Report

D = TypeVar("D", bound=Draft)

CHUNK = 500
"""Orders or refunds per transaction."""
_TRIES = 3
_REJECTS = CopyTable(
    models.ImportReject, "id", "shop_id", "import_run_id", "row_number", "field", "found", "reason"
)
# Last of all statements, so that reading and working out hold nobody's event feed back.
_ADVANCE = """
    update import_run set chunks_done = $2, rows_imported = $3, counts = $4, finished_at = $5
    where id = $1 and chunks_done = $2 - 1 returning true
"""
_BUSY = "another process is importing the same file; wait until it is done"


class Run(Generic[D]):
    """One reading on its way into one shop."""

    def __init__(self, reading: Reading[D], shop: models.Shop) -> None:
        self.reading, self.shop, self.importer = reading, shop, reading.importer(shop)
        drafts = reading.drafts
        self.chunks = [drafts[at : at + CHUNK] for at in range(0, len(drafts), CHUNK)]
        self.counts = Counter[str]()
        self._key: dict[str, Any] = {
            "shop_id": shop.id,
            "kind": reading.kind,
            "file_sha256": reading.file_sha256,
            # The number of a chunk means nothing without its size.
            "mapping_sha256": reading.mapping.sha256(CHUNK),
        }

    async def rehearse(self) -> Report:
        """Work everything out, and write nothing."""
        run = await models.ImportRun.get_or_none(**self._key)
        if run and run.finished_at:
            return self._report(Counter(run.counts), dry_run=True, already_imported=True)
        for drafts in self.chunks:
            self._take(await self.importer.prepare(database.fetch, drafts))
        return self._report(self.counts, dry_run=True)

    async def perform(self, advance: Advance = lambda rows: None) -> Report:
        """Import what is not imported yet; `advance` hears of the rows that are done.

        Raises CannotImport and Unavailable; what was committed by then stays, and the next call
        goes on behind it.
        """
        run = await models.ImportRun.get_or_none(**self._key)
        if run and run.finished_at:
            return self._report(Counter(run.counts), already_imported=True)
        run = run or await self._start()
        self.counts.update(run.counts)
        for number, drafts in enumerate(self.chunks):
            if number >= run.chunks_done:
                await self._import(run, number, drafts)
            advance(sum(len(draft.lines) for draft in drafts))
        return self._report(self.counts)

    async def _start(self) -> models.ImportRun:
        now = clock.now()
        run = models.ImportRun(
            **self._key,
            file=self.reading.file[:255],
            rows_total=self.reading.rows,
            rows_rejected=self.reading.rows_rejected,
            started_at=now,
            finished_at=None if self.chunks else now,
        )

        async def work(tx: Transaction) -> None:
            await run.save(using_db=tx, force_create=True)
            await _REJECTS.write(
                tx,
                [(models.new_id(), self.shop.id, run.id, *each) for each in self.reading.rejects],
            )

        try:
            await database.transaction(work)
        except IntegrityError as error:
            raise CannotImport(f"{self.reading.file}: {_BUSY}") from error
        return run

    async def _import(self, run: models.ImportRun, number: int, drafts: Sequence[D]) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                work = partial(self._write, run, number, drafts)
                self._take(await database.transaction(work))
                return
            except asyncpg.UniqueViolationError:
                # Somebody made one of the orders or customers just now: next time it exists.
                if attempt == _TRIES:
                    raise

    async def _write(
        self, run: models.ImportRun, number: int, drafts: Sequence[D], tx: Transaction
    ) -> Chunk:
        connection = connection_of(tx)
        chunk = await self.importer.prepare(connection.fetch, drafts)
        await chunk.write(tx)
        counts = self.counts + chunk.counts
        finished_at = clock.now() if number + 1 == len(self.chunks) else None
        progress = orjson.dumps(counts).decode()
        if not await connection.fetchval(
            _ADVANCE, run.id, number + 1, counts["rows"], progress, finished_at
        ):
            raise CannotImport(f"{self.reading.file}: {_BUSY}")
        return chunk

    def _take(self, chunk: Chunk) -> None:
        chunk.committed()
        self.counts.update(chunk.counts)

    def _report(
        self, counts: "Counter[str]", *, dry_run: bool = False, already_imported: bool = False
    ) -> Report:
        return Report(
            shop=self.shop.handle,
            reading=self.reading,
            counts=counts,
            dry_run=dry_run,
            already_imported=already_imported,
        )
