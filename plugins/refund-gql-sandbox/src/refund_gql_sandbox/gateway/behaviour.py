"""Which misbehaviour applies to a call: the first trigger that matches decides.

In order: the script file, the capture's metadata, the magic amounts, chaos.
"""

from dataclasses import dataclass

from refund_gql.providers import RefundRequest
from refund_gql_sandbox.chaos import Chaos
from refund_gql_sandbox.gateway.misbehaviour import MAGIC_AMOUNTS, Misbehaviour
from refund_gql_sandbox.gateway.rule import Operation, Rule
from refund_gql_sandbox.script import InstructionError, Script
from refund_gql_sandbox.settings import SandboxSettings

METADATA_KEY = "sandbox"
"""Where a capture's metadata holds its sequence of misbehaviours."""

CHAOS_ON_REFUND = (
    Misbehaviour.TIMEOUT_BEFORE,
    Misbehaviour.TIMEOUT_AFTER,
    Misbehaviour.ERROR_BEFORE,
    Misbehaviour.ERROR_AFTER,
    Misbehaviour.UNKNOWN_STATUS,
    Misbehaviour.SLOW,
)
"""Only what an engine must survive without a person: nothing here refuses for good."""

CHAOS_ON_QUERY = (Misbehaviour.TIMEOUT_BEFORE, Misbehaviour.ERROR_BEFORE)


@dataclass(frozen=True, kw_only=True)
class History:
    """What the ledger remembers of the calls before this one, of all processes."""

    nth: int
    """Which call of its number and operation this is, from 1; a spent number hands its count on."""
    spent: bool
    """Whether an earlier call of this number was answered NUMBER_SPENT."""


class Behaviour:
    """Chooses; keeps no count of its own, so the choice is the same in every process."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._script = Script(settings.script, Rule)
        self._chaos = Chaos(probability=settings.chaos, seed=settings.seed)

    def check(self) -> None:
        """Raise InstructionError when the script is not one; blocks on the disk."""
        self._script.lines()

    def on_refund(self, request: RefundRequest, history: History) -> Misbehaviour:
        """The misbehaviour of a refund() call; blocks on the disk when there is a script.

        Raises InstructionError when the script or the metadata can't be understood.
        """
        if history.spent:
            return Misbehaviour.NUMBER_SPENT
        return (
            self._by_script("refund", request, history.nth)
            or _by_metadata(request, history.nth)
            or _by_amount(request, history.nth)
            or self._chaos.strikes(f"refund/{request.number}/{history.nth}", CHAOS_ON_REFUND)
            or Misbehaviour.OK
        )

    def on_query(self, request: RefundRequest, history: History) -> Misbehaviour:
        """The misbehaviour of a query() call: only the script and chaos trouble queries."""
        return (
            self._by_script("query", request, history.nth)
            or self._chaos.strikes(f"query/{request.number}/{history.nth}", CHAOS_ON_QUERY)
            or Misbehaviour.OK
        )

    def _by_script(
        self, operation: Operation, request: RefundRequest, nth: int
    ) -> Misbehaviour | None:
        rules = self._script.lines()
        matching = (rule for rule in rules if rule.matches(operation, request, nth))
        return next((rule.misbehaviour for rule in matching), None)


def _by_metadata(request: RefundRequest, nth: int) -> Misbehaviour | None:
    sequence, last_repeats = _sequence(request.metadata.get(METADATA_KEY, ""))
    if nth > len(sequence):
        return sequence[-1] if last_repeats else None
    return sequence[nth - 1]


def _sequence(text: str) -> tuple[list[Misbehaviour], bool]:
    """The misbehaviours in order, and whether the last applies for ever."""
    words = text.strip()
    last_repeats = words.endswith("*")
    names = words.removesuffix("*").split(",") if words else []
    try:
        return [Misbehaviour(name.strip()) for name in names], last_repeats
    except ValueError as error:
        raise InstructionError(
            f"refund-gql-sandbox: the capture's metadata {METADATA_KEY!r}: {error}; "
            f"use names of {', '.join(Misbehaviour)}, separated by commas"
        ) from error


def _by_amount(request: RefundRequest, nth: int) -> Misbehaviour | None:
    found = MAGIC_AMOUNTS.get(request.amount % 10_000)
    # A refusal that ended by itself would look like RATE_LIMITED, so this one is for ever.
    return found if nth == 1 or found is Misbehaviour.REFUSE else None
