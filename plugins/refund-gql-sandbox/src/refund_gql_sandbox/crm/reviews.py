"""The product reviews the CRM holds: those of a file."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from refund_gql.providers import ProductReview, Refused, ReviewPage

_AT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class Review(BaseModel):
    """A line of the file of reviews."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str
    """The CRM's id of the review."""
    sku: str
    rating: int = Field(ge=1, le=5)
    text: str
    written_at: AwareDatetime
    """With the time zone."""
    order_number: str | None = None
    locale: str = ""

    @property
    def key(self) -> tuple[datetime, str]:
        """Where it stands among all reviews."""
        return self.written_at, self.reference


def page(
    lines: Sequence[Review], *, since: datetime, cursor: str | None, longest: int
) -> ReviewPage:
    """The next reviews after the cursor, or else from `since` on, oldest first.

    Raises Refused when the cursor is none of ours.
    """
    after = None if cursor is None else _read(cursor)
    rest = sorted(
        (line for line in lines if line.written_at >= since and (not after or line.key > after)),
        key=lambda line: line.key,
    )
    shown = rest[:longest]
    return ReviewPage(
        reviews=tuple(_review(line) for line in shown),
        cursor=_written(shown[-1]) if len(rest) > longest else None,
    )


def _review(line: Review) -> ProductReview:
    told = line.model_dump()
    return ProductReview(**{**told, "written_at": line.written_at.astimezone(UTC)})


def _written(line: Review) -> str:
    return f"{line.written_at.isoformat()} {line.reference}"


def _read(cursor: str) -> tuple[datetime, str]:
    at, _, reference = cursor.partition(" ")
    try:
        return _AT.validate_python(at), reference
    except ValidationError as error:
        raise Refused("The cursor is none of the sandbox's", code="CURSOR") from error
