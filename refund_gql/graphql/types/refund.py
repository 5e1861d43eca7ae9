"""The refund, what it is made of, and what happened to it."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import orjson
import strawberry

from refund_gql import labels
from refund_gql.choices import EvidenceStatus
from refund_gql.graphql import gathering
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import (
    Desk,
    EventType,
    OfferState,
    Priority,
    RefundKind,
    RefundStatus,
    Step,
)
from refund_gql.graphql.pages import Where
from refund_gql.graphql.scalars import JSON
from refund_gql.graphql.sources import Node, children, column, enum, json, localized, reference
from refund_gql.graphql.types import next_step
from refund_gql.graphql.types.clock import Clock
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.coupon import Coupon, Restitution
from refund_gql.graphql.types.customer import Customer
from refund_gql.graphql.types.evidence import EvidenceFile
from refund_gql.graphql.types.exposure import Claim, Exposure
from refund_gql.graphql.types.message import Message
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.next_step import NextStep
from refund_gql.graphql.types.note import NOTES, RefundNote
from refund_gql.graphql.types.offer import Offer, OfferLadder
from refund_gql.graphql.types.order import Order, OrderLine, line_money, money_column
from refund_gql.graphql.types.parcel import Return
from refund_gql.graphql.types.payout import Payout
from refund_gql.graphql.types.reason import ReasonTag
from refund_gql.graphql.types.rule import RuleEvaluation
from refund_gql.graphql.types.shop import Staff


@strawberry.type(description="So many units of an order line.")
class RefundLine(Node):
    table: ClassVar[str] = "refund_line"

    position: int = column("position", "Counted from 0.")
    sku: str = column("sku", "The shop's own key of the product.")
    title: str = column("title", "What the customer read.")
    quantity: int = column("quantity", "Units.")
    worth: Money = line_money("worth", "What the units cost.", parent="refund")
    amount: Money = line_money(
        "amount", "What is granted; an inspection may reduce it.", parent="refund"
    )
    order_line: OrderLine | None = reference("order_line_id", "OrderLine", "What was bought.")


@strawberry.type(description="Who or what decided a step, and why.")
class Decision(Node):
    table: ClassVar[str] = "decision"

    step: Step = enum("step", Step, "What was decided.")
    actor: str = column("actor", "KIND:id.")
    actor_name: str = column("actor_name", "Who it was.")
    reason: str = column("reason", "In the words of whoever decided.")
    trace: JSON = json("trace", "What was looked at: facts and the policy that applied.")
    decided_at: datetime = column("decided_at", "UTC.")
    refund: "Refund" = reference("refund_id", "Refund", "Of which refund.")

    @strawberry.field(description="Why, in words: the rule that decided, or what somebody wrote.")
    def explanation(self, info: Info) -> str:
        words: dict[str, str] = orjson.loads(self.row["trace"]).get("explanation", {})
        return words.get(info.context.locale) or self.row["reason"]

    @strawberry.field(description="What the shop's rules said; null when they were not asked.")
    async def evaluation(self, info: Info) -> RuleEvaluation | None:
        kept = orjson.loads(self.row["trace"]).get("evaluation")
        return await RuleEvaluation.read(info, UUID(kept)) if kept else None


@strawberry.type(description="One thing that happened to a refund.")
class TimelineEntry(Node):
    table: ClassVar[str] = "event"

    version: int = column("version", "The refund's version after it; counted from 1.")
    type: EventType = enum("type", EventType, "What happened.")
    status: RefundStatus = enum("status", RefundStatus, "The refund's status after it.")
    at: datetime = column("at", "UTC.")
    payload: JSON = json("payload", "Ids, codes and amounts.")
    actor: str = column("actor", "KIND:id.")
    actor_name: str = column("actor_name", "Who it was.")
    hash: str = column("hash", "SHA-256 over the previous hash and this event.")

    @strawberry.field(description="What people read.")
    def text(self, info: Info) -> str:
        return labels.EVENTS[EventType(self.row["type"])][info.context.locale]

    @strawberry.field(description="CUSTOMER, STAFF, SERVICE or SYSTEM.")
    def actor_kind(self) -> str:
        kind: str = self.row["actor"].partition(":")[0]
        return kind


@strawberry.type(description="One request and its whole journey.")
class Refund(Node):
    table: ClassVar[str] = "refund"

    number: str = column("number", "What people call it.")
    kind: RefundKind = enum("kind", RefundKind, "What is asked for.")
    status: RefundStatus = enum("status", RefundStatus, "Where it stands.")
    version: int = column("version", "Grows by one with every event.")
    amount: Money = money_column("amount", "What the customer gets: lines plus shipping.")
    goods_amount: Money = money_column("goods_amount", "The lines.")
    shipping_amount: Money = money_column("shipping_amount", "The shipping that is refunded.")
    note: str = column("note", "The customer's own words.")
    requested_by: str = column("requested_by", "KIND:id.")
    stuck_reason: str | None = column("stuck_reason", "While PAYMENT_STUCK: why.")
    imported: bool = column("imported", "From the shop's history, not through this engine.")
    requested_at: datetime = column("requested_at", "UTC.")
    approved_at: datetime | None = column("approved_at", "UTC.")
    finished_at: datetime | None = column("finished_at", "UTC.")
    updated_at: datetime = column("updated_at", "UTC.")
    order: Order | None = reference(
        "order_id", "Order", "What it is about; null for some imported history."
    )
    customer: Customer | None = reference("customer_id", "Customer", "Who gets the money.")
    stated_reason: ReasonTag | None = reference(
        "stated_reason_id", "ReasonTag", "What the customer says."
    )
    found_reason: ReasonTag | None = reference(
        "found_reason_id", "ReasonTag", "What the inspection found."
    )
    root_cause: ReasonTag | None = reference(
        "root_cause_id", "ReasonTag", "What lies at the root of it, in the shop's eyes."
    )
    disputed_at: datetime | None = column("disputed_at", "When its refusal was disputed; UTC.")
    assignee: Staff | None = reference(
        "assignee_id", "Staff", "Who looks after it: took it, was given it, or acted on it first."
    )
    desk: Desk | None = enum("desk", Desk, "Where it waits for a person; null: nobody has to act.")
    desk_since: datetime | None = column("desk_since", "Since when it has waited there; UTC.")
    priority: Priority = enum("priority", Priority, "How soon people are to look at it.")
    escalation: str = localized("escalation", "Why they are to look sooner; empty: nobody said.")
    lines: list[RefundLine] = children(
        "refund_id", "RefundLine", "What is refunded.", order="position"
    )
    payouts: list[Payout] = children(
        "refund_id", "Payout", "The money, oldest first.", order="created_at, id"
    )
    returns: list[Return] = children(
        "refund_id", "Return", "The goods, newest first.", order="opened_at desc, id desc"
    )
    decisions: list[Decision] = children(
        "refund_id", "Decision", "Who decided what, oldest first.", order="decided_at, id"
    )
    rule_evaluations: list[RuleEvaluation] = children(
        "refund_id", "RuleEvaluation", "What the shop's rules said, oldest first.", order="at, id"
    )
    timeline: list[TimelineEntry] = children(
        "refund_id", "TimelineEntry", "Everything that happened, oldest first.", order="version"
    )
    messages: list[Message] = children(
        "refund_id", "Message", "What its customer was told, oldest first.", order="created_at, id"
    )
    coupons: list[Coupon] = children(
        "refund_id", "Coupon", "What its customer was given, oldest first.", order="created_at, id"
    )
    restitutions: list[Restitution] = children(
        "refund_id", "Restitution", "What else goes back, oldest first.", order="created_at, id"
    )
    claims: list[Claim] = children(
        "refund_id", "Claim", "What is owed for its goods, oldest first.", order="opened_at, id"
    )
    clocks: list[Clock] = children(
        "refund_id", "Clock", "Its deadlines, oldest first.", order="started_at, id"
    )
    merged_into: "Refund | None" = reference(
        "merged_into_id", "Refund", "The request that it has become part of."
    )
    merged: list["Refund"] = children(
        "merged_into_id", "Refund", "The requests that have become part of it.", order="id"
    )
    offer_ladders: list[OfferLadder] = children(
        "refund_id",
        "OfferLadder",
        "What was offered, newest first.",
        order="proposed_at desc, id desc",
    )
    split_into: list["Refund"] = children(
        "split_from_id", "Refund", "The refunds that were split off.", order="id"
    )

    @strawberry.field(description="What colleagues wrote about it, newest first; staff only.")
    async def notes(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[RefundNote]:
        where = Where()
        where.see("refund_note", info.context.known_viewer)
        where.add("refund_id = {}", self.row["id"])
        return Connection(page=await NOTES.page(where, first, after))

    @strawberry.field(description="The offers to choose from now, best first.")
    async def offers(self, info: Info) -> list[Offer]:
        found = await info.context.rows.many("offer", "refund_id", self.row["id"], "rank")
        return [Offer(row=row) for row in found if row["state"] == OfferState.OPEN]

    @strawberry.field(description="The status in words.")
    def status_text(self, info: Info) -> str:
        return labels.STATUSES[RefundStatus(self.row["status"])][info.context.locale]

    @strawberry.field(
        description="What you may do with it now, with the inputs it needs: build a UI from it."
    )
    async def next_steps(self, info: Info) -> list[NextStep]:
        return next_step.listed(info, await gathering.gather(info, self.row))

    @strawberry.field(description="Set when the money went first: until when the goods follow.")
    async def exposure(self, info: Info) -> Exposure | None:
        rows = await info.context.rows.many("exposure", "refund_id", self.row["id"], "id")
        return Exposure(row=rows[0]) if rows else None

    @strawberry.field(description="Why it was refused, in words for the customer.")
    async def rejection(self, info: Info) -> str | None:
        return await self._last_words(info, Step.REJECT)

    @strawberry.field(description="The last question for evidence, in words for the customer.")
    async def evidence_question(self, info: Info) -> str | None:
        return await self._last_words(info, Step.REQUEST_EVIDENCE)

    @strawberry.field(description="The last answer with evidence, in the customer's words.")
    async def evidence_answer(self, info: Info) -> str | None:
        return await self._last_words(info, Step.PROVIDE_EVIDENCE)

    @strawberry.field(description="Its files, oldest first; removed ones are not listed.")
    async def evidence(self, info: Info) -> list[EvidenceFile]:
        rows = await info.context.rows.many(
            "evidence_file", "refund_id", self.row["id"], "started_at, id"
        )
        return [EvidenceFile(row=row) for row in rows if row["status"] == EvidenceStatus.STORED]

    async def _last_words(self, info: Info, step: Step) -> str | None:
        rows = await info.context.rows.many(
            "decision", "refund_id", self.row["id"], "decided_at, id"
        )
        words: list[str] = [row["reason"] for row in rows if row["step"] == step]
        return words[-1] if words else None
