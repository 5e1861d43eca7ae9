"""The one way a refund changes: lock it, check the table, write the event, enqueue what follows.

Every step of the journey runs as `change(viewer, refund_id, work)`. `work` gets a `Change`:
the refund under its locks in an open transaction. What it takes, records and enqueues becomes
visible together, or not at all.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from refund_gql import clock, database, jobs
from refund_gql.auth import Viewer, system
from refund_gql.database import Transaction
from refund_gql.errors import IllegalStep, NotAllowed, NotFound, StaleVersion
from refund_gql.events import GENESIS, EventType, chain_hash, span
from refund_gql.flow import clocks, ledger, queueing
from refund_gql.flow import once as idempotency
from refund_gql.flow.clocks import Happening
from refund_gql.flow.once import Once
from refund_gql.models import Decision, Event, Refund
from refund_gql.roles import Role, Scope
from refund_gql.states import FINAL, JOURNEY, RefundStatus, Step


@dataclass(kw_only=True)
class Change:
    """One refund, locked, in an open transaction."""

    tx: Transaction
    viewer: Viewer
    refund: Refund
    now: datetime = field(default_factory=clock.now)
    _announced: int = field(init=False, repr=False)
    """The last version that the outbox hears of, or has heard of."""
    _status: RefundStatus = field(init=False, repr=False)
    """Where the refund's clocks saw it last."""
    _events: list[Event] = field(init=False, repr=False, default_factory=list)
    """What they have not seen yet."""

    def __post_init__(self) -> None:
        self._announced, self._status = self.refund.version, self.refund.status

    async def take(
        self,
        step: Step,
        *,
        because: str | None = None,
        payload: Mapping[str, Any] | None = None,
        trace: Mapping[str, Any] | None = None,
        by_engine: bool = False,
    ) -> None:
        """Move along the table and write the event; with `because`, the decision too.

        Raises NotAllowed for a role the table does not name, and IllegalStep when the refund's
        status does not allow the step.
        """
        viewer = system(self.refund.shop_id) if by_engine else self.viewer
        self.check(step, viewer)
        row, before = JOURNEY[step], self.refund.status
        self.refund.status = row.target
        if row.target is RefundStatus.APPROVED:
            self.refund.approved_at = self.now
        self.refund.finished_at = self.now if row.target in FINAL else None
        await ledger.follow(self.tx, self.refund.id, before, row.target, self.now)
        # Whoever of the staff acts first looks after it, for as long as they can; see `queueing`.
        self.refund.assignee_id = self.refund.assignee_id or viewer.staff_id
        if because is not None or trace is not None:
            await self._decide(step, viewer, because or "", trace or {})
        await self.record(row.event, payload, viewer=viewer)

    async def follow(
        self,
        step: Step,
        *,
        because: str | None = None,
        payload: Mapping[str, Any] | None = None,
        trace: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a step that the goods take beside the money, as `take` does; the refund stays
        where it is. Raises NotAllowed."""
        self.require(step)
        if because is not None or trace is not None:
            await self._decide(step, self.viewer, because or "", trace or {})
        await self.record(JOURNEY[step].event, payload)

    def require(self, step: Step) -> None:
        """Raise NotAllowed unless the table names the viewer's role for the step."""
        require(step, self.viewer)

    async def record(
        self,
        type: EventType,
        payload: Mapping[str, Any] | None = None,
        *,
        viewer: Viewer | None = None,
    ) -> None:
        """Append an event: the refund's version grows by one and the chain by one link."""
        viewer, refund = viewer or self.viewer, self.refund
        refund.version += 1
        refund.head = chain_hash(
            refund.head,
            refund_id=str(refund.id),
            version=refund.version,
            type=type,
            at=self.now,
            actor=viewer.actor,
            payload=payload or {},
        )
        event = await Event.create(
            using_db=self.tx,
            shop_id=refund.shop_id,
            refund_id=refund.id,
            version=refund.version,
            type=type,
            status=refund.status,
            payload=payload or {},
            actor=viewer.actor,
            actor_name=viewer.name,
            at=self.now,
            hash=refund.head,
        )
        self._events.append(event)

    async def enqueue(
        self, kind: str, subject: object, *, key: str, run_at: datetime | None = None
    ) -> None:
        """A job that exists if and only if this change commits."""
        await jobs.enqueue(self.tx, kind, subject, key=key, run_at=run_at)

    async def save(self) -> None:
        """Write the refund's row and let the outbox know; `change` does it at the end."""
        self.refund.updated_at = self.now
        await queueing.line_up(self.tx, self.refund, self.now)
        if self.refund.assign_wanted:
            key = f"assign:{self.refund.id}:{self.refund.version}"
            await self.enqueue("assign", self.refund.id, key=key)
        await self.refund.save(using_db=self.tx)
        await self._turn_clocks()
        await self._announce()

    async def _turn_clocks(self) -> None:
        seen = Happening(before=self._status, after=self.refund.status, events=self._events)
        await clocks.follow(self.tx, self.refund, seen, self.now)
        self._status, self._events = self.refund.status, []

    async def _announce(self) -> None:
        """Messages and webhooks are made from the new events after the commit."""
        last = self.refund.version
        if last > self._announced:
            subject = span(self.refund.id, self._announced + 1, last)
            await self.enqueue("announce", subject, key=f"announce:{subject}")
            self._announced = last

    def check(self, step: Step, viewer: Viewer | None = None) -> None:
        """Raise what `take` would: NotAllowed or IllegalStep."""
        viewer = viewer or self.viewer
        require(step, viewer)
        if self.refund.status not in JOURNEY[step].sources:
            raise IllegalStep(
                step=step.value,
                status=self.refund.status.value,
                allowed_next=[s.value for s in JOURNEY.allowed(self.refund.status, viewer.role)],
            )

    async def _decide(
        self, step: Step, viewer: Viewer, because: str, trace: Mapping[str, Any]
    ) -> None:
        await Decision.create(
            using_db=self.tx,
            shop_id=self.refund.shop_id,
            refund_id=self.refund.id,
            step=step,
            actor=viewer.actor,
            actor_name=viewer.name,
            reason=because,
            trace=trace,
            decided_at=self.now,
        )


def require(step: Step, viewer: Viewer) -> None:
    """Raise NotAllowed unless the table names the viewer's role for the step, and a program has
    the scope."""
    roles = JOURNEY[step].roles
    if viewer.role is Role.SERVICE and Scope.REFUNDS not in viewer.scopes:
        raise NotAllowed(reason="SCOPE", allowed=Scope.REFUNDS.value)
    if viewer.role not in roles:
        allowed = ", ".join(sorted(roles))
        raise NotAllowed(reason="ROLE", role=viewer.role.value, allowed=allowed)


Work = Callable[[Change], Awaitable[None]]


async def change(
    viewer: Viewer,
    refund_id: UUID,
    work: Work,
    *,
    expected_version: int | None = None,
    once: Once | None = None,
    also_lock: tuple[UUID, ...] = (),
) -> UUID:
    """Run one step of one refund; returns the refund's id.

    Raises NotFound for a refund the viewer may not see, StaleVersion when it has moved on since
    `expected_version`, and whatever `work` refuses. With `once`, the same key runs once.
    """

    async def unit(tx: Transaction) -> UUID:
        refund = await _locked(tx, viewer, refund_id)
        if expected_version is not None and refund.version != expected_version:
            raise StaleVersion(current_version=refund.version, expected_version=expected_version)
        opened = Change(tx=tx, viewer=viewer, refund=refund)
        version = refund.version
        await work(opened)
        if refund.version != version:
            await opened.save()
        return refund_id

    return await idempotency.run(viewer, once, unit, refunds=(refund_id, *also_lock))


async def change_all(
    viewer: Viewer,
    refund_ids: Sequence[UUID],
    work: Callable[[Transaction, Mapping[UUID, Change]], Awaitable[None]],
) -> None:
    """As `change`, of several refunds in one transaction, under the locks of all of them."""

    async def unit(tx: Transaction) -> None:
        refunds = [await _locked(tx, viewer, refund_id) for refund_id in sorted(refund_ids)]
        changes = {row.id: Change(tx=tx, viewer=viewer, refund=row) for row in refunds}
        versions = [row.version for row in refunds]
        await work(tx, changes)
        for one, version in zip(changes.values(), versions, strict=True):
            if one.refund.version != version:
                await one.save()

    await database.transaction(unit, refunds=refund_ids)


async def change_each(viewer: Viewer, refund_ids: Sequence[UUID], work: Work) -> None:
    """Run the same step of several refunds in one transaction: all of it commits, or none."""

    async def one_by_one(tx: Transaction, changes: Mapping[UUID, Change]) -> None:
        for opened in changes.values():
            await work(opened)

    await change_all(viewer, refund_ids, one_by_one)


async def start(
    tx: Transaction, viewer: Viewer, refund: Refund, payload: Mapping[str, Any]
) -> Change:
    """Write a new refund and its first event."""
    refund.version, refund.head, refund.status = 0, GENESIS, JOURNEY.initial
    opened = Change(tx=tx, viewer=viewer, refund=refund)
    if viewer.role not in JOURNEY[Step.SUBMIT].roles | {system(refund.shop_id).role}:
        allowed = ", ".join(sorted(JOURNEY[Step.SUBMIT].roles))
        raise NotAllowed(reason="ROLE", role=viewer.role.value, allowed=allowed)
    refund.updated_at = opened.now
    await refund.save(using_db=tx, force_create=True)
    await opened.record(EventType.REQUESTED, payload)
    return opened


async def beside(change: Change, refund_id: UUID) -> Change:
    """A second refund that the same change moves; `also_lock` named it. Whoever moves it saves
    it. Raises NotFound."""
    refund = await _locked(change.tx, change.viewer, refund_id)
    return Change(tx=change.tx, viewer=change.viewer, refund=refund, now=change.now)


async def _locked(tx: Transaction, viewer: Viewer, refund_id: UUID) -> Refund:
    rows = Refund.filter(id=refund_id, shop_id=viewer.shop_id).using_db(tx).select_for_update()
    if viewer.customer_id is not None:
        rows = rows.filter(customer_id=viewer.customer_id)
    refund = await rows.first()
    if refund is None:
        raise NotFound(kind="Refund", id=str(refund_id))
    return refund
