"""The script of the demo's live refunds: at least one for every state of the journey.

REQUESTED and APPROVED last a moment when the engine works; two scenes wait there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from refund_gql.choices import Fulfilment
from refund_gql.demo.bargaining import KEEP, OFFER, OFFER_COUPON, OVERREACH, SWAP
from refund_gql.demo.people import ME
from refund_gql.demo.steps import (
    ACCEPT,
    ANSWER,
    APPROVE,
    ASK,
    CANCEL,
    CLASSIFY,
    CONFIRM,
    NOTE,
    PAY,
    RECEIVE,
    REDUCE,
    REJECT,
    RELEASE,
    SHIP,
    TAKE,
    WAIT,
    Step,
)
from refund_gql.states import RefundKind

_MISTAKE, _DIFFERENT, _LOGISTICS, _CHANGED_MIND = (
    "ordered-by-mistake",
    "not-as-described",
    "logistics",
    "changed-mind",
)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One refund and how far it gets."""

    name: str
    skus: tuple[str, ...]
    reason: str
    note: str
    steps: tuple[Step, ...]
    sent: Fulfilment = Fulfilment.DELIVERED
    returned: bool = False
    """Return and refund; otherwise refund only."""
    quiet: float = 2
    """Hours since the last step."""
    customer: str = ME.reference
    sandbox: str = "OK*"

    @property
    def order_number(self) -> str:
        return f"SO-{self.name.upper()}"

    @property
    def kind(self) -> RefundKind:
        return RefundKind.RETURN_AND_REFUND if self.returned else RefundKind.REFUND_ONLY

    def requested_at(self, now: datetime) -> datetime:
        """Early enough for every step."""
        took = sum((step.after for step in self.steps), timedelta())
        return now - timedelta(hours=self.quiet) - took


SCENES = (
    # REQUESTED
    Scene(
        name="just-asked",
        skus=("MUG-CAMELLIA",),
        reason=_MISTAKE,
        note="拍错颜色了",
        sent=Fulfilment.UNSHIPPED,
        steps=(WAIT,),
        quiet=0.1,
    ),
    # REVIEW
    Scene(
        name="shoes-too-small",
        skus=("SHOES-RUN-41",),
        reason=_CHANGED_MIND,
        note="太小了，想换 42 码",
        returned=True,
        steps=(CLASSIFY, TAKE),
    ),
    Scene(
        name="thermos-not-warm",
        skus=("THERMOS-500-BLUE",),
        reason=_DIFFERENT,
        note="早上装的热水，中午就凉了，不保温",
        steps=(CLASSIFY, TAKE, NOTE, ASK, ANSWER),
    ),
    Scene(
        name="thermos-dented",
        skus=("THERMOS-500-RED",),
        reason=_LOGISTICS,
        note="There is a dent in the lid",
        customer="C-2003",
        steps=(CLASSIFY, ASK),
        quiet=0.5,
    ),
    Scene(
        name="parcel-late",
        skus=("TSHIRT-WHITE-M", "SCARF-WOOL"),
        reason=_LOGISTICS,
        note="物流五天没有更新了",
        customer="C-1004",
        sent=Fulfilment.SHIPPED,
        steps=(CLASSIFY,),
        quiet=7,
    ),
    Scene(
        name="dress-too-long",
        skus=("DRESS-SILK-S",),
        reason=_CHANGED_MIND,
        note="Beautiful, but too long for me",
        customer="C-2001",
        returned=True,
        steps=(CLASSIFY,),
        quiet=30,
    ),
    # REFUNDED, and a half of its own in REVIEW
    Scene(
        name="half-sent",
        skus=("HUMIDIFIER", "PHONE-CASE"),
        reason=_MISTAKE,
        note="都不需要了",
        sent=Fulfilment.PARTLY_SHIPPED,
        steps=(CLASSIFY, PAY),
        quiet=4,
    ),
    # WAREHOUSE_CHECK
    Scene(
        name="parcel-lost",
        skus=("TEA-PUER",),
        reason=_LOGISTICS,
        note="快递说找不到包裹",
        sent=Fulfilment.SHIPPED,
        steps=(CLASSIFY, APPROVE),
    ),
    Scene(
        name="box-empty",
        skus=("POWERBANK-10K",),
        reason=_LOGISTICS,
        note="The box was empty",
        customer="C-2005",
        steps=(CLASSIFY, ASK, APPROVE),
        quiet=6,
    ),
    # AWAITING_RETURN
    Scene(
        name="shirt-too-wide",
        skus=("SHIRT-LINEN-L",),
        reason=_CHANGED_MIND,
        note="穿着太大了",
        returned=True,
        steps=(CLASSIFY, APPROVE),
    ),
    Scene(
        name="earbuds-crackle",
        skus=("EARBUDS",),
        reason=_DIFFERENT,
        note="右耳有杂音",
        customer="C-1007",
        returned=True,
        steps=(CLASSIFY, APPROVE),
        quiet=26,
    ),
    # RETURNING
    Scene(
        name="backpack-other-colour",
        skus=("BACKPACK-20L",),
        reason=_DIFFERENT,
        note="颜色和图片不一样",
        returned=True,
        steps=(CLASSIFY, APPROVE, SHIP),
        quiet=9,
    ),
    Scene(
        name="jacket-too-thin",
        skus=("DOWN-JACKET-M",),
        reason=_DIFFERENT,
        note="Thinner than described",
        customer="C-2002",
        returned=True,
        steps=(CLASSIFY, APPROVE, SHIP),
    ),
    # INSPECTION
    Scene(
        name="lamp-flickers",
        skus=("DESK-LAMP",),
        reason=_DIFFERENT,
        note="灯一直闪",
        returned=True,
        steps=(CLASSIFY, APPROVE, SHIP, RECEIVE),
        quiet=1,
    ),
    Scene(
        name="suitcase-scratched",
        skus=("SUITCASE-24",),
        reason=_LOGISTICS,
        note="箱子有划痕",
        customer="C-1010",
        returned=True,
        steps=(CLASSIFY, APPROVE, SHIP, RECEIVE),
        quiet=11,
    ),
    # FINANCE_REVIEW
    Scene(
        name="rice-cooker-unused",
        skus=("RICE-COOKER-3L",),
        reason=_MISTAKE,
        note="买重了，没拆封",
        returned=True,
        steps=(CLASSIFY, APPROVE, SHIP, RECEIVE, ACCEPT),
    ),
    Scene(
        name="shoes-scuffed",
        skus=("SHOES-RUN-42",),
        reason=_CHANGED_MIND,
        note="不太合脚",
        customer="C-1012",
        returned=True,
        steps=(CLASSIFY, APPROVE, SHIP, RECEIVE, REDUCE),
        quiet=5,
    ),
    Scene(
        name="teapot-lost",
        skus=("TEAPOT-ZISHA",),
        reason=_LOGISTICS,
        note="Tracking says returned to sender",
        customer="C-2009",
        sent=Fulfilment.SHIPPED,
        steps=(CLASSIFY, APPROVE, CONFIRM),
        quiet=20,
    ),
    # APPROVED
    Scene(
        name="about-to-be-paid",
        skus=("KETTLE-1.5L",),
        reason=_MISTAKE,
        note="地址写错了，重新下单",
        sent=Fulfilment.UNSHIPPED,
        steps=(CLASSIFY, WAIT),
        quiet=0.1,
    ),
    # PAYING
    Scene(
        name="bank-takes-its-time",
        skus=("TSHIRT-WHITE-L",),
        reason=_MISTAKE,
        note="尺码拍错了",
        sent=Fulfilment.UNSHIPPED,
        sandbox="PROCESSING",
        steps=(CLASSIFY, PAY),
        quiet=0.2,
    ),
    Scene(
        name="bank-takes-longer",
        skus=("TEA-LONGJING",),
        reason=_CHANGED_MIND,
        note="No longer needed",
        customer="C-2008",
        sent=Fulfilment.UNSHIPPED,
        sandbox="PROCESSING",
        steps=(CLASSIFY, PAY),
        quiet=3,
    ),
    # PAYMENT_STUCK: refused, where trying again helps; unclear; refused until it has a new number
    Scene(
        name="bank-refuses",
        skus=("SCARF-WOOL",),
        reason=_MISTAKE,
        note="多拍了一条",
        sent=Fulfilment.UNSHIPPED,
        sandbox="REFUSE,OK*",
        steps=(CLASSIFY, PAY),
    ),
    Scene(
        name="bank-cannot-tell",
        skus=("HUMIDIFIER",),
        reason=_MISTAKE,
        note="下错单了",
        customer="C-1015",
        sent=Fulfilment.UNSHIPPED,
        sandbox="MANUAL",
        steps=(CLASSIFY, PAY),
        quiet=8,
    ),
    Scene(
        name="bank-wants-a-new-number",
        skus=("POWERBANK-10K",),
        reason=_CHANGED_MIND,
        note="Found a better one",
        customer="C-2010",
        sent=Fulfilment.UNSHIPPED,
        sandbox="NUMBER_SPENT,OK*",
        steps=(CLASSIFY, PAY),
        quiet=25,
    ),
    # REFUNDED
    Scene(
        name="wrong-colour",
        skus=("THERMOS-500-BLUE",),
        reason=_MISTAKE,
        note="颜色拍错了",
        sent=Fulfilment.UNSHIPPED,
        steps=(CLASSIFY, PAY),
        quiet=3,
    ),
    Scene(
        name="bank-times-out",
        skus=("THERMOS-500-RED",),
        reason=_MISTAKE,
        note="想换成蓝色",
        sent=Fulfilment.UNSHIPPED,
        sandbox="TIMEOUT_AFTER,OK*",
        steps=(CLASSIFY, PAY, PAY),
        quiet=5,
    ),
    Scene(
        name="earbuds-came-back",
        skus=("EARBUDS",),
        reason=_CHANGED_MIND,
        note="戴着不舒服",
        returned=True,
        steps=(CLASSIFY, APPROVE, SHIP, RECEIVE, ACCEPT, RELEASE, PAY),
        quiet=10,
    ),
    Scene(
        name="canvas-shoes-came-back",
        skus=("SHOES-CANVAS-38",),
        reason=_CHANGED_MIND,
        note="One size too small",
        customer="C-2007",
        returned=True,
        steps=(CLASSIFY, APPROVE, SHIP, RECEIVE, ACCEPT, PAY),
        quiet=12,
    ),
    Scene(
        name="tea-lost",
        skus=("TEA-LONGJING",),
        reason=_LOGISTICS,
        note="包裹丢失",
        customer="C-1018",
        sent=Fulfilment.SHIPPED,
        steps=(CLASSIFY, APPROVE, CONFIRM, PAY),
        quiet=15,
    ),
    # REJECTED
    Scene(
        name="shoes-worn",
        skus=("SHOES-RUN-41",),
        reason=_DIFFERENT,
        note="穿了两次觉得不舒服",
        returned=True,
        steps=(CLASSIFY, REJECT),
        quiet=18,
    ),
    Scene(
        name="tea-opened",
        skus=("TEA-PUER",),
        reason=_CHANGED_MIND,
        note="Not my taste",
        customer="C-2006",
        returned=True,
        steps=(CLASSIFY, ASK, ANSWER, REJECT),
        quiet=28,
    ),
    # NEGOTIATING
    Scene(
        name="thermos-two-offers",
        skus=("THERMOS-500-BLUE",),
        reason=_DIFFERENT,
        note="保温效果不好，下午水就凉了",
        steps=(CLASSIFY, OFFER),
        quiet=4,
    ),
    # REFUNDED, goods kept
    Scene(
        name="thermos-kept",
        skus=("THERMOS-500-RED",),
        reason=_DIFFERENT,
        note="不保温",
        customer="C-1004",
        steps=(CLASSIFY, OFFER, KEEP, PAY),
        quiet=20,
    ),
    # SETTLED
    Scene(
        name="mug-for-a-coupon",
        skus=("MUG-CAMELLIA",),
        reason=_DIFFERENT,
        note="The flower is smaller than in the picture",
        steps=(CLASSIFY, OFFER_COUPON, SWAP),
        quiet=16,
    ),
    # REVIEW, beyond the agent's budget
    Scene(
        name="suitcase-wheel-squeaks",
        skus=("SUITCASE-24",),
        reason=_DIFFERENT,
        note="轮子有异响，愿意留用",
        customer="C-1018",
        steps=(CLASSIFY, OVERREACH),
        quiet=3,
    ),
    # CANCELLED
    Scene(
        name="keeps-the-mug",
        skus=("MUG-CAMELLIA",),
        reason=_CHANGED_MIND,
        note="不想要了",
        returned=True,
        steps=(CLASSIFY, CANCEL),
        quiet=6,
    ),
    Scene(
        name="keeps-the-suitcase",
        skus=("SUITCASE-24",),
        reason=_CHANGED_MIND,
        note="Too big after all",
        customer="C-2011",
        returned=True,
        steps=(CLASSIFY, APPROVE, CANCEL),
        quiet=22,
    ),
)
