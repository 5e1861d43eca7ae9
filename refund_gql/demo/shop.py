"""The demo's shop: opened once, with its people, its trade, its history and its live refunds."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import asyncpg

from refund_gql import clock, database
from refund_gql.app import Engine
from refund_gql.auth import Viewer, system
from refund_gql.backoffice import return_addresses, shops, staff
from refund_gql.backoffice.return_addresses import ReturnAddressFacts
from refund_gql.backoffice.shops import ShopFacts
from refund_gql.backoffice.staff import NewStaff
from refund_gql.database import Transaction
from refund_gql.demo import bargaining, history, people, stage, trade, watch
from refund_gql.demo.failure import CannotStart
from refund_gql.demo.trade import Trade
from refund_gql.models import Order, ReasonTag, ReturnAddress, Shop, Staff
from refund_gql.outbox.channels import DEFAULT
from refund_gql.providers import Address
from refund_gql.registry.routing import CourierRoute
from refund_gql.roles import Role

HANDLE = "demo"
NAME = "山茶生活 Camellia Home"
_SEED = 20241111
_FACTS = ShopFacts(
    finance_threshold=200_00,
    return_address="浙江省杭州市余杭区良渚街道山茶路 88 号 3 号仓 退货组 · "
    "Returns, Warehouse 3, 88 Shancha Road, Liangzhu, Yuhang, Hangzhou, Zhejiang",
    return_requirements={
        "zh": "商品完好、未使用，吊牌与配件齐全，请附上纸条写明退款单号。",
        "en": "Unused and intact, with tags and accessories; enclose a note with the refund's "
        "number.",
    },
    courier_routes={"SF": CourierRoute(provider="sandbox-courier")},
    channel_order={DEFAULT: ["sandbox-inbox"]},
)
_DEPOT = ReturnAddressFacts(
    name="3 号仓 Warehouse 3",
    address=Address(
        name="退货组",
        phone="0571-8888 0100",
        country="CN",
        region="浙江省",
        city="杭州市",
        district="余杭区",
        street="良渚街道山茶路 88 号 3 号仓",
    ),
    fallback=True,
)
_LOCK = "select pg_advisory_lock(hashtext('refund_gql.demo'))"


@dataclass(frozen=True, kw_only=True)
class DemoShop:
    """The shop and who works in it."""

    shop: Shop
    colleagues: Mapping[Role, Staff]

    def viewer(self, role: Role) -> Viewer:
        """A colleague, as the flow sees them."""
        person = self.colleagues[role]
        return Viewer(shop_id=self.shop.id, role=role, id=person.id, name=person.name)


async def open_shop(running: Engine) -> DemoShop:
    """The demo's shop: made if there is none, furnished to its end if that was cut short.

    Raises CannotStart without the sandbox gateway, and when this shop is somebody else's.
    """
    _require_sandbox(running)
    async with _alone(running.database_url):
        shop = await _shop()
        if not await stage.played(shop):
            await _furnish(running, shop)
        return await _opened(shop)


@asynccontextmanager
async def _alone(url: str) -> AsyncIterator[None]:
    """Two demos that start together on one database make one shop."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_LOCK)
        yield
    finally:
        await connection.close()


async def _shop() -> Shop:
    shop = await Shop.filter(handle=HANDLE).first()
    if shop is None:
        shop_id = await shops.create(
            HANDLE,
            name=NAME,
            currency="CNY",
            time_zone="Asia/Shanghai",
            locale="zh",
            owner=NewStaff(**people.OWNER._asdict(), password=people.PASSWORD),
        )
        return await Shop.get(id=shop_id)
    if not await Staff.filter(shop_id=shop.id, email=people.OWNER.email).exists():
        raise CannotStart(
            f"the shop {HANDLE!r} of this database is not the demo's, {people.OWNER.email} does "
            "not work there: give the demo a folder of its own with --data"
        )
    return shop


async def _furnish(running: Engine, shop: Shop) -> None:
    """Whatever the shop lacks; each part is there, or it is not."""
    owner = Viewer(shop_id=shop.id, role=Role.OWNER)
    await shops.update(owner, _FACTS)
    if not await ReturnAddress.filter(shop_id=shop.id).exists():
        await return_addresses.create(owner, _DEPOT)
    for colleague in people.COLLEAGUES:
        if not await Staff.filter(shop_id=shop.id, email=colleague.email).exists():
            person = NewStaff(**colleague._asdict(), password=people.PASSWORD)
            await staff.create(system(shop.id), person)
    if not await Order.filter(shop_id=shop.id, number=trade.FIRST).exists():
        await _trade(shop)
    opened = await _opened(shop)
    await bargaining.set_budgets(opened.viewer(Role.OWNER))
    await watch.begin(running, shop, opened.viewer(Role.OWNER))
    await stage.play(running, shop, {role: opened.viewer(role) for role in opened.colleagues})


async def _opened(shop: Shop) -> DemoShop:
    emails = [colleague.email for colleague in people.COLLEAGUES]
    rows = await Staff.filter(shop_id=shop.id, email__in=emails)
    return DemoShop(shop=shop, colleagues={Role(row.role): row for row in rows})


async def _trade(shop: Shop) -> None:
    """All orders and the history, in one transaction: they are there, or they are not."""
    business = Trade(shop, Random(_SEED), clock.now())  # noqa: S311 - seeded on purpose, no secret
    reasons = {tag.code: tag for tag in await ReasonTag.filter(shop_id=shop.id)}
    past = history.make(business, reasons)
    trade.add_business(business)
    trade.add_tries(business)
    stage.add_orders(business)

    async def work(tx: Transaction) -> None:
        await business.write(tx)
        await past.write(tx)

    await database.transaction(work)


def _require_sandbox(running: Engine) -> None:
    registry = running.providers.registry
    if "sandbox" in registry.offers:
        return
    reasons = [p.reason for p in registry.plugins if p.name == "sandbox" and p.reason]
    found = reasons[0] if reasons else "it is not installed, or REFUND_GQL_PLUGINS leaves it out"
    raise CannotStart(f"the demo pays through the plugin refund-gql-sandbox: {found}")
