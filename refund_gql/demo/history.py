"""The refunds of the last half year, with the shares that the trade reports.

The figures are the claims of one shop operator: reasons over 500 refunds, and how long handling
took. They hold here to the nearest refund, because they are dealt out, not drawn.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple, TypeVar

from refund_gql.auth import system
from refund_gql.choices import Fulfilment
from refund_gql.database import Transaction
from refund_gql.demo.trade import Sale, Trade, basket, course, insert
from refund_gql.events import GENESIS, EventType, chain_hash
from refund_gql.flow import policy
from refund_gql.models import Event, OrderLine, ReasonTag, Refund, RefundLine
from refund_gql.money import allocate
from refund_gql.states import RefundKind, RefundStatus

T = TypeVar("T")

COUNT = 200
"""Refunds of the past."""
REASONS = {
    "ordered-by-mistake": 38,
    "not-as-described": 22,
    "logistics": 18,
    "changed-mind": 15,
    "other": 7,
}
"""The default reason tags -> per cent of all refunds."""


class Handling(NamedTuple):
    """From request to money: at least `least`, less than `most`."""

    least: timedelta
    most: timedelta


HANDLING = {
    Handling(timedelta(seconds=37), timedelta(hours=24)): 42,
    Handling(timedelta(hours=24), timedelta(days=3)): 35,
    Handling(timedelta(days=3), timedelta(days=7)): 18,
    Handling(timedelta(days=7), timedelta(days=12)): 5,
}
"""How long it took -> per cent of all refunds."""

_SENT = {
    "ordered-by-mistake": Fulfilment.UNSHIPPED,
    "not-as-described": Fulfilment.DELIVERED,
    "logistics": Fulfilment.SHIPPED,
    "changed-mind": Fulfilment.DELIVERED,
    "other": Fulfilment.DELIVERED,
}
"""How far the goods had come when somebody asked for this reason."""
_NOTES = {
    "ordered-by-mistake": ("颜色拍错了", "多拍了一件", "Ordered the wrong size", "地址填错了"),
    "not-as-described": ("色差太大", "不保温", "Smaller than the picture", "面料和描述不一样"),
    "logistics": ("物流一直不更新", "Parcel never arrived", "包裹丢失", "超过一周还没到"),
    "changed-mind": ("不喜欢", "Does not suit me", "不想要了", "穿上不好看"),
    "other": ("", "家人已经买了", "Found it in the cupboard", ""),
}
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SPAN = timedelta(days=180)


@dataclass(kw_only=True)
class History:
    """Finished refunds, to be written together with their orders."""

    refunds: list[Refund] = field(default_factory=list)
    lines: list[RefundLine] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    async def write(self, tx: Transaction) -> None:
        """Write every row; the orders must be there."""
        await insert(tx, self.refunds)
        await insert(tx, self.lines)
        await insert(tx, self.events)


def make(trade: Trade, reasons: Mapping[str, ReasonTag]) -> History:
    """The refunds of the last half year; sells what they refund."""
    rng, history = trade.rng, History()
    for reason, handling in _pairs(rng):
        took = handling.least + rng.random() * (handling.most - handling.least)
        finished_at = trade.now - timedelta(hours=1) - rng.random() * _SPAN
        requested_at = finished_at - took
        placed_at, parcel = course(rng, _SENT[reason], requested_at)
        sale = trade.sell(basket(rng), placed_at=placed_at, parcel=parcel)
        refund = _refund(sale, reasons[reason], rng, requested_at, finished_at)
        history.lines += _claim(refund, sale, reasons[reason], rng)
        history.refunds.append(refund)
        history.events.append(_event(refund, finished_at))
    return history


def deal(rng: Random, shares: Mapping[T, int], count: int) -> list[T]:
    """So many things in random order, each as often as its share, exact to the nearest one."""
    parts = allocate(count, list(shares.values()))
    deck = [thing for thing, part in zip(shares, parts, strict=True) for _ in range(part)]
    rng.shuffle(deck)
    return deck


def _pairs(rng: Random) -> Iterator[tuple[str, Handling]]:
    """A reason and a time for each refund. Goods that have to come back mostly take longer."""

    def slowness(reason: str) -> float:
        return (_SENT[reason] is Fulfilment.DELIVERED) + rng.uniform(0, 1.6)

    reasons = sorted(deal(rng, REASONS, COUNT), key=slowness)
    return zip(reasons, sorted(deal(rng, HANDLING, COUNT)), strict=True)


def _refund(
    sale: Sale, reason: ReasonTag, rng: Random, requested_at: datetime, finished_at: datetime
) -> Refund:
    """A finished refund of nothing yet."""
    order = sale.order
    returned = _SENT[reason.code] is Fulfilment.DELIVERED
    letters = "".join(rng.choices(_ALPHABET, k=8))
    return Refund(
        shop_id=order.shop_id,
        order_id=order.id,
        customer_id=order.customer_id,
        number=f"R{requested_at:%y%m%d}-{letters}",
        kind=RefundKind.RETURN_AND_REFUND if returned else RefundKind.REFUND_ONLY,
        status=RefundStatus.REFUNDED,
        version=1,
        currency=order.currency,
        stated_reason_id=reason.id,
        note=rng.choice(_NOTES[reason.code]),
        requested_by=f"CUSTOMER:{order.customer_id}",
        imported=True,
        requested_at=requested_at,
        approved_at=finished_at,
        finished_at=finished_at,
        updated_at=finished_at,
    )


def _claim(refund: Refund, sale: Sale, reason: ReasonTag, rng: Random) -> list[RefundLine]:
    """Take one line or everything, and count it against the order and its capture."""
    everything = rng.random() < 0.4
    lines = sale.lines if everything else sale.lines[:1]
    refund_lines = [_claim_line(refund, position, line) for position, line in enumerate(lines)]
    refund.goods_amount = sum(line.amount for line in refund_lines)
    if policy.refunds_shipping(
        lines,
        takes_everything=len(lines) == len(sale.lines),
        seller_at_fault=reason.seller_at_fault,
    ):
        refund.shipping_amount = sale.order.shipping_claimed = sale.order.shipping_amount
    refund.amount = refund.goods_amount + refund.shipping_amount
    sale.capture.reserved = refund.amount
    return refund_lines


def _claim_line(refund: Refund, position: int, line: OrderLine) -> RefundLine:
    line.claimed_quantity, line.claimed_amount = line.quantity, line.amount
    return RefundLine(
        shop_id=refund.shop_id,
        refund_id=refund.id,
        order_line_id=line.id,
        position=position,
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        worth=line.amount,
        amount=line.amount,
    )


def _event(refund: Refund, at: datetime) -> Event:
    """The only one: this engine did not see how it came about. Sets the refund's head."""
    engine = system(refund.shop_id)
    payload = {"amount": refund.amount, "currency": refund.currency}
    refund.head = chain_hash(
        GENESIS,
        refund_id=str(refund.id),
        version=refund.version,
        type=EventType.IMPORTED,
        at=at,
        actor=engine.actor,
        payload=payload,
    )
    return Event(
        shop_id=refund.shop_id,
        refund_id=refund.id,
        version=refund.version,
        type=EventType.IMPORTED,
        status=refund.status,
        payload=payload,
        actor=engine.actor,
        actor_name=engine.name,
        at=at,
        hash=refund.head,
    )
