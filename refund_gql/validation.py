"""Checks of single input fields; each refuses with the field's name, what was found and what
is expected. The rules live here so that the database never has to decide."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale

from refund_gql.errors import InvalidInput
from refund_gql.money import EXPONENTS, MAX_MINOR_UNITS

MAX_QUANTITY = 1_000_000
_REGION = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2999, 12, 31, tzinfo=UTC)
"""Far enough from the calendar's ends that windows and time zones can be added to any moment."""
LONGEST_WINDOW = timedelta(days=400)
"""Of figures: a year, compared with the days around its ends."""


def text(field: str, value: str, *, longest: int, required: bool = True) -> str:
    """The text without surrounding space; at most `longest` characters."""
    stripped = value.strip()
    if required and not stripped:
        raise InvalidInput(field=field, found="''", expected="some text", zh="不能为空")
    if len(stripped) > longest:
        raise InvalidInput(
            field=field,
            found=f"{len(stripped)} characters",
            expected=f"at most {longest}",
            zh=f"最多 {longest} 个字符",
        )
    return stripped


def whole(field: str, value: int, *, least: int, most: int) -> int:
    """An integer from `least` to `most`."""
    if not least <= value <= most:
        raise InvalidInput(
            field=field, found=str(value), expected=f"{least} to {most}", zh=f"{least} 到 {most}"
        )
    return value


def minor_units(field: str, value: int, *, least: int = 0) -> int:
    """An amount in minor units."""
    return whole(field, value, least=least, most=MAX_MINOR_UNITS)


def currency(field: str, value: str) -> str:
    """An ISO 4217 code."""
    if value not in EXPONENTS:
        raise InvalidInput(
            field=field,
            found=value[:10],
            expected="an ISO 4217 code such as CNY",
            zh="ISO 4217 货币代码，例如 CNY",
        )
    return value


def time_zone(field: str, value: str) -> str:
    """An IANA time zone name."""
    if value not in available_timezones():
        raise InvalidInput(
            field=field,
            found=value[:40],
            expected="an IANA time zone such as Asia/Shanghai",
            zh="IANA 时区，例如 Asia/Shanghai",
        )
    return ZoneInfo(value).key


def region(field: str, value: str) -> str:
    """An ISO 3166-2 code such as CN-31, a country's alone such as DE, or nothing."""
    known = value.strip().upper()
    found = _REGION.fullmatch(known)
    if known and (found is None or found[1] not in Locale("en").territories):
        raise InvalidInput(
            field=field,
            found=value[:40],
            expected="an ISO 3166-2 code such as CN-31, or a country's such as DE",
            zh="ISO 3166-2 地区代码，例如 CN-31，或国家代码，例如 DE",
        )
    return known


def window(begin: datetime, end: datetime) -> None:
    """A span of time that figures are asked for, from `begin` up to, and not including, `end`."""
    if not begin < end <= begin + LONGEST_WINDOW:
        raise InvalidInput(
            field="until",
            found=end.isoformat(),
            expected=f"after `from`, and at most {LONGEST_WINDOW.days} days after it",
            zh=f"晚于 from，且最多相隔 {LONGEST_WINDOW.days} 天",
        )


def locale(field: str, value: str) -> str:
    """One of the languages the engine speaks."""
    if value not in ("zh", "en"):
        raise InvalidInput(field=field, found=value[:20], expected="zh or en", zh="zh 或 en")
    return value


def provider(field: str, value: str) -> str:
    """The name of a provider; no plugin needs to answer to it yet."""
    if not _PROVIDER.fullmatch(value):
        raise InvalidInput(
            field=field,
            found=value[:40],
            expected="the name of a provider: lower-case letters, digits and dashes",
            zh="插件名称：小写字母、数字和连字符",
        )
    return value


def limited(field: str, count: int, most: int) -> None:
    """A list of at most so many entries."""
    if count > most:
        raise InvalidInput(
            field=field, found=f"{count} entries", expected=f"at most {most}", zh=f"最多 {most} 项"
        )


# --- what outside systems say -----------------------------------------------------------------


def printable(text: str | None, *, longest: int) -> str:
    """Foreign words as rows can hold them: cut, and without what no one can read. No refusal."""
    return "".join(filter(str.isprintable, text or ""))[:longest]
