"""One document cannot ask for too much, and is refused before it costs anything."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import get_introspection_query, parse
from support import documents
from support.api import Api, key
from support.world import World

from refund_gql.graphql import documents as gate
from refund_gql.graphql import limits, rows, view
from refund_gql.graphql.documents import Documents

LOGIN = 'staffLogin(input: {shop: "", email: "", password: ""}) { __typename }'
CANCEL = 'refundCancel(input: {refundId: "", idempotencyKey: ""}) { __typename }'


def chain(count: int, inside: str = "{}") -> str:
    """Fragments that spread each other, one after the other."""
    links = (
        f"fragment F{i} on Query {{ {inside.format(f'...F{i + 1}')} }}" for i in range(count - 1)
    )
    return f"{{ ...F0 }} {' '.join(links)} fragment F{count - 1} on Query {{ __typename }}"


def bomb(count: int) -> str:
    """A document of some hundred bytes that unfolds to 2 to the power of `count` fields."""
    links = (f"fragment F{i} on Query {{ ...F{i + 1} a: __typename ...F{i + 1} }}"
             for i in range(count))  # fmt: skip
    return f"{{ ...F0 }} {' '.join(links)} fragment F{count} on Query {{ __typename }}"


def mesh(count: int) -> str:
    """Every fragment spreads all that come after it."""
    spreads = [" ".join(f"...F{j}" for j in range(i + 1, count)) for i in range(count)]
    links = (
        f"fragment F{i} on Query {{ __typename {spread} }}" for i, spread in enumerate(spreads)
    )
    return f"{{ ...F0 }} {' '.join(links)}"


def nest(levels: int) -> str:
    return "{ viewer { shop " * levels + "{ name }" + " }" * levels + " }"


def deep(levels: int) -> str:
    """Order and refunds in turn."""
    pairs = "refunds { order { " * levels + "id" + " } }" * levels
    return f'{{ order(id: "") {{ {pairs} }} }}'


TOO_MUCH = {
    "501 fields": "{ " + "__typename " * 501 + "}",
    "the same field with a selection": "{ " + "viewer { name } " * 251 + "}",
    "the same field with arguments": "{ " + "orders(first: 1) { edges { cursor } }" * 180 + "}",
    "fields of a fragment": "{ ...F } fragment F on Query { " + "__typename " * 501 + "}",
    "fields of a fragment nobody uses": (
        "{ __typename } fragment F on Query { " + "__typename " * 501 + "}"
    ),
    "a fragment spread often": (
        "{ " + "...F " * 60 + "} fragment F on Query { " + "viewer { name } " * 10 + "}"
    ),
    "a bomb": bomb(20),
    "a bigger bomb": bomb(90),
    "a mesh": mesh(60),
    "101 fragments": chain(101),
    "a long chain": chain(400),
    "a chain of deep fragments": chain(95, "... {{ " * 10 + "{}" + " }}" * 10),
    "31 aliases": "{ " + " ".join(f"a{i}: __typename" for i in range(31)) + " }",
    "101 aliases": "{ " + " ".join(f"a{i}: __typename" for i in range(101)) + " }",
    "aliases in a fragment": (
        "{ ...F } fragment F on Query { "
        + " ".join(f"a{i}: __typename" for i in range(31))
        + " }"
    ),
    "16 levels": deep(8),
    "levels of inline fragments": "{ " + "... { " * 16 + "__typename" + " }" * 16 + " }",
    "31 directives on a field": "{ __typename " + "@aa " * 31 + "}",
    "31 directives on an operation": "query " + "@aa " * 31 + "{ __typename }",
    "31 directives on a fragment": (
        "{ ...F } fragment F on Query " + "@aa " * 31 + "{ __typename }"
    ),
    "31 directives on a variable": "query Q($a: Int " + "@aa " * 31 + ") { __typename }",
    "many introspections": (
        "{ " + " ".join(f"a{i}: __schema {{ types {{ name }} }}" for i in range(10)) + " }"
    ),
    "an introspection of many fields": "{ __schema { types { " + "name " * 500 + "} } }",
    "six mutations": "mutation { " + " ".join(f"a{i}: {LOGIN}" for i in range(6)) + " }",
    "two mutations with a key": f"mutation {{ {CANCEL} b: {CANCEL} }}",
    "a mutation with a key and one without": f"mutation {{ {LOGIN} {CANCEL} }}",
    "mutations with a key in an inline fragment": (
        f"mutation {{ ... on Mutation {{ {CANCEL} b: {CANCEL} }} }}"
    ),
    "mutations with a key in fragments": (
        f"mutation {{ ...A ...B }} fragment A on Mutation {{ {CANCEL} }}"
        f" fragment B on Mutation {{ b: {CANCEL} }}"
    ),
    "six logins in fragments": (
        "mutation { ...A ...B } fragment A on Mutation { a: "
        + LOGIN
        + " ...B } fragment B on Mutation { "
        + " ".join(f"b{i}: {LOGIN}" for i in range(5))
        + " }"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_too_much_is_refused_before_it_is_validated(
    world: World, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validation itself is what many of these attack: it is never reached."""
    monkeypatch.setattr(gate, "validate", _never)
    response = await world.owner.post(text)
    assert (response.status_code, response.json().keys()) == (200, {"errors"})
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX"}


def _never(*_: object) -> None:
    raise AssertionError("reached")


async def test_operations_are_measured_together(world: World) -> None:
    """Only one of them runs, but all are validated."""
    text = " ".join(f"query Q{i} {{ {'__typename ' * 100} }}" for i in range(6))
    body = {"query": text, "operationName": "Q0"}
    response = await world.api.client.post("/graphql", json=body)
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX"}


JUST_ENOUGH = {
    "500 fields": "{ " + "__typename " * 500 + "}",
    "100 fragments": chain(100),
    "30 aliases": "{ " + " ".join(f"a{i}: __typename" for i in range(30)) + " }",
    "15 levels": "{ " + "... { " * 14 + "__typename" + " }" * 14 + " }",
    "30 directives": "{ " + " ".join("__typename @include(if: true)" for _ in range(30)) + " }",
    "five mutations": "mutation { " + " ".join(f"a{i}: {LOGIN}" for i in range(5)) + " }",
    "one mutation with a key, twice the same": f"mutation {{ {CANCEL} }}",
    "the introspection of every tool": get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    ),
    "two types by name": '{ __type(name: "Refund") { name } b: __type(name: "Order") { name } }',
}


@pytest.mark.parametrize("text", JUST_ENOUGH.values(), ids=JUST_ENOUGH.keys())
async def test_what_is_just_enough_is_answered(world: World, text: str) -> None:
    assert (await world.owner(text)).keys()


HOPELESS = {
    "tokens": "{ " + "a " * 4000 + "}",
    "comments": "#\n" * 201 + "{ __typename }",
    "length": "{ __typename }" + " " * 50_000,
    "selections in each other": nest(300),
    "lists in each other": '{ node(id: ' + "[" * 1500 + "]" * 1500 + ") { id } }",
    "objects in each other": "{ node(id: " + "{a: " * 900 + "1" + "}" * 900 + ") { id } }",
    "types in each other": "query($a: " + "[" * 1500 + "Int" + "]" * 1500 + ") { __typename }",
    "a circle of fragments": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "introspection in circles": (
        "{ __schema { types { fields { type { fields { type { fields { type { fields"
        " { type { name } } } } } } } } } } }"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", HOPELESS.values(), ids=HOPELESS.keys())
async def test_what_cannot_be_a_document_is_refused_in_words(world: World, text: str) -> None:
    response = await world.owner.post(text)
    assert (response.status_code, response.json().keys()) == (200, {"errors"})
    assert all("INTERNAL" not in str(error) for error in response.json()["errors"])


BAD_LITERALS = {
    "a long text": ('{ refunds(filter: {text: "' + "a" * 20_001 + '"}) { totalCount } }', "TEXT"),
    "NUL": ('{ refunds(filter: {text: "\\u0000"}) { totalCount } }', "TEXT"),
    "NUL in an id": ('{ node(id: "\\u{0}") { id } }', "TEXT"),
    "NUL in a cursor": ('{ orders(after: "\\u0000") { totalCount } }', "TEXT"),
    "a long Int": ("{ orders(first: " + "1" * 5000 + ") { totalCount } }", "NUMBER"),
    "a long negative Int": ("{ orders(first: -" + "1" * 5000 + ") { totalCount } }", "NUMBER"),
    "a long amount": ("{ refunds(filter: {amountTo: " + "1" * 101 + "}) { edges } }", "NUMBER"),
    "a long id": ("{ node(id: " + "1" * 5000 + ") { id } }", "NUMBER"),
    "a long fraction": ("{ orders(first: 0." + "1" * 5000 + ") { totalCount } }", "NUMBER"),
    "a long exponent": ("{ orders(first: 1e" + "1" * 5000 + ") { totalCount } }", "NUMBER"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "what"), BAD_LITERALS.values(), ids=BAD_LITERALS.keys())
async def test_literals_that_nothing_can_hold_are_refused(
    world: World, text: str, what: str
) -> None:
    [error] = await world.owner.errors(text)
    assert error["extensions"] == {"code": f"BAD_{what}"}
    assert error["locations"]


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\u{d800}", "\\ud800\\u0041"])
async def test_half_a_surrogate_pair_is_no_text(world: World, escape: str) -> None:
    [error] = await world.owner.errors(
        f'{{ refunds(filter: {{text: "{escape}"}}) {{ totalCount }} }}'
    )
    assert "Invalid Unicode escape sequence" in error["message"]


async def test_a_whole_surrogate_pair_is_a_text(world: World) -> None:
    data = await world.owner('{ refunds(filter: {text: "\\ud83d\\ude00"}) { totalCount } }')
    assert data == {"refunds": {"totalCount": 0}}


# --- what is remembered of documents ----------------------------------------------------------


def fresh(monkeypatch: pytest.MonkeyPatch) -> tuple[Documents, list[Any]]:
    """An empty memory, and what was validated since."""
    validated: list[Any] = []
    original: Callable[..., Any] = vars(gate)["validate"]

    def spy(*arguments: Any) -> Any:
        validated.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(gate, "validate", spy)
    return Documents(documents.core(), documents.table()), validated


def test_a_good_document_is_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, validated = fresh(monkeypatch)
    text = "{ viewer { name } }"
    assert memory.find(text) is None
    checked = memory.check(text, parse(text))
    assert memory.find(text) is checked
    assert checked.asked == {("Query", "viewer"), ("Viewer", "name")}
    assert len(validated) == 1


def test_a_bad_document_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, _ = fresh(monkeypatch)
    for text in ("{ nothing }", "{ " + "__typename " * 501 + "}"):
        assert memory.check(text, parse(text)).errors
        assert memory.find(text) is None


def test_memory_is_bounded_and_the_least_used_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, _ = fresh(monkeypatch)
    texts = [f"{{ viewer {{ name }} }}{' ' * 9_975}#{i}" for i in range(40)]
    monkeypatch.setattr(gate, "MAX_CACHED", 100_000)
    for text in texts:
        memory.check(text, parse(text))
        assert memory.find(texts[0]) is not None, "used all the time, and forgotten"
    remembered = [text for text in texts if memory.find(text)]
    assert remembered[0] == texts[0]
    assert remembered[1:] == texts[-len(remembered) + 1 :]
    assert 80_000 < sum(map(len, remembered)) <= 100_000


async def test_a_remembered_document_is_still_checked_for_each_viewer(world: World) -> None:
    text = f"query Fresh{key()} {{ shop {{ financeThreshold {{ amount }} }} }}"
    assert await world.owner(text) == {"shop": {"financeThreshold": {"amount": 10000}}}
    [error] = await world.customer.errors(text)
    assert error["extensions"]["fields"] == ["Shop.financeThreshold"]
    response = await world.api.post(text)
    assert response.status_code == 401


# --- what one answer may hold -----------------------------------------------------------------


async def test_an_answer_that_goes_in_circles_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three refunds on an order, and back to the order, and its refunds: 3, 9, 27 rows."""
    lines = [{"sku": "CUP", "title": "Cup", "quantity": 3, "unitPrice": 100}]
    order = await world.order(lines=lines)
    one = [{"orderLineId": order["lines"][0]["id"], "quantity": 1}]
    for _ in range(3):
        await world.refund(world.customer, order, lines=one)
    text = "query C($id: ID!) { order(id: $id) { refunds { order { refunds { order {"
    text += " refunds { id } } } } } } }"
    found = (await world.customer(text, id=order["id"]))["order"]
    assert [len(refund["order"]["refunds"]) for refund in found["refunds"]] == [3, 3, 3]
    monkeypatch.setattr(rows, "MAX_LISTED", 20)
    monkeypatch.setattr(view, "MAX_ERRORS", 4)
    errors = await world.customer.errors(text, id=order["id"])
    assert len(errors) == 4
    assert {error["extensions"]["code"] for error in errors} == {"QUERY_TOO_COMPLEX"}


def test_the_limits_are_what_the_tests_think() -> None:
    assert (limits.MAX_FIELDS, limits.MAX_FRAGMENTS, limits.MAX_DEPTH) == (500, 100, 15)
    assert (limits.MAX_ALIASES, limits.MAX_DIRECTIVES, limits.MAX_ROOT_MUTATIONS) == (30, 30, 5)


def test_a_mutation_with_a_key_is_one_that_takes_an_idempotency_key() -> None:
    assert gate.money_fields(documents.core()) == {
        "refundRequest", "refundApprove", "refundReject", "refundRequestEvidence",
        "refundProvideEvidence", "refundConfirmWarehouse", "returnShip", "returnReceive",
        "returnInspect", "refundApproveFinance", "refundCancel", "payoutRetry",
        "customerFlag", "customerUnflag", "customerAppeal", "customerAppealAnswer",
        "refundSetPriority", "refundApproveFirst", "claimOpen", "claimSettle", "claimWriteOff",
        "couponIssue", "couponRetry", "couponRevoke", "restitutionRetry", "ruleBacktest",
        "refundTake", "refundAssign", "refundNote",
        "refundAmend", "refundMerge", "evidenceUploadStart", "evidenceRemove",
        "refundDispute", "refundSetReasons",
        "returnBookPickup", "returnReportLost", "returnReopen",
        "offerPropose", "offerAccept", "offerDecline", "offerCounter", "offerAcceptCounter",
        "offerWithdraw", "discretionApprove", "discretionRefuse",
    }  # fmt: skip


async def test_nobody_needs_a_token_to_be_refused(api: Api) -> None:
    [error] = await api.errors(bomb(30))
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
