"""The journey of a refund as one table: the only place that knows which step leads where.

`Journey` is checked when this module is imported: every state can be reached, every state that
is not final leads to a final one, and no step is ambiguous. README's picture is `mermaid()`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from refund_gql.events import EventType
from refund_gql.roles import Role


class RefundKind(StrEnum):
    """What the customer wants back."""

    REFUND_ONLY = "REFUND_ONLY"
    """Money only; the goods were never sent, got lost, or stay where they are (仅退款)."""
    RETURN_AND_REFUND = "RETURN_AND_REFUND"
    """The goods come back first (退货退款)."""


class RefundStatus(StrEnum):
    """Where a refund stands."""

    REQUESTED = "REQUESTED"
    """Received; the engine is deciding who has to look at it (已申请)."""
    REVIEW = "REVIEW"
    """Customer service decides (待初审)."""
    WAREHOUSE_CHECK = "WAREHOUSE_CHECK"
    """The warehouse confirms that the goods are not with the customer (待仓库确认)."""
    AWAITING_RETURN = "AWAITING_RETURN"
    """The customer sends the goods back (待寄回)."""
    RETURNING = "RETURNING"
    """The parcel is on its way back (待收货)."""
    INSPECTION = "INSPECTION"
    """The parcel arrived and is being inspected (验货中)."""
    FINANCE_REVIEW = "FINANCE_REVIEW"
    """Finance releases the money (待财务审核)."""
    APPROVED = "APPROVED"
    """The money is committed and waits for its payout (已同意)."""
    PAYING = "PAYING"
    """The gateway has been told, or is about to be (退款中)."""
    PAYMENT_STUCK = "PAYMENT_STUCK"
    """The gateway refuses or cannot tell; a person decides (退款异常)."""
    REFUNDED = "REFUNDED"
    """The money is back with the customer (已退款)."""
    REJECTED = "REJECTED"
    """Refused, with a reason the customer sees (已拒绝)."""
    NEGOTIATING = "NEGOTIATING"
    """The customer has offers to choose from (协商中)."""
    SETTLED = "SETTLED"
    """Over without money: the customer took a coupon in its place (已协商解决)."""
    CANCELLED = "CANCELLED"
    """Withdrawn, or closed for want of an answer, before any money was committed (已取消)."""


class Step(StrEnum):
    """What somebody does to a refund; named by the journey's table, taken only through `flow`."""

    SUBMIT = "SUBMIT"
    APPROVE_INSTANTLY = "APPROVE_INSTANTLY"
    APPROVE_FIRST_INSTANTLY = "APPROVE_FIRST_INSTANTLY"
    SEND_TO_REVIEW = "SEND_TO_REVIEW"
    ROUTE_TO_WAREHOUSE = "ROUTE_TO_WAREHOUSE"
    ROUTE_TO_FINANCE = "ROUTE_TO_FINANCE"
    APPROVE_RETURN_INSTANTLY = "APPROVE_RETURN_INSTANTLY"
    REQUEST_EVIDENCE = "REQUEST_EVIDENCE"
    PROVIDE_EVIDENCE = "PROVIDE_EVIDENCE"
    APPROVE_REFUND_ONLY = "APPROVE_REFUND_ONLY"
    APPROVE_UNSENT = "APPROVE_UNSENT"
    APPROVE_RETURN = "APPROVE_RETURN"
    APPROVE_FIRST = "APPROVE_FIRST"
    REJECT = "REJECT"
    CONFIRM_GOODS_GONE = "CONFIRM_GOODS_GONE"
    FIND_GOODS_WITH_CUSTOMER = "FIND_GOODS_WITH_CUSTOMER"
    SHIP_RETURN = "SHIP_RETURN"
    RECEIVE_RETURN = "RECEIVE_RETURN"
    REPORT_RETURN_LOST = "REPORT_RETURN_LOST"
    REOPEN_RETURN = "REOPEN_RETURN"
    PASS_INSPECTION = "PASS_INSPECTION"  # noqa: S105 - a step, no password
    REFUSE_INSPECTION = "REFUSE_INSPECTION"
    APPROVE_FINANCE = "APPROVE_FINANCE"
    SEND_BACK = "SEND_BACK"
    START_PAYMENT = "START_PAYMENT"
    COMPLETE_PAYMENT = "COMPLETE_PAYMENT"
    HALT_PAYMENT = "HALT_PAYMENT"
    RETRY_PAYMENT = "RETRY_PAYMENT"
    REVERSE_PAYMENT = "REVERSE_PAYMENT"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    AMEND = "AMEND"
    MERGE = "MERGE"
    DISPUTE = "DISPUTE"
    PROPOSE_OFFERS = "PROPOSE_OFFERS"
    PROPOSE_OFFERS_INSTANTLY = "PROPOSE_OFFERS_INSTANTLY"
    OFFER_REDUCTION = "OFFER_REDUCTION"
    ACCEPT_RETURN_OFFER = "ACCEPT_RETURN_OFFER"
    ACCEPT_MONEY_OFFER = "ACCEPT_MONEY_OFFER"
    ACCEPT_COUPON_OFFER = "ACCEPT_COUPON_OFFER"
    DECLINE_OFFERS = "DECLINE_OFFERS"
    COUNTER_OFFERS = "COUNTER_OFFERS"
    EXPIRE_OFFERS = "EXPIRE_OFFERS"
    WITHDRAW_OFFERS = "WITHDRAW_OFFERS"
    ACCEPT_COUNTER = "ACCEPT_COUNTER"


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One row of the table: `step` leads from any of `sources` to `target` and writes `event`."""

    step: Step
    sources: frozenset[RefundStatus]
    target: RefundStatus
    event: EventType
    roles: frozenset[Role]
    note: str = ""
    """Why somebody takes this way; the text on the picture's arrow."""


_AGENTS = frozenset({Role.OWNER, Role.AGENT})
_WAREHOUSE = frozenset({Role.OWNER, Role.WAREHOUSE})
_FINANCE = frozenset({Role.OWNER, Role.FINANCE})
_ENGINE = frozenset({Role.SYSTEM})
_CUSTOMERS = frozenset({Role.CUSTOMER, Role.SERVICE})
_ASKERS = frozenset({Role.CUSTOMER, Role.SERVICE, Role.OWNER, Role.AGENT})
# Nobody of the staff answers an offer of the shop's: the customer does, or her words come in.
_ANSWERERS = frozenset({Role.CUSTOMER, Role.SERVICE})

_S, _E, _R = Step, EventType, RefundStatus


def _row(
    step: Step,
    sources: Iterable[RefundStatus],
    target: RefundStatus,
    event: EventType,
    roles: frozenset[Role],
    note: str = "",
) -> Transition:
    return Transition(
        step=step, sources=frozenset(sources), target=target, event=event, roles=roles, note=note
    )


TRANSITIONS: tuple[Transition, ...] = (
    _row(_S.SUBMIT, (), _R.REQUESTED, _E.REQUESTED, _ASKERS),
    _row(
        _S.APPROVE_INSTANTLY,
        (_R.REQUESTED,),
        _R.APPROVED,
        _E.APPROVED_INSTANTLY,
        _ENGINE,
        "nothing was shipped",
    ),
    _row(
        _S.APPROVE_FIRST_INSTANTLY,
        (_R.REQUESTED,),
        _R.APPROVED,
        _E.REFUND_FIRST_GRANTED,
        _ENGINE,
        "refund first, return follows",
    ),
    _row(
        _S.SEND_TO_REVIEW,
        (_R.REQUESTED,),
        _R.REVIEW,
        _E.SENT_TO_REVIEW,
        _ENGINE,
        "goods were shipped, a person decides",
    ),
    _row(
        _S.ROUTE_TO_WAREHOUSE,
        (_R.REQUESTED,),
        _R.WAREHOUSE_CHECK,
        _E.SENT_TO_WAREHOUSE,
        _ENGINE,
        "a rule says so, refund only, goods were sent",
    ),
    _row(
        _S.ROUTE_TO_FINANCE,
        (_R.REQUESTED,),
        _R.FINANCE_REVIEW,
        _E.SENT_TO_FINANCE,
        _ENGINE,
        "a rule says so, nothing was sent",
    ),
    _row(
        _S.APPROVE_RETURN_INSTANTLY,
        (_R.REQUESTED,),
        _R.AWAITING_RETURN,
        _E.RETURN_APPROVED,
        _ENGINE,
        "a rule says so, return and refund",
    ),
    _row(
        _S.REQUEST_EVIDENCE,
        (_R.REVIEW,),
        _R.REVIEW,
        _E.EVIDENCE_REQUESTED,
        _AGENTS,
        "evidence asked for",
    ),
    _row(
        _S.PROVIDE_EVIDENCE,
        (_R.REVIEW,),
        _R.REVIEW,
        _E.EVIDENCE_PROVIDED,
        _ASKERS,
        "evidence given",
    ),
    _row(
        _S.APPROVE_REFUND_ONLY,
        (_R.REVIEW,),
        _R.WAREHOUSE_CHECK,
        _E.REFUND_ONLY_APPROVED,
        _AGENTS | _ENGINE,
        "refund only, goods were sent",
    ),
    _row(
        _S.APPROVE_UNSENT,
        (_R.REVIEW,),
        _R.FINANCE_REVIEW,
        _E.REFUND_ONLY_APPROVED,
        _AGENTS | _ENGINE,
        "refund only, nothing was sent",
    ),
    _row(
        _S.APPROVE_RETURN,
        (_R.REVIEW,),
        _R.AWAITING_RETURN,
        _E.RETURN_APPROVED,
        _AGENTS | _ENGINE,
        "return and refund",
    ),
    _row(
        _S.APPROVE_FIRST,
        (_R.REVIEW,),
        _R.FINANCE_REVIEW,
        _E.REFUND_FIRST_PROPOSED,
        _AGENTS,
        "refund first, return follows",
    ),
    _row(_S.REJECT, (_R.REVIEW,), _R.REJECTED, _E.REJECTED, _AGENTS, "refused, with a reason"),
    _row(
        _S.CONFIRM_GOODS_GONE,
        (_R.WAREHOUSE_CHECK,),
        _R.FINANCE_REVIEW,
        _E.WAREHOUSE_CONFIRMED,
        _WAREHOUSE,
        "goods not with the customer",
    ),
    _row(
        _S.FIND_GOODS_WITH_CUSTOMER,
        (_R.WAREHOUSE_CHECK,),
        _R.REVIEW,
        _E.GOODS_FOUND_WITH_CUSTOMER,
        _WAREHOUSE,
        "the customer has them",
    ),
    _row(
        _S.SHIP_RETURN,
        (_R.AWAITING_RETURN,),
        _R.RETURNING,
        _E.RETURN_SHIPPED,
        _ASKERS | _ENGINE,
        "parcel handed over",
    ),
    _row(
        _S.RECEIVE_RETURN,
        (_R.AWAITING_RETURN, _R.RETURNING),
        _R.INSPECTION,
        _E.RETURN_RECEIVED,
        _WAREHOUSE | _ENGINE,
        "parcel received",
    ),
    _row(
        _S.REPORT_RETURN_LOST,
        (_R.RETURNING,),
        _R.REVIEW,
        _E.RETURN_LOST,
        _AGENTS | _WAREHOUSE | _ENGINE,
        "the parcel got lost",
    ),
    _row(
        _S.REOPEN_RETURN,
        (_R.RETURNING,),
        _R.AWAITING_RETURN,
        _E.RETURN_REOPENED,
        _AGENTS | _WAREHOUSE | _ENGINE,
        "the parcel went back to the customer",
    ),
    _row(
        _S.PASS_INSPECTION,
        (_R.INSPECTION,),
        _R.FINANCE_REVIEW,
        _E.INSPECTION_PASSED,
        _WAREHOUSE,
        "accepted, or reduced",
    ),
    _row(
        _S.REFUSE_INSPECTION,
        (_R.INSPECTION,),
        _R.REVIEW,
        _E.INSPECTION_REFUSED,
        _WAREHOUSE,
        "refused",
    ),
    _row(
        _S.APPROVE_FINANCE,
        (_R.FINANCE_REVIEW,),
        _R.APPROVED,
        _E.FINANCE_APPROVED,
        _FINANCE | _ENGINE,
        "released, or at most the shop's threshold",
    ),
    _row(
        _S.SEND_BACK, (_R.FINANCE_REVIEW,), _R.REVIEW, _E.FINANCE_SENT_BACK, _FINANCE, "sent back"
    ),
    _row(_S.START_PAYMENT, (_R.APPROVED,), _R.PAYING, _E.PAYMENT_STARTED, _ENGINE),
    _row(_S.COMPLETE_PAYMENT, (_R.PAYING,), _R.REFUNDED, _E.REFUNDED, _ENGINE, "money moved"),
    _row(
        _S.HALT_PAYMENT,
        (_R.PAYING,),
        _R.PAYMENT_STUCK,
        _E.PAYMENT_STUCK,
        _ENGINE,
        "gateway refuses or cannot tell",
    ),
    _row(
        _S.RETRY_PAYMENT,
        (_R.PAYMENT_STUCK,),
        _R.PAYING,
        _E.PAYMENT_RETRIED,
        _FINANCE | _ENGINE,
        "a person decided, or late proof came",
    ),
    _row(
        _S.REVERSE_PAYMENT,
        (_R.REFUNDED,),
        _R.PAYMENT_STUCK,
        _E.PAYMENT_REVERSED,
        _ENGINE,
        "the gateway reverses it later",
    ),
    _row(
        _S.CANCEL,
        (_R.REQUESTED, _R.REVIEW, _R.NEGOTIATING, _R.AWAITING_RETURN),
        _R.CANCELLED,
        _E.CANCELLED,
        _ASKERS,
        "withdrawn",
    ),
    _row(
        _S.EXPIRE,
        (_R.REVIEW, _R.AWAITING_RETURN),
        _R.CANCELLED,
        _E.EXPIRED,
        _ENGINE,
        "the customer did nothing in time",
    ),
    _row(
        _S.AMEND,
        (_R.REQUESTED, _R.REVIEW),
        _R.REQUESTED,
        _E.AMENDED,
        _CUSTOMERS,
        "asked for otherwise",
    ),
    _row(
        _S.MERGE,
        (_R.REQUESTED, _R.REVIEW),
        _R.CANCELLED,
        _E.MERGED,
        _AGENTS,
        "part of another request",
    ),
    _row(_S.DISPUTE, (_R.REJECTED,), _R.REVIEW, _E.DISPUTED, _ASKERS, "disputed once"),
    _row(
        _S.PROPOSE_OFFERS,
        (_R.REVIEW,),
        _R.NEGOTIATING,
        _E.OFFERED,
        _AGENTS,
        "offers sent to the customer",
    ),
    _row(
        _S.PROPOSE_OFFERS_INSTANTLY,
        (_R.REQUESTED,),
        _R.NEGOTIATING,
        _E.OFFERED,
        _ENGINE,
        "a rule says so, goods were sent",
    ),
    _row(
        _S.OFFER_REDUCTION,
        (_R.INSPECTION,),
        _R.NEGOTIATING,
        _E.OFFERED,
        _WAREHOUSE,
        "reduced by more than the shop's threshold",
    ),
    _row(
        _S.ACCEPT_RETURN_OFFER,
        (_R.NEGOTIATING,),
        _R.AWAITING_RETURN,
        _E.OFFER_ACCEPTED,
        _ANSWERERS,
        "offer with a return accepted",
    ),
    _row(
        _S.ACCEPT_MONEY_OFFER,
        (_R.NEGOTIATING,),
        _R.FINANCE_REVIEW,
        _E.OFFER_ACCEPTED,
        _ANSWERERS,
        "offer of money accepted",
    ),
    _row(
        _S.ACCEPT_COUPON_OFFER,
        (_R.NEGOTIATING,),
        _R.SETTLED,
        _E.OFFER_ACCEPTED,
        _ANSWERERS,
        "coupon accepted in place of money",
    ),
    _row(
        _S.DECLINE_OFFERS,
        (_R.NEGOTIATING,),
        _R.REVIEW,
        _E.OFFER_DECLINED,
        _ANSWERERS,
        "declined",
    ),
    _row(
        _S.COUNTER_OFFERS,
        (_R.NEGOTIATING,),
        _R.REVIEW,
        _E.OFFER_COUNTERED,
        _ANSWERERS,
        "another amount proposed, once",
    ),
    _row(
        _S.EXPIRE_OFFERS, (_R.NEGOTIATING,), _R.REVIEW, _E.OFFER_EXPIRED, _ENGINE, "no answer came"
    ),
    _row(
        _S.WITHDRAW_OFFERS,
        (_R.NEGOTIATING,),
        _R.REVIEW,
        _E.OFFER_WITHDRAWN,
        _AGENTS,
        "offers withdrawn",
    ),
    _row(
        _S.ACCEPT_COUNTER,
        (_R.REVIEW,),
        _R.FINANCE_REVIEW,
        _E.COUNTER_ACCEPTED,
        _AGENTS,
        "the customer's own amount accepted",
    ),
)

INITIAL = RefundStatus.REQUESTED
FINAL = frozenset({_R.REFUNDED, _R.REJECTED, _R.CANCELLED, _R.SETTLED})
"""Nothing more is owed in these. REFUNDED can be left again when a gateway reverses, and REJECTED
when the customer disputes the refusal."""
COMMITTED = frozenset({_R.APPROVED, _R.PAYING, _R.PAYMENT_STUCK, _R.REFUNDED})
"""The money is promised, on its way or there; goods that follow it move on their own axis."""


class Journey:
    """The checked table, with the look-ups the flow and the API need."""

    def __init__(self, transitions: Iterable[Transition], initial: RefundStatus) -> None:
        self.transitions = tuple(transitions)
        self.initial = initial
        self._by_step = {row.step: row for row in self.transitions}
        self._check()

    def __getitem__(self, step: Step) -> Transition:
        return self._by_step[step]

    def allowed(self, status: RefundStatus, role: Role | None = None) -> tuple[Step, ...]:
        """The steps that lead out of `status`, for one role or for anybody, in table order."""
        return tuple(
            row.step
            for row in self.transitions
            if status in row.sources and (role is None or role in row.roles)
        )

    def mermaid(self) -> str:
        """The picture in README: a Mermaid state diagram of the table."""
        lines = ["stateDiagram-v2", f"  [*] --> {self.initial}"]
        for row in self.transitions:
            for source in (status for status in RefundStatus if status in row.sources):
                note = f": {row.note}" if row.note else ""
                lines.append(f"  {source} --> {row.target}{note}")
        lines += [f"  {status} --> [*]" for status in RefundStatus if status in FINAL]
        return "\n".join(lines)

    def _check(self) -> None:
        if len(self._by_step) != len(self.transitions) or set(self._by_step) != set(Step):
            raise ValueError("each step must stand in the journey's table exactly once")
        reached = {self.initial}
        while more := {row.target for row in self.transitions if row.sources & reached} - reached:
            reached |= more
        if unreachable := set(RefundStatus) - reached:
            raise ValueError(f"states nobody can reach: {sorted(unreachable)}")
        # Backwards from the end: an arrow that only leads round in circles is no way out.
        ends = set(FINAL)
        while more := self._leading_to(ends) - ends:
            ends |= more
        if dead := set(RefundStatus) - ends:
            raise ValueError(f"states without a way out: {sorted(dead)}")

    def _leading_to(self, targets: set[RefundStatus]) -> set[RefundStatus]:
        rows = (row for row in self.transitions if row.target in targets)
        return {source for row in rows for source in row.sources}


JOURNEY = Journey(TRANSITIONS, INITIAL)
