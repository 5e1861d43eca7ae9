"""Who may ask: the roles of people and programs inside one shop."""

from enum import StrEnum


class Role(StrEnum):
    """One caller has exactly one role; a step of the journey names the roles that may take it."""

    OWNER = "OWNER"
    """Runs the shop: everything staff may do, settings, staff and tokens."""
    AGENT = "AGENT"
    """Customer service: first review (客服初审)."""
    WAREHOUSE = "WAREHOUSE"
    """Confirms where goods are, receives and inspects returns (仓库确认)."""
    FINANCE = "FINANCE"
    """Releases money above the shop's threshold and resolves stuck payments (财务审核)."""
    ANALYST = "ANALYST"
    """Reads everything that holds no personal data; changes nothing."""
    SERVICE = "SERVICE"
    """The shop's own backend, through an API token with scopes."""
    CUSTOMER = "CUSTOMER"
    """One customer: sees and moves only their own orders and refunds."""
    SYSTEM = "SYSTEM"
    """The engine itself; no token ever has this role."""


class Scope(StrEnum):
    """What an API token of role SERVICE may do; people's tokens are not narrowed by scopes."""

    READ = "READ"
    """Read orders, refunds and reason tags."""
    CATALOGUE = "CATALOGUE"
    """Upsert customers, products and orders."""
    REFUNDS = "REFUNDS"
    """Request and cancel refunds, register return parcels."""
    SESSIONS = "SESSIONS"
    """Open sessions for customers."""


STAFF = frozenset({Role.OWNER, Role.AGENT, Role.WAREHOUSE, Role.FINANCE, Role.ANALYST})
"""The roles a member of staff may have."""
