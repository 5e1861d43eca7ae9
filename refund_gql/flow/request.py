"""Step 1, the request: what is asked for is checked, computed and claimed by the server."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from refund_gql import clock
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.errors import (
    ExceedsRefundable,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotRefundable,
    StaleBalance,
)
from refund_gql.flow import journal, policy, quote
from refund_gql.flow import once as idempotency
from refund_gql.flow.once import Once
from refund_gql.flow.quote import LineQuote, OrderRows
from refund_gql.models import OrderLine, ReasonTag, Refund, RefundLine, Shipment, Shop, new_id
from refund_gql.money import Money
from refund_gql.roles import Role, Scope
from refund_gql.states import RefundKind

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, kw_only=True)
class RequestedLine:
    """So many units of an order line; `amount` only when staff asks for less than their worth."""

    order_line_id: UUID
    quantity: int
    amount: Money | None = None


@dataclass(frozen=True, kw_only=True)
class RequestRefund:
    """What somebody asks for. `lines` None means everything that is left."""

    order_id: UUID
    kind: RefundKind
    lines: tuple[RequestedLine, ...] | None
    reason_id: UUID | None = None
    note: str = ""
    expected_refundable: Money | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A line of the request: what its units are worth, and what is asked for them."""

    line: OrderLine
    quantity: int
    worth: int
    amount: int


async def request(viewer: Viewer, asked: RequestRefund, *, once: Once) -> UUID:
    """Open a refund; returns its id. The job `classify` decides what happens next.

    Raises InvalidInput, NotFound, NotAllowed, NotRefundable, ExceedsRefundable, StaleBalance or
    IdempotencyConflict.
    """
    viewer.require(Role.CUSTOMER, Role.SERVICE, Role.OWNER, Role.AGENT, scope=Scope.REFUNDS)
    if viewer.customer_id and any(line.amount for line in asked.lines or ()):
        raise NotAllowed(reason="AMOUNT_IS_COMPUTED")
    refund_id = new_id()

    async def unit(tx: Transaction) -> UUID:
        rows = await _order(tx, viewer, asked.order_id)
        shop = await Shop.filter(id=viewer.shop_id).using_db(tx).get()
        reason = await reason_of(tx, viewer, asked.reason_id)
        await refuse_ineligible(tx, viewer, shop, rows)
        _refuse_stale_balance(asked.expected_refundable, rows)
        claims = claims_of(asked.lines, rows)
        shipping = shipping_of(claims, rows, reason)
        refuse_excess(claims, shipping, rows)
        await _write(tx, viewer, refund_id, asked, rows, claims, shipping)
        return refund_id

    return await idempotency.run(viewer, once, unit, refunds=(refund_id,))


# --- may this order be refunded at all? -------------------------------------------------------


async def _order(tx: Transaction, viewer: Viewer, order_id: UUID) -> OrderRows:
    rows = await quote.load(tx, viewer.shop_id, order_id, lock=True)
    foreign = rows and viewer.customer_id and rows.order.customer_id != viewer.customer_id
    if rows is None or foreign:
        raise NotFound(kind="Order", id=str(order_id))
    return rows


async def reason_of(tx: Transaction, viewer: Viewer, reason_id: UUID | None) -> ReasonTag | None:
    if reason_id is None:
        return None
    tags = ReasonTag.filter(id=reason_id, shop_id=viewer.shop_id, retired_at=None)
    tag = await tags.using_db(tx).first()
    if tag is None:
        raise NotFound(kind="ReasonTag", id=str(reason_id))
    return tag


async def refuse_ineligible(tx: Transaction, viewer: Viewer, shop: Shop, rows: OrderRows) -> None:
    if rows.order.closed_at is not None:
        raise NotRefundable(reason="ORDER_CLOSED")
    if rows.order.total and not rows.captures:
        raise NotRefundable(reason="UNPAID")
    if rows.quote.nothing_left:
        raise NotRefundable(reason="NOTHING_LEFT")
    # Staff may be generous after the window; a customer alone may not.
    shipments = await Shipment.filter(order_id=rows.order.id, shop_id=shop.id).using_db(tx)
    agreed = await policy.terms_of(tx, shop, rows.order)
    end = agreed.window_end(shipments)
    if viewer.customer_id and end and clock.now() >= end:
        last_day = (end - timedelta(days=1)).date()
        raise NotRefundable(reason="WINDOW_CLOSED", window_end=last_day.isoformat())


def _refuse_stale_balance(expected: Money | None, rows: OrderRows) -> None:
    if expected is None:
        return
    _require_currency("expectedRefundable", expected, rows)
    if expected.amount != rows.quote.maximum:
        raise StaleBalance(
            expected=expected.amount,
            maximum_refundable=rows.quote.maximum,
            currency=rows.order.currency,
        )


# --- how much? --------------------------------------------------------------------------------


def claims_of(asked: Sequence[RequestedLine] | None, rows: OrderRows) -> list[Claim]:
    quotes = {line.order_line_id: line for line in rows.quote.lines}
    lines = {line.id: line for line in rows.lines}
    if asked is None:
        asked = [
            RequestedLine(order_line_id=q.order_line_id, quantity=q.refundable_quantity)
            for q in rows.quote.lines
            if q.refundable_quantity
        ]
    if not asked:
        raise InvalidInput(
            field="lines",
            found="[]",
            expected="at least one line, or null for all",
            zh="至少一件商品；全部退款请填 null",
        )
    if len({line.order_line_id for line in asked}) != len(asked):
        raise InvalidInput(
            field="lines", found="twice", expected="each order line once", zh="每个订单商品各一次"
        )
    return [
        _claim(f"lines.{i}", line, lines.get(line.order_line_id), quotes, rows)
        for i, line in enumerate(asked)
    ]


def _claim(
    field: str,
    asked: RequestedLine,
    line: OrderLine | None,
    quotes: Mapping[UUID, LineQuote],
    rows: OrderRows,
) -> Claim:
    if line is None:
        raise NotFound(kind="OrderLine", id=str(asked.order_line_id))
    left = quotes[line.id]
    if not 1 <= asked.quantity <= left.refundable_quantity:
        raise InvalidInput(
            field=f"{field}.quantity",
            found=str(asked.quantity),
            expected=f"1 to {left.refundable_quantity}",
            zh=f"1 到 {left.refundable_quantity}",
        )
    worth = left.worth(asked.quantity)
    if asked.amount is None:
        return Claim(line=line, quantity=asked.quantity, worth=worth, amount=worth)
    _require_currency(f"{field}.amount", asked.amount, rows)
    if asked.amount.amount < 1:
        raise InvalidInput(
            field=f"{field}.amount",
            found=str(asked.amount.amount),
            expected="more than zero",
            zh="大于零",
        )
    if asked.amount.amount > worth:
        raise ExceedsRefundable(
            requested=asked.amount.amount, maximum_refundable=worth, currency=rows.order.currency
        )
    return Claim(line=line, quantity=asked.quantity, worth=worth, amount=asked.amount.amount)


def _require_currency(field: str, amount: Money, rows: OrderRows) -> None:
    if amount.currency != rows.order.currency:
        raise InvalidInput(
            field=f"{field}.currency", found=amount.currency, expected=rows.order.currency
        )


def shipping_of(claims: Sequence[Claim], rows: OrderRows, reason: ReasonTag | None) -> int:
    taken = {claim.line.id: claim.quantity for claim in claims}
    takes_everything = all(
        taken.get(line.order_line_id, 0) == line.refundable_quantity for line in rows.quote.lines
    )
    fault = reason is not None and reason.seller_at_fault
    if policy.refunds_shipping(
        rows.lines, takes_everything=takes_everything, seller_at_fault=fault
    ):
        return rows.quote.shipping_refundable
    return 0


def refuse_excess(claims: Sequence[Claim], shipping: int, rows: OrderRows) -> None:
    total = sum(claim.amount for claim in claims) + shipping
    if total > rows.quote.maximum:
        raise ExceedsRefundable(
            requested=total, maximum_refundable=rows.quote.maximum, currency=rows.order.currency
        )


# --- write it down ----------------------------------------------------------------------------


async def _write(
    tx: Transaction,
    viewer: Viewer,
    refund_id: UUID,
    asked: RequestRefund,
    rows: OrderRows,
    claims: Sequence[Claim],
    shipping: int,
) -> None:
    goods = sum(claim.amount for claim in claims)
    refund = Refund(
        id=refund_id,
        shop_id=viewer.shop_id,
        order_id=rows.order.id,
        customer_id=rows.order.customer_id,
        number=new_number(),
        kind=asked.kind,
        currency=rows.order.currency,
        goods_amount=goods,
        shipping_amount=shipping,
        amount=goods + shipping,
        stated_reason_id=asked.reason_id,
        note=asked.note,
        requested_by=viewer.actor,
        requested_at=clock.now(),
    )
    payload: dict[str, Any] = {"amount": refund.amount, "currency": refund.currency}
    opened = await journal.start(tx, viewer, refund, payload)
    await write_lines(tx, refund, claims)
    rows.order.shipping_claimed += shipping
    await rows.order.save(using_db=tx, update_fields=["shipping_claimed"])
    await opened.enqueue("classify", refund_id, key=f"classify:{refund_id}:1")
    await opened.save()


async def write_lines(tx: Transaction, refund: Refund, claims: Sequence[Claim]) -> None:
    await RefundLine.bulk_create(
        [
            RefundLine(
                shop_id=refund.shop_id,
                refund_id=refund.id,
                order_line_id=claim.line.id,
                position=position,
                sku=claim.line.sku,
                title=claim.line.title,
                quantity=claim.quantity,
                worth=claim.worth,
                amount=claim.amount,
            )
            for position, claim in enumerate(claims)
        ],
        using_db=tx,
    )
    for claim in claims:
        claim.line.claimed_quantity += claim.quantity
        claim.line.claimed_amount += claim.worth
        await claim.line.save(using_db=tx, update_fields=["claimed_quantity", "claimed_amount"])


def new_number() -> str:
    """A refund number people can read out: R, the day, and 40 random bits."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"R{clock.now():%y%m%d}-{letters}"
