"""Files that the people of a refund have added to it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from refund_gql import clock, tickets
from refund_gql.choices import EvidenceStatus
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import EvidencePurpose
from refund_gql.graphql.sources import Node, column, enum, reference

if TYPE_CHECKING:
    from refund_gql.graphql.types.refund import Refund

LazyRefund = Annotated["Refund", strawberry.lazy("refund_gql.graphql.types.refund")]


@strawberry.type(description="A photo, a video or a document that shows what happened.")
class EvidenceFile(Node):
    table: ClassVar[str] = "evidence_file"

    name: str = column("name", "What its uploader calls it.")
    purpose: EvidencePurpose = enum("purpose", EvidencePurpose, "What it shows.")
    status: EvidenceStatus = enum("status", EvidenceStatus, "Where it stands.")
    size: int = column("size", "Bytes.")
    media_type: str | None = column(
        "media_type", "What its content is, such as image/jpeg; null before it is uploaded."
    )
    sha256: str | None = column("sha256", "Of its content; null before it is uploaded.")
    uploaded_at: datetime | None = column("uploaded_at", "UTC; null before it is uploaded.")
    removed_at: datetime | None = column("removed_at", "UTC; null while it is there.")
    uploaded_by: str = column("uploaded_by", "KIND:id.")
    uploaded_by_name: str = column("uploaded_by_name", "Who it was.")
    refund: LazyRefund | None = reference("refund_id", "Refund", "Of which refund.")

    @strawberry.field(description="CUSTOMER, STAFF or SERVICE.")
    def uploader_kind(self) -> str:
        kind: str = self.row["uploaded_by"].partition(":")[0]
        return kind

    @strawberry.field(
        description="Where to get it, on the host of the API and without a token, for the next 15 "
        "minutes; null when it is not there."
    )
    def url(self, info: Info) -> str | None:
        if self.row["status"] != EvidenceStatus.STORED:
            return None
        return self.address(info, "GET", clock.now() + tickets.READING)

    def address(self, info: Info, method: str, until: datetime) -> str:
        """The path with a ticket for this file."""
        secret, file_id = self.row["secret"], self.row["id"]
        return tickets.address(info.context.settings, secret, method, file_id, until)


@strawberry.type(description="A file that is awaited: send it, and the refund has it.")
class EvidenceUpload:
    file: EvidenceFile = strawberry.field(description="The file, not there yet.")

    @strawberry.field(description="The file's id.")
    def file_id(self) -> strawberry.ID:
        return self.file.id()

    @strawberry.field(description="PUT the file's bytes here, on the host of the API; once.")
    def upload_url(self, info: Info) -> str:
        return self.file.address(info, "PUT", self.expires_at())

    @strawberry.field(description="Until when; UTC.")
    def expires_at(self) -> datetime:
        end: datetime = self.file.row["expires_at"]
        return end.astimezone(UTC).replace(microsecond=0)
