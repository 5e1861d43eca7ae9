"""Who gets a coupon: wanted by a rule or by staff, once, and issued by `issuing`.

What a rule gives waits until the goods are on their way back or the money is: nobody gets a
coupon for asking, and no payment waits for one. What staff give: see `coupons_by_hand`.
"""

from collections.abc import Sequence
from uuid import UUID

import orjson

from refund_gql.choices import CouponPurpose, CouponStatus
from refund_gql.database import Transaction
from refund_gql.flow import errands
from refund_gql.flow.journal import Change
from refund_gql.models import Coupon, Shop
from refund_gql.rules import actions
from refund_gql.rules.actions import Action, Compensate, IssueCoupon
from refund_gql.states import RefundStatus

JOB = "coupon"

DUE = frozenset(
    {
        RefundStatus.RETURNING,
        RefundStatus.INSPECTION,
        RefundStatus.FINANCE_REVIEW,
        RefundStatus.REFUNDED,
    }
)
"""Where the refund must stand for what a rule gives to be issued."""

_RULES = """
select u.rule_id from rule_use u join rule_version v on v.id = u.rule_version_id
 where u.evaluation_id = $1 and u.mode = 'LIVE' and v.actions @> $2::jsonb order by u.rule_id
"""
_WITHDRAW = """
update coupon set status = 'WITHDRAWN'
 where refund_id = $1 and status = 'WANTED' and evaluation_id is not null
"""
_UNWANT = """
delete from coupon where refund_id = $1 and status = 'WANTED' and evaluation_id is not null
   and crm is null
"""


# --- what rules give --------------------------------------------------------------------------


async def give(change: Change, action: IssueCoupon, evaluation_id: UUID) -> None:
    """The effect of ISSUE_COUPON: a gift, once per refund and rule."""
    rules = await _rules(change.tx, action, evaluation_id)
    await want(
        change,
        [
            Coupon(
                purpose=CouponPurpose.GIFT,
                amount=action.amount,
                least_order_amount=action.least_order_amount,
                valid_days=action.valid_days,
                evaluation_id=evaluation_id,
                rule_id=rule_id,
            )
            for rule_id in rules
        ],
    )


async def compensate(change: Change, action: Compensate, evaluation_id: UUID) -> None:
    """The effect of COMPENSATE: store credit, since a payment cannot return more than it took;
    once per order."""
    rules = await _rules(change.tx, action, evaluation_id)
    credit = Coupon(
        purpose=CouponPurpose.COMPENSATION,
        amount=action.amount,
        evaluation_id=evaluation_id,
        rule_id=rules[0],
    )
    await want(change, [credit])


async def _rules(tx: Transaction, action: Action, evaluation_id: UUID) -> list[UUID]:
    """The rules that acted in an evaluation and say this very thing."""
    said = orjson.dumps(actions.stored([action])).decode()
    rows = await tx.execute_query_dict(_RULES, [evaluation_id, said])
    return [row["rule_id"] for row in rows]


async def want(change: Change, drafts: Sequence[Coupon]) -> None:
    """Store the coupons that are not there yet, and have them issued. A refund of nobody known
    gets none; the database refuses a second one, whoever asks at the same time."""
    refund = change.refund
    if refund.customer_id is None:
        return
    shop = await Shop.filter(id=refund.shop_id).using_db(change.tx).get()
    for draft in drafts:
        draft.shop_id, draft.refund_id = refund.shop_id, refund.id
        draft.order_id, draft.customer_id = refund.order_id, refund.customer_id
        draft.number, draft.currency = f"CP{draft.id.hex.upper()}", shop.currency
        draft.wanted_by, draft.wanted_by_name = change.viewer.actor, change.viewer.name
        draft.wanted_at = draft.created_at = change.now
    await Coupon.bulk_create(drafts, ignore_conflicts=True, using_db=change.tx)
    stored = Coupon.filter(id__in=[draft.id for draft in drafts]).using_db(change.tx)
    for coupon in await stored.order_by("id"):
        if is_due(change, coupon):
            await errands.schedule(change, JOB, coupon)


def is_due(change: Change, coupon: Coupon) -> bool:
    """Whether it is to be issued now, or waits for the refund. One that a CRM system may have
    issued already waits for nothing."""
    by_rule = coupon.evaluation_id is not None and coupon.status is CouponStatus.WANTED
    return not by_rule or change.refund.status in DUE


async def exchange(change: Change, amount: int, *, valid_days: int | None) -> None:
    """What a customer took in place of her money, issued at once; minor units of the shop's
    currency."""
    taken = Coupon(purpose=CouponPurpose.EXCHANGE, amount=amount, valid_days=valid_days)
    await want(change, [taken])


# --- the refund decides -----------------------------------------------------------------------


async def withdraw(change: Change) -> None:
    """The refund came to nothing: what rules wanted to give for it is not given. What may be
    with the customer already stays."""
    await change.tx.execute_query(_WITHDRAW, [change.refund.id])


async def forget(change: Change) -> None:
    """The request has changed, and the rules will look again: what they wanted to give for what
    it was is forgotten. No CRM system has heard of it."""
    await change.tx.execute_query(_UNWANT, [change.refund.id])


async def wake(change: Change) -> None:
    """The refund is paid: what has waited for that is issued now. What waits for a CRM system
    has a job already."""
    rows = Coupon.filter(refund_id=change.refund.id, status=CouponStatus.WANTED, problem=None)
    for coupon in await rows.using_db(change.tx).order_by("id"):
        await errands.schedule(change, JOB, coupon)
