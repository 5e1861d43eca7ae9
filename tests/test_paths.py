"""Every path of the journey's table is walked through the API; every other step is refused with
words."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from support.api import Api, key
from support.bargain import COUPON, RETURN, over, partial
from support.deadlines import expires, policy
from support.rulebook import live
from support.standing import row_id, stands
from support.trust import allow, is_of, rule
from support.world import World, eventually, shipped

from refund_gql import ids, labels
from refund_gql.flow import classification, negotiation
from refund_gql.flow.risk import Risks
from refund_gql.models import Refund, Rule, Shop
from refund_gql.roles import Role
from refund_gql.states import INITIAL, JOURNEY, TRANSITIONS, RefundStatus, Step

Answer = dict[str, Any]
Path = tuple[Step, ...]
BY_RULE: dict[Step, Answer] = {
    Step.ROUTE_TO_WAREHOUSE: {"kind": "ROUTE", "desk": "WAREHOUSE"},
    Step.ROUTE_TO_FINANCE: {"kind": "ROUTE", "desk": "FINANCE"},
    Step.APPROVE_RETURN_INSTANTLY: {"kind": "APPROVE_RETURN"},
    Step.PROPOSE_OFFERS_INSTANTLY: {"kind": "PROPOSE_OFFERS", "offers": [RETURN]},
}
"""Engine's step -> what a rule of the shop does to cause it."""
UNSENT = {Step.APPROVE_INSTANTLY, Step.APPROVE_UNSENT, Step.ROUTE_TO_FINANCE}
"""Steps of goods that were never sent."""
_DEAR = {"sku": "SHOES", "title": "跑鞋", "quantity": 1, "unitPrice": 39_900}
"""Above the threshold: finance has to look."""
_AROUND = "order { refunds { id } } offers { id kind }"


def found(refund: Answer, verdict: str, **more: Any) -> Answer:
    return {"lines": [{"refundLineId": refund["lines"][0]["id"], "verdict": verdict, **more}]}


def offer(refund: Answer, kind: str) -> Answer:
    [chosen] = [one["id"] for one in refund["offers"] if one["kind"] == kind]
    return {"offerId": chosen}


def both(refund: Answer) -> Answer:
    """It, and the other request on its order."""
    [other] = [one["id"] for one in refund["order"]["refunds"] if one["id"] != refund["id"]]
    return {"fromId": refund["id"], "intoId": other}


BY_PEOPLE: dict[Step, tuple[Role, str, Callable[[Answer], Answer]]] = {
    Step.REQUEST_EVIDENCE: (Role.AGENT, "refundRequestEvidence", lambda _: {"question": "?"}),
    Step.PROVIDE_EVIDENCE: (Role.CUSTOMER, "refundProvideEvidence", lambda _: {"answer": "!"}),
    Step.APPROVE_REFUND_ONLY: (Role.AGENT, "refundApprove", lambda _: {"kind": "REFUND_ONLY"}),
    Step.APPROVE_UNSENT: (Role.AGENT, "refundApprove", lambda _: {"kind": "REFUND_ONLY"}),
    Step.APPROVE_RETURN: (Role.AGENT, "refundApprove", lambda _: {"kind": "RETURN_AND_REFUND"}),
    Step.APPROVE_FIRST: (Role.AGENT, "refundApproveFirst", lambda _: {}),
    Step.REJECT: (Role.AGENT, "refundReject", lambda _: {"reason": "no"}),
    Step.CONFIRM_GOODS_GONE: (
        Role.WAREHOUSE,
        "refundConfirmWarehouse",
        lambda _: {"verdict": "GOODS_GONE"},
    ),
    Step.FIND_GOODS_WITH_CUSTOMER: (
        Role.WAREHOUSE,
        "refundConfirmWarehouse",
        lambda _: {"verdict": "WITH_CUSTOMER"},
    ),
    Step.SHIP_RETURN: (
        Role.CUSTOMER,
        "returnShip",
        lambda _: {"courier": "SF", "trackingNumber": key()},
    ),
    Step.RECEIVE_RETURN: (Role.WAREHOUSE, "returnReceive", lambda _: {}),
    Step.PASS_INSPECTION: (Role.WAREHOUSE, "returnInspect", lambda r: found(r, "ACCEPTED")),
    Step.REFUSE_INSPECTION: (Role.WAREHOUSE, "returnInspect", lambda r: found(r, "MISSING")),
    Step.APPROVE_FINANCE: (Role.FINANCE, "refundApproveFinance", lambda _: {"verdict": "APPROVE"}),
    Step.SEND_BACK: (Role.FINANCE, "refundApproveFinance", lambda _: {"verdict": "SEND_BACK"}),
    Step.CANCEL: (Role.CUSTOMER, "refundCancel", lambda _: {}),
    Step.DISPUTE: (Role.CUSTOMER, "refundDispute", lambda _: {"note": "it was new"}),
    Step.RETRY_PAYMENT: (
        Role.FINANCE,
        "payoutRetry",
        lambda refund: {"payoutId": refund["payouts"][0]["id"]},
    ),
    Step.REPORT_RETURN_LOST: (Role.WAREHOUSE, "returnReportLost", lambda _: {}),
    Step.REOPEN_RETURN: (Role.WAREHOUSE, "returnReopen", lambda _: {}),
    Step.OFFER_REDUCTION: (
        Role.WAREHOUSE,
        "returnInspect",
        lambda refund: found(refund, "REDUCED", amount=100),
    ),
    Step.AMEND: (Role.CUSTOMER, "refundAmend", lambda _: {"note": "two, please"}),
    Step.MERGE: (Role.AGENT, "refundMerge", both),
    Step.PROPOSE_OFFERS: (
        Role.AGENT,
        "offerPropose",
        lambda _: {"offers": [RETURN, partial(500), COUPON]},
    ),
    Step.ACCEPT_RETURN_OFFER: (
        Role.CUSTOMER,
        "offerAccept",
        lambda refund: offer(refund, "FULL_WITH_RETURN"),
    ),
    Step.ACCEPT_MONEY_OFFER: (
        Role.CUSTOMER,
        "offerAccept",
        lambda refund: offer(refund, "PARTIAL"),
    ),
    Step.ACCEPT_COUPON_OFFER: (
        Role.CUSTOMER,
        "offerAccept",
        lambda refund: offer(refund, "EXCHANGE_COUPON"),
    ),
    Step.DECLINE_OFFERS: (Role.CUSTOMER, "offerDecline", lambda _: {}),
    Step.COUNTER_OFFERS: (Role.CUSTOMER, "offerCounter", lambda _: {"amount": 600}),
    Step.WITHDRAW_OFFERS: (Role.AGENT, "offerWithdraw", lambda _: {}),
    Step.ACCEPT_COUNTER: (Role.AGENT, "offerAcceptCounter", lambda _: {}),
}
"""Step -> who takes it in these tests, by which mutation, with what."""


FIRST: dict[tuple[RefundStatus, Step], Path] = {
    (RefundStatus.REVIEW, Step.EXPIRE): (Step.REQUEST_EVIDENCE,),
    (RefundStatus.REVIEW, Step.ACCEPT_COUNTER): (Step.PROPOSE_OFFERS, Step.COUNTER_OFFERS),
}
"""Arrow -> what must have happened before it, beside the shortest way to where it begins."""


def path_to(status: RefundStatus) -> Path:
    """The shortest way there that needs no rule; of two, that which stands first in the table."""
    ways: dict[RefundStatus, Path] = {INITIAL: ()}
    queue = deque([INITIAL])
    while queue:
        here = queue.popleft()
        for row in TRANSITIONS:
            rare = row.step in {*BY_RULE, Step.APPROVE_FIRST_INSTANTLY}
            if here in row.sources and row.target not in ways and not rare:
                ways[row.target] = (*ways[here], row.step)
                queue.append(row.target)
    return ways[status]


def paths() -> Iterator[Path]:
    """One for each arrow of the picture; the last step of each is the arrow."""
    for row in TRANSITIONS:
        for source in RefundStatus:
            if source in row.sources:
                before = FIRST.get((source, row.step), ())
                yield (*path_to(source), *before, row.step)


def named(path: Path) -> str:
    return f"{_source(path)}-{path[-1]}"


def _source(path: Path) -> RefundStatus:
    """Where the last step begins."""
    return JOURNEY[path[-2]].target if len(path) > 1 else INITIAL


def test_each_arrow_of_the_picture_is_a_path() -> None:
    arrows = {(source, row.step) for row in TRANSITIONS for source in row.sources}
    walked = {(_source(path), path[-1]) for path in paths()}
    assert walked == arrows


@pytest.mark.parametrize("path", list(paths()), ids=named)
async def test_every_path_is_walked(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path[0] in BY_PEOPLE:
        hold_classification(monkeypatch)
    await prepare(world, path)
    refund = await ask(world, path)
    for step in path:
        if step in BY_PEOPLE:
            await take(world, refund, step)
        if step in BY_TIME:
            await BY_TIME[step](refund)
        await happened(world, refund, path[: path.index(step) + 1])


async def prepare(world: World, path: Path) -> None:
    """The rules without which the engine would not take the path's first step."""
    first = path[0]
    if first in BY_RULE:
        await first_rule(world, BY_RULE[first])
    if first is Step.APPROVE_FIRST_INSTANTLY:
        await allow(world, gold=100_000)
        await is_of(world, "gold")
        await rule(world)
    if first is Step.SEND_TO_REVIEW and UNSENT & set(path):
        await first_rule(world, {"kind": "HOLD", "why": {"en": "look"}})

    if Step.OFFER_REDUCTION in path:
        await asks_before_reducing(world)
    if Step.EXPIRE in path:
        await policy(world.owner, "CUSTOMER_ANSWERS", 1, "DAYS", "CLOSE")


async def asks_before_reducing(world: World) -> None:
    """An inspection that takes a cent off is an offer to the customer."""
    await Shop.filter(id=world.shop.id).update(reduction_offer_threshold=0)


async def first_rule(world: World, action: Answer) -> None:
    """A rule that holds for everything, before all others."""
    others = await Rule.filter(shop_id=world.shop.id, trigger="REQUESTED").order_by("position")
    mine = await live(world, "REQUESTED", "true", action)
    order = [ids.encode("Rule", row) for row in (mine, *(other.id for other in others))]
    document = """mutation M($order: [ID!]!) {
        ruleReorder(trigger: REQUESTED, order: $order) { __typename } }"""
    await world.owner(document, order=order)


async def ask(world: World, path: Path) -> Answer:
    """The request; its bank misbehaves as the path needs it."""
    bank = "OK*"
    if Step.HALT_PAYMENT in path:
        bank = "REFUSE,OK*"
    if Step.REVERSE_PAYMENT in path:
        bank = "REVERSE_LATER"
    parcels = {} if UNSENT & set(path) else {"shipments": shipped()}
    pairs = 2 if Step.MERGE in path else 1
    lines = [{**_DEAR, "quantity": pairs}]
    order = await world.order(lines=lines, metadata={"sandbox": bank}, **parcels)
    one = [{"orderLineId": order["lines"][0]["id"], "quantity": 1}]
    for _ in range(pairs):
        asked = await world.refund(world.customer, order, kind=_kind(path), lines=one)
    assert asked["status"] == "REQUESTED"
    return asked


def _kind(path: Path) -> str:
    back = {Step.APPROVE_RETURN_INSTANTLY, Step.APPROVE_FIRST_INSTANTLY, Step.APPROVE_FIRST}
    return "RETURN_AND_REFUND" if back & set(path) else "REFUND_ONLY"


async def take(world: World, refund: Answer, step: Step) -> None:
    role, mutation, more = BY_PEOPLE[step]
    now = await world.owner.refund(refund["id"], _AROUND)
    content = {"refundId": refund["id"], **more(now)}
    if mutation in OF_ANOTHER:
        del content["refundId"]
    code = await done(world.as_(role), mutation, content)
    assert code == {"__typename": "Refund"}, (step, code)


OF_ANOTHER = {"payoutRetry", "offerAccept", "refundMerge"}
"""What is named by another id than `refundId`."""


async def time_to_choose_is_over(refund: Answer) -> None:
    await negotiation.expire(await over(refund))


async def nothing_comes_in_time(refund: Answer) -> None:
    now = await Refund.get(id=row_id(refund))
    asked = now.status is RefundStatus.REVIEW
    await expires(refund, "CUSTOMER_ANSWERS" if asked else "CUSTOMER_SHIPS")


BY_TIME = {
    Step.EXPIRE_OFFERS: time_to_choose_is_over,
    Step.EXPIRE: nothing_comes_in_time,
}
"""Step -> what makes the engine take it: time that has passed."""


async def done(by: Api, mutation: str, content: Answer) -> Answer:
    kind = mutation[0].upper() + mutation[1:] + "Input"
    if mutation in ("refundCancel", "returnReceive"):
        kind = "RefundStepInput"
    document = f"""mutation M($input: {kind}!) {{ result: {mutation}(input: $input) {{
        __typename ... on Problem {{ message }}
        ... on IllegalStep {{ currentStatus allowedNext }} }} }}"""
    answer: Answer = (await by(document, input={**content, "idempotencyKey": key()}))["result"]
    return answer


async def happened(world: World, refund: Answer, path: Path) -> None:
    """Come back when the history says so, step by step."""
    rows = [JOURNEY[step] for step in path]
    events = {row.event for row in TRANSITIONS}
    wanted = [("REQUESTED", "REQUESTED"), *((row.event, row.target) for row in rows)]

    async def look() -> bool | None:
        timeline = (await world.owner.refund(refund["id"]))["timeline"]
        seen = [(one["type"], one["status"]) for one in timeline if one["type"] in events]
        assert seen[: len(wanted)] == wanted[: len(seen)]
        return len(seen) >= len(wanted) or None

    await eventually(look, path[-1])


def hold_classification(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine decides nothing of what is requested during the test."""

    async def nothing(refund_id: UUID, risks: Risks) -> None:
        return None

    monkeypatch.setattr(classification, "classify", nothing)


# --- and no other -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", RefundStatus)
async def test_every_other_step_is_refused_with_words(world: World, status: RefundStatus) -> None:
    await asks_before_reducing(world)
    refund = await stands(world, status, beside=True)
    now = await world.owner.refund(refund["id"], _AROUND)
    for step, (_, mutation, more) in BY_PEOPLE.items():
        role = Role.OWNER if Role.OWNER in JOURNEY[step].roles else Role.SERVICE
        allowed = JOURNEY.allowed(status, role)
        if step in allowed or mutation in BY_ROW:
            continue
        content = {"refundId": refund["id"], **more(now)}
        if mutation in OF_ANOTHER:
            del content["refundId"]
        answer = await done(world.as_(role), mutation, content)
        if (mutation, step) == ("refundApprove", Step.APPROVE_UNSENT):
            step = Step.APPROVE_REFUND_ONLY  # these goods were sent
            if step in allowed:
                continue
        assert answer == {
            "__typename": "IllegalStep",
            "message": f"Not possible now: {labels.STEPS[step]['en']}. "
            f"Where it stands: {labels.STATUSES[status]['en']}",
            "currentStatus": status,
            "allowedNext": list(allowed),
        }
    seen = await world.owner.refund(refund["id"])
    assert (seen["status"], seen["version"]) == (status, refund["version"])


BY_ROW = {"payoutRetry", "offerAccept"}
"""What acts on something that a refund which stands elsewhere has none of."""
