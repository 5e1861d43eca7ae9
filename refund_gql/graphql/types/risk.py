"""What is known of a customer's risk, and the flags she has and had."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import orjson
import strawberry

from refund_gql import clock
from refund_gql.flow.signals import Risk, Signal, loaded
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import (
    AppealOutcome,
    CrmFlagsStatus,
    FlagChangeKind,
    RiskLevel,
    RiskSource,
)
from refund_gql.graphql.rows import Row
from refund_gql.graphql.scalars import JSON
from refund_gql.graphql.sources import Node, children, column, enum, json, localized, reference
from refund_gql.graphql.types.rule import RuleEvaluation

if TYPE_CHECKING:
    from refund_gql.graphql.types.customer import Customer


@strawberry.type(description="One thing that speaks for or against trusting a customer.")
class RiskReason:
    signal: strawberry.Private[Signal]

    @strawberry.field(description="Stable, for programs.")
    def code(self) -> str:
        return self.signal.code

    @strawberry.field(description="Who says it.")
    def source(self) -> RiskSource:
        return self.signal.source

    @strawberry.field(description="The CRM system that says it; null: the shop itself does.")
    def provider(self) -> str | None:
        return self.signal.provider or None

    @strawberry.field(description="How much reason there is to have a person look.")
    def level(self) -> RiskLevel:
        return self.signal.level

    @strawberry.field(description="In words; a CRM system has one language.")
    def text(self, info: Info) -> str:
        texts = self.signal.text
        return texts.get(info.context.locale) or next(iter(texts.values()), "")

    @strawberry.field(description="UTC; null: not told.")
    def since(self) -> datetime | None:
        return self.signal.since

    @strawberry.field(description="UTC; it ends then unless there is new evidence. Null: no end.")
    def expires(self) -> datetime | None:
        return self.signal.expires_at


@strawberry.type(description="What is known of a customer's risk. Reading it asks no CRM system.")
class CustomerRisk:
    risk: strawberry.Private[Risk]
    asked_at: datetime | None = strawberry.field(
        description="When CRM systems were last asked, UTC; null: never."
    )

    @strawberry.field(description="The highest of the reasons; null: not known, or none.")
    def level(self) -> RiskLevel | None:
        return self.risk.level

    @strawberry.field(description="Every CRM system has answered when they were last asked.")
    def known(self) -> bool:
        return self.risk.known

    @strawberry.field(description="What holds now, the highest first.")
    def reasons(self) -> list[RiskReason]:
        order = list(RiskLevel)
        holding = sorted(self.risk.holding, key=lambda s: (-order.index(s.level), s.code))
        return [RiskReason(signal=signal) for signal in holding]

    @strawberry.field(description="Since when there is a reason for this level, UTC.")
    def since(self) -> datetime | None:
        return min((s.since for s in self._deciding() if s.since is not None), default=None)

    @strawberry.field(description="When the last reason for this level ends, UTC; null: no end.")
    def expires(self) -> datetime | None:
        ends = [signal.expires_at for signal in self._deciding()]
        return max((end for end in ends if end is not None), default=None) if all(ends) else None

    def _deciding(self) -> Sequence[Signal]:
        level = self.risk.level
        return [signal for signal in self.risk.holding if signal.level is level]


async def risk_of(info: Info, customer: Row) -> CustomerRisk:
    """What is kept about a customer."""
    kept = await info.context.rows.many("customer_risk", "customer_id", customer["id"], "id")
    flags = await info.context.rows.many(*_FLAGS[:2], customer["id"], _FLAGS[2])
    marks = [_mark(flag) for flag in flags if flag["removed_at"] is None]
    if not kept:
        return CustomerRisk(risk=Risk(signals=tuple(marks)), asked_at=None)
    [row] = kept
    told = (*loaded(orjson.loads(row["signals"])), *loaded(orjson.loads(row["own_signals"])))
    risk = Risk(known=row["known"], tier=row["tier"], signals=(*told, *marks))
    return CustomerRisk(risk=risk, asked_at=row["asked_at"])


_FLAGS = ("customer_flag", "customer_id", "since desc, id desc")
"""Table, parent and order: as `Customer.flags` reads them, so that one query serves both."""


def _mark(flag: Row) -> Signal:
    return Signal(
        source=RiskSource.FLAG,
        code=flag["code"],
        level=RiskLevel(flag["level"]),
        text=orjson.loads(flag["why"]),
        since=flag["since"],
        expires_at=flag["expires_at"],
    )


@strawberry.type(description="Something happened to a flag.")
class CustomerFlagChange(Node):
    table: ClassVar[str] = "customer_flag_change"

    kind: FlagChangeKind = enum("kind", FlagChangeKind, "What.")
    why: str = localized("why", "The reason, or the words of an appeal.")
    evaluation: RuleEvaluation | None = reference(
        "evaluation_id", "RuleEvaluation", "Of the rules that did it; null: no rule did."
    )
    actor: str = column("actor", "KIND:id.")
    actor_name: str = column("actor_name", "Who did it.")
    at: datetime = column("at", "UTC.")


@strawberry.type(description="A mark on a customer, with its reason and an end.")
class CustomerFlag(Node):
    table: ClassVar[str] = "customer_flag"

    code: str = column("code", "Stable; what rules and CRM systems call it.")
    level: RiskLevel = enum("level", RiskLevel, "How much reason it is to have a person look.")
    why: str = localized("why", "The reason.")
    whys: JSON = json("why", "The same by language.")
    customer: Annotated["Customer", strawberry.lazy("refund_gql.graphql.types.customer")] = (
        reference("customer_id", "Customer", "Who has it.")
    )
    set_by: str = column("set_by", "KIND:id.")
    set_by_name: str = column("set_by_name", "Who set it.")
    evaluation: RuleEvaluation | None = reference(
        "evaluation_id", "RuleEvaluation", "Of the rules that set it; null: a person did."
    )
    since: datetime = column("since", "UTC.")
    expires_at: datetime = column("expires_at", "UTC; it ends by itself then.")
    removed_at: datetime | None = column("removed_at", "UTC; set: it holds no more.")
    appealed_at: datetime | None = column("appealed_at", "UTC; of the last appeal.")
    appeal: str = column("appeal", "The words of the last appeal.")
    answered_at: datetime | None = column(
        "answered_at", "UTC; of the last appeal's answer; null: it is open, or there was none."
    )
    outcome: AppealOutcome | None = column(
        "outcome", "What came of the last appeal.", convert=AppealOutcome
    )
    changes: list[CustomerFlagChange] = children(
        "flag_id",
        "CustomerFlagChange",
        "What happened to it, newest first.",
        order="at desc, id desc",
    )

    @strawberry.field(description="Whether it counts now.")
    def holds(self) -> bool:
        return self.row["removed_at"] is None and self.row["expires_at"] > clock.now()


@strawberry.type(description="What one CRM system was last told of a customer's flags.")
class CrmFlags(Node):
    table: ClassVar[str] = "crm_flags"

    provider: str = column("provider", "The CRM system.")
    status: CrmFlagsStatus = enum("status", CrmFlagsStatus, "Where it stands.")
    told: list[str] = json("told", "The flags it has taken.")
    tries: int = column("tries", "Calls since it last took something.")
    failure_code: str | None = column("code", "Why the last call failed.")
    error: str | None = column("error", "The same, in the provider's words.")
    next_try_at: datetime | None = column("next_try_at", "UTC; null: none is planned.")
    told_at: datetime | None = column("told_at", "UTC; when it last took something.")
