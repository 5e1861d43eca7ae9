"""Refund first, goods later (先退款后收货): the money goes out while the goods are still away.

A rule may grant it to a customer whom the shop trusts, within the limit of their tier; so may
staff on their own. Beyond the limit, finance has to release the money, whatever the amount.
"""

from collections.abc import Sequence

from refund_gql.errors import InvalidInput
from refund_gql.events import EventType
from refund_gql.flow import exposures, overdue, payout, returns
from refund_gql.flow.exposures import Room
from refund_gql.flow.journal import Change
from refund_gql.models import Capture, OrderLine, Refund, RefundLine
from refund_gql.money import Money
from refund_gql.rules.actions import RefundFirst, Words
from refund_gql.states import RefundKind


async def room_for(
    change: Change,
    wish: RefundFirst,
    captures: Sequence[Capture],
    *,
    tier: str | None,
    all_sent: bool,
) -> Room | Words:
    """The room that a rule's wish fits into, or why a person decides instead. With a room,
    nobody else grants anything to the customer until the change is over."""
    refund = change.refund
    if refusal := _unfit(refund, captures, all_sent):
        return refusal
    assert refund.customer_id is not None, "what has no customer is unfit"
    room = await exposures.room(change, refund.customer_id, tier=tier)
    return _too_much(refund, wish, room) or room


def all_sent(lines: Sequence[RefundLine], order: Sequence[OrderLine]) -> bool:
    """True when every unit that is asked for can come back: its whole order line was sent."""
    whole = {line.id for line in order if line.shipped_quantity == line.quantity}
    return all(line.order_line_id in whole for line in lines)


def _unfit(refund: Refund, captures: Sequence[Capture], all_sent: bool) -> Words | None:
    if refund.kind is not RefundKind.RETURN_AND_REFUND or not all_sent:
        return Words(
            zh="先退款后收货仅适用于已发货商品的退货退款",
            en="refund first is for goods that were sent and come back",
        )
    if refund.customer_id is None:
        return Words(zh="订单没有顾客信息", en="the customer is not known")
    if refund.amount == 0 or not payout.covers(captures, refund.amount):
        return Words(zh="没有可先行支付的款项", en="there is no money to pay first")
    return None


def _too_much(refund: Refund, wish: RefundFirst, room: Room) -> Words | None:
    if refund.currency != room.currency:
        return Words(
            zh=f"退款币种为 {refund.currency}，先行退款额度以 {room.currency} 计",
            en=f"it is in {refund.currency}, and what may be paid first is in {room.currency}",
        )
    amount = Money(amount=refund.amount, currency=room.currency)
    if wish.most is not None and refund.amount > wish.most:
        most = Money(amount=wish.most, currency=room.currency)
        return Words(
            zh=f"退款 {amount} 超过该规则的上限 {most}",
            en=f"{amount} is more than the rule's {most}",
        )
    return None if room.holds(refund.amount, refund.currency) else _beyond(amount, room)


def _beyond(amount: Money, room: Room) -> Words:
    limit, used = (
        Money(amount=figure, currency=room.currency)
        for figure in (room.limit, room.open + room.claimed)
    )
    return Words(
        zh=f"退款 {amount} 超出该顾客的先行退款额度（额度 {limit}，已占用 {used}）",
        en=f"{amount} is beyond what the customer may get first ({used} of {limit} are used)",
    )


# --- the money is committed -------------------------------------------------------------------


async def within_limit(change: Change) -> bool:
    """Whether the money may go first without finance. Nobody else grants anything to the
    customer until the change is over."""
    room = await _room(change)
    return room.holds(change.refund.amount, change.refund.currency)


async def commit(change: Change, captures: Sequence[Capture], room: Room | None = None) -> None:
    """Pay, and wait for the goods: a return, an exposure, and the day it is looked at again."""
    room = room or await _room(change)
    await payout.open_payouts(change, captures)
    await returns.open_return(change)
    exposure = await exposures.grant(change, room)
    await change.record(
        EventType.GOODS_AWAITED,
        {"exposure": str(exposure.id), "amount": exposure.amount, "currency": exposure.currency},
    )
    await overdue.schedule(change, exposure)


async def _room(change: Change) -> Room:
    customer_id = change.refund.customer_id
    assert customer_id is not None, "`propose` lets nobody in without a customer"
    tier = await exposures.kept_tier(change, customer_id)
    return await exposures.room(change, customer_id, tier=tier)


# --- staff propose ----------------------------------------------------------------------------


async def propose(change: Change) -> None:
    """Mark the refund as one whose goods follow its money.

    Raises InvalidInput where they cannot: nothing was sent, or nobody is known to send it back.
    """
    refund = change.refund
    lines = await RefundLine.filter(refund_id=refund.id).using_db(change.tx)
    ids = [line.order_line_id for line in lines]
    sent = all_sent(lines, await OrderLine.filter(id__in=ids).using_db(change.tx))
    if not sent or refund.customer_id is None or refund.amount == 0:
        raise InvalidInput(
            field="refundId",
            found=str(refund.number),
            expected="a refund of more than zero to a known customer, of goods that were all sent",
            zh="金额大于零、顾客信息已知且商品均已发货的退款",
        )
    refund.kind, refund.goods_later = RefundKind.RETURN_AND_REFUND, True
