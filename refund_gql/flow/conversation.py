"""Step 9, talking to the gateway: one conversation is store the attempt, call, record.

No transaction is open during the call. The first conversation sends; after one that was cut
off, the next asks what became of it. A number is only ever sent again with equal bytes, and
only when the gateway proved that it does not know it. While the gateway cannot be reached for
this shop, the payout is parked.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from refund_gql import clock
from refund_gql.auth import system
from refund_gql.choices import PayoutStatus
from refund_gql.errors import Unavailable
from refund_gql.flow import calling, chargebacks, journal, parking, settlement
from refund_gql.flow.calling import Answer
from refund_gql.flow.journal import Change
from refund_gql.flow.settlement import Terms
from refund_gql.models import Capture, Payout, PayoutAttempt, new_id
from refund_gql.providers import (
    GatewayCapabilities,
    GatewayNotice,
    Outcome,
    OutcomeState,
    PaymentGateway,
    RefundRequest,
)
from refund_gql.registry import Connection, ProviderUnreachable, routing
from refund_gql.states import RefundStatus, Step

Connect = Callable[[UUID, str], Awaitable[Connection[PaymentGateway]]]
"""From a shop and a gateway's name to its connection. Raises ProviderUnreachable."""

_ACTIVE = (
    PayoutStatus.READY,
    PayoutStatus.SENDING,
    PayoutStatus.UNKNOWN,
    PayoutStatus.PROCESSING,
)
_WAIT_FOR_NEIGHBOUR = timedelta(milliseconds=500)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """One call that is about to be made; its attempt is stored."""

    payout_id: UUID
    attempt: int
    send: bool
    request: RefundRequest


@dataclass(frozen=True, kw_only=True)
class Gateways:
    """Talks to the payment gateways of this process; the jobs `pay` and `recheck` live here."""

    connect: Connect
    tries: int
    backoff: timedelta
    backoff_limit: timedelta

    async def pay(self, payout_id: UUID) -> None:
        """The job `pay`: one conversation about one payout."""
        payout = await Payout.get(id=payout_id)
        payout.gateway = await routing.gateway_of(payout)
        try:
            line = await self.connect(payout.shop_id, payout.gateway)
            line.require_up()
        except ProviderUnreachable as error:
            await self._park(payout, error)
            return
        conversation = await self._begin(payout, line.sheet)
        if conversation is None:
            return
        answer = await calling.call(line, send=conversation.send, request=conversation.request)
        await self._finish(payout, conversation, answer, self._terms(line.sheet))

    async def recheck(self, payout_id: UUID) -> None:
        """The job `recheck`: success may be reversed, so ask once more.

        Raises Unavailable when the gateway does not say; the job is then tried again.
        """
        payout = await Payout.get(id=payout_id)
        if payout.status is not PayoutStatus.SUCCEEDED:
            return
        line = await self.connect(payout.shop_id, payout.gateway)
        line.require_up()
        answer = await calling.call(line, send=False, request=request_of(payout))
        if answer.outcome.state is OutcomeState.UNKNOWN:
            raise Unavailable("the gateway did not say whether the payout still stands")
        if answer.outcome.state is OutcomeState.REVERSED:
            await self._apply(payout, answer.outcome, self._terms(line.sheet))

    async def notice(self, shop_id: UUID, gateway: str, notice: GatewayNotice) -> bool:
        """Apply a verified webhook; False when it is about no payout of this shop."""
        payout = await Payout.filter(shop_id=shop_id, number=notice.number, gateway=gateway).first()
        if payout is None:
            return False
        line = await self.connect(shop_id, gateway)
        await self._apply(payout, calling.understood(notice.outcome), self._terms(line.sheet))
        return True

    def _terms(self, sheet: GatewayCapabilities) -> Terms:
        return Terms(
            sheet=sheet, tries=self.tries, backoff=self.backoff, backoff_limit=self.backoff_limit
        )

    async def _park(self, found: Payout, error: ProviderUnreachable) -> None:
        async def work(change: Change) -> None:
            payout = await Payout.filter(id=found.id).using_db(change.tx).get()
            if payout.status not in _ACTIVE:
                return
            await parking.park(change, payout, f"GATEWAY_{error.reason}")
            wait = self.backoff_limit
            if error.retry_at is not None:
                wait = max(error.retry_at - change.now, self.backoff)
            await parking.look_again(change, payout, wait)

        await journal.change(system(found.shop_id), found.refund_id, work)

    # --- T1: what to do now, and the attempt that says so -------------------------------------

    async def _begin(self, found: Payout, sheet: GatewayCapabilities) -> Conversation | None:
        begun: list[Conversation] = []

        async def work(change: Change) -> None:
            begun.clear()
            payout = await Payout.filter(id=found.id).using_db(change.tx).get()
            if payout.status not in _ACTIVE:
                return
            capture = await _locked_capture(change, payout)
            payout.gateway = found.gateway
            # First: what becomes of a neighbour decides whether there is room for one more part.
            if wait := await _must_wait(change, payout, capture, sheet):
                await _postpone(change, payout, wait)
            elif reason := await _forbidden(change, payout, capture, sheet):
                await settlement.halt(change, payout, reason)
            else:
                begun.append(await _store_attempt(change, payout, capture))

        await journal.change(system(found.shop_id), found.refund_id, work)
        return begun[0] if begun else None

    # --- T2: what came of it ------------------------------------------------------------------

    async def _finish(
        self,
        found: Payout,
        conversation: Conversation,
        answer: Answer,
        terms: Terms,
    ) -> None:
        async def work(change: Change) -> None:
            payout = await Payout.filter(id=found.id).using_db(change.tx).get()
            await _record(change, conversation, answer.outcome)
            if payout.attempts != conversation.attempt and answer.outcome.state not in _PROOF:
                return
            outcome = answer.outcome
            if answer.parked is None:
                await parking.resume(change, payout)
            else:
                await parking.park(change, payout, answer.parked)
                # Its tries begin anew with each look, so their waits would never grow.
                outcome = replace(outcome, retry_after=outcome.retry_after or self.backoff_limit)
            await settlement.settle(change, payout, outcome, terms)

        await journal.change(system(found.shop_id), found.refund_id, work)

    async def _apply(self, found: Payout, outcome: Outcome, terms: Terms) -> None:
        async def work(change: Change) -> None:
            payout = await Payout.filter(id=found.id).using_db(change.tx).get()
            if outcome.state is not OutcomeState.UNKNOWN:
                await parking.resume(change, payout)
            await settlement.settle(change, payout, outcome, terms)

        await journal.change(system(found.shop_id), found.refund_id, work)


_PROOF = {OutcomeState.SUCCEEDED, OutcomeState.REVERSED}


def request_of(payout: Payout) -> RefundRequest:
    """The stored request, and nothing else, is what every conversation carries."""
    return RefundRequest(**payout.request)


async def _locked_capture(change: Change, payout: Payout) -> Capture:
    captures = Capture.filter(id=payout.capture_id).using_db(change.tx).select_for_update()
    return await captures.get()


async def _forbidden(
    change: Change, payout: Payout, capture: Capture, sheet: GatewayCapabilities
) -> str | None:
    """Why the gateway's sheet forbids this payout; None when it does not. Asked before sending."""
    if payout.status is PayoutStatus.READY and capture.dispute_excess:
        # A chargeback already took what this would pay.
        return chargebacks.STOPPED
    if payout.status is not PayoutStatus.READY and not sheet.can_query:
        return "CANNOT_ASK"
    if payout.sent_at is not None:
        return _spent(change, payout, sheet)
    if len(payout.number) > sheet.number_longest:
        return "NUMBER_TOO_LONG"
    if sheet.currencies is not None and payout.currency not in sheet.currencies:
        return "CURRENCY_NOT_SUPPORTED"
    if not sheet.partial and payout.amount != capture.amount:
        return "PARTIAL_NOT_SUPPORTED"
    if sheet.window is not None and change.now > capture.captured_at + sheet.window:
        return "GATEWAY_WINDOW_CLOSED"
    if sheet.max_parts is not None:
        sent = Payout.filter(capture_id=capture.id, sent_at__isnull=False)
        accepted = sent.exclude(status=PayoutStatus.REJECTED).using_db(change.tx)
        if await accepted.count() >= sheet.max_parts:
            return "TOO_MANY_PARTS"
    return None


def _spent(change: Change, payout: Payout, sheet: GatewayCapabilities) -> str | None:
    """A number the gateway may have forgotten would pay again."""
    if payout.status is not PayoutStatus.READY or sheet.number_life is None:
        return None
    assert payout.sent_at is not None
    expired = change.now > payout.sent_at + sheet.number_life
    return settlement.NUMBER_EXPIRED if expired else None


async def _must_wait(
    change: Change, payout: Payout, capture: Capture, sheet: GatewayCapabilities
) -> timedelta | None:
    """One unsettled payout per capture at a time, and the gateway's least interval."""
    if payout.status is not PayoutStatus.READY:
        return None
    neighbours = Payout.filter(
        capture_id=capture.id, status__in=[PayoutStatus.SENDING, PayoutStatus.UNKNOWN]
    )
    if await neighbours.exclude(id=payout.id).using_db(change.tx).exists():
        return _WAIT_FOR_NEIGHBOUR
    if capture.last_sent_at is not None:
        rest = capture.last_sent_at + sheet.least_interval - change.now
        return rest if rest > timedelta(0) else None
    return None


async def _postpone(change: Change, payout: Payout, wait: timedelta) -> None:
    # This very job still holds the key of the attempt, so the next one is named by its time.
    run_at = change.now + wait
    await change.enqueue(
        "pay", payout.id, key=f"pay:{payout.id}:wait:{run_at.timestamp()}", run_at=run_at
    )


async def _store_attempt(change: Change, payout: Payout, capture: Capture) -> Conversation:
    send = payout.status is PayoutStatus.READY
    if change.refund.status is RefundStatus.APPROVED:
        await change.take(Step.START_PAYMENT, by_engine=True)
    payout.attempts += 1
    payout.tries += 1
    if send:
        payout.status, payout.sent_at = PayoutStatus.SENDING, change.now
        await _mark_sent(change, capture, change.now)
    await payout.save(using_db=change.tx)
    await PayoutAttempt.create(
        using_db=change.tx,
        id=new_id(),
        shop_id=payout.shop_id,
        payout_id=payout.id,
        number=payout.attempts,
        call="REFUND" if send else "QUERY",
        started_at=change.now,
    )
    return Conversation(
        payout_id=payout.id, attempt=payout.attempts, send=send, request=request_of(payout)
    )


async def _mark_sent(change: Change, capture: Capture, at: datetime) -> None:
    capture.last_sent_at = at
    await capture.save(using_db=change.tx, update_fields=["last_sent_at"])


async def _record(change: Change, conversation: Conversation, outcome: Outcome) -> None:
    attempts = PayoutAttempt.filter(
        payout_id=conversation.payout_id, number=conversation.attempt
    ).using_db(change.tx)
    await attempts.update(
        outcome=outcome.state,
        code=outcome.code,
        message=outcome.message,
        finished_at=clock.now(),
    )
