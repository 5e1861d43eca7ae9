"""What providers tell us: verified on the raw bytes, stored once, and only then answered."""

import asyncio
import json
from typing import Any

import asyncpg
import httpx2
import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.settings import SandboxSettings
from refund_gql_sandbox.webhook import sign
from structlog.testing import capture_logs
from support.api import key
from support.providers import lend, line
from support.world import World, eventually

from refund_gql import app, database, jobs, webhooks
from refund_gql.app import Engine
from refund_gql.errors import Unavailable
from refund_gql.models import Payout, WebhookMessage
from refund_gql.providers import (
    GatewayNotice,
    Outcome,
    OutcomeState,
    RefundRequest,
)

SECRET = "sandbox-webhook-secret"
WAIT_FOR_WEBHOOK = Outcome(state=OutcomeState.UNKNOWN, code="SILENT")


class Silent(SandboxGateway):
    """Takes a refund and leaves the engine waiting for its answer until it is let go."""

    def __init__(self, path: Any) -> None:
        super().__init__(SandboxSettings(ledger=path))
        self.key = f"silent-{key()}"
        self.address = ""
        self.got = asyncio.Event()
        self.go = asyncio.Event()
        self.numbers: list[str] = []
        self.answer = WAIT_FOR_WEBHOOK

    async def refund(self, request: RefundRequest) -> Outcome:
        self.numbers.append(request.number)
        self.got.set()
        await self.go.wait()
        return self.answer


@pytest.fixture
async def silent(
    engine: Engine, world: World, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A gateway that speaks the sandbox's webhooks, under a name that no other test uses."""
    gateway = Silent(tmp_path / "silent.sqlite")
    gateway.address = f"/webhooks/{world.shop.handle}/{gateway.key}"
    lend(monkeypatch, engine.providers, line(gateway), name=gateway.key)
    yield gateway
    gateway.go.set()


@pytest.fixture
async def client(engine: Engine) -> Any:
    """Any HTTP client: an exception in the server is a status here."""
    transport = httpx2.ASGITransport(app=app.create_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


def message(number: str, state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"evt-{key()}",
        "number": number,
        "state": state,
        "amount": 8900,
        "currency": "CNY",
        **changes,
    }


async def post(
    client: httpx2.AsyncClient,
    to: str,
    content: dict[str, Any],
    *,
    secret: str = SECRET,
    **headers: str,
) -> httpx2.Response:
    body = json.dumps(content).encode()
    signed = {**sign(body, secret), **headers}
    return await client.post(to, content=body, headers=signed)


async def at_gateway(world: World, silent: Silent) -> dict[str, Any]:
    """A refund whose gateway was called and has not answered."""
    capture = {"gateway": silent.key, "reference": f"PAY-{key()}", "amount": 8900}
    asked = await world.refund(world.customer, await world.order(captures=[capture]))
    await silent.got.wait()
    return asked


def sandbox(world: World) -> str:
    return f"/webhooks/{world.shop.handle}/sandbox"


async def handled(content: dict[str, Any]) -> WebhookMessage:
    """The stored message, once its job has run."""

    async def look() -> WebhookMessage | None:
        return await WebhookMessage.filter(event_id=content["id"], handled_at__isnull=False).first()

    found: WebhookMessage = await eventually(look, "the message was handled")
    return found


async def stored(content: dict[str, Any]) -> int:
    return await WebhookMessage.filter(event_id=content["id"]).count()


def types(refund: dict[str, Any]) -> list[str]:
    return [entry["type"] for entry in refund["timeline"]]


PAID = ["PAYMENT_STARTED", "PAYOUT_SUCCEEDED", "REFUNDED"]


# --- when it comes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        WAIT_FOR_WEBHOOK,
        Outcome(state=OutcomeState.SUCCEEDED, amount=8900, currency="CNY"),
        Outcome(state=OutcomeState.PROCESSING),
        Outcome(state=OutcomeState.REJECTED, code="LATE_REFUSAL"),
    ],
    ids=lambda answer: answer.state.value,
)
async def test_a_message_before_the_answer_settles_and_the_answer_changes_nothing(
    world: World, silent: Silent, client: httpx2.AsyncClient, answer: Outcome
) -> None:
    refund = await at_gateway(world, silent)
    response = await post(client, silent.address, message(silent.numbers[0], "SUCCEEDED"))
    assert (response.status_code, response.text) == (200, "ok")
    refund = await world.reaches(refund, "REFUNDED")
    silent.answer = answer
    silent.go.set()

    async def recorded() -> dict[str, Any] | None:
        found = await world.owner.refund(refund["id"], "payouts { attempts { outcome } }")
        return found if found["payouts"][0]["attempts"][0]["outcome"] else None

    found = await eventually(recorded, "the answer was recorded")
    assert (found["status"], types(found)[-3:]) == ("REFUNDED", PAID)
    assert found["payouts"][0]["attempts"] == [{"outcome": answer.state.value}]
    [payout] = await Payout.filter(number=silent.numbers[0])
    assert payout.status == "SUCCEEDED"
    assert len(silent.numbers) == 1


async def test_a_message_after_the_end_changes_nothing(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    silent.answer = Outcome(state=OutcomeState.SUCCEEDED)
    silent.go.set()
    refund = await world.reaches(await at_gateway(world, silent), "REFUNDED")
    for state in ("SUCCEEDED", "PROCESSING", "REJECTED", "A_WORD_NOBODY_KNOWS"):
        late = message(silent.numbers[0], state)
        assert (await post(client, silent.address, late)).status_code == 200
        await handled(late)
    after = await world.owner.refund(refund["id"])
    assert (after["status"], after["version"]) == ("REFUNDED", refund["version"])


async def test_a_reversal_after_the_end_reopens_the_refund(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    silent.answer = Outcome(state=OutcomeState.SUCCEEDED)
    silent.go.set()
    refund = await world.reaches(await at_gateway(world, silent), "REFUNDED")
    await post(client, silent.address, message(silent.numbers[0], "REVERSED"))
    refund = await world.reaches(refund, "PAYMENT_STUCK")
    assert refund["stuckReason"] == "REVERSED"


async def test_a_message_twice_is_stored_and_takes_effect_once(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    refund = await at_gateway(world, silent)
    told = message(silent.numbers[0], "SUCCEEDED")
    answers = await asyncio.gather(*(post(client, silent.address, told) for _ in range(5)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "ok")}
    assert await stored(told) == 1
    refund = await world.reaches(refund, "REFUNDED")
    assert types(refund)[-3:] == PAID
    again = await post(client, silent.address, told)
    assert (again.status_code, await stored(told)) == (200, 1)


async def test_the_same_news_under_two_ids_takes_effect_once(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    refund = await at_gateway(world, silent)
    news = [message(silent.numbers[0], "SUCCEEDED") for _ in range(2)]
    await asyncio.gather(*(post(client, silent.address, told) for told in news))
    for told in news:
        await handled(told)
    refund = await world.reaches(refund, "REFUNDED")
    assert types(refund)[-3:] == PAID


async def test_a_wrong_amount_is_no_success(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    refund = await at_gateway(world, silent)
    await post(client, silent.address, message(silent.numbers[0], "SUCCEEDED", amount=8901))
    refund = await world.reaches(refund, "PAYMENT_STUCK")
    assert refund["stuckReason"] == "ECHO_MISMATCH"


# --- who sent it ------------------------------------------------------------------------------


async def untouched(world: World, refund: dict[str, Any]) -> None:
    found = await world.owner.refund(refund["id"])
    assert (found["status"], types(found)[-1]) == ("PAYING", "PAYMENT_STARTED")


async def test_a_forged_message_is_refused_and_leaves_no_trace(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    refund = await at_gateway(world, silent)
    forged = message(silent.numbers[0], "SUCCEEDED")
    answer = await post(client, silent.address, forged, secret="a guess")
    assert (answer.status_code, await stored(forged)) == (401, 0)
    body = json.dumps(forged).encode()
    unsigned = [(b"sandbox-event", forged["id"].encode())]
    for headers in ([], unsigned, [(b"sandbox-signature", "é".encode())]):
        answer = await client.post(silent.address, content=body, headers=headers)
        assert (answer.status_code, await stored(forged)) == (401, 0)
    await untouched(world, refund)


async def test_one_changed_byte_is_a_forgery(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    refund = await at_gateway(world, silent)
    told = message(silent.numbers[0], "PROCESSING")
    headers = sign(json.dumps(told).encode(), SECRET)
    changed = json.dumps({**told, "state": "SUCCEEDED"}).encode()
    answer = await client.post(silent.address, content=changed, headers=headers)
    assert (answer.status_code, await stored(told)) == (401, 0)
    await untouched(world, refund)


async def test_an_old_message_under_a_fresh_id_is_a_forgery(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    """The id stands in the signed body; a header that says otherwise does not make it new."""
    refund = await at_gateway(world, silent)
    told = message(silent.numbers[0], "SUCCEEDED")
    answer = await post(client, silent.address, told, **{"sandbox-event": "evt-fresh"})
    assert (answer.status_code, await stored(told)) == (401, 0)
    await untouched(world, refund)


async def test_another_gateways_message_about_our_number_is_nobodys(
    world: World, silent: Silent, client: httpx2.AsyncClient
) -> None:
    """Signed by the sandbox, about a payout of another gateway."""
    refund = await at_gateway(world, silent)
    told = message(silent.numbers[0], "SUCCEEDED")
    with capture_logs() as logs:
        assert (await post(client, sandbox(world), told)).status_code == 200
        await handled(told)
    assert [line["number"] for line in logs if line.get("provider") == "sandbox"] == [
        told["number"]
    ]
    await untouched(world, refund)


async def test_an_unknown_number_is_stored_and_reported(
    world: World, client: httpx2.AsyncClient
) -> None:
    told = message("RP-NOBODY", "SUCCEEDED")
    with capture_logs() as logs:
        answer = await post(client, sandbox(world), told)
        await handled(told)
    assert (answer.status_code, await stored(told)) == (200, 1)
    [line] = [line for line in logs if line.get("number") == "RP-NOBODY"]
    assert line["log_level"] == "error"


async def test_there_is_no_such_address(world: World, client: httpx2.AsyncClient) -> None:
    told, shop = message("RP-NOBODY", "SUCCEEDED"), world.shop.handle
    for address in (
        f"/webhooks/{shop}/unheard-of",
        f"/webhooks/{shop}/sandbox-inbox",
        "/webhooks/nobodys-shop/sandbox",
    ):
        answer = await post(client, address, told)
        assert (answer.status_code, await stored(told)) == (404, 0)


async def test_a_body_without_end_is_not_read(world: World, client: httpx2.AsyncClient) -> None:
    body = b"x" * (webhooks.MAX_BODY + 1)
    answer = await client.post(sandbox(world), content=body, headers=sign(body, SECRET))
    assert answer.status_code == 413


async def test_a_webhook_is_posted(world: World, client: httpx2.AsyncClient) -> None:
    assert (await client.get(sandbox(world))).status_code == 405


# --- it is stored, or it is sent again --------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (RuntimeError("a defect"), 500),
        (Unavailable("the database was lost"), 503),
        (asyncpg.DataError("what the database refuses"), 500),
    ],
    ids=["defect", "database lost", "refused by the database"],
)
async def test_what_was_not_stored_is_not_acknowledged_and_works_when_sent_again(
    world: World,
    silent: Silent,
    client: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    status: int,
) -> None:
    refund = await at_gateway(world, silent)
    told = message(silent.numbers[0], "SUCCEEDED")

    async def fail(*_: object, **__: object) -> None:
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "enqueue", fail)
        answer = await post(client, silent.address, told)
    assert (answer.status_code, await stored(told)) == (status, 0)
    await untouched(world, refund)
    assert (await post(client, silent.address, told)).status_code == 200
    await world.reaches(refund, "REFUNDED")


async def test_a_database_that_is_away_is_answered_with_when_to_come_again(
    world: World, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise Unavailable("the database was lost")

    told = message("RP-NOBODY", "SUCCEEDED")
    monkeypatch.setattr(database, "transaction", away)
    answer = await post(client, sandbox(world), told)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_message_whose_effect_failed_takes_effect_later(
    world: World, silent: Silent, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored and acknowledged; the job fails once, and the queue tries it again."""
    refund = await at_gateway(world, silent)
    told = message(silent.numbers[0], "SUCCEEDED")
    failures: list[str] = []
    succeeded = webhooks._mark_handled

    async def fail_once(tx: database.Transaction, row: WebhookMessage) -> None:
        if not failures:
            failures.append(row.event_id)
            raise RuntimeError("after the effect, before the mark")
        await succeeded(tx, row)

    monkeypatch.setattr(webhooks, "_mark_handled", fail_once)
    await post(client, silent.address, told)
    await handled(told)
    assert failures == [told["id"]]
    refund = await world.reaches(refund, "REFUNDED")
    assert types(refund)[-3:] == PAID


class Chatty(SandboxGateway):
    """Its messages hold what a row cannot."""

    def parse_webhook(self, headers: Any, body: bytes) -> GatewayNotice:
        notice = super().parse_webhook(headers, body)
        assert isinstance(notice, GatewayNotice)
        return GatewayNotice(
            event_id=notice.event_id,
            number=notice.number,
            outcome=Outcome(
                state=notice.outcome.state,
                reference="R" * 1000,
                code="\x00C" * 1000,
                message="\ud800M" * 1000,
            ),
        )


async def test_a_talkative_provider_is_heard(
    world: World, silent: Silent, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silent, "parse_webhook", Chatty(silent.settings).parse_webhook)
    refund = await at_gateway(world, silent)
    assert (
        await post(client, silent.address, message(silent.numbers[0], "SUCCEEDED"))
    ).status_code == 200
    refund = await world.reaches(refund, "REFUNDED")
    [payout] = await Payout.filter(number=silent.numbers[0])
    assert payout.code == "C" * 64
    assert payout.message == "M" * 500
    assert payout.gateway_reference == "R" * 128
