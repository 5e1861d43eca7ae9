"""The enumerations of the API: the engine's own, given a name and a description for callers."""

import strawberry

from refund_gql.events import EventType
from refund_gql.flow.finance import FinanceVerdict
from refund_gql.flow.inspection import Verdict
from refund_gql.flow.warehouse import WarehouseVerdict
from refund_gql.providers import OutcomeState
from refund_gql.roles import Role, Scope
from refund_gql.states import (
    Fulfilment,
    PayoutStatus,
    RefundKind,
    RefundStatus,
    ReturnStatus,
    Step,
)

# `strawberry.enum` marks the class and returns it, so annotations use the classes themselves.
strawberry.enum(EventType, description="What happened to a refund.")
strawberry.enum(FinanceVerdict, description="What finance decides.")
strawberry.enum(Fulfilment, description="How far goods have left the warehouse.")
strawberry.enum(OutcomeState, name="Outcome", description="What a call to a gateway proved.")
strawberry.enum(PayoutStatus, description="Where one payout stands.")
strawberry.enum(RefundKind, description="What is asked for.")
strawberry.enum(RefundStatus, description="Where a refund stands.")
strawberry.enum(ReturnStatus, description="Where the goods stand.")
strawberry.enum(Role, description="What a caller is to the shop.")
strawberry.enum(Scope, description="What a program's token may do.")
strawberry.enum(Step, description="What can be done to a refund.")
strawberry.enum(Verdict, name="InspectionVerdict", description="What was found for one line.")
strawberry.enum(WarehouseVerdict, description="What the warehouse found.")

__all__ = [
    "EventType",
    "FinanceVerdict",
    "Fulfilment",
    "OutcomeState",
    "PayoutStatus",
    "RefundKind",
    "RefundStatus",
    "ReturnStatus",
    "Role",
    "Scope",
    "Step",
    "Verdict",
    "WarehouseVerdict",
]
