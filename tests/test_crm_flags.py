"""The shop's CRM systems are told of flags as a set: late, twice or out of order, never wrongly."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from refund_gql_sandbox.crm import SandboxCrm
from refund_gql_sandbox.settings import CrmSettings
from support.api import Api
from support.crm import customer, customer_id, flag, global_id, set_up, settled, told, unflag
from support.world import World, eventually, make_world

from refund_gql import clock, database, jobs
from refund_gql.app import Engine
from refund_gql.choices import CrmFlagsStatus
from refund_gql.database import Transaction
from refund_gql.flow import crm_flags, reconciliation
from refund_gql.models import CrmFlags, CustomerFlag, CustomerRisk, PluginSettings
from refund_gql.providers import (
    CustomerKey,
    FlagChange,
    FlagResult,
    Retryable,
    RiskLevel,
    RiskSignal,
)
from refund_gql.settings import Settings
from refund_gql.testing.fakes.crm import FakeCrm, FakeRegister
from refund_gql.testing.faults import Fault, On


class Gated(FakeCrm):
    """Each call about flags waits until it is let through."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.asked: list[FlagChange] = []
        self.at_once = self.most_at_once = 0

    async def set_flags(self, changes: Sequence[FlagChange]) -> Sequence[FlagResult]:
        self.asked += changes
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        return await super().set_flags(changes)


class Down(FakeCrm):
    """Answers nothing until it is up."""

    up = False

    async def signals(self, customer: CustomerKey) -> Sequence[RiskSignal]:
        self._require_up()
        return await super().signals(customer)

    async def set_flags(self, changes: Sequence[FlagChange]) -> Sequence[FlagResult]:
        self._require_up()
        return await super().set_flags(changes)

    def _require_up(self) -> None:
        if not self.up:
            raise Retryable("closed")


class Babbling(FakeCrm):
    """Answers what no contract names."""

    says: Any = None

    async def set_flags(self, changes: Sequence[FlagChange]) -> Any:
        return self.says


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(crm_flags, "FIRST_WAIT", timedelta(milliseconds=20))
    monkeypatch.setattr(crm_flags, "LONGEST_WAIT", timedelta(milliseconds=50))


@pytest.fixture
async def crm(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> FakeCrm:
    """A CRM system that this shop has set up."""
    made = FakeCrm()
    await set_up(world, engine, monkeypatch, made)
    return made


@pytest.fixture
async def gated(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One that lets a test decide when."""
    made = Gated()
    await set_up(world, engine, monkeypatch, made)
    yield made
    made.gate.set()


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """The jobs that are enqueued from now on, without being enqueued: kind and subject."""
    seen: list[tuple[str, str]] = []

    async def note(tx: Transaction, kind: str, subject: object, **more: Any) -> None:
        seen.append((kind, str(subject)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "enqueue", note)
        yield seen


async def states(world: World) -> list[dict[str, Any]]:
    """What staff sees of what CRM systems were told."""
    fields = "crmFlags { provider status told tries failureCode nextTryAt }"
    found: list[dict[str, Any]] = (await customer(world.agent, await global_id(world), fields))[
        "crmFlags"
    ]
    return found


# --- told -----------------------------------------------------------------------------------------


async def test_the_crm_has_the_set_that_the_shop_has(world: World, crm: FakeCrm) -> None:
    who = await global_id(world)
    for code in ("swapper", "watch"):
        await flag(world.agent, who, code)
    await settled(await customer_id(world))
    assert crm.account.flags("C-1") == ["swapper", "watch"]
    await unflag(world.agent, who, "swapper")
    await settled(await customer_id(world))
    assert crm.account.flags("C-1") == ["watch"]
    assert await states(world) == [
        {
            "provider": "fake-crm",
            "status": "TOLD",
            "told": ["watch"],
            "tries": 0,
            "failureCode": None,
            "nextTryAt": None,
        }
    ]


async def test_what_the_crm_put_on_by_itself_stays(world: World, crm: FakeCrm) -> None:
    crm.account.flagged["C-1"] = {"theirs"}
    who = await global_id(world)
    await flag(world.agent, who, "watch")
    await unflag(world.agent, who, "watch")
    await settled(await customer_id(world))
    assert crm.account.flags("C-1") == ["theirs"]


async def test_what_the_crm_says_is_not_said_back_to_it(world: World, crm: FakeCrm) -> None:
    crm.account.known_signals["C-1"] = [RiskSignal(code="watch", level=RiskLevel.LOW)]
    await world.reaches(await world.refund(world.customer, await world.order()), "REFUNDED")
    who = await global_id(world)
    await flag(world.agent, who, "watch")
    await flag(world.agent, who, "swapper")
    await settled(await customer_id(world))
    assert crm.account.flags("C-1") == ["swapper"]


async def test_what_the_crm_repeats_after_the_shop_is_taken_back(
    world: World, crm: FakeCrm
) -> None:
    who = await global_id(world)
    await flag(world.agent, who, "watch")
    await settled(await customer_id(world))
    crm.account.known_signals["C-1"] = [RiskSignal(code="watch", level=RiskLevel.LOW)]
    await world.reaches(await world.refund(world.customer, await world.order()), "REFUNDED")
    await unflag(world.agent, who, "watch")
    await settled(await customer_id(world))
    assert crm.account.flags("C-1") == []


async def test_the_job_twice_tells_once(world: World, engine: Engine, crm: FakeCrm) -> None:
    await flag(world.agent, await global_id(world), "watch")
    row = await settled(await customer_id(world))
    calls = crm.account.actions()
    assert calls == 1
    await CustomerRisk.filter(id=row.id).update(flags_told=0)  # as if its end had been lost
    await asyncio.gather(*(crm_flags.tell(engine.risks, row.customer_id) for _ in range(3)))
    assert crm.account.actions() == calls
    assert (await CustomerRisk.get(id=row.id)).flags_told == row.flags_version


async def test_a_shop_without_a_crm_tells_nobody(world: World) -> None:
    await flag(world.agent, await global_id(world), "watch")
    await settled(await customer_id(world))
    assert await states(world) == []


async def test_only_the_crm_of_the_shop_is_told(
    world: World, api: Api, settings: Settings, crm: FakeCrm
) -> None:
    other = await make_world(api, settings)
    await flag(other.agent, await global_id(other), "watch")
    await settled(await customer_id(other))
    assert (crm.account.flags("C-1"), crm.account.requests()) == ([], 0)


# --- trouble --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(Fault))
async def test_trouble_passes_and_the_flags_arrive(
    world: World, crm: FakeCrm, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crm_flags, "LONGEST_REQUESTED", timedelta(milliseconds=20))
    crm.account.inject(fault, On.ACTIONS)
    who = await customer_id(world)
    await flag(world.agent, await global_id(world), "watch")
    await told(who, "fake-crm", tries__gte=2)
    crm.account.inject(None, On.ACTIONS)
    await settled(who)
    assert crm.account.flags("C-1") == ["watch"]
    assert (await CrmFlags.get(customer_id=who)).status is CrmFlagsStatus.TOLD


async def test_a_crm_that_is_down_stops_no_refund(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = Down()
    await set_up(world, engine, monkeypatch, crm)
    draft = {
        "name": {"en": "watch them"},
        "condition": "refund.amount == 8900",
        "actions": [
            {"kind": "APPROVE"},
            {"kind": "FLAG", "parameters": {"flag": "watch", "why": {"en": "first order"}}},
        ],
    }
    shop = "mutation { shopUpdate(input: {ruleMatching: [{trigger: REQUESTED, matching: ALL}]}) {\n"
    await world.owner(f"{shop} __typename }} }}")
    made = await world.owner(
        "mutation M($input: RuleInput!) { ruleCreate(input: $input, mode: LIVE) { __typename } }",
        input=draft,
    )
    assert made["ruleCreate"]["__typename"] == "Rule"
    refund = await world.refund(world.customer, await world.order())
    await world.reaches(refund, "REFUNDED")
    row = await told(await customer_id(world), "fake-crm", tries__gte=1)
    assert (row.status, row.told) == (CrmFlagsStatus.PENDING, [])
    crm.up = True
    await settled(await customer_id(world))
    assert crm.account.flags("C-1") == ["watch"]


async def test_a_refusal_is_seen_and_the_next_change_is_tried(world: World, crm: FakeCrm) -> None:
    crm.account.closed.add("C-1")
    who = await global_id(world)
    await flag(world.agent, who, "watch")
    await settled(await customer_id(world))
    [state] = await states(world)
    assert (state["status"], state["told"], state["failureCode"]) == ("REFUSED", [], "CLOSED")
    assert (state["nextTryAt"], crm.account.actions()) == (None, 1)
    crm.account.closed.clear()
    await flag(world.agent, who, "swapper")
    await settled(await customer_id(world))
    assert crm.account.flags("C-1") == ["swapper", "watch"]


@pytest.mark.parametrize(
    "says",
    [
        None,
        "yes",
        [],
        [object()],
        [None, None],
        [FlagResult(reference="C-1", applied="yes")],  # type: ignore[arg-type] # on purpose
        [FlagResult(reference="C-1", applied=False, code=7)],  # type: ignore[arg-type] # the same
    ],
)
async def test_nonsense_is_no_proof(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, says: Any
) -> None:
    crm = Babbling()
    crm.says = says
    await set_up(world, engine, monkeypatch, crm)
    who = await customer_id(world)
    await flag(world.agent, await global_id(world), "watch")
    row = await told(who, "fake-crm", tries__gte=2)
    assert (row.status, row.code) == (CrmFlagsStatus.PENDING, "NONSENSE")
    crm.says = [FlagResult(reference="C-1", applied=True)]
    await settled(who)


async def test_the_sandbox_is_told_after_it_was_busy(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(crm_flags, "LONGEST_REQUESTED", timedelta(milliseconds=20))
    crm = SandboxCrm(CrmSettings(ledger=tmp_path / "crm.sqlite"))
    await set_up(world, engine, monkeypatch, crm)
    busy = "C-9-SBX-RATE_LIMITED"
    await world.order(customerReference=busy)
    await flag(world.agent, await global_id(world, busy), "watch")
    row = await settled(await customer_id(world, busy))
    assert await crm.flags(busy) == {"watch"}
    assert (await CrmFlags.get(customer_id=row.customer_id)).calls == 2
    await crm.aclose()


# --- at once --------------------------------------------------------------------------------------


async def test_a_later_change_overtakes_an_earlier_one(world: World, gated: Gated) -> None:
    who = await global_id(world)
    await flag(world.agent, who, "watch")
    await eventually(lambda: _calls(gated, 1), "the first call is under way")
    await unflag(world.agent, who, "watch")
    await flag(world.agent, who, "swapper")
    gated.gate.set()
    await settled(await customer_id(world))
    assert gated.account.flags("C-1") == ["swapper"]
    last = gated.asked[-1]
    assert (sorted(last.add), sorted(last.remove)) == (["swapper"], ["watch"])


async def _calls(crm: Gated, count: int) -> bool | None:
    return True if len(crm.asked) >= count else None


async def test_one_call_at_a_time_is_made_about_a_customer(
    world: World, engine: Engine, gated: Gated
) -> None:
    who, row_id = await global_id(world), await customer_id(world)
    await flag(world.agent, who, "watch")
    await eventually(lambda: _calls(gated, 1), "the first call is under way")
    for code in ("a", "b", "c"):
        await flag(world.agent, who, code)
        await asyncio.gather(*(crm_flags.tell(engine.risks, row_id) for _ in range(3)))
    assert len(gated.asked) == 1
    gated.gate.set()
    await settled(row_id)
    assert gated.most_at_once == 1
    assert gated.account.flags("C-1") == ["a", "b", "c", "watch"]


async def test_a_call_that_was_cut_off_is_made_again(
    world: World, engine: Engine, crm: FakeCrm, enqueued: list[tuple[str, str]]
) -> None:
    who = await customer_id(world)
    await flag(world.agent, await global_id(world), "watch")
    cut_off = CustomerKey(reference="C-1")
    known = await CustomerRisk.get(customer_id=who)
    await database.transaction(lambda tx: crm_flags._begin(tx, known, "fake-crm", cut_off))
    await crm_flags.tell(engine.risks, who)
    assert crm.account.actions() == 0  # it may be under way still
    later = clock.now() + crm_flags.LEASE
    with clock.fixed(lambda: later):
        await crm_flags.tell(engine.risks, who)
    assert crm.account.flags("C-1") == ["watch"]
    assert (await CustomerRisk.get(customer_id=who)).flags_told == 1


# --- found again ----------------------------------------------------------------------------------


async def test_a_job_that_was_lost_is_found(
    world: World, crm: FakeCrm, enqueued: list[tuple[str, str]]
) -> None:
    who = await customer_id(world)
    await flag(world.agent, await global_id(world), "watch")
    enqueued.clear()  # it was enqueued, and is gone
    await reconciliation.reconcile(crm_flags.MISSING)
    assert ("flags", str(who)) in enqueued


async def test_a_crm_that_is_set_up_later_hears_of_the_flags(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await customer_id(world)
    await flag(world.agent, await global_id(world), "watch")
    await settled(who)
    crm = FakeCrm(account=FakeRegister())
    await set_up(world, engine, monkeypatch, crm)
    await crm_flags.announce(engine.risks)
    await settled(who)
    assert crm.account.flags("C-1") == ["watch"]
    version = (await CustomerRisk.get(customer_id=who)).flags_version
    await crm_flags.announce(engine.risks)
    assert (await CustomerRisk.get(customer_id=who)).flags_version == version


async def test_a_crm_that_is_switched_off_is_not_told(world: World, crm: FakeCrm) -> None:
    await PluginSettings.filter(shop_id=world.shop.id).update(enabled=False)
    await flag(world.agent, await global_id(world), "watch")
    await settled(await customer_id(world))
    assert crm.account.requests() == 0
    assert await CustomerFlag.filter(customer_id=await customer_id(world)).count() == 1


async def test_two_crms_settle_whoever_ends_last(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(Gated):
        name = "other-crm"

    quick, slow = FakeCrm(), Other()
    await set_up(world, engine, monkeypatch, quick, slow)
    who = await global_id(world)
    await flag(world.agent, who, "watch")
    await eventually(lambda: _calls(slow, 1), "the slow one is being told")
    await flag(world.agent, who, "swapper")
    await told(await customer_id(world), "fake-crm", version=2)
    slow.gate.set()
    await settled(await customer_id(world))
    assert quick.account.flags("C-1") == slow.account.flags("C-1") == ["swapper", "watch"]
