"""What is wrong with a condition, for whoever writes it."""

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.rules.mistake import Mistake


@strawberry.type(description="One thing to change in a condition.")
class RuleMistake:
    found: strawberry.Private[Mistake]

    @strawberry.field(description="From 1.")
    def line(self) -> int:
        return self.found.line

    @strawberry.field(description="From 1, in characters.")
    def column(self) -> int:
        return self.found.column

    @strawberry.field(description="What is wrong, and what to write instead.")
    def message(self, info: Info) -> str:
        return self.found.message[info.context.locale]

    @strawberry.field(
        description="The line, and below it a caret under the place; for a font of equal widths."
    )
    def excerpt(self) -> str:
        return self.found.excerpt
