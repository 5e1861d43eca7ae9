"""Writing the shop's canned texts."""

from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.desk import scripts
from refund_gql.errors import InvalidInput as Invalid
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Desk
from refund_gql.graphql.mutations.answers import answer
from refund_gql.graphql.problems import (
    AlreadyExists,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
)
from refund_gql.graphql.types.script import Script

ScriptResult = Annotated[
    Script | InvalidInput | NotAllowed | NotFound | AlreadyExists | StaleVersion,
    strawberry.union("ScriptResult", description="The text as it is now, or why not."),
]


@strawberry.input(description="What it says in one language.")
class ScriptTextInput:
    locale: str = strawberry.field(description="zh or en.")
    title: str = strawberry.field(description="What colleagues find it by; at most 100 characters.")
    body: str = strawberry.field(
        description="A template of at most 4,000 characters; see `scriptVariables`."
    )


@strawberry.input(description="A canned text, the whole of it.")
class ScriptInput:
    texts: list[ScriptTextInput] = strawberry.field(description="One for each language.")
    reason_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The reasons it is for; none: for any."
    )
    desks: list[Desk] = strawberry.field(
        default_factory=list, description="The desks it is for; none: for any."
    )

    def value(self) -> scripts.ScriptDraft:
        texts = {
            text.locale: scripts.ScriptText(title=text.title, body=text.body) for text in self.texts
        }
        if len(texts) < len(self.texts):
            raise Invalid(
                field="texts",
                found="a language twice",
                expected="each once",
                zh="每种语言只出现一次",
            )
        return scripts.ScriptDraft(
            texts=texts,
            reasons=[
                ids.required(f"reasonIds.{place}", reason, "ReasonTag")
                for place, reason in enumerate(self.reason_ids)
            ],
            desks=self.desks,
        )


@strawberry.type
class ScriptMutations:
    @strawberry.mutation(description="Write a canned text.")
    async def script_create(self, info: Info, code: str, input: ScriptInput) -> ScriptResult:
        return await answer(
            info, Script, lambda viewer: scripts.create(viewer, code, input.value())
        )

    @strawberry.mutation(description="Say it otherwise from now on; its code stays.")
    async def script_update(
        self,
        info: Info,
        id: strawberry.ID,
        input: ScriptInput,
        expected_version: int | None = None,
    ) -> ScriptResult:
        return await answer(
            info,
            Script,
            lambda viewer: scripts.update(
                viewer,
                ids.required("id", id, "Script"),
                input.value(),
                expected_version=expected_version,
            ),
        )

    @strawberry.mutation(description="Say it no more; what was said stays.")
    async def script_retire(self, info: Info, id: strawberry.ID) -> ScriptResult:
        return await answer(
            info, Script, lambda viewer: scripts.retire(viewer, ids.required("id", id, "Script"))
        )
