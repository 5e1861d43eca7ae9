"""One operation per idempotency key: the same key and input give the same result, for ever.

The key is reserved in the transaction of the change itself. A refusal is stored with the key
and heard again; a failure that a second try may not meet is not.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from refund_gql import clock, database
from refund_gql.auth import Viewer
from refund_gql.errors import RECORDED, IdempotencyConflict, Refusal
from refund_gql.models import new_id

MAX_KEY = 255


@dataclass(frozen=True, kw_only=True)
class Once:
    """What the caller calls this operation, and everything that makes it this operation."""

    key: str
    operation: str
    input: Mapping[str, Any]

    def fingerprint(self, viewer: Viewer) -> str:
        """SHA-256 over operation, caller and input."""
        content = {"operation": self.operation, "actor": viewer.actor, "input": self.input}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


Work = Callable[[database.Transaction], Awaitable[UUID]]

_RESERVE = """
insert into idempotency_key (id, shop_id, key, fingerprint, created_at)
values ($1, $2, $3, $4, $5) on conflict (shop_id, key) do nothing returning id
"""
_FIND = "select fingerprint, subject_id, problem from idempotency_key where shop_id=$1 and key=$2"
_FINISH = "update idempotency_key set subject_id = $2, problem = $3 where id = $1"


async def run(
    viewer: Viewer, once: Once | None, work: Work, *, refunds: tuple[UUID, ...] = ()
) -> UUID:
    """Run `work` in one transaction, at most once per key; returns the id of what it changed.

    Raises what `work` refuses, or IdempotencyConflict for a key that names another operation.
    """

    async def unit(tx: database.Transaction) -> UUID | Refusal:
        return await (work(tx) if once is None else _guarded(tx, viewer, once, work))

    outcome = await database.transaction(unit, refunds=refunds)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def _guarded(
    tx: database.Transaction, viewer: Viewer, once: Once, work: Work
) -> UUID | Refusal:
    fingerprint, row_id = once.fingerprint(viewer), new_id()
    reserved = await tx.execute_query_dict(
        _RESERVE, [row_id, viewer.shop_id, once.key, fingerprint, clock.now()]
    )
    if not reserved:
        return await _replay(tx, viewer, once, fingerprint)
    try:
        async with database.savepoint(tx):
            subject = await work(tx)
    except Refusal as refusal:
        if not refusal.recorded:
            raise
        await tx.execute_query(_FINISH, [row_id, None, _to_json(refusal)])
        return refusal
    await tx.execute_query(_FINISH, [row_id, subject, None])
    return subject


async def _replay(
    tx: database.Transaction, viewer: Viewer, once: Once, fingerprint: str
) -> UUID | Refusal:
    [row] = await tx.execute_query_dict(_FIND, [viewer.shop_id, once.key])
    if row["fingerprint"] != fingerprint:
        raise IdempotencyConflict()
    if row["problem"] is not None:
        return _from_json(row["problem"])
    return UUID(str(row["subject_id"]))


def _to_json(refusal: Refusal) -> str:
    content = {"code": refusal.code, "path": refusal.path, "data": refusal.data}
    return json.dumps(content, default=str)


def _from_json(text: str) -> Refusal:
    content = json.loads(text)
    return RECORDED[content["code"]](path=tuple(content["path"]), **content["data"])
