"""Where a rule sends a request: to a desk, to the customer for the goods, or to a person after
all, with the reason."""

from datetime import timedelta
from typing import Any

import pytest
from support.api import key
from support.postroom import reachable
from support.rulebook import announced, live, row_id
from support.world import World, shipped

from refund_gql import clock, ids
from refund_gql.choices import RuleMode
from refund_gql.flow import routing
from refund_gql.models import Message, Return, Rule, Shop, Staff
from refund_gql.roles import Role

TO_WAREHOUSE = {"kind": "ROUTE", "desk": "WAREHOUSE"}
TO_FINANCE = {"kind": "ROUTE", "desk": "FINANCE"}
RETURN = {"kind": "APPROVE_RETURN"}


async def alone(world: World, action: dict[str, Any]) -> None:
    """The shop's only rule."""
    await Rule.filter(shop_id=world.shop.id).update(mode=RuleMode.OFF)
    await live(world, "REQUESTED", "true", action)


async def requested(world: World, by: Any = None, **asked: Any) -> dict[str, Any]:
    """A refund that the rules have sent somewhere; `shipments` is the order's."""
    order = await world.order(shipments=asked.pop("shipments", []))
    refund = await world.refund(by or world.customer, order, **asked)
    return await world.reaches(
        refund, "REVIEW", "WAREHOUSE_CHECK", "FINANCE_REVIEW", "AWAITING_RETURN", "REFUNDED"
    )


async def trace(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    """Of the only decision."""
    document = "query R($id: ID!) { refund(id: $id) { decisions { actor trace } } }"
    [made] = (await world.owner(document, id=refund["id"]))["refund"]["decisions"]
    assert made["actor"] == "SYSTEM:-"
    found: dict[str, Any] = made["trace"]
    return found


def step(refund: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"refundId": refund["id"], "idempotencyKey": key(), **more}


# --- desks --------------------------------------------------------------------------------------


async def test_money_alone_over_goods_that_were_sent_goes_to_the_warehouse(world: World) -> None:
    await alone(world, TO_WAREHOUSE)
    refund = await requested(world, shipments=shipped())
    assert (refund["status"], refund["payouts"]) == ("WAREHOUSE_CHECK", [])
    await world.warehouse.mutate("refundConfirmWarehouse", step(refund, verdict="GOODS_GONE"))
    await world.reaches(refund, "REFUNDED")


async def test_what_was_not_sent_goes_to_finance_however_small(world: World) -> None:
    await alone(world, TO_FINANCE)
    refund = await requested(world)
    assert (refund["status"], refund["payouts"]) == ("FINANCE_REVIEW", [])
    assert "hindrance" not in await trace(world, refund)
    await world.finance.mutate("refundApproveFinance", step(refund))
    await world.reaches(refund, "REFUNDED")


async def test_whoever_asked_does_not_release_what_a_rule_sent_to_finance(world: World) -> None:
    """Nobody proposed it, but somebody requested it."""
    await alone(world, TO_FINANCE)
    refund = await requested(world, by=world.owner)
    assert refund["status"] == "FINANCE_REVIEW"
    own = await world.owner.mutate("refundApproveFinance", step(refund))
    assert own["code"] == "NOT_ALLOWED"
    assert (await world.finance.mutate("refundApproveFinance", step(refund)))["status"] in (
        "APPROVED",
        "PAYING",
        "REFUNDED",
    )


@pytest.mark.parametrize(
    ("action", "order", "asked", "hindrance"),
    [
        (TO_WAREHOUSE, [], {}, routing.NOTHING_SENT),
        (TO_WAREHOUSE, "sent", {"kind": "RETURN_AND_REFUND"}, routing.GOODS_COME_BACK),
        (TO_FINANCE, "sent", {}, routing.GOODS_SENT),
        ({"kind": "APPROVE"}, "sent", {}, routing.GOODS_SENT),
        (RETURN, "sent", {}, routing.NO_RETURN_WANTED),
        (RETURN, [], {"kind": "RETURN_AND_REFUND"}, routing.NOTHING_SENT),
    ],
    ids=lambda value: value.get("desk", value.get("kind", "-")) if isinstance(value, dict) else "",
)
async def test_what_does_not_fit_goes_to_a_person_and_says_why(
    world: World, action: dict[str, Any], order: Any, asked: dict[str, Any], hindrance: Any
) -> None:
    await alone(world, action)
    refund = await requested(world, shipments=shipped() if order == "sent" else [], **asked)
    assert (refund["status"], refund["payouts"]) == ("REVIEW", [])
    assert (await trace(world, refund))["hindrance"] == hindrance


async def test_a_request_comes_to_a_colleague_at_the_desk(world: World) -> None:
    colleague = await Staff.get(shop_id=world.shop.id, role=Role.FINANCE)
    await alone(world, {**TO_FINANCE, "staff": str(colleague.id), "priority": "URGENT"})
    refund = await requested(world)
    found = await world.owner.refund(refund["id"], "priority assignee { id }")
    assert (found["status"], found["priority"]) == ("FINANCE_REVIEW", "URGENT")
    assert found["assignee"] == {"id": ids.encode("Staff", colleague.id)}


# --- a return without a reason ------------------------------------------------------------------


async def test_a_return_within_the_window_is_agreed_to_at_once(world: World) -> None:
    await alone(world, RETURN)
    await reachable(world, DEFAULT=["letterbox"])
    refund = await requested(world, shipments=shipped(), kind="RETURN_AND_REFUND")
    assert (refund["status"], refund["payouts"]) == ("AWAITING_RETURN", [])
    [parcel] = await Return.filter(refund_id=row_id(refund))
    assert (parcel.address, parcel.status) == ("1 Return Road", "AWAITED")
    assert (await trace(world, refund))["explanation"] == {
        "zh": "规则“mine”（第 1 版）自动同意退货。",
        "en": "The return was agreed to at once by the rule “mine” (1).",
    }
    await announced(row_id(refund))
    [message] = await Message.filter(refund_id=row_id(refund))
    assert message.event == "RETURN_REQUESTED"
    assert "1 Return Road" in message.text


async def test_no_money_moves_before_the_goods_were_inspected(world: World) -> None:
    await alone(world, RETURN)
    refund = await requested(world, shipments=shipped(), kind="RETURN_AND_REFUND")
    parcel = step(refund, courier="SF", trackingNumber=key())
    await world.customer.mutate("returnShip", parcel)
    refund = await world.warehouse.mutate("returnReceive", step(refund))
    assert (refund["status"], refund["payouts"]) == ("INSPECTION", [])
    [line] = refund["lines"]
    found = [{"refundLineId": line["id"], "verdict": "ACCEPTED", "receivedQuantity": 1}]
    await world.warehouse.mutate("returnInspect", step(refund, lines=found))
    await world.reaches(refund, "REFUNDED")


async def test_a_shop_without_an_address_asks_a_person(world: World) -> None:
    await alone(world, RETURN)
    await Shop.filter(id=world.shop.id).update(return_address="")
    refund = await requested(world, shipments=shipped(), kind="RETURN_AND_REFUND")
    assert refund["status"] == "REVIEW"
    assert (await trace(world, refund))["hindrance"] == routing.NO_ADDRESS


async def test_after_the_window_a_person_decides(world: World) -> None:
    """Staff may ask for a customer who is late."""
    await alone(world, RETURN)
    long_ago = clock.now() - timedelta(days=60)
    [parcel] = shipped()
    sent = [{**parcel, "shippedAt": long_ago.isoformat(), "deliveredAt": long_ago.isoformat()}]
    refund = await requested(world, by=world.agent, shipments=sent, kind="RETURN_AND_REFUND")
    assert refund["status"] == "REVIEW"
    assert (await trace(world, refund))["hindrance"] == routing.WINDOW_OVER
    assert not await Return.filter(refund_id=row_id(refund)).exists()
