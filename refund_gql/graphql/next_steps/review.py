"""First review: customer service decides, or asks."""

from refund_gql.graphql.next_steps.action import TO_FINANCE, Action, pays_at_once
from refund_gql.states import RefundKind, Step

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
        consequence=TO_FINANCE,
        possible=lambda standing: not standing.sent,
        moves_money=pays_at_once,
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
        moves_money=pays_at_once,
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
)
