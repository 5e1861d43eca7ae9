"""What decides which steps a viewer may take with a refund now."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import orjson

from refund_gql import clock, money
from refund_gql.auth import Viewer
from refund_gql.choices import (
    DiscretionStatus,
    DiscretionStep,
    EvidencePurpose,
    OfferKind,
    PayoutStatus,
    ReturnStatus,
)
from refund_gql.desks import WORKERS, Desk
from refund_gql.errors import NotAllowed
from refund_gql.events import EventType
from refund_gql.flow import amendment, evidence, goods, makers, payout, pickups, policy
from refund_gql.graphql.bargain import Bargain
from refund_gql.graphql.rows import Row
from refund_gql.models import Shop
from refund_gql.roles import Role
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
    bargain: Bargain
    tasks: Sequence[Row]
    """What was beyond somebody's budget, answered or not, oldest first."""
    files: Sequence[Row]
    """Evidence that is there, oldest first."""
    pickups: Sequence[Row]
    tags: Sequence[Row]
    """The reasons in use, in the shop's order."""
    events: Sequence[Row]
    """What happened to it, oldest first; empty where it cannot be amended anyway."""
    others: Sequence[Row]
    """Undecided requests of the same customer on the order; empty where it cannot be merged."""
    people: Sequence[Row]
    """Who works at its desk, those at work first; empty for who does not work there."""

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
        return self._left >= self.refund["amount"]

    @property
    def _left(self) -> int:
        free = (row["amount"] - row["reserved"] - row["disputed"] for row in self.captures)
        return sum(max(one, 0) for one in free)

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

    def pays(self, amount: int) -> bool:
        """Whether so many minor units leave with the next approval, without finance."""
        speaks = {self.viewer.actor} if self.viewer.staff_id else set()
        skips = policy.skips_finance(
            self.shop,
            amount=amount,
            currency=self.refund["currency"],
            everybody_agreed=self._askers.isdisjoint(self._deciders | speaks),
        )
        return skips and self._left >= amount

    # --- what it is about ---------------------------------------------------------------------

    @property
    def amendable(self) -> bool:
        """Whether its customer may still ask for something else."""
        types = [row["type"] for row in self.events]
        dealt = any(
            row["actor"].startswith("STAFF:") and row["type"] in amendment.DEALING
            for row in self.events
        )
        return bool(types) and not dealt and types.count(EventType.AMENDED) < amendment.MOST

    @property
    def mergeable(self) -> bool:
        """Whether it can become part of another request."""
        return bool(self.others) and not self.parcels

    @property
    def offer_kinds(self) -> list[OfferKind]:
        """What could be offered for it."""
        amount = self.refund["amount"]
        fits = {
            OfferKind.FULL_WITH_RETURN: amount > 0 and self.sent and self.covered,
            OfferKind.KEEP_AND_COMPENSATE: amount > 0 and self._left > 0,
            OfferKind.PARTIAL: amount > 0 and self._left > 0,
            OfferKind.EXCHANGE_COUPON: self.refund["customer_id"] is not None,
        }
        return [kind for kind, possible in fits.items() if possible]

    # --- goods and files ----------------------------------------------------------------------

    @property
    def fetchable(self) -> bool:
        """Whether a courier can be ordered for its goods."""
        awaited = [row for row in self.parcels if row["status"] == ReturnStatus.AWAITED]
        under_way = any(row["status"] in pickups.LIVE for row in self.pickups)
        addressed = any(orjson.loads(row["recipient"]) for row in awaited)
        return addressed and not under_way and bool(self.shop.courier_routes)

    @property
    def reduction_is_offered(self) -> bool:
        """Whether an inspection that reduces much asks the customer first."""
        return self.shop.reduction_offer_threshold is not None and self.refund["amount"] > 0

    @property
    def purposes(self) -> tuple[EvidencePurpose, ...]:
        """What a file of the viewer's could show."""
        return evidence.purposes(self.viewer.role, self.status)

    @property
    def removable(self) -> list[Row]:
        """The files that the viewer can take back."""
        every = self.viewer.role is Role.OWNER
        return [row for row in self.files if every or row["uploaded_by"] == self.viewer.actor]

    # --- who looks after it -------------------------------------------------------------------

    @property
    def desk(self) -> Desk | None:
        """Where it waits for a person."""
        return Desk(self.refund["desk"]) if self.refund["desk"] else None

    @property
    def works_here(self) -> bool:
        """Whether it waits at a desk of the viewer's."""
        return self.desk is not None and self.viewer.role in WORKERS[self.desk]

    @property
    def free_to_take(self) -> bool:
        """Whether it waits where the viewer works, and nobody has it."""
        return self.works_here and self.refund["assignee_id"] is None

    @property
    def may_assign(self) -> bool:
        """Whether it is the viewer's to give away."""
        holders = {None, self.viewer.staff_id}
        own = self.viewer.role is Role.OWNER or self.refund["assignee_id"] in holders
        return self.works_here and own

    @property
    def colleagues(self) -> list[Row]:
        """To whom it can be given: who can act on it at its desk."""
        barred = self._makers if self.desk is Desk.FINANCE else set()
        return [row for row in self.people if f"STAFF:{row['id']}" not in barred]

    @property
    def asked(self) -> list[Row]:
        """What colleagues wanted to do beyond their budgets, and the viewer may answer."""
        mine = self.viewer.staff_id
        return [
            row
            for row in self.tasks
            if row["status"] == DiscretionStatus.OPEN and row["staff_id"] != mine
        ]

    @property
    def doable(self) -> list[Row]:
        """Of these, what can be done where the refund stands."""
        return [row for row in self.asked if self._fits(DiscretionStep(row["step"]))]

    def _fits(self, step: DiscretionStep) -> bool:
        if step is DiscretionStep.ISSUE_COUPON:
            return self.refund["customer_id"] is not None
        if self.status is not RefundStatus.REVIEW:
            return False
        if step is DiscretionStep.ACCEPT_COUNTER:
            return self.bargain.counter is not None
        return step is DiscretionStep.PROPOSE_OFFERS or self.own_refusal is None

    @property
    def task_pays(self) -> bool:
        """Whether doing one of these may let money go at once."""
        amounts = {
            DiscretionStep.APPROVE: None if self.sent else self.refund["amount"],
            DiscretionStep.APPROVE_FIRST: self.refund["amount"],
            DiscretionStep.ACCEPT_COUNTER: self.bargain.counter,
        }
        found = [amounts.get(DiscretionStep(row["step"])) for row in self.doable]
        return any(amount is not None and self.pays(amount) for amount in found)

    # --- why this viewer may not, although the step is possible -------------------------------

    @property
    def own_proposal(self) -> NotAllowed | None:
        """Set for whoever proposed or requested it: nobody releases their own proposal."""
        return NotAllowed(reason="OWN_PROPOSAL") if self.viewer.actor in self._makers else None

    @property
    def _askers(self) -> set[str]:
        return {row["requested_by"] for row in (self.refund, *self.merged)}

    @property
    def _deciders(self) -> set[str]:
        return self._actors(*makers.PROPOSALS)

    @property
    def _makers(self) -> set[str]:
        done = [row for row in self.tasks if row["status"] == DiscretionStatus.APPROVED]
        return self._askers | self._deciders | {f"STAFF:{row['staff_id']}" for row in done}

    @property
    def own_refusal(self) -> NotAllowed | None:
        """Set for whoever refused what is disputed now."""
        if self.refund["disputed_at"] is None or self.viewer.actor not in self._actors(Step.REJECT):
            return None
        return NotAllowed(reason="OTHER_REVIEWER")

    def _actors(self, *steps: Step) -> set[str]:
        return {row["actor"] for row in self.decisions if row["step"] in steps}
