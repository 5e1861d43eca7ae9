"""From a wanted coupon to one that the customer has, or to one that is worthless: job `coupon`."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from refund_gql.choices import CouponStatus
from refund_gql.events import EventType
from refund_gql.flow import coupons, ledger, risk
from refund_gql.flow.errands import Crms, Errand
from refund_gql.flow.journal import Change
from refund_gql.models import Coupon, Shop
from refund_gql.providers import Coupon as Issued
from refund_gql.providers import CouponIssuer, CouponRequest, Crm
from refund_gql.registry import Connection
from refund_gql.validation import printable

ALREADY_USED = "ALREADY_USED"
"""Why a coupon could not be revoked: the customer was faster."""
_REQUEST = TypeAdapter(CouponRequest)

MISSING = """
select 'coupon' as kind, c.id as subject, 'coupon:' || c.id || ':missing' as key
  from coupon c join refund r on r.id = c.refund_id
 where c.status in ('ISSUING', 'REVOKING')
    or c.status = 'WANTED'
   and (c.evaluation_id is null or c.problem is not null or r.status = 'REFUNDED')
"""
"""The coupons that must have a live job, as the reconciler's sweep wants them."""


async def serve(crms: Crms, coupon_id: UUID) -> None:
    """The job `coupon`: one try to issue it, or to revoke it."""
    coupon = await Coupon.get_or_none(id=coupon_id)
    if coupon is None:
        return  # forgotten, since its refund was asked for otherwise
    errand = _REVOKING if coupon.status is CouponStatus.REVOKING else _ISSUING
    await errand.run(crms, coupon_id)


async def _request(change: Change, coupon: Coupon) -> Mapping[str, Any]:
    shop = await Shop.filter(id=coupon.shop_id).using_db(change.tx).get()
    if coupon.valid_days is not None:
        coupon.valid_until = last_moment(change.now, coupon.valid_days, shop.time_zone)
    request = CouponRequest(
        number=coupon.number,
        customer=await risk.key(coupon.customer_id, change.tx),
        amount=coupon.amount,
        currency=coupon.currency,
        least_order_amount=coupon.least_order_amount,
        valid_until=coupon.valid_until,
    )
    stored: Mapping[str, Any] = _REQUEST.dump_python(request, mode="json")
    return stored


def last_moment(now: datetime, days: int, time_zone: str) -> datetime:
    """The last second of the last of so many days after today, where the shop is: a coupon is
    good for the whole of the day that its text names."""
    zone = ZoneInfo(time_zone)
    last = now.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(last, time(23, 59, 59), tzinfo=zone).astimezone(UTC)


async def _issue(line: Connection[Crm], coupon: Coupon) -> Issued:
    request = _REQUEST.validate_python(coupon.request)
    issued = await line.call("issue_coupon", lambda crm: _issuer(crm).issue_coupon(request))
    if not isinstance(issued, Issued) or issued.number != coupon.number:
        raise TypeError("issue_coupon answers with the Coupon of the number it was asked for")
    if not printable(issued.code, longest=64):
        raise TypeError("the coupon has no code that a customer could enter")
    return issued


async def _issued(change: Change, coupon: Coupon, issued: Issued) -> None:
    coupon.status, coupon.issued_at = CouponStatus.ISSUED, change.now
    coupon.code, coupon.request = printable(issued.code, longest=64), {}
    payload = {
        "coupon": str(coupon.id),
        "purpose": coupon.purpose.value,
        "amount": coupon.amount,
        "currency": coupon.currency,
    }
    await change.record(EventType.COUPON_ISSUED, payload)


async def _nothing_to_send(change: Change, coupon: Coupon) -> Mapping[str, Any]:
    return {}


async def _revoke(line: Connection[Crm], coupon: Coupon) -> bool:
    revoked = await line.call(
        "revoke_coupon", lambda crm: _issuer(crm).revoke_coupon(coupon.number)
    )
    if not isinstance(revoked, bool):
        raise TypeError("revoke_coupon answers with True or False")
    return revoked


async def _revoked(change: Change, coupon: Coupon, revoked: bool) -> None:
    if not revoked:
        coupon.status, coupon.problem = CouponStatus.ISSUED, ALREADY_USED
        coupon.error = "the customer has used it"
        return
    coupon.status, coupon.revoked_at = CouponStatus.REVOKED, change.now
    await ledger.give_back_coupon(change.tx, coupon.id, change.now)
    await change.record(EventType.COUPON_REVOKED, {"coupon": str(coupon.id)})


def _issuer(crm: Crm) -> CouponIssuer:
    assert isinstance(crm, CouponIssuer), "chosen because it is one"
    return crm


_ISSUING: Errand[Coupon, Issued] = Errand(
    job=coupons.JOB,
    rows=Coupon,
    ability=CouponIssuer,
    waiting=CouponStatus.WANTED,
    calling=CouponStatus.ISSUING,
    failed=CouponStatus.FAILED,
    ready=coupons.is_due,
    request=_request,
    call=_issue,
    done=_issued,
)
_REVOKING: Errand[Coupon, bool] = Errand(
    job=coupons.JOB,
    rows=Coupon,
    ability=CouponIssuer,
    waiting=CouponStatus.REVOKING,
    calling=CouponStatus.REVOKING,
    failed=CouponStatus.ISSUED,
    ready=lambda change, coupon: True,
    request=_nothing_to_send,
    call=_revoke,
    done=_revoked,
)
