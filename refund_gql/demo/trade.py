"""The demo shop's trade: who bought what and when, and how far it has come.

Everything is worked out first and written in one short transaction: a thousand rows, one by one
through the catalogue, would take a minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from tortoise.models import Model

from refund_gql.choices import Fulfilment
from refund_gql.database import Transaction
from refund_gql.demo.people import CUSTOMERS, ME
from refund_gql.demo.products import ARTICLES, BY_SKU, Article
from refund_gql.models import (
    Capture,
    Customer,
    Order,
    OrderLine,
    Product,
    Shipment,
    ShipmentLine,
    Shop,
)
from refund_gql.models.order import fulfilment_of
from refund_gql.money import allocate

_COURIERS = ("顺丰 SF", "中通 ZTO", "圆通 YTO", "京东 JD")
_FREE_SHIPPING_FROM = 5900
_SHIPPING = 800
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Goods(NamedTuple):
    """So many units of an article."""

    sku: str
    quantity: int = 1


class Parcel(NamedTuple):
    """What was sent: the first `lines` lines of an order, or all of them."""

    shipped_at: datetime
    delivered_at: datetime | None = None
    lines: int | None = None


@dataclass(frozen=True, kw_only=True)
class Sale:
    """An order that was paid."""

    order: Order
    lines: tuple[OrderLine, ...]
    capture: Capture


class Trade:
    """The rows of a shop's trade, to be written together."""

    def __init__(self, shop: Shop, rng: Random, now: datetime) -> None:
        self.shop, self.rng, self.now = shop, rng, now
        opened = now - 400 * _DAY
        self.customers = {
            person.reference: Customer(shop_id=shop.id, created_at=opened, **person._asdict())
            for person in CUSTOMERS
        }
        self.products = {article.sku: self._product(article, opened) for article in ARTICLES}
        self.sales: list[Sale] = []
        self._shipments: list[Shipment] = []
        self._shipment_lines: list[ShipmentLine] = []

    def sell(
        self,
        goods: Sequence[Goods],
        *,
        placed_at: datetime,
        number: str | None = None,
        customer: str | None = None,
        parcel: Parcel | None = None,
        discount: int = 0,
        sandbox: str = "OK*",
    ) -> Sale:
        """One paid order; `discount` in minor units, off the whole of it.

        `sandbox` is what the sandbox gateway does with refunds of it. Without it, one amount in
        770 would misbehave by chance.
        """
        buyer = self.customers[customer or self.rng.choice(CUSTOMERS).reference]
        prices = [BY_SKU[sku].price * quantity for sku, quantity in goods]
        net = sum(prices) - discount
        shipping = 0 if net >= _FREE_SHIPPING_FROM else _SHIPPING
        order = Order(
            shop_id=self.shop.id,
            customer_id=buyer.id,
            number=number or f"SO{placed_at:%y%m%d}-{len(self.sales) + 1:04}",
            currency=self.shop.currency,
            goods_amount=net,
            shipping_amount=shipping,
            total=net + shipping,
            placed_at=placed_at,
            created_at=placed_at,
            updated_at=self.now,
        )
        lines = [
            self._line(order, position, bought, share)
            for position, (bought, share) in enumerate(
                zip(goods, allocate(discount, prices), strict=True)
            )
        ]
        if parcel:
            self._send(order, lines, parcel)
        sale = Sale(order=order, lines=tuple(lines), capture=self._capture(order, sandbox))
        self.sales.append(sale)
        return sale

    async def write(self, tx: Transaction) -> None:
        """Write every row."""
        await insert(tx, list(self.customers.values()))
        await insert(tx, list(self.products.values()))
        await insert(tx, [sale.order for sale in self.sales])
        await insert(tx, [line for sale in self.sales for line in sale.lines])
        await insert(tx, [sale.capture for sale in self.sales])
        await insert(tx, self._shipments)
        await insert(tx, self._shipment_lines)

    def _product(self, article: Article, created_at: datetime) -> Product:
        return Product(
            shop_id=self.shop.id,
            sku=article.sku,
            title=article.title,
            category=article.category,
            created_at=created_at,
        )

    def _line(self, order: Order, position: int, bought: Goods, discount: int) -> OrderLine:
        article = BY_SKU[bought.sku]
        return OrderLine(
            shop_id=self.shop.id,
            order_id=order.id,
            product_id=self.products[article.sku].id,
            position=position,
            sku=article.sku,
            title=article.title,
            quantity=bought.quantity,
            unit_price=article.price,
            discount=discount,
            amount=article.price * bought.quantity - discount,
        )

    def _capture(self, order: Order, sandbox: str) -> Capture:
        return Capture(
            shop_id=self.shop.id,
            order_id=order.id,
            gateway="sandbox",
            reference=f"PAY-{order.number}",
            amount=order.total,
            currency=order.currency,
            metadata={"sandbox": sandbox},
            captured_at=order.placed_at,
        )

    def _send(self, order: Order, lines: Sequence[OrderLine], parcel: Parcel) -> None:
        shipment = Shipment(
            shop_id=self.shop.id,
            order_id=order.id,
            courier=self.rng.choice(_COURIERS),
            tracking_number=f"{self.rng.randrange(10**12):012}",
            shipped_at=parcel.shipped_at,
            delivered_at=parcel.delivered_at,
        )
        self._shipments.append(shipment)
        for line in lines[: parcel.lines]:
            line.shipped_quantity = line.quantity
            line.delivered_quantity = line.quantity if parcel.delivered_at else 0
            self._shipment_lines.append(
                ShipmentLine(
                    shop_id=self.shop.id,
                    shipment_id=shipment.id,
                    order_line_id=line.id,
                    quantity=line.quantity,
                )
            )
        order.fulfilment = fulfilment_of(
            sum(line.quantity for line in lines),
            sum(line.shipped_quantity for line in lines),
            sum(line.delivered_quantity for line in lines),
        )


async def insert(tx: Transaction, rows: Sequence[Model]) -> None:
    """Write rows of one table."""
    if rows:
        await type(rows[0]).bulk_create(rows, using_db=tx)


# --- orders that nobody has complained about yet ----------------------------------------------

_BUSINESS = {
    Fulfilment.UNSHIPPED: 36,
    Fulfilment.PARTLY_SHIPPED: 14,
    Fulfilment.SHIPPED: 30,
    Fulfilment.DELIVERED: 70,
}
"""How many orders of the last weeks have come how far."""


def add_business(trade: Trade) -> None:
    """Orders of the last weeks, of all customers."""
    for fulfilment, count in _BUSINESS.items():
        for _ in range(count):
            least = 2 if fulfilment is Fulfilment.PARTLY_SHIPPED else 1
            goods = basket(trade.rng, least=least)
            placed_at, parcel = course(trade.rng, fulfilment, trade.now)
            trade.sell(goods, placed_at=placed_at, parcel=parcel, discount=_discount(trade, goods))


def basket(rng: Random, *, least: int = 1) -> list[Goods]:
    """Some different articles, mostly one unit of each."""
    articles = rng.sample(ARTICLES, rng.randint(least, 3))
    return [Goods(article.sku, rng.choice((1, 1, 1, 2))) for article in articles]


def course(rng: Random, fulfilment: Fulfilment, until: datetime) -> tuple[datetime, Parcel | None]:
    """When an order was placed and sent that has come so far at a certain moment."""
    if fulfilment is Fulfilment.UNSHIPPED:
        return until - rng.uniform(0.2, 30) * _HOUR, None
    if fulfilment is Fulfilment.DELIVERED:
        delivered_at = until - rng.uniform(0.3, 6) * _DAY
        shipped_at = delivered_at - rng.uniform(1, 4) * _DAY
        return shipped_at - rng.uniform(4, 30) * _HOUR, Parcel(shipped_at, delivered_at)
    shipped_at = until - rng.uniform(0.2, 3) * _DAY
    lines = 1 if fulfilment is Fulfilment.PARTLY_SHIPPED else None
    return shipped_at - rng.uniform(4, 30) * _HOUR, Parcel(shipped_at, lines=lines)


def _discount(trade: Trade, goods: Sequence[Goods]) -> int:
    """Every fourth order has ten per cent off."""
    if trade.rng.randrange(4):
        return 0
    return sum(BY_SKU[sku].price * quantity for sku, quantity in goods) // 10


# --- orders to try things on ------------------------------------------------------------------


FIRST = "SO-TRY-1"


def add_tries(trade: Trade) -> None:
    """Orders of the customer whose token is printed, with numbers that a guide can name."""

    def placed(
        number: str, *goods: Goods, parcel: Parcel | None = None, sandbox: str = "OK*"
    ) -> None:
        before = parcel.shipped_at - 9 * _HOUR if parcel else now - 10 * _MINUTE
        trade.sell(
            goods, placed_at=before, number=number, customer=ME.reference, parcel=parcel,
            sandbox=sandbox,
        )  # fmt: skip

    now = trade.now
    thermos, mug, shoes = Goods("THERMOS-500-BLUE"), Goods("MUG-CAMELLIA"), Goods("SHOES-RUN-41")
    placed(FIRST, thermos)
    placed("SO-TRY-2", mug)
    placed("SO-TRY-3", Goods("TSHIRT-WHITE-L", 3), Goods("SCARF-WOOL"))
    placed("SO-TRY-PARTLY", thermos, shoes, parcel=Parcel(now - 1 * _DAY, lines=1))
    placed("SO-TRY-SHIPPED", mug, Goods("TEA-PUER"), parcel=Parcel(now - 2 * _DAY))
    placed("SO-TRY-DELIVERED", shoes, parcel=Parcel(now - 3 * _DAY, now - 1 * _DAY))
    placed("SO-TRY-TOO-LATE", shoes, parcel=Parcel(now - 33 * _DAY, now - 31 * _DAY))
    placed("SO-TRY-TIMEOUT", thermos, sandbox="TIMEOUT_AFTER,OK*")
    placed("SO-TRY-REFUSED", thermos, sandbox="REFUSE,OK*")
    placed("SO-TRY-UNCLEAR", thermos, sandbox="MANUAL")
