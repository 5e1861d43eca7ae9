"""What `refund-gql new-plugin` writes is good as it stands, alone and under any name."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import pytest
from support import environment
from support.environment import Environment

from refund_gql import scaffold
from refund_gql.cli import cli
from refund_gql.providers import PLUGIN_API, ProviderKind
from refund_gql.scaffold import InvalidName, naming, write
from refund_gql.scaffold.writing import TEMPLATES, compatible

ROOT = Path(__file__).parent.parent
RUFF = Path(sys.executable).with_name("ruff")
COMMAND = import_module("refund_gql.cli.new_plugin")  # its name in the package is the command's
KINDS = list(ProviderKind)
KEY = {"REFUND_GQL_ACME_API_KEY": "key"}
SIGNED = {**KEY, "REFUND_GQL_ACME_WEBHOOK_SECRET": "secret"}
SETTINGS = {
    ProviderKind.GATEWAY: SIGNED,
    ProviderKind.COURIER: SIGNED,
    ProviderKind.CRM: KEY,
    ProviderKind.NOTIFIER: {**KEY, "REFUND_GQL_ACME_SENDER": "shop@example.com"},
}


@dataclass(frozen=True)
class Written:
    """A new plugin, installed in an environment that has no other."""

    kind: ProviderKind
    folder: Path
    environment: Environment


@pytest.fixture(scope="module")
def types_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows about the libraries is the same for all."""
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture(scope="module", params=KINDS, ids=str.lower)
def plugin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    base = tmp_path_factory.mktemp(request.param.lower())
    made = environment.make(base / "environment")
    folder = write(request.param, "acme", base)
    made.install(folder)
    return Written(request.param, folder, made)


# --- what is written --------------------------------------------------------------------------


def test_the_kit_finds_gold(plugin: Written) -> None:
    run = plugin.environment.run("-m", "pytest", "-q", cwd=plugin.folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{plugin.kind.lower()} acme: Gold (" in run.stdout
    assert "0 failed, 0 waived)" in run.stdout


def test_types_are_right(plugin: Written, types_cache: Path) -> None:
    words: list[str | Path] = ["-m", "mypy", "--strict", "--cache-dir", types_cache, "src", "tests"]
    run = plugin.environment.run(*words, cwd=plugin.folder)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_engine_loads_it(plugin: Written) -> None:
    listing = "from refund_gql.cli import main; main()"
    words = ["-c", listing, "plugins", "--json"]
    run = plugin.environment.run(*words, cwd=plugin.folder, **SETTINGS[plugin.kind])
    assert run.returncode == 0, run.stderr
    [found] = json.loads(run.stdout)
    [provider] = found["providers"]
    assert (found["name"], found["distribution"]) == ("acme", "refund-gql-acme")
    assert (found["state"], found["reason"]) == ("ACTIVE", "")
    assert (provider["name"], provider["kind"]) == ("acme", plugin.kind.value)
    assert (provider["state"], provider["reason"]) == ("ACTIVE", "")
    fields = provider["settingsSchema"]["properties"]
    assert fields["api_key"]["writeOnly"] is True
    assert fields["base_url"]["operatorOnly"] is True


@pytest.mark.parametrize("kind", KINDS, ids=str.lower)
@pytest.mark.parametrize("name", ["x", "acme", "wechat-pay-2", "a" * naming.LONGEST])
def test_it_reads_well_under_any_name(kind: ProviderKind, name: str, tmp_path: Path) -> None:
    folder = write(kind, name, tmp_path)
    for words in (["check", "-q"], ["format", "--check", "-q"]):
        run = subprocess.run([RUFF, *words, "--no-cache"], cwd=folder, capture_output=True)
        assert run.returncode == 0, run.stdout.decode()
    leftovers = [
        file for file in folder.rglob("*") if "PACKAGE" in file.name or file.suffix == ".jinja"
    ]
    assert leftovers == []
    texts = [file.read_text() for file in folder.rglob("*") if file.is_file()]
    assert [text for text in texts if "TODO" in text or "{{" in text or "{%" in text] == []


def test_the_ranges_are_those_of_this_engine(tmp_path: Path) -> None:
    folder = write(ProviderKind.CRM, "acme", tmp_path)
    hooks = (folder / "src" / "refund_gql_acme" / "__init__.py").read_text()
    assert f'REFUND_GQL_API = "{compatible(PLUGIN_API)}"' in hooks
    assert compatible("0.1.7") == ">=0.1,<0.2"
    assert compatible("1.0") == ">=1.0,<2"
    assert compatible("3.4.5") == ">=3.4,<4"


SLIPS = [
    ("gateway", "wire.py", '"KWD": 3', '"KWD": 2', "amounts-are-exact"),
    ("gateway", "webhook.py", "> TOLERANCE", "> 99999 * TOLERANCE", "stale-webhook-is-refused"),
    ("courier", "wire.py", "hours=8", "hours=9", "times-are-utc"),
    ("crm", "api.py", "=_pause(response)", "=None", "retry-after-is-passed-on"),
    ("notifier", "wire.py", '_invalid": Refused', '_invalid": Retryable', "errors-say-what-to-do"),
]


@pytest.mark.parametrize(("kind", "file", "right", "wrong", "rule"), SLIPS)
def test_its_tests_see_a_slip(
    kind: str, file: str, right: str, wrong: str, rule: str, tmp_path: Path
) -> None:
    folder = write(ProviderKind(kind.upper()), "acme", tmp_path)
    code = folder / "src" / "refund_gql_acme" / file
    assert code.read_text().count(right) == 1
    code.write_text(code.read_text().replace(right, wrong))
    words = [sys.executable, "-m", "pytest", "-q", "tests/test_conformance.py"]
    run = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    assert re.findall(r"^  failed ([\w-]+):", run.stdout, flags=re.MULTILINE) == [rule]


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Acme",
        "7pay",
        "-acme",
        "acme-",
        "ac--me",
        "ac_me",
        "../acme",
        "加密",
        "acme\n",
        "a" * 25,
    ],
)
def test_a_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidName, match="is no name for a plugin"):
        write(ProviderKind.GATEWAY, name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["payout", "log", "provider"])
def test_a_name_is_refused_whose_variables_are_the_engines(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidName, match=f"REFUND_GQL_{name.upper()}_"):
        write(ProviderKind.GATEWAY, name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    work = tmp_path / "refund-gql-acme" / "work"
    work.parent.mkdir()
    work.write_text("of a week")
    with pytest.raises(FileExistsError):
        write(ProviderKind.GATEWAY, "acme", tmp_path)
    assert [*work.parent.iterdir()] == [work]
    assert work.read_text() == "of a week"


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def new_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Give the command these words, in an empty folder; returns how it ended."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> int:
        ended: int = cli(["new-plugin", *words], result_action="return_value")
        return ended

    return run


def test_the_command_says_what_the_kit_found_and_what_is_next(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("refund-gql")
    run = subprocess.run(
        [command, "new-plugin", "notifier", "wechat-pay", "--folder", "my plugins"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert lines[0] == "my plugins/refund-gql-wechat-pay is written."
    assert lines[1].startswith("TestWechatPayNotifier: notifier wechat-pay: Gold (")
    assert lines[-4:] == [
        "Next:",
        "  cd 'my plugins/refund-gql-wechat-pay' && pip install -e .",
        "  pytest",
        "  refund-gql plugins",
    ]
    names = {file.name for file in tmp_path.rglob("*")}
    assert names.isdisjoint({"__pycache__", ".pytest_cache", "conformance.json"})


def test_the_command_does_without_the_kit(
    new_plugin: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(COMMAND, "subprocess", None)
    assert new_plugin("courier", "acme", "--no-check") == 0
    assert capsys.readouterr().out.startswith("refund-gql-acme is written.\n\nNext:\n")
    assert (tmp_path / "refund-gql-acme" / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gateway", "Acme"], "'Acme' is no name for a plugin: use lower-case letters"),
        (["gateway", "here"], "refund-gql-here exists already: choose another name or folder"),
        (["gateway", "acme", "--folder", "file"], "[Errno 20] Not a directory: "),
    ],
)
def test_the_command_says_why_it_wrote_nothing(
    words: Sequence[str],
    said: str,
    new_plugin: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "refund-gql-here").mkdir()
    (tmp_path / "file").touch()
    assert new_plugin(*words) == 2
    out, err = capsys.readouterr()
    assert (out, err[: len(said)]) == ("", said)
    assert {one.name for one in tmp_path.iterdir()} == {"refund-gql-here", "file"}


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Let the next gateway be written with a mistake in its tables."""

    def arrange(right: str, wrong: str) -> None:
        def write_badly(kind: ProviderKind, name: str, folder: Path) -> Path:
            target = write(kind, name, folder)
            wire = target / "src" / "refund_gql_acme" / "wire.py"
            assert right in wire.read_text()
            wire.write_text(wire.read_text().replace(right, wrong))
            return target

        monkeypatch.setattr(scaffold, "write", write_badly)

    return arrange


def test_what_is_red_is_shown_with_the_page_to_read(
    new_plugin: Callable[..., int],
    spoil: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil("(self.status, OutcomeState.UNKNOWN)", "(self.status, OutcomeState.SUCCEEDED)")
    assert new_plugin("gateway", "acme") == 1
    out = capsys.readouterr().out
    assert "gateway acme: no tier (33 passed, 2 failed, 0 waived)" in out
    for rule in ("unknown-status-is-unknown", "webhook-is-understood"):
        assert f"read docs/conformance.md#{rule}\n" in out


def test_a_plugin_that_pytest_cannot_read_is_shown_with_pytests_words(
    new_plugin: Callable[..., int],
    spoil: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil("class Words(BaseModel):", "class Words(BaseModel)")
    assert new_plugin("gateway", "acme") == 1
    assert "SyntaxError" in capsys.readouterr().out


def test_without_the_kit_the_command_says_how_to_get_it(
    new_plugin: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(COMMAND, "find_spec", lambda module: None)
    assert new_plugin("crm", "acme") == 1
    assert 'pip install "refund-gql[testing]"' in capsys.readouterr().err
    assert (tmp_path / "refund-gql-acme").is_dir()


# --- what is published ------------------------------------------------------------------------


def test_the_engines_wheel_brings_the_templates(tmp_path: Path) -> None:
    build: list[str | Path] = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        tmp_path,
    ]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    inside = set(ZipFile(wheel).namelist())
    templates = [file for file in TEMPLATES.rglob("*") if file.is_file()]
    assert len(templates) > 20
    assert {file.relative_to(ROOT).as_posix() for file in templates} <= inside


def test_the_shipped_plugin_stands_alone(tmp_path: Path) -> None:
    made = environment.make(tmp_path / "environment")
    package = ROOT / "plugins" / "refund-gql-sandbox"
    made.install(package)
    words: list[str | Path] = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "pythonpath=",
        package,
    ]
    run = made.run(*words, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(": Gold (") == len(KINDS)
