"""Evidence: asked for and given, in words and as files."""

from refund_gql.flow.evidence import PEOPLE
from refund_gql.graphql.next_steps.action import Action
from refund_gql.states import Step

ACTIONS: tuple[Action, ...] = (
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
        mutation="evidenceUploadStart",
        label={"en": "add a file", "zh": "上传凭证文件"},
        roles=PEOPLE,
        consequence={
            "en": "The answer names the address to send the file to; the refund stays where it is.",
            "zh": "返回文件上传地址，退款状态不变。",
        },
        possible=lambda standing: bool(standing.purposes),
    ),
    Action(
        mutation="evidenceRemove",
        label={"en": "take a file back", "zh": "删除凭证文件"},
        roles=PEOPLE,
        consequence={
            "en": "What the file showed is gone for good; that it was there stays in the history.",
            "zh": "文件内容将被永久删除，历史中保留曾上传的记录。",
        },
        possible=lambda standing: bool(standing.removable),
    ),
)
