"""Proof that nothing waits for ever: every refund the engine must move has a live job.

A job can be lost in ways the queue does not see (a row deleted by hand, a restored backup).
This sweep compares our rows with the queue's, in the same database, and enqueues what is
missing. A non-empty result is an alarm; running it twice does no harm.
"""

import structlog

from refund_gql import database, jobs
from refund_gql.database import Transaction

_log = structlog.get_logger(__name__)

_DUE = """
    select 'classify' as kind, id as subject, 'classify:' || id || ':1' as key
      from refund where status = 'REQUESTED'
    union all
    select 'pay', id, 'pay:' || id || ':' || attempts + 1 from payout
     where status in ('READY', 'SENDING', 'UNKNOWN', 'PROCESSING') and not superseded
    union all
    select 'overdue', id, 'overdue:' || id || ':missing' from exposure where released_at is null
    union all
    select 'webhook', id, 'webhook:' || id from webhook_message where handled_at is null
"""
"""Kind, subject and key of every job that the flow's own rows wait for."""

_MISSING = """
with due as ({due})
select due.* from due
 where not exists (
    select from pgqueuer job
     where job.entrypoint = due.kind and job.payload = convert_to(due.subject, 'UTF8')
 )
 limit 1000
"""
_HELD = "select entrypoint, convert_from(payload, 'UTF8') from pgqueuer where status = 'failed'"


async def reconcile(*others: str) -> int:
    """Enqueue every missing job; returns how many were missing. Held jobs are only reported.

    `others` are selects of kind, subject and key like `_DUE`, for rows that are not the flow's.
    """
    selects = (f"select kind, subject::text, key from ({due}) due" for due in (_DUE, *others))  # noqa: S608 - our own texts
    sql = _MISSING.format(due=" union all ".join(selects))

    async def work(tx: Transaction) -> int:
        missing = await tx.execute_query_dict(sql)
        for row in missing:
            await jobs.enqueue(tx, row["kind"], row["subject"], key=row["key"])
        return len(missing)

    missing = await database.transaction(work)
    if missing:
        _log.error("jobs were missing and have been enqueued again", count=missing)
    for held in await database.fetch(_HELD):
        _log.error("a job gave up and is held", kind=held[0], subject=held[1])
    return missing


async def trim() -> None:
    """Forget the queue's log of finished jobs."""
    await database.transaction(jobs.trim_log)
