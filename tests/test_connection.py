"""One call of a provider: it ends in time, hurts nothing beside it, and shows no secret."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs
from support.providers import line

from refund_gql.providers import (
    Misconfigured,
    Outcome,
    OutcomeState,
    OutcomeUnknown,
    Provider,
    ProviderError,
    ProviderKind,
    ProviderSettings,
    Refused,
    Retryable,
)
from refund_gql.registry import Connection, ProviderUnreachable
from refund_gql.registry.breaker import Breaker
from refund_gql.registry.lane import Lane

SECRET = "sk-live-4711/äöü"


class KeyedSettings(ProviderSettings):
    """A secret."""

    api_key: SecretStr = SecretStr(SECRET)


class Acme(Provider):
    """Does what a test tells it to."""

    name = "acme"
    kind = ProviderKind.CRM
    Settings = KeyedSettings

    def __init__(self, do: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(KeyedSettings())
        self.do = do

    async def check(self) -> None:
        await self.do()


def of_acme(logs: Sequence[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    """What was logged about this provider; the session's worker goes on beside the tests."""
    return [entry for entry in logs if entry.get("provider") == "acme"]


async def fine() -> str:
    return "fine"


def raising(error: BaseException) -> Callable[[], Awaitable[Any]]:
    async def do() -> None:
        raise error

    return do


async def call(made: Connection[Acme]) -> Any:
    return await made.call("do", lambda acme: acme.do())  # type: ignore[arg-type, return-value] # any awaitable


# --- a call ends ------------------------------------------------------------------------------


async def test_a_call_returns_what_the_provider_returns() -> None:
    assert await call(line(Acme(fine))) == "fine"


async def test_a_call_that_hangs_ends_at_its_deadline() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    with pytest.raises(OutcomeUnknown) as ended:
        await call(line(Acme(hang), seconds=0.01))
    assert ended.value.code == "TIMEOUT"


@pytest.fixture
async def lane() -> Any:
    made = Lane("acme")
    yield made
    await made.aclose()


async def test_a_provider_that_blocks_its_loop_blocks_nothing_else(lane: Lane) -> None:
    let_go = threading.Event()

    async def block() -> None:
        let_go.wait(60)

    blocked = asyncio.create_task(call(line(Acme(block), seconds=0.05, lane=lane)))
    other = Lane("other")
    with capture_logs() as logs:
        # While it blocks, the engine's loop turns and other providers answer.
        assert await call(line(Acme(fine), lane=other)) == "fine"
        with pytest.raises(OutcomeUnknown) as ended:
            await blocked
    let_go.set()
    await other.aclose()
    assert ended.value.code == "BLOCKED"
    [shown] = [entry for entry in logs if entry["event"] == "a provider blocks its event loop"]
    assert (shown["provider"], "let_go.wait(60)" in shown["stack"]) == ("acme", True)


async def test_an_error_on_a_lane_is_reported_to_nobody_but_the_caller(lane: Lane) -> None:
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    with pytest.raises(Refused):
        await call(line(Acme(raising(Refused("no"))), lane=lane))
    gc.collect()
    await asyncio.sleep(0)
    asyncio.get_running_loop().set_exception_handler(None)
    assert reported == []


async def test_what_a_provider_leaves_running_is_reported_without_its_words(lane: Lane) -> None:
    async def later() -> None:
        raise RuntimeError(f"401 for {SECRET}")

    async def careless() -> None:
        asyncio.get_running_loop().create_task(later())

    with capture_logs() as logs:
        await call(line(Acme(careless), lane=lane))
        for _ in range(100):
            await lane.run(_collect, seconds=2)
            if of_acme(logs):
                break
    [shown] = of_acme(logs)
    assert (shown["provider"], shown["error"]) == ("acme", "RuntimeError")
    assert "test_connection.py" in shown["at"][-1]
    assert SECRET not in str(logs)


async def _collect() -> None:
    gc.collect()


async def test_a_lane_that_was_blocked_works_again(lane: Lane) -> None:
    let_go = threading.Event()

    async def block() -> None:
        let_go.wait(60)

    with pytest.raises(OutcomeUnknown):
        await call(line(Acme(block), seconds=0.05, lane=lane))
    let_go.set()
    assert await call(line(Acme(fine), lane=lane)) == "fine"


async def test_no_more_calls_are_under_way_than_allowed() -> None:
    under_way, most, go = 0, 0, asyncio.Event()

    async def count() -> None:
        nonlocal under_way, most
        under_way, most = under_way + 1, max(most, under_way + 1)
        await go.wait()
        under_way -= 1

    made = line(Acme(count), seconds=10)
    made.slots = asyncio.Semaphore(3)
    calls = [asyncio.create_task(call(made)) for _ in range(10)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert under_way == 3
    go.set()
    await asyncio.gather(*calls)
    assert most == 3


async def test_a_caller_who_leaves_does_not_cut_the_call_off() -> None:
    began, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        began.set()
        await go.wait()
        ended.set()

    task = asyncio.create_task(call(line(Acme(slow), seconds=10)))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await asyncio.wait_for(ended.wait(), 5)


async def test_closing_waits_for_running_calls_and_survives_a_provider_that_cannot_close() -> None:
    order: list[str] = []
    go = asyncio.Event()

    class Closing(Acme):
        async def aclose(self) -> None:
            order.append("closed")
            raise RuntimeError(f"cannot close {SECRET}")

    async def slow() -> None:
        await go.wait()
        order.append("called")

    made = line(Closing(slow), seconds=10)
    running = asyncio.create_task(call(made))
    for _ in range(5):
        await asyncio.sleep(0)
    closing = asyncio.create_task(made.aclose())
    go.set()
    with capture_logs() as logs:
        await asyncio.gather(running, closing)
    assert order == ["called", "closed"]
    assert SECRET not in str(logs)


# --- what escapes a provider --------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [Refused("no"), Retryable("later"), OutcomeUnknown("who knows"), Misconfigured("key")]
)
async def test_the_errors_of_the_contract_come_through(error: ProviderError) -> None:
    with pytest.raises(type(error), match=str(error)):
        await call(line(Acme(raising(error))))


async def test_anything_else_proves_nothing_and_is_logged_once() -> None:
    with capture_logs() as logs, pytest.raises(OutcomeUnknown) as ended:
        await call(line(Acme(raising(ZeroDivisionError("1/0")))))
    assert (ended.value.code, str(ended.value)) == ("ZeroDivisionError", "1/0")
    [shown] = of_acme(logs)
    assert "ZeroDivisionError: 1/0" in shown["trace"]


@pytest.mark.parametrize(
    "words",
    [
        f"401 for Bearer {SECRET}",
        "GET https://api.acme.example/?key=sk-live-4711%2F%C3%A4%C3%B6%C3%BC",
    ],
)
@pytest.mark.parametrize("kind", [RuntimeError, Refused, Misconfigured, OutcomeUnknown])
async def test_no_error_shows_a_secret(kind: type[Exception], words: str) -> None:
    async def leak() -> None:
        try:
            raise ValueError(words)
        except ValueError as error:
            raise kind(words) from error

    with capture_logs() as logs, pytest.raises(ProviderError) as ended:
        await call(line(Acme(leak)))
    shown = f"{logs} {ended.value} {ended.value.__cause__} {ended.value.__context__}"
    assert "4711" not in shown
    assert "[secret]" in str(ended.value)


async def test_no_outcome_shows_a_secret() -> None:
    async def leak() -> Outcome:
        return Outcome(state=OutcomeState.REJECTED, code="401", message=f"bad key {SECRET}")

    outcome = await call(line(Acme(leak)))
    assert outcome == Outcome(state=OutcomeState.REJECTED, code="401", message="bad key [secret]")


# --- the breaker ------------------------------------------------------------------------------


async def test_a_provider_that_fails_in_a_row_is_left_alone_and_said_so_once() -> None:
    asked = 0

    async def down() -> None:
        nonlocal asked
        asked += 1
        raise OutcomeUnknown("502 Bad Gateway")

    made = line(Acme(down), failures=3)
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(OutcomeUnknown):
                await call(made)
        for _ in range(5):
            with pytest.raises(ProviderUnreachable) as away:
                await call(made)
    assert (asked, away.value.reason, made.up) == (3, "DOWN", False)
    assert [entry["event"] for entry in of_acme(logs)] == ["a provider is down"]
    assert of_acme(logs)[0]["reason"] == "502 Bad Gateway"


async def test_after_its_rest_one_call_tries_and_the_first_success_closes_it() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    works = False
    asked = 0

    async def maybe() -> None:
        nonlocal asked
        asked += 1
        if not works:
            raise OutcomeUnknown("502")

    made = line(Acme(maybe), failures=1, rest=30)
    made.breaker.now = lambda: now
    with pytest.raises(OutcomeUnknown):
        await call(made)
    now += timedelta(seconds=31)
    answers = await asyncio.gather(*(call(made) for _ in range(10)), return_exceptions=True)
    assert asked == 2, "one call tries, the others wait"
    assert sum(isinstance(answer, ProviderUnreachable) for answer in answers) == 9
    now += timedelta(seconds=59)
    with pytest.raises(ProviderUnreachable):
        await call(made)  # the second rest is twice as long
    now, works = now + timedelta(seconds=2), True
    with capture_logs() as logs:
        await call(made)
    assert (made.up, [entry["event"] for entry in of_acme(logs)]) == (True, ["a provider is back"])


@pytest.mark.parametrize(
    "answer",
    [
        Refused("no such mailbox"),
        Misconfigured("bad key"),
        Retryable("429", retry_after=timedelta(seconds=60)),
        Outcome(state=OutcomeState.REJECTED),
        Outcome(state=OutcomeState.PROCESSING),
        Outcome(state=OutcomeState.UNKNOWN, absent=True),
        Outcome(state=OutcomeState.REJECTED, retriable=True, retry_after=timedelta(seconds=1)),
    ],
)
async def test_an_answer_is_no_failure(answer: Any) -> None:
    async def do() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = line(Acme(do), failures=1)
    await asyncio.gather(call(made), return_exceptions=True)
    assert made.up


@pytest.mark.parametrize(
    "answer",
    [
        Retryable("connection refused"),
        OutcomeUnknown("502"),
        TimeoutError(),
        RuntimeError("defect"),
        Outcome(state=OutcomeState.UNKNOWN),
        Outcome(state=OutcomeState.REJECTED, retriable=True),
    ],
)
async def test_no_answer_is_a_failure(answer: Any) -> None:
    async def do() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = line(Acme(do), failures=1)
    await asyncio.gather(call(made), return_exceptions=True)
    assert not made.up


async def test_a_person_may_ask_a_provider_that_is_down() -> None:
    works = False

    async def maybe() -> None:
        if not works:
            raise OutcomeUnknown("502")

    made = line(Acme(maybe), failures=1)
    with pytest.raises(OutcomeUnknown):
        await call(made)
    works = True
    await made.probe("check", lambda acme: acme.check())
    assert made.up


async def test_the_database_says_what_is_down_until_it_is_back(
    database_url: str, make_shop: Any
) -> None:
    from refund_gql.models import ProviderHealth

    shop = await make_shop()
    works = False

    async def maybe() -> None:
        if not works:
            raise OutcomeUnknown(f"502 for {SECRET}")

    made = line(Acme(maybe), failures=1, shop_id=UUID(str(shop.id)))
    with pytest.raises(OutcomeUnknown):
        await call(made)
    row = await ProviderHealth.get(shop_id=shop.id, provider="acme")
    assert (row.reason, row.down_since is not None) == ("502 for [secret]", True)
    works = True
    await made.probe("check", lambda acme: acme.check())
    row = await ProviderHealth.get(shop_id=shop.id, provider="acme")
    assert (row.reason, row.down_since) == ("502 for [secret]", None)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_a_breaker_is_open_only_after_enough_failures_in_a_row(
    ends: list[bool], failures: int
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    breaker = Breaker(failures=failures, rest=timedelta(seconds=30), now=lambda: at)
    in_a_row = 0
    for ok in ends:
        if not breaker.admits():
            at = breaker.retry_at
            assert breaker.admits()
            assert not breaker.admits(), "one at a time"
        breaker.succeeded() if ok else breaker.failed()
        in_a_row = 0 if ok else in_a_row + 1
        assert breaker.open == (in_a_row >= failures)
        assert breaker.retry_at - at <= timedelta(minutes=10)


# --- what is counted ----------------------------------------------------------------------------


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_every_call_is_counted_by_how_it_ended() -> None:
    def counted(result: str) -> float:
        return sample(
            "refund_gql_provider_calls_total", provider="acme", method="do", result=result
        )

    before = [counted("ok"), counted("refused"), counted("timeout")]
    await call(line(Acme(fine)))
    for error in (Refused("no"), TimeoutError()):
        await asyncio.gather(call(line(Acme(raising(error)))), return_exceptions=True)
    after = [counted("ok"), counted("refused"), counted("timeout")]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]
    assert sample("refund_gql_provider_calls_in_flight", provider="acme") == 0


def test_a_lane_that_was_never_used_has_no_thread() -> None:
    before = threading.active_count()
    Lane("idle")
    assert threading.active_count() == before
