"""Evidence about a payout: whatever order it comes in, and however often, the end is the same.

The declared precedence, weakest first: PROCESSING, REJECTED, SUCCEEDED, REVERSED. "Not accepted"
beats "accepted, not finished"; proof that money moved beats a refusal, because the refusal was
of one request and the money is gone all the same; and only a reversal undoes a success.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs
from support.api import key
from support.providers import lend, line
from support.world import World, eventually

from refund_gql import clock
from refund_gql.app import Engine
from refund_gql.auth import Viewer
from refund_gql.catalogue import orders
from refund_gql.catalogue.orders import CaptureFacts, LineFacts, OrderFacts
from refund_gql.choices import PayoutStatus
from refund_gql.errors import ExceedsRefundable
from refund_gql.flow import payout as payouts
from refund_gql.flow import request
from refund_gql.flow.once import Once
from refund_gql.flow.request import RequestRefund
from refund_gql.flow.settlement import Terms
from refund_gql.models import Order, Payout, Refund, Staff
from refund_gql.providers import (
    GatewayCapabilities,
    GatewayNotice,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderSettings,
    RefundRequest,
)
from refund_gql.roles import Role, Scope
from refund_gql.states import RefundKind

PROCESSING = OutcomeState.PROCESSING
REJECTED = OutcomeState.REJECTED
SUCCEEDED = OutcomeState.SUCCEEDED
REVERSED = OutcomeState.REVERSED
UNKNOWN = OutcomeState.UNKNOWN


class Patient(PaymentGateway):
    """Accepts everything, finishes nothing, and wants to be asked again in an hour."""

    name = "patient"

    async def check(self) -> None:
        """Nothing to prove."""

    async def refund(self, request: RefundRequest) -> Outcome:
        return Outcome(state=PROCESSING, retry_after=timedelta(hours=1))

    async def query(self, request: RefundRequest) -> Outcome:
        return Outcome(state=PROCESSING, retry_after=timedelta(hours=1))

    def capabilities(self) -> GatewayCapabilities:
        return GatewayCapabilities()


@pytest.fixture(autouse=True)
def _patient(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(monkeypatch, engine.providers, line(Patient(ProviderSettings())), name="patient")


@dataclass(frozen=True)
class InFlight:
    """A refund of 89.00 CNY that its gateway has accepted and not finished."""

    engine: Engine
    url: str
    refund_id: UUID
    payout: Payout

    async def hears(self, *evidence: OutcomeState | Outcome) -> None:
        """Webhooks with this evidence, one after the other."""
        for found in evidence:
            outcome = found if isinstance(found, Outcome) else Outcome(state=found)
            notice = GatewayNotice(event_id=uuid4().hex, number=self.payout.number, outcome=outcome)
            assert await self.engine.gateways.notice(self.payout.shop_id, "patient", notice)

    async def row(self) -> asyncpg.Record:
        connection = await asyncpg.connect(self.url)
        try:
            row = await connection.fetchrow(_STATE, self.payout.id)
            assert row is not None
            return row
        finally:
            await connection.close()

    async def state(self) -> tuple[str, str, str | None, int]:
        """Payout, refund, why it is stuck, and what the capture reserves."""
        row = await self.row()
        return row["payout"], row["refund"], row["stuck_reason"], row["reserved"]

    async def history(self) -> list[str]:
        row = await self.row()
        return list(row["history"])


_STATE = """
select payout.status as payout, refund.status as refund, refund.stuck_reason, capture.reserved,
       capture.disputed, capture.dispute_excess, payout.code, payout.gateway_reference,
       (select array_agg(type order by version) from event where refund_id = refund.id) as history
  from payout join refund on refund.id = payout.refund_id
  join capture on capture.id = payout.capture_id
 where payout.id = $1
"""


async def in_flight(engine: Engine, world: World) -> InFlight:
    """A fresh order for 89.00 CNY whose refund is at the gateway."""
    order_id = await orders.upsert(_service(world), _facts())
    refund_id = await request.request(
        _service(world),
        RequestRefund(order_id=order_id, kind=RefundKind.REFUND_ONLY, lines=None),
        once=Once(key=key(), operation="refundRequest", input={}),
    )

    async def accepted() -> Payout | None:
        return await Payout.filter(refund_id=refund_id, status=PayoutStatus.PROCESSING).first()

    payout = await eventually(accepted, "the gateway accepted it")
    return InFlight(engine, engine.database_url, refund_id, payout)


def _service(world: World) -> Viewer:
    return Viewer(
        shop_id=world.shop.id, role=Role.SERVICE, id=world.shop.id, scopes=frozenset(Scope)
    )


def _facts(number: str | None = None, **capture: Any) -> OrderFacts:
    number = number or f"SO-{uuid4().hex}"
    paid = CaptureFacts(gateway="patient", reference=f"PAY-{number}", amount=8900)
    return OrderFacts(
        number=number,
        currency="CNY",
        placed_at=clock.now(),
        lines=(LineFacts(sku="THERMOS", title="保温杯", quantity=1, unit_price=8900),),
        captures=(replace(paid, **capture),),
    )


# --- every order of the same evidence ---------------------------------------------------------


def orders_of(evidence: Iterable[OutcomeState]) -> Iterator[tuple[OutcomeState, ...]]:
    """Every order; each also with every message sent twice in a row, and all of it twice."""
    for order in permutations(evidence):
        yield order
        yield tuple(found for found in order for _ in range(2))
        yield order + order


REFUNDED = ("SUCCEEDED", "REFUNDED", None, 8900)
REFUSED = ("REJECTED", "PAYMENT_STUCK", "REJECTED", 0)
TAKEN_BACK = ("REVERSED", "PAYMENT_STUCK", "REVERSED", 0)


@pytest.mark.parametrize(
    ("evidence", "end"),
    [
        ((PROCESSING,), ("PROCESSING", "PAYING", None, 8900)),
        ((REJECTED,), REFUSED),
        ((REJECTED, PROCESSING), REFUSED),
        ((SUCCEEDED,), REFUNDED),
        ((SUCCEEDED, PROCESSING), REFUNDED),
        ((SUCCEEDED, REJECTED), REFUNDED),
        ((SUCCEEDED, REJECTED, PROCESSING), REFUNDED),
        ((REVERSED,), TAKEN_BACK),
        ((REVERSED, PROCESSING), TAKEN_BACK),
        ((REVERSED, REJECTED), TAKEN_BACK),
        ((REVERSED, REJECTED, PROCESSING), TAKEN_BACK),
        ((REVERSED, SUCCEEDED), TAKEN_BACK),
        ((REVERSED, SUCCEEDED, PROCESSING), TAKEN_BACK),
        ((REVERSED, SUCCEEDED, REJECTED), TAKEN_BACK),
        ((REVERSED, SUCCEEDED, REJECTED, PROCESSING), TAKEN_BACK),
        ((UNKNOWN, SUCCEEDED), REFUNDED),
        ((UNKNOWN, REJECTED), REFUSED),
        ((UNKNOWN, REVERSED), TAKEN_BACK),
    ],
    ids=lambda value: "+".join(value) if isinstance(value[0], OutcomeState) else "",
)
async def test_every_order_of_the_evidence_ends_the_same(
    engine: Engine, world: World, evidence: tuple[OutcomeState, ...], end: tuple[Any, ...]
) -> None:
    async def ends(order: tuple[OutcomeState, ...]) -> tuple[Any, ...]:
        flying = await in_flight(engine, world)
        await flying.hears(*order)
        return await flying.state()

    told = list(orders_of(evidence))
    found = await asyncio.gather(*(ends(order) for order in told))
    assert [(order, state) for order, state in zip(told, found, strict=True) if state != end] == []


async def test_the_first_proof_decides_what_people_read_in_between(
    engine: Engine, world: World
) -> None:
    flying = await in_flight(engine, world)
    await flying.hears(REJECTED)
    assert await flying.state() == REFUSED
    await flying.hears(SUCCEEDED)
    assert await flying.state() == REFUNDED
    await flying.hears(REVERSED)
    assert await flying.state() == TAKEN_BACK
    assert (await flying.history())[2:] == [
        "PAYMENT_STARTED",
        "PAYMENT_STUCK",
        "PAYOUT_SUCCEEDED",
        "PAYMENT_RETRIED",
        "REFUNDED",
        "PAYMENT_REVERSED",
    ]


async def test_another_reason_while_stuck_is_shown_and_part_of_the_history(
    engine: Engine, world: World
) -> None:
    flying = await in_flight(engine, world)
    await flying.hears(REJECTED, REVERSED)
    assert await flying.state() == TAKEN_BACK
    assert (await flying.history())[3:] == ["PAYMENT_STUCK", "PAYMENT_STUCK"]


async def test_evidence_about_an_unknown_number_is_nobodys(engine: Engine, world: World) -> None:
    flying = await in_flight(engine, world)
    notice = GatewayNotice(event_id="e", number="RP0", outcome=Outcome(state=SUCCEEDED))
    assert await engine.gateways.notice(world.shop.id, "patient", notice) is False
    assert await flying.state() == ("PROCESSING", "PAYING", None, 8900)


async def test_the_gateways_reference_is_kept_once_told(engine: Engine, world: World) -> None:
    flying = await in_flight(engine, world)
    await flying.hears(Outcome(state=PROCESSING, reference="GW-1"), SUCCEEDED)
    assert (await flying.row())["gateway_reference"] == "GW-1"


# --- success that cannot simply be booked -----------------------------------------------------


@pytest.mark.parametrize(
    "echo", [{"amount": 8901}, {"amount": 8899}, {"currency": "USD"}, {"amount": 0}]
)
async def test_another_amount_or_currency_is_no_success(
    engine: Engine, world: World, echo: dict[str, Any]
) -> None:
    flying = await in_flight(engine, world)
    await flying.hears(Outcome(state=SUCCEEDED, **echo))
    assert await flying.state() == ("NEEDS_MANUAL", "PAYMENT_STUCK", "ECHO_MISMATCH", 8900)
    await flying.hears(Outcome(state=SUCCEEDED, amount=8900, currency="CNY"))
    assert await flying.state() == REFUNDED


async def test_a_late_success_takes_its_money_back_even_when_its_amount_is_in_doubt(
    engine: Engine, world: World
) -> None:
    """Refused, so the money was free again; then paid, but another amount. Without a new
    reservation the next refund would spend it a second time."""
    flying = await in_flight(engine, world)
    await flying.hears(REJECTED, Outcome(state=SUCCEEDED, amount=8901))
    assert await flying.state() == ("NEEDS_MANUAL", "PAYMENT_STUCK", "ECHO_MISMATCH", 8900)


async def test_a_late_success_beyond_the_cap_is_a_persons_business(
    engine: Engine, world: World
) -> None:
    """Refused, then charged back, then paid all the same: nothing is booked, somebody looks."""
    flying = await in_flight(engine, world)
    await flying.hears(REJECTED)
    await charge_back(world, flying, 8900)
    await flying.hears(SUCCEEDED)
    assert await flying.state() == ("REJECTED", "PAYMENT_STUCK", "PAID_BEYOND_CAP", 0)
    with pytest.raises(ExceedsRefundable):
        await retry(world, flying)


async def test_a_number_that_paid_is_not_replaced_by_a_new_one(
    engine: Engine, world: World
) -> None:
    """ "Used up" was wrong: it paid. A retry under a new number would pay a second time."""
    flying = await in_flight(engine, world)
    await flying.hears(Outcome(state=REJECTED, renumber=True))
    await charge_back(world, flying, 8900)
    await flying.hears(SUCCEEDED)
    assert await flying.state() == ("REJECTED", "PAYMENT_STUCK", "PAID_BEYOND_CAP", 0)
    await charge_back(world, flying, 0)
    await retry(world, flying)
    assert await Payout.filter(refund_id=flying.refund_id).count() == 1


async def test_a_success_of_a_number_that_was_replaced_is_reported(
    engine: Engine, world: World
) -> None:
    flying = await in_flight(engine, world)
    await flying.hears(Outcome(state=REJECTED, renumber=True))
    await retry(world, flying)
    with capture_logs() as logs:
        await flying.hears(REJECTED, SUCCEEDED)
    # The session's worker goes on beside the test, and may log as well.
    ours = [entry for entry in logs if entry.get("payout") == flying.payout.number]
    assert [entry["log_level"] for entry in ours] == ["error"]
    [old, new] = await Payout.filter(refund_id=flying.refund_id).order_by("id")
    assert (old.status, new.superseded) == (PayoutStatus.REJECTED, False)


# --- reversals and chargebacks ----------------------------------------------------------------


async def charge_back(world: World, flying: InFlight, amount: int) -> None:
    """The shop reports how much of the capture a chargeback holds."""
    order = await Order.get(id=(await Refund.get(id=flying.refund_id)).order_id)
    await orders.upsert(_service(world), _facts(order.number, disputed=amount))


async def retry(world: World, flying: InFlight) -> None:
    person = await Staff.get(shop_id=world.shop.id, role=Role.FINANCE)
    finance = Viewer(shop_id=world.shop.id, role=Role.FINANCE, id=person.id)
    once = Once(key=key(), operation="payoutRetry", input={})
    await payouts.retry(finance, flying.payout.id, once=once)


async def test_a_reversal_frees_the_money_for_a_new_number(engine: Engine, world: World) -> None:
    flying = await in_flight(engine, world)
    await flying.hears(SUCCEEDED, REVERSED)
    assert await flying.state() == TAKEN_BACK
    await retry(world, flying)
    [old, new] = await Payout.filter(refund_id=flying.refund_id).order_by("id")
    assert (old.status, old.superseded) == (PayoutStatus.REVERSED, True)
    assert (new.replaces_id, new.amount) == (old.id, 8900)
    assert new.number != old.number
    assert (await flying.row())["reserved"] == 8900


async def test_a_chargeback_takes_what_a_reversal_frees(engine: Engine, world: World) -> None:
    """Paid back and charged back: the customer had it twice. When the gateway takes the refund
    back, once is left, and paying again would make it twice once more."""
    flying = await in_flight(engine, world)
    await flying.hears(SUCCEEDED)
    await charge_back(world, flying, 8900)
    row = await flying.row()
    assert (row["reserved"], row["disputed"], row["dispute_excess"]) == (8900, 0, 8900)
    await flying.hears(REVERSED)
    row = await flying.row()
    assert (row["reserved"], row["disputed"], row["dispute_excess"]) == (0, 8900, 0)
    with pytest.raises(ExceedsRefundable):
        await retry(world, flying)


async def test_a_small_chargeback_takes_no_more_than_it_holds(engine: Engine, world: World) -> None:
    flying = await in_flight(engine, world)
    await charge_back(world, flying, 900)
    await flying.hears(REJECTED)
    row = await flying.row()
    assert (row["reserved"], row["disputed"], row["dispute_excess"]) == (0, 900, 0)


# --- patience ---------------------------------------------------------------------------------


def terms(backoff: float, limit: float) -> Terms:
    return Terms(
        sheet=GatewayCapabilities(),
        tries=5,
        backoff=timedelta(seconds=backoff),
        backoff_limit=timedelta(seconds=limit),
    )


@pytest.mark.parametrize(
    ("tries", "seconds"), [(0, 1), (1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (10_000, 300)]
)
def test_the_wait_doubles_up_to_a_limit(tries: int, seconds: float) -> None:
    wait = terms(1, 300).wait(Payout(tries=tries)).total_seconds()
    assert 0.75 * seconds <= wait <= 1.25 * seconds
