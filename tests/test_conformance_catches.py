"""The kit catches each planted bad provider by the right rule, by no other, and no sound one.

One run of pytest in a process of its own covers them all; `planted` says what must catch what.
"""

import ast
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from planted import couriers, crms, fakes, gateways, notifiers
from planted.catching import CAUGHT_BY

from refund_gql.providers import ProviderKind
from refund_gql.providers.conformance import Tier
from refund_gql.testing.rules import needed

MODULES = (gateways, couriers, crms, notifiers, fakes)
SOUND = sorted(name for name, rules in CAUGHT_BY.items() if not rules)
BAD = sorted(name for name, rules in CAUGHT_BY.items() if rules)
CAUGHT_ELSEWHERE = {
    "loads-under-its-api",
    "readme-is-complete",
    "recordings-are-clean",
    "typed-throughout",
    "waivers-have-reasons",
}
"""By `test_conformance.py`: they are about packages, and these share one."""

Results = dict[str, dict[str, set[str]]]
"""Provider name -> rule id -> outcomes of its tests."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What the kit says about every planted provider."""
    log = tmp_path_factory.mktemp("kit") / "junit.xml"
    files = [str(module.__file__) for module in MODULES]
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, *files, f"--junitxml={log}"]
    command += ["-p", "pytest_asyncio.plugin", "-p", "refund_gql.testing.plugin"]
    command += [
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "--strict-markers",
        "--import-mode=importlib",
        "-W",
    ]
    command += ["error", "-o", "python_classes=Planted*", "-o", "python_files=*.py", "--tb=no"]
    command += ["-o", "asyncio_default_fixture_loop_scope=function", "-o", "junit_family=xunit1"]
    folder = Path(__file__).parent
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
    }
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout + run.stderr
    return _read(log)


def _read(log: Path) -> Results:
    found: Results = defaultdict(lambda: defaultdict(set))
    for case in ElementTree.parse(log).getroot().iter("testcase"):  # noqa: S314 - written by us
        about = _about(case)
        ended = {child.tag for child in case} & {"failure", "error", "skipped"}
        found[about["provider"]][about["rule"]] |= ended or {"passed"}
    return found


def _about(case: ElementTree.Element) -> dict[str, Any]:
    (about,) = (one for one in case.iter("property") if "conformance" in str(one.get("name")))
    parsed: dict[str, Any] = ast.literal_eval(str(about.get("value")))
    return parsed


@pytest.mark.parametrize("name", BAD)
def test_a_bad_provider_is_caught_by_name(results: Results, name: str) -> None:
    caught = {rule for rule, outcomes in results[name].items() if outcomes != {"passed"}}
    assert caught == CAUGHT_BY[name]


@pytest.mark.parametrize("name", [*SOUND, "fake", "fake-courier", "fake-crm", "fake-notifier"])
def test_a_sound_provider_passes(results: Results, name: str) -> None:
    assert dict(results[name]) == {rule: {"passed"} for rule in results[name]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fake", ProviderKind.GATEWAY),
        ("fake-courier", ProviderKind.COURIER),
        ("fake-crm", ProviderKind.CRM),
        ("fake-notifier", ProviderKind.NOTIFIER),
    ],
)
def test_every_rule_of_a_kind_is_tried(results: Results, name: str, kind: ProviderKind) -> None:
    assert set(results[name]) == {rule.id for tier in Tier for rule in needed(kind, tier)}


def test_every_rule_catches_somebody() -> None:
    planted = set().union(*CAUGHT_BY.values())
    everything = {rule.id for kind in ProviderKind for tier in Tier for rule in needed(kind, tier)}
    assert everything - planted == CAUGHT_ELSEWHERE
