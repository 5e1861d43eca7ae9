"""`plugins/README.md` is true: its commands are typed, its code is run, its lists are complete."""

import inspect
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from support import environment
from support.environment import UV, Environment
from support.world import World

from refund_gql import providers, scaffold
from refund_gql.providers import (
    Courier,
    CourierCapabilities,
    Crm,
    GatewayCapabilities,
    Notifier,
    OutcomeState,
    PaymentGateway,
    ProviderError,
    ProviderKind,
    hookspecs,
)
from refund_gql.registry import PluginState

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "plugins" / "README.md").read_text()
NOUNS = {
    "gateway": "payment gateway",
    "courier": "courier",
    "crm": "CRM system",
    "notifier": "notification channel",
}


def blocks(language: str) -> list[str]:
    """The code in a language, from top to bottom."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def marked(word: str) -> list[tuple[str, str, str]]:
    """Kind and file that the marks with a word name, and the Python below each."""
    mark = rf"<!-- {word} (\w+): (\S+) -->\n"
    return re.findall(rf"{mark}```python\n(.*?)```", GUIDE, flags=re.DOTALL)


EXCERPTS, ADDITIONS = marked("from"), marked("in")
OPERATIONS, TEXTS = blocks("graphql"), blocks("text")
INSTALLED = """
import sys
from importlib.metadata import metadata, version
from packaging.requirements import Requirement

wanted = Requirement(sys.argv[1])
assert version(wanted.name) in wanted.specifier, f"{wanted} is not installed"
assert wanted.extras <= set(metadata(wanted.name).get_all("Provides-Extra", []))
"""
"""A package from a registry has to be there already: nothing is downloaded."""


# --- as a new author ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the engine and its kit, whose commands are on the path."""
    made = environment.make(tmp_path_factory.mktemp("author") / "environment")
    python = shlex.quote(str(made.python))
    offline = "--offline --no-deps --no-build-isolation"
    commands = {
        "pip": 'if [ "$2" = -e ]; then '
        f'exec {UV} pip install -q --python {python} {offline} -e "$3"; '
        f'else exec {python} -c {shlex.quote(INSTALLED)} "$2"; fi',
        "refund-gql": f'exec {python} -c "from refund_gql.cli import main; main()" "$@"',
        "pytest": f'exec {python} -m pytest "$@"',
    }
    for name, command in commands.items():
        file = made.python.with_name(name)
        file.write_text(f"#!/bin/sh\n{command}\n")
        file.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def typed(place: Environment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An empty folder in which everything was typed that the guide says, and what was printed."""
    folder = tmp_path_factory.mktemp("work")
    script = "set -eu\n" + "".join(blocks("sh"))
    path = f"{place.python.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "refund-gql-acme", done.stdout


def test_typing_what_it_says_gives_a_plugin_with_a_recorded_tier(typed: tuple[Path, str]) -> None:
    package, printed = typed
    assert TEXTS[0] in printed
    record = package / "src" / "refund_gql_acme" / "conformance.json"
    assert '"tier": "GOLD"' in record.read_text()
    [wheel] = (package / "dist").glob("*.whl")
    inside = set(ZipFile(wheel).namelist())
    assert {"refund_gql_acme/conformance.json", "refund_gql_acme/py.typed"} <= inside


def test_the_engine_shows_the_tier_that_was_recorded(
    typed: tuple[Path, str], place: Environment
) -> None:
    listing = ["-c", "from refund_gql.cli import main; main()", "plugins", "--json"]
    shown = place.run(*listing, cwd=typed[0])
    assert '"tier": "GOLD"' in shown.stdout


def test_the_code_to_add_runs(place: Environment, tmp_path: Path) -> None:
    kinds = {ProviderKind(kind.upper()) for kind, _, _ in ADDITIONS}
    assert kinds == {ProviderKind.GATEWAY}
    package = scaffold.write(ProviderKind.GATEWAY, "acme", tmp_path)
    for _, file, code in ADDITIONS:
        with (package / file).open("a") as tests:
            tests.write(f"\n\n{code}")
    run = place.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package)
    assert run.returncode == 0, run.stdout + run.stderr
    assert TEXTS[1] in run.stdout


@pytest.mark.parametrize(
    ("kind", "file", "code"), EXCERPTS, ids=lambda word: word.partition("\n")[0]
)
def test_excerpts_are_what_is_written(kind: str, file: str, code: str, tmp_path: Path) -> None:
    package = scaffold.write(ProviderKind(kind.upper()), "acme", tmp_path)
    assert code in (package / file).read_text()


def test_no_block_is_left_out() -> None:
    known = EXCERPTS + ADDITIONS
    assert {code for _, _, code in known} == set(blocks("python"))
    assert (len(OPERATIONS), len(TEXTS)) == (2, 2)
    languages = set(re.findall(r"^```(\w+)$", GUIDE, flags=re.MULTILINE))
    assert languages == {"sh", "python", "graphql", "text"}


# --- as an owner --------------------------------------------------------------------------------


async def test_the_owner_sets_a_plugin_up(world: World) -> None:
    data = await world.owner(OPERATIONS[0])
    assert data == {
        "pluginSettingsUpdate": {
            "provider": "sandbox",
            "enabled": True,
            "values": {},
            "secretsSet": ["api_key"],
        },
        "pluginCheck": {"ok": True, "failure": None, "reason": ""},
    }


async def test_the_owner_says_which_plugins_are_meant(world: World) -> None:
    data = await world.owner(OPERATIONS[1])
    assert data["shopUpdate"] == {
        "gatewayRoutes": [{"word": "acme_app", "provider": "sandbox"}],
        "courierRoutes": [{"word": "SF", "provider": "sandbox-courier", "carrier": "sf-express"}],
        "channelOrder": [{"channels": ["sandbox-inbox"], "missing": []}],
    }


# --- tables and lists ---------------------------------------------------------------------------


def shipped(package: Path, made: Environment) -> list[str]:
    """The lines of the table about one package, from what its proofs say."""
    made.install(package)
    words: list[str | Path] = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "pythonpath="]
    run = made.run(*words, "-m", "conformance", package, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.findall(r"^\w+: (\w+) ([\w-]+): (\w+) \(", run.stdout, flags=re.MULTILINE)
    return [
        f"| [{package.name}]({package.name}) | `{provider}` | {NOUNS[kind]} | {tier} |"
        for kind, provider, tier in sorted(found, key=lambda one: one[1])
    ]


def test_the_shipped_plugins_have_the_tiers_it_says(tmp_path: Path) -> None:
    lines = []
    for package in sorted((ROOT / "plugins").glob("refund-gql-*")):
        lines += shipped(package, environment.make(tmp_path / package.name))
    table = GUIDE.partition("<!-- shipped -->\n")[2].partition("<!-- end of shipped -->")[0]
    assert table.splitlines()[2:] == lines


def rows(*, heading: str) -> list[str]:
    """The first cells of the first table behind a heading."""
    behind = GUIDE.partition(f"\n{heading}\n")[2]
    [table] = re.findall(r"\A[^|]*\n((?:\|.*\n)+)", behind)
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


def test_the_tables_are_complete() -> None:
    assert rows(heading="### What a gateway says") == [f"`{one.name}`" for one in OutcomeState]
    assert {*rows(heading="## Versions")} == {f"`{one.name}`" for one in PluginState}
    errors = {
        f"`{name}`"
        for name, one in inspect.getmembers(providers, inspect.isclass)
        if issubclass(one, ProviderError) and one is not ProviderError
    }
    assert {*rows(heading="### Errors")} == {*errors, "anything else"}


def test_every_hook_is_named() -> None:
    hooks = [name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)]
    registering = [name for name in hooks if name.startswith("register_")]
    assert len(registering) == len(ProviderKind)
    assert [name for name in registering if name not in GUIDE] == []


CONTRACTS: Mapping[str, type[Any]] = {
    "payment gateway": PaymentGateway,
    "courier": Courier,
    "CRM system": Crm,
    "notification channel": Notifier,
}


@pytest.mark.parametrize("noun", CONTRACTS)
def test_every_method_is_named(noun: str) -> None:
    [row] = re.findall(rf"^\| \[{noun}\].*$", GUIDE, flags=re.MULTILINE)
    own = {name for name in vars(CONTRACTS[noun]) if not name.startswith("_")} - {"kind"}
    named = set(re.findall(r"`(\w+)`", row))
    assert own - named <= {"acknowledgement"}
    beside = {"CouponIssuer", "LoyaltyLedger", "ReviewSource"}
    assert named - own <= beside | {*CONTRACTS[noun].__annotations__}


def test_what_it_says_of_the_sheets_is_there() -> None:
    [sheet] = re.findall(r"### The sheet\n(.*?)\n## ", GUIDE, flags=re.DOTALL)
    fields = {*GatewayCapabilities.__annotations__, *CourierCapabilities.__annotations__}
    named = set(re.findall(r"`(\w+)`", sheet))
    assert len(named) > 8
    assert named <= fields


def test_the_files_it_lists_are_those_that_are_written(tmp_path: Path) -> None:
    written = {
        file.name
        for kind in ProviderKind
        for file in scaffold.write(kind, "acme", tmp_path / kind.lower()).rglob("*.py")
    }
    rows_of_files = "".join(rows(heading="From an empty folder to a plugin that works:"))
    named = {Path(name).name for name in re.findall(r"`([\w/]+\.py)`", rows_of_files)}
    assert named <= written
    assert written - named == {"__init__.py", "crm.py", "notifier.py"}


def test_the_kit_needs_what_the_extra_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {re.split(r"[<>=]", one)[0] for one in project["optional-dependencies"]["testing"]}
    assert extra == {"pytest", "pytest-asyncio"}
