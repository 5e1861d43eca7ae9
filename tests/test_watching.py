"""Following parcels: asked no more often than allowed, by one process, whatever comes back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.couriers import WORD, Depot, lent, look, watched
from support.trust import step
from support.world import World, eventually, shipped

from refund_gql import clock
from refund_gql.app import Engine
from refund_gql.choices import ParcelDirection, WatchEnd, WatchMode
from refund_gql.flow import parcels, reconciliation, tracking, watching
from refund_gql.models import ParcelWatch, Shop, TrackingCheckpoint
from refund_gql.providers import (
    Checkpoint,
    CourierCapabilities,
    OutcomeUnknown,
    Parcel,
    Refused,
    Retryable,
    Tracking,
    TrackingTag,
)

NUMBER = "SF-BACK-1"
SENT, THERE = TrackingTag.IN_TRANSIT, TrackingTag.DELIVERED


@pytest.fixture
async def depot(monkeypatch: pytest.MonkeyPatch, engine: Engine, world: World) -> Depot:
    return await lent(monkeypatch, engine, world, Depot())


async def returning(world: World, number: str = NUMBER) -> dict[str, Any]:
    """A refund whose goods are on their way back under this number."""
    order = await world.order(shipments=shipped())
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    await world.reaches(asked, "REVIEW")
    await step(world.agent, "refundApprove", asked, kind="RETURN_AND_REFUND")
    return await step(world.customer, "returnShip", asked, courier=WORD, trackingNumber=number)


async def wanted(world: World, depot: Depot) -> ParcelWatch:
    """A return that only this test looks after: its own job has nothing to ask."""
    await Shop.filter(id=world.shop.id).update(courier_routes={})
    await returning(world)
    return await watched(world, depot, NUMBER)


async def status(world: World, refund: dict[str, Any]) -> str:
    found: str = (await world.owner.refund(refund["id"]))["status"]
    return found


# --- what is followed -------------------------------------------------------------------------


async def test_a_return_that_is_sent_off_is_followed_until_it_is_there(
    world: World, depot: Depot
) -> None:
    depot.says(NUMBER, SENT, at=clock.now() + timedelta(minutes=1))
    depot.says(NUMBER, THERE, at=clock.now() + timedelta(minutes=2))
    refund = await returning(world)
    found = await world.reaches(refund, "INSPECTION")
    assert [entry["type"] for entry in found["timeline"]][-2:] == [
        "RETURN_SHIPPED",
        "RETURN_RECEIVED",
    ]
    assert found["timeline"][-1]["actorKind"] == "SYSTEM"
    assert depot.asked == [NUMBER]
    assert depot.parcels[0].carrier == "sf"


async def test_what_was_sent_to_customers_is_followed_once(world: World, depot: Depot) -> None:
    await world.order(shipments=shipped(delivered=False))
    await world.order(shipments=shipped(delivered=True))
    old = shipped(delivered=False)
    old[0]["shippedAt"] = (clock.now() - timedelta(days=61)).isoformat()
    await world.order(shipments=old)
    await world.order(shipments=[{**shipped(delivered=False)[0], "courier": "Nobody"}])
    for _ in range(2):
        await parcels.follow_missing()
    watches = await ParcelWatch.filter(shop_id=world.shop.id)
    assert [(watch.direction, watch.courier) for watch in watches] == [
        (ParcelDirection.OUT, depot.key)
    ]


async def test_a_parcel_without_a_job_gets_one(world: World, depot: Depot) -> None:
    watch = await watched(world, depot, NUMBER)
    await reconciliation.reconcile(parcels.MISSING)

    async def closed() -> bool | None:
        return (await ParcelWatch.get(id=watch.id)).closed_at is not None or None

    assert await eventually(closed, "the look")
    assert (await ParcelWatch.get(id=watch.id)).ended is WatchEnd.NOT_NEEDED
    assert depot.asked == []


# --- how often --------------------------------------------------------------------------------


async def test_many_processes_ask_once_per_interval(
    engine: Engine, world: World, depot: Depot
) -> None:
    watch = await wanted(world, depot)
    depot.gate = asyncio.Event()
    looks = [asyncio.create_task(look(engine, watch.id, due=False)) for _ in range(8)]
    await depot.called.wait()
    depot.gate.set()
    await asyncio.gather(*looks)
    await look(engine, watch.id, due=False)
    assert depot.asked == [NUMBER]
    kept = await ParcelWatch.get(id=watch.id)
    assert kept.polls == 1
    assert kept.next_look_at >= watch.next_look_at + timedelta(minutes=30)


async def test_whoever_dies_while_asking_costs_one_interval(
    engine: Engine, world: World, depot: Depot
) -> None:
    watch = await wanted(world, depot)
    depot.errors = [asyncio.CancelledError()]
    with pytest.raises(asyncio.CancelledError):
        await look(engine, watch.id)
    await look(engine, watch.id, due=False)
    assert depot.asked == [NUMBER]
    kept = await look(engine, watch.id)
    assert (depot.asked, kept.polls) == ([NUMBER, NUMBER], 2)
    assert kept.answered_at is not None


@given(
    least=st.integers(min_value=1, max_value=90),
    quiet=st.integers(min_value=0, max_value=60 * 24 * 90),
    failures=st.integers(min_value=0, max_value=1000),
)
def test_never_more_often_than_the_courier_allows(least: int, quiet: int, failures: int) -> None:
    sheet = CourierCapabilities(least_poll_interval=timedelta(minutes=least))
    pause = watching.interval(sheet, timedelta(minutes=quiet))
    assert sheet.least_poll_interval <= pause <= timedelta(hours=6)
    rest = watching.rest(failures, sheet.least_poll_interval)
    assert sheet.least_poll_interval <= rest <= timedelta(hours=12)


# --- a courier that is down, or talks nonsense ------------------------------------------------

RUBBISH: tuple[Any, ...] = (
    None,
    "DELIVERED",
    Tracking(tracking_number="another", checkpoints=()),
    Tracking(tracking_number=NUMBER, checkpoints=None),  # type: ignore[arg-type] # on purpose
    Tracking(tracking_number=NUMBER, checkpoints=("DELIVERED",)),  # type: ignore[arg-type] # too
    Tracking(
        tracking_number=NUMBER,
        checkpoints=(Checkpoint(at=clock.now().replace(tzinfo=None), tag=THERE),),
    ),
    Tracking(
        tracking_number=NUMBER,
        checkpoints=(Checkpoint(at=clock.now(), tag="DELIVERED!"),),  # type: ignore[arg-type] # too
    ),
)


async def test_rubbish_moves_nothing_and_waits_longer(
    engine: Engine, world: World, depot: Depot
) -> None:
    await Shop.filter(id=world.shop.id).update(courier_routes={})
    refund = await returning(world)
    watch = await watched(world, depot, NUMBER)
    depot.rubbish = list(RUBBISH)
    for failures in range(1, len(RUBBISH) + 1):
        kept = await look(engine, watch.id)
        assert (kept.problem, kept.failures) == ("NONSENSE", failures)
        assert kept.next_look_at >= clock.now() + timedelta(minutes=50)
    assert await status(world, refund) == "RETURNING"
    assert not await TrackingCheckpoint.filter(shop_id=world.shop.id).exists()
    kept = await look(engine, watch.id)
    assert (kept.problem, kept.failures) == (None, 0)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (OutcomeUnknown("no answer", code="TIMEOUT"), "TIMEOUT"),
        (Refused("locked", code="LOCKED"), "LOCKED"),
        (Retryable("later", code="BUSY", retry_after=timedelta(hours=3)), "BUSY"),
    ],
)
async def test_a_courier_that_fails_is_left_alone_for_longer(
    engine: Engine, world: World, depot: Depot, error: Exception, problem: str
) -> None:
    watch = await wanted(world, depot)
    depot.errors = [error]
    kept = await look(engine, watch.id)
    assert (kept.problem, kept.failures, kept.answered_at) == (problem, 1, None)
    least = 3 if isinstance(error, Retryable) else 1
    assert kept.next_look_at >= clock.now() + timedelta(hours=least, minutes=-1)


async def test_a_courier_that_is_down_parks_its_own_parcels_and_no_others(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = await lent(monkeypatch, engine, world, Depot(), failures=1)
    first = await wanted(world, down)
    second = await watched(world, down, "SF-BACK-2")
    await returning(world, "SF-BACK-2")
    up = await lent(monkeypatch, engine, world, Depot())
    third = await wanted_under(world, up, "SF-BACK-3")
    down.errors = [OutcomeUnknown("down")]
    await look(engine, first.id)
    parked = await look(engine, second.id)
    assert (parked.problem, parked.failures, parked.polls) == ("COURIER_DOWN", 0, 0)
    assert parked.next_look_at > clock.now()
    fine = await look(engine, third.id)
    assert (down.asked, up.asked, fine.problem) == ([NUMBER], ["SF-BACK-3"], None)


async def wanted_under(world: World, depot: Depot, number: str) -> ParcelWatch:
    await Shop.filter(id=world.shop.id).update(courier_routes={})
    await returning(world, number)
    return await watched(world, depot, number)


async def test_a_courier_that_goes_back_in_time_moves_nothing_backwards(
    engine: Engine, world: World, depot: Depot
) -> None:
    await Shop.filter(id=world.shop.id).update(courier_routes={})
    refund = await returning(world)
    watch = await watched(world, depot, NUMBER)
    soon = clock.now() + timedelta(minutes=1)
    depot.says(NUMBER, THERE, at=soon)
    await look(engine, watch.id)
    arrived = await world.reaches(refund, "INSPECTION")
    depot.lines[NUMBER] = []
    for tag in (SENT, TrackingTag.EXCEPTION, TrackingTag.EXPIRED, THERE):
        for at in (soon - timedelta(minutes=1), soon + timedelta(hours=1)):
            depot.says(NUMBER, tag, at=at)
    news = await depot.track(Parcel(tracking_number=NUMBER))
    await tracking.record(world.shop.id, depot.key, tracking.understood(news))
    found = await world.owner.refund(refund["id"])
    assert (found["status"], found["version"]) == ("INSPECTION", arrived["version"])


# --- news that come by themselves -------------------------------------------------------------


async def test_a_subscription_is_asked_for_and_polled_only_after_a_silent_day(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot = await lent(monkeypatch, engine, world, Depot(subscribe=True))
    watch = await wanted(world, depot)
    kept = await look(engine, watch.id)
    assert (kept.mode, depot.calls, depot.asked) == (WatchMode.SUBSCRIBED, ["subscribe"], [])
    assert kept.next_look_at >= clock.now() + timedelta(hours=23)
    await look(engine, watch.id)
    assert depot.asked == []
    a_day_ago = clock.now() - timedelta(days=1)
    silent = {"subscribed_at": a_day_ago, "answered_at": a_day_ago, "created_at": a_day_ago}
    await ParcelWatch.filter(id=watch.id).update(**silent)
    await look(engine, watch.id)
    assert (depot.calls, depot.asked) == (["subscribe"], [NUMBER])


async def test_a_subscription_that_fails_is_tried_again_then_polled(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot = await lent(monkeypatch, engine, world, Depot(subscribe=True))
    watch = await wanted(world, depot)
    depot.errors = [OutcomeUnknown("no answer") for _ in range(5)]
    modes = [(await look(engine, watch.id)).mode for _ in range(5)]
    assert modes == [WatchMode.SUBSCRIBING] * 4 + [WatchMode.POLLING]
    await look(engine, watch.id)
    assert (depot.calls, depot.asked) == (["subscribe"] * 5, [NUMBER])


# --- the end ----------------------------------------------------------------------------------


async def test_after_sixty_days_nobody_asks_any_more(
    engine: Engine, world: World, depot: Depot
) -> None:
    watch = await wanted(world, depot)
    long_ago = clock.now() - timedelta(days=60)
    await ParcelWatch.filter(id=watch.id).update(created_at=long_ago)
    kept = await look(engine, watch.id)
    assert (kept.ended, depot.asked) == (WatchEnd.EXPIRED, [])
    await look(engine, watch.id)
    assert depot.asked == []


async def test_staff_see_what_is_followed_and_customers_do_not(world: World, depot: Depot) -> None:
    watch = await watched(world, depot, NUMBER)
    await ParcelWatch.filter(id=watch.id).update(problem="COURIER_DOWN")
    query = """{ parcelWatches(open: true) { totalCount edges { node {
        trackingNumber direction mode problem polls } } } }"""
    found = (await world.agent(query))["parcelWatches"]
    assert found == {
        "totalCount": 1,
        "edges": [
            {
                "node": {
                    "trackingNumber": NUMBER,
                    "direction": "BACK",
                    "mode": "SUBSCRIBING",
                    "problem": "COURIER_DOWN",
                    "polls": 0,
                }
            }
        ],
    }
    [refused] = await world.customer.errors(query)
    assert refused["extensions"]["code"] == "FORBIDDEN"
