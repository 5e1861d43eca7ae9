"""What a courier's news means for goods on their way back: handed over, arrived, sent back, lost.

A customer may enter any number, and a courier may say anything, so not all news counts: only what
happened after the return was opened, to a parcel that is neither one of the shop's own shipments
nor somebody else's return. News moves goods forward or opens a way on; what is over stays over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import orjson

from refund_gql import database
from refund_gql.auth import system
from refund_gql.choices import ReturnStatus
from refund_gql.flow import goods, journal, returns
from refund_gql.flow.journal import Change
from refund_gql.models import Return
from refund_gql.providers import TrackingFlag, TrackingTag
from refund_gql.states import RefundStatus

SILENCE = timedelta(days=10)
"""Without a scan for so long, a parcel on its way back counts as lost."""
_FROM_THE_FUTURE = timedelta(days=1)
"""A line that says it happens so far from now is not believed yet."""

_WAITING = """
select distinct refund_id from goods_return
 where shop_id = $1 and tracking_number = $2 and status in ('AWAITED', 'SHIPPED')
"""
_LINES = """
select c.at, c.tag, c.flags::text as flags
  from goods_return g join tracking_checkpoint c
    on c.shop_id = g.shop_id and c.tracking_number = g.tracking_number
 where g.id = $1 and c.at between g.opened_at and $2
   and not exists (select from shipment s
                    where s.shop_id = g.shop_id and s.tracking_number = g.tracking_number)
   and not exists (select from goods_return other
                    where other.shop_id = g.shop_id and other.refund_id <> g.refund_id
                      and other.tracking_number = g.tracking_number)
 order by c.at desc, c.id desc
"""
_BEFORE_HANDOVER = {TrackingTag.PENDING, TrackingTag.INFO_RECEIVED}
_BACK_WITH_SENDER = {TrackingFlag.REFUSED, TrackingFlag.RETURNED_TO_SENDER}
_TURNED = {*_BACK_WITH_SENDER, TrackingFlag.RETURNING}


class Loss(StrEnum):
    """Why goods on their way back are taken for lost."""

    REPORTED = "REPORTED"
    SILENT = "SILENT"


WHY: Mapping[Loss, Mapping[str, str]] = {
    Loss.REPORTED: {
        "en": "The courier reports that the parcel is lost, damaged or cannot be delivered",
        "zh": "快递公司反馈包裹丢失、破损或无法派送",
    },
    Loss.SILENT: {
        "en": f"The courier has not scanned the parcel for {SILENCE.days} days",
        "zh": f"包裹已 {SILENCE.days} 天没有物流更新",
    },
}
SENT_BACK: Mapping[str, str] = {
    "en": "The parcel was refused or sent back to the customer",
    "zh": "包裹被拒收或已退回顾客",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One checkpoint, as far as it can mean anything to the goods."""

    at: datetime
    tag: TrackingTag | None
    flags: frozenset[TrackingFlag]


@dataclass(frozen=True, kw_only=True)
class News:
    """What all lines together say."""

    moved: bool = False
    """A courier has the goods, or had them."""
    arrived: bool = False
    sent_back: bool = False
    """Refused, or with its sender again, and it has not arrived."""
    lost: bool = False
    last_at: datetime | None = None


async def heard(shop_id: UUID, tracking_number: str, *, asked: bool = False) -> None:
    """There may be news of a parcel: move what waits for it. Repeating it does nothing.

    `asked`: the courier has just been asked, so its silence counts too.
    """

    async def work(change: Change) -> None:
        await _follow(change, tracking_number, asked=asked)

    for row in await database.fetch(_WAITING, shop_id, tracking_number):
        await journal.change(system(shop_id), row["refund_id"], work)


def read(lines: Sequence[Line]) -> News:
    """What lines say, newest first. A delivery stays one, whatever is told after it. Pure."""
    if not lines:
        return News()
    arrived = any(line.tag is TrackingTag.DELIVERED and not line.flags & _TURNED for line in lines)
    last = lines[0]
    said = next((line for line in lines if line.tag is not None), last)
    lost = said.tag is TrackingTag.EXPIRED or (said.tag is TrackingTag.EXCEPTION and not said.flags)
    return News(
        moved=any(line.tag and line.tag not in _BEFORE_HANDOVER for line in lines),
        arrived=arrived,
        sent_back=not arrived and bool(said.flags & _BACK_WITH_SENDER),
        lost=not arrived and lost,
        last_at=last.at,
    )


async def _follow(change: Change, tracking_number: str, *, asked: bool) -> None:
    parcel = await goods.newest(change)
    if parcel.tracking_number != tracking_number or not _on_its_way(change, parcel):
        return
    news = read(await _lines(change, parcel))
    if parcel.status is ReturnStatus.AWAITED:
        if not news.moved:
            return
        await returns.handed_over(change)
    if news.arrived:
        await returns.arrived(change)
    elif news.sent_back:
        await returns.reopened(change, because=SENT_BACK)
    elif news.lost:
        await returns.lost(change, because=WHY[Loss.REPORTED])
    elif asked and _silent(change, parcel, news):
        await returns.lost(change, because=WHY[Loss.SILENT])


def _on_its_way(change: Change, parcel: Return) -> bool:
    """Whether goods can move at all: the refund waits for them, or they move alone."""
    if parcel.status not in (ReturnStatus.AWAITED, ReturnStatus.SHIPPED):
        return False
    waits = (RefundStatus.AWAITING_RETURN, RefundStatus.RETURNING)
    return change.refund.status in waits or goods.alone(change)


def _silent(change: Change, parcel: Return, news: News) -> bool:
    signs = [at for at in (news.last_at, parcel.shipped_at) if at is not None]
    return bool(signs) and change.now >= max(signs) + SILENCE


async def _lines(change: Change, parcel: Return) -> list[Line]:
    rows = await change.tx.execute_query_dict(_LINES, [parcel.id, change.now + _FROM_THE_FUTURE])
    return [
        Line(
            at=row["at"],
            tag=TrackingTag(row["tag"]) if row["tag"] else None,
            flags=frozenset(TrackingFlag(flag) for flag in orjson.loads(row["flags"])),
        )
        for row in rows
    ]
