"""What a rule may ask about: one list of flat names, each with its type and its meaning.

A fact that nobody can know is missing: it is left out, never guessed. A rule that needs it does
not match, and the refund goes on without that rule.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from refund_gql.choices import RuleTrigger
from refund_gql.money import MAX_MINOR_UNITS
from refund_gql.states import RefundKind, RefundStatus

FactValue = bool | int | float | str | tuple[str, ...]

MAX_ENTRIES = 100
"""Entries of a list that a rule looks at."""
MAX_CHARACTERS = 200
"""Of one text."""


class FactType(StrEnum):
    """What a fact holds, in the words of the language of conditions."""

    BOOL = "BOOL"
    INT = "INT"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    STRINGS = "STRINGS"
    """A list of texts."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing a condition may mention."""

    name: str
    """`group.fact`."""
    type: FactType
    example: FactValue
    description: Mapping[str, str]
    """Locale -> what it means."""
    values: tuple[str, ...] = ()
    """All values it can have, where there are few."""
    triggers: frozenset[RuleTrigger] = frozenset(RuleTrigger)
    """When it can be known at all."""

    @property
    def group(self) -> str:
        """What it is a fact about: refund, order, product, ..."""
        return self.name.partition(".")[0]


def _declared(
    name: str,
    example: FactValue,
    zh: str,
    en: str,
    *,
    values: tuple[str, ...] = (),
    only: RuleTrigger | None = None,
    later: bool = False,
) -> Fact:
    """`only`: on one trigger; `later`: on none, since the engine does not learn it yet."""
    triggers = frozenset({only}) if only else frozenset(RuleTrigger)
    return Fact(
        name=name,
        type=_type_of(example),
        example=example,
        description={"zh": zh, "en": en},
        values=values,
        triggers=frozenset() if later else triggers,
    )


def _type_of(value: object) -> FactType:
    for kind, type_ in _TYPES.items():
        if isinstance(value, kind):
            return type_
    raise ValueError(f"{value!r} is no value a fact can have")


_TYPES: dict[type, FactType] = {
    bool: FactType.BOOL,  # before int, whose instances they are too
    int: FactType.INT,
    float: FactType.DOUBLE,
    str: FactType.STRING,
    tuple: FactType.STRINGS,
}

_RISK = ("LOW", "MEDIUM", "HIGH")
_WEEKDAYS = "1 is Monday, 7 is Sunday"

FACTS: tuple[Fact, ...] = (
    # --- the refund ---------------------------------------------------------------------------
    _declared(
        "refund.amount", 8900,
        "退款金额，以最小货币单位计（8900 即 89.00 元）",
        "What is asked for, in minor units (8900 is 89.00)",
    ),
    _declared(
        "refund.share_of_order", 1.0,
        "退款金额占订单实付金额的比例，0 到 1",
        "The amount as a share of what was paid for the order, 0 to 1",
    ),
    _declared("refund.currency", "CNY", "退款币种（ISO 4217）", "Its currency (ISO 4217)"),
    _declared(
        "refund.kind", "REFUND_ONLY",
        "退款类型：仅退款或退货退款；所退商品均未发货时一律为仅退款",
        "The money alone, or the goods go back too; while none were sent, the money alone",
        values=tuple(kind.value for kind in RefundKind),
    ),
    _declared(
        "refund.goods_shipped", False,
        "申请退款的商品是否有任何一件已发货",
        "Whether any unit that is asked for has left the warehouse",
    ),
    _declared(
        "refund.reason", "logistics",
        "客户所选退款原因的代码；未填写时为空",
        "The code of the reason the customer gave; empty when none was given",
    ),
    _declared(
        "refund.channel", "CUSTOMER",
        "由谁提出：客户、客服，或店铺自有系统",
        "Who asked: the customer, the shop's staff, or its own systems",
        values=("CUSTOMER", "AGENT", "SERVICE"),
    ),
    _declared(
        "refund.status", "REQUESTED",
        "退款当前状态",
        "Where it stands",
        values=tuple(status.value for status in RefundStatus),
    ),
    _declared(
        "refund.previous_status", "REVIEW",
        "变更前的状态；仅在状态变更时可用",
        "Where it stood before; known when a status has changed",
        values=tuple(status.value for status in RefundStatus),
        only=RuleTrigger.STATUS_CHANGED,
    ),
    _declared(
        "refund.minutes_in_status", 240,
        "在当前状态停留的分钟数；仅在定时触发时可用",
        "Minutes since it came to its status; known when the clock asks",
        only=RuleTrigger.CLOCK,
    ),
    _declared(
        "refund.age_minutes", 0, "提出申请至今的分钟数", "Minutes since it was asked for"
    ),
    _declared(
        "refund.first_on_order", True,
        "是否为该订单的首次退款申请",
        "Whether it is the first on its order",
    ),
    _declared(
        "refund.evidence_given", False,
        "客户是否已提供凭证",
        "Whether the customer has given evidence",
    ),
    # --- the order ----------------------------------------------------------------------------
    _declared("order.age_minutes", 10, "下单至今的分钟数", "Minutes since it was placed"),
    _declared(
        "order.shipped", False,
        "订单是否有任何商品已发货",
        "Whether anything of it has left the warehouse",
    ),
    _declared(
        "order.delivered", False, "订单是否已全部签收", "Whether everything has been delivered"
    ),
    _declared(
        "order.days_since_delivery", 2,
        "最后一个包裹签收至今的整天数；未签收时未知",
        "Whole days since the last delivery; not known before it",
    ),
    _declared(
        "order.paid_amount", 8900,
        "订单实付金额，以最小货币单位计",
        "What was paid for it, in minor units",
    ),
    _declared("order.lines", 1, "订单商品行数", "How many lines it has"),
    _declared(
        "order.region", "CN-31",
        "收货地区（ISO 3166-2），未填写时为空",
        "Where it is sent to (ISO 3166-2, or the country alone); empty when not said",
    ),
    _declared(
        "order.market", "CN",
        "适用法律的市场（ISO 3166-1）：收货国家，未知时为店铺所在国家",
        "Whose law counts (ISO 3166-1): where it is sent to, else where the shop is; may be empty",
    ),
    _declared("order.presale", False, "是否为预售订单", "Whether it was sold before it was there"),
    _declared(
        "order.within_window", True,
        "是否仍在退货期限内（店铺承诺与法定期限中较长者）；未发货时为 true",
        "Whether the customer may still ask: the shop's promise or the law's, whichever is longer",
    ),
    # --- the products -------------------------------------------------------------------------
    _declared(
        "product.categories", ("kitchen",),
        "申请退款商品的类目",
        "The categories of the products that are asked for",
    ),
    _declared(
        "product.highest_refund_rate", 0.04,
        "申请退款商品中最高的 90 天退款率，0 到 1",
        "The highest refund rate among them over 90 days, 0 to 1",
    ),
    _declared(
        "product.open_alert", False,
        "其中是否有商品存在未处理的质量预警",
        "Whether one of them has an alert that nobody has closed",
        later=True,
    ),
    # --- the customer -------------------------------------------------------------------------
    _declared("customer.tier", "GOLD", "会员等级，以 CRM 为准", "The tier, in the CRM's words"),
    _declared("customer.orders", 12, "历史订单数", "Orders so far, this one included"),
    _declared("customer.refunds_30d", 1, "近 30 天退款次数", "Refunds asked for in 30 days"),
    _declared("customer.refunds_90d", 2, "近 90 天退款次数", "Refunds asked for in 90 days"),
    _declared("customer.refunds_365d", 3, "近 365 天退款次数", "Refunds asked for in 365 days"),
    _declared(
        "customer.refund_rate_30d", 0.1,
        "近 30 天退款率（退款订单数占订单数），0 到 1；无订单时未知",
        "Orders with a refund among the orders of 30 days, 0 to 1; not known without orders",
    ),
    _declared(
        "customer.refund_rate_90d", 0.1,
        "近 90 天退款率，0 到 1；无订单时未知",
        "The same over 90 days",
    ),
    _declared(
        "customer.refund_rate_365d", 0.1,
        "近 365 天退款率，0 到 1；无订单时未知",
        "The same over 365 days",
    ),
    _declared(
        "customer.lifetime_value", 250_000,
        "累计净消费（已减退款），以店铺货币的最小单位计",
        "What was paid less what was refunded, in minor units of the shop's currency",
    ),
    _declared(
        "customer.open_claims", 0,
        "未结的追索单数量：先退款后，商品未寄回或有减损",
        "Open claims: goods that were paid for first and did not come back, or not whole",
    ),
    _declared(
        "customer.risk_known", True,
        "已接入的 CRM 是否均已应答；CRM 不可用或未接入时为 false",
        "Whether every CRM that is set up has answered; false while one does not, "
        "and where there is none",
    ),
    _declared(
        "customer.risk_level", "LOW",
        "退款风险等级，取 CRM、本店历史与标记中最高者；未知时该事实缺失",
        "The highest of what the CRM, the customer's history here and the flags say; "
        "missing while it is not known",
        values=_RISK,
    ),
    _declared(
        "customer.flags", ("vip",),
        "客户当前的标记：本店标记与 CRM 标记",
        "The flags the customer has, the shop's own and the CRM's",
    ),
    # --- the courier --------------------------------------------------------------------------
    _declared(
        "courier.delay_days", 3,
        "比承诺送达时间晚的整天数，准时为 0",
        "Whole days beyond the promised delivery; 0 when in time",
    ),
    _declared(
        "courier.anomaly", True,
        "物流是否异常：停滞、丢失、破损或被退回",
        "Whether a parcel is stuck, lost, damaged or on its way back unasked",
    ),
    _declared(
        "courier.event", "EXCEPTION",
        "刚收到的物流事件；仅在物流更新时可用",
        "The news itself; known when a courier has some",
        only=RuleTrigger.TRACKING_EVENT,
    ),
    # --- the shop and its desks ---------------------------------------------------------------
    _declared(
        "shop.hour", 14, "店铺当地时间的小时，0 到 23", "The hour in the shop's time zone, 0 to 23"
    ),
    _declared(
        "shop.weekday", 1, "店铺当地的星期，1 为周一，7 为周日", f"The day there: {_WEEKDAYS}"
    ),
    _declared(
        "shop.business_hours", True,
        "当前是否为营业时间",
        "Whether the shop is open now",
    ),
    _declared("shop.currency", "CNY", "店铺货币（ISO 4217）", "The shop's currency (ISO 4217)"),
    _declared(
        "desk.queue_length", 7,
        "等待客服初审的退款数",
        "How many refunds wait for customer service",
    ),
)  # fmt: skip

BY_NAME: Mapping[str, Fact] = {fact.name: fact for fact in FACTS}


class Facts(Mapping[str, FactValue]):
    """What is known about one refund at one moment: name -> value, never changed.

    Raises ValueError for a name that is not declared or a value of another type: whoever gathers
    the facts has a defect. A value beyond what a rule looks at (a longer list, a longer text, a
    number that is none) comes from outside and counts as not known.
    """

    def __init__(self, known: Mapping[str, FactValue]) -> None:
        for name, value in known.items():
            _require_declared(name, value)
        self._known = {name: value for name, value in known.items() if _in_bounds(value)}

    def __getitem__(self, name: str) -> FactValue:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"Facts({self._known!r})"


def fits(name: str, value: object) -> bool:
    """Whether a fact of this name and type is declared: what was kept may be older than that."""
    try:
        _require_declared(name, value)
    except ValueError:
        return False
    return True


def _require_declared(name: str, value: object) -> None:
    fact = BY_NAME.get(name)
    if fact is None:
        raise ValueError(f"{name} is no declared fact")
    if _type_of(value) is not fact.type:
        raise ValueError(f"{name} is {fact.type.value}, not {value!r}")
    if isinstance(value, tuple) and not all(isinstance(entry, str) for entry in value):
        raise ValueError(f"{name} is a list of texts, not {value!r}")


def _in_bounds(value: FactValue) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_CHARACTERS
    if isinstance(value, tuple):
        return len(value) <= MAX_ENTRIES and all(map(_in_bounds, value))
    return math.isfinite(value) and abs(value) <= MAX_MINOR_UNITS
