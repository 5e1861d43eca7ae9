"""The courier's webhook messages: news about one parcel or many."""

from collections.abc import Sequence
from datetime import UTC
from hashlib import sha256

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from refund_gql.providers import Checkpoint, Tracking, TrackingNotice, WebhookRejected
from refund_gql_sandbox.courier import codes


class Line(BaseModel):
    """One checkpoint of a parcel."""

    model_config = ConfigDict(frozen=True, strict=True)

    at: AwareDatetime
    """When it happened, with the time zone."""
    code: str
    """The courier's code; any word, also one that is in no table."""
    text: str = ""
    place: str = ""

    def checkpoint(self) -> Checkpoint:
        """The line in the engine's words."""
        return codes.checkpoint(
            self.at.astimezone(UTC), self.code, text=self.text, place=self.place
        )


class Report(BaseModel):
    """What is known about one parcel."""

    model_config = ConfigDict(frozen=True, strict=True)

    tracking_number: str
    checkpoints: tuple[Line, ...] = ()
    expected_at: AwareDatetime | None = None

    @classmethod
    def about(cls, tracking: Tracking) -> "Report":
        """The report of what the courier answers to `track`."""
        lines = (
            Line(at=known.at, code=known.code, text=known.text, place=known.place)
            for known in tracking.checkpoints
        )
        return cls(
            tracking_number=tracking.tracking_number,
            checkpoints=tuple(lines),
            expected_at=tracking.expected_at,
        )

    def tracking(self) -> Tracking:
        """The report in the engine's words."""
        return Tracking(
            tracking_number=self.tracking_number,
            checkpoints=tuple(line.checkpoint() for line in self.checkpoints),
            expected_at=self.expected_at and self.expected_at.astimezone(UTC),
        )


class Message(BaseModel):
    """The body of a webhook. Fields that are not listed are ignored, as a courier may add some."""

    model_config = ConfigDict(frozen=True, strict=True)

    id: str
    """The id of this message; a repeated delivery carries the same."""
    parcels: tuple[Report, ...] = Field(min_length=1)

    @classmethod
    def about(cls, *trackings: Tracking) -> "Message":
        """The message with this news; equal news makes an equal id."""
        parcels = tuple(Report.about(tracking) for tracking in trackings)
        content = "".join(report.model_dump_json() for report in parcels)
        return cls(id=f"evt-{sha256(content.encode()).hexdigest()[:32]}", parcels=parcels)

    def notices(self) -> Sequence[TrackingNotice]:
        """The message in the engine's words, parcel by parcel."""
        # Each notice has an id of its own, or a store that keeps one per id would drop the rest.
        return [
            TrackingNotice(event_id=f"{self.id}#{at}", tracking=report.tracking())
            for at, report in enumerate(self.parcels, 1)
        ]


def translate(body: bytes) -> Sequence[TrackingNotice]:
    """The notices in a body that was verified before.

    Raises WebhookRejected when it is not a message.
    """
    try:
        return Message.model_validate_json(body).notices()
    except ValidationError as error:
        raise WebhookRejected("sandbox-courier: the body is not a message of it") from error
