"""What happened to a refund: the append-only history, chained by hash.

An event's payload holds ids, codes and amounts only, never names or free text: a person's data
can then be erased without breaking the chain.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """Past tense: what a step did. The labels say it to people."""

    REQUESTED = "REQUESTED"
    SPLIT = "SPLIT"
    APPROVED_INSTANTLY = "APPROVED_INSTANTLY"
    SENT_TO_REVIEW = "SENT_TO_REVIEW"
    EVIDENCE_REQUESTED = "EVIDENCE_REQUESTED"
    EVIDENCE_PROVIDED = "EVIDENCE_PROVIDED"
    REFUND_ONLY_APPROVED = "REFUND_ONLY_APPROVED"
    RETURN_APPROVED = "RETURN_APPROVED"
    REJECTED = "REJECTED"
    WAREHOUSE_CONFIRMED = "WAREHOUSE_CONFIRMED"
    GOODS_FOUND_WITH_CUSTOMER = "GOODS_FOUND_WITH_CUSTOMER"
    RETURN_SHIPPED = "RETURN_SHIPPED"
    RETURN_RECEIVED = "RETURN_RECEIVED"
    INSPECTION_PASSED = "INSPECTION_PASSED"
    INSPECTION_REFUSED = "INSPECTION_REFUSED"
    FINANCE_APPROVED = "FINANCE_APPROVED"
    FINANCE_SENT_BACK = "FINANCE_SENT_BACK"
    PAYMENT_STARTED = "PAYMENT_STARTED"
    PAYOUT_SUCCEEDED = "PAYOUT_SUCCEEDED"
    REFUNDED = "REFUNDED"
    PAYMENT_STUCK = "PAYMENT_STUCK"
    PAYMENT_RETRIED = "PAYMENT_RETRIED"
    PAYMENT_REVERSED = "PAYMENT_REVERSED"
    CANCELLED = "CANCELLED"
    IMPORTED = "IMPORTED"


LABELS: dict[EventType, dict[str, str]] = {
    EventType.REQUESTED: {"en": "Refund requested", "zh": "提交退款申请"},
    EventType.SPLIT: {
        "en": "Split: shipped and unshipped goods go separate ways",
        "zh": "已发货与未发货商品拆分处理",
    },
    EventType.APPROVED_INSTANTLY: {
        "en": "Approved at once: nothing had been shipped",
        "zh": "商品未发货，极速退款已自动通过",
    },
    EventType.SENT_TO_REVIEW: {"en": "Waiting for customer service", "zh": "等待客服初审"},
    EventType.EVIDENCE_REQUESTED: {"en": "Evidence asked for", "zh": "客服要求补充凭证"},
    EventType.EVIDENCE_PROVIDED: {"en": "Evidence provided", "zh": "已补充凭证"},
    EventType.REFUND_ONLY_APPROVED: {"en": "Refund only: approved", "zh": "初审通过：仅退款"},
    EventType.RETURN_APPROVED: {
        "en": "Return and refund: approved, please send the goods back",
        "zh": "初审通过：退货退款，请寄回商品",
    },
    EventType.REJECTED: {"en": "Refused", "zh": "退款申请被拒绝"},
    EventType.WAREHOUSE_CONFIRMED: {
        "en": "Warehouse confirmed: the goods are not with the customer",
        "zh": "仓库确认：商品不在客户处",
    },
    EventType.GOODS_FOUND_WITH_CUSTOMER: {
        "en": "Warehouse found the goods with the customer",
        "zh": "仓库核实：商品仍在客户处",
    },
    EventType.RETURN_SHIPPED: {"en": "Goods sent back", "zh": "商品已寄回"},
    EventType.RETURN_RECEIVED: {"en": "Parcel received", "zh": "仓库已收到退货"},
    EventType.INSPECTION_PASSED: {"en": "Goods inspected and accepted", "zh": "验货通过"},
    EventType.INSPECTION_REFUSED: {"en": "Goods refused at inspection", "zh": "验货未通过"},
    EventType.FINANCE_APPROVED: {"en": "Money released", "zh": "财务审核通过"},
    EventType.FINANCE_SENT_BACK: {"en": "Sent back by finance", "zh": "财务退回复审"},
    EventType.PAYMENT_STARTED: {"en": "Payment under way", "zh": "退款中"},
    EventType.PAYOUT_SUCCEEDED: {
        "en": "Payout confirmed by the gateway",
        "zh": "支付渠道已确认退款",
    },
    EventType.REFUNDED: {"en": "Money refunded", "zh": "退款已原路退回"},
    EventType.PAYMENT_STUCK: {"en": "Payment needs a person", "zh": "退款异常，等待人工处理"},
    EventType.PAYMENT_RETRIED: {"en": "Payment tried again", "zh": "已重新发起退款"},
    EventType.PAYMENT_REVERSED: {"en": "Payment reversed by the gateway", "zh": "支付渠道撤回退款"},
    EventType.CANCELLED: {"en": "Request withdrawn", "zh": "退款申请已撤销"},
    EventType.IMPORTED: {"en": "Imported from the shop's history", "zh": "由历史数据导入"},
}
"""Event -> locale -> what people read."""

GENESIS = "0" * 64
"""The hash before a refund's first event."""


def chain_hash(
    previous: str,
    *,
    refund_id: str,
    version: int,
    type: EventType,
    at: datetime,
    actor: str,
    payload: Mapping[str, Any],
) -> str:
    """SHA-256 over the previous hash and the event's canonical JSON, as 64 hexadecimal digits.

    `at` is UTC with microseconds; `actor` is `KIND:id`.
    """
    canonical = json.dumps(
        {
            "refund": refund_id,
            "version": version,
            "type": type.value,
            "at": at.isoformat(timespec="microseconds"),
            "actor": actor,
            "payload": payload,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(f"{previous}{canonical}".encode()).hexdigest()
