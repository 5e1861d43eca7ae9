"""Who may ask for which field: one table, default deny.

`permissions.toml` names, for every field of every type, the roles that may ask for it. A
document is checked against it before anything runs, so no resolver can forget. A field that is
not in the table makes the schema refuse to start: somebody has to decide.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

from refund_gql.auth import Viewer
from refund_gql.roles import Role, Scope

ANONYMOUS = "ANONYMOUS"
"""The row in the table for callers without a token."""

Coordinate = tuple[str, str]
"""Type name, field name."""


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """The table."""

    roles: Mapping[Coordinate, frozenset[str]]
    scopes: Mapping[Coordinate, Scope]
    """What a SERVICE token needs in addition."""

    def refuse(self, viewer: Viewer | None, asked: Iterable[Coordinate]) -> GraphQLError | None:
        """The error for fields the viewer may not ask for; None when all are allowed."""
        role = viewer.role.value if viewer else ANONYMOUS
        refused = sorted(
            f"{type_}.{field}"
            for type_, field in asked
            if role not in self.roles[type_, field] or not self._in_scope(viewer, type_, field)
        )
        if not refused:
            return None
        if viewer is None:
            return GraphQLError(
                "A valid token is needed: send `Authorization: Bearer <token>`",
                extensions={"code": "UNAUTHENTICATED"},
            )
        return GraphQLError(
            f"{role} may not ask for {', '.join(refused[:10])}",
            extensions={"code": "FORBIDDEN", "fields": refused[:50]},
        )

    def _in_scope(self, viewer: Viewer | None, type_: str, field: str) -> bool:
        needed = self.scopes.get((type_, field))
        if viewer is None or viewer.role is not Role.SERVICE or needed is None:
            return True
        return needed in viewer.scopes


def load(schema: GraphQLSchema) -> Permissions:
    """Read the table and hold it against the schema. Raises ValueError naming every field that
    is missing from the table, and every entry that is no field."""
    table = tomllib.loads(files(__package__).joinpath("permissions.toml").read_text("utf-8"))
    groups: dict[str, list[str]] = table.pop("groups")
    scopes: dict[str, dict[str, str]] = table.pop("scopes")
    roles = {
        (type_, field): _expand(allowed, groups)
        for type_, fields in table.items()
        for field, allowed in fields.items()
    }
    _compare(set(coordinates(schema)), set(roles))
    named = {
        (type_, field): Scope(scope)
        for type_, fields in scopes.items()
        for field, scope in fields.items()
    }
    return Permissions(roles=roles, scopes={**_reading(schema), **named})


_RECEIPT = frozenset({"id", "number", "status"})
"""What any program may see of what it has changed."""
_NO_DATA = frozenset({"Money", "PageInfo", "IssuedToken", "Viewer", "Node", "EvidenceUpload"})
"""Types that hold nothing of the shop's, or the caller's own."""


def _reading(schema: GraphQLSchema) -> dict[Coordinate, Scope]:
    """Every field of the shop's data needs READ, by whichever way a program comes to it: the
    answer of a mutation leads to as much as a query does."""
    return {
        (type_, field): Scope.READ
        for type_, field in coordinates(schema)
        if field not in _RECEIPT and type_ not in _NO_DATA and _holds_data(schema.type_map[type_])
    }


def _holds_data(type_: GraphQLNamedType) -> bool:
    if type_.name in ("Query", "Mutation", "Problem"):
        return False
    interfaces = getattr(type_, "interfaces", ())
    return all(interface.name != "Problem" for interface in interfaces)


def coordinates(schema: GraphQLSchema) -> Iterable[Coordinate]:
    """Every field that can be asked for."""
    for name, type_ in schema.type_map.items():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and name[:2] != "__":
            for field in type_.fields:
                yield name, field


def asked(schema: GraphQLSchema, document: DocumentNode) -> frozenset[Coordinate]:
    """Every field a valid document asks for; introspection is open to everybody."""
    info = TypeInfo(schema)
    found: set[Coordinate] = set()

    class Collect(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = info.get_parent_type()
            if parent and parent.name[:2] != "__" and node.name.value[:2] != "__":
                found.add((parent.name, node.name.value))

    visit(document, TypeInfoVisitor(info, Collect()))
    return frozenset(found)


def _expand(allowed: str | list[str], groups: Mapping[str, list[str]]) -> frozenset[str]:
    names = [allowed] if isinstance(allowed, str) else allowed
    known = {ANONYMOUS, *(role.value for role in Role)}
    roles = {role for name in names for role in groups.get(name, [name])}
    if unknown := roles - known:
        raise ValueError(f"permissions.toml names roles that do not exist: {sorted(unknown)}")
    return frozenset(roles)


def _compare(fields: set[Coordinate], entries: set[Coordinate]) -> None:
    if missing := fields - entries:
        names = ", ".join(f"{t}.{f}" for t, f in sorted(missing))
        raise ValueError(f"permissions.toml does not say who may ask for {names}")
    if extra := entries - fields:
        names = ", ".join(f"{t}.{f}" for t, f in sorted(extra))
        raise ValueError(f"permissions.toml names fields that do not exist: {names}")
