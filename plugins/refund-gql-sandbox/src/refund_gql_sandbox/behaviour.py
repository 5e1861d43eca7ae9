"""Which misbehaviour applies to a call: the first trigger that matches decides.

In order: the script file, the capture's metadata, the magic amounts, chaos.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from refund_gql.providers import RefundRequest
from refund_gql_sandbox.misbehaviour import MAGIC_AMOUNTS, Misbehaviour
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
        self._script = Script(settings.script) if settings.script else None
        self._chaos = settings.chaos
        self._seed = settings.seed

    def check(self) -> None:
        """Raise InstructionError when the script is not one; blocks on the disk."""
        if self._script:
            self._script.rules()

    def on_refund(self, request: RefundRequest, history: History) -> Misbehaviour:
        """The misbehaviour of a refund() call; blocks on the disk when there is a script.

        Raises InstructionError when the script or the metadata can't be understood.
        """
        if history.spent:
            return Misbehaviour.NUMBER_SPENT
        return (
            self._by_script(request, history.nth)
            or _by_metadata(request, history.nth)
            or _by_amount(request, history.nth)
            or self._by_chaos(f"refund/{request.number}/{history.nth}", CHAOS_ON_REFUND)
            or Misbehaviour.OK
        )

    def on_query(self, request: RefundRequest, history: History) -> Misbehaviour:
        """The misbehaviour of a query() call: only chaos troubles queries."""
        call = f"query/{request.number}/{history.nth}"
        return self._by_chaos(call, CHAOS_ON_QUERY) or Misbehaviour.OK

    def _by_script(self, request: RefundRequest, nth: int) -> Misbehaviour | None:
        rules = self._script.rules() if self._script else []
        return next((rule.misbehaviour for rule in rules if rule.matches(request, nth)), None)

    def _by_chaos(self, call: str, kinds: Sequence[Misbehaviour]) -> Misbehaviour | None:
        # A hash of the call instead of a generator: a generator's draws would depend on the order
        # of calls, which differs between runs as soon as there are two workers.
        digest = sha256(f"{self._seed}/{call}".encode()).digest()
        if int.from_bytes(digest[:6]) / 2**48 >= self._chaos:
            return None
        return kinds[int.from_bytes(digest[6:12]) % len(kinds)]


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
