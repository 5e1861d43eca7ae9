"""The enumerations of the API: the engine's own, given a name and a description for callers."""

import strawberry

from refund_gql.choices import (
    AnomalyKind,
    AppealOutcome,
    AutoAssign,
    BacktestStatus,
    ClaimReason,
    ClaimStatus,
    ClockState,
    CouponPurpose,
    CouponStatus,
    CrmFlagsStatus,
    DeadlineAction,
    DeadlineStage,
    DeadlineUnit,
    DeliveryStatus,
    DiscretionStatus,
    DiscretionStep,
    Disposition,
    EvidencePurpose,
    EvidenceStatus,
    ExposureRelease,
    FlagChangeKind,
    Fulfilment,
    MessageStatus,
    NoteKind,
    OfferKind,
    OfferState,
    ParcelDirection,
    PayoutStatus,
    PickupStatus,
    Priority,
    Purpose,
    RestitutionKind,
    RestitutionStatus,
    ReturnPayer,
    ReturnStatus,
    RiskSource,
    RuleChangeKind,
    RuleMatching,
    RuleMode,
    RuleOutcome,
    RuleTrigger,
    Span,
    Verdict,
    WatchEnd,
    WatchMode,
)
from refund_gql.desks import Desk
from refund_gql.events import EventType
from refund_gql.flow.care import CareNoteKind
from refund_gql.flow.finance import FinanceVerdict
from refund_gql.flow.warehouse import WarehouseVerdict
from refund_gql.lab.comparison import Ending
from refund_gql.lab.tally import Disagreement
from refund_gql.outbox.deliveries import DisabledReason, Failure
from refund_gql.outbox.kinds import MessageKind, VariableType
from refund_gql.outbox.wording import TemplateOrigin
from refund_gql.providers import DisputeState, OutcomeState, ProviderKind, RiskLevel, TrackingTag
from refund_gql.providers.conformance import Tier
from refund_gql.registry import PluginState
from refund_gql.roles import Role, Scope
from refund_gql.rules.actions import ActionKind
from refund_gql.rules.facts import FactType
from refund_gql.states import RefundKind, RefundStatus, Step

# `strawberry.enum` marks the class and returns it, so annotations use the classes themselves.
strawberry.enum(ActionKind, name="RuleActionKind", description="What a rule may do.")
strawberry.enum(AnomalyKind, name="ShipmentAnomalyKind", description="What is wrong with a parcel.")
strawberry.enum(AppealOutcome, description="What came of looking again at a flag.")
strawberry.enum(AutoAssign, description="Whether cases are dealt out to people at a desk.")
strawberry.enum(CrmFlagsStatus, description="Where a CRM system stands with a customer's flags.")
strawberry.enum(CareNoteKind, description="What was done about an entry of the care list.")
strawberry.enum(CouponPurpose, description="Why a customer gets a coupon.")
strawberry.enum(CouponStatus, description="Where a coupon stands.")
strawberry.enum(ClaimReason, description="Why the shop is owed something.")
strawberry.enum(ClaimStatus, description="Where a claim stands.")
strawberry.enum(ClockState, description="Where a clock stands.")
strawberry.enum(DeadlineAction, description="What happens when a deadline has passed.")
strawberry.enum(DeadlineStage, description="What a refund waits for while a clock runs.")
strawberry.enum(DeadlineUnit, description="What a deadline is counted in.")
strawberry.enum(EvidencePurpose, description="What a file shows.")
strawberry.enum(EvidenceStatus, description="Where a file stands.")
strawberry.enum(BacktestStatus, name="RuleBacktestStatus", description="Where a backtest stands.")
strawberry.enum(DeliveryStatus, name="WebhookDeliveryStatus", description="Where a webhook stands.")
strawberry.enum(Desk, description="Where a refund waits for a person of the shop.")
strawberry.enum(
    Disagreement,
    name="RuleBacktestDisagreementKind",
    description="How a draft and people differ about a refund.",
)
strawberry.enum(
    DisabledReason, name="WebhookDisabledReason", description="Why an endpoint hears nothing."
)
strawberry.enum(Ending, name="RefundEnding", description="What finally happened to a refund.")
strawberry.enum(Disposition, description="What becomes of units that came back.")
strawberry.enum(DisputeState, description="Where a chargeback stands.")
strawberry.enum(DiscretionStatus, description="Where a task for somebody with more budget stands.")
strawberry.enum(DiscretionStep, description="What somebody wanted to do beyond their budget.")
strawberry.enum(EventType, description="What happened to a refund.")
strawberry.enum(ExposureRelease, description="Why money that went first counts no more.")
strawberry.enum(FactType, name="RuleFactType", description="What a fact holds.")
strawberry.enum(
    FlagChangeKind, name="CustomerFlagChangeKind", description="What happened to a flag."
)
strawberry.enum(Failure, name="WebhookFailure", description="Why a webhook was not delivered.")
strawberry.enum(FinanceVerdict, description="What finance decides.")
strawberry.enum(Fulfilment, description="How far goods have left the warehouse.")
strawberry.enum(MessageKind, description="What a message tells a customer.")
strawberry.enum(MessageStatus, description="Where a message stands.")
strawberry.enum(NoteKind, name="RefundNoteKind", description="What colleagues write.")
strawberry.enum(OfferKind, description="One way out that a customer can be offered.")
strawberry.enum(OfferState, description="Where an offer, or a ladder of them, stands.")
strawberry.enum(OutcomeState, name="Outcome", description="What a call to a gateway proved.")
strawberry.enum(ParcelDirection, description="Which way a parcel goes.")
strawberry.enum(PayoutStatus, description="Where one payout stands.")
strawberry.enum(PickupStatus, name="ReturnPickupStatus", description="Where a pickup stands.")
strawberry.enum(PluginState, description="How a plugin stands.")
strawberry.enum(Priority, description="How soon people are to look at a refund.")
strawberry.enum(ProviderKind, description="What a provider connects to.")
strawberry.enum(Purpose, name="BudgetPurpose", description="What a budget of staff is for.")
strawberry.enum(RefundKind, description="What is asked for.")
strawberry.enum(RefundStatus, description="Where a refund stands.")
strawberry.enum(RestitutionKind, description="What else a customer had paid with.")
strawberry.enum(RestitutionStatus, description="How far something is given back.")
strawberry.enum(ReturnPayer, description="Who pays the parcel that brings goods back.")
strawberry.enum(ReturnStatus, description="Where the goods stand.")
strawberry.enum(RiskLevel, description="How much reason there is to have a person look.")
strawberry.enum(RiskSource, description="Who says something about a customer's risk.")
strawberry.enum(Role, description="What a caller is to the shop.")
strawberry.enum(RuleChangeKind, description="What somebody did to a rule.")
strawberry.enum(RuleMatching, description="How far the rules of one trigger are read.")
strawberry.enum(RuleMode, description="Whether a rule acts.")
strawberry.enum(RuleOutcome, description="What came of judging a rule.")
strawberry.enum(RuleTrigger, description="What makes rules look at a refund.")
strawberry.enum(Scope, description="What a program's token may do.")
strawberry.enum(Span, name="BudgetSpan", description="What a limit of a budget counts.")
strawberry.enum(Step, description="What can be done to a refund.")
strawberry.enum(TemplateOrigin, description="Who wrote a text.")
strawberry.enum(Tier, name="ConformanceTier", description="What the conformance kit found.")
strawberry.enum(TrackingTag, description="Where a parcel stands.")
strawberry.enum(VariableType, description="What a variable of a text holds.")
strawberry.enum(Verdict, name="InspectionVerdict", description="What was found for one line.")
strawberry.enum(WarehouseVerdict, description="What the warehouse found.")
strawberry.enum(WatchEnd, name="ParcelWatchEnd", description="Why a parcel is not followed.")
strawberry.enum(WatchMode, name="ParcelWatchMode", description="How news of a parcel comes.")

__all__ = [
    "ActionKind",
    "AnomalyKind",
    "AppealOutcome",
    "AutoAssign",
    "BacktestStatus",
    "CareNoteKind",
    "ClaimReason",
    "ClaimStatus",
    "ClockState",
    "CouponPurpose",
    "CouponStatus",
    "CrmFlagsStatus",
    "DeadlineAction",
    "DeadlineStage",
    "DeadlineUnit",
    "DeliveryStatus",
    "Desk",
    "DisabledReason",
    "Disagreement",
    "DiscretionStatus",
    "DiscretionStep",
    "Disposition",
    "DisputeState",
    "Ending",
    "EventType",
    "EvidencePurpose",
    "EvidenceStatus",
    "ExposureRelease",
    "FactType",
    "Failure",
    "FinanceVerdict",
    "FlagChangeKind",
    "Fulfilment",
    "MessageKind",
    "MessageStatus",
    "NoteKind",
    "OfferKind",
    "OfferState",
    "OutcomeState",
    "ParcelDirection",
    "PayoutStatus",
    "PickupStatus",
    "PluginState",
    "Priority",
    "ProviderKind",
    "Purpose",
    "RefundKind",
    "RefundStatus",
    "RestitutionKind",
    "RestitutionStatus",
    "ReturnPayer",
    "ReturnStatus",
    "RiskLevel",
    "RiskSource",
    "Role",
    "RuleChangeKind",
    "RuleMatching",
    "RuleMode",
    "RuleOutcome",
    "RuleTrigger",
    "Scope",
    "Span",
    "Step",
    "TemplateOrigin",
    "Tier",
    "TrackingTag",
    "VariableType",
    "Verdict",
    "WarehouseVerdict",
    "WatchEnd",
    "WatchMode",
]
