"""Money on its way back, and every conversation with a gateway about it."""

from datetime import datetime
from typing import ClassVar

import strawberry

from refund_gql.graphql.enums import OutcomeState, PayoutStatus
from refund_gql.graphql.sources import Node, children, column, enum, reference
from refund_gql.graphql.types.money import Money
from refund_gql.graphql.types.order import Capture, money_column


@strawberry.type(description="One conversation with a gateway.")
class PayoutAttempt(Node):
    table: ClassVar[str] = "payout_attempt"

    number: int = column("number", "Counted from 1.")
    call: str = column("call", "REFUND sends, QUERY asks.")
    outcome: OutcomeState | None = enum("outcome", OutcomeState, "Null: under way, or cut off.")
    code: str | None = column("code", "The gateway's own code.")
    message: str | None = column("message", "The gateway's own words.")
    started_at: datetime = column("started_at", "UTC.")
    finished_at: datetime | None = column("finished_at", "UTC.")


@strawberry.type(description="Money owed on one capture.")
class Payout(Node):
    table: ClassVar[str] = "payout"

    number: str = column("number", "What we call it at the gateway; never changes.")
    status: PayoutStatus = enum("status", PayoutStatus, "Where it stands.")
    amount: Money = money_column("amount", "What moves.")
    gateway: str = column("gateway", "The payment gateway's name.")
    gateway_reference: str | None = column("gateway_reference", "The gateway's own reference.")
    code: str | None = column("code", "The gateway's or the engine's last code.")
    message: str | None = column("message", "The gateway's last words.")
    parked_reason: str | None = column(
        "parked_reason",
        "Why it waits for its gateway: GATEWAY_MISSING, GATEWAY_DISABLED, GATEWAY_MISCONFIGURED"
        " or GATEWAY_DOWN. It goes on by itself.",
    )
    parked_at: datetime | None = column("parked_at", "UTC; since when it waits.")
    superseded: bool = column("superseded", "A newer payout took its place.")
    capture: Capture = reference("capture_id", "Capture", "The payment that is refunded.")
    attempts: list[PayoutAttempt] = children(
        "payout_id", "PayoutAttempt", "Every conversation, in order.", order="number"
    )
    created_at: datetime = column("created_at", "UTC.")
    sent_at: datetime | None = column("sent_at", "UTC; when it was last sent.")
    settled_at: datetime | None = column("settled_at", "UTC; when the gateway proved success.")
