"""What a viewer may do with a refund now, with the inputs it needs: a UI can be built from it."""

from collections.abc import Mapping, Sequence
from typing import Self

import orjson
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLSchema,
    get_named_type,
    is_required_input_field,
)

from refund_gql import ids, labels
from refund_gql.choices import DiscretionStep, EvidencePurpose, OfferKind
from refund_gql.graphql import next_steps
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Step
from refund_gql.graphql.next_steps.action import Action
from refund_gql.graphql.rows import Row
from refund_gql.graphql.standing import Standing
from refund_gql.money import Money

Choices = Sequence["NextStepChoice"]


@strawberry.type(description="A value that an input takes.")
class NextStepChoice:
    value: str = strawberry.field(description="What to send.")
    label: str = strawberry.field(description="What people read.")


@strawberry.type(description="An input of a mutation, as the schema has it.")
class NextStepNeed:
    name: str = strawberry.field(description="The field of the mutation's `input`.")
    type: str = strawberry.field(description="Its type in the schema.")
    required: bool = strawberry.field(description="Whether it must be sent.")
    choices: list[NextStepChoice] = strawberry.field(
        description="One of these, where only some will do; empty: whatever its type allows."
    )
    fields: list[Self] = strawberry.field(
        description="Of an input that has fields of its own: what each of its objects needs."
    )


@strawberry.type(description="One thing that you may do with the refund now.")
class NextStep:
    mutation: str = strawberry.field(description="The mutation that does it.")
    step: Step | None = strawberry.field(
        description="The step of the journey; null: it leaves the refund where it is."
    )
    label: str = strawberry.field(description="What it is called.")
    consequence: str = strawberry.field(description="What happens next.")
    moves_money: bool = strawberry.field(description="Whether money may leave with it at once.")
    reason_required: bool = strawberry.field(description="Whether it needs words.")
    blocked_because: str | None = strawberry.field(
        description="Set: it is possible, and you in particular may not; who may."
    )
    needs: list[NextStepNeed] = strawberry.field(
        description="The inputs, but for the idempotency key that every mutation takes."
    )


def listed(info: Info, standing: Standing) -> list[NextStep]:
    """All that this viewer may do now, as they read it."""
    known = _known(standing, info.context.locale)
    return [_told(info, action, standing, known) for action in next_steps.of(standing)]


def _told(info: Info, action: Action, standing: Standing, known: Mapping[str, Choices]) -> NextStep:
    locale = info.context.locale
    refusal = action.blocked(standing)
    core: GraphQLSchema = info.schema._schema
    narrowed = {
        **known,
        **{name: [_choice(value, locale)] for name, value in action.fixed.items()},
        "offerId": [_offer(row, locale) for row in standing.bargain.open(action.offers)],
    }
    return NextStep(
        mutation=action.mutation,
        step=action.step,
        label=action.words(locale),
        consequence=action.consequence[locale].format(amount=standing.amount),
        moves_money=action.moves_money(standing),
        reason_required=bool(action.reason),
        blocked_because=refusal.message(locale) if refusal else None,
        needs=_needs(_input(core, action.mutation), narrowed, action.reason, locale),
    )


def _input(core: GraphQLSchema, mutation: str) -> GraphQLInputObjectType:
    assert core.mutation_type is not None, "there are mutations"
    kind = get_named_type(core.mutation_type.fields[mutation].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType), "every action takes one input"
    return kind


def _needs(
    kind: GraphQLInputObjectType, known: Mapping[str, Choices], reason: str, locale: str
) -> list[NextStepNeed]:
    return [
        _need(f"{kind.name}.{name}", field, known, reason, locale)
        for name, field in kind.fields.items()
        if name != "idempotencyKey"
    ]


def _need(
    path: str, field: GraphQLInputField, known: Mapping[str, Choices], reason: str, locale: str
) -> NextStepNeed:
    kind, name = get_named_type(field.type), path.partition(".")[2]
    inside = _needs(kind, known, "", locale) if isinstance(kind, GraphQLInputObjectType) else []
    choices = known.get(path, known.get("reasonTags" if name.lower().endswith("tagid") else name))
    if choices is None and isinstance(kind, GraphQLEnumType):
        choices = [_choice(value, locale) for value in kind.values]
    return NextStepNeed(
        name=name,
        type=str(field.type),
        required=is_required_input_field(field) or name == reason,
        choices=list(choices or ()),
        fields=inside,
    )


def _choice(value: str, locale: str) -> NextStepChoice:
    words = labels.INPUTS.get(value)
    return NextStepChoice(value=value, label=words[locale] if words else value)


# --- which values will do ---------------------------------------------------------------------


def _known(standing: Standing, locale: str) -> dict[str, Choices]:
    """What only the refund knows: which ids may stand where.

    Input field, or input and field where the field means something else in other inputs.
    """
    return {
        **_rows_of(standing),
        **_files_and_people_of(standing),
        "reasonTags": [_row("ReasonTag", row, _label(row, locale)) for row in standing.tags],
        "OfferInput.kind": [
            NextStepChoice(value=kind, label=labels.OFFERS[kind][locale])
            for kind in standing.offer_kinds
        ],
        "EvidenceUploadStartInput.purpose": [_choice(one, locale) for one in standing.purposes],
        "ReturnBookPickupInput.courier": [
            NextStepChoice(value=word, label=word) for word in standing.shop.courier_routes
        ],
        "DiscretionApproveInput.taskId": [_task(row, locale) for row in standing.doable],
        "DiscretionRefuseInput.taskId": [_task(row, locale) for row in standing.asked],
    }


def _rows_of(standing: Standing) -> dict[str, Choices]:
    refund = standing.refund
    itself = [_row("Refund", refund, refund["number"])]
    version = [NextStepChoice(value=str(refund["version"]), label=str(refund["version"]))]
    return {
        "refundId": itself,
        "expectedVersion": version,
        "fromId": itself,
        "expectedFromVersion": version,
        "intoId": [_row("Refund", row, row["number"]) for row in standing.others],
        "payoutId": [_row("Payout", row, row["number"]) for row in standing.retriable],
        "claimId": [_row("Claim", row, str(row["amount"])) for row in standing.claims],
        "refundLineId": [_row("RefundLine", row, row["title"]) for row in standing.lines],
        "orderLineId": [_row("OrderLine", row, row["title"]) for row in standing.bought],
    }


def _files_and_people_of(standing: Standing) -> dict[str, Choices]:
    return {
        "staffId": [_row("Staff", row, row["name"]) for row in standing.colleagues],
        "fileId": [_row("EvidenceFile", row, row["name"]) for row in standing.removable],
        "fileIds": [
            _row("EvidenceFile", row, row["name"])
            for row in standing.files
            if row["purpose"] != EvidencePurpose.INSPECTION
        ],
    }


def _row(kind: str, row: Row, label: str) -> NextStepChoice:
    return NextStepChoice(value=ids.encode(kind, row["id"]), label=label)


def _offer(row: Row, locale: str) -> NextStepChoice:
    worth = row["amount"] or row["coupon_amount"] + row["coupon_bonus"]
    kind = labels.OFFERS[OfferKind(row["kind"])][locale]
    return _row("Offer", row, f"{kind}: {Money(amount=worth, currency=row['currency'])}")


def _task(row: Row, locale: str) -> NextStepChoice:
    step = labels.DISCRETION[DiscretionStep(row["step"])][locale]
    amount = Money(amount=row["amount"], currency=row["currency"])
    return _row("DiscretionTask", row, f"{step}: {amount}")


def _label(tag: Row, locale: str) -> str:
    texts: dict[str, str] = orjson.loads(tag["labels"])
    return texts.get(locale) or next(iter(texts.values()), tag["code"])
