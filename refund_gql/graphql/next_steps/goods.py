"""The goods: whether they are gone, on their way back, and what the parcel holds."""

from refund_gql.graphql.next_steps.action import TO_FINANCE, TO_REVIEW, Action, pays_at_once
from refund_gql.states import JOURNEY, Step

ACTIONS: tuple[Action, ...] = (
    Action(
        step=Step.CONFIRM_GOODS_GONE,
        mutation="refundConfirmWarehouse",
        fixed={"verdict": "GOODS_GONE"},
        consequence=TO_FINANCE,
        moves_money=pays_at_once,
    ),
    Action(
        step=Step.FIND_GOODS_WITH_CUSTOMER,
        mutation="refundConfirmWarehouse",
        fixed={"verdict": "WITH_CUSTOMER"},
        consequence=TO_REVIEW,
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
        mutation="returnBookPickup",
        label={"en": "have the goods fetched", "zh": "预约上门取件"},
        roles=JOURNEY[Step.SHIP_RETURN].roles,
        consequence={
            "en": "A courier is ordered to the address given; the goods can still be sent "
            "another way.",
            "zh": "快递员将上门取件；在此之前仍可自行寄回。",
        },
        possible=lambda standing: standing.fetchable,
    ),
    Action(
        step=Step.RECEIVE_RETURN,
        mutation="returnReceive",
        consequence={"en": "The goods are inspected next.", "zh": "下一步为验货。"},
    ),
    Action(
        step=Step.REPORT_RETURN_LOST,
        mutation="returnReportLost",
        consequence={
            "en": "Nobody waits for the parcel any more; people decide what follows, and no money "
            "moves.",
            "zh": "不再等待该包裹，由人工决定后续处理，不涉及资金。",
        },
    ),
    Action(
        step=Step.REOPEN_RETURN,
        mutation="returnReopen",
        consequence={
            "en": "The customer is asked for the goods again, at the address that applies now.",
            "zh": "请顾客按当前退货地址重新寄回商品。",
        },
    ),
    Action(
        step=Step.PASS_INSPECTION,
        mutation="returnInspect",
        consequence={
            "en": "Only what was received is refunded. What is granted as asked goes on as after "
            "any approval; what is reduced goes to finance.",
            "zh": "仅就实际收到的商品退款；全额通过按免审额度处理，折价的转财务审核。",
        },
        moves_money=pays_at_once,
    ),
    Action(
        step=Step.OFFER_REDUCTION,
        mutation="returnInspect",
        consequence={
            "en": "A line reduced by more than the shop's threshold: the customer is offered the "
            "rest, and asked first.",
            "zh": "单件折价超过店铺设定的额度时，先与顾客协商减额。",
        },
        possible=lambda standing: standing.reduction_is_offered,
    ),
    Action(
        step=Step.REFUSE_INSPECTION,
        mutation="returnInspect",
        consequence=TO_REVIEW,
    ),
)
