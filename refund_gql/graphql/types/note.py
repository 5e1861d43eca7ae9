"""What colleagues write to each other about a refund."""

from datetime import datetime
from typing import ClassVar

import strawberry

from refund_gql.graphql.enums import NoteKind
from refund_gql.graphql.pages import Listing
from refund_gql.graphql.sources import Node, column, enum

NOTES = Listing(name="notes", kind="RefundNote", table="refund_note", moment="at")


@strawberry.type(description="A word between colleagues about a refund; staff only.")
class RefundNote(Node):
    table: ClassVar[str] = "refund_note"

    kind: NoteKind = enum("kind", NoteKind, "A note, or why a case was handed over.")
    text: str = column("text", "In the words of whoever wrote it.")
    version: int = column("version", "Of the entry in the refund's timeline.")
    author: str = column("author", "KIND:id.")
    author_name: str = column("author_name", "Who it was.")
    at: datetime = column("at", "UTC.")
