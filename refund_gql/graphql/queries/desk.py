"""Reading the desks' queues."""

from enum import StrEnum
from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.desk import queue as queues
from refund_gql.desks import WORKERS
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Desk, Priority
from refund_gql.graphql.pages import Where
from refund_gql.graphql.problems import NotAllowed
from refund_gql.graphql.types.desk import QUEUE, DeskColleague, Queue, QueueConnection
from refund_gql.graphql.types.shop import Staff

QueueResult = Annotated[
    QueueConnection | NotAllowed,
    strawberry.union("QueueResult", description="What waits, or who may see it."),
]


@strawberry.enum(description="Whose cases.")
class QueueAssignee(StrEnum):
    ANYBODY = "ANYBODY"
    MINE = "MINE"
    UNASSIGNED = "UNASSIGNED"


@strawberry.type
class DeskQueries:
    @strawberry.field(
        description="What waits at one of your desks: the most urgent first, then what has waited "
        "longest. `staffId` asks for one colleague's and goes before `assignee`."
    )
    async def queue(
        self,
        info: Info,
        desk: Desk,
        assignee: QueueAssignee = QueueAssignee.ANYBODY,
        staff_id: strawberry.ID | None = None,
        priority: list[Priority] | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> QueueResult:
        viewer = info.context.known_viewer
        try:
            viewer.require(*sorted(WORKERS[desk]))
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        where = Where()
        where.see("refund", viewer)
        where.add("desk = {}", desk.value)
        if priority is not None:
            where.add("priority = any({}::text[])", [one.value for one in priority])
        if staff_id is not None:
            where.add("assignee_id = {}", ids.row_id(staff_id, "Staff"))
        elif assignee is QueueAssignee.MINE:
            where.add("assignee_id = {}", viewer.staff_id)
        elif assignee is QueueAssignee.UNASSIGNED:
            where.add("assignee_id is null")
        return QueueConnection(page=await QUEUE.page(where, first, after))

    @strawberry.field(description="How much waits at each of your desks.")
    async def queues(self, info: Info) -> list[Queue]:
        return [Queue(found=one) for one in await queues.overview(info.context.known_viewer)]

    @strawberry.field(
        description="To whom a case of a desk can be given: who is at work first, then who has "
        "the fewest."
    )
    async def desk_colleagues(self, info: Info, desk: Desk) -> list[DeskColleague]:
        found = await queues.colleagues(info.context.known_viewer, desk)
        people = [(await Staff.read(info, one.staff_id), one.open_cases) for one in found]
        return [DeskColleague(staff=person, open_cases=n) for person, n in people if person]
