"""Global ids: opaque to callers, `Type:uuid` in base64 to us."""

import base64
import binascii
from uuid import UUID

from refund_gql.errors import InvalidInput


def encode(kind: str, id: UUID) -> str:
    """The global id of a row."""
    return base64.urlsafe_b64encode(f"{kind}:{id}".encode()).decode()


def split(text: str) -> tuple[str, UUID] | None:
    """Type and row id; None when it is no global id of ours."""
    try:
        decoded = base64.b64decode(text[:200], altchars=b"-_", validate=True).decode()
        kind, _, row = decoded.partition(":")
        return kind, UUID(row)
    except (binascii.Error, ValueError):
        return None


def row_id(text: str, kind: str) -> UUID | None:
    """The row id of a global id of this type; None for anything else."""
    parts = split(text)
    return parts[1] if parts and parts[0] == kind else None


def required(field: str, text: str, kind: str) -> UUID:
    """The row id of an input field. Raises InvalidInput for what is no id of this type."""
    found = row_id(text, kind)
    if found is None:
        raise InvalidInput(
            field=field, found=text[:40], expected=f"the id of a {kind}", zh=f"{kind} 的 id"
        )
    return found


def optional(field: str, text: str | None, kind: str) -> UUID | None:
    """As `required`; None stays None."""
    return None if text is None else required(field, text, kind)
