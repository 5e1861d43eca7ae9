"""Nothing waits for ever: a job that got lost is made again, exactly once."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs
from support.api import key
from support.providers import lend, line
from support.world import World, eventually

from refund_gql import clock, jobs
from refund_gql.app import Engine
from refund_gql.choices import PayoutStatus
from refund_gql.database import Transaction
from refund_gql.flow import reconciliation
from refund_gql.flow.journal import Change
from refund_gql.models import Payout, Refund, WebhookMessage
from refund_gql.providers import (
    GatewayCapabilities,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderSettings,
    RefundRequest,
)


class Patient(PaymentGateway):
    """Accepts everything, finishes nothing, and wants to be asked again in an hour."""

    name = "patient"

    def __init__(self) -> None:
        super().__init__(ProviderSettings())
        self.key = f"patient-{key()}"
        self.calls: list[str] = []

    async def check(self) -> None:
        """Nothing to prove."""

    async def refund(self, request: RefundRequest) -> Outcome:
        self.calls.append("REFUND")
        return Outcome(state=OutcomeState.PROCESSING, retry_after=timedelta(hours=1))

    async def query(self, request: RefundRequest) -> Outcome:
        self.calls.append("QUERY")
        return Outcome(state=OutcomeState.PROCESSING, retry_after=timedelta(hours=1))

    def capabilities(self) -> GatewayCapabilities:
        return GatewayCapabilities()


@pytest.fixture
def patient(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Patient:
    gateway = Patient()
    lend(monkeypatch, engine.providers, line(gateway), name=gateway.key)
    return gateway


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Every job that is enqueued from now on: kind, subject, key. The sweep sees all shops, so a
    test looks for its own subject."""
    seen: list[tuple[str, str, str]] = []
    enqueue = jobs.enqueue

    async def spy(
        tx: Transaction, kind: str, subject: object, *, key: str, run_at: datetime | None = None
    ) -> None:
        seen.append((kind, str(subject), key))
        await enqueue(tx, kind, subject, key=key, run_at=run_at)

    monkeypatch.setattr(jobs, "enqueue", spy)
    return seen


Query = Callable[..., Awaitable[list[asyncpg.Record]]]


@pytest.fixture
async def query(database_url: str) -> Any:
    """Raw SQL, by hand."""
    connection = await asyncpg.connect(database_url)
    yield connection.fetch
    await connection.close()


QUEUED = "select status from pgqueuer where convert_from(payload, 'UTF8') = $1"
DELETE = "delete from pgqueuer where convert_from(payload, 'UTF8') = $1 returning id"


async def at_gateway(world: World, patient: Patient) -> Payout:
    """A payout that the gateway accepted; the next look at it is an hour away."""
    capture = {"gateway": patient.key, "reference": f"PAY-{key()}", "amount": 8900}
    asked = await world.refund(world.customer, await world.order(captures=[capture]))

    async def accepted() -> Payout | None:
        refund = await Refund.get(number=asked["number"])
        return await Payout.filter(refund_id=refund.id, status="PROCESSING").first()

    found: Payout = await eventually(accepted, "the gateway accepted it")
    return found


async def in_queue(query: Query, subject: UUID) -> list[asyncpg.Record] | None:
    """The subject's jobs once there is exactly one, and it waits."""
    rows = await query(QUEUED, str(subject))
    return rows if [row["status"] for row in rows] == ["queued"] else None


async def test_a_payment_whose_job_was_deleted_by_hand_goes_on(
    world: World, patient: Patient, query: Query, made: list[tuple[str, str, str]]
) -> None:
    payout = await at_gateway(world, patient)
    await eventually(lambda: in_queue(query, payout.id), "the job of the first attempt is gone")
    assert len(await query(DELETE, str(payout.id))) == 1
    made.clear()
    assert await reconciliation.reconcile() >= 1
    assert [job for job in made if job[1] == str(payout.id)] == [
        ("pay", str(payout.id), f"pay:{payout.id}:2")
    ]

    async def asked_again() -> bool | None:
        return True if patient.calls == ["REFUND", "QUERY"] else None

    await eventually(asked_again, "the gateway is asked, not told again")
    await eventually(lambda: in_queue(query, payout.id), "one job waits for the next look")


async def test_running_it_twice_does_no_harm(
    world: World, patient: Patient, query: Query, made: list[tuple[str, str, str]]
) -> None:
    payout = await at_gateway(world, patient)
    await eventually(lambda: in_queue(query, payout.id), "the job of the first attempt is gone")
    made.clear()
    await reconciliation.reconcile()
    await reconciliation.reconcile()
    assert [job for job in made if job[1] == str(payout.id)] == []
    assert patient.calls == ["REFUND"]


async def test_a_missing_job_is_an_alarm(world: World, patient: Patient, query: Query) -> None:
    payout = await at_gateway(world, patient)
    await eventually(lambda: in_queue(query, payout.id), "the job of the first attempt is gone")
    await query(DELETE, str(payout.id))
    with capture_logs() as logs:
        missing = await reconciliation.reconcile()
    [alarm] = [line for line in logs if line["event"].startswith("jobs were missing")]
    assert (alarm["log_level"], alarm["count"]) == ("error", missing)


async def test_a_request_whose_job_was_lost_is_classified(
    world: World, made: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(self: Change, kind: str, subject: UUID, **more: Any) -> None:
        """As if the queue's row had not survived."""

    with monkeypatch.context() as lossy:
        lossy.setattr(Change, "enqueue", lose)
        asked = await world.refund(world.customer, await world.order())
    refund = await Refund.get(number=asked["number"])
    assert await reconciliation.reconcile() >= 1
    assert ("classify", str(refund.id), f"classify:{refund.id}:1") in made
    await world.reaches(asked, "REFUNDED")


async def test_a_message_whose_job_was_lost_is_handled(
    world: World, patient: Patient, query: Query, made: list[tuple[str, str, str]]
) -> None:
    payout = await at_gateway(world, patient)
    message = await WebhookMessage.create(
        shop_id=world.shop.id,
        provider=patient.key,
        event_id=key(),
        number=payout.number,
        notice={"outcome": asdict(Outcome(state=OutcomeState.SUCCEEDED))},
        received_at=clock.now(),
    )
    await reconciliation.reconcile()
    assert ("webhook", str(message.id), f"webhook:{message.id}") in made

    async def refunded() -> bool | None:
        return True if (await Refund.get(id=payout.refund_id)).status == "REFUNDED" else None

    await eventually(refunded, "the message took effect")


async def test_a_job_that_gave_up_is_reported_and_not_made_again(
    world: World, patient: Patient, query: Query, made: list[tuple[str, str, str]]
) -> None:
    payout = await at_gateway(world, patient)
    await eventually(lambda: in_queue(query, payout.id), "the job of the first attempt is gone")
    await query(
        "update pgqueuer set status = 'failed' where convert_from(payload, 'UTF8') = $1",
        str(payout.id),
    )
    made.clear()
    with capture_logs() as logs:
        await reconciliation.reconcile()
    assert [job for job in made if job[1] == str(payout.id)] == []
    [held] = [line for line in logs if line.get("subject") == str(payout.id)]
    assert (held["log_level"], held["event"]) == ("error", "a job gave up and is held")
    assert held["kind"] == "pay"
    await query(DELETE, str(payout.id))


@pytest.mark.parametrize("status", PayoutStatus)
async def test_a_job_is_due_exactly_while_the_gateway_has_the_last_word(
    world: World,
    patient: Patient,
    query: Query,
    made: list[tuple[str, str, str]],
    status: PayoutStatus,
) -> None:
    payout = await at_gateway(world, patient)
    await eventually(lambda: in_queue(query, payout.id), "the job of the first attempt is gone")
    await query("update payout set status = $2 where id = $1", payout.id, status.value)
    await query(DELETE, str(payout.id))
    made.clear()
    await reconciliation.reconcile()
    due = status.value in ("READY", "SENDING", "UNKNOWN", "PROCESSING")
    assert (("pay", str(payout.id), f"pay:{payout.id}:2") in made) is due


async def test_the_queues_log_of_finished_jobs_is_forgotten_after_a_week(query: Query) -> None:
    old = f"old-{uuid4().hex}"
    await query(
        "insert into pgqueuer_log (created, job_id, status, priority, entrypoint, aggregated)"
        " values (now() - interval '8 days', 1, 'successful', 0, $1, true),"
        " (now() - interval '6 days', 2, 'successful', 0, $1, true)",
        old,
    )
    await reconciliation.trim()
    left = await query("select job_id from pgqueuer_log where entrypoint = $1", old)
    assert [row["job_id"] for row in left] == [2]
