"""How long each stage may take, and what happens then: the engine's own terms, and the shop's."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.calendars import Calendar
from refund_gql.choices import DeadlineAction, DeadlineStage, DeadlineUnit
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, StaleVersion
from refund_gql.flow import policy
from refund_gql.models import DeadlinePolicy, Shop
from refund_gql.roles import Role

_A, _S, _U = DeadlineAction, DeadlineStage, DeadlineUnit
_LENGTHS = {_U.MINUTES: timedelta(minutes=1), _U.HOURS: timedelta(hours=1)}
_MOST = {_U.MINUTES: 100_000, _U.HOURS: 10_000, _U.DAYS: 365, _U.BUSINESS_DAYS: 250}
"""Unit -> the longest deadline in it; about a year."""

AWAITS_CUSTOMER = frozenset({_S.CUSTOMER_SHIPS, _S.CUSTOMER_ANSWERS})
"""Stages in which the customer has to do something."""
ACTIONS: Mapping[DeadlineStage, frozenset[DeadlineAction]] = {
    stage: frozenset({_A.ESCALATE, _A.NONE})
    | (frozenset({_A.REMIND, _A.CLOSE}) if stage in AWAITS_CUSTOMER else frozenset())
    | (frozenset({_A.APPROVE}) if stage is _S.REVIEW else frozenset())
    for stage in DeadlineStage
}
"""Stage -> what may happen at its end: only a silent customer is reminded or closed on, and only
a silent customer service is stood in for."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How long a stage may take, and what happens then."""

    stage: DeadlineStage
    number: int = 0
    """The version; 0 is the engine's own."""
    amount: int
    unit: DeadlineUnit
    business_hours_only: bool = False
    warn_percent: int | None = 80
    action: DeadlineAction = DeadlineAction.ESCALATE
    approve_most: int = 0
    """Minor units of the shop's currency."""

    @property
    def open_time(self) -> bool:
        """True when time counts only while the shop is open."""
        return self.business_hours_only or self.unit is DeadlineUnit.BUSINESS_DAYS

    def due(self, calendar: Calendar, start: datetime) -> datetime:
        """When the time is over; UTC."""
        if self.unit is DeadlineUnit.BUSINESS_DAYS:
            return calendar.add_days(start, self.amount)
        if self.unit is DeadlineUnit.DAYS:
            return policy.midnight(calendar.zone.key, start, days=self.amount + 1).astimezone(UTC)
        return later(calendar, start, _LENGTHS[self.unit] * self.amount, self.open_time)

    @property
    def reminds_early(self) -> bool:
        """Whether the warning goes to the customer: nobody is closed on without a word before."""
        return self.action in (DeadlineAction.REMIND, DeadlineAction.CLOSE)


OWN: Mapping[DeadlineStage, Terms] = {
    terms.stage: terms
    for terms in (
        Terms(
            stage=_S.FIRST_RESPONSE,
            amount=5,
            unit=_U.MINUTES,
            business_hours_only=True,
            warn_percent=60,
        ),
        Terms(stage=_S.REVIEW, amount=48, unit=_U.HOURS),
        Terms(stage=_S.WAREHOUSE_CHECK, amount=24, unit=_U.HOURS),
        Terms(stage=_S.CUSTOMER_SHIPS, amount=7, unit=_U.DAYS, action=_A.CLOSE),
        Terms(stage=_S.INSPECTION, amount=24, unit=_U.HOURS),
        Terms(stage=_S.FINANCE, amount=1, unit=_U.BUSINESS_DAYS),
        Terms(stage=_S.CUSTOMER_ANSWERS, amount=72, unit=_U.HOURS, action=_A.REMIND),
    )
}
"""Stage -> what holds where a shop has said nothing."""


def later(calendar: Calendar, start: datetime, span: timedelta, open_time: bool) -> datetime:
    """So much time after, by the calendar or by the wall clock."""
    return calendar.add(start, span) if open_time else start + span


def left(calendar: Calendar, now: datetime, due: datetime, open_time: bool) -> timedelta:
    """How much time there is until then, by the calendar or by the wall clock; never less than
    none."""
    if open_time:
        return calendar.between(now, due)
    return max(due - now, timedelta(0))


# --- reading ----------------------------------------------------------------------------------


async def current(tx: Transaction | None, shop_id: UUID) -> dict[DeadlineStage, Terms]:
    """What holds in a shop now, for every stage."""
    rows = await DeadlinePolicy.filter(shop_id=shop_id).order_by("number").using_db(tx)
    return {**OWN, **{row.stage: _of(row) for row in rows}}


async def version(
    tx: Transaction | None, shop_id: UUID, stage: DeadlineStage, number: int
) -> Terms:
    """The terms a clock was started with."""
    if number == 0:
        return OWN[stage]
    rows = DeadlinePolicy.filter(shop_id=shop_id, stage=stage, number=number)
    return _of(await rows.using_db(tx).get())


def _of(row: DeadlinePolicy) -> Terms:
    return Terms(**{one.name: getattr(row, one.name) for one in fields(Terms)})


# --- changing ---------------------------------------------------------------------------------


async def update(
    viewer: Viewer, wanted: Terms, *, expected_version: int | None = None
) -> DeadlineStage:
    """New terms for a stage, from now on; clocks that run keep theirs.

    Raises NotAllowed, InvalidInput, StaleVersion.
    """
    viewer.require(Role.OWNER)
    _check(wanted)

    async def work(tx: Transaction) -> DeadlineStage:
        # Whoever changes them at the same time waits here.
        await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update().get()
        number = (await current(tx, viewer.shop_id))[wanted.stage].number
        if expected_version not in (None, number):
            raise StaleVersion(current_version=number, expected_version=expected_version)
        terms = replace(wanted, number=number + 1)
        await DeadlinePolicy.create(
            using_db=tx,
            shop_id=viewer.shop_id,
            author=viewer.actor,
            author_name=viewer.name,
            since=clock.now(),
            **{one.name: getattr(terms, one.name) for one in fields(Terms)},
        )
        return wanted.stage

    return await database.transaction(work)


def _check(wanted: Terms) -> None:
    validation.whole("amount", wanted.amount, least=1, most=_MOST[wanted.unit])
    if wanted.warn_percent is not None:
        validation.whole("warnPercent", wanted.warn_percent, least=1, most=99)
    if wanted.business_hours_only and wanted.unit is DeadlineUnit.DAYS:
        raise InvalidInput(
            field="unit",
            found=wanted.unit.value,
            expected="BUSINESS_DAYS or HOURS: a calendar day is never all business hours",
            zh="BUSINESS_DAYS 或 HOURS：自然日不能仅计营业时间",
        )
    allowed = ACTIONS[wanted.stage]
    if wanted.action not in allowed:
        names = ", ".join(action for action in DeadlineAction if action in allowed)
        raise InvalidInput(field="action", found=wanted.action.value, expected=names)
    _check_most(wanted)


def _check_most(wanted: Terms) -> None:
    """How much the engine may agree to has to be said, and only where it agrees to anything."""
    validation.minor_units("approveMost", wanted.approve_most)
    if (wanted.approve_most > 0) != (wanted.action is DeadlineAction.APPROVE):
        raise InvalidInput(
            field="approveMost",
            found=str(wanted.approve_most),
            expected="more than zero with APPROVE, none otherwise",
            zh="仅在 APPROVE 时填写，且须大于零",
        )
