"""Telling the shop's CRM systems which flags a customer has: the job `flags`, one per customer.

A CRM system is told a set, never a step: every call says which of our flags the customer must
have now and which she must not have, so that the newest call is right whatever came of those
before. One call at a time is made about one customer to one CRM system; the row names it before
the call, and no transaction is open meanwhile. A call that was cut off is made again.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from refund_gql import clock, database, jobs
from refund_gql.choices import CrmFlagsStatus
from refund_gql.database import Transaction
from refund_gql.errors import Unavailable
from refund_gql.flow import flags, risk
from refund_gql.flow.risk import Risks
from refund_gql.flow.signals import loaded
from refund_gql.models import CrmFlags, CustomerRisk, new_id
from refund_gql.providers import (
    CustomerKey,
    FlagChange,
    FlagResult,
    Misconfigured,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Retryable,
)
from refund_gql.registry import ProviderUnreachable
from refund_gql.validation import printable

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
"""Between two tries; they double, and never end while the CRM system may yet take it."""
LONGEST_REQUESTED = timedelta(hours=6)
"""However long a CRM system asks to be left alone."""
LEASE = timedelta(minutes=2)
"""After which a call is lost whose end nobody has noted; longer than any call may take."""
_SLACK = timedelta(seconds=1)
_log = structlog.get_logger(__name__)

Answer = FlagResult | Exception

MISSING = """
select 'flags' as kind, customer_id as subject,
       'flags:' || customer_id || ':' || flags_version || ':missing' as key
  from customer_risk where flags_told < flags_version
"""
"""What must have a live job, for the reconciler."""


@dataclass(frozen=True, kw_only=True)
class _Call:
    """A call that is about to be made; the row names it."""

    row: CrmFlags
    version: int
    wanted: frozenset[str]
    change: FlagChange


async def tell(risks: Risks, customer_id: UUID) -> None:
    """The job `flags`; does nothing when every CRM system has heard of the newest set."""
    known = await database.read(CustomerRisk.filter(customer_id=customer_id).first)
    if known is None or known.flags_told >= known.flags_version:
        return
    crms, key = await risks.set_up(known.shop_id), await risk.key(customer_id)
    await asyncio.gather(*(_tell(risks, known, crm, key) for crm in crms))
    await database.transaction(lambda tx: _settle(tx, known, crms))


async def _tell(risks: Risks, known: CustomerRisk, crm: str, key: CustomerKey) -> None:
    call = await database.transaction(lambda tx: _begin(tx, known, crm, key))
    if call is not None:
        answer = await _ask(risks, known.shop_id, call)
        await database.transaction(lambda tx: _finish(tx, call, answer))


_SETTLE = """
update customer_risk k set flags_told = heard.version
  from (select coalesce(min(coalesce(c.version, 0)), $3) as version
          from unnest($2::text[]) as crm (name)
          left join crm_flags c on c.provider = crm.name and c.customer_id = $1) as heard
 where k.customer_id = $1 and k.flags_told < heard.version
"""


async def _settle(tx: Transaction, known: CustomerRisk, crms: Sequence[str]) -> None:
    """Note the version that every CRM system has heard of, whoever told it."""
    await tx.execute_query(_SETTLE, [known.customer_id, list(crms), known.flags_version])


# --- before the call --------------------------------------------------------------------------

_MAKE = """
insert into crm_flags (id, shop_id, customer_id, provider, status, version, tries, calls)
values ($1, $2, $3, $4, 'PENDING', 0, 0, 0) on conflict (customer_id, provider) do nothing
"""


async def _begin(tx: Transaction, known: CustomerRisk, crm: str, key: CustomerKey) -> _Call | None:
    """Name the call in the row; None when there is nothing to tell, or it is not the time."""
    row = await _locked(tx, known, crm)
    customer = await CustomerRisk.get(id=known.id, using_db=tx)
    now, version = clock.now(), customer.flags_version
    if row.version >= version or await _is_early(tx, row, now):
        return None
    wanted, ours = await _wanted(tx, customer, row), frozenset(row.attempted)
    if wanted == ours == frozenset(row.told):
        _note_told(row, version, wanted)
        await row.save(using_db=tx)
        return None
    row.status, row.attempted = CrmFlagsStatus.PENDING, sorted(ours | wanted)
    row.calls += 1
    row.tries += 1
    row.calling_until, row.next_try_at = now + LEASE, None
    await row.save(using_db=tx)
    change = FlagChange(customer=key, add=wanted, remove=ours - wanted)
    return _Call(row=row, version=version, wanted=wanted, change=change)


async def _wanted(tx: Transaction, customer: CustomerRisk, row: CrmFlags) -> frozenset[str]:
    """The codes the CRM system must have. What it says by itself is not said back to it; what it
    repeats after us is ours all the same."""
    held = await flags.holding(tx, customer.customer_id)
    said = {signal.code for signal in loaded(customer.signals) if signal.provider == row.provider}
    codes = frozenset(flag.code for flag in held if flag.expires_at > clock.now())
    return codes - (said - set(row.attempted))


async def _locked(tx: Transaction, known: CustomerRisk, crm: str) -> CrmFlags:
    await tx.execute_query(_MAKE, [new_id(), known.shop_id, known.customer_id, crm])
    rows = CrmFlags.filter(customer_id=known.customer_id, provider=crm).using_db(tx)
    return await rows.select_for_update().get()


async def _is_early(tx: Transaction, row: CrmFlags, now: datetime) -> bool:
    """A call is under way, or the CRM system is to be left alone. The end of either has an alarm;
    a call that was cut off has no end, and gets one here."""
    if row.calling_until is not None and row.calling_until > now:
        key = f"flags:{row.customer_id}:{row.provider}:{row.calls}:cut-off"
        await jobs.enqueue(tx, "flags", row.customer_id, key=key, run_at=row.calling_until)
        return True
    return row.next_try_at is not None and row.next_try_at > now + _SLACK


# --- the call ---------------------------------------------------------------------------------


async def _ask(risks: Risks, shop_id: UUID, call: _Call) -> Answer:
    try:
        line = await risks.connect(shop_id, call.row.provider)
        results = await line.call("set_flags", lambda crm: crm.set_flags([call.change]))
        return _one(results)
    except (ProviderError, Unavailable) as error:
        return error


def _one(results: Sequence[FlagResult]) -> Answer:
    """The one result there must be; what a plugin returns is foreign."""
    if isinstance(results, list | tuple) and len(results) == 1:
        [result] = results
        if isinstance(result, FlagResult) and _is_readable(result):
            return result
    return OutcomeUnknown("the answer is no list of one result", code="NONSENSE")


def _is_readable(result: FlagResult) -> bool:
    words = (result.code or "", result.message)
    switches = (result.applied, result.retriable)
    return all(isinstance(word, str) for word in words) and all(
        isinstance(switch, bool) for switch in switches
    )


# --- after the call ---------------------------------------------------------------------------


async def _finish(tx: Transaction, call: _Call, answer: Answer) -> None:
    rows = CrmFlags.filter(id=call.row.id).using_db(tx)
    row = await rows.select_for_update().get()
    if row.calls != call.row.calls:
        return  # it was taken for lost, and another call says what holds now
    row.calling_until = None
    if isinstance(answer, FlagResult) and answer.applied:
        _note_told(row, call.version, call.wanted)
    elif _is_final(answer):
        row.status, row.version, row.tries = CrmFlagsStatus.REFUSED, call.version, 0
        _note(row, answer)
    else:
        row.next_try_at = clock.now() + _wait(row.tries, answer)
        _note(row, answer)
    await row.save(using_db=tx)
    await _set_alarm(tx, row)


def _note_told(row: CrmFlags, version: int, wanted: frozenset[str]) -> None:
    row.status, row.version = CrmFlagsStatus.TOLD, version
    row.told = row.attempted = sorted(wanted)
    row.tries, row.next_try_at, row.told_at = 0, None, clock.now()
    row.code = row.error = None


def _is_final(answer: Answer) -> bool:
    if isinstance(answer, FlagResult):
        return not answer.retriable
    return isinstance(answer, Refused)


def _note(row: CrmFlags, answer: Answer) -> None:
    if isinstance(answer, FlagResult):
        code, words = answer.code or "NOT_APPLIED", answer.message
    else:
        code, words = _code(answer), str(answer)
    row.code = printable(code, longest=64)
    row.error = printable(words, longest=500)
    _log.warning(
        "a CRM system has not taken a customer's flags",
        crm=row.provider,
        customer=str(row.customer_id),
        code=row.code,
        tries=row.tries,
    )


def _code(error: Exception) -> str:
    if isinstance(error, ProviderUnreachable):
        return error.reason
    known = error.code if isinstance(error, ProviderError) else None
    return known or ("MISCONFIGURED" if isinstance(error, Misconfigured) else type(error).__name__)


def _wait(tries: int, answer: Answer) -> timedelta:
    doubled: timedelta = FIRST_WAIT * 2 ** min(tries - 1, 20)
    wait = min(doubled, LONGEST_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
    asked = answer.retry_after if isinstance(answer, Retryable) else None
    return max(wait, min(asked or wait, LONGEST_REQUESTED))


async def _set_alarm(tx: Transaction, row: CrmFlags) -> None:
    """For the next try, and for what has changed while the call was under way. Read under the
    row's lock: whoever found the call under way has left it to us."""
    customer = await CustomerRisk.get(customer_id=row.customer_id, using_db=tx)
    if row.version < customer.flags_version:
        key = f"flags:{row.customer_id}:{row.provider}:{row.calls}"
        await jobs.enqueue(tx, "flags", row.customer_id, key=key, run_at=row.next_try_at)


# --- a CRM system that was set up later -------------------------------------------------------

_NEWLY_SET_UP = """
update customer_risk k set flags_version = flags_version + 1
 where k.id in (
    select k.id from customer_risk k join plugin_settings p on p.shop_id = k.shop_id
     where p.enabled and p.provider = any($1::text[]) and k.flags_told = k.flags_version
       and exists (select from customer_flag f
                    where f.customer_id = k.customer_id and f.removed_at is null)
       and not exists (select from crm_flags c
                        where c.customer_id = k.customer_id and c.provider = p.provider)
     limit 500)
returning customer_id, flags_version
"""


async def announce(risks: Risks) -> None:
    """The schedule `flags`: tell CRM systems that were set up after the flags."""

    async def work(tx: Transaction) -> None:
        for row in await tx.execute_query_dict(_NEWLY_SET_UP, [list(risks.names)]):
            key = f"flags:{row['customer_id']}:{row['flags_version']}"
            await jobs.enqueue(tx, "flags", row["customer_id"], key=key)

    await database.transaction(work)
