"""What happens when a deadline passes. Every worker looks every few seconds: the beat `deadlines`.

The rows are the timers. A look claims those that are due by the database's time, a page at once,
by moving their next look on by a short while; rows that another worker has just claimed are passed
over, and those of a worker that died come back by themselves. A clock then fires in a change of its
refund, under its lock: what the row says there decides, so that it fires once in effect.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from tortoise.expressions import Q

from refund_gql import database, labels
from refund_gql.auth import system
from refund_gql.choices import ClockState, DeadlineAction, DeadlineStage, Priority
from refund_gql.database import Transaction
from refund_gql.events import EventType
from refund_gql.flow import (
    claims,
    clocks,
    deadline_policies,
    goods,
    journal,
    priorities,
    returns,
    review,
)
from refund_gql.flow.deadline_policies import AWAITS_CUSTOMER, Terms
from refund_gql.flow.journal import Change
from refund_gql.models import Clock, Decision, Event, Shop
from refund_gql.states import FINAL, RefundKind, RefundStatus, Step

EVERY_SECONDS = 3.0
"""Between two looks of one worker."""
PAGE = 100
"""Clocks of one claim."""
BATCH = 20
"""Clocks of one transaction: few enough that nobody waits long for one of their refunds."""
AT_ONCE = 5
"""Batches at the same time, a connection each: one alone would wait behind every job of its
process in turn."""
_LEASE_SECONDS = 10
"""So long a claim is its worker's alone; a page takes about a second."""

_CLAIM = """
update clock set next_at = now() + make_interval(secs => $1)
 where id in (select id from clock where next_at <= now() order by next_at limit $2
                 for update skip locked)
returning id, refund_id, shop_id, now() as at
"""
_REMINDERS = {
    DeadlineStage.CUSTOMER_SHIPS: EventType.SHIPPING_REMINDED,
    DeadlineStage.CUSTOMER_ANSWERS: EventType.EVIDENCE_REMINDED,
}


_OPINIONS = (
    EventType.REQUEST_ADDED,
    EventType.DISCRETION_REQUESTED,
    EventType.DISCRETION_REFUSED,
    EventType.CHARGEBACK_OPENED,
)
"""What leaves a refund in review, and is a reason to look all the same."""


@dataclass(frozen=True, kw_only=True)
class _Due:
    """A claimed clock; `at` is the database's time of the claim."""

    id: UUID
    refund_id: UUID
    shop_id: UUID
    at: datetime


async def look() -> int:
    """Fire whatever is due; returns how many clocks were looked at.

    Raises ExceptionGroup for clocks that could not fire; they are looked at again soon.
    """
    looked, errors = 0, list[Exception]()
    while due := await _claim():
        turnstile = asyncio.Semaphore(AT_ONCE)
        fired = (_fire_batch(batch, turnstile) for batch in _batches(due))
        for failed in await asyncio.gather(*fired):
            errors += failed
        looked += len(due)
    if errors:
        raise ExceptionGroup("clocks that could not fire", errors)
    return looked


def _batches(due: Sequence[_Due]) -> Iterator[list[_Due]]:
    """Of one shop each."""
    ordered = sorted(due, key=lambda one: (one.shop_id, one.refund_id))
    for _, of_shop in groupby(ordered, key=lambda one: one.shop_id):
        clocks_ = list(of_shop)
        yield from (clocks_[i : i + BATCH] for i in range(0, len(clocks_), BATCH))


async def _fire_batch(batch: Sequence[_Due], turnstile: asyncio.Semaphore) -> list[Exception]:
    """In one transaction; one by one when any of them cannot, so that the others still do."""
    try:
        async with turnstile:
            await _fire(batch)
    except Exception as error:
        if len(batch) == 1:
            return [error]
        return [one for due in batch for one in await _fire_batch([due], turnstile)]
    return []


async def _fire(batch: Sequence[_Due]) -> None:
    async def work(change: Change) -> None:
        for due in batch:
            if due.refund_id == change.refund.id:
                await _look_at(change, due)

    refunds = sorted({due.refund_id for due in batch})
    await journal.change_each(system(batch[0].shop_id), refunds, work)


async def _look_at(change: Change, due: _Due) -> None:
    found = await Clock.filter(id=due.id, shop_id=due.shop_id).using_db(change.tx).get()
    if found.state is not ClockState.RUNNING:
        return
    terms = await deadline_policies.version(change.tx, found.shop_id, found.stage, found.policy)
    if found.due_at <= due.at:
        await _breach(change, found, terms)
    elif found.warned_at is None and found.warn_at is not None and found.warn_at <= due.at:
        await _warn(change, found, terms)
    else:
        # It was paused and resumed between the claim and the lock.
        await _look_again(change, found)


async def _claim() -> list[_Due]:
    async def work(tx: Transaction) -> list[_Due]:
        rows = await tx.execute_query_dict(_CLAIM, [_LEASE_SECONDS, PAGE])
        return [_Due(**row) for row in rows]

    return await database.transaction(work)


async def _look_again(change: Change, found: Clock) -> None:
    waits = found.warned_at is None and found.warn_at is not None
    found.next_at = found.warn_at if waits else found.due_at
    await found.save(using_db=change.tx, update_fields=["next_at"])


async def _warn(change: Change, found: Clock, terms: Terms) -> None:
    found.warned_at, found.next_at = change.now, found.due_at
    await found.save(using_db=change.tx, update_fields=["warned_at", "next_at"])
    await change.record(EventType.CLOCK_WARNED, _about(found))
    if terms.reminds_early:
        await _remind(change, found)


async def _breach(change: Change, found: Clock, terms: Terms) -> None:
    found.state, found.fired_at, found.next_at = ClockState.BREACHED, change.now, None
    await found.save(using_db=change.tx, update_fields=["state", "fired_at", "next_at"])
    action = await _possible(change, terms)
    await change.record(EventType.CLOCK_BREACHED, {**_about(found), "action": action.value})
    match action:
        case DeadlineAction.ESCALATE:
            await _escalate(change, found)
        case DeadlineAction.REMIND:
            await _remind(change, found)
        case DeadlineAction.CLOSE:
            await _close(change, found)
        case DeadlineAction.APPROVE:
            await _agree(change, terms)
    if found.stage is DeadlineStage.CUSTOMER_ANSWERS and change.refund.status not in FINAL:
        # She has said nothing: it is the shop's turn again.
        await clocks.resume(change.tx, change.refund, DeadlineStage.REVIEW, change.now)


def _about(found: Clock) -> Mapping[str, str]:
    return {"clock": str(found.id), "stage": found.stage.value}


async def _remind(change: Change, found: Clock) -> None:
    await change.record(_REMINDERS[found.stage], {"clock": str(found.id)})


async def _close(change: Change, found: Clock) -> None:
    await change.take(Step.EXPIRE, payload=_about(found))
    await returns.close_open(change)
    await claims.release(change)


async def _escalate(change: Change, found: Clock) -> None:
    higher = {Priority.NORMAL: Priority.HIGH}.get(change.refund.priority, Priority.URGENT)
    stage = labels.DEADLINE_STAGES[found.stage]
    why = {"zh": f"{stage['zh']}已超时", "en": f"{stage['en']}: the deadline has passed"}
    await priorities.escalate(change, higher, why, _about(found))


# --- in the place of a person that kept silent ------------------------------------------------


async def _possible(change: Change, terms: Terms) -> DeadlineAction:
    """The action of the policy, or a person where the engine must not act on its own."""
    closable = (RefundStatus.REVIEW, RefundStatus.AWAITING_RETURN)
    if terms.action is DeadlineAction.APPROVE and not await _may_agree(change, terms):
        return DeadlineAction.ESCALATE
    if terms.action is DeadlineAction.CLOSE and change.refund.status not in closable:
        return DeadlineAction.ESCALATE
    assert terms.action is not DeadlineAction.REMIND or terms.stage in AWAITS_CUSTOMER
    return terms.action


async def _may_agree(change: Change, terms: Terms) -> bool:
    """Only to a plain request that nobody and no rule has an opinion on, within the shop's bound.

    Who asked for something, refused the goods, sent it back, merged it, wanted more than they may
    decide or raised its priority has seen a reason to look; silence is no answer to that.
    """
    refund, tx = change.refund, change.tx
    shop = await Shop.filter(id=refund.shop_id).using_db(tx).get()
    if refund.currency != shop.currency or refund.amount > terms.approve_most:
        return False
    if refund.priority is not Priority.NORMAL or refund.requested_by.startswith("STAFF:"):
        return False
    untouched = (RefundStatus.REQUESTED, RefundStatus.REVIEW)
    seen = Q(type__in=_OPINIONS) | ~Q(status__in=untouched)
    if await Event.filter(seen, refund_id=refund.id).using_db(tx).exists():
        return False
    [*made] = await Decision.filter(refund_id=refund.id).using_db(tx)
    return [one.step for one in made] == [Step.SEND_TO_REVIEW] and not made[0].trace.get("rule")


async def _agree(change: Change, terms: Terms) -> None:
    """To what was asked for; nothing has to come back that was never sent."""
    sent = await goods.were_sent(change)
    kind = change.refund.kind if sent else RefundKind.REFUND_ONLY
    await review.agree(change, kind, because="", trace=_trace(terms))


def _trace(terms: Terms) -> Mapping[str, object]:
    return {
        "deadline_policy": terms.number,
        "explanation": {
            "zh": "客服超时未处理，系统按店铺设置自动同意。",
            "en": "Customer service did not answer in time, so the engine agreed, as the shop "
            "has set.",
        },
    }
