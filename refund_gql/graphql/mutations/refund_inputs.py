"""What the steps of a refund take."""

from uuid import UUID

import strawberry

from refund_gql import ids, validation
from refund_gql.flow import findings, inspection, priorities, reasons, request, review
from refund_gql.graphql.enums import (
    Disposition,
    FinanceVerdict,
    Priority,
    RefundKind,
    Verdict,
    WarehouseVerdict,
)
from refund_gql.graphql.mutations.answers import words
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.money import MoneyInput

_KEY = "Names this operation: send the same key again when you are not sure it arrived."
SCRIPT = "The canned text the words came from, if they did: its use is counted."
_VERSION = "The version you looked at; refused when the refund has moved on."


@strawberry.input(description="So many units of an order line.")
class RefundLineInput:
    order_line_id: strawberry.ID = strawberry.field(description="The order line.")
    quantity: int = strawberry.field(description="Units; at most what is left.")
    amount: MoneyInput | None = strawberry.field(
        default=None,
        description="Staff and programs only: less than what the units are worth. Null: their "
        "full worth.",
    )

    def value(self, i: int) -> request.RequestedLine:
        field = f"lines.{i}"
        return request.RequestedLine(
            order_line_id=ids.required(f"{field}.orderLineId", self.order_line_id, "OrderLine"),
            quantity=self.quantity,
            amount=self.amount.value(f"{field}.amount") if self.amount else None,
        )


@strawberry.input(description="What is asked for.")
class RefundRequestInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    idempotency_key: str = strawberry.field(description=_KEY)
    kind: RefundKind = strawberry.field(
        default=RefundKind.REFUND_ONLY, description="What the customer wants; review may differ."
    )
    lines: list[RefundLineInput] | None = strawberry.field(
        default=None, description="Null: everything that is left."
    )
    reason_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="What the customer states."
    )
    note: str = strawberry.field(default="", description="The customer's own words.")
    expected_refundable: MoneyInput | None = strawberry.field(
        default=None, description="The quote's `maximumRefundable`; refused when it has changed."
    )

    def value(self) -> request.RequestRefund:
        lines = self.lines
        validation.limited("lines", len(lines or ()), 500)
        expected = self.expected_refundable
        return request.RequestRefund(
            order_id=ids.required("orderId", self.order_id, "Order"),
            kind=self.kind,
            lines=None if lines is None else tuple(x.value(i) for i, x in enumerate(lines)),
            reason_id=ids.optional("reasonTagId", self.reason_tag_id, "ReasonTag"),
            note=words("note", self.note),
            expected_refundable=expected.value("expectedRefundable") if expected else None,
        )


@strawberry.input(description="One step of one refund.")
class RefundStepInput:
    refund_id: strawberry.ID = strawberry.field(description="The refund.")
    idempotency_key: str = strawberry.field(description=_KEY)
    expected_version: int | None = strawberry.field(default=None, description=_VERSION)

    @property
    def id(self) -> UUID:
        return ids.required("refundId", self.refund_id, "Refund")


@strawberry.input(description="Approve a request in review.")
class RefundApproveInput(RefundStepInput):
    kind: RefundKind = strawberry.field(description="Money only, or goods first.")
    reason: str = strawberry.field(default="", description="For colleagues.")

    def value(self) -> review.ApproveRefund:
        return review.ApproveRefund(
            refund_id=self.id,
            kind=self.kind,
            reason=words("reason", self.reason),
            expected_version=self.expected_version,
        )


@strawberry.input(description="Pay a request in review before its goods are back.")
class RefundApproveFirstInput(RefundStepInput):
    reason: str = strawberry.field(default="", description="For colleagues.")


@strawberry.input(description="Refuse a request in review.")
class RefundRejectInput(RefundStepInput):
    reason: str = strawberry.field(description="The customer reads it.")
    script_id: strawberry.ID | None = strawberry.field(default=None, description=SCRIPT)

    @property
    def script(self) -> UUID | None:
        return ids.optional("scriptId", self.script_id, "Script")


@strawberry.input(description="Ask the customer for evidence.")
class RefundRequestEvidenceInput(RefundStepInput):
    question: str = strawberry.field(description="The customer reads it.")
    script_id: strawberry.ID | None = strawberry.field(default=None, description=SCRIPT)

    @property
    def script(self) -> UUID | None:
        return ids.optional("scriptId", self.script_id, "Script")


@strawberry.input(description="Answer a question for evidence.")
class RefundProvideEvidenceInput(RefundStepInput):
    answer: str = strawberry.field(
        default="", description="In words; not needed where files are named."
    )
    file_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Files of the refund that answer it."
    )

    @property
    def files(self) -> tuple[UUID, ...]:
        validation.limited("fileIds", len(self.file_ids), 200)
        return tuple(
            ids.required(f"fileIds.{i}", text, "EvidenceFile")
            for i, text in enumerate(self.file_ids)
        )


@strawberry.input(description="Where the goods of a refund-only request are.")
class RefundConfirmWarehouseInput(RefundStepInput):
    verdict: WarehouseVerdict = strawberry.field(description="What was found.")
    note: str = strawberry.field(default="", description="For colleagues.")


@strawberry.input(description="The parcel was handed to a courier.")
class ReturnShipInput(RefundStepInput):
    courier: str = strawberry.field(description="Who carries it.")
    tracking_number: str = strawberry.field(description="The courier's number.")


@strawberry.input(description="So many units of a line, and what was found of them.")
class InspectionOutcomeInput:
    verdict: Verdict = strawberry.field(description="What was found.")
    quantity: int = strawberry.field(description="Units; of all outcomes, those of the line.")
    amount: MinorUnits | None = strawberry.field(
        default=None, description="With REDUCED only: what is granted for them, in minor units."
    )
    disposition: Disposition | None = strawberry.field(
        default=None, description="What becomes of them; null: as usual after the verdict."
    )
    reason_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="Why less or nothing is granted."
    )
    arrived_instead: str = strawberry.field(
        default="", description="With WRONG_ITEM only: what came in its place."
    )
    note: str = strawberry.field(default="", description="For colleagues.")

    def value(self, field: str) -> findings.Outcome:
        return findings.Outcome(
            verdict=self.verdict,
            quantity=self.quantity,
            amount=self.amount,
            disposition=self.disposition,
            reason_id=ids.optional(f"{field}.reasonTagId", self.reason_tag_id, "ReasonTag"),
            arrived=_instead(field, self.arrived_instead),
            note=words(f"{field}.note", self.note),
        )


@strawberry.input(description="What was found for one refund line.")
class InspectionLineInput:
    refund_line_id: strawberry.ID = strawberry.field(description="The refund line.")
    verdict: Verdict | None = strawberry.field(
        default=None, description="What holds for all that arrived; null with `outcomes`."
    )
    received_quantity: int | None = strawberry.field(
        default=None, description="Units that arrived, the rest is missing; null: as the verdict."
    )
    amount: MinorUnits | None = strawberry.field(
        default=None, description="With REDUCED only: what is granted, in minor units."
    )
    disposition: Disposition | None = strawberry.field(
        default=None, description="What becomes of them; null: as usual after the verdict."
    )
    reason_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="Why less or nothing is granted."
    )
    arrived_instead: str = strawberry.field(
        default="", description="With WRONG_ITEM only: what came in its place."
    )
    note: str = strawberry.field(default="", description="For colleagues.")
    outcomes: list[InspectionOutcomeInput] | None = strawberry.field(
        default=None, description="Where not all units were found alike: counted out."
    )

    def value(self, i: int) -> findings.Finding:
        field = f"lines.{i}"
        validation.limited(f"{field}.outcomes", len(self.outcomes or ()), 20)
        return findings.Finding(
            refund_line_id=ids.required(f"{field}.refundLineId", self.refund_line_id, "RefundLine"),
            verdict=self.verdict,
            received_quantity=self.received_quantity,
            amount=self.amount,
            disposition=self.disposition,
            reason_id=ids.optional(f"{field}.reasonTagId", self.reason_tag_id, "ReasonTag"),
            arrived=_instead(field, self.arrived_instead),
            note=words(f"{field}.note", self.note),
            outcomes=tuple(
                outcome.value(f"{field}.outcomes.{j}")
                for j, outcome in enumerate(self.outcomes or ())
            ),
        )


def _instead(field: str, text: str) -> str:
    return validation.text(f"{field}.arrivedInstead", text, longest=300, required=False)


@strawberry.input(description="What was found in the parcel: every refund line once.")
class ReturnInspectInput(RefundStepInput):
    lines: list[InspectionLineInput] = strawberry.field(description="Line by line.")
    note: str = strawberry.field(default="", description="For colleagues.")
    found_reason_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="What the inspection found to be the reason."
    )
    root_cause_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="What lies at the root of it."
    )

    def value(self) -> inspection.InspectReturn:
        return inspection.InspectReturn(
            refund_id=self.id,
            findings=tuple(line.value(i) for i, line in enumerate(self.lines)),
            note=words("note", self.note),
            found_reason_id=ids.optional("foundReasonTagId", self.found_reason_tag_id, "ReasonTag"),
            root_cause_id=ids.optional("rootCauseTagId", self.root_cause_tag_id, "ReasonTag"),
            expected_version=self.expected_version,
        )


@strawberry.input(description="Release the money, or send the refund back.")
class RefundApproveFinanceInput(RefundStepInput):
    verdict: FinanceVerdict = strawberry.field(
        default=FinanceVerdict.APPROVE, description="What finance decides."
    )
    note: str = strawberry.field(default="", description="For colleagues.")


@strawberry.input(description="Raise or lower a refund's priority.")
class RefundSetPriorityInput(RefundStepInput):
    priority: Priority = strawberry.field(description="How soon people are to look.")
    reason: str = strawberry.field(default="", description="For colleagues.")

    def value(self) -> priorities.SetPriority:
        return priorities.SetPriority(
            refund_id=self.id,
            priority=self.priority,
            reason=words("reason", self.reason),
            expected_version=self.expected_version,
        )


@strawberry.input(description="Dispute a refusal.")
class RefundDisputeInput(RefundStepInput):
    note: str = strawberry.field(description="Why the refusal is wrong.")


@strawberry.input(description="What was found to be the reason, and what lies at its root.")
class RefundSetReasonsInput(RefundStepInput):
    found_reason_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="What the shop found; null: as it was."
    )
    root_cause_tag_id: strawberry.ID | None = strawberry.field(
        default=None, description="What lies at the root of it; null: as it was."
    )

    def value(self) -> reasons.SetReasons:
        return reasons.SetReasons(
            refund_id=self.id,
            found_reason_id=ids.optional("foundReasonTagId", self.found_reason_tag_id, "ReasonTag"),
            root_cause_id=ids.optional("rootCauseTagId", self.root_cause_tag_id, "ReasonTag"),
            expected_version=self.expected_version,
        )


@strawberry.input(description="Try a stuck payout again.")
class PayoutRetryInput:
    payout_id: strawberry.ID = strawberry.field(description="The payout.")
    idempotency_key: str = strawberry.field(description=_KEY)
