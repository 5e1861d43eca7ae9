"""The package as the engine finds it, and as its README describes it."""

import ast
import json
import re
import sqlite3
from importlib.metadata import entry_points
from pathlib import Path

import pluggy
import pytest
import refund_gql_sandbox
from refund_gql_sandbox.books import SCHEMA
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.misbehaviour import MAGIC_AMOUNTS
from refund_gql_sandbox.script import Rule
from refund_gql_sandbox.settings import SandboxSettings

from refund_gql.providers import PLUGIN_API, PaymentGateway, hookspecs

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")


def code(language: str) -> list[str]:
    """The README's blocks of a language."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading of the README, without their code marks."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_entry_point_brings_the_gateway() -> None:
    (entry,) = entry_points(group="refund_gql", name="sandbox")
    manager = pluggy.PluginManager("refund_gql")
    manager.add_hookspecs(hookspecs)
    manager.register(entry.load())
    manager.check_pending()
    assert manager.hook.register_gateways() == [[SandboxGateway]]


def test_the_gateway_is_a_payment_gateway_for_this_api() -> None:
    assert issubclass(SandboxGateway, PaymentGateway)
    assert (SandboxGateway.name, SandboxGateway.Settings) == ("sandbox", SandboxSettings)
    assert refund_gql_sandbox.REFUND_GQL_API == ">=1.0,<2"
    assert PLUGIN_API.startswith("1.")


def test_only_the_public_contract_of_the_engine_is_imported() -> None:
    imported = {
        node.module
        for path in (PACKAGE / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    engine = {module for module in imported if module.split(".")[0] == "refund_gql"}
    assert engine == {"refund_gql.providers"}


def test_the_readme_lists_every_setting() -> None:
    assert [row[0] for row in rows("Settings")] == list(SandboxSettings.model_fields)


def test_the_readme_has_the_default_of_every_setting() -> None:
    told = {row[0]: row[1] for row in rows("Settings")}
    for name in ("chaos", "seed", *(name for name in told if name.endswith("_seconds"))):
        default = SandboxSettings.model_fields[name].default
        assert told[name] == ("none" if default is None else f"{default:g}")


def test_the_readme_lists_every_misbehaviour_with_its_amount() -> None:
    told = {int(row[1]): row[0] for row in rows("Misbehaviours")}
    assert told == MAGIC_AMOUNTS


def test_the_readme_lists_every_table_and_column() -> None:
    with sqlite3.connect(":memory:") as db:
        db.executescript(SCHEMA)
        names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        columns = {
            name: [row[1] for row in db.execute("SELECT * FROM pragma_table_info(?)", (name,))]
            for (name,) in names
        }
    db.close()
    told = {row[0]: re.findall(r"\w+_\w+|\w+", row[2]) for row in rows("Reading the ledger")}
    notes = {"primary", "key", "unique"}
    assert {
        name: [word for word in words if word not in notes] for name, words in told.items()
    } == columns


@pytest.mark.parametrize("statement", code("sql"))
def test_the_readmes_queries_run_on_the_schema(statement: str) -> None:
    with sqlite3.connect(":memory:") as db:
        db.executescript(SCHEMA)
        assert db.execute(statement).fetchall() == []
    db.close()


def test_the_readmes_rules_are_rules() -> None:
    (block,) = code("json")
    rules = [Rule.model_validate(json.loads(line)) for line in block.splitlines()]
    assert [(rule.nth, rule.times) for rule in rules] == [(1, 1), (2, 3), (1, None), (1, None)]


def test_the_readmes_webhook_is_accepted() -> None:
    (block,) = code("python")
    names: dict[str, object] = {}
    exec(block, names)  # noqa: S102 - the README's own snippet is what is tested
    headers, body = names["headers"], names["body"]
    assert isinstance(headers, dict)
    assert isinstance(body, bytes)
    notice = SandboxGateway(SandboxSettings()).parse_webhook(headers, body)
    assert (notice.event_id, notice.outcome.code) == ("evt-1", "SUCCEEDED")
