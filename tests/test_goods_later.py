"""Goods that follow their money: sent, scanned, received, inspected, claimed; never paid twice."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from support.api import Api, key
from support.postroom import Postroom, announce_all, by_hand, reachable
from support.trust import (
    exposure,
    finding,
    paid,
    paid_first,
    row_id,
    seen,
    sent_back,
    standing,
    step,
    trusting,
    types,
)
from support.world import World, eventually, make_world, shipped

from refund_gql import clock, ids
from refund_gql.events import GENESIS, chain_hash
from refund_gql.flow import overdue, reconciliation, tracking
from refund_gql.models import Event, Exposure, GoodsClaim, Refund
from refund_gql.providers import Checkpoint, Tracking, TrackingTag

PARCEL = {"courier": "SF", "trackingNumber": "SF-BACK-1"}


@pytest.fixture
async def first(world: World) -> dict[str, Any]:
    """A refund of 399.00 CNY that is paid, and whose shoes are still away."""
    await trusting(world)
    return await paid_first(world)


async def scanned(
    world: World,
    number: str = PARCEL["trackingNumber"],
    tag: TrackingTag = TrackingTag.IN_TRANSIT,
    at: datetime | None = None,
) -> None:
    line = Checkpoint(at=at or clock.now(), tag=tag, code="10")
    news = tracking.understood(Tracking(tracking_number=number, checkpoints=(line,)))
    await tracking.record(world.shop.id, "sandbox-courier", news)


async def came_back(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    """The parcel is with the warehouse."""
    return await step(world.warehouse, "returnReceive", refund)


async def inspected(
    world: World, refund: dict[str, Any], verdict: str, received: int = 1, **more: Any
) -> dict[str, Any]:
    await came_back(world, refund)
    lines = finding(refund, verdict, received, **more)
    return await step(world.warehouse, "returnInspect", refund, lines=lines)


async def money_stands_still(world: World, refund: dict[str, Any]) -> None:
    """Paid once, and still the whole amount; the history has no gap and its chain holds."""
    found = await seen(world, refund)
    assert (found["status"], found["amount"]["amount"]) == ("REFUNDED", 39900)
    assert [p["status"] for p in found["payouts"]] == ["SUCCEEDED"]
    assert paid(found) == [39900]
    head = GENESIS
    events = await Event.filter(refund_id=row_id(refund)).order_by("version")
    for version, event in enumerate(events, 1):
        assert event.version == version
        head = chain_hash(
            head,
            refund_id=str(row_id(refund)),
            version=version,
            type=event.type,
            at=event.at,
            actor=event.actor,
            payload=event.payload,
        )
    row = await Refund.get(id=row_id(refund))
    assert (row.version, row.head) == (len(events), head)


# --- the way back -----------------------------------------------------------------------------


async def test_the_goods_go_their_way_and_the_money_stays(
    world: World, first: dict[str, Any]
) -> None:
    sent = await step(world.customer, "returnShip", first, **PARCEL)
    assert (sent["status"], sent["version"]) == ("REFUNDED", first["version"] + 1)
    assert (await seen(world, first))["returns"][0]["status"] == "SHIPPED"
    await came_back(world, first)
    lines = finding(first, "ACCEPTED", 1)
    after = await step(world.warehouse, "returnInspect", first, lines=lines, note="完好")
    assert types(after)[-3:] == ["RETURN_RECEIVED", "INSPECTION_PASSED", "GOODS_DISPOSED"]
    found = await seen(world, first)
    assert found["returns"][0]["status"] == "INSPECTED"
    assert (found["exposure"]["release"], found["claims"]) == ("RECEIVED", [])
    assert (await standing(world))["open"] == {"amount": 0}
    await money_stands_still(world, first)


async def test_each_may_do_what_fits_where_the_goods_are(
    world: World, first: dict[str, Any]
) -> None:
    async def next_steps(by: Api) -> list[str]:
        steps = (await by.refund(first["id"], "nextSteps { step }"))["nextSteps"]
        return [one["step"] for one in steps if one["step"]]

    assert await next_steps(world.customer) == ["SHIP_RETURN"]
    assert await next_steps(world.warehouse) == ["RECEIVE_RETURN"]
    assert await next_steps(world.finance) == []
    early = await step(world.warehouse, "returnInspect", first, lines=finding(first, "ACCEPTED", 1))
    assert (early["code"], early["allowedNext"]) == ("ILLEGAL_STEP", ["RECEIVE_RETURN"])
    assert early["message"].endswith("Where it stands: Waiting for the goods")
    await came_back(world, first)
    assert await next_steps(world.warehouse) == ["PASS_INSPECTION", "REFUSE_INSPECTION"]
    late = await step(world.customer, "returnShip", first, **PARCEL)
    assert (late["code"], late["allowedNext"]) == ("ILLEGAL_STEP", [])
    assert late["message"] == "当前状态为“已收货，待验货”，不能执行“寄回商品”"
    await money_stands_still(world, first)


async def test_goods_of_an_ordinary_refund_are_not_followed_after_it(world: World) -> None:
    refund = await world.reaches(
        await world.refund(world.customer, await world.order()), "REFUNDED"
    )
    answer = await step(world.warehouse, "returnReceive", refund)
    assert (answer["code"], answer["allowedNext"]) == ("ILLEGAL_STEP", [])
    answer = await step(world.agent, "claimOpen", refund, amount=1)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "refundId"])


async def test_goods_may_move_before_the_money_has(world: World) -> None:
    await trusting(world)
    stuck = await paid_first_but_stuck(world)
    await inspected(world, stuck, "ACCEPTED")
    found = await seen(world, stuck)
    assert (found["status"], found["returns"][0]["status"]) == ("PAYMENT_STUCK", "INSPECTED")
    assert (found["claims"], paid(found)) == ([], [])


async def paid_first_but_stuck(world: World) -> dict[str, Any]:
    asked = await sent_back(world, metadata={"sandbox": "REFUSE*"})
    return await world.reaches(asked, "PAYMENT_STUCK")


# --- the first scan ---------------------------------------------------------------------------


async def test_the_first_scan_releases_the_exposure_once(
    world: World, first: dict[str, Any]
) -> None:
    await step(world.customer, "returnShip", first, **PARCEL)
    await scanned(world, tag=TrackingTag.INFO_RECEIVED)
    assert (await exposure(first)).released_at is None
    await asyncio.gather(*(scanned(world) for _ in range(5)))
    found = await seen(world, first)
    assert found["exposure"]["release"] == "SCANNED"
    assert types(found).count("RETURN_SCANNED") == 1
    await came_back(world, first)
    assert (await seen(world, first))["exposure"]["release"] == "SCANNED"
    await money_stands_still(world, first)


async def test_a_scan_that_came_before_the_number_counts(
    world: World, first: dict[str, Any]
) -> None:
    await scanned(world)
    assert (await exposure(first)).released_at is None
    after = await step(world.customer, "returnShip", first, **PARCEL)
    assert types(after)[-2:] == ["RETURN_SHIPPED", "RETURN_SCANNED"]
    assert (await seen(world, first))["exposure"]["release"] == "SCANNED"


async def test_the_number_of_another_parcel_releases_nothing(
    world: World, first: dict[str, Any]
) -> None:
    """Neither one that was scanned before, nor the shop's own, nor somebody else's return."""
    own = shipped()
    await world.order(shipments=own)
    other = await paid_first(world)
    await step(world.customer, "returnShip", other, **PARCEL)
    await scanned(world, number="OLD", at=clock.now() - timedelta(days=1))
    await scanned(world, number=own[0]["trackingNumber"])
    for number in ("OLD", own[0]["trackingNumber"], PARCEL["trackingNumber"]):
        refund = await paid_first(world) if number != "OLD" else first
        await step(world.customer, "returnShip", refund, courier="SF", trackingNumber=number)
        await scanned(world, number="OTHER")
        if number == PARCEL["trackingNumber"]:
            await scanned(world, number)
        assert (await exposure(refund)).released_at is None, number
        await Exposure.filter(refund_id=row_id(refund)).update(
            released_at=clock.now(), release="RECEIVED"
        )


# --- what the inspection finds ----------------------------------------------------------------


async def claims(world: World, **arguments: Any) -> list[dict[str, Any]]:
    document = """query C($status: [ClaimStatus!]) { claims(status: $status) {
        edges { node { id amount { amount currency } cause status refund { number } } } } }"""
    found = await world.agent(document, **arguments)
    return [edge["node"] for edge in found["claims"]["edges"]]


@pytest.mark.parametrize(
    ("verdict", "received", "more", "owed"),
    [
        ("ACCEPTED", 1, {}, 0),
        ("REDUCED", 1, {"amount": 30_000}, 9_900),
        ("ACCEPTED", 0, {}, 39_900),
        ("REFUSED", 1, {}, 39_900),
    ],
    ids=["fine", "flawed", "empty box", "refused"],
)
async def test_what_the_goods_lack_becomes_a_claim_and_no_money_moves(
    world: World,
    first: dict[str, Any],
    verdict: str,
    received: int,
    more: dict[str, Any],
    owed: int,
) -> None:
    await inspected(world, first, verdict, received, **more)
    found = await claims(world)
    assert [(c["amount"]["amount"], c["cause"], c["status"]) for c in found] == (
        [(owed, "INSPECTION", "OPEN")] if owed else []
    )
    assert (await standing(world))["claimed"] == {"amount": owed}
    await money_stands_still(world, first)


async def test_shipping_is_owed_only_when_nothing_is_accepted(world: World) -> None:
    await trusting(world)
    tags = (await world.agent("{ reasonTags { id sellerAtFault } }"))["reasonTags"]
    fault = next(tag["id"] for tag in tags if tag["sellerAtFault"])
    for verdict, amount, owed in (("REDUCED", 0, 39_900), ("REFUSED", None, 40_500)):
        order = await world.order(
            lines=[{"sku": "S", "title": "S", "quantity": 1, "unitPrice": 39_900}],
            shippingAmount=600,
            shipments=shipped(),
        )
        asked = await world.refund(
            world.customer, order, kind="RETURN_AND_REFUND", reasonTagId=fault
        )
        refund = await world.reaches(asked, "REFUNDED")
        assert paid(refund) == [40_500]
        given = {} if amount is None else {"amount": amount}
        after = await inspected(world, refund, verdict, **given)
        assert after["__typename"] == "Refund"
        [claim] = await GoodsClaim.filter(refund_id=row_id(refund))
        assert claim.amount == owed


async def test_more_than_was_paid_for_a_line_is_refused(
    world: World, first: dict[str, Any]
) -> None:
    await came_back(world, first)
    lines = finding(first, "REDUCED", 1, amount=39_901)
    answer = await step(world.warehouse, "returnInspect", first, lines=lines)
    assert (answer["code"], answer["maximumRefundable"]["amount"]) == (
        "EXCEEDS_REFUNDABLE",
        39_900,
    )
    assert (await seen(world, first))["returns"][0]["status"] == "RECEIVED"


# --- people close claims ----------------------------------------------------------------------


async def close(by: Api, name: str, claim_id: str, **more: Any) -> dict[str, Any]:
    document = f"""mutation M($input: ClaimCloseInput!) {{ made: {name}(input: $input) {{
        __typename ... on Problem {{ code path message }}
        ... on Claim {{ id status note closedByName closedAt }} }} }}"""
    asked = {"claimId": claim_id, "idempotencyKey": key(), **more}
    made: dict[str, Any] = (await by(document, input=asked))["made"]
    return made


@pytest.mark.parametrize(
    ("name", "role", "end", "event"),
    [
        ("claimSettle", "agent", "SETTLED", "CLAIM_SETTLED"),
        ("claimWriteOff", "finance", "WRITTEN_OFF", "CLAIM_WRITTEN_OFF"),
    ],
)
async def test_a_claim_is_closed_once_by_a_person(
    world: World, first: dict[str, Any], name: str, role: str, end: str, event: str
) -> None:
    await inspected(world, first, "REDUCED", amount=30_000)
    [claim] = await claims(world, status=["OPEN"])
    by, again = getattr(world, role), key()
    made = await close(by, name, claim["id"], note="客户已补差价", idempotencyKey=again)
    assert made.pop("closedAt") is not None
    assert made == {
        "__typename": "Claim",
        "id": claim["id"],
        "status": end,
        "note": "客户已补差价",
        "closedByName": role.title(),
    }
    replay = await close(by, name, claim["id"], note="客户已补差价", idempotencyKey=again)
    assert replay["status"] == end
    other = await close(world.owner, "claimWriteOff", claim["id"])
    assert (other["code"], other["path"]) == ("INVALID_INPUT", ["input", "claimId"])
    assert await claims(world, status=["OPEN"]) == []
    assert types(await seen(world, first)).count(event) == 1
    assert (await standing(world))["claimed"] == {"amount": 0}
    await money_stands_still(world, first)


async def test_five_at_once_close_a_claim_once(world: World, first: dict[str, Any]) -> None:
    await inspected(world, first, "REFUSED")
    [claim] = await claims(world)
    names = ["claimSettle", "claimWriteOff"] * 3
    answers = await asyncio.gather(*(close(world.owner, name, claim["id"]) for name in names))
    assert sorted(a["__typename"] for a in answers) == ["Claim"] + ["InvalidInput"] * 5
    closing = {"CLAIM_SETTLED", "CLAIM_WRITTEN_OFF"}
    assert sum(type_ in closing for type_ in types(await seen(world, first))) == 1


async def test_another_shops_claim_is_not_found(world: World, first: dict[str, Any]) -> None:
    await inspected(world, first, "REFUSED")
    [claim] = await claims(world)
    other = await make_world(world.api, world.settings)
    answer = await close(other.owner, "claimSettle", claim["id"])
    assert (answer["__typename"], answer["message"]) == (
        "NotFound",
        "There is no such claim, or it is not yours to see",
    )
    assert len(await claims(world, status=["OPEN"])) == 1


async def test_a_lost_parcel_is_claimed_by_a_person_and_never_beyond_what_was_paid(
    world: World, first: dict[str, Any]
) -> None:
    await step(world.customer, "returnShip", first, **PARCEL)
    await scanned(world)
    too_much = await step(world.agent, "claimOpen", first, amount=39_901)
    assert too_much["code"] == "EXCEEDS_REFUNDABLE"
    await step(world.agent, "claimOpen", first, amount=20_000, note="快递丢失")
    twice = await step(world.agent, "claimOpen", first, amount=1)
    assert twice["code"] == "INVALID_INPUT"
    [claim] = await claims(world)
    await close(world.finance, "claimWriteOff", claim["id"])
    rest = await step(world.agent, "claimOpen", first, amount=19_901)
    assert rest["maximumRefundable"]["amount"] == 19_900
    await money_stands_still(world, first)


# --- nothing comes ----------------------------------------------------------------------------


@pytest.fixture
async def sql(database_url: str) -> Any:
    """Raw SQL, by hand."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


QUEUED = """select count(*) from pgqueuer where entrypoint = 'overdue'
 and convert_from(payload, 'UTF8') = $1"""
FORGET = "delete from pgqueuer where entrypoint = 'overdue' and convert_from(payload, 'UTF8') = $1"


async def pass_days(refund: dict[str, Any], days: int) -> Exposure:
    """As if the money had gone out so many days earlier."""
    row, back = await exposure(refund), timedelta(days=days)
    await Exposure.filter(id=row.id).update(
        opened_at=row.opened_at - back, due_at=row.due_at - back, final_at=row.final_at - back
    )
    return await exposure(refund)


async def test_goods_that_never_come_are_reminded_of_and_then_claimed_once_each(
    world: World, first: dict[str, Any]
) -> None:
    row = await exposure(first)
    await overdue.look(row.id)
    assert types(await seen(world, first))[-1] == "REFUNDED"
    row = await pass_days(first, 8)
    await asyncio.gather(*(overdue.look(row.id) for _ in range(5)))
    found = await seen(world, first)
    assert types(found)[-1] == "RETURN_REMINDED"
    assert types(found).count("RETURN_REMINDED") == 1
    assert (found["claims"], found["exposure"]["release"]) == ([], None)
    row = await pass_days(first, 8)
    await asyncio.gather(*(overdue.look(row.id) for _ in range(5)))
    found = await seen(world, first)
    assert types(found)[-2:] == ["RETURN_REMINDED", "CLAIM_OPENED"]
    assert found["exposure"]["release"] == "CLAIMED"
    [claim] = found["claims"]
    assert (claim["amount"]["amount"], claim["cause"], claim["status"]) == (
        39_900,
        "OVERDUE",
        "OPEN",
    )
    await money_stands_still(world, first)


async def test_the_reminder_says_until_when_and_where_to(
    world: World, first: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    await reachable(world, DEFAULT=["letterbox"])
    row = await pass_days(first, 8)
    async with by_hand(monkeypatch):
        await overdue.look(row.id)
        messages = await announce_all(Postroom(), row_id(first))
    [told] = [message for message in messages if message.event == "RETURN_REMINDER"]
    final = (await exposure(first)).final_at
    # Until the end of the day before midnight in Shanghai, which is 16:00 in UTC of that day.
    by = f"{final.year}年{final.month}月{final.day}日"
    assert told.text.startswith(
        f"您的退款 ¥399.00（{first['number']}）已先行退回，我们尚未查到您寄回的商品。\n"
        f"请在{by}前（含当日）寄出，并填写快递公司和运单号。\n寄回地址：1 Return Road\n"
    )


async def test_who_has_entered_a_number_is_not_reminded(
    world: World, first: dict[str, Any]
) -> None:
    await step(world.customer, "returnShip", first, **PARCEL)
    row = await pass_days(first, 8)
    await overdue.look(row.id)
    assert types(await seen(world, first))[-1] == "RETURN_SHIPPED"
    await pass_days(first, 8)
    await overdue.look(row.id)
    assert types(await seen(world, first))[-1] == "CLAIM_OPENED"


async def test_nobody_is_reminded_of_goods_that_were_not_paid_for(world: World) -> None:
    await trusting(world)
    stuck = await paid_first_but_stuck(world)
    row = await pass_days(stuck, 30)
    await overdue.look(row.id)
    found = await seen(world, stuck)
    assert (types(found)[-1], found["claims"]) == ("PAYMENT_STUCK", [])
    assert (await exposure(stuck)).reminded_at is None


async def test_goods_that_are_there_in_time_are_neither(
    world: World, first: dict[str, Any]
) -> None:
    await came_back(world, first)
    row = await pass_days(first, 30)
    await overdue.look(row.id)
    found = await seen(world, first)
    assert (types(found)[-1], found["claims"]) == ("RETURN_RECEIVED", [])


async def test_a_lost_alarm_is_found_and_rings_once(
    world: World, first: dict[str, Any], sql: asyncpg.Connection
) -> None:
    """The queue forgets everything; the sweep gives the alarm back, and a worker does the rest."""
    row = await pass_days(first, 8)
    assert await sql.fetchval(QUEUED, str(row.id)) == 1
    await sql.execute(FORGET, str(row.id))
    await asyncio.gather(reconciliation.reconcile(), reconciliation.reconcile())

    async def reminded() -> bool | None:
        return (await exposure(first)).reminded_at is not None or None

    await eventually(reminded, "the reminder")
    assert types(await seen(world, first)).count("RETURN_REMINDED") == 1

    async def waits_for_the_next() -> bool | None:
        return await sql.fetchval(QUEUED, str(row.id)) == 1 or None

    await eventually(waits_for_the_next, "the alarm for the claim")
    await reconciliation.reconcile()
    assert await sql.fetchval(QUEUED, str(row.id)) == 1


async def test_goods_that_come_after_the_claim_settle_it(
    world: World, first: dict[str, Any]
) -> None:
    await _claimed(first)
    after = await inspected(world, first, "ACCEPTED")
    assert types(after)[-3:] == ["INSPECTION_PASSED", "GOODS_DISPOSED", "CLAIM_SETTLED"]
    [claim] = (await seen(world, first))["claims"]
    assert (claim["status"], claim["closedByName"]) == ("SETTLED", "Warehouse")
    await money_stands_still(world, first)


async def test_a_claim_shrinks_to_what_the_goods_lack(world: World, first: dict[str, Any]) -> None:
    await _claimed(first)
    after = await inspected(world, first, "REDUCED", amount=30_000)
    assert types(after)[-3:] == ["INSPECTION_PASSED", "GOODS_DISPOSED", "CLAIM_CHANGED"]
    [claim] = (await seen(world, first))["claims"]
    assert (claim["status"], claim["amount"]["amount"]) == ("OPEN", 9_900)


async def test_what_was_written_off_is_not_claimed_again(
    world: World, first: dict[str, Any]
) -> None:
    await _claimed(first)
    [claim] = await claims(world)
    await close(world.finance, "claimWriteOff", claim["id"])
    await inspected(world, first, "REDUCED", amount=30_000)
    assert [c["status"] for c in await claims(world)] == ["WRITTEN_OFF"]


async def _claimed(refund: dict[str, Any]) -> None:
    for days in (8, 8):
        row = await pass_days(refund, days)
        await overdue.look(row.id)


# --- lists ------------------------------------------------------------------------------------


async def test_exposures_are_listed_by_whether_they_count(
    world: World, first: dict[str, Any]
) -> None:
    other = await paid_first(world)
    await came_back(world, other)
    document = """query E($open: Boolean) { exposures(open: $open) {
        totalCount edges { node { amount { amount } refund { number } } } } }"""

    async def listed(open: bool | None) -> list[str]:
        found = (await world.agent(document, open=open))["exposures"]
        assert found["totalCount"] == len(found["edges"])
        return [edge["node"]["refund"]["number"] for edge in found["edges"]]

    assert await listed(True) == [first["number"]]
    assert await listed(False) == [other["number"]]
    assert await listed(None) == [other["number"], first["number"]]


async def test_a_customer_sees_until_when_and_not_how_far_they_are_trusted(
    world: World, first: dict[str, Any]
) -> None:
    seen = await world.customer.refund(first["id"], "exposure { amount { amount } dueAt }")
    assert seen["exposure"]["amount"] == {"amount": 39_900}
    for more in ("exposure { tier }", "exposure { limit { amount } }", "claims { id }"):
        document = f"query R($id: ID!) {{ refund(id: $id) {{ {more} }} }}"
        [error] = await world.customer.errors(document, id=first["id"])
        assert error["extensions"]["code"] == "FORBIDDEN"
    node = ids.encode("Exposure", (await exposure(first)).id)
    found = await world.customer("query N($id: ID!) { node(id: $id) { id } }", id=node)
    assert found["node"] == {"id": node}
