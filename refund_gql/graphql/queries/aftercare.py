"""Reading what comes after the money: coupons, the care list, and its figures."""

from datetime import datetime
from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.errors import Refusal
from refund_gql.flow import attribution
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import CouponPurpose, CouponStatus
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.problems import InvalidInput
from refund_gql.graphql.types.care import CareEntry, CareFigures
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.coupon import Coupon

COUPONS = Listing(name="coupons", kind="Coupon", table="coupon", moment="created_at")
CARE_LIST = Listing(name="careList", kind="CareEntry", table="care_entry", moment="since")

CareFiguresResult = Annotated[
    CareFigures | InvalidInput,
    strawberry.union("CareFiguresResult", description="The figures, or why not."),
]


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class CouponFilter:
    status: list[CouponStatus] | None = strawberry.field(default=None, description="Any of these.")
    purpose: list[CouponPurpose] | None = strawberry.field(
        default=None, description="Any of these."
    )
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Whose.")

    def apply(self, where: Where) -> None:
        """Add the conditions."""
        if self.status is not None:
            where.add("status = any({}::text[])", [status.value for status in self.status])
        if self.purpose is not None:
            where.add("purpose = any({}::text[])", [purpose.value for purpose in self.purpose])
        if self.customer_id is not None:
            where.add("customer_id = {}", ids.row_id(self.customer_id, "Customer"))


@strawberry.type
class AftercareQueries:
    @strawberry.field(description="Coupons, newest first.")
    async def coupons(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: CouponFilter | None = None,
    ) -> Connection[Coupon]:
        where = Where()
        where.see("coupon", info.context.known_viewer)
        (filter or CouponFilter()).apply(where)
        return Connection(page=await COUPONS.page(where, first, after))

    @strawberry.field(
        description="Refunded customers whom somebody looks after, newest first; `open: null` "
        "lists those who were taken off as well."
    )
    async def care_list(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        open: bool | None = True,
    ) -> Connection[CareEntry]:
        where = Where()
        where.see("care_entry", info.context.known_viewer)
        if open is not None:
            where.add(f"closed_at is {'' if open else 'not '}null")
        return Connection(page=await CARE_LIST.page(where, first, after))

    @strawberry.field(
        description="How many customers refunded in a span bought again, each within 30 days; "
        "`until` is not included, and at most 400 days after `from`."
    )
    async def care_figures(
        self,
        info: Info,
        from_: Annotated[datetime, strawberry.argument(name="from")],
        until: datetime,
    ) -> CareFiguresResult:
        try:
            found = await attribution.figures(info.context.known_viewer, from_, until)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return CareFigures(figures=found)
