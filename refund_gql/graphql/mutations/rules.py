"""Rules: writing, switching, ordering and deleting them."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from refund_gql import ids
from refund_gql.backoffice import rules
from refund_gql.backoffice.rule_drafts import RuleDraft
from refund_gql.errors import InvalidInput as InvalidInputRefusal
from refund_gql.errors import Refusal
from refund_gql.graphql import problems
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import RuleMode, RuleTrigger
from refund_gql.graphql.mutations.answers import answer
from refund_gql.graphql.mutations.backoffice import LocalizedText
from refund_gql.graphql.problems import (
    InvalidCondition,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
)
from refund_gql.graphql.scalars import JSON, MinorUnits
from refund_gql.graphql.types.rule import Rule

RuleSaveResult = Annotated[
    Rule | InvalidCondition | InvalidInput | NotAllowed | NotFound,
    strawberry.union("RuleSaveResult", description="The rule as it is now, or why not."),
]
RuleUpdateResult = Annotated[
    Rule | InvalidCondition | InvalidInput | NotAllowed | NotFound | StaleVersion,
    strawberry.union("RuleUpdateResult", description="The rule as it is now, or why not."),
]
RuleResult = Annotated[
    Rule | InvalidInput | NotAllowed | NotFound,
    strawberry.union("RuleResult", description="The rule as it is now, or why not."),
]


@strawberry.type(description="The rules of one trigger in their new order.")
class RuleOrder:
    rules: list[Rule] = strawberry.field(description="Read from the top.")


RuleReorderResult = Annotated[
    RuleOrder | InvalidInput | NotAllowed,
    strawberry.union("RuleReorderResult", description="The new order, or why it is the old one."),
]


@strawberry.input(description="One thing a rule is to do.")
class RuleActionInput:
    kind: str = strawberry.field(description="One of the kinds that `ruleActions` lists.")
    parameters: JSON | None = strawberry.field(
        default=None, description="An object of the form that `ruleActions` gives."
    )

    def value(self, place: int) -> dict[str, Any]:
        """Raises InvalidInput when the parameters are no object."""
        parameters: object = {} if self.parameters is None else self.parameters
        if not isinstance(parameters, dict):
            raise InvalidInputRefusal(
                field=f"actions.{place}.parameters",
                found=repr(parameters)[:40],
                expected="an object",
                zh="一个对象",
            )
        return {**parameters, "kind": self.kind}


@strawberry.input(description="The whole of what a rule is to say.")
class RuleInput:
    name: LocalizedText = strawberry.field(description="What people call it.")
    condition: str = strawberry.field(description="At most 2,000 characters of CEL.")
    actions: list[RuleActionInput] = strawberry.field(description="In order; 1 to 10.")
    description: LocalizedText | None = strawberry.field(
        default=None, description="Why there is this rule."
    )
    valid_from: datetime | None = strawberry.field(default=None, description="UTC.")
    valid_until: datetime | None = strawberry.field(default=None, description="UTC, not included.")
    daily_count: int | None = strawberry.field(
        default=None, description="Refunds a day of the shop; then a person decides."
    )
    daily_amount: MinorUnits | None = strawberry.field(
        default=None, description="Minor units of the shop's currency a day; then a person decides."
    )

    def value(self) -> RuleDraft:
        return RuleDraft(
            name=self.name.value(),
            condition=self.condition,
            actions=[action.value(place) for place, action in enumerate(self.actions)],
            description=self.description.value() if self.description else {},
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            daily_count=self.daily_count,
            daily_amount=self.daily_amount,
        )


@strawberry.type
class RuleMutations:
    @strawberry.mutation(description="A new rule, read after all others of its trigger.")
    async def rule_create(
        self,
        info: Info,
        input: RuleInput,
        trigger: RuleTrigger = RuleTrigger.REQUESTED,
        mode: RuleMode = RuleMode.SHADOW,
    ) -> RuleSaveResult:
        return await answer(
            info, Rule, lambda viewer: rules.create(viewer, trigger, mode, input.value())
        )

    @strawberry.mutation(description="A new version; what the old one decided stays decided.")
    async def rule_update(
        self,
        info: Info,
        id: strawberry.ID,
        input: RuleInput,
        expected_version: Annotated[
            int | None,
            strawberry.argument(
                description="The version you have seen: a newer one is not written over."
            ),
        ] = None,
    ) -> RuleUpdateResult:
        return await answer(
            info,
            Rule,
            lambda viewer: rules.update(
                viewer,
                ids.required("id", id, "Rule"),
                input.value(),
                expected_version=expected_version,
            ),
        )

    @strawberry.mutation(description="Let a rule act, watch only, or rest.")
    async def rule_set_mode(self, info: Info, id: strawberry.ID, mode: RuleMode) -> RuleResult:
        return await answer(
            info,
            Rule,
            lambda viewer: rules.set_mode(viewer, ids.required("id", id, "Rule"), mode),
        )

    @strawberry.mutation(description="Put all rules of a trigger in this order.")
    async def rule_reorder(
        self,
        info: Info,
        order: list[strawberry.ID],
        trigger: RuleTrigger = RuleTrigger.REQUESTED,
    ) -> RuleReorderResult:
        try:
            wanted = [ids.required("order", text, "Rule") for text in order]
            moved = await rules.reorder(info.context.known_viewer, trigger, wanted)
        except Refusal as refusal:
            return problems.of(refusal, info.context.locale)
        rows = [await info.context.rows.fresh(Rule.table, rule_id) for rule_id in moved]
        return RuleOrder(rules=[Rule(row=row) for row in rows if row is not None])

    @strawberry.mutation(description="Look at a rule no more; what it decided stays.")
    async def rule_delete(self, info: Info, id: strawberry.ID) -> RuleResult:
        return await answer(
            info, Rule, lambda viewer: rules.delete(viewer, ids.required("id", id, "Rule"))
        )
