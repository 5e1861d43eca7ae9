"""`python -m refund_gql_sandbox inbox`: what one sees."""

import asyncio
import os
import re
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from refund_gql_sandbox.__main__ import LEDGER, main
from refund_gql_sandbox.inbox import Mail, SandboxInbox
from refund_gql_sandbox.inbox.letter import letter
from refund_gql_sandbox.settings import InboxSettings

from refund_gql.providers import Notification

MAIL = Mail(
    position=3,
    id="1",
    address="lin@example.com",
    locale="zh",
    event="REFUNDED",
    subject="退款已到账",
    text="您好，\n退款 ¥89.00 已到账。",
    variables={},
    received_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
    arrivals=1,
)


def lines(mail: Mail) -> list[str]:
    """The letter, with any time zone's time taken out."""
    return re.sub(r"\d{4}-\d\d-\d\d .*", "TIME", letter(mail)).split("\n")


def test_a_letter_in_chinese() -> None:
    assert lines(MAIL) == [
        "── 3 · REFUNDED ".ljust(60, "─"),
        "收件人: lin@example.com",
        "时间: TIME",
        "主题: 退款已到账",
        "",
        "您好，",
        "退款 ¥89.00 已到账。",
        "",
        "",
    ]


def test_a_letter_in_english_that_came_twice() -> None:
    english = {"locale": "en", "subject": "Paid", "text": "It is paid.", "arrivals": 2}
    assert lines(Mail(**{**vars(MAIL), **english})) == [
        "── 3 · REFUNDED ".ljust(60, "─"),
        "To: lin@example.com",
        "At: TIME",
        "Subject: Paid",
        "Note: arrived 2 times with the same id, kept once",
        "",
        "It is paid.",
        "",
        "",
    ]


def test_a_message_cannot_play_with_the_terminal() -> None:
    nasty = {"subject": "\x1b[2Jhi\r", "text": "a\x07b\u202ec", "address": "x\x1b@example.com"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", letter(Mail(**{**vars(MAIL), **nasty})))


def test_a_subject_cannot_pretend_to_be_another_line() -> None:
    faked = Mail(**{**vars(MAIL), "subject": "hi\n收件人: somebody else"})
    assert lines(faked)[3:5] == ["主题: hi 收件人: somebody else", ""]


def test_spaces_of_every_width_are_kept() -> None:
    spaced = Mail(**{**vars(MAIL), "text": "\u3000您好，89,00\u202f€"})
    assert "\u3000您好，89,00\u202f€" in letter(spaced)


async def send(ledger: Path, subject: str) -> None:
    inbox = SandboxInbox(InboxSettings(ledger=ledger))
    await inbox.send(
        Notification(
            id=subject,
            address="lin@example.com",
            locale="en",
            event="REFUNDED",
            subject=subject,
            text="It is paid.",
        )
    )
    await inbox.aclose()


async def test_it_shows_the_inbox_and_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "inbox.sqlite"
    assert main(["inbox", "--ledger", str(ledger)]) == 0
    assert capsys.readouterr().out == "收件箱是空的。The inbox is empty.\n"
    await send(ledger, "first")
    await send(ledger, "second")
    assert main(["inbox", "--ledger", str(ledger)]) == 0
    assert re.findall("Subject: (.*)", capsys.readouterr().out) == ["first", "second"]


async def test_it_looks_where_the_engine_was_told_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LEDGER, str(tmp_path / "elsewhere.sqlite"))
    await send(tmp_path / "elsewhere.sqlite", "there")
    assert main(["inbox"]) == 0
    assert "Subject: there" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["outbox"], ["inbox", "--backwards"]])
def test_what_it_does_not_understand_it_refuses(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "usage: python -m refund_gql_sandbox" in capsys.readouterr().err


async def test_following_shows_what_arrives_later_until_interrupted(tmp_path: Path) -> None:
    ledger = tmp_path / "inbox.sqlite"
    await send(ledger, "before")
    follower = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "refund_gql_sandbox", "inbox", "--ledger", str(ledger)),
        "--follow",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert follower.stdout is not None

    async def next_subject() -> str:
        assert follower.stdout is not None
        while not (line := (await follower.stdout.readline()).decode()).startswith("Subject: "):
            assert line, "it ended"
        return line.removeprefix("Subject: ").strip()

    assert await next_subject() == "before"
    await send(ledger, "after")
    assert await next_subject() == "after"
    follower.send_signal(signal.SIGINT)
    _, errors = await follower.communicate()
    assert (follower.returncode, errors) == (0, b"")
