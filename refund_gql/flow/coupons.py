"""Who gets a coupon: wanted by a rule or by staff, once, and issued by `issuing`.

What a rule gives waits until the goods are on their way back or the money is: nobody gets a
coupon for asking, and no payment waits for one. What staff give is given at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

import orjson
from pydantic import TypeAdapter

from refund_gql import database, validation
from refund_gql.auth import Viewer
from refund_gql.choices import CouponPurpose, CouponStatus, DiscretionStep, Purpose
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.flow import discretion, discretion_tasks, errands, journal, ledger
from refund_gql.flow.discretion_tasks import Wish
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Coupon, Refund, Shop
from refund_gql.money import Money
from refund_gql.roles import Role
from refund_gql.rules import actions
from refund_gql.rules.actions import Action, Compensate, IssueCoupon
from refund_gql.states import RefundStatus

JOB = "coupon"
MAX_VALID_DAYS = 3_650
_GIVERS = (Role.OWNER, Role.AGENT)
_IDS = UUID("0b4a6a57-5c0d-5f43-9b0e-8d5e6a1f7c21")
"""The namespace of the coupons that staff give; never changes."""

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


# --- what rules give --------------------------------------------------------------------------


async def give(change: Change, action: IssueCoupon, evaluation_id: UUID) -> None:
    """The effect of ISSUE_COUPON: a gift, once per refund and rule."""
    rules = await _rules(change.tx, action, evaluation_id)
    await _want(
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
    await _want(change, [credit])


async def _rules(tx: Transaction, action: Action, evaluation_id: UUID) -> list[UUID]:
    """The rules that acted in an evaluation and say this very thing."""
    said = orjson.dumps(actions.stored([action])).decode()
    rows = await tx.execute_query_dict(_RULES, [evaluation_id, said])
    return [row["rule_id"] for row in rows]


async def _want(change: Change, drafts: Sequence[Coupon]) -> None:
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
    await _want(change, [taken])


# --- the refund decides -----------------------------------------------------------------------


async def withdraw(change: Change) -> None:
    """The refund came to nothing: what rules wanted to give for it is not given. What may be
    with the customer already stays."""
    await change.tx.execute_query(_WITHDRAW, [change.refund.id])


async def wake(change: Change) -> None:
    """The refund is paid: what has waited for that is issued now. What waits for a CRM system
    has a job already."""
    rows = Coupon.filter(refund_id=change.refund.id, status=CouponStatus.WANTED, problem=None)
    for coupon in await rows.using_db(change.tx).order_by("id"):
        await errands.schedule(change, JOB, coupon)


# --- what staff give --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class CouponDraft:
    """A coupon that staff give; amounts in minor units of the shop's currency."""

    refund_id: UUID
    purpose: CouponPurpose
    amount: int
    least_order_amount: int = 0
    valid_days: int | None = None
    """None: it does not end."""


async def give_by_hand(
    viewer: Viewer, draft: CouponDraft, *, expected_version: int | None = None, once: Once
) -> UUID:
    """Give a customer a coupon; returns its id. An agent may give as much as is paid without
    finance, an owner any amount.

    Raises NotAllowed, NotFound, InvalidInput, StaleVersion, IdempotencyConflict.
    """
    viewer.require(*_GIVERS)
    _check(draft)
    coupon_id = uuid5(_IDS, f"{viewer.shop_id}:{once.key}")

    async def work(change: Change) -> None:
        await hand_out(change, draft, coupon_id)

    wish = Wish(
        refund_id=draft.refund_id,
        step=DiscretionStep.ISSUE_COUPON,
        input=_DRAFT.dump_python(draft, mode="json"),
    )
    await discretion_tasks.or_ask(
        viewer,
        wish,
        lambda: journal.change(
            viewer, draft.refund_id, work, expected_version=expected_version, once=once
        ),
    )
    return coupon_id


async def hand_out(change: Change, draft: CouponDraft, coupon_id: UUID) -> None:
    """`give_by_hand`, in an open change. Raises OverBudget for a compensation beyond it."""
    _require_customer(change.refund)
    await _require_discretion(change, draft.amount)
    coupon = Coupon(
        id=coupon_id,
        purpose=draft.purpose,
        amount=draft.amount,
        least_order_amount=draft.least_order_amount,
        valid_days=draft.valid_days,
    )
    await _want(change, [coupon])
    if not await Coupon.filter(id=coupon_id).using_db(change.tx).exists():
        raise InvalidInput(
            field="purpose",
            found=draft.purpose.value,
            expected="GIFT: the order has had its compensation already",
            zh="GIFT：该订单已有一张补偿券",
        )
    if draft.purpose is CouponPurpose.COMPENSATION:
        await discretion.charge(
            change,
            Purpose.COMPENSATION,
            draft.amount,
            currency=coupon.currency,
            coupon_id=coupon_id,
        )


def drafted(stored: object) -> CouponDraft:
    """The coupon that a wish beyond somebody's budget was about."""
    return _DRAFT.validate_python(stored)


_DRAFT = TypeAdapter(CouponDraft)


def _check(draft: CouponDraft) -> None:
    if draft.purpose is CouponPurpose.EXCHANGE:
        raise InvalidInput(
            field="purpose",
            found=draft.purpose.value,
            expected="another purpose: an exchange is offered, and the customer accepts it",
            zh="其他用途：换券需先提出方案，由顾客接受",
        )
    validation.minor_units("amount", draft.amount, least=1)
    validation.minor_units("leastOrderAmount", draft.least_order_amount)
    if draft.valid_days is not None:
        validation.whole("validDays", draft.valid_days, least=1, most=MAX_VALID_DAYS)


def _require_customer(refund: Refund) -> None:
    if refund.customer_id is None:
        raise InvalidInput(
            field="refundId",
            found=refund.number,
            expected="a refund whose customer is known",
            zh="顾客已知的退款单",
        )


async def _require_discretion(change: Change, amount: int) -> None:
    if change.viewer.role is Role.OWNER:
        return
    shop = await Shop.filter(id=change.viewer.shop_id).using_db(change.tx).get()
    if amount > shop.finance_threshold:
        most = Money(amount=shop.finance_threshold, currency=shop.currency)
        raise InvalidInput(
            field="amount",
            found=str(Money(amount=amount, currency=shop.currency)),
            expected=f"at most {most}, which is paid without finance; the owner may give more",
            zh=f"最多 {most}（免财务审核额度）；更高金额请由店主发放",
        )


async def retry(viewer: Viewer, coupon_id: UUID, *, once: Once) -> UUID:
    """Have a coupon tried again at once, with its own number: one that failed, or that waits
    for a CRM system. Raises NotAllowed, NotFound, InvalidInput, IdempotencyConflict."""
    viewer.require(*_GIVERS)
    found = await _found(viewer, coupon_id)

    async def work(change: Change) -> None:
        coupon = await _locked(change, coupon_id)
        if coupon.status is CouponStatus.FAILED:
            # Whoever was called may have done it, so it stays in doubt until it is asked again.
            coupon.status = CouponStatus.ISSUING if coupon.crm else CouponStatus.WANTED
        elif coupon.status not in (CouponStatus.WANTED, CouponStatus.ISSUING):
            raise _wrong(coupon, "a coupon that FAILED or waits", "发放失败或等待发放的优惠券")
        coupon.wanted_at, coupon.problem, coupon.error = change.now, None, None
        await coupon.save(using_db=change.tx)
        await errands.schedule(change, JOB, coupon, change.now)

    await journal.change(viewer, found.refund_id, work, once=once)
    return coupon_id


async def revoke(viewer: Viewer, coupon_id: UUID, *, once: Once) -> UUID:
    """Make a coupon worthless: at once when it was never issued, else as soon as the CRM system
    confirms it. Raises NotAllowed, NotFound, InvalidInput, IdempotencyConflict."""
    viewer.require(*_GIVERS)
    found = await _found(viewer, coupon_id)

    async def work(change: Change) -> None:
        coupon = await _locked(change, coupon_id)
        coupon.problem = coupon.error = None
        if coupon.status is CouponStatus.ISSUED:
            coupon.status, coupon.wanted_at = CouponStatus.REVOKING, change.now
            await errands.schedule(change, JOB, coupon, change.now)
        elif coupon.crm is None and coupon.status in (CouponStatus.WANTED, CouponStatus.FAILED):
            coupon.status = CouponStatus.WITHDRAWN
            await ledger.give_back_coupon(change.tx, coupon.id, change.now)
        else:
            raise _wrong(
                coupon,
                "a coupon that is ISSUED, or that no CRM system has heard of",
                "已发放、或尚未提交给 CRM 的优惠券",
            )
        await coupon.save(using_db=change.tx)

    await journal.change(viewer, found.refund_id, work, once=once)
    return coupon_id


def _wrong(coupon: Coupon, expected: str, zh: str) -> InvalidInput:
    return InvalidInput(field="id", found=coupon.status.value, expected=expected, zh=zh)


async def _found(viewer: Viewer, coupon_id: UUID) -> Coupon:
    rows = Coupon.filter(id=coupon_id, shop_id=viewer.shop_id)
    found = await database.read(rows.first)
    if found is None:
        raise NotFound(kind="Coupon", id=str(coupon_id))
    return found


async def _locked(change: Change, coupon_id: UUID) -> Coupon:
    return await Coupon.filter(id=coupon_id).using_db(change.tx).select_for_update().get()
