"""What messages say, and in which order channels are tried."""

from datetime import datetime

import strawberry

from refund_gql.graphql.enums import MessageKind, TemplateOrigin, VariableType
from refund_gql.outbox.kinds import Variable
from refund_gql.outbox.wording import Text, Wording


@strawberry.type(description="The text that speaks for the shop: its own, or the built-in one.")
class Template:
    kind: MessageKind = strawberry.field(description="What it says.")
    locale: str = strawberry.field(description="zh or en.")
    channel: str | None = strawberry.field(
        description="Only for this notifier; null: for every one without a text of its own."
    )
    subject: str = strawberry.field(description="A template of one line.")
    body: str = strawberry.field(description="A template.")
    origin: TemplateOrigin = strawberry.field(description="Who wrote it.")
    updated_at: datetime | None = strawberry.field(description="UTC; null: built in.")
    updated_by: str | None = strawberry.field(description="KIND:id; null: built in.")

    @classmethod
    def of(cls, wording: Wording) -> "Template":
        return cls(
            kind=wording.place.kind,
            locale=wording.place.locale,
            channel=wording.place.channel or None,
            subject=wording.subject,
            body=wording.body,
            origin=wording.origin,
            updated_at=wording.updated_at,
            updated_by=wording.updated_by,
        )


@strawberry.type(description="Something a text may mention, as {{ name }}.")
class TemplateVariable:
    name: str = strawberry.field(description="Between the braces.")
    type: VariableType = strawberry.field(description="What it holds.")
    description: str = strawberry.field(description="What it is.")
    example: str = strawberry.field(description="A value, as previews show it.")

    @classmethod
    def of(cls, variable: Variable, locale: str) -> "TemplateVariable":
        return cls(
            name=variable.name,
            type=variable.type,
            description=variable.description[locale],
            example=variable.example[locale],
        )


@strawberry.type(description="What a customer would read.")
class TemplateText:
    subject: str = strawberry.field(description="One line.")
    text: str = strawberry.field(description="The message.")

    @classmethod
    def of(cls, text: Text) -> "TemplateText":
        return cls(subject=text.subject, text=text.text)
