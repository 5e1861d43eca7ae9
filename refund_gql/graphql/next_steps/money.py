"""The money: released, sent back, tried again; and what is owed for goods."""

from refund_gql.graphql.next_steps.action import AGENTS, FINANCE, TO_REVIEW, Action
from refund_gql.roles import Role
from refund_gql.states import Step

ACTIONS: tuple[Action, ...] = (
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
        consequence=TO_REVIEW,
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
        mutation="claimOpen",
        label={"en": "claim what the goods lack", "zh": "追索退货差额"},
        roles=AGENTS,
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
        roles=FINANCE,
        consequence={"en": "The shop bears the loss.", "zh": "损失由店铺承担。"},
        possible=lambda standing: bool(standing.claims),
    ),
)
