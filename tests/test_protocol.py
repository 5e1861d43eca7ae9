"""GraphQL over HTTP: what comes in is checked, what goes out is exact, and errors tell nothing."""

import asyncio
import re
from collections.abc import Iterator, MutableMapping
from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx2
import pytest
from graphql import build_client_schema, get_introspection_query, parse, print_schema, validate
from structlog.testing import capture_logs
from support import documents
from support.api import Api, key
from support.populated import roles
from support.world import World

from refund_gql import auth, database
from refund_gql.errors import Unavailable
from refund_gql.flow import review
from refund_gql.graphql import page, permissions, rows, view
from refund_gql.graphql.types.refund import Refund
from refund_gql.roles import Role, Scope

JSON = "application/json"
STRICT = "application/graphql-response+json"
NAME = "{ viewer { name } }"
SECRET = "the password is swordfish"


async def send(
    by: Api, body: bytes, *, content_type: str | None = JSON, **headers: str
) -> httpx2.Response:
    """One raw POST."""
    given = {"authorization": f"Bearer {by.token}", **headers}
    if content_type is not None:
        given["content-type"] = content_type
    return await by.client.post("/graphql", content=body, headers=given)


async def get(by: Api, accept: str = JSON, **query: str) -> httpx2.Response:
    """One raw GET."""
    headers = {"authorization": f"Bearer {by.token}", "accept": accept}
    address = f"/graphql?{urlencode(query)}" if query else "/graphql"
    return await by.client.get(address, headers=headers)


# --- bodies -----------------------------------------------------------------------------------


def of_variable(value: str) -> bytes:
    return b'{"query": "{ viewer { name } }", "variables": {"a": ' + value.encode() + b"}}"


BODIES = {
    "null": b"null",
    "a number": b"1",
    "a text": b'"x"',
    "a list": b"[]",
    "true": b"true",
    "nothing": b"",
    "an empty object": b"{}",
    "invalid UTF-8": b'{"query": "\xff{hello}"}',
    "UTF-16": '{"query": "{ viewer { name } }"}'.encode("utf-16"),
    "cut off": b'{"query": "{ viewer',
    "variables 100,000 objects deep": of_variable('{"a":' * 100_000 + "1" + "}" * 100_000),
    "variables 100,000 lists deep": of_variable("[" * 100_000 + "]" * 100_000),
    "NUL 900 lists deep": of_variable("[" * 900 + '"\\u0000"' + "]" * 900),
    "NUL after a backslash": of_variable('"\\\\\\u0000"'),
    "an integer of 5,000 digits": of_variable("1" * 5_000),
    "NaN": of_variable("NaN"),
    "Infinity": of_variable("Infinity"),
    "minus Infinity": of_variable("-Infinity"),
    "a number beyond floats": of_variable("1e999"),
    "NUL": of_variable('"\\u0000"'),
    "NUL in a name": of_variable('{"\\u0000": 1}'),
    "half a surrogate pair": of_variable('"\\ud800"'),
    "the other half": of_variable('"\\udc00"'),
    "a query that is a number": b'{"query": 5}',
    "a query that is null": b'{"query": null}',
    "an empty query": b'{"query": ""}',
    "variables that are a list": b'{"query": "{ viewer { name } }", "variables": [1]}',
    "variables that are a text": b'{"query": "{ viewer { name } }", "variables": "x"}',
    "extensions that are a number": b'{"query": "{ viewer { name } }", "extensions": 5}',
    "an operationName that is a number": b'{"query": "{ viewer { name } }", "operationName": 5}',
    "an operationName that is an object": b'{"query": "{ viewer { name } }", "operationName": {}}',
    "an operationName that is none": b'{"query": "{ viewer { name } }", "operationName": "B"}',
    "an empty operationName": b'{"query": "query A { viewer { name } }", "operationName": ""}',
    "only a fragment": b'{"query": "fragment F on Query { viewer { name } }"}',
    "a batch": b'[{"query": "{ viewer { name } }"}]',
    "a batch of ten": b"[" + b",".join([b'{"query": "{ viewer { name } }"}'] * 10) + b"]",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_is_no_request_is_a_400(world: World, body: bytes) -> None:
    response = await send(world.owner, body)
    assert response.status_code == 400
    assert response.headers["cache-control"] == "no-store"
    assert 5 < len(response.text) < 400
    assert "Traceback" not in response.text


async def test_a_backslash_before_u0000_is_just_a_text(world: World) -> None:
    body = b'{"query": "{ refunds(filter: {text: \\"%s\\"}) { totalCount } }"}' % (
        rb"\\\\" + b"u0000"
    )
    response = await send(world.owner, body)
    assert response.json() == {"data": {"refunds": {"totalCount": 0}}}


@pytest.mark.parametrize("accept", [JSON, STRICT])
async def test_a_body_above_the_limit_is_a_413(world: World, accept: str) -> None:
    body = b'{"query": "{ viewer { name } }", "more": "%s"}'
    fits = body % (b"a" * (view.MAX_BODY - len(body) + 2))
    assert len(fits) == view.MAX_BODY
    assert (await send(world.owner, fits, accept=accept)).status_code == 200
    assert (await send(world.owner, fits + b" ", accept=accept)).status_code == 413


async def test_a_body_without_an_end_is_a_413(world: World) -> None:
    """Nobody says how long it is; it is cut off all the same."""
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 50 * view.MAX_BODY:
            sent += 100_000
            yield b" " * 100_000

    response = await world.api.client.post(
        "/graphql", content=endless(), headers={"content-type": JSON}
    )
    assert response.status_code == 413


# --- media types ------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [JSON, f"{JSON}; charset=utf-8", f" {JSON} ;x=y"])
async def test_json_is_what_is_understood(world: World, content_type: str) -> None:
    response = await send(
        world.owner, b'{"query": "{ viewer { name } }"}', content_type=content_type
    )
    assert response.json() == {"data": {"viewer": {"name": "Owner"}}}


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "xapplication/jsonx",
        f"text/plain; {JSON}",
        "application/json-patch+json",
    ],
)
async def test_what_a_form_could_send_is_a_415(world: World, content_type: str | None) -> None:
    """A page of somebody else can make a browser send these, and nothing else."""
    response = await send(
        world.owner, b'{"query": "{ viewer { name } }"}', content_type=content_type
    )
    assert response.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"])
async def test_other_methods_are_a_405(world: World, method: str) -> None:
    response = await world.api.client.request(method, "/graphql", content=b"{}")
    assert response.status_code == 405


@pytest.mark.parametrize(
    "accept",
    ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0", f"{JSON}, text/event-stream"],
)
async def test_nobody_gets_a_stream_for_a_query(world: World, accept: str) -> None:
    response = await send(world.owner, b'{"query": "{ viewer { name } }"}', accept=accept)
    assert response.headers["content-type"] == JSON
    assert response.json() == {"data": {"viewer": {"name": "Owner"}}}


# --- answers ----------------------------------------------------------------------------------

ANSWERS = {
    "data": (NAME, 200, {"data"}),
    "a syntax error": ("{", 400, {"errors"}),
    "an unknown field": ("{ nothing }", 400, {"errors"}),
    "a missing variable": ("query Q($id: ID!) { node(id: $id) { id } }", 400, {"errors"}),
    "too much": ("{ " + "__typename " * 501 + "}", 400, {"errors"}),
    "not allowed": ('mutation { reasonTagRetire(id: "") { __typename } }', 400, {"errors"}),
    "an error while running": ("{ refunds(first: 0) { totalCount } }", 200, {"data", "errors"}),
}


@pytest.mark.parametrize(("text", "status", "parts"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_the_status_tells_who_asks_for_it(
    world: World, text: str, status: int, parts: set[str]
) -> None:
    """The newer media type has 4xx for what never ran; plain JSON always has 200."""
    by, body = world.as_(Role.ANALYST), httpx2.Request("POST", "http://x", json={"query": text})
    for accept, expected in ((STRICT, status), (JSON, 200), ("*/*", 200)):
        response = await send(by, body.content, accept=accept)
        assert response.status_code == expected
        assert response.headers["content-type"] == (STRICT if accept == STRICT else JSON)
        assert response.headers["cache-control"] == "no-store"
        assert response.json().keys() == parts


@pytest.mark.parametrize("accept", [JSON, STRICT])
async def test_who_has_no_token_hears_401(api: Api, accept: str) -> None:
    headers = {"accept": accept}
    response = await api.client.post(
        "/graphql", json={"query": "{ shop { name } }"}, headers=headers
    )
    assert response.status_code == 401
    assert response.headers["content-type"] == accept
    assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    "authorization",
    [
        "", "Bearer", "Bearer ", "Bearer x", "Bearer rg", "Bearer rg_", "Bearer rg_a",
        "Bearer rg_a_", "Bearer rg__x", "Bearer rg_a-b_x", "Bearer rg_a_b", "Basic cmc6cmc=",
        "rg_a_b",
        "Bearer rg_" + "a" * 20_000 + "_x", "Bearer rg_a_" + "x" * 20_000, "Bearer rg_%_%",
        "Bearer rg_\u00e9\u00ff_\u00e9", "Bearer sk_0123456789ab_x",
    ],
)  # fmt: skip
async def test_a_token_that_is_none_is_nobody(api: Api, authorization: str) -> None:
    headers = {b"authorization": authorization.encode("latin-1")}
    body = {"query": "{ viewer { name } shop { name } }"}
    response = await api.client.post("/graphql", json=body, headers=headers)
    assert response.status_code == 401
    anybody = await api.client.post("/graphql", json={"query": NAME}, headers=headers)
    assert (anybody.status_code, anybody.json()["errors"][0]["extensions"]["code"]) == (
        401,
        "UNAUTHENTICATED",
    )


async def test_the_name_of_the_scheme_may_be_written_anyhow(world: World) -> None:
    headers = {"authorization": f"bEARER   {world.tokens[Role.OWNER]} "}
    response = await world.api.client.post("/graphql", json={"query": NAME}, headers=headers)
    assert response.json() == {"data": {"viewer": {"name": "Owner"}}}


# --- several operations -----------------------------------------------------------------------

TWO = "query A { viewer { name } } query B { viewer { role } }"


async def test_of_two_operations_one_must_be_named(world: World) -> None:
    response = await world.owner.post(TWO)
    assert response.json().keys() == {"errors"}
    assert "operationName" in response.json()["errors"][0]["message"]


async def test_the_named_operation_runs(world: World) -> None:
    for name, data in (("A", {"name": "Owner"}), ("B", {"role": "OWNER"})):
        body = httpx2.Request("POST", "http://x", json={"query": TWO, "operationName": name})
        assert (await send(world.owner, body.content)).json() == {"data": {"viewer": data}}


async def test_a_document_is_as_forbidden_as_any_of_its_operations(world: World) -> None:
    text = "query A { viewer { name } } query B { shop { financeThreshold { amount } } }"
    body = httpx2.Request("POST", "http://x", json={"query": text, "operationName": "A"})
    [error] = (await send(world.customer, body.content)).json()["errors"]
    assert error["extensions"]["fields"] == ["Shop.financeThreshold"]


async def test_skipping_a_field_does_not_open_it(world: World) -> None:
    [error] = await world.customer.errors(
        "{ shop { financeThreshold @skip(if: true) { amount } ...F @include(if: false) } }"
        " fragment F on Shop { handle }"
    )
    assert error["extensions"]["fields"] == ["Shop.financeThreshold", "Shop.handle"]


async def test_an_alias_does_not_open_a_field(world: World) -> None:
    [error] = await world.customer.errors("{ s: shop { name: handle } }")
    assert error["extensions"]["fields"] == ["Shop.handle"]


async def test_nothing_can_be_subscribed_to_by_a_plain_request(world: World) -> None:
    response = await world.owner.post("subscription { refunds { id } }")
    assert response.json().keys() == {"errors"}


# --- GET --------------------------------------------------------------------------------------


async def test_a_query_by_get_is_answered(world: World) -> None:
    response = await get(world.owner, query="query Q($id: ID!) { node(id: $id) { id } }",
                         variables='{"id": "x"}', operationName="Q")  # fmt: skip
    assert (response.status_code, response.json()) == (200, {"data": {"node": None}})
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("accept", ["*/*", "", "image/*", "text/html", "text/html,*/*;q=0.8"])
async def test_a_query_by_get_needs_a_header_that_no_link_sends(world: World, accept: str) -> None:
    response = await get(world.owner, accept, query=NAME)
    assert response.status_code == 406


async def test_a_mutation_by_get_is_refused(world: World) -> None:
    text = 'mutation { apiTokenCreate(input: {name: "x", scopes: [READ]}) { __typename } }'
    response = await get(world.owner, query=text)
    assert response.status_code == 400
    found = await database.fetch("select 1 from api_token where shop_id = $1 and name = 'x'",
                                 world.shop.id)  # fmt: skip
    assert found == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"query": ""},
        {"query": NAME, "variables": "x"},
        {"query": NAME, "variables": "[1]"},
        {"query": NAME, "variables": '{"a": "\\u0000"}'},
        {"query": NAME, "variables": "[" * 5000},
        {"query": NAME, "extensions": "5"},
        {"query": NAME, "operationName": "\x00"},
    ],
)
async def test_a_get_that_is_no_request_is_a_400(world: World, query: dict[str, str]) -> None:
    assert (await get(world.owner, **query)).status_code == 400


# --- the page ---------------------------------------------------------------------------------


async def test_a_browser_gets_a_page(api: Api) -> None:
    response = await api.client.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "POST http://test/graphql" in response.text
    text = unescape(response.text)
    for role, title, operation in page.examples():
        assert f"<b>{role}</b> {title}" in text
        assert operation in text
    assert len(page.examples()) >= 11


async def test_the_page_runs_nothing_and_loads_nothing(api: Api) -> None:
    response = await api.client.get("/graphql", headers={"accept": "text/html"})
    policy = dict(
        part.strip().split(" ", 1)
        for part in response.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert not re.search(
        r"<script|<link|<img|<iframe|<form| on\w+=| src=|@import|url\(", response.text
    )


async def test_the_page_takes_no_html_from_the_address(api: Api) -> None:
    headers = {"accept": "text/html", "host": 'evil"><script>alert(1)</script>'}
    response = await api.client.get('/graphql?x="><script>alert(1)</script>', headers=headers)
    assert "<script" not in response.text


@pytest.mark.parametrize("example", page.examples(), ids=[e[1] for e in page.examples()])
def test_every_example_is_valid_and_allowed_for_its_role(example: tuple[str, str, str]) -> None:
    role, _, operation = example
    document = parse(operation)
    assert validate(documents.core(), document) == []
    asked = permissions.asked(documents.core(), document)
    for one in roles() if role == "EVERYBODY" else [Role(role)]:
        viewer = auth.Viewer(
            shop_id=UUID(int=0),
            role=one,
            scopes=frozenset(Scope),
        )
        assert documents.table().refuse(viewer, asked) is None


def test_every_role_has_an_example() -> None:
    assert {role for role, _, _ in page.examples()} == {"EVERYBODY", *roles()}


# --- introspection ----------------------------------------------------------------------------


async def test_tools_can_read_the_schema(api: Api) -> None:
    """Also without a token: the schema is documentation."""
    answer = (await api.post(get_introspection_query())).json()
    assert print_schema(build_client_schema(answer["data"])) == print_schema(documents.core())


# --- errors -----------------------------------------------------------------------------------


@pytest.fixture
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as entries:
        yield entries


async def test_an_unexpected_error_is_masked_and_logged_once(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(review, "reject", broken)
    content = {"refundId": "x", "idempotencyKey": key(), "reason": "no"}
    text = documents.mutation("refundReject")
    refund = await _review(world)
    response = await world.agent.post(text, input={**content, "refundId": refund["id"]})
    assert response.status_code == 200
    assert SECRET not in response.text
    assert "RuntimeError" not in response.text
    answer = response.json()
    [error] = answer["errors"]
    assert (answer["data"], error["path"], error["extensions"]) == (
        None, ["result"], {"code": "INTERNAL"}
    )  # fmt: skip
    found = re.fullmatch(r"Unexpected error; incident ([0-9a-f]{12})", error["message"])
    assert found is not None
    [entry] = [e for e in logged if e["log_level"] == "error"]
    assert (entry["event"], entry["incident"]) == ("unexpected error", found[1])
    assert SECRET in str(entry["exc_info"])


async def _review(world: World) -> dict[str, Any]:
    """A refund; that it waits for anything does not matter here."""
    return await world.refund(world.customer, await world.order())


async def test_what_others_answered_is_kept_beside_a_masked_error(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    def broken(*_: object) -> str:
        raise KeyError(SECRET)

    refund = await _review(world)
    monkeypatch.setattr(Refund, "_last_words", broken)
    response = await world.owner.post(
        "query Q($id: ID!) { refund(id: $id) { number rejection } }", id=refund["id"]
    )
    assert response.json()["data"] == {"refund": {"number": refund["number"], "rejection": None}}
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL"}
    assert SECRET not in response.text
    assert len([e for e in logged if e["log_level"] == "error"]) == 1


async def _lost(*_: object) -> None:
    raise Unavailable("the database was lost")


@pytest.mark.parametrize("accept", [JSON, STRICT])
async def test_a_query_without_the_database_is_a_503(
    world: World, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    monkeypatch.setattr(rows, "fetch", _lost)
    body = httpx2.Request("POST", "http://x", json={"query": "{ shop { name } }"})
    response = await send(world.owner, body.content, accept=accept)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.headers["content-type"] == accept
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert error["message"] == "The database cannot be reached; try again"


async def test_a_mutation_without_the_database_is_a_503(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise Unavailable("the database is too busy")

    refund = await _review(world)
    monkeypatch.setattr(database, "transaction", lost)
    response = await world.agent.post(
        documents.mutation("refundReject"),
        input={"refundId": refund["id"], "idempotencyKey": key(), "reason": "no"},
    )
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_a_token_without_the_database_is_a_503_and_no_401(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 401 would make a client throw a good token away."""
    monkeypatch.setattr(auth, "fetch", _lost)
    response = await world.owner.post(NAME)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


# --- health -----------------------------------------------------------------------------------


async def test_the_process_says_that_it_is_alive_whatever_the_database(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "fetch", _lost)
    response = await api.client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_ready_means_that_the_database_answers(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = await api.client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})
    monkeypatch.setattr(database, "fetch", _lost)
    response = await api.client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "database unreachable"})


@pytest.mark.parametrize(
    "path", ["/", "/graphql/", "/graphiql", "/playground", "/metrics", "/docs"]
)
async def test_there_is_no_other_door(api: Api, path: str) -> None:
    response = await api.client.get(path, headers={"accept": "text/html"})
    assert response.status_code in (307, 404)
    assert "GraphiQL" not in response.text


# --- many at once -----------------------------------------------------------------------------


async def test_answers_are_not_mixed_up(world: World) -> None:
    """A context is one request's: forty callers at once get each their own name."""
    callers = [world.as_(role) for role in roles()] * 6
    answers = await asyncio.gather(*(by("{ viewer { role } }") for by in callers))
    assert [answer["viewer"]["role"] for answer in answers] == list(roles()) * 6
