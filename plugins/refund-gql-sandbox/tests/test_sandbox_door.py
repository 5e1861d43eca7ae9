"""The door of the courier, the CRM and the inbox: which calls it lets in, and what they see."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from refund_gql_sandbox.door import Call, Door
from refund_gql_sandbox.file import FileError
from refund_gql_sandbox.rule import Rule
from refund_gql_sandbox.settings import SharedSettings
from refund_gql_sandbox.trouble import CHAOS, LASTING, WITHOUT_EFFECT, Trouble, spelled

from refund_gql.providers import Misconfigured, OutcomeUnknown, ProviderError, Refused, Retryable

TABLES = "CREATE TABLE IF NOT EXISTS done (what TEXT) STRICT;"
SHOWN: dict[Trouble, tuple[type[ProviderError], str]] = {
    Trouble.REFUSE: (Refused, "REFUSED"),
    Trouble.RATE_LIMITED: (Retryable, "RATE_LIMITED"),
    Trouble.DOWN: (Retryable, "DOWN"),
    Trouble.TIMEOUT_BEFORE: (OutcomeUnknown, "TIMEOUT"),
    Trouble.TIMEOUT_AFTER: (OutcomeUnknown, "TIMEOUT"),
    Trouble.ERROR_BEFORE: (OutcomeUnknown, "500"),
    Trouble.ERROR_AFTER: (OutcomeUnknown, "500"),
}


def a_door(tmp_path: Path, **settings: object) -> Door:
    quick = {"timeout_seconds": 0.0, "slow_seconds": 0.0, "retry_after_seconds": 7.0}
    given = {"ledger": tmp_path / "door.sqlite", **quick, **settings}
    return Door("sandbox-test", SharedSettings.model_validate(given), TABLES)


async def do(door: Door, subject: str = "S1", trouble: Trouble | None = None) -> str:
    def work(db: sqlite3.Connection) -> str:
        db.execute("INSERT INTO done VALUES (?)", (subject,))
        return f"did {subject}"

    return await door.call(Call(operation="do", subject=subject, trouble=trouble), work)


async def outcomes(door: Door, trouble: Trouble | None, calls: int) -> list[str]:
    """What each of so many calls got: its answer, or the code of its error."""
    got = []
    for _ in range(calls):
        try:
            got.append(await do(door, trouble=trouble))
        except ProviderError as error:
            got.append(error.code or "")
    return got


def read(tmp_path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(tmp_path / "door.sqlite")) as db:
        return db.execute(statement).fetchall()


@pytest.mark.parametrize("trouble", SHOWN)
async def test_each_trouble_is_shown_as_what_it_proves(tmp_path: Path, trouble: Trouble) -> None:
    door = a_door(tmp_path)
    error, code = SHOWN[trouble]
    with pytest.raises(error) as raised:
        await do(door, trouble=trouble)
    assert raised.value.code == code
    pause = timedelta(seconds=7) if trouble is Trouble.RATE_LIMITED else None
    assert getattr(raised.value, "retry_after", None) == pause
    assert read(tmp_path, "SELECT count(*) FROM done") == [(int(trouble not in WITHOUT_EFFECT),)]
    await door.close()


@pytest.mark.parametrize("trouble", [Trouble.OK, Trouble.SLOW])
async def test_the_others_show_nothing(tmp_path: Path, trouble: Trouble) -> None:
    door = a_door(tmp_path)
    assert await do(door, trouble=trouble) == "did S1"
    await door.close()


@pytest.mark.parametrize("trouble", SHOWN)
async def test_trouble_is_for_the_first_call_or_lasts(tmp_path: Path, trouble: Trouble) -> None:
    door = a_door(tmp_path)
    code = SHOWN[trouble][1]
    later = code if trouble in LASTING else "did S1"
    assert await outcomes(door, trouble, 3) == [code, later, later]
    await door.close()


async def test_a_new_door_on_the_same_file_goes_on_counting(tmp_path: Path) -> None:
    first, second = a_door(tmp_path), a_door(tmp_path)
    assert await outcomes(first, Trouble.ERROR_BEFORE, 1) == ["500"]
    assert await outcomes(second, Trouble.ERROR_BEFORE, 1) == ["did S1"]
    assert read(tmp_path, "SELECT provider, operation, subject, trouble FROM visit") == [
        ("sandbox-test", "do", "S1", "ERROR_BEFORE"),
        ("sandbox-test", "do", "S1", "OK"),
    ]
    await first.close()
    await second.close()


async def test_what_the_work_raises_leaves_no_trace(tmp_path: Path) -> None:
    door = a_door(tmp_path)

    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO done VALUES ('half')")
        raise Refused("not this one")

    with pytest.raises(Refused, match="not this one"):
        await door.call(Call(operation="do", subject="S1"), work)
    assert read(tmp_path, "SELECT * FROM done") == []
    assert read(tmp_path, "SELECT * FROM visit") == []
    await door.close()


# --- the script -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [1]),
        ({"times": 2}, [1, 2]),
        ({"times": None}, [1, 2, 3, 4]),
        ({"nth": 2, "times": 2}, [2, 3]),
        ({"operation": "do", "subject": "S1"}, [1]),
        ({"operation": "undo"}, []),
        ({"subject": "S2"}, []),
    ],
    ids=str,
)
def test_a_rule_matches_what_it_names(rule: dict[str, object], expected: Sequence[int]) -> None:
    parsed = Rule.model_validate({"trouble": "DOWN", **rule})
    assert [nth for nth in range(1, 5) if parsed.matches("do", "S1", nth)] == expected


async def test_the_script_wins_over_the_text_over_chaos(tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"trouble": "RATE_LIMITED"}))
    door = a_door(tmp_path, script=script, chaos=1)
    assert await outcomes(door, Trouble.REFUSE, 2) == ["RATE_LIMITED", "REFUSED"]
    script.write_text(json.dumps({"trouble": "OK", "times": None}))
    assert await outcomes(door, Trouble.REFUSE, 2) == ["did S1"] * 2
    await door.close()


async def test_a_script_that_makes_no_sense_lets_nobody_in(tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text('{"trouble": "SLEEPY"}')
    door = a_door(tmp_path, script=script)
    for call in (door.check(), do(door)):
        with pytest.raises(Misconfigured, match=r"script\.jsonl, line 1: trouble: ") as raised:
            await call
        assert raised.value.field == "script"
    assert read(tmp_path, "SELECT * FROM visit") == []
    await door.close()


# --- chaos ------------------------------------------------------------------------------------


async def test_chaos_is_repeated_by_its_seed(tmp_path: Path) -> None:
    runs = []
    for run, seed in enumerate((7, 7, 8)):
        folder = tmp_path / str(run)
        folder.mkdir()
        door = a_door(folder, chaos=0.5, seed=seed)
        runs.append(await outcomes(door, None, 40))
        await door.close()
    assert runs[0] == runs[1] != runs[2]
    assert 5 < runs[0].count("did S1") < 35


async def test_chaos_refuses_nothing_for_good(tmp_path: Path) -> None:
    door = a_door(tmp_path, chaos=1)
    assert set(await outcomes(door, None, 80)) == {"DOWN", "TIMEOUT", "500", "did S1"}
    met = {trouble for (trouble,) in read(tmp_path, "SELECT DISTINCT trouble FROM visit")}
    assert met == set(CHAOS)
    assert Trouble.REFUSE not in met
    await door.close()


# --- credentials and the file -----------------------------------------------------------------


@pytest.mark.parametrize("key", ["bad", "bad-key", "badger"])
async def test_a_bad_key_opens_nothing(tmp_path: Path, key: str) -> None:
    door = a_door(tmp_path, api_key=SecretStr(key))
    for call in (door.check(), do(door)):
        with pytest.raises(Misconfigured) as raised:
            await call
        assert (raised.value.code, raised.value.field) == ("AUTHENTICATION", "api_key")
        assert key == "bad" or key not in str(raised.value)
    assert not (tmp_path / "door.sqlite").exists()


async def test_a_file_that_is_something_else_is_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "door.sqlite").write_text("not a database, but long enough to be read as one" * 9)
    door = a_door(tmp_path)
    with pytest.raises(FileError, match="file is not a database") as raised:
        await door.check()
    assert isinstance(raised.value, Misconfigured)
    assert raised.value.field == "ledger"
    await door.close()


async def test_a_file_that_stays_locked_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refund_gql_sandbox.file.BUSY_SECONDS", 0.01)
    door = a_door(tmp_path)
    await door.check()
    with closing(sqlite3.connect(tmp_path / "door.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retryable, match="stayed locked"):
            await do(door)
        other.execute("ROLLBACK")
    assert await do(door) == "did S1"
    await door.close()


async def test_a_disk_that_failed_proves_nothing(tmp_path: Path) -> None:
    door = a_door(tmp_path)

    def work(db: sqlite3.Connection) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
        db.execute("INSERT INTO done VALUES (zeroblob(1000000) || '')")

    with pytest.raises(OutcomeUnknown, match="database or disk is full"):
        await door.call(Call(operation="do", subject="S1"), work)
    assert read(tmp_path, "SELECT * FROM done") == []
    await door.close()


# --- what a text asks for ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("SBX-DOWN-0001", Trouble.DOWN),
        ("Garden Road 1 SBX-TIMEOUT_AFTER", Trouble.TIMEOUT_AFTER),
        ("SBX-DELIVERED-SBX-SLOW", Trouble.SLOW),
        ("SBX-DELIVERED-0001", None),
        ("DOWN", None),
        ("XSBX-DOWN", None),
        ("SBX-DOWNTOWN", None),
        ("sbx-down", None),
        ("", None),
    ],
)
def test_trouble_is_spelled_out(text: str, trouble: Trouble | None) -> None:
    assert spelled(text) is trouble
