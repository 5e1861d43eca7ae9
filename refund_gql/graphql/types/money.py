"""Money as callers see it and send it."""

import strawberry

from refund_gql import money
from refund_gql.errors import InvalidInput
from refund_gql.graphql.scalars import MinorUnits


@strawberry.type(description="An exact amount.")
class Money:
    amount: MinorUnits = strawberry.field(description="Minor units: 8900 for 89.00 CNY.")
    currency: str = strawberry.field(description="ISO 4217.")

    @strawberry.field(description="In major units with the currency's decimals: 89.00.")
    def decimal(self) -> str:
        return str(money.to_decimal(self.amount, self.currency))


@strawberry.input(description="An exact amount.")
class MoneyInput:
    amount: MinorUnits = strawberry.field(description="Minor units: 8900 for 89.00 CNY.")
    currency: str = strawberry.field(description="ISO 4217.")

    def value(self, field: str) -> money.Money:
        """The amount as the flow takes it. Raises InvalidInput for an unknown currency."""
        if self.currency not in money.EXPONENTS:
            raise InvalidInput(
                field=f"{field}.currency",
                found=self.currency[:10],
                expected="an ISO 4217 code",
                zh="ISO 4217 货币代码",
            )
        return money.Money(amount=self.amount, currency=self.currency)
