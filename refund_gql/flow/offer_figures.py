"""How customers answer what they are offered: by kind and by the reason they gave."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from refund_gql import database, validation
from refund_gql.auth import Viewer
from refund_gql.choices import OfferKind
from refund_gql.roles import Role

# What was saved is known in the shop's own currency only: a coupon's is that, money's the
# refund's. Means are rounded down to minor units.
_FIGURES = """
select o.kind, r.stated_reason_id as reason_id, count(*) as proposed,
       count(*) filter (where o.state = 'ACCEPTED') as accepted,
       count(*) filter (where o.state in ('DECLINED', 'COUNTERED')) as declined,
       count(*) filter (where o.state = 'EXPIRED') as expired,
       floor(avg(l.asked_goods + l.asked_shipping - o.cost) filter (
           where o.state = 'ACCEPTED' and l.currency = shop.currency))::bigint as mean_saved
  from offer o join offer_ladder l on l.id = o.ladder_id
  join refund r on r.id = o.refund_id join shop on shop.id = o.shop_id
 where o.shop_id = $1 and l.proposed_at >= $2 and l.proposed_at < $3
 group by o.kind, r.stated_reason_id order by o.kind, count(*) desc, r.stated_reason_id
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The offers of one kind, made for one reason."""

    kind: OfferKind
    reason_id: UUID | None
    """None: the customer stated none."""
    proposed: int
    accepted: int
    declined: int
    """Also where the customer took another one, or proposed an amount of her own."""
    expired: int
    mean_saved: int | None
    """Minor units of the shop's currency by which an accepted one costs less than was asked for;
    None where none was accepted."""

    @property
    def share(self) -> float:
        """Accepted of proposed, 0 to 1."""
        return self.accepted / self.proposed


async def figures(viewer: Viewer, begin: datetime, end: datetime) -> list[Figures]:
    """For what was offered from `begin` up to, and not including, `end`; both UTC.

    Raises NotAllowed, InvalidInput.
    """
    viewer.require(Role.OWNER, Role.AGENT, Role.ANALYST)
    validation.window(begin, end)
    rows = await database.fetch(_FIGURES, viewer.shop_id, begin, end)
    return [Figures(**{**row, "kind": OfferKind(row["kind"])}) for row in rows]
