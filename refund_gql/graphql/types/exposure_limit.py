"""How far a shop trusts the customers of a tier."""

import strawberry

from refund_gql.graphql.types.money import Money


@strawberry.type(description="What may be paid to one customer before the goods are back.")
class ExposureLimit:
    tier: str | None = strawberry.field(
        description="In the CRM's words; null: customers whose tier has no limit of its own."
    )
    most: Money = strawberry.field(description="All that is open at one time.")
