"""Tortoise rows, one file per family."""

from refund_gql.models.importing import ImportReject, ImportRun
from refund_gql.models.order import (
    Capture,
    Customer,
    Order,
    OrderLine,
    Product,
    Shipment,
    ShipmentLine,
)
from refund_gql.models.payout import Payout, PayoutAttempt
from refund_gql.models.refund import (
    Decision,
    Event,
    Inspection,
    ReasonTag,
    Refund,
    RefundLine,
    Return,
)
from refund_gql.models.request import IdempotencyKey, WebhookMessage
from refund_gql.models.row import new_id
from refund_gql.models.shop import ApiToken, CustomerSession, Shop, Staff

__all__ = [
    "ApiToken",
    "Capture",
    "Customer",
    "CustomerSession",
    "Decision",
    "Event",
    "IdempotencyKey",
    "ImportReject",
    "ImportRun",
    "Inspection",
    "Order",
    "OrderLine",
    "Payout",
    "PayoutAttempt",
    "Product",
    "ReasonTag",
    "Refund",
    "RefundLine",
    "Return",
    "Shipment",
    "ShipmentLine",
    "Shop",
    "Staff",
    "WebhookMessage",
    "new_id",
]
