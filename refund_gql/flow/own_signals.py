"""What a customer's history in the shop says about her risk. Pure: from figures to signals.

Nothing here is a verdict: a signal has a reason that people can read, and it ends by itself when
no new evidence comes. What the shop itself was found to be at fault for is no evidence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from refund_gql.choices import RiskSource
from refund_gql.flow.signals import Signal
from refund_gql.money import Money
from refund_gql.providers import RiskLevel

WINDOW = timedelta(days=365)
"""How far back orders, refunds and inspections count."""
REASON_WINDOW = timedelta(days=90)
"""How far back the same reason counts as repeated."""
DECAY = timedelta(days=90)
"""How long a signal holds after its last evidence."""
MIN_ORDERS = 5
"""With fewer, a share of orders says nothing."""
MIN_CUSTOMERS = 20
"""With fewer to compare with, nothing is usual."""
MIN_RATE, MIN_EXTREME_RATE = 0.25, 0.5
"""A rate below these is not high, however rare refunds are in the shop."""
EXTREME = 2
"""A rate is extreme that is so many times what 95 of 100 customers do not exceed."""
MIN_REFUNDS, MIN_EXTREME_REFUNDS = 3, 5
REPEATS = 3
"""Refunds for one reason."""
MANY_FINDINGS = 3
"""Lines that were worn, incomplete or wrong."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is usual among the customers of a shop who have enough orders."""

    customers: int
    high_rate: float
    """95 of 100 do not exceed it; 0 to 1."""
    high_amount: int
    """95 of 100 were not refunded more, in minor units of the shop's currency."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """How often something was seen, and when first and last (UTC)."""

    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True)
class History:
    """One customer's year. What was refused, withdrawn, or the shop's fault does not count."""

    orders: int = 0
    refunded_orders: int = 0
    refunds: Period | None = None
    refunded: Money | None = None
    """What was paid back, in the shop's currency."""
    reason: Mapping[str, str] | None = None
    """Locale -> the reason that was given most often of late."""
    reasons: Period | None = None
    """How often it was."""
    findings: Period | None = None
    """Lines that came back worn, incomplete or wrong."""


def signals(history: History, usual: Baseline | None, now: datetime) -> tuple[Signal, ...]:
    """All that hold now, by code."""
    found = [*_findings(history), *_reasons(history)]
    if usual is not None and usual.customers >= MIN_CUSTOMERS:
        found += [*_rate(history, usual), *_amount(history, usual)]
    return tuple(sorted((s for s in found if s.holds(now)), key=lambda signal: signal.code))


def _rate(history: History, usual: Baseline) -> Iterator[Signal]:
    if history.orders < MIN_ORDERS or history.refunds is None:
        return
    rate, refunded = history.refunded_orders / history.orders, history.refunded_orders
    high = rate > usual.high_rate and rate >= MIN_RATE and refunded >= MIN_REFUNDS
    if not high:
        return
    least = max(EXTREME * usual.high_rate, MIN_EXTREME_RATE)
    extreme = rate >= least and refunded >= MIN_EXTREME_REFUNDS
    yield _signal(
        "refund-rate",
        RiskLevel.HIGH if extreme else RiskLevel.MEDIUM,
        history.refunds,
        zh=f"近一年 {history.orders} 个订单中有 {refunded} 个退款（{rate:.0%}），"
        f"本店 95% 的顾客不超过 {usual.high_rate:.0%}",
        en=f"{refunded} of {history.orders} orders of the last year were refunded ({rate:.0%}); "
        f"95% of this shop's customers stay at or below {usual.high_rate:.0%}",
    )


def _amount(history: History, usual: Baseline) -> Iterator[Signal]:
    paid, refunds = history.refunded, history.refunds
    if paid is None or refunds is None or refunds.count < MIN_REFUNDS:
        return
    if paid.amount > usual.high_amount:
        limit = Money(amount=usual.high_amount, currency=paid.currency)
        yield _signal(
            "refunded-amount",
            RiskLevel.MEDIUM,
            refunds,
            zh=f"近一年退款共 {paid}，本店 95% 的顾客不超过 {limit}",
            en=f"{paid} were refunded in the last year; 95% of this shop's customers had "
            f"{limit} or less",
        )


def _reasons(history: History) -> Iterator[Signal]:
    if history.reason is None or history.reasons is None or history.reasons.count < REPEATS:
        return
    count, days = history.reasons.count, REASON_WINDOW.days
    zh = history.reason.get("zh") or next(iter(history.reason.values()), "")
    en = history.reason.get("en") or zh
    yield _signal(
        "repeated-reason",
        RiskLevel.MEDIUM,
        history.reasons,
        zh=f"近 {days} 天内 {count} 次以“{zh}”为由申请退款",
        en=f"{count} refunds for the reason “{en}” in the last {days} days",
    )


def _findings(history: History) -> Iterator[Signal]:
    if history.findings is None:
        return
    count = history.findings.count
    yield _signal(
        "bad-returns",
        RiskLevel.HIGH if count >= MANY_FINDINGS else RiskLevel.MEDIUM,
        history.findings,
        zh=f"近一年有 {count} 件退回商品经验货存在磨损、缺失或不符",
        en=f"{count} returned lines of the last year were found worn, incomplete or wrong",
    )


def _signal(code: str, level: RiskLevel, seen: Period, *, zh: str, en: str) -> Signal:
    return Signal(
        source=RiskSource.HISTORY,
        code=code,
        level=level,
        text={"zh": zh, "en": en},
        since=seen.first,
        expires_at=seen.last + DECAY,
    )
