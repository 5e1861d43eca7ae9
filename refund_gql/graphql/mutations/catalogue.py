"""What the shop tells us: orders, customers, products."""

import reprlib
from datetime import datetime
from typing import Annotated

import strawberry

from refund_gql import validation
from refund_gql.catalogue import customers, fulfilment, orders
from refund_gql.errors import InvalidInput as InvalidInputRefusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.mutations.answers import answer
from refund_gql.graphql.problems import InvalidInput, NotAllowed
from refund_gql.graphql.scalars import JSON, MinorUnits
from refund_gql.graphql.types.customer import Customer, Product
from refund_gql.graphql.types.order import Order

OrderUpsertResult = Annotated[
    Order | InvalidInput | NotAllowed,
    strawberry.union("OrderUpsertResult", description="The order as it is now, or why not."),
]
CustomerUpsertResult = Annotated[
    Customer | InvalidInput | NotAllowed,
    strawberry.union("CustomerUpsertResult", description="The customer as it is now, or why not."),
]
ProductUpsertResult = Annotated[
    Product | InvalidInput | NotAllowed,
    strawberry.union("ProductUpsertResult", description="The product as it is now, or why not."),
]


@strawberry.input(description="One position of an order.")
class OrderLineInput:
    sku: str = strawberry.field(description="The shop's own key; makes the product if needed.")
    title: str = strawberry.field(description="What the customer read.")
    quantity: int = strawberry.field(description="Units.")
    unit_price: MinorUnits = strawberry.field(description="Minor units, before discounts.")
    discount: MinorUnits = strawberry.field(
        default=MinorUnits(0), description="Minor units, off all units of the line together."
    )

    def value(self) -> orders.LineFacts:
        return orders.LineFacts(
            sku=self.sku,
            title=self.title,
            quantity=self.quantity,
            unit_price=self.unit_price,
            discount=self.discount,
        )


@strawberry.input(description="One payment, or this order's share of it.")
class CaptureInput:
    gateway: str = strawberry.field(description="The payment gateway's name.")
    reference: str = strawberry.field(description="The gateway's own reference.")
    amount: MinorUnits = strawberry.field(description="Minor units of the order's currency.")
    captured_at: datetime | None = strawberry.field(
        default=None, description="UTC; null: when the order was placed."
    )
    disputed: MinorUnits = strawberry.field(
        default=MinorUnits(0), description="Minor units that chargebacks hold."
    )
    metadata: JSON | None = strawberry.field(
        default=None, description="An object of texts, handed to the gateway with each refund."
    )

    def value(self, field: str) -> orders.CaptureFacts:
        return orders.CaptureFacts(
            gateway=self.gateway,
            reference=self.reference,
            amount=self.amount,
            captured_at=self.captured_at,
            disputed=self.disputed,
            metadata=_texts(f"{field}.metadata", self.metadata),
        )


@strawberry.input(description="So many units of the line at a position.")
class ShipmentLineInput:
    position: int = strawberry.field(description="Of the order line, counted from 0.")
    quantity: int = strawberry.field(description="Units in this parcel.")


@strawberry.input(description="A parcel to the customer.")
class ShipmentInput:
    courier: str = strawberry.field(description="Who carries it.")
    tracking_number: str = strawberry.field(description="The courier's number.")
    shipped_at: datetime = strawberry.field(description="UTC.")
    delivered_at: datetime | None = strawberry.field(default=None, description="UTC.")
    lines: list[ShipmentLineInput] | None = strawberry.field(
        default=None, description="Null: everything that is in no other parcel."
    )

    def value(self) -> fulfilment.ShipmentFacts:
        contents = None
        if self.lines is not None:
            contents = tuple(
                fulfilment.ShippedLine(position=line.position, quantity=line.quantity)
                for line in self.lines
            )
        return fulfilment.ShipmentFacts(
            courier=self.courier,
            tracking_number=self.tracking_number,
            shipped_at=self.shipped_at,
            delivered_at=self.delivered_at,
            lines=contents,
        )


@strawberry.input(description="A whole order as it stands now; send it again when it changes.")
class OrderInput:
    number: str = strawberry.field(description="The shop's own number.")
    currency: str = strawberry.field(description="ISO 4217; never changes.")
    placed_at: datetime = strawberry.field(description="UTC.")
    lines: list[OrderLineInput] = strawberry.field(description="Known by their position.")
    customer_reference: str | None = strawberry.field(
        default=None, description="The shop's own key; makes the customer if needed."
    )
    discount: MinorUnits = strawberry.field(
        default=MinorUnits(0),
        description="Minor units off the whole order, spread over the lines.",
    )
    shipping_amount: MinorUnits = strawberry.field(
        default=MinorUnits(0), description="Minor units."
    )
    captures: list[CaptureInput] = strawberry.field(
        default_factory=list, description="What was paid; together at most the total."
    )
    shipments: list[ShipmentInput] = strawberry.field(
        default_factory=list, description="What was sent."
    )
    closed: bool = strawberry.field(default=False, description="True: no refund may start.")
    region: str = strawberry.field(
        default="",
        description="Where it is sent to: ISO 3166-2 such as CN-31, or the country alone. The "
        "market whose law counts; when empty, the shop's own.",
    )
    presale: bool = strawberry.field(
        default=False, description="Sold before it was there to be sent."
    )
    coupons_used: list[str] | None = strawberry.field(
        default=None,
        description="The codes of the coupons that made it cheaper; null: as it was.",
    )
    points_spent: MinorUnits | None = strawberry.field(
        default=None, description="Loyalty points that paid for a part of it; null: as it was."
    )

    def value(self) -> orders.OrderFacts:
        return orders.OrderFacts(
            number=self.number,
            currency=self.currency,
            placed_at=self.placed_at,
            lines=tuple(line.value() for line in self.lines),
            customer_reference=self.customer_reference,
            discount=self.discount,
            shipping_amount=self.shipping_amount,
            captures=tuple(x.value(f"captures.{i}") for i, x in enumerate(self.captures)),
            shipments=tuple(shipment.value() for shipment in self.shipments),
            closed=self.closed,
            region=self.region,
            presale=self.presale,
            coupons_used=None if self.coupons_used is None else tuple(self.coupons_used),
            points_spent=self.points_spent,
        )


@strawberry.input(description="What the shop knows of a customer; null leaves a field as it is.")
class CustomerInput:
    reference: str = strawberry.field(description="The shop's own key.")
    name: str | None = strawberry.field(default=None, description="Personal data.")
    email: str | None = strawberry.field(default=None, description="Personal data.")
    phone: str | None = strawberry.field(default=None, description="Personal data.")
    locale: str | None = strawberry.field(default=None, description="zh or en.")
    contacts: JSON | None = strawberry.field(
        default=None,
        description="Personal data: an object of further addresses, such as wechat_openid; "
        "replaces them all.",
    )
    channels: list[str] | None = strawberry.field(
        default=None, description="The notifiers the customer prefers, best first."
    )

    def value(self) -> customers.CustomerFacts:
        return customers.CustomerFacts(
            reference=self.reference,
            name=self.name,
            email=self.email,
            phone=self.phone,
            locale=self.locale,
            contacts=None if self.contacts is None else _texts("contacts", self.contacts),
            channels=self.channels,
        )


@strawberry.input(description="What the shop knows of a product; null leaves a field as it is.")
class ProductInput:
    sku: str = strawberry.field(description="The shop's own key.")
    title: str | None = strawberry.field(default=None, description="What customers read.")
    category: str | None = strawberry.field(default=None, description="The shop's own category.")


@strawberry.type
class CatalogueMutations:
    @strawberry.mutation(description="Create an order or bring it up to date.")
    async def order_upsert(self, info: Info, input: OrderInput) -> OrderUpsertResult:
        return await _upsert_order(info, input)

    @strawberry.mutation(
        description="As `orderUpsert` for at most 250 orders; one result for each, in order. "
        "One that is refused stops no other."
    )
    async def order_upsert_bulk(
        self, info: Info, input: list[OrderInput]
    ) -> list[OrderUpsertResult]:
        try:
            validation.limited("input", len(input), orders.MAX_BULK)
        except InvalidInputRefusal as refusal:
            return [problems.of(refusal, info.context.locale)]
        return [await _upsert_order(info, order) for order in input]

    @strawberry.mutation(description="Create a customer or bring it up to date.")
    async def customer_upsert(self, info: Info, input: CustomerInput) -> CustomerUpsertResult:
        return await answer(
            info, Customer, lambda viewer: customers.upsert_customer(viewer, input.value())
        )

    @strawberry.mutation(description="Create a product or bring it up to date.")
    async def product_upsert(self, info: Info, input: ProductInput) -> ProductUpsertResult:
        facts = customers.ProductFacts(sku=input.sku, title=input.title, category=input.category)
        return await answer(info, Product, lambda viewer: customers.upsert_product(viewer, facts))


async def _upsert_order(info: Info, input: OrderInput) -> OrderUpsertResult:
    return await answer(info, Order, lambda viewer: orders.upsert(viewer, input.value()))


def _texts(field: str, value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(
        len(key) <= 64 and isinstance(text, str) and len(text) <= 500 for key, text in value.items()
    ):
        raise InvalidInputRefusal(
            field=field,
            found=reprlib.repr(value)[:40],
            expected="an object of texts: keys of at most 64 characters, values of at most 500",
            zh="值均为文本的对象：键最多 64 个字符，值最多 500 个字符",
        )
    return value
