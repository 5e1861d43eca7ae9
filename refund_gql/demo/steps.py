"""What people and the worker do in the demo's scenes, through the same doors as in real life.

A scene plays in the past: each step runs with the clock held at its own time. The worker is not
there yet, so a step that is the worker's takes the job off the queue and does it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from refund_gql import database
from refund_gql.auth import Viewer
from refund_gql.choices import Verdict
from refund_gql.database import Transaction
from refund_gql.desk import scripts
from refund_gql.flow import assignment, finance, inspection, notes, returns, review, warehouse
from refund_gql.flow.finance import FinanceVerdict
from refund_gql.flow.findings import Finding
from refund_gql.flow.inspection import InspectReturn
from refund_gql.flow.once import Once
from refund_gql.flow.review import ApproveRefund
from refund_gql.flow.warehouse import WarehouseVerdict
from refund_gql.jobs import Handler
from refund_gql.models import Payout, RefundLine, Script
from refund_gql.roles import Role
from refund_gql.states import RefundKind

_TAKE_OFF = """
delete from pgqueuer where entrypoint = $1 and payload = convert_to($2, 'UTF8')
   and status = 'queued'
"""
_PUT_OFF = """
update pgqueuer set execute_after = now() + interval '1 year'
 where status = 'queued' and convert_from(payload, 'UTF8') in (
    select id::text from refund where id = $1
    union all select id::text from payout where refund_id = $1)
"""


@dataclass(frozen=True, kw_only=True)
class Act:
    """One scene on its way: a refund, and who deals with it."""

    scene: str
    refund_id: UUID
    kind: RefundKind
    customer: Viewer
    colleagues: Mapping[Role, Viewer]
    jobs: Mapping[str, Handler]

    def once(self, operation: str) -> Once:
        """The same step of the same scene is done once, however often the demo starts."""
        return Once(key=f"demo:{self.scene}:{operation}", operation=operation, input={})

    async def work(self, kind: str, subject: UUID) -> None:
        """Do a job that is queued, in the worker's place."""

        async def take_off(tx: Transaction) -> None:
            await tx.execute_query(_TAKE_OFF, [kind, str(subject)])

        await database.transaction(take_off)
        await self.jobs[kind](str(subject))


Play = Callable[[Act], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something that happens `after` the step before."""

    after: timedelta
    play: Play


# --- the worker -------------------------------------------------------------------------------


async def _classify(act: Act) -> None:
    await act.work("classify", act.refund_id)


async def _pay(act: Act) -> None:
    for payout in await Payout.filter(refund_id=act.refund_id).order_by("created_at", "id"):
        await act.work("pay", payout.id)


async def _wait(act: Act) -> None:
    """Put the refund's jobs off for a year: what takes the engine a moment stays to be seen."""

    async def put_off(tx: Transaction) -> None:
        await tx.execute_query(_PUT_OFF, [act.refund_id])

    await database.transaction(put_off)


# --- people -----------------------------------------------------------------------------------


async def _take(act: Act) -> None:
    await assignment.take(act.colleagues[Role.AGENT], act.refund_id, once=act.once("refundTake"))


async def _note(act: Act) -> None:
    await notes.write(
        act.colleagues[Role.AGENT],
        act.refund_id,
        "老顾客，已电话联系过一次，对方同意先补发照片再处理。 Called once; she will send a photo.",
        once=act.once("refundNote"),
    )


async def _ask(act: Act) -> None:
    agent, script = act.colleagues[Role.AGENT], await _script(act, "ask-before-arguing")
    await review.request_evidence(
        agent,
        act.refund_id,
        question=await scripts.render(agent, script.id, act.refund_id),
        script_id=script.id,
        once=act.once("refundRequestEvidence"),
    )


async def _script(act: Act, code: str) -> Script:
    return await Script.get(shop_id=act.customer.shop_id, code=code)


async def _answer(act: Act) -> None:
    await review.provide_evidence(
        act.customer,
        act.refund_id,
        answer="照片：https://shop.example/evidence/1042.jpg，没有预热。",
        once=act.once("refundProvideEvidence"),
    )


async def _approve(act: Act) -> None:
    asked = ApproveRefund(refund_id=act.refund_id, kind=act.kind, reason="符合退款政策")
    await review.approve(act.colleagues[Role.AGENT], asked, once=act.once("refundApprove"))


async def _reject(act: Act) -> None:
    agent, script = act.colleagues[Role.AGENT], await _script(act, "polite-refusal")
    await review.reject(
        agent,
        act.refund_id,
        reason=await scripts.render(agent, script.id, act.refund_id),
        script_id=script.id,
        once=act.once("refundReject"),
    )


async def _cancel(act: Act) -> None:
    await review.cancel(act.customer, act.refund_id, once=act.once("refundCancel"))


async def _confirm(act: Act) -> None:
    await warehouse.confirm(
        act.colleagues[Role.WAREHOUSE],
        act.refund_id,
        verdict=WarehouseVerdict.GOODS_GONE,
        note="快递已确认丢件",
        once=act.once("refundConfirmWarehouse"),
    )


async def _ship(act: Act) -> None:
    await returns.ship(
        act.customer,
        act.refund_id,
        courier="顺丰 SF",
        tracking_number=f"SF{act.refund_id.int % 10**12:012}",
        once=act.once("returnShip"),
    )


async def _receive(act: Act) -> None:
    await returns.receive(
        act.colleagues[Role.WAREHOUSE], act.refund_id, once=act.once("returnReceive")
    )


async def _accept(act: Act) -> None:
    await _inspect(act, Verdict.ACCEPTED, "验货通过，配件齐全")


async def _reduce(act: Act) -> None:
    await _inspect(act, Verdict.REDUCED, "鞋底有轻微磨损，退八成")


async def _inspect(act: Act, verdict: Verdict, note: str) -> None:
    lines = await RefundLine.filter(refund_id=act.refund_id).order_by("position")
    findings = tuple(
        Finding(
            refund_line_id=line.id,
            verdict=verdict,
            received_quantity=line.quantity,
            amount=line.amount * 4 // 5 if verdict is Verdict.REDUCED else None,
        )
        for line in lines
    )
    await inspection.inspect(
        act.colleagues[Role.WAREHOUSE],
        InspectReturn(refund_id=act.refund_id, findings=findings, note=note),
        once=act.once("returnInspect"),
    )


async def _release(act: Act) -> None:
    await finance.decide(
        act.colleagues[Role.FINANCE],
        act.refund_id,
        verdict=FinanceVerdict.APPROVE,
        note="金额核对无误",
        once=act.once("refundApproveFinance"),
    )


CLASSIFY = Step(after=timedelta(seconds=1), play=_classify)
PAY = Step(after=timedelta(seconds=3), play=_pay)
WAIT = Step(after=timedelta(0), play=_wait)
TAKE = Step(after=timedelta(minutes=4), play=_take)
NOTE = Step(after=timedelta(minutes=10), play=_note)
ASK = Step(after=timedelta(minutes=25), play=_ask)
ANSWER = Step(after=timedelta(hours=3), play=_answer)
APPROVE = Step(after=timedelta(minutes=50), play=_approve)
REJECT = Step(after=timedelta(hours=2), play=_reject)
CANCEL = Step(after=timedelta(minutes=40), play=_cancel)
CONFIRM = Step(after=timedelta(hours=5), play=_confirm)
SHIP = Step(after=timedelta(hours=20), play=_ship)
RECEIVE = Step(after=timedelta(hours=31), play=_receive)
ACCEPT = Step(after=timedelta(hours=2), play=_accept)
REDUCE = Step(after=timedelta(hours=3), play=_reduce)
RELEASE = Step(after=timedelta(hours=4), play=_release)
