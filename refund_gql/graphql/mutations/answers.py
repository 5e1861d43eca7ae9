"""From a flow function's result to a mutation's answer."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from uuid import UUID

from refund_gql import validation
from refund_gql.auth import Viewer
from refund_gql.errors import Refusal
from refund_gql.flow.once import MAX_KEY, Once
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.sources import Node

MAX_TEXT = 4000


async def answer(info: Info, kind: type[Node], work: Callable[[Viewer], Awaitable[UUID]]) -> Any:
    """The object the work made or changed, read after its commit; or the problem."""
    try:
        changed = await work(info.context.known_viewer)
    except Refusal as refusal:
        return problems.of(refusal, info.context.locale)
    row = await info.context.rows.fresh(kind.table, changed)
    assert row is not None, "what a viewer changed, the viewer sees"
    return kind(row=row)


class _Keyed(Protocol):
    idempotency_key: str


def once(operation: str, input: _Keyed) -> Once:
    """The operation that an input's key names. Raises InvalidInput for a key nobody can keep."""
    content = dataclasses.asdict(input)  # type: ignore[call-overload] # inputs are dataclasses
    key = validation.text("idempotencyKey", content.pop("idempotency_key"), longest=MAX_KEY)
    return Once(key=key, operation=operation, input=content)


def words(field: str, text: str) -> str:
    """Free text of at most MAX_TEXT characters, possibly none."""
    return validation.text(field, text, longest=MAX_TEXT, required=False)
