"""What came back, counted out: every unit has its verdict, its price, and a place to go."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.api import key
from support.world import World, eventually, shipped

from refund_gql import clock, ids
from refund_gql.choices import Disposition, Verdict
from refund_gql.flow import findings
from refund_gql.flow.findings import Finding, Outcome
from refund_gql.models import RefundLine, WebhookDelivery, WebhookEndpoint
from refund_gql.money import share

Answer = dict[str, Any]
CUPS = [{"sku": "CUP", "title": "Cup", "quantity": 5, "unitPrice": 1999}]
"""Five cups for 99.95 CNY."""
SEEN = """foundReason { id } rootCause { id }
  decisions { step reason explanation }
  returns { inspections { verdict receivedQuantity amount { amount } outcomes {
    verdict quantity amount { amount } disposition arrivedInstead note reason { id } } } }"""


def step(refund: Answer, **more: Any) -> Answer:
    return {"refundId": refund["id"], "idempotencyKey": key(), **more}


async def at_inspection(world: World, lines: list[Answer]) -> Answer:
    """A return whose parcel the warehouse has in its hands."""
    asked = await world.refund(world.customer, await world.order(lines=lines, shipments=shipped()))
    refund = await world.reaches(asked, "REVIEW")
    await world.agent.mutate("refundApprove", step(refund, kind="RETURN_AND_REFUND"))
    return await world.warehouse.mutate("returnReceive", step(refund))


async def inspect(world: World, refund: Answer, *lines: Answer, **more: Any) -> Answer:
    """What the warehouse hears; each of `lines` is about the refund line of its place."""
    found = [
        {"refundLineId": row["id"], **line}
        for row, line in zip(refund["lines"], lines, strict=True)
    ]
    return await world.warehouse.mutate("returnInspect", step(refund, lines=found, **more))


def unit(verdict: str, quantity: int, **more: Any) -> Answer:
    return {"verdict": verdict, "quantity": quantity, **more}


async def tags(world: World) -> list[str]:
    found = (await world.owner("{ reasonTags { id } }"))["reasonTags"]
    return [tag["id"] for tag in found]


# --- counted out ------------------------------------------------------------------------------


async def test_each_unit_is_found_as_it_is(world: World) -> None:
    """One accepted, one scratched, one refused, one missing, and tea instead of the fifth."""
    refund = await at_inspection(world, CUPS)
    [tag, *_] = await tags(world)
    mixed = [
        unit("MISSING", 1),
        unit("REDUCED", 1, amount=1200, reasonTagId=tag, note="有划痕"),
        unit("WRONG_ITEM", 1, arrivedInstead="Tea"),
        unit("ACCEPTED", 1, disposition="WRITE_OFF"),
        unit("REFUSED", 1, note="not ours"),
    ]
    after = await inspect(world, refund, {"outcomes": mixed, "note": "mixed"})
    assert (after["status"], after["amount"]["amount"]) == ("FINANCE_REVIEW", 1999 + 1200)
    seen = await world.owner.refund(refund["id"], SEEN)
    [inspection] = seen["returns"][0]["inspections"]
    assert (inspection["verdict"], inspection["receivedQuantity"]) == ("REFUSED", 3)
    assert inspection["amount"] == {"amount": 3199}
    told = [
        (one["verdict"], one["amount"]["amount"], one["disposition"], one["arrivedInstead"])
        for one in inspection["outcomes"]
    ]
    assert told == [
        ("ACCEPTED", 1999, "WRITE_OFF", ""),
        ("REDUCED", 1200, "REPAIR", ""),
        ("REFUSED", 0, "BACK_TO_CUSTOMER", ""),
        ("WRONG_ITEM", 0, None, "Tea"),
        ("MISSING", 0, None, ""),
    ]
    assert inspection["outcomes"][1]["reason"] == {"id": tag}
    await world.finance.mutate("refundApproveFinance", step(refund))
    paid = await world.reaches(refund, "REFUNDED")
    assert [payout["amount"]["amount"] for payout in paid["payouts"]] == [3199]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"verdict": "MISSING"}, "an empty parcel, missing 5 · nobody sealed it"),
        ({"verdict": "ACCEPTED", "receivedQuantity": 0}, "an empty parcel, missing 5 · nobody"),
        (
            {"outcomes": [unit("WRONG_ITEM", 4, arrivedInstead="Tea"), unit("REFUSED", 1)]},
            "refused 1, another item in its place 4 · nobody sealed it",
        ),
    ],
    ids=["said", "counted", "something else"],
)
async def test_where_nothing_is_granted_a_person_decides(
    world: World, line: Answer, words: str
) -> None:
    refund = await at_inspection(world, CUPS)
    after = await inspect(world, refund, line, note="nobody sealed it")
    assert (after["status"], after["amount"]["amount"], after["payouts"]) == ("REVIEW", 9995, [])
    seen = await world.owner.refund(refund["id"], SEEN)
    decision = seen["decisions"][-1]
    assert (decision["step"], decision["reason"]) == ("REFUSE_INSPECTION", "nobody sealed it")
    assert decision["explanation"].startswith(words)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({}, "verdict"),
        ({"outcomes": [unit("ACCEPTED", 4)]}, "outcomes"),
        ({"outcomes": [unit("ACCEPTED", 6)]}, "outcomes"),
        ({"outcomes": [unit("ACCEPTED", 0), unit("MISSING", 5)]}, "outcomes.0.quantity"),
        ({"outcomes": [unit("ACCEPTED", 5)], "verdict": "ACCEPTED"}, "verdict"),
        ({"outcomes": [unit("REDUCED", 5)]}, "outcomes.0.amount"),
        ({"outcomes": [unit("WRONG_ITEM", 5)]}, "outcomes.0.arrivedInstead"),
        ({"verdict": "ACCEPTED", "arrivedInstead": "Tea"}, "arrivedInstead"),
        ({"verdict": "MISSING", "disposition": "RESTOCK"}, "disposition"),
        ({"verdict": "MISSING", "receivedQuantity": 1}, "receivedQuantity"),
    ],
)
async def test_a_count_that_cannot_be_changes_nothing(
    world: World, line: Answer, field: str
) -> None:
    refund = await at_inspection(world, CUPS)
    answer = await inspect(world, refund, line)
    assert (answer["code"], answer["path"]) == (
        "INVALID_INPUT",
        ["input", "lines", "0", *field.split(".")],
    )
    after = await world.owner.refund(refund["id"], SEEN)
    assert (after["status"], after["version"]) == ("INSPECTION", refund["version"])
    assert after["returns"] == [{"inspections": []}]


async def test_a_unit_is_reduced_to_at_most_its_share(world: World) -> None:
    refund = await at_inspection(world, CUPS)
    dear = [unit("REDUCED", 1, amount=2000), unit("ACCEPTED", 4)]
    answer = await inspect(world, refund, {"outcomes": dear})
    assert answer["code"] == "EXCEEDS_REFUNDABLE"
    assert answer["maximumRefundable"] == {"amount": 1999, "currency": "CNY"}


COUNTS = st.lists(st.tuples(st.sampled_from(Verdict), st.integers(1, 5)), min_size=1, max_size=6)


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(counts=COUNTS, amount=st.integers(0, 10_000), cut=st.integers(0, 3))
def test_however_units_are_counted_the_shares_add_up(
    counts: list[tuple[Verdict, int]], amount: int, cut: int
) -> None:
    units = sum(quantity for _, quantity in counts)
    line = RefundLine(id=uuid4(), quantity=units, amount=amount, worth=amount)
    outcomes = tuple(
        Outcome(
            verdict=verdict,
            quantity=quantity,
            amount=0 if verdict is Verdict.REDUCED else None,
            arrived="Tea" if verdict is Verdict.WRONG_ITEM else "",
        )
        for verdict, quantity in counts
    )
    found = findings.count([Finding(refund_line_id=line.id, outcomes=outcomes)], [line], "CNY")
    accepted = sum(quantity for verdict, quantity in counts if verdict is Verdict.ACCEPTED)
    assert found.amounts == {line.id: share(amount, accepted, units)}
    assert sum(one.outcome.quantity for one in found.lines[line.id]) == units
    assert found.nothing is not any(verdict.granted for verdict, _ in counts)


# --- where the goods go -----------------------------------------------------------------------


async def delivered(world: World, type: str) -> list[Answer]:
    """The bodies of the shop's webhooks of this type, once there is one."""

    async def look() -> list[Answer] | None:
        rows = await WebhookDelivery.filter(shop_id=world.shop.id, type=type).order_by("id")
        return [row.payload["data"] for row in rows] or None

    return await eventually(look, type)


async def test_the_shops_stock_hears_once_where_goods_go(world: World) -> None:
    await WebhookEndpoint.create(
        shop_id=world.shop.id,
        url="https://stock.example/hook",
        events=["GOODS_DISPOSED"],
        created_at=clock.now(),
    )
    tea = {"sku": "TEA", "title": "Tea", "quantity": 1, "unitPrice": 100}
    refund = await at_inspection(world, [*CUPS, tea])
    cups = {"outcomes": [unit("ACCEPTED", 3), unit("REFUSED", 1), unit("MISSING", 1)]}
    once = key()
    for _ in range(2):
        await inspect(world, refund, cups, {"verdict": "MISSING"}, idempotencyKey=once)
    [told] = await delivered(world, "refund.goods_disposed")
    line = refund["lines"][0]["id"]
    assert told["goods"] == [
        {"line": line, "sku": "CUP", "quantity": 3, "disposition": "RESTOCK"},
        {"line": line, "sku": "CUP", "quantity": 1, "disposition": "BACK_TO_CUSTOMER"},
    ]
    own = [entry["type"] for entry in (await world.customer.refund(refund["id"]))["timeline"]]
    assert "GOODS_DISPOSED" not in own


async def test_an_empty_parcel_goes_nowhere(world: World) -> None:
    after = await inspect(world, await at_inspection(world, CUPS), {"verdict": "MISSING"})
    assert [entry["type"] for entry in after["timeline"]][-1] == "INSPECTION_REFUSED"


def test_every_unit_that_came_goes_somewhere() -> None:
    assert set(findings.DISPOSITIONS) == {verdict for verdict in Verdict if verdict.arrived}
    assert findings.DISPOSITIONS[Verdict.ACCEPTED] is Disposition.RESTOCK


# --- three reasons ----------------------------------------------------------------------------


async def test_what_was_found_and_what_lies_at_its_root(world: World) -> None:
    refund = await at_inspection(world, CUPS)
    found, root, other = (await tags(world))[:3]
    accepted = {"verdict": "ACCEPTED"}
    more = {"foundReasonTagId": found, "rootCauseTagId": root}
    await inspect(world, refund, accepted, **more)
    await world.reaches(refund, "REFUNDED")
    seen = await world.owner.refund(refund["id"], SEEN)
    assert (seen["foundReason"], seen["rootCause"]) == ({"id": found}, {"id": root})
    changed = step(refund, rootCauseTagId=other, expectedVersion=seen["version"])
    after = await world.agent.mutate("refundSetReasons", changed)
    assert (after["version"], after["status"]) == (seen["version"] + 1, seen["status"])
    assert after["timeline"][-1]["type"] == "REASONS_SET"
    seen = await world.owner.refund(refund["id"], SEEN)
    assert (seen["foundReason"], seen["rootCause"]) == ({"id": found}, {"id": other})
    stale = await world.agent.mutate("refundSetReasons", {**changed, "idempotencyKey": key()})
    assert stale["code"] == "STALE_VERSION"
    nothing = await world.agent.mutate("refundSetReasons", step(refund))
    assert (nothing["code"], nothing["path"]) == ("INVALID_INPUT", ["input", "foundReasonTagId"])


async def test_a_reason_of_another_shop_is_none(world: World) -> None:
    refund = await at_inspection(world, CUPS)
    foreign = ids.encode("ReasonTag", UUID(int=1))
    for more in ({"rootCauseTagId": foreign}, {"foundReasonTagId": foreign}):
        answer = await inspect(world, refund, {"verdict": "ACCEPTED"}, **more)
        assert answer["code"] == "NOT_FOUND"
    reduced = {"verdict": "REDUCED", "amount": 1, "reasonTagId": foreign}
    assert (await inspect(world, refund, reduced))["code"] == "NOT_FOUND"
    assert (await world.owner.refund(refund["id"]))["status"] == "INSPECTION"
