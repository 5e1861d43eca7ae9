"""The demo's live refunds: at least one in every state, made by the flow itself.

REQUESTED and APPROVED last a moment when the engine works; two scenes stop the clock there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from refund_gql import app, clock
from refund_gql.app import Engine
from refund_gql.auth import Viewer
from refund_gql.demo import steps
from refund_gql.demo.people import ME
from refund_gql.demo.steps import Act, Step
from refund_gql.demo.trade import Goods, Parcel, Trade
from refund_gql.flow import request
from refund_gql.flow.once import Once
from refund_gql.flow.request import RequestRefund
from refund_gql.models import Customer, IdempotencyKey, Order, ReasonTag, Shop
from refund_gql.roles import Role
from refund_gql.states import Fulfilment, RefundKind

_DAY = timedelta(days=1)
_BY_COURIER = {
    Fulfilment.UNSHIPPED: None,
    Fulfilment.PARTLY_SHIPPED: Parcel,
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One refund and how far it gets."""

    name: str
    goods: tuple[Goods, ...]
    reason: str
    note: str
    steps: tuple[Step, ...]
    sent: Fulfilment = Fulfilment.DELIVERED
    returned: bool = False
    """Return and refund; else refund only."""
    quiet: float = 2
    """Hours since the last step."""
    customer: str = ME.reference
    sandbox: str = "OK*"

    @property
    def number(self) -> str:
        """The order's."""
        return f"SO-{self.name.upper()}"

    @property
    def kind(self) -> RefundKind:
        return RefundKind.RETURN_AND_REFUND if self.returned else RefundKind.REFUND_ONLY

    def requested_at(self, now: datetime) -> datetime:
        """So that the last step is as long ago as it should be."""
        took = sum((step.after for step in self.steps), timedelta())
        return now - timedelta(hours=self.quiet) - took


def _goods(*skus: str) -> tuple[Goods, ...]:
    return tuple(Goods(sku) for sku in skus)
