"""The shop's canned texts (话术): written once, filled in for each case.

Their bodies are templates, in the language of messages and with the same variables; what a text
said before is kept as a version, because uses count by version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise.exceptions import IntegrityError

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.desks import PEOPLE, Desk
from refund_gql.errors import AlreadyExists, InvalidInput, NotFound, StaleVersion
from refund_gql.flow import script_uses
from refund_gql.models import (
    Customer,
    ReasonTag,
    Refund,
    Script,
    ScriptVersion,
    Shop,
    new_id,
)
from refund_gql.outbox import facts, templates
from refund_gql.outbox.kinds import SCRIPT_VARIABLES
from refund_gql.roles import Role

MAX_SCRIPTS = 500
"""Of one shop, retired ones included."""
MAX_REASONS = 50
MAX_TITLE = 100
_WRITERS = (Role.OWNER, Role.AGENT)
_NAMES = frozenset(variable.name for variable in SCRIPT_VARIABLES)


@dataclass(frozen=True, kw_only=True)
class ScriptText:
    """What it says in one language."""

    title: str
    """What colleagues find it by."""
    body: str
    """A template."""


@dataclass(frozen=True, kw_only=True)
class ScriptDraft:
    """What a canned text is to say, and when: the whole of it."""

    texts: Mapping[str, ScriptText]
    """Locale -> text; at least one."""
    reasons: Sequence[UUID] = ()
    """The reason tags it is for; none: for any."""
    desks: Sequence[Desk] = ()
    """The desks it is for; none: for any."""


async def create(viewer: Viewer, code: str, draft: ScriptDraft) -> UUID:
    """A new canned text. Raises NotAllowed, InvalidInput (with the line), NotFound (a reason),
    AlreadyExists."""
    viewer.require(*_WRITERS)
    code, texts = validation.text("code", code, longest=64), _checked(draft)

    async def work(tx: Transaction) -> UUID:
        # One at a time in a shop, so that several at once are not too many together.
        await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update(no_key=True).get()
        present = await Script.filter(shop_id=viewer.shop_id).using_db(tx).count()
        validation.limited("scripts", present + 1, MAX_SCRIPTS)
        script = Script(id=new_id(), shop_id=viewer.shop_id, code=code, created_at=clock.now())
        try:
            await script.save(using_db=tx, force_create=True)
        except IntegrityError as error:
            raise AlreadyExists(kind="Script", id=code) from error
        await _write(tx, viewer, script, draft, texts)
        return script.id

    return await database.transaction(work)


async def update(
    viewer: Viewer, script_id: UUID, draft: ScriptDraft, *, expected_version: int | None = None
) -> UUID:
    """A new version. Raises NotAllowed, InvalidInput (with the line), NotFound, and StaleVersion
    when somebody else has written one since `expected_version`."""
    viewer.require(*_WRITERS)
    texts = _checked(draft)

    async def work(tx: Transaction) -> UUID:
        script = await _locked(tx, viewer, script_id)
        if script.retired_at is not None:
            raise script_uses.retired(script)
        if expected_version is not None and script.version != expected_version:
            raise StaleVersion(current_version=script.version, expected_version=expected_version)
        script.version += 1
        await script.save(using_db=tx)
        await _write(tx, viewer, script, draft, texts)
        return script.id

    return await database.transaction(work)


async def retire(viewer: Viewer, script_id: UUID) -> UUID:
    """Say it no more; what was said stays. Raises NotAllowed, NotFound."""
    viewer.require(*_WRITERS)

    async def work(tx: Transaction) -> UUID:
        script = await _locked(tx, viewer, script_id)
        script.retired_at = script.retired_at or clock.now()
        await script.save(using_db=tx)
        return script.id

    return await database.transaction(work)


async def render(
    viewer: Viewer, script_id: UUID, refund_id: UUID, *, locale: str | None = None
) -> str:
    """The text filled in for a refund, in the customer's language unless another is asked for.

    Raises NotAllowed, NotFound, and InvalidInput for a text that is retired or does not speak
    the language.
    """
    viewer.require(*sorted(PEOPLE))

    async def work(tx: Transaction) -> str:
        script = await Script.filter(id=script_id, shop_id=viewer.shop_id).using_db(tx).first()
        if script is None:
            raise NotFound(kind="Script", id=str(script_id))
        if script.retired_at is not None:
            raise script_uses.retired(script)
        refund = await Refund.filter(id=refund_id, shop_id=viewer.shop_id).using_db(tx).first()
        if refund is None:
            raise NotFound(kind="Refund", id=str(refund_id))
        shop = await Shop.filter(id=viewer.shop_id).using_db(tx).get()
        language = locale or await _language(tx, shop, refund)
        body = _body(await _spoken(tx, script), language)
        values = await facts.common(tx, shop, refund, language)
        return templates.render(body, {**values, "agent_name": viewer.name})

    return await database.transaction(work)


# --- checks -----------------------------------------------------------------------------------


def _checked(draft: ScriptDraft) -> dict[str, dict[str, str]]:
    if not draft.texts:
        raise InvalidInput(
            field="texts", found="[]", expected="a text in zh or en", zh="中文或英文内容"
        )
    validation.limited("reasonIds", len(draft.reasons), MAX_REASONS)
    return {
        validation.locale("texts.locale", locale): {
            "title": validation.text(f"texts.{locale}.title", text.title, longest=MAX_TITLE),
            "body": templates.check_body(f"texts.{locale}.body", text.body, _NAMES),
        }
        for locale, text in draft.texts.items()
    }


async def _codes(tx: Transaction, viewer: Viewer, reasons: Sequence[UUID]) -> list[str]:
    """The codes of reason tags, which never change."""
    tags = ReasonTag.filter(id__in=reasons, shop_id=viewer.shop_id).using_db(tx)
    found = {tag.id: tag.code for tag in await tags}
    for reason in reasons:
        if reason not in found:
            raise NotFound(kind="ReasonTag", id=str(reason))
    return sorted(found.values())


# --- rows -------------------------------------------------------------------------------------


async def _locked(tx: Transaction, viewer: Viewer, script_id: UUID) -> Script:
    scripts = Script.filter(id=script_id, shop_id=viewer.shop_id).using_db(tx)
    script = await scripts.select_for_update(no_key=True).first()
    if script is None:
        raise NotFound(kind="Script", id=str(script_id))
    return script


async def _write(
    tx: Transaction,
    viewer: Viewer,
    script: Script,
    draft: ScriptDraft,
    texts: Mapping[str, Mapping[str, str]],
) -> None:
    await ScriptVersion.create(
        using_db=tx,
        shop_id=script.shop_id,
        script_id=script.id,
        number=script.version,
        texts=texts,
        reasons=await _codes(tx, viewer, draft.reasons),
        desks=sorted({desk.value for desk in draft.desks}),
        author=viewer.actor,
        author_name=viewer.name,
        created_at=clock.now(),
    )


async def _spoken(tx: Transaction, script: Script) -> ScriptVersion:
    versions = ScriptVersion.filter(script_id=script.id, number=script.version)
    return await versions.using_db(tx).get()


async def _language(tx: Transaction, shop: Shop, refund: Refund) -> str:
    customer = await Customer.filter(id=refund.customer_id).using_db(tx).first()
    return customer.locale if customer else str(shop.locale)


def _body(version: ScriptVersion, locale: str) -> str:
    if locale not in version.texts:
        known = ", ".join(sorted(version.texts))
        raise InvalidInput(field="locale", found=locale[:20], expected=known)
    body: str = version.texts[locale]["body"]
    return body
