"""What the shop's CRM systems say about a customer: asked with a deadline, kept for a while.

A CRM system that is down or slow is no reason to fail a refund, and none to approve one: then
the risk is not known, and says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Self
from uuid import UUID

import orjson
import structlog

from refund_gql import clock, database
from refund_gql.database import Transaction
from refund_gql.errors import Unavailable
from refund_gql.models import Customer, CustomerRisk, PluginSettings, new_id
from refund_gql.providers import Crm, CustomerKey, ProviderError, RiskLevel, RiskSignal
from refund_gql.registry import Connection
from refund_gql.rules.facts import FactValue

_log = structlog.get_logger(__name__)
FRESH = timedelta(minutes=10)
"""How long an answer is good for."""
PATIENCE = timedelta(seconds=2)
"""For all CRM systems together; a refund does not wait longer."""
MAX_SIGNALS = 20

Connect = Callable[[UUID, str], Awaitable[Connection[Crm]]]
_LEVELS = (RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH)


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One thing one CRM system said."""

    crm: str
    code: str
    level: RiskLevel
    text: str = ""
    since: str | None = None
    expires_at: str | None = None
    """ISO 8601, UTC."""

    @classmethod
    def of(cls, crm: str, told: RiskSignal) -> Self:
        """What a plugin said, in the length that rows can hold."""
        return cls(
            crm=crm,
            code=told.code[:64],
            level=RiskLevel(told.level),
            text=told.text[:500],
            since=told.since.isoformat() if told.since else None,
            expires_at=told.expires_at.isoformat() if told.expires_at else None,
        )


@dataclass(frozen=True, kw_only=True)
class Risk:
    """What is known about one customer."""

    known: bool = False
    tier: str | None = None
    signals: tuple[Signal, ...] = field(default_factory=tuple)

    @property
    def level(self) -> RiskLevel | None:
        """The highest of the signals that still hold; LOW when all answered and none does."""
        now = clock.now().isoformat()
        holding = [s.level for s in self.signals if s.expires_at is None or s.expires_at > now]
        if holding:
            return max(holding, key=_LEVELS.index)
        return RiskLevel.LOW if self.known else None

    def facts(self) -> dict[str, FactValue]:
        """As rules ask for it; what is not known is left out."""
        found: dict[str, FactValue] = {"customer.risk_known": self.known}
        if self.known:
            found["customer.flags"] = tuple(sorted({signal.code for signal in self.signals}))
        if self.level is not None:
            found["customer.risk_level"] = self.level.value
        if self.tier is not None:
            found["customer.tier"] = self.tier
        return found


@dataclass(frozen=True, kw_only=True)
class Risks:
    """Asks the CRM systems that a shop has set up."""

    connect: Connect
    names: Sequence[str]
    """Of the CRM systems that are installed."""

    async def of(self, shop_id: UUID, customer_id: UUID | None) -> Risk:
        """What is known about a customer: kept, or asked for now. Never raises for a CRM."""
        if customer_id is None or not self.names:
            return Risk()
        kept = await database.read(CustomerRisk.filter(customer_id=customer_id).first)
        if kept is not None and kept.known and clock.now() < kept.asked_at + FRESH:
            return _kept(kept)
        crms = await self._set_up(shop_id)
        if not crms:
            return Risk()
        risk = await self._ask(shop_id, crms, await _key(customer_id))
        await _keep(shop_id, customer_id, risk)
        return risk

    async def _set_up(self, shop_id: UUID) -> list[str]:
        """A CRM system is asked about customers of shops that have said so, and of no others."""
        rows = PluginSettings.filter(shop_id=shop_id, enabled=True, provider__in=list(self.names))
        return [row.provider for row in await database.read(lambda: rows.order_by("provider"))]

    async def _ask(self, shop_id: UUID, crms: Sequence[str], customer: CustomerKey) -> Risk:
        asking = [asyncio.create_task(self._ask_one(shop_id, crm, customer)) for crm in crms]
        done, late = await asyncio.wait(asking, timeout=PATIENCE.total_seconds())
        for task in late:
            task.cancel()
        answers = [task.result() for task in done]
        told = [answer for answer in answers if answer is not None]
        signals = [signal for answer in told for signal in answer.signals]
        signals.sort(key=lambda signal: (signal.crm, signal.code))
        return Risk(
            known=len(told) == len(crms),
            tier=next((answer.tier for answer in told if answer.tier), None),
            signals=tuple(signals[:MAX_SIGNALS]),
        )

    async def _ask_one(self, shop_id: UUID, crm: str, customer: CustomerKey) -> Risk | None:
        """What one CRM system says; None when it does not."""
        try:
            line = await self.connect(shop_id, crm)
            signals = await line.call("signals", lambda it: it.signals(customer))
            tier = await line.call("tier", lambda it: it.tier(customer))
            told = tuple(Signal.of(crm, signal) for signal in signals)
            return Risk(known=True, tier=tier and tier[:64], signals=told)
        except (ProviderError, Unavailable) as error:
            _log.warning("a CRM system did not answer", crm=crm, error=str(error))
        except (AttributeError, TypeError, ValueError) as error:
            # What a plugin returns is foreign: nonsense is no signal.
            _log.error("a CRM system answered nonsense", crm=crm, error=type(error).__name__)
        return None


async def _nobody(shop_id: UUID, name: str) -> Connection[Crm]:
    raise AssertionError("no CRM system is installed")


NOBODY = Risks(connect=_nobody, names=())
"""Where no CRM system is installed, there is nobody to ask."""


async def _key(customer_id: UUID) -> CustomerKey:
    customer = await database.read(lambda: Customer.get(id=customer_id))
    return CustomerKey(
        reference=customer.reference,
        email=customer.email,
        phone=customer.phone,
        contacts=customer.contacts,
    )


def _kept(row: CustomerRisk) -> Risk:
    signals = (Signal(**{**kept, "level": RiskLevel(kept["level"])}) for kept in row.signals)
    return Risk(known=row.known, tier=row.tier, signals=tuple(signals))


_KEEP = """
insert into customer_risk (id, shop_id, customer_id, level, tier, signals, known, asked_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (shop_id, customer_id) do update
   set level = excluded.level, tier = excluded.tier, signals = excluded.signals,
       known = excluded.known, asked_at = excluded.asked_at
"""


async def _keep(shop_id: UUID, customer_id: UUID, risk: Risk) -> None:
    signals = orjson.dumps([asdict(signal) for signal in risk.signals]).decode()

    async def work(tx: Transaction) -> None:
        content = [new_id(), shop_id, customer_id, risk.level, risk.tier, signals, risk.known]
        await tx.execute_query(_KEEP, [*content, clock.now()])

    await database.transaction(work)
