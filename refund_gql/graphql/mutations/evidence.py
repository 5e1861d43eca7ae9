"""Files of evidence: announced here, sent to the address that is answered, taken back here."""

from typing import Annotated, Any

import strawberry

from refund_gql import ids
from refund_gql.errors import NotFound as NoSuchFile
from refund_gql.errors import Refusal
from refund_gql.flow import evidence
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import EvidencePurpose
from refund_gql.graphql.mutations.answers import answer, once
from refund_gql.graphql.mutations.refund_inputs import RefundStepInput
from refund_gql.graphql.problems import (
    IdempotencyConflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
)
from refund_gql.graphql.types.evidence import EvidenceFile, EvidenceUpload

_KEY = "Names this operation: send the same key again when you are not sure it arrived."

EvidenceUploadResult = Annotated[
    EvidenceUpload | InvalidInput | NotFound | NotAllowed | StaleVersion | IdempotencyConflict,
    strawberry.union("EvidenceUploadResult", description="Where to send the file, or why not."),
]
EvidenceFileResult = Annotated[
    EvidenceFile | InvalidInput | NotFound | NotAllowed | IdempotencyConflict,
    strawberry.union("EvidenceFileResult", description="The file as it is now, or why not."),
]


@strawberry.input(description="A file that will come.")
class EvidenceUploadStartInput(RefundStepInput):
    name: str = strawberry.field(description="The file's name, such as photo.jpg.")
    size: int = strawberry.field(description="Bytes; exactly so many are taken.")
    purpose: EvidencePurpose = strawberry.field(
        default=EvidencePurpose.EVIDENCE,
        description="What it shows; INSPECTION is the warehouse's own.",
    )

    def value(self) -> evidence.StartUpload:
        return evidence.StartUpload(
            refund_id=self.id,
            purpose=self.purpose,
            name=self.name,
            size=self.size,
            expected_version=self.expected_version,
        )


@strawberry.input(description="Take a file back.")
class EvidenceRemoveInput:
    file_id: strawberry.ID = strawberry.field(description="The file.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type
class EvidenceMutations:
    @strawberry.mutation(
        description="Announce a file, and learn where to send it. The same key gives the same "
        "address."
    )
    async def evidence_upload_start(
        self, info: Info, input: EvidenceUploadStartInput
    ) -> EvidenceUploadResult:
        return await _awaited(info, input)

    @strawberry.mutation(
        description="Take a file back: that it was there is remembered, what it showed is not. "
        "For its uploader and the owner."
    )
    async def evidence_remove(self, info: Info, input: EvidenceRemoveInput) -> EvidenceFileResult:
        return await answer(
            info,
            EvidenceFile,
            lambda viewer: evidence.remove(
                viewer,
                ids.required("fileId", input.file_id, "EvidenceFile"),
                once=once("evidenceRemove", input),
            ),
        )


async def _awaited(info: Info, input: EvidenceUploadStartInput) -> Any:
    """The upload; a file that was announced long ago and never came is forgotten."""
    viewer, settings = info.context.known_viewer, info.context.settings
    try:
        file_id = await evidence.start(
            viewer, input.value(), settings, once=once("evidenceUploadStart", input)
        )
        row = await info.context.rows.fresh(EvidenceFile.table, file_id)
        if row is None:
            raise NoSuchFile(kind="EvidenceFile", id=str(file_id))
    except Refusal as refusal:
        return problems.of(refusal, info.context.locale)
    return EvidenceUpload(file=EvidenceFile(row=row))
