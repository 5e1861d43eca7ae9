"""How much one document may ask for: checked in one pass, each fragment counted once.

The stock limiters walk a fragment again for every spread, so a document of 900 bytes can keep
them busy for seconds; here its size is known from one look at each fragment.
"""

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    Visitor,
    visit,
)

from refund_gql.graphql.sources import unsafe_text

MAX_DEPTH = 15
MAX_FIELDS = 2000
MAX_ALIASES = 30
MAX_DIRECTIVES = 30
MAX_ROOT_MUTATIONS = 5
MAX_STRING = 20_000
PARSE_OPTIONS = {"max_lexical_tokens": 4000, "max_comments": 200, "max_source_length": 50_000}

_CAP = MAX_FIELDS * 10


@dataclass(frozen=True)
class Size:
    """What a selection comes to once its fragments are put in place; capped."""

    fields: int = 0
    aliases: int = 0
    directives: int = 0
    depth: int = 0

    def beside(self, other: "Size") -> "Size":
        """Both selections in one set."""
        return Size(
            min(self.fields + other.fields, _CAP),
            min(self.aliases + other.aliases, _CAP),
            min(self.directives + other.directives, _CAP),
            max(self.depth, other.depth),
        )


def refuse(document: DocumentNode, money_fields: frozenset[str]) -> GraphQLError | None:
    """The error for a document that asks for too much; None when it may run.

    `money_fields` are the mutations that take an idempotency key: one to a document, so that
    a caller always knows which of them took effect.
    """
    measure = _Measure(document)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            complaint = _complaint(measure.of(operation.selection_set, depth=0))
            complaint = complaint or _mutation_complaint(operation, money_fields)
            if complaint:
                return GraphQLError(complaint, extensions={"code": "QUERY_TOO_COMPLEX"})
    return _refuse_text(document)


def _complaint(size: Size) -> str | None:
    limits = (
        ("fields", size.fields, MAX_FIELDS),
        ("levels", size.depth, MAX_DEPTH),
        ("aliases", size.aliases, MAX_ALIASES),
        ("directives", size.directives, MAX_DIRECTIVES),
    )
    for name, found, most in limits:
        if found > most:
            return f"The document has {found} {name}; at most {most} are allowed"
    return None


def _mutation_complaint(
    operation: OperationDefinitionNode, money_fields: frozenset[str]
) -> str | None:
    if operation.operation is not OperationType.MUTATION:
        return None
    names = [s.name.value for s in operation.selection_set.selections if isinstance(s, FieldNode)]
    if len(names) > MAX_ROOT_MUTATIONS:
        return f"At most {MAX_ROOT_MUTATIONS} mutations may stand in one document"
    if len(names) > 1 and money_fields.intersection(names):
        return "A mutation with an idempotencyKey stands alone in its document"
    return None


class _Measure:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def of(self, selections: SelectionSetNode | None, *, depth: int) -> Size:
        total = Size()
        if selections is None or depth > MAX_DEPTH * 2:
            return Size(depth=depth)
        for selection in selections.selections:
            total = total.beside(self._one(selection, depth))
        return total

    def _one(self, node: object, depth: int) -> Size:
        if isinstance(node, FragmentSpreadNode):
            return self._spread(node, depth)
        below = self.of(getattr(node, "selection_set", None), depth=depth + 1)
        directives = Size(directives=len(getattr(node, "directives", None) or ()))
        if not isinstance(node, FieldNode):
            return below.beside(directives)
        if node.name.value in ("__schema", "__type"):
            return Size(fields=1, depth=depth + 1)  # graphql-core has a rule of its own for these
        own = Size(fields=1, aliases=1 if node.alias else 0, depth=depth + 1)
        return below.beside(own).beside(directives)

    def _spread(self, node: FragmentSpreadNode, depth: int) -> Size:
        name = node.name.value
        fragment = self._fragments.get(name)
        if fragment is None:
            return Size()  # the specified rules report it
        if name not in self._known:
            self._known[name] = Size()  # ends a circle; the specified rules report that too
            self._known[name] = self.of(fragment.selection_set, depth=0)
        size = self._known[name]
        return Size(size.fields, size.aliases, size.directives, size.depth + depth)


def _refuse_text(document: DocumentNode) -> GraphQLError | None:
    found: list[StringValueNode] = []

    class Look(Visitor):
        def enter_string_value(self, node: StringValueNode, *_: object) -> None:
            if len(node.value) > MAX_STRING or unsafe_text(node.value):
                found.append(node)

    visit(document, Look())
    if not found:
        return None
    return GraphQLError(
        f"Texts have at most {MAX_STRING} characters, none of them NUL or half a surrogate pair",
        found[0],
        extensions={"code": "BAD_TEXT"},
    )
