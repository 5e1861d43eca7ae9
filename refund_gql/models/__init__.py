"""Tortoise rows, one file per family."""

from refund_gql.models.aftercare import (
    CareEntry,
    CareNote,
    CareRefund,
    Coupon,
    Restitution,
)
from refund_gql.models.deadline import BusinessCalendar, Clock, DeadlinePolicy
from refund_gql.models.desk import RefundNote, Script, ScriptUse, ScriptVersion
from refund_gql.models.discretion import Budget, DiscretionEntry, DiscretionTask
from refund_gql.models.dispute import Dispute
from refund_gql.models.evidence import EvidenceFile
from refund_gql.models.exposure import Exposure, GoodsClaim
from refund_gql.models.importing import ImportReject, ImportRun
from refund_gql.models.insight import CampaignDay, ProductRate
from refund_gql.models.lab import RuleBacktest
from refund_gql.models.message import (
    Message,
    Template,
    WebhookDelivery,
    WebhookEndpoint,
)
from refund_gql.models.offer import Offer, OfferLadder
from refund_gql.models.order import (
    Capture,
    Customer,
    Order,
    OrderLine,
    Product,
    Shipment,
    ShipmentLine,
)
from refund_gql.models.parcels import (
    Lane,
    ParcelWatch,
    ReturnAddress,
    ReturnPickup,
    ShipmentAnomaly,
)
from refund_gql.models.payout import Payout, PayoutAttempt
from refund_gql.models.plugin import PluginSettings, ProviderHealth
from refund_gql.models.refund import (
    Decision,
    Event,
    Inspection,
    InspectionOutcome,
    ReasonTag,
    Refund,
    RefundLine,
    Return,
)
from refund_gql.models.request import IdempotencyKey, WebhookMessage
from refund_gql.models.risk import (
    CrmFlags,
    CustomerFlag,
    CustomerFlagChange,
    CustomerRisk,
    RiskBaseline,
)
from refund_gql.models.row import new_id
from refund_gql.models.rule import Rule, RuleChange, RuleEvaluation, RuleUse, RuleVersion
from refund_gql.models.shop import ApiToken, CustomerSession, ReturnPolicy, Shop, Staff
from refund_gql.models.tracking import TrackingCheckpoint

__all__ = [
    "ApiToken",
    "Budget",
    "BusinessCalendar",
    "CampaignDay",
    "Capture",
    "CareEntry",
    "CareNote",
    "CareRefund",
    "Clock",
    "Coupon",
    "CrmFlags",
    "Customer",
    "CustomerFlag",
    "CustomerFlagChange",
    "CustomerRisk",
    "CustomerSession",
    "DeadlinePolicy",
    "Decision",
    "DiscretionEntry",
    "DiscretionTask",
    "Dispute",
    "Event",
    "EvidenceFile",
    "Exposure",
    "GoodsClaim",
    "IdempotencyKey",
    "ImportReject",
    "ImportRun",
    "Inspection",
    "InspectionOutcome",
    "Lane",
    "Message",
    "Offer",
    "OfferLadder",
    "Order",
    "OrderLine",
    "ParcelWatch",
    "Payout",
    "PayoutAttempt",
    "PluginSettings",
    "Product",
    "ProductRate",
    "ProviderHealth",
    "ReasonTag",
    "Refund",
    "RefundLine",
    "RefundNote",
    "Restitution",
    "Return",
    "ReturnAddress",
    "ReturnPickup",
    "ReturnPolicy",
    "RiskBaseline",
    "Rule",
    "RuleBacktest",
    "RuleChange",
    "RuleEvaluation",
    "RuleUse",
    "RuleVersion",
    "Script",
    "ScriptUse",
    "ScriptVersion",
    "Shipment",
    "ShipmentAnomaly",
    "ShipmentLine",
    "Shop",
    "Staff",
    "Template",
    "TrackingCheckpoint",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "new_id",
]
