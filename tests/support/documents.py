"""Documents made from the schema, so that no field is forgotten by whoever writes a test."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

from refund_gql.graphql import permissions, schema
from refund_gql.graphql.permissions import Coordinate, Permissions
from support.api import key

Allowed = Callable[[Coordinate], bool]


_SMALLEST: dict[str, Any] = {
    "ID": "nothing",
    "String": "",
    "Int": 1,
    "Boolean": False,
    "MinorUnits": 1,
    "DateTime": "2026-01-31T08:00:00Z",
    "Date": "2026-01-31",
    "JSON": {},
}


@cache
def core() -> GraphQLSchema:
    """The API's schema."""
    return schema.build()._schema


@cache
def table() -> Permissions:
    """Who may ask for what."""
    return permissions.load(core())


def is_node(type_: str) -> bool:
    """True for a type whose objects `node(id)` finds."""
    kind = core().type_map[type_]
    return isinstance(kind, GraphQLObjectType) and any(i.name == "Node" for i in kind.interfaces)


def fields(type_: str) -> Mapping[str, GraphQLField]:
    """The fields of an object type or an interface."""
    kind = core().type_map[type_]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    found: Mapping[str, GraphQLField] = kind.fields
    return found


def smallest(kind: Any) -> Any:
    """The smallest value of an input type; as an argument it changes nothing."""
    if isinstance(kind, GraphQLNonNull):
        return smallest(kind.of_type)
    if isinstance(kind, GraphQLList):
        return []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            name: smallest(field.type)
            for name, field in kind.fields.items()
            if is_required_input_field(field)
        }
    return _SMALLEST[kind.name]


# --- one field --------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Probe:
    """The smallest operation that asks for one field."""

    operation: str = "query"
    selection: str = ""
    types: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self.types.items())
        return f"{self.operation} P{f'({declared})' if declared else ''} {{ {self.selection} }}"

    def call(self, name: str, definition: GraphQLField, **known: Any) -> str:
        """A field with its required arguments, and those that are known, as variables."""
        passed = []
        for argument, declared in definition.args.items():
            if argument in known or is_required_argument(declared):
                self.types[argument] = str(declared.type)
                self.variables[argument] = known.get(argument, smallest(declared.type))
                passed.append(f"{argument}: ${argument}")
        return f"{name}({', '.join(passed)})" if passed else name


def probe(type_: str, field_: str, ids: Mapping[str, str]) -> Probe:
    """The smallest operation that asks for a field; `ids` holds an object of every kind."""
    found = Probe()
    definition = fields(type_)[field_]
    below = " { __typename }" if is_composite_type(get_named_type(definition.type)) else ""
    leaf = found.call(field_, definition, **_known(definition, ids)) + below
    if type_ in ("Query", "Mutation"):
        found.operation, found.selection = type_.lower(), leaf
    elif type_ == "Node" or is_node(type_):
        some = ids.get(type_, next(iter(ids.values())))
        node = found.call("node", fields("Query")["node"], id=some)
        found.selection = f"{node} {{ ... on {type_} {{ {leaf} }} }}"
    else:
        _lead_to(found, type_, leaf, ids)
    return found


def _lead_to(found: Probe, type_: str, leaf: str, ids: Mapping[str, str]) -> None:
    for operation, name, definition in _roots():
        way = _way(get_named_type(definition.type), type_, leaf, frozenset())
        if way is not None:
            call = found.call(name, definition, **_known(definition, ids))
            found.operation, found.selection = operation, f"{call} {{ {way} }}"
            return
    _lead_from_node(found, type_, leaf, ids)


def _lead_from_node(found: Probe, type_: str, leaf: str, ids: Mapping[str, str]) -> None:
    """To what is part of an object, such as the actions of a rule."""
    for kind, some in ids.items():
        for name, definition in fields(kind).items():
            way = _way(get_named_type(definition.type), type_, leaf, frozenset())
            if way is not None:
                node = found.call("node", fields("Query")["node"], id=some)
                found.selection = f"{node} {{ ... on {kind} {{ {name} {{ {way} }} }} }}"
                return
    raise AssertionError(f"nothing leads to {type_}")


def _known(definition: GraphQLField, ids: Mapping[str, str]) -> dict[str, Any]:
    return {"orderId": ids["Order"]} if "orderId" in definition.args else {}


def _roots() -> Iterator[tuple[str, str, GraphQLField]]:
    """Every query and mutation, those open to the most callers first, quotes before the rest."""
    found = [(type_, *pair) for type_ in ("Query", "Mutation") for pair in fields(type_).items()]
    found.sort(key=lambda root: (-len(table().roles[root[0], root[1]]), root[1] != "refundQuote"))
    for type_, name, definition in found:
        yield type_.lower(), name, definition


def _way(start: Any, target: str, leaf: str, seen: frozenset[str]) -> str | None:
    """A selection on `start` that ends with `leaf` on `target`; None when there is no way."""
    if start.name == target:
        return leaf
    if isinstance(start, GraphQLUnionType):
        members = {name for m in start.types for name in (m.name, *(i.name for i in m.interfaces))}
        if target in members:
            return f"... on {target} {{ {leaf} }}"
        ways = ((one.name, _way(one, target, leaf, seen)) for one in start.types)
        return next((f"... on {name} {{ {way} }}" for name, way in ways if way), None)
    # Objects are reached by their ids, above; only the shop, which needs none, leads on.
    if start.name in seen or not isinstance(start, GraphQLObjectType) or _is_other_node(start.name):
        return None
    for name, definition in start.fields.items():
        way = _way(get_named_type(definition.type), target, leaf, seen | {start.name})
        if way is not None:
            return f"{name} {{ {way} }}"
    return None


def _is_other_node(type_: str) -> bool:
    return is_node(type_) and type_ != "Shop"


# --- everything -------------------------------------------------------------------------------


def everything(type_: str, allowed: Allowed, levels: int) -> str:
    """All fields of a type that a caller may ask for, objects down to so many levels."""
    parts = ["__typename"]
    for name, definition in fields(type_).items():
        if allowed((type_, name)) and not any(map(is_required_argument, definition.args.values())):
            parts += _selected(name, get_named_type(definition.type), allowed, levels)
    return " ".join(parts)


def _selected(name: str, kind: Any, allowed: Allowed, levels: int) -> list[str]:
    if not is_composite_type(kind):
        return [name]
    if kind.name == "Money":
        return [f"{name} {{ amount currency decimal }}"]
    return [f"{name} {{ {everything(kind.name, allowed, levels - 1)} }}"] if levels else []


def mutation(name: str, more: str = "") -> str:
    """A mutation with all its arguments as variables; it answers with the problem, if any."""
    arguments = fields("Mutation")[name].args
    declared = ", ".join(f"${n}: {a.type}" for n, a in arguments.items())
    passed = ", ".join(f"{n}: ${n}" for n in arguments)
    problem = " ".join(_known_problems(fields("Mutation")[name]))
    return f"mutation M({declared}) {{ result: {name}({passed}) {{ {problem} {more} }} }}"


def variables(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content as the mutation's arguments, with a fresh idempotency key if it takes one."""
    arguments = fields("Mutation")[name].args
    if set(arguments) != {"input"} or "input" in content:
        return dict(content)
    kind = get_named_type(arguments["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    keyed = {"idempotencyKey": key()} if "idempotencyKey" in kind.fields else {}
    return {"input": {**keyed, **content}}


def _known_problems(definition: GraphQLField) -> Iterator[str]:
    union = get_named_type(definition.type)
    assert isinstance(union, GraphQLUnionType)
    yield "__typename ... on Problem { code path }"
    for type_, selection in (
        ("InvalidInput", "found"),
        ("NotFound", "objectType"),
        ("AlreadyExists", "objectType"),
        ("NotAllowed", "reason"),
        ("NotRefundable", "reason"),
        ("NotAmendable", "reason"),
        ("IllegalStep", "currentStatus allowedNext"),
        ("StaleVersion", "currentVersion"),
        ("StaleBalance", "maximumRefundable { amount currency }"),
        ("ExceedsRefundable", "maximumRefundable { amount currency }"),
        ("OfferClosed", "state"),
        ("OverBudget", "span needed { amount } limit { amount } remaining { amount }"),
    ):
        if any(member.name == type_ for member in union.types):
            yield f"... on {type_} {{ {selection} }}"
