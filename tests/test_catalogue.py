"""What the shop tells us: upserted whole, computed exactly, never cut below what was claimed."""

import asyncio
import json
from typing import Any

import pytest
from support import documents
from support.api import key
from support.refusals import Answer, invalid, mutate, refused, unreadable
from support.world import World, order_input, shipped

from refund_gql.database import fetch

ORDER = """
... on Order { id number currency fulfilment placedAt closedAt customer { reference name }
  goodsAmount { amount } shippingAmount { amount } total { amount }
  lines { position sku title quantity unitPrice { amount } discount { amount } amount { amount }
    shippedQuantity deliveredQuantity refundableQuantity fulfilment product { sku title } }
  shipments { courier trackingNumber deliveredAt }
  captures { id reference amount { amount } reserved { amount } disputed { amount }
    disputeExcess { amount } capturedAt } }
"""
PAID = "2026-01-31T08:00:00Z"


def line(**changes: Any) -> Answer:
    """A cup for 1.00."""
    return {"sku": "CUP", "title": "Cup", "quantity": 1, "unitPrice": 100, **changes}


def capture(**changes: Any) -> Answer:
    """1.00 paid."""
    return {"gateway": "sandbox", "reference": "PAY-1", "amount": 100, **changes}


def parcel(**changes: Any) -> Answer:
    """A parcel."""
    return {"courier": "SF", "trackingNumber": "SF1", "shippedAt": PAID, **changes}


async def upsert(world: World, **changes: Any) -> Answer:
    """The order as it is now."""
    order = await mutate(world.service, "orderUpsert", order_input(**changes), ORDER)
    assert "code" not in order, order
    return order


# --- what comes of an order -------------------------------------------------------------------


async def test_an_order_is_what_its_lines_say(world: World) -> None:
    lines = [
        line(sku="A", quantity=3, unitPrice=1000, discount=1),
        line(sku="B", unitPrice=1000),
        line(sku="C", unitPrice=0, title=" "),
    ]
    order = await upsert(world, lines=lines, discount=100, shippingAmount=1200, placedAt=PAID)
    figures = [(x["discount"]["amount"], x["amount"]["amount"]) for x in order["lines"]]
    assert figures == [(1 + 75, 3000 - 76), (25, 975), (0, 0)]
    money = ("goodsAmount", "shippingAmount", "total")
    assert [order[name]["amount"] for name in money] == [3899, 1200, 5099]
    assert [x["title"] for x in order["lines"]] == ["Cup", "Cup", "C"]
    assert order["customer"] == {"reference": "C-1", "name": "王小明"}
    assert order["captures"][0]["capturedAt"] == "2026-01-31T08:00:00+00:00"
    assert order["fulfilment"] == "UNSHIPPED"


async def test_an_order_sent_again_is_the_same_order(world: World) -> None:
    content = order_input(lines=[line(), line(sku="POT", unitPrice=500)])
    first = await mutate(world.service, "orderUpsert", content, ORDER)
    again = await mutate(world.service, "orderUpsert", content, ORDER)
    assert again == first
    content["lines"][0] |= {"title": "New cup", "quantity": 2}
    changed = await mutate(world.service, "orderUpsert", content, ORDER)
    assert (changed["id"], changed["total"]["amount"]) == (first["id"], 700)
    assert [x["title"] for x in changed["lines"]] == ["New cup", "Cup"]
    assert [x["product"]["title"] for x in changed["lines"]] == ["Cup", "Cup"]


async def test_an_order_sent_by_many_at_once_is_one_order(world: World) -> None:
    content = order_input(customerReference=key(), lines=[line(sku=key()), line(sku=key())])
    sent = (mutate(world.service, "orderUpsert", content, ORDER) for _ in range(8))
    answers = await asyncio.gather(*sent)
    assert len({answer["id"] for answer in answers}) == 1
    rows = await fetch('select 1 from "order" where shop_id = $1', world.shop.id)
    assert len(rows) == 1


async def test_space_around_names_is_no_part_of_them(world: World) -> None:
    content = order_input(captures=[capture(reference="PAY-7")], lines=[line()])
    first = await mutate(world.service, "orderUpsert", content, ORDER)
    spaced = {**content, "number": f" {content['number']}\n"}
    spaced["captures"] = [capture(gateway=" sandbox", reference="PAY-7 ")]
    spaced["lines"] = [line(sku=" CUP ", title="\tCup ")]
    again = await mutate(world.service, "orderUpsert", spaced, ORDER)
    assert again == first


async def test_a_time_without_a_zone_is_utc(world: World) -> None:
    for text, stored in (
        ("2026-01-31T08:00:00", "2026-01-31T08:00:00+00:00"),
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T08:00:00+08:00", "2026-01-31T00:00:00+00:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
        ("2999-12-31T00:00:00Z", "2999-12-31T00:00:00+00:00"),
    ):
        assert (await upsert(world, placedAt=text))["placedAt"] == stored


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "yesterday", "1969-12-31T23:59:59Z", "2999-12-31T00:00:01Z", "10000-01-01",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "2026-13-01",
        "2026-01-01T25:00:00Z", "2026-01-01T00:00:00+99:99", "1" * 5000, 5, 1.5, True, None, [], {},
    ],
)  # fmt: skip
async def test_a_time_is_a_time_people_live_in(world: World, text: object) -> None:
    """Far enough from both ends of the calendar for windows and zones to be added."""
    for content in (
        order_input(placedAt=text),
        order_input(shipments=[parcel(shippedAt=text)]),
    ):
        [message] = await unreadable(world.shop.id, world.service, "orderUpsert", content)
        assert ".placedAt" in message or ".shipments[0].shippedAt" in message


async def test_a_parcel_of_the_last_day_does_not_stop_a_request(world: World) -> None:
    """Windows are counted from it, in whole days of the shop's zone."""
    for late in ({"shippedAt": "2999-12-31"}, {"shippedAt": PAID, "deliveredAt": "2999-12-31"}):
        order = await world.order(shipments=[parcel(**late)])
        refund = await world.refund(world.customer, order)
        assert refund["__typename"] == "Refund"


# --- what is refused --------------------------------------------------------------------------

LARGEST = 2**53 - 1
WRONG: dict[str, tuple[Answer, Answer]] = {
    "no number": ({"number": " "}, invalid("number", "''")),
    "a long number": ({"number": "x" * 65}, invalid("number", "65 characters")),
    "no currency": ({"currency": ""}, invalid("currency", "")),
    "an unknown currency": ({"currency": "XXX"}, invalid("currency", "XXX")),
    "a small currency": ({"currency": "cny"}, invalid("currency", "cny")),
    "no customer": ({"customerReference": ""}, invalid("reference", "''")),
    "a long customer": ({"customerReference": "x" * 65}, invalid("reference", "65 characters")),
    "no lines": ({"lines": []}, invalid("lines", "[]")),
    "too many lines": ({"lines": [line()] * 501}, invalid("lines", "501 entries")),
    "no SKU": ({"lines": [line(sku="\u3000")]}, invalid("lines.0.sku", "''")),
    "a long SKU": (
        {"lines": [line(), line(sku="x" * 65)]}, invalid("lines.1.sku", "65 characters")
    ),
    "a long title": (
        {"lines": [line(title="x" * 301)]}, invalid("lines.0.title", "301 characters")
    ),
    "no units": ({"lines": [line(quantity=0)]}, invalid("lines.0.quantity", "0")),
    "negative units": ({"lines": [line(quantity=-1)]}, invalid("lines.0.quantity", "-1")),
    "too many units": (
        {"lines": [line(quantity=1_000_001)]}, invalid("lines.0.quantity", "1000001")
    ),
    "a negative price": ({"lines": [line(unitPrice=-1)]}, invalid("lines.0.unitPrice", "-1")),
    "a line beyond all money": (
        {"lines": [line(unitPrice=LARGEST, quantity=2)]}, invalid("lines.0", str(2 * LARGEST))
    ),
    "an order beyond all money": (
        {"lines": [line(unitPrice=LARGEST), line()]}, invalid("total", str(LARGEST + 100))
    ),
    "a negative line discount": ({"lines": [line(discount=-1)]}, invalid("lines.0.discount", "-1")),
    "a line discount above the line": (
        {"lines": [line(discount=101)]}, invalid("lines.0.discount", "101")
    ),
    "a negative discount": ({"lines": [line()], "discount": -1}, invalid("discount", "-1")),
    "a discount above the goods": (
        {"lines": [line()], "discount": 101, "shippingAmount": 50}, invalid("discount", "101")
    ),
    "negative shipping": ({"shippingAmount": -1}, invalid("shippingAmount", "-1")),
    "too many captures": (
        {"captures": [capture(reference=str(i)) for i in range(51)]},
        invalid("captures", "51 entries"),
    ),
    "more paid than asked": (
        {"lines": [line()], "captures": [capture(), capture(reference="2", amount=1)]},
        invalid("captures", "101"),
    ),
    "a capture of nothing": ({"captures": [capture(amount=0)]}, invalid("captures.0.amount", "0")),
    "a negative capture": ({"captures": [capture(amount=-1)]}, invalid("captures.0.amount", "-1")),
    "no gateway": ({"captures": [capture(gateway="")]}, invalid("captures.0.gateway", "''")),
    "a long gateway": (
        {"captures": [capture(gateway="x" * 65)]}, invalid("captures.0.gateway", "65 characters")
    ),
    "no reference": ({"captures": [capture(reference="")]}, invalid("captures.0.reference", "''")),
    "a long reference": (
        {"captures": [capture(reference="x" * 129)]},
        invalid("captures.0.reference", "129 characters"),
    ),
    "a payment twice": (
        {"captures": [capture(amount=50), capture(amount=50, reference=" PAY-1")]},
        invalid("captures", "twice"),
    ),
    "disputed more than paid": (
        {"captures": [capture(disputed=101)]}, invalid("captures.0.disputed", "101")
    ),
    "disputed less than nothing": (
        {"captures": [capture(disputed=-1)]}, invalid("captures.0.disputed", "-1")
    ),
    "metadata that is a text": (
        {"captures": [capture(metadata="x")]}, invalid("captures.0.metadata", "'x'")
    ),
    "metadata of numbers": (
        {"captures": [capture(metadata={"a": 1})]}, invalid("captures.0.metadata", "{'a': 1}")
    ),
    "metadata with a long text": (
        {"captures": [capture(metadata={"a": "x" * 501})]},
        invalid("captures.0.metadata", "{'a': 'xxxxxxxxxxxx...xxxxxxxxxxxxx'}"),
    ),
    "metadata with a long name": (
        {"captures": [capture(metadata={"x" * 65: "a"})]},
        invalid("captures.0.metadata", "{'xxxxxxxxxxxx...xxxxxxxxxxxxx': 'a'}"),
    ),
    "too much metadata": (
        {"captures": [capture(metadata={str(i): "" for i in range(21)})]},
        invalid("captures.0.metadata", "21 entries"),
    ),
    "too many parcels": (
        {"shipments": [parcel(trackingNumber=str(i)) for i in range(51)]},
        invalid("shipments", "51 entries"),
    ),
    "no courier": ({"shipments": [parcel(courier="")]}, invalid("shipments.0.courier", "''")),
    "a long courier": (
        {"shipments": [parcel(courier="x" * 65)]}, invalid("shipments.0.courier", "65 characters")
    ),
    "no tracking number": (
        {"shipments": [parcel(), parcel(trackingNumber="")]},
        invalid("shipments.1.trackingNumber", "''"),
    ),
    "more sent than bought": (
        {"shipments": [parcel(lines=[{"position": 0, "quantity": 2}])]},
        invalid("shipments.0.lines.0.quantity", "2"),
    ),
    "nothing sent": (
        {"shipments": [parcel(lines=[{"position": 0, "quantity": 0}])]},
        invalid("shipments.0.lines.0.quantity", "0"),
    ),
    "sent from no line": (
        {"shipments": [parcel(lines=[{"position": 1, "quantity": 1}])]},
        invalid("shipments.0.lines.0.position", "1"),
    ),
    "sent from the end": (
        {"shipments": [parcel(lines=[{"position": -1, "quantity": 1}])]},
        invalid("shipments.0.lines.0.position", "-1"),
    ),
    "two parcels with one unit": (
        {"shipments": [parcel(lines=[{"position": 0, "quantity": 1}]),
                       parcel(trackingNumber="2", lines=[{"position": 0, "quantity": 1}])]},
        invalid("shipments.1.lines.0.quantity", "1"),
    ),
    "a line twice in a parcel": (
        {"lines": [line(quantity=2)],
         "shipments": [parcel(lines=[{"position": 0, "quantity": 1}] * 2)]},
        invalid("shipments.0.lines", "twice"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "problem"), WRONG.values(), ids=WRONG.keys())
async def test_what_does_not_add_up_is_refused(
    world: World, changes: Answer, problem: Answer
) -> None:
    """And leaves nothing behind, no product, no customer."""
    small = {"lines": [line()], "captures": [], "customerReference": key()}
    content = order_input(**{**small, **changes})
    assert await refused(world.shop.id, world.service, "orderUpsert", content) == problem


async def test_metadata_of_900_lists_in_each_other_is_refused(world: World) -> None:
    """As deep as JSON is read at all, and deeper than Python writes it."""
    content = order_input(lines=[line()], captures=[capture(metadata="@")])
    body = {"query": documents.mutation("orderUpsert"), "variables": {"input": content}}
    raw = json.dumps(body).replace('"@"', "[" * 900 + "]" * 900).encode()
    headers = {"authorization": f"Bearer {world.service.token}", "content-type": "application/json"}
    response = await world.api.client.post("/graphql", content=raw, headers=headers)
    assert response.json()["data"]["result"] == invalid("captures.0.metadata", "[[[[[[[...]]]]]]]")
    assert await fetch('select 1 from "order" where shop_id = $1', world.shop.id) == []


# --- what was claimed stays claimed -----------------------------------------------------------


async def claimed(world: World) -> Answer:
    """Of two cups and a pot, a cup and the pot are refunded; content to send again."""
    content = order_input(
        lines=[line(quantity=2), line(sku="POT", unitPrice=500)],
        captures=[capture(amount=700, reference=key(), metadata={"sandbox": "OK*"})],
    )
    order = await mutate(world.service, "orderUpsert", content, "... on Order { id lines { id } }")
    lines = [{"orderLineId": x["id"], "quantity": 1} for x in order["lines"]]
    refund = await world.refund(world.customer, order, lines=lines)
    await world.reaches(refund, "REFUNDED")
    return content


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"currency": "JPY"}, invalid("currency", "JPY")),
        ({"lines": [line(quantity=2)], "captures": []}, invalid("lines", "1 lines")),
        (
            {"lines": [line(quantity=2), line(sku="POT", unitPrice=499)], "captures": []},
            invalid("lines.1", "499"),
        ),
        (
            {
                "lines": [line(quantity=2, unitPrice=49), line(sku="POT", unitPrice=500)],
                "captures": [],
            },
            invalid("lines.0", "98"),
        ),
    ],
)
async def test_an_order_is_not_cut_below_what_was_refunded(
    world: World, changes: Answer, problem: Answer
) -> None:
    content = {**await claimed(world), **changes}
    assert await refused(world.shop.id, world.service, "orderUpsert", content) == problem


async def test_units_that_were_claimed_cannot_go(world: World) -> None:
    content = order_input(lines=[line(quantity=3)])
    order = await mutate(world.service, "orderUpsert", content, "... on Order { id lines { id } }")
    lines = [{"orderLineId": order["lines"][0]["id"], "quantity": 2}]
    await world.reaches(await world.refund(world.customer, order, lines=lines), "REFUNDED")
    content |= {"lines": [line(quantity=1, unitPrice=300)], "captures": []}
    problem = await refused(world.shop.id, world.service, "orderUpsert", content)
    assert problem == invalid("lines.0.quantity", "1")


async def test_units_that_were_sent_cannot_go(world: World) -> None:
    content = order_input(lines=[line(quantity=3)], shipments=shipped())
    order = await mutate(world.service, "orderUpsert", content, ORDER)
    assert order["lines"][0]["shippedQuantity"] == 3
    content["lines"] = [line(quantity=2)]
    content["captures"] = []
    problem = await refused(world.shop.id, world.service, "orderUpsert", content)
    assert problem == invalid("lines.0.quantity", "2")


async def test_a_payment_is_not_cut_below_what_went_back(world: World) -> None:
    content = await claimed(world)
    content["captures"][0]["amount"] = 599
    problem = await refused(world.shop.id, world.service, "orderUpsert", content)
    assert problem == invalid("captures.0.amount", "599")
    content["captures"][0]["amount"] = 600
    order = await mutate(world.service, "orderUpsert", content, ORDER)
    assert order["captures"][0]["amount"]["amount"] == 600


async def test_shipping_that_went_back_stays(world: World) -> None:
    content = order_input(lines=[line()], shippingAmount=50)
    order = await mutate(world.service, "orderUpsert", content, ORDER)
    refund = await world.refund(world.customer, order)
    assert (await world.reaches(refund, "REFUNDED"))["amount"]["amount"] == 150
    content |= {"shippingAmount": 49, "captures": []}
    problem = await refused(world.shop.id, world.service, "orderUpsert", content)
    assert problem == invalid("shippingAmount", "49")


async def test_a_chargeback_on_refunded_money_is_shown_and_takes_nothing(world: World) -> None:
    content = await claimed(world)
    content["captures"][0]["disputed"] = 300
    order = await mutate(world.service, "orderUpsert", content, ORDER)
    [row] = order["captures"]
    figures = [row[x]["amount"] for x in ("amount", "reserved", "disputed", "disputeExcess")]
    assert figures == [700, 600, 100, 200]


async def test_a_payment_that_is_not_mentioned_again_stays(world: World) -> None:
    content = await claimed(world)
    order = await mutate(world.service, "orderUpsert", {**content, "captures": []}, ORDER)
    assert [x["amount"]["amount"] for x in order["captures"]] == [700]


async def test_an_order_can_be_closed_and_opened_again(world: World) -> None:
    content = order_input(closed=True)
    closed = await mutate(world.service, "orderUpsert", content, ORDER)
    again = await mutate(world.service, "orderUpsert", content, ORDER)
    assert closed["closedAt"] == again["closedAt"] is not None
    opened = await mutate(world.service, "orderUpsert", {**content, "closed": False}, ORDER)
    assert opened["closedAt"] is None


# --- parcels ----------------------------------------------------------------------------------


async def test_parcels_are_counted(world: World) -> None:
    content = order_input(lines=[line(quantity=3), line(sku="POT")])
    first = parcel(lines=[{"position": 0, "quantity": 2}])
    rest = parcel(trackingNumber="SF2")
    for shipments, state, figures in (
        ([], "UNSHIPPED", [(0, 0), (0, 0)]),
        ([first], "PARTLY_SHIPPED", [(2, 0), (0, 0)]),
        ([first, rest], "SHIPPED", [(3, 0), (1, 0)]),
        ([{**first, "deliveredAt": PAID}, rest], "SHIPPED", [(3, 2), (1, 0)]),
        ([{**first, "deliveredAt": PAID}, {**rest, "deliveredAt": PAID}], "DELIVERED",
         [(3, 3), (1, 1)]),
    ):  # fmt: skip
        content["shipments"] = shipments
        order = await mutate(world.service, "orderUpsert", content, ORDER)
        found = [(x["shippedQuantity"], x["deliveredQuantity"]) for x in order["lines"]]
        assert (order["fulfilment"], found) == (state, figures)
        assert len(order["shipments"]) == len(shipments)


async def test_a_parcel_sent_again_is_the_same_parcel(world: World) -> None:
    content = order_input(lines=[line(quantity=2)], shipments=[parcel(), parcel()])
    order = await mutate(world.service, "orderUpsert", content, ORDER)
    assert len(order["shipments"]) == 1
    assert order["lines"][0]["shippedQuantity"] == 2
    content["shipments"] = [parcel(lines=[{"position": 0, "quantity": 1}])]
    order = await mutate(world.service, "orderUpsert", content, ORDER)
    assert (order["fulfilment"], order["lines"][0]["shippedQuantity"]) == ("PARTLY_SHIPPED", 1)


# --- many orders ------------------------------------------------------------------------------


async def bulk(world: World, orders: list[Answer]) -> list[Answer]:
    text = documents.mutation("orderUpsertBulk", "... on Order { number }")
    found: list[Answer] = (await world.service(text, input=orders))["result"]
    return found


async def test_a_bad_order_stops_no_other(world: World) -> None:
    good = [order_input(), order_input()]
    bad = order_input(lines=[line(quantity=0)])
    unpaid = order_input(captures=[capture(metadata=[])])
    answers = await bulk(world, [good[0], bad, good[1], unpaid, good[0]])
    assert [answer["__typename"] for answer in answers] == [
        "Order", "InvalidInput", "Order", "InvalidInput", "Order"
    ]  # fmt: skip
    assert answers[1] == invalid("lines.0.quantity", "0")
    rows = await fetch('select number from "order" where shop_id = $1', world.shop.id)
    assert {row["number"] for row in rows} == {order["number"] for order in good}


async def test_a_bulk_has_an_end(world: World) -> None:
    orders = [order_input() for _ in range(251)]
    assert await bulk(world, orders) == [invalid("input", "251 entries")]
    assert await fetch('select 1 from "order" where shop_id = $1', world.shop.id) == []
    assert await bulk(world, []) == []


async def test_250_orders_fit(world: World) -> None:
    answers = await bulk(world, [order_input() for _ in range(250)])
    assert [answer["__typename"] for answer in answers] == ["Order"] * 250


# --- customers and products -------------------------------------------------------------------

CUSTOMER = "... on Customer { id reference name email phone locale }"
PRODUCT = "... on Product { id sku title category }"


async def test_null_leaves_a_field_and_blank_empties_it(world: World) -> None:
    full = {
        "reference": "C-5",
        "name": "李娜",
        "email": "li@na.example",
        "phone": "1",
        "locale": "en",
    }
    first = await mutate(world.service, "customerUpsert", full, CUSTOMER)
    kept = await mutate(world.service, "customerUpsert", {"reference": " C-5 "}, CUSTOMER)
    assert kept == first
    changes = {"reference": "C-5", "name": None, "email": "", "phone": ""}
    emptied = await mutate(world.service, "customerUpsert", changes, CUSTOMER)
    assert emptied == {**first, "email": "", "phone": ""}
    fresh = await mutate(world.service, "customerUpsert", {"reference": "C-6"}, CUSTOMER)
    assert (fresh["name"], fresh["locale"]) == ("", "zh")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"reference": ""}, invalid("reference", "''")),
        ({"reference": "x" * 65}, invalid("reference", "65 characters")),
        ({"name": "x" * 201}, invalid("name", "201 characters")),
        ({"name": "  "}, invalid("name", "''")),
        ({"email": "x" * 321}, invalid("email", "321 characters")),
        ({"phone": "1" * 41}, invalid("phone", "41 characters")),
        ({"locale": "fr"}, invalid("locale", "fr")),
        ({"locale": ""}, invalid("locale", "")),
        ({"locale": "ZH"}, invalid("locale", "ZH")),
    ],
)
async def test_a_customer_is_somebody(world: World, changes: Answer, problem: Answer) -> None:
    content = {"reference": "C-1", **changes}
    assert await refused(world.shop.id, world.service, "customerUpsert", content) == problem


async def test_a_product_is_called_by_its_sku_until_it_has_a_title(world: World) -> None:
    first = await mutate(world.service, "productUpsert", {"sku": "MUG"}, PRODUCT)
    assert (first["title"], first["category"]) == ("MUG", "")
    titled = {"sku": "MUG", "title": f"\n{'x' * 300} ", "category": "Kitchen"}
    again = await mutate(world.service, "productUpsert", titled, PRODUCT)
    assert again == {**first, "title": "x" * 300, "category": "Kitchen"}
    kept = await mutate(world.service, "productUpsert", {"sku": "MUG", "category": ""}, PRODUCT)
    assert kept == {**again, "category": ""}


async def test_a_title_in_an_order_is_cut_of_its_space_before_it_is_measured(world: World) -> None:
    order = await upsert(world, lines=[line(sku="LONG", title="\n" * 20 + "x" * 300)])
    [found] = order["lines"]
    assert (found["title"], found["product"]["title"]) == ("x" * 300, "x" * 300)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"sku": " "}, invalid("sku", "''")),
        ({"sku": "x" * 65}, invalid("sku", "65 characters")),
        ({"title": ""}, invalid("title", "''")),
        ({"title": "x" * 301}, invalid("title", "301 characters")),
        ({"category": "x" * 101}, invalid("category", "101 characters")),
    ],
)
async def test_a_product_is_something(world: World, changes: Answer, problem: Answer) -> None:
    content = {"sku": "MUG", **changes}
    assert await refused(world.shop.id, world.service, "productUpsert", content) == problem


async def test_a_customer_without_a_language_of_theirs_is_spoken_to_in_chinese(
    world: World,
) -> None:
    """`王小明` was told to us with zh; the header decides when there is one."""
    refund = await world.refund(world.customer, await world.order())
    text = "query R($id: ID!) { refund(id: $id) { timeline { text } } }"
    found = (await world.customer(text, id=refund["id"]))["refund"]["timeline"][0]["text"]
    assert found == "提交退款申请"
