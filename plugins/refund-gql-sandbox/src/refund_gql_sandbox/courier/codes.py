"""The courier's status codes, and what they mean in the engine's words."""

from dataclasses import dataclass
from datetime import datetime

from refund_gql.providers import Checkpoint, TrackingFlag, TrackingTag
from refund_gql_sandbox.settings import Language


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """One row of the table."""

    tag: TrackingTag
    flags: frozenset[TrackingFlag] = frozenset()
    zh: str
    en: str

    def text(self, language: Language) -> str:
        """What the courier writes beside the code."""
        return self.zh if language == "zh" else self.en


def _row(tag: TrackingTag, zh: str, en: str, *flags: TrackingFlag) -> Meaning:
    return Meaning(tag=tag, flags=frozenset(flags), zh=zh, en=en)


CODES = {
    "KNOWN": _row(TrackingTag.PENDING, "暂无物流信息", "No news yet"),
    "ANNOUNCED": _row(TrackingTag.INFO_RECEIVED, "商家已通知揽收", "The parcel was announced"),
    "PICKED_UP": _row(TrackingTag.IN_TRANSIT, "快件已揽收", "The parcel was picked up"),
    "HUB": _row(TrackingTag.IN_TRANSIT, "快件已到达转运中心", "The parcel reached the hub"),
    "CUSTOMS": _row(
        TrackingTag.IN_TRANSIT, "海关清关中", "Customs has the parcel", TrackingFlag.CUSTOMS
    ),
    "OUT": _row(TrackingTag.OUT_FOR_DELIVERY, "快递员正在派送", "Out for delivery"),
    "MISSED": _row(TrackingTag.ATTEMPT_FAIL, "派送失败，将再次派送", "Nobody was at home"),
    "LOCKER": _row(TrackingTag.AVAILABLE_FOR_PICKUP, "快件已存入快递柜", "Waiting in a locker"),
    "SIGNED": _row(TrackingTag.DELIVERED, "快件已签收", "Delivered and signed for"),
    "DECLINED": _row(
        TrackingTag.EXCEPTION, "收件人拒收", "The addressee refused it", TrackingFlag.REFUSED
    ),
    "GOING_BACK": _row(
        TrackingTag.EXCEPTION, "快件退回中", "On its way back", TrackingFlag.RETURNING
    ),
    "BACK": _row(
        TrackingTag.EXCEPTION,
        "快件已退回寄件人",
        "Back with the sender",
        TrackingFlag.RETURNED_TO_SENDER,
    ),
    "LOST": _row(TrackingTag.EXCEPTION, "快件遗失", "The parcel is lost"),
    "SILENT": _row(TrackingTag.EXPIRED, "长时间无物流更新", "No news for a long time"),
}
"""A code that is not here is kept, and its tag is None: the courier does not guess."""


def checkpoint(at: datetime, code: str, *, text: str, place: str) -> Checkpoint:
    """What the courier says, in the engine's words; `at` is in UTC."""
    meaning = CODES.get(code)
    return Checkpoint(
        at=at,
        tag=meaning.tag if meaning else None,
        code=code,
        text=text,
        place=place,
        flags=meaning.flags if meaning else frozenset(),
    )
