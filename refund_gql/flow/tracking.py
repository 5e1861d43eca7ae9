"""What couriers tell us about parcels: kept word for word, once each, in any order.

A parcel's state is read off its history, newest line first. The shop's rules hear of every new
line, what was paid before its goods came back hears of the first scan, and a return hears of
whatever moves it on.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import orjson

from refund_gql import clock, database
from refund_gql.choices import RuleTrigger
from refund_gql.flow import arrivals, occasions, scans
from refund_gql.flow.occasions import Occasion
from refund_gql.models import new_id
from refund_gql.providers import Checkpoint, Tracking, TrackingFlag, TrackingTag
from refund_gql.states import FINAL
from refund_gql.validation import FIRST_MOMENT, LAST_MOMENT, printable

MAX_CHECKPOINTS = 500
"""Of one report; a parcel has a few dozen."""

_STORE = """
insert into tracking_checkpoint (id, shop_id, courier, tracking_number, digest, at, tag, code,
                                 text, place, flags, received_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (shop_id, courier, tracking_number, digest) do nothing returning id
"""
_ON_THE_WAY = """
select r.id from refund r
 where r.shop_id = $1 and r.status <> all($3::text[])
   and (r.order_id in (select order_id from shipment
                        where shop_id = $1 and tracking_number = $2)
        or r.id in (select refund_id from goods_return
                     where shop_id = $1 and tracking_number = $2))
 order by r.id
"""
"""The open refunds over what is in a parcel, or over the order it belongs to."""
_OVER = [status.value for status in FINAL]


def understood(news: Tracking) -> Tracking:
    """What a courier said, in the length and characters that rows can hold.

    Raises TypeError for what is no tracking.
    """
    if not isinstance(news, Tracking):
        raise TypeError(f"a courier reports a Tracking, not a {type(news).__name__}")
    if not isinstance(news.checkpoints, Sequence) or not isinstance(news.tracking_number, str):
        raise TypeError("a Tracking has a number and a sequence of checkpoints")
    lines = [_fitting(line) for line in news.checkpoints[-MAX_CHECKPOINTS:]]
    return replace(
        news, tracking_number=printable(news.tracking_number, longest=64), checkpoints=tuple(lines)
    )


async def record(shop_id: UUID, courier: str, news: Tracking) -> None:
    """Add to a parcel's history what is not in it yet."""

    async def work(tx: database.Transaction) -> None:
        number, fresh = news.tracking_number, list[UUID]()
        for line in news.checkpoints:
            stored = await tx.execute_query_dict(_STORE, _row(shop_id, courier, number, line))
            fresh += [row["id"] for row in stored]
        if fresh and await occasions.listens(tx, shop_id, RuleTrigger.TRACKING_EVENT):
            await _ask(tx, shop_id, number, fresh)

    await database.transaction(work)
    await scans.heard(shop_id, news.tracking_number)
    await arrivals.heard(shop_id, news.tracking_number)


async def _ask(tx: database.Transaction, shop_id: UUID, number: str, fresh: Sequence[UUID]) -> None:
    """Have the rules read over every open refund on the parcel, for each new line."""
    for row in await tx.execute_query_dict(_ON_THE_WAY, [shop_id, number, _OVER]):
        for line_id in fresh:
            trigger = RuleTrigger.TRACKING_EVENT
            occasion = Occasion(trigger=trigger, refund_id=row["id"], cause=str(line_id))
            await occasions.enqueue(tx, occasion)


def _row(shop_id: UUID, courier: str, number: str, line: Checkpoint) -> list[object]:
    flags = orjson.dumps(sorted(line.flags)).decode()
    return [
        new_id(),
        shop_id,
        courier,
        number,
        _digest(line),
        line.at,
        line.tag,
        line.code,
        line.text,
        line.place,
        flags,
        clock.now(),
    ]


def _digest(line: Checkpoint) -> str:
    """The same line, told again, has the same digest."""
    told = [line.at.isoformat(), line.tag, line.code, line.text, line.place, *sorted(line.flags)]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()


def _fitting(line: Checkpoint) -> Checkpoint:
    if not isinstance(line, Checkpoint) or not isinstance(line.at, datetime) or not line.at.tzinfo:
        raise TypeError("a checkpoint has a time in UTC")
    if not all(isinstance(text, str) for text in (line.code, line.text, line.place)):
        raise TypeError("code, text and place of a checkpoint are text")
    if not all(isinstance(flag, TrackingFlag) for flag in line.flags):
        raise TypeError("the flags of a checkpoint are TrackingFlags")
    if line.tag is not None and not isinstance(line.tag, TrackingTag):
        raise TypeError(f"{line.tag!r} is no TrackingTag")
    return replace(
        line,
        at=min(max(line.at, FIRST_MOMENT), LAST_MOMENT),
        code=printable(line.code, longest=64),
        text=printable(line.text, longest=500),
        place=printable(line.place, longest=200),
    )
