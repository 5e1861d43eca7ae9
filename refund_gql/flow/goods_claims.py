"""What the shop is owed once it has paid: goods that never came, or came missing or worse.

A claim is what would not have been paid, had the goods come first. It is a task for people, who
settle it or write it off; no money is ever taken for it.
"""

from uuid import UUID

from refund_gql import database, validation
from refund_gql.auth import Viewer
from refund_gql.choices import ClaimReason, ClaimStatus, ExposureRelease
from refund_gql.errors import ExceedsRefundable, InvalidInput, NotFound
from refund_gql.events import EventType
from refund_gql.flow import exposures, goods, journal
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import GoodsClaim
from refund_gql.roles import Role

_CLOSED = """
select coalesce(sum(amount), 0)::bigint as amount from goods_claim
 where refund_id = $1 and status <> 'OPEN'
"""


async def after_inspection(change: Change, shortfall: int) -> None:
    """The goods are inspected: what they lack, in minor units, is what is owed now.

    A claim that was opened while they were away follows what came: it shrinks, or is settled.
    """
    amount = min(shortfall, await _claimable(change))
    claim = await _open(change)
    if claim is None:
        if amount > 0:
            await open_claim(change, ClaimReason.INSPECTION, amount)
    elif amount == 0:
        await _close(change, claim, ClaimStatus.SETTLED, claim.note)
    elif claim.amount != amount:
        claim.amount = amount
        await claim.save(using_db=change.tx, update_fields=["amount"])
        await change.record(EventType.CLAIM_CHANGED, _payload(claim))


async def open_claim(change: Change, reason: ClaimReason, amount: int, *, note: str = "") -> None:
    """A claim of so many minor units; none is open for the refund. From now on it counts against
    the customer's limit, and the exposure does no longer."""
    refund = change.refund
    await exposures.release(change, ExposureRelease.CLAIMED)
    claim = await GoodsClaim.create(
        using_db=change.tx,
        shop_id=refund.shop_id,
        refund_id=refund.id,
        customer_id=refund.customer_id,
        amount=amount,
        currency=refund.currency,
        reason=reason,
        opened_at=change.now,
        opened_by=change.viewer.actor,
        note=note,
    )
    await change.record(EventType.CLAIM_OPENED, {**_payload(claim), "reason": reason.value})


async def _claimable(change: Change) -> int:
    """What no claim that is closed has covered yet, in minor units of the refund."""
    [closed] = await change.tx.execute_query_dict(_CLOSED, [change.refund.id])
    return max(change.refund.amount - int(closed["amount"]), 0)


async def _open(change: Change) -> GoodsClaim | None:
    claims = GoodsClaim.filter(refund_id=change.refund.id, status=ClaimStatus.OPEN)
    return await claims.using_db(change.tx).first()


def _payload(claim: GoodsClaim) -> dict[str, object]:
    return {"claim": str(claim.id), "amount": claim.amount, "currency": claim.currency}


# --- people -----------------------------------------------------------------------------------


async def report(
    viewer: Viewer,
    refund_id: UUID,
    *,
    amount: int,
    note: str,
    once: Once,
    expected_version: int | None = None,
) -> UUID:
    """Open a claim by hand, as when a courier lost the parcel; returns the refund's id.

    Raises NotFound, NotAllowed, StaleVersion, InvalidInput where the money did not go first or a
    claim is open already, and ExceedsRefundable for more than was paid and not claimed before.
    """
    viewer.require(Role.OWNER, Role.AGENT)
    validation.minor_units("amount", amount, least=1)

    async def work(change: Change) -> None:
        if not goods.alone(change) or await _open(change) is not None:
            raise InvalidInput(
                field="refundId",
                found=str(change.refund.number),
                expected="a refund that was paid before its goods, without an open claim",
                zh="先退款后收货且没有未结追索单的退款",
            )
        most = await _claimable(change)
        if amount > most:
            raise ExceedsRefundable(
                requested=amount, maximum_refundable=most, currency=change.refund.currency
            )
        await open_claim(change, ClaimReason.REPORTED, amount, note=note)

    return await journal.change(
        viewer, refund_id, work, expected_version=expected_version, once=once
    )


async def settle(viewer: Viewer, claim_id: UUID, *, note: str, once: Once) -> UUID:
    """Somebody made up for it. Raises NotFound, NotAllowed, InvalidInput for a closed one."""
    viewer.require(Role.OWNER, Role.AGENT, Role.FINANCE)
    return await _end(viewer, claim_id, ClaimStatus.SETTLED, note, once)


async def write_off(viewer: Viewer, claim_id: UUID, *, note: str, once: Once) -> UUID:
    """The shop bears the loss. Raises NotFound, NotAllowed, InvalidInput for a closed one."""
    viewer.require(Role.OWNER, Role.FINANCE)
    return await _end(viewer, claim_id, ClaimStatus.WRITTEN_OFF, note, once)


async def _end(viewer: Viewer, claim_id: UUID, end: ClaimStatus, note: str, once: Once) -> UUID:
    claims = GoodsClaim.filter(id=claim_id, shop_id=viewer.shop_id)
    found = await database.read(claims.first)
    if found is None:
        raise NotFound(kind="Claim", id=str(claim_id))

    async def work(change: Change) -> None:
        claim = await GoodsClaim.filter(id=claim_id).using_db(change.tx).get()
        if claim.status is not ClaimStatus.OPEN:
            raise InvalidInput(
                field="claimId",
                found=claim.status.value,
                expected="a claim that is OPEN",
                zh="状态为 OPEN 的追索单",
            )
        await _close(change, claim, end, note or claim.note)

    await journal.change(viewer, found.refund_id, work, once=once)
    return claim_id


_CLOSING = {
    ClaimStatus.SETTLED: EventType.CLAIM_SETTLED,
    ClaimStatus.WRITTEN_OFF: EventType.CLAIM_WRITTEN_OFF,
}


async def _close(change: Change, claim: GoodsClaim, end: ClaimStatus, note: str) -> None:
    claim.status, claim.note = end, note
    claim.closed_at, claim.closed_by = change.now, change.viewer.actor
    claim.closed_by_name = change.viewer.name
    await claim.save(using_db=change.tx)
    await change.record(_CLOSING[end], _payload(claim))
