"""Anything at all in every place of every operation: answered, and never with a failure."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from support import documents
from support.api import Api, key
from support.contents import MUTATIONS, RULES, everything
from support.populated import Answer, Populated, populate
from support.snapshot import snapshot

from refund_gql.backoffice import staff
from refund_gql.graphql.documents import money_fields
from refund_gql.roles import Role
from refund_gql.settings import Settings


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(api: Api, settings: Settings) -> Populated:
    """A shop to which everything may happen."""
    return await populate(api, settings, price=23_456)


# --- characters that no database holds --------------------------------------------------------


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every text in a JSON value."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name))
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from leaves(part, (*path, position))
    elif isinstance(value, str):
        yield path


def changed(value: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    """The value with another leaf at the end of the path."""
    if not path:
        return leaf
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], leaf)
    return copy


def test_every_mutation_is_tried() -> None:
    keyed = money_fields(documents.core())
    others = {"orderUpsertBulk", "webhookEndpointUpdate"}
    assert {*MUTATIONS, *RULES, *keyed, *others} == documents.fields("Mutation").keys()


async def test_nul_and_half_surrogates_are_refused_in_every_place(shop: Populated) -> None:
    """In every text of every mutation, as JSON writes them; before anything runs."""
    before, client = await snapshot(shop.shop_id), shop.world.api.client
    headers = {
        "authorization": f"Bearer {shop.world.owner.token}",
        "content-type": "application/json",
    }
    for mutation, content in everything(shop):
        variables = documents.variables(mutation, content)
        for path in leaves(variables):
            body = {
                "query": documents.mutation(mutation),
                "variables": changed(variables, path, "@"),
            }
            for bad in ("a\\u0000b", "\\u0000", "\\ud800", "\\udc00x"):
                raw = json.dumps(body).replace('"@"', f'"{bad}"').encode()
                response = await client.post("/graphql", content=raw, headers=headers)
                assert response.status_code == 400, (mutation, path, response.text)
    assert await snapshot(shop.shop_id) == before


# --- anything at all --------------------------------------------------------------------------

NASTY: tuple[Any, ...] = (
    None, "", " ", "\n\t\r\u3000", "\u202e\u200b\ufeff", "😀" * 50, "İ" * 320, "ﷺ" * 4000,
    "x" * 70_000,
    "' or 1=1; drop table refund; --", "%s%n{0}{field}${a}", "../../etc/passwd", "\\", '"',
    "\x7f\x1b",
    0, -1, 1, 2**31 - 1, -(2**31), 2**31, 2**53 - 1, -(2**53) + 1, 2**53, 2**64, 1.5, 1e300, True,
    [], {}, [[]], [None], {"": None}, {"k" * 100: "v"}, {"a": {"b": []}}, ["READ"] * 300,
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2999-12-31", "1970-01-01T00:00:00",
    "10000-01-01", "2026-02-30", "2026-01-01T00:00:00+99:99", "CNY", "zh",
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a JSON value, the whole first."""
    yield path
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    for name, part in parts:
        yield from places(part, (*path, name))


def with_fresh_key(variables: Answer, spoilt: tuple[Any, ...]) -> Answer:
    """The variables with a key of their own, unless the key is what was spoilt."""
    given = variables.get("input")
    if (
        not isinstance(given, dict)
        or "idempotencyKey" not in given
        or spoilt[-1] == "idempotencyKey"
    ):
        return variables
    return {"input": {**given, "idempotencyKey": key()}}


@pytest.fixture
def fast_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 is slow on purpose, and is not what is tried here."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(staff, "_hasher", hasher)
    monkeypatch.setattr(staff, "_verify", lambda known, password: False)


@pytest.mark.usefixtures("fast_passwords")
@pytest.mark.parametrize("mutation", sorted(documents.fields("Mutation")))
async def test_nothing_that_is_sent_makes_a_mutation_fail(shop: Populated, mutation: str) -> None:
    """Every value in every place: answered with a result, a problem, or why it is unreadable."""
    content = dict(everything(shop))[mutation]
    variables = documents.variables(mutation, content)
    text = documents.mutation(mutation)
    owners = Role.OWNER in documents.table().roles["Mutation", mutation]
    caller = shop.world.owner if owners else shop.world.service
    # What is in each order of a bulk is what is in one order.
    deepest = 2 if mutation == "orderUpsertBulk" else 10
    for path in places(variables):
        for value in NASTY if 1 <= len(path) <= deepest else ():
            sent = with_fresh_key(changed(variables, path, value), path)
            response = await caller.post(text, **sent)
            assert response.status_code == 200, (path, value, response.text)
            answer = response.json()
            failures = [e for e in answer.get("errors", ()) if e.get("extensions") or e.get("path")]
            assert failures == [], (path, value, answer)


QUERIES: dict[str, tuple[str, Answer]] = {
    "node": ("query Q($a: ID!) { node(id: $a) { id } }", {"a": ""}),
    "order": (
        "query Q($a: ID, $b: String) { order(id: $a, number: $b) { id } }", {"a": None, "b": ""}
    ),
    "refund": (
        "query Q($a: ID, $b: String) { refund(id: $a, number: $b) { id } }", {"a": None, "b": ""}
    ),
    "refundQuote": (
        "query Q($a: ID!) { refundQuote(orderId: $a) { total { amount } } }", {"a": ""}
    ),
    "reasonTags": ("query Q($a: Boolean!) { reasonTags(includeRetired: $a) { id } }", {"a": True}),
    "orders": (
        "query Q($a: Int!, $b: String, $c: OrderFilter)"
        " { orders(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {"fulfilment": ["SHIPPED"], "customerId": "", "text": ""}},
    ),
    "refunds": (
        "query Q($a: Int!, $b: String, $c: RefundFilter)"
        " { refunds(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {
            "status": ["REVIEW"], "kind": "REFUND_ONLY", "fulfilment": ["SHIPPED"],
            "reasonTagId": "", "amountFrom": 0, "amountTo": 1, "requestedFrom": "2026-01-01",
            "requestedTo": "2026-01-01", "customerId": "", "orderNumber": "", "assigneeId": "",
            "text": "",
        }},
    ),
    "shipmentAnomalies": (
        "query Q($a: Int!, $b: String)"
        " { shipmentAnomalies(first: $a, after: $b, kind: [LATE]) { totalCount } }",
        {"a": 1, "b": None},
    ),
    "parcelWatches": (
        "query Q($a: Int!, $b: String)"
        " { parcelWatches(first: $a, after: $b, open: true) { totalCount } }",
        {"a": 1, "b": None},
    ),
    "exposures": (
        "query Q($a: Int!, $b: String)"
        " { exposures(first: $a, after: $b, open: true) { totalCount } }",
        {"a": 1, "b": None},
    ),
    "claims": (
        "query Q($a: Int!, $b: String, $c: [ClaimStatus!])"
        " { claims(first: $a, after: $b, status: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": ["OPEN"]},
    ),
    "disputes": (
        "query Q($a: Int!, $b: String, $c: [DisputeState!])"
        " { disputes(first: $a, after: $b, state: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": ["OPENED"]},
    ),
    "decisions": (
        "query Q($a: Int!, $b: String, $c: DecisionFilter)"
        " { decisions(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {
            "step": ["REJECT"], "automatic": False, "ruleId": "", "staffId": "",
            "decidedFrom": "2026-01-01", "decidedTo": "2026-01-01",
        }},
    ),
    "coupons": (
        "query Q($a: Int!, $b: String, $c: CouponFilter)"
        " { coupons(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {"status": ["ISSUED"], "purpose": ["GIFT"], "customerId": ""}},
    ),
    "careList": (
        "query Q($a: Int!, $b: String, $c: Boolean)"
        " { careList(first: $a, after: $b, open: $c) { totalCount } }",
        {"a": 1, "b": None, "c": True},
    ),
    "careFigures": (
        "query Q($a: DateTime!, $b: DateTime!) { careFigures(from: $a, until: $b) {"
        " __typename } }",
        {"a": "2026-01-01T00:00:00Z", "b": "2026-02-01T00:00:00Z"},
    ),
    "forecast": ("query Q($a: Int!) { forecast(days: $a) { __typename } }", {"a": 7}),
    "campaigns": (
        "query Q($a: Date!, $b: Date!) { campaigns(from: $a, until: $b) { __typename } }",
        {"a": "2026-01-01", "b": "2026-02-01"},
    ),
    "slaBreaches": (
        "query Q($a: Int!, $b: String, $c: SlaBreachFilter)"
        " { slaBreaches(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {
            "stage": ["REVIEW"], "open": True, "dueFrom": "2026-01-01", "dueBefore": "2026-01-01",
        }},
    ),
    "slaFigures": (
        "query Q($a: DateTime!, $b: DateTime!) { slaFigures(from: $a, until: $b) {"
        " __typename } }",
        {"a": "2026-01-01T00:00:00Z", "b": "2026-02-01T00:00:00Z"},
    ),
    "offerFigures": (
        "query Q($a: DateTime!, $b: DateTime!) { offerFigures(from: $a, until: $b) {"
        " __typename } }",
        {"a": "2026-01-01T00:00:00Z", "b": "2026-02-01T00:00:00Z"},
    ),
    "discretionLedger": (
        "query Q($a: Int!, $b: String, $c: LedgerFilter)"
        " { discretionLedger(first: $a, after: $b, filter: $c) { totalCount } }",
        {"a": 1, "b": None, "c": {
            "staffId": "", "decidedFrom": "2026-01-01", "decidedTo": "2026-01-01",
        }},
    ),
    "discretionTasks": (
        "query Q($a: Int!, $b: String, $c: DiscretionStatus)"
        " { discretionTasks(first: $a, after: $b, status: $c) { totalCount } }",
        {"a": 1, "b": None, "c": "OPEN"},
    ),
    "ruleBacktestRun": ("query Q($a: ID!) { ruleBacktestRun(id: $a) { id } }", {"a": ""}),
    "ruleBacktestRuns": (
        "query Q($a: Int!, $b: String) { ruleBacktestRuns(first: $a, after: $b) { totalCount } }",
        {"a": 1, "b": None},
    ),
    "ruleCompare": (
        "query Q($a: ID!, $b: DateTime!, $c: DateTime) {"
        " ruleCompare(rule: $a, from: $b, until: $c) { __typename } }",
        {"a": "", "b": "2026-01-01T00:00:00Z", "c": "2026-02-01T00:00:00Z"},
    ),
    "customerFlags": (
        "query Q($a: Int!, $b: String, $c: CustomerFlagFilter)"
        " { customerFlags(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {
            "code": "", "customerId": "", "holds": True, "appealOpen": False,
        }},
    ),
    "messages": (
        "query Q($a: Int!, $b: String, $c: MessageFilter)"
        " { messages(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {
            "status": ["DEAD"], "kind": ["REFUNDED"], "channel": "", "refundId": "",
            "customerId": "",
        }},
    ),
    "deadLetters": (
        "query Q($a: Int!, $b: String) { deadLetters(first: $a, after: $b) { totalCount } }",
        {"a": 1, "b": None},
    ),
    "webhookDeliveries": (
        "query Q($a: Int!, $b: String, $c: WebhookDeliveryFilter)"
        " { webhookDeliveries(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {"endpointId": "", "status": ["DEAD"]}},
    ),
    "templates": (
        "query Q($a: String, $b: MessageKind) { templates(locale: $a, kind: $b) { body } }",
        {"a": "zh", "b": "REFUNDED"},
    ),
    "templateVariables": (
        "query Q($a: MessageKind!) { templateVariables(kind: $a) { name } }", {"a": "REFUNDED"}
    ),
    "templatePreview": (
        "query Q($a: TemplatePreviewInput!) { templatePreview(input: $a) {"
        " ... on TemplateText { text } ... on Problem { code } } }",
        {"a": {"kind": "REFUNDED", "locale": "zh", "subject": "", "body": "", "refundId": ""}},
    ),
    "rules": ("query Q($a: RuleTrigger) { rules(trigger: $a) { name } }", {"a": "REQUESTED"}),
    "rule": ("query Q($a: ID!) { rule(id: $a) { name } }", {"a": ""}),
    "ruleFacts": ("query Q($a: RuleTrigger) { ruleFacts(trigger: $a) { name } }", {"a": "CLOCK"}),
    "ruleValidate": (
        "query Q($a: String!, $b: RuleTrigger!) { ruleValidate(condition: $a, trigger: $b) {"
        " facts mistakes { line column message excerpt } } }",
        {"a": "true", "b": "REQUESTED"},
    ),
    "queue": (
        "query Q($a: Desk!, $b: QueueAssignee, $c: ID, $d: [Priority!], $e: Int!, $f: String)"
        " { queue(desk: $a, assignee: $b, staffId: $c, priority: $d, first: $e, after: $f) {"
        " ... on QueueConnection { totalCount edges { cursor waitingSince } } } }",
        {"a": "FINANCE", "b": "MINE", "c": None, "d": ["HIGH"], "e": 1, "f": None},
    ),
    "deskColleagues": (
        "query Q($a: Desk!) { deskColleagues(desk: $a) { openCases } }", {"a": "FINANCE"}
    ),
    "scripts": (
        "query Q($a: Int!, $b: String, $c: ScriptFilter)"
        " { scripts(first: $a, after: $b, filter: $c) { totalCount edges { cursor } } }",
        {"a": 1, "b": None, "c": {
            "text": "", "reasonId": "", "desk": "FINANCE", "locale": "", "includeRetired": True,
        }},
    ),
    "scriptRender": (
        "query Q($a: ID!, $b: ID!, $c: String) {"
        " scriptRender(scriptId: $a, refundId: $b, locale: $c) { __typename } }",
        {"a": "", "b": "", "c": None},
    ),
    "pluginSettings": ("query Q($a: String!) { pluginSettings(provider: $a) { id } }", {"a": ""}),
}  # fmt: skip


def test_every_query_that_takes_something_is_tried() -> None:
    assert QUERIES.keys() == {name for name, root in documents.fields("Query").items() if root.args}


@pytest.mark.parametrize("name", sorted(QUERIES))
async def test_nothing_that_is_sent_makes_a_query_fail(shop: Populated, name: str) -> None:
    text, variables = QUERIES[name]
    for path in places(variables):
        for value in NASTY if path else ():
            response = await shop.world.owner.post(text, **changed(variables, path, value))
            assert response.status_code == 200, (path, value)
            for error in response.json().get("errors", ()):
                code = error.get("extensions", {}).get("code")
                assert code in (None, "BAD_PAGE", "BAD_CURSOR"), (path, value, error)
