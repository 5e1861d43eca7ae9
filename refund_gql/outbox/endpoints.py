"""Endpoints: the URLs of a shop's own systems, what they want to hear, and their secrets."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from refund_gql import clock, database, validation, vault
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.events import EventType
from refund_gql.models import Shop, WebhookEndpoint
from refund_gql.outbox import deliveries, guard, signing
from refund_gql.outbox.deliveries import DisabledReason
from refund_gql.outbox.guard import EXPECTED, Forbidden
from refund_gql.roles import Role
from refund_gql.settings import Settings
from refund_gql.vault import Vault

MAX_ENDPOINTS = 10
"""Of one shop, disabled ones included; those can be given another URL."""


@dataclass(frozen=True, kw_only=True)
class EndpointFacts:
    """What may be changed; None leaves a field as it is."""

    url: str | None = None
    description: str | None = None
    events: Sequence[EventType] | None = None
    """Empty: all."""


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A fresh secret: `secret` is shown this once."""

    endpoint_id: UUID
    secret: str = field(repr=False)


async def create(viewer: Viewer, settings: Settings, facts: EndpointFacts) -> Issued:
    """A new endpoint; hears of what happens from now on.

    Raises NotAllowed, InvalidInput, NoSecretKey.
    """
    viewer.require(Role.OWNER)
    secret = signing.new_secret()
    endpoint = WebhookEndpoint(shop_id=viewer.shop_id, url="", created_at=clock.now())
    endpoint.secret = signing.seal(vault.of(settings), endpoint, secret)
    _apply(settings, endpoint, replace(facts, url=facts.url or ""))

    async def work(tx: Transaction) -> None:
        # One at a time in a shop, so that several at once are not too many together.
        await Shop.filter(id=viewer.shop_id).using_db(tx).select_for_update(no_key=True).get()
        present = await WebhookEndpoint.filter(shop_id=viewer.shop_id).using_db(tx).count()
        validation.limited("endpoints", present + 1, MAX_ENDPOINTS)
        await endpoint.save(using_db=tx, force_create=True)

    await database.transaction(work)
    return Issued(endpoint_id=endpoint.id, secret=secret)


async def update(
    viewer: Viewer, settings: Settings, endpoint_id: UUID, facts: EndpointFacts
) -> UUID:
    """Change an endpoint; what waits for it goes to the new URL.

    Raises NotAllowed, InvalidInput, NotFound.
    """

    async def work(tx: Transaction, endpoint: WebhookEndpoint) -> None:
        _apply(settings, endpoint, facts)
        await endpoint.save(using_db=tx, update_fields=["url", "description", "events"])

    return await _change(viewer, endpoint_id, work)


async def rotate_secret(viewer: Viewer, settings: Settings, endpoint_id: UUID) -> Issued:
    """A new secret; the one before it signs too for `signing.OVERLAP`, an older one no longer.

    Raises NotAllowed, NotFound, NoSecretKey.
    """
    secret, keeper = signing.new_secret(), vault.of(settings)

    async def work(tx: Transaction, endpoint: WebhookEndpoint) -> None:
        endpoint.previous_secret = endpoint.secret
        endpoint.previous_until = clock.now() + signing.OVERLAP
        endpoint.secret = signing.seal(keeper, endpoint, secret)
        changed = ["secret", "previous_secret", "previous_until"]
        await endpoint.save(using_db=tx, update_fields=changed)

    return Issued(endpoint_id=await _change(viewer, endpoint_id, work), secret=secret)


async def seal_anew(keys: Vault) -> int:
    """Seal every endpoint's secrets with the current key; returns how many were sealed anew.

    Raises NoSecretKey, and Unreadable when one cannot be opened: then nothing has changed.
    """

    async def work(tx: Transaction) -> int:
        count = 0
        for endpoint in await WebhookEndpoint.all().using_db(tx).select_for_update():
            count += signing.seal_anew(keys, endpoint)
            await endpoint.save(using_db=tx, update_fields=["secret", "previous_secret"])
        return count

    return await database.transaction(work)


async def disable(viewer: Viewer, endpoint_id: UUID) -> UUID:
    """It hears nothing more, and what waits for it is dead. Raises NotAllowed, NotFound."""

    async def work(tx: Transaction, endpoint: WebhookEndpoint) -> None:
        await deliveries.stop(tx, endpoint, DisabledReason.BY_STAFF)

    return await _change(viewer, endpoint_id, work)


async def enable(viewer: Viewer, endpoint_id: UUID) -> UUID:
    """It hears of what happens from now on; the dead are redelivered one by one.

    Raises NotAllowed, NotFound.
    """

    async def work(tx: Transaction, endpoint: WebhookEndpoint) -> None:
        endpoint.disabled_at = endpoint.disabled_reason = None
        await endpoint.save(using_db=tx, update_fields=["disabled_at", "disabled_reason"])

    return await _change(viewer, endpoint_id, work)


async def _change(
    viewer: Viewer,
    endpoint_id: UUID,
    work: Callable[[Transaction, WebhookEndpoint], Awaitable[None]],
) -> UUID:
    viewer.require(Role.OWNER)

    async def unit(tx: Transaction) -> UUID:
        found = WebhookEndpoint.filter(id=endpoint_id, shop_id=viewer.shop_id).using_db(tx)
        endpoint = await found.select_for_update(no_key=True).first()
        if endpoint is None:
            raise NotFound(kind="WebhookEndpoint", id=str(endpoint_id))
        await work(tx, endpoint)
        return endpoint.id

    return await database.transaction(unit)


def _apply(settings: Settings, endpoint: WebhookEndpoint, facts: EndpointFacts) -> None:
    if facts.url is not None:
        endpoint.url = _callable(settings, facts.url)
    if facts.description is not None:
        endpoint.description = validation.text(
            "description", facts.description, longest=200, required=False
        )
    if facts.events is not None:
        endpoint.events = _sent(facts.events)


def _callable(settings: Settings, url: str) -> str:
    """The URL, if it is one that will be called; its name is asked for at every call."""
    text = validation.text("url", url, longest=500)
    try:
        guard.of(settings).check(text)
    except Forbidden as error:
        expected = EXPECTED[error.flaw]
        raise InvalidInput(
            field="url", found=error.found, expected=expected["en"], zh=expected["zh"]
        ) from error
    return text


def _sent(events: Sequence[EventType]) -> list[str]:
    for event in events:
        if event in deliveries.UNSENT:
            raise InvalidInput(
                field="events",
                found=event.value,
                expected="events that are sent; imported history and internal notes are not",
                zh="会推送的事件；导入的历史数据和内部备注不推送",
            )
    return sorted({event.value for event in events})
