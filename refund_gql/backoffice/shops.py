"""A shop's own settings, and how a shop comes to be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer, system
from refund_gql.backoffice import default_rules, default_scripts, staff, tags
from refund_gql.backoffice.staff import NewStaff
from refund_gql.choices import AutoAssign, RuleMatching, RuleTrigger
from refund_gql.database import Transaction
from refund_gql.errors import AlreadyExists, InvalidInput
from refund_gql.models import ReturnPolicy, Shop
from refund_gql.outbox import channels
from refund_gql.registry import routing
from refund_gql.registry.routing import CourierRoute
from refund_gql.roles import Role

MAX_TIERS = 50


@dataclass(frozen=True, kw_only=True)
class ShopFacts:
    """What may be changed; None leaves a field as it is. Amounts in minor units."""

    name: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    finance_threshold: int | None = None
    return_window_days: int | None = None
    return_address: str | None = None
    return_requirements: Mapping[str, str] | None = None
    gateway_routes: Mapping[str, str] | None = None
    """What captures call a gateway -> the plugin; replaces all routes."""
    courier_routes: Mapping[str, CourierRoute] | None = None
    """What parcels call a courier -> the plugin; replaces all routes."""
    rule_matching: Mapping[RuleTrigger, RuleMatching] | None = None
    """How far rules are read; a trigger that is left out is read up to the first match."""
    exposure_limits: Mapping[str, int] | None = None
    """Tier, or ANY_TIER -> minor units that may go ahead of goods; replaces all limits."""
    return_days: int | None = None
    return_grace_days: int | None = None
    dispute_days: int | None = None
    offer_hours: int | None = None
    return_cost: int | None = None
    reduction_offer_threshold: int | None = None
    delivery_days: int | None = None
    channel_order: Mapping[str, Sequence[str]] | None = None
    """Kind of message, or DEFAULT -> notifiers, best first; replaces the whole order."""
    auto_assign: AutoAssign | None = None


async def create(
    handle: str,
    *,
    name: str,
    currency: str,
    time_zone: str,
    locale: str,
    owner: NewStaff | None = None,
) -> UUID:
    """A new shop with the trade's reason tags, its first rules and its first canned texts.

    The command line does this, nobody else. The owner is added with it, or neither.
    Raises InvalidInput, AlreadyExists.
    """
    handle = validation.text("handle", handle, longest=64)
    if not handle.replace("-", "").isalnum() or not handle.isascii():
        raise InvalidInput(
            field="handle",
            found=handle,
            expected="letters, digits and dashes",
            zh="字母、数字和连字符",
        )
    shop = Shop(
        handle=handle,
        name=validation.text("name", name, longest=200),
        currency=validation.currency("currency", currency),
        time_zone=validation.time_zone("timeZone", time_zone),
        locale=validation.locale("locale", locale),
        created_at=clock.now(),
    )
    person = await staff.checked(shop.id, owner) if owner else None

    async def work(tx: Transaction) -> UUID:
        try:
            await shop.save(using_db=tx, force_create=True)
        except IntegrityError as error:
            raise AlreadyExists(kind="Shop", id=handle) from error
        await _promise(tx, shop, None)
        await tags.create_defaults(tx, shop)
        await default_rules.create(tx, shop)
        await default_scripts.create(tx, shop)
        if person is not None:
            await person.save(using_db=tx, force_create=True)
        return shop.id

    return await database.transaction(work)


async def update(viewer: Viewer, facts: ShopFacts) -> UUID:
    """Change the viewer's own shop. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.OWNER)
    given = _checked(facts)

    async def work(tx: Transaction) -> UUID:
        shop = await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update().get()
        promised = shop.return_window_days
        shop.update_from_dict(given)
        await shop.save(using_db=tx)
        if shop.return_window_days != promised:
            await _promise(tx, shop, viewer)
        return shop.id

    return await database.transaction(work)


async def _promise(tx: Transaction, shop: Shop, author: Viewer | None) -> None:
    """What orders placed from now on may count on; earlier ones keep what they were promised."""
    author = author or system(shop.id)
    last = await ReturnPolicy.filter(shop_id=shop.id).order_by("-number").using_db(tx).first()
    await ReturnPolicy.create(
        using_db=tx,
        shop_id=shop.id,
        number=last.number + 1 if last else 1,
        window_days=shop.return_window_days,
        author=author.actor,
        author_name=author.name,
        since=clock.now(),
    )


def _checked(facts: ShopFacts) -> dict[str, object]:
    checks: dict[str, Callable[[Any], object]] = {
        "name": lambda v: validation.text("name", v, longest=200),
        "time_zone": lambda v: validation.time_zone("timeZone", v),
        "locale": lambda v: validation.locale("locale", v),
        "finance_threshold": lambda v: validation.minor_units("financeThreshold", v),
        "return_window_days": lambda v: validation.whole("returnWindowDays", v, least=0, most=3650),
        "return_address": lambda v: validation.text(
            "returnAddress", v, longest=500, required=False
        ),
        "return_requirements": _requirements,
        "gateway_routes": lambda v: routing.checked_gateways("gatewayRoutes", v),
        "courier_routes": lambda v: routing.checked_couriers("courierRoutes", v),
        "rule_matching": lambda v: {trigger.value: how.value for trigger, how in v.items()},
        "exposure_limits": _limits,
        "return_days": lambda v: validation.whole("returnDays", v, least=1, most=365),
        "return_grace_days": lambda v: validation.whole("returnGraceDays", v, least=0, most=365),
        "dispute_days": lambda v: validation.whole("disputeDays", v, least=0, most=365),
        "offer_hours": lambda v: validation.whole("offerHours", v, least=1, most=720),
        "return_cost": lambda v: validation.minor_units("returnCost", v),
        "reduction_offer_threshold": lambda v: validation.minor_units("reductionOfferThreshold", v),
        "delivery_days": lambda v: validation.whole("deliveryDays", v, least=1, most=90),
        "channel_order": lambda v: channels.checked_order("channelOrder", v),
        "auto_assign": lambda v: v,
    }
    return {
        name: check(getattr(facts, name))
        for name, check in checks.items()
        if getattr(facts, name) is not None
    }


def _limits(value: Mapping[str, int]) -> dict[str, int]:
    validation.limited("exposureLimits", len(value), MAX_TIERS)
    limits = {
        validation.text("exposureLimits.tier", tier, longest=64): validation.minor_units(
            "exposureLimits.most", most
        )
        for tier, most in value.items()
    }
    if len({tier.casefold() for tier in limits}) < len(value):
        raise InvalidInput(
            field="exposureLimits",
            found="a tier twice",
            expected="each once, whatever its capitals",
            zh="每个等级只出现一次，不区分大小写",
        )
    return limits


def _requirements(value: Mapping[str, str]) -> dict[str, str]:
    return {
        validation.locale("returnRequirements", locale): validation.text(
            f"returnRequirements.{locale}", words, longest=2000
        )
        for locale, words in value.items()
    }
