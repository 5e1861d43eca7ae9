"""When the shop is open: its calendar as data, in versions, and who may change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from refund_gql import calendars, clock, database, markets, validation
from refund_gql.auth import Viewer
from refund_gql.calendars import Calendar, Hours
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, StaleVersion
from refund_gql.models import BusinessCalendar, Shop
from refund_gql.roles import Role

MAX_DAYS = 400
"""Days that differ from their weekday's; a year's holidays are some thirty."""
MAX_HOURS = 12
"""Separate opening hours on one day."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The whole calendar of a shop, as an owner gives it."""

    weekly: Mapping[int, Sequence[Hours]]
    """ISO weekday -> hours; a day that is missing is closed."""
    days: Mapping[date, Sequence[Hours]] = field(default_factory=dict)
    """Days that differ; no hours: closed."""
    expected_version: int | None = None


def in_force(time_zone: str, row: BusinessCalendar | None) -> Calendar:
    """The calendar of a row; without one, the usual hours where the shop is."""
    if row is None:
        return calendars.usual(time_zone, markets.market_of("", time_zone))
    return calendars.read(time_zone, row.weekly, row.days)


async def newest(tx: Transaction | None, shop_id: UUID) -> BusinessCalendar | None:
    """The row in force; None: the usual hours."""
    rows = BusinessCalendar.filter(shop_id=shop_id).order_by("-number")
    return await rows.using_db(tx).first()


async def of_shop(tx: Transaction | None, shop: Shop) -> Calendar:
    """The shop's calendar as it is now."""
    return in_force(shop.time_zone, await newest(tx, shop.id))


def at(time_zone: str, versions: Sequence[BusinessCalendar], moment: datetime) -> Calendar:
    """The calendar that was in force at a moment; before the first version, the usual hours.
    `versions` ascend."""
    row = next((row for row in reversed(versions) if row.since <= moment), None)
    return in_force(time_zone, row)


async def update(viewer: Viewer, opening: Opening) -> int:
    """Replace the calendar from now on; returns the new version. Clocks that run keep their
    deadlines. Raises NotAllowed, InvalidInput, StaleVersion."""
    viewer.require(Role.OWNER)
    given = _checked(opening)

    async def work(tx: Transaction) -> int:
        # Whoever changes it at the same time waits here.
        await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update().get()
        last = await newest(tx, viewer.shop_id)
        number = last.number if last else 0
        if opening.expected_version not in (None, number):
            raise StaleVersion(current_version=number, expected_version=opening.expected_version)
        await BusinessCalendar.create(
            using_db=tx,
            shop_id=viewer.shop_id,
            number=number + 1,
            author=viewer.actor,
            author_name=viewer.name,
            since=clock.now(),
            **given,
        )
        return number + 1

    return await database.transaction(work)


def _checked(opening: Opening) -> dict[str, Any]:
    validation.limited("days", len(opening.days), MAX_DAYS)
    for field_, hours in (("weekly", opening.weekly), ("days", opening.days)):
        for of_day in hours.values():
            _check_hours(field_, of_day)
    if not any(opening.weekly.values()):
        raise InvalidInput(
            field="weekly",
            found="a week without opening hours",
            expected="at least one hour in which the shop is open",
            zh="每周至少有一个营业时段",
        )
    weekly, days = calendars.stored(opening.weekly), calendars.stored(opening.days)
    return {"weekly": weekly, "days": days}


def _check_hours(field_: str, hours: Sequence[Hours]) -> None:
    validation.limited(field_, len(hours), MAX_HOURS)
    ordered = sorted(hours)
    for before, after in pairwise(ordered):
        if after.opens < before.closes:
            raise InvalidInput(
                field=field_,
                found="opening hours that overlap",
                expected="hours of one day that do not overlap",
                zh="同一天的营业时段不得重叠",
            )
