"""The journey's table, and the journey itself: nobody waits for ever, no cent goes twice.

First the table on paper. Then a machine that does anything to real refunds in any order, with a
bank that fails in every way, and looks after each step whether the books still add up.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

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
from support.campaign import CAMPAIGN
from support.providers import line
from support.world import World, make_world

from refund_gql import clock
from refund_gql.app import Engine
from refund_gql.auth import Viewer
from refund_gql.catalogue import orders
from refund_gql.catalogue.fulfilment import ShipmentFacts, ShippedLine
from refund_gql.catalogue.orders import CaptureFacts, LineFacts, OrderFacts
from refund_gql.choices import OfferKind, PayoutStatus, Verdict
from refund_gql.errors import Refusal, Unavailable
from refund_gql.events import GENESIS, EventType, chain_hash
from refund_gql.flow import (
    chargebacks,
    classification,
    counteroffers,
    dispute,
    finance,
    inspection,
    negotiation,
    payout,
    request,
    returns,
    review,
    risk,
    warehouse,
)
from refund_gql.flow.conversation import Gateways
from refund_gql.flow.finance import FinanceVerdict
from refund_gql.flow.findings import Finding
from refund_gql.flow.inspection import InspectReturn
from refund_gql.flow.journal import Change
from refund_gql.flow.offer_drafts import OfferDraft, Proposal
from refund_gql.flow.once import Once
from refund_gql.flow.request import RequestedLine, RequestRefund
from refund_gql.flow.review import ApproveRefund
from refund_gql.flow.warehouse import WarehouseVerdict
from refund_gql.models import Customer, Offer, OrderLine, Payout, RefundLine, Staff
from refund_gql.money import Money
from refund_gql.providers import (
    DisputeNotice,
    DisputeState,
    GatewayCapabilities,
    GatewayNotice,
    Outcome,
    OutcomeState,
    PaymentGateway,
    ProviderSettings,
    RefundRequest,
)
from refund_gql.registry import Connection
from refund_gql.roles import STAFF, Role, Scope
from refund_gql.states import (
    FINAL,
    INITIAL,
    JOURNEY,
    TRANSITIONS,
    Journey,
    RefundKind,
    RefundStatus,
    Step,
    Transition,
)


def reachable(start: RefundStatus, rows: Iterable[Transition]) -> set[RefundStatus]:
    """Every state that some sequence of steps leads to from `start`."""
    found, rows = {start}, tuple(rows)
    while more := {row.target for row in rows if row.sources & found} - found:
        found |= more
    return found


def without(*steps: Step) -> list[Transition]:
    return [row for row in TRANSITIONS if row.step not in steps]


def changed(step: Step, **fields: object) -> list[Transition]:
    """The table with one row changed."""
    return [replace(row, **fields) if row.step is step else row for row in TRANSITIONS]  # type: ignore[arg-type] # fields of a row


# --- the table --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", RefundStatus)
def test_every_state_is_reached_from_the_request(status: RefundStatus) -> None:
    assert status in reachable(INITIAL, TRANSITIONS)


@pytest.mark.parametrize("status", sorted(set(RefundStatus) - FINAL))
def test_every_state_that_is_not_final_leads_to_a_final_one(status: RefundStatus) -> None:
    assert reachable(status, TRANSITIONS) & FINAL


def test_once_money_is_committed_the_only_end_is_that_it_is_paid() -> None:
    """No step leads from committed money to a refusal or a withdrawal."""
    for status in (
        RefundStatus.APPROVED,
        RefundStatus.PAYING,
        RefundStatus.PAYMENT_STUCK,
        RefundStatus.REFUNDED,
    ):
        assert reachable(status, TRANSITIONS) & FINAL == {RefundStatus.REFUNDED}


def test_what_is_refused_or_withdrawn_stays_so() -> None:
    """But for what the customer does not accept: another person looks at it once more."""
    assert JOURNEY.allowed(RefundStatus.REJECTED) == (Step.DISPUTE,)
    assert JOURNEY[Step.DISPUTE].target is RefundStatus.REVIEW
    assert JOURNEY.allowed(RefundStatus.CANCELLED) == ()


def test_a_payment_is_left_again_only_when_the_gateway_reverses_it() -> None:
    assert JOURNEY.allowed(RefundStatus.REFUNDED) == (Step.REVERSE_PAYMENT,)


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: row.step.value)
def test_every_step_is_somebodys(row: Transition) -> None:
    assert row.roles


def test_money_moves_by_the_engines_hand_alone() -> None:
    """No token has the role SYSTEM, so nobody can talk the engine into these."""
    for step in (
        Step.APPROVE_INSTANTLY,
        Step.APPROVE_FIRST_INSTANTLY,
        Step.SEND_TO_REVIEW,
        Step.ROUTE_TO_WAREHOUSE,
        Step.ROUTE_TO_FINANCE,
        Step.APPROVE_RETURN_INSTANTLY,
        Step.START_PAYMENT,
        Step.COMPLETE_PAYMENT,
        Step.HALT_PAYMENT,
        Step.REVERSE_PAYMENT,
        Step.EXPIRE,
    ):
        assert JOURNEY[step].roles == {Role.SYSTEM}


ANSWERS = {
    Step.ACCEPT_RETURN_OFFER,
    Step.ACCEPT_MONEY_OFFER,
    Step.ACCEPT_COUPON_OFFER,
    Step.DECLINE_OFFERS,
    Step.COUNTER_OFFERS,
}
"""What is made of offers."""


def test_a_customer_asks_changes_answers_sends_back_and_withdraws() -> None:
    steps = {row.step for row in TRANSITIONS if Role.CUSTOMER in row.roles}
    asked = {
        Step.SUBMIT,
        Step.AMEND,
        Step.PROVIDE_EVIDENCE,
        Step.SHIP_RETURN,
        Step.CANCEL,
        Step.DISPUTE,
    }
    assert steps == asked | ANSWERS


@pytest.mark.parametrize("step", sorted(ANSWERS))
def test_nobody_of_the_staff_answers_an_offer(step: Step) -> None:
    assert not JOURNEY[step].roles & STAFF


def test_an_analyst_changes_nothing() -> None:
    assert not [row.step for row in TRANSITIONS if Role.ANALYST in row.roles]


def test_who_reviews_does_not_release() -> None:
    """Agents, warehouse and finance share no decision; the owner may do each of them."""
    deciders = {role: set(JOURNEY[step].roles) & STAFF for step, role in _DECISIONS.items()}
    assert deciders == {role: {Role.OWNER, role} for role in _DECISIONS.values()}


_DECISIONS = {
    Step.APPROVE_RETURN: Role.AGENT,
    Step.PASS_INSPECTION: Role.WAREHOUSE,
    Step.APPROVE_FINANCE: Role.FINANCE,
}


def test_allowed_names_the_steps_of_one_role_in_table_order() -> None:
    assert JOURNEY.allowed(RefundStatus.AWAITING_RETURN, Role.CUSTOMER) == (
        Step.SHIP_RETURN,
        Step.CANCEL,
    )
    assert JOURNEY.allowed(RefundStatus.AWAITING_RETURN, Role.WAREHOUSE) == (Step.RECEIVE_RETURN,)
    assert JOURNEY.allowed(RefundStatus.AWAITING_RETURN, Role.ANALYST) == ()
    assert JOURNEY.allowed(RefundStatus.AWAITING_RETURN) == (
        Step.SHIP_RETURN,
        Step.RECEIVE_RETURN,
        Step.CANCEL,
        Step.EXPIRE,
    )


# --- the picture ------------------------------------------------------------------------------


def test_the_picture_shows_every_transition_and_nothing_else() -> None:
    lines = JOURNEY.mermaid().splitlines()
    arrows = [
        f"  {source} --> {row.target}" + (f": {row.note}" if row.note else "")
        for row in TRANSITIONS
        for source in RefundStatus
        if source in row.sources
    ]
    ends = [f"  {status} --> [*]" for status in RefundStatus if status in FINAL]
    assert lines == ["stateDiagram-v2", f"  [*] --> {INITIAL}", *arrows, *ends]


# --- a wrong table does not start -------------------------------------------------------------


def test_a_state_nobody_can_reach_is_refused() -> None:
    away = changed(Step.FIND_GOODS_WITH_CUSTOMER, sources=frozenset({RefundStatus.INSPECTION}))
    away = [
        replace(row, target=RefundStatus.REVIEW)
        if row.step in (Step.APPROVE_REFUND_ONLY, Step.ROUTE_TO_WAREHOUSE)
        else row
        for row in away
    ]
    with pytest.raises(ValueError, match=r"nobody can reach.*WAREHOUSE_CHECK"):
        Journey(away, INITIAL)


def test_a_dead_end_is_refused() -> None:
    stuck = changed(Step.RETRY_PAYMENT, sources=frozenset({RefundStatus.PAYING}))
    with pytest.raises(ValueError, match=r"without a way out.*PAYMENT_STUCK"):
        Journey(stuck, INITIAL)


def test_going_round_in_circles_is_no_way_out() -> None:
    """PAYMENT_STUCK leads to itself only: it has an arrow, and still nobody is ever paid."""
    circling = changed(Step.RETRY_PAYMENT, target=RefundStatus.PAYMENT_STUCK)
    with pytest.raises(ValueError, match=r"without a way out.*PAYMENT_STUCK"):
        Journey(circling, INITIAL)


def test_a_step_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly once"):
        Journey([*TRANSITIONS, JOURNEY[Step.CANCEL]], INITIAL)


def test_a_step_that_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly once"):
        Journey(without(Step.CANCEL), INITIAL)


# --- payouts ----------------------------------------------------------------------------------


def test_only_proof_that_the_money_is_not_with_the_customer_frees_it() -> None:
    free = {status for status in PayoutStatus if not status.counts_against_cap}
    assert free == {PayoutStatus.REJECTED, PayoutStatus.REVERSED}


def test_a_payout_is_in_doubt_between_the_call_and_its_proof() -> None:
    assert {status for status in PayoutStatus if status.in_doubt} == {
        PayoutStatus.SENDING,
        PayoutStatus.UNKNOWN,
    }


# --- the machine: a bank ----------------------------------------------------------------------

MOODS = (
    "OK",
    "OK",
    "REFUSE",
    "LATER",
    "SPENT",
    "TIMEOUT_BEFORE",
    "TIMEOUT_AFTER",
    "ERROR_AFTER",
    "PROCESSING",
    "MANUAL",
    "WRONG_ECHO",
    "NONSENSE",
)
_UNKNOWN = Outcome(state=OutcomeState.UNKNOWN, code="500")


@dataclass
class Entry:
    """A refund in the bank's books."""

    request: RefundRequest
    state: OutcomeState
    paid: int = 0
    """How often its money moved."""


class MoodyBank(PaymentGateway):
    """Tells the truth about its books, or nothing; pays what it is asked, and checks no cap."""

    name = "moody"

    def __init__(self) -> None:
        super().__init__(ProviderSettings())
        self.moods: list[str] = []
        self.books: dict[str, Entry] = {}
        self.spent: set[str] = set()
        self.news: list[GatewayNotice] = []
        """Every message it ever had reason to send; they come late, twice, in any order."""
        self.breaches: list[str] = []

    async def check(self) -> None:
        """Nothing to prove."""

    def capabilities(self) -> GatewayCapabilities:
        return GatewayCapabilities(settling_time=timedelta(0), recheck_after=timedelta(0))

    async def refund(self, request: RefundRequest) -> Outcome:
        mood = self.moods.pop() if self.moods else "OK"
        known = self.books.get(request.number)
        if known is not None and known.request != request:
            self.breaches.append(f"{request.number} was sent with other values")
        if request.number in self.spent or (mood == "SPENT" and known is None):
            self.spent.add(request.number)
            return Outcome(state=OutcomeState.REJECTED, code="SPENT", renumber=True)
        if mood == "REFUSE" and known is None:
            return Outcome(state=OutcomeState.REJECTED, code="REFUSE")
        if mood == "LATER":
            return Outcome(state=OutcomeState.REJECTED, code="LATER", retriable=True)
        if mood == "TIMEOUT_BEFORE":
            raise TimeoutError
        if known is None:
            self._accept(request, mood)
        return self._answer(request.number, mood)

    def _accept(self, request: RefundRequest, mood: str) -> None:
        states = {"PROCESSING": OutcomeState.PROCESSING, "MANUAL": OutcomeState.NEEDS_MANUAL}
        entry = Entry(request, states.get(mood, OutcomeState.PROCESSING))
        self.books[request.number] = entry
        if mood in states:
            self._tell(entry)
        else:
            self.pay(request.number)

    def _answer(self, number: str, mood: str) -> Outcome:
        if mood == "TIMEOUT_AFTER":
            raise TimeoutError
        if mood == "ERROR_AFTER":
            return _UNKNOWN
        if mood == "NONSENSE":
            return cast(Outcome, "200 OK")
        entry = self.books[number]
        # A bank repeats its first answer; that it took the money back, only `query` tells.
        reversed_ = entry.state is OutcomeState.REVERSED
        outcome = self._truth(entry, OutcomeState.SUCCEEDED if reversed_ else entry.state)
        wrong = mood == "WRONG_ECHO" and outcome.state is OutcomeState.SUCCEEDED
        return replace(outcome, amount=entry.request.amount + 1) if wrong else outcome

    async def query(self, request: RefundRequest) -> Outcome:
        if self.moods and self.moods[-1].startswith(("TIMEOUT", "ERROR")):
            self.moods.pop()
            raise TimeoutError
        if request.number not in self.books:
            return Outcome(state=OutcomeState.UNKNOWN, code="NOT_FOUND", absent=True)
        entry = self.books[request.number]
        return self._truth(entry, entry.state)

    def _truth(self, entry: Entry, state: OutcomeState) -> Outcome:
        return Outcome(
            state=state,
            code=state.value,
            renumber=state is OutcomeState.REJECTED,
            amount=entry.request.amount,
            currency=entry.request.currency,
        )

    def _tell(self, entry: Entry) -> None:
        notice = GatewayNotice(
            event_id=uuid4().hex,
            number=entry.request.number,
            outcome=self._truth(entry, entry.state),
        )
        self.news.append(notice)

    def waiting(self, *states: OutcomeState) -> list[str]:
        """The numbers in one of these states, oldest first."""
        return [number for number, entry in self.books.items() if entry.state in states]

    def pay(self, number: str) -> None:
        self._move(number, OutcomeState.SUCCEEDED).paid += 1

    def fail(self, number: str) -> None:
        self._move(number, OutcomeState.REJECTED)
        self.spent.add(number)

    def take_back(self, number: str) -> None:
        self._move(number, OutcomeState.REVERSED)

    def _move(self, number: str, state: OutcomeState) -> Entry:
        entry = self.books[number]
        entry.state = state
        self._tell(entry)
        return entry

    def with_customers(self) -> Counter[str]:
        """What each capture gave back and the bank did not take back."""
        found: Counter[str] = Counter()
        for entry in self.books.values():
            if entry.state is OutcomeState.SUCCEEDED:
                found[entry.request.capture_reference] += entry.request.amount * entry.paid
        return found


# --- the machine: a shop and its queue --------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """What a refund waits for."""

    key: str
    kind: str
    subject: UUID


@dataclass
class Shop:
    """One shop, its people, what it sold, and the jobs that its refunds wait for."""

    id: UUID
    sql: Any
    """A connection of the oracle's own."""
    bank: MoodyBank
    gateways: Gateways
    people: dict[Role, Viewer]
    sold: list[OrderFacts] = field(default_factory=list)
    order_ids: list[UUID] = field(default_factory=list)
    statuses: dict[UUID, str] = field(default_factory=dict)
    """Where every refund stood after the last step."""
    jobs: dict[str, Job] = field(default_factory=dict)
    requests: list[tuple[RequestRefund, Once]] = field(default_factory=list)

    async def run(self, job: Job) -> None:
        """Do a job; one that cannot be done now is done later."""
        try:
            await self._handle(job)
        except Unavailable:
            self.jobs[job.key] = job

    async def _handle(self, job: Job) -> None:
        if job.kind == "classify":
            await classification.classify(job.subject, risk.NOBODY)
        elif job.kind == "pay":
            await self.gateways.pay(job.subject)
        else:
            await self.gateways.recheck(job.subject)


async def open_shop(world: World, url: str) -> Shop:
    """A shop with everybody a refund meets; finance has two people, so that one may release."""
    people = {
        Role(row.role): Viewer(shop_id=world.shop.id, role=Role(row.role), id=row.id)
        for row in await Staff.filter(shop_id=world.shop.id)
    }
    customer = await Customer.get(shop_id=world.shop.id, reference="C-1")
    people[Role.CUSTOMER] = Viewer(shop_id=world.shop.id, role=Role.CUSTOMER, id=customer.id)
    people[Role.SERVICE] = Viewer(
        shop_id=world.shop.id, role=Role.SERVICE, id=uuid4(), scopes=frozenset(Scope)
    )
    bank = MoodyBank()
    moody = line(bank, seconds=10)

    async def connect(shop_id: UUID, name: str) -> Connection[PaymentGateway]:
        return moody

    gateways = Gateways(
        connect=connect,
        tries=4,
        backoff=timedelta(seconds=1),
        backoff_limit=timedelta(seconds=1),
    )
    sql = await asyncpg.connect(url)
    return Shop(id=world.shop.id, sql=sql, bank=bank, gateways=gateways, people=people)


# --- the machine: what must hold after every step ---------------------------------------------

CAPTURES = """
select c.reference, c.amount, c.reserved, c.disputed, c.dispute_excess,
       coalesce((select sum(p.amount) from payout p where p.capture_id = c.id
                  and p.status not in ('REJECTED', 'REVERSED')), 0) as held
  from capture c where c.shop_id = $1
"""
CLAIMS = """
select l.claimed_quantity, l.claimed_amount, l.quantity, l.amount,
       coalesce(sum(r.quantity) filter (where f.id is not null), 0) as units,
       coalesce(sum(r.worth) filter (where f.id is not null), 0) as worth
  from order_line l
  left join refund_line r on r.order_line_id = l.id
  left join refund f on f.id = r.refund_id and f.status not in ('REJECTED', 'CANCELLED')
 where l.shop_id = $1 group by l.id
"""
SHIPPING = """
select o.shipping_claimed,
       coalesce((select sum(shipping_amount) from refund f where f.order_id = o.id
                  and f.status not in ('REJECTED', 'CANCELLED')), 0) as shipping
  from "order" o where o.shop_id = $1
"""
REFUNDS = """
select f.id, f.number, f.status, f.version, f.head, f.amount, f.shipping_amount, f.stuck_reason,
       (select sum(amount) from refund_line where refund_id = f.id) as goods,
       coalesce((select sum(amount) from payout p where p.refund_id = f.id
                  and not superseded), 0) as payouts,
       coalesce((select array_agg(distinct p.status) from payout p where p.refund_id = f.id
                  and not superseded), '{}') as payout_statuses
  from refund f where f.shop_id = $1 order by f.id
"""
EVENTS = """
select refund_id, version, type, status, at, actor, payload, hash
  from event where shop_id = $1 order by refund_id, version
"""
COMMITTED = ("APPROVED", "PAYING", "PAYMENT_STUCK", "REFUNDED")
NOTES = (
    EventType.SPLIT,
    EventType.PAYOUT_SUCCEEDED,
    EventType.PAYMENT_STUCK,
    EventType.GOODS_AWAITED,
    EventType.RETURN_SHIPPED,
    EventType.RETURN_RECEIVED,
    EventType.INSPECTION_PASSED,
    EventType.INSPECTION_REFUSED,
    EventType.CLAIM_OPENED,
    EventType.GOODS_DISPOSED,
    EventType.CHARGEBACK_OPENED,
    EventType.CHARGEBACK_WON,
    EventType.CHARGEBACK_LOST,
    EventType.RETURN_APPROVED,
)
"""Events that may leave the status as it is."""


async def breaches(shop: Shop) -> list[str]:
    """Everything that does not add up, by raw SQL and the bank's own books."""
    async with shop.sql.transaction(isolation="repeatable_read", readonly=True):
        captures, claims, shipping, refunds, events = [
            await shop.sql.fetch(sql, shop.id)
            for sql in (CAPTURES, CLAIMS, SHIPPING, REFUNDS, EVENTS)
        ]
    shop.statuses = {row["id"]: row["status"] for row in refunds}
    history: dict[UUID, list[Any]] = {}
    for event in events:
        history.setdefault(event["refund_id"], []).append(event)
    return [
        *shop.bank.breaches,
        *(f"capture {row}" for row in captures if not _capture_adds_up(row, shop.bank)),
        *(
            f"claims {row}"
            for row in claims
            if (row["claimed_quantity"], row["claimed_amount"]) != (row["units"], row["worth"])
        ),
        *(f"shipping {row}" for row in shipping if row["shipping_claimed"] != row["shipping"]),
        *(f"refund {row}" for row in refunds if not _refund_adds_up(row)),
        *(f"history {row}" for row in refunds if not _folds(row, history[row["id"]])),
    ]


def _capture_adds_up(row: Any, bank: MoodyBank) -> bool:
    return bool(
        row["reserved"] == row["held"]
        and row["held"] + row["disputed"] <= row["amount"]
        and bank.with_customers()[row["reference"]] <= row["held"]
        and (row["dispute_excess"] == 0 or row["held"] + row["disputed"] == row["amount"])
    )


def _refund_adds_up(row: Any) -> bool:
    committed = row["status"] in COMMITTED
    settled = set(row["payout_statuses"]) <= {"SUCCEEDED"}
    return bool(
        row["amount"] == row["goods"] + row["shipping_amount"]
        and row["payouts"] == (row["amount"] if committed else 0)
        and (row["status"] != "REFUNDED" or settled)
        and (row["stuck_reason"] is not None) == (row["status"] == "PAYMENT_STUCK")
    )


def _folds(row: Any, events: list[Any]) -> bool:
    """Versions without a gap, each status reached by a row of the table, and a whole chain."""
    status, head = None, GENESIS
    for version, event in enumerate(events, 1):
        head = chain_hash(
            head,
            refund_id=str(row["id"]),
            version=version,
            type=EventType(event["type"]),
            at=event["at"],
            actor=event["actor"],
            payload=json.loads(event["payload"]),
        )
        legal = any(
            step.event == event["type"]
            and step.target == event["status"]
            and (status in step.sources if status else step.step is Step.SUBMIT)
            for step in TRANSITIONS
        )
        noted = event["type"] in NOTES and event["status"] == status
        if event["version"] != version or head != event["hash"] or not (legal or noted):
            return False
        status = event["status"]
    end: tuple[str, int, str] = (row["status"], row["version"], row["head"])
    return (status, len(events), head) == end


# --- the machine itself -----------------------------------------------------------------------

INDEX = st.integers(0, 10**6)
PEOPLES = {
    "REQUESTED",
    "REVIEW",
    "NEGOTIATING",
    "WAREHOUSE_CHECK",
    "AWAITING_RETURN",
    "RETURNING",
    "INSPECTION",
    "FINANCE_REVIEW",
    "PAYMENT_STUCK",
    "REFUNDED",
    "REJECTED",
}
"""Where people can do something."""
ROUNDS = 20
"""After so many looks at every job, without a fault, each refund is over or with a person."""
Take = Callable[[], Coroutine[Any, Any, Any]]
Do = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an inspection may find."""

    verdict: Verdict
    received: int
    amount: int


def choice_of(amount: int) -> Proposal:
    """A ladder with an offer of each sort."""
    return Proposal(
        drafts=(
            OfferDraft(kind=OfferKind.FULL_WITH_RETURN),
            OfferDraft(kind=OfferKind.KEEP_AND_COMPENSATE, amount=amount),
            OfferDraft(kind=OfferKind.PARTIAL, amount=1),
            OfferDraft(kind=OfferKind.EXCHANGE_COUPON, coupon_amount=1),
        )
    )


class Anything(RuleBasedStateMachine):
    """Does what people, programs, queues and banks can do, whether or not it makes sense."""

    do: Do
    """Runs a coroutine on the engine's loop; what it refuses is None."""
    make_world: Callable[[], Awaitable[World]]
    url: str
    shop: Shop
    opened: Callable[[Shop], None]

    @initialize(early=st.booleans())
    def open(self, early: bool) -> None:
        """Four orders, from nothing shipped to everything, each asked back; with `early`, the
        requests are decided before anything else happens."""

        async def opened() -> Shop:
            return await open_shop(await type(self).make_world(), type(self).url)

        self.shop = type(self).do(opened())
        type(self).opened(self.shop)
        for order in range(4):
            self.sell(2, 3000, 100, 500, 1 + order % 3)
        for order, position in ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1)):
            self.ship(order, position)
        for order in range(4):
            self.ask_for_everything(order, Role.CUSTOMER, RefundKind.RETURN_AND_REFUND)
        self.the_books_add_up()
        if not early:
            return
        self.work_in_peace()
        self.the_books_add_up()
        found = Found(verdict=Verdict.ACCEPTED, received=1, amount=0)
        waiting = [id_ for id_, status in self.shop.statuses.items() if status == "REVIEW"]
        for choice, refund_id in enumerate(waiting):
            self.run(self.steps(refund_id, found)["REVIEW"][choice % 2]())

    def by(self, role: Role) -> Viewer:
        return self.shop.people[role]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return type(self).do(work)

    @staticmethod
    def once(name: str) -> Once:
        return Once(key=uuid4().hex, operation=name, input={})

    # --- the shop ---

    @rule(
        units=st.integers(1, 4),
        price=st.integers(0, 9000),
        discount=st.integers(0, 99),
        shipping=st.sampled_from([0, 500]),
        parts=st.integers(1, 3),
    )
    def sell(self, units: int, price: int, discount: int, shipping: int, parts: int) -> None:
        lines = (
            LineFacts(sku="A", title="A", quantity=units, unit_price=price),
            LineFacts(sku="B", title="B", quantity=1, unit_price=1000),
        )
        total = units * price + 1000 - discount + shipping if price else 1000 + shipping
        shares = [total // parts + (total % parts if i == 0 else 0) for i in range(parts)]
        facts = OrderFacts(
            number=uuid4().hex,
            currency="CNY",
            placed_at=clock.now(),
            customer_reference="C-1",
            lines=lines,
            discount=discount if price else 0,
            shipping_amount=shipping,
            captures=tuple(
                CaptureFacts(gateway="moody", reference=uuid4().hex, amount=share)
                for share in shares
            ),
        )
        self.shop.sold.append(facts)
        self.shop.order_ids.append(self.run(orders.upsert(self.by(Role.SERVICE), facts)))

    def restate(self, index: int, **changes: Any) -> None:
        at = index % len(self.shop.sold)
        facts = replace(self.shop.sold[at], **changes)
        if self.run(orders.upsert(self.by(Role.SERVICE), facts)) is not None:
            self.shop.sold[at] = facts

    @rule(index=INDEX, position=st.integers(0, 1))
    def ship(self, index: int, position: int) -> None:
        facts = self.shop.sold[index % len(self.shop.sold)]
        parcel = ShipmentFacts(
            courier="SF",
            tracking_number=uuid4().hex,
            shipped_at=clock.now(),
            delivered_at=clock.now(),
            lines=(ShippedLine(position=position, quantity=1),),
        )
        self.restate(index, shipments=(*facts.shipments, parcel))

    @rule(index=INDEX, amount=st.sampled_from([0, 1, 500, 10**6]))
    def charge_back(self, index: int, amount: int) -> None:
        [first, *others] = self.shop.sold[index % len(self.shop.sold)].captures
        first = replace(first, disputed=min(amount, first.amount))
        self.restate(index, captures=(first, *others))

    @rule(
        index=INDEX,
        amount=st.sampled_from([1, 500, 10**6]),
        state=st.sampled_from(DisputeState),
        seconds=st.integers(0, 3),
        which=st.integers(0, 1),
    )
    def report_chargeback(
        self, index: int, amount: int, state: DisputeState, seconds: int, which: int
    ) -> None:
        """The gateway speaks of a chargeback: late, twice, or of one that is over."""
        [first, *_] = self.shop.sold[index % len(self.shop.sold)].captures
        notice = DisputeNotice(
            event_id=uuid4().hex,
            reference=f"{first.reference}-{which}",
            capture_reference=first.reference,
            amount=amount,
            currency="CNY",
            state=state,
            at=datetime(2026, 1, 1, second=seconds, tzinfo=UTC),
        )
        self.run(chargebacks.hear(self.shop.id, first.gateway, notice))

    # --- requests ---

    def ask(self, role: Role, asked: RequestRefund, once: Once) -> None:
        found = self.run(request.request(self.by(role), asked, once=once))
        if found is not None:
            self.shop.requests.append((asked, once))

    @rule(
        index=INDEX,
        role=st.sampled_from([Role.CUSTOMER, Role.SERVICE, Role.AGENT, Role.OWNER]),
        kind=st.sampled_from(RefundKind),
    )
    def ask_for_everything(self, index: int, role: Role, kind: RefundKind) -> None:
        order_id = self.shop.order_ids[index % len(self.shop.order_ids)]
        asked = RequestRefund(order_id=order_id, kind=kind, lines=None)
        self.ask(role, asked, self.once("request"))

    @rule(
        index=INDEX,
        position=st.integers(0, 1),
        units=st.integers(0, 3),
        less=st.none() | st.integers(0, 5000),
    )
    def ask_for_units(self, index: int, position: int, units: int, less: int | None) -> None:
        order_id = self.shop.order_ids[index % len(self.shop.order_ids)]

        async def line_id() -> UUID:
            line = await OrderLine.get(order_id=order_id, position=position)
            return line.id

        amount = None if less is None else Money(amount=less, currency="CNY")
        line = RequestedLine(order_line_id=self.run(line_id()), quantity=units, amount=amount)
        asked = RequestRefund(order_id=order_id, kind=RefundKind.REFUND_ONLY, lines=(line,))
        self.ask(Role.AGENT, asked, self.once("request"))

    @rule(index=INDEX)
    def ask_with_the_same_key_again(self, index: int) -> None:
        asked, once = self.shop.requests[index % len(self.shop.requests)]
        self.ask(Role.AGENT, asked, once)

    # --- people ---

    def refund(self, index: int) -> UUID:
        found = list(self.shop.statuses)
        return found[index % len(found)]

    @rule(
        index=INDEX,
        choices=st.lists(INDEX, min_size=3, max_size=8),
        verdict=st.sampled_from(Verdict),
        received=st.integers(0, 4),
        amount=st.integers(-1, 9000),
    )
    def go_on(
        self, index: int, choices: list[int], verdict: Verdict, received: int, amount: int
    ) -> None:
        """Steps that somebody may take where a refund stands, one after the other."""
        waiting = [id_ for id_, status in self.shop.statuses.items() if status in PEOPLES]
        if not waiting:
            return
        refund_id = waiting[index % len(waiting)]
        found = Found(verdict=verdict, received=received, amount=amount)
        for choice in choices:
            if steps := self.steps(refund_id, found).get(self.shop.statuses[refund_id]):
                self.run(steps[choice % len(steps)]())
                self.the_books_add_up()

    def steps(self, refund_id: UUID, found: Found) -> dict[str, list[Take]]:
        """Status -> what people may do then."""
        once = self.once("step")
        agent, store, cash = (self.by(r) for r in (Role.AGENT, Role.WAREHOUSE, Role.FINANCE))
        customer, shop = self.by(Role.CUSTOMER), self.by(Role.SERVICE)

        def approve(kind: RefundKind) -> Take:
            asked = ApproveRefund(refund_id=refund_id, kind=kind)
            return lambda: review.approve(agent, asked, once=once)

        def confirm(verdict: WarehouseVerdict) -> Take:
            return lambda: warehouse.confirm(store, refund_id, verdict=verdict, note="", once=once)

        def decide(by: Viewer, verdict: FinanceVerdict) -> Take:
            return lambda: finance.decide(by, refund_id, verdict=verdict, note="", once=once)

        def answer(kind: OfferKind) -> Take:
            return lambda: self.accept(refund_id, kind, once)

        cancel = partial(review.cancel, customer, refund_id, once=once)
        receive = partial(returns.receive, store, refund_id, once=once)
        astray: list[Take] = [
            partial(returns.report_lost, store, refund_id, reason="", once=once),
            partial(returns.reopen, agent, refund_id, reason="", once=once),
        ]
        return {
            "REQUESTED": [cancel],
            "REVIEW": [
                approve(RefundKind.REFUND_ONLY),
                approve(RefundKind.RETURN_AND_REFUND),
                lambda: review.approve_first(agent, refund_id, reason="", once=once),
                lambda: review.reject(agent, refund_id, reason="no", once=once),
                lambda: review.reject(self.by(Role.OWNER), refund_id, reason="no", once=once),
                lambda: review.request_evidence(agent, refund_id, question="?", once=once),
                lambda: review.provide_evidence(customer, refund_id, answer="!", once=once),
                lambda: negotiation.propose(agent, refund_id, choice_of(found.amount), once=once),
                lambda: counteroffers.accept_counter(agent, refund_id, reason="", once=once),
                cancel,
            ],
            "NEGOTIATING": [
                *(answer(kind) for kind in OfferKind),
                lambda: negotiation.decline(customer, refund_id, reason="", once=once),
                lambda: counteroffers.counter(
                    customer, refund_id, amount=max(found.amount, 1), note="", once=once
                ),
                lambda: negotiation.withdraw(agent, refund_id, reason="", once=once),
                cancel,
            ],
            "WAREHOUSE_CHECK": [
                confirm(WarehouseVerdict.GOODS_GONE),
                confirm(WarehouseVerdict.WITH_CUSTOMER),
            ],
            "AWAITING_RETURN": [
                lambda: returns.ship(shop, refund_id, courier="SF", tracking_number="1", once=once),
                receive,
                cancel,
            ],
            "RETURNING": [receive, *astray],
            "INSPECTION": [lambda: self.inspect(refund_id, found, once)],
            "FINANCE_REVIEW": [
                decide(cash, FinanceVerdict.APPROVE),
                decide(self.by(Role.OWNER), FinanceVerdict.APPROVE),
                decide(cash, FinanceVerdict.SEND_BACK),
            ],
            "REJECTED": [lambda: dispute.dispute(customer, refund_id, note="no", once=once)],
            "PAYMENT_STUCK": [lambda: self.retry_one(refund_id, once), receive],
            "REFUNDED": [
                lambda: returns.ship(shop, refund_id, courier="SF", tracking_number="1", once=once),
                receive,
                *astray,
                lambda: self.inspect(refund_id, found, once),
            ],
        }

    async def accept(self, refund_id: UUID, kind: OfferKind, once: Once) -> UUID | None:
        offers = Offer.filter(refund_id=refund_id, kind=kind).order_by("-id")
        if (offer := await offers.first()) is None:
            return None
        return await negotiation.accept(self.by(Role.CUSTOMER), offer.id, once=once)

    async def inspect(self, refund_id: UUID, found: Found, once: Once) -> UUID:
        came = found.received if found.verdict.arrived else 0
        findings = tuple(
            Finding(
                refund_line_id=line.id,
                verdict=found.verdict,
                received_quantity=min(came, line.quantity),
                arrived="Tea" if found.verdict is Verdict.WRONG_ITEM else "",
                amount=found.amount if found.verdict is Verdict.REDUCED else None,
            )
            for line in await RefundLine.filter(refund_id=refund_id)
        )
        asked = InspectReturn(refund_id=refund_id, findings=findings)
        return await inspection.inspect(self.by(Role.WAREHOUSE), asked, once=once)

    async def retry_one(self, refund_id: UUID, once: Once) -> UUID | None:
        stuck = Payout.filter(refund_id=refund_id, status__in=payout.STUCK, superseded=False)
        if (one := await stuck.order_by("id").first()) is None:
            return None
        return await payout.retry(self.by(Role.FINANCE), one.id, once=once)

    @rule(index=INDEX, what=st.integers(0, 7))
    def step_out_of_place(self, index: int, what: int) -> None:
        """Any step on any refund, wherever it stands; most are refused, and change nothing."""
        refund_id, agent = self.refund(index), self.by(Role.AGENT)
        store, finance_ = self.by(Role.WAREHOUSE), self.by(Role.FINANCE)
        asked = ApproveRefund(refund_id=refund_id, kind=RefundKind.REFUND_ONLY)
        once = self.once("out of place")
        gone, go = WarehouseVerdict.GOODS_GONE, FinanceVerdict.APPROVE
        steps: list[Take] = [
            lambda: review.approve(agent, asked, once=once),
            lambda: review.reject(agent, refund_id, reason="no", once=once),
            lambda: review.cancel(agent, refund_id, once=once),
            lambda: returns.receive(store, refund_id, once=once),
            lambda: warehouse.confirm(store, refund_id, verdict=gone, note="", once=once),
            lambda: finance.decide(finance_, refund_id, verdict=go, note="", once=once),
            lambda: review.request_evidence(agent, refund_id, question="?", once=once),
            lambda: review.approve_first(agent, refund_id, reason="", once=once),
        ]
        self.run(steps[what]())

    # --- the queue and the bank ---

    @rule(index=INDEX, mood=st.sampled_from(MOODS), forget=st.booleans())
    def work(self, index: int, mood: str, forget: bool) -> None:
        """Run a job; now and then the queue forgets that it ran, and it runs again later."""
        if not self.shop.jobs:
            return
        key = list(self.shop.jobs)[index % len(self.shop.jobs)]
        job = self.shop.jobs[key] if forget else self.shop.jobs.pop(key)
        self.shop.bank.moods = [mood]
        self.run(self.shop.run(job))

    @rule()
    def work_in_peace(self) -> None:
        """The bank is well, and the queue has time for everything it holds."""
        for _ in range(len(self.shop.jobs)):
            self.work(0, "OK", False)

    @rule(moods=st.lists(st.sampled_from(MOODS[2:]), min_size=3, max_size=8))
    def work_in_trouble(self, moods: list[str]) -> None:
        """One job after the other, and the bank has a bad day."""
        for mood in moods:
            self.work(0, mood, False)
            self.the_books_add_up()

    @rule(index=INDEX, other=INDEX, mood=st.sampled_from(MOODS))
    def work_at_once(self, index: int, other: int, mood: str) -> None:
        """Two workers at the same moment, perhaps with the very same job."""
        if not (keys := list(self.shop.jobs)):
            return
        jobs = [self.shop.jobs[keys[i % len(keys)]] for i in (index, other)]
        self.shop.bank.moods = [mood]

        async def both() -> None:
            await asyncio.gather(*(self.shop.run(job) for job in jobs))

        self.run(both())

    @rule(index=INDEX)
    def hear(self, index: int) -> None:
        if news := self.shop.bank.news:
            self.run(self.shop.gateways.notice(self.shop.id, "moody", news[index % len(news)]))

    @rule(index=INDEX, well=st.booleans())
    def finish_at_the_bank(self, index: int, well: bool) -> None:
        bank = self.shop.bank
        if waiting := bank.waiting(OutcomeState.PROCESSING, OutcomeState.NEEDS_MANUAL):
            (bank.pay if well else bank.fail)(waiting[index % len(waiting)])

    @rule(index=INDEX)
    def reverse_at_the_bank(self, index: int) -> None:
        if paid := self.shop.bank.waiting(OutcomeState.SUCCEEDED):
            self.shop.bank.take_back(paid[index % len(paid)])

    # --- what must hold ---

    @invariant()
    def the_books_add_up(self) -> None:
        assert self.run(breaches(self.shop)) == []

    def teardown(self) -> None:
        """Once the faults stop, nothing is left that only time could end."""
        if not hasattr(self, "shop"):
            return
        for number in self.shop.bank.waiting(OutcomeState.PROCESSING, OutcomeState.NEEDS_MANUAL):
            self.shop.bank.pay(number)
        for _ in range(ROUNDS):
            self.work_in_peace()
        self.the_books_add_up()
        assert self.shop.jobs == {}
        assert not set(self.shop.statuses.values()) & {"REQUESTED", "APPROVED", "PAYING"}
        self.run(self.shop.sql.close())


@pytest.fixture
async def play(
    engine: Engine, make_a_world: Callable[[], Awaitable[World]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[campaign], Awaitable[None]]:
    """Play the machine. Its shops' jobs lie in a list of their own, so that the machine alone
    decides when which of them runs; what is told to others, and everybody else's jobs, go into
    the queue as always."""
    loop = asyncio.get_running_loop()
    shops: dict[UUID, Shop] = {}
    enqueue = Change.enqueue

    async def into_the_list(
        self: Change, kind: str, subject: UUID, *, key: str, run_at: Any = None
    ) -> None:
        shop = shops.get(self.refund.shop_id)
        if shop and kind in ("classify", "pay", "recheck"):
            shop.jobs.setdefault(key, Job(key, kind, subject))
        else:
            await enqueue(self, kind, subject, key=key, run_at=run_at)

    monkeypatch.setattr(Change, "enqueue", into_the_list)

    async def unless_refused(work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except Refusal:
            return None

    class Play(Anything):
        do = staticmethod(
            lambda work: asyncio.run_coroutine_threadsafe(unless_refused(work), loop).result(60)
        )
        make_world = staticmethod(make_a_world)
        url = engine.database_url
        opened = staticmethod(lambda shop: shops.update({shop.id: shop}))

    async def run(how: campaign) -> None:
        await asyncio.to_thread(run_state_machine_as_test, Play, settings=how)

    return run


@pytest.fixture
def make_a_world(api: Any, settings: Any) -> Callable[[], Awaitable[World]]:
    return lambda: make_world(api, settings)


async def test_whatever_happens_in_whatever_order_the_books_add_up(
    play: Callable[[campaign], Awaitable[None]],
) -> None:
    await play(campaign(CAMPAIGN, max_examples=10, stateful_step_count=60))


@pytest.mark.soak
async def test_the_books_add_up_for_hours(
    play: Callable[[campaign], Awaitable[None]],
) -> None:
    await play(campaign(CAMPAIGN, max_examples=300, stateful_step_count=100))
