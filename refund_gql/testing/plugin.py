"""The pytest plugin: a marker, an option, explained assertions, waivers, and the report.

It is loaded into every session of an environment that has the kit, so it imports nothing of the
kit but what sessions with classes of conformance tests need, and does nothing in others.

It has no assertion to explain, and may have been imported before: PYTEST_DONT_REWRITE.
"""

import sys
from importlib import import_module
from typing import Any

import pytest

MARKER = "conformance"
PROPERTY = "refund_gql_conformance"
_TESTS = ("answers", "courier", "crm", "gateway", "notifier", "provider", "suite", "webhooks")

for _name in _TESTS:
    if f"refund_gql.testing.{_name}" not in sys.modules:
        pytest.register_assert_rewrite(f"refund_gql.testing.{_name}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option: to write the record."""
    group = parser.getgroup("refund-gql", "refund-gql conformance kit")
    group.addoption(
        "--conformance-record",
        action="store_true",
        help="write the computed tiers to conformance.json in each plugin's package",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", f"{MARKER}(rule): a proof of this rule of the refund-gql conformance kit"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note on each proof what it is about, and skip the waived ones."""
    for item in items:
        mark = item.get_closest_marker(MARKER)
        owner = getattr(item, "cls", None)
        if mark is None or owner is None:
            continue
        rule_id = mark.args[0]
        reason = str(owner.waivers.get(rule_id, "")).strip()
        if rule_id == "waivers-have-reasons":
            reason = ""
        item.user_properties.append((PROPERTY, _about(item, owner, rule_id, reason)))
        if reason:
            item.add_marker(pytest.mark.skip(reason=f"waived: {reason}"))


def _about(item: pytest.Item, owner: Any, rule_id: str, waived: str) -> dict[str, Any]:
    provider = getattr(owner, "provider", None)
    package = owner.package or getattr(provider, "__module__", "").partition(".")[0]
    return {
        "tests": owner.__name__,
        "kind": str(owner.kind),
        "provider": getattr(provider, "name", ""),
        "package": package,
        "rule": rule_id,
        "waived": waived,
    }


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the tiers, and write them if asked to."""
    reports = (one for kind in terminalreporter.stats.values() for one in kind)
    proofs = [proof for report in reports if (proof := _proof(report))]
    if proofs:
        summary = import_module("refund_gql.testing.report")
        summary.show(terminalreporter, proofs, record=config.getoption("conformance_record"))


def _proof(report: object) -> dict[str, Any] | None:
    """What one phase of a marked test proved; None for anything else in the statistics."""
    if not isinstance(report, pytest.TestReport):
        return None
    about: Any = dict(report.user_properties).get(PROPERTY)
    return about and {**about, "when": report.when, "outcome": report.outcome}
