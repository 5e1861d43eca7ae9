"""The language of templates: what is allowed works, what is not is refused with its line, and
nothing that was accepted can fail or explode."""

import asyncio
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.postroom import Postroom, reachable
from support.world import World, make_world, shipped

from refund_gql import ids
from refund_gql.auth import Viewer
from refund_gql.choices import MessageStatus
from refund_gql.errors import InvalidInput
from refund_gql.models import Template
from refund_gql.outbox import drafts, messages, templates, wording
from refund_gql.outbox.kinds import COMMON, KINDS, LOCALES, MessageKind
from refund_gql.outbox.wording import Place, TemplateOrigin
from refund_gql.roles import Role

VARIABLES = ("amount", "goods")
VALUES = {"amount": "¥89.00", "goods": ""}


# --- the language -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain words", "plain words"),
        ("您的退款 {{ amount }} 已到账", "您的退款 ¥89.00 已到账"),
        ("{{ goods }}", ""),
        ("{% if amount %}yes{% else %}no{% endif %}", "yes"),
        ("{% if goods %}goods{% elif amount %}amount{% endif %}", "amount"),
        ("{% if not goods and amount == '¥89.00' %}yes{% endif %}", "yes"),
        ("{% if '89' in amount or goods != 'x' %}yes{% endif %}", "yes"),
        ("{% if '90' not in amount %}yes{% endif %}", "yes"),
        ("{{ goods | default('商品') }}", "商品"),
        ("{{ goods or amount }}", "¥89.00"),
        ("{{ 'a' if goods else 'b' }}", "b"),
        ("{{ ' Mixed ' | trim | upper }}{{ 'X' | lower }}", "MIXEDx"),
        ("{# a note #}kept", "kept"),
        ("{% raw %}{{ as it stands }}{% endraw %}", "{{ as it stands }}"),
        ("a\n{% if goods %}\nb\n{% endif %}\nc", "a\nc"),
        ("100% { } }} fine", "100% { } }} fine"),
    ],
)
def test_what_is_allowed(source: str, text: str) -> None:
    templates.check("body", source, VARIABLES)
    assert templates.render(source, VALUES) == text


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("{{ amonut }}", 1),
        ("fine\nfine\n{{ customer.email }}", 3),
        ("{{ amount.__class__.__mro__ }}", 1),
        ("{{ amount['x'] }}", 1),
        ("{{ amount[0] }}", 1),
        ("{{ amount | attr('x') }}", 1),
        ("{{ amount | safe }}", 1),
        ("{{ amount | default }}", 1),
        ("{{ amount | default('a', true) }}", 1),
        ("{{ amount | upper('x') }}", 1),
        ("{{ amount | default(goods == 'x') }}", 1),
        ("{{ amount.format(goods) }}", 1),
        ("{{ range(10) }}", 1),
        ("{{ cycler }}", 1),
        ("{{ self }}", 1),
        ("{{ 'a' * 1000000000 }}", 1),
        ("{{ 10 ** 10 ** 10 }}", 1),
        ("{{ 7 }}", 1),
        ("{{ true }}", 1),
        ("{{ [amount] }}", 1),
        ("{{ {'a': amount} }}", 1),
        ("{{ amount ~ goods }}", 1),
        ("{{ amount + goods }}", 1),
        ("{{ amount % goods }}", 1),
        ("{{ amount is defined }}", 1),
        ("{{ amount < goods }}", 1),
        ("{{ amount == goods }}", 1),
        ("{{ not amount }}", 1),
        ("{{ 'a' if amount }}", 1),
        ("{% if (amount == goods) in amount %}{% endif %}", 1),
        ("a\n{% for x in amount %}{{ x }}{% endfor %}", 2),
        ("{% macro m() %}{% endmacro %}", 1),
        ("{% set x = amount %}", 1),
        ("{% include 'secret' %}", 1),
        ("{% import 'os' as os %}", 1),
        ("{% from 'os' import path %}", 1),
        ("{% extends 'base' %}", 1),
        ("{% block b %}{% endblock %}", 1),
        ("{% filter upper %}a{% endfilter %}", 1),
        ("{% call amount() %}{% endcall %}", 1),
        ("{% with x = amount %}{% endwith %}", 1),
        ("{% autoescape true %}{% endautoescape %}", 1),
        ("{% do amount %}", 1),
        ("{% if amount %}", 1),
        ("a\n{{ amount", 2),
        ("{{ }}", 1),
        ("{% nonsense %}", 1),
    ],
)
def test_what_is_refused_with_its_line(source: str, line: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        templates.check("body", source, VARIABLES)
    assert refused.value.path == ("input", "body", str(line))
    assert f"on line {line}: " in refused.value.message("en")
    assert f"第 {line} 行：" in refused.value.message("zh")


@pytest.mark.parametrize(
    "source",
    [
        "{% if amount %}" * 150 + "{% endif %}" * 150,
        "{{ " + "(" * 1_900 + "amount" + ")" * 1_900 + " }}",
        "{{ " + "not " * 900 + "amount }}",
        "{{ " + " or ".join(["amount"] * 399) + " }}",
        "{{ amount" + "|upper" * 600 + " }}",
        "{{ " + "'a' if amount else " * 200 + "'b' }}",
        "{{ " + "[" * 1_900 + "]" * 1_900 + " }}",
        "{% if amount" + " == amount" * 390 + " %}{% for x in amount %}{% endfor %}{% endif %}",
    ],
    ids=["if", "brackets", "not", "or", "filters", "else", "lists", "wide"],
)
def test_bombs_are_refused(source: str) -> None:
    assert len(source) <= templates.MAX_BODY
    with pytest.raises(InvalidInput):
        templates.check_body("body", source, VARIABLES)


def test_a_text_grows_no_longer_than_it_may() -> None:
    source = "{{ amount }}" * 333
    templates.check_body("body", source, VARIABLES)
    assert len(templates.render(source, {**VALUES, "amount": "x" * 2_000})) == templates.MAX_TEXT


@pytest.mark.parametrize(
    ("subject", "body", "path"),
    [
        ("x" * 201, "fine", ("input", "subject")),
        ("fine", "x" * 4_001, ("input", "body")),
        ("fine", "  \n ", ("input", "body")),
    ],
    ids=["subject too long", "body too long", "no body"],
)
def test_sizes(subject: str, body: str, path: tuple[str, ...]) -> None:
    def check() -> None:
        templates.check_subject("subject", subject, VARIABLES)
        templates.check_body("body", body, VARIABLES)

    with pytest.raises(InvalidInput) as refused:
        check()
    assert refused.value.path == path


PIECES = st.sampled_from(
    [
        *("{{", "}}", "{%", "%}", "{#", "#}", "(", ")", "'", '"', "|", "~", "\n", " ", ",", "."),
        *("if", "elif", "else", "endif", "and", "or", "not", "in", "==", "!=", "<", "is"),
        *("amount", "goods", "upper", "lower", "trim", "default", "'x'", "1", "true", "none"),
        *("for", "endfor", "set", "=", "raw", "endraw", "-%}", "{%-", "print", "self"),
    ]
)
CONDITIONS = st.recursive(
    st.sampled_from(["amount", "goods", "'x'", "goods|trim", "amount|default('y')"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or ", " == ", " in "]), inner).map("".join),
        inner.map(lambda text: f"not {text}"),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=6,
)
TEXTS = st.recursive(
    st.one_of(st.text(max_size=8), CONDITIONS.map(lambda text: f"{{{{ {text} }}}}")),
    lambda inner: st.tuples(CONDITIONS, inner, inner).map(
        lambda three: "{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format(*three)
    ),
    max_leaves=6,
)
WORDS = st.text(max_size=30)


@given(
    st.one_of(st.lists(PIECES, max_size=25).map(" ".join), TEXTS, st.text(max_size=60)),
    WORDS,
    WORDS,
)
def test_what_was_accepted_never_fails(source: str, amount: str, goods: str) -> None:
    try:
        templates.check("body", source, VARIABLES)
    except InvalidInput:
        return
    text = templates.render(source, {"amount": amount, "goods": goods})
    assert len(text) <= templates.MAX_TEXT


# --- the built-in texts -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", MessageKind)
@pytest.mark.parametrize("locale", LOCALES)
def test_built_in_texts_are_good_templates(kind: MessageKind, locale: str) -> None:
    names = {variable.name for variable in KINDS[kind].variables}
    text = wording.built_in(Place(kind=kind, locale=locale))
    assert templates.check_subject("subject", text.subject, names)
    templates.check_body("body", text.body, names)
    for values in (KINDS[kind].examples(locale), dict.fromkeys(names, "")):
        assert templates.render(text.body, values)
        assert "{" not in templates.render(text.subject + text.body, values)


def test_there_is_no_built_in_text_too_many() -> None:
    stored = tomllib.loads(files(wording.__package__).joinpath("wording.toml").read_text("utf-8"))
    assert set(stored) == set(MessageKind)
    assert all(set(texts) == set(LOCALES) for texts in stored.values())


# --- the shop's own ---------------------------------------------------------------------------

FIELDS = "kind locale channel subject body origin updatedBy"
PROBLEM = "... on Problem { code message path }"
UPSERT = f"""mutation U($input: TemplateUpsertInput!) {{ result: templateUpsert(input: $input) {{
    __typename ... on Template {{ {FIELDS} }} {PROBLEM} }} }}"""
RESET = f"""mutation R($input: TemplateResetInput!) {{ result: templateReset(input: $input) {{
    __typename ... on Template {{ {FIELDS} }} {PROBLEM} }} }}"""
LIST = f"""query L($kind: MessageKind, $locale: String) {{
    result: templates(kind: $kind, locale: $locale) {{ {FIELDS} }} }}"""
PREVIEW = f"""query P($input: TemplatePreviewInput!) {{ result: templatePreview(input: $input) {{
    __typename ... on TemplateText {{ subject text }} {PROBLEM} }} }}"""

REFUNDED = {"kind": "REFUNDED", "locale": "zh"}


async def test_every_kind_has_a_text_and_the_shops_own_replaces_it(world: World) -> None:
    listed = (await world.owner(LIST))["result"]
    assert [(t["kind"], t["locale"]) for t in listed] == [
        (kind.value, locale) for kind in MessageKind for locale in LOCALES
    ]
    assert {t["origin"] for t in listed} == {"BUILT_IN"}
    own = {**REFUNDED, "subject": "到账", "body": "{{ amount }} 已到账"}
    saved = (await world.agent(UPSERT, input=own))["result"]
    assert saved["__typename"] == "Template"
    assert saved["updatedBy"].startswith("STAFF:")
    again = {**own, "body": "{{ amount }} 已退"}
    await world.owner(UPSERT, input=again)
    special = {**own, "channel": "aliyun-sms"}
    await world.owner(UPSERT, input=special)
    listed = (await world.owner(LIST, kind="REFUNDED", locale="zh"))["result"]
    assert [(t["channel"], t["body"], t["origin"]) for t in listed] == [
        (None, "{{ amount }} 已退", "SHOP"),
        ("aliyun-sms", "{{ amount }} 已到账", "SHOP"),
    ]
    reset = (await world.owner(RESET, input={**REFUNDED, "channel": "aliyun-sms"}))["result"]
    assert (reset["origin"], reset["body"]) == ("SHOP", "{{ amount }} 已退")
    reset = (await world.owner(RESET, input=REFUNDED))["result"]
    assert reset["origin"] == "BUILT_IN"
    assert not await Template.filter(shop_id=world.shop.id).exists()


async def test_a_mistake_is_refused_in_both_languages_and_nothing_is_stored(world: World) -> None:
    bad = {**REFUNDED, "body": "好的\n{{ refund.amount }}"}
    result = (await world.owner(UPSERT, input=bad))["result"]
    assert (result["code"], result["path"]) == ("INVALID_INPUT", ["input", "body", "2"])
    assert "on line 2: only text" in result["message"]
    assert not await Template.filter(shop_id=world.shop.id).exists()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"locale": "fr"}, ["input", "locale"]),
        ({"channel": "SMTP!"}, ["input", "channel"]),
        ({"subject": "{{ reason }}"}, ["input", "subject", "1"]),
        ({"body": ""}, ["input", "body"]),
    ],
    ids=["locale", "channel", "a variable of another kind", "no body"],
)
async def test_a_bad_template_says_where(
    world: World, change: dict[str, Any], path: list[str]
) -> None:
    result = (await world.owner(UPSERT, input={**REFUNDED, "body": "好", **change}))["result"]
    assert (result["__typename"], result["path"]) == ("InvalidInput", path)


async def test_a_text_for_a_channel_must_fit_into_it(world: World) -> None:
    viewer = Viewer(shop_id=world.shop.id, role=Role.OWNER)
    place = Place(kind=MessageKind.REFUNDED, locale="zh", channel="pager")
    with pytest.raises(InvalidInput) as refused:
        await wording.upsert(
            viewer, Postroom(), place, subject="", body="{{ goods }}已全部为您原路退款，请查收"
        )
    assert refused.value.message("en") == (
        "body is 21 characters with the examples; "
        "expected: at most 20, which is all that pager takes"
    )
    saved = await wording.upsert(viewer, Postroom(), place, subject="", body="{{ amount }} 已退")
    assert saved.origin is TemplateOrigin.SHOP


async def test_writing_at_the_same_time_leaves_one_text(world: World) -> None:
    own = [{**REFUNDED, "body": f"{{{{ amount }}}} {n}"} for n in range(8)]
    results = await asyncio.gather(*(world.owner(UPSERT, input=text) for text in own))
    assert {answer["result"]["__typename"] for answer in results} == {"Template"}
    assert await Template.filter(shop_id=world.shop.id).count() == 1


@pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.FINANCE, Role.ANALYST, Role.SERVICE])
async def test_who_writes_to_customers(world: World, role: Role) -> None:
    [error] = await world.as_(role).errors(UPSERT, input={**REFUNDED, "body": "x"})
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_preview_shows_the_examples(world: World) -> None:
    asked = {**REFUNDED, "subject": "{{ refund_number }}", "body": "{{ goods }}：{{ amount }}"}
    result = (await world.agent(PREVIEW, input=asked))["result"]
    assert result == {
        "__typename": "TemplateText",
        "subject": "R260131-7K3M9QX2",
        "text": "保温杯等2件商品：¥89.00",
    }


async def test_a_preview_speaks_of_a_refund_of_the_shop(world: World) -> None:
    await reachable(world)
    refund = await world.refund(world.customer, await world.order(shipments=shipped()))
    body = "{{ customer_name }}，{{ goods }} {{ amount }}（{{ order_number }}）{{ reason }}"
    asked = {"kind": "REJECTED", "locale": "zh", "body": body, "refundId": refund["id"]}
    result = (await world.agent(PREVIEW, input=asked))["result"]
    assert result["text"].startswith("王小明，保温杯 ¥89.00（SO-")


async def test_a_preview_shows_no_other_shops_refund(world: World) -> None:
    other = await make_world(world.api, world.settings)
    refund = await other.refund(other.customer, await other.order(shipments=shipped()))
    asked = {**REFUNDED, "body": "{{ amount }}"}
    for stranger in (refund["id"], ids.encode("Order", other.shop.id)):
        result = (await world.agent(PREVIEW, input={**asked, "refundId": stranger}))["result"]
        assert result["__typename"] in ("NotFound", "InvalidInput")
        assert "text" not in result


async def test_variables_are_listed_in_the_language_of_the_request(world: World) -> None:
    query = "{ templateVariables(kind: REJECTED) { name type description example } }"
    listed = (await world.agent(query))["templateVariables"]
    assert [v["name"] for v in listed] == [v.name for v in KINDS[MessageKind.REJECTED].variables]
    assert listed[-1] == {
        "name": "reason",
        "type": "TEXT",
        "description": "Why it was refused",
        "example": "The return window has ended",
    }


# --- the page about it ------------------------------------------------------------------------


def page() -> str:
    return (Path(__file__).parent.parent / "docs" / "messages.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of the first table whose heading row begins so."""
    _, _, rest = page().partition(f"| {heading} |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_page_names_every_kind_variable_and_code() -> None:
    assert [(row[0], row[1]) for row in table("kind")] == [
        (f"`{kind}`", KINDS[kind].label["zh"]) for kind in MessageKind
    ]
    listed = {(row[0], kind) for row in table("variable") for kind in row[2].split(", ")}
    common = {(f"`{variable.name}`", "every kind") for variable in COMMON}
    own = {(f"`{v.name}`", f"`{kind}`") for kind, told in KINDS.items() for v in told.own}
    assert listed == common | own
    assert [row[0] for row in table("status")] == [f"`{status}`" for status in MessageStatus]
    codes = {
        drafts.NO_ADDRESS,
        messages.CHANNEL_UNAVAILABLE,
        messages.MISCONFIGURED,
        messages.OUTCOME_UNKNOWN,
        messages.OVERTAKEN,
        messages.REFUSED,
        messages.RETRYABLE,
    }
    assert {code for code in codes if f"`{code}`" in page()} == codes


def test_the_pages_templates_are_good() -> None:
    [source] = re.findall(r"```jinja\n(.*?)```", page(), flags=re.DOTALL)
    templates.check_body("body", source, {variable.name for variable in COMMON})


async def test_the_pages_operations_work(world: World) -> None:
    operations = re.findall(r"```graphql\n(.*?)```", page(), flags=re.DOTALL)
    assert len(operations) == 5
    for operation in operations:
        variables = {"id": ids.encode("Message", world.shop.id)} if "$id" in operation else {}
        [result] = (await world.owner(operation, **variables)).values()
        assert "path" not in result or "$id" in operation, result
