"""Money that went ahead of its goods, what is owed for it, and how much more a customer may get."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import orjson
import strawberry

from refund_gql.flow import exposures
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import ClaimReason, ClaimStatus, ExposureRelease
from refund_gql.graphql.rows import Row
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.sources import Node, column, enum, reference
from refund_gql.graphql.types.money import Money

if TYPE_CHECKING:
    from refund_gql.graphql.types.customer import Customer
    from refund_gql.graphql.types.refund import Refund

LazyRefund = Annotated["Refund", strawberry.lazy("refund_gql.graphql.types.refund")]
LazyCustomer = Annotated["Customer", strawberry.lazy("refund_gql.graphql.types.customer")]


@strawberry.type(description="One refund that was paid before its goods came back.")
class Exposure(Node):
    table: ClassVar[str] = "exposure"

    tier: str | None = column("tier", "The customer's at that moment, in the CRM's words.")
    opened_at: datetime = column("opened_at", "When the money was committed; UTC.")
    due_at: datetime = column("due_at", "The goods are expected before; then a reminder; UTC.")
    final_at: datetime = column("final_at", "Without them, a claim is opened then; UTC.")
    reminded_at: datetime | None = column("reminded_at", "UTC.")
    released_at: datetime | None = column("released_at", "UTC; null: it still counts.")
    release: ExposureRelease | None = enum("release", ExposureRelease, "Why it counts no more.")
    refund: LazyRefund | None = reference("refund_id", "Refund", "What was paid.")
    customer: LazyCustomer | None = reference("customer_id", "Customer", "Who sends them back.")

    @strawberry.field(description="What was paid, goods and shipping.")
    def amount(self) -> Money:
        return Money(amount=MinorUnits(self.row["amount"]), currency=self.row["currency"])

    @strawberry.field(description="What the tier allowed at that moment.")
    async def limit(self, info: Info) -> Money:
        shop = await info.context.rows.one("shop", self.row["shop_id"])
        assert shop is not None, "a viewer sees their own shop"
        return Money(amount=MinorUnits(self.row["allowed"]), currency=shop["currency"])


@strawberry.type(description="What the shop is owed for goods it has paid for; people close it.")
class Claim(Node):
    table: ClassVar[str] = "goods_claim"

    cause: ClaimReason = enum("reason", ClaimReason, "Why there is one.")
    status: ClaimStatus = enum("status", ClaimStatus, "Where it stands.")
    opened_at: datetime = column("opened_at", "UTC.")
    opened_by: str = column("opened_by", "KIND:id.")
    closed_at: datetime | None = column("closed_at", "UTC.")
    closed_by: str | None = column("closed_by", "KIND:id.")
    closed_by_name: str = column("closed_by_name", "Who it was.")
    note: str = column("note", "In the words of whoever opened or closed it.")
    refund: LazyRefund | None = reference("refund_id", "Refund", "What was paid.")
    customer: LazyCustomer | None = reference("customer_id", "Customer", "Who got the money.")

    @strawberry.field(description="What would not have been paid, had the goods come first.")
    def amount(self) -> Money:
        return Money(amount=MinorUnits(self.row["amount"]), currency=self.row["currency"])


@strawberry.type(description="How much one customer may get before the goods are back.")
class CustomerExposure:
    tier: str | None = strawberry.field(description="In the CRM's last words.")
    limit: Money = strawberry.field(description="What the shop allows the tier.")
    open: Money = strawberry.field(description="Paid ahead of goods that have not shown.")
    claimed: Money = strawberry.field(description="Open claims; they count against the limit too.")


async def of_customer(info: Info, customer: Row) -> CustomerExposure:
    """What stands against a customer's limit, in the shop's currency."""
    rows = info.context.rows
    shop = await rows.one("shop", customer["shop_id"])
    assert shop is not None, "a viewer sees their own shop"
    answers = await rows.many("customer_risk", "customer_id", customer["id"], "id")
    tier = answers[0]["tier"] if answers else None
    ahead = await rows.many("exposure", "customer_id", customer["id"], "id")
    claims = await rows.many("goods_claim", "customer_id", customer["id"], "id")
    limit = exposures.limit_of(orjson.loads(shop["exposure_limits"]), tier)
    return CustomerExposure(
        tier=tier,
        limit=_money(limit, shop),
        open=_sum(shop, [row for row in ahead if row["released_at"] is None]),
        claimed=_sum(shop, [row for row in claims if row["status"] == ClaimStatus.OPEN]),
    )


def _sum(shop: Row, rows: list[Row]) -> Money:
    own = (row["amount"] for row in rows if row["currency"] == shop["currency"])
    return _money(sum(own), shop)


def _money(amount: int, shop: Row) -> Money:
    return Money(amount=MinorUnits(amount), currency=shop["currency"])
