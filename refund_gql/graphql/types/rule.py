"""The shop's own rules: what they say, what they said, and what came of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import orjson
import strawberry

from refund_gql import labels
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import (
    ActionKind,
    FactType,
    RuleChangeKind,
    RuleMatching,
    RuleMode,
    RuleOutcome,
    RuleTrigger,
)
from refund_gql.graphql.scalars import JSON, MinorUnits
from refund_gql.graphql.sources import Node, children, column, enum, json, localized, reference
from refund_gql.graphql.types.mistake import RuleMistake
from refund_gql.rules import actions
from refund_gql.rules.facts import Fact


@strawberry.type(description="One thing a rule does.")
class RuleAction:
    kind: ActionKind = strawberry.field(description="What it does.")
    parameters: JSON = strawberry.field(description="With what; `ruleActions` has the schema.")

    @strawberry.field(description="What it does, in words.")
    def label(self, info: Info) -> str:
        return labels.RULE_ACTIONS[self.kind][info.context.locale]

    @strawberry.field(description="It decides where the refund goes.")
    def decides(self) -> bool:
        return actions.ALL[self.kind].decides


def action_of(stored: Mapping[str, Any]) -> RuleAction:
    """An action in the form in which it is stored."""
    parameters = {name: value for name, value in stored.items() if name != "kind"}
    return RuleAction(kind=ActionKind(stored["kind"]), parameters=JSON(parameters))


def _actions(stored: str) -> list[RuleAction]:
    return [action_of(action) for action in orjson.loads(stored)]


def _decision(stored: str) -> RuleAction | None:
    decision = orjson.loads(stored)
    return action_of(decision) if decision else None


@strawberry.type(description="What a rule says, or said. Never edited.")
class RuleVersion(Node):
    table: ClassVar[str] = "rule_version"

    number: int = column("number", "From 1.")
    condition: str = column("condition", "CEL over the facts of `ruleFacts`.")
    actions: list[RuleAction] = column("actions", "What it does, in order.", convert=_actions)
    description: str = localized("description", "Why there is this rule.")
    descriptions: JSON = json("description", "The same by language, for editing.")
    valid_from: datetime | None = column("valid_from", "UTC; null: from the start.")
    valid_until: datetime | None = column("valid_until", "UTC, not included; null: for good.")
    daily_count: int | None = column("daily_count", "Refunds a day; null: any number.")
    daily_amount: MinorUnits | None = column(
        "daily_amount", "Money a day, in minor units of the shop's currency; null: any."
    )
    author: str = column("author", "KIND:id.")
    author_name: str = column("author_name", "Who wrote it.")
    created_at: datetime = column("created_at", "UTC.")


@strawberry.type(description="Somebody changed a rule.")
class RuleChange(Node):
    table: ClassVar[str] = "rule_change"

    kind: RuleChangeKind = enum("kind", RuleChangeKind, "What was done.")
    version: int = column("version", "The rule's version after it.")
    before: JSON = json("before", "What was changed, as it stood.")
    after: JSON = json("after", "The same, as it stands.")
    actor: str = column("actor", "KIND:id.")
    actor_name: str = column("actor_name", "Who did it.")
    at: datetime = column("at", "UTC.")


@strawberry.type(description="When, if, then: what the shop wants done without a person.")
class Rule(Node):
    table: ClassVar[str] = "rule"

    name: str = localized("name", "What people call it.")
    names: JSON = json("name", "The same by language, for editing.")
    trigger: RuleTrigger = enum("trigger", RuleTrigger, "What makes it look at a refund.")
    mode: RuleMode = enum("mode", RuleMode, "Whether it acts.")
    position: int = column("position", "Lower is read first, among the rules of its trigger.")
    version: int = column("version", "The number of the version that counts.")
    versions: list[RuleVersion] = children(
        "rule_id", "RuleVersion", "What it says and said, newest first.", order="number desc"
    )
    changes: list[RuleChange] = children(
        "rule_id", "RuleChange", "Who changed it, newest first.", order="at desc, id desc"
    )
    created_at: datetime = column("created_at", "UTC.")
    updated_at: datetime = column("updated_at", "UTC.")
    deleted_at: datetime | None = column("deleted_at", "UTC; set: it is looked at no more.")

    @strawberry.field(description="What it says now.")
    async def current(self, info: Info) -> RuleVersion:
        rows = await info.context.rows.many(
            RuleVersion.table, "rule_id", self.row["id"], "number desc"
        )
        return next(RuleVersion(row=row) for row in rows if row["number"] == self.row["version"])


@strawberry.type(description="What came of one rule.")
class RuleVerdict:
    stored: strawberry.Private[Mapping[str, Any]]

    @strawberry.field(description="The rule's name at the time.")
    def name(self, info: Info) -> str:
        names: dict[str, str] = self.stored["name"]
        return names.get(info.context.locale) or next(iter(names.values()), "")

    @strawberry.field(description="The version that was judged.")
    def version(self) -> int:
        return int(self.stored["version"])

    @strawberry.field(description="Whether it was live.")
    def mode(self) -> RuleMode:
        return RuleMode(self.stored["mode"])

    @strawberry.field(description="What came of it.")
    def outcome(self) -> RuleOutcome:
        return RuleOutcome(self.stored["outcome"])

    @strawberry.field(description="LIVE: it acted. SHADOW: it would have.")
    def effective(self) -> bool:
        return bool(self.stored["effective"])

    @strawberry.field(description="UNKNOWN: the fact it needs.")
    def missing(self) -> str | None:
        return self.stored["missing"] or None

    @strawberry.field(description="ERROR: why it could not be worked out.")
    def error(self) -> str | None:
        return self.stored["error"] or None


def _verdicts(stored: str) -> list[RuleVerdict]:
    return [RuleVerdict(stored=verdict) for verdict in orjson.loads(stored)]


@strawberry.type(description="The rules of one trigger were read over a refund.")
class RuleEvaluation(Node):
    table: ClassVar[str] = "rule_evaluation"

    trigger: RuleTrigger = enum("trigger", RuleTrigger, "What made them look.")
    cause: str = column(
        "cause", "What it was: a version, a checkpoint's id, a moment; empty for a request."
    )
    facts: JSON = json("facts", "Name -> value, as seen; what was not known is not there.")
    verdicts: list[RuleVerdict] = column(
        "verdicts", "Of every rule that was looked at, in order.", convert=_verdicts
    )
    decided_by: RuleVersion | None = reference(
        "decided_by_id", "RuleVersion", "What decided; null: no rule did."
    )
    decision: RuleAction | None = column(
        "decision", "Where the refund goes; null: the shop's usual way.", convert=_decision
    )
    actions: list[RuleAction] = column("actions", "What happens beside it.", convert=_actions)
    explanation: str = localized("explanation", "Why, in words.")
    at: datetime = column("at", "UTC.")


@strawberry.type(description="One thing a condition may mention.")
class RuleFact:
    declared: strawberry.Private[Fact]

    @strawberry.field(description="As it is written.")
    def name(self) -> str:
        return self.declared.name

    @strawberry.field(description="What it is about.")
    def group(self) -> str:
        return self.declared.group

    @strawberry.field(description="What it holds.")
    def type(self) -> FactType:
        return self.declared.type

    @strawberry.field(description="What it means.")
    def description(self, info: Info) -> str:
        return self.declared.description[info.context.locale]

    @strawberry.field(description="A value it may have.")
    def example(self) -> JSON:
        return JSON(self.declared.example)

    @strawberry.field(description="All values it can have, where there are few; else empty.")
    def values(self) -> list[str]:
        return list(self.declared.values)

    @strawberry.field(description="When it can be known at all.")
    def triggers(self) -> list[RuleTrigger]:
        return [trigger for trigger in RuleTrigger if trigger in self.declared.triggers]


@strawberry.type(description="One action a rule may name, with the form of its parameters.")
class RuleActionForm:
    kind: ActionKind = strawberry.field(description="What it does.")

    @strawberry.field(description="What it does, in words.")
    def label(self, info: Info) -> str:
        return labels.RULE_ACTIONS[self.kind][info.context.locale]

    @strawberry.field(description="It decides where the refund goes: a rule has one such action.")
    def decides(self) -> bool:
        return actions.ALL[self.kind].decides

    @strawberry.field(description="Triggers on which it can be carried out today.")
    def triggers(self) -> list[RuleTrigger]:
        kinds = actions.AVAILABLE.kinds
        return [t for t in RuleTrigger if self.kind in kinds.get(t, frozenset())]

    @strawberry.field(description="JSON schema of its parameters.")
    def schema(self) -> JSON:
        return JSON(actions.parameters(self.kind))


@strawberry.type(description="What was found in a condition.")
class RuleValidation:
    mistakes: list[RuleMistake] = strawberry.field(description="In order; none: it can be saved.")
    facts: list[str] = strawberry.field(description="The facts it uses.")


@strawberry.type(description="How far the rules of one trigger are read.")
class RuleMatchingSetting:
    trigger: RuleTrigger = strawberry.field(description="Of these rules.")
    matching: RuleMatching = strawberry.field(description="How far.")
