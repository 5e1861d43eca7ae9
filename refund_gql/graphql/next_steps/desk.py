"""Between colleagues: who looks after it, how soon, and what they tell each other."""

from refund_gql.desks import PEOPLE, Desk
from refund_gql.errors import Refusal
from refund_gql.flow.reasons import MAY_SET
from refund_gql.graphql.next_steps.action import AGENTS, Action
from refund_gql.graphql.standing import Standing


def _own_at_finance(standing: Standing) -> Refusal | None:
    return standing.own_proposal if standing.desk is Desk.FINANCE else None


ACTIONS: tuple[Action, ...] = (
    Action(
        mutation="refundTake",
        label={"en": "look after it", "zh": "领取"},
        roles=PEOPLE,
        consequence={
            "en": "It is yours until you give it away or it moves on to another desk.",
            "zh": "由你负责，直至转交或流转到其他岗位。",
        },
        possible=lambda standing: standing.free_to_take,
        blocked=_own_at_finance,
    ),
    Action(
        mutation="refundAssign",
        label={"en": "give it to a colleague", "zh": "转交同事"},
        roles=PEOPLE,
        consequence={
            "en": "The colleague looks after it; with nobody named it goes back into the queue.",
            "zh": "由该同事负责；不指定同事则退回队列。",
        },
        possible=lambda standing: standing.may_assign,
    ),
    Action(
        mutation="refundNote",
        label={"en": "write a note", "zh": "添加内部备注"},
        roles=PEOPLE,
        reason="text",
        consequence={
            "en": "Colleagues read it; the customer never does.",
            "zh": "仅同事可见，顾客不可见。",
        },
    ),
    Action(
        mutation="refundSetPriority",
        label={"en": "set the priority", "zh": "设置优先级"},
        roles=AGENTS,
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
        mutation="discretionApprove",
        label={"en": "do what was beyond a colleague's budget", "zh": "批准超额度操作"},
        roles=AGENTS,
        consequence={
            "en": "What the colleague wanted is done in your name, and counts in your budget.",
            "zh": "以你的名义执行同事的操作，并计入你的额度。",
        },
        possible=lambda standing: bool(standing.doable),
        moves_money=lambda standing: standing.task_pays,
    ),
    Action(
        mutation="discretionRefuse",
        label={"en": "refuse what was beyond a colleague's budget", "zh": "驳回超额度操作"},
        roles=AGENTS,
        consequence={
            "en": "The colleague reads your answer; the refund stays where it is.",
            "zh": "同事将看到你的答复，退款状态不变。",
        },
        possible=lambda standing: bool(standing.asked),
    ),
)
