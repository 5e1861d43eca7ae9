"""What was offered for a refund and what became of it, as its viewer's next steps depend on it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from refund_gql import clock
from refund_gql.choices import OfferKind, OfferState
from refund_gql.graphql.rows import Row


@dataclass(frozen=True, kw_only=True)
class Bargain:
    """The offers of one refund."""

    ladders: Sequence[Row]
    """What was offered together, the newest first."""
    offers: Sequence[Row]
    """Of all ladders, the best first."""

    def open(self, kinds: Collection[OfferKind]) -> list[Row]:
        """The offers of these kinds that can be taken now."""
        if not self.ladders or clock.now() >= self.ladders[0]["expires_at"]:
            return []
        open_ = [row for row in self.offers if row["state"] == OfferState.OPEN]
        return [row for row in open_ if row["kind"] in kinds]

    @property
    def may_counter(self) -> bool:
        """Whether the customer has not named an amount of their own yet."""
        return all(row["counter_amount"] is None for row in self.ladders)

    @property
    def counter(self) -> int | None:
        """The customer's amount that waits for an answer, in minor units of the refund."""
        if not self.ladders or self.ladders[0]["state"] != OfferState.COUNTERED:
            return None
        amount: int | None = self.ladders[0]["counter_amount"]
        return amount
