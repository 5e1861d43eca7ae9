"""What the shop itself sees: signals from figures, figures from history, and where they lead."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.api import key
from support.crm import RISK, customer, customer_id, flag, global_id, set_up
from support.world import World, shipped

from refund_gql import clock, database
from refund_gql.app import Engine
from refund_gql.choices import RiskSource
from refund_gql.database import Transaction
from refund_gql.flow import assessment, flags, own_signals, risk, standing
from refund_gql.flow.own_signals import Baseline, History, Period
from refund_gql.flow.signals import Risk, Signal, loaded, stored
from refund_gql.flow.standing import RiskChange
from refund_gql.models import (
    Customer,
    CustomerRisk,
    Order,
    ReasonTag,
    Refund,
    RiskBaseline,
    RuleEvaluation,
)
from refund_gql.money import Money
from refund_gql.providers import RiskLevel, RiskSignal
from refund_gql.testing.fakes.crm import FakeCrm

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
USUAL = Baseline(customers=100, high_rate=0.3, high_amount=50_000)


def period(count: int, *, last: timedelta = DAY) -> Period:
    return Period(count=count, first=NOW - 60 * DAY, last=NOW - last)


def cny(amount: int) -> Money:
    return Money(amount=amount, currency="CNY")


def said(history: History, usual: Baseline | None = USUAL) -> list[tuple[str, RiskLevel]]:
    return [(s.code, s.level) for s in own_signals.signals(history, usual, NOW)]


# --- from figures to signals ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("orders", "refunded", "level"),
    [
        (10, 3, None),  # at the limit, not above it
        (10, 4, RiskLevel.MEDIUM),
        (10, 5, RiskLevel.MEDIUM),
        (10, 6, RiskLevel.HIGH),
        (4, 4, None),  # too few orders to say anything
        (5, 2, None),  # too few refunds
        (5, 4, RiskLevel.MEDIUM),  # too few for more
    ],
)
def test_a_refund_rate_is_held_against_the_shops(
    orders: int, refunded: int, level: RiskLevel | None
) -> None:
    history = History(orders=orders, refunded_orders=refunded, refunds=period(refunded))
    assert said(history) == ([("refund-rate", level)] if level else [])


def test_a_rate_is_compared_only_where_there_is_something_to_compare_with() -> None:
    history = History(orders=10, refunded_orders=9, refunds=period(9))
    assert said(history, None) == []
    assert said(history, replace(USUAL, customers=own_signals.MIN_CUSTOMERS - 1)) == []
    generous = replace(USUAL, high_rate=0.0)
    rare = History(orders=20, refunded_orders=4, refunds=period(4))
    assert said(rare, generous) == []  # 20 % is not high, though nobody else has any


def test_much_money_is_a_signal_and_no_more() -> None:
    history = History(orders=3, refunded_orders=3, refunds=period(3), refunded=cny(50_001))
    assert said(history) == [("refunded-amount", RiskLevel.MEDIUM)]
    assert said(replace(history, refunded=cny(50_000))) == []
    assert said(replace(history, refunds=period(2))) == []


def test_a_reason_that_repeats_and_bad_returns() -> None:
    repeated = History(reason={"zh": "质量问题", "en": "Faulty"}, reasons=period(3))
    [signal] = own_signals.signals(repeated, None, NOW)
    assert signal.text == {
        "zh": "近 90 天内 3 次以“质量问题”为由申请退款",
        "en": "3 refunds for the reason “Faulty” in the last 90 days",
    }
    assert said(replace(repeated, reasons=period(2))) == []
    assert said(History(findings=period(1))) == [("bad-returns", RiskLevel.MEDIUM)]
    assert said(History(findings=period(3))) == [("bad-returns", RiskLevel.HIGH)]


def test_the_figures_stand_in_the_text() -> None:
    history = History(orders=10, refunded_orders=7, refunds=period(7))
    [signal] = own_signals.signals(history, USUAL, NOW)
    assert signal.text == {
        "zh": "近一年 10 个订单中有 7 个退款（70%），本店 95% 的顾客不超过 30%",
        "en": "7 of 10 orders of the last year were refunded (70%); "
        "95% of this shop's customers stay at or below 30%",
    }
    assert (signal.since, signal.expires_at) == (NOW - 60 * DAY, NOW - DAY + own_signals.DECAY)


def test_a_signal_ends_without_new_evidence() -> None:
    assert said(History(findings=period(3, last=own_signals.DECAY))) == []
    assert said(History(findings=period(3, last=own_signals.DECAY - DAY))) != []


def test_what_is_kept_is_what_was_said() -> None:
    history = History(orders=10, refunded_orders=7, refunds=period(7), findings=period(1))
    found = own_signals.signals(history, USUAL, NOW)
    assert loaded(stored(found)) == found


def test_the_highest_that_holds_is_the_level() -> None:
    def signal(level: RiskLevel, ends: datetime | None) -> Signal:
        return Signal(source=RiskSource.HISTORY, code="x", level=level, text={}, expires_at=ends)

    past, coming = clock.now() - DAY, clock.now() + DAY
    ended = signal(RiskLevel.HIGH, past)
    assert Risk(signals=(ended,)).level is None
    assert Risk(known=True, signals=(ended,)).level is RiskLevel.LOW
    holding = (ended, signal(RiskLevel.MEDIUM, coming), signal(RiskLevel.LOW, None))
    assert Risk(signals=holding).level is RiskLevel.MEDIUM


# --- from history to figures ----------------------------------------------------------------------


async def bought(world: World, who: Customer, count: int) -> list[Order]:
    """Orders of a customer, in rows: nobody asks for their money."""
    now = clock.now()
    orders = [
        Order(
            shop_id=world.shop.id,
            customer_id=who.id,
            number=key(),
            currency="CNY",
            goods_amount=1000,
            total=1000,
            placed_at=now - 30 * DAY,
            created_at=now,
            updated_at=now,
        )
        for _ in range(count)
    ]
    await Order.bulk_create(orders)
    return orders


async def refunded(order: Order, **more: Any) -> None:
    """A refund of an order as it is in rows when it is over."""
    at = clock.now() - 20 * DAY
    await Refund.create(
        **{
            "shop_id": order.shop_id,
            "order_id": order.id,
            "customer_id": order.customer_id,
            "number": key(),
            "kind": "REFUND_ONLY",
            "status": "REFUNDED",
            "currency": "CNY",
            "goods_amount": 1000,
            "amount": 1000,
            "requested_by": "CUSTOMER:-",
            "requested_at": at,
            "finished_at": at,
            "updated_at": at,
            "head": "",
            **more,
        }
    )


async def neighbours(world: World, count: int = 24) -> None:
    """Customers with five orders each, of whom every third has had one refunded."""
    for number in range(count):
        who = await Customer.create(
            shop_id=world.shop.id, reference=f"N-{number}", created_at=clock.now()
        )
        first, *_ = await bought(world, who, 5)
        if number % 3 == 0:
            await refunded(first)


async def me(world: World) -> Customer:
    return await Customer.get(shop_id=world.shop.id, reference="C-1")


async def test_what_is_usual_is_learnt_from_the_shop(world: World) -> None:
    await neighbours(world)
    await assessment.assess_all()
    usual = await RiskBaseline.get(shop_id=world.shop.id)
    assert (usual.customers, usual.high_amount) == (24, 1000)
    assert usual.high_rate == pytest.approx(0.2)
    assert not await CustomerRisk.filter(shop_id=world.shop.id).exists()


async def test_history_alone_sends_a_refund_to_a_person(world: World) -> None:
    await neighbours(world)
    for order in await bought(world, await me(world), 6):
        await refunded(order)
    await assessment.assess_all()
    shown = (await customer(world.agent, await global_id(world), RISK))["risk"]
    assert (shown["level"], shown["known"]) == ("HIGH", False)
    assert [(r["code"], r["source"], r["level"]) for r in shown["reasons"]] == [
        ("refund-rate", "HISTORY", "HIGH"),
        ("refunded-amount", "HISTORY", "MEDIUM"),
    ]
    assert shown["reasons"][0]["text"].startswith("6 of 6 orders of the last year were refunded")
    refund = await world.reaches(await world.refund(world.customer, await world.order()), "REVIEW")
    assert refund["payouts"] == []
    seen = (await RuleEvaluation.get(refund__number=refund["number"])).facts
    assert (seen["customer.risk_level"], seen["customer.flags"]) == ("HIGH", [])


async def test_what_was_the_shops_fault_or_refused_is_no_evidence(world: World) -> None:
    await neighbours(world)
    fault = await ReasonTag.filter(shop_id=world.shop.id, seller_at_fault=True).first()
    assert fault is not None
    orders = await bought(world, await me(world), 6)
    for order in orders[:3]:
        await refunded(order, found_reason_id=fault.id)
    for order in orders[3:]:
        await refunded(order, status="REJECTED")
    await assessment.assess_all()
    assert not await CustomerRisk.filter(customer_id=await customer_id(world)).exists()


async def test_new_evidence_is_found_by_the_next_look(world: World) -> None:
    await assessment.assess()
    assert not await CustomerRisk.filter(customer_id=await customer_id(world)).exists()
    await bad_return(world)
    await assessment.assess()
    row = await CustomerRisk.get(customer_id=await customer_id(world))
    assert [(s["code"], s["level"]) for s in row.own_signals] == [("bad-returns", "MEDIUM")]
    assert row.level == "MEDIUM"
    await assessment.assess()
    assert (await CustomerRisk.get(id=row.id)).assessed_at == row.assessed_at


async def bad_return(world: World) -> None:
    """Goods that come back worn, through every door they pass."""
    order = await world.order(shipments=shipped())
    asked = await world.refund(world.customer, order, kind="RETURN_AND_REFUND")
    refund = await world.reaches(asked, "REVIEW")

    async def step(by: Any, name: str, **input: Any) -> None:
        nonlocal refund
        content = {"refundId": refund["id"], "idempotencyKey": key(), **input}
        refund = await by.mutate(name, content)
        assert refund["__typename"] == "Refund", refund

    await step(world.agent, "refundApprove", kind="RETURN_AND_REFUND")
    await step(world.customer, "returnShip", courier="SF", trackingNumber=key())
    await step(world.warehouse, "returnReceive")
    line = {"refundLineId": refund["lines"][0]["id"], "receivedQuantity": 1}
    await step(
        world.warehouse, "returnInspect", lines=[{**line, "verdict": "REDUCED", "amount": 5000}]
    )


# --- together with a CRM system, and the moment of change ---------------------------------------


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> list[RiskChange]:
    """What is noticed from now on."""
    seen: list[RiskChange] = []

    async def note(tx: Transaction, change: RiskChange) -> None:
        seen.append(change)

    monkeypatch.setattr(standing, "_noticed", note)
    return seen


async def test_the_crm_and_the_history_come_together(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, news: list[RiskChange]
) -> None:
    crm = FakeCrm()
    crm.account.known_signals["C-1"] = [RiskSignal(code="new", level=RiskLevel.LOW, text="新客")]
    await set_up(world, engine, monkeypatch, crm)
    await bad_return(world)
    await assessment.assess()
    asked = crm.account.requests()
    shown = (await customer(world.finance, await global_id(world), RISK))["risk"]
    assert (shown["level"], shown["known"], shown["askedAt"] is not None) == ("MEDIUM", True, True)
    assert [(r["code"], r["source"], r["provider"]) for r in shown["reasons"]] == [
        ("bad-returns", "HISTORY", None),
        ("new", "CRM", "fake-crm"),
    ]
    assert shown["reasons"][1]["text"] == "新客"
    assert crm.account.requests() == asked
    who = await customer_id(world)
    mine = [change for change in news if change.customer_id == who]
    assert [(c.before.flags, c.after.flags, c.after.level) for c in mine] == [
        ((), ("new",), RiskLevel.LOW),
        (("new",), ("new",), RiskLevel.MEDIUM),
    ]


async def test_a_change_names_the_refunds_that_are_open(
    world: World, news: list[RiskChange]
) -> None:
    over = await world.refund(world.customer, await world.order())
    await world.reaches(over, "REFUNDED")
    asked = await world.refund(world.customer, await world.order(shipments=shipped()))
    opened = await world.reaches(asked, "REVIEW")
    await bad_return(world)
    await assessment.assess()
    who = await customer_id(world)
    [change] = [one for one in news if one.customer_id == who]
    mine = await Refund.filter(
        customer_id=change.customer_id, status__in=["REVIEW", "FINANCE_REVIEW"]
    )
    numbers = {row.number for row in mine if row.id in change.refunds}
    assert opened["number"] in numbers
    assert over["number"] not in numbers


async def test_a_signal_that_ends_is_noticed(world: World, news: list[RiskChange]) -> None:
    await bad_return(world)
    await assessment.assess()
    later = clock.now() + own_signals.DECAY + DAY
    with clock.fixed(lambda: later):
        await flags.decay()
    who = await customer_id(world)
    mine = [change for change in news if change.customer_id == who]
    assert [(change.version, change.after.level) for change in mine] == [
        (1, RiskLevel.MEDIUM),
        (2, None),
    ]
    assert (await CustomerRisk.get(customer_id=who)).changes_at is None


async def test_a_refund_waits_for_one_statement(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await customer_id(world)
    await flag(world.agent, await global_id(world), "watch")
    statements = []

    class OneStatement:
        """A database that can do nothing else."""

        async def fetch(self, sql: str, *arguments: object) -> Any:
            statements.append(sql)
            return await database.fetch(sql, *arguments)

    monkeypatch.setattr(risk, "database", OneStatement())
    found = await engine.risks.of(world.shop.id, who)
    assert (len(statements), found.level, found.flags) == (1, RiskLevel.MEDIUM, ("watch",))
