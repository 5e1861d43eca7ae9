"""Why customers want refunds."""

from datetime import datetime
from typing import Annotated, ClassVar

import strawberry

from refund_gql.graphql.sources import Node, column, localized, reference


@strawberry.type(description="A reason, in the shop's own categories.")
class ReasonTag(Node):
    table: ClassVar[str] = "reason_tag"

    code: str = column("code", "Stable.")
    label: str = localized("labels", "What people read.")
    seller_at_fault: bool = column(
        "seller_at_fault", "The shop's side caused it: shipping is refunded with the goods."
    )
    position: int = column("position", "Order in lists.")
    retired_at: datetime | None = column("retired_at", "UTC; set: not for new requests.")
    parent: Annotated["ReasonTag", strawberry.lazy("refund_gql.graphql.types.reason")] | None = (
        reference("parent_id", "ReasonTag", "The wider reason it belongs to.")
    )
