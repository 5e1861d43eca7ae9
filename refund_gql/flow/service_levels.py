"""How often deadlines are kept, and how long the stages take: figures over a span of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from refund_gql import database, validation
from refund_gql.auth import Viewer
from refund_gql.choices import DeadlineStage
from refund_gql.roles import Role

_FIGURES = """
select stage, count(*) filter (where state = 'MET') as met,
       count(*) filter (where state = 'BREACHED') as breached,
       percentile_cont(0.5) within group (
           order by extract(epoch from ended_at - started_at) - paused_seconds)
           filter (where ended_at is not null) as median
  from clock
 where shop_id = $1 and started_at >= $2 and started_at < $3 and state in ('MET', 'BREACHED')
 group by stage
"""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What became of the clocks of one stage that were started in a span of time."""

    stage: DeadlineStage
    met: int = 0
    breached: int = 0
    median_seconds: int | None = None
    """From the start to the end of the stage, kept or not; None while none has ended."""

    @property
    def share(self) -> float | None:
        """Of deadlines that were kept, 0 to 1; None without any."""
        total = self.met + self.breached
        return self.met / total if total else None


async def figures(viewer: Viewer, begin: datetime, end: datetime) -> list[Figure]:
    """For the clocks started from `begin` up to, and not including, `end`; both UTC. Every stage
    once. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.OWNER, Role.AGENT, Role.ANALYST)
    validation.window(begin, end)
    rows = await database.fetch(_FIGURES, viewer.shop_id, begin, end)
    found = {row["stage"]: dict(row) for row in rows}
    return [_figure(stage, found.get(stage)) for stage in DeadlineStage]


def _figure(stage: DeadlineStage, row: Mapping[str, Any] | None) -> Figure:
    if row is None:
        return Figure(stage=stage)
    median = None if row["median"] is None else round(row["median"])
    return Figure(stage=stage, met=row["met"], breached=row["breached"], median_seconds=median)
