"""When a customer who sends goods back can expect the money: from the shop's own figures."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from refund_gql.database import Transaction

LOOKS_BACK = timedelta(days=90)
LEAST_CASES = 10
"""Fewer returns say nothing."""
DEFAULT_P50, DEFAULT_P80 = timedelta(days=7), timedelta(days=10)
"""Where the shop has too few figures of its own: three days each way, one to inspect and pay;
and three more for what is slow."""

_FIGURES = """
select count(*) as cases,
       percentile_cont(0.5) within group (order by hours) as p50,
       percentile_cont(0.8) within group (order by hours) as p80
  from (select extract(epoch from r.finished_at - g.opened_at) / 3600 as hours
          from goods_return g join refund r on r.id = g.refund_id
         where g.shop_id = $1 and g.opened_at between $2 and $3 and g.status = 'INSPECTED'
           and r.status = 'REFUNDED' and not r.goods_later and not r.imported
           and r.finished_at > g.opened_at) took
"""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """The figures behind an expectation: hours from opening a return to the money."""

    cases: int
    """Returns of the last 90 days; 0: the shop has too few, and the default counts."""
    median_hours: int
    p80_hours: int

    def stored(self) -> dict[str, int]:
        """As a row keeps it."""
        return asdict(self)

    def from_(self, opened_at: datetime) -> datetime:
        """The moment by which four of five had their money."""
        return opened_at + timedelta(hours=self.p80_hours)


_DEFAULT = Basis(
    cases=0,
    median_hours=int(DEFAULT_P50.total_seconds()) // 3600,
    p80_hours=int(DEFAULT_P80.total_seconds()) // 3600,
)


async def basis(tx: Transaction, shop_id: UUID, now: datetime) -> Basis:
    """The shop's figures as they stand."""
    [row] = await tx.execute_query_dict(_FIGURES, [shop_id, now - LOOKS_BACK, now])
    if row["cases"] < LEAST_CASES:
        return _DEFAULT
    # Rounded up: a promise is kept to the hour.
    return Basis(
        cases=row["cases"], median_hours=-int(-row["p50"] // 1), p80_hours=-int(-row["p80"] // 1)
    )
