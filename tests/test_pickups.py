"""A courier fetches the goods: ordered once, whatever becomes of the calls."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from support.api import key
from support.couriers import WORD, Depot, lent, return_address
from support.trust import row_id, step, types
from support.world import World, eventually, shipped

from refund_gql import clock
from refund_gql.app import Engine
from refund_gql.choices import ParcelDirection, PickupStatus
from refund_gql.flow import pickups, reconciliation, tracking
from refund_gql.models import ParcelWatch, ReturnPickup
from refund_gql.providers import (
    Checkpoint,
    OutcomeUnknown,
    Refused,
    Retryable,
    Tracking,
    TrackingTag,
)

HOME = {
    "name": "林晓",
    "phone": "13800000000",
    "country": "CN",
    "city": "杭州市",
    "street": "花园路 1",
}
DEPOT = {**HOME, "name": "退货组", "street": "山茶路 88", "region": "浙江省"}
MORE = """returns { status courier trackingNumber
  pickup { status courier reference trackingNumber labelUrl problem tries } }"""


@pytest.fixture
async def depot(monkeypatch: pytest.MonkeyPatch, engine: Engine, world: World) -> Depot:
    """The shop's courier; the worker leaves pickups to the tests."""
    monkeypatch.setattr(pickups, "_schedule", _leave_it)
    return await lent(monkeypatch, engine, world, Depot())


async def _leave_it(*anything: object) -> None:
    """No job: the test tries by itself."""


async def awaited(world: World, *, address: bool = True) -> dict[str, Any]:
    """A refund whose goods are to be sent back."""
    if address:
        made = await return_address(world, name="Depot", address=DEPOT, fallback=True)
        assert made["__typename"] == "ReturnAddress", made
    order = await world.order(shipments=shipped())
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    await world.reaches(asked, "REVIEW")
    return await step(world.agent, "refundApprove", asked, kind="RETURN_AND_REFUND")


async def asked_for(world: World, refund: dict[str, Any], **more: Any) -> dict[str, Any]:
    return await step(
        world.customer, "returnBookPickup", refund, **{"courier": WORD, "sender": HOME, **more}
    )


async def wanted(world: World) -> tuple[dict[str, Any], ReturnPickup]:
    refund = await awaited(world)
    assert (await asked_for(world, refund))["__typename"] == "Refund"
    return refund, await ReturnPickup.get(refund_id=row_id(refund))


async def served(engine: Engine, pickup: ReturnPickup) -> ReturnPickup:
    await pickups.serve(engine.providers.courier, pickup.id)
    return await ReturnPickup.get(id=pickup.id)


async def test_a_pickup_is_booked_and_its_parcel_followed(
    engine: Engine, world: World, depot: Depot
) -> None:
    refund, pickup = await wanted(world)
    assert pickup.request["sender"]["street"] == "花园路 1"
    assert pickup.request["recipient"]["street"] == "山茶路 88"
    kept = await served(engine, pickup)
    number = kept.tracking_number
    found = await world.customer.refund(
        refund["id"], "returns { status courier pickup { status courier labelUrl trackingNumber } }"
    )
    assert found["returns"] == [
        {
            "status": "AWAITED",
            "courier": WORD,
            "pickup": {
                "status": "BOOKED",
                "courier": WORD,
                "labelUrl": "https://labels.example/1",
                "trackingNumber": number,
            },
        }
    ]
    assert (kept.request, types(found)[-1]) == ({}, "PICKUP_BOOKED")
    watch = await ParcelWatch.get(shop_id=world.shop.id)
    assert (watch.direction, watch.tracking_number) == (ParcelDirection.BACK, number)
    await served(engine, pickup)
    assert depot.calls == ["book"]


async def test_the_first_scan_hands_the_goods_over_and_the_delivery_receives_them(
    engine: Engine, world: World, depot: Depot
) -> None:
    refund, pickup = await wanted(world)
    number = (await served(engine, pickup)).tracking_number or ""
    for tag, status in (
        (TrackingTag.INFO_RECEIVED, "AWAITING_RETURN"),
        (TrackingTag.IN_TRANSIT, "RETURNING"),
        (TrackingTag.DELIVERED, "INSPECTION"),
    ):
        line = Checkpoint(at=clock.now(), tag=tag, code=tag.value)
        news = Tracking(tracking_number=number, checkpoints=(line,))
        await tracking.record(world.shop.id, "depot", tracking.understood(news))
        assert (await world.owner.refund(refund["id"]))["status"] == status
    assert (await ReturnPickup.get(id=pickup.id)).status is PickupStatus.DONE


class Killed(BaseException):
    """The process is gone."""


async def test_a_process_killed_between_call_and_record_leaves_one_pickup(
    engine: Engine, world: World, depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund, pickup = await wanted(world)

    async def killed(*anything: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(pickups, "_booked", killed)
        with pytest.raises(Killed):
            await served(engine, pickup)
    assert (await ReturnPickup.get(id=pickup.id)).status is PickupStatus.BOOKING
    kept = await served(engine, pickup)
    assert (depot.calls, len(depot.pickups)) == (["book", "find"], 1)
    assert (kept.status, kept.tries) == (PickupStatus.BOOKED, 2)
    assert types(await world.owner.refund(refund["id"])).count("PICKUP_BOOKED") == 1


@pytest.mark.parametrize("done", [False, True])
async def test_silence_is_looked_up_before_anything_is_ordered_again(
    engine: Engine, world: World, depot: Depot, done: bool
) -> None:
    _, pickup = await wanted(world)
    (depot.late_errors if done else depot.errors).append(OutcomeUnknown("no answer", code="T"))
    kept = await served(engine, pickup)
    assert (kept.status, kept.problem) == (PickupStatus.BOOKING, "T")
    kept = await served(engine, pickup)
    assert kept.status is PickupStatus.BOOKED
    assert depot.calls == ["book", "find"] if done else ["book", "find", "book"]
    assert len(depot.pickups) == 1


async def test_a_refusal_is_final_and_the_goods_go_another_way(
    engine: Engine, world: World, depot: Depot
) -> None:
    refund, pickup = await wanted(world)
    depot.errors = [Refused("not in this street", code="AREA")]
    kept = await served(engine, pickup)
    assert (kept.status, kept.problem, kept.request) == (PickupStatus.FAILED, "AREA", {})
    assert types(await world.owner.refund(refund["id"]))[-1] == "PICKUP_FAILED"
    again = await asked_for(world, refund)
    assert again["__typename"] == "Refund"
    sent = await step(world.customer, "returnShip", refund, courier="Own", trackingNumber="OWN-1")
    assert sent["status"] == "RETURNING"
    statuses = await ReturnPickup.filter(refund_id=row_id(refund)).order_by("id")
    assert [row.status for row in statuses] == [PickupStatus.FAILED, PickupStatus.CANCELLED]
    assert depot.calls == ["book"]


async def test_what_the_courier_never_heard_of_is_not_ordered_for_goods_that_nobody_awaits(
    engine: Engine, world: World, depot: Depot
) -> None:
    refund, pickup = await wanted(world)
    depot.errors = [Retryable("closed", code="DOWN")]
    assert (await served(engine, pickup)).status is PickupStatus.BOOKING
    assert (await step(world.customer, "refundCancel", refund))["status"] == "CANCELLED"
    kept = await served(engine, pickup)
    assert (kept.status, kept.request) == (PickupStatus.CANCELLED, {})
    assert depot.calls == ["book", "find"]
    assert not depot.pickups


async def test_after_two_days_it_is_given_up_visibly(
    engine: Engine, world: World, depot: Depot
) -> None:
    _, pickup = await wanted(world)
    depot.errors = [OutcomeUnknown("no answer")] * 2
    await served(engine, pickup)
    await ReturnPickup.filter(id=pickup.id).update(wanted_at=clock.now() - pickups.PATIENCE)
    kept = await served(engine, pickup)
    assert (kept.status, kept.problem) == (PickupStatus.FAILED, "IN_DOUBT")


async def test_a_courier_that_is_down_is_waited_for(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickups, "_schedule", _leave_it)
    depot = await lent(monkeypatch, engine, world, Depot(), failures=1)
    _, pickup = await wanted(world)
    depot.errors = [Retryable("closed", code="DOWN")]
    kept = await served(engine, pickup)
    assert kept.problem == "DOWN"
    kept = await served(engine, pickup)
    assert (kept.status, kept.problem, kept.tries) == (PickupStatus.BOOKING, "COURIER_DOWN", 1)
    assert depot.calls == ["book"]


async def test_a_number_that_comes_later_is_asked_for(
    engine: Engine, world: World, depot: Depot
) -> None:
    refund, pickup = await wanted(world)
    depot.gives_number = False
    kept = await served(engine, pickup)
    assert (kept.status, kept.tracking_number) == (PickupStatus.BOOKED, None)
    depot.gives_number = True
    kept = await served(engine, pickup)
    found = await world.owner.refund(refund["id"], MORE)
    assert kept.tracking_number is not None
    assert found["returns"][0]["trackingNumber"] == kept.tracking_number
    assert depot.calls == ["book", "find"]


async def test_a_pickup_without_a_job_gets_one(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot = await lent(monkeypatch, engine, world, Depot())
    with monkeypatch.context() as patch:
        patch.setattr(pickups, "_schedule", _leave_it)
        _, pickup = await wanted(world)
    await reconciliation.reconcile(pickups.MISSING)

    async def booked() -> bool | None:
        found = await ReturnPickup.get(id=pickup.id)
        return found.status is PickupStatus.BOOKED or None

    assert await eventually(booked, "the pickup")
    assert depot.calls == ["book"]


async def test_two_taps_order_one_pickup(engine: Engine, world: World, depot: Depot) -> None:
    refund = await awaited(world)
    same = key()

    def tap(idempotency_key: str) -> Awaitable[dict[str, Any]]:
        return world.customer.mutate(
            "returnBookPickup",
            {"refundId": refund["id"], "idempotencyKey": idempotency_key, "courier": WORD,
             "sender": HOME},
        )  # fmt: skip

    answers = await asyncio.gather(tap(same), tap(same), tap(key()))
    assert sorted(answer["__typename"] for answer in answers).count("Refund") >= 1
    assert await ReturnPickup.filter(refund_id=row_id(refund)).count() == 1


Spoil = Callable[[World], Awaitable[dict[str, Any]]]


async def _no_route(world: World) -> dict[str, Any]:
    return await asked_for(world, await awaited(world), courier="Nobody")


async def _no_parts(world: World) -> dict[str, Any]:
    return await asked_for(world, await awaited(world, address=False))


async def _nothing_awaited(world: World) -> dict[str, Any]:
    refund = await awaited(world)
    await step(world.customer, "returnShip", refund, courier="Own", trackingNumber="1")
    return await asked_for(world, refund)


async def _under_way(world: World) -> dict[str, Any]:
    refund = await awaited(world)
    await asked_for(world, refund)
    return await asked_for(world, refund)


async def _backwards(world: World) -> dict[str, Any]:
    now = clock.now()
    times = {"earliest": now.isoformat(), "latest": (now - timedelta(hours=1)).isoformat()}
    return await asked_for(world, await awaited(world), **times)


async def _nowhere(world: World) -> dict[str, Any]:
    return await asked_for(world, await awaited(world), sender={**HOME, "country": "China"})


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (_no_route, "courier"),
        (_no_parts, "refundId"),
        (_nothing_awaited, "refundId"),
        (_under_way, "refundId"),
        (_backwards, "latest"),
        (_nowhere, "sender.country"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_what_cannot_be_fetched_is_refused_with_the_field(
    world: World, depot: Depot, spoil: Spoil, field: str
) -> None:
    answer = await spoil(world)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", *field.split(".")])
    assert depot.calls == []


async def test_warehouses_and_strangers_book_nothing(world: World, depot: Depot) -> None:
    refund = await awaited(world)
    document = """mutation M($input: ReturnBookPickupInput!) { returnBookPickup(input: $input) {
        __typename } }"""
    content = {
        "refundId": refund["id"], "idempotencyKey": key(), "courier": WORD, "sender": HOME,
    }  # fmt: skip
    [refused] = await world.warehouse.errors(document, input=content)
    assert refused["extensions"]["code"] == "FORBIDDEN"
    assert not await ReturnPickup.filter(shop_id=world.shop.id).exists()
