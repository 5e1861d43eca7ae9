"""How much each member of staff decides alone: budgets, and the ledger of what they decided.

A budget is checked and entered under a lock on the person's row, in the transaction of the
decision itself: two tabs cannot spend the same limit. Whoever has no budget has no limit; what
they decide is entered all the same. The engine, programs and customers have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from tortoise.expressions import Q

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.choices import Purpose, Span
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound, OverBudget
from refund_gql.flow.journal import Change
from refund_gql.models import Budget, DiscretionEntry, Shop, Staff, new_id
from refund_gql.roles import STAFF, Role

_LOCK = "select id from staff where id = $1 and shop_id = $2 for no key update"
_USED = """
select coalesce(sum(amount) filter (where refund_id = $4), 0)::bigint as "CASE",
       coalesce(sum(amount) filter (where at >= $5), 0)::bigint as "DAY",
       coalesce(sum(amount) filter (where at >= $6), 0)::bigint as "MONTH"
  from discretion_entry
 where staff_id = $1 and purpose = $2 and currency = $3 and reversed_at is null
   and (at >= $6 or refund_id = $4)
"""


@dataclass(frozen=True, kw_only=True)
class Room:
    """A limit, and what is left of it, in minor units of the shop's currency."""

    span: Span
    limit: int
    used: int

    @property
    def remaining(self) -> int:
        """Never below zero, though a limit may be set below what was used."""
        return max(self.limit - self.used, 0)


async def charge(
    change: Change, purpose: Purpose, amount: int, *, currency: str, coupon_id: UUID | None = None
) -> None:
    """Enter a decision of the viewer's over so many minor units. Raises OverBudget.

    Money in another currency than the shop's cannot be compared with a limit: where there is
    one, a colleague without any decides.
    """
    staff_id = change.viewer.staff_id
    if staff_id is None or amount == 0:
        return
    await change.tx.execute_query_dict(_LOCK, [staff_id, change.viewer.shop_id])
    shop = await Shop.filter(id=change.viewer.shop_id).using_db(change.tx).get()
    rooms = await _rooms(change, shop, purpose)
    for room in sorted(rooms, key=lambda room: room.remaining):
        if currency != shop.currency or amount > room.remaining:
            raise OverBudget(
                purpose=purpose.value,
                span=room.span.value,
                needed=amount,
                currency=currency,
                limit=room.limit,
                remaining=room.remaining,
                limit_currency=shop.currency,
                task=None,
            )
    await _enter(change, staff_id, purpose, amount, currency, coupon_id)


async def narrow(change: Change, purpose: Purpose, amount: int) -> None:
    """Of all that was offered this was accepted: only so much still counts, for this purpose."""
    entries = DiscretionEntry.filter(
        refund_id=change.refund.id, reversed_at=None, coupon_id=None
    ).using_db(change.tx)
    for entry in await entries.order_by("id"):
        if entry.purpose is purpose and entry.amount == amount:
            continue
        entry.reversed_at = change.now
        await entry.save(using_db=change.tx, update_fields=["reversed_at"])
        if entry.purpose is purpose:
            await _enter(change, entry.staff_id, purpose, amount, entry.currency, None)


async def _enter(
    change: Change,
    staff_id: UUID,
    purpose: Purpose,
    amount: int,
    currency: str,
    coupon_id: UUID | None,
) -> None:
    await DiscretionEntry.create(
        using_db=change.tx,
        shop_id=change.refund.shop_id,
        staff_id=staff_id,
        refund_id=change.refund.id,
        coupon_id=coupon_id,
        purpose=purpose,
        amount=amount,
        currency=currency,
        at=change.now,
    )


# --- what is left -----------------------------------------------------------------------------


async def _rooms(change: Change, shop: Shop, purpose: Purpose) -> list[Room]:
    viewer = change.viewer
    assert viewer.staff_id is not None, "only staff have budgets"
    budget = await _budget_of(change.tx, shop.id, viewer.staff_id, viewer.role, purpose)
    if budget is None:
        return []
    spent = await used(
        change.tx, shop, viewer.staff_id, purpose, change.now, refund_id=change.refund.id
    )
    return [Room(span=span, limit=limit, used=spent[span]) for span, limit in _limits(budget)]


async def _budget_of(
    tx: Transaction | None, shop_id: UUID, staff_id: UUID, role: Role, purpose: Purpose
) -> Budget | None:
    """The person's own budget, else that of her role."""
    rows = Budget.filter(Q(staff_id=staff_id) | Q(role=role), shop_id=shop_id, purpose=purpose)
    found = await rows.using_db(tx)
    return min(found, key=lambda row: row.staff_id is None, default=None)


def _limits(budget: Budget) -> Iterator[tuple[Span, int]]:
    limits = (
        (Span.CASE, budget.per_case),
        (Span.DAY, budget.per_day),
        (Span.MONTH, budget.per_month),
    )
    return ((span, limit) for span, limit in limits if limit is not None)


async def used(
    tx: Transaction,
    shop: Shop,
    staff_id: UUID,
    purpose: Purpose,
    now: datetime,
    *,
    refund_id: UUID | None = None,
) -> dict[Span, int]:
    """What somebody has decided about a refund, today, and this month where the shop is; minor
    units of the shop's currency."""
    today = now.astimezone(ZoneInfo(shop.time_zone)).date()
    day = datetime.combine(today, time(), tzinfo=ZoneInfo(shop.time_zone))
    month = datetime.combine(today.replace(day=1), time(), tzinfo=ZoneInfo(shop.time_zone))
    parameters = [staff_id, purpose.value, shop.currency, refund_id, day, month]
    [row] = await tx.execute_query_dict(_USED, parameters)
    return {span: row[span.value] for span in Span}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A person's budget for a purpose, and how much of it is used."""

    purpose: Purpose
    budget: Budget | None
    """None: no limit."""
    used: dict[Span, int]


async def standings(viewer: Viewer, staff_id: UUID, role: Role) -> list[Standing]:
    """One for every purpose, as it is now."""
    now = clock.now()

    async def work(tx: Transaction) -> list[Standing]:
        shop = await Shop.filter(id=viewer.shop_id).using_db(tx).get()
        return [
            Standing(
                purpose=purpose,
                budget=await _budget_of(tx, shop.id, staff_id, role, purpose),
                used=await used(tx, shop, staff_id, purpose, now),
            )
            for purpose in Purpose
        ]

    return await database.transaction(work)


# --- the owner sets them ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BudgetFacts:
    """The limits of one person, or of a role; minor units, None is no limit."""

    purpose: Purpose
    staff_id: UUID | None = None
    role: Role | None = None
    per_case: int | None = None
    per_day: int | None = None
    per_month: int | None = None


async def set_budget(viewer: Viewer, facts: BudgetFacts) -> UUID:
    """Replace a budget; returns its id. Raises NotAllowed, NotFound, InvalidInput."""
    viewer.require(Role.OWNER)
    _check(facts)

    async def work(tx: Transaction) -> UUID:
        owner = {"shop_id": viewer.shop_id, "purpose": facts.purpose}
        # The shop's row guards against two first budgets of the same role at once.
        await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update().get()
        await _require_staff(tx, viewer, facts.staff_id)
        rows = Budget.filter(**owner, staff_id=facts.staff_id, role=facts.role).using_db(tx)
        budget = await rows.first() or Budget(
            **owner, id=new_id(), staff_id=facts.staff_id, role=facts.role
        )
        budget.per_case, budget.per_day = facts.per_case, facts.per_day
        budget.per_month, budget.updated_at = facts.per_month, clock.now()
        await budget.save(using_db=tx)
        return budget.id

    return await database.transaction(work)


async def _require_staff(tx: Transaction, viewer: Viewer, staff_id: UUID | None) -> None:
    if staff_id is None:
        return
    people = Staff.filter(id=staff_id, shop_id=viewer.shop_id).using_db(tx)
    if not await people.exists():
        raise NotFound(kind="Staff", id=str(staff_id))


def _check(facts: BudgetFacts) -> None:
    limits = {"perCase": facts.per_case, "perDay": facts.per_day, "perMonth": facts.per_month}
    for field, limit in limits.items():
        if limit is not None:
            validation.minor_units(field, limit)
    if (facts.staff_id is None) == (facts.role is None):
        raise InvalidInput(
            field="staffId",
            found="both" if facts.role else "neither",
            expected="a colleague, or the role in `role`",
            zh="填写员工，或在 role 中填写角色，二选一",
        )
    if facts.role is not None and facts.role not in STAFF:
        raise InvalidInput(
            field="role", found=facts.role.value, expected="a role of staff", zh="员工角色"
        )
