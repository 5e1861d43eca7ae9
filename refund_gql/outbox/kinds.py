"""What customers hear of: every kind of message, which event gives rise to it, and what a text
about it may mention.

A kind is news to the customer, not a step of the shop: that a refund went from one desk to the
next, or back again, is told to nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from refund_gql.events import EventType
from refund_gql.states import COMMITTED, RefundStatus

LOCALES = ("zh", "en")


class MessageKind(StrEnum):
    """One piece of news."""

    REQUEST_RECEIVED = "REQUEST_RECEIVED"
    """The request is there, and a person will look at it."""
    APPROVED_INSTANTLY = "APPROVED_INSTANTLY"
    """Nobody had to look: the money is on its way (极速退款)."""
    APPROVED = "APPROVED"
    """Everybody agreed: the money is on its way."""
    EVIDENCE_REQUESTED = "EVIDENCE_REQUESTED"
    """Customer service asks for pictures or words."""
    RETURN_REQUESTED = "RETURN_REQUESTED"
    """Send the goods back: where to, and in which state."""
    RETURN_RECEIVED = "RETURN_RECEIVED"
    """The parcel has arrived and will be inspected."""
    RETURN_LOST = "RETURN_LOST"
    """The parcel seems to be lost: the shop looks into it, nothing is to be done."""
    RETURN_REOPENED = "RETURN_REOPENED"
    """The parcel did not reach the shop: please send the goods again, and where to."""
    SHIPMENT_DELAYED = "SHIPMENT_DELAYED"
    """A parcel to the customer is late, stuck, damaged or lost, and the shop knows."""
    REFUND_FIRST = "REFUND_FIRST"
    """The money is on its way already; send the goods back, by when and where to (先退款后收货)."""
    RETURN_REMINDER = "RETURN_REMINDER"
    """The money is back, and the goods have not been sent: please do, by when and where to."""
    REJECTED = "REJECTED"
    """Refused, with the reason."""
    REFUNDED = "REFUNDED"
    """The money is back."""
    CANCELLED = "CANCELLED"
    """The request is withdrawn."""
    MERGED = "MERGED"
    """Two requests on one order are one now."""
    PAYMENT_DELAYED = "PAYMENT_DELAYED"
    """The money was promised, and a day later it still has not moved."""
    COUPON_ISSUED = "COUPON_ISSUED"
    """A coupon is the customer's: its code, and until when."""
    SHIPPING_REMINDER = "SHIPPING_REMINDER"
    """The money waits for the goods, and they have not been sent."""
    EVIDENCE_REMINDER = "EVIDENCE_REMINDER"
    """The question of customer service is still open."""
    EXPIRED = "EXPIRED"
    """Closed, since nothing came in time; she may ask again."""
    FOLLOW_UP = "FOLLOW_UP"
    """A word afterwards, by the reason of the refund; only when a rule says so."""
    OFFERED = "OFFERED"
    """There are offers to choose from: which, and until when."""
    OFFER_EXPIRED = "OFFER_EXPIRED"
    """The time to choose is over; a person looks again."""


class VariableType(StrEnum):
    """What a variable holds; each arrives in a text as words of the customer's language."""

    TEXT = "TEXT"
    MONEY = "MONEY"
    """An amount with its currency: ¥89.00."""
    DATE = "DATE"
    """A day in the shop's time zone: 2026年1月31日."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One thing a text may mention. Empty when the refund has none."""

    name: str
    type: VariableType
    description: Mapping[str, str]
    """Locale -> what it is."""
    example: Mapping[str, str]
    """Locale -> a value, for previews."""


def _variable(
    name: str, zh: tuple[str, str], en: tuple[str, str], type: VariableType = VariableType.TEXT
) -> Variable:
    return Variable(
        name=name,
        type=type,
        description={"zh": zh[0], "en": en[0]},
        example={"zh": zh[1], "en": en[1]},
    )


COMMON = (
    _variable("shop_name", ("店铺名称", "晨光小店"), ("The shop's name", "Morning Light")),
    _variable("customer_name", ("顾客姓名", "王小明"), ("The customer's name", "Xiaoming Wang")),
    _variable(
        "refund_number", ("退款单号", "R260131-7K3M9QX2"), ("The refund", "R260131-7K3M9QX2")
    ),
    _variable("order_number", ("订单号", "SO-20260130-17"), ("The order", "SO-20260130-17")),
    _variable(
        "goods", ("商品，多件时写明件数", "保温杯等2件商品"), ("The goods", "Thermos and 1 more")
    ),
    _variable(
        "amount",
        ("退款金额；无需退款时为空", "¥89.00"),
        ("What is refunded; empty when that is nothing", "CN¥89.00"),
        VariableType.MONEY,
    ),
    _variable(
        "requested_on",
        ("申请日期", "2026年1月31日"),
        ("The day of the request", "January 31, 2026"),
        VariableType.DATE,
    ),
)
"""What every text may mention."""

SCRIPT_VARIABLES = (
    *COMMON,
    _variable("agent_name", ("当前客服姓名", "陈思远"), ("Whoever is writing", "Siyuan Chen")),
)
"""What a colleague's canned text may mention."""

_QUESTION = _variable(
    "question",
    ("客服的问题", "请上传商品瑕疵处的照片"),
    ("What customer service asks for", "Please send a photo of the damage"),
)
_REASON = _variable(
    "reason",
    ("拒绝原因", "商品已超出退货期限"),
    ("Why it was refused", "The return window has ended"),
)
_ADDRESS = _variable(
    "return_address",
    ("寄回地址", "上海市徐汇区漕溪路1号 退货仓 021-5555 0100"),
    ("Where to send the goods", "Returns, 1 Caoxi Road, Shanghai"),
)
_REQUIREMENTS = _variable(
    "return_requirements",
    ("寄回要求", "商品完好，配件齐全"),
    ("What the goods must look like", "Unused, with all accessories"),
)
_RETURN_BY = _variable(
    "return_by",
    ("寄回截止日期", "2026年2月7日"),
    ("The last day to send the goods", "February 7, 2026"),
    VariableType.DATE,
)
_EXPECTED_ON = _variable(
    "expected_on",
    ("预计退款日期", "2026年2月10日"),
    ("The day by which the money is expected", "February 10, 2026"),
    VariableType.DATE,
)
_COURIER = _variable("courier", ("快递公司", "顺丰速运"), ("Who carried the parcel", "SF Express"))
_TRACKING = _variable(
    "tracking_number", ("运单号", "SF1234567890"), ("The parcel's number", "SF1234567890")
)
_COUPON_CODE = _variable(
    "coupon_code",
    ("优惠券码；没有优惠券时为空", "SORRY-7K3M"),
    ("The coupon's code; empty without one", "SORRY-7K3M"),
)
_COUPON_AMOUNT = _variable(
    "coupon_amount",
    ("优惠券面额；没有优惠券时为空", "¥10.00"),
    ("What the coupon is worth; empty without one", "CN¥10.00"),
    VariableType.MONEY,
)
_LEAST_ORDER_AMOUNT = _variable(
    "least_order_amount",
    ("优惠券使用门槛；无门槛时为空", "¥50.00"),
    ("What an order must reach for the coupon; empty for any order", "CN¥50.00"),
    VariableType.MONEY,
)
_VALID_UNTIL = _variable(
    "valid_until",
    ("优惠券最后有效日；长期有效时为空", "2026年3月2日"),
    ("The last day of the coupon; empty when it has none", "March 2, 2026"),
    VariableType.DATE,
)
_PURPOSE = _variable(
    "purpose",
    ("发券原因：GIFT、COMPENSATION、RESTITUTION 或 EXCHANGE", "GIFT"),
    ("Why it is given: GIFT, COMPENSATION, RESTITUTION or EXCHANGE", "GIFT"),
)
_REASON_CODE = _variable(
    "reason_code",
    ("退款原因的代码；未填写时为空", "size"),
    ("The code of the refund's reason; empty when none was given", "size"),
)
_OFFERS = _variable(
    "offers",
    ("可选方案，每行一个", "1. 退货全额退款：¥89.00\n2. 保留商品并获得补偿：¥20.00"),
    (
        "The offers, one a line",
        "1. Full refund, send the goods back: CN¥89.00\n"
        "2. Keep the goods, with a compensation: CN¥20.00",
    ),
)
_OFFER_MESSAGE = _variable(
    "offer_message",
    ("客服的留言；没有时为空", "建议先用热水预热杯身"),
    ("What customer service says beside; empty for nothing", "Please rinse it with hot water"),
)
_OFFER_UNTIL = _variable(
    "offer_until",
    ("方案有效期，店铺当地时间", "2026年2月2日 10:00"),
    ("Until when they can be accepted, where the shop is", "February 2, 2026, 10:00 AM"),
)
_COUPON = (_COUPON_CODE, _COUPON_AMOUNT, _LEAST_ORDER_AMOUNT, _VALID_UNTIL)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """When a kind of message is told, and what it can say."""

    label: Mapping[str, str]
    """Locale -> what staff call it."""
    triggers: frozenset[EventType]
    again_after: frozenset[EventType] = frozenset()
    """Told once, and once more after each of these. Empty: once per refund."""
    unless_told: frozenset["MessageKind"] = frozenset()
    """News that has said the same already."""
    holds_in: frozenset[RefundStatus] = frozenset(RefundStatus)
    """Where the refund may stand when it is sent at last; elsewhere it would mislead."""
    waits: timedelta = timedelta(0)
    """Sent so long after the event, if it still holds then."""
    own: tuple[Variable, ...] = ()
    spoken: bool = False
    """Its text needs words that a person wrote about this refund, or is about no refund: no rule
    can ask for it."""

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Everything a text of this kind may mention."""
        return (*COMMON, *self.own)

    def examples(self, locale: str) -> dict[str, str]:
        """A value for every variable."""
        return {variable.name: variable.example[locale] for variable in self.variables}


_E, _K, _R = EventType, MessageKind, RefundStatus
_AGREED = frozenset({_R.APPROVED, _R.PAYING, _R.PAYMENT_STUCK, _R.REFUNDED})
_DECIDING = frozenset({_R.REQUESTED, _R.REVIEW, _R.WAREHOUSE_CHECK, _R.FINANCE_REVIEW})

KINDS: dict[MessageKind, Kind] = {
    _K.REQUEST_RECEIVED: Kind(
        label={"zh": "已受理，等待审核", "en": "Request received"},
        triggers=frozenset({_E.SENT_TO_REVIEW, _E.SENT_TO_WAREHOUSE, _E.SENT_TO_FINANCE}),
        holds_in=_DECIDING,
    ),
    _K.APPROVED_INSTANTLY: Kind(
        label={"zh": "极速退款已通过", "en": "Approved at once"},
        triggers=frozenset({_E.APPROVED_INSTANTLY}),
        holds_in=_AGREED,
    ),
    _K.APPROVED: Kind(
        label={"zh": "审核通过", "en": "Approved"},
        triggers=frozenset({_E.FINANCE_APPROVED}),
        unless_told=frozenset({_K.APPROVED_INSTANTLY}),
        holds_in=_AGREED,
    ),
    _K.EVIDENCE_REQUESTED: Kind(
        label={"zh": "需要补充凭证", "en": "Evidence asked for"},
        triggers=frozenset({_E.EVIDENCE_REQUESTED}),
        again_after=frozenset({_E.EVIDENCE_REQUESTED}),
        holds_in=frozenset({_R.REVIEW}),
        own=(_QUESTION,),
        spoken=True,
    ),
    _K.RETURN_REQUESTED: Kind(
        label={"zh": "请寄回商品", "en": "Goods to be sent back"},
        triggers=frozenset({_E.RETURN_APPROVED}),
        again_after=frozenset({_E.RETURN_APPROVED}),
        holds_in=frozenset({_R.AWAITING_RETURN}),
        own=(_ADDRESS, _REQUIREMENTS, _EXPECTED_ON),
    ),
    _K.RETURN_LOST: Kind(
        label={"zh": "退货包裹丢失", "en": "Goods lost on their way back"},
        triggers=frozenset({_E.RETURN_LOST}),
        again_after=frozenset({_E.RETURN_LOST}),
        holds_in=_DECIDING | COMMITTED,
        own=(_COURIER, _TRACKING),
    ),
    _K.RETURN_REOPENED: Kind(
        label={"zh": "请重新寄回商品", "en": "Goods to be sent again"},
        triggers=frozenset({_E.RETURN_REOPENED}),
        again_after=frozenset({_E.RETURN_REOPENED}),
        holds_in=COMMITTED | {_R.AWAITING_RETURN},
        own=(_ADDRESS, _REQUIREMENTS),
    ),
    _K.SHIPMENT_DELAYED: Kind(
        label={"zh": "包裹配送异常", "en": "Parcel late or in trouble"},
        triggers=frozenset(),
        own=(_COURIER, _TRACKING),
        spoken=True,
    ),
    _K.RETURN_RECEIVED: Kind(
        label={"zh": "已收到退货", "en": "Goods received"},
        triggers=frozenset({_E.RETURN_RECEIVED}),
        again_after=frozenset({_E.RETURN_RECEIVED}),
        # It promises money that is back already where it went first.
        unless_told=frozenset({_K.REFUND_FIRST}),
        holds_in=_DECIDING | {_R.INSPECTION},
        own=(_COURIER, _TRACKING),
    ),
    _K.REFUND_FIRST: Kind(
        label={"zh": "先退款，请寄回商品", "en": "Refund first, goods to be sent back"},
        triggers=frozenset({_E.GOODS_AWAITED}),
        holds_in=COMMITTED,
        own=(_ADDRESS, _REQUIREMENTS, _RETURN_BY),
    ),
    _K.RETURN_REMINDER: Kind(
        label={"zh": "寄回商品提醒", "en": "Reminder to send the goods back"},
        triggers=frozenset({_E.RETURN_REMINDED}),
        again_after=frozenset({_E.RETURN_REOPENED}),
        holds_in=frozenset({_R.REFUNDED}),
        own=(_ADDRESS, _REQUIREMENTS, _RETURN_BY),
    ),
    _K.REJECTED: Kind(
        label={"zh": "申请未通过", "en": "Refused"},
        triggers=frozenset({_E.REJECTED}),
        # Who disputes a refusal hears how that ended, if it is the same again.
        again_after=frozenset({_E.DISPUTED}),
        holds_in=frozenset({_R.REJECTED}),
        own=(_REASON,),
        spoken=True,
    ),
    _K.REFUNDED: Kind(
        label={"zh": "已退款", "en": "Refunded"},
        triggers=frozenset({_E.REFUNDED}),
        # After a reversal the money comes a second time, and that is news.
        again_after=frozenset({_E.REFUNDED}),
        holds_in=frozenset({_R.REFUNDED}),
    ),
    _K.CANCELLED: Kind(
        label={"zh": "申请已撤销", "en": "Withdrawn"},
        triggers=frozenset({_E.CANCELLED}),
        holds_in=frozenset({_R.CANCELLED}),
    ),
    _K.MERGED: Kind(
        label={"zh": "申请已合并", "en": "Requests merged"},
        triggers=frozenset({_E.REQUEST_ADDED}),
        again_after=frozenset({_E.REQUEST_ADDED}),
        holds_in=_DECIDING,
    ),
    _K.PAYMENT_DELAYED: Kind(
        label={"zh": "退款延迟", "en": "Payment delayed"},
        triggers=frozenset({_E.PAYMENT_STUCK, _E.PAYOUT_PARKED, _E.PAYMENT_REVERSED}),
        again_after=frozenset({_E.REFUNDED}),
        holds_in=frozenset({_R.APPROVED, _R.PAYING, _R.PAYMENT_STUCK}),
        # Most of what sticks is solved within hours; nobody needs to be alarmed by that.
        waits=timedelta(hours=24),
    ),
    _K.COUPON_ISSUED: Kind(
        label={"zh": "优惠券已发放", "en": "Coupon given"},
        triggers=frozenset({_E.COUPON_ISSUED}),
        again_after=frozenset({_E.COUPON_ISSUED}),
        own=(*_COUPON, _PURPOSE),
    ),
    _K.SHIPPING_REMINDER: Kind(
        label={"zh": "寄回商品后退款提醒", "en": "Reminder: the refund waits for the goods"},
        triggers=frozenset({_E.SHIPPING_REMINDED}),
        again_after=frozenset({_E.SHIPPING_REMINDED}),
        holds_in=frozenset({_R.AWAITING_RETURN}),
        own=(_ADDRESS, _REQUIREMENTS, _RETURN_BY),
    ),
    _K.EVIDENCE_REMINDER: Kind(
        label={"zh": "补充凭证提醒", "en": "Reminder: evidence asked for"},
        triggers=frozenset({_E.EVIDENCE_REMINDED}),
        again_after=frozenset({_E.EVIDENCE_REMINDED}),
        holds_in=frozenset({_R.REVIEW}),
        own=(_QUESTION,),
        spoken=True,
    ),
    _K.EXPIRED: Kind(
        label={"zh": "超时关闭", "en": "Closed: nothing came in time"},
        triggers=frozenset({_E.EXPIRED}),
        holds_in=frozenset({_R.CANCELLED}),
    ),
    _K.FOLLOW_UP: Kind(
        label={"zh": "退款后回访", "en": "Follow-up"},
        triggers=frozenset(),
        holds_in=frozenset({_R.RETURNING, _R.INSPECTION, _R.FINANCE_REVIEW})
        | frozenset({_R.APPROVED, _R.PAYING, _R.REFUNDED}),
        own=(_REASON_CODE, *_COUPON),
    ),
    _K.OFFERED: Kind(
        label={"zh": "有方案可选", "en": "Offers to choose from"},
        triggers=frozenset({_E.OFFERED}),
        again_after=frozenset({_E.OFFERED}),
        holds_in=frozenset({_R.NEGOTIATING}),
        own=(_OFFERS, _OFFER_MESSAGE, _OFFER_UNTIL),
    ),
    _K.OFFER_EXPIRED: Kind(
        label={"zh": "方案已过期", "en": "Offers expired"},
        triggers=frozenset({_E.OFFER_EXPIRED}),
        again_after=frozenset({_E.OFFER_EXPIRED}),
        holds_in=_DECIDING,
    ),
}
"""Kind -> when it is told, and what it can say."""

BY_EVENT: dict[EventType, MessageKind] = {
    event: kind for kind, told in KINDS.items() for event in told.triggers
}
"""Event -> the news it is; events that are no news to a customer are missing. What a rule asks
for, MESSAGE_REQUESTED, names its kind itself."""
