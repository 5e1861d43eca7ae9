"""What may be refunded on an order now."""

from typing import Self

import strawberry

from refund_gql import ids
from refund_gql.flow import quote
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.money import Money


@strawberry.type(description="One order line of a quote.")
class RefundQuoteLine:
    order_line_id: strawberry.ID = strawberry.field(description="The order line.")
    quantity: int = strawberry.field(description="Units bought.")
    amount: Money = strawberry.field(description="What they cost, after `discount`.")
    discount: Money = strawberry.field(description="The line's share of every discount.")
    claimed_amount: Money = strawberry.field(
        description="The worth of what is refunded or asked for. `amount` is this plus "
        "`refundableAmount`."
    )
    refundable_quantity: int = strawberry.field(description="Units left.")
    refundable_amount: Money = strawberry.field(description="What they are worth.")


@strawberry.type(description="What may be refunded on an order now. The figures add up.")
class RefundQuote:
    lines: list[RefundQuoteLine] = strawberry.field(description="Line by line.")
    total: Money = strawberry.field(description="What the order costs.")
    captured: Money = strawberry.field(description="What the customer paid.")
    claimed: Money = strawberry.field(
        description="The worth of everything refunded or on its way. `total` is this plus "
        "`goodsRefundable` plus `shippingRefundable`."
    )
    disputed: Money = strawberry.field(description="What chargebacks hold.")
    goods_refundable: Money = strawberry.field(description="What is left of the lines.")
    shipping_refundable: Money = strawberry.field(description="What is left of the shipping.")
    maximum_refundable: Money = strawberry.field(
        description="The most a new request can get: what is left of the order and of the "
        "money. Send it as `expectedRefundable` to be told when it has changed."
    )

    @classmethod
    def of(cls, quoted: quote.Quote) -> Self:
        """The quote in the API's words."""

        def money(amount: int) -> Money:
            return Money(amount=MinorUnits(amount), currency=quoted.currency)

        return cls(
            lines=[
                RefundQuoteLine(
                    order_line_id=strawberry.ID(ids.encode("OrderLine", line.order_line_id)),
                    quantity=line.quantity,
                    amount=money(line.amount),
                    discount=money(line.discount),
                    claimed_amount=money(line.claimed_amount),
                    refundable_quantity=line.refundable_quantity,
                    refundable_amount=money(line.refundable_amount),
                )
                for line in quoted.lines
            ],
            total=money(quoted.total),
            captured=money(quoted.captured),
            claimed=money(quoted.claimed),
            disputed=money(quoted.disputed),
            goods_refundable=money(quoted.goods_refundable),
            shipping_refundable=money(quoted.shipping_refundable),
            maximum_refundable=money(quoted.maximum),
        )
