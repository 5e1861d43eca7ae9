"""Where the script is played: each scene is one refund, made by the flow at a time in the past."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from refund_gql import app, clock
from refund_gql.app import Engine
from refund_gql.auth import Viewer, system
from refund_gql.choices import Fulfilment
from refund_gql.database import Transaction
from refund_gql.demo.script import SCENES, Scene
from refund_gql.demo.steps import Act
from refund_gql.demo.trade import Goods, Parcel, Trade
from refund_gql.flow import once as idempotency
from refund_gql.flow import request
from refund_gql.flow.once import Once
from refund_gql.flow.request import RequestRefund
from refund_gql.jobs import Handler
from refund_gql.models import Customer, IdempotencyKey, Order, ReasonTag, Shop
from refund_gql.roles import Role

_DAY = timedelta(days=1)
_PARCELS: Mapping[Fulfilment, Callable[[datetime], Parcel | None]] = {
    Fulfilment.UNSHIPPED: lambda asked: None,
    Fulfilment.PARTLY_SHIPPED: lambda asked: Parcel(asked - 2 * _DAY, lines=1),
    Fulfilment.SHIPPED: lambda asked: Parcel(asked - 4 * _DAY),
    Fulfilment.DELIVERED: lambda asked: Parcel(asked - 4 * _DAY, asked - 1 * _DAY),
}
"""What had been sent when the customer asked."""
_PLAYED = "demo:played"


def add_orders(trade: Trade) -> None:
    """Sell what the scenes refund."""
    for scene in SCENES:
        asked = scene.requested_at(trade.now)
        parcel = _PARCELS[scene.sent](asked)
        trade.sell(
            [Goods(sku) for sku in scene.skus],
            number=scene.order_number,
            customer=scene.customer,
            placed_at=asked - (5 * _DAY if parcel else timedelta(minutes=20)),
            parcel=parcel,
            sandbox=scene.sandbox,
        )


async def played(shop: Shop) -> bool:
    """Every scene was played to its end."""
    return await IdempotencyKey.filter(shop_id=shop.id, key=_PLAYED).exists()


async def play(running: Engine, shop: Shop, colleagues: Mapping[Role, Viewer]) -> None:
    """Play every scene. Played again, it changes nothing but what was cut short."""
    jobs, now = app.work(running).handlers, clock.now()
    for scene in SCENES:
        await _play(scene, shop, colleagues, jobs, now)

    async def nothing_more(tx: Transaction) -> UUID:
        return shop.id

    last = Once(key=_PLAYED, operation="demo", input={})
    await idempotency.run(system(shop.id), last, nothing_more)


async def _play(
    scene: Scene,
    shop: Shop,
    colleagues: Mapping[Role, Viewer],
    jobs: Mapping[str, Handler],
    now: datetime,
) -> None:
    customer = _viewer(await Customer.get(shop_id=shop.id, reference=scene.customer))
    moment = scene.requested_at(now)
    with clock.fixed(lambda: moment):
        refund_id = await request.request(
            customer,
            await _asked(scene, shop),
            once=Once(key=f"demo:{scene.name}", operation="refundRequest", input={}),
        )
        act = Act(
            scene=scene.name,
            refund_id=refund_id,
            kind=scene.kind,
            customer=customer,
            colleagues=colleagues,
            jobs=jobs,
        )
        for step in scene.steps:
            moment += step.after
            await step.play(act)


async def _asked(scene: Scene, shop: Shop) -> RequestRefund:
    order = await Order.get(shop_id=shop.id, number=scene.order_number)
    reason = await ReasonTag.get(shop_id=shop.id, code=scene.reason)
    return RequestRefund(
        order_id=order.id,
        kind=scene.kind,
        lines=None,
        reason_id=reason.id,
        note=scene.note,
    )


def _viewer(customer: Customer) -> Viewer:
    return Viewer(
        shop_id=customer.shop_id,
        role=Role.CUSTOMER,
        id=customer.id,
        name=customer.name,
        locale=customer.locale,
    )
