"""A line of the bank's script: which call misbehaves how."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

from refund_gql.providers import RefundRequest
from refund_gql_sandbox.gateway.misbehaviour import ON_QUERY, Misbehaviour

Operation = Literal["refund", "query"]


class Rule(BaseModel):
    """One line of a script. A field that is left out matches every refund."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: Operation = "refund"
    """Which calls: refund() or query()."""
    number: str | None = None
    """The refund number."""
    amount: int | None = None
    """Minor units."""
    capture: str | None = None
    """The capture reference."""
    nth: PositiveInt = 1
    """The first call of a number that the rule applies to, counted from 1."""
    misbehaviour: Misbehaviour
    """What happens; OK shields the call from the triggers after the script."""
    times: PositiveInt | None = 1
    """To how many calls of a number, from the nth on, it applies; null for all of them."""

    def matches(self, operation: Operation, request: RefundRequest, nth: int) -> bool:
        """Whether the rule applies to the nth such call (from 1) of the request's number."""
        return (
            self.operation == operation
            and self.number in (None, request.number)
            and self.amount in (None, request.amount)
            and self.capture in (None, request.capture_reference)
            and self.nth <= nth
            and (self.times is None or nth < self.nth + self.times)
        )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.operation == "query" and self.misbehaviour not in ON_QUERY:
            raise ValueError(f"query() can only meet {', '.join(sorted(ON_QUERY))}")
        return self
