"""The campaign calendar of one shop: the usual days, its own, and those it leaves out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from refund_gql import markets, validation
from refund_gql.auth import Viewer
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.insight import campaigns
from refund_gql.insight.campaigns import Campaign, Season
from refund_gql.models import CampaignDay, Shop
from refund_gql.roles import Role

LONGEST_SPAN = timedelta(days=800)
LABELS: Mapping[str, Mapping[str, str]] = {
    "3.8": {"zh": "三八节", "en": "Women's Day (3.8)"},
    "6.18": {"zh": "618 大促", "en": "6.18"},
    "11.11": {"zh": "双十一", "en": "Singles' Day (11.11)"},
    "12.12": {"zh": "双十二", "en": "12.12"},
    campaigns.BLACK_FRIDAY: {"zh": "黑色星期五", "en": "Black Friday"},
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One day of the calendar."""

    code: str
    on: date
    labels: Mapping[str, str]
    own: bool
    """False: one of the usual days."""


async def calendar(shop_id: UUID, first: date, last: date) -> list[Entry]:
    """The days from `first` to `last`, both included, in order. Raises InvalidInput."""
    if not first <= last <= first + LONGEST_SPAN:
        raise InvalidInput(
            field="until",
            found=last.isoformat(),
            expected=f"`from` or later, and at most {LONGEST_SPAN.days} days after it",
            zh=f"不早于 from，且最多相隔 {LONGEST_SPAN.days} 天",
        )
    rows = await CampaignDay.filter(shop_id=shop_id, on__gte=first, on__lte=last)
    said = {(row.on, row.code) for row in rows}
    usual = [
        Entry(code=one.code, on=one.on, labels=LABELS[one.code], own=False)
        for one in campaigns.usual(first, last)
        if (one.on, one.code) not in said
    ]
    own = [
        Entry(code=row.code, on=row.on, labels=row.labels, own=True)
        for row in rows
        if not row.left_out
    ]
    return sorted([*usual, *own], key=lambda entry: (entry.on, entry.code))


async def season(shop: Shop, first: date, last: date) -> Season:
    """What is known of the days from `first` to `last`; campaigns are felt beyond their day."""
    around = timedelta(days=max(span.stop for span in campaigns.SPANS.values()))
    entries = await calendar(shop.id, first - around, last + around)
    from refund_gql.insight import public_holidays  # brought by an extra

    country = markets.market_of("", shop.time_zone)
    return Season(
        campaigns=[Campaign(code=entry.code, on=entry.on) for entry in entries],
        holidays=public_holidays.between(country, first, last),
    )


# --- what owners change -------------------------------------------------------------------------


async def enter(viewer: Viewer, code: str, on: date, labels: Mapping[str, str]) -> Entry:
    """Put a day into the calendar, or name one anew. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.OWNER)
    code = validation.text("code", code, longest=64)
    named = {
        validation.locale("labels", locale): validation.text(f"labels.{locale}", name, longest=100)
        for locale, name in labels.items()
    }
    if not named:
        raise InvalidInput(field="labels", found="none", expected="a name", zh="名称")
    await CampaignDay.update_or_create(
        shop_id=viewer.shop_id, code=code, on=on, defaults={"labels": named, "left_out": False}
    )
    return Entry(code=code, on=on, labels=named, own=True)


async def take_out(viewer: Viewer, code: str, on: date) -> None:
    """Take a day out of the calendar, one of the usual ones too. Raises NotAllowed, NotFound,
    InvalidInput."""
    viewer.require(Role.OWNER)
    code = validation.text("code", code, longest=64)
    if code not in {entry.code for entry in await calendar(viewer.shop_id, on, on)}:
        raise NotFound(kind="CampaignDay", id=code)
    if code in {one.code for one in campaigns.usual(on, on)}:
        await CampaignDay.update_or_create(
            shop_id=viewer.shop_id, code=code, on=on, defaults={"left_out": True}
        )
    else:
        await CampaignDay.filter(shop_id=viewer.shop_id, code=code, on=on).delete()
