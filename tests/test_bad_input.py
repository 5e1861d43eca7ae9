"""Whatever is sent to a refund, the answer is one exact problem, never a failure, never a loss.

Orders are the matter of test_catalogue, the shop's own settings that of test_backoffice.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLInputObjectType, get_named_type, get_nullable_type
from support import documents
from support.api import Api, key
from support.contents import good
from support.populated import Populated, populate
from support.refusals import (
    Answer,
    exceeds,
    invalid,
    not_allowed,
    not_found,
    not_refundable,
    refused,
    unreadable,
)
from support.world import World, shipped

from refund_gql import clock, ids
from refund_gql.graphql.documents import money_fields
from refund_gql.models import new_id
from refund_gql.roles import Role
from refund_gql.settings import Settings
from refund_gql.states import JOURNEY, RefundStatus

CUPS = [
    {"sku": "CUP", "title": "Cup", "quantity": 3, "unitPrice": 1000},
    {"sku": "POT", "title": "Pot", "quantity": 1, "unitPrice": 5000},
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(api: Api, settings: Settings) -> Populated:
    """A shop with a refund in every state a person meets."""
    return await populate(api, settings, price=12_345)


async def request_refused(world: World, by: Api, order: Answer, **changes: Any) -> Answer:
    return await refused(world.shop.id, by, "refundRequest", {"orderId": order["id"], **changes})


def caller(shop: Populated, mutation: str) -> Api:
    """Somebody who may do it."""
    owners = Role.OWNER in documents.table().roles["Mutation", mutation]
    return shop.world.owner if owners else shop.world.service


# --- ids --------------------------------------------------------------------------------------


def id_fields() -> Iterator[tuple[str, str, str]]:
    """Mutation, field of its input, and the kind of object that is named there."""
    kinds = {"orderId": "Order", "refundId": "Refund", "payoutId": "Payout", "claimId": "Claim"}
    kinds |= {"reasonTagId": "ReasonTag", "foundReasonTagId": "ReasonTag"}
    kinds |= {"rootCauseTagId": "ReasonTag"}
    kinds |= {"customerId": "Customer", "flagId": "CustomerFlag"}
    kinds |= {"replaces": "Rule", "before": "Rule"}
    kinds |= {"offerId": "Offer", "taskId": "DiscretionTask"}
    kinds |= {"fileId": "EvidenceFile", "intoId": "Refund", "fromId": "Refund"}
    kinds |= {"staffId": "Staff", "scriptId": "Script"}
    named = {"couponRetry": "Coupon", "couponRevoke": "Coupon", "restitutionRetry": "Restitution"}
    for mutation in sorted(money_fields(documents.core())):
        kind = get_named_type(documents.fields("Mutation")[mutation].args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        for name, field in kind.fields.items():
            if getattr(get_nullable_type(field.type), "name", None) == "ID":
                yield mutation, name, named[mutation] if name == "id" else kinds[name]


LOOKED_UP_LATE = {
    ("returnInspect", "ReasonTag"),
    ("refundAmend", "ReasonTag"),
    ("refundReject", "Script"),
    ("refundRequestEvidence", "Script"),
}
"""Only when the step itself is possible."""


@pytest.mark.parametrize(("mutation", "name", "kind"), list(id_fields()))
async def test_every_id_must_be_one_of_its_kind(
    shop: Populated, mutation: str, name: str, kind: str
) -> None:
    content, by = good(mutation, shop), caller(shop, mutation)
    another = "Shop" if kind == "Staff" else "Staff"
    other, cut = ids.encode(another, new_id()), ids.encode(kind, new_id())[:-4]
    for text in ("", "x", "é", "A" * 10_000, other, cut, str(new_id()), "Refund:1"):
        problem = await refused(shop.shop_id, by, mutation, {**content, name: text})
        assert problem == invalid(name, text[:40])
    unknown = {**content, name: ids.encode(kind, new_id())}
    if (mutation, kind) in LOOKED_UP_LATE:
        late = await refused(shop.shop_id, by, mutation, unknown)
        assert late["code"] in {"ILLEGAL_STEP", "NOT_AMENDABLE"}
        return
    assert await refused(shop.shop_id, by, mutation, unknown) == not_found(kind)


async def test_lines_must_be_lines_of_this_order(shop: Populated) -> None:
    order = {"orderId": shop.orders["fresh"]["id"]}
    other = shop.orders["paid"]["lines"][0]["id"]
    for text, problem in (
        ("x", invalid("lines.0.orderLineId", "x")),
        (order["orderId"], invalid("lines.0.orderLineId", order["orderId"][:40])),
        (ids.encode("OrderLine", new_id()), not_found("OrderLine")),
        (other, not_found("OrderLine")),
    ):
        content = {**order, "lines": [{"orderLineId": text, "quantity": 1}]}
        owner = shop.world.owner
        assert await refused(shop.shop_id, owner, "refundRequest", content) == problem


async def test_a_number_is_an_id_like_any_text(world: World) -> None:
    """GraphQL lets an ID be written as an integer."""
    content = {"orderId": 5, "idempotencyKey": key()}
    problem = await refused(world.shop.id, world.owner, "refundRequest", content)
    assert problem == invalid("orderId", "5")


# --- how many ---------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", [0, -1, 4, 2**31 - 1, -(2**31)])
async def test_a_quantity_is_one_to_what_is_left(world: World, quantity: int) -> None:
    order = await world.order(lines=CUPS)
    lines = [{"orderLineId": order["lines"][0]["id"], "quantity": quantity}]
    problem = await request_refused(world, world.customer, order, lines=lines)
    assert problem == invalid("lines.0.quantity", str(quantity))


async def test_what_is_asked_for_already_is_not_left(world: World) -> None:
    order = await world.order(lines=CUPS)
    two = [{"orderLineId": order["lines"][0]["id"], "quantity": 2}]
    first = await world.refund(world.customer, order, lines=two)
    await world.reaches(first, "REFUNDED")
    problem = await request_refused(world, world.customer, order, lines=two)
    assert problem == invalid("lines.0.quantity", "2")


@pytest.mark.parametrize("quantity", [2**31, -(2**31) - 1, 1.5, "1", True, None, [1, 2], {}])
async def test_a_quantity_is_a_whole_number(world: World, quantity: object) -> None:
    order = await world.order(lines=CUPS)
    lines = [{"orderLineId": order["lines"][0]["id"], "quantity": quantity}]
    content = {"orderId": order["id"], "lines": lines}
    [message] = await unreadable(world.shop.id, world.owner, "refundRequest", content)
    assert "lines[0].quantity" in message


async def test_a_float_that_is_whole_is_a_whole_number(world: World) -> None:
    order = await world.order(lines=CUPS)
    lines = [{"orderLineId": order["lines"][0]["id"], "quantity": 1.0}]
    refund = await world.refund(world.customer, order, lines=lines)
    assert refund["lines"][0]["quantity"] == 1


async def test_an_empty_list_of_lines_is_not_everything(world: World) -> None:
    order = await world.order()
    problem = await request_refused(world, world.customer, order, lines=[])
    assert problem == invalid("lines", "[]")


async def test_no_list_of_lines_is_everything(world: World) -> None:
    order = await world.order(lines=CUPS)
    for lines in (None, "left out"):
        changes = {} if lines else {"lines": None}
        refund = await world.refund(world.customer, order, **changes)
        if not lines:
            assert refund["amount"] == {"amount": 8000, "currency": "CNY"}
        else:
            assert refund["reason"] == "NOTHING_LEFT"


async def test_a_line_stands_once(world: World) -> None:
    order = await world.order(lines=CUPS)
    line = {"orderLineId": order["lines"][0]["id"], "quantity": 1}
    problem = await request_refused(world, world.customer, order, lines=[line, line])
    assert problem == invalid("lines", "twice")


async def test_a_request_has_at_most_500_lines(world: World) -> None:
    order = await world.order()
    line = {"orderLineId": order["lines"][0]["id"], "quantity": 1}
    problem = await request_refused(world, world.customer, order, lines=[line] * 501)
    assert problem == invalid("lines", "501 entries")


# --- how much ---------------------------------------------------------------------------------


def amount(order: Answer, value: object, currency: object = "CNY") -> list[Answer]:
    """Two cups, worth 20.00, for another amount."""
    line = {"orderLineId": order["lines"][0]["id"], "quantity": 2}
    return [{**line, "amount": {"amount": value, "currency": currency}}]


@pytest.mark.parametrize("value", [0, -1, -(2**53) + 1])
async def test_an_amount_is_more_than_zero(world: World, value: int) -> None:
    order = await world.order(lines=CUPS)
    problem = await request_refused(world, world.agent, order, lines=amount(order, value))
    assert problem == invalid("lines.0.amount", str(value))


@pytest.mark.parametrize("value", [2001, 2**53 - 1])
async def test_an_amount_is_at_most_what_the_units_are_worth(world: World, value: int) -> None:
    order = await world.order(lines=CUPS)
    problem = await request_refused(world, world.agent, order, lines=amount(order, value))
    assert problem == exceeds(2000)


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), 10**400 // 10**380, 1.5, 2000.0, "5", True, None]
)
async def test_an_amount_is_an_exact_integer(world: World, value: object) -> None:
    """Not even 2000.0: whoever computes in floats is told at once."""
    order = await world.order(lines=CUPS)
    content = {"orderId": order["id"], "lines": amount(order, value)}
    [message] = await unreadable(world.shop.id, world.agent, "refundRequest", content)
    assert "lines[0].amount.amount" in message


@pytest.mark.parametrize("currency", ["USD", "XXX", "cny", "", "CNY ", "人民币", "C" * 10_000])
async def test_an_amount_is_in_the_orders_currency(world: World, currency: str) -> None:
    order = await world.order(lines=CUPS)
    lines = amount(order, 1000, currency)
    problem = await request_refused(world, world.agent, order, lines=lines)
    assert problem == invalid("lines.0.amount.currency", currency[:10])


async def test_no_amount_is_the_full_worth_and_zero_is_none(world: World) -> None:
    order = await world.order(lines=CUPS)
    problem = await request_refused(world, world.agent, order, lines=amount(order, 0))
    assert problem == invalid("lines.0.amount", "0")
    for given in ({}, {"amount": None}):
        order = await world.order(lines=CUPS)
        line = {"orderLineId": order["lines"][0]["id"], "quantity": 2, **given}
        refund = await world.refund(world.agent, order, lines=[line])
        assert refund["amount"]["amount"] == 2000


@pytest.mark.parametrize("value", [0, 1, 2000, 2001])
async def test_a_customer_names_no_amount(world: World, value: int) -> None:
    order = await world.order(lines=CUPS)
    problem = await request_refused(world, world.customer, order, lines=amount(order, value))
    assert problem == not_allowed("AMOUNT_IS_COMPUTED")


async def test_more_than_was_paid_cannot_be_had(world: World) -> None:
    """Of 80.00, 30.00 were paid: the rest was never captured."""
    paid = [{"gateway": "sandbox", "reference": key(), "amount": 3000}]
    order = await world.order(lines=CUPS, captures=paid)
    assert await request_refused(world, world.customer, order) == exceeds(3000)
    lines = [{"orderLineId": order["lines"][1]["id"], "quantity": 1}]
    for changes in (
        {"lines": lines},
        {"lines": [{**lines[0], "amount": {"amount": 3001, "currency": "CNY"}}]},
    ):
        assert await request_refused(world, world.agent, order, **changes) == exceeds(3000)


async def test_what_a_chargeback_holds_cannot_be_had(world: World) -> None:
    paid = [{"gateway": "sandbox", "reference": key(), "amount": 8000, "disputed": 7999}]
    order = await world.order(lines=CUPS, captures=paid)
    assert await request_refused(world, world.customer, order) == exceeds(1)


async def test_a_stale_quote_is_told_what_is_left_now(world: World) -> None:
    order = await world.order(lines=CUPS)
    for value in (7999, 8001, 0, -1, 2**53 - 1):
        expected = {"amount": value, "currency": "CNY"}
        problem = await request_refused(world, world.customer, order, expectedRefundable=expected)
        assert problem == {
            "__typename": "StaleBalance",
            "code": "STALE_BALANCE",
            "path": [],
            "maximumRefundable": {"amount": 8000, "currency": "CNY"},
        }
    wrong = {"amount": 8000, "currency": "JPY"}
    problem = await request_refused(world, world.customer, order, expectedRefundable=wrong)
    assert problem == invalid("expectedRefundable.currency", "JPY")


# --- may it be refunded at all ----------------------------------------------------------------


async def test_a_closed_order_is_closed_for_everybody(world: World) -> None:
    order = await world.order(closed=True)
    for by in (world.customer, world.service, world.agent, world.owner):
        assert await request_refused(world, by, order) == not_refundable("ORDER_CLOSED")


async def test_nothing_paid_is_nothing_to_give_back(world: World) -> None:
    order = await world.order(captures=[])
    assert await request_refused(world, world.customer, order) == not_refundable("UNPAID")


async def test_an_order_is_refunded_once(world: World) -> None:
    order = await world.order()
    first = await world.refund(world.customer, order)
    await world.reaches(first, "REFUNDED")
    assert await request_refused(world, world.customer, order) == not_refundable("NOTHING_LEFT")


async def test_after_the_window_only_staff_may_ask(world: World) -> None:
    """Delivered nine days ago; the shop gives seven, counted from midnight."""
    [parcel] = shipped()
    long_ago = clock.now() - timedelta(days=9)
    parcel |= {"shippedAt": long_ago.isoformat(), "deliveredAt": long_ago.isoformat()}
    order = await world.order(shipments=[parcel])
    problem = await request_refused(world, world.customer, order)
    assert problem == not_refundable("WINDOW_CLOSED")
    refund = await world.refund(world.agent, order)
    assert (await world.reaches(refund, "REVIEW"))["amount"]["amount"] == 8900


async def test_a_reason_must_be_one_of_today(world: World) -> None:
    order = await world.order()
    tags = (await world.owner("{ reasonTags { id code } }"))["reasonTags"]
    retired = tags[0]["id"]
    query = "mutation R($id: ID!) { reasonTagRetire(id: $id) { ... on ReasonTag { retiredAt } } }"
    assert (await world.agent(query, id=retired))["reasonTagRetire"]["retiredAt"]
    problem = await request_refused(world, world.customer, order, reasonTagId=retired)
    assert problem == not_found("ReasonTag")
    asked = await world.refund(world.customer, order, reasonTagId=tags[1]["id"])
    assert asked["__typename"] == "Refund"


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mutation", "name"),
    [
        ("refundRequest", "note"),
        ("refundApprove", "reason"),
        ("refundReject", "reason"),
        ("refundRequestEvidence", "question"),
        ("refundProvideEvidence", "answer"),
        ("refundConfirmWarehouse", "note"),
        ("returnInspect", "note"),
        ("refundApproveFinance", "note"),
    ],
)
async def test_words_have_an_end(shop: Populated, mutation: str, name: str) -> None:
    content = {**good(mutation, shop), name: "字" * 4001}
    problem = await refused(shop.shop_id, shop.world.owner, mutation, content)
    assert problem == invalid(name, "4001 characters")


@pytest.mark.parametrize("blank", ["", "   ", "\n\t\u3000"])
@pytest.mark.parametrize(
    ("mutation", "name"),
    [
        ("refundReject", "reason"),
        ("refundRequestEvidence", "question"),
        ("refundProvideEvidence", "answer"),
        ("refundDispute", "note"),
        ("returnShip", "courier"),
        ("returnShip", "trackingNumber"),
    ],
)
async def test_what_somebody_waits_for_must_be_said(
    shop: Populated, mutation: str, name: str, blank: str
) -> None:
    content = {**good(mutation, shop), name: blank}
    problem = await refused(shop.shop_id, shop.world.owner, mutation, content)
    assert problem == invalid(name, "''")


@pytest.mark.parametrize("name", ["courier", "trackingNumber"])
async def test_a_parcels_name_has_an_end(shop: Populated, name: str) -> None:
    content = {**good("returnShip", shop), name: "1" * 65}
    problem = await refused(shop.shop_id, shop.world.owner, "returnShip", content)
    assert problem == invalid(name, "65 characters")


@pytest.mark.parametrize("mutation", sorted(money_fields(documents.core())))
async def test_an_idempotency_key_is_a_name(shop: Populated, mutation: str) -> None:
    content, by = good(mutation, shop), caller(shop, mutation)
    long = [("k" * count, f"{count} characters") for count in (256, 300, 10_000)]
    for text, found in (("", "''"), (" \n ", "''"), *long):
        problem = await refused(shop.shop_id, by, mutation, {**content, "idempotencyKey": text})
        assert problem == invalid("idempotencyKey", found)
    for nothing in ({**content, "idempotencyKey": None}, {**content, "idempotencyKey": 5}):
        await unreadable(shop.shop_id, by, mutation, nothing)


async def test_the_longest_key_is_kept(world: World) -> None:
    order, longest = await world.order(), "键" * 255
    first = await world.refund(world.customer, order, idempotencyKey=longest)
    again = await world.refund(world.customer, order, idempotencyKey=longest)
    assert first["id"] == again["id"]


async def test_a_key_names_one_operation(world: World) -> None:
    order, same = await world.order(), key()
    first = await world.refund(world.customer, order, idempotencyKey=same, note="one")
    await world.reaches(first, "REFUNDED")
    conflict = {"__typename": "IdempotencyConflict", "code": "IDEMPOTENCY_CONFLICT", "path": []}
    for by, changes in (
        (world.customer, {"note": "two"}),
        (world.agent, {"note": "one"}),
        (world.customer, {"note": "one", "kind": "RETURN_AND_REFUND"}),
    ):
        content = {"orderId": order["id"], "idempotencyKey": same, **changes}
        assert await refused(world.shop.id, by, "refundRequest", content) == conflict
    step = {"refundId": first["id"], "idempotencyKey": same}
    assert await refused(world.shop.id, world.customer, "refundCancel", step) == conflict


# --- steps ------------------------------------------------------------------------------------

IMPOSSIBLE = {
    "refundApprove": "paid",
    "refundReject": "rejected",
    "refundRequestEvidence": "warehouse",
    "refundProvideEvidence": "finance",
    "refundConfirmWarehouse": "review",
    "returnShip": "review",
    "returnReceive": "finance",
    "refundApproveFinance": "stuck",
    "refundDispute": "review",
    "refundCancel": "paid",
}
"""Mutation -> a scene in which it is not possible."""


@pytest.mark.parametrize(("mutation", "scene"), IMPOSSIBLE.items())
async def test_an_impossible_step_says_what_is_possible(
    shop: Populated, mutation: str, scene: str
) -> None:
    content = {**good(mutation, shop), "refundId": shop.refunds[scene]["id"]}
    problem = await refused(shop.shop_id, shop.world.owner, mutation, content)
    status = RefundStatus(shop.refunds[scene]["status"])
    possible = [step.value for step in JOURNEY.allowed(status, Role.OWNER)]
    assert problem == {
        "__typename": "IllegalStep",
        "code": "ILLEGAL_STEP",
        "path": [],
        "currentStatus": shop.refunds[scene]["status"],
        "allowedNext": possible,
    }


@pytest.mark.parametrize("mutation", sorted(IMPOSSIBLE))
@pytest.mark.parametrize("version", [0, -1, 10_000, 2**31 - 1])
async def test_a_stale_screen_is_told_the_version_of_now(
    shop: Populated, mutation: str, version: int
) -> None:
    content = {**good(mutation, shop), "expectedVersion": version}
    refund = await shop.world.owner.refund(content["refundId"])
    problem = await refused(shop.shop_id, shop.world.owner, mutation, content)
    assert problem == {
        "__typename": "StaleVersion",
        "code": "STALE_VERSION",
        "path": [],
        "currentVersion": refund["version"],
    }


@pytest.mark.parametrize(
    ("mutation", "name"),
    [
        ("refundRequest", "kind"),
        ("refundApprove", "kind"),
        ("refundConfirmWarehouse", "verdict"),
        ("refundApproveFinance", "verdict"),
    ],
)
@pytest.mark.parametrize(
    "word", ["", "REFUND", "refund_only", "GOODS_GONE\n", 1, True, ["APPROVE"]]
)
async def test_a_word_that_is_no_choice_is_unreadable(
    shop: Populated, mutation: str, name: str, word: object
) -> None:
    content = {**good(mutation, shop), name: word}
    [message] = await unreadable(shop.shop_id, shop.world.owner, mutation, content)
    assert f".{name}" in message


async def test_an_unknown_field_is_unreadable(shop: Populated) -> None:
    content = {**good("refundApproveFinance", shop), "amount": 1}
    [message] = await unreadable(shop.shop_id, shop.world.owner, "refundApproveFinance", content)
    assert "amount" in message


# --- what arrived -----------------------------------------------------------------------------

FINDINGS: dict[str, tuple[Answer, Answer]] = {
    "fewer than none": ({"receivedQuantity": -1}, invalid("lines.0.receivedQuantity", "-1")),
    "more than sent": ({"receivedQuantity": 3}, invalid("lines.0.receivedQuantity", "3")),
    "far more": (
        {"receivedQuantity": 2**31 - 1},
        invalid("lines.0.receivedQuantity", str(2**31 - 1)),
    ),
    "reduced to nothing said": ({"verdict": "REDUCED"}, invalid("lines.0.amount", "None")),
    "accepted for less": ({"amount": 1}, invalid("lines.0.amount", "1")),
    "refused for something": ({"verdict": "REFUSED", "amount": 0}, invalid("lines.0.amount", "0")),
    "less than nothing": (
        {"verdict": "REDUCED", "amount": -1},
        invalid("lines.0.amount", "-1"),
    ),
    "more than asked for": ({"verdict": "REDUCED", "amount": 24_691}, exceeds(24_690)),
    "far more money": ({"verdict": "REDUCED", "amount": 2**53 - 1}, exceeds(24_690)),
    "no line of ours": ({"refundLineId": "x"}, invalid("lines.0.refundLineId", "x")),
    "a line of nothing": (
        {"refundLineId": ids.encode("RefundLine", new_id())},
        not_found("RefundLine"),
    ),
    "too many words": ({"note": "x" * 4001}, invalid("lines.0.note", "4001 characters")),
}


async def inspect(shop: Populated, *changes: Answer, **more: Any) -> Answer:
    """What the warehouse hears about a parcel of two units, which arrived as they should."""
    refund = shop.refunds["received"]
    found = {"refundLineId": refund["lines"][0]["id"], "verdict": "ACCEPTED", "receivedQuantity": 2}
    content = {"refundId": refund["id"], "lines": [{**found, **change} for change in changes]}
    warehouse = shop.world.warehouse
    return await refused(shop.shop_id, warehouse, "returnInspect", {**content, **more})


@pytest.mark.parametrize(("changes", "problem"), FINDINGS.values(), ids=FINDINGS.keys())
async def test_a_finding_must_fit_its_line(
    shop: Populated, changes: Answer, problem: Answer
) -> None:
    assert await inspect(shop, changes) == problem


async def test_every_line_is_found_once(shop: Populated) -> None:
    assert await inspect(shop) == invalid("lines", "0 findings")
    assert await inspect(shop, {}, {}) == invalid("lines", "2 findings")


async def test_what_was_found_has_a_reason_of_this_shop(shop: Populated) -> None:
    unknown = ids.encode("ReasonTag", new_id())
    assert await inspect(shop, {}, foundReasonTagId=unknown) == not_found("ReasonTag")
