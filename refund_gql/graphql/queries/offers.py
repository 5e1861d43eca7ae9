"""Reading how customers answer what they are offered."""

from datetime import datetime
from typing import Annotated

import strawberry

from refund_gql.errors import Refusal
from refund_gql.flow import offer_figures
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.problems import InvalidInput
from refund_gql.graphql.types.offer import OfferFigures


@strawberry.type(description="How customers answered, by kind of offer and stated reason.")
class OfferReport:
    rows: list[OfferFigures] = strawberry.field(description="By kind, most offers first.")


OfferFiguresResult = Annotated[
    OfferReport | InvalidInput,
    strawberry.union("OfferFiguresResult", description="The figures, or why not."),
]


@strawberry.type
class OfferQueries:
    @strawberry.field(
        description="How customers answered what was offered in a span; `until` is not included, "
        "and at most 400 days after `from`."
    )
    async def offer_figures(
        self,
        info: Info,
        from_: Annotated[datetime, strawberry.argument(name="from")],
        until: datetime,
    ) -> OfferFiguresResult:
        viewer = info.context.known_viewer
        try:
            found = await offer_figures.figures(viewer, from_, until)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        shop = await info.context.rows.one("shop", viewer.shop_id)
        assert shop is not None, "a viewer sees their own shop"
        return OfferReport(
            rows=[OfferFigures(figures=row, currency=shop["currency"]) for row in found]
        )
