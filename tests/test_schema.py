"""The schema is the product: committed, described, and shaped by the same few rules everywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_specified_scalar_type,
    print_type,
)
from support import documents

from refund_gql import cli

COMMITTED = Path(__file__).parent.parent / "schema.graphql"
MAKES_NO_MONEY_MOVE = {
    "apiTokenCreate", "apiTokenRevoke", "customerSessionCreate", "customerUpsert", "messageResend",
    "orderUpsert", "orderUpsertBulk", "pluginCheck", "pluginSettingsUpdate", "productUpsert",
    "reasonTagCreate", "reasonTagRetire", "reasonTagUpdate", "shopUpdate", "staffCreate",
    "budgetSet", "careAssign", "careClose", "careNote", "campaignRemove", "campaignSet",
    "calendarUpdate", "deadlinePolicyUpdate",
    "scriptCreate", "scriptRetire", "scriptUpdate", "staffSetActive", "staffSetAvailable",
    "returnAddressCreate", "returnAddressDelete", "returnAddressUpdate", "returnRequirementsUpdate",
    "ruleBacktestCancel", "ruleCreate", "ruleDelete", "ruleReorder", "ruleSetMode", "ruleUpdate",
    "staffLogin", "templateReset", "templateUpsert", "webhookDeliveryRedeliver",
    "webhookEndpointCreate", "webhookEndpointDisable", "webhookEndpointEnable",
    "webhookEndpointRotateSecret", "webhookEndpointTest", "webhookEndpointUpdate",
}  # fmt: skip
"""Mutations that may be repeated without a key: upserts by name, and settings."""


def named() -> Iterator[GraphQLNamedType]:
    """Every type of ours."""
    for name, kind in documents.core().type_map.items():
        if not name.startswith("__") and not is_specified_scalar_type(kind):
            yield kind


def output_fields() -> Iterator[tuple[str, GraphQLField]]:
    """Coordinate and definition of every field that can be asked for."""
    for kind in named():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from ((f"{kind.name}.{name}", field) for name, field in kind.fields.items())


def test_the_committed_schema_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After a change on purpose: `make schema`."""
    cli.schema()
    assert COMMITTED.read_text("utf-8") == capsys.readouterr().out


def test_the_members_of_a_union_can_be_asked_for_the_same_names_in_one_selection() -> None:
    """GraphQL refuses `... on A { x } ... on B { x }` when x has two types: the same field must
    mean the same everywhere, as far as its members' types are not lists of their own."""
    conflicts = []
    for union in named():
        if isinstance(union, GraphQLUnionType):
            types: dict[str, str] = {}
            for member in union.types:
                for name, field in member.fields.items():
                    if is_leaf_type(get_named_type(field.type)):
                        known = types.setdefault(name, str(field.type))
                        if known != str(field.type):
                            conflicts.append(f"{union.name}: {name} is {known} and {field.type}")
    assert conflicts == []


def test_every_type_and_field_is_described() -> None:
    silent = [kind.name for kind in named() if not kind.description]
    silent += [coordinate for coordinate, field in output_fields() if not field.description]
    for kind in named():
        if isinstance(kind, GraphQLInputObjectType):
            silent += [f"{kind.name}.{n}" for n, f in kind.fields.items() if not f.description]
    assert silent == []


def test_descriptions_are_sentences() -> None:
    texts = {kind.name: kind.description or "" for kind in named()}
    texts |= {coordinate: field.description or "" for coordinate, field in output_fields()}
    assert [name for name, text in texts.items() if text[-1:] not in (".", "?")] == []


def test_every_mutation_that_can_move_money_needs_an_idempotency_key() -> None:
    keyed = set()
    for name, field in documents.fields("Mutation").items():
        for argument in field.args.values():
            kind = get_named_type(argument.type)
            if isinstance(kind, GraphQLInputObjectType) and "idempotencyKey" in kind.fields:
                assert print_type(kind).count("idempotencyKey: String!") == 1, name
                assert isinstance(argument.type, GraphQLNonNull), name
                keyed.add(name)
    assert keyed == documents.fields("Mutation").keys() - MAKES_NO_MONEY_MOVE


def test_every_step_of_a_refund_takes_the_version_that_was_looked_at() -> None:
    for name, field in documents.fields("Mutation").items():
        kind = get_named_type(field.args["input"].type) if "input" in field.args else None
        if isinstance(kind, GraphQLInputObjectType) and "refundId" in kind.fields:
            assert "expectedVersion" in kind.fields, name


def test_every_mutation_answers_with_its_result_or_a_problem() -> None:
    for name, field in documents.fields("Mutation").items():
        union = get_named_type(field.type)
        assert isinstance(union, GraphQLUnionType), name
        problems = {m.name for m in union.types if "Problem" in (i.name for i in m.interfaces)}
        assert len(problems) == len(union.types) - 1, name
        assert {"InvalidInput", "NotAllowed"} <= problems, name
        assert isinstance(field.type, GraphQLNonNull), name


def test_every_problem_type_can_be_met() -> None:
    unions = [kind for kind in named() if isinstance(kind, GraphQLUnionType)]
    met = {member.name for union in unions for member in union.types}
    problem = documents.core().type_map["Problem"]
    assert isinstance(problem, GraphQLInterfaceType)
    assert {kind.name for kind in documents.core().get_possible_types(problem)} <= met


def test_no_type_shows_the_databases_own_id() -> None:
    """Objects are named by global ids; nothing has the type of a UUID."""
    assert "UUID" not in documents.core().type_map
    for coordinate, field in output_fields():
        field_name = coordinate.partition(".")[2]
        if field_name == "id" or field_name.endswith("Id"):
            assert get_named_type(field.type).name == "ID", coordinate
    for kind in named():
        if isinstance(kind, GraphQLInputObjectType):
            for name, given in kind.fields.items():
                if name.endswith("Id") or name == "id":
                    assert get_named_type(given.type).name == "ID", f"{kind.name}.{name}"


def test_every_node_has_a_global_id_that_is_never_null() -> None:
    for kind in named():
        if documents.is_node(kind.name):
            assert str(documents.fields(kind.name)["id"].type) == "ID!"


def test_every_list_is_whole_and_holds_no_nulls() -> None:
    for coordinate, field in output_fields():
        kind = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        if isinstance(kind, GraphQLList):
            assert isinstance(field.type, GraphQLNonNull), coordinate
            assert isinstance(kind.of_type, GraphQLNonNull), coordinate


def test_enumerations_are_written_as_the_table_writes_them() -> None:
    for kind in named():
        if isinstance(kind, GraphQLEnumType):
            assert all(name == name.upper() for name in kind.values), kind.name
