"""A gateway that cannot be reached parks the payout, visibly; it goes on by itself."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from support.api import STAFF_ONLY, key
from support.providers import lend, line
from support.world import World, eventually

from refund_gql import clock
from refund_gql.app import Engine
from refund_gql.models import Payout
from refund_gql.providers import (
    GatewayCapabilities,
    Misconfigured,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderSettings,
    RefundRequest,
    Refused,
    Retryable,
)
from refund_gql.registry import Connection

PAID = Outcome(state=OutcomeState.SUCCEEDED, code="PAID")
SILENCE = TimeoutError("no answer")
ABSENT = Outcome(state=OutcomeState.UNKNOWN, code="NOT_FOUND", absent=True)


class Flaky(PaymentGateway):
    """Answers as it is told; pays a number once."""

    name = "flaky"

    def __init__(self) -> None:
        super().__init__(ProviderSettings())
        self.answer: Outcome | Exception = PAID
        self.found: Outcome | Exception = ABSENT
        self.sheet = GatewayCapabilities(settling_time=timedelta(0))
        self.calls: list[str] = []
        self.numbers: list[str] = []

    async def check(self) -> None:
        """Nothing to prove."""

    async def refund(self, request: RefundRequest) -> Outcome:
        self.calls.append("REFUND")
        self.numbers.append(request.number)
        return self._say(self.answer)

    async def query(self, request: RefundRequest) -> Outcome:
        self.calls.append("QUERY")
        return self._say(self.found)

    def capabilities(self) -> GatewayCapabilities:
        return self.sheet

    def _say(self, answer: Outcome | Exception) -> Outcome:
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Here:
    """One gateway of one shop, and what its refunds come to."""

    world: World
    engine: Engine
    patch: pytest.MonkeyPatch
    gateway: Flaky = field(default_factory=Flaky)
    name: str = field(default_factory=lambda: f"flaky-{uuid4().hex}")
    line: Connection[Flaky] | None = None

    def open(self, *, failures: int = 1_000_000, rest: float = 0.1) -> Connection[Flaky]:
        """Install the gateway."""
        self.line = line(self.gateway, failures=failures, rest=rest, shop_id=self.world.shop.id)
        lend(self.patch, self.engine.providers, self.line, name=self.name)
        return self.line

    async def ask(self, gateway: str | None = None) -> dict[str, Any]:
        """Ask for a refund of 89.00 CNY, unshipped, that went through the gateway."""
        capture = {"gateway": gateway or self.name, "reference": f"PAY-{key()}", "amount": 8900}
        return await self.world.refund(
            self.world.customer, await self.world.order(captures=[capture])
        )

    async def parked(self, refund: dict[str, Any], reason: str) -> dict[str, Any]:
        """The refund once its payout waits for this reason."""

        async def look() -> dict[str, Any] | None:
            found = await self.world.owner.refund(refund["id"], STAFF_ONLY)
            reasons = [payout["parkedReason"] for payout in found["payouts"]]
            return found if reasons == [reason] else None

        return await eventually(look, f"parked: {reason}")

    async def row(self, refund: dict[str, Any]) -> Payout:
        return await Payout.filter(refund__number=refund["number"], superseded=False).get()


@pytest.fixture
def here(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(world, engine, monkeypatch)


def types(refund: dict[str, Any]) -> list[str]:
    return [entry["type"] for entry in refund["timeline"]]


async def test_a_gateway_that_refuses_connections_is_waited_for(here: Here) -> None:
    made = here.open(failures=1)
    here.gateway.answer = Retryable("connection refused")
    refund = await here.parked(await here.ask(), "GATEWAY_DOWN")
    assert (refund["status"], made.up, here.gateway.calls[0]) == ("PAYING", False, "REFUND")
    here.gateway.answer = PAID
    refund = await here.world.reaches(refund, "REFUNDED")
    assert [kind for kind in types(refund) if "PARKED" in kind or "RESUMED" in kind] == [
        "PAYOUT_PARKED",
        "PAYOUT_RESUMED",
    ]
    assert set(here.gateway.calls) == {"REFUND"}, "nothing was in doubt"
    assert len(set(here.gateway.numbers)) == 1


async def test_a_long_outage_uses_up_no_patience(here: Here) -> None:
    """More failures than a payout has tries, and no person is asked."""
    here.open(failures=1, rest=0.001)
    here.gateway.answer = Retryable("connection refused")
    refund = await here.parked(await here.ask(), "GATEWAY_DOWN")
    tries = here.engine.settings.payout_tries

    async def tired() -> bool | None:
        return len(here.gateway.calls) > tries or None

    assert here.line is not None
    here.line.breaker.rest = timedelta(microseconds=1)
    await eventually(tired, "more calls than tries")
    found = await here.world.owner.refund(refund["id"], "stuckReason")
    assert (found["status"], found["stuckReason"]) == ("PAYING", None)
    here.gateway.answer = PAID
    await here.world.reaches(refund, "REFUNDED")


async def test_what_may_have_been_paid_is_asked_for_first_when_the_gateway_is_back(
    here: Here,
) -> None:
    here.open(failures=1)
    here.gateway.answer, here.gateway.found = SILENCE, SILENCE
    refund = await here.parked(await here.ask(), "GATEWAY_DOWN")
    here.gateway.found = PAID
    refund = await here.world.reaches(refund, "REFUNDED")
    assert here.gateway.calls.count("REFUND") == 1
    assert here.gateway.calls[-1] == "QUERY"


async def test_what_is_in_doubt_for_a_day_is_a_persons_business(here: Here) -> None:
    here.open(failures=1, rest=0.01)
    here.gateway.answer, here.gateway.found = SILENCE, SILENCE
    refund = await here.parked(await here.ask(), "GATEWAY_DOWN")
    row = await here.row(refund)
    yesterday = clock.now() - timedelta(days=1, minutes=1)
    await Payout.filter(id=row.id).update(sent_at=yesterday)
    assert here.line is not None
    here.line.breaker.rest = timedelta(microseconds=1)
    refund = await here.world.reaches(refund, "PAYMENT_STUCK")
    assert refund["stuckReason"] == "NO_ANSWER"
    assert here.gateway.calls.count("REFUND") == 1


async def test_wrong_credentials_park_and_nothing_was_sent(here: Here) -> None:
    here.open()
    here.gateway.answer = Misconfigured("the key was revoked", code="KEY_REVOKED", field="api_key")
    refund = await here.parked(await here.ask(), "GATEWAY_MISCONFIGURED")
    assert refund["payouts"][0]["code"] == "KEY_REVOKED"
    here.gateway.answer = PAID
    refund = await here.world.reaches(refund, "REFUNDED")
    assert set(here.gateway.calls) == {"REFUND"}


async def test_a_gateway_that_is_switched_off_is_waited_for(here: Here) -> None:
    switch = """mutation M($input: PluginSettingsInput!) {
        pluginSettingsUpdate(input: $input) { __typename } }"""
    await here.world.owner(switch, input={"provider": "sandbox", "enabled": False})
    refund = await here.parked(await here.ask("sandbox"), "GATEWAY_DISABLED")
    assert (refund["status"], refund["payouts"][0]["attempts"]) == ("APPROVED", [])
    await here.world.owner(switch, input={"provider": "sandbox", "enabled": True})
    await here.world.reaches(refund, "REFUNDED")


async def test_a_route_leads_from_the_shops_word_to_the_plugin(here: Here) -> None:
    """Also for what is parked already: nothing was sent under the other name."""
    here.open()
    refund = await here.parked(await here.ask("wxpay-h5"), "GATEWAY_MISSING")
    here.world.shop.gateway_routes = {"wxpay-h5": here.name}
    await here.world.shop.save(update_fields=["gateway_routes"])
    refund = await here.world.reaches(refund, "REFUNDED")
    assert (await here.row(refund)).gateway == here.name
    [capture] = (await here.world.owner.refund(refund["id"], "payouts { capture { gateway } }"))[
        "payouts"
    ]
    assert capture["capture"]["gateway"] == "wxpay-h5"


async def test_what_was_sent_is_never_rerouted(here: Here) -> None:
    here.open()
    here.gateway.answer, here.gateway.found = SILENCE, SILENCE
    asked = await here.ask()

    async def in_doubt() -> bool | None:
        return "QUERY" in here.gateway.calls or None

    await eventually(in_doubt, "asked for")
    here.world.shop.gateway_routes = {here.name: "sandbox"}
    await here.world.shop.save(update_fields=["gateway_routes"])
    here.gateway.found = PAID
    await here.world.reaches(asked, "REFUNDED")
    assert (await here.row(asked)).gateway == here.name


async def test_a_refusal_by_exception_is_a_refusal(here: Here) -> None:
    here.open()
    here.gateway.answer = Refused("the card is closed", code="CARD_CLOSED")
    refund = await here.world.reaches(await here.ask(), "PAYMENT_STUCK")
    assert (refund["stuckReason"], refund["payouts"][0]["code"]) == ("REJECTED", "CARD_CLOSED")
    assert here.gateway.calls == ["REFUND"]


async def test_an_exception_from_a_query_proves_nothing(here: Here) -> None:
    here.open()
    here.gateway.answer, here.gateway.found = SILENCE, Refused("no such refund")
    refund = await here.ask()

    async def asked() -> bool | None:
        return here.gateway.calls.count("QUERY") > 1 or None

    await eventually(asked, "asked twice")
    here.gateway.found = PAID
    await here.world.reaches(refund, "REFUNDED")
    assert here.gateway.calls.count("REFUND") == 1


# --- the sheet ----------------------------------------------------------------------------------


async def test_a_gateway_that_cannot_be_asked_leaves_a_doubt_to_a_person(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    from refund_gql.flow import settlement

    monkeypatch.setattr(settlement, "_WEBHOOK_PATIENCE", timedelta(milliseconds=10))
    here.gateway.sheet = GatewayCapabilities(can_query=False)
    here.gateway.answer = SILENCE
    here.open()
    refund = await here.world.reaches(await here.ask(), "PAYMENT_STUCK")
    assert (refund["stuckReason"], here.gateway.calls) == ("CANNOT_ASK", ["REFUND"])


async def test_a_number_that_is_too_long_is_not_sent(here: Here) -> None:
    here.gateway.sheet = GatewayCapabilities(number_longest=20)
    here.open()
    refund = await here.world.reaches(await here.ask(), "PAYMENT_STUCK")
    assert (refund["stuckReason"], here.gateway.calls) == ("NUMBER_TOO_LONG", [])


async def test_a_number_the_gateway_may_have_forgotten_is_not_sent_again(here: Here) -> None:
    """The gateway knows numbers for a moment only: after that, the same number pays again."""
    here.gateway.sheet = GatewayCapabilities(
        settling_time=timedelta(0), number_life=timedelta(microseconds=1)
    )
    here.gateway.answer = SILENCE
    here.open()
    refund = await here.world.reaches(await here.ask(), "PAYMENT_STUCK")
    assert (refund["stuckReason"], here.gateway.calls) == ("NUMBER_EXPIRED", ["REFUND", "QUERY"])
    here.gateway.answer = PAID
    retry = """mutation M($input: PayoutRetryInput!) {
        payoutRetry(input: $input) { __typename } }"""
    step = {"payoutId": refund["payouts"][0]["id"], "idempotencyKey": key()}
    await here.world.finance(retry, input=step)
    refund = await here.world.reaches(refund, "REFUNDED")
    assert here.gateway.calls == ["REFUND", "QUERY", "REFUND"]
    assert len(set(here.gateway.numbers)) == 2
    [capture] = await Payout.filter(refund__number=refund["number"], status="SUCCEEDED")
    assert capture.amount == 8900


async def test_wrong_credentials_are_not_tried_again_and_again(
    here: Here, database_url: str
) -> None:
    """Nobody knows when they are right again: the engine looks at its longest interval."""
    here.open()
    here.gateway.answer = Misconfigured("the key was revoked")
    refund = await here.parked(await here.ask(), "GATEWAY_MISCONFIGURED")
    payout, longest = await here.row(refund), here.engine.settings.payout_backoff_limit_seconds

    async def queued() -> timedelta | None:
        connection = await asyncpg.connect(database_url)
        try:
            wait: timedelta | None = await connection.fetchval(
                "select execute_after - created from pgqueuer where entrypoint = 'pay'"
                " and convert_from(payload, 'UTF8') = $1 and status = 'queued'",
                str(payout.id),
            )
            return wait
        finally:
            await connection.close()

    assert await eventually(queued, "the next look") > timedelta(seconds=longest * 0.7)
