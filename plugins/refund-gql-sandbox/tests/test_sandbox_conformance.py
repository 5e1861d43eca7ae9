"""The conformance kit against all four, each with the ledger as its simulated account."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest
from refund_gql_sandbox import visits
from refund_gql_sandbox.courier import SandboxCourier, depot, pickups
from refund_gql_sandbox.courier.codes import CODES
from refund_gql_sandbox.courier.message import Line, Report
from refund_gql_sandbox.courier.message import Message as CourierMessage
from refund_gql_sandbox.crm import SandboxCrm, coupons, flags, loyalty
from refund_gql_sandbox.gateway import SandboxGateway, books
from refund_gql_sandbox.gateway.message import DisputeMessage
from refund_gql_sandbox.gateway.message import Message as BankMessage
from refund_gql_sandbox.inbox import Inbox, SandboxInbox, mailbox
from refund_gql_sandbox.settings import SharedSettings
from refund_gql_sandbox.webhook import sign

from refund_gql.providers import CustomerKey, Provider, TrackingTag
from refund_gql.testing import (
    RETRY_AFTER,
    Account,
    CourierAccount,
    CourierConformance,
    CrmAccount,
    CrmConformance,
    DisputeNews,
    Fault,
    GatewayAccount,
    GatewayConformance,
    NotifierAccount,
    NotifierConformance,
    On,
    ParcelNews,
    Payment,
    RefundNews,
    Scan,
    Sent,
    Webhook,
)

SETTINGS: Mapping[str, Any] = {
    "api_key": "conformance-key",
    "timeout_seconds": 0,
    # SLOW stands for the answer that never comes, so that a call has to be cancelled.
    "slow_seconds": 3600,
    "retry_after_seconds": RETRY_AFTER.total_seconds(),
}
SECRET = "conformance-webhook-secret"

TABLES = "".join(
    module.TABLES for module in (books, visits, depot, pickups, flags, coupons, loyalty, mailbox)
)
"""They are there from the start, so that an account can be asked before anybody has called."""

TROUBLE = {
    Fault.CONNECTION_REFUSED: "DOWN",
    Fault.TIMEOUT_BEFORE: "TIMEOUT_BEFORE",
    Fault.TIMEOUT_AFTER: "TIMEOUT_AFTER",
    Fault.RESET_AFTER: "TIMEOUT_AFTER",
    Fault.ERROR_BEFORE: "ERROR_BEFORE",
    Fault.ERROR_AFTER: "ERROR_AFTER",
    Fault.RATE_LIMITED: "RATE_LIMITED",
    # There is no wire to garble: an answer that can't be read proves as much as a 500.
    Fault.TRUNCATED: "ERROR_AFTER",
    Fault.GARBLED: "ERROR_AFTER",
    Fault.UNRECOGNISED: "ERROR_AFTER",
    Fault.HANG_AFTER: "SLOW",
}
MISBEHAVIOURS = {
    **TROUBLE,
    Fault.CONNECTION_REFUSED: "UNREACHABLE",
    Fault.TRUNCATED: "UNKNOWN_STATUS",
    Fault.GARBLED: "UNKNOWN_STATUS",
    Fault.UNRECOGNISED: "UNKNOWN_STATUS",
}
# A question has no effect: before it and after it are one.
ON_QUERY = {"TIMEOUT_AFTER": "TIMEOUT_BEFORE", "ERROR_AFTER": "ERROR_BEFORE"}


class LedgerAccount(Account):
    """What the ledger says has happened; what goes wrong is written into the script."""

    operations: ClassVar[Mapping[On, Sequence[str]]]
    calls: ClassVar[str] = "visit"
    """The table of the calls that arrived."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.ledger = folder / "sandbox.sqlite"
        self.script = folder / "script.jsonl"
        self._scripts = 0
        with closing(sqlite3.connect(self.ledger)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(TABLES)

    def inject(self, fault: Fault | None, on: On) -> None:
        """Write the script anew, each time of another length, lest it pass for the one before."""
        self._scripts += 1
        rules = [] if fault is None else [self.rule(fault, one) for one in self.operations[on]]
        lines = [json.dumps({**rule, "times": None}) for rule in rules]
        self.script.write_text("\n".join(lines) + "\n" * self._scripts)

    def rule(self, fault: Fault, operation: str) -> dict[str, str]:
        """The line that brings a fault about."""
        return {"operation": operation, "trouble": TROUBLE[fault]}

    def requests(self) -> int | None:
        """The calls that arrived, and those that were turned away."""
        return self.count(*self.operations[On.ACTIONS], *self.operations[On.READS])

    def actions(self) -> int | None:
        """Those that ask for an effect."""
        return self.count(*self.operations[On.ACTIONS])

    def count(self, *operations: str) -> int:
        """The visits with one of these operations."""
        visits = self.read(f"SELECT operation FROM {self.calls}")
        return sum(operation in operations for (operation,) in visits)

    def open_clients(self) -> int:
        """The connections of this process to the ledger."""
        return sum(file.path == str(self.ledger) for file in psutil.Process().open_files())

    def read(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of the ledger."""
        with closing(sqlite3.connect(self.ledger)) as db:
            return db.execute(statement).fetchall()


class LedgerConformance:
    """How a provider of the sandbox is connected to its account."""

    provider: ClassVar[type[Provider]]

    def connect(self, account: LedgerAccount, settings: SharedSettings) -> Provider:
        """The provider on the account's ledger and script."""
        files = {"ledger": account.ledger, "script": account.script}
        return self.provider(settings.model_copy(update=files))


# --- the bank ---------------------------------------------------------------------------------


class BankAccount(LedgerAccount, GatewayAccount):
    operations = {On.ACTIONS: ["refund"], On.READS: ["query"]}
    calls = "call"

    def rule(self, fault: Fault, operation: str) -> dict[str, str]:
        misbehaviour = MISBEHAVIOURS[fault]
        if operation == "query":
            misbehaviour = ON_QUERY.get(misbehaviour, misbehaviour)
        return {"operation": operation, "misbehaviour": misbehaviour}

    def paid(self) -> list[Payment]:
        rows = self.read(
            "SELECT payment.amount, payment.currency, capture_reference"
            " FROM payment JOIN refund USING (number) ORDER BY payment.id"
        )
        return [
            Payment(amount=amount, currency=currency, capture_reference=capture)
            for amount, currency, capture in rows
        ]


class TestSandboxGateway(LedgerConformance, GatewayConformance):
    provider = SandboxGateway
    settings = {**SETTINGS, "webhook_secret": SECRET}
    bad_settings = {**settings, "api_key": "bad-conformance-key"}

    @pytest.fixture
    def account(self, tmp_path: Path) -> BankAccount:
        return BankAccount(tmp_path)

    def webhook(self, news: RefundNews | DisputeNews) -> Webhook:
        if isinstance(news, DisputeNews):
            return self._chargeback(news)
        message = BankMessage(
            id=news.event_id,
            number=news.number,
            state="QUEUED_AT_PARTNER" if news.state is None else news.state.value,
            amount=news.amount,
            currency=news.currency,
        )
        return signed(message.model_dump_json().encode(), news.sent_at, foreign=news.foreign)

    def _chargeback(self, news: DisputeNews) -> Webhook:
        message = DisputeMessage(
            id=news.event_id,
            dispute=news.reference,
            capture=news.capture_reference,
            amount=news.amount,
            currency=news.currency,
            state=news.state,
            at=news.sent_at,
            reason=news.reason,
        )
        return signed(message.model_dump_json().encode(), news.sent_at, foreign=news.foreign)


# --- the courier ------------------------------------------------------------------------------


class DepotAccount(LedgerAccount, CourierAccount):
    operations = {On.ACTIONS: ["book_pickup"], On.READS: ["track", "find_pickup", "quote"]}

    def ordered(self) -> list[str]:
        return [number for (number,) in self.read("SELECT number FROM pickup ORDER BY id")]

    def show(self, tracking_number: str, scans: Sequence[Scan]) -> None:
        with closing(sqlite3.connect(self.ledger)) as db, db:
            db.execute("INSERT OR IGNORE INTO parcel VALUES (?, 0)", (tracking_number,))
            db.execute("DELETE FROM checkpoint WHERE tracking_number = ?", (tracking_number,))
            db.executemany(
                "INSERT INTO checkpoint (tracking_number, seen_at, happened_at, code, text, place)"
                " VALUES (?, 0, ?, ?, ?, ?)",
                [
                    (tracking_number, scan.at.timestamp(), scan.code, scan.text, scan.place)
                    for scan in scans
                ],
            )


class TestSandboxCourier(LedgerConformance, CourierConformance):
    provider = SandboxCourier
    settings = {**SETTINGS, "webhook_secret": SECRET}
    bad_settings = {**settings, "api_key": "bad-conformance-key"}
    codes: ClassVar[Mapping[str, TrackingTag | None]] = {
        **{code: meaning.tag for code, meaning in CODES.items()},
        "X-77": None,
    }

    @pytest.fixture
    def account(self, tmp_path: Path) -> DepotAccount:
        return DepotAccount(tmp_path)

    def webhook(self, news: ParcelNews) -> Webhook:
        scan = news.scan
        line = Line(at=scan.at, code=scan.code, text=scan.text, place=scan.place)
        report = Report(tracking_number=news.tracking_number, checkpoints=(line,))
        body = CourierMessage(id=news.event_id, parcels=(report,)).model_dump_json().encode()
        return signed(body, news.sent_at, foreign=news.foreign)


def signed(body: bytes, at: datetime, *, foreign: bool) -> Webhook:
    """The message as the sandbox would post it, to this merchant or to another one."""
    secret = "another-merchants-secret" if foreign else SECRET
    return Webhook(headers=sign(body, secret, at=at), body=body)


# --- the CRM system ---------------------------------------------------------------------------


class CardAccount(LedgerAccount, CrmAccount):
    operations = {
        On.ACTIONS: [
            "set_flags",
            "issue_coupon",
            "revoke_coupon",
            "restore_points",
            "restore_coupon",
        ],
        On.READS: ["signals", "tier", "reviews"],
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reviews = folder / "reviews.jsonl"
        lines = [
            {"reference": f"V-{at}", "sku": "TEA", "rating": 5, "text": "好", "written_at": written}
            for at, written in enumerate(("2026-11-22T08:00:00+08:00", "2026-11-21T08:00:00Z"))
        ]
        self.reviews.write_text("\n".join(json.dumps(line) for line in lines))

    def flags(self, reference: str) -> list[str]:
        kept = self.read("SELECT reference, flag FROM flag ORDER BY since_at")
        return [flag for of, flag in kept if of == reference]

    def issued(self) -> list[str]:
        return [number for (number,) in self.read("SELECT number FROM coupon ORDER BY issued_at")]

    def restored(self) -> list[str]:
        return [number for (number,) in self.read("SELECT number FROM restoration ORDER BY at")]

    def revoked(self) -> list[str]:
        worthless = "SELECT number FROM coupon WHERE revoked_at IS NOT NULL ORDER BY revoked_at"
        return [number for (number,) in self.read(worthless)]


class TestSandboxCrm(LedgerConformance, CrmConformance):
    provider = SandboxCrm
    settings = {**SETTINGS, "reviews_per_page": 1}
    bad_settings = {**settings, "api_key": "bad-conformance-key"}
    risky_customer = CustomerKey(reference="C-7-RISK-HIGH")
    unflaggable_customer = CustomerKey(reference="C-8-SBX-REFUSE")

    @pytest.fixture
    def account(self, tmp_path: Path) -> CardAccount:
        return CardAccount(tmp_path)

    def connect(self, account: Any, settings: Any) -> Provider:
        return super().connect(account, settings.model_copy(update={"reviews": account.reviews}))


# --- the inbox --------------------------------------------------------------------------------


class MailAccount(LedgerAccount, NotifierAccount):
    operations = {On.ACTIONS: ["send"], On.READS: []}

    def sent(self) -> list[Sent]:
        mails = Inbox(self.ledger).messages()
        return [Sent(address=mail.address, text=mail.text) for mail in mails]

    def ids_seen(self) -> list[str | None]:
        return [subject for (subject,) in self.read("SELECT subject FROM visit ORDER BY id")]


class TestSandboxInbox(LedgerConformance, NotifierConformance):
    provider = SandboxInbox
    settings = SETTINGS
    bad_settings = {**SETTINGS, "api_key": "bad-conformance-key"}
    good_address = "lin@example.com"
    bad_address = "bounce@example.com"

    @pytest.fixture
    def account(self, tmp_path: Path) -> MailAccount:
        return MailAccount(tmp_path)
