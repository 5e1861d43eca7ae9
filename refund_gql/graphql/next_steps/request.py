"""The request itself: changed, merged, withdrawn, and disputed when refused."""

from refund_gql.graphql.next_steps.action import Action
from refund_gql.states import Step

ACTIONS: tuple[Action, ...] = (
    Action(
        step=Step.AMEND,
        mutation="refundAmend",
        consequence={
            "en": "What is left out stays as it is; the shop's rules look at the request anew.",
            "zh": "未填写的内容保持不变，修改后按新申请重新处理。",
        },
        possible=lambda standing: standing.amendable,
    ),
    Action(
        step=Step.MERGE,
        mutation="refundMerge",
        consequence={
            "en": "This request ends; its goods, its amount and its files go over to the other.",
            "zh": "本申请结束，商品、金额与文件并入另一申请。",
        },
        possible=lambda standing: standing.mergeable,
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
)
