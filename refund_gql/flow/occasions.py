"""Why the shop's rules are to be read over a refund, long after its request.

Whoever notices something asks here; the job `react` does the rest (see `reactions`). What counts
as one cause depends on the trigger:

- STATUS_CHANGED: the version of the event that changed the status
- TRACKING_EVENT: the id of the parcel's checkpoint
- CLOCK: the moment of the look
- RISK_CHANGED: the number of the change of what is known of the customer
"""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from refund_gql import jobs
from refund_gql.choices import RuleTrigger
from refund_gql.database import Transaction

_LISTENS = """
select 1 from rule where shop_id = $1 and trigger = $2 and mode <> 'OFF' and deleted_at is null
 limit 1
"""


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """One refund, and why its rules are read; the subject of a job, as text."""

    trigger: RuleTrigger
    refund_id: UUID
    cause: str
    """At most 64 characters."""

    @classmethod
    def of(cls, subject: str) -> Self:
        """What `str` made text of."""
        trigger, refund_id, cause = subject.split(":", 2)
        return cls(trigger=RuleTrigger(trigger), refund_id=UUID(refund_id), cause=cause)

    def __str__(self) -> str:
        return f"{self.trigger}:{self.refund_id}:{self.cause}"


async def listens(tx: Transaction, shop_id: UUID, trigger: RuleTrigger) -> bool:
    """Whether any rule of the shop would be read."""
    return bool(await tx.execute_query_dict(_LISTENS, [shop_id, trigger.value]))


async def ask(
    tx: Transaction, shop_id: UUID, trigger: RuleTrigger, refund_id: UUID, cause: str
) -> None:
    """Have the rules of a trigger read over a refund, if the shop has any; the same cause counts
    once."""
    if await listens(tx, shop_id, trigger):
        await enqueue(tx, Occasion(trigger=trigger, refund_id=refund_id, cause=cause))


async def enqueue(tx: Transaction, occasion: Occasion) -> None:
    """The job `react`, for a shop that is known to listen."""
    await jobs.enqueue(tx, "react", occasion, key=f"react:{occasion}")
