"""Whatever is asked, sent, scanned, received, found and claimed, in whatever order: nobody gets
more first than their tier allows, no cent goes twice, and nothing moves after the first payment.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import settings as campaign
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from support.api import Api, key
from support.campaign import CAMPAIGN
from support.trust import Answer, finding, row_id, sent_back, step, trusting
from support.world import World, make_world

from refund_gql import clock, ids
from refund_gql.flow import overdue, tracking
from refund_gql.models import Exposure, GoodsClaim
from refund_gql.providers import Checkpoint, Tracking, TrackingTag
from refund_gql.settings import Settings

LIMIT, PRICE = 100_000, 39_900
"""What gold may get first: two pairs of shoes and not three."""
INDEX = st.integers(0, 10**6)
Do = Callable[[Coroutine[Any, Any, Any]], Any]

LEDGER = """
select e.id, e.amount, e.allowed, e.released_at, e.release, f.amount as refunded,
       (select coalesce(sum(p.amount), 0) from payout p
         where p.refund_id = f.id and p.status not in ('REJECTED', 'REVERSED')) as paid,
       (select count(*) from payout p where p.refund_id = f.id) as payouts,
       (select coalesce(sum(c.amount), 0) from goods_claim c where c.refund_id = f.id) as claimed,
       (select count(*) from goods_claim c
         where c.refund_id = f.id and c.status = 'OPEN') as open_claims,
       (select status from goods_return g where g.refund_id = f.id) as goods
  from exposure e join refund f on f.id = e.refund_id where e.shop_id = $1
"""
CAPTURES = """
select c.amount, c.reserved, coalesce((select sum(p.amount) from payout p
    where p.capture_id = c.id and p.status not in ('REJECTED', 'REVERSED')), 0) as held
  from capture c where c.shop_id = $1
"""
STANDING = """
select coalesce((select sum(amount) from exposure where shop_id = $1 and released_at is null), 0)
     + coalesce((select sum(amount) from goods_claim where shop_id = $1 and status = 'OPEN'), 0)
"""


@dataclass
class Shop:
    """One shop, its gold customer, and what was asked for so far."""

    world: World
    sql: asyncpg.Connection
    refunds: list[Answer] = field(default_factory=list)
    paid: dict[UUID, int] = field(default_factory=dict)
    """Refund -> what its customer had when its money was first seen to be there."""


async def breaches(shop: Shop) -> list[str]:
    """Everything that does not add up, by raw SQL."""
    shop_id = shop.world.shop.id
    async with shop.sql.transaction(isolation="repeatable_read", readonly=True):
        ledger = await shop.sql.fetch(LEDGER, shop_id)
        captures = await shop.sql.fetch(CAPTURES, shop_id)
    wrong = [f"capture {row}" for row in captures if not row["held"] == row["reserved"] <= PRICE]
    wrong += [f"exposure {row}" for row in ledger if not _adds_up(row)]
    for row in ledger:
        if row["paid"] != shop.paid.setdefault(row["id"], row["paid"]):
            wrong.append(f"moved after the payment {row}")
    return wrong


def _adds_up(row: asyncpg.Record) -> bool:
    there = row["goods"] in ("RECEIVED", "INSPECTED")
    return bool(
        row["amount"] == row["refunded"] == row["paid"]
        and row["payouts"] == 1
        and row["claimed"] <= row["amount"]
        and row["open_claims"] <= 1
        and not (row["open_claims"] and row["released_at"] is None)
        and not (there and row["released_at"] is None)
    )


class Anything(RuleBasedStateMachine):
    """People, couriers and clocks, whether or not what they do makes sense."""

    do: Do
    open_shop: Callable[[], Awaitable[Shop]]
    shop: Shop

    @initialize()
    def open(self) -> None:
        self.shop = self.run(self.open_shop())
        self.ask(2)

    def run(self, work: Any) -> Any:
        return type(self).do(work)

    @rule(count=st.integers(1, 4))
    def ask(self, count: int) -> None:
        """So many requests at once; each is decided before the next step."""
        self.run(self._ask(count))

    async def _ask(self, count: int) -> None:
        before = await self.standing()
        world = self.shop.world
        asked = await asyncio.gather(*(sent_back(world) for _ in range(count)))
        ends = [await world.reaches(refund, "REFUNDED", "REVIEW") for refund in asked]
        paid = sum(end["status"] == "REFUNDED" for end in ends)
        # Neither beyond the limit, nor short of it: as many as there is room for.
        assert paid == min(count, max(LIMIT - before, 0) // PRICE)
        self.shop.refunds += ends

    async def standing(self) -> int:
        return int(await self.shop.sql.fetchval(STANDING, self.shop.world.shop.id))

    @rule(index=INDEX, released=st.booleans())
    def propose(self, index: int, released: bool) -> None:
        """Staff pay first; finance releases what is beyond the limit."""
        self.run(self._propose(self.refund(index), released))

    async def _propose(self, refund: Answer, released: bool) -> None:
        world, before = self.shop.world, await self.standing()
        after = await step(world.agent, "refundApproveFirst", refund)
        if after["__typename"] != "Refund":
            return
        # Above the shop's threshold finance looks, and the limit is no way around it.
        assert (after["status"], after["payouts"]) == ("FINANCE_REVIEW", [])
        assert await self.standing() == before
        verdict = "APPROVE" if released else "SEND_BACK"
        await step(world.finance, "refundApproveFinance", refund, verdict=verdict)
        await world.reaches(refund, "REFUNDED" if released else "REVIEW")

    @rule(index=INDEX, number=st.sampled_from(["A", "B", "C"]))
    def send(self, index: int, number: str) -> None:
        parcel = {"courier": "SF", "trackingNumber": number}
        self.run(step(self.shop.world.customer, "returnShip", self.refund(index), **parcel))

    @rule(number=st.sampled_from(["A", "B", "C"]), tag=st.sampled_from(TrackingTag))
    def scan(self, number: str, tag: TrackingTag) -> None:
        line = Checkpoint(at=clock.now(), tag=tag)
        news = Tracking(tracking_number=number, checkpoints=(line,))
        self.run(tracking.record(self.shop.world.shop.id, "sandbox-courier", news))

    @rule(index=INDEX)
    def receive(self, index: int) -> None:
        self.run(step(self.shop.world.warehouse, "returnReceive", self.refund(index)))

    @rule(
        index=INDEX,
        verdict=st.sampled_from(["ACCEPTED", "REDUCED", "REFUSED"]),
        received=st.integers(0, 1),
        amount=st.integers(0, PRICE),
    )
    def inspect(self, index: int, verdict: str, received: int, amount: int) -> None:
        refund, by = self.refund(index), self.shop.world.warehouse
        more = {"amount": amount} if verdict == "REDUCED" else {}
        lines = finding(refund, verdict, received, **more)
        self.run(step(by, "returnInspect", refund, lines=lines))

    @rule(index=INDEX, days=st.integers(1, 20))
    def wait(self, index: int, days: int) -> None:
        """Days go by for one exposure, and its alarm rings three times at once."""
        self.run(self._wait(self.refund(index), timedelta(days=days)))

    async def _wait(self, refund: Answer, span: timedelta) -> None:
        row = await Exposure.filter(refund_id=row_id(refund)).first()
        if row is None:
            return
        await Exposure.filter(id=row.id).update(
            opened_at=row.opened_at - span, due_at=row.due_at - span, final_at=row.final_at - span
        )
        await asyncio.gather(*(overdue.look(row.id) for _ in range(3)))

    @rule(index=INDEX, amount=st.integers(1, PRICE + 1))
    def claim(self, index: int, amount: int) -> None:
        self.run(step(self.shop.world.agent, "claimOpen", self.refund(index), amount=amount))

    @rule(index=INDEX, name=st.sampled_from(["claimSettle", "claimWriteOff"]))
    def close(self, index: int, name: str) -> None:
        self.run(self._close(index, name))

    async def _close(self, index: int, name: str) -> None:
        claims = await GoodsClaim.filter(shop_id=self.shop.world.shop.id).order_by("id")
        if not claims:
            return
        document = f"""mutation M($input: ClaimCloseInput!) {{
            {name}(input: $input) {{ __typename }} }}"""
        node = claims[index % len(claims)].id
        asked = {"claimId": ids.encode("Claim", node), "idempotencyKey": key()}
        await self.shop.world.owner(document, input=asked)

    def refund(self, index: int) -> Answer:
        return self.shop.refunds[index % len(self.shop.refunds)]

    @invariant()
    def the_ledger_adds_up(self) -> None:
        if hasattr(self, "shop"):
            assert self.run(breaches(self.shop)) == []

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.run(self.shop.sql.close())


@pytest.fixture
async def play(api: Api, settings: Settings, database_url: str) -> Any:
    """Plays the machine, whose steps run on the engine's own loop."""
    loop = asyncio.get_running_loop()

    async def open_shop() -> Shop:
        world = await make_world(api, settings)
        await trusting(world, gold=LIMIT)
        return Shop(world=world, sql=await asyncpg.connect(database_url))

    class Play(Anything):
        do = staticmethod(lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(120))

    Play.open_shop = staticmethod(open_shop)

    async def run(how: campaign) -> None:
        await asyncio.to_thread(run_state_machine_as_test, Play, settings=how)

    return run


async def test_whatever_happens_nobody_gets_more_first_than_allowed(
    play: Callable[[campaign], Awaitable[None]],
) -> None:
    await play(campaign(CAMPAIGN, max_examples=5, stateful_step_count=30))


@pytest.mark.soak
async def test_the_ledger_adds_up_for_hours(play: Callable[[campaign], Awaitable[None]]) -> None:
    await play(campaign(CAMPAIGN, max_examples=200, stateful_step_count=60))
