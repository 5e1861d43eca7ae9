"""Expected failures as data: one type per class in `errors`, all implementing `Problem`."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import strawberry

from refund_gql import errors
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import OfferState, Purpose, Span, Step
from refund_gql.graphql.scalars import MinorUnits
from refund_gql.graphql.types.discretion import DiscretionTask
from refund_gql.graphql.types.mistake import RuleMistake
from refund_gql.graphql.types.money import Money


@strawberry.interface(description="An expected failure: nothing changed. `code` is stable.")
class Problem:
    code: str = strawberry.field(description="Stable, for programs.")
    message: str = strawberry.field(description="For people, in the language of the request.")
    path: list[str] = strawberry.field(description="The input field it is about, if it is.")


@strawberry.type(description="A field has a value that cannot be accepted: change it.")
class InvalidInput(Problem):
    found: str = strawberry.field(description="What was sent.")
    expected: str = strawberry.field(
        description="What would be accepted, in the language of the request."
    )


@strawberry.type(description="A rule's condition cannot be understood: change it.")
class InvalidCondition(Problem):
    mistakes: list[RuleMistake] = strawberry.field(description="Where and why, in order.")


@strawberry.type(description="No such thing in this shop, or none that you may see.")
class NotFound(Problem):
    object_type: str = strawberry.field(description="The type looked for.")


@strawberry.type(description="Another one holds this name already.")
class AlreadyExists(Problem):
    object_type: str = strawberry.field(description="The type that exists.")


@strawberry.type(description="You may not do this; the message says who may.")
class NotAllowed(Problem):
    reason: str = strawberry.field(
        description="ROLE, SCOPE, OWN_PROPOSAL, OTHER_REVIEWER, OWN_FLAG, NOT_YOURSELF, "
        "AMOUNT_IS_COMPUTED, UPLOADER or LOGIN."
    )


@strawberry.type(description="The engine has no key to keep secrets with: ask who runs it.")
class NoSecretKey(Problem):
    pass


@strawberry.type(description="The engine was installed without this part: ask who runs it.")
class NotInstalled(Problem):
    pass


@strawberry.type(description="The refund's status does not allow this step.")
class IllegalStep(Problem):
    current_status: str = strawberry.field(
        description="The status now, of the refund or of the payout."
    )
    allowed_next: list[Step] = strawberry.field(description="What you can do now instead.")


@strawberry.type(description="A colleague looks after it already: have it handed over.")
class AlreadyTaken(Problem):
    taken_by: str = strawberry.field(description="Their name.")


@strawberry.type(description="The refund waits for nobody of the shop.")
class NotWaiting(Problem):
    current_status: str = strawberry.field(description="Where it stands.")


@strawberry.type(description="Somebody changed the refund since you looked: read it again.")
class StaleVersion(Problem):
    current_version: int = strawberry.field(description="The version now.")


@strawberry.type(description="The refundable rest changed since you looked: quote again.")
class StaleBalance(Problem):
    maximum_refundable: Money = strawberry.field(description="What can be refunded now.")


@strawberry.type(description="The key was used for another operation or other input.")
class IdempotencyConflict(Problem):
    pass


@strawberry.type(description="More than what is left.")
class ExceedsRefundable(Problem):
    maximum_refundable: Money = strawberry.field(description="What can be had.")


@strawberry.type(description="The order cannot be refunded at all.")
class NotRefundable(Problem):
    reason: str = strawberry.field(
        description="ORDER_CLOSED, UNPAID, NOTHING_LEFT, WINDOW_CLOSED, DISPUTED_BEFORE or "
        "DISPUTE_CLOSED."
    )


@strawberry.type(description="The request can no longer be changed by its customer.")
class NotAmendable(Problem):
    reason: str = strawberry.field(description="DECIDED or TOO_OFTEN.")


@strawberry.type(description="The offers are not open any more: look at what became of them.")
class OfferClosed(Problem):
    state: OfferState = strawberry.field(description="What became of the offer.")


@strawberry.type(
    description="More than you decide alone: the step was not taken, and became a task for a "
    "colleague with more."
)
class OverBudget(Problem):
    budget: Purpose = strawberry.field(description="Which one.")
    span: Span = strawberry.field(description="What the limit that is in the way counts.")
    needed: Money = strawberry.field(description="What the step takes.")
    limit: Money = strawberry.field(description="Your limit.")
    remaining: Money = strawberry.field(description="What is left of it.")
    task_id: strawberry.Private[UUID]

    @strawberry.field(description="For `discretionApprove`, by a colleague.")
    async def task(self, info: Info) -> DiscretionTask:
        found = await DiscretionTask.read(info, self.task_id)
        assert found is not None, "what a viewer asked for, the viewer sees"
        return found


Fields = Callable[[Any, str], dict[str, Any]]
"""From a refusal and a locale to the fields a problem has of its own."""


def _pick(*names: str) -> Fields:
    return lambda refusal, locale: {name: refusal.data[name] for name in names}


def _invalid_input(refusal: errors.InvalidInput, locale: str) -> dict[str, Any]:
    return {"found": refusal.data["found"], "expected": refusal.expected(locale)}


def _mistakes(refusal: errors.InvalidCondition, locale: str) -> dict[str, Any]:
    return {"mistakes": [RuleMistake(found=found) for found in refusal.data["mistakes"]]}


def _object_type(refusal: errors.Refusal, locale: str) -> dict[str, Any]:
    return {"object_type": refusal.data["kind"]}


def _maximum(refusal: errors.Refusal, locale: str) -> dict[str, Any]:
    amount = MinorUnits(refusal.data["maximum_refundable"])
    return {"maximum_refundable": Money(amount=amount, currency=refusal.data["currency"])}


def _illegal_step(refusal: errors.IllegalStep, locale: str) -> dict[str, Any]:
    allowed = [Step(step) for step in refusal.data["allowed_next"]]
    return {"current_status": refusal.data["status"], "allowed_next": allowed}


def _status(refusal: errors.Refusal, locale: str) -> dict[str, Any]:
    return {"current_status": refusal.data["status"]}


def _offer_closed(refusal: errors.OfferClosed, locale: str) -> dict[str, Any]:
    return {"state": OfferState(refusal.data["state"])}


def _over_budget(refusal: errors.OverBudget, locale: str) -> dict[str, Any]:
    data = refusal.data
    limits = {
        name: Money(amount=MinorUnits(data[name]), currency=data["limit_currency"])
        for name in ("limit", "remaining")
    }
    return {
        **limits,
        "budget": Purpose(data["purpose"]),
        "span": Span(data["span"]),
        "needed": Money(amount=MinorUnits(data["needed"]), currency=data["currency"]),
        "task_id": UUID(data["task"]),
    }


_TYPES: dict[type[errors.Refusal], tuple[Any, Fields]] = {
    errors.InvalidInput: (InvalidInput, _invalid_input),
    errors.InvalidCondition: (InvalidCondition, _mistakes),
    errors.NotFound: (NotFound, _object_type),
    errors.AlreadyExists: (AlreadyExists, _object_type),
    errors.NotAllowed: (NotAllowed, _pick("reason")),
    errors.NoSecretKey: (NoSecretKey, _pick()),
    errors.NotInstalled: (NotInstalled, _pick()),
    errors.IllegalStep: (IllegalStep, _illegal_step),
    errors.AlreadyTaken: (AlreadyTaken, _pick("taken_by")),
    errors.NotWaiting: (NotWaiting, _status),
    errors.StaleVersion: (StaleVersion, _pick("current_version")),
    errors.StaleBalance: (StaleBalance, _maximum),
    errors.IdempotencyConflict: (IdempotencyConflict, _pick()),
    errors.ExceedsRefundable: (ExceedsRefundable, _maximum),
    errors.NotRefundable: (NotRefundable, _pick("reason")),
    errors.NotAmendable: (NotAmendable, _pick("reason")),
    errors.OfferClosed: (OfferClosed, _offer_closed),
    errors.OverBudget: (OverBudget, _over_budget),
}

ALL = [kind for kind, _ in _TYPES.values()]


def of(refusal: errors.Refusal, locale: str) -> Any:
    """The problem a refusal becomes."""
    kind, fields = _TYPES[type(refusal)]
    return kind(
        code=refusal.code,
        message=refusal.message(locale),
        path=list(refusal.path),
        **fields(refusal, locale),
    )
