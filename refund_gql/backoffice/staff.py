"""The shop's people and programs: accounts, logins, tokens, sessions of customers."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from tortoise.exceptions import IntegrityError

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer, new_token
from refund_gql.database import Transaction
from refund_gql.errors import AlreadyExists, InvalidInput, NotAllowed, NotFound
from refund_gql.models import ApiToken, Customer, CustomerSession, Shop, Staff
from refund_gql.roles import STAFF, Role, Scope
from refund_gql.settings import Settings

_hasher = PasswordHasher()
_FREE_FAILURES = 5
_LOCK = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A fresh token: `text` is shown this once."""

    id: UUID
    text: str = field(repr=False)
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class NewStaff:
    """A person about to be added."""

    email: str
    name: str
    role: Role
    password: str = field(repr=False)


async def create(viewer: Viewer, asked: NewStaff) -> UUID:
    """A new member of staff. Raises NotAllowed, InvalidInput, AlreadyExists."""
    viewer.require(Role.OWNER, Role.SYSTEM)
    person = await checked(viewer.shop_id, asked)

    async def work(tx: Transaction) -> UUID:
        try:
            await person.save(using_db=tx, force_create=True)
        except IntegrityError as error:
            raise AlreadyExists(kind="Staff", id=person.email) from error
        return person.id

    return await database.transaction(work)


async def checked(shop_id: UUID, asked: NewStaff) -> Staff:
    """The row of a new person, not yet written. Raises InvalidInput."""
    if asked.role not in STAFF:
        raise InvalidInput(field="role", found=asked.role.value, expected=", ".join(sorted(STAFF)))
    if not 10 <= len(asked.password) <= 200:
        raise InvalidInput(
            field="password",
            found=f"{len(asked.password)} characters",
            expected="10 to 200 characters",
            zh="10 到 200 个字符",
        )
    return Staff(
        shop_id=shop_id,
        email=_address(asked.email),
        name=validation.text("name", asked.name, longest=200),
        role=asked.role,
        password_hash=await asyncio.to_thread(_hasher.hash, asked.password),
        created_at=clock.now(),
    )


async def login(settings: Settings, *, shop: str, email: str, password: str) -> Issued:
    """A token for a member of staff. Raises NotAllowed, the same for every wrong part.

    After five wrong passwords in a row the account rests, a minute longer each time.
    """
    staff = await _find(shop, email)
    known = staff.password_hash if staff else None
    right = await asyncio.to_thread(_verify, known, password[:200])
    if staff is None:
        raise NotAllowed(reason="LOGIN")
    if not await database.transaction(lambda tx: _count_try(tx, staff.id, right=right)):
        raise NotAllowed(reason="LOGIN")
    hours = timedelta(hours=settings.session_hours)
    return await issue_staff_token(settings, staff, expires_at=clock.now() + hours)


async def issue_staff_token(
    settings: Settings, staff: Staff, *, expires_at: datetime | None
) -> Issued:
    """A token that acts as a member of staff."""
    return await _issue(
        settings,
        shop_id=staff.shop_id,
        staff_id=staff.id,
        name=staff.name,
        role=staff.role,
        scopes=(),
        expires_at=expires_at,
    )


async def create_api_token(
    viewer: Viewer,
    settings: Settings,
    *,
    name: str,
    scopes: Iterable[Scope],
    expires_at: datetime | None,
) -> Issued:
    """A token for a program of the shop. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.OWNER, Role.SYSTEM)
    scopes = tuple(sorted(set(scopes)))
    if not scopes:
        raise InvalidInput(
            field="scopes", found="[]", expected="at least one scope", zh="至少一个权限"
        )
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInput(
            field="expiresAt", found=expires_at.isoformat(), expected="the future", zh="将来的时间"
        )
    return await _issue(
        settings,
        shop_id=viewer.shop_id,
        staff_id=None,
        name=validation.text("name", name, longest=200),
        role=Role.SERVICE,
        scopes=scopes,
        expires_at=expires_at,
    )


async def revoke_api_token(viewer: Viewer, token_id: UUID) -> UUID:
    """The token stops working at once. Owners revoke any, staff their own."""
    viewer.require(*STAFF)

    async def work(tx: Transaction) -> UUID:
        tokens = ApiToken.filter(id=token_id, shop_id=viewer.shop_id).using_db(tx)
        if viewer.role is not Role.OWNER:
            tokens = tokens.filter(staff_id=viewer.staff_id)
        token = await tokens.first()
        if token is None:
            raise NotFound(kind="ApiToken", id=str(token_id))
        token.revoked_at = token.revoked_at or clock.now()
        await token.save(using_db=tx)
        return token.id

    return await database.transaction(work)


async def create_customer_session(
    viewer: Viewer, settings: Settings, *, customer_reference: str
) -> Issued:
    """A token for one customer, opened by the shop's backend.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    viewer.require(Role.SERVICE, Role.SYSTEM, scope=Scope.SESSIONS)
    reference = validation.text("customerReference", customer_reference, longest=64)
    found = Customer.filter(shop_id=viewer.shop_id, reference=reference)
    customer = await database.read(found.first)
    if customer is None:
        raise NotFound(kind="Customer", id=reference)
    token = new_token(settings)
    session = CustomerSession(
        shop_id=viewer.shop_id,
        customer_id=customer.id,
        prefix=token.prefix,
        digest=token.digest,
        created_at=clock.now(),
        expires_at=clock.now() + timedelta(hours=settings.session_hours),
    )

    async def work(tx: Transaction) -> None:
        await session.save(using_db=tx, force_create=True)

    await database.transaction(work)
    return Issued(id=session.id, text=token.text, expires_at=session.expires_at)


async def _issue(
    settings: Settings,
    *,
    shop_id: UUID,
    staff_id: UUID | None,
    name: str,
    role: Role,
    scopes: tuple[Scope, ...],
    expires_at: datetime | None,
) -> Issued:
    token = new_token(settings)
    row = ApiToken(
        shop_id=shop_id,
        staff_id=staff_id,
        name=name,
        role=role,
        scopes=list(scopes),
        prefix=token.prefix,
        digest=token.digest,
        created_at=clock.now(),
        expires_at=expires_at,
    )

    async def work(tx: Transaction) -> None:
        await row.save(using_db=tx, force_create=True)

    await database.transaction(work)
    return Issued(id=row.id, text=token.text, expires_at=expires_at)


async def _find(handle: str, email: str) -> Staff | None:
    """The active member of staff; a text that cannot be a name is just nobody's."""
    try:
        handle, email = validation.text("shop", handle, longest=64), _address(email)
    except InvalidInput:
        return None
    tenant = await database.read(Shop.filter(handle=handle).first)
    if tenant is None:
        return None
    return await database.read(Staff.filter(shop_id=tenant.id, email=email, active=True).first)


def _address(email: str) -> str:
    # Before its length is checked: a capital may become two small letters.
    return validation.text("email", email.lower(), longest=320)


def _verify(known: str | None, password: str) -> bool:
    try:
        return _hasher.verify(known or _nobody(), password)
    except VerificationError:
        return False


@cache
def _nobody() -> str:
    """What takes as long to verify as anybody's hash. Made on demand: it is slow on purpose."""
    return _hasher.hash("nobody has this password")


async def _count_try(tx: Transaction, staff_id: UUID, *, right: bool) -> bool:
    """True when the person may come in. Tries that come at once are counted one by one."""
    staff = await Staff.filter(id=staff_id).using_db(tx).select_for_update().get()
    if staff.locked_until is not None and staff.locked_until > clock.now():
        return False
    staff.failed_logins = 0 if right else staff.failed_logins + 1
    excess = staff.failed_logins - _FREE_FAILURES
    staff.locked_until = clock.now() + _LOCK * (excess + 1) if excess >= 0 else None
    await staff.save(using_db=tx, update_fields=["failed_logins", "locked_until"])
    return right
