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
    REFUND_FIRST_GRANTED = "REFUND_FIRST_GRANTED"
    SENT_TO_REVIEW = "SENT_TO_REVIEW"
    EVIDENCE_REQUESTED = "EVIDENCE_REQUESTED"
    EVIDENCE_PROVIDED = "EVIDENCE_PROVIDED"
    REFUND_ONLY_APPROVED = "REFUND_ONLY_APPROVED"
    RETURN_APPROVED = "RETURN_APPROVED"
    REFUND_FIRST_PROPOSED = "REFUND_FIRST_PROPOSED"
    REJECTED = "REJECTED"
    WAREHOUSE_CONFIRMED = "WAREHOUSE_CONFIRMED"
    GOODS_FOUND_WITH_CUSTOMER = "GOODS_FOUND_WITH_CUSTOMER"
    RETURN_SHIPPED = "RETURN_SHIPPED"
    RETURN_RECEIVED = "RETURN_RECEIVED"
    RETURN_LOST = "RETURN_LOST"
    RETURN_REOPENED = "RETURN_REOPENED"
    PICKUP_BOOKED = "PICKUP_BOOKED"
    PICKUP_FAILED = "PICKUP_FAILED"
    INSPECTION_PASSED = "INSPECTION_PASSED"
    INSPECTION_REFUSED = "INSPECTION_REFUSED"
    FINANCE_APPROVED = "FINANCE_APPROVED"
    FINANCE_SENT_BACK = "FINANCE_SENT_BACK"
    PAYMENT_STARTED = "PAYMENT_STARTED"
    PAYOUT_PARKED = "PAYOUT_PARKED"
    PAYOUT_RESUMED = "PAYOUT_RESUMED"
    PAYOUT_SUCCEEDED = "PAYOUT_SUCCEEDED"
    REFUNDED = "REFUNDED"
    PAYMENT_STUCK = "PAYMENT_STUCK"
    PAYMENT_RETRIED = "PAYMENT_RETRIED"
    PAYMENT_REVERSED = "PAYMENT_REVERSED"
    CANCELLED = "CANCELLED"
    COUPON_ISSUED = "COUPON_ISSUED"
    COUPON_REVOKED = "COUPON_REVOKED"
    POINTS_RESTORED = "POINTS_RESTORED"
    COUPON_RESTORED = "COUPON_RESTORED"
    GOODS_AWAITED = "GOODS_AWAITED"
    RETURN_SCANNED = "RETURN_SCANNED"
    RETURN_REMINDED = "RETURN_REMINDED"
    CLAIM_OPENED = "CLAIM_OPENED"
    CLAIM_CHANGED = "CLAIM_CHANGED"
    CLAIM_SETTLED = "CLAIM_SETTLED"
    CLAIM_WRITTEN_OFF = "CLAIM_WRITTEN_OFF"
    IMPORTED = "IMPORTED"
    REASON_FOUND = "REASON_FOUND"
    ROUTED = "ROUTED"
    SENT_TO_WAREHOUSE = "SENT_TO_WAREHOUSE"
    SENT_TO_FINANCE = "SENT_TO_FINANCE"
    ESCALATED = "ESCALATED"
    PRIORITY_LOWERED = "PRIORITY_LOWERED"
    MESSAGE_REQUESTED = "MESSAGE_REQUESTED"
    ASSIGNED = "ASSIGNED"
    UNASSIGNED = "UNASSIGNED"
    NOTED = "NOTED"
    CLOCK_WARNED = "CLOCK_WARNED"
    CLOCK_BREACHED = "CLOCK_BREACHED"
    SHIPPING_REMINDED = "SHIPPING_REMINDED"
    EVIDENCE_REMINDED = "EVIDENCE_REMINDED"
    EXPIRED = "EXPIRED"
    EVIDENCE_ADDED = "EVIDENCE_ADDED"
    EVIDENCE_REMOVED = "EVIDENCE_REMOVED"
    AMENDED = "AMENDED"
    MERGED = "MERGED"
    REQUEST_ADDED = "REQUEST_ADDED"
    DISPUTED = "DISPUTED"
    GOODS_DISPOSED = "GOODS_DISPOSED"
    REASONS_SET = "REASONS_SET"
    CHARGEBACK_OPENED = "CHARGEBACK_OPENED"
    CHARGEBACK_WON = "CHARGEBACK_WON"
    CHARGEBACK_LOST = "CHARGEBACK_LOST"
    OFFERED = "OFFERED"
    OFFER_ACCEPTED = "OFFER_ACCEPTED"
    OFFER_DECLINED = "OFFER_DECLINED"
    OFFER_COUNTERED = "OFFER_COUNTERED"
    OFFER_EXPIRED = "OFFER_EXPIRED"
    OFFER_WITHDRAWN = "OFFER_WITHDRAWN"
    COUNTER_ACCEPTED = "COUNTER_ACCEPTED"
    DISCRETION_REQUESTED = "DISCRETION_REQUESTED"
    DISCRETION_REFUSED = "DISCRETION_REFUSED"


INTERNAL = frozenset(
    {
        EventType.REASON_FOUND,
        EventType.ROUTED,
        EventType.ESCALATED,
        EventType.PRIORITY_LOWERED,
        EventType.MESSAGE_REQUESTED,
        EventType.ASSIGNED,
        EventType.UNASSIGNED,
        EventType.NOTED,
        EventType.CLOCK_WARNED,
        EventType.CLOCK_BREACHED,
        EventType.GOODS_DISPOSED,
        EventType.REASONS_SET,
        EventType.CHARGEBACK_OPENED,
        EventType.CHARGEBACK_WON,
        EventType.CHARGEBACK_LOST,
        EventType.DISCRETION_REQUESTED,
        EventType.DISCRETION_REFUSED,
    }
)
"""The shop's own business: customers do not read of it."""

STAFF_ONLY = frozenset({EventType.NOTED})
"""Between colleagues: neither customers nor the shop's systems hear of it."""


GENESIS = "0" * 64
"""The hash before a refund's first event."""


def span(refund_id: object, first: int, last: int) -> str:
    """The name of the events that one change gave a refund; the subject of the job `announce`."""
    return f"{refund_id}:{first}:{last}"


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
