"""What somebody wants a rule to say, and whether a rule can say that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from refund_gql import validation
from refund_gql.auth import Viewer
from refund_gql.choices import RuleTrigger
from refund_gql.database import Transaction
from refund_gql.errors import InvalidCondition, InvalidInput, NotFound
from refund_gql.models import ReasonTag, Staff
from refund_gql.money import MAX_MINOR_UNITS
from refund_gql.outbox.kinds import KINDS, MessageKind
from refund_gql.rules import actions, language
from refund_gql.rules.actions import Abilities, Action, AddTag, Notify, Route

MAX_DAILY_COUNT = 1_000_000


@dataclass(frozen=True, kw_only=True)
class RuleDraft:
    """What a rule is to say: the whole of it, for a new rule and for a new version alike."""

    name: Mapping[str, str]
    """Locale -> name."""
    condition: str
    actions: Sequence[Mapping[str, Any]]
    """In order: {kind, ...parameters}."""
    description: Mapping[str, str]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    """Up to, and not including."""
    daily_count: int | None = None
    daily_amount: int | None = None
    """Minor units of the shop's currency."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A draft whose form is right."""

    name: dict[str, str]
    condition: str
    actions: tuple[Action, ...]
    description: dict[str, str]
    valid_from: datetime | None
    valid_until: datetime | None
    daily_count: int | None
    daily_amount: int | None


def checked(draft: RuleDraft, trigger: RuleTrigger, available: Abilities) -> Wanted:
    """The draft for a rule of this trigger. Raises InvalidCondition, InvalidInput."""
    mistakes = language.check(draft.condition, trigger)
    if mistakes:
        raise InvalidCondition(mistakes=mistakes)
    _require_window(draft)
    return Wanted(
        name=_words("name", draft.name, longest=100, required=True),
        condition=draft.condition,
        actions=actions.parse(draft.actions, trigger, available),
        description=_words("description", draft.description, longest=1000, required=False),
        valid_from=draft.valid_from,
        valid_until=draft.valid_until,
        daily_count=_cap("dailyCount", draft.daily_count, most=MAX_DAILY_COUNT),
        daily_amount=_cap("dailyAmount", draft.daily_amount, most=MAX_MINOR_UNITS),
    )


def _words(field: str, texts: Mapping[str, str], *, longest: int, required: bool) -> dict[str, str]:
    if required and not texts:
        raise InvalidInput(
            field=field, found="none", expected="a text in zh or en", zh="中文或英文文本"
        )
    return {
        validation.locale(field, locale): validation.text(
            f"{field}.{locale}", text, longest=longest, required=required
        )
        for locale, text in texts.items()
    }


def _cap(field: str, value: int | None, *, most: int) -> int | None:
    return None if value is None else validation.whole(field, value, least=1, most=most)


def _require_window(draft: RuleDraft) -> None:
    begins, ends = draft.valid_from, draft.valid_until
    if begins is not None and ends is not None and begins >= ends:
        raise InvalidInput(
            field="validUntil",
            found=ends.isoformat(),
            expected="a moment after validFrom",
            zh="晚于 validFrom 的时间",
        )


async def require_named(tx: Transaction, viewer: Viewer, wanted: Wanted) -> None:
    """What the actions name is there. Raises NotFound (a colleague), InvalidInput."""
    for place, action in enumerate(wanted.actions):
        if isinstance(action, AddTag):
            await _require_tag(tx, viewer, f"actions.{place}.tag", action.tag)
        elif isinstance(action, Route) and action.staff is not None:
            staff = Staff.filter(id=action.staff, shop_id=viewer.shop_id, active=True)
            if not await staff.using_db(tx).exists():
                raise NotFound(kind="Staff", id=str(action.staff))
        elif isinstance(action, Notify):
            _require_message(f"actions.{place}.message", action.message)


def _require_message(field: str, message: str) -> None:
    """Raises InvalidInput for no kind, and for one that only a person can fill."""
    if message in MessageKind.__members__ and not KINDS[MessageKind(message)].spoken:
        return
    able = ", ".join(kind for kind in MessageKind if not KINDS[kind].spoken)
    raise InvalidInput(
        field=field,
        found=message,
        expected=f"a kind of message that needs nobody's own words: {able}",
        zh=f"无需人工填写内容的消息类型：{able}",
    )


async def _require_tag(tx: Transaction, viewer: Viewer, field: str, code: str) -> None:
    tags = ReasonTag.filter(shop_id=viewer.shop_id, code=code, retired_at=None)
    if not await tags.using_db(tx).exists():
        raise InvalidInput(
            field=field,
            found=code,
            expected="the code of a reason that is not retired",
            zh="未停用的退款原因代码",
        )
