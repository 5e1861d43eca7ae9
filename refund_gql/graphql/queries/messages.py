"""Reading messages to customers, and the texts they are made from."""

from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import MessageKind, MessageStatus
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.problems import InvalidInput, NotAllowed, NotFound
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.message import Message
from refund_gql.graphql.types.template import Template, TemplateText, TemplateVariable
from refund_gql.outbox import wording
from refund_gql.outbox.kinds import KINDS
from refund_gql.outbox.wording import Place

MESSAGES = Listing(name="messages", kind="Message", table="message", moment="created_at")

TemplatePreviewResult = Annotated[
    TemplateText | InvalidInput | NotAllowed | NotFound,
    strawberry.union("TemplatePreviewResult", description="The finished text, or why not."),
]


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class MessageFilter:
    status: list[MessageStatus] | None = strawberry.field(default=None, description="Any of these.")
    kind: list[MessageKind] | None = strawberry.field(default=None, description="Any of these.")
    channel: str | None = strawberry.field(default=None, description="Through this notifier.")
    refund_id: strawberry.ID | None = strawberry.field(default=None, description="About this one.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="To this one.")

    def apply(self, where: Where) -> None:
        """Add the conditions."""
        if self.status is not None:
            where.add("status = any({}::text[])", [status.value for status in self.status])
        if self.kind is not None:
            where.add("event = any({}::text[])", [kind.value for kind in self.kind])
        if self.channel is not None:
            where.add("channel = {}", self.channel)
        if self.refund_id is not None:
            where.add("refund_id = {}", ids.row_id(self.refund_id, "Refund"))
        if self.customer_id is not None:
            where.add("customer_id = {}", ids.row_id(self.customer_id, "Customer"))


@strawberry.input(description="A text to try; nothing is stored.")
class TemplatePreviewInput:
    kind: MessageKind = strawberry.field(description="What it says.")
    locale: str = strawberry.field(description="zh or en.")
    subject: str = strawberry.field(default="", description="At most 200 characters.")
    body: str = strawberry.field(description="At most 4,000 characters.")
    refund_id: strawberry.ID | None = strawberry.field(
        default=None, description="Speak of this refund; null: of the examples."
    )


@strawberry.type
class MessageQueries:
    @strawberry.field(description="Messages to customers, newest first.")
    async def messages(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: MessageFilter | None = None,
    ) -> Connection[Message]:
        return await _listed(info, first, after, filter or MessageFilter())

    @strawberry.field(description="Messages that were given up, newest first: see `failureCode`.")
    async def dead_letters(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[Message]:
        return await _listed(info, first, after, MessageFilter(status=[MessageStatus.DEAD]))

    @strawberry.field(
        description="The texts that speak for the shop: one for every kind and locale, and those "
        "for single channels."
    )
    async def templates(
        self, info: Info, locale: str | None = None, kind: MessageKind | None = None
    ) -> list[Template]:
        found = await wording.overview(info.context.known_viewer, kind=kind, locale=locale)
        return [Template.of(one) for one in found]

    @strawberry.field(description="What a text of this kind may mention.")
    def template_variables(self, info: Info, kind: MessageKind) -> list[TemplateVariable]:
        locale = info.context.locale
        return [TemplateVariable.of(variable, locale) for variable in KINDS[kind].variables]

    @strawberry.field(
        description="What a template gives, or the line with its mistake; nothing is stored."
    )
    async def template_preview(
        self, info: Info, input: TemplatePreviewInput
    ) -> TemplatePreviewResult:
        try:
            text = await wording.preview(
                info.context.known_viewer,
                Place(kind=input.kind, locale=input.locale),
                subject=input.subject,
                body=input.body,
                refund_id=ids.optional("refundId", input.refund_id, "Refund"),
            )
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return TemplateText.of(text)


async def _listed(
    info: Info, first: int, after: str | None, filter: MessageFilter
) -> Connection[Message]:
    where = Where()
    where.see("message", info.context.known_viewer)
    filter.apply(where)
    return Connection(page=await MESSAGES.page(where, first, after))
