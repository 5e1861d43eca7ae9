"""What speaks for or against trusting a customer: by whom, why, and until when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from refund_gql import clock
from refund_gql.choices import RiskSource
from refund_gql.models import CustomerFlag
from refund_gql.providers import RiskLevel, RiskSignal
from refund_gql.rules.facts import FactValue
from refund_gql.validation import printable

LEVELS = (RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH)
"""Lowest first."""


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One thing somebody says."""

    source: RiskSource
    code: str
    level: RiskLevel
    text: Mapping[str, str]
    """Locale -> words; a CRM system has one text for both."""
    provider: str = ""
    """The CRM system that says it."""
    since: datetime | None = None
    expires_at: datetime | None = None
    """UTC; None: no end is known."""

    @classmethod
    def of_crm(cls, provider: str, told: RiskSignal) -> Self:
        """What a plugin said, in the form and length that rows can hold."""
        words = printable(told.text, longest=500)
        return cls(
            source=RiskSource.CRM,
            provider=provider,
            code=printable(told.code, longest=64),
            level=RiskLevel(told.level),
            text={"zh": words, "en": words},
            since=_utc(told.since),
            expires_at=_utc(told.expires_at),
        )

    @classmethod
    def of_flag(cls, flag: CustomerFlag) -> Self:
        """What a flag of the shop's own says while it holds."""
        return cls(
            source=RiskSource.FLAG,
            code=flag.code,
            level=flag.level,
            text=flag.why,
            since=flag.since,
            expires_at=flag.expires_at,
        )

    def holds(self, at: datetime) -> bool:
        """Whether it has not ended."""
        return self.expires_at is None or self.expires_at > at


def _utc(moment: datetime | None) -> datetime | None:
    """A plugin may leave the zone out: its contract says UTC."""
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Risk:
    """What is known about one customer."""

    known: bool = False
    """Every CRM system that the shop has set up has answered, and there is one."""
    alone: bool = False
    """There is none: what the shop knows by itself is all there is to know."""
    tier: str | None = None
    signals: tuple[Signal, ...] = ()

    @property
    def holding(self) -> tuple[Signal, ...]:
        """The signals that have not ended."""
        now = clock.now()
        return tuple(signal for signal in self.signals if signal.holds(now))

    @property
    def level(self) -> RiskLevel | None:
        """The highest of the signals that hold; LOW when nobody is left to ask and none does."""
        levels = [signal.level for signal in self.holding]
        if levels:
            return max(levels, key=LEVELS.index)
        return RiskLevel.LOW if self.known or self.alone else None

    @property
    def flags(self) -> tuple[str, ...]:
        """The codes of the shop's own flags and of what CRM systems say, sorted."""
        marks = (s.code for s in self.holding if s.source is not RiskSource.HISTORY)
        return tuple(sorted(set(marks)))

    def facts(self) -> dict[str, FactValue]:
        """As rules ask for it; what is not known is left out."""
        found: dict[str, FactValue] = {"customer.risk_known": self.known}
        # The shop's own flags count even while a CRM system keeps its own to itself.
        ours = any(signal.source is RiskSource.FLAG for signal in self.holding)
        if self.known or self.alone or ours:
            found["customer.flags"] = self.flags
        if self.level is not None:
            found["customer.risk_level"] = self.level.value
        if self.tier is not None:
            found["customer.tier"] = self.tier
        return found


# --- as rows keep them ------------------------------------------------------------------------


def stored(signals: Sequence[Signal]) -> list[dict[str, Any]]:
    """The signals as JSON."""
    return [
        {
            "source": signal.source.value,
            "provider": signal.provider,
            "code": signal.code,
            "level": signal.level.value,
            "text": dict(signal.text),
            "since": signal.since.isoformat() if signal.since else None,
            "expires_at": signal.expires_at.isoformat() if signal.expires_at else None,
        }
        for signal in signals
    ]


def loaded(rows: Sequence[Mapping[str, Any]]) -> tuple[Signal, ...]:
    """The signals that `stored` made JSON of."""
    return tuple(
        Signal(
            source=RiskSource(row["source"]),
            provider=row["provider"],
            code=row["code"],
            level=RiskLevel(row["level"]),
            text=row["text"],
            since=_moment(row["since"]),
            expires_at=_moment(row["expires_at"]),
        )
        for row in rows
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
