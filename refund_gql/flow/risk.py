"""What the shop's CRM systems say about a customer: asked with a deadline, kept for a while.

A CRM system that is down or slow is no reason to fail a refund, and none to approve one: then
the risk is not known, and says so. What the shop knows by itself counts all the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog

from refund_gql import clock, database
from refund_gql.choices import RiskSource
from refund_gql.database import Transaction
from refund_gql.errors import Unavailable
from refund_gql.flow import standing
from refund_gql.flow.signals import Risk, Signal, loaded, stored
from refund_gql.models import Customer, PluginSettings
from refund_gql.providers import Crm, CustomerKey, ProviderError, RiskLevel
from refund_gql.registry import Connection
from refund_gql.validation import printable

_log = structlog.get_logger(__name__)
FRESH = timedelta(minutes=10)
"""How long an answer is good for."""
PATIENCE = timedelta(seconds=2)
"""For all CRM systems together; a refund does not wait longer."""
MAX_SIGNALS = 20

Connect = Callable[[UUID, str], Awaitable[Connection[Crm]]]

_KEPT = """
select k.known, k.tier, k.signals, k.own_signals, k.asked_at,
       (select array_agg(p.provider order by p.provider) from plugin_settings p
         where p.shop_id = c.shop_id and p.enabled and p.provider = any($2::text[])) as crms,
       (select json_agg(f) from customer_flag f
         where f.customer_id = c.id and f.removed_at is null) as flags
  from customer c left join customer_risk k on k.customer_id = c.id and k.shop_id = c.shop_id
 where c.id = $1
"""
"""All that is kept, in one statement: a refund waits for it."""


@dataclass(frozen=True, kw_only=True)
class Risks:
    """Knows what is kept, and asks the CRM systems that a shop has set up."""

    connect: Connect
    names: Sequence[str]
    """Of the CRM systems that are installed."""

    async def of(self, shop_id: UUID, customer_id: UUID | None) -> Risk:
        """What is known about a customer: kept, or asked for now. Never raises for a CRM."""
        if customer_id is None:
            return Risk()
        [row] = await database.fetch(_KEPT, customer_id, list(self.names))
        own = _own(dict(row))
        if not row["crms"]:
            return Risk(alone=True, signals=own)
        if row["known"] and clock.now() < row["asked_at"] + FRESH:
            told = Risk(known=True, tier=row["tier"], signals=loaded(orjson.loads(row["signals"])))
        else:
            told = await self._ask(shop_id, row["crms"], await key(customer_id))
            await _keep(shop_id, customer_id, told)
        return replace(told, signals=(*told.signals, *own))

    async def set_up(self, shop_id: UUID) -> list[str]:
        """A CRM system has to do with customers of shops that have said so, and of no others."""
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
        signals.sort(key=lambda signal: (signal.provider, signal.code))
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
            told = tuple(Signal.of_crm(crm, signal) for signal in signals)
            return Risk(known=True, tier=printable(tier, longest=64) or None, signals=told)
        except (ProviderError, Unavailable) as error:
            _log.warning("a CRM system did not answer", crm=crm, error=str(error))
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            # What a plugin returns is foreign: nonsense is no signal.
            _log.error("a CRM system answered nonsense", crm=crm, error=type(error).__name__)
        return None


async def _nobody(shop_id: UUID, name: str) -> Connection[Crm]:
    raise AssertionError("no CRM system is installed")


NOBODY = Risks(connect=_nobody, names=())
"""Where no CRM system is installed, there is nobody to ask."""


async def key(customer_id: UUID, tx: Transaction | None = None) -> CustomerKey:
    """How CRM systems find a customer; read within `tx`, if there is one."""
    rows = Customer.filter(id=customer_id).using_db(tx)
    customer = await (rows.get() if tx else database.read(rows.get))
    return CustomerKey(
        reference=customer.reference,
        email=customer.email,
        phone=customer.phone,
        contacts=customer.contacts,
    )


def _own(row: Mapping[str, Any]) -> tuple[Signal, ...]:
    """What the shop knows by itself: the customer's history, and its flags."""
    history = loaded(orjson.loads(row["own_signals"] or "[]"))
    return (*history, *(_of_flag(flag) for flag in orjson.loads(row["flags"] or "[]")))


def _of_flag(flag: Mapping[str, Any]) -> Signal:
    return Signal(
        source=RiskSource.FLAG,
        code=flag["code"],
        level=RiskLevel(flag["level"]),
        text=flag["why"],
        since=datetime.fromisoformat(flag["since"]),
        expires_at=datetime.fromisoformat(flag["expires_at"]),
    )


async def _keep(shop_id: UUID, customer_id: UUID, told: Risk) -> None:
    async def work(tx: Transaction) -> None:
        row = await standing.lock(tx, shop_id, customer_id)
        row.known, row.tier, row.asked_at = told.known, told.tier, clock.now()
        row.signals = stored(told.signals)
        await standing.settle(tx, row)

    await database.transaction(work)
