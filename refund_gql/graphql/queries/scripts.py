"""Finding a canned text, and filling it in."""

from typing import Annotated

import strawberry

from refund_gql import ids
from refund_gql.desk import scripts
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Desk
from refund_gql.graphql.pages import Where, contains
from refund_gql.graphql.problems import InvalidInput, NotAllowed, NotFound
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.script import SCRIPTS, Script
from refund_gql.graphql.types.template import TemplateVariable
from refund_gql.outbox.kinds import SCRIPT_VARIABLES

_CURRENT = """exists (select from script_version v
 where v.script_id = script.id and v.number = script.version and {condition})"""
_SAYS = """exists (select from jsonb_each(v.texts) as t(locale, words)
 where words->>'title' ilike {0} or words->>'body' ilike {0}) or script.code ilike {0}"""
# What is for a wider reason is for the narrower ones below it too.
_FOR_REASON = """v.reasons = '[]' or exists (
 with recursive above as (
    select code, parent_id from reason_tag
     where id = {0} and reason_tag.shop_id = script.shop_id
    union select p.code, p.parent_id from reason_tag p join above on p.id = above.parent_id)
 select from above where v.reasons @> to_jsonb(above.code))"""


@strawberry.type(description="A canned text, filled in for a refund.")
class RenderedScript:
    text: str = strawberry.field(description="What to send; change what does not fit.")


ScriptRenderResult = Annotated[
    RenderedScript | InvalidInput | NotAllowed | NotFound,
    strawberry.union("ScriptRenderResult", description="The finished text, or why not."),
]


@strawberry.input(description="All conditions must hold; an empty filter takes everything.")
class ScriptFilter:
    text: str | None = strawberry.field(
        default=None, description="Part of the code, or of a title or body in any language."
    )
    reason_id: strawberry.ID | None = strawberry.field(
        default=None, description="For this reason, a wider one, or any."
    )
    desk: Desk | None = strawberry.field(default=None, description="For this desk, or any.")
    locale: str | None = strawberry.field(default=None, description="Speaks it: zh or en.")
    include_retired: bool = strawberry.field(
        default=False, description="Also what nobody says any more."
    )

    def apply(self, where: Where) -> None:
        """Add the conditions."""
        if not self.include_retired:
            where.add("retired_at is null")
        if self.text:
            where.add(_current(_SAYS), contains(self.text))
        if self.reason_id is not None:
            where.add(_current(_FOR_REASON), ids.row_id(self.reason_id, "ReasonTag"))
        if self.desk is not None:
            where.add(_current("v.desks = '[]' or v.desks @> to_jsonb({}::text)"), self.desk.value)
        if self.locale is not None:
            where.add(_current("v.texts ? {}"), self.locale)


def _current(condition: str) -> str:
    """A condition on what a text says now."""
    return _CURRENT.replace("{condition}", f"({condition})")


@strawberry.type
class ScriptQueries:
    @strawberry.field(description="Canned texts, newest first.")
    async def scripts(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        filter: ScriptFilter | None = None,
    ) -> Connection[Script]:
        where = Where()
        where.see("script", info.context.known_viewer)
        (filter or ScriptFilter()).apply(where)
        return Connection(page=await SCRIPTS.page(where, first, after))

    @strawberry.field(
        description="A canned text filled in for a refund, in its customer's language unless you "
        "say otherwise. Nothing is sent or counted."
    )
    async def script_render(
        self,
        info: Info,
        script_id: strawberry.ID,
        refund_id: strawberry.ID,
        locale: str | None = None,
    ) -> ScriptRenderResult:
        try:
            text = await scripts.render(
                info.context.known_viewer,
                ids.required("scriptId", script_id, "Script"),
                ids.required("refundId", refund_id, "Refund"),
                locale=locale,
            )
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        return RenderedScript(text=text)

    @strawberry.field(description="What a canned text may mention.")
    def script_variables(self, info: Info) -> list[TemplateVariable]:
        return [TemplateVariable.of(one, info.context.locale) for one in SCRIPT_VARIABLES]
