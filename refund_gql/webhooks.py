"""Providers' messages in: verify the raw bytes, store once, answer; a job does the rest."""

import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from refund_gql import clock, database, jobs
from refund_gql.errors import Unavailable
from refund_gql.flow.conversation import Gateways, understood
from refund_gql.models import WebhookMessage, new_id
from refund_gql.providers import GatewayNotice, Outcome, OutcomeState, WebhookRejected

_log = structlog.get_logger(__name__)

MAX_BODY = 1_000_000
"""Bytes."""

_STORE = """
insert into webhook_message (id, provider, event_id, number, outcome, received_at)
values ($1, $2, $3, $4, $5, $6) on conflict (provider, event_id) do nothing returning id
"""


def receiver(gateways: Gateways) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of `/webhooks/gateways/{name}`."""

    async def receive(request: Request) -> Response:
        name = request.path_params["name"]
        gateway = gateways.by_name.get(name)
        if gateway is None:
            return PlainTextResponse("no such gateway", status_code=404)
        try:
            notice = gateway.parse_webhook(dict(request.headers), await request.body())
        except WebhookRejected as error:
            _log.warning("webhook refused", gateway=name, reason=str(error))
            return PlainTextResponse("not authentic", status_code=401)
        try:
            await _store(name, notice)
        except Unavailable:
            # Anything but 2xx makes the provider send it again.
            return PlainTextResponse("try again", status_code=503, headers={"retry-after": "1"})
        answer = gateway.acknowledgement()
        return Response(answer.body, status_code=answer.status, media_type=answer.content_type)

    return receive


def handler(gateways: Gateways) -> Callable[[UUID], Awaitable[None]]:
    """The job `webhook`: hand a stored message to the flow."""

    async def handle(message_id: UUID) -> None:
        message = await WebhookMessage.get(id=message_id)
        if message.handled_at is not None or message.provider not in gateways.by_name:
            return
        notice = GatewayNotice(
            event_id=message.event_id,
            number=message.number,
            outcome=_outcome(message.outcome),
        )
        if not await gateways.notice(message.provider, notice):
            _log.error(
                "a webhook is about no payout of ours: reconcile by hand",
                gateway=message.provider,
                number=message.number,
            )
        await database.transaction(lambda tx: _mark_handled(tx, message))

    return handle


async def _store(gateway: str, notice: GatewayNotice) -> None:
    async def work(tx: database.Transaction) -> None:
        content = [
            new_id(),
            gateway,
            notice.event_id,
            notice.number,
            _to_json(understood(notice.outcome)),
            clock.now(),
        ]
        for row in await tx.execute_query_dict(_STORE, content):
            await jobs.enqueue(tx, "webhook", row["id"], key=f"webhook:{row['id']}")

    await database.transaction(work)


async def _mark_handled(tx: database.Transaction, message: WebhookMessage) -> None:
    message.handled_at = clock.now()
    await message.save(using_db=tx, update_fields=["handled_at"])


_PLAIN = ("reference", "code", "message", "retriable", "renumber", "absent", "amount", "currency")


def _to_json(outcome: Outcome) -> str:
    plain = {name: getattr(outcome, name) for name in _PLAIN}
    return json.dumps({"state": outcome.state.value, **plain})


def _outcome(stored: dict[str, object]) -> Outcome:
    plain = {name: stored[name] for name in _PLAIN}
    return Outcome(state=OutcomeState(str(stored["state"])), **plain)  # type: ignore[arg-type] # as stored
