"""Who looks after which refund, and what colleagues write to each other."""

from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.backoffice import presence
from refund_gql.flow import assignment, notes
from refund_gql.graphql.context import Info
from refund_gql.graphql.mutations.answers import answer, once, words
from refund_gql.graphql.mutations.refund_inputs import SCRIPT, RefundStepInput
from refund_gql.graphql.problems import (
    AlreadyTaken,
    IdempotencyConflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotWaiting,
    StaleVersion,
)
from refund_gql.graphql.types.refund import Refund
from refund_gql.graphql.types.shop import Staff

RefundAssignResult = Annotated[
    Refund
    | InvalidInput
    | NotFound
    | NotAllowed
    | NotWaiting
    | AlreadyTaken
    | StaleVersion
    | IdempotencyConflict,
    strawberry.union("RefundAssignResult", description="The refund and who has it, or why not."),
]
RefundNoteResult = Annotated[
    Refund | InvalidInput | NotFound | NotAllowed | StaleVersion | IdempotencyConflict,
    strawberry.union("RefundNoteResult", description="The refund with the note, or why not."),
]
StaffResult = Annotated[
    Staff | InvalidInput | NotFound | NotAllowed,
    strawberry.union("StaffResult", description="The colleague as they are now, or why not."),
]


@strawberry.input(description="Look after a refund.")
class RefundTakeInput(RefundStepInput):
    pass


@strawberry.input(description="Give a case to a colleague.")
class RefundAssignInput(RefundStepInput):
    staff_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="A colleague of its desk, see `deskColleagues`; null: back into the queue.",
    )
    reason: str = strawberry.field(default="", description="For colleagues; kept as a note.")

    def value(self) -> assignment.HandOver:
        return assignment.HandOver(
            refund_id=self.id,
            staff_id=ids.optional("staffId", self.staff_id, "Staff"),
            reason=words("reason", self.reason),
            expected_version=self.expected_version,
        )


@strawberry.input(description="A word to colleagues.")
class RefundNoteInput(RefundStepInput):
    text: str = strawberry.field(description="At most 4,000 characters; no customer reads it.")
    script_id: strawberry.ID | None = strawberry.field(default=None, description=SCRIPT)


@strawberry.input(description="Who is at work.")
class StaffSetAvailableInput:
    available: bool = strawberry.field(description="True: cases may be dealt out to them.")
    staff_id: strawberry.ID | None = strawberry.field(
        default=None, description="Null: you; for owners also a colleague."
    )


@strawberry.input(description="Who works in the shop.")
class StaffSetActiveInput:
    staff_id: strawberry.ID = strawberry.field(description="The colleague.")
    active: bool = strawberry.field(description="False: they are locked out at once.")


@strawberry.type
class DeskMutations:
    @strawberry.mutation(description="Look after a refund that nobody has.")
    async def refund_take(self, info: Info, input: RefundTakeInput) -> RefundAssignResult:
        return await answer(
            info,
            Refund,
            lambda viewer: assignment.take(
                viewer,
                input.id,
                expected_version=input.expected_version,
                once=once("refundTake", input),
            ),
        )

    @strawberry.mutation(
        description="Give a case to a colleague of its desk, or back: your own, one that nobody "
        "has, or, for owners, any."
    )
    async def refund_assign(self, info: Info, input: RefundAssignInput) -> RefundAssignResult:
        return await answer(
            info,
            Refund,
            lambda viewer: assignment.assign(
                viewer, input.value(), once=once("refundAssign", input)
            ),
        )

    @strawberry.mutation(description="Write a note that only colleagues read.")
    async def refund_note(self, info: Info, input: RefundNoteInput) -> RefundNoteResult:
        return await answer(
            info,
            Refund,
            lambda viewer: notes.write(
                viewer,
                input.id,
                input.text,
                script_id=ids.optional("scriptId", input.script_id, "Script"),
                expected_version=input.expected_version,
                once=once("refundNote", input),
            ),
        )

    @strawberry.mutation(
        description="Say whether somebody is at work: cases are dealt out to who is."
    )
    async def staff_set_available(self, info: Info, input: StaffSetAvailableInput) -> StaffResult:
        return await answer(
            info,
            Staff,
            lambda viewer: presence.set_available(
                viewer, input.available, ids.optional("staffId", input.staff_id, "Staff")
            ),
        )

    @strawberry.mutation(
        description="Lock a colleague out, or let them in again. Whoever is locked out has their "
        "cases go back to the queues."
    )
    async def staff_set_active(self, info: Info, input: StaffSetActiveInput) -> StaffResult:
        return await answer(
            info,
            Staff,
            lambda viewer: presence.set_active(
                viewer, ids.required("staffId", input.staff_id, "Staff"), input.active
            ),
        )
