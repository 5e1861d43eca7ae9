"""The shop itself: settings, people, logins, tokens, sessions, reasons."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr
from support.api import Api, key
from support.refusals import (
    Answer,
    invalid,
    mutate,
    not_allowed,
    not_found,
    refused,
    unreadable,
)
from support.world import World

from refund_gql import clock, ids
from refund_gql.auth import authenticate, system
from refund_gql.backoffice import shops, staff
from refund_gql.backoffice.staff import NewStaff
from refund_gql.database import fetch
from refund_gql.errors import AlreadyExists, InvalidInput
from refund_gql.models import Shop, Staff, new_id
from refund_gql.roles import Role, Scope

PASSWORD = "correct horse"
PERSON = {"email": "li@shop.example", "name": "Li", "role": "AGENT", "password": PASSWORD}


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real hash, with the least work: what it costs is not what is tried here."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    nobody = hasher.hash("nobody")
    monkeypatch.setattr(staff, "_hasher", hasher)
    monkeypatch.setattr(staff, "_nobody", lambda: nobody)


async def works(api: Api, token: str) -> bool:
    found: Answer = (await api.with_token(token).post("{ viewer { name } }")).json()
    return "errors" not in found


# --- the shop ---------------------------------------------------------------------------------

SHOP = """... on Shop { name timeZone locale returnWindowDays returnAddress returnRequirements
  financeThreshold { amount currency } currency handle }"""


async def test_settings_change_one_by_one(world: World) -> None:
    before = await mutate(world.owner, "shopUpdate", {}, SHOP)
    changes: Answer = {
        "name": " New name ",
        "timeZone": "Europe/Berlin",
        "financeThreshold": 0,
        "returnWindowDays": 0,
        "returnAddress": "",
        "returnRequirements": {"en": "As new"},
        "locale": "zh",
    }
    expected = {**changes, "name": "New name", "returnRequirements": "As new"}
    expected["financeThreshold"] = {"amount": 0, "currency": "CNY"}
    for name, value in changes.items():
        after = await mutate(world.owner, "shopUpdate", {name: value}, SHOP)
        assert after == {**before, name: expected[name]}
        before = after
    nothing = dict.fromkeys(changes)
    assert await mutate(world.owner, "shopUpdate", nothing, SHOP) == before


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": " "}, invalid("name", "''")),
        ({"name": "x" * 201}, invalid("name", "201 characters")),
        ({"timeZone": ""}, invalid("timeZone", "")),
        ({"timeZone": "Beijing"}, invalid("timeZone", "Beijing")),
        ({"timeZone": "../../etc/passwd"}, invalid("timeZone", "../../etc/passwd")),
        ({"timeZone": "/usr/share/zoneinfo/UTC"}, invalid("timeZone", "/usr/share/zoneinfo/UTC")),
        ({"locale": "fr"}, invalid("locale", "fr")),
        ({"locale": ""}, invalid("locale", "")),
        ({"financeThreshold": -1}, invalid("financeThreshold", "-1")),
        ({"returnWindowDays": -1}, invalid("returnWindowDays", "-1")),
        ({"returnWindowDays": 3651}, invalid("returnWindowDays", "3651")),
        ({"returnWindowDays": 2**31 - 1}, invalid("returnWindowDays", str(2**31 - 1))),
        ({"returnAddress": "x" * 501}, invalid("returnAddress", "501 characters")),
        ({"returnRequirements": {"zh": " "}}, invalid("returnRequirements.zh", "''")),
        (
            {"returnRequirements": {"en": "ok", "zh": "字" * 2001}},
            invalid("returnRequirements.zh", "2001 characters"),
        ),
    ],
)
async def test_a_setting_has_its_range(world: World, changes: Answer, problem: Answer) -> None:
    assert await refused(world.shop.id, world.owner, "shopUpdate", changes) == problem
    with_good = {"name": "Not taken", **changes}
    assert await refused(world.shop.id, world.owner, "shopUpdate", with_good) == problem


@pytest.mark.parametrize("changes", [{"financeThreshold": 2**53}, {"returnWindowDays": 2**31},
                                     {"returnWindowDays": "7"}, {"currency": "USD"},
                                     {"handle": "mine"}])  # fmt: skip
async def test_what_is_no_setting_is_unreadable(world: World, changes: Answer) -> None:
    """A shop's currency and handle are its own for ever."""
    assert len(await unreadable(world.shop.id, world.owner, "shopUpdate", changes)) == 1


@pytest.mark.parametrize("handle", ["", " ", "a b", "a_b", "é", "a/b", "x" * 65, "--", "店"])
async def test_a_handle_is_letters_digits_and_dashes(engine: object, handle: str) -> None:
    before = await fetch("select count(*) from shop")
    with pytest.raises(InvalidInput) as problem:
        await shops.create(handle, name="x", currency="CNY", time_zone="UTC", locale="zh")
    assert problem.value.data["field"] == "handle"
    assert await fetch("select count(*) from shop") == before


async def test_a_handle_is_taken_once(world: World) -> None:
    with pytest.raises(AlreadyExists):
        await shops.create(
            world.shop.handle, name="x", currency="CNY", time_zone="UTC", locale="zh"
        )
    assert await Shop.filter(handle=world.shop.handle).count() == 1


# --- people -----------------------------------------------------------------------------------

STAFF = "... on Staff { id email name role active }"


async def test_a_colleague_can_log_in(world: World) -> None:
    added = await mutate(
        world.owner, "staffCreate", {**PERSON, "email": " Li@Shop.Example "}, STAFF
    )
    assert added == {
        "__typename": "Staff",
        "id": added["id"],
        "email": "li@shop.example",
        "name": "Li",
        "role": "AGENT",
        "active": True,
    }
    token = await login(world, email="LI@shop.example ")
    viewer = (await world.api.with_token(token["token"])("{ viewer { name role } }"))["viewer"]
    assert viewer == {"name": "Li", "role": "AGENT"}


async def test_no_password_is_stored_or_shown(world: World) -> None:
    await mutate(world.owner, "staffCreate", PERSON)
    [row] = await fetch(
        "select t::text from staff t where shop_id = $1 and name = 'Li'", world.shop.id
    )
    assert PASSWORD not in row[0]
    assert "$argon2id$" in row[0]
    assert PASSWORD not in repr(NewStaff(email="", name="", role=Role.AGENT, password=PASSWORD))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"email": ""}, invalid("email", "''")),
        ({"email": "x" * 321}, invalid("email", "321 characters")),
        ({"email": "İ" * 200}, invalid("email", "400 characters")),
        ({"name": "\n"}, invalid("name", "''")),
        ({"name": "x" * 201}, invalid("name", "201 characters")),
        ({"role": "SERVICE"}, invalid("role", "SERVICE")),
        ({"role": "CUSTOMER"}, invalid("role", "CUSTOMER")),
        ({"role": "SYSTEM"}, invalid("role", "SYSTEM")),
        ({"password": ""}, invalid("password", "0 characters")),
        ({"password": "x" * 9}, invalid("password", "9 characters")),
        ({"password": "x" * 201}, invalid("password", "201 characters")),
    ],
)
async def test_a_colleague_is_a_person_with_a_password(
    world: World, changes: Answer, problem: Answer
) -> None:
    content = {**PERSON, **changes}
    assert await refused(world.shop.id, world.owner, "staffCreate", content) == problem


async def test_an_address_is_taken_once_however_it_is_written(world: World) -> None:
    await mutate(world.owner, "staffCreate", PERSON)
    for email in ("li@shop.example", "LI@SHOP.EXAMPLE", " li@shop.example\n"):
        problem = await refused(
            world.shop.id, world.owner, "staffCreate", {**PERSON, "email": email}
        )
        assert problem == {
            "__typename": "AlreadyExists",
            "code": "ALREADY_EXISTS",
            "path": [],
            "objectType": "Staff",
        }


async def test_an_address_taken_by_many_at_once_is_taken_once(world: World) -> None:
    made = await asyncio.gather(*(mutate(world.owner, "staffCreate", PERSON) for _ in range(8)))
    assert sorted(answer["__typename"] for answer in made) == ["AlreadyExists"] * 7 + ["Staff"]
    assert await Staff.filter(shop_id=world.shop.id, email=PERSON["email"]).count() == 1


# --- logins -----------------------------------------------------------------------------------


async def login(world: World, **changes: Any) -> Answer:
    """A token, or the refusal."""
    content = {"shop": world.shop.handle, "email": PERSON["email"], "password": PASSWORD, **changes}
    return await mutate(
        world.api, "staffLogin", content, "... on IssuedToken { token expiresAt tokenId }"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong horse"},
        {"password": ""},
        {"password": f"{PASSWORD} "},
        {"password": PASSWORD.upper()},
        {"password": PASSWORD + "x" * 10_000},
        {"email": "nobody@shop.example"},
        {"email": ""},
        {"email": "x" * 100_000},
        {"shop": "no-such-shop"},
        {"shop": ""},
        {"shop": "x" * 100_000},
        {"shop": "' or true --"},
    ],
)
async def test_a_wrong_login_never_says_what_was_wrong(world: World, changes: Answer) -> None:
    await mutate(world.owner, "staffCreate", PERSON)
    assert await login(world, **changes) == not_allowed("LOGIN")
    issued = "select 1 from api_token where shop_id = $1 and name = 'Li'"
    assert await fetch(issued, world.shop.id) == []


async def test_an_inactive_colleague_cannot_log_in(world: World) -> None:
    await mutate(world.owner, "staffCreate", PERSON)
    token = (await login(world))["token"]
    assert await works(world.api, token)
    await Staff.filter(shop_id=world.shop.id, email=PERSON["email"]).update(active=False)
    assert await login(world) == not_allowed("LOGIN")
    assert not await works(world.api, token)


class Later:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.now = clock.now()

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def later() -> Iterator[Later]:
    moving = Later()
    with clock.fixed(moving):
        yield moving


async def fail(world: World, times: int) -> None:
    for _ in range(times):
        assert await login(world, password="wrong horse") == not_allowed("LOGIN")


async def test_after_five_wrong_passwords_the_right_one_has_to_wait(
    world: World, later: Later
) -> None:
    """One minute after the fifth, two after the sixth; tries while it rests change nothing."""
    await mutate(world.owner, "staffCreate", PERSON)
    await fail(world, 4)
    assert "token" in await login(world)
    await fail(world, 5)
    assert await login(world) == not_allowed("LOGIN")
    later.now += timedelta(seconds=59)
    await fail(world, 3)
    assert await login(world) == not_allowed("LOGIN")
    later.now += timedelta(seconds=1)
    await fail(world, 1)
    later.now += timedelta(seconds=119)
    assert await login(world) == not_allowed("LOGIN")
    later.now += timedelta(seconds=1)
    assert "token" in await login(world)
    await fail(world, 4)
    assert "token" in await login(world)


async def test_tries_that_come_at_once_are_counted_one_by_one(world: World) -> None:
    """Forty guesses sent together are five, not forty: also the right one among the last."""
    await mutate(world.owner, "staffCreate", PERSON)
    await asyncio.gather(*(login(world, password="wrong horse") for _ in range(40)))
    person = await Staff.get(shop_id=world.shop.id, email=PERSON["email"])
    assert person.failed_logins == 5
    assert person.locked_until is not None
    assert await login(world) == not_allowed("LOGIN")


async def test_wrong_passwords_lock_nobody_else_out(world: World) -> None:
    await mutate(world.owner, "staffCreate", PERSON)
    other = {**PERSON, "email": "wang@shop.example", "name": "Wang"}
    await mutate(world.owner, "staffCreate", other)
    await fail(world, 6)
    assert "token" in await login(world, email=other["email"])


async def test_a_login_lasts_its_hours(world: World, later: Later) -> None:
    await mutate(world.owner, "staffCreate", PERSON)
    token = await login(world)
    hours = timedelta(hours=world.settings.session_hours)
    assert datetime.fromisoformat(token["expiresAt"]) == later.now + hours
    later.now += hours - timedelta(seconds=1)
    assert await works(world.api, token["token"])
    later.now += timedelta(seconds=1)
    assert not await works(world.api, token["token"])


# --- tokens -----------------------------------------------------------------------------------

ISSUED = "... on IssuedToken { token expiresAt tokenId }"


async def create_token(world: World, **changes: Any) -> Answer:
    content = {"name": "backend", "scopes": ["READ"], **changes}
    return await mutate(world.owner, "apiTokenCreate", content, ISSUED)


async def test_a_token_is_shown_once_and_stored_as_a_digest(world: World) -> None:
    issued = await create_token(world, scopes=["REFUNDS", "READ", "READ"])
    text = issued["token"]
    _, prefix, secret = text.split("_", 2)
    [row] = await fetch("select t::text from api_token t where prefix = $1", prefix)
    assert secret not in row[0]
    query = "query T($id: ID!) { node(id: $id) { ... on ApiToken { name prefix scopes role } } }"
    found = (await world.owner(query, id=issued["tokenId"]))["node"]
    assert found == {
        "name": "backend", "prefix": prefix, "scopes": ["READ", "REFUNDS"], "role": "SERVICE"
    }  # fmt: skip
    assert await works(world.api, text)
    for wrong in (text[:-1], f"{text}x", text.replace(prefix, prefix[::-1]), text.upper()):
        assert not await works(world.api, wrong)


async def test_another_pepper_ends_all_tokens(world: World) -> None:
    text = (await create_token(world))["token"]
    peppered = world.settings.model_copy(update={"token_pepper": SecretStr("x")})
    assert await authenticate(text, world.settings) is not None
    assert await authenticate(text, peppered) is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": ""}, invalid("name", "''")),
        ({"name": "x" * 201}, invalid("name", "201 characters")),
        ({"scopes": []}, invalid("scopes", "[]")),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, invalid("expiresAt", "2020-01-01T00:00:00+00:00")),
        ({"expiresAt": "2020-01-01"}, invalid("expiresAt", "2020-01-01T00:00:00+00:00")),
    ],
)
async def test_a_token_is_for_something(world: World, changes: Answer, problem: Answer) -> None:
    content = {"name": "backend", "scopes": ["READ"], **changes}
    assert await refused(world.shop.id, world.owner, "apiTokenCreate", content) == problem


async def test_a_token_without_a_zone_in_its_end_ends_in_utc(world: World) -> None:
    issued = await create_token(world, expiresAt="2030-01-01T00:00:00")
    assert issued["expiresAt"] == "2030-01-01T00:00:00+00:00"


async def test_a_token_ends(world: World, later: Later) -> None:
    end = later.now + timedelta(hours=1)
    issued = await create_token(world, expiresAt=end.isoformat())
    assert await works(world.api, issued["token"])
    later.now = end
    assert not await works(world.api, issued["token"])


REVOKED = "... on ApiToken { name revokedAt }"


async def test_a_token_is_revoked_at_once_and_for_ever(world: World) -> None:
    issued = await create_token(world)
    content = {"tokenId": issued["tokenId"]}
    revoked = await mutate(world.owner, "apiTokenRevoke", content, REVOKED)
    assert revoked["revokedAt"]
    assert not await works(world.api, issued["token"])
    again = await mutate(world.owner, "apiTokenRevoke", content, REVOKED)
    assert again == revoked


async def test_staff_log_themselves_out_and_nobody_else(world: World) -> None:
    await mutate(world.owner, "staffCreate", PERSON)
    mine, other = await login(world), await login(world)
    li = world.api.with_token(mine["token"])
    owners = await create_token(world)
    for foreign in (owners["tokenId"], ids.encode("ApiToken", new_id())):
        problem = await refused(world.shop.id, li, "apiTokenRevoke", {"tokenId": foreign})
        assert problem == not_found("ApiToken")
    for token in (other, mine):
        assert "code" not in await mutate(li, "apiTokenRevoke", {"tokenId": token["tokenId"]})
    assert not await works(world.api, mine["token"])
    assert await works(world.api, owners["token"])


@pytest.mark.parametrize(
    "text",
    ["", "x", ids.encode("Staff", new_id()), "é", "A" * 10_000],
    ids=["none", "short", "of-staff", "not-ascii", "long"],
)
async def test_what_is_no_token_is_not_revoked(world: World, text: str) -> None:
    problem = await refused(world.shop.id, world.owner, "apiTokenRevoke", {"tokenId": text})
    assert problem == invalid("tokenId", text[:40])


# --- sessions of customers --------------------------------------------------------------------


async def session(world: World, reference: str) -> Answer:
    content = {"customerReference": reference}
    return await mutate(world.service, "customerSessionCreate", content, ISSUED)


async def test_a_session_is_one_customers_and_ends(world: World, later: Later) -> None:
    issued = await session(world, " C-1 ")
    assert issued["tokenId"] is None
    by = world.api.with_token(issued["token"])
    assert (await by("{ viewer { name role scopes } }"))["viewer"] == {
        "name": "王小明", "role": "CUSTOMER", "scopes": []
    }  # fmt: skip
    later.now += timedelta(hours=world.settings.session_hours)
    assert not await works(world.api, issued["token"])


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("", invalid("customerReference", "''")),
        ("x" * 65, invalid("customerReference", "65 characters")),
        ("x" * 100_000, invalid("customerReference", "100000 characters")),
        ("C-2", not_found("Customer")),
        ("c-1", not_found("Customer")),
        ("C-1%", not_found("Customer")),
    ],
)
async def test_a_session_needs_a_customer(world: World, reference: str, problem: Answer) -> None:
    content = {"customerReference": reference}
    found = await refused(world.shop.id, world.service, "customerSessionCreate", content)
    assert found == problem


async def test_every_scope_opens_its_own_door_only(world: World) -> None:
    doors = {
        Scope.READ: "query { refunds { totalCount } }",
        Scope.CATALOGUE: 'mutation { customerUpsert(input: {reference: ""}) { __typename } }',
        Scope.REFUNDS: 'mutation { refundCancel(input: {refundId: "", idempotencyKey: ""})'
        " { __typename } }",
        Scope.SESSIONS: 'mutation { customerSessionCreate(customerReference: "") { __typename } }',
    }
    assert doors.keys() == set(Scope)
    for scope in Scope:
        issued = await staff.create_api_token(
            system(world.shop.id), world.settings, name="x", scopes=[scope], expires_at=None
        )
        by = world.api.with_token(issued.text)
        for door, text in doors.items():
            answer = (await by.post(text)).json()
            if door is scope:
                assert "errors" not in answer
            else:
                assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


# --- reasons ----------------------------------------------------------------------------------

TAG = "... on ReasonTag { id code label sellerAtFault position retiredAt parent { id } }"


async def tag(world: World, code: str, **changes: Any) -> Answer:
    content = {"code": code, "input": {"labels": {"en": code.title()}, **changes}}
    return await mutate(world.agent, "reasonTagCreate", content, TAG)


async def change(world: World, made: Answer, **changes: Any) -> Answer:
    content = {"id": made["id"], "input": changes}
    return await mutate(world.agent, "reasonTagUpdate", content, TAG)


async def test_a_shop_starts_with_the_five_reasons_of_the_trade(world: World) -> None:
    found = (await world.owner("{ reasonTags { code sellerAtFault } }"))["reasonTags"]
    assert [(x["code"], x["sellerAtFault"]) for x in found] == [
        ("ordered-by-mistake", False),
        ("not-as-described", True),
        ("logistics", True),
        ("changed-mind", False),
        ("other", False),
    ]


async def test_a_reason_is_made_changed_and_retired(world: World) -> None:
    made = await tag(world, " late ", position=7, sellerAtFault=True)
    assert made == {
        "__typename": "ReasonTag", "id": made["id"], "code": "late", "label": "Late",
        "sellerAtFault": True, "position": 7, "retiredAt": None, "parent": None,
    } | {"label": " Late ".strip()}  # fmt: skip
    assert await change(world, made) == made
    assert await change(world, made, position=None, sellerAtFault=None, labels=None) == made
    changed = await change(world, made, labels={"en": "Too late"}, position=0)
    assert changed == {**made, "label": "Too late", "position": 0}
    retired = await mutate(world.agent, "reasonTagRetire", {"id": made["id"]}, TAG)
    assert retired["retiredAt"]
    assert await mutate(world.agent, "reasonTagRetire", {"id": made["id"]}, TAG) == retired
    codes = "{ reasonTags { code } all: reasonTags(includeRetired: true) { code } }"
    found = await world.customer(codes)
    assert {"code": "late"} not in found["reasonTags"]
    assert {"code": "late"} in found["all"]


@pytest.mark.parametrize(
    ("code", "changes", "problem"),
    [
        ("", {}, invalid("code", "''")),
        ("x" * 65, {}, invalid("code", "65 characters")),
        ("new", {"labels": None}, invalid("labels", "none")),
        ("new", {"labels": {}}, invalid("labels", "none")),
        ("new", {"labels": {"zh": None}}, invalid("labels", "none")),
        ("new", {"labels": {"zh": " "}}, invalid("labels.zh", "''")),
        ("new", {"labels": {"en": "x" * 101}}, invalid("labels.en", "101 characters")),
        ("new", {"position": -1}, invalid("position", "-1")),
        ("new", {"position": 10_001}, invalid("position", "10001")),
        ("new", {"parentId": "x"}, invalid("parentId", "x")),
        ("new", {"parentId": ids.encode("ReasonTag", new_id())}, not_found("ReasonTag")),
        (
            "other",
            {},
            {
                "__typename": "AlreadyExists",
                "code": "ALREADY_EXISTS",
                "path": [],
                "objectType": "ReasonTag",
            },
        ),
    ],
)
async def test_a_reason_has_a_code_and_a_label(
    world: World, code: str, changes: Answer, problem: Answer
) -> None:
    content = {"code": code, "input": {"labels": {"en": "New"}, **changes}}
    assert await refused(world.shop.id, world.agent, "reasonTagCreate", content) == problem


async def test_a_reason_never_loses_its_last_label(world: World) -> None:
    made = await tag(world, "late")
    for labels in ({}, {"zh": None, "en": None}):
        content = {"id": made["id"], "input": {"labels": labels}}
        problem = await refused(world.shop.id, world.agent, "reasonTagUpdate", content)
        assert problem == invalid("labels", "none")


@pytest.mark.parametrize("mutation", ["reasonTagUpdate", "reasonTagRetire"])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", invalid("id", "")),
        (ids.encode("Order", new_id()), None),
        (ids.encode("ReasonTag", new_id()), not_found("ReasonTag")),
    ],
    ids=["none", "an-order", "unknown"],
)
async def test_only_a_reason_of_this_shop_is_changed(
    world: World, mutation: str, text: str, problem: Answer | None
) -> None:
    content: Answer = {"id": text, "input": {}} if mutation == "reasonTagUpdate" else {"id": text}
    found = await refused(world.shop.id, world.agent, mutation, content)
    assert found == (problem or invalid("id", text[:40]))


async def test_reasons_never_stand_below_themselves(world: World) -> None:
    wide = await tag(world, "wide")
    middle = await tag(world, "middle", parentId=wide["id"])
    narrow = await tag(world, "narrow", parentId=middle["id"])
    for below, above in ((wide, wide), (wide, middle), (wide, narrow), (middle, narrow)):
        content = {"id": below["id"], "input": {"parentId": above["id"]}}
        problem = await refused(world.shop.id, world.agent, "reasonTagUpdate", content)
        assert problem == invalid("parentId", above["code"])
    moved = await change(world, narrow, parentId=wide["id"])
    assert moved["parent"] == {"id": wide["id"]}


async def test_moves_at_once_make_no_circle(world: World) -> None:
    """Each alone is fine; all together would be a circle, whoever is first."""
    for size in (2, 3, 4, 4, 4):
        ring = [await tag(world, key()) for _ in range(size)]
        moves = zip(ring, ring[1:] + ring[:1], strict=True)
        await asyncio.gather(*(change(world, one, parentId=two["id"]) for one, two in moves))
        rows = await fetch(
            "select count(*) from reason_tag where code = any($1) and parent_id is not null",
            [made["code"] for made in ring],
        )
        assert rows[0][0] == size - 1


async def test_a_code_taken_by_many_at_once_is_taken_once(world: World) -> None:
    made = await asyncio.gather(*(tag(world, "late") for _ in range(8)))
    assert sorted(answer["__typename"] for answer in made) == ["AlreadyExists"] * 7 + ["ReasonTag"]
