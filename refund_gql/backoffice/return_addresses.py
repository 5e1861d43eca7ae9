"""Where a shop wants goods back, for which goods; and the points they are judged by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.models import ReturnAddress, Shop
from refund_gql.providers import Address
from refund_gql.registry import places
from refund_gql.roles import Role

MAX_ADDRESSES = 100
MAX_MATCHES = 200
"""Regions, categories or skus of one address."""
MAX_POINTS = 30


@dataclass(frozen=True, kw_only=True)
class ReturnAddressFacts:
    """What may be said; None leaves a field as it is."""

    name: str | None = None
    address: Address | None = None
    regions: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    skus: Sequence[str] | None = None
    position: int | None = None
    fallback: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Point:
    """One thing that goods must be when they come back."""

    code: str
    """Stable, for programs."""
    zh: str
    en: str
    categories: Sequence[str] = ()
    """Of the products it is asked of; none: all."""


async def create(viewer: Viewer, facts: ReturnAddressFacts) -> UUID:
    """A new address. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.OWNER)
    given = _checked(facts)
    address = ReturnAddress(shop_id=viewer.shop_id, created_at=clock.now(), **given)

    async def work(tx: Transaction) -> UUID:
        await _alone(tx, viewer)
        present = await ReturnAddress.filter(shop_id=viewer.shop_id).using_db(tx).count()
        validation.limited("returnAddresses", present + 1, MAX_ADDRESSES)
        await _make_way(tx, address)
        await address.save(using_db=tx, force_create=True)
        return address.id

    return await database.transaction(work)


async def update(viewer: Viewer, address_id: UUID, facts: ReturnAddressFacts) -> UUID:
    """Change an address; returns that are open keep what their customers were told.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    viewer.require(Role.OWNER)
    given = _checked(facts, partial=True)

    async def work(tx: Transaction) -> UUID:
        await _alone(tx, viewer)
        address = await _found(tx, viewer, address_id)
        address.update_from_dict(given)
        await _make_way(tx, address)
        await address.save(using_db=tx)
        return address.id

    return await database.transaction(work)


async def delete(viewer: Viewer, address_id: UUID) -> UUID:
    """Take an address away; returns the shop's id. Returns that are open keep theirs.

    Raises NotAllowed, NotFound.
    """
    viewer.require(Role.OWNER)

    async def work(tx: Transaction) -> UUID:
        await _alone(tx, viewer)
        address = await _found(tx, viewer, address_id)
        await address.delete(using_db=tx)
        return viewer.shop_id

    return await database.transaction(work)


async def require(viewer: Viewer, points: Sequence[Point]) -> UUID:
    """Replace the whole checklist; returns the shop's id. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.OWNER)
    validation.limited("requirements", len(points), MAX_POINTS)
    checked = [_point(f"requirements.{i}", point) for i, point in enumerate(points)]
    if len({point["code"] for point in checked}) < len(checked):
        raise InvalidInput(
            field="requirements",
            found="a code twice",
            expected="each code once",
            zh="每个代码只出现一次",
        )

    async def work(tx: Transaction) -> UUID:
        shops = Shop.filter(id=viewer.shop_id).using_db(tx)
        await shops.update(return_checklist=checked)
        return viewer.shop_id

    return await database.transaction(work)


# --- one at a time ----------------------------------------------------------------------------


async def _alone(tx: Transaction, viewer: Viewer) -> None:
    """So that two at once are neither too many nor two fallbacks."""
    await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update(no_key=True).get()


async def _found(tx: Transaction, viewer: Viewer, address_id: UUID) -> ReturnAddress:
    rows = ReturnAddress.filter(id=address_id, shop_id=viewer.shop_id).using_db(tx)
    address = await rows.first()
    if address is None:
        raise NotFound(kind="ReturnAddress", id=str(address_id))
    return address


async def _make_way(tx: Transaction, address: ReturnAddress) -> None:
    """There is one fallback: the last that was said to be."""
    if address.fallback:
        others = ReturnAddress.filter(shop_id=address.shop_id).exclude(id=address.id)
        await others.using_db(tx).update(fallback=False)


# --- what shops may say -----------------------------------------------------------------------


def _checked(facts: ReturnAddressFacts, *, partial: bool = False) -> dict[str, object]:
    if not partial and (facts.name is None or facts.address is None):
        raise InvalidInput(
            field="address" if facts.address is None else "name",
            found="null",
            expected="a name and an address",
            zh="名称和地址",
        )
    checks: dict[str, Callable[[Any], object]] = {
        "name": lambda v: validation.text("name", v, longest=100),
        "address": lambda v: asdict(places.address("address", v)),
        "regions": lambda v: _each("regions", v, validation.region),
        "categories": lambda v: _each("categories", v, _word),
        "skus": lambda v: _each("skus", v, _word),
        "position": lambda v: validation.whole("position", v, least=0, most=10_000),
        "fallback": bool,
    }
    return {
        {"address": "parts"}.get(name, name): check(getattr(facts, name))
        for name, check in checks.items()
        if getattr(facts, name) is not None
    }


def _each(field: str, values: Sequence[str], check: Callable[[str, str], str]) -> Sequence[str]:
    validation.limited(field, len(values), MAX_MATCHES)
    return [check(f"{field}.{i}", value) for i, value in enumerate(values)]


def _word(field: str, value: str) -> str:
    return validation.text(field, value, longest=100)


def _point(field: str, point: Point) -> Mapping[str, object]:
    return {
        "code": validation.text(f"{field}.code", point.code, longest=64),
        "zh": validation.text(f"{field}.zh", point.zh, longest=200),
        "en": validation.text(f"{field}.en", point.en, longest=200),
        "categories": _each(f"{field}.categories", point.categories, _word),
    }
