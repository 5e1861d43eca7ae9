"""Shoes that are too small go back by themselves: fetched, followed and received through the
sandbox courier, asked by the engine or telling it."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from refund_gql_sandbox.courier import SandboxCourier
from refund_gql_sandbox.courier.message import Message
from refund_gql_sandbox.settings import CourierSettings
from refund_gql_sandbox.webhook import sign
from support.api import key
from support.couriers import WORD, return_address
from support.providers import lend, line
from support.trust import SHOES, finding, step, types
from support.world import World, eventually, shipped

from refund_gql import app
from refund_gql.app import Engine
from refund_gql.models import ParcelWatch, Shop, WebhookMessage

HOME = {"name": "林晓", "phone": "13800000000", "country": "CN", "street": "花园路 1"}
MORE = """returns { status address checklist(locale: "zh") { text } expectedRefundAt
  pickup { status trackingNumber } tracking { tag } }"""


async def sandbox(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, world: World, folder: Path, **settings: Any
) -> tuple[str, SandboxCourier]:
    """The shop's courier SF is a sandbox whose parcels are there as soon as they are asked for."""
    given = {"ledger": folder / "depot.sqlite", "speed": 1e9, "language": "zh", **settings}
    courier, name = SandboxCourier(CourierSettings.model_validate(given)), f"sandbox-{key()}"
    lend(monkeypatch, engine.providers, line(courier), name=name)
    await Shop.filter(id=world.shop.id).update(courier_routes={WORD: {"provider": name}})
    return name, courier


async def agreed(world: World) -> dict[str, Any]:
    """Shoes for 399.00 CNY that were delivered and may come back."""
    points = [
        {"code": "INTACT", "zh": "商品完好", "en": "goods intact"},
        {"code": "COMPLETE", "zh": "配件齐全", "en": "accessories complete"},
    ]
    document = """mutation M($points: [ReturnRequirementInput!]!) {
        returnRequirementsUpdate(requirements: $points) { __typename } }"""
    await world.owner(document, points=points)
    await return_address(world, name="Depot", address={**HOME, "name": "退货组"}, fallback=True)
    order = await world.order(lines=SHOES, shipments=shipped())
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    await world.reaches(asked, "REVIEW")
    return await step(world.agent, "refundApprove", asked, kind="RETURN_AND_REFUND")


async def test_fetched_followed_received_inspected_and_paid(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, courier = await sandbox(monkeypatch, engine, world, tmp_path, subscribe=False)
    refund = await agreed(world)
    [told] = (await world.customer.refund(refund["id"], MORE))["returns"]
    assert told["address"] == "花园路 1 退货组 13800000000"
    assert told["checklist"] == [{"text": "商品完好"}, {"text": "配件齐全"}]
    assert told["expectedRefundAt"] is not None
    await step(world.customer, "returnBookPickup", refund, courier=WORD, sender=HOME)
    arrived = await world.reaches(refund, "INSPECTION")
    assert types(arrived)[-3:] == ["PICKUP_BOOKED", "RETURN_SHIPPED", "RETURN_RECEIVED"]
    [parcel] = (await world.customer.refund(refund["id"], MORE))["returns"]
    assert (parcel["status"], parcel["pickup"]["status"]) == ("RECEIVED", "DONE")
    assert [scan["tag"] for scan in parcel["tracking"]][:1] == ["DELIVERED"]
    lines = finding(refund, "ACCEPTED", 1)
    await step(world.warehouse, "returnInspect", refund, lines=lines)
    await step(world.finance, "refundApproveFinance", refund)
    await world.reaches(refund, "REFUNDED")
    await courier.aclose()


async def test_a_courier_that_tells_by_itself_is_not_asked(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name, courier = await sandbox(monkeypatch, engine, world, tmp_path)
    refund = await agreed(world)
    number = f"SBX-DELIVERED-{key()}"
    await step(world.customer, "returnShip", refund, courier=WORD, trackingNumber=number)

    async def subscribed() -> bool | None:
        return bool(await courier.subscriptions()) or None

    assert await eventually(subscribed, "the subscription")
    news = Message.about(*await courier.subscriptions()).model_dump_json().encode()
    transport = httpx2.ASGITransport(app=app.create_app(engine))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        for _ in range(2):
            answer = await client.post(
                f"/webhooks/{world.shop.handle}/{name}",
                content=news,
                headers=sign(news, "sandbox-webhook-secret"),
            )
            assert answer.status_code == 200
    arrived = await world.reaches(refund, "INSPECTION")
    assert types(arrived)[-2:] == ["RETURN_SHIPPED", "RETURN_RECEIVED"]
    assert await WebhookMessage.filter(shop_id=world.shop.id, number=number).count() == 1
    assert (await ParcelWatch.get(shop_id=world.shop.id)).polls == 0
    await courier.aclose()
