"""Where people work: which refunds wait at which desk, and who works there. The one place that
says so; a refund waits at one desk at most.
"""

from collections.abc import Mapping
from enum import StrEnum

from refund_gql.choices import ReturnStatus
from refund_gql.roles import Role
from refund_gql.states import RefundStatus


class Desk(StrEnum):
    """Where a refund waits for a person of the shop."""

    FIRST_REVIEW = "FIRST_REVIEW"
    """Customer service decides (客服初审)."""
    WAREHOUSE = "WAREHOUSE"
    """Where the goods are, and what came back (仓库)."""
    FINANCE = "FINANCE"
    """The money is released (财务审核)."""
    STUCK_MONEY = "STUCK_MONEY"
    """A payment that only a person can get on with (退款异常)."""


STATUSES: Mapping[Desk, frozenset[RefundStatus]] = {
    Desk.FIRST_REVIEW: frozenset({RefundStatus.REVIEW}),
    Desk.WAREHOUSE: frozenset({RefundStatus.WAREHOUSE_CHECK, RefundStatus.INSPECTION}),
    Desk.FINANCE: frozenset({RefundStatus.FINANCE_REVIEW}),
    Desk.STUCK_MONEY: frozenset({RefundStatus.PAYMENT_STUCK}),
}
"""Desk -> the statuses in which a refund waits there."""

WORKERS: Mapping[Desk, frozenset[Role]] = {
    Desk.FIRST_REVIEW: frozenset({Role.OWNER, Role.AGENT}),
    Desk.WAREHOUSE: frozenset({Role.OWNER, Role.WAREHOUSE}),
    Desk.FINANCE: frozenset({Role.OWNER, Role.FINANCE}),
    Desk.STUCK_MONEY: frozenset({Role.OWNER, Role.FINANCE}),
}
"""Desk -> who works there; an owner works everywhere."""

PEOPLE = frozenset(role for roles in WORKERS.values() for role in roles)
"""The roles that work at any desk."""

_BY_STATUS = {status: desk for desk, statuses in STATUSES.items() for status in statuses}


def desk_of(status: RefundStatus, goods: ReturnStatus | None = None) -> Desk | None:
    """The desk at which a refund waits; None when nobody of the shop has to act.

    `goods` is where goods stand that move alone, after their money (refund first). What the
    courier has brought waits at the warehouse; money that is stuck comes before that.
    """
    desk = _BY_STATUS.get(status)
    if desk is None and goods is ReturnStatus.RECEIVED:
        return Desk.WAREHOUSE
    return desk


def of_role(role: Role) -> tuple[Desk, ...]:
    """The desks at which a role works."""
    return tuple(desk for desk in Desk if role in WORKERS[desk])
