"""Parcels to customers that are late, stuck, damaged or lost: noticed once, told once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from support.couriers import WORD, Depot, lent
from support.postroom import Postroom, reachable
from support.world import World

from refund_gql import clock, database, ids
from refund_gql.app import Engine
from refund_gql.choices import AnomalyKind, MessageStatus, ParcelDirection
from refund_gql.flow import anomalies, facts, lanes, tracking
from refund_gql.flow.signals import Risk
from refund_gql.models import (
    Message,
    Order,
    ParcelWatch,
    Refund,
    Shipment,
    ShipmentAnomaly,
    Shop,
    WebhookDelivery,
    WebhookEndpoint,
)
from refund_gql.outbox import deliveries, messages, warnings
from refund_gql.providers import Checkpoint, Tracking, TrackingTag

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KIND = AnomalyKind


@pytest.fixture
async def depot(monkeypatch: pytest.MonkeyPatch, engine: Engine, world: World) -> Depot:
    """The shop's courier; telling is left to the tests."""
    monkeypatch.setattr(anomalies, "_announce", _leave_it)
    monkeypatch.setattr(deliveries, "set_alarm", _leave_it)
    return await lent(monkeypatch, engine, world, Depot())


async def _leave_it(*anything: object) -> None:
    """No job."""


async def sent(
    world: World,
    depot: Depot,
    days: float,
    *,
    scans: Sequence[tuple[float, TrackingTag]] = (),
    answered: datetime | None = None,
    **order: Any,
) -> Shipment:
    """A parcel that left so many days ago, is followed, and was scanned so many days ago."""
    now, number = clock.now(), uuid4().hex[:12]
    parcel = {
        "courier": WORD,
        "trackingNumber": number,
        "shippedAt": (now - days * DAY).isoformat(),
    }
    bought = await world.order(shipments=[parcel], **order)
    await ParcelWatch.create(
        shop_id=world.shop.id,
        courier=depot.key,
        tracking_number=number,
        direction=ParcelDirection.OUT,
        next_look_at=now + 365 * DAY,
        created_at=now,
        answered_at=answered or now,
    )
    lines = tuple(Checkpoint(at=now - ago * DAY, tag=tag, code=tag.value) for ago, tag in scans)
    news = tracking.understood(Tracking(tracking_number=number, checkpoints=lines))
    await tracking.record(world.shop.id, depot.key, news)
    order_id = ids.required("id", bought["id"], "Order")
    return await Shipment.get(order_id=order_id)


async def found(shipment: Shipment) -> set[AnomalyKind]:
    rows = await ShipmentAnomaly.filter(shipment_id=shipment.id)
    return {row.kind for row in rows}


# --- what is noticed --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "scans", "kinds"),
    [
        (6, [(2.9, TrackingTag.IN_TRANSIT)], set()),
        (6, [(3.1, TrackingTag.IN_TRANSIT)], {KIND.STUCK}),
        (6, [], {KIND.STUCK}),
        (8, [(1, TrackingTag.OUT_FOR_DELIVERY)], {KIND.LATE}),
        (8, [(4, TrackingTag.AVAILABLE_FOR_PICKUP)], set()),
        (2, [(1, TrackingTag.EXCEPTION)], {KIND.EXCEPTION}),
        (2, [(1.5, TrackingTag.EXCEPTION), (1, TrackingTag.IN_TRANSIT)], set()),
        (2, [(1, TrackingTag.EXPIRED)], {KIND.LOST}),
        (12, [(11, TrackingTag.IN_TRANSIT)], {KIND.LOST, KIND.STUCK, KIND.LATE}),
        (9, [(8, TrackingTag.DELIVERED)], set()),
        (9, [(8, TrackingTag.DELIVERED), (1, TrackingTag.EXCEPTION)], set()),
    ],
)
async def test_what_is_wrong_with_a_parcel(
    world: World,
    depot: Depot,
    days: float,
    scans: list[tuple[float, TrackingTag]],
    kinds: set[AnomalyKind],
) -> None:
    shipment = await sent(world, depot, days, scans=scans)
    await anomalies.sweep()
    assert await found(shipment) == kinds


async def test_a_courier_that_does_not_answer_makes_no_parcel_late(
    world: World, depot: Depot
) -> None:
    shipment = await sent(world, depot, 20, answered=clock.now() - 3 * DAY)
    await anomalies.sweep()
    assert await found(shipment) == set()


async def test_it_is_opened_once_and_closed_by_delivery(world: World, depot: Depot) -> None:
    shipment = await sent(world, depot, 8, scans=[(1, TrackingTag.IN_TRANSIT)])
    await asyncio.gather(*(anomalies.sweep() for _ in range(5)))
    [anomaly] = await ShipmentAnomaly.filter(shipment_id=shipment.id)
    assert abs(anomaly.since - (shipment.shipped_at + 7 * DAY)) < timedelta(seconds=1)
    line = Checkpoint(at=clock.now(), tag=TrackingTag.DELIVERED, code="80")
    news = Tracking(tracking_number=shipment.tracking_number, checkpoints=(line,))
    await tracking.record(world.shop.id, depot.key, news)
    await anomalies.sweep()
    await anomalies.sweep()
    [anomaly] = await ShipmentAnomaly.filter(shipment_id=shipment.id)
    assert anomaly.closed_at is not None
    query = """query O($id: ID!) { order(id: $id) { shipments { expectedAt anomalies {
        kind closedAt } } } }"""
    shown = await world.customer(query, id=ids.encode("Order", shipment.order_id))
    [parcel] = shown["order"]["shipments"]
    assert [each["kind"] for each in parcel["anomalies"]] == ["LATE"]
    assert parcel["expectedAt"] == (shipment.shipped_at + 7 * DAY).isoformat()
    query = "query A($open: Boolean) { shipmentAnomalies(open: $open) { totalCount } }"
    for is_open, count in ((True, 0), (False, 1), (None, 1)):
        shown = await world.agent(query, open=is_open)
        assert shown["shipmentAnomalies"] == {"totalCount": count}


# --- the lane's own history -------------------------------------------------------------------


async def history(world: World, cases: int, days: float, region: str) -> None:
    """Parcels that took between half so long and so long."""
    template = await world.order(region=region)
    order_id = ids.required("id", template["id"], "Order")
    shipped_at = clock.now() - 60 * DAY
    for i in range(cases):
        took = days * DAY * (0.5 + 0.5 * (i + 1) / cases)
        await Shipment.create(
            shop_id=world.shop.id,
            order_id=order_id,
            courier=WORD,
            tracking_number=f"{region}-{i}",
            shipped_at=shipped_at,
            delivered_at=shipped_at + took,
        )


async def test_late_is_later_than_nine_of_ten_of_the_same_lane(world: World, depot: Depot) -> None:
    await history(world, lanes.LEAST_CASES, 4, "CN-31")
    await history(world, lanes.LEAST_CASES - 1, 4, "CN-44")
    await lanes.refresh()
    scans = [(0.5, TrackingTag.IN_TRANSIT)]
    known = await sent(world, depot, 5, scans=scans, region="CN-31")
    unknown = await sent(world, depot, 5, scans=scans, region="CN-44")
    await Shop.filter(id=world.shop.id).update(delivery_days=6)
    await anomalies.sweep()
    assert (await found(known), await found(unknown)) == ({KIND.LATE}, set())


# --- what rules learn -------------------------------------------------------------------------


async def known_facts(world: World, shipment: Shipment) -> dict[str, Any]:
    if not await Refund.filter(order_id=shipment.order_id).exists():
        await world.refund(world.agent, {"id": ids.encode("Order", shipment.order_id)})
    refund = await Refund.get(order_id=shipment.order_id)
    known = await database.transaction(lambda tx: facts.gather(tx, refund, clock.now(), Risk()))
    return {name: value for name, value in known.items() if name.startswith("courier.")}


async def test_rules_learn_the_delay_and_the_anomaly(world: World, depot: Depot) -> None:
    late = await sent(world, depot, 10.5, scans=[(1, TrackingTag.IN_TRANSIT)])
    await anomalies.sweep()
    assert await known_facts(world, late) == {"courier.delay_days": 3, "courier.anomaly": True}
    fine = await sent(world, depot, 2, scans=[(1, TrackingTag.IN_TRANSIT)])
    assert await known_facts(world, fine) == {"courier.delay_days": 0, "courier.anomaly": False}
    await ParcelWatch.filter(tracking_number=fine.tracking_number).delete()
    assert await known_facts(world, fine) == {"courier.anomaly": False}


# --- who is told ------------------------------------------------------------------------------


async def endpoint(world: World, *events: str) -> WebhookEndpoint:
    return await WebhookEndpoint.create(
        shop_id=world.shop.id,
        url="https://nobody.example/hook",
        events=list(events),
        created_at=clock.now() - HOUR,
    )


async def test_the_shop_hears_of_each_trouble_and_the_customer_once(
    world: World, depot: Depot
) -> None:
    await reachable(world, DEFAULT=["letterbox"])
    everything, some = await endpoint(world), await endpoint(world, "REFUNDED")
    shipment = await sent(world, depot, 12, scans=[(11, TrackingTag.IN_TRANSIT)])
    await anomalies.sweep()
    opened = await ShipmentAnomaly.filter(shipment_id=shipment.id).order_by("id")
    assert len(opened) == 3
    postroom = Postroom()
    told = [warnings.tell(postroom, anomaly.id) for anomaly in opened for _ in range(2)]
    await asyncio.gather(*told)
    deliveries = await WebhookDelivery.filter(endpoint_id=everything.id)
    types = {"shipment.late", "shipment.lost", "shipment.stuck"}
    assert {delivery.type for delivery in deliveries} == types
    assert len(deliveries) == 3
    assert not await WebhookDelivery.filter(endpoint_id=some.id).exists()
    assert deliveries[0].payload["data"]["shipment"] == ids.encode("Shipment", shipment.id)
    [message] = await Message.filter(shop_id=world.shop.id)
    number = (await Order.get(id=shipment.order_id)).number
    assert message.text.startswith(
        f"您订单 {number} 中的保温杯（SF {shipment.tracking_number}）配送出现延误，非常抱歉。"
    )
    await messages.send(postroom, message.id)
    assert [name for name, _ in postroom.texts] == ["letterbox"]
    shown = await world.agent(
        "query M($id: ID!) { node(id: $id) { ... on Message { kind refund { id } "
        "anomaly { shipment { trackingNumber } } } } }",
        id=ids.encode("Message", message.id),
    )
    assert shown["node"] == {
        "kind": "SHIPMENT_DELAYED",
        "refund": None,
        "anomaly": {"shipment": {"trackingNumber": shipment.tracking_number}},
    }


async def test_nobody_is_told_of_a_delay_that_is_over(world: World, depot: Depot) -> None:
    await reachable(world, DEFAULT=["letterbox"])
    shipment = await sent(world, depot, 8, scans=[(1, TrackingTag.IN_TRANSIT)])
    await anomalies.sweep()
    [anomaly] = await ShipmentAnomaly.filter(shipment_id=shipment.id)
    await warnings.tell(Postroom(), anomaly.id)
    await ShipmentAnomaly.filter(id=anomaly.id).update(closed_at=clock.now())
    [message] = await Message.filter(shop_id=world.shop.id)
    postroom = Postroom()
    await messages.send(postroom, message.id)
    kept = await Message.get(id=message.id)
    assert (kept.status, kept.code) == (MessageStatus.SUPERSEDED, "OVERTAKEN")
    assert postroom.sent == {}
