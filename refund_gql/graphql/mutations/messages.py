"""Writing the shop's texts, and sending a message once more."""

from collections.abc import Awaitable
from typing import Annotated, Any

import strawberry

from refund_gql import ids
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import MessageKind
from refund_gql.graphql.mutations.answers import answer
from refund_gql.graphql.problems import InvalidInput, NotAllowed, NotFound
from refund_gql.graphql.types.message import Message
from refund_gql.graphql.types.template import Template
from refund_gql.outbox import messages, wording
from refund_gql.outbox.wording import Place, Wording

TemplateResult = Annotated[
    Template | InvalidInput | NotAllowed,
    strawberry.union("TemplateResult", description="The text that speaks now, or why not."),
]
MessageResendResult = Annotated[
    Message | InvalidInput | NotAllowed | NotFound,
    strawberry.union("MessageResendResult", description="The message, queued again, or why not."),
]


@strawberry.input(description="A text of the shop's own.")
class TemplateUpsertInput:
    kind: MessageKind = strawberry.field(description="What it says.")
    locale: str = strawberry.field(description="zh or en.")
    channel: str | None = strawberry.field(
        default=None, description="Only for this notifier; null: for every one without its own."
    )
    subject: str = strawberry.field(default="", description="At most 200 characters.")
    body: str = strawberry.field(description="At most 4,000 characters.")


@strawberry.input(description="Which text of the shop's own to take back.")
class TemplateResetInput:
    kind: MessageKind = strawberry.field(description="What it says.")
    locale: str = strawberry.field(description="zh or en.")
    channel: str | None = strawberry.field(default=None, description="As it was written.")


@strawberry.type
class MessageMutations:
    @strawberry.mutation(description="Say it in the shop's own words from now on.")
    async def template_upsert(self, info: Info, input: TemplateUpsertInput) -> TemplateResult:
        work = wording.upsert(
            info.context.known_viewer,
            info.context.known_providers,
            _place(input),
            subject=input.subject,
            body=input.body,
        )
        return await _template(info, work)

    @strawberry.mutation(description="Go back to the text that stands behind the shop's own.")
    async def template_reset(self, info: Info, input: TemplateResetInput) -> TemplateResult:
        return await _template(info, wording.reset(info.context.known_viewer, _place(input)))

    @strawberry.mutation(description="Send a dead letter again, under the same id.")
    async def message_resend(self, info: Info, id: strawberry.ID) -> MessageResendResult:
        return await answer(
            info,
            Message,
            lambda viewer: messages.resend(viewer, ids.required("id", id, "Message")),
        )


def _place(input: TemplateUpsertInput | TemplateResetInput) -> Place:
    return Place(kind=input.kind, locale=input.locale, channel=input.channel or "")


async def _template(info: Info, work: Awaitable[Wording]) -> Any:
    try:
        return Template.of(await work)
    except Refusal as refusal:
        return problems.of(refusal, info.context.locale)
