"""The texts of a shop: its own where it wrote some, the built-in ones elsewhere."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from uuid import UUID

import structlog

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.models import Refund, Shop, Template
from refund_gql.outbox import facts, templates
from refund_gql.outbox.channels import Channels
from refund_gql.outbox.kinds import KINDS, LOCALES, MessageKind
from refund_gql.roles import Role

MAX_RENDERED_SUBJECT = 300
_KEY = ("shop_id", "event", "locale", "channel")
_CONTENT = ("subject", "body", "updated_at", "updated_by")
_log = structlog.get_logger(__name__)


class TemplateOrigin(StrEnum):
    """Who wrote a text."""

    SHOP = "SHOP"
    BUILT_IN = "BUILT_IN"


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a text is for."""

    kind: MessageKind
    locale: str
    channel: str = ""
    """A channel's name; empty for every channel without a text of its own."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The template that speaks in one place."""

    place: Place
    subject: str
    body: str
    origin: TemplateOrigin
    updated_at: datetime | None = None
    """UTC; None for the built-in text."""
    updated_by: str | None = None
    """KIND:id."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """What a person reads."""

    subject: str
    text: str


# --- reading ----------------------------------------------------------------------------------


@cache
def _built_in() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads(files(__package__).joinpath("wording.toml").read_text("utf-8"))


def built_in(place: Place) -> Wording:
    """The text for shops that have not written one."""
    text = _built_in()[place.kind][place.locale]
    general = Place(kind=place.kind, locale=place.locale)
    return Wording(
        place=general,
        subject=text["subject"],
        body=text["body"],
        origin=TemplateOrigin.BUILT_IN,
    )


async def overview(
    viewer: Viewer, *, kind: MessageKind | None = None, locale: str | None = None
) -> list[Wording]:
    """What speaks for the shop: one text for every kind and locale, then those for one channel."""
    rows = Template.filter(shop_id=viewer.shop_id).order_by("channel")
    found = await database.read(lambda: rows)
    own = {(row.event, row.locale, row.channel): row for row in found}
    listed: list[Wording] = []
    for place in _places(kind, locale):
        general = own.pop((place.kind, place.locale, ""), None)
        listed.append(_of(general) if general else built_in(place))
        listed += [_of(row) for key, row in own.items() if key[:2] == (place.kind, place.locale)]
    return listed


def _places(kind: MessageKind | None, locale: str | None) -> list[Place]:
    return [
        Place(kind=each, locale=language)
        for each in (MessageKind if kind is None else (kind,))
        for language in LOCALES
        if locale in (None, language)
    ]


def _of(row: Template) -> Wording:
    return Wording(
        place=Place(kind=MessageKind(row.event), locale=row.locale, channel=row.channel),
        subject=row.subject,
        body=row.body,
        origin=TemplateOrigin.SHOP,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


async def find(tx: Transaction | None, shop_id: UUID, place: Place) -> Wording:
    """The shop's text for this channel, else its text for all channels, else the built-in one."""
    rows = Template.filter(
        shop_id=shop_id,
        event=place.kind,
        locale=place.locale,
        channel__in={place.channel, ""},
    )
    row = await rows.order_by("-channel").using_db(tx).first()
    return _of(row) if row else built_in(place)


# --- writing a message ------------------------------------------------------------------------


async def write(tx: Transaction, shop_id: UUID, place: Place, values: Mapping[str, str]) -> Text:
    """The message for a customer; never fails, whatever the shop has stored."""
    wording = await find(tx, shop_id, place)
    try:
        _check(wording)
    except InvalidInput as error:
        # It was checked when it was saved, by a version that knew other variables.
        _log.error("a shop's template no longer fits", shop=str(shop_id), reason=str(error))
        wording = built_in(place)
    return _render(wording, values)


def _check(wording: Wording) -> None:
    names = {variable.name for variable in KINDS[wording.place.kind].variables}
    templates.check_subject("subject", wording.subject, names)
    templates.check_body("body", wording.body, names)


def _render(wording: Wording, values: Mapping[str, str]) -> Text:
    # A subject is one line, whatever is in the values.
    subject = " ".join(templates.render(wording.subject, values).split())
    return Text(subject=subject[:MAX_RENDERED_SUBJECT], text=templates.render(wording.body, values))


# --- changing ---------------------------------------------------------------------------------


async def upsert(
    viewer: Viewer, offers: Channels, place: Place, *, subject: str, body: str
) -> Wording:
    """Give the shop a text of its own. Raises NotAllowed, InvalidInput (with the line)."""
    viewer.require(Role.OWNER, Role.AGENT)
    wording = _own(viewer, place, subject=subject, body=body)
    _check_length(offers, wording)

    async def work(tx: Transaction) -> None:
        row = Template(
            shop_id=viewer.shop_id,
            event=place.kind,
            locale=place.locale,
            channel=place.channel,
            subject=wording.subject,
            body=wording.body,
            updated_at=wording.updated_at,
            updated_by=wording.updated_by,
        )
        await Template.bulk_create([row], on_conflict=_KEY, update_fields=_CONTENT, using_db=tx)

    await database.transaction(work)
    return wording


async def reset(viewer: Viewer, place: Place) -> Wording:
    """Take the shop's own text back; returns what speaks now. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.OWNER, Role.AGENT)
    _check_place(place)

    async def work(tx: Transaction) -> Wording:
        await (
            Template.filter(
                shop_id=viewer.shop_id, event=place.kind, locale=place.locale, channel=place.channel
            )
            .using_db(tx)
            .delete()
        )
        return await find(tx, viewer.shop_id, place)

    return await database.transaction(work)


async def preview(
    viewer: Viewer, place: Place, *, subject: str, body: str, refund_id: UUID | None = None
) -> Text:
    """What a template gives with the examples, or with a refund of the shop; changes nothing.

    Raises NotAllowed, InvalidInput (with the line), NotFound.
    """
    viewer.require(Role.OWNER, Role.AGENT)
    wording = _own(viewer, place, subject=subject, body=body)
    if refund_id is None:
        return _render(wording, KINDS[place.kind].examples(place.locale))

    async def work(tx: Transaction) -> dict[str, str]:
        refund = await Refund.filter(id=refund_id, shop_id=viewer.shop_id).using_db(tx).first()
        if refund is None:
            raise NotFound(kind="Refund", id=str(refund_id))
        shop = await Shop.filter(id=viewer.shop_id).using_db(tx).get()
        return await facts.gather(tx, shop, refund, place.kind, place.locale)

    return _render(wording, await database.transaction(work))


def _own(viewer: Viewer, place: Place, *, subject: str, body: str) -> Wording:
    _check_place(place)
    names = {variable.name for variable in KINDS[place.kind].variables}
    return Wording(
        place=place,
        subject=templates.check_subject("subject", subject, names),
        body=templates.check_body("body", body, names),
        origin=TemplateOrigin.SHOP,
        updated_at=clock.now(),
        updated_by=viewer.actor,
    )


def _check_length(offers: Channels, wording: Wording) -> None:
    """What the examples make of a text for one channel must fit into that channel."""
    offer = offers.offer(wording.place.channel)
    if offer is None or offer.longest_text is None:
        return
    place = wording.place
    length = len(_render(wording, KINDS[place.kind].examples(place.locale)).text)
    if length > offer.longest_text:
        raise InvalidInput(
            field="body",
            found=f"{length} characters with the examples",
            expected=f"at most {offer.longest_text}, which is all that {place.channel} takes",
            zh=f"最多 {offer.longest_text} 个字符（{place.channel} 的上限）",
        )


def _check_place(place: Place) -> None:
    validation.locale("locale", place.locale)
    if place.channel:
        validation.provider("channel", place.channel)
