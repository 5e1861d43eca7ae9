"""Why a refund came to be, three times: what the customer stated, what the shop found, and what
lies at the root of it. The first never changes; the others are the shop's to say."""

from dataclasses import dataclass
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.events import EventType
from refund_gql.flow import journal
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import ReasonTag
from refund_gql.roles import Role

MAY_SET = (Role.OWNER, Role.AGENT, Role.WAREHOUSE)


@dataclass(frozen=True, kw_only=True)
class SetReasons:
    """What a colleague says; None leaves a reason as it is."""

    refund_id: UUID
    found_reason_id: UUID | None = None
    root_cause_id: UUID | None = None
    expected_version: int | None = None


async def set_reasons(viewer: Viewer, asked: SetReasons, *, once: Once) -> UUID:
    """Say what was found, or what lies at the root of it; at any time.

    Raises NotAllowed, NotFound, StaleVersion, IdempotencyConflict, and InvalidInput where
    neither is given.
    """
    viewer.require(*MAY_SET)
    if asked.found_reason_id is None and asked.root_cause_id is None:
        raise InvalidInput(
            field="foundReasonTagId",
            found="None",
            expected="a reason tag here, or in rootCauseTagId",
            zh="此处或 rootCauseTagId 至少填写一个原因标签",
        )

    async def work(change: Change) -> None:
        await note(change, found=asked.found_reason_id, root=asked.root_cause_id)
        said = {"found": asked.found_reason_id, "root": asked.root_cause_id}
        payload = {name: str(tag) for name, tag in said.items() if tag is not None}
        await change.record(EventType.REASONS_SET, payload)

    return await journal.change(
        viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
    )


async def note(change: Change, *, found: UUID | None, root: UUID | None) -> None:
    """Write the reasons that are given. Raises NotFound for one that the shop does not use."""
    await require(change, found, root)
    refund = change.refund
    refund.found_reason_id = found or refund.found_reason_id
    refund.root_cause_id = root or refund.root_cause_id


async def require(change: Change, *tags: UUID | None) -> None:
    """Raise NotFound for a tag that is not one of the shop's, or is retired."""
    for tag in {tag for tag in tags if tag is not None}:
        known = ReasonTag.filter(id=tag, shop_id=change.refund.shop_id, retired_at=None)
        if not await known.using_db(change.tx).exists():
            raise NotFound(kind="ReasonTag", id=str(tag))
