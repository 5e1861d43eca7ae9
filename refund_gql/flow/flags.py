"""Flags on customers: set and taken off with a reason, ending by themselves, never forgotten.

A flag is no verdict: it is one more thing that rules and people may look at. Every change of one
is a row with its author, grows the customer's `flags_version`, and sets the alarm for the job
that tells the shop's CRM systems.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from refund_gql import clock, database, jobs, validation
from refund_gql.auth import Viewer, system
from refund_gql.choices import AppealOutcome, FlagChangeKind
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.flow import once as idempotency
from refund_gql.flow import standing
from refund_gql.flow.once import Once
from refund_gql.models import Customer, CustomerFlag, CustomerFlagChange, CustomerRisk, new_id
from refund_gql.providers import RiskLevel
from refund_gql.roles import Role

DAYS = 180
"""After which a flag ends, unless it is said otherwise."""
MAX_DAYS = 730
MAX_FLAGS = 20
"""That hold on one customer."""
LONGEST_WHY = 500

Words = Mapping[str, str]
"""Locale -> text."""


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who changes a flag: a person, the engine, or rules, whose evaluation says why."""

    actor: str
    name: str
    evaluation_id: UUID | None = None

    @classmethod
    def of(cls, viewer: Viewer, evaluation_id: UUID | None = None) -> "Author":
        """Whoever asks."""
        return cls(actor=viewer.actor, name=viewer.name, evaluation_id=evaluation_id)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The flag that is wanted."""

    code: str
    why: Words
    level: RiskLevel = RiskLevel.MEDIUM
    days: int = DAYS


# --- what staff does --------------------------------------------------------------------------


async def flag(viewer: Viewer, customer_id: UUID, mark: Mark, *, once: Once) -> UUID:
    """Set a flag; one that holds already stays as it is, its end too. Returns the flag's id.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    viewer.require(Role.OWNER, Role.AGENT)
    mark = _checked(mark)

    async def work(tx: Transaction) -> UUID:
        row = await _locked(tx, viewer, customer_id)
        found = await put(tx, row, mark, Author.of(viewer))
        if found is None:
            raise _too_many()
        return found.id

    return await idempotency.run(viewer, once, work)


async def unflag(viewer: Viewer, customer_id: UUID, code: str, why: Words, *, once: Once) -> UUID:
    """Take a flag off. Returns the flag's id.

    Raises NotAllowed, NotFound (no such customer), InvalidInput (no such flag holds).
    """
    viewer.require(Role.OWNER, Role.AGENT)
    why = checked_words("why", why)

    async def work(tx: Transaction) -> UUID:
        row = await _locked(tx, viewer, customer_id)
        found = await take_off(tx, row, code.strip(), why, Author.of(viewer))
        if found is None:
            raise not_held(code)
        return found.id

    return await idempotency.run(viewer, once, work)


# --- what rules and staff do alike ------------------------------------------------------------


async def put(
    tx: Transaction, row: CustomerRisk, mark: Mark, author: Author
) -> CustomerFlag | None:
    """Set a flag on the customer of a locked row; None when she has as many as can be kept.

    The same flag a second time changes nothing and extends nothing.
    """
    await end(tx, row)
    held = await holding(tx, row.customer_id)
    if found := next((flag for flag in held if flag.code == mark.code), None):
        return found
    if len(held) >= MAX_FLAGS:
        return None
    now = clock.now()
    made = CustomerFlag(
        id=new_id(),
        shop_id=row.shop_id,
        customer_id=row.customer_id,
        code=mark.code,
        level=mark.level,
        why=dict(mark.why),
        set_by=author.actor,
        set_by_name=author.name,
        evaluation_id=author.evaluation_id,
        since=now,
        expires_at=now + timedelta(days=mark.days),
    )
    await made.save(using_db=tx, force_create=True)
    await record(tx, made, FlagChangeKind.SET, mark.why, author)
    await changed(tx, row)
    return made


async def take_off(
    tx: Transaction, row: CustomerRisk, code: str, why: Words, author: Author
) -> CustomerFlag | None:
    """Take a flag off the customer of a locked row; None when she has none of this code."""
    found = next((one for one in await holding(tx, row.customer_id) if one.code == code), None)
    if found is not None:
        await remove(tx, found, FlagChangeKind.REMOVED, why, author)
        await changed(tx, row)
    return found


async def end(tx: Transaction, row: CustomerRisk) -> bool:
    """End the flags whose time has come; whether there were any."""
    now = clock.now()
    over = [flag for flag in await holding(tx, row.customer_id) if flag.expires_at <= now]
    for flag in over:
        author = Author.of(system(row.shop_id))
        await remove(tx, flag, FlagChangeKind.EXPIRED, {}, author)
    if over:
        await changed(tx, row)
    return bool(over)


async def holding(tx: Transaction, customer_id: UUID) -> list[CustomerFlag]:
    """The flags that nobody has taken off and that have not been ended, by code."""
    flags = CustomerFlag.filter(customer_id=customer_id, removed_at=None).using_db(tx)
    return await flags.order_by("code")


async def remove(
    tx: Transaction, found: CustomerFlag, kind: FlagChangeKind, why: Words, author: Author
) -> None:
    """End one flag; an appeal that is open has been heard."""
    found.removed_at = clock.now()
    if found.appealed_at is not None and found.answered_at is None:
        found.answered_at, found.outcome = found.removed_at, AppealOutcome.REMOVED
    await found.save(using_db=tx)
    await record(tx, found, kind, why, author)


async def record(
    tx: Transaction, flag: CustomerFlag, kind: FlagChangeKind, why: Words, author: Author
) -> None:
    """Keep what happened to a flag, and by whom."""
    change = CustomerFlagChange(
        id=new_id(),
        shop_id=flag.shop_id,
        flag_id=flag.id,
        kind=kind,
        why=dict(why),
        evaluation_id=author.evaluation_id,
        actor=author.actor,
        actor_name=author.name,
        at=clock.now(),
    )
    await change.save(using_db=tx, force_create=True)


async def changed(tx: Transaction, row: CustomerRisk) -> None:
    """The set of flags is another: so is where the customer stands, and CRM systems hear of it."""
    row.flags_version += 1
    await standing.settle(tx, row)
    key = f"flags:{row.customer_id}:{row.flags_version}"
    await jobs.enqueue(tx, "flags", row.customer_id, key=key)


# --- what time does ---------------------------------------------------------------------------

_DUE = "select shop_id, customer_id from customer_risk where changes_at <= $1 limit 500"


async def decay() -> None:
    """The schedule `decay`: end what has come to its end, signals and flags."""
    for due in await database.fetch(_DUE, clock.now()):
        await database.transaction(partial(_decay, **due))


async def _decay(tx: Transaction, *, shop_id: UUID, customer_id: UUID) -> None:
    row = await standing.lock(tx, shop_id, customer_id)
    if not await end(tx, row):
        await standing.settle(tx, row)


# --- what is refused --------------------------------------------------------------------------


def checked_words(field: str, words: Words) -> dict[str, str]:
    """A reason in one or both languages. Raises InvalidInput."""
    found = {
        validation.locale(field, locale): validation.text(
            f"{field}.{locale}", text, longest=LONGEST_WHY
        )
        for locale, text in words.items()
    }
    if not found:
        raise InvalidInput(
            field=field, found="none", expected="a text in zh or en", zh="中文或英文文本"
        )
    return found


def not_held(code: str) -> InvalidInput:
    """The refusal of a flag that the customer does not have."""
    return InvalidInput(
        field="flag",
        found=code[:64],
        expected="a flag that holds: see Customer.flags",
        zh="该顾客当前生效的标记（见 Customer.flags）",
    )


def _checked(mark: Mark) -> Mark:
    code = validation.text("flag", mark.code, longest=64)
    if not code.isprintable():
        raise InvalidInput(
            field="flag", found="control characters", expected="a plain text", zh="不含控制字符"
        )
    return Mark(
        code=code,
        why=checked_words("why", mark.why),
        level=mark.level,
        days=validation.whole("expiresInDays", mark.days, least=1, most=MAX_DAYS),
    )


def _too_many() -> InvalidInput:
    return InvalidInput(
        field="flag",
        found=f"{MAX_FLAGS} flags",
        expected="fewer: take one off first",
        zh="标记数量已达上限，请先取消不用的标记",
    )


async def _locked(tx: Transaction, viewer: Viewer, customer_id: UUID) -> CustomerRisk:
    customers = Customer.filter(id=customer_id, shop_id=viewer.shop_id).using_db(tx)
    if not await customers.exists():
        raise NotFound(kind="Customer", id=str(customer_id))
    return await standing.lock(tx, viewer.shop_id, customer_id)
