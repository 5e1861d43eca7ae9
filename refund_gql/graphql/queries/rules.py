"""Reading the shop's rules, and what rules may say."""

import strawberry

from refund_gql import ids
from refund_gql.database import fetch
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import RuleTrigger
from refund_gql.graphql.pages import Where
from refund_gql.graphql.types.mistake import RuleMistake
from refund_gql.graphql.types.rule import Rule, RuleActionForm, RuleFact, RuleValidation
from refund_gql.rules import language
from refund_gql.rules.actions import ActionKind
from refund_gql.rules.facts import FACTS
from refund_gql.rules.scan import scan


@strawberry.type
class RuleQueries:
    @strawberry.field(description="The shop's rules, those read first at the top; at most 100.")
    async def rules(self, info: Info, trigger: RuleTrigger | None = None) -> list[Rule]:
        where = Where()
        where.see("rule", info.context.known_viewer)
        where.add("deleted_at is null")
        if trigger is not None:
            where.add("trigger = {}", trigger.value)
        sql = f"select * from rule where {where.sql} order by trigger, position, id"  # noqa: S608 - no input
        return [Rule(row=row) for row in await fetch(sql, *where.parameters)]

    @strawberry.field(description="One rule, deleted ones too; null when there is none.")
    async def rule(self, info: Info, id: strawberry.ID) -> Rule | None:
        row_id = ids.row_id(id, "Rule")
        return None if row_id is None else await Rule.read(info, row_id)

    @strawberry.field(description="Everything a condition may mention.")
    def rule_facts(self, info: Info, trigger: RuleTrigger | None = None) -> list[RuleFact]:
        known = (fact for fact in FACTS if trigger is None or trigger in fact.triggers)
        return [RuleFact(declared=fact) for fact in known]

    @strawberry.field(description="Everything a rule may do.")
    def rule_actions(self, info: Info) -> list[RuleActionForm]:
        return [RuleActionForm(kind=kind) for kind in ActionKind]

    @strawberry.field(description="What is wrong with a condition, as one types it.")
    def rule_validate(
        self, info: Info, condition: str, trigger: RuleTrigger = RuleTrigger.REQUESTED
    ) -> RuleValidation:
        mistakes = language.check(condition, trigger)
        return RuleValidation(
            mistakes=[RuleMistake(found=found) for found in mistakes],
            facts=sorted(scan(condition, trigger).facts),
        )
