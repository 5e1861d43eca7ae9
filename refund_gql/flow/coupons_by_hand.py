"""Coupons that staff give, at once, and have tried again or made worthless."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from pydantic import TypeAdapter

from refund_gql import database, validation
from refund_gql.auth import Viewer
from refund_gql.choices import CouponPurpose, CouponStatus, DiscretionStep, Purpose
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.flow import discretion, discretion_tasks, errands, journal, ledger
from refund_gql.flow.coupons import JOB, want
from refund_gql.flow.discretion_tasks import Wish
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import Coupon, Refund, Shop
from refund_gql.money import Money
from refund_gql.roles import Role

MAX_VALID_DAYS = 3_650
_GIVERS = (Role.OWNER, Role.AGENT)
_IDS = UUID("0b4a6a57-5c0d-5f43-9b0e-8d5e6a1f7c21")
"""The namespace of the coupons that staff give; never changes."""


@dataclass(frozen=True, kw_only=True)
class CouponDraft:
    """A coupon that staff give; amounts in minor units of the shop's currency."""

    refund_id: UUID
    purpose: CouponPurpose
    amount: int
    least_order_amount: int = 0
    valid_days: int | None = None
    """None: it does not end."""


async def give(
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
    """`give`, in an open change. Raises OverBudget for a compensation beyond it."""
    _require_customer(change.refund)
    await _require_discretion(change, draft.amount)
    coupon = Coupon(
        id=coupon_id,
        purpose=draft.purpose,
        amount=draft.amount,
        least_order_amount=draft.least_order_amount,
        valid_days=draft.valid_days,
    )
    await want(change, [coupon])
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
        if coupon.purpose is CouponPurpose.EXCHANGE:
            # Her refund is over for it: without it, she would have neither.
            raise _wrong(
                coupon,
                "a coupon that was not taken in place of money",
                "非换券方案的优惠券（顾客已放弃退款换取该券）",
            )
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
