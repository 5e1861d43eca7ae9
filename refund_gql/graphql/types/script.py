"""Canned texts (话术): what they say, how often they are used, and how those cases ended."""

from datetime import datetime
from typing import ClassVar

import orjson
import strawberry

from refund_gql.desk import outcomes
from refund_gql.desk.outcomes import Figures
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Desk, RefundStatus
from refund_gql.graphql.pages import Listing
from refund_gql.graphql.sources import Node, column
from refund_gql.graphql.types.reason import ReasonTag

SCRIPTS = Listing(name="scripts", kind="Script", table="script", moment="created_at")


@strawberry.type(description="What a canned text says in one language.")
class ScriptText:
    locale: str = strawberry.field(description="zh or en.")
    title: str = strawberry.field(description="What colleagues find it by.")
    body: str = strawberry.field(description="A template: see `scriptVariables`.")


@strawberry.type(description="What a canned text says, or said.")
class ScriptVersion(Node):
    table: ClassVar[str] = "script_version"

    number: int = column("number", "From 1.")
    author: str = column("author", "KIND:id.")
    author_name: str = column("author_name", "Who wrote it.")
    created_at: datetime = column("created_at", "UTC.")

    @strawberry.field(description="By language.")
    def texts(self) -> list[ScriptText]:
        texts: dict[str, dict[str, str]] = orjson.loads(self.row["texts"])
        return [ScriptText(locale=locale, **text) for locale, text in sorted(texts.items())]

    @strawberry.field(description="The reasons it is for; none: for any.")
    async def reasons(self, info: Info) -> list[ReasonTag]:
        codes: list[str] = orjson.loads(self.row["reasons"])
        rows = await info.context.rows.many(
            "reason_tag", "shop_id", self.row["shop_id"], "position, code"
        )
        return [ReasonTag(row=row) for row in rows if row["code"] in codes]

    @strawberry.field(description="The desks it is for; none: for any.")
    def desks(self) -> list[Desk]:
        return [Desk(name) for name in orjson.loads(self.row["desks"])]


@strawberry.type(description="Refunds that stand in one status.")
class ScriptOutcome:
    status: RefundStatus = strawberry.field(description="Where they stand.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="A text that people send again and again.")
class Script(Node):
    table: ClassVar[str] = "script"

    code: str = column("code", "Never changes.")
    version: int = column("version", "The number of the version that speaks.")
    created_at: datetime = column("created_at", "UTC.")
    retired_at: datetime | None = column("retired_at", "UTC; set: nobody says it any more.")

    @strawberry.field(description="What it says now.")
    async def current(self, info: Info) -> ScriptVersion:
        return (await self._versions(info))[0]

    @strawberry.field(description="What it has said, newest first.")
    async def versions(self, info: Info) -> list[ScriptVersion]:
        return await self._versions(info)

    @strawberry.field(description="How often somebody has named it as what they said.")
    async def times_used(self, info: Info) -> int:
        return (await self._figures(info)).times_used

    @strawberry.field(description="Where the refunds stand for which it was used.")
    async def outcomes(self, info: Info) -> list[ScriptOutcome]:
        found = (await self._figures(info)).outcomes
        return [ScriptOutcome(status=one.status, count=one.count) for one in found]

    @strawberry.field(
        description="Of these that are over: the share without a chargeback, a new request for "
        "the order, or a refusal that did not last; 0 to 1, null while none is over."
    )
    async def accepted_share(self, info: Info) -> float | None:
        return (await self._figures(info)).accepted

    async def _versions(self, info: Info) -> list[ScriptVersion]:
        rows = await info.context.rows.many(
            "script_version", "script_id", self.row["id"], "number desc"
        )
        return [ScriptVersion(row=row) for row in rows]

    async def _figures(self, info: Info) -> Figures:
        rows = await info.context.rows.listed(outcomes.CASES, self.row["id"])
        return outcomes.figures(map(dict, rows))
