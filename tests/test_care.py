"""The care list: who is on it and why, what staff do about them, and whether they bought again."""

import asyncio
from datetime import timedelta
from typing import Any

from support.api import Api
from support.loyalty import paid_and_cared_for, row_id
from support.refusals import mutate
from support.world import World, make_world

from refund_gql import clock, ids
from refund_gql.models import CareEntry, Coupon, Refund, Staff
from refund_gql.roles import Role
from refund_gql.settings import Settings

LIST = """query L($open: Boolean) { careList(open: $open) { totalCount edges { node {
    id since contactedAt closedAt customer { reference } assignee { name }
    refunds { number statedReason { code } } notes { kind text authorName }
    boughtAgain { number } } } } }"""
FIGURES = """query F($from: DateTime!, $until: DateTime!) {
    careFigures(from: $from, until: $until) {
    ... on CareFigures { refunded boughtAgain share withCoupon }
    ... on Problem { code path } } }"""


async def refunded(world: World, reference: str = "C-1") -> dict[str, Any]:
    """A refund of this customer that has brought them onto the list."""
    order = await world.order(customerReference=reference)
    return await paid_and_cared_for(world, await world.refund(world.agent, order))


async def care_list(by: Api, open: bool | None = True) -> list[dict[str, Any]]:
    found = (await by(LIST, open=open))["careList"]
    nodes = [edge["node"] for edge in found["edges"]]
    assert found["totalCount"] == len(nodes)
    return nodes


async def figures(by: Api, days: int = 1) -> dict[str, Any]:
    now = clock.now()
    span = {"from": now - timedelta(days=days), "until": now + timedelta(minutes=1)}
    asked = {name: at.isoformat() for name, at in span.items()}
    found: dict[str, Any] = (await by(FIGURES, **asked))["careFigures"]
    return found


async def test_a_refunded_customer_is_on_the_list_once(world: World) -> None:
    refunds = await asyncio.gather(*(refunded(world) for _ in range(3)))
    [entry] = await care_list(world.agent)
    assert entry["customer"] == {"reference": "C-1"}
    assert {refund["number"] for refund in entry["refunds"]} == {r["number"] for r in refunds}
    assert (entry["closedAt"], entry["assignee"], entry["notes"]) == (None, None, [])


async def test_nobody_is_on_the_list_before_the_money_is_back(world: World) -> None:
    lines = [{"sku": "SOFA", "title": "沙发", "quantity": 1, "unitPrice": 500_000}]
    refund = await world.refund(world.customer, await world.order(lines=lines))
    await world.reaches(refund, "REVIEW")
    assert await care_list(world.agent) == []


async def test_staff_assign_note_and_close(world: World) -> None:
    await refunded(world)
    [entry] = await care_list(world.agent)
    colleague = (await world.agent("{ viewer { name } }"))["viewer"]["name"]
    person = ids.encode("Staff", await staff_id(world, Role.AGENT))
    this = {"id": entry["id"]}
    await mutate(world.owner, "careAssign", {**this, "staffId": person})
    await mutate(world.agent, "careNote", {**this, "text": "prefers blue"})
    await mutate(world.agent, "careNote", {**this, "text": "offered blue", "contacted": True})
    await mutate(world.agent, "careClose", {**this, "text": "happy"})
    assert await care_list(world.agent) == []
    [closed] = await care_list(world.agent, open=False)
    assert closed["assignee"] == {"name": colleague}
    assert closed["contactedAt"] is not None
    assert closed["notes"] == [
        {"kind": "ASSIGNED", "text": "Agent", "authorName": "Owner"},
        {"kind": "NOTED", "text": "prefers blue", "authorName": "Agent"},
        {"kind": "CONTACTED", "text": "offered blue", "authorName": "Agent"},
        {"kind": "CLOSED", "text": "happy", "authorName": "Agent"},
    ]
    refused = await mutate(world.agent, "careNote", {**this, "text": "again"})
    assert (refused["code"], refused["found"]) == ("INVALID_INPUT", "closed")


async def staff_id(world: World, role: Role) -> Any:
    return (await Staff.get(shop_id=world.shop.id, role=role)).id


async def test_after_an_entry_is_closed_the_next_refund_opens_another(world: World) -> None:
    await refunded(world)
    [entry] = await care_list(world.agent)
    await mutate(world.agent, "careClose", {"id": entry["id"]})
    second = await refunded(world)
    [again] = await care_list(world.agent)
    assert [refund["number"] for refund in again["refunds"]] == [second["number"]]
    assert len(await care_list(world.agent, open=None)) == 2


async def test_another_shop_cannot_reach_an_entry(
    world: World, api: Api, settings: Settings
) -> None:
    await refunded(world)
    [entry] = await care_list(world.agent)
    other = await make_world(api, settings)
    assert await care_list(other.owner) == []
    for mutation in ("careAssign", "careNote", "careClose"):
        content = {"id": entry["id"], **({"text": "x"} if mutation == "careNote" else {})}
        answer = await mutate(other.owner, mutation, content)
        assert (answer["code"], answer["objectType"]) == ("NOT_FOUND", "CareEntry")
    theirs = ids.encode("Staff", await staff_id(other, Role.AGENT))
    answer = await mutate(world.owner, "careAssign", {"id": entry["id"], "staffId": theirs})
    assert (answer["code"], answer["objectType"]) == ("NOT_FOUND", "Staff")
    assert [each["assignee"] for each in await care_list(world.agent)] == [None]


# --- bought again -----------------------------------------------------------------------------


async def buy(world: World, days: float, reference: str = "C-1", **changes: Any) -> str:
    """An order so many days after now; its number."""
    placed = clock.now() + timedelta(days=days)
    order = await world.order(placedAt=placed.isoformat(), customerReference=reference, **changes)
    return str(order["number"])


async def test_an_order_within_thirty_days_counts_as_bought_again(world: World) -> None:
    await refunded(world)
    await buy(world, -0.1)  # before the refund
    await buy(world, 30.1)
    await buy(world, 1, reference="C-2")
    [entry] = await care_list(world.agent)
    assert entry["boughtAgain"] is None
    assert await figures(world.agent) == {
        "refunded": 1,
        "boughtAgain": 0,
        "share": 0.0,
        "withCoupon": 0,
    }
    await buy(world, 29.9)
    first = await buy(world, 2)
    [entry] = await care_list(world.agent)
    assert entry["boughtAgain"] == {"number": first}


async def test_the_figures_count_customers_and_coupons(world: World) -> None:
    refunds = {who: await refunded(world, who) for who in ("C-1", "C-2", "C-3", "C-4")}
    await refunded(world, "C-1")
    issued = await Refund.get(id=row_id(refunds["C-1"]))
    await Coupon.create(
        shop_id=world.shop.id,
        refund_id=issued.id,
        order_id=issued.order_id,
        customer_id=issued.customer_id,
        number=f"CP-{issued.id}",
        purpose="GIFT",
        status="ISSUED",
        amount=500,
        currency="CNY",
        code="COME-BACK",
        wanted_by="SYSTEM:-",
        wanted_at=clock.now(),
        created_at=clock.now(),
    )
    number = await buy(world, 1, couponsUsed=["OTHER", "COME-BACK"])
    await buy(world, 1, "C-2", couponsUsed=["COME-BACK"])  # another customer's code
    expected = {"refunded": 4, "boughtAgain": 2, "share": 0.5, "withCoupon": 1}
    assert await figures(world.owner) == expected
    assert await figures(world.as_(Role.ANALYST)) == expected
    listed = await world.agent("{ coupons { edges { node { redeemedOrder { number } } } } }")
    assert listed["coupons"]["edges"] == [{"node": {"redeemedOrder": {"number": number}}}]


async def test_figures_of_nothing_and_of_an_impossible_span(
    world: World, api: Api, settings: Settings
) -> None:
    assert await figures(world.agent) == {
        "refunded": 0,
        "boughtAgain": 0,
        "share": None,
        "withCoupon": 0,
    }
    for days in (401, -1):
        answer = await figures(world.agent, days)
        assert answer == {"code": "INVALID_INPUT", "path": ["input", "until"]}


async def test_customers_never_see_the_list(world: World) -> None:
    await refunded(world)
    [error] = await world.customer.errors("{ careList { totalCount } }")
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await CareEntry.filter(shop_id=world.shop.id).count() == 1
