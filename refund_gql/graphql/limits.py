"""How much one document may ask for: checked in one pass, each fragment counted once.

The stock limiters walk a fragment again for every spread, so a document of 900 bytes can keep
them busy for seconds; here its size is known from one look at each fragment.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    Visitor,
    visit,
)

from refund_gql.graphql.sources import unsafe_text

MAX_DEPTH = 15
MAX_FIELDS = 500
MAX_FRAGMENTS = 100
MAX_ALIASES = 30
MAX_DIRECTIVES = 30
MAX_ROOT_MUTATIONS = 5
MAX_STRING = 20_000
MAX_DIGITS = 100
PARSE_OPTIONS = {"max_lexical_tokens": 4000, "max_comments": 200, "max_source_length": 50_000}

_CAP = MAX_FIELDS * 10
_MAX_NESTING = 150
"""Selections and spreads inside each other: measuring them must not exhaust the stack."""
_INTROSPECTION = 50
"""What `__schema` or `__type` counts for, in fields: each is a walk over the whole schema."""


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
    measure, look = _Measure(document), _look(document)
    complaint = _complaint(measure, look.directives)
    for operation in measure.operations:
        complaint = complaint or _mutation_complaint(operation, measure, money_fields)
    if complaint:
        return GraphQLError(complaint, extensions={"code": "QUERY_TOO_COMPLEX"})
    return look.refuse()


def _complaint(measure: "_Measure", directives: int) -> str | None:
    if len(measure.fragments) > MAX_FRAGMENTS:
        return f"The document has {len(measure.fragments)} fragments; at most {MAX_FRAGMENTS}"
    size = measure.all().beside(Size(directives=directives))
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
    operation: OperationDefinitionNode, measure: "_Measure", money_fields: frozenset[str]
) -> str | None:
    if operation.operation is not OperationType.MUTATION:
        return None
    names = list(measure.roots(operation.selection_set, set()))
    if len(names) > MAX_ROOT_MUTATIONS:
        return f"At most {MAX_ROOT_MUTATIONS} mutations may stand in one document"
    if len(names) > 1 and money_fields.intersection(names):
        return "A mutation with an idempotencyKey stands alone in its document"
    return None


class _Measure:
    def __init__(self, document: DocumentNode) -> None:
        self.operations = [
            node for node in document.definitions if isinstance(node, OperationDefinitionNode)
        ]
        self.fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}
        self._nesting = 0

    def all(self) -> Size:
        """Every operation, and the fragments that none of them uses: all are validated."""
        total = Size()
        for operation in self.operations:
            total = total.beside(self.of(operation.selection_set, depth=0))
        for name, fragment in self.fragments.items():
            if name not in self._known:
                total = total.beside(self.of(fragment.selection_set, depth=0))
        return total

    def roots(self, selections: SelectionSetNode, seen: set[str]) -> Iterator[str]:
        """The names of an operation's own fields, in whatever fragments they stand."""
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node.name.value
            elif isinstance(node, InlineFragmentNode):
                yield from self.roots(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                if fragment := self.fragments.get(node.name.value):
                    yield from self.roots(fragment.selection_set, seen)

    def of(self, selections: SelectionSetNode | None, *, depth: int) -> Size:
        """The size of a selection that stands `depth` levels deep."""
        total = Size(depth=depth)
        if selections is None:
            return total
        if self._nesting >= _MAX_NESTING:
            return Size(depth=_MAX_NESTING)
        self._nesting += 1
        for selection in selections.selections:
            total = total.beside(self._one(selection, depth))
        self._nesting -= 1
        return total

    def _one(self, node: object, depth: int) -> Size:
        if isinstance(node, FragmentSpreadNode):
            return self._spread(node, depth)
        below = self.of(getattr(node, "selection_set", None), depth=depth + 1)
        if not isinstance(node, FieldNode):
            return below
        own = Size(fields=1, aliases=1 if node.alias else 0, depth=depth + 1)
        if node.name.value in ("__schema", "__type"):
            # graphql-core has a rule of its own for the depth of these.
            below = Size(_INTROSPECTION + below.fields, below.aliases)
        return below.beside(own)

    def _spread(self, node: FragmentSpreadNode, depth: int) -> Size:
        name = node.name.value
        fragment = self.fragments.get(name)
        if fragment is None:
            return Size()  # the specified rules report it
        if name not in self._known:
            self._known[name] = Size()  # ends a circle; the specified rules report that too
            self._known[name] = self.of(fragment.selection_set, depth=0)
        size = self._known[name]
        return Size(size.fields, size.aliases, size.directives, size.depth + depth)


@dataclass
class _Look:
    """What one walk over the whole document finds."""

    directives: int = 0
    texts: list[Node] = field(default_factory=list)
    numbers: list[Node] = field(default_factory=list)

    def refuse(self) -> GraphQLError | None:
        """The error for literals that nothing here can hold."""
        if self.texts:
            return GraphQLError(
                f"Texts have at most {MAX_STRING} characters,"
                " none of them NUL or half a surrogate pair",
                self.texts[0],
                extensions={"code": "BAD_TEXT"},
            )
        if self.numbers:
            return GraphQLError(
                f"Numbers have at most {MAX_DIGITS} digits",
                self.numbers[0],
                extensions={"code": "BAD_NUMBER"},
            )
        return None


def _look(document: DocumentNode) -> _Look:
    found = _Look()

    class Look(Visitor):
        def enter_directive(self, _: DirectiveNode, *__: object) -> None:
            found.directives += 1

        def enter_string_value(self, node: StringValueNode, *_: object) -> None:
            if len(node.value) > MAX_STRING or unsafe_text(node.value):
                found.texts.append(node)

        def enter_int_value(self, node: IntValueNode, *_: object) -> None:
            if len(node.value) > MAX_DIGITS:
                found.numbers.append(node)

        def enter_float_value(self, node: FloatValueNode, *_: object) -> None:
            if len(node.value) > MAX_DIGITS:
                found.numbers.append(node)

    visit(document, Look())
    return found
