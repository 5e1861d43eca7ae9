"""What the CRM knows about customers: by the file, or by the words in their reference."""

import re
from datetime import UTC

from pydantic import AwareDatetime, BaseModel, ConfigDict

from refund_gql.providers import RiskLevel, RiskSignal
from refund_gql_sandbox.script import Script
from refund_gql_sandbox.settings import Language


class Signal(BaseModel):
    """A risk signal, as the file writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    level: RiskLevel
    text: str = ""
    since: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None

    def risk(self) -> RiskSignal:
        """The signal in the engine's words."""
        return RiskSignal(
            code=self.code,
            level=self.level,
            text=self.text,
            since=self.since and self.since.astimezone(UTC),
            expires_at=self.expires_at and self.expires_at.astimezone(UTC),
        )


class Customer(BaseModel):
    """A line of the file of customers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str
    """The shop's reference of the customer."""
    signals: tuple[Signal, ...] = ()
    tier: str | None = None


TIERS = ("PLATINUM", "GOLD", "SILVER")
"""`C-7-GOLD` has the tier `gold`."""

RISKS = {
    RiskLevel.LOW: (
        "long-standing",
        "多年老客户，极少退款",
        "Has bought for years, rarely returns",
    ),
    RiskLevel.MEDIUM: ("new-address", "收货地址近期变更", "Moved a short while ago"),
    RiskLevel.HIGH: ("serial-returner", "频繁退货退款", "Returns most of what was bought"),
}
"""`C-7-RISK-HIGH` has the last: code, and text in Chinese and English."""

_RISK = re.compile(r"-RISK-(LOW|MEDIUM|HIGH)\b")
_TIER = re.compile(rf"-({'|'.join(TIERS)})\b")


def known(reference: str, customers: Script[Customer], language: Language) -> Customer:
    """The file's first line about a customer, or else what the reference tells.

    Blocks on the disk. Raises InstructionError.
    """
    listed = (line for line in customers.lines() if line.reference == reference)
    return next(listed, None) or _told(reference, language)


def _told(reference: str, language: Language) -> Customer:
    risks = [RiskLevel(word) for word in _RISK.findall(reference)]
    tier = _TIER.search(reference)
    return Customer(
        reference=reference,
        signals=tuple(_signal(level, language) for level in risks),
        tier=tier[1].lower() if tier else None,
    )


def _signal(level: RiskLevel, language: Language) -> Signal:
    code, zh, en = RISKS[level]
    return Signal(code=code, level=level, text=zh if language == "zh" else en)
