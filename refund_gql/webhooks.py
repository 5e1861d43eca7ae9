"""Providers' messages in: verify the raw bytes, store once, answer; a job does the rest.

`POST /webhooks/{shop}/{provider}` is the address a shop gives to its provider. What cannot be
verified is refused, what was verified is acknowledged only after it is stored, and a message
that comes twice, late or out of order does no harm.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from refund_gql import clock, database, jobs
from refund_gql.errors import Unavailable
from refund_gql.flow import chargebacks, tracking
from refund_gql.flow.calling import understood
from refund_gql.flow.conversation import Gateways
from refund_gql.models import WebhookMessage, new_id
from refund_gql.providers import (
    Acknowledgement,
    Courier,
    DisputeNotice,
    GatewayNotice,
    Headers,
    Outcome,
    PaymentGateway,
    Provider,
    ProviderError,
    Tracking,
    TrackingNotice,
    WebhookRejected,
)
from refund_gql.registry import Connection, Providers, ProviderUnreachable

_log = structlog.get_logger(__name__)

MAX_BODY = 1_000_000
"""Bytes."""

_OUTCOME, _TRACKING = TypeAdapter(Outcome), TypeAdapter(Tracking)
_DISPUTE = TypeAdapter(DisputeNotice)
_SHOP = "select id from shop where handle = $1"
_STORE = """
insert into webhook_message (id, shop_id, provider, event_id, number, notice, received_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (shop_id, provider, event_id, number) do nothing returning id
"""


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What one webhook says about one refund, parcel or chargeback, as it is stored."""

    event_id: str
    number: str
    notice: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Heard:
    """A verified webhook and the answer its provider expects."""

    said: list[_Said]
    answer: Acknowledgement


def receiver(providers: Providers) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of `/webhooks/{shop}/{provider}`."""

    async def receive(request: Request) -> Response:
        name = request.path_params["provider"]
        try:
            shop_id = await _shop_of(request.path_params["shop"])
            heard = await _hear(providers, shop_id, name, request)
            await _store(shop_id, name, heard.said)
        except WebhookRejected as error:
            _log.warning("webhook refused", provider=name, reason=str(error))
            return PlainTextResponse("not authentic", status_code=401)
        except _NoSuchAddress:
            return PlainTextResponse("no such address", status_code=404)
        except (Unavailable, ProviderError):
            # Anything but 2xx makes the provider send it again.
            return PlainTextResponse("try again", status_code=503, headers={"retry-after": "1"})
        answer = heard.answer
        return Response(answer.body, status_code=answer.status, media_type=answer.content_type)

    return receive


def handler(gateways: Gateways) -> Callable[[UUID], Awaitable[None]]:
    """The job `webhook`: hand a stored message to the flow."""

    async def handle(message_id: UUID) -> None:
        message = await WebhookMessage.get(id=message_id)
        if message.handled_at is not None:
            return
        if "tracking" in message.notice:
            news = _TRACKING.validate_python(message.notice["tracking"])
            await tracking.record(message.shop_id, message.provider, news)
        elif "dispute" in message.notice:
            await _hear_dispute(message)
        elif not await gateways.notice(message.shop_id, message.provider, _refund_notice(message)):
            _log.error(
                "a webhook is about no payout of this shop: reconcile by hand",
                provider=message.provider,
                number=message.number,
            )
        await database.transaction(lambda tx: _mark_handled(tx, message))

    return handle


async def _hear_dispute(message: WebhookMessage) -> None:
    notice = _DISPUTE.validate_python(message.notice["dispute"])
    if not await chargebacks.hear(message.shop_id, message.provider, notice):
        _log.error(
            "a chargeback is about no payment of this shop: reconcile by hand",
            provider=message.provider,
            number=message.number,
        )


class _NoSuchAddress(Exception):
    """There is no such shop, or it has no such provider that sends webhooks."""


async def _shop_of(handle: str) -> UUID:
    for row in await database.fetch(_SHOP, handle):
        found: UUID = row["id"]
        return found
    raise _NoSuchAddress


async def _hear(providers: Providers, shop_id: UUID, name: str, request: Request) -> _Heard:
    try:
        line = await providers.any(shop_id, name)
    except ProviderUnreachable as error:
        if error.reason == "MISSING":
            raise _NoSuchAddress from error
        raise
    if line.sheet is None:
        raise _NoSuchAddress
    seconds = line.sheet.acknowledge_within.total_seconds()
    return await _parse(line, dict(request.headers), await request.body(), seconds)


async def _parse(
    line: Connection[Provider], headers: Headers, body: bytes, seconds: float
) -> _Heard:
    def work(provider: Provider) -> _Heard:
        if isinstance(provider, PaymentGateway):
            notice = provider.parse_webhook(headers, body)
            said = [_of_money(line.redaction.result(notice))]
            return _Heard(said=said, answer=provider.acknowledgement(notice))
        assert isinstance(provider, Courier), "only gateways and couriers have a sheet"
        notices = provider.parse_webhook(headers, body)
        parcels = _of_parcels(line.redaction.result(notices))
        return _Heard(said=parcels, answer=provider.acknowledgement(notices))

    return await line.read(work, seconds=seconds)


def _of_money(notice: GatewayNotice | DisputeNotice) -> _Said:
    if isinstance(notice, DisputeNotice):
        news = _DISPUTE.dump_python(chargebacks.understood(notice), mode="json")
        event, number = _short(notice.event_id), _short(notice.reference)[:64]
        return _Said(event_id=event, number=number, notice={"dispute": news})
    outcome = _OUTCOME.dump_python(understood(notice.outcome), mode="json")
    return _Said(
        event_id=_short(notice.event_id), number=notice.number[:64], notice={"outcome": outcome}
    )


def _of_parcels(notices: Sequence[TrackingNotice]) -> list[_Said]:
    return [_of_parcel(notice) for notice in notices]


def _of_parcel(notice: TrackingNotice) -> _Said:
    news = tracking.understood(notice.tracking)
    return _Said(
        event_id=_short(notice.event_id),
        number=news.tracking_number,
        notice={"tracking": _TRACKING.dump_python(news, mode="json")},
    )


def _short(event_id: str) -> str:
    """The id as it fits into its column; the same id always becomes the same."""
    if len(event_id) <= 128 and event_id.isprintable():
        return event_id
    return hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()


async def _store(shop_id: UUID, provider: str, said: list[_Said]) -> None:
    async def work(tx: database.Transaction) -> None:
        for one in said:
            notice = orjson.dumps(one.notice).decode()
            row_id, at = new_id(), clock.now()
            content = [row_id, shop_id, provider, one.event_id, one.number, notice, at]
            for row in await tx.execute_query_dict(_STORE, content):
                await jobs.enqueue(tx, "webhook", row["id"], key=f"webhook:{row['id']}")

    await database.transaction(work)


def _refund_notice(message: WebhookMessage) -> GatewayNotice:
    outcome = _OUTCOME.validate_python(message.notice["outcome"])
    return GatewayNotice(event_id=message.event_id, number=message.number, outcome=outcome)


async def _mark_handled(tx: database.Transaction, message: WebhookMessage) -> None:
    message.handled_at = clock.now()
    await message.save(using_db=tx, update_fields=["handled_at"])
