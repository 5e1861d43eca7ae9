"""What decides which steps a viewer may take with a refund now; read once per refund and answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from refund_gql import clock, money
from refund_gql.auth import Viewer
from refund_gql.choices import ClaimStatus, PayoutStatus, ReturnStatus
from refund_gql.errors import NotAllowed
from refund_gql.flow import goods, makers, payout, policy
from refund_gql.graphql.context import Info
from refund_gql.graphql.rows import Row
from refund_gql.models import Shop
from refund_gql.states import RefundStatus, Step


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A refund with what stands around it, in the eyes of one viewer."""

    viewer: Viewer
    refund: Row
    shop: Shop
    order: Row | None
    lines: Sequence[Row]
    bought: Sequence[Row]
    """The order lines that are refunded."""
    captures: Sequence[Row]
    parcels: Sequence[Row]
    """Returns, the newest first."""
    payouts: Sequence[Row]
    decisions: Sequence[Row]
    claims: Sequence[Row]
    """Open ones."""
    merged: Sequence[Row]
    """Requests that have become part of it."""

    @property
    def status(self) -> RefundStatus:
        return RefundStatus(self.refund["status"])

    @property
    def amount(self) -> str:
        """What the customer gets, for people: 89.00 CNY."""
        refund = self.refund
        return str(money.Money(amount=refund["amount"], currency=refund["currency"]))

    @property
    def goods(self) -> ReturnStatus | None:
        """Where goods stand that move alone; None while they lead, or do not come."""
        if not goods.move_alone(goods_later=self.refund["goods_later"], status=self.status):
            return None
        return ReturnStatus(self.parcels[0]["status"])

    @cached_property
    def sent(self) -> bool:
        """Whether any of the goods ever left."""
        return any(line["shipped_quantity"] for line in self.bought)

    @property
    def can_go_first(self) -> bool:
        """Whether the money may go before the goods at all."""
        whole = {x["id"] for x in self.bought if x["shipped_quantity"] == x["quantity"]}
        sent = all(line["order_line_id"] in whole for line in self.lines)
        return sent and self.refund["customer_id"] is not None and self.refund["amount"] > 0

    @property
    def covered(self) -> bool:
        """Whether the captures still hold what is to be paid."""
        free = (row["amount"] - row["reserved"] - row["disputed"] for row in self.captures)
        rest: int = sum(free)
        return rest >= self.refund["amount"]

    @property
    def stuck(self) -> list[Row]:
        """Payouts that wait for a person."""
        statuses = {status.value for status in payout.STUCK}
        return [row for row in self.payouts if row["status"] in statuses and not row["superseded"]]

    @property
    def retriable(self) -> list[Row]:
        """Payouts that a person can have tried again: their money is still there."""
        return [row for row in self.stuck if self._has_room(row)]

    def _has_room(self, payout_: Row) -> bool:
        if payout_["status"] == PayoutStatus.NEEDS_MANUAL:
            return True
        capture = next(row for row in self.captures if row["id"] == payout_["capture_id"])
        rest: int = capture["amount"] - capture["reserved"] - capture["disputed"]
        return rest >= payout_["amount"]

    @property
    def disputable(self) -> bool:
        """Whether a refusal may still be disputed."""
        refused_at = self.refund["finished_at"]
        if self.order is None or self.order["closed_at"] or self.refund["disputed_at"]:
            return False
        return refused_at is not None and clock.now() < policy.dispute_end(self.shop, refused_at)

    @property
    def pays_at_once(self) -> bool:
        """Whether money leaves with the next approval, without finance."""
        return policy.skips_finance(
            self.shop,
            amount=self.refund["amount"],
            currency=self.refund["currency"],
            everybody_agreed=self.refund["requested_by"] != self.viewer.actor,
        )

    # --- why this viewer may not, although the step is possible -------------------------------

    @property
    def own_proposal(self) -> NotAllowed | None:
        """Set for whoever proposed or requested it: nobody releases their own proposal."""
        asked = {row["requested_by"] for row in (self.refund, *self.merged)}
        spoke = self._actors(*makers.PROPOSALS)
        return NotAllowed(reason="OWN_PROPOSAL") if self.viewer.actor in asked | spoke else None

    @property
    def own_refusal(self) -> NotAllowed | None:
        """Set for whoever refused what is disputed now."""
        if self.refund["disputed_at"] is None or self.viewer.actor not in self._actors(Step.REJECT):
            return None
        return NotAllowed(reason="OTHER_REVIEWER")

    def _actors(self, *steps: Step) -> set[str]:
        return {row["actor"] for row in self.decisions if row["step"] in steps}


async def gather(info: Info, refund: Row) -> Standing:
    """Everything around a refund that its viewer's next steps depend on."""
    rows, refund_id = info.context.rows, refund["id"]
    shop = await rows.one("shop", refund["shop_id"])
    assert shop is not None, "a viewer sees their own shop"
    lines = await rows.many("refund_line", "refund_id", refund_id, "position")
    claims = await rows.many("goods_claim", "refund_id", refund_id, "opened_at, id")
    order_id = refund["order_id"]
    return Standing(
        viewer=info.context.known_viewer,
        refund=refund,
        shop=_shop(shop),
        order=await rows.one("order", order_id) if order_id else None,
        lines=lines,
        bought=await _bought(info, lines),
        captures=await _captures(info, order_id),
        parcels=await rows.many("goods_return", "refund_id", refund_id, "opened_at desc, id desc"),
        payouts=await rows.many("payout", "refund_id", refund_id, "created_at, id"),
        decisions=await rows.many("decision", "refund_id", refund_id, "decided_at, id"),
        claims=[row for row in claims if row["status"] == ClaimStatus.OPEN],
        merged=await rows.many("refund", "merged_into_id", refund_id, "requested_at, id"),
    )


def _shop(row: Row) -> Shop:
    names = ("id", "currency", "time_zone", "finance_threshold", "dispute_days")
    return Shop(**{name: row[name] for name in names})


async def _bought(info: Info, lines: Sequence[Row]) -> list[Row]:
    ids = [line["order_line_id"] for line in lines if line["order_line_id"]]
    found = await asyncio.gather(*(info.context.rows.one("order_line", id_) for id_ in ids))
    return [row for row in found if row]


async def _captures(info: Info, order_id: UUID | None) -> list[Row]:
    if order_id is None:
        return []
    order = "captured_at desc, id desc"
    return await info.context.rows.many("capture", "order_id", order_id, order)
