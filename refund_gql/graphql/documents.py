"""Every document is parsed, measured and validated once; then only the viewer is checked."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    validate,
)
from strawberry.extensions import SchemaExtension

from refund_gql.graphql import limits, permissions
from refund_gql.graphql.context import Context
from refund_gql.graphql.permissions import Coordinate, Permissions

MAX_CACHED = 250_000
"""Characters of all remembered documents together; parsed, one takes up to 300 bytes for each."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What is known about a document, whoever sends it."""

    document: DocumentNode
    errors: tuple[GraphQLError, ...]
    asked: frozenset[Coordinate]
    operations: int


class Documents:
    """The documents seen lately, by text; bounded, the least used goes first."""

    def __init__(self, schema: GraphQLSchema, table: Permissions) -> None:
        self.permissions = table
        self._schema = schema
        self._money_fields = money_fields(schema)
        self._known: OrderedDict[str, Checked] = OrderedDict()
        self._length = 0

    def find(self, text: str) -> Checked | None:
        """The document of this text, if it was seen lately."""
        found = self._known.get(text)
        if found is not None:
            self._known.move_to_end(text)
        return found

    def check(self, text: str, document: DocumentNode) -> Checked:
        """Measure and validate a parsed document, and remember it when it is good."""
        errors: list[GraphQLError] = []
        if too_much := limits.refuse(document, self._money_fields):
            errors.append(too_much)
        else:
            errors += validate(self._schema, document)
        checked = Checked(
            document=document,
            errors=tuple(errors),
            asked=frozenset() if errors else permissions.asked(self._schema, document),
            operations=sum(
                isinstance(node, OperationDefinitionNode) for node in document.definitions
            ),
        )
        if not errors:
            self._remember(text, checked)
        return checked

    def _remember(self, text: str, checked: Checked) -> None:
        self._known[text] = checked
        self._length += len(text)
        while self._length > MAX_CACHED:
            forgotten, _ = self._known.popitem(last=False)
            self._length -= len(forgotten)


def money_fields(schema: GraphQLSchema) -> frozenset[str]:
    """The mutations that take an idempotency key."""
    mutation = schema.mutation_type
    assert mutation is not None
    return frozenset(
        name
        for name, field in mutation.fields.items()
        for argument in field.args.values()
        if isinstance(kind := get_named_type(argument.type), GraphQLInputObjectType)
        and "idempotencyKey" in kind.fields
    )


def gate(documents: Documents) -> type[SchemaExtension]:
    """The extension that lets a document pass, or answers why not."""

    class Gate(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            options = cast(dict[str, Any], self.execution_context.parse_options)
            options.update(limits.PARSE_OPTIONS)
            yield

        def on_parse(self) -> Iterator[None]:
            known = documents.find(self.execution_context.query or "")
            if known is not None:
                self.execution_context.graphql_document = known.document
            yield

        def on_validate(self) -> Iterator[None]:
            execution = self.execution_context
            text, document = execution.query or "", execution.graphql_document
            assert document is not None, "parsing comes first"
            checked = documents.find(text) or documents.check(text, document)
            # `operation_name` would be the first operation's when the caller names none.
            named = execution._provided_operation_name
            execution.pre_execution_errors = _errors(checked, named)
            if not execution.pre_execution_errors:
                viewer = cast(Context, execution.context).viewer
                refused = documents.permissions.refuse(viewer, checked.asked)
                execution.pre_execution_errors = [refused] if refused else []
            yield

    return Gate


def _errors(checked: Checked, operation_name: str | None) -> list[GraphQLError]:
    if checked.operations > 1 and operation_name is None:
        return [GraphQLError("operationName is needed: the document has several operations")]
    return list(checked.errors)
