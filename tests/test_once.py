"""One operation per idempotency key: the twelve cases, for the two mutations that start money."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest
from support.api import Api, key
from support.world import ORDER, World, eventually, make_world, order_input, shipped

from refund_gql import database
from refund_gql.errors import Unavailable
from refund_gql.flow import reconciliation
from refund_gql.graphql.rows import Rows

Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One mutation that starts money, ready to be called."""

    name: str
    by: Api
    colleague: Api
    """Somebody else who may do the same."""
    input: dict[str, Any]
    other: dict[str, Any]
    """Differs from `input`, and would be accepted too."""
    invalid: dict[str, Any]
    """Is refused before the key is reserved."""

    def document(self) -> str:
        kind = self.name[0].upper() + self.name[1:] + "Input"
        return f"""mutation M($input: {kind}!) {{ result: {self.name}(input: $input) {{
            __typename ... on Problem {{ code message path }}
            ... on Refund {{ id status version amount {{ amount }} payouts {{ id }} }} }} }}"""

    async def __call__(self, key: str, **changes: Any) -> Answer:
        content = {**self.input, **changes, "idempotencyKey": key}
        answer: Answer = (await self.by(self.document(), input=content))["result"]
        return answer


Make = Callable[..., Awaitable[Operation]]


@pytest.fixture(params=["refundRequest", "refundApproveFinance"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes the operation on a fresh order; `sandbox` troubles the gateway."""
    return _request if request.param == "refundRequest" else _release


async def _request(world: World, sandbox: str = "OK*") -> Operation:
    order = await world.order(metadata={"sandbox": sandbox})
    return Operation(
        name="refundRequest",
        by=world.agent,
        colleague=world.owner,
        input={"orderId": order["id"]},
        other={"note": "other words"},
        invalid={"lines": []},
    )


async def _release(world: World, sandbox: str = "OK*") -> Operation:
    refund = await in_review(world, sandbox)
    await to_finance(world, refund)
    return Operation(
        name="refundApproveFinance",
        by=world.finance,
        colleague=world.owner,
        input={"refundId": refund["id"]},
        other={"note": "other words"},
        invalid={"refundId": "rubbish"},
    )


async def in_review(world: World, sandbox: str = "OK*") -> Answer:
    order = await world.order(shipments=shipped(), metadata={"sandbox": sandbox})
    return await world.reaches(await world.refund(world.customer, order), "REVIEW")


async def to_finance(world: World, refund: Answer) -> None:
    step = {"refundId": refund["id"]}
    await world.agent.mutate(
        "refundApprove", {**step, "idempotencyKey": key(), "kind": "REFUND_ONLY"}
    )
    await world.warehouse.mutate(
        "refundConfirmWarehouse", {**step, "idempotencyKey": key(), "verdict": "GOODS_GONE"}
    )


@pytest.fixture
async def world(api: Api, settings: Any) -> World:
    """A shop in which finance looks at every amount."""
    return await make_world(api, settings, finance_threshold=0)


async def rows(world: World) -> dict[str, int]:
    """How much the shop has of everything that an operation makes."""
    tables = ("refund", "event", "payout", "payout_attempt", "decision", "idempotency_key")
    counts = ", ".join(f"(select count(*) from {t} where shop_id = $1) as {t}" for t in tables)
    [row] = await database.fetch(f"select {counts}", world.shop.id)
    return dict(row)


async def test_1_a_key_that_is_missing_or_malformed_is_refused(world: World, make: Make) -> None:
    operation = await make(world)
    before = await rows(world)
    errors = await operation.by.errors(operation.document(), input=operation.input)
    assert "idempotencyKey" in errors[0]["message"]
    for malformed in ("", "  ", "k" * 256):
        answer = await operation(malformed)
        assert answer["__typename"] == "InvalidInput"
        assert answer["path"] == ["input", "idempotencyKey"]
    assert await rows(world) == before


async def test_2_a_repetition_gets_the_refund_as_it_is_now(world: World, make: Make) -> None:
    operation, name = await make(world), key()
    first = await operation(name)
    paid = await world.reaches(first, "REFUNDED")
    before = await rows(world)
    again = await operation(name)
    assert (again["id"], again["status"], again["version"]) == (
        first["id"],
        "REFUNDED",
        paid["version"],
    )
    assert await rows(world) == before


async def test_3_other_input_under_the_same_key_is_a_conflict(world: World, make: Make) -> None:
    operation, name = await make(world), key()
    await world.reaches(await operation(name), "REFUNDED")
    before = await rows(world)
    answer = await operation(name, **operation.other)
    assert answer["__typename"] == "IdempotencyConflict"
    assert await rows(world) == before


async def test_4_of_concurrent_repetitions_one_runs(world: World, make: Make) -> None:
    operation, name = await make(world), key()
    answers = await asyncio.gather(*(operation(name) for _ in range(20)))
    assert {answer["__typename"] for answer in answers} == {"Refund"}
    assert len({answer["id"] for answer in answers}) == 1
    refund = await world.reaches(answers[0], "REFUNDED")
    assert [payout["amount"]["amount"] for payout in refund["payouts"]] == [8900]


async def test_5_a_lost_answer_is_given_again(
    world: World, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change was committed, and the answer never left."""
    operation, name = await make(world), key()

    async def lost(self: Rows, table: str, id: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(Rows, "fresh", lost)
        content = {**operation.input, "idempotencyKey": name}
        response = await operation.by.post(operation.document(), input=content)
    assert response.status_code == 503
    refund = await world.reaches(await operation(name), "REFUNDED")
    assert len(refund["payouts"]) == 1


async def test_5_a_reservation_that_was_never_committed_is_free_again(
    world: World, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation, name = await make(world), key()
    before = await rows(world)

    async def cut_off(self: database.Transaction) -> None:
        raise asyncpg.ConnectionDoesNotExistError("connection was closed")

    with monkeypatch.context() as patch:
        patch.setattr(database.Transaction, "commit", cut_off)
        content = {**operation.input, "idempotencyKey": name}
        response = await operation.by.post(operation.document(), input=content)
    assert response.status_code == 503
    assert await rows(world) == before
    await world.reaches(await operation(name), "REFUNDED")


async def test_6_a_refused_request_is_refused_again(world: World) -> None:
    """The order was not paid; that it is now does not change what this request was told."""
    unpaid = order_input(captures=[])
    order = await world.service.mutate("orderUpsert", unpaid, ORDER, on="Order")
    operation = replace(await _request(world), input={"orderId": order["id"]})
    name = key()
    refused = await operation(name)
    assert (refused["__typename"], refused["code"]) == ("NotRefundable", "NOT_REFUNDABLE")
    paid = {**unpaid, "captures": order_input()["captures"]}
    await world.service.mutate("orderUpsert", paid, ORDER, on="Order")
    before = await rows(world)
    assert await operation(name) == refused
    assert await rows(world) == before
    assert (await operation(key()))["__typename"] == "Refund"


async def test_6_a_refused_step_is_refused_again(world: World) -> None:
    """The refund was not at finance; that it is now does not change what this step was told."""
    refund = await in_review(world)
    operation = replace(await _release(world), input={"refundId": refund["id"]})
    name = key()
    refused = await operation(name)
    assert (refused["__typename"], refused["code"]) == ("IllegalStep", "ILLEGAL_STEP")
    await to_finance(world, refund)
    before = await rows(world)
    assert await operation(name) == refused
    assert await rows(world) == before
    assert (await operation(key()))["__typename"] == "Refund"


async def test_7_a_corrected_request_may_keep_its_key(world: World, make: Make) -> None:
    """What was refused before the key was reserved has reserved nothing."""
    operation, name = await make(world), key()
    before = await rows(world)
    assert (await operation(name, **operation.invalid))["__typename"] == "InvalidInput"
    assert await rows(world) == before
    await world.reaches(await operation(name), "REFUNDED")


async def test_8_a_repetition_while_the_gateway_is_silent_sends_nothing(
    world: World, make: Make
) -> None:
    """The bank has paid and has not said so: asking us again must not pay again."""
    operation, name = await make(world, "TIMEOUT_AFTER,OK*"), key()
    first = await operation(name)

    async def ask_again() -> Answer | None:
        again = await operation(name)
        assert again["id"] == first["id"]
        return again if again["status"] == "REFUNDED" else None

    await eventually(ask_again, "the end of the payment")
    refund = await world.reaches(first, "REFUNDED")
    [payout] = refund["payouts"]
    assert [attempt["call"] for attempt in payout["attempts"]] == ["REFUND", "QUERY"]


async def test_9_a_key_is_known_for_ever(world: World, make: Make) -> None:
    operation, name = await make(world), key()
    first = await world.reaches(await operation(name), "REFUNDED")

    async def age(tx: database.Transaction) -> None:
        await tx.execute_query(
            "update idempotency_key set created_at = now() - interval '10 years'"
            " where shop_id = $1",
            [world.shop.id],
        )

    await database.transaction(age)
    await reconciliation.trim()
    before = await rows(world)
    assert (await operation(name))["id"] == first["id"]
    assert await rows(world) == before


async def test_10_somebody_elses_key_is_a_conflict(world: World, make: Make) -> None:
    """Whoever guesses a key neither pays again nor sees what it stands for."""
    operation, name = await make(world), key()
    await world.reaches(await operation(name), "REFUNDED")
    before = await rows(world)
    answer = await replace(operation, by=operation.colleague)(name)
    assert set(answer) == {"__typename", "code", "message", "path"}
    assert answer["__typename"] == "IdempotencyConflict"
    assert await rows(world) == before


async def test_10_the_same_key_in_another_shop_is_another_operation(
    world: World, make: Make, api: Api, settings: Any
) -> None:
    elsewhere, name = await make_world(api, settings, finance_threshold=0), key()
    first = await (await make(world))(name)
    second = await (await make(elsewhere))(name)
    assert first["id"] != second["id"]
    await world.reaches(first, "REFUNDED")
    await elsewhere.reaches(second, "REFUNDED")


async def test_11_the_same_key_for_another_mutation_is_a_conflict(world: World, make: Make) -> None:
    operation, name = replace(await make(world), by=world.owner), key()
    refund = await world.reaches(await operation(name), "REFUNDED")
    before = await rows(world)
    answer = await world.owner.mutate(
        "refundCancel", {"refundId": refund["id"], "idempotencyKey": name}
    )
    assert answer["__typename"] == "IdempotencyConflict"
    assert await rows(world) == before


async def test_12_two_such_mutations_in_one_document_are_refused(world: World, make: Make) -> None:
    """A caller could not tell which of them took effect."""
    operation = await make(world)
    before = await rows(world)
    kind = operation.name[0].upper() + operation.name[1:] + "Input"
    document = f"""mutation M($a: {kind}!, $b: {kind}!) {{
        a: {operation.name}(input: $a) {{ __typename }}
        b: {operation.name}(input: $b) {{ __typename }} }}"""
    [error] = await operation.by.errors(
        document,
        a={**operation.input, "idempotencyKey": key()},
        b={**operation.input, "idempotencyKey": key()},
    )
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX"}
    assert await rows(world) == before
