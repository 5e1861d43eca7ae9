"""Chargebacks a gateway reports: they take their place under the cap, and nothing is paid on top.

The newest word about a chargeback counts, by the gateway's own clock, so that words may come
twice, late or in any order. What is free of the capture is held at once; a payout that has not
been sent gives way; what was sent already is paid twice, and a person settles it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import structlog

from refund_gql import database
from refund_gql.auth import system
from refund_gql.choices import PayoutStatus
from refund_gql.database import Transaction
from refund_gql.events import EventType
from refund_gql.flow import journal, settlement
from refund_gql.flow.journal import Change
from refund_gql.models import Capture, Dispute, Payout
from refund_gql.models.dispute import held
from refund_gql.money import MAX_MINOR_UNITS, allocate
from refund_gql.providers import DisputeNotice, DisputeState

_log = structlog.get_logger(__name__)

STOPPED = "DISPUTED"
"""Why a payout was not sent: a chargeback has taken what it would pay."""

# A capture bears the shop's own word for its gateway, or the plugin's name.
_CAPTURES = """
select c.id, c.order_id from capture c join shop s on s.id = c.shop_id
 where c.shop_id = $1 and c.reference = $3
   and $2 in (c.gateway, s.gateway_routes ->> c.gateway)
"""
_REFUNDS = """
select id from refund where shop_id = $1 and order_id = any($2::uuid[]) and not imported
   and status not in ('REJECTED', 'CANCELLED')
"""
_LOCK_ORDERS = """
select 1 from "order" where id = any($1::uuid[]) and shop_id = $2 order by id for update
"""
_EVENTS = {
    DisputeState.OPENED: EventType.CHARGEBACK_OPENED,
    DisputeState.WON: EventType.CHARGEBACK_WON,
    DisputeState.LOST: EventType.CHARGEBACK_LOST,
}


def understood(notice: DisputeNotice) -> DisputeNotice:
    """What a gateway said, if rows can hold it. Raises TypeError for what is no notice."""
    amount, at = notice.amount, notice.at
    if not isinstance(notice.state, DisputeState) or not isinstance(at, datetime):
        raise TypeError("a dispute has a DisputeState and a time")
    if type(amount) is not int or not 0 < amount <= MAX_MINOR_UNITS:
        raise TypeError("the amount of a dispute is a number of minor units above zero")
    for name in ("reference", "capture_reference"):
        if not 0 < len(getattr(notice, name)) <= 128:
            raise TypeError(f"a dispute's {name} has 1 to 128 characters")
    return notice


async def hear(shop_id: UUID, gateway: str, notice: DisputeNotice) -> bool:
    """Apply a verified notice; False when it is about no payment of this shop."""
    found = await database.fetch(_CAPTURES, shop_id, gateway, notice.capture_reference)
    orders = sorted({row["order_id"] for row in found})
    if not orders:
        return False
    rows = await database.fetch(_REFUNDS, shop_id, orders)

    async def work(tx: Transaction, changes: Mapping[UUID, Change]) -> None:
        await tx.execute_query_dict(_LOCK_ORDERS, [orders, shop_id])
        captures = Capture.filter(id__in=[row["id"] for row in found], shop_id=shop_id)
        locked = await captures.using_db(tx).select_for_update().order_by("id")
        shares = _shares(notice, locked)
        for capture, amount in zip(locked, shares, strict=True):
            if amount:
                await _apply(tx, capture, amount, gateway, notice, changes)

    await journal.change_all(system(shop_id), [row["id"] for row in rows], work)
    return True


def _shares(notice: DisputeNotice, captures: Sequence[Capture]) -> list[int]:
    """How much of the chargeback falls on each order's share of the payment, in minor units."""
    if any(capture.currency != notice.currency for capture in captures):
        # Nobody can tell how much of the payment is gone; so none of it is refunded.
        _log.error("a chargeback is in another currency than its payment", of=notice.reference)
        return [capture.amount for capture in captures]
    paid = [capture.amount for capture in captures]
    return allocate(min(notice.amount, sum(paid)), paid)


async def _apply(
    tx: Transaction,
    capture: Capture,
    amount: int,
    gateway: str,
    notice: DisputeNotice,
    changes: Mapping[UUID, Change],
) -> None:
    of_this = Dispute.filter(
        shop_id=capture.shop_id,
        gateway=gateway,
        reference=notice.reference,
        capture_id=capture.id,
    )
    known = await of_this.using_db(tx).first()
    if known is not None and not _is_news(known, notice):
        return
    dispute = await _write(tx, capture, amount, gateway, notice, known)
    capture.dispute(await held(tx, capture.id))
    await capture.save(using_db=tx, update_fields=["disputed", "dispute_excess"])
    affected = [one for one in changes.values() if one.refund.order_id == capture.order_id]
    if known is None or (known.state, known.amount) != (dispute.state, dispute.amount):
        await _record(affected, dispute)
    await _make_way(tx, capture, changes)


_RANK = {DisputeState.OPENED: 0, DisputeState.WON: 1, DisputeState.LOST: 2}
"""Which of two words of the same moment counts."""


def _is_news(known: Dispute, notice: DisputeNotice) -> bool:
    said, told = _utc(notice.at), known.told_at
    return (said, _RANK[notice.state]) > (told, _RANK[known.state])


async def _write(
    tx: Transaction,
    capture: Capture,
    amount: int,
    gateway: str,
    notice: DisputeNotice,
    known: Dispute | None,
) -> Dispute:
    at = _utc(notice.at)
    dispute = Dispute(
        shop_id=capture.shop_id,
        capture_id=capture.id,
        order_id=capture.order_id,
        gateway=gateway,
        reference=notice.reference,
        currency=capture.currency,
        opened_at=at,
    )
    if known is not None:
        dispute.id, dispute.opened_at = known.id, known.opened_at
    dispute.amount, dispute.state, dispute.told_at = amount, notice.state, at
    dispute.reason = (notice.reason or "")[:64]
    dispute.closed_at = None if notice.state is DisputeState.OPENED else at
    await dispute.save(using_db=tx, force_create=known is None, force_update=known is not None)
    return dispute


async def _record(affected: Iterable[Change], dispute: Dispute) -> None:
    payload = {
        "dispute": str(dispute.id),
        "capture": str(dispute.capture_id),
        "amount": dispute.amount,
        "currency": dispute.currency,
    }
    for change in affected:
        await change.record(_EVENTS[dispute.state], payload)


async def _make_way(tx: Transaction, capture: Capture, changes: Mapping[UUID, Change]) -> None:
    """Stop payouts that were never sent, the newest first, until nothing is held twice.

    One of a refund that has come to be just now is stopped where it would be sent.
    """
    unsent = Payout.filter(capture_id=capture.id, status=PayoutStatus.READY, sent_at=None)
    for payout in await unsent.using_db(tx).order_by("-created_at", "-id"):
        if not capture.dispute_excess:
            return
        if payout.refund_id in changes:
            await settlement.stop(changes[payout.refund_id], payout, STOPPED)
            await capture.refresh_from_db(using_db=tx)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
