"""The rules every new shop starts with. Its owner may change, move or delete any of them."""

from collections.abc import Callable
from dataclasses import dataclass

from refund_gql import clock, database
from refund_gql.choices import RuleChangeKind, RuleMode, RuleTrigger
from refund_gql.database import Transaction
from refund_gql.models import Rule, RuleChange, RuleVersion, Shop, new_id
from refund_gql.money import EXPONENTS
from refund_gql.rules import actions, language
from refund_gql.rules.actions import Action, Approve, Compensate, Desk, RefundFirst, Route

SMALL = 50
HIGH = 5000
TRUSTED = 500
"""Up to which money may go before the goods are back."""
SORRY = 10
"""For a parcel that went wrong. All in major units of a currency such as CNY."""
_LARGE_UNITS = 100
"""What a major unit is worth where there is nothing smaller: as much as a cent."""

_WITHOUT_RULES = """
select * from shop where not exists (select from rule where rule.shop_id = shop.id)
"""
_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('refund_gql.default_rules'))"
AUTHOR = "SYSTEM:-"
_SPACING = 10


@dataclass(frozen=True, kw_only=True)
class Default:
    """One of them; `condition` may mention {small} and {high} in minor units."""

    name: dict[str, str]
    description: dict[str, str]
    condition: str
    actions: Callable[[str], tuple[Action, ...]]
    """What it does, in a shop of this currency."""
    mode: RuleMode = RuleMode.LIVE


DEFAULTS: tuple[Default, ...] = (
    Default(
        name={"zh": "高金额或高风险转人工", "en": "High value or high risk: a person"},
        description={
            "zh": "金额较大或客户风险高的退款，由客服确认后再处理。",
            "en": "Much money, or a customer whose risk is high: customer service looks first.",
        },
        condition=(
            "refund.currency == shop.currency && refund.amount >= {high}\n"
            "  || customer.risk_level == 'HIGH'"
        ),
        actions=lambda currency: (Route(desk=Desk.REVIEW),),
    ),
    Default(
        name={"zh": "未发货仅退款自动通过", "en": "Unshipped, refund only: approve"},
        description={
            "zh": "商品尚未发货，无需退货，极速退款。",
            "en": "Nothing was sent, so nothing has to come back: paid at once.",
        },
        condition="!refund.goods_shipped && refund.kind == 'REFUND_ONLY'",
        actions=lambda currency: (Approve(),),
    ),
    Default(
        name={"zh": "小额未发货自动通过", "en": "Small and unshipped: approve"},
        description={
            "zh": "金额很小且未发货，无论何种退款类型均自动通过。",
            "en": "Little money and nothing sent: paid at once, whatever was asked for.",
        },
        condition=(
            "!refund.goods_shipped\n"
            "  && refund.currency == shop.currency && refund.amount < {small}"
        ),
        actions=lambda currency: (Approve(),),
    ),
    Default(
        name={"zh": "金卡会员先退款后收货", "en": "Gold customers: refund first"},
        description={
            "zh": "可信赖的老客户退货时先行退款，寄回商品后核销；先以影子模式观察。",
            "en": "Trusted customers have their money before the goods are back. In the shadow, "
            "until the shop has set limits per tier and seen what it would do.",
        },
        condition=(
            "refund.goods_shipped && refund.kind == 'RETURN_AND_REFUND'\n"
            "  && customer.tier in ['gold', 'GOLD', '金卡'] && order.within_window"
        ),
        actions=lambda currency: (RefundFirst(most=minor(TRUSTED, currency)),),
        mode=RuleMode.SHADOW,
    ),
    Default(
        name={"zh": "物流异常通过并补偿", "en": "A parcel went wrong: approve and compensate"},
        description={
            "zh": "因物流申请退款且快递确有异常：通过并赠券致歉；先以影子模式观察。",
            "en": "Asked for because of the courier, and the courier says so too: approve, and say "
            "sorry with a coupon. In the shadow, until the shop has seen what it would do.",
        },
        condition="refund.reason == 'logistics' && courier.anomaly",
        actions=lambda currency: (Approve(), Compensate(amount=minor(SORRY, currency))),
        mode=RuleMode.SHADOW,
    ),
)
"""In the order in which they are read."""


async def create(tx: Transaction, shop: Shop) -> None:
    """Give a new shop its rules."""
    for place, default in enumerate(DEFAULTS):
        await _create(tx, shop, default, (place + 1) * _SPACING)


async def create_missing() -> int:
    """Give every shop that never had a rule its first ones; returns how many shops that was.

    Shops from before there were rules went by the built-in policy, which these say.
    """

    async def work(tx: Transaction) -> int:
        await tx.execute_query(_ONE_AT_A_TIME)
        shops: list[Shop] = await Shop.raw(_WITHOUT_RULES, using_db=tx)
        for shop in shops:
            await create(tx, shop)
        return len(shops)

    return await database.transaction(work)


async def _create(tx: Transaction, shop: Shop, default: Default, position: int) -> None:
    now, currency = clock.now(), str(shop.currency)
    rule = Rule(
        id=new_id(),
        shop_id=shop.id,
        name=default.name,
        trigger=RuleTrigger.REQUESTED,
        mode=default.mode,
        position=position,
        created_at=now,
        updated_at=now,
    )
    version = RuleVersion(
        shop_id=shop.id,
        rule_id=rule.id,
        number=1,
        condition=language.compiled(condition(default, currency)).condition,
        actions=actions.stored(default.actions(currency)),
        description=default.description,
        author=AUTHOR,
        created_at=now,
    )
    change = RuleChange(
        shop_id=shop.id,
        rule_id=rule.id,
        kind=RuleChangeKind.CREATED,
        version=1,
        actor=AUTHOR,
        at=now,
    )
    for row in (rule, version, change):
        await row.save(using_db=tx, force_create=True)


def condition(default: Default, currency: str) -> str:
    """Its condition in a shop of this currency."""
    return default.condition.format(small=minor(SMALL, currency), high=minor(HIGH, currency))


def minor(units: int, currency: str) -> int:
    """Minor units of about the same worth in any currency: 5000 for 50 CNY and for 5,000 JPY."""
    exponent = EXPONENTS[currency]
    return units * (_LARGE_UNITS if exponent == 0 else 10**exponent)
