"""What may be refunded now: the figures prove themselves, whatever was claimed, paid, disputed."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.api import key
from support.world import World, shipped

from refund_gql.flow import quote
from refund_gql.models import Capture, Order, OrderLine
from refund_gql.money import share

EXACT = settings(derandomize=True, database=None, deadline=None, max_examples=300)

# --- the figures, pure ------------------------------------------------------------------------


@st.composite
def lines(draw: st.DrawFn) -> OrderLine:
    """An order line of which some units were claimed, a few at a time."""
    quantity = draw(st.integers(1, 20))
    amount = draw(st.integers(0, 100_000))
    left_units, left_amount = quantity, amount
    for asked in draw(st.lists(st.integers(1, 5), max_size=4)):
        units = min(asked, left_units)
        if units:
            left_amount -= share(left_amount, units, left_units)
            left_units -= units
    return OrderLine(
        id=UUID(int=draw(st.integers(1, 2**100))),
        quantity=quantity,
        amount=amount,
        discount=0,
        claimed_quantity=quantity - left_units,
        claimed_amount=amount - left_amount,
    )


@st.composite
def captures(draw: st.DrawFn) -> Capture:
    amount = draw(st.integers(1, 200_000))
    reserved = draw(st.integers(0, amount))
    return Capture(
        amount=amount, reserved=reserved, disputed=draw(st.integers(0, amount - reserved))
    )


@st.composite
def quotes(draw: st.DrawFn) -> quote.Quote:
    shipping = draw(st.integers(0, 5000))
    order = Order(
        currency="CNY",
        shipping_amount=shipping,
        shipping_claimed=draw(st.sampled_from([0, shipping])),
    )
    return quote.of(
        order,
        draw(st.lists(lines(), min_size=1, max_size=5)),
        draw(st.lists(captures(), max_size=3)),
    )


@EXACT
@given(quotes())
def test_what_is_claimed_and_what_is_left_add_up_to_the_order(quoted: quote.Quote) -> None:
    assert quoted.claimed + quoted.goods_refundable + quoted.shipping_refundable == quoted.total
    assert quoted.total == sum(line.amount for line in quoted.lines) + quoted.shipping_amount
    for line in quoted.lines:
        assert line.claimed_amount + line.refundable_amount == line.amount


@EXACT
@given(quotes())
def test_the_maximum_stays_within_the_order_and_within_the_money(quoted: quote.Quote) -> None:
    assert 0 <= quoted.maximum <= quoted.goods_refundable + quoted.shipping_refundable
    if quoted.maximum:
        assert quoted.maximum + quoted.claimed + quoted.disputed <= quoted.captured
        assert quoted.maximum + quoted.reserved + quoted.disputed <= quoted.captured


@EXACT
@given(quotes())
def test_all_the_units_that_are_left_take_the_exact_rest(quoted: quote.Quote) -> None:
    for line in quoted.lines:
        if line.refundable_quantity:
            assert line.worth(line.refundable_quantity) == line.refundable_amount
            assert 0 <= line.worth(1) <= line.refundable_amount


def test_claims_without_a_payout_and_payouts_without_a_claim_both_count_as_spent() -> None:
    """A refund in review has claimed and reserves nothing yet; imported history may be the
    other way round. Whichever is more is gone."""
    line = OrderLine(
        id=UUID(int=1), quantity=4, amount=400, discount=0, claimed_quantity=1, claimed_amount=100
    )
    order = Order(currency="CNY", shipping_amount=0, shipping_claimed=0)
    for reserved, maximum in ((0, 300), (100, 300), (250, 150), (400, 0)):
        paid = Capture(amount=400, reserved=reserved, disputed=0)
        assert quote.of(order, [line], [paid]).maximum == maximum


# --- the figures, as callers see them ---------------------------------------------------------

QUOTE = """query Q($id: ID!) { refundQuote(orderId: $id) {
  lines { orderLineId quantity refundableQuantity amount { amount } discount { amount }
          claimedAmount { amount } refundableAmount { amount } }
  total { amount } captured { amount } claimed { amount } disputed { amount }
  goodsRefundable { amount } shippingRefundable { amount }
  maximumRefundable { amount currency } } }"""


async def quoted(world: World, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await world.agent(QUOTE, id=order["id"]))["refundQuote"]
    return found


def figures(found: dict[str, Any]) -> tuple[int, ...]:
    """Total, claimed, goods left, shipping left, and the most that can be had."""
    names = ("total", "claimed", "goodsRefundable", "shippingRefundable", "maximumRefundable")
    return tuple(found[name]["amount"] for name in names)


CUPS = [{"sku": "CUP", "title": "杯子", "quantity": 3, "unitPrice": 3000, "discount": 1000}]


async def test_a_discount_goes_back_unit_by_unit_and_ends_at_exactly_what_was_paid(
    world: World,
) -> None:
    """Three cups at 30.00, 10.00 off: 80.00 paid, and no third of it is a whole cent."""
    order = await world.order(lines=CUPS, shipments=shipped())
    one = [{"orderLineId": order["lines"][0]["id"], "quantity": 1}]
    worths = []
    for _ in range(3):
        asked = await world.refund(world.customer, order, lines=one)
        worths.append(asked["amount"]["amount"])
    assert worths == [2666, 2667, 2667]
    assert figures(await quoted(world, order)) == (8000, 8000, 0, 0, 0)


async def test_an_orders_discount_is_spread_over_its_lines(world: World) -> None:
    lines = [
        {"sku": "A", "title": "甲", "quantity": 1, "unitPrice": 6667},
        {"sku": "B", "title": "乙", "quantity": 1, "unitPrice": 3333},
    ]
    order = await world.order(lines=lines, discount=1001)
    found = await quoted(world, order)
    assert [line["discount"]["amount"] for line in found["lines"]] == [667, 334]
    assert [line["refundableAmount"]["amount"] for line in found["lines"]] == [6000, 2999]
    assert figures(found) == (8999, 0, 8999, 0, 8999)


async def test_a_request_in_review_is_counted_before_any_money_moves(world: World) -> None:
    order = await world.order(lines=CUPS, shipments=shipped(), shippingAmount=500)
    assert figures(await quoted(world, order)) == (8500, 0, 8000, 500, 8500)
    one = [{"orderLineId": order["lines"][0]["id"], "quantity": 1}]
    asked = await world.refund(world.customer, order, lines=one)
    assert figures(await quoted(world, order)) == (8500, 2666, 5334, 500, 5834)
    refund = await world.reaches(asked, "REVIEW")
    await world.agent.mutate(
        "refundReject", {"refundId": refund["id"], "idempotencyKey": key(), "reason": "否"}
    )
    assert figures(await quoted(world, order)) == (8500, 0, 8000, 500, 8500)


async def test_a_chargeback_leaves_less(world: World) -> None:
    capture = {"gateway": "sandbox", "reference": key(), "amount": 8000, "disputed": 7000}
    order = await world.order(lines=CUPS, captures=[capture])
    found = await quoted(world, order)
    assert figures(found) == (8000, 0, 8000, 0, 1000)
    assert (found["captured"]["amount"], found["disputed"]["amount"]) == (8000, 7000)


async def test_what_was_not_paid_is_not_refunded(world: World) -> None:
    """A deposit of 50.00 on an order of 80.00."""
    deposit = {"gateway": "sandbox", "reference": key(), "amount": 5000}
    order = await world.order(lines=CUPS, captures=[deposit])
    assert figures(await quoted(world, order)) == (8000, 0, 8000, 0, 5000)
    answer = await world.refund(world.customer, order)
    assert answer["code"] == "EXCEEDS_REFUNDABLE"
    assert answer["maximumRefundable"] == {"amount": 5000, "currency": "CNY"}


async def test_the_balance_that_was_seen_must_be_the_balance_that_is(world: World) -> None:
    order = await world.order(lines=CUPS, shipments=shipped())
    seen = (await quoted(world, order))["maximumRefundable"]
    one = [{"orderLineId": order["lines"][0]["id"], "quantity": 1}]
    first = await world.refund(world.customer, order, lines=one, expectedRefundable=seen)
    assert first["__typename"] == "Refund"
    second = await world.refund(world.customer, order, lines=one, expectedRefundable=seen)
    assert second["code"] == "STALE_BALANCE"
    assert second["maximumRefundable"] == {"amount": 8000 - 2666, "currency": "CNY"}


@pytest.mark.parametrize("by", ["customer", "agent"])
async def test_the_quote_of_somebody_elses_order_is_nobodys_business(world: World, by: str) -> None:
    foreign = await world.order(customerReference="C-2")
    found = await getattr(world, by)(
        "query Q($id: ID!) { refundQuote(orderId: $id) { total { amount } } }", id=foreign["id"]
    )
    expected = None if by == "customer" else {"total": {"amount": 8900}}
    assert found["refundQuote"] == expected
