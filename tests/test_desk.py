"""People at work: what waits where, and who looks after it."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from graphql import parse, validate
from support import documents
from support.api import Api, key
from support.refusals import mutate
from support.rulebook import announced, row_id
from support.world import World, eventually, shipped, staff_token

from refund_gql import database, desks, ids, jobs, labels
from refund_gql.app import Engine
from refund_gql.choices import ReturnStatus
from refund_gql.desks import STATUSES, WORKERS, Desk
from refund_gql.flow import assignment, reconciliation
from refund_gql.models import Event, Refund, Staff, WebhookDelivery
from refund_gql.roles import Role
from refund_gql.states import FINAL, JOURNEY, RefundStatus

Answer = dict[str, Any]
QUEUE = """query Q($desk: Desk!, $by: QueueAssignee!, $staff: ID, $priority: [Priority!],
    $first: Int!, $after: String) {
    queue(desk: $desk, assignee: $by, staffId: $staff, priority: $priority, first: $first,
          after: $after) {
        ... on NotAllowed { code reason message }
        ... on QueueConnection {
            totalCount edges { waitingSince node { id desk deskSince } }
            pageInfo { endCursor } } } }
"""
QUEUES = "{ queues { desk total unassigned mine oldestSince } }"
ASSIGNEE = "assignee { id } desk"


async def in_review(world: World) -> Answer:
    order = await world.order(shipments=shipped())
    return await world.reaches(await world.refund(world.customer, order), "REVIEW")


async def queue(api: Api, desk: str, **asked: Any) -> list[str]:
    """The ids in a queue, in order, read two at a time."""
    found, after = list[str](), None
    while True:
        given = {"by": "ANYBODY", "first": 2, **asked}
        page = (await api(QUEUE, desk=desk, after=after, **given))["queue"]
        if not page["edges"]:
            assert page["totalCount"] == len(found)
            return found
        for edge in page["edges"]:
            assert edge["waitingSince"] == edge["node"]["deskSince"]
            assert edge["node"]["desk"] == desk
            found.append(edge["node"]["id"])
        after = page["pageInfo"]["endCursor"]


async def do(by: Api, name: str, refund: Answer, **input: Any) -> Answer:
    """The result of a mutation about a refund."""
    content = {"refundId": refund["id"], **input}
    return await mutate(by, name, content, "... on Refund { id version assignee { id } desk }")


async def holder(world: World, refund: Answer) -> str | None:
    """The global id of whoever looks after a refund."""
    found = (await world.owner.refund(refund["id"], ASSIGNEE))["assignee"]
    return found["id"] if found else None


async def person(world: World, role: Role) -> str:
    """The global id of the colleague whose token the world has."""
    found = await Staff.filter(shop_id=world.shop.id, role=role).order_by("id").first()
    assert found is not None
    return ids.encode("Staff", found.id)


async def hire(world: World, role: Role, *, available: bool = False) -> tuple[str, Api]:
    """One more colleague: their global id, and their client."""
    client = world.api.with_token(await staff_token(world.shop.id, world.settings, role))
    found = await Staff.filter(shop_id=world.shop.id, role=role).order_by("-id").first()
    assert found is not None
    if available:
        here = await mutate(client, "staffSetAvailable", {"available": True})
        assert here["__typename"] == "Staff"
    return ids.encode("Staff", found.id), client


async def deal_by_load(world: World) -> None:
    changed = {"input": {"autoAssign": "BY_LOAD"}}
    assert (await mutate(world.owner, "shopUpdate", changed))["__typename"] == "Shop"


async def events(refund: Answer, *types: str) -> list[tuple[str, Answer, str]]:
    """Type, payload and actor's kind of a refund's events of these types, oldest first."""
    rows = Event.filter(refund_id=row_id(refund), type__in=types).order_by("version")
    return [(e.type.value, dict(e.payload), e.actor.partition(":")[0]) for e in await rows]


# --- which desk -------------------------------------------------------------------------------


def test_every_status_is_at_one_desk_at_most_and_its_people_can_act() -> None:
    at = [status for statuses in STATUSES.values() for status in statuses]
    assert len(at) == len(set(at))
    for desk, statuses in STATUSES.items():
        for status in statuses:
            assert desks.desk_of(status) is desk
            for role in WORKERS[desk]:
                assert JOURNEY.allowed(status, role), (status, role)
    assert not FINAL & set(at)
    assert [role for role in Role if desks.of_role(role)] == [
        Role.OWNER, Role.AGENT, Role.WAREHOUSE, Role.FINANCE,
    ]  # fmt: skip
    assert desks.of_role(Role.OWNER) == tuple(Desk)


def test_goods_that_arrive_after_their_money_are_the_warehouses() -> None:
    for status in (RefundStatus.APPROVED, RefundStatus.PAYING, RefundStatus.REFUNDED):
        assert desks.desk_of(status, ReturnStatus.RECEIVED) is Desk.WAREHOUSE
        assert desks.desk_of(status, ReturnStatus.SHIPPED) is None
    stuck = desks.desk_of(RefundStatus.PAYMENT_STUCK, ReturnStatus.RECEIVED)
    assert stuck is Desk.STUCK_MONEY, "the money first"


async def test_a_refund_goes_from_desk_to_desk(world: World) -> None:
    world.shop.finance_threshold = 0
    await world.shop.save()
    refund = await in_review(world)
    assert await queue(world.agent, "FIRST_REVIEW") == [refund["id"]]
    await do(world.agent, "refundApprove", refund, kind="REFUND_ONLY")
    assert await queue(world.agent, "FIRST_REVIEW") == []
    assert await queue(world.warehouse, "WAREHOUSE") == [refund["id"]]
    await do(world.warehouse, "refundConfirmWarehouse", refund, verdict="GOODS_GONE")
    assert await queue(world.finance, "FINANCE") == [refund["id"]]
    await do(world.finance, "refundApproveFinance", refund)
    await world.reaches(refund, "REFUNDED")
    row = await Refund.get(id=row_id(refund))
    assert (row.desk, row.desk_since) == (None, None)
    assert [await queue(world.owner, desk.value) for desk in Desk] == [[], [], [], []]


async def test_stuck_money_waits_with_finance(world: World) -> None:
    order = await world.order(metadata={"sandbox": "REFUSE*"})
    refund = await world.reaches(await world.refund(world.customer, order), "PAYMENT_STUCK")
    assert await queue(world.finance, "STUCK_MONEY") == [refund["id"]]


async def test_goods_that_follow_their_money_wait_at_the_warehouse(world: World) -> None:
    limits = {"exposureLimits": [{"most": 100_000}], "financeThreshold": 0}
    await mutate(world.owner, "shopUpdate", {"input": limits})
    refund = await in_review(world)
    await do(world.agent, "refundApproveFirst", refund)
    await do(world.finance, "refundApproveFinance", refund)
    await world.reaches(refund, "REFUNDED")
    assert await queue(world.warehouse, "WAREHOUSE") == []
    await do(world.warehouse, "returnReceive", refund)
    assert await queue(world.warehouse, "WAREHOUSE") == [refund["id"]]
    line = {"refundLineId": refund["lines"][0]["id"], "verdict": "ACCEPTED", "receivedQuantity": 1}
    inspected = await do(world.warehouse, "returnInspect", refund, lines=[line])
    assert (inspected["__typename"], inspected["desk"]) == ("Refund", None)
    assert await queue(world.warehouse, "WAREHOUSE") == []


# --- the queue --------------------------------------------------------------------------------


async def test_the_most_urgent_come_first_and_then_the_oldest(world: World) -> None:
    refunds = [await in_review(world) for _ in range(5)]
    for place, priority in ((4, "URGENT"), (1, "HIGH"), (3, "HIGH")):
        await do(world.agent, "refundSetPriority", refunds[place], priority=priority)
    expected = [refunds[place]["id"] for place in (4, 1, 3, 0, 2)]
    assert await queue(world.agent, "FIRST_REVIEW") == expected
    assert await queue(world.agent, "FIRST_REVIEW", priority=["NORMAL"]) == expected[3:]
    assert await queue(world.agent, "FIRST_REVIEW", first=100) == expected


async def test_staying_at_a_desk_keeps_the_place_in_its_queue(world: World) -> None:
    first, second = await in_review(world), await in_review(world)
    await do(world.agent, "refundRequestEvidence", first, question="A photo, please?")
    given = {"refundId": first["id"], "answer": "Here"}
    assert (await mutate(world.customer, "refundProvideEvidence", given))["__typename"] == "Refund"
    assert await queue(world.agent, "FIRST_REVIEW") == [first["id"], second["id"]]


async def test_whose_cases(world: World) -> None:
    mine, theirs, free = [await in_review(world) for _ in range(3)]
    colleague, other = await hire(world, Role.AGENT)
    await do(world.agent, "refundTake", mine)
    await do(other, "refundTake", theirs)
    for by, expected in (("MINE", mine), ("UNASSIGNED", free)):
        assert await queue(world.agent, "FIRST_REVIEW", by=by) == [expected["id"]]
    assert await queue(world.agent, "FIRST_REVIEW", staff=colleague) == [theirs["id"]]
    [sidebar] = (await world.agent(QUEUES))["queues"]
    since = (await Refund.get(id=row_id(mine))).desk_since
    assert since is not None
    assert sidebar.pop("oldestSince") == since.isoformat()
    assert sidebar == {"desk": "FIRST_REVIEW", "total": 3, "unassigned": 1, "mine": 1}
    people = "{ deskColleagues(desk: FIRST_REVIEW) { openCases staff { id role available } } }"
    found = (await world.agent(people))["deskColleagues"]
    assert sorted((one["staff"]["role"], one["openCases"]) for one in found) == [
        ("AGENT", 1), ("AGENT", 1), ("OWNER", 0),
    ]  # fmt: skip


async def test_everybody_sees_their_own_desks(world: World) -> None:
    sidebars = {role: await world.as_(role)(QUEUES) for role in Role if desks.of_role(role)}
    assert {role: [one["desk"] for one in found["queues"]] for role, found in sidebars.items()} == {
        role: [desk.value for desk in desks.of_role(role)] for role in sidebars
    }
    for role in sidebars:
        for desk in set(Desk) - set(desks.of_role(role)):
            asked = {"desk": desk.value, "by": "ANYBODY", "first": 1}
            found = (await world.as_(role)(QUEUE, **asked))["queue"]
            assert (found["code"], found["reason"]) == ("NOT_ALLOWED", "ROLE")
    [error] = await world.as_(Role.ANALYST).errors(QUEUES)
    assert error["extensions"]["code"] == "FORBIDDEN"


# --- taking and handing over ------------------------------------------------------------------


async def test_two_take_the_same_case_and_one_has_it(world: World) -> None:
    refunds = [await in_review(world) for _ in range(4)]
    colleague, other = await hire(world, Role.AGENT)
    people = {await person(world, Role.AGENT): world.agent, colleague: other}
    for refund in refunds:
        results = await asyncio.gather(
            *(do(by, "refundTake", refund) for by in people.values() for _ in range(3))
        )
        winner = await holder(world, refund)
        assert winner in people
        assert Counter(result["__typename"] for result in results) == {
            "Refund": 3, "AlreadyTaken": 3,
        }  # fmt: skip
        assert await events(refund, "ASSIGNED") == [
            ("ASSIGNED", {"staff": str(row_id({"id": winner}, "Staff")), "before": None}, "STAFF")
        ]


async def test_who_has_it_is_said_to_whoever_comes_late(world: World) -> None:
    refund = await in_review(world)
    await do(world.agent, "refundTake", refund)
    _, other = await hire(world, Role.AGENT)
    text = """mutation M($input: RefundTakeInput!) { result: refundTake(input: $input) {
        ... on AlreadyTaken { code message takenBy } } }"""
    late = (await other(text, input={"refundId": refund["id"], "idempotencyKey": key()}))["result"]
    assert late == {
        "code": "ALREADY_TAKEN",
        "message": "Agent looks after it already; ask them, or an owner, to hand it over",
        "takenBy": "Agent",
    }


async def test_only_who_works_at_the_desk_takes_a_case(world: World) -> None:
    refund = await in_review(world)
    for by in (world.warehouse, world.finance):
        refused = await do(by, "refundTake", refund)
        assert (refused["code"], refused["reason"]) == ("NOT_ALLOWED", "ROLE")
    await do(world.agent, "refundReject", refund, reason="No")
    refused = await do(world.owner, "refundTake", refund)
    assert refused["code"] == "NOT_WAITING"
    assert await events(refund, "ASSIGNED") == []


async def test_whoever_proposed_a_refund_does_not_get_it_at_finance(world: World) -> None:
    world.shop.finance_threshold = 0
    await world.shop.save()
    order = await world.order(shipments=shipped())
    refund = await world.reaches(await world.refund(world.owner, order), "REVIEW")
    await do(world.agent, "refundApprove", refund, kind="REFUND_ONLY")
    await do(world.warehouse, "refundConfirmWarehouse", refund, verdict="GOODS_GONE")
    refused = await do(world.owner, "refundTake", refund)
    assert (refused["code"], refused["reason"]) == ("NOT_ALLOWED", "OWN_PROPOSAL")
    owner = await person(world, Role.OWNER)
    refused = await do(world.finance, "refundAssign", refund, staffId=owner)
    assert (refused["code"], refused["reason"]) == ("NOT_ALLOWED", "OWN_PROPOSAL")
    assert await holder(world, refund) is None


async def test_a_case_is_handed_over_with_a_reason(world: World) -> None:
    refund = await in_review(world)
    me, (colleague, other) = await person(world, Role.AGENT), await hire(world, Role.AGENT)
    third, stranger = await hire(world, Role.AGENT)
    await do(world.agent, "refundTake", refund)
    refused = await do(stranger, "refundAssign", refund, staffId=third)
    assert refused["code"] == "ALREADY_TAKEN"
    given = await do(world.agent, "refundAssign", refund, staffId=colleague, reason="Knows shoes")
    assert given["assignee"] == {"id": colleague}
    again = await do(world.agent, "refundAssign", refund, staffId=me)
    assert again["code"] == "ALREADY_TAKEN", "it is no longer theirs to give"
    assert (await do(world.owner, "refundAssign", refund, staffId=me))["assignee"] == {"id": me}
    back = await do(world.agent, "refundAssign", refund, staffId=None)
    assert back["assignee"] is None
    free = await do(stranger, "refundAssign", refund, staffId=colleague)
    assert free["assignee"] == {"id": colleague}
    assert [kind for kind, _, _ in await events(refund, "ASSIGNED", "UNASSIGNED")] == [
        "ASSIGNED", "ASSIGNED", "ASSIGNED", "UNASSIGNED", "ASSIGNED",
    ]  # fmt: skip
    notes = "notes { edges { node { kind text authorName } } }"
    found = (await other.refund(refund["id"], notes))["notes"]["edges"]
    assert [edge["node"] for edge in found] == [
        {"kind": "HANDOVER", "text": "Knows shoes", "authorName": "Agent"}
    ]


async def test_nobody_gets_what_they_cannot_work_on(world: World) -> None:
    refund = await in_review(world)
    wrong = await do(
        world.agent, "refundAssign", refund, staffId=await person(world, Role.WAREHOUSE)
    )
    assert (wrong["code"], wrong["path"]) == ("INVALID_INPUT", ["input", "staffId"])
    gone, _ = await hire(world, Role.AGENT)
    await Staff.filter(id=row_id({"id": gone}, "Staff")).update(active=False)
    refused = await do(world.agent, "refundAssign", refund, staffId=gone)
    assert (refused["code"], refused["objectType"]) == ("NOT_FOUND", "Staff")
    assert await holder(world, refund) is None


async def test_a_stale_screen_takes_nothing(world: World) -> None:
    refund = await in_review(world)
    await do(world.agent, "refundSetPriority", refund, priority="HIGH")
    stale = await do(world.agent, "refundTake", refund, expectedVersion=refund["version"])
    assert stale["code"] == "STALE_VERSION"
    assert await holder(world, refund) is None


async def test_an_assignee_lets_go_at_a_desk_that_is_not_theirs(world: World) -> None:
    refund = await in_review(world)
    agreed = await do(world.agent, "refundApprove", refund, kind="RETURN_AND_REFUND")
    agent = {"id": await person(world, Role.AGENT)}
    assert (agreed["assignee"], agreed["desk"]) == (agent, None), "it waits for the customer"
    arrived = await do(world.warehouse, "returnReceive", refund)
    assert (arrived["assignee"], arrived["desk"]) == (None, "WAREHOUSE")
    owners = await in_review(world)
    await do(world.owner, "refundTake", owners)
    await do(world.agent, "refundApprove", owners, kind="REFUND_ONLY")
    assert await holder(world, owners) == await person(world, Role.OWNER), "works there too"


# --- dealt out by load ------------------------------------------------------------------------


async def dealt(world: World, refund: Answer) -> None:
    """The job has looked at the refund."""

    async def done() -> bool | None:
        row = await Refund.get(id=row_id(refund))
        return True if row.desk is not None and not row.assign_wanted else None

    await eventually(done, "a case that is dealt out")


async def test_cases_go_to_whoever_is_there(world: World) -> None:
    await hire(world, Role.AGENT)
    here, _ = await hire(world, Role.AGENT, available=True)
    await deal_by_load(world)
    refund = await in_review(world)
    await dealt(world, refund)
    assert await holder(world, refund) == here
    [(_, payload, actor)] = await events(refund, "ASSIGNED")
    assert (payload, actor) == (
        {"staff": str(row_id({"id": here}, "Staff")), "before": None},
        "SYSTEM",
    )
    assert await queue(world.agent, "FIRST_REVIEW", by="UNASSIGNED") == []


async def test_with_nobody_there_a_case_waits_to_be_taken(world: World) -> None:
    await deal_by_load(world)
    refund = await in_review(world)
    await dealt(world, refund)
    assert await holder(world, refund) is None
    assert (await do(world.agent, "refundTake", refund))["__typename"] == "Refund"


async def test_no_case_is_dealt_out_where_the_shop_does_not_want_it(world: World) -> None:
    await hire(world, Role.AGENT, available=True)
    refund = await in_review(world)
    await announced(row_id(refund))
    queued = "select 1 from pgqueuer where entrypoint = 'assign' and payload = $1"
    assert await database.fetch(queued, str(row_id(refund)).encode()) == []
    assert await holder(world, refund) is None


async def test_forty_at_once_among_four_are_ten_each(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All forty are dealt out at the same moment, by a worker and by hand, some of them twice."""
    people = [(await hire(world, Role.AGENT, available=True))[0] for _ in range(4)]
    await deal_by_load(world)
    orders = await asyncio.gather(*(world.order(shipments=shipped()) for _ in range(40)))
    asked = await asyncio.gather(*(world.refund(world.customer, order) for order in orders))
    refunds = await asyncio.gather(*(world.reaches(one, "REVIEW") for one in asked))
    await asyncio.gather(*(assignment.deal(row_id(refund)) for refund in refunds))
    for refund in refunds:
        await dealt(world, refund)
    mine = await Refund.filter(shop_id=world.shop.id).values_list("assignee_id", flat=True)
    assert Counter(ids.encode("Staff", UUID(str(one))) for one in mine) == dict.fromkeys(people, 10)
    given = await Event.filter(shop_id=world.shop.id, type="ASSIGNED").values_list(
        "refund_id", flat=True
    )
    assert Counter(given) == {row_id(refund): 1 for refund in refunds}, "each once"


async def test_of_those_with_the_fewest_who_waited_longest_is_next(world: World) -> None:
    first, _ = await hire(world, Role.AGENT, available=True)
    second, _ = await hire(world, Role.AGENT, available=True)
    await deal_by_load(world)
    got = []
    for _ in range(4):
        refund = await in_review(world)
        await dealt(world, refund)
        got.append(await holder(world, refund))
        await do(world.owner, "refundReject", refund, reason="No")
    assert got == [first, second, first, second]


async def test_finance_is_not_dealt_what_it_proposed(world: World) -> None:
    """The owner decided in review, so of those who are there only finance can release it."""
    await mutate(world.owner, "shopUpdate", {"input": {"financeThreshold": 0}})
    await mutate(world.owner, "staffSetAvailable", {"available": True})
    refund = await in_review(world)
    await do(world.owner, "refundApprove", refund, kind="REFUND_ONLY")
    await deal_by_load(world)
    await do(world.warehouse, "refundConfirmWarehouse", refund, verdict="GOODS_GONE")
    await dealt(world, refund)
    assert await holder(world, refund) is None, "nobody who may release it is there"
    other = await in_review(world)
    await mutate(world.finance, "staffSetAvailable", {"available": True})
    await do(world.owner, "refundApprove", other, kind="REFUND_ONLY")
    await do(world.warehouse, "refundConfirmWarehouse", other, verdict="GOODS_GONE")
    await dealt(world, other)
    assert await holder(world, other) == await person(world, Role.FINANCE)


async def test_a_lost_job_is_found_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = await hire(world, Role.AGENT, available=True)
    await deal_by_load(world)
    enqueue = jobs.enqueue

    async def lose(tx: Any, kind: str, subject: object, **more: Any) -> None:
        if kind != "assign":
            await enqueue(tx, kind, subject, **more)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "enqueue", lose)
        refund = await in_review(world)
        await announced(row_id(refund))
    assert await holder(world, refund) is None
    await reconciliation.reconcile(assignment.MISSING)
    await dealt(world, refund)
    assert await holder(world, refund) == here


# --- who is at work ---------------------------------------------------------------------------


async def test_the_cases_of_who_has_left_go_back(world: World) -> None:
    gone, client = await hire(world, Role.AGENT)
    refund, closed = await in_review(world), await in_review(world)
    await do(client, "refundTake", refund)
    await do(client, "refundReject", closed, reason="No")
    left = await mutate(world.owner, "staffSetActive", {"staffId": gone, "active": False})
    assert left["__typename"] == "Staff"
    assert (await client.post("{ viewer { name } }")).status_code == 401

    async def back() -> bool | None:
        return True if await holder(world, refund) is None else None

    await eventually(back, "the case of somebody who has left")
    [(_, payload, actor)] = await events(refund, "UNASSIGNED")
    assert (payload, actor) == ({"before": str(row_id({"id": gone}, "Staff"))}, "SYSTEM")
    assert await holder(world, closed) == gone, "what is over stays whose it was"


async def test_where_cases_are_dealt_out_those_of_who_has_left_go_to_others(world: World) -> None:
    gone, client = await hire(world, Role.AGENT)
    refund = await in_review(world)
    await do(client, "refundTake", refund)
    here, _ = await hire(world, Role.AGENT, available=True)
    await deal_by_load(world)
    # However they came to be inactive: the sweep finds what they left.
    await Staff.filter(id=row_id({"id": gone}, "Staff")).update(active=False)
    await reconciliation.reconcile(assignment.MISSING)

    async def moved() -> bool | None:
        return True if await holder(world, refund) == here else None

    await eventually(moved, "the case of somebody who has left")


async def test_people_say_for_themselves_whether_they_are_at_work(world: World) -> None:
    colleague, _ = await hire(world, Role.AGENT)
    other = {"available": True, "staffId": colleague}
    refused = await mutate(world.agent, "staffSetAvailable", other)
    assert (refused["code"], refused["reason"]) == ("NOT_ALLOWED", "NOT_YOURSELF")
    assert not (await Staff.get(id=row_id({"id": colleague}, "Staff"))).available
    assert (await mutate(world.owner, "staffSetAvailable", other))["__typename"] == "Staff"
    assert (await Staff.get(id=row_id({"id": colleague}, "Staff"))).available
    owner = {"staffId": await person(world, Role.OWNER), "active": False}
    assert (await mutate(world.owner, "staffSetActive", owner))["code"] == "INVALID_INPUT"


async def test_who_comes_back_is_not_at_work_yet(world: World) -> None:
    colleague, client = await hire(world, Role.AGENT, available=True)
    for active in (False, True):
        await mutate(world.owner, "staffSetActive", {"staffId": colleague, "active": active})
    row = await Staff.get(id=row_id({"id": colleague}, "Staff"))
    assert (row.active, row.available) == (True, False)
    assert (await client("{ viewer { name } }"))["viewer"] == {"name": "Agent"}


# --- notes ------------------------------------------------------------------------------------

NOTES = """query N($id: ID!, $after: String) { refund(id: $id) { notes(first: 2, after: $after) {
    totalCount edges { node { kind text version authorName } } pageInfo { endCursor } } } }"""


async def test_notes_are_read_by_colleagues_page_by_page(world: World) -> None:
    refund = await in_review(world)
    for by, text in ((world.agent, "one"), (world.finance, "two"), (world.warehouse, "three")):
        assert (await do(by, "refundNote", refund, text=text))["__typename"] == "Refund"
    page = (await world.owner(NOTES, id=refund["id"]))["refund"]["notes"]
    assert page["totalCount"] == 3
    assert [edge["node"] for edge in page["edges"]] == [
        {"kind": "NOTE", "text": "three", "version": 5, "authorName": "Warehouse"},
        {"kind": "NOTE", "text": "two", "version": 4, "authorName": "Finance"},
    ]
    rest = await world.owner(NOTES, id=refund["id"], after=page["pageInfo"]["endCursor"])
    assert [edge["node"]["text"] for edge in rest["refund"]["notes"]["edges"]] == ["one"]
    assert await holder(world, refund) is None, "who writes a note has not taken the case"


async def test_no_customer_no_program_and_no_endpoint_hears_of_a_note(world: World) -> None:
    made = """mutation { webhookEndpointCreate(input: {url: "https://hooks.example.com/all"}) {
        __typename } }"""
    assert (await world.owner(made))["webhookEndpointCreate"]["__typename"] != "InvalidInput"
    refund = await in_review(world)
    await do(world.agent, "refundNote", refund, text="she called twice")
    await do(world.agent, "refundTake", refund)
    await announced(row_id(refund))
    told = {entry["type"] for entry in (await world.owner.refund(refund["id"]))["timeline"]}
    assert {"NOTED", "ASSIGNED"} <= told
    for by, hidden in ((world.customer, {"NOTED", "ASSIGNED"}), (world.service, {"NOTED"})):
        seen = {entry["type"] for entry in (await by.refund(refund["id"]))["timeline"]}
        assert told - seen == hidden
        [error] = await by.errors(NOTES, id=refund["id"])
        assert error["extensions"]["code"] == "FORBIDDEN"
    sent = {delivery.type for delivery in await WebhookDelivery.filter(refund_id=row_id(refund))}
    assert "refund.assigned" in sent
    assert "refund.noted" not in sent


async def test_no_endpoint_asks_for_notes(world: World) -> None:
    url = {"url": "https://hooks.example.com/notes", "events": ["NOTED"]}
    refused = await mutate(world.owner, "webhookEndpointCreate", url)
    assert (refused["code"], refused["path"], refused["found"]) == (
        "INVALID_INPUT", ["input", "events"], "NOTED",
    )  # fmt: skip


async def test_a_note_is_written_once_per_key_and_never_empty(world: World) -> None:
    refund = await in_review(world)
    once = {"idempotencyKey": key(), "text": "once"}
    versions = [(await do(world.agent, "refundNote", refund, **once))["version"] for _ in range(2)]
    assert versions == [3, 3]
    empty = await do(world.agent, "refundNote", refund, text=" \n")
    assert (empty["code"], empty["path"]) == ("INVALID_INPUT", ["input", "text"])
    page = (await world.owner(NOTES, id=refund["id"]))["refund"]["notes"]
    assert page["totalCount"] == 1


# --- the database holds it --------------------------------------------------------------------


async def test_nothing_is_to_be_dealt_out_that_waits_nowhere(world: World, engine: Engine) -> None:
    refund = await in_review(world)
    connection = await asyncpg.connect(engine.database_url)
    try:
        with pytest.raises(asyncpg.CheckViolationError, match="refund_waits_at_a_desk_since"):
            await connection.execute("update refund set desk = null where id = $1", row_id(refund))
    finally:
        await connection.close()


# --- the document -----------------------------------------------------------------------------

DOCUMENT = (Path(__file__).parent.parent / "docs" / "desk.md").read_text("utf-8")


def test_the_documents_examples_are_valid() -> None:
    examples = re.findall(r"```graphql\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        assert validate(documents.core(), parse(example)) == []


def test_the_document_lists_every_desk() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\S+) \| (.*) \| (.*) \|$", DOCUMENT, re.MULTILINE)
    assert [(desk, zh) for desk, zh, *_ in rows] == [
        (desk.value, labels.DESKS[desk]["zh"]) for desk in Desk
    ]
    for desk, _, statuses, _ in rows:
        assert {f"`{status.value}`" for status in STATUSES[Desk(desk)]} == set(
            re.findall(r"`[A-Z_]+`", statuses)
        )
