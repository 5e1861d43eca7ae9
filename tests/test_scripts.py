"""Canned texts: written once, found again, filled in, and how the cases ended that they were in."""

import asyncio
import re
from typing import Any

import pytest
from support.api import Api
from support.refusals import mutate, refused
from support.rulebook import row_id
from support.world import World, shipped

from refund_gql import database, ids
from refund_gql.backoffice import default_scripts, tags
from refund_gql.desk import outcomes, scripts
from refund_gql.desks import Desk
from refund_gql.graphql import rows
from refund_gql.models import Capture, ReasonTag, Refund, Script, ScriptUse, ScriptVersion
from refund_gql.outbox import templates
from refund_gql.outbox.kinds import LOCALES, SCRIPT_VARIABLES

Answer = dict[str, Any]
NAMES = {variable.name for variable in SCRIPT_VARIABLES}
LIST = """query L($first: Int!, $after: String, $filter: ScriptFilter) {
    scripts(first: $first, after: $after, filter: $filter) {
        totalCount edges { node { id code } } pageInfo { endCursor } } }"""
FIGURES = """query F($id: ID!) { node(id: $id) { ... on Script {
    timesUsed acceptedShare outcomes { status count } } } }"""
RENDER = """query R($script: ID!, $refund: ID!, $locale: String) {
    scriptRender(scriptId: $script, refundId: $refund, locale: $locale) {
        __typename ... on RenderedScript { text } ... on Problem { code message path } } }"""


async def written(by: Api, code: str, body: str, title: str = "T", **more: Any) -> str:
    """The global id of a new text that speaks English."""
    texts = [{"locale": "en", "title": title, "body": body}]
    content = {"code": code, "input": {"texts": texts, **more}}
    made = await mutate(by, "scriptCreate", content, "... on Script { id }")
    assert made["__typename"] == "Script", made
    return str(made["id"])


async def codes(by: Api, first: int = 100, **filter: Any) -> list[str]:
    """The codes in the list, read page by page."""
    found, after = list[str](), None
    while True:
        page = (await by(LIST, first=first, after=after, filter=filter))["scripts"]
        if not page["edges"]:
            assert page["totalCount"] == len(found)
            return found
        found += [edge["node"]["code"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]


async def in_review(world: World) -> Answer:
    order = await world.order(shipments=shipped())
    return await world.reaches(await world.refund(world.customer, order), "REVIEW")


async def say(by: Api, name: str, refund: Answer, script: str | None, **input: Any) -> Answer:
    content = {"refundId": refund["id"], "scriptId": script, **input}
    return await mutate(by, name, content, "... on Refund { id status version }")


# --- the first ones ---------------------------------------------------------------------------


def test_the_first_texts_are_whole() -> None:
    """Both languages, nothing but known variables, reasons and desks that every shop has."""
    reasons = {code for code, *_ in tags.DEFAULTS}
    found = default_scripts.texts()
    assert len(found) == 8
    for code, text in found.items():
        assert set(text) == {"reasons", "desks", *LOCALES}, code
        assert set(text["reasons"]) <= reasons
        assert text["desks"] == sorted(Desk(name).value for name in text["desks"])
        for locale in LOCALES:
            assert 0 < len(text[locale]["title"]) <= scripts.MAX_TITLE
            body = text[locale]["body"]
            assert templates.check_body("body", body, NAMES) == body.strip()
            spoken = templates.render(body, {v.name: v.example[locale] for v in SCRIPT_VARIABLES})
            assert not re.search(r"[{}]|\s\s[^\n]", spoken), spoken


async def test_a_new_shop_has_them_and_an_old_one_gets_them_once(world: World) -> None:
    expected = sorted(default_scripts.texts())
    assert sorted(await codes(world.agent)) == expected
    await ScriptVersion.filter(shop_id=world.shop.id).delete()
    await Script.filter(shop_id=world.shop.id).delete()
    await asyncio.gather(*(default_scripts.create_missing() for _ in range(2)))
    assert sorted(await codes(world.agent)) == expected


# --- finding ----------------------------------------------------------------------------------


async def test_texts_are_found_by_what_they_say_in_any_language(world: World) -> None:
    assert await codes(world.warehouse, text="密封圈") == ["insulated-bottle"]
    assert await codes(world.warehouse, text="BOILING water") == ["insulated-bottle"]
    assert await codes(world.warehouse, text="insulated-b") == ["insulated-bottle"]
    assert await codes(world.warehouse, text="100%") == []
    await written(world.agent, "percent", "We refund 100% of it", title="All_of it")
    for text in ("100%", "all_OF"):
        assert await codes(world.agent, text=text) == ["percent"]
    assert await codes(world.agent, text="percent", locale="zh") == []
    assert await codes(world.agent, text="percent", locale="en") == ["percent"]


async def test_texts_are_found_by_reason_and_desk(world: World) -> None:
    logistics = await ReasonTag.get(shop_id=world.shop.id, code="logistics")
    below = {"labels": {"en": "Damaged"}, "parentId": encoded(logistics)}
    made = await mutate(
        world.agent,
        "reasonTagCreate",
        {"code": "damaged", "input": below},
        "... on ReasonTag { id }",
    )
    await written(world.agent, "broken", "Sorry", reasonIds=[made["id"]], desks=["WAREHOUSE"])
    any_reason = "polite-refusal"
    assert set(await codes(world.agent, reasonId=encoded(logistics))) == {"late-parcel", any_reason}
    assert set(await codes(world.agent, reasonId=made["id"])) == {
        "broken", "late-parcel", any_reason,
    }  # fmt: skip
    assert set(await codes(world.warehouse, desk="WAREHOUSE")) == {
        "broken", "missing-accessory", "slight-flaw",
    }  # fmt: skip
    assert await codes(world.warehouse, desk="WAREHOUSE", reasonId=made["id"]) == ["broken"]


def encoded(tag: ReasonTag) -> str:
    return ids.encode("ReasonTag", tag.id)


async def test_pages_of_any_size_list_every_text_once(world: World) -> None:
    everything = await codes(world.agent)
    assert len(set(everything)) == 8
    for first in (1, 3):
        assert await codes(world.agent, first) == everything


# --- writing ----------------------------------------------------------------------------------

VERSIONS = """query V($id: ID!) { node(id: $id) { ... on Script { version
    current { number texts { locale body } }
    versions { number authorName texts { title body } reasons { code } desks } } } }"""


async def test_a_change_is_a_new_version_and_the_old_one_stays(world: World) -> None:
    tag = await ReasonTag.get(shop_id=world.shop.id, code="other")
    script = await written(
        world.agent, "hello", "Hello", reasonIds=[encoded(tag)], desks=["FINANCE"]
    )
    update = {
        "id": script,
        "expectedVersion": 1,
        "input": {"texts": [{"locale": "en", "title": "New", "body": "Good day"}]},
    }
    changed = await mutate(world.owner, "scriptUpdate", update)
    assert changed["__typename"] == "Script"
    stale = await refused(world.shop.id, world.owner, "scriptUpdate", update)
    assert (stale["code"], stale["currentVersion"]) == ("STALE_VERSION", 2)
    found = (await world.agent(VERSIONS, id=script))["node"]
    assert found == {
        "version": 2,
        "current": {"number": 2, "texts": [{"locale": "en", "body": "Good day"}]},
        "versions": [
            {
                "number": 2, "authorName": "Owner", "reasons": [], "desks": [],
                "texts": [{"title": "New", "body": "Good day"}],
            },
            {
                "number": 1, "authorName": "Agent", "reasons": [{"code": "other"}],
                "desks": ["FINANCE"], "texts": [{"title": "T", "body": "Hello"}],
            },
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "path"),
    [
        ([], "texts"),
        ([{"locale": "fr", "title": "T", "body": "B"}], "texts.locale"),
        ([{"locale": "en", "title": " ", "body": "B"}], "texts.en.title"),
        ([{"locale": "en", "title": "T", "body": ""}], "texts.en.body"),
        ([{"locale": "en", "title": "T", "body": "one\n{{ password }}"}], "texts.en.body.2"),
        ([{"locale": "en", "title": "T", "body": "{% for x in y %}{% endfor %}"}],
         "texts.en.body.1"),
        ([{"locale": "en", "title": "T", "body": "B"}] * 2, "texts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
async def test_a_mistake_is_refused_where_it_is(world: World, texts: list[Any], path: str) -> None:
    content = {"code": "new", "input": {"texts": texts}}
    found = await refused(world.shop.id, world.agent, "scriptCreate", content)
    assert (found["code"], found["path"]) == ("INVALID_INPUT", ["input", *path.split(".")])


async def test_a_code_is_one_texts_alone(world: World) -> None:
    content = {
        "code": "late-parcel",
        "input": {"texts": [{"locale": "en", "title": "T", "body": "B"}]},
    }
    taken = await refused(world.shop.id, world.agent, "scriptCreate", content)
    assert (taken["code"], taken["objectType"]) == ("ALREADY_EXISTS", "Script")


async def test_a_shop_has_so_many_texts_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "MAX_SCRIPTS", 9)
    texts = [{"locale": "en", "title": "T", "body": "B"}]
    results = await asyncio.gather(
        *(
            mutate(world.agent, "scriptCreate", {"code": f"c{n}", "input": {"texts": texts}})
            for n in range(3)
        )
    )
    assert sorted(result["__typename"] for result in results) == [
        "InvalidInput", "InvalidInput", "Script",
    ]  # fmt: skip
    assert await Script.filter(shop_id=world.shop.id).count() == 9


# --- filling in -------------------------------------------------------------------------------


async def test_a_text_is_filled_in_for_the_customer(world: World) -> None:
    refund = await in_review(world)
    body = "Hello {{ customer_name }}, {{ goods }} for {{ amount }} of {{ refund_number }}."
    script = await written(world.agent, "all", f"{body}\n{{{{ agent_name }}}}, {{{{ shop_name }}}}")
    row = await Refund.get(id=row_id(refund))
    asked = {"script": script, "refund": refund["id"], "locale": "en"}
    filled = (await world.agent(RENDER, **asked))["scriptRender"]
    assert filled == {
        "__typename": "RenderedScript",
        "text": f"Hello 王小明, 保温杯 for CN¥89.00 of {row.number}.\nAgent, Test",
    }
    # The customer reads Chinese, which this text does not speak.
    wrong = (await world.agent(RENDER, **{**asked, "locale": None}))["scriptRender"]
    assert (wrong["code"], wrong["path"]) == ("INVALID_INPUT", ["input", "locale"])
    chinese = await Script.get(shop_id=world.shop.id, code="late-parcel")
    asked = {"script": ids.encode("Script", chinese.id), "refund": refund["id"]}
    filled = (await world.warehouse(RENDER, **asked))["scriptRender"]
    assert filled["text"].startswith("王小明您好，让您久等了")
    assert await ScriptUse.filter(shop_id=world.shop.id).count() == 0, "reading is no use"


# --- using ------------------------------------------------------------------------------------


async def test_uses_are_counted_with_the_step(world: World) -> None:
    script = await written(world.agent, "photo", "A photo, please?")
    refund = await in_review(world)
    await say(world.agent, "refundRequestEvidence", refund, script, question="A photo, please?")
    await say(world.agent, "refundNote", refund, script, text="asked for a photo")
    await say(world.agent, "refundNote", refund, None, text="in my own words")
    other = await in_review(world)
    ended = await say(world.agent, "refundReject", other, script, reason="No photo came")
    assert ended["status"] == "REJECTED"
    uses = await ScriptUse.filter(shop_id=world.shop.id).order_by("id")
    assert [(use.refund_id, use.version, use.number) for use in uses] == [
        (row_id(refund), 3, 1),
        (row_id(refund), 4, 1),
        (row_id(other), 3, 1),
    ]
    assert (await world.agent(FIGURES, id=script))["node"] == {
        "timesUsed": 3,
        "acceptedShare": 1.0,
        "outcomes": [{"status": "REVIEW", "count": 1}, {"status": "REJECTED", "count": 1}],
    }


async def test_a_use_that_is_repeated_or_refused_is_not_counted(world: World) -> None:
    script = await written(world.agent, "photo", "A photo, please?")
    refund = await in_review(world)
    for _ in range(2):
        once = {"idempotencyKey": "the same", "question": "A photo?"}
        await say(world.agent, "refundRequestEvidence", refund, script, **once)
    late = await say(world.agent, "refundReject", refund, script, reason="No", expectedVersion=1)
    assert late["code"] == "STALE_VERSION"
    assert await ScriptUse.filter(shop_id=world.shop.id).count() == 1


async def test_a_retired_text_is_said_no_more(world: World) -> None:
    script = await written(world.agent, "old", "Old words")
    refund = await in_review(world)
    await say(world.agent, "refundNote", refund, script, text="Old words")
    assert (await mutate(world.agent, "scriptRetire", {"id": script}))["__typename"] == "Script"
    assert "old" not in await codes(world.agent)
    assert "old" in await codes(world.agent, includeRetired=True)
    asked = {"refundId": refund["id"], "scriptId": script, "question": "Old words"}
    problem = await refused(world.shop.id, world.agent, "refundRequestEvidence", asked)
    assert (problem["path"], problem["found"]) == (["input", "scriptId"], "old")
    filled = await world.agent(RENDER, script=script, refund=refund["id"], locale="en")
    assert filled["scriptRender"]["path"] == ["input", "scriptId"]
    texts = [{"locale": "en", "title": "T", "body": "B"}]
    changed = {"id": script, "input": {"texts": texts}}
    problem = await refused(world.shop.id, world.agent, "scriptUpdate", changed)
    assert problem["found"] == "old"
    assert (await world.agent(FIGURES, id=script))["node"]["timesUsed"] == 1


async def test_a_case_that_is_disputed_was_not_accepted(world: World) -> None:
    """Of four refusals: one stands, one order is asked for again, one is charged back."""
    script = await written(world.agent, "no", "No")
    orders = [await world.order(shipments=shipped()) for _ in range(4)]
    asked = [await world.refund(world.customer, order) for order in orders]
    refunds = [await world.reaches(refund, "REVIEW") for refund in asked]
    for refund in refunds[:3]:
        await say(world.agent, "refundReject", refund, script, reason="No")
    await say(world.agent, "refundNote", refunds[3], script, text="not over yet")
    assert (await world.agent(FIGURES, id=script))["node"]["acceptedShare"] == 1.0
    await world.reaches(await world.refund(world.customer, orders[1]), "REVIEW")
    order_id = row_id(orders[2], "Order")
    await Capture.filter(order_id=order_id).update(disputed=1)
    found = (await world.agent(FIGURES, id=script))["node"]
    assert found["acceptedShare"] == pytest.approx(1 / 3)
    assert found["outcomes"] == [
        {"status": "REVIEW", "count": 1}, {"status": "REJECTED", "count": 3},
    ]  # fmt: skip


async def test_a_list_of_texts_counts_with_one_statement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()
    fetch = database.fetch

    async def count(sql: str, *arguments: object) -> Any:
        asked.append(sql)
        return await fetch(sql, *arguments)

    monkeypatch.setattr(rows, "fetch", count)
    query = (
        "{ scripts(first: 8) { edges { node { timesUsed acceptedShare current { number } } } } }"
    )
    found = await world.agent(query)
    assert [edge["node"]["timesUsed"] for edge in found["scripts"]["edges"]] == [0] * 8
    assert asked.count(outcomes.CASES) == 1
