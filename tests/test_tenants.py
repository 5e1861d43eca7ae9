"""No shop sees or touches anything of another shop, no customer anything of another customer.

Two shops with a row in every table; each text, number, price and id of the other one is a trace
that must not appear in any answer, whatever is asked, by whomever, with the other shop's own ids.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from support import documents
from support.api import Api
from support.populated import PLUGIN, Populated, populate, roles
from support.snapshot import snapshot, tables
from support.world import shipped

from refund_gql import auth, ids
from refund_gql.auth import Viewer
from refund_gql.database import fetch
from refund_gql.events import INTERNAL
from refund_gql.graphql import view, visibility
from refund_gql.graphql.sources import Node
from refund_gql.roles import Role
from refund_gql.settings import Settings

EVERYBODYS = ("Shop", "Product", "ReasonTag", "ReturnPolicy")
"""What every customer of a shop sees all of."""
LISTS = {
    "orders": "Order",
    "refunds": "Refund",
    "messages": "Message",
    "coupons": "Coupon",
    "webhookDeliveries": "WebhookDelivery",
}
"""List with a filter -> the kind of what is on it."""
NODE = "query N($id: ID!) { node(id: $id) { id } }"

Question = tuple[str, dict[str, Any]]
"""A document and its variables."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ours(api: Api, settings: Settings) -> Populated:
    return await populate(api, settings, price=52_019)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def theirs(api: Api, settings: Settings) -> Populated:
    return await populate(api, settings, price=77_713)


# --- everything that can be asked -------------------------------------------------------------


def may(role: Role) -> documents.Allowed:
    """What a role may ask for."""
    table = documents.table().roles
    return lambda coordinate: role.value in table[coordinate]


def questions(role: Role, shop: Populated, most: int | None = None) -> Iterator[Question]:
    """Everything a role could read about a shop, if only the engine let it; `most` of a kind."""
    for kind in Node.kinds:
        if may(role)((kind, "id")):
            yield from by_id(role, kind, shop.all(kind)[:most])
    yield from by_root(role, shop)
    for name, conditions in (*filters(shop), *wide_filters()):
        if may(role)(("Query", name)):
            yield listing(role, name), {"filter": conditions}


def by_id(role: Role, kind: str, all_ids: Iterable[str]) -> Iterator[Question]:
    """`node(id)` with every field of the kind that the role may ask for."""
    inner = documents.everything(kind, may(role), 1)
    for one in all_ids:
        yield (
            f"query N($id: ID!) {{ node(id: $id) {{ ... on {kind} {{ {inner} }} }} }}",
            {"id": one},
        )


def by_root(role: Role, shop: Populated) -> Iterator[Question]:
    """The other queries, with the shop's ids and numbers."""
    for kind, scenes in (("order", shop.orders), ("refund", shop.refunds)):
        call = f"{kind}(id: $id, number: $number)"
        inner = documents.everything(kind.title(), may(role), 1)
        for scene in scenes.values():
            for name in ("id", "number"):
                text = f"query Q($id: ID, $number: String) {{ {call} {{ {inner} }} }}"
                yield text, {name: scene[name]}
    inner = documents.everything("RefundQuote", may(role), 1)
    for order in shop.orders.values():
        text = f"query Q($id: ID!) {{ refundQuote(orderId: $id) {{ {inner} }} }}"
        yield text, {"id": order["id"]}
    for call, kind in (*WITHOUT_IDS, *with_names()):
        if may(role)(("Query", call.partition("(")[0])):
            found = f"... on {kind} {{ {documents.everything(kind, may(role), 2)} }}"
            yield f"{{ {call} {{ {found} }} }}", {}


WITHOUT_IDS = (
    ("reasonTags", "ReasonTag"),
    ("shop", "Shop"),
    ("viewer", "Viewer"),
    ("templates", "Template"),
    ("deadLetters", "MessageConnection"),
    ("webhookEndpoints", "WebhookEndpoint"),
    ("plugins", "Plugin"),
    ("calendar", "BusinessCalendar"),
    ("deadlinePolicies", "DeadlinePolicy"),
    ("slaBreaches", "ClockConnection"),
    ("ruleBacktestRuns", "RuleBacktestRunConnection"),
    ("forecast", "Forecast"),
    ('campaigns(from: "2026-01-01", until: "2026-12-31")', "CampaignCalendar"),
    ("queues", "Queue"),
    ("scripts(first: 50)", "ScriptConnection"),
    ("scriptVariables", "TemplateVariable"),
)
"""Query -> what it finds."""


def with_names() -> Iterator[tuple[str, str]]:
    """The same for queries that take a name both shops know."""
    yield f'pluginSettings(provider: "{PLUGIN}")', "PluginSettings"
    yield 'templates(locale: "en", kind: REFUNDED)', "Template"
    yield "templateVariables(kind: REFUNDED)", "TemplateVariable"


def filters(shop: Populated) -> Iterator[tuple[str, dict[str, Any]]]:
    """List, and a filter that finds rows of this shop and of no other."""
    refund, order, customer = shop.refunds["finance"], shop.orders["finance"], shop.all("Customer")
    for text in (shop.mark, order["number"], refund["number"]):
        yield "refunds", {"text": text}
    for text in (shop.mark, order["number"]):
        yield "orders", {"text": text}
    yield "refunds", {"orderNumber": order["number"]}
    yield "refunds", {"customerId": customer[0]}
    yield "orders", {"customerId": customer[0]}
    yield "refunds", {"reasonTagId": shop.tag}
    yield "refunds", {"amountFrom": shop.price, "amountTo": shop.price}
    for person in shop.all("Staff"):
        yield "refunds", {"assigneeId": person}
    yield "messages", {"refundId": shop.refunds["paid"]["id"]}
    for one in customer:
        yield "messages", {"customerId": one}
    yield "webhookDeliveries", {"endpointId": shop.endpoint}


def wide_filters() -> Iterator[tuple[str, dict[str, Any]]]:
    """List, and a filter that shuts no shop out."""
    for name in ("orders", "refunds"):
        yield name, {}
        for text in ("", "-", "R", "SO"):
            yield name, {"text": text}
        for fulfilment in ("UNSHIPPED", "PARTLY_SHIPPED", "DELIVERED"):
            yield name, {"fulfilment": [fulfilment]}
    yield "refunds", {"amountFrom": 0, "amountTo": 2**53 - 1}
    yield "refunds", {"requestedFrom": "1970-01-01", "requestedTo": "2999-12-31"}
    for status in ("REVIEW", "REFUNDED", "FINANCE_REVIEW"):
        yield "refunds", {"status": [status]}
    yield "refunds", {"kind": "RETURN_AND_REFUND"}
    for name in ("messages", "webhookDeliveries"):
        yield name, {}
        yield name, {"status": ["DEAD"]}
    yield "messages", {"kind": ["REFUNDED"], "channel": "sandbox-inbox"}


def listing(role: Role, name: str) -> str:
    """A list with all that the role may ask for."""
    kind = LISTS[name]
    node = documents.everything(kind, may(role), 1)
    return (
        f"query L($filter: {kind}Filter, $after: String) {{ {name}(first: 100, filter: $filter,"
        f" after: $after) {{ totalCount edges {{ cursor node {{ {node} }} }} }} }}"
    )


async def leaks(by: Api, asked: Iterable[Question], traces: Iterable[str]) -> list[str]:
    """Every trace in an answer, with the question."""
    found = []
    for text, variables in asked:
        response = await by.post(text, **variables)
        assert response.status_code == 200
        assert "errors" not in response.json(), (text, variables, response.text)
        found += [f"{x} in {text} {variables}" for x in traces if x in response.text]
    return found


async def seen(by: Api, all_ids: Iterable[str]) -> set[str]:
    """Which of these objects there are for this caller."""
    found = {one: (await by(NODE, id=one))["node"] for one in all_ids}
    assert all(node in (None, {"id": one}) for one, node in found.items())
    return {one for one, node in found.items() if node}


# --- reading the other shop -------------------------------------------------------------------


@pytest.mark.parametrize("role", roles())
async def test_no_answer_holds_a_trace_of_the_other_shop(
    ours: Populated, theirs: Populated, role: Role
) -> None:
    assert not await leaks(ours.world.as_(role), questions(role, theirs), theirs.traces())


@pytest.mark.parametrize("role", roles())
async def test_the_same_questions_find_traces_at_home(ours: Populated, role: Role) -> None:
    """The sweep is not blind."""
    asked = questions(role, ours, most=1)
    assert len(await leaks(ours.world.as_(role), asked, [ours.mark])) > 20


@pytest.mark.parametrize("role", roles())
async def test_the_other_shops_rows_are_not_counted(
    ours: Populated, theirs: Populated, role: Role
) -> None:
    by = ours.world.as_(role)
    for name, conditions in filters(theirs):
        if may(role)(("Query", name)):
            answer = await by(listing(role, name), filter=conditions)
            assert answer[name] == {"totalCount": 0, "edges": []}, (name, conditions)
    for name in lists(role):
        answer = await by(listing(role, name))
        assert answer[name]["totalCount"] == await _own(ours, name, role)
        assert len(answer[name]["edges"]) == answer[name]["totalCount"]


def lists(role: Role) -> list[str]:
    """The lists that a role may ask for."""
    return [name for name in LISTS if may(role)(("Query", name))]


async def _own(shop: Populated, name: str, role: Role) -> int:
    sql = f'select count(*) from "{Node.kinds[LISTS[name]].table}" where shop_id = $1'
    if role is Role.CUSTOMER:
        me = "select id from customer where shop_id = $1 and reference = 'C-1'"
        sql += f" and customer_id = ({me})"
    [row] = await fetch(sql, shop.shop_id)
    return int(row[0])


async def test_a_cursor_of_the_other_shop_opens_nothing(ours: Populated, theirs: Populated) -> None:
    for name in LISTS:
        text = listing(Role.OWNER, name)
        foreign = (await theirs.world.owner(text))[name]["edges"][0]["cursor"]
        assert not await leaks(ours.world.owner, [(text, {"after": foreign})], theirs.traces())


# --- reading another customer -----------------------------------------------------------------


PARCELS = """
select tracking_number from shipment where order_id = any($1::uuid[])
 union select tracking_number from goods_return where refund_id = any($2::uuid[])
"""
"""Of some orders and some refunds."""


async def belongings(shop: Populated, reference: str) -> dict[str, set[str]]:
    """Kind -> the objects that this customer alone may see, as they were when the shop opened."""
    sql = "select id from customer where shop_id = $1 and reference = $2"
    [row] = await fetch(sql, shop.shop_id, reference)
    owners = {"customer": {row["id"]}}
    for table in ("order", "refund"):
        sql = f'select id from "{table}" where customer_id = $1'
        owners[table] = {found["id"] for found in await fetch(sql, row["id"])}
    found = {kind: encoded(kind, owners[kind.lower()]) for kind in ("Customer", "Order", "Refund")}
    for kind, column in (
        ("OrderLine", "order"),
        ("Shipment", "order"),
        ("Capture", "order"),
        ("RefundLine", "refund"),
        ("Payout", "refund"),
        ("Return", "refund"),
        ("Exposure", "refund"),
        ("Clock", "refund"),
        ("EvidenceFile", "refund"),
        ("OfferLadder", "refund"),
        ("Offer", "refund"),
        ("Decision", "refund"),
        ("Coupon", "refund"),
        ("Restitution", "refund"),
        ("ReturnPickup", "refund"),
        ("ShipmentAnomaly", "order"),
    ):
        sql = f"select id from {Node.kinds[kind].table} where {column}_id = any($1::uuid[])"
        found[kind] = encoded(kind, (r["id"] for r in await fetch(sql, list(owners[column]))))
    sql = "select id from event where refund_id = any($1::uuid[]) and type <> all($2::text[])"
    told = await fetch(sql, list(owners["refund"]), [event.value for event in INTERNAL])
    found["TimelineEntry"] = encoded("TimelineEntry", (event["id"] for event in told))
    sql = f"select id from tracking_checkpoint where tracking_number in ({PARCELS})"
    lines = await fetch(sql, *map(list, (owners["order"], owners["refund"])))
    found["TrackingCheckpoint"] = encoded("TrackingCheckpoint", (line["id"] for line in lines))
    sql = "select id from clock where id = any($1::uuid[]) and stage like 'CUSTOMER\\_%'"
    hers = [ids.required("id", clock, "Clock") for clock in found["Clock"]]
    found["Clock"] = encoded("Clock", (row["id"] for row in await fetch(sql, hers)))
    return {kind: found.get(kind, set()) & set(shop.all(kind)) for kind in Node.kinds}


def encoded(kind: str, rows: Iterable[UUID]) -> set[str]:
    return {ids.encode(kind, row) for row in rows}


async def test_a_customer_finds_exactly_their_own_objects(ours: Populated) -> None:
    for by, reference in ((ours.world.customer, "C-1"), (ours.other_customer, "C-2")):
        own = await belongings(ours, reference)
        for kind in Node.kinds:
            expected = set(ours.all(kind)) if kind in EVERYBODYS else own[kind]
            assert await seen(by, ours.all(kind)) == expected, (reference, kind)


async def test_a_customer_reads_nothing_of_another_customer(ours: Populated) -> None:
    own, other = await belongings(ours, "C-1"), await belongings(ours, "C-2")
    theirs = ours.refunds["theirs"]
    traces = [
        *(one for kind in other for one in other[kind] - own[kind]),
        ours.orders["theirs"]["number"],
        theirs["number"],
        theirs["payouts"][0]["number"],
    ]
    assert not await leaks(ours.world.customer, questions(Role.CUSTOMER, ours), traces)
    asked = questions(Role.CUSTOMER, ours, most=1)
    assert await leaks(ours.other_customer, asked, traces), "the traces are blind"


async def test_a_customer_lists_only_their_own(ours: Populated) -> None:
    for name, scenes in (("orders", ours.orders), ("refunds", ours.refunds)):
        answer = (await ours.other_customer(listing(Role.CUSTOMER, name)))[name]
        numbers = [edge["node"]["number"] for edge in answer["edges"]]
        assert (answer["totalCount"], numbers) == (1, [scenes["theirs"]["number"]])


async def test_a_customer_paid_back_for_an_order_that_changed_hands_still_sees_the_payment(
    ours: Populated,
) -> None:
    order = await ours.world.order(number=f"SO-{ours.mark}-gift", customerReference="C-1")
    asked = await ours.world.refund(ours.world.customer, order)
    await ours.world.reaches(asked, "REFUNDED")
    [capture] = order["captures"]
    moved = 'update "order" set customer_id = (select id from customer where shop_id = $1 and'
    moved += " reference = 'C-2') where number = $2 and shop_id = $1 returning id"
    assert len(await fetch(moved, ours.shop_id, order["number"])) == 1
    query = "query R($id: ID!) { refund(id: $id) { order { id } payouts { capture { id } } } }"
    refund = (await ours.world.customer(query, id=asked["id"]))["refund"]
    assert refund == {"order": None, "payouts": [{"capture": {"id": capture["id"]}}]}
    assert (await ours.other_customer(query, id=asked["id"]))["refund"] is None


# --- changing what is somebody else's ---------------------------------------------------------


Foreign = tuple[str, dict[str, Any], str]
"""Mutation, content, and the kind of what cannot be found."""


def strangers(ours: Populated, theirs: Populated) -> Iterator[Foreign]:
    """Every mutation that takes an id, with each of the other shop's ids in each place."""
    for refund in theirs.refunds.values():
        for name, content in steps(refund):
            yield name, content, "Refund"
        for payout in refund["payouts"]:
            yield "payoutRetry", {"payoutId": payout["id"]}, "Payout"
    for order in theirs.orders.values():
        yield "refundRequest", {"orderId": order["id"]}, "Order"
    yield from foreign_parts(ours, theirs)
    labels = {"en": "x"}
    below = {"labels": labels, "parentId": theirs.tag}
    yield "reasonTagCreate", {"code": "new", "input": below}, "ReasonTag"
    yield "reasonTagUpdate", {"id": theirs.tag, "input": {"labels": labels}}, "ReasonTag"
    yield "reasonTagUpdate", {"id": ours.tag, "input": {"parentId": theirs.tag}}, "ReasonTag"
    yield "reasonTagRetire", {"id": theirs.tag}, "ReasonTag"
    for token in theirs.all("ApiToken"):
        yield "apiTokenRevoke", {"tokenId": token}, "ApiToken"
    endpoint = {"id": theirs.endpoint}
    changed = {**endpoint, "input": {"description": "x"}}
    yield "webhookEndpointUpdate", changed, "WebhookEndpoint"
    for name in ("RotateSecret", "Disable", "Enable", "Test"):
        yield f"webhookEndpoint{name}", endpoint, "WebhookEndpoint"
    for delivery in theirs.all("WebhookDelivery"):
        yield "webhookDeliveryRedeliver", {"id": delivery}, "WebhookDelivery"
    for message in theirs.all("Message"):
        yield "messageResend", {"id": message}, "Message"
    for run in theirs.all("RuleBacktestRun"):
        yield "ruleBacktestCancel", {"id": run}, "RuleBacktestRun"
    window = {"from": "2026-01-01T00:00:00Z"}
    for rule in theirs.all("Rule"):
        yield "ruleBacktest", {**window, "replaces": rule}, "Rule"
    for person in theirs.all("Staff"):
        yield "staffSetActive", {"staffId": person, "active": False}, "Staff"
    for script in theirs.all("Script"):
        yield "scriptRetire", {"id": script}, "Script"
        yield "scriptUpdate", {"id": script, "input": {"texts": SCRIPT_TEXTS}}, "Script"
    unknown = {"customerReference": f"only {theirs.mark} has it"}
    yield "customerSessionCreate", unknown, "Customer"


def foreign_parts(ours: Populated, theirs: Populated) -> Iterator[Foreign]:
    """What is ours, with a part of theirs in it."""
    fresh = {"orderId": ours.orders["fresh"]["id"]}
    line = {"orderLineId": theirs.orders["fresh"]["lines"][0]["id"], "quantity": 1}
    yield "refundRequest", {**fresh, "lines": [line]}, "OrderLine"
    yield "refundRequest", {**fresh, "reasonTagId": theirs.tag}, "ReasonTag"
    received = ours.refunds["received"]
    arrived = {"refundId": received["id"], "lines": findings(received)}
    yield "returnInspect", {**arrived, "lines": findings(theirs.refunds["received"])}, "RefundLine"
    yield "returnInspect", {**arrived, "foundReasonTagId": theirs.tag}, "ReasonTag"
    note = {"refundId": ours.refunds["review"]["id"], "text": "T"}
    yield "refundNote", {**note, "scriptId": theirs.all("Script")[0]}, "Script"
    text = {"texts": SCRIPT_TEXTS, "reasonIds": [theirs.tag]}
    yield "scriptCreate", {"code": "new", "input": text}, "ReasonTag"


SCRIPT_TEXTS = [{"locale": "en", "title": "T", "body": "B"}]


def steps(refund: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of a refund."""
    step = {"refundId": refund["id"]}
    yield "refundApprove", {**step, "kind": "REFUND_ONLY"}
    yield "refundReject", {**step, "reason": "no"}
    yield "refundRequestEvidence", {**step, "question": "why?"}
    yield "refundProvideEvidence", {**step, "answer": "so"}
    yield "refundConfirmWarehouse", {**step, "verdict": "GOODS_GONE"}
    yield "returnShip", {**step, "courier": "SF", "trackingNumber": "1"}
    yield "returnReceive", step
    yield "returnInspect", {**step, "lines": findings(refund)}
    yield "refundApproveFinance", step
    yield "refundCancel", step
    yield "refundTake", step
    yield "refundAssign", step
    yield "refundNote", {**step, "text": "T"}


def findings(refund: dict[str, Any]) -> list[dict[str, Any]]:
    """Every line of a refund arrived."""
    found = {"verdict": "ACCEPTED", "receivedQuantity": 1}
    return [{"refundLineId": line["id"], **found} for line in refund["lines"]]


async def mutate(by: Api, name: str, content: dict[str, Any]) -> dict[str, Any]:
    """The result, or {"code": "FORBIDDEN"} when the role may not even ask."""
    response = await by.post(documents.mutation(name), **documents.variables(name, content))
    answer = response.json()
    if "errors" in answer:
        [error] = answer["errors"]
        return {"code": error["extensions"]["code"]}
    result: dict[str, Any] = answer["data"]["result"]
    return result


@pytest.mark.parametrize("role", roles())
async def test_no_mutation_touches_the_other_shop(
    ours: Populated, theirs: Populated, role: Role
) -> None:
    before = await snapshot(theirs.shop_id), await snapshot(ours.shop_id)
    for name, content, kind in strangers(ours, theirs):
        problem = await mutate(ours.world.as_(role), name, content)
        expected = ("NOT_FOUND", kind) if may(role)(("Mutation", name)) else ("FORBIDDEN", None)
        assert (problem["code"], problem.get("objectType")) == expected, (name, content, problem)
    assert (await snapshot(theirs.shop_id), await snapshot(ours.shop_id)) == before


async def test_a_customer_cannot_touch_another_customers_refund(ours: Populated) -> None:
    before = await snapshot(ours.shop_id)
    for scene in ("review", "awaiting", "paid", "finance"):
        for name, content in steps(ours.refunds[scene]):
            problem = await mutate(ours.other_customer, name, content)
            expected = "NOT_FOUND" if may(Role.CUSTOMER)(("Mutation", name)) else "FORBIDDEN"
            assert problem["code"] == expected, (name, problem)
    asked = {"orderId": ours.orders["fresh"]["id"]}
    assert (await mutate(ours.other_customer, "refundRequest", asked))["code"] == "NOT_FOUND"
    assert await snapshot(ours.shop_id) == before


async def test_equal_names_in_two_shops_are_two_things(ours: Populated, theirs: Populated) -> None:
    """What the other shop calls its own is free here, and stays as it is there."""
    before = await snapshot(theirs.shop_id)
    taken = theirs.orders["finance"]
    order = await ours.world.order(number=taken["number"], currency="USD", shipments=shipped())
    assert order["id"] != taken["id"]
    person = {"email": f"owner@{theirs.mark}.example", "name": "x", "role": "AGENT"}
    for name, content in (
        ("customerUpsert", {"reference": theirs.mark, "name": "Somebody"}),
        ("productUpsert", {"sku": f"SKU-{theirs.mark}", "title": "Something"}),
        ("reasonTagCreate", {"code": f"tag-{theirs.mark}", "input": {"labels": {"en": "x"}}}),
        ("staffCreate", {**person, "password": "x" * 10}),
        ("pluginSettingsUpdate", {"provider": PLUGIN, "values": {"seed": 1, "api_key": "x"}}),
        ("templateUpsert", {"kind": "REFUNDED", "locale": "en", "body": "x"}),
        ("templateReset", {"kind": "REFUNDED", "locale": "en"}),
    ):
        assert "code" not in await mutate(ours.world.owner, name, content), name
    assert await snapshot(theirs.shop_id) == before


async def test_an_idempotency_key_of_the_other_shop_is_free_here(
    ours: Populated, theirs: Populated
) -> None:
    taken = str(theirs.rows["idempotency_key"][0]["key"])
    order = await ours.world.order()
    refund = await ours.world.refund(ours.world.agent, order, idempotencyKey=taken)
    assert refund["__typename"] == "Refund"
    assert refund["id"] not in theirs.all("Refund")
    await ours.world.reaches(refund, "REFUNDED")


async def test_a_login_of_one_shop_does_not_open_another(
    ours: Populated, theirs: Populated
) -> None:
    person = {"email": "same@person.example", "name": "x", "role": "AGENT"}
    await mutate(ours.world.owner, "staffCreate", {**person, "password": "ours ours ours"})
    login = {"email": person["email"], "password": "ours ours ours"}
    at_home = await mutate(ours.world.api, "staffLogin", {**login, "shop": ours.world.shop.handle})
    assert at_home["__typename"] == "IssuedToken"
    abroad = await mutate(ours.world.api, "staffLogin", {**login, "shop": theirs.world.shop.handle})
    assert (abroad["code"], abroad["reason"]) == ("NOT_ALLOWED", "LOGIN")


# --- the detectors detect ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(Node.kinds))
async def test_a_table_without_its_tenant_predicate_is_noticed(
    ours: Populated, theirs: Populated, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, whole = Node.kinds[kind].table, visibility.predicate

    def forgetful(asked: str, viewer: Viewer, *, first: int) -> tuple[str, list[object]]:
        if asked == table:
            return f"${first}::uuid is not null", [viewer.shop_id]
        return whole(asked, viewer, first=first)

    monkeypatch.setattr(visibility, "predicate", forgetful)
    asked = [(NODE, {"id": one}) for one in theirs.all(kind)]
    assert len(await leaks(ours.world.owner, asked, theirs.traces())) >= len(asked)


@pytest.mark.parametrize("kind", sorted(set(Node.kinds) - set(EVERYBODYS)))
async def test_a_table_without_its_owner_predicate_is_noticed(
    ours: Populated, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(visibility.CUSTOMER_ROWS, Node.kinds[kind].table, "true")
    own = (await belongings(ours, "C-2"))[kind]
    assert await seen(ours.other_customer, ours.all(kind)) > own


async def test_a_viewer_of_the_wrong_shop_is_noticed(
    ours: Populated, theirs: Populated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were a token ever taken for the other shop's, the snapshot would show it."""

    async def mistaken(token: str, settings: Settings) -> Viewer | None:
        return await auth.authenticate(theirs.world.tokens[Role.AGENT], settings)

    monkeypatch.setattr(view, "authenticate", mistaken)
    before = await snapshot(theirs.shop_id)
    step = {"refundId": theirs.refunds["review"]["id"], "reason": "no"}
    assert "code" not in await mutate(ours.world.agent, "refundReject", step)
    assert await snapshot(theirs.shop_id) != before


async def test_every_table_names_its_shop() -> None:
    """The snapshots, and so these tests, miss no table of ours."""
    sql = "select table_name from information_schema.tables where table_schema = 'public'"
    rows = await fetch(f"{sql} and table_type = 'BASE TABLE'")
    without = {row[0] for row in rows} - set(await tables()) - {"shop"}
    assert {name for name in without if not name.startswith("pgqueuer")} == {"tortoise_migrations"}
