"""Chargebacks take their place under the cap: nothing is paid on top of what the bank took."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.settings import SandboxSettings
from refund_gql_sandbox.webhook import sign
from structlog.testing import capture_logs
from support.api import STAFF_ONLY, key
from support.providers import lend, line
from support.world import World, eventually, make_world

from refund_gql.app import Engine
from refund_gql.models import WebhookMessage
from refund_gql.providers import Outcome, OutcomeState, RefundRequest
from refund_gql.settings import Settings

Answer = dict[str, Any]
SECRET = "sandbox-webhook-secret"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PAID = Outcome(state=OutcomeState.SUCCEEDED, reference="B-1")
FIGURES = """captures { amount { amount } reserved { amount } disputed { amount }
  disputeExcess { amount } } disputes { reference state amount { amount } cause closedAt }"""


class Held(SandboxGateway):
    """Takes a refund, and answers when it is let go."""

    def __init__(self, path: Any) -> None:
        super().__init__(SandboxSettings(ledger=path))
        self.key = f"held-{key()}"
        self.got, self.go = asyncio.Event(), asyncio.Event()
        self.asked: list[int] = []

    async def refund(self, request: RefundRequest) -> Outcome:
        self.asked.append(request.amount)
        self.got.set()
        await self.go.wait()
        return PAID


@pytest.fixture
async def held(
    engine: Engine, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Held]:
    gateway = Held(tmp_path / "held.sqlite")
    lend(monkeypatch, engine.providers, line(gateway), name=gateway.key)
    yield gateway
    gateway.go.set()
    await gateway.aclose()


def told(capture: str, state: str = "OPENED", amount: int = 10_000, **more: Any) -> Answer:
    """The bank's message about a chargeback."""
    return {
        "id": key(),
        "dispute": "DP-1",
        "capture": capture,
        "amount": amount,
        "currency": "CNY",
        "state": state,
        "at": NOON.isoformat(),
        "reason": "FRAUD",
        **more,
    }


async def say(world: World, held: Held, message: Answer) -> None:
    """Post a message, and come back when it is handled."""
    body = json.dumps(message).encode()
    address = f"/webhooks/{world.shop.handle}/{held.key}"
    response = await world.api.client.post(address, content=body, headers=sign(body, SECRET))
    assert (response.status_code, response.content) == (200, b"ok")
    mine = WebhookMessage.filter(shop_id=world.shop.id, event_id=message["id"])

    async def handled() -> bool | None:
        rows = await mine
        return all(row.handled_at for row in rows) or None

    await eventually(handled, "the handled message")


async def sold(world: World, held: Held, *prices: int, **more: Any) -> tuple[Answer, str]:
    """An unshipped order of one line per price, paid at once; and its payment's reference."""
    reference = f"PAY-{key()}"
    paid = {"gateway": held.key, "reference": reference, "amount": sum(prices), **more}
    lines = [
        {"sku": f"S{i}", "title": f"T{i}", "quantity": 1, "unitPrice": price}
        for i, price in enumerate(prices)
    ]
    return await world.order(lines=lines, captures=[paid]), reference


async def ask(world: World, order: Answer, position: int) -> Answer:
    one = [{"orderLineId": order["lines"][position]["id"], "quantity": 1}]
    return await world.refund(world.customer, order, lines=one)


async def figures(world: World, order: Answer) -> tuple[list[int], list[Answer]]:
    """Amount, reserved, disputed and excess of the only payment; and its chargebacks."""
    document = f"query Q($id: ID!) {{ order(id: $id) {{ {FIGURES} }} }}"
    seen = (await world.owner(document, id=order["id"]))["order"]
    [capture] = seen["captures"]
    names = ("amount", "reserved", "disputed", "disputeExcess")
    return [capture[name]["amount"] for name in names], seen["disputes"]


def types(refund: Answer) -> list[str]:
    return [entry["type"] for entry in refund["timeline"]]


# --- against payouts --------------------------------------------------------------------------


async def test_what_is_not_sent_gives_way_and_what_is_sent_is_seen(
    world: World, held: Held
) -> None:
    """Two refunds of one payment: one is at the bank, one waits for it when it is charged back."""
    order, reference = await sold(world, held, 3000, 7000)
    first = await ask(world, order, 0)
    await held.got.wait()
    second = await world.reaches(await ask(world, order, 1), "APPROVED")
    await say(world, held, told(reference))
    stopped = await world.reaches(second, "PAYMENT_STUCK")
    assert stopped["stuckReason"] == "DISPUTED"
    [payout] = stopped["payouts"]
    assert (payout["status"], payout["attempts"]) == ("REJECTED", [])
    assert (await figures(world, order))[0] == [10_000, 3000, 7000, 3000]
    held.go.set()
    paid = await world.reaches(first, "REFUNDED")
    assert held.asked == [3000]
    assert "CHARGEBACK_OPENED" in types(paid)
    assert (await figures(world, order))[0] == [10_000, 3000, 7000, 3000]
    retry = {"payoutId": payout["id"], "idempotencyKey": key()}
    refusal = await world.finance.mutate("payoutRetry", retry)
    assert refusal["code"] == "EXCEEDS_REFUNDABLE"
    assert held.asked == [3000]


async def test_money_that_was_won_is_there_again(world: World, held: Held) -> None:
    order, reference = await sold(world, held, 3000, 7000)
    await ask(world, order, 0)
    await held.got.wait()
    second = await world.reaches(await ask(world, order, 1), "APPROVED")
    await say(world, held, told(reference))
    held.go.set()
    stopped = await world.reaches(second, "PAYMENT_STUCK")
    won = told(reference, "WON", at=(NOON + timedelta(days=1)).isoformat())
    await say(world, held, won)
    found, [dispute] = await figures(world, order)
    assert found == [10_000, 3000, 0, 0]
    assert (dispute["state"], dispute["closedAt"]) == ("WON", "2026-05-02T12:00:00+00:00")
    retry = {"payoutId": stopped["payouts"][0]["id"], "idempotencyKey": key()}
    await world.finance.mutate("payoutRetry", retry)
    paid = await world.reaches(second, "REFUNDED")
    assert held.asked == [3000, 7000]
    after = types(paid)[types(paid).index("CHARGEBACK_WON") :]
    assert after == ["CHARGEBACK_WON", "PAYMENT_RETRIED", "PAYOUT_SUCCEEDED", "REFUNDED"]
    own = types(await world.customer.refund(second["id"]))
    assert not [one for one in own if one.startswith("CHARGEBACK")]


async def test_what_is_paid_already_is_paid_twice_for_a_person_to_see(
    world: World, held: Held
) -> None:
    held.go.set()
    order, reference = await sold(world, held, 10_000)
    paid = await world.reaches(await ask(world, order, 0), "REFUNDED")
    await say(world, held, told(reference, amount=4000))
    assert (await figures(world, order))[0] == [10_000, 10_000, 0, 4000]
    seen = await world.owner.refund(paid["id"], STAFF_ONLY)
    assert (seen["status"], types(seen)[-1]) == ("REFUNDED", "CHARGEBACK_OPENED")


async def test_nothing_new_is_paid_on_top(world: World, held: Held) -> None:
    held.go.set()
    order, reference = await sold(world, held, 3000, 7000)
    await say(world, held, told(reference, amount=8000))
    refusal = await ask(world, order, 1)
    assert (refusal["code"], refusal["maximumRefundable"]["amount"]) == ("EXCEEDS_REFUNDABLE", 2000)
    assert held.asked == []


# --- what is said -----------------------------------------------------------------------------


async def test_the_newest_word_counts_in_whatever_order_words_come(
    world: World, held: Held
) -> None:
    words = [("OPENED", 6000, 0), ("OPENED", 5000, 1), ("WON", 5000, 2), ("LOST", 5000, 3)]
    for order_of_words in list(permutations(words))[::5]:
        order, reference = await sold(world, held, 10_000)
        for state, amount, hours in (*order_of_words, order_of_words[0]):
            at = (NOON + timedelta(hours=hours)).isoformat()
            await say(world, held, told(reference, state, amount, at=at, dispute=reference))
        found, [dispute] = await figures(world, order)
        assert (found, dispute["state"]) == ([10_000, 0, 5000, 0], "LOST")


async def test_the_same_message_twice_is_one(world: World, held: Held) -> None:
    order, reference = await sold(world, held, 3000, 7000)
    message = told(reference, amount=4000)
    for _ in range(3):
        await say(world, held, message)
    found, disputes = await figures(world, order)
    assert found == [10_000, 0, 4000, 0]
    assert disputes == [
        {
            "reference": "DP-1",
            "state": "OPENED",
            "amount": {"amount": 4000},
            "cause": "FRAUD",
            "closedAt": None,
        }
    ]
    assert await WebhookMessage.filter(shop_id=world.shop.id).count() == 1


async def test_two_chargebacks_on_one_payment_add_up(world: World, held: Held) -> None:
    order, reference = await sold(world, held, 10_000)
    for name in ("DP-1", "DP-2"):
        await say(world, held, told(reference, amount=4000, dispute=name))
    assert (await figures(world, order))[0] == [10_000, 0, 8000, 0]
    listed = await world.finance("{ disputes(state: [OPENED]) { totalCount } }")
    assert listed == {"disputes": {"totalCount": 2}}


async def test_the_shops_own_word_and_the_gateways_are_not_added(world: World, held: Held) -> None:
    """Both may speak of the same chargeback: the greater counts, and each takes back its own."""
    order, reference = await sold(world, held, 10_000, disputed=3000)
    same = {"number": order["number"], "lines": [
        {"sku": "S0", "title": "T0", "quantity": 1, "unitPrice": 10_000}
    ]}  # fmt: skip
    payment = {"gateway": held.key, "reference": reference, "amount": 10_000}
    await say(world, held, told(reference, amount=5000))
    assert (await figures(world, order))[0] == [10_000, 0, 5000, 0]
    await world.order(**same, captures=[{**payment, "disputed": 6000}])
    assert (await figures(world, order))[0] == [10_000, 0, 6000, 0]
    await world.order(**same, captures=[payment])
    assert (await figures(world, order))[0] == [10_000, 0, 5000, 0]


async def test_a_payment_of_two_orders_is_charged_back_in_shares(world: World, held: Held) -> None:
    reference = f"PAY-{key()}"
    orders = [
        await world.order(
            lines=[{"sku": "S", "title": "T", "quantity": 1, "unitPrice": price}],
            captures=[{"gateway": held.key, "reference": reference, "amount": price}],
        )
        for price in (1000, 2000)
    ]
    await say(world, held, told(reference, amount=1000))
    assert [(await figures(world, order))[0][2] for order in orders] == [333, 667]


async def test_another_currency_holds_all_of_it(world: World, held: Held) -> None:
    order, reference = await sold(world, held, 10_000)
    with capture_logs() as logs:
        await say(world, held, told(reference, amount=10, currency="USD"))
    assert (await figures(world, order))[0] == [10_000, 0, 10_000, 0]
    assert [entry["log_level"] for entry in logs if "another currency" in entry["event"]] == [
        "error"
    ]


async def test_another_shops_payment_is_nobodys(
    world: World, held: Held, settings: Settings
) -> None:
    order, reference = await sold(world, held, 10_000)
    stranger = await make_world(world.api, settings)
    with capture_logs() as logs:
        await say(stranger, held, told(reference))
    assert (await figures(world, order))[0] == [10_000, 0, 0, 0]
    assert [e for e in logs if "no payment of this shop" in e["event"]]
    assert await stranger.owner("{ disputes { totalCount } }") == {"disputes": {"totalCount": 0}}
