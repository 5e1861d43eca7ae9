"""Lists page by page: nothing is repeated, nothing is left out, and every filter is exact."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.api import Api
from support.populated import Populated, populate
from support.world import World, make_world

from refund_gql import database, ids
from refund_gql.clock import now
from refund_gql.models import Refund, new_id
from refund_gql.roles import Role
from refund_gql.settings import Settings
from refund_gql.states import RefundKind, RefundStatus

Row = dict[str, Any]

DAY = datetime(2026, 3, 1, tzinfo=UTC)
LISTS = """
query L($first: Int!, $after: String, $filter: RefundFilter) {
  refunds(first: $first, after: $after, filter: $filter) {
    totalCount edges { cursor node { number } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }
"""


async def put(shop_id: UUID, *moments: datetime) -> list[str]:
    """Refunds from the shop's history with these moments; their numbers."""
    numbers = [f"H-{new_id()}" for _ in moments]
    history = [
        Refund(
            shop_id=shop_id,
            number=number,
            kind=RefundKind.REFUND_ONLY,
            status=RefundStatus.REFUNDED,
            currency="CNY",
            goods_amount=100,
            amount=100,
            requested_by="SYSTEM:-",
            imported=True,
            requested_at=moment,
            updated_at=moment,
            head="",
        )
        for number, moment in zip(numbers, moments, strict=True)
    ]
    await database.transaction(lambda tx: Refund.bulk_create(history, using_db=tx))
    return numbers


async def newest_first(shop_id: UUID) -> list[str]:
    """All numbers in the list's order."""
    sql = "select number from refund where shop_id = $1 order by requested_at desc, id desc"
    return [row["number"] for row in await database.fetch(sql, shop_id)]


async def page(by: Api, **variables: Any) -> Row:
    found: Row = (await by(LISTS, **variables))["refunds"]
    return found


def numbers(found: Row) -> list[str]:
    return [edge["node"]["number"] for edge in found["edges"]]


# --- pages ------------------------------------------------------------------------------------


@given(
    moments=st.lists(st.integers(0, 3), max_size=12),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    arrivals=st.lists(st.integers(0, 3), max_size=6),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_pages_are_the_list_whatever_their_sizes_and_whatever_arrives(
    listed: World, moments: list[int], sizes: list[int], arrivals: list[int]
) -> None:
    """Many rows of equal moments; new ones arrive at the top between any two pages."""
    shop_id = await _empty(listed)
    await put(shop_id, *(DAY + timedelta(seconds=moment) for moment in moments))
    expected = await newest_first(shop_id)
    read: list[str] = []
    after, more, turn = None, True, 0
    while more:
        found = await page(listed.owner, first=sizes[turn % len(sizes)], after=after)
        read += numbers(found)
        assert found["pageInfo"]["hasPreviousPage"] is (after is not None)
        more, after = found["pageInfo"]["hasNextPage"], found["pageInfo"]["endCursor"]
        assert len(found["edges"]) == sizes[turn % len(sizes)] or not more
        late = arrivals[turn] if turn < len(arrivals) else 0
        await put(shop_id, *(DAY + timedelta(days=1, seconds=turn) for _ in range(late)))
        assert found["totalCount"] == len(moments) + sum(arrivals[:turn])
        turn += 1
    assert read == expected


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def listed(api: Api, settings: Settings) -> World:
    return await make_world(api, settings)


async def _empty(world: World) -> UUID:
    await Refund.filter(shop_id=world.shop.id).delete()
    return world.shop.id


async def test_every_edge_has_a_cursor_that_goes_on_from_there(listed: World) -> None:
    shop_id = await _empty(listed)
    await put(shop_id, *([DAY] * 5))
    whole = await page(listed.owner, first=100)
    for position, edge in enumerate(whole["edges"], start=1):
        rest = await page(listed.owner, first=100, after=edge["cursor"])
        assert numbers(rest) == numbers(whole)[position:]
    info = whole["pageInfo"]
    cursors = [whole["edges"][0]["cursor"], whole["edges"][-1]["cursor"]]
    assert [info["startCursor"], info["endCursor"]] == cursors
    assert info["hasNextPage"] is False


async def test_the_same_cursor_gives_the_same_page_again(listed: World) -> None:
    shop_id = await _empty(listed)
    await put(shop_id, *([DAY] * 4))
    after = (await page(listed.owner, first=2))["pageInfo"]["endCursor"]
    once = await page(listed.owner, first=2, after=after)
    await put(shop_id, DAY + timedelta(days=1))
    again = await page(listed.owner, first=2, after=after)
    assert again["edges"] == once["edges"]
    assert len(once["edges"]) == 2


async def test_a_cursor_outlives_its_row(listed: World) -> None:
    shop_id = await _empty(listed)
    await put(shop_id, *([DAY] * 3))
    [first, second, third] = await newest_first(shop_id)
    after = (await page(listed.owner, first=2))["pageInfo"]["endCursor"]
    await Refund.filter(number=second).delete()
    assert numbers(await page(listed.owner, first=2, after=after)) == [third]
    assert first != third


async def test_microseconds_count(listed: World) -> None:
    shop_id = await _empty(listed)
    await put(shop_id, *(DAY + timedelta(microseconds=i) for i in (3, 1, 2)))
    expected = await newest_first(shop_id)
    read: list[str] = []
    after = None
    for _ in range(3):
        found = await page(listed.owner, first=1, after=after)
        after, read = found["pageInfo"]["endCursor"], read + numbers(found)
    assert read == expected


async def test_an_empty_list_is_a_page_too(listed: World) -> None:
    await _empty(listed)
    assert await page(listed.owner, first=1) == {
        "totalCount": 0,
        "edges": [],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }


@pytest.mark.parametrize("count", [99, 100, 101])
async def test_a_page_holds_at_most_a_hundred(listed: World, count: int) -> None:
    shop_id = await _empty(listed)
    await put(shop_id, *([DAY] * count))
    found = await page(listed.owner, first=100)
    assert len(found["edges"]) == min(count, 100)
    assert found["pageInfo"]["hasNextPage"] is (count > 100)
    assert found["totalCount"] == count


@pytest.mark.parametrize("first", [0, -1, 101, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("name", ["refunds", "orders"])
async def test_first_is_one_to_a_hundred(listed: World, name: str, first: int) -> None:
    query = f"query L($first: Int!) {{ {name}(first: $first) {{ totalCount }} }}"
    [error] = await listed.owner.errors(query, first=first)
    assert (error["path"], error["extensions"]) == ([name], {"code": "BAD_PAGE"})


def cursor(*place: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


NOWHERE = str(UUID(int=0))
CURSORS = {
    "nothing": "",
    "no base64": "?",
    "other letters": "é",
    "no JSON": base64.b64encode(b"x").decode(),
    "no list": base64.b64encode(b"5").decode(),
    "an object": base64.b64encode(b'{"a": 1}').decode(),
    "another list": cursor("orders", "2026-01-01T00:00:00+00:00", NOWHERE),
    "no name": cursor("2026-01-01T00:00:00+00:00", NOWHERE),
    "one thing too many": cursor("refunds", "2026-01-01T00:00:00+00:00", NOWHERE, 1),
    "a moment that is a number": cursor("refunds", 5, NOWHERE),
    "a moment that is none": cursor("refunds", "yesterday", NOWHERE),
    "a moment before all others": cursor("refunds", "0001-01-01T00:00:00+14:00", NOWHERE),
    "a moment after all others": cursor("refunds", "9999-12-31T23:59:59-14:00", NOWHERE),
    "a row that is a number": cursor("refunds", "2026-01-01T00:00:00+00:00", 5),
    "a row that is none": cursor("refunds", "2026-01-01T00:00:00+00:00", "x"),
    "a row of nothing": cursor("refunds", "2026-01-01T00:00:00+00:00", None),
    "very long": "A" * 100_000,
    "deep": base64.b64encode(b"[" * 200).decode(),
    "a global id": ids.encode("Refund", UUID(int=0)),
}


@pytest.mark.parametrize("after", CURSORS.values(), ids=CURSORS.keys())
async def test_a_cursor_that_is_none_is_refused(listed: World, after: str) -> None:
    [error] = await listed.owner.errors(LISTS, first=1, after=after)
    assert (error["path"], error["extensions"]) == (["refunds"], {"code": "BAD_CURSOR"})


async def test_a_cursor_of_refunds_is_none_of_orders(listed: World) -> None:
    shop_id = await _empty(listed)
    await put(shop_id, DAY)
    refunds = (await page(listed.owner, first=1))["pageInfo"]["endCursor"]
    query = "query L($after: String) { orders(after: $after) { totalCount } }"
    [error] = await listed.owner.errors(query, after=refunds)
    assert error["extensions"] == {"code": "BAD_CURSOR"}


# --- filters ----------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(api: Api, settings: Settings) -> Populated:
    """Orders, and refunds in many states."""
    populated = await populate(api, settings, price=45_678)
    early = datetime(2020, 1, 1, tzinfo=UTC)
    number = populated.refunds["paid"]["number"]
    await Refund.filter(number=number).update(requested_at=early, note="100% _sure_ \\ 颜色")
    return populated


FACTS = """
select r.number, r.status, r.kind, r.amount, r.requested_at, r.note, r.customer_id, r.assignee_id,
       r.stated_reason_id, r.found_reason_id, o.number as order_number, o.fulfilment,
       c.name as customer_name, c.reference as customer_reference
  from refund r join "order" o on o.id = r.order_id join customer c on c.id = r.customer_id
 where r.shop_id = $1
"""
Fits = Callable[[Any], bool]


async def refunds_of(shop: Populated) -> list[Any]:
    return list(await database.fetch(FACTS, shop.shop_id))


async def check(shop: Populated, conditions: Row, fits: Fits, *, some: bool = True) -> None:
    """The filter finds exactly the rows that fit, no matter in how many pages."""
    rows = await refunds_of(shop)
    expected = sorted(row["number"] for row in rows if fits(row))
    assert bool(expected) is some
    assert len(expected) < len(rows), "a filter that filters nothing proves nothing"
    for first in (3, 100):
        read, after, more = [], None, True
        while more:
            found = await page(shop.world.owner, first=first, after=after, filter=conditions)
            read += numbers(found)
            assert found["totalCount"] == len(expected)
            more, after = found["pageInfo"]["hasNextPage"], found["pageInfo"]["endCursor"]
        assert sorted(read) == expected


@pytest.mark.parametrize(
    "status", [["REVIEW"], ["REFUNDED", "PAYMENT_STUCK"], ["REJECTED", "REJECTED"]]
)
async def test_by_status(shop: Populated, status: list[str]) -> None:
    await check(shop, {"status": status}, lambda row: row["status"] in status)


async def test_by_no_status_finds_nothing(shop: Populated) -> None:
    await check(shop, {"status": []}, lambda row: False, some=False)


@pytest.mark.parametrize("kind", list(RefundKind))
async def test_by_kind(shop: Populated, kind: RefundKind) -> None:
    await check(shop, {"kind": kind.value}, lambda row: row["kind"] == kind)


@pytest.mark.parametrize("states", [["UNSHIPPED"], ["PARTLY_SHIPPED", "DELIVERED"]])
async def test_by_fulfilment(shop: Populated, states: list[str]) -> None:
    await check(shop, {"fulfilment": states}, lambda row: row["fulfilment"] in states)


async def test_by_amount_with_both_ends(shop: Populated) -> None:
    one, two = shop.price, 2 * shop.price
    await check(shop, {"amountFrom": two}, lambda row: row["amount"] >= two)
    await check(shop, {"amountTo": one}, lambda row: row["amount"] <= one)
    await check(shop, {"amountFrom": one, "amountTo": one}, lambda row: row["amount"] == one)
    await check(shop, {"amountFrom": two, "amountTo": one}, lambda row: False, some=False)
    await check(shop, {"amountFrom": 2**53 - 1}, lambda row: False, some=False)
    await check(shop, {"amountTo": -(2**53 - 1)}, lambda row: False, some=False)


async def test_by_moment_the_end_excluded(shop: Populated) -> None:
    early = "2020-01-01T00:00:00Z"
    await check(shop, {"requestedTo": "2020-01-01T00:00:00.000001Z"}, _early)
    await check(shop, {"requestedTo": early}, lambda row: False, some=False)
    await check(shop, {"requestedFrom": "2020-01-02"}, lambda row: not _early(row))
    between = {"requestedFrom": early, "requestedTo": "2020-01-01T09:00:00+08:00"}
    await check(shop, between, _early)
    await check(shop, {"requestedTo": "2020-01-01T08:00:00+08:00"}, lambda row: False, some=False)


def _early(row: Any) -> bool:
    return bool(row["requested_at"].year == 2020)


async def test_by_customer(shop: Populated) -> None:
    for customer in shop.all("Customer"):
        row_id = ids.row_id(customer, "Customer")
        await check(shop, {"customerId": customer}, lambda row, it=row_id: row["customer_id"] == it)  # type: ignore[misc] # fmt: skip


async def test_by_reason_stated_or_found(shop: Populated) -> None:
    tag = ids.row_id(shop.tag, "ReasonTag")
    number = shop.refunds["finance"]["number"]
    other = next(one for one in shop.all("ReasonTag") if one != shop.tag)
    await Refund.filter(number=number).update(stated_reason_id=ids.row_id(other, "ReasonTag"))
    await Refund.filter(number=shop.refunds["paid"]["number"]).update(stated_reason_id=None)
    await check(
        shop,
        {"reasonTagId": shop.tag},
        lambda row: tag in (row["stated_reason_id"], row["found_reason_id"]),
    )
    await check(shop, {"reasonTagId": other}, lambda row: row["number"] == number)


async def test_by_assignee(shop: Populated) -> None:
    assigned = {row["assignee_id"] for row in await refunds_of(shop)} - {None}
    assert assigned
    for person in assigned:
        conditions = {"assigneeId": ids.encode("Staff", person)}
        await check(shop, conditions, lambda row, it=person: row["assignee_id"] == it)  # type: ignore[misc]


async def test_by_order_number_exactly(shop: Populated) -> None:
    number = shop.orders["split"]["number"]
    await check(shop, {"orderNumber": number}, lambda row: row["order_number"] == number)
    await check(shop, {"orderNumber": number[:-1]}, lambda row: False, some=False)
    await check(shop, {"orderNumber": number.lower()}, lambda row: False, some=False)


@pytest.mark.parametrize("id", ["", "x", ids.encode("Order", UUID(int=0)), "A" * 10_000])
@pytest.mark.parametrize("name", ["customerId", "reasonTagId", "assigneeId"])
async def test_by_an_id_of_nothing_finds_nothing(shop: Populated, name: str, id: str) -> None:
    await check(shop, {name: id}, lambda row: False, some=False)


def mentions(text: str) -> Fits:
    """Where the search looks: numbers, the note, the customer's name and reference."""
    places = ("number", "note", "order_number", "customer_name", "customer_reference")
    return lambda row: any(text.lower() in row[place].lower() for place in places)


@pytest.mark.parametrize(
    "text",
    ["-paid", "-PAID", "theirs", "C-2", "100% _sure_", "%", "_", "\\", "颜色", "_sure_ \\ 颜"],
)
async def test_by_text_anywhere_and_literally(shop: Populated, text: str) -> None:
    await check(shop, {"text": text}, mentions(text))


@pytest.mark.parametrize(
    "text", ["nowhere at all", "%%", "__", "\\\\", "' or true --", "{0}", "$1"]
)
async def test_by_text_that_is_nowhere(shop: Populated, text: str) -> None:
    await check(shop, {"text": text}, mentions(text), some=False)


async def test_analysts_cannot_search_in_what_they_cannot_read(shop: Populated) -> None:
    analyst = shop.world.as_(Role.ANALYST)
    for text in ("颜色", "Note", "Name"):  # a number may hold a reference such as C-2 by chance
        assert numbers(await page(analyst, first=100, filter={"text": text})) == []
    found = await page(analyst, first=100, filter={"text": "-paid"})
    assert numbers(found) == [shop.refunds["paid"]["number"]]
    orders = "query L($text: String) { orders(filter: {text: $text}) { totalCount } }"
    every = len(shop.orders)
    assert (await analyst(orders, text="Name"))["orders"] == {"totalCount": 0}
    assert (await shop.world.agent(orders, text="Name"))["orders"] == {"totalCount": every}


async def test_all_conditions_must_hold(shop: Populated) -> None:
    together = {"status": ["REFUNDED", "REVIEW"], "fulfilment": ["DELIVERED"], "text": shop.mark}
    await check(
        shop,
        together,
        lambda row: row["status"] in together["status"] and row["fulfilment"] == "DELIVERED",
    )


async def orders(by: Api, conditions: Row) -> list[str]:
    query = """query L($filter: OrderFilter) {
      orders(first: 100, filter: $filter) { totalCount edges { node { number } } } }"""
    found = (await by(query, filter=conditions))["orders"]
    assert found["totalCount"] == len(found["edges"])
    return sorted(numbers(found))


async def test_every_filter_of_orders(shop: Populated) -> None:
    owner, [one, two] = shop.world.owner, shop.all("Customer")
    names = {scene: order["number"] for scene, order in shop.orders.items()}

    def only(*scenes: str) -> list[str]:
        return sorted(names[scene] for scene in scenes)

    unshipped = only("fresh", "paid", "stuck", "theirs")
    assert await orders(owner, {"fulfilment": ["UNSHIPPED"]}) == unshipped
    assert await orders(owner, {"fulfilment": ["PARTLY_SHIPPED"]}) == only("split")
    assert await orders(owner, {"fulfilment": []}) == []
    others = sorted(set(names.values()) - set(only("theirs")))
    by_customer = [await orders(owner, {"customerId": customer}) for customer in (one, two)]
    assert sorted(by_customer) == sorted([only("theirs"), others])
    assert await orders(owner, {"customerId": "x"}) == []
    for text, found in (("-FRESH", only("fresh")), ("c-2", only("theirs")), ("%", [])):
        assert await orders(owner, {"text": text}) == found
    assert await orders(owner, {"text": shop.mark}) == sorted(names.values())
    both = {"fulfilment": ["UNSHIPPED"], "text": "-t"}
    assert await orders(owner, both) == only("theirs")


async def test_orders_are_newest_first_by_the_day_they_were_placed(world: World) -> None:
    placed = [now() - timedelta(days=days) for days in (2, 1, 3)]
    made = [await world.order(placedAt=moment.isoformat()) for moment in placed]
    found = await world.owner("{ orders { edges { node { number } } } }")
    assert numbers(found["orders"]) == [made[i]["number"] for i in (1, 0, 2)]
