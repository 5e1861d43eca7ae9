"""The documents are true: commands exist, examples run, tables are complete, links lead."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from support.api import key
from support.world import World, eventually

from refund_gql.cli import cli
from refund_gql.settings import Settings
from refund_gql.states import JOURNEY

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "plugins").glob("**/README.md")),
]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_picture_is_the_table() -> None:
    assert JOURNEY.mermaid() + "\n" in blocks((ROOT / "README.md").read_text(), "mermaid")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    broken = [
        link
        for link in links
        if "://" not in link and not (document.parent / link).resolve().exists()
    ]
    assert broken == []


def test_make_targets_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert named >= {"demo", "test"}
    assert named <= targets


def commands() -> list[str]:
    found = []
    for document in DOCUMENTS:
        found += re.findall(r"`(refund-gql [a-z][^`\n]*)`", document.read_text())
    return sorted(set(found))


@pytest.mark.parametrize("command", commands())
def test_commands_exist(command: str) -> None:
    words = [word for word in shlex.split(command)[1:] if re.fullmatch(r"[a-z-]+", word)]
    path = [word for word in words if not word.startswith("-")]
    names, _, _ = cli.parse_commands([word.partition("\\|")[0] for word in path])
    assert list(names)[:1] == path[:1]


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "running.md").read_text()
    missing = [name for name in Settings.model_fields if f"`REFUND_GQL_{name.upper()}`" not in text]
    assert missing == []
    named = re.findall(r"`REFUND_GQL_([A-Z_]+)`", text)
    assert {name.lower() for name in named} == set(Settings.model_fields)


def test_the_examples_of_the_authors_guide_compile() -> None:
    for source in blocks((ROOT / "plugins" / "README.md").read_text(), "python"):
        compile(source, "plugins/README.md", "exec")


async def test_the_readme_example_runs(world: World) -> None:
    """Both operations, with the output the README prints, but for the refund's number."""
    readme = (ROOT / "README.md").read_text()
    (ask, follow), (asked, followed) = blocks(readme, "graphql"), blocks(readme, "json")
    order = await world.order()
    first = await in_chinese(world, ask, orderId=order["id"], key=key())
    expected = json.loads(asked)
    number = first["refundRequest"]["number"]
    assert re.fullmatch(r"R\d{6}-[0-9A-Z]{8}", number)
    assert re.fullmatch(r"R\d{6}-[0-9A-Z]{8}", expected["refundRequest"]["number"])
    expected["refundRequest"]["number"] = number
    assert first == expected

    async def paid() -> dict[str, Any] | None:
        found = await in_chinese(world, follow, number=number)
        return found if found["refund"]["statusText"] == "已退款" else None

    assert await eventually(paid, "the refund of the README") == json.loads(followed)


async def in_chinese(world: World, query: str, **variables: Any) -> dict[str, Any]:
    response = await world.api.client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={
            "authorization": f"Bearer {world.customer.token}",
            "accept-language": "zh-CN",
        },
    )
    data: dict[str, Any] = response.json()["data"]
    return data
