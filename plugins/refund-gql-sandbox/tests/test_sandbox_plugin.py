"""The package as the engine finds it, and as its README describes it."""

import ast
import json
import re
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pluggy
import pytest
import refund_gql_sandbox
from pydantic import BaseModel
from refund_gql_sandbox import rule, trouble, visits
from refund_gql_sandbox.courier import SandboxCourier, depot, pickups
from refund_gql_sandbox.courier.codes import CODES
from refund_gql_sandbox.courier.journey import JOURNEYS, Journey
from refund_gql_sandbox.crm import SandboxCrm, coupons, flags, loyalty
from refund_gql_sandbox.crm.customers import Customer
from refund_gql_sandbox.crm.reviews import Review
from refund_gql_sandbox.gateway import SandboxGateway, books
from refund_gql_sandbox.gateway.misbehaviour import MAGIC_AMOUNTS
from refund_gql_sandbox.gateway.rule import Rule
from refund_gql_sandbox.inbox import SandboxInbox, mailbox
from refund_gql_sandbox.inbox.provider import ADDRESSES
from refund_gql_sandbox.settings import (
    CourierSettings,
    CrmSettings,
    InboxSettings,
    SandboxSettings,
    SharedSettings,
)
from refund_gql_sandbox.trouble import Trouble

from refund_gql.providers import (
    PLUGIN_API,
    Courier,
    Crm,
    GatewayNotice,
    Notification,
    Notifier,
    Parcel,
    PaymentGateway,
    Provider,
    hookspecs,
)

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
TABLES = "".join(
    module.TABLES for module in (books, visits, depot, pickups, flags, coupons, loyalty, mailbox)
)
KINDS: list[type[Provider]] = [SandboxGateway, SandboxCourier, SandboxCrm, SandboxInbox]
SETTINGS: Mapping[str, type[BaseModel]] = {
    "All four": SharedSettings,
    "The bank": SandboxSettings,
    "The courier": CourierSettings,
    "The CRM system": CrmSettings,
}


def code(language: str) -> list[str]:
    """The README's blocks of a language."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading of the README, without their code marks."""
    section = re.split(rf"^#+ {re.escape(heading)}$", README, flags=re.MULTILINE)[1]
    table = re.search(r"^\|.*?(?=\n\n)", section, re.DOTALL | re.MULTILINE)
    assert table
    lines = table[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


# --- the plugin -------------------------------------------------------------------------------


def test_the_entry_point_brings_one_of_each_kind() -> None:
    (entry,) = entry_points(group="refund_gql", name="sandbox")
    manager = pluggy.PluginManager("refund_gql")
    manager.add_hookspecs(hookspecs)
    manager.register(entry.load())
    manager.check_pending()
    assert manager.hook.register_gateways() == [[SandboxGateway]]
    assert manager.hook.register_couriers() == [[SandboxCourier]]
    assert manager.hook.register_crms() == [[SandboxCrm]]
    assert manager.hook.register_notifiers() == [[SandboxInbox]]


def test_they_are_providers_for_this_api() -> None:
    for kind, base in zip(KINDS, (PaymentGateway, Courier, Crm, Notifier), strict=True):
        assert issubclass(kind, base)
    assert refund_gql_sandbox.REFUND_GQL_API == ">=1.0,<2"
    assert PLUGIN_API.startswith("1.")


async def test_all_four_share_one_ledger_and_need_no_settings_else(tmp_path: Path) -> None:
    ledger = tmp_path / "all.sqlite"
    providers = [
        SandboxGateway(SandboxSettings(ledger=ledger)),
        SandboxCourier(CourierSettings(ledger=ledger)),
        SandboxCrm(CrmSettings(ledger=ledger)),
        SandboxInbox(InboxSettings(ledger=ledger)),
    ]
    for provider in providers:
        await provider.check()
        await provider.check()
    with sqlite3.connect(ledger) as db:
        found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        assert {name for (name,) in found} - {"sqlite_sequence"} == set(tables())
        for name in tables():
            assert db.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)
    db.close()
    for provider in providers:
        await provider.aclose()


def test_only_the_public_contract_of_the_engine_is_imported() -> None:
    imported = {
        node.module
        for path in (PACKAGE / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    engine = {module for module in imported if module.split(".")[0] == "refund_gql"}
    assert engine == {"refund_gql.providers"}


# --- its README -------------------------------------------------------------------------------


def tables() -> dict[str, list[str]]:
    """The columns of the ledger's tables."""
    with sqlite3.connect(":memory:") as db:
        db.executescript(TABLES)
        names = db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        columns = {
            name: [row[1] for row in db.execute("SELECT * FROM pragma_table_info(?)", (name,))]
            for (name,) in names
        }
    db.close()
    return columns


def own_fields(model: type[BaseModel]) -> list[str]:
    shared = () if model is SharedSettings else SharedSettings.model_fields
    return [name for name in model.model_fields if name not in shared]


def test_the_readme_lists_every_provider() -> None:
    told = [row[:2] for row in rows("refund-gql-sandbox")]
    words = ["payment gateway", "courier", "CRM system", "notification channel"]
    assert told == [[kind.name, word] for kind, word in zip(KINDS, words, strict=True)]


@pytest.mark.parametrize("heading", SETTINGS)
def test_the_readme_lists_every_setting_with_its_default(heading: str) -> None:
    model, told = SETTINGS[heading], rows(heading)
    assert [row[0] for row in told] == own_fields(model)
    for name, default, *_ in told:
        if name != "ledger":
            assert default == shown(model.model_fields[name].default), name


def shown(default: Any) -> str:
    """A default as the README writes it."""
    match default:
        case None:
            return "none"
        case bool():
            return str(default).lower()
        case int() | float():
            return f"{default:g}"
        case str():
            return default
    text: str = default.get_secret_value()
    return text


def test_the_inbox_has_no_settings_of_its_own() -> None:
    assert own_fields(InboxSettings) == []


def test_the_readme_lists_every_misbehaviour_with_its_amount() -> None:
    told = {int(row[1]): row[0] for row in rows("Misbehaviours")}
    assert told == MAGIC_AMOUNTS


def test_the_readme_lists_every_trouble_and_what_it_does() -> None:
    told = rows("Trouble with the others")
    assert [row[0] for row in told] == list(Trouble)
    for name, done, seen, lasts in told:
        found = Trouble(name)
        assert (done == "yes", lasts == "yes") == (
            found not in trouble.WITHOUT_EFFECT,
            found in trouble.LASTING,
        )
        error = trouble.error(found, retry_after=timedelta(seconds=1))
        told_error = f"{type(error).__name__} `{error.code}" if error else "the answer"
        assert seen.startswith(told_error.rstrip("`"))


def test_the_readme_lists_every_journey() -> None:
    told = {row[0]: row[1].split(", ") for row in rows("Journeys")}
    assert told == {name: [stop.code for stop in stops] for name, stops in JOURNEYS.items()}


def test_the_readme_lists_every_code() -> None:
    told = {row[0]: (row[1], set(row[2].split())) for row in rows("Codes")}
    assert told == {name: (found.tag, set(found.flags)) for name, found in CODES.items()}


def test_the_readme_lists_every_address() -> None:
    assert {row[0]: row[1] for row in rows("Addresses")} == ADDRESSES


def test_the_readme_lists_every_table_and_column() -> None:
    told = {row[0]: re.findall(r"\w+", row[2]) for row in rows("Reading the ledger")}
    notes = {"primary", "key", "unique"}
    assert {
        name: [word for word in words if word not in notes] for name, words in told.items()
    } == tables()


@pytest.mark.parametrize("statement", code("sql"))
def test_the_readmes_queries_run_on_the_schema(statement: str) -> None:
    with sqlite3.connect(":memory:") as db:
        db.executescript(TABLES)
        assert db.execute(statement).fetchall() == []
    db.close()


def test_the_readmes_lines_are_lines() -> None:
    models: list[type[BaseModel]] = [Rule, rule.Rule, Journey, Customer, Review]
    read = [
        [model.model_validate(json.loads(line)) for line in block.splitlines()]
        for model, block in zip(models, code("json"), strict=True)
    ]
    assert [len(lines) for lines in read] == [5, 3, 3, 2, 2]


def run(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - the README's own snippet is what is tested
    return names


async def test_the_readmes_inbox_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    inbox = SandboxInbox(InboxSettings())
    message = Notification(
        id="m-1",
        address="lin@example.com",
        locale="en",
        event="REFUNDED",
        subject="Paid",
        text="It is paid.",
    )
    await inbox.send(message)
    run(code("python")[0])
    assert capsys.readouterr().out == "1 lin@example.com Paid It is paid.\n"
    await inbox.aclose()


def test_the_readmes_webhook_of_the_bank_is_accepted() -> None:
    names = run(code("python")[1])
    notice = SandboxGateway(SandboxSettings()).parse_webhook(names["headers"], names["body"])
    assert isinstance(notice, GatewayNotice)
    assert (notice.event_id, notice.outcome.code) == ("evt-1", "SUCCEEDED")


async def test_the_readmes_webhook_of_the_courier_is_accepted(tmp_path: Path) -> None:
    courier = SandboxCourier(CourierSettings(ledger=tmp_path / "depot.sqlite"))
    await courier.subscribe(Parcel(tracking_number="SBX-DELIVERED-0001"))
    headers, body = await run(code("python")[2])["news"](courier)
    (notice,) = courier.parse_webhook(headers, body)
    assert notice.tracking.checkpoints[0].code == "ANNOUNCED"
    await courier.aclose()
