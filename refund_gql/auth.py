"""Who is asking: bearer tokens in, viewers out.

A token is `rg_<prefix>_<secret>`. The prefix finds the row; of the secret only a digest is
stored. A token of another shop is just a token of another viewer: every query carries the
viewer's shop.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from refund_gql import clock
from refund_gql.database import fetch
from refund_gql.errors import NotAllowed
from refund_gql.roles import Role, Scope
from refund_gql.settings import Settings

_KINDS = {Role.CUSTOMER: "CUSTOMER", Role.SERVICE: "SERVICE", Role.SYSTEM: "SYSTEM"}


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """One authenticated caller inside one shop."""

    shop_id: UUID
    role: Role
    id: UUID | None = None
    """The member of staff, the customer, or the API token; None for the engine itself."""
    name: str = ""
    locale: str = "zh"
    scopes: frozenset[Scope] = field(default_factory=frozenset)

    @property
    def actor(self) -> str:
        """`KIND:id`, as events and decisions store it."""
        return f"{_KINDS.get(self.role, 'STAFF')}:{self.id or '-'}"

    @property
    def staff_id(self) -> UUID | None:
        """The member of staff who asks, if one does."""
        return self.id if self.actor.startswith("STAFF:") else None

    @property
    def customer_id(self) -> UUID | None:
        """The customer whose rows alone are visible, if a customer asks."""
        return self.id if self.role is Role.CUSTOMER else None

    def require(self, *roles: Role, scope: Scope | None = None) -> None:
        """Raise NotAllowed unless the viewer has one of the roles, and SERVICE the scope."""
        if self.role not in roles:
            allowed = ", ".join(roles)
            raise NotAllowed(reason="ROLE", role=self.role.value, allowed=allowed)
        if self.role is Role.SERVICE and scope is not None and scope not in self.scopes:
            raise NotAllowed(reason="SCOPE", allowed=scope.value)


def system(shop_id: UUID) -> Viewer:
    """The engine acting by itself in a shop."""
    return Viewer(shop_id=shop_id, role=Role.SYSTEM, name="refund_gql")


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A fresh token: `text` is shown once, `prefix` and `digest` are stored."""

    text: str = field(repr=False)
    prefix: str
    digest: str = field(repr=False)


def new_token(settings: Settings) -> NewToken:
    """A random token of 256 bits."""
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return NewToken(text=f"rg_{prefix}_{secret}", prefix=prefix, digest=_digest(secret, settings))


def _digest(secret: str, settings: Settings) -> str:
    pepper = settings.token_pepper.get_secret_value()
    return hashlib.sha256(f"{pepper}{secret}".encode()).hexdigest()


_FIND = """
select t.digest, t.shop_id, t.role, coalesce(t.staff_id, t.id) as id, t.scopes,
       coalesce(s.name, t.name) as name, shop.locale
  from api_token t join shop on shop.id = t.shop_id left join staff s on s.id = t.staff_id
 where t.prefix = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2)
   and (s.id is null or s.active)
union all
select c.digest, c.shop_id, 'CUSTOMER', c.customer_id, '[]'::jsonb, customer.name,
       customer.locale
  from customer_session c join customer on customer.id = c.customer_id
 where c.prefix = $1 and c.expires_at > $2
"""


async def authenticate(token: str, settings: Settings) -> Viewer | None:
    """The viewer a token stands for; None when it is unknown, expired or revoked."""
    kind, _, rest = token.partition("_")
    prefix, _, secret = rest.partition("_")
    if kind != "rg" or not prefix.isalnum() or not prefix.isascii() or not secret:
        return None
    for row in await fetch(_FIND, prefix, clock.now()):
        if hmac.compare_digest(row["digest"], _digest(secret, settings)):
            return Viewer(
                shop_id=row["shop_id"],
                role=Role(row["role"]),
                id=row["id"],
                name=row["name"],
                locale=row["locale"],
                scopes=frozenset(Scope(scope) for scope in json.loads(row["scopes"])),
            )
    return None
