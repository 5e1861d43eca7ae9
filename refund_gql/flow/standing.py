"""Where a customer stands: what is kept about her risk, and the moment in which it changes.

Whoever changes something that counts (a CRM system's answer, the assessment of her history, a
flag) holds the row's lock, changes it, and calls `settle`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from refund_gql.choices import RuleTrigger
from refund_gql.database import Transaction
from refund_gql.flow import occasions
from refund_gql.flow.signals import Risk, Signal, loaded
from refund_gql.models import CustomerFlag, CustomerRisk, Refund, new_id
from refund_gql.providers import RiskLevel
from refund_gql.states import FINAL

_log = structlog.get_logger(__name__)

_MAKE = """
insert into customer_risk (id, shop_id, customer_id, version, known, flags_version, flags_told)
values ($1, $2, $3, 0, false, 0, 0) on conflict (shop_id, customer_id) do nothing
"""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What counts in a comparison."""

    level: RiskLevel | None
    flags: tuple[str, ...]

    def differs(self, other: "Standing") -> bool:
        """True when there is news. A customer of whom nothing is known, and one of whom nothing
        bad is known, are alike: a CRM system that comes and goes is no news about her."""
        return self.flags != other.flags or self._raised != other._raised

    @property
    def _raised(self) -> RiskLevel | None:
        return None if self.level is RiskLevel.LOW else self.level


@dataclass(frozen=True, kw_only=True)
class RiskChange:
    """What is known of a customer's risk has changed."""

    shop_id: UUID
    customer_id: UUID
    version: int
    """Counts her changes, from 1: the same number is the same news."""
    before: Standing
    after: Standing
    refunds: tuple[UUID, ...]
    """Her refunds that are not over, ids ascending."""


async def lock(tx: Transaction, shop_id: UUID, customer_id: UUID) -> CustomerRisk:
    """The customer's row for whoever changes it, made if there is none. Refunds, orders and
    captures are locked before it."""
    await tx.execute_query(_MAKE, [new_id(), shop_id, customer_id])
    rows = CustomerRisk.filter(shop_id=shop_id, customer_id=customer_id).using_db(tx)
    return await rows.select_for_update(no_key=True).get()


async def settle(tx: Transaction, row: CustomerRisk) -> None:
    """Write a locked row that has changed, and notice what that means for its customer."""
    flags = CustomerFlag.filter(customer_id=row.customer_id, removed_at=None).using_db(tx)
    risk = kept(row, await flags)
    before = Standing(level=row.level, flags=tuple(row.flags))
    after = Standing(level=risk.level, flags=risk.flags)
    row.level, row.flags = after.level, list(after.flags)
    ends = [signal.expires_at for signal in risk.holding if signal.expires_at is not None]
    row.changes_at = min(ends, default=None)
    news = after.differs(before)
    row.version += news
    await row.save(using_db=tx)
    if news:
        await _noticed(tx, await _change(tx, row, before, after))


def kept(row: CustomerRisk, flags: Sequence[CustomerFlag]) -> Risk:
    """What a row and the flags that were not removed come to. Pure, but for the time."""
    told, own = loaded(row.signals), loaded(row.own_signals)
    return Risk(
        known=row.known,
        tier=row.tier,
        signals=(*told, *own, *(Signal.of_flag(flag) for flag in flags)),
    )


async def _change(
    tx: Transaction, row: CustomerRisk, before: Standing, after: Standing
) -> RiskChange:
    refunds = Refund.filter(customer_id=row.customer_id, status__not_in=list(FINAL)).using_db(tx)
    return RiskChange(
        shop_id=row.shop_id,
        customer_id=row.customer_id,
        version=row.version,
        before=before,
        after=after,
        refunds=tuple(refund.id for refund in await refunds.order_by("id").only("id")),
    )


async def _noticed(tx: Transaction, change: RiskChange) -> None:
    """Have the shop's rules read over what is open of this customer's."""
    _log.info(
        "a customer's risk has changed",
        customer=str(change.customer_id),
        before=change.before.level,
        after=change.after.level,
        open_refunds=len(change.refunds),
    )
    trigger, cause = RuleTrigger.RISK_CHANGED, str(change.version)
    for refund_id in change.refunds:
        await occasions.ask(tx, change.shop_id, trigger, refund_id, cause)
