"""A request asked for otherwise, by its customer, as long as no colleague has dealt with it.

The request gives back what it holds of the order and takes what is asked for now, in one change
under the order's lock. Then it is REQUESTED again: the rules look at what it has become, as they
would at a new request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from refund_gql.auth import Viewer
from refund_gql.errors import InvalidInput, NotAllowed, NotAmendable
from refund_gql.events import EventType
from refund_gql.flow import coupons, journal, quote, request
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.flow.quote import OrderRows
from refund_gql.flow.request import RequestedLine
from refund_gql.models import Event, ReasonTag, Refund, RefundLine, Shop
from refund_gql.money import Money
from refund_gql.roles import Role, Scope
from refund_gql.states import TRANSITIONS, RefundKind, Step

MOST = 5
"""Times that one request can be changed."""

DEALING = [
    *(row.event for row in TRANSITIONS if row.step is not Step.SUBMIT),
    EventType.REQUEST_ADDED,
]
"""What a colleague does to a refund, other than asking for it. Who looks after it, how soon, and
what they note among themselves is no step."""


@dataclass(frozen=True, kw_only=True)
class AmendRefund:
    """What is asked for now; None leaves it as it is."""

    refund_id: UUID
    kind: RefundKind | None = None
    lines: tuple[RequestedLine, ...] | None = None
    reason_id: UUID | None = None
    note: str | None = None
    expected_version: int | None = None


async def amend(viewer: Viewer, asked: AmendRefund, *, once: Once) -> UUID:
    """Change a request; returns its id.

    Raises NotFound, NotAllowed, IllegalStep, StaleVersion, NotAmendable, InvalidInput,
    NotRefundable, ExceedsRefundable or IdempotencyConflict; then nothing has changed.
    """
    viewer.require(Role.CUSTOMER, Role.SERVICE, scope=Scope.REFUNDS)
    if viewer.customer_id and any(line.amount for line in asked.lines or ()):
        raise NotAllowed(reason="AMOUNT_IS_COMPUTED")
    if asked.lines == ():
        raise InvalidInput(
            field="lines",
            found="[]",
            expected="at least one line, or null to leave them as they are",
            zh="至少一件商品；不修改商品请填 null",
        )

    async def work(change: Change) -> None:
        change.check(Step.AMEND)
        await _refuse_late(change)
        before = await _content(change)
        await _ask(change, asked)
        await coupons.forget(change)
        payload = {"before": before, "after": await _content(change)}
        await change.take(Step.AMEND, payload=payload)
        refund = change.refund
        await change.enqueue("classify", refund.id, key=f"classify:{refund.id}:{refund.version}")

    return await journal.change(
        viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
    )


async def _refuse_late(change: Change) -> None:
    """Raise NotAmendable once a colleague has dealt with it, and after the last change."""
    events = Event.filter(refund_id=change.refund.id).using_db(change.tx)
    if await events.filter(type__in=DEALING, actor__startswith="STAFF:").exists():
        raise NotAmendable(reason="DECIDED")
    if await events.filter(type=EventType.AMENDED).count() >= MOST:
        raise NotAmendable(reason="TOO_OFTEN", most=MOST)


async def _content(change: Change) -> Mapping[str, Any]:
    """What is asked for, in ids, codes and amounts."""
    refund = change.refund
    lines = await _lines(change)
    return {
        "kind": refund.kind.value,
        "reason": str(refund.stated_reason_id) if refund.stated_reason_id else None,
        "amount": refund.amount,
        "shipping": refund.shipping_amount,
        "currency": refund.currency,
        "lines": [
            {"line": str(line.order_line_id), "quantity": line.quantity, "amount": line.amount}
            for line in lines
        ],
    }


async def _lines(change: Change) -> list[RefundLine]:
    rows = RefundLine.filter(refund_id=change.refund.id).using_db(change.tx)
    return await rows.order_by("position")


# --- what is held is exchanged ----------------------------------------------------------------


async def _ask(change: Change, asked: AmendRefund) -> None:
    """Exchange what the request holds of its order for what is asked for now."""
    refund, tx = change.refund, change.tx
    assert refund.order_id is not None, "only imported refunds have no order"
    rows = await quote.load(tx, refund.shop_id, refund.order_id, lock=True)
    assert rows is not None
    held = await _lines(change)
    _give_back(refund, held, rows)
    if asked.lines is not None:
        # As a new request: what the window or a closed order rules out, it rules out here.
        shop = await Shop.filter(id=refund.shop_id).using_db(tx).get()
        await request.refuse_ineligible(tx, change.viewer, shop, rows)
    lines = _same(held, refund.currency) if asked.lines is None else asked.lines
    claims = request.claims_of(lines, rows)
    shipping = request.shipping_of(claims, rows, await _reason(change, asked))
    request.refuse_excess(claims, shipping, rows)
    await RefundLine.filter(refund_id=refund.id).using_db(tx).delete()
    _fill(refund, asked, sum(claim.amount for claim in claims), shipping)
    await request.write_lines(tx, refund, claims)
    rows.order.shipping_claimed += shipping
    await rows.order.save(using_db=tx, update_fields=["shipping_claimed"])
    await _save_rest(change, held, rows)


async def _reason(change: Change, asked: AmendRefund) -> ReasonTag | None:
    """What the customer says now; a reason that stays may have been retired since."""
    if asked.reason_id is not None:
        return await request.reason_of(change.tx, change.viewer, asked.reason_id)
    tags = ReasonTag.filter(id=change.refund.stated_reason_id)
    return await tags.using_db(change.tx).first()


def _give_back(refund: Refund, held: list[RefundLine], rows: OrderRows) -> None:
    """In memory: the order as it would be without this request."""
    lines = {line.id: line for line in rows.lines}
    for line in held:
        assert line.order_line_id is not None, "only imported lines are of no order"
        lines[line.order_line_id].claimed_quantity -= line.quantity
        lines[line.order_line_id].claimed_amount -= line.worth
    rows.order.shipping_claimed -= refund.shipping_amount


async def _save_rest(change: Change, held: list[RefundLine], rows: OrderRows) -> None:
    """The order lines that were given back and are not asked for again."""
    for line in rows.lines:
        if line.id in {old.order_line_id for old in held}:
            await line.save(
                using_db=change.tx, update_fields=["claimed_quantity", "claimed_amount"]
            )


def _same(held: list[RefundLine], currency: str) -> tuple[RequestedLine, ...]:
    """The lines as they are; what a program asked less for stays less."""
    return tuple(
        RequestedLine(
            order_line_id=line.order_line_id,
            quantity=line.quantity,
            amount=Money(amount=line.amount, currency=currency)
            if line.amount < line.worth
            else None,
        )
        for line in held
        if line.order_line_id is not None
    )


def _fill(refund: Refund, asked: AmendRefund, goods: int, shipping: int) -> None:
    refund.kind = asked.kind or refund.kind
    refund.stated_reason_id = asked.reason_id or refund.stated_reason_id
    refund.note = refund.note if asked.note is None else asked.note
    refund.goods_amount, refund.shipping_amount = goods, shipping
    refund.amount = goods + shipping
