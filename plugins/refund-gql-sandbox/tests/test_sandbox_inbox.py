"""The inbox: every message once, trouble by address, and what one reads in it."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from refund_gql_sandbox.inbox import Inbox, SandboxInbox
from refund_gql_sandbox.settings import InboxSettings

from refund_gql.providers import (
    EMAIL,
    Delivery,
    Misconfigured,
    Notification,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Retryable,
)

TEXT = "您的退款申请已自动通过，款项将在1-3个工作日内返回支付账户"


def an_inbox(tmp_path: Path, **settings: object) -> SandboxInbox:
    quick = {"timeout_seconds": 0.0, "slow_seconds": 0.0, "retry_after_seconds": 7.0}
    given = {"ledger": tmp_path / "inbox.sqlite", **quick, **settings}
    return SandboxInbox(InboxSettings.model_validate(given))


def a_message(address: str = "lin@example.com") -> Notification:
    return Notification(
        id=str(uuid4()),
        address=address,
        locale="zh",
        event="APPROVED_INSTANTLY",
        subject="退款已通过",
        text=TEXT,
        variables={"number": "RF-1"},
    )


def kept(tmp_path: Path) -> list[str]:
    return [mail.id for mail in Inbox(tmp_path / "inbox.sqlite").messages()]


async def test_a_message_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    inbox, message = an_inbox(tmp_path), a_message()
    assert await inbox.send(message) == Delivery(reference="SBX-MAIL-1")
    [mail] = Inbox(tmp_path / "inbox.sqlite").messages()
    assert (mail.id, mail.address, mail.locale) == (message.id, "lin@example.com", "zh")
    assert (mail.event, mail.subject, mail.text) == ("APPROVED_INSTANTLY", "退款已通过", TEXT)
    assert (mail.position, mail.variables, mail.arrivals) == (1, {"number": "RF-1"}, 1)
    assert before <= mail.received_at <= datetime.now(UTC)
    await inbox.aclose()


async def test_one_reads_on_behind_a_position(tmp_path: Path) -> None:
    inbox, messages = an_inbox(tmp_path), [a_message() for _ in range(3)]
    for message in messages:
        await inbox.send(message)
    assert kept(tmp_path) == [message.id for message in messages]
    [last] = Inbox(tmp_path / "inbox.sqlite").messages(after=2)
    assert (last.position, last.id) == (3, messages[2].id)
    await inbox.aclose()


async def test_the_same_id_is_kept_once_and_counted(tmp_path: Path) -> None:
    inboxes, message = [an_inbox(tmp_path), an_inbox(tmp_path)], a_message()
    told = await asyncio.gather(*(inbox.send(message) for inbox in inboxes * 5))
    assert set(told) == {Delivery(reference="SBX-MAIL-1")}
    [mail] = Inbox(tmp_path / "inbox.sqlite").messages()
    assert mail.arrivals == 10
    for inbox in inboxes:
        await inbox.aclose()


async def test_an_id_belongs_to_one_message(tmp_path: Path) -> None:
    inbox, message = an_inbox(tmp_path), a_message()
    await inbox.send(message)
    with pytest.raises(Refused) as raised:
        await inbox.send(replace(message, text="something else"))
    assert raised.value.code == "ID_REUSED"
    [mail] = Inbox(tmp_path / "inbox.sqlite").messages()
    assert (mail.text, mail.arrivals) == (TEXT, 1)
    await inbox.aclose()


@pytest.mark.parametrize(
    ("address", "error", "code", "is_kept"),
    [
        ("bounce@example.com", Refused, "REFUSED", False),
        ("BOUNCE+lin@example.com", Refused, "REFUSED", False),
        ("busy@example.com", Retryable, "RATE_LIMITED", False),
        ("down@example.com", Retryable, "DOWN", False),
        ("lost@example.com", OutcomeUnknown, "TIMEOUT", True),
        ("", Refused, "BAD_ADDRESS", False),
        ("lin", Refused, "BAD_ADDRESS", False),
        ("@example.com", Refused, "BAD_ADDRESS", False),
        ("lin@", Refused, "BAD_ADDRESS", False),
    ],
)
async def test_the_address_asks_for_trouble(
    tmp_path: Path, address: str, error: type[ProviderError], code: str, is_kept: bool
) -> None:
    inbox, message = an_inbox(tmp_path), a_message(address)
    with pytest.raises(error) as raised:
        await inbox.send(message)
    assert raised.value.code == code
    pause = timedelta(seconds=7) if code == "RATE_LIMITED" else None
    assert getattr(raised.value, "retry_after", None) == pause
    assert kept(tmp_path) == ([message.id] if is_kept else [])
    await inbox.aclose()


@pytest.mark.parametrize("person", ["busy", "lost", "slow", "ok", "bouncer", "lin.down"])
async def test_what_passes_arrives_once_in_the_end(tmp_path: Path, person: str) -> None:
    inbox, message = an_inbox(tmp_path), a_message(f"{person}@example.com")
    try:
        await inbox.send(message)
    except (Retryable, OutcomeUnknown):
        assert person in {"busy", "lost"}
        await inbox.send(message)
    assert kept(tmp_path) == [message.id]
    await inbox.aclose()


async def test_each_of_many_messages_arrives_once_in_spite_of_chaos(tmp_path: Path) -> None:
    inbox, messages = an_inbox(tmp_path, chaos=0.5), [a_message() for _ in range(60)]
    waiting = list(messages)
    while waiting:
        message = waiting.pop(0)
        try:
            await inbox.send(message)
        except (Retryable, OutcomeUnknown):
            waiting.append(message)
    assert sorted(kept(tmp_path)) == sorted(message.id for message in messages)
    assert max(mail.arrivals for mail in Inbox(tmp_path / "inbox.sqlite").messages()) > 1
    await inbox.aclose()


async def test_bad_credentials_open_nothing(tmp_path: Path) -> None:
    inbox = an_inbox(tmp_path, api_key="bad")
    for call in (inbox.check(), inbox.send(a_message())):
        with pytest.raises(Misconfigured, match="refuses the API key"):
            await call
    assert not (tmp_path / "inbox.sqlite").exists()


def test_it_needs_an_e_mail_address_and_drops_doubles_itself() -> None:
    assert (SandboxInbox.address, SandboxInbox.idempotent) == (EMAIL, True)


def test_looking_makes_no_inbox(tmp_path: Path) -> None:
    assert Inbox(tmp_path / "inbox.sqlite").messages() == []
    assert list(tmp_path.iterdir()) == []


async def test_a_ledger_of_another_kind_holds_no_messages(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "inbox.sqlite") as db:
        db.execute("CREATE TABLE payment (id INTEGER)")
    db.close()
    assert Inbox(tmp_path / "inbox.sqlite").messages() == []
