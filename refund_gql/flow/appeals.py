"""Appeals against flags: somebody asks to look again, and an owner does.

The customer may ask for herself. She is told that she was heard, not which flags there are: an
answer that differs would tell whoever tries what works.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from refund_gql import clock, validation
from refund_gql.auth import Viewer
from refund_gql.choices import AppealOutcome, FlagChangeKind
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotAllowed, NotFound
from refund_gql.flow import flags, standing
from refund_gql.flow import once as idempotency
from refund_gql.flow.flags import Author
from refund_gql.flow.once import Once
from refund_gql.models import Customer, CustomerFlag, Staff
from refund_gql.roles import Role

LONGEST = 2000
"""Characters of an appeal."""


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """What is asked to be looked at again."""

    customer_id: UUID | None
    """None: whoever asks, in her own session."""
    flag: str | None
    """The code; None: every flag she has."""
    text: str


async def appeal(viewer: Viewer, asked: Appeal, *, once: Once) -> UUID:
    """Ask to look again at flags that hold. Returns the customer's id.

    An appeal that is open already is not opened twice. Raises NotAllowed, NotFound, InvalidInput;
    the customer herself never hears whether there is a flag.
    """
    viewer.require(Role.OWNER, Role.AGENT, Role.CUSTOMER)
    text = validation.text("text", asked.text, longest=LONGEST)
    customer_id = _subject(viewer, asked)

    async def work(tx: Transaction) -> UUID:
        if not await Customer.filter(id=customer_id, shop_id=viewer.shop_id).using_db(tx).exists():
            raise NotFound(kind="Customer", id=str(customer_id))
        row = await standing.lock(tx, viewer.shop_id, customer_id)
        held = await flags.holding(tx, row.customer_id)
        meant = [flag for flag in held if asked.flag in (None, flag.code)]
        if not meant and viewer.customer_id is None:
            raise flags.not_held(asked.flag or "")
        for flag in meant:
            await _open(tx, viewer, flag, text)
        return customer_id

    return await idempotency.run(viewer, once, work)


def _subject(viewer: Viewer, asked: Appeal) -> UUID:
    if viewer.customer_id is not None:
        if asked.customer_id not in (None, viewer.customer_id):
            raise NotFound(kind="Customer", id=str(asked.customer_id))
        return viewer.customer_id
    if asked.customer_id is None:
        raise InvalidInput(
            field="customerId", found="none", expected="the id of a customer", zh="顾客的 id"
        )
    return asked.customer_id


async def _open(tx: Transaction, viewer: Viewer, flag: CustomerFlag, text: str) -> None:
    if flag.appealed_at is not None and flag.answered_at is None:
        return
    flag.appealed_at, flag.appeal = clock.now(), text
    flag.answered_at = flag.outcome = None
    await flag.save(using_db=tx)
    words = {viewer.locale: text}
    await flags.record(tx, flag, FlagChangeKind.APPEALED, words, Author.of(viewer))


async def answer(
    viewer: Viewer,
    flag_id: UUID,
    outcome: AppealOutcome,
    why: Mapping[str, str],
    *,
    once: Once,
) -> UUID:
    """Answer the open appeal against a flag. Returns the flag's id.

    Whoever set the flag does not answer while another owner can. Raises NotAllowed, NotFound,
    InvalidInput.
    """
    viewer.require(Role.OWNER)
    why = flags.checked_words("why", why)

    async def work(tx: Transaction) -> UUID:
        found = await _found(tx, viewer, flag_id)
        row = await standing.lock(tx, viewer.shop_id, found.customer_id)
        await found.refresh_from_db(using_db=tx)
        _require_open(found)
        await _require_somebody_else(tx, viewer, found)
        if outcome is AppealOutcome.REMOVED:
            await flags.remove(tx, found, FlagChangeKind.REMOVED, why, Author.of(viewer))
            await flags.changed(tx, row)
        else:
            found.answered_at, found.outcome = clock.now(), outcome
            await found.save(using_db=tx)
            await flags.record(tx, found, FlagChangeKind.UPHELD, why, Author.of(viewer))
        return found.id

    return await idempotency.run(viewer, once, work)


async def _found(tx: Transaction, viewer: Viewer, flag_id: UUID) -> CustomerFlag:
    rows = CustomerFlag.filter(id=flag_id, shop_id=viewer.shop_id).using_db(tx)
    found = await rows.first()
    if found is None:
        raise NotFound(kind="CustomerFlag", id=str(flag_id))
    return found


def _require_open(flag: CustomerFlag) -> None:
    if flag.appealed_at is None or flag.answered_at is not None:
        raise InvalidInput(
            field="flagId",
            found=flag.code,
            expected="a flag with an appeal that nobody has answered",
            zh="有待处理申诉的标记",
        )


async def _require_somebody_else(tx: Transaction, viewer: Viewer, flag: CustomerFlag) -> None:
    if flag.set_by != viewer.actor:
        return
    others = Staff.filter(shop_id=viewer.shop_id, role=Role.OWNER, active=True).using_db(tx)
    if await others.exclude(id=viewer.id).exists():
        raise NotAllowed(reason="OWN_FLAG")
