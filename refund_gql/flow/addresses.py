"""Where goods go back to, and what they must look like: chosen when a return is opened, by what
comes back and where it went; kept with the return from then on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from refund_gql.database import Transaction
from refund_gql.models import ReturnAddress, Shop
from refund_gql.providers import Address

_GOODS = """
select coalesce(o.region, '') as region, l.sku, coalesce(p.category, '') as category
  from refund r join refund_line l on l.refund_id = r.id
  left join "order" o on o.id = r.order_id
  left join product p on p.shop_id = r.shop_id and p.sku = l.sku
 where r.id = $1
"""
_BETWEEN = {"zh": "；", "en": "; "}
_LONGEST_ADDRESS = 500


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """What a customer is told about sending goods back."""

    address: str
    """In words; empty where the shop has given none."""
    recipient: Mapping[str, str]
    """The fields of `providers.Address`; empty where the shop has given only words."""
    requirements: Mapping[str, str]
    """Locale -> the whole list in words."""
    checklist: Sequence[Mapping[str, str]]
    """{code, zh, en}."""


@dataclass(frozen=True, kw_only=True)
class Goods:
    """What comes back, and where it went."""

    region: str
    """ISO 3166-2, a country, or empty."""
    kinds: frozenset[tuple[str, str]]
    """Sku and category of each line."""

    @property
    def categories(self) -> frozenset[str]:
        """Of the lines; empty text where a product has none."""
        return frozenset(category for _, category in self.kinds)


async def instructions(tx: Transaction, shop: Shop, refund_id: UUID) -> Instructions:
    """What applies to a refund's goods now."""
    goods = await _goods(tx, refund_id)
    addresses = ReturnAddress.filter(shop_id=shop.id).order_by("position", "id")
    chosen = choose(await addresses.using_db(tx), goods)
    checklist = points(shop.return_checklist, goods.categories)
    return Instructions(
        address=in_words(Address(**chosen.parts)) if chosen else shop.return_address,
        recipient=chosen.parts if chosen else {},
        requirements=_in_words(checklist, shop.return_requirements),
        checklist=checklist,
    )


async def known(tx: Transaction, shop: Shop) -> bool:
    """Whether the shop has said where goods go back to at all."""
    if shop.return_address:
        return True
    return await ReturnAddress.filter(shop_id=shop.id).using_db(tx).exists()


async def _goods(tx: Transaction, refund_id: UUID) -> Goods:
    rows = await tx.execute_query_dict(_GOODS, [refund_id])
    return Goods(
        region=rows[0]["region"] if rows else "",
        kinds=frozenset((row["sku"], row["category"]) for row in rows),
    )


# --- which address ----------------------------------------------------------------------------


def choose(addresses: Sequence[ReturnAddress], goods: Goods) -> ReturnAddress | None:
    """The first that takes all the goods, else the fallback; `addresses` in their order. Pure."""
    fitting = (a for a in addresses if not a.fallback and _takes(a, goods))
    fallback = (a for a in addresses if a.fallback)
    return next(fitting, None) or next(fallback, None)


def _takes(address: ReturnAddress, goods: Goods) -> bool:
    if address.regions and not any(_within(goods.region, each) for each in address.regions):
        return False
    if not address.skus and not address.categories:
        return True
    return all(
        sku in address.skus or category in address.categories for sku, category in goods.kinds
    )


def _within(region: str, wanted: str) -> bool:
    return region == wanted or region.startswith(f"{wanted}-")


def in_words(address: Address) -> str:
    """One line as people write it there; where the country is China, from the large to the
    small."""
    if address.country == "CN":
        place = f"{address.region}{address.city}{address.district}{address.street}"
        parts = [place, address.postcode, address.name, address.phone]
        return " ".join(part for part in parts if part)[:_LONGEST_ADDRESS]
    town = " ".join(part for part in (address.postcode, address.city, address.district) if part)
    parts = [address.name, address.street, town, address.region, address.country, address.phone]
    return ", ".join(part for part in parts if part)[:_LONGEST_ADDRESS]


# --- what they must look like -----------------------------------------------------------------


def points(checklist: Sequence[Mapping[str, Any]], categories: frozenset[str]) -> list[Any]:
    """The points that apply to goods of these categories: {code, zh, en}. Pure."""
    return [
        {key: point[key] for key in ("code", "zh", "en")}
        for point in checklist
        if not point["categories"] or categories & set(point["categories"])
    ]


def _in_words(
    checklist: Sequence[Mapping[str, str]], general: Mapping[str, str]
) -> Mapping[str, str]:
    """Locale -> the points, then what the shop says of all goods; a locale without either is
    left out."""
    listed = {
        locale: between.join(point[locale] for point in checklist)
        for locale, between in _BETWEEN.items()
    }
    told = {
        locale: _BETWEEN[locale].join(filter(None, (listed[locale], general.get(locale, ""))))
        for locale in _BETWEEN
    }
    return {locale: words for locale, words in told.items() if words}
