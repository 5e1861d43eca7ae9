"""The kit itself: waivers, missing pieces, tiers, the report, the record, recorded payloads."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from refund_gql.providers import (
    PLUGIN_API,
    Outcome,
    OutcomeState,
    ProviderKind,
    ProviderSettings,
    Retryable,
)
from refund_gql.providers import conformance as records
from refund_gql.providers.conformance import Record, Standing, Tier
from refund_gql.testing import (
    RETRY_AFTER,
    FakeCourier,
    FakeGateway,
    Fault,
    On,
    fakes,
    leaks,
    packages,
    page,
    recorded,
    report,
)
from refund_gql.testing.courier import CourierConformance
from refund_gql.testing.gateway import GatewayConformance
from refund_gql.testing.rules import RULES, TABLE, needed

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
Run = Callable[..., pytest.RunResult]

TESTS = """
import pytest
from bank_plugin import BankGateway
from refund_gql.testing import GatewayConformance, Webhook, fakes

class TestBank(GatewayConformance):
    provider = BankGateway
    plugin_module = "bank_plugin"
    bad_settings = {"api_key": "wrong-key-5678"}
    {{more}}

    @pytest.fixture
    def account(self):
        return fakes.FakeBank()

    def connect(self, account, settings):
        return BankGateway(settings, account)

    def webhook(self, news):
        headers, body = fakes.signed(
            {"id": news.event_id, "number": news.number, "state": news.state or "TELEPORTED",
             "amount": news.amount, "currency": news.currency},
            secret="of-another-merchant" if news.foreign else "", at=news.sent_at)
        return Webhook(headers=headers, body=body)
"""
PLUGIN = """
from refund_gql.providers import PaymentGateway, hookimpl
from refund_gql.testing.fakes import FakeGateway

REFUND_GQL_API = ">=1.0,<2"

class BankGateway(FakeGateway):
    name = "bank"

@hookimpl
def register_gateways() -> list[type[PaymentGateway]]:
    return [BankGateway]
"""
README = "# Bank\n## Settings\n`api_key` `webhook_secret`\n## Limits\n## Sandbox\n"


@pytest.fixture
def package(pytester: pytest.Pytester) -> Path:
    """A plugin that reaches Gold."""
    folder = pytester.mkpydir("bank_plugin")
    (folder / "__init__.py").write_text(PLUGIN)
    (folder / "py.typed").touch()
    (pytester.path / "README.md").write_text(README)
    (pytester.path / "pyproject.toml").touch()
    pytester.syspathinsert()
    return folder


@pytest.fixture
def run(pytester: pytest.Pytester, package: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the plugin's tests, with more lines in their class."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run_it(*arguments: str, more: str = "pass", tests: str = TESTS) -> pytest.RunResult:
        pytester.makepyfile(test_bank=tests.replace("{{more}}", more))
        plugins = ["-p", "pytest_asyncio.plugin", "-p", "refund_gql.testing.plugin"]
        options = ["-o", "asyncio_default_fixture_loop_scope=function", "-W", "error"]
        return pytester.runpytest_inprocess(*plugins, *options, "--strict-markers", *arguments)

    return run_it


def failed(result: pytest.RunResult) -> set[str]:
    """The rules the report says were failed."""
    return set(re.findall(r"^  failed ([\w-]+):", result.stdout.str(), flags=re.MULTILINE))


# --- the report -----------------------------------------------------------------------------


def test_the_report_names_provider_tier_and_what_is_left_to_people(run: Run) -> None:
    result = run()
    total = sum(len(needed(ProviderKind.GATEWAY, tier)) for tier in Tier)
    result.assert_outcomes(passed=total)
    result.stdout.fnmatch_lines(
        [
            "*= refund-gql conformance =*",
            f"TestBank: gateway bank: Gold ({total} passed, 0 failed, 0 waived)",
            "  next   for people to judge: old-and-new-engine-pass, *",
        ]
    )


def test_a_session_without_proofs_has_no_report(pytester: pytest.Pytester, run: Run) -> None:
    result = run(tests="def test_something_else(): pass")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*refund-gql conformance*")


def test_a_failure_says_what_is_next(run: Run) -> None:
    result = run(more="bad_settings = {'api_key': 'fake-key-1234'}")
    assert failed(result) == {"check-refuses-bad-credentials"}
    result.stdout.fnmatch_lines(
        [
            "TestBank: gateway bank: no tier (34 passed, 1 failed, 0 waived)",
            "  next   Bronze needs check-refuses-bad-credentials: "
            "docs/conformance.md#check-refuses-bad-credentials",
        ]
    )


def test_the_plugin_is_light() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import refund_gql.testing.plugin;"
        "print(sorted(one for one in set(sys.modules) - before if one.startswith('refund_gql')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.stdout.strip() == str(
        ["refund_gql", "refund_gql.testing", "refund_gql.testing.plugin"]
    )


# --- waivers and missing pieces -------------------------------------------------------------


def test_a_waiver_shows_and_caps_the_tier(run: Run) -> None:
    result = run(more="waivers = {'partial-refunds': 'Bank refunds whole payments only'}")
    result.assert_outcomes(passed=34, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "TestBank: gateway bank: Silver (34 passed, 0 failed, 1 waived)",
            "  waived partial-refunds: Bank refunds whole payments only",
            "  next   Gold needs partial-refunds: docs/conformance.md#partial-refunds",
        ]
    )


def test_a_waived_bronze_rule_leaves_no_tier(run: Run) -> None:
    result = run(more="waivers = {'absent-is-not-rejected': 'It never says so'}")
    result.stdout.fnmatch_lines(["TestBank: gateway bank: no tier (34 passed, 0 failed, 1 waived)"])


@pytest.mark.parametrize(
    "waivers",
    [
        {"no-such-rule": "It does not exist"},
        {"message-arrives": "It is for channels"},
        {"waivers-have-reasons": ""},
    ],
)
def test_a_waiver_must_name_a_rule_and_a_reason(run: Run, waivers: dict[str, str]) -> None:
    result = run(more=f"waivers = {waivers!r}")
    assert failed(result) == {"waivers-have-reasons"}


def test_a_waiver_without_a_reason_waives_nothing(run: Run) -> None:
    result = run(more="waivers = {'partial-refunds': ' '}")
    result.assert_outcomes(passed=34, failed=1)
    assert failed(result) == {"waivers-have-reasons"}


def test_what_is_missing_is_said_with_the_page_to_read(run: Run) -> None:
    result = run(tests=TESTS.replace('bad_settings = {"api_key": "wrong-key-5678"}', ""))
    assert failed(result) == {"check-refuses-bad-credentials", "secrets-stay-secret"}
    result.stdout.fnmatch_lines(
        [
            "check-refuses-bad-credentials: TestBank declares no `bad_settings`: *",
            "Read docs/conformance.md#check-refuses-bad-credentials, or waive the rule: *",
        ]
    )


def test_a_class_without_account_is_told_to_write_one(run: Run) -> None:
    result = run("-k", "pays_once", tests=TESTS.replace("def account", "def bank_account"))
    result.stdout.fnmatch_lines(["TestBank has no fixture `account`. Write one *"])


def test_a_class_without_provider_is_told_to_name_one(run: Run) -> None:
    result = run("-k", "pays_once", tests=TESTS.replace("    provider = BankGateway", ""))
    result.stdout.fnmatch_lines(["TestBank names no `provider`: the class under test"])


def test_an_account_without_transport_needs_its_own_connect(run: Run) -> None:
    result = run("-k", "pays_once", tests=TESTS.replace("def connect", "def unconnected"))
    result.stdout.fnmatch_lines(["TestBank must override `connect(account, settings)`: *"])


# --- rules about the package ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">=1.0,<2", ">=2.0,<3"),
        (">=1.0,<2", "one and a bit"),
        ("REFUND_GQL_API", "SOME_OTHER_NAME"),
        ("return [BankGateway]", "return [FakeGateway]"),
        ("@hookimpl\n", ""),
    ],
)
def test_a_package_must_load_under_its_api(run: Run, package: Path, old: str, new: str) -> None:
    (package / "__init__.py").write_text(PLUGIN.replace(old, new))
    assert failed(run()) == {"loads-under-its-api"}


def test_a_package_needs_an_entry_point(run: Run) -> None:
    result = run(tests=TESTS.replace('plugin_module = "bank_plugin"', ""))
    assert failed(result) == {"loads-under-its-api"}
    result.stdout.fnmatch_lines(['*no entry point of the group "refund_gql" leads to bank_plugin*'])


def test_an_incomplete_readme_is_caught(run: Run, package: Path, pytester: pytest.Pytester) -> None:
    (pytester.path / "README.md").write_text(README.replace("## Limits", ""))
    assert failed(run()) == {"readme-is-complete"}
    (pytester.path / "README.md").write_text(README.replace("`api_key`", ""))
    assert failed(run()) == {"readme-is-complete"}


def test_an_unannotated_function_is_caught(run: Run, package: Path) -> None:
    (package / "wire.py").write_text("def parse(body):\n    return body\n")
    result = run()
    assert failed(result) == {"typed-throughout"}
    result.stdout.fnmatch_lines(["*wire.py:1: parse*"])


def test_a_package_without_py_typed_is_caught(run: Run, package: Path) -> None:
    (package / "py.typed").unlink()
    assert failed(run()) == {"typed-throughout"}


def test_a_dirty_recording_is_caught(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "payloads").mkdir()
    (pytester.path / "payloads" / "refund.json").write_text('{"to": "han.meimei@gmail.com"}')
    result = run()
    assert failed(result) == {"recordings-are-clean"}
    result.stdout.fnmatch_lines(["*refund.json:1: an e-mail address*"])
    result.stdout.no_fnmatch_line("*han.meimei*")


# --- the record -----------------------------------------------------------------------------


def test_the_record_holds_tier_waivers_and_digest(
    run: Run, package: Path, pytester: pytest.Pytester
) -> None:
    run("--conformance-record", more="waivers = {'partial-refunds': 'Whole payments only'}")
    assert json.loads((package / "conformance.json").read_text()) == {
        "api": PLUGIN_API,
        "digest": records.digest("bank_plugin"),
        "providers": {
            "bank": {"tier": "SILVER", "waivers": {"partial-refunds": "Whole payments only"}}
        },
    }
    assert records.recorded_tier("bank_plugin", "bank") is Tier.SILVER
    assert records.recorded_tier("bank_plugin", "another") is None


def test_a_record_counts_no_more_when_the_code_changes(run: Run, package: Path) -> None:
    run("--conformance-record")
    assert records.recorded_tier("bank_plugin", "bank") is Tier.GOLD
    (package / "wire.py").write_text("PATH = '/refunds'\n")
    assert records.recorded_tier("bank_plugin", "bank") is None
    record = records.read("bank_plugin")
    assert record is not None
    assert records.is_stale("bank_plugin", record)


def test_without_the_option_nothing_is_written(run: Run, package: Path) -> None:
    run()
    assert not (package / "conformance.json").exists()


def test_a_part_of_the_tests_records_nothing(run: Run, package: Path) -> None:
    result = run("--conformance-record", "-k", "pays_once")
    assert not (package / "conformance.json").exists()
    result.stdout.fnmatch_lines(["not recorded: bank: not all of its rules were tried"])


def test_a_record_keeps_the_other_providers_of_the_same_code(run: Run, package: Path) -> None:
    gold = Standing(tier=Tier.GOLD)
    present = Record(
        api="1.0", digest=records.digest("bank_plugin"), providers={"bank-courier": gold}
    )
    records.write("bank_plugin", present)
    run("--conformance-record")
    assert records.recorded_tier("bank_plugin", "bank-courier") is Tier.GOLD
    records.write("bank_plugin", Record(api="1.0", digest="of old code", providers={"old": gold}))
    run("--conformance-record")
    written = records.read("bank_plugin")
    assert written is not None
    assert list(written.providers) == ["bank"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"api": "1.0", "digest": "", "providers": 3}'])
def test_a_mangled_record_is_none(package: Path, text: str) -> None:
    (package / "conformance.json").write_text(text)
    assert records.read("bank_plugin") is None


def test_no_package_no_record() -> None:
    assert records.digest("no_such_package") == ""
    assert records.read("no_such_package.at_all") is None
    with pytest.raises(ValueError, match="not an installed package"):
        records.write("no_such_package", Record(api="1.0", digest="", providers={}))


def test_the_record_is_read_without_pytest() -> None:
    code = "import sys, refund_gql.providers.conformance; print('pytest' in sys.modules)"
    read = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert read.stdout == "False\n"


def test_two_classes_about_one_provider_record_the_lower_tier() -> None:
    rules = [rule for tier in Tier for rule in needed(ProviderKind.NOTIFIER, tier)]

    def verdict(tests: str, **results: str) -> report.Verdict:
        passed = {rule.id: report.PASSED for rule in rules}
        return report.Verdict(
            tests=tests,
            kind=ProviderKind.NOTIFIER,
            provider="texts",
            package="texts_plugin",
            rules={**passed, **{name.replace("_", "-"): one for name, one in results.items()}},
        )

    good, weak = verdict("A"), verdict("B", event_loop_is_free=report.FAILED)
    assert (good.tier, weak.tier) == (Tier.GOLD, Tier.SILVER)
    assert report.standings([good, weak])["texts"].tier is Tier.SILVER
    hopeless = verdict("C", message_arrives=report.FAILED)
    assert report.standings([good, hopeless])["texts"].tier is None


# --- the table and its page -----------------------------------------------------------------


def test_the_page_is_the_table() -> None:
    document = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    assert page.written_anew(document) == document


def test_the_table_is_sound() -> None:
    assert len(RULES) == len(TABLE)
    for rule in TABLE:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.id)
        assert rule.tiers
        assert all(text.endswith(".") for text in (rule.says, rule.why, rule.how, rule.exceptions))


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the marks"):
        page.written_anew("# The conformance kit\n")


def test_the_example_of_the_page_runs(pytester: pytest.Pytester, run: Run) -> None:
    document = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    example = re.findall(r"```python\n(.*?)```", document, flags=re.DOTALL)[0]
    homes = {"refund_gql_acme.gateway": "planted.acme", "refund_gql_acme.webhook": "planted.wire"}
    for name, home in homes.items():
        example = example.replace(name, home)
    # It has no entry point, and its README is the bank's.
    assert failed(run(tests=example)) == {"loads-under-its-api"}


# --- recorded payloads ----------------------------------------------------------------------


def exchange(folder: Path, name: str, **response: Any) -> None:
    content = {"request": {"method": "post", "path": "/refunds"}, "response": response}
    (folder / name).write_text(json.dumps(content))


async def test_recorded_exchanges_answer_in_order(tmp_path: Path) -> None:
    exchange(tmp_path, "1.json", status=500, text="busy")
    exchange(tmp_path, "2.json", status=200, headers={"x-id": "7"}, json={"status": "paid"})
    transport = recorded(tmp_path)
    async with httpx2.AsyncClient(transport=transport, base_url="https://acme.test") as client:
        answers = [await client.post("/refunds", json={"amount": 1}) for _ in range(3)]
        with pytest.raises(LookupError, match="GET /refunds was not recorded, only POST /refunds"):
            await client.get("/refunds")
    assert [answer.status_code for answer in answers] == [500, 200, 200]
    assert answers[0].text == "busy"
    assert (answers[1].json(), answers[1].headers["x-id"]) == ({"status": "paid"}, "7")
    assert transport.requests[0].content == b'{"amount":1}'


def test_a_broken_recording_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no recorded exchanges"):
        recorded(tmp_path)
    (tmp_path / "refund.json").write_text('{"request": {}}')
    with pytest.raises(ValueError, match=r"refund\.json: not a recorded exchange"):
        recorded(tmp_path)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('"card": "4242 4242 4242 4242"', "a card number"),
        ('"card": "4242424242424242"', "a card number"),
        ('"order": "4242424242424241"', None),
        ('"refund_id": "50300807092025112012345678901"', None),
        ('"to": "lilei@qq.com"', "an e-mail address"),
        ('"to": "customer@example.com"', None),
        ('"key": "sk_live_4eC39HqLyjWDarjtT1zdp7dc"', "a key"),
        ('"pem": "-----BEGIN RSA PRIVATE KEY-----"', "a key"),
        ('"authorization": "Bearer 0123456789abcdef0123"', "a key"),
        ('"status": "SUCCESS"', None),
    ],
)
def test_leaks_are_found(tmp_path: Path, line: str, found: str | None) -> None:
    (tmp_path / "payload.json").write_text(f"{{\n{line}\n}}")
    assert leaks(tmp_path) == ([f"payload.json:2: {found}"] if found else [])


# --- what is seen of a package --------------------------------------------------------------


def test_secrets_are_recognised_by_name() -> None:
    class Settings(ProviderSettings):
        api_key: str
        webhook_secret: SecretStr
        old_password: SecretStr | None = None
        key_id: str
        public_key: str
        token_url: str
        monkey: str

    assert packages.unmarked_secrets(Settings) == ["api_key"]


def test_chinese_headings_count() -> None:
    assert packages.headings_missing("# 插件\n## 设置\n## 限制\n## 沙箱环境\n") == []
    assert packages.headings_missing("## Settings\n") == ["Limits", "Sandbox"]


# --- the fakes, for tests of whatever uses providers ----------------------------------------


async def test_a_fake_gateway_pays_once_and_refuses_a_conflict() -> None:
    bank = fakes.FakeBank()
    gateway = FakeGateway(account=bank)
    request = GatewayConformance().request(bank)
    with bank.struck(Fault.TIMEOUT_AFTER):
        lost = await gateway.refund(request)
    again = await gateway.refund(request)
    assert (lost.state, again.state) == (OutcomeState.UNKNOWN, OutcomeState.SUCCEEDED)
    assert [payment.amount for payment in bank.paid()] == [2000]
    with bank.struck(Fault.RATE_LIMITED, On.READS):
        asked: Outcome = await gateway.query(request)
    assert (asked.state, asked.retry_after) == (OutcomeState.UNKNOWN, RETRY_AFTER)


async def test_a_fake_courier_is_unreliable_on_request() -> None:
    depot = fakes.FakeDepot()
    courier = FakeCourier(account=depot)
    request = CourierConformance().pickup()
    with depot.struck(Fault.CONNECTION_REFUSED), pytest.raises(Retryable) as error:
        await courier.book_pickup(request)
    assert error.value.retry_after is None
    pickup = await courier.book_pickup(request)
    assert await courier.find_pickup(request.number) == pickup
    (quote,) = await courier.quote(request)
    assert (quote.amount, quote.currency) == (1100, "CNY")
    assert courier.capabilities().least_poll_interval > timedelta(0)
    await courier.subscribe(CourierConformance().parcel())
    assert list(depot.ordered()) == [request.number]
