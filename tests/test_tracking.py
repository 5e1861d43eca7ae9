"""What couriers tell us about parcels: kept once, in any order, shown to whom it concerns."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from refund_gql_sandbox.courier.message import Message
from refund_gql_sandbox.webhook import sign
from support.api import key
from support.world import World, eventually, make_world, shipped

from refund_gql import app, clock
from refund_gql.app import Engine
from refund_gql.auth import Viewer, system
from refund_gql.backoffice import staff
from refund_gql.catalogue import customers
from refund_gql.catalogue.customers import CustomerFacts
from refund_gql.flow import tracking
from refund_gql.models import TrackingCheckpoint, WebhookMessage
from refund_gql.providers import Checkpoint, Tracking, TrackingFlag, TrackingTag
from refund_gql.roles import Role

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
SENT = Checkpoint(at=AT, tag=TrackingTag.IN_TRANSIT, code="10", text="Hangzhou hub", place="HGH")
THERE = Checkpoint(at=AT + timedelta(days=1), tag=TrackingTag.DELIVERED, code="80")
ODD = Checkpoint(
    at=AT + timedelta(hours=1), tag=None, code="??", flags=frozenset({TrackingFlag.CUSTOMS})
)


async def told(world: World, number: str, *lines: Checkpoint) -> None:
    news = tracking.understood(Tracking(tracking_number=number, checkpoints=lines))
    await tracking.record(world.shop.id, "sandbox-courier", news)


async def parcel(world: World) -> tuple[dict[str, Any], str]:
    """A delivered order and the number of its parcel."""
    sent = shipped()
    order = await world.order(shipments=sent)
    return order, sent[0]["trackingNumber"]


HISTORY = """query O($id: ID!) { order(id: $id) { shipments { tracking {
    courier at tag code text place flags } } } }"""


async def history(by: Any, order: dict[str, Any]) -> list[dict[str, Any]]:
    found = (await by(HISTORY, id=order["id"]))["order"]["shipments"]
    lines: list[dict[str, Any]] = found[0]["tracking"]
    return lines


async def test_a_parcels_history_is_shown_newest_first(world: World) -> None:
    order, number = await parcel(world)
    await told(world, number, SENT, THERE, ODD)
    lines = await history(world.owner, order)
    assert [(line["tag"], line["code"]) for line in lines] == [
        ("DELIVERED", "80"),
        (None, "??"),
        ("IN_TRANSIT", "10"),
    ]
    assert lines[1]["flags"] == ["CUSTOMS"]
    assert lines[2] == {
        "courier": "sandbox-courier",
        "at": "2026-03-01T08:00:00+00:00",
        "tag": "IN_TRANSIT",
        "code": "10",
        "text": "Hangzhou hub",
        "place": "HGH",
        "flags": [],
    }


async def test_late_doubled_and_reordered_news_changes_nothing(world: World) -> None:
    order, number = await parcel(world)
    await told(world, number, THERE)
    await told(world, number, SENT, THERE, SENT)
    await told(world, number, THERE, SENT)
    assert [line["tag"] for line in await history(world.owner, order)] == [
        "DELIVERED",
        "IN_TRANSIT",
    ]


async def test_news_moves_no_refund(world: World) -> None:
    order, number = await parcel(world)
    refund = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    await told(world, number, SENT, THERE)
    after = await world.owner.refund(refund["id"])
    assert (after["status"], after["version"]) == (refund["status"], refund["version"])


async def test_what_a_row_cannot_hold_is_cut(world: World) -> None:
    order, number = await parcel(world)
    long = Checkpoint(at=AT, tag=None, code="c" * 99, text="t\x00\u2028" * 600, place="p" * 999)
    await told(world, number, long)
    [line] = await history(world.owner, order)
    assert [len(line[name]) for name in ("code", "text", "place")] == [64, 500, 200]


@pytest.mark.parametrize("nonsense", ["DELIVERED", None, {"tracking_number": "1"}])
def test_nonsense_is_no_news(nonsense: Any) -> None:
    with pytest.raises(TypeError, match="reports a Tracking"):
        tracking.understood(nonsense)


# --- who sees it --------------------------------------------------------------------------------


async def session(world: World, reference: str) -> Any:
    """The API as another customer of the shop."""
    owner = Viewer(shop_id=world.shop.id, role=Role.OWNER)
    await customers.upsert_customer(owner, CustomerFacts(reference=reference, name=reference))
    issued = await staff.create_customer_session(
        system(world.shop.id), world.settings, customer_reference=reference
    )
    return world.api.with_token(issued.text)


async def test_a_customer_sees_their_own_parcel(world: World) -> None:
    order, number = await parcel(world)
    await told(world, number, SENT)
    assert [line["place"] for line in await history(world.customer, order)] == ["HGH"]


async def test_a_customer_who_enters_somebody_elses_number_sees_nothing(world: World) -> None:
    _, number = await parcel(world)
    await told(world, number, SENT)
    stranger = await session(world, "C-2")
    order = await world.order(customerReference="C-2", shipments=shipped())
    asked = await world.refund(stranger, order, kind="RETURN_AND_REFUND")
    await world.reaches(asked, "REVIEW")
    await world.agent.mutate(
        "refundApprove",
        {"refundId": asked["id"], "idempotencyKey": key(), "kind": "RETURN_AND_REFUND"},
    )
    await stranger.mutate(
        "returnShip",
        {
            "refundId": asked["id"],
            "courier": "SF",
            "trackingNumber": number,
            "idempotencyKey": key(),
        },
    )
    query = (
        "query R($id: ID!) { refund(id: $id) { returns { trackingNumber tracking { place } } } }"
    )
    shown = (await stranger(query, id=asked["id"]))["refund"]["returns"]
    assert shown == [{"trackingNumber": number, "tracking": []}]
    seen = (await world.agent(query, id=asked["id"]))["refund"]["returns"]
    assert seen == [{"trackingNumber": number, "tracking": [{"place": "HGH"}]}]


async def test_another_shop_sees_nothing(world: World) -> None:
    _, number = await parcel(world)
    await told(world, number, SENT)
    other = await make_world(world.api, world.settings)
    sent = [{**shipped()[0], "trackingNumber": number}]
    order = await other.order(shipments=sent)
    assert await history(other.owner, order) == []


# --- through the webhook ------------------------------------------------------------------------


async def test_a_couriers_webhook_is_verified_stored_once_and_shown(
    world: World, engine: Engine
) -> None:
    order, number = await parcel(world)
    news = Tracking(tracking_number=number, checkpoints=(SENT, THERE))
    body, secret = Message.about(news).model_dump_json().encode(), "sandbox-webhook-secret"
    address = f"/webhooks/{world.shop.handle}/sandbox-courier"
    transport = httpx2.ASGITransport(app=app.create_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        forged = await client.post(address, content=body, headers=sign(body, "a guess"))
        stale = await client.post(
            address, content=body, headers=sign(body, secret, at=clock.now() - timedelta(hours=1))
        )
        answers = [
            await client.post(address, content=body, headers=sign(body, secret)) for _ in range(2)
        ]
    assert (forged.status_code, stale.status_code) == (401, 401)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert await WebhookMessage.filter(shop_id=world.shop.id, number=number).count() == 1

    async def shown() -> list[dict[str, Any]] | None:
        return await history(world.owner, order) or None

    assert await eventually(shown, "the history")
    assert await TrackingCheckpoint.filter(shop_id=world.shop.id, tracking_number=number).exists()
