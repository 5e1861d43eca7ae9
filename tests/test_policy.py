"""The rules of the house: days are the shop's own, and shipping goes back with the last goods."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from support.api import Api
from support.world import World, make_world, order_input

from refund_gql import clock
from refund_gql.flow import policy
from refund_gql.flow.policy import Terms
from refund_gql.models import OrderLine, ReturnPolicy, Shipment, Shop
from refund_gql.settings import Settings

# --- the return window ------------------------------------------------------------------------


def terms(time_zone: str, days: int = 7) -> Terms:
    """Of a market without a law of its own."""
    return Terms(policy=1, promised_days=days, market="", floor_days=0, time_zone=time_zone)


def delivered(at: str) -> Shipment:
    moment = datetime.fromisoformat(at)
    return Shipment(shipped_at=moment - timedelta(days=2), delivered_at=moment)


@pytest.mark.parametrize(
    ("zone", "arrived", "end"),
    [
        # 2026-03-01 23:59:59 in Shanghai, and one second later.
        ("Asia/Shanghai", "2026-03-01T15:59:59+00:00", "2026-03-08T16:00:00+00:00"),
        ("Asia/Shanghai", "2026-03-01T16:00:00+00:00", "2026-03-09T16:00:00+00:00"),
        ("UTC", "2026-03-01T15:59:59+00:00", "2026-03-09T00:00:00+00:00"),
        # The same instant is another day west of the date line.
        ("America/Los_Angeles", "2026-01-02T07:59:59+00:00", "2026-01-09T08:00:00+00:00"),
        ("Pacific/Kiritimati", "2026-01-01T10:00:00+00:00", "2026-01-09T10:00:00+00:00"),
        # Berlin's clocks go forward on 2026-03-29 and back on 2026-10-25.
        ("Europe/Berlin", "2026-03-25T12:00:00+00:00", "2026-04-01T22:00:00+00:00"),
        ("Europe/Berlin", "2026-03-22T12:00:00+00:00", "2026-03-29T22:00:00+00:00"),
        ("Europe/Berlin", "2026-03-21T23:30:00+00:00", "2026-03-29T22:00:00+00:00"),
        ("Europe/Berlin", "2026-10-20T12:00:00+00:00", "2026-10-27T23:00:00+00:00"),
        ("Europe/Berlin", "2026-10-18T12:00:00+00:00", "2026-10-25T23:00:00+00:00"),
        # Half an hour off, and a leap day.
        ("Asia/Kolkata", "2028-02-22T18:29:59+00:00", "2028-02-29T18:30:00+00:00"),
    ],
)
def test_the_window_ends_at_midnight_of_the_shops_own_calendar(
    zone: str, arrived: str, end: str
) -> None:
    found = terms(zone).window_end([delivered(arrived)])
    assert found == datetime.fromisoformat(end)


def test_a_window_of_no_days_is_the_day_of_delivery() -> None:
    found = terms("Asia/Shanghai", 0).window_end([delivered("2026-03-01T12:00:00+00:00")])
    assert found == datetime.fromisoformat("2026-03-01T16:00:00+00:00")


def test_a_parcel_that_nobody_reported_as_delivered_does_not_keep_the_window_open() -> None:
    sent = Shipment(shipped_at=datetime(2026, 3, 1, 12, tzinfo=UTC), delivered_at=None)
    found = terms("UTC").window_end([sent])
    assert found == datetime(2026, 3, 1 + 15 + 7 + 1, tzinfo=UTC)


def test_the_last_parcel_counts() -> None:
    parcels = [delivered("2026-03-01T12:00:00+00:00"), delivered("2026-03-04T12:00:00+00:00")]
    ends = {terms("UTC").window_end(order) for order in (parcels, parcels[::-1])}
    assert ends == {datetime(2026, 3, 12, tzinfo=UTC)}


def test_there_is_no_window_while_nothing_was_shipped() -> None:
    assert terms("UTC").window_end([]) is None


@pytest.fixture
async def berlin(api: Api, settings: Settings) -> World:
    """A shop on Berlin's clock."""
    return await make_world(api, settings, time_zone="Europe/Berlin")


ARRIVED = datetime(2026, 3, 22, 12, tzinfo=UTC)
LAST_SECOND = datetime(2026, 4, 5, 21, 59, 59, tzinfo=UTC)
"""23:59:59 in Berlin, a fortnight later: the shop promises seven days, the law gives fourteen."""


async def delivered_order(world: World) -> dict[str, Any]:
    parcel = {
        "courier": "DHL",
        "trackingNumber": uuid4().hex[:12],
        "shippedAt": (ARRIVED - timedelta(days=2)).isoformat(),
        "deliveredAt": ARRIVED.isoformat(),
    }
    return await world.order(shipments=[parcel])


async def test_the_last_second_of_the_last_day_is_in_time(berlin: World) -> None:
    order = await delivered_order(berlin)
    with clock.fixed(lambda: LAST_SECOND):
        asked = await berlin.refund(berlin.customer, order)
        assert asked["__typename"] == "Refund"


async def test_the_second_after_is_late_and_says_which_day_was_the_last(berlin: World) -> None:
    order = await delivered_order(berlin)
    with clock.fixed(lambda: LAST_SECOND + timedelta(seconds=1)):
        refused = await berlin.refund(berlin.customer, order)
        assert (refused["code"], refused["reason"]) == ("NOT_REFUNDABLE", "WINDOW_CLOSED")
        assert "2026-04-05" in refused["message"]


async def test_staff_may_be_generous_after_the_window(berlin: World) -> None:
    order = await delivered_order(berlin)
    with clock.fixed(lambda: LAST_SECOND + timedelta(days=300)):
        asked = await berlin.refund(berlin.agent, order)
        assert asked["__typename"] == "Refund"


# --- what was promised, and what the law gives ------------------------------------------------


def promise(number: int, days: int, since: str) -> ReturnPolicy:
    return ReturnPolicy(number=number, window_days=days, since=datetime.fromisoformat(since))


PROMISES = [
    promise(1, 7, "2026-01-01T00:00:00+00:00"),
    promise(2, 30, "2026-02-01T00:00:00+00:00"),
    promise(3, 10, "2026-03-01T00:00:00+00:00"),
]


@pytest.mark.parametrize(
    ("placed", "number", "days"),
    [
        ("2025-06-01T00:00:00+00:00", 1, 7),
        ("2026-01-31T23:59:59+00:00", 1, 7),
        ("2026-02-01T00:00:00+00:00", 2, 30),
        ("2026-02-28T23:59:59+00:00", 2, 30),
        ("2026-03-01T00:00:00+00:00", 3, 10),
        ("2026-11-01T00:00:00+00:00", 3, 10),
    ],
)
def test_an_order_keeps_what_was_promised_when_it_was_placed(
    placed: str, number: int, days: int
) -> None:
    for policies in (PROMISES, PROMISES[::-1]):
        found = policy.terms(
            policies, placed_at=datetime.fromisoformat(placed), region="", time_zone="UTC"
        )
        assert (found.policy, found.window_days) == (number, days)


@pytest.mark.parametrize(
    ("region", "zone", "market", "floor"),
    [
        ("", "Asia/Shanghai", "CN", 7),
        ("", "Europe/Berlin", "DE", 14),
        ("", "UTC", "", 0),
        ("CN-31", "Europe/Berlin", "CN", 7),
        ("DE", "Asia/Shanghai", "DE", 14),
        ("GB-LND", "Asia/Shanghai", "GB", 14),
        ("NO", "Asia/Shanghai", "NO", 14),
        ("US-CA", "Asia/Shanghai", "US", 0),
        ("TW", "Asia/Shanghai", "TW", 7),
    ],
)
@pytest.mark.parametrize("promised", [0, 10, 30])
def test_the_market_is_where_the_goods_go_and_its_law_is_the_least(
    region: str, zone: str, market: str, floor: int, promised: int
) -> None:
    found = policy.terms(
        [promise(1, promised, "2026-01-01T00:00:00+00:00")],
        placed_at=ARRIVED,
        region=region,
        time_zone=zone,
    )
    assert (found.market, found.floor_days) == (market, floor)
    assert found.window_days == max(promised, floor)


TERMS = "returnTerms { policy promisedDays market floorDays windowDays windowEnd }"


@pytest.fixture
async def shanghai(api: Api, settings: Settings) -> World:
    """A shop in a market whose law gives seven days."""
    return await make_world(api, settings)


async def promises(world: World, days: int) -> None:
    query = """mutation S($days: Int!) { shopUpdate(input: {returnWindowDays: $days}) {
        ... on Shop { returnWindowDays returnPolicies { number windowDays authorName } } } }"""
    shop = (await world.owner(query, days=days))["shopUpdate"]
    assert shop["returnWindowDays"] == shop["returnPolicies"][0]["windowDays"] == days


async def test_a_shop_that_promises_less_from_today_on_keeps_its_word(shanghai: World) -> None:
    start = clock.now() - timedelta(days=20)  # sessions end sooner than windows

    def day(number: int) -> Any:
        return clock.fixed(lambda: start + timedelta(days=number))

    async def sold(number: int, **changes: Any) -> dict[str, Any]:
        placed, arrived = start + timedelta(days=number), start + timedelta(days=4)
        parcel = {
            "courier": "SF",
            "trackingNumber": uuid4().hex[:12],
            "shippedAt": (arrived - timedelta(hours=2)).isoformat(),
            "deliveredAt": arrived.isoformat(),
        }
        return await shanghai.order(placedAt=placed.isoformat(), shipments=[parcel], **changes)

    with day(1):
        await promises(shanghai, 30)
    with day(3):
        await promises(shanghai, 3)
    before, after, abroad = await sold(2), await sold(3), await sold(3, region="de-be")
    with day(4 + 13):
        for order, days, typename in (
            (before, (2, 30, "CN", 7, 30), "Refund"),
            (after, (3, 3, "CN", 7, 7), "NotRefundable"),
            (abroad, (3, 3, "DE", 14, 14), "Refund"),
        ):
            found = await shanghai.customer(
                f"query O($id: ID!) {{ order(id: $id) {{ {TERMS} }} }}", id=order["id"]
            )
            terms = found["order"]["returnTerms"]
            assert tuple(terms.values())[:5] == days
            asked = await shanghai.refund(shanghai.customer, order)
            assert asked["__typename"] == typename


async def test_a_change_that_changes_nothing_is_no_new_policy(shanghai: World) -> None:
    await promises(shanghai, 7)
    assert await ReturnPolicy.filter(shop_id=shanghai.shop.id).count() == 1


@pytest.mark.parametrize("region", ["XX", "CN-12345", "China", "31"])
async def test_a_region_is_a_code_of_iso_3166(shanghai: World, region: str) -> None:
    refused = await shanghai.service.mutate(
        "orderUpsert", order_input(region=region), "number", on="Order"
    )
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["input", "region"])


# --- shipping ---------------------------------------------------------------------------------


def line(*, quantity: int = 1, shipped: int = 0) -> OrderLine:
    return OrderLine(quantity=quantity, shipped_quantity=shipped, delivered_quantity=0)


@pytest.mark.parametrize(
    ("lines", "takes_everything", "seller_at_fault", "refunded"),
    [
        ([line(), line()], True, False, True),
        ([line(), line()], False, False, False),
        ([line(), line()], False, True, False),
        ([line(shipped=1), line()], True, False, False),
        ([line(shipped=1), line()], True, True, True),
        ([line(quantity=3, shipped=1)], True, False, False),
        ([line(shipped=1)], True, True, True),
    ],
)
def test_shipping_goes_back_with_the_last_goods_when_nothing_was_sent_or_the_shop_erred(
    lines: list[OrderLine], takes_everything: bool, seller_at_fault: bool, refunded: bool
) -> None:
    assert (
        policy.refunds_shipping(
            lines, takes_everything=takes_everything, seller_at_fault=seller_at_fault
        )
        is refunded
    )


# --- finance ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "agreed", "skips"),
    [
        (10_000, "CNY", True, True),
        (10_001, "CNY", True, False),
        (0, "CNY", True, True),
        (10_000, "CNY", False, False),
        (1, "USD", True, False),
    ],
)
def test_only_small_money_in_the_shops_currency_on_which_all_agreed_skips_finance(
    amount: int, currency: str, agreed: bool, skips: bool
) -> None:
    here = Shop(currency="CNY", finance_threshold=10_000)
    found = policy.skips_finance(here, amount=amount, currency=currency, everybody_agreed=agreed)
    assert found is skips


async def test_a_fresh_shop_lets_finance_look_at_everything(
    make_shop: Callable[..., Awaitable[Shop]],
) -> None:
    made = await make_shop()
    assert made.finance_threshold == 0
    assert made.return_window_days == 7
