"""One token per role, ready to use; the same ones after a restart."""

from collections.abc import Mapping
from datetime import timedelta

from refund_gql import clock
from refund_gql.auth import authenticate, system
from refund_gql.backoffice import staff
from refund_gql.demo.folder import Folder
from refund_gql.demo.people import ME
from refund_gql.demo.shop import DemoShop
from refund_gql.roles import STAFF, Role, Scope
from refund_gql.settings import Settings

ROLES = (
    Role.OWNER,
    Role.AGENT,
    Role.WAREHOUSE,
    Role.FINANCE,
    Role.ANALYST,
    Role.SERVICE,
    Role.CUSTOMER,
)
_LIFETIME = timedelta(days=30)


async def issue(settings: Settings, opened: DemoShop, folder: Folder) -> Mapping[str, str]:
    """A token for each role: the one kept in the folder while it works, else a new one."""
    kept = folder.tokens
    tokens = {
        role.value: await _working(kept.get(role), role, settings, opened)
        or await _new(role, settings, opened)
        for role in ROLES
    }
    if tokens != kept:
        folder.keep(tokens)
    return tokens


async def _working(
    token: str | None, role: Role, settings: Settings, opened: DemoShop
) -> str | None:
    viewer = await authenticate(token, settings) if token else None
    fits = viewer and (viewer.shop_id, viewer.role) == (opened.shop.id, role)
    return token if fits else None


async def _new(role: Role, settings: Settings, opened: DemoShop) -> str:
    engine, expires_at = system(opened.shop.id), clock.now() + _LIFETIME
    if role in STAFF:
        colleague = opened.colleagues[role]
        issued = await staff.issue_staff_token(settings, colleague, expires_at=expires_at)
    elif role is Role.SERVICE:
        issued = await staff.create_api_token(
            engine, settings, name="demo", scopes=Scope, expires_at=expires_at
        )
    else:
        patient = settings.model_copy(update={"session_hours": _LIFETIME // timedelta(hours=1)})
        issued = await staff.create_customer_session(
            engine, patient, customer_reference=ME.reference
        )
    return issued.text
