"""Points and coupons on their way back to the customer: the job `restore`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from refund_gql.choices import RestitutionKind, RestitutionStatus
from refund_gql.events import EventType
from refund_gql.flow import restitution, risk
from refund_gql.flow.errands import Crms, Errand
from refund_gql.flow.journal import Change
from refund_gql.models import Restitution
from refund_gql.providers import Crm, CustomerKey, LoyaltyLedger
from refund_gql.registry import Connection

_CUSTOMER = TypeAdapter(CustomerKey)

MISSING = """
select 'restore' as kind, id as subject, 'restore:' || id || ':missing' as key
  from restitution where status in ('WANTED', 'RESTORING')
"""
"""What must have a live job, as the reconciler's sweep wants it."""


async def restore(crms: Crms, restitution_id: UUID) -> None:
    """The job `restore`: one try."""
    await _RESTORING.run(crms, restitution_id)


async def _request(change: Change, row: Restitution) -> Mapping[str, Any]:
    customer = await risk.key(row.customer_id, change.tx)
    stored: Mapping[str, Any] = _CUSTOMER.dump_python(customer, mode="json")
    return stored


async def _restore(line: Connection[Crm], row: Restitution) -> bool:
    customer = _CUSTOMER.validate_python(row.request)
    if row.kind is RestitutionKind.POINTS:
        await line.call(
            "restore_points",
            lambda crm: _ledger(crm).restore_points(row.number, customer, row.points),
        )
    else:
        await line.call(
            "restore_coupon",
            lambda crm: _ledger(crm).restore_coupon(row.number, customer, row.code),
        )
    return True


async def _restored(change: Change, row: Restitution, restored: bool) -> None:
    row.status, row.restored_at = RestitutionStatus.RESTORED, change.now
    row.request = {}
    about: dict[str, Any] = {"restitution": str(row.id)}
    if row.kind is RestitutionKind.POINTS:
        await change.record(EventType.POINTS_RESTORED, {**about, "points": row.points})
    else:
        await change.record(EventType.COUPON_RESTORED, about)


def _ledger(crm: Crm) -> LoyaltyLedger:
    assert isinstance(crm, LoyaltyLedger), "chosen because it is one"
    return crm


_RESTORING: Errand[Restitution, bool] = Errand(
    job=restitution.JOB,
    rows=Restitution,
    ability=LoyaltyLedger,
    waiting=RestitutionStatus.WANTED,
    calling=RestitutionStatus.RESTORING,
    failed=RestitutionStatus.FAILED,
    ready=lambda change, row: True,
    request=_request,
    call=_restore,
    done=_restored,
)
