"""The forecast and the campaign calendar through the API."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from support.world import World

from refund_gql import clock
from refund_gql.events import GENESIS
from refund_gql.insight import outlook
from refund_gql.models import CampaignDay, Order, Refund, new_id
from refund_gql.states import RefundKind, RefundStatus

FORECAST = """query F($days: Int! = 14) { forecast(days: $days) {
    ... on Forecast {
      short weekdays days { on rate orders refunds rateBand { low80 high80 }
        refundsBand { low80 high80 low95 high95 } }
      backtest { forecasts relativeError coverage80 } today { orders refunds aboveBand } }
    ... on Problem { code path message } } }"""
CAMPAIGNS = """query C($from: Date!, $until: Date!) { campaigns(from: $from, until: $until) {
    ... on CampaignCalendar { days { code on name own } }
    ... on Problem { code path } } }"""
SET = """mutation S($input: CampaignDayInput!) { campaignSet(input: $input) {
    ... on CampaignDay { code on name own } ... on Problem { code path } } }"""
REMOVE = """mutation R($code: String!, $on: Date!) { campaignRemove(code: $code, on: $on) {
    ... on CampaignRemoved { code on } ... on Problem { code message } } }"""
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)  # in Shanghai
TODAY = date(2026, 11, 22)


async def past(shop_id: UUID, days: int, *, orders: int, refunds: int, ago: int = 1) -> None:
    """So many days, up to `ago` days ago, with so many orders and requests each."""
    moments = [NOON - timedelta(days=ago + step) for step in range(days)]
    await Order.bulk_create([order(shop_id, at) for at in moments for _ in range(orders)])
    await Refund.bulk_create([refund(shop_id, at) for at in moments for _ in range(refunds)])


def order(shop_id: UUID, at: datetime) -> Order:
    return Order(
        shop_id=shop_id,
        number=str(new_id()),
        currency="CNY",
        goods_amount=100,
        total=100,
        placed_at=at,
        created_at=at,
        updated_at=at,
    )


def refund(shop_id: UUID, at: datetime, **more: Any) -> Refund:
    return Refund(
        shop_id=shop_id,
        number=str(new_id()),
        kind=RefundKind.REFUND_ONLY,
        status=RefundStatus.REFUNDED,
        currency="CNY",
        goods_amount=100,
        amount=100,
        requested_by="IMPORT:-",
        imported=True,
        requested_at=at,
        updated_at=at,
        head=GENESIS,
        **more,
    )


async def test_the_days_to_come(world: World) -> None:
    await past(world.shop.id, 40, orders=20, refunds=2)
    with clock.fixed(lambda: NOON):
        found = (await world.owner(FORECAST))["forecast"]
    days = found["days"]
    assert [day["on"] for day in days] == [
        (TODAY + timedelta(days=step)).isoformat() for step in range(14)
    ]
    assert all(day["orders"] == 20 for day in days)
    assert all(day["rate"] == pytest.approx(0.1, abs=0.01) for day in days)
    assert all(day["refunds"] == pytest.approx(20 * day["rate"]) for day in days)
    band = days[0]["refundsBand"]
    assert 0 <= band["low95"] <= band["low80"] < 2 < band["high80"] <= band["high95"]
    assert (found["short"], len(found["weekdays"])) == (False, 7)
    assert found["backtest"] is None  # 40 days: one forecast could be tried, and one says nothing
    assert found["today"] == {"orders": 0, "refunds": 0, "aboveBand": False}


async def test_a_day_that_leaves_the_band_is_named(world: World) -> None:
    shop_id = world.shop.id
    await past(shop_id, 40, orders=20, refunds=2)
    await past(shop_id, 1, orders=3, refunds=9, ago=0)
    with clock.fixed(lambda: NOON):
        found = (await world.owner(FORECAST, days=7))["forecast"]
    assert found["today"] == {"orders": 3, "refunds": 9, "aboveBand": True}
    assert len(found["days"]) == 7
    # Today is not over: it is no part of what the forecast has learnt.
    assert found["days"][0]["rate"] == pytest.approx(0.1, abs=0.01)


async def test_the_parts_of_a_split_request_count_once(world: World) -> None:
    shop_id = world.shop.id
    whole = refund(shop_id, NOON)
    await whole.save(force_create=True)
    await refund(shop_id, NOON, split_from_id=whole.id).save(force_create=True)
    with clock.fixed(lambda: NOON):
        found = (await world.owner(FORECAST))["forecast"]
    assert found["today"]["refunds"] == 1


async def test_days_are_the_shops_own(world: World) -> None:
    shop_id = world.shop.id
    late = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai
    await order(shop_id, late).save(force_create=True)
    with clock.fixed(lambda: NOON):
        assert (await world.owner(FORECAST))["forecast"]["today"]["orders"] == 1


async def test_a_shop_that_has_sold_nothing_hears_so(world: World) -> None:
    found = (await world.owner(FORECAST))["forecast"]
    assert (found["days"], found["short"], found["backtest"]) == ([], True, None)


@pytest.mark.parametrize("days", [6, 29, -1])
async def test_a_horizon_out_of_range(world: World, days: int) -> None:
    found = (await world.owner(FORECAST, days=days))["forecast"]
    assert (found["code"], found["path"]) == ("INVALID_INPUT", ["input", "days"])


async def test_an_engine_without_the_extra_says_what_to_install(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlook, "find_spec", lambda name: None)
    found = (await world.owner(FORECAST))["forecast"]
    assert found["code"] == "NOT_INSTALLED"
    assert "pip install 'refund-gql[insight]'" in found["message"]


# --- the calendar -------------------------------------------------------------------------------


async def days(world: World, first: str, last: str) -> list[tuple[str, str, bool]]:
    found = (await world.owner(CAMPAIGNS, **{"from": first, "until": last}))["campaigns"]
    return [(day["on"], day["name"], day["own"]) for day in found["days"]]


async def enter(world: World, code: str, on: str, **names: str) -> dict[str, Any]:
    said = [{"locale": locale, "name": name} for locale, name in names.items()]
    content = {"code": code, "on": on, "names": said}
    found: dict[str, Any] = (await world.owner(SET, input=content))["campaignSet"]
    return found


async def remove(world: World, code: str, on: str) -> dict[str, Any]:
    found: dict[str, Any] = (await world.owner(REMOVE, code=code, on=on))["campaignRemove"]
    return found


async def test_a_shop_edits_its_calendar(world: World) -> None:
    assert await enter(world, "nianhuo", "2027-01-18", zh="年货节", en="Nianhuo") == {
        "code": "nianhuo",
        "on": "2027-01-18",
        "name": "Nianhuo",
        "own": True,
    }
    assert await remove(world, "12.12", "2026-12-12") == {"code": "12.12", "on": "2026-12-12"}
    assert await days(world, "2026-11-01", "2027-02-01") == [
        ("2026-11-11", "Singles' Day (11.11)", False),
        ("2026-11-27", "Black Friday", False),
        ("2027-01-18", "Nianhuo", True),
    ]
    await enter(world, "12.12", "2026-12-12", en="Year's end")
    await remove(world, "nianhuo", "2027-01-18")
    assert await days(world, "2026-12-01", "2027-02-01") == [("2026-12-12", "Year's end", True)]
    assert await CampaignDay.filter(shop_id=world.shop.id).count() == 1


async def test_what_a_calendar_refuses(world: World) -> None:
    assert (await remove(world, "11.11", "2026-11-12"))["code"] == "NOT_FOUND"
    unnamed = await enter(world, "x", "2026-11-12")
    assert (unnamed["code"], unnamed["path"]) == ("INVALID_INPUT", ["input", "labels"])
    for first, last in (("2026-02-01", "2026-01-01"), ("2020-01-01", "2026-01-01")):
        found = (await world.owner(CAMPAIGNS, **{"from": first, "until": last}))["campaigns"]
        assert (found["code"], found["path"]) == ("INVALID_INPUT", ["input", "until"])
