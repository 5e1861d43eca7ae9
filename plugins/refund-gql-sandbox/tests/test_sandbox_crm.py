"""The CRM system: scripted risk, flags as sets, coupons issued once, reviews page by page."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from refund_gql_sandbox.crm import SandboxCrm
from refund_gql_sandbox.settings import CrmSettings

from refund_gql.providers import (
    Coupon,
    CouponRequest,
    CustomerKey,
    FlagChange,
    FlagResult,
    Misconfigured,
    OutcomeUnknown,
    ProductReview,
    Refused,
    Retryable,
    ReviewPage,
    RiskLevel,
    RiskSignal,
)

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def a_crm(tmp_path: Path, **settings: object) -> SandboxCrm:
    quick = {"timeout_seconds": 0.0, "slow_seconds": 0.0}
    return SandboxCrm(
        CrmSettings.model_validate({"ledger": tmp_path / "crm.sqlite", **quick, **settings})
    )


def key(reference: str) -> CustomerKey:
    return CustomerKey(reference=reference)


def flag(reference: str, *add: str, remove: tuple[str, ...] = ()) -> FlagChange:
    return FlagChange(customer=key(reference), add=frozenset(add), remove=frozenset(remove))


def coupon(number: str = "CP-1", reference: str = "C-7") -> CouponRequest:
    return CouponRequest(number=number, customer=key(reference), amount=500, currency="CNY")


# --- what it knows ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "levels", "tier"),
    [
        ("C-7", [], None),
        ("C-7-RISK-HIGH", [RiskLevel.HIGH], None),
        ("C-7-RISK-MEDIUM-GOLD", [RiskLevel.MEDIUM], "gold"),
        ("C-7-RISK-LOW-RISK-HIGH", [RiskLevel.LOW, RiskLevel.HIGH], None),
        ("C-7-PLATINUM", [], "platinum"),
        ("C-7-SILVER-2", [], "silver"),
        ("C-7-RISK-HIGHER", [], None),
        ("C-7-GOLDSMITH", [], None),
        ("GOLD", [], None),
    ],
)
async def test_a_reference_tells_risk_and_tier(
    tmp_path: Path, reference: str, levels: list[RiskLevel], tier: str | None
) -> None:
    crm = a_crm(tmp_path)
    assert [signal.level for signal in await crm.signals(key(reference))] == levels
    assert await crm.tier(key(reference)) == tier
    await crm.aclose()


@pytest.mark.parametrize(
    ("language", "text"), [("en", "Returns most of what was bought"), ("zh", "频繁退货退款")]
)
async def test_signals_are_told_in_chinese_and_english(
    tmp_path: Path, language: str, text: str
) -> None:
    crm = a_crm(tmp_path, language=language)
    assert await crm.signals(key("C-7-RISK-HIGH")) == [
        RiskSignal(code="serial-returner", level=RiskLevel.HIGH, text=text)
    ]
    await crm.aclose()


async def test_the_file_wins_over_the_reference(tmp_path: Path) -> None:
    customers = tmp_path / "customers.jsonl"
    signal = {"code": "chargeback", "level": "MEDIUM", "since": "2026-11-22T08:00:00+08:00"}
    line = {"reference": "C-7-RISK-HIGH-GOLD", "signals": [signal], "tier": "vip"}
    customers.write_text(json.dumps(line))
    crm = a_crm(tmp_path, customers=customers)
    assert await crm.signals(key("C-7-RISK-HIGH-GOLD")) == [
        RiskSignal(
            code="chargeback",
            level=RiskLevel.MEDIUM,
            since=datetime(2026, 11, 22, tzinfo=UTC),
        )
    ]
    assert await crm.tier(key("C-7-RISK-HIGH-GOLD")) == "vip"
    assert await crm.tier(key("C-8-GOLD")) == "gold"
    customers.unlink()
    assert await crm.tier(key("C-7-RISK-HIGH-GOLD")) == "gold"
    await crm.aclose()


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("customers", '{"reference": "C-7", "signals": [{"code": "x", "level": "AWFUL"}]}'),
        ("customers", '{"tier": "gold"}'),
        ("reviews", '{"reference": "V-1"}'),
    ],
)
async def test_a_broken_file_is_for_a_person(tmp_path: Path, setting: str, line: str) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(line)
    crm = a_crm(tmp_path, **{setting: file})
    with pytest.raises(Misconfigured, match=r"lines\.jsonl, line 1: ") as raised:
        await crm.check()
    assert raised.value.field == setting
    await crm.aclose()


async def test_trouble_is_asked_for_in_the_reference(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    for _ in range(2):
        with pytest.raises(Retryable):
            await crm.signals(key("C-7-RISK-HIGH-SBX-DOWN"))
    with pytest.raises(OutcomeUnknown):
        await crm.tier(key("C-7-GOLD-SBX-ERROR_BEFORE"))
    assert await crm.tier(key("C-7-GOLD-SBX-ERROR_BEFORE")) == "gold"
    await crm.aclose()


async def test_bad_credentials_open_nothing(tmp_path: Path) -> None:
    crm = a_crm(tmp_path, api_key="bad-key")
    for call in (
        crm.check(),
        crm.signals(key("C-7")),
        crm.tier(key("C-7")),
        crm.set_flags([flag("C-7", "watch")]),
        crm.issue_coupon(coupon()),
        crm.revoke_coupon("CP-1"),
        crm.reviews(since=EPOCH),
    ):
        with pytest.raises(Misconfigured, match="refuses the API key"):
            await call
    assert not (tmp_path / "crm.sqlite").exists()


# --- flags ------------------------------------------------------------------------------------


async def test_flags_are_sets(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    changes = [flag("C-7", "watch", "vip"), flag("C-8", "watch")]
    applied = [
        FlagResult(reference="C-7", applied=True),
        FlagResult(reference="C-8", applied=True),
    ]
    assert [await crm.set_flags(changes) for _ in range(3)] == [applied] * 3
    assert await crm.flags("C-7") == {"watch", "vip"}
    away = [flag("C-7", "late", remove=("watch", "never there"))]
    for _ in range(2):
        await crm.set_flags(away)
        assert await crm.flags("C-7") == {"late", "vip"}
    assert await crm.flags("C-8") == {"watch"}
    await crm.aclose()


async def test_flags_are_kept_for_every_process(tmp_path: Path) -> None:
    first, second = a_crm(tmp_path), a_crm(tmp_path)
    await first.set_flags([flag("C-7", "watch")])
    assert await second.flags("C-7") == {"watch"}
    await first.aclose()
    await second.aclose()


async def test_one_customers_failure_is_one_result(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    changes = [
        flag("C-1", "watch"),
        flag("C-2-SBX-REFUSE", "watch"),
        flag("C-3-SBX-RATE_LIMITED", "watch"),
        flag("C-4", "watch", remove=("watch",)),
        flag("C-5", "watch"),
    ]
    first = await crm.set_flags(changes)
    assert [result.reference for result in first] == [
        change.customer.reference for change in changes
    ]
    assert [(result.applied, result.code, result.retriable) for result in first] == [
        (True, None, False),
        (False, "REFUSE", False),
        (False, "RATE_LIMITED", True),
        (False, "CONTRADICTION", False),
        (True, None, False),
    ]
    second = await crm.set_flags(changes)
    assert [result.applied for result in second] == [True, False, True, False, True]
    flagged = [await crm.flags(change.customer.reference) for change in changes]
    assert flagged == [{"watch"}, set(), {"watch"}, set(), {"watch"}]
    await crm.aclose()


@pytest.mark.parametrize(
    ("trouble", "flags"), [("TIMEOUT_AFTER", {"watch"}), ("TIMEOUT_BEFORE", set[str]())]
)
async def test_a_lost_answer_is_about_the_whole_batch(
    tmp_path: Path, trouble: str, flags: set[str]
) -> None:
    crm = a_crm(tmp_path)
    changes = [flag("C-7", "watch"), flag(f"C-8-SBX-{trouble}", "watch")]
    with pytest.raises(OutcomeUnknown):
        await crm.set_flags(changes)
    assert await crm.flags("C-7") == flags
    assert [result.applied for result in await crm.set_flags(changes)] == [True, True]
    assert await crm.flags("C-7") == {"watch"}
    await crm.aclose()


async def test_a_batch_has_an_end(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    hundred = [flag(f"C-{at}", "watch") for at in range(100)]
    assert all(result.applied for result in await crm.set_flags(hundred))
    with pytest.raises(Refused) as raised:
        await crm.set_flags([*hundred, flag("C-100", "watch")])
    assert raised.value.code == "TOO_MANY"
    assert await crm.flags("C-100") == set()
    assert await crm.set_flags([]) == []
    await crm.aclose()


# --- coupons ----------------------------------------------------------------------------------


async def test_a_number_issues_one_coupon(tmp_path: Path) -> None:
    crms = [a_crm(tmp_path), a_crm(tmp_path)]
    issued = await asyncio.gather(*(crm.issue_coupon(coupon()) for crm in crms * 5))
    assert set(issued) == {Coupon(number="CP-1", code=issued[0].code, reference="SBX-COUPON-CP-1")}
    other = await crms[0].issue_coupon(coupon("CP-2"))
    assert other.code != issued[0].code
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM coupon").fetchall() == [(2,)]
    for crm in crms:
        await crm.aclose()


@pytest.mark.parametrize("trouble", ["TIMEOUT_AFTER", "ERROR_AFTER"])
async def test_what_is_in_doubt_was_issued(tmp_path: Path, trouble: str) -> None:
    crm = a_crm(tmp_path)
    request = coupon(reference=f"C-7-SBX-{trouble}")
    with pytest.raises(OutcomeUnknown):
        await crm.issue_coupon(request)
    await crm.redeem("CP-1")
    assert (await crm.issue_coupon(request)).number == "CP-1"
    await crm.aclose()


async def test_a_number_belongs_to_one_coupon(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    await crm.issue_coupon(coupon())
    with pytest.raises(Refused) as raised:
        await crm.issue_coupon(replace(coupon(), amount=501))
    assert raised.value.code == "NUMBER_REUSED"
    await crm.aclose()


async def test_a_revoked_coupon_stays_revoked(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    issued = await crm.issue_coupon(coupon())
    assert [await crm.revoke_coupon("CP-1") for _ in range(2)] == [True, True]
    assert await crm.issue_coupon(coupon()) == issued
    with pytest.raises(Refused, match="used or revoked"):
        await crm.redeem("CP-1")
    await crm.aclose()


async def test_a_used_coupon_cannot_be_revoked(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    await crm.issue_coupon(coupon())
    await crm.redeem("CP-1")
    assert [await crm.revoke_coupon("CP-1") for _ in range(2)] == [False, False]
    with pytest.raises(Refused, match="used or revoked"):
        await crm.redeem("CP-1")
    await crm.aclose()


async def test_a_coupon_nobody_issued_cannot_be_revoked(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    with pytest.raises(Refused) as raised:
        await crm.revoke_coupon("CP-1")
    assert raised.value.code == "NOT_FOUND"
    await crm.aclose()


# --- reviews ----------------------------------------------------------------------------------


def written(tmp_path: Path, *days: int) -> Path:
    """A file of reviews: one for each day, named by its place in the file."""
    file = tmp_path / "reviews.jsonl"
    lines = [
        {
            "reference": f"V-{at}",
            "sku": "TEA",
            "rating": 4,
            "text": "挺好的",
            "written_at": (EPOCH + timedelta(days=day)).isoformat(),
            "locale": "zh",
        }
        for at, day in enumerate(days)
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return file


async def all_pages(crm: SandboxCrm, since: datetime) -> list[list[str]]:
    pages: list[ReviewPage] = [await crm.reviews(since=since)]
    while pages[-1].cursor is not None:
        pages.append(await crm.reviews(since=since, cursor=pages[-1].cursor))
    return [[review.reference for review in page.reviews] for page in pages]


async def test_reviews_come_oldest_first_each_once(tmp_path: Path) -> None:
    crm = a_crm(tmp_path, reviews=written(tmp_path, 5, 1, 3, 3, 2, 0), reviews_per_page=2)
    since = EPOCH + timedelta(days=1)
    assert await all_pages(crm, since) == [["V-1", "V-4"], ["V-2", "V-3"], ["V-0"]]
    assert (await crm.reviews(since=since)).reviews[0] == ProductReview(
        reference="V-1",
        sku="TEA",
        rating=4,
        text="挺好的",
        written_at=EPOCH + timedelta(days=1),
        locale="zh",
    )
    await crm.aclose()


async def test_a_full_last_page_has_no_cursor(tmp_path: Path) -> None:
    crm = a_crm(tmp_path, reviews=written(tmp_path, 1, 2), reviews_per_page=2)
    assert await all_pages(crm, EPOCH) == [["V-0", "V-1"]]
    await crm.aclose()


async def test_without_a_file_there_are_no_reviews(tmp_path: Path) -> None:
    crm = a_crm(tmp_path)
    assert await crm.reviews(since=EPOCH) == ReviewPage(reviews=())
    await crm.aclose()


@pytest.mark.parametrize("cursor", ["", "page 2", "2026-11-22 V-1"])
async def test_a_cursor_of_somebody_else_is_refused(tmp_path: Path, cursor: str) -> None:
    crm = a_crm(tmp_path, reviews=written(tmp_path, 1))
    with pytest.raises(Refused) as raised:
        await crm.reviews(since=EPOCH, cursor=cursor)
    assert raised.value.code == "CURSOR"
    await crm.aclose()
