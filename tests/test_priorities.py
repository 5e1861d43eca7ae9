"""How soon people look at a refund: rules and colleagues raise it, and lists show it first."""

from collections.abc import Iterator
from typing import Any

import pytest
from support import rulebook
from support.api import key
from support.rulebook import announced, answer, live, row_id
from support.world import World, shipped

from refund_gql.choices import Priority
from refund_gql.events import INTERNAL
from refund_gql.models import Event, Refund, WebhookDelivery

LOST = {"zh": "包裹丢失", "en": "The parcel is lost"}
MORE = "priority escalation"
SET = """mutation M($input: RefundSetPriorityInput!) { result: refundSetPriority(input: $input) {
    __typename ... on Problem { code } ... on Refund { version priority escalation } } }"""
LIST = """query L($first: Int!, $after: String, $filter: RefundFilter, $by: RefundOrder!) {
    refunds(first: $first, after: $after, filter: $filter, orderBy: $by) {
        edges { node { id } } pageInfo { endCursor } } }"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The jobs `react` that were enqueued; the test does them itself."""
    with rulebook.by_hand(monkeypatch) as subjects:
        yield subjects


async def in_review(world: World) -> dict[str, Any]:
    order = await world.order(shipments=shipped())
    refund = await world.reaches(await world.refund(world.customer, order), "REVIEW")
    await announced(row_id(refund))
    return refund


async def set_(by: Any, refund: dict[str, Any], priority: str, **more: Any) -> dict[str, Any]:
    about = {"refundId": refund["id"], "idempotencyKey": key(), "priority": priority}
    result: dict[str, Any] = (await by(SET, input={**about, **more}))["result"]
    return result


async def payloads(refund: dict[str, Any], type: str) -> list[dict[str, Any]]:
    events = Event.filter(refund_id=row_id(refund), type=type).order_by("version")
    return [dict(event.payload) for event in await events]


# --- rules --------------------------------------------------------------------------------------


async def test_a_rule_escalates_with_its_words(world: World, asked: list[str]) -> None:
    escalate = {"kind": "ESCALATE", "why": LOST, "priority": "URGENT"}
    await live(world, "STATUS_CHANGED", "refund.status == 'REVIEW'", escalate)
    refund = await in_review(world)
    await answer(asked)
    found = await world.agent.refund(refund["id"], MORE)
    assert (found["priority"], found["escalation"]) == ("URGENT", "The parcel is lost")
    assert (await Refund.get(id=row_id(refund))).escalation == LOST
    [said] = await payloads(refund, "ESCALATED")
    assert set(said) == {"priority", "evaluation"}, "an event holds no words"


async def test_a_rule_never_lowers_what_is_higher(world: World, asked: list[str]) -> None:
    await live(world, "STATUS_CHANGED", "true", {"kind": "ESCALATE", "why": {"en": "late"}})
    refund = await in_review(world)
    await set_(world.agent, refund, "URGENT", reason="VIP")
    await answer(asked)
    assert [said["priority"] for said in await payloads(refund, "ESCALATED")] == [
        "URGENT",
        "URGENT",
    ]


async def test_a_request_is_escalated_on_its_way_to_review(world: World) -> None:
    route = {"kind": "ROUTE", "desk": "REVIEW", "priority": "HIGH"}
    await live(world, "REQUESTED", "refund.goods_shipped", route)
    refund = await in_review(world)
    assert (await world.agent.refund(refund["id"], MORE))["priority"] == "HIGH"


async def test_the_shops_systems_hear_of_it_and_the_customer_does_not(
    world: World, asked: list[str]
) -> None:
    made = """mutation { webhookEndpointCreate(input: {
        url: "https://hooks.example.com/refunds", events: [ESCALATED] }) { __typename } }"""
    assert (await world.owner(made))["webhookEndpointCreate"]["__typename"] != "InvalidInput"
    refund = await in_review(world)
    await set_(world.agent, refund, "HIGH")
    await announced(row_id(refund))
    [delivery] = await WebhookDelivery.filter(refund_id=row_id(refund))
    assert delivery.type == "refund.escalated"
    timeline = (await world.customer.refund(refund["id"]))["timeline"]
    assert not {entry["type"] for entry in timeline} & {event.value for event in INTERNAL}


# --- people -------------------------------------------------------------------------------------


async def test_a_colleague_raises_and_lowers_it(world: World) -> None:
    refund = await in_review(world)
    raised = await set_(world.agent, refund, "HIGH", reason="called twice")
    assert (raised["priority"], raised["escalation"]) == ("HIGH", "called twice")
    lowered = await set_(world.owner, refund, "NORMAL")
    assert (lowered["priority"], lowered["escalation"]) == ("NORMAL", "")
    assert await payloads(refund, "ESCALATED") == [{"priority": "HIGH"}]
    assert await payloads(refund, "PRIORITY_LOWERED") == [{"priority": "NORMAL"}]


async def test_what_it_is_already_is_no_change(world: World) -> None:
    refund = await in_review(world)
    assert (await set_(world.agent, refund, "NORMAL"))["version"] == refund["version"]


async def test_a_stale_screen_and_a_repeated_key_do_nothing(world: World) -> None:
    refund = await in_review(world)
    stale = await set_(world.agent, refund, "HIGH", expectedVersion=refund["version"] - 1)
    assert stale["code"] == "STALE_VERSION"
    once = {"idempotencyKey": key(), "expectedVersion": refund["version"]}
    for _ in range(2):
        assert (await set_(world.agent, refund, "HIGH", **once))["version"] == 3
    assert len(await payloads(refund, "ESCALATED")) == 1


async def test_only_customer_service_sets_it(world: World) -> None:
    refund = await in_review(world)
    for by in (world.warehouse, world.finance, world.service, world.customer):
        [error] = await by.errors(
            SET,
            input={"refundId": refund["id"], "idempotencyKey": key(), "priority": "HIGH"},
        )
        assert error["extensions"]["code"] == "FORBIDDEN"
    assert await payloads(refund, "ESCALATED") == []


# --- lists --------------------------------------------------------------------------------------


async def listed(by: Any, first: int, order: str, **filter: Any) -> list[str]:
    """The ids in a list, read page by page."""
    found, after = list[str](), None
    while True:
        page = await by(LIST, first=first, after=after, filter=filter, by=order)
        edges = page["refunds"]["edges"]
        if not edges:
            return found
        found += [edge["node"]["id"] for edge in edges]
        after = page["refunds"]["pageInfo"]["endCursor"]


async def test_the_most_urgent_come_first_in_pages_of_any_size(world: World) -> None:
    refunds = [(await in_review(world))["id"] for _ in range(5)]
    for place, priority in ((0, "URGENT"), (1, "HIGH"), (3, "HIGH")):
        await set_(world.agent, {"id": refunds[place]}, priority)
    expected = [refunds[place] for place in (0, 3, 1, 4, 2)]
    for first in (1, 2, 100):
        assert await listed(world.agent, first, "PRIORITY") == expected
    assert await listed(world.agent, 2, "PRIORITY", priority=["HIGH", "URGENT"]) == expected[:3]
    assert await listed(world.agent, 3, "NEWEST") == refunds[::-1]
    # How urgent a refund is to the shop is nothing its customer can read off a list.
    assert await listed(world.customer, 2, "PRIORITY", priority=["URGENT"]) == refunds[::-1]


async def test_a_cursor_of_one_order_is_none_of_the_other(world: World) -> None:
    await in_review(world)
    for ours, theirs in (("NEWEST", "PRIORITY"), ("PRIORITY", "NEWEST")):
        page = await world.agent(LIST, first=1, by=ours)
        after = page["refunds"]["pageInfo"]["endCursor"]
        [error] = await world.agent.errors(LIST, first=1, after=after, by=theirs)
        assert error["extensions"]["code"] == "BAD_CURSOR"


def test_priorities_rise() -> None:
    rising = sorted(Priority, key=lambda priority: priority.rank)
    assert rising == [Priority.NORMAL, Priority.HIGH, Priority.URGENT]
