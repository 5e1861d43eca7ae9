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
from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import Step
from refund_gql.graphql.next_steps import Action
from refund_gql.graphql.rows import Row
from refund_gql.graphql.standing import Standing

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


async def of(info: Info, action: Action, standing: Standing) -> NextStep:
    """An action as this viewer reads it."""
    locale = info.context.locale
    refusal = action.blocked(standing)
    core: GraphQLSchema = info.schema._schema
    known = {**_known(standing), "reasonTags": await _tags(info, standing)}
    fixed = {name: [_choice(value, locale)] for name, value in action.fixed.items()}
    return NextStep(
        mutation=action.mutation,
        step=action.step,
        label=action.words(locale),
        consequence=action.consequence[locale].format(amount=standing.amount),
        moves_money=action.moves_money(standing),
        reason_required=bool(action.reason),
        blocked_because=refusal.message(locale) if refusal else None,
        needs=_needs(_input(core, action.mutation), {**known, **fixed}, locale),
    )


def _input(core: GraphQLSchema, mutation: str) -> GraphQLInputObjectType:
    assert core.mutation_type is not None, "there are mutations"
    kind = get_named_type(core.mutation_type.fields[mutation].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType), "every action takes one input"
    return kind


def _needs(
    kind: GraphQLInputObjectType, known: Mapping[str, Choices], locale: str
) -> list[NextStepNeed]:
    return [
        _need(name, field, known, locale)
        for name, field in kind.fields.items()
        if name != "idempotencyKey"
    ]


def _need(
    name: str, field: GraphQLInputField, known: Mapping[str, Choices], locale: str
) -> NextStepNeed:
    kind = get_named_type(field.type)
    inside = _needs(kind, known, locale) if isinstance(kind, GraphQLInputObjectType) else []
    choices = known.get("reasonTags" if name.lower().endswith("tagid") else name)
    if choices is None and isinstance(kind, GraphQLEnumType):
        choices = [_choice(value, locale) for value in kind.values]
    return NextStepNeed(
        name=name,
        type=str(field.type),
        required=is_required_input_field(field),
        choices=list(choices or ()),
        fields=inside,
    )


def _choice(value: str, locale: str) -> NextStepChoice:
    words = labels.INPUTS.get(value)
    return NextStepChoice(value=value, label=words[locale] if words else value)


def _known(standing: Standing) -> dict[str, Choices]:
    """What only the refund knows: which ids may stand where."""
    refund = standing.refund
    version = str(refund["version"])
    return {
        "refundId": [_row("Refund", refund, refund["number"])],
        "expectedVersion": [NextStepChoice(value=version, label=version)],
        "payoutId": [_row("Payout", row, row["number"]) for row in standing.retriable],
        "claimId": [_row("Claim", row, str(row["amount"])) for row in standing.claims],
        "refundLineId": [_row("RefundLine", row, row["title"]) for row in standing.lines],
    }


def _row(kind: str, row: Row, label: str) -> NextStepChoice:
    return NextStepChoice(value=ids.encode(kind, row["id"]), label=label)


async def _tags(info: Info, standing: Standing) -> Choices:
    """The reasons in use, in the shop's order."""
    rows = await info.context.rows.many(
        "reason_tag", "shop_id", standing.refund["shop_id"], "position, code"
    )
    kept = [row for row in rows if row["retired_at"] is None]
    return [_row("ReasonTag", row, _label(row, info.context.locale)) for row in kept]


def _label(tag: Row, locale: str) -> str:
    texts: dict[str, str] = orjson.loads(tag["labels"])
    return texts.get(locale) or next(iter(texts.values()), tag["code"])
