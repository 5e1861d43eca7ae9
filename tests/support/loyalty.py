"""A CRM system in memory that a shop has set up, its jobs done by hand, and rules that give."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from refund_gql import clock, ids, jobs
from refund_gql.app import Engine
from refund_gql.database import Transaction
from refund_gql.flow import issuing, restoring
from refund_gql.flow.errands import Crms
from refund_gql.models import CareRefund, Coupon, PluginSettings, Restitution, Shop
from refund_gql.providers import Crm
from refund_gql.testing.fakes import FakeCrm, FakeRegister
from support.providers import lend, line
from support.world import World, eventually

NAME = "sandbox-crm"
APPROVE = {"kind": "APPROVE"}
HOLD = {"kind": "HOLD", "parameters": {"why": {"en": "look"}}}


class Counter:
    """The CRM system behind its counter: what it holds, and when its jobs are done."""

    def __init__(self, crms: Crms) -> None:
        self.crms = crms
        self.register = FakeRegister()
        self.crm: Crm = FakeCrm(account=self.register)
        self.jobs: dict[str, tuple[str, UUID]] = {}
        """Key -> kind and subject of the jobs that wait to be done by hand."""

    async def work(self) -> int:
        """Do the jobs that wait, once each; returns how many there were."""
        waiting, self.jobs = self.jobs, {}
        for kind, subject in waiting.values():
            await self.serve(kind, subject)
        return len(waiting)

    async def serve(self, kind: str, subject: UUID) -> None:
        """Do one job, whether it waits or not."""
        if kind == "coupon":
            await issuing.serve(self.crms, subject)
        else:
            await restoring.restore(self.crms, subject)

    def open(self, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
        """Let every shop that has set it up find this one."""
        lend(monkeypatch, engine.providers, line(self.crm), name=NAME)


@asynccontextmanager
async def by_hand(monkeypatch: pytest.MonkeyPatch, counter: Counter) -> AsyncIterator[None]:
    """Keep the CRM system's jobs from the worker."""
    enqueue = jobs.enqueue

    async def catch(tx: Transaction, kind: str, subject: object, *, key: str, **more: Any) -> None:
        if kind in ("coupon", "restore"):
            counter.jobs[key] = (kind, UUID(str(subject)))
        else:
            await enqueue(tx, kind, subject, key=key, **more)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "enqueue", catch)
        yield


async def set_up(world: World) -> None:
    """The shop says that it has this CRM system."""
    await PluginSettings.create(
        shop_id=world.shop.id, provider=NAME, updated_at=clock.now(), updated_by="-"
    )


@asynccontextmanager
async def attended(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Counter]:
    """The shop's CRM system, whose jobs are done by hand."""
    made = Counter(Crms.of(engine.providers))
    made.open(monkeypatch, engine)
    await set_up(world)
    async with by_hand(monkeypatch, made):
        yield made


async def read_all_rules(world: World) -> None:
    """Every rule that matches acts, so that one can give what another has approved."""
    await Shop.filter(id=world.shop.id).update(rule_matching={"REQUESTED": "ALL"})


async def rule(world: World, *actions: dict[str, Any], condition: str = "true") -> None:
    """A live rule on requests."""
    document = """mutation M($input: RuleInput!) { rule: ruleCreate(input: $input, mode: LIVE) {
        __typename ... on Problem { message } } }"""
    content = {"name": {"en": "mine"}, "condition": condition, "actions": list(actions)}
    made = (await world.owner(document, input=content))["rule"]
    assert made["__typename"] == "Rule", made


async def paid_and_cared_for(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    """The refund once it is paid and what comes after it is under way."""
    refund = await world.reaches(refund, "REFUNDED")

    async def listed() -> bool | None:
        return await CareRefund.filter(refund_id=row_id(refund)).exists() or None

    await eventually(listed, "the care list")
    return refund


def gift(amount: int = 1000, **parameters: Any) -> dict[str, Any]:
    """The action ISSUE_COUPON."""
    return {"kind": "ISSUE_COUPON", "parameters": {"amount": amount, **parameters}}


def credit(amount: int = 500) -> dict[str, Any]:
    """The action COMPENSATE."""
    return {"kind": "COMPENSATE", "parameters": {"amount": amount}}


async def coupons(refund: dict[str, Any]) -> list[Coupon]:
    """The coupons of a refund, by purpose."""
    return await Coupon.filter(refund_id=row_id(refund)).order_by("purpose", "id")


async def restitutions(refund: dict[str, Any]) -> list[Restitution]:
    """What goes back for a refund, points last."""
    return await Restitution.filter(refund_id=row_id(refund)).order_by("kind", "id")


def row_id(refund: dict[str, Any]) -> UUID:
    """The id of a refund's row."""
    return ids.required("id", refund["id"], "Refund")
