"""What can be done with a refund, as data: one entry for each step and each action beside them.

`Refund.nextSteps` is made from this table, the journey's table and the inputs of the schema. A
mutation that acts on a refund gets its entry here; a test calls each of them in every status, by
every role, and holds the table to what happens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from refund_gql import labels
from refund_gql.auth import Viewer
from refund_gql.errors import NotAllowed, Refusal
from refund_gql.flow import goods, journal
from refund_gql.flow.reasons import MAY_SET
from refund_gql.graphql.standing import Standing
from refund_gql.roles import Role
from refund_gql.states import JOURNEY, RefundKind, Step

Words = Mapping[str, str]
"""Locale -> text."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do with a refund, and the mutation that does it."""

    mutation: str
    consequence: Words
    """What happens next; `{amount}` stands for what the customer gets."""
    step: Step | None = None
    """The journey's step; None for what leaves the refund where it is."""
    label: Words = field(default_factory=dict)
    """For an action beside the journey; a step has its own words."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Input field -> the value that makes the mutation this step."""
    reason: str = ""
    """The input field for words that must not be empty."""
    anywhere: bool = False
    """True of a step that can be repeated beside its own sources, wherever it is `possible`."""
    roles: frozenset[Role] = frozenset()
    """Who may, beside the journey; the journey's table knows who takes a step."""
    possible: Callable[[Standing], bool] = lambda standing: True
    """Whether it can be done, beyond what the journey says."""
    moves_money: Callable[[Standing], bool] = lambda standing: False
    blocked: Callable[[Standing], Refusal | None] = lambda standing: None
    """Why this viewer in particular may not."""

    def words(self, locale: str) -> str:
        """What it is called."""
        return labels.STEPS[self.step][locale] if self.step else self.label[locale]

    def allowed(self, standing: Standing) -> bool:
        """Whether the viewer may do it where the refund stands, unless it is blocked."""
        if self.step is None:
            return standing.viewer.role in self.roles and self.possible(standing)
        return (
            self._leads_on(self.step, standing)
            and _may(self.step, standing.viewer)
            and self.possible(standing)
        )

    def _leads_on(self, step: Step, standing: Standing) -> bool:
        if (where := standing.goods) is not None and step in goods.MOVES:
            return where in goods.MOVES[step].sources
        return self.anywhere or standing.status in JOURNEY[step].sources


def _may(step: Step, viewer: Viewer) -> bool:
    try:
        journal.require(step, viewer)
    except NotAllowed:
        return False
    return True


def _pays_at_once(standing: Standing) -> bool:
    return standing.pays_at_once and standing.covered


_TO_FINANCE = {
    "en": "Goes to finance; at or below the shop's threshold the money leaves at once: {amount}.",
    "zh": "转财务审核；不超过免审额度时立即退款 {amount}。",
}
_TO_REVIEW = {
    "en": "Goes back to customer service; no money moves.",
    "zh": "退回客服复审，不退款。",
}
_AGENTS = frozenset({Role.OWNER, Role.AGENT})
_FINANCE = frozenset({Role.OWNER, Role.FINANCE})

ACTIONS: tuple[Action, ...] = (
    Action(
        step=Step.APPROVE_REFUND_ONLY,
        mutation="refundApprove",
        fixed={"kind": RefundKind.REFUND_ONLY},
        consequence={
            "en": "The warehouse checks that the goods are not with the customer; no money yet.",
            "zh": "转仓库确认商品不在顾客处，暂不退款。",
        },
        possible=lambda standing: standing.sent,
        blocked=lambda standing: standing.own_refusal,
    ),
    Action(
        step=Step.APPROVE_UNSENT,
        mutation="refundApprove",
        fixed={"kind": RefundKind.REFUND_ONLY},
        consequence=_TO_FINANCE,
        possible=lambda standing: not standing.sent,
        moves_money=_pays_at_once,
        blocked=lambda standing: standing.own_refusal,
    ),
    Action(
        step=Step.APPROVE_RETURN,
        mutation="refundApprove",
        fixed={"kind": RefundKind.RETURN_AND_REFUND},
        consequence={
            "en": "The customer is asked to send the goods back; no money yet.",
            "zh": "通知顾客寄回商品，暂不退款。",
        },
        possible=lambda standing: standing.sent,
        blocked=lambda standing: standing.own_refusal,
    ),
    Action(
        step=Step.APPROVE_FIRST,
        mutation="refundApproveFirst",
        consequence={
            "en": "The money goes first, {amount}, and the goods follow; beyond the threshold or "
            "the customer's limit finance decides.",
            "zh": "先退款 {amount}，商品随后寄回；超出免审额度或顾客额度时由财务审核。",
        },
        possible=lambda standing: standing.can_go_first,
        moves_money=_pays_at_once,
        blocked=lambda standing: standing.own_refusal,
    ),
    Action(
        step=Step.REJECT,
        mutation="refundReject",
        reason="reason",
        consequence={
            "en": "The customer reads the reason, and may dispute it once.",
            "zh": "顾客将看到拒绝原因，可提出一次异议。",
        },
        blocked=lambda standing: standing.own_refusal,
    ),
    Action(
        step=Step.REQUEST_EVIDENCE,
        mutation="refundRequestEvidence",
        reason="question",
        consequence={
            "en": "The customer is asked; the refund stays in review.",
            "zh": "向顾客询问，退款仍在初审。",
        },
    ),
    Action(
        step=Step.PROVIDE_EVIDENCE,
        mutation="refundProvideEvidence",
        reason="answer",
        consequence={
            "en": "Customer service reads the answer; the refund stays in review.",
            "zh": "客服将看到补充说明，退款仍在初审。",
        },
    ),
    Action(
        step=Step.CONFIRM_GOODS_GONE,
        mutation="refundConfirmWarehouse",
        fixed={"verdict": "GOODS_GONE"},
        consequence=_TO_FINANCE,
        moves_money=_pays_at_once,
    ),
    Action(
        step=Step.FIND_GOODS_WITH_CUSTOMER,
        mutation="refundConfirmWarehouse",
        fixed={"verdict": "WITH_CUSTOMER"},
        consequence=_TO_REVIEW,
    ),
    Action(
        step=Step.SHIP_RETURN,
        mutation="returnShip",
        consequence={
            "en": "The parcel is followed until the warehouse has it.",
            "zh": "跟踪退货包裹直至仓库收货。",
        },
    ),
    Action(
        step=Step.RECEIVE_RETURN,
        mutation="returnReceive",
        consequence={"en": "The goods are inspected next.", "zh": "下一步为验货。"},
    ),
    Action(
        step=Step.PASS_INSPECTION,
        mutation="returnInspect",
        consequence={
            "en": "Only what was received is refunded. What is granted as asked goes on as after "
            "any approval; what is reduced goes to finance.",
            "zh": "仅就实际收到的商品退款；全额通过按免审额度处理，折价的转财务审核。",
        },
        moves_money=_pays_at_once,
    ),
    Action(
        step=Step.REFUSE_INSPECTION,
        mutation="returnInspect",
        consequence=_TO_REVIEW,
    ),
    Action(
        step=Step.APPROVE_FINANCE,
        mutation="refundApproveFinance",
        fixed={"verdict": "APPROVE"},
        consequence={
            "en": "Money leaves: {amount} to the original payment.",
            "zh": "款项 {amount} 将原路退回。",
        },
        possible=lambda standing: standing.covered,
        moves_money=lambda standing: True,
        blocked=lambda standing: standing.own_proposal,
    ),
    Action(
        step=Step.SEND_BACK,
        mutation="refundApproveFinance",
        fixed={"verdict": "SEND_BACK"},
        consequence=_TO_REVIEW,
    ),
    Action(
        step=Step.RETRY_PAYMENT,
        mutation="payoutRetry",
        anywhere=True,
        consequence={
            "en": "The payment is tried again: up to {amount} to the original payment.",
            "zh": "重新发起付款，至多 {amount} 原路退回。",
        },
        possible=lambda standing: bool(standing.retriable),
        moves_money=lambda standing: True,
    ),
    Action(
        step=Step.CANCEL,
        mutation="refundCancel",
        consequence={
            "en": "The request ends; the goods can be refunded by a new one.",
            "zh": "申请结束，可重新申请。",
        },
    ),
    Action(
        step=Step.DISPUTE,
        mutation="refundDispute",
        reason="note",
        consequence={
            "en": "A colleague other than the one who refused looks at it again.",
            "zh": "由另一位客服重新审核。",
        },
        possible=lambda standing: standing.disputable,
    ),
    Action(
        mutation="refundSetPriority",
        label={"en": "set the priority", "zh": "设置优先级"},
        roles=_AGENTS,
        consequence={"en": "It moves in the queues.", "zh": "在待办队列中的位置随之变化。"},
    ),
    Action(
        mutation="refundSetReasons",
        label={"en": "note the reason found and its root", "zh": "标注查明原因与根本原因"},
        roles=frozenset(MAY_SET),
        consequence={
            "en": "The reasons count in the shop's figures; the customer does not see them.",
            "zh": "计入原因统计，顾客不可见。",
        },
    ),
    Action(
        mutation="claimOpen",
        label={"en": "claim what the goods lack", "zh": "追索退货差额"},
        roles=_AGENTS,
        consequence={
            "en": "Colleagues settle it or write it off; no money is taken.",
            "zh": "由同事结清或核销，不会扣款。",
        },
        possible=lambda standing: standing.goods is not None and not standing.claims,
    ),
    Action(
        mutation="claimSettle",
        label={"en": "settle the claim", "zh": "结清追索"},
        roles=frozenset({Role.OWNER, Role.AGENT, Role.FINANCE}),
        consequence={
            "en": "Somebody made up for it; no money moves.",
            "zh": "已弥补，不涉及资金。",
        },
        possible=lambda standing: bool(standing.claims),
    ),
    Action(
        mutation="claimWriteOff",
        label={"en": "write the claim off", "zh": "核销追索"},
        roles=_FINANCE,
        consequence={"en": "The shop bears the loss.", "zh": "损失由店铺承担。"},
        possible=lambda standing: bool(standing.claims),
    ),
)
"""Every action on a refund, in the order in which a UI shows them."""


def of(standing: Standing) -> list[Action]:
    """What the viewer may do now, blocked or not."""
    return [action for action in ACTIONS if action.allowed(standing)]
