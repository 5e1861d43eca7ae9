"""Webhooks out: every event of a refund to every endpoint of the shop that wants it.

A delivery is written with the news itself, its content then and for good; the job `deliver`
carries it (see `sending`), at least once, always under the same `webhook-id`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from refund_gql import clock, database, ids, jobs
from refund_gql.auth import Viewer
from refund_gql.choices import DeliveryStatus
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput, NotFound
from refund_gql.events import STAFF_ONLY, EventType
from refund_gql.models import (
    Event,
    Order,
    Refund,
    Shipment,
    ShipmentAnomaly,
    WebhookDelivery,
    WebhookEndpoint,
    new_id,
)
from refund_gql.roles import Role


class Failure(StrEnum):
    """Why a try failed; `labels.WEBHOOK_FAILURES` says it to people."""

    FORBIDDEN_URL = "FORBIDDEN_URL"
    UNREACHABLE = "UNREACHABLE"
    TIMED_OUT = "TIMED_OUT"
    NOT_TRUSTED = "NOT_TRUSTED"
    REDIRECTED = "REDIRECTED"
    BAD_STATUS = "BAD_STATUS"
    GONE = "GONE"
    ENDPOINT_DISABLED = "ENDPOINT_DISABLED"
    SECRET_UNREADABLE = "SECRET_UNREADABLE"  # noqa: S105 - the name of a failure


class DisabledReason(StrEnum):
    """Why an endpoint hears nothing."""

    BY_STAFF = "BY_STAFF"
    GONE = "GONE"
    """It answered 410."""


UNSENT = STAFF_ONLY | {EventType.IMPORTED}
"""The events that no endpoint ever hears of."""

MISSING = """
select 'deliver' as kind, id as subject, 'deliver:' || id || ':missing' as key
  from webhook_delivery where status = 'QUEUED'
"""
"""What must have a live job, for the reconciler."""


# --- what is sent -----------------------------------------------------------------------------


def wire_type(type: EventType) -> str:
    """What receivers call an event: `refund.approved_instantly`."""
    return f"refund.{type.value.lower()}"


def text_of(content: Mapping[str, Any]) -> str:
    """The body as it is signed and sent: the same text for the same content, always."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


async def enqueue(tx: Transaction, refund: Refund, events: Sequence[Event]) -> None:
    """Write a delivery, and its job, for every endpoint that wants one of these events.

    Repeating it changes nothing. What happened before an endpoint existed is not sent to it, and
    imported history to nobody.
    """
    wanted = [
        (endpoint, event)
        for endpoint in await _listening(tx, refund.shop_id)
        for event in events
        if _wants(endpoint, event)
    ]
    if not wanted:
        return
    order = await Order.filter(id=refund.order_id).using_db(tx).first()
    for endpoint, event in wanted:
        content = _content(refund, event, order.number if order else None)
        await _insert(tx, endpoint, content, refund_id=refund.id, version=event.version)


async def _listening(tx: Transaction, shop_id: UUID) -> list[WebhookEndpoint]:
    return await WebhookEndpoint.filter(shop_id=shop_id, disabled_at=None).using_db(tx)


def _wants(endpoint: WebhookEndpoint, event: Event) -> bool:
    if event.type in UNSENT or event.at < endpoint.created_at:
        return False
    return not endpoint.events or event.type.value in endpoint.events


def _content(refund: Refund, event: Event, order_number: str | None) -> Mapping[str, Any]:
    """Ids, codes and amounts: who wants more reads the refund, with the rights that needs."""
    at = event.at.astimezone(UTC).isoformat()
    return {
        "type": wire_type(event.type),
        "timestamp": at,
        "data": {
            "id": ids.encode("Refund", refund.id),
            "number": refund.number,
            "version": event.version,
            "status": event.status.value,
            "orderNumber": order_number,
            "amount": {"amount": refund.amount, "currency": refund.currency},
            "occurredAt": at,
            **_own(event),
        },
    }


def _own(event: Event) -> Mapping[str, Any]:
    """What the news itself is, where a receiver acts on it without asking back."""
    if event.type is not EventType.GOODS_DISPOSED:
        return {}
    units = [{**unit, "line": _line(unit["line"])} for unit in event.payload["goods"]]
    return {"goods": units}


def _line(row_id: str) -> str:
    return ids.encode("RefundLine", UUID(row_id))


async def enqueue_anomaly(tx: Transaction, anomaly: ShipmentAnomaly, shipment: Shipment) -> None:
    """The same for something wrong with a parcel, to the endpoints that want all there is."""
    order = await Order.filter(id=anomaly.order_id).using_db(tx).get()
    at = anomaly.opened_at.astimezone(UTC).isoformat()
    content = {
        "type": f"shipment.{anomaly.kind.value.lower()}",
        "timestamp": at,
        "data": {
            "id": ids.encode("ShipmentAnomaly", anomaly.id),
            "shipment": ids.encode("Shipment", shipment.id),
            "courier": shipment.courier,
            "orderNumber": order.number,
            "since": anomaly.since.astimezone(UTC).isoformat(),
            "occurredAt": at,
        },
    }
    for endpoint in await _listening(tx, anomaly.shop_id):
        if not endpoint.events and anomaly.opened_at >= endpoint.created_at:
            await _insert(tx, endpoint, content, anomaly_id=anomaly.id)


_INSERT = """
insert into webhook_delivery (id, shop_id, endpoint_id, refund_id, anomaly_id, type, version,
                              payload, status, tries, created_at, next_try_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, 'QUEUED', 0, $9, $9)
on conflict do nothing returning id
"""


async def _insert(
    tx: Transaction,
    endpoint: WebhookEndpoint,
    content: Mapping[str, Any],
    *,
    refund_id: UUID | None = None,
    anomaly_id: UUID | None = None,
    version: int = 0,
) -> None:
    now = clock.now()
    row = [
        new_id(),
        endpoint.shop_id,
        endpoint.id,
        refund_id,
        anomaly_id,
        content["type"],
        version,
        text_of(content),
        now,
    ]
    for inserted in await tx.execute_query_dict(_INSERT, row):
        await set_alarm(tx, inserted["id"], now)


async def set_alarm(tx: Transaction, delivery_id: UUID, at: datetime) -> None:
    """The job that looks at a delivery at this time, UTC."""
    # Named by its moment: the same alarm is set once, another one beside it.
    await jobs.enqueue(
        tx, "deliver", delivery_id, key=f"deliver:{delivery_id}:{at.isoformat()}", run_at=at
    )


# --- what becomes of it -----------------------------------------------------------------------


async def redeliver(viewer: Viewer, delivery_id: UUID) -> UUID:
    """Send it again, from the first try on, under the same id.

    Raises NotAllowed, NotFound, and InvalidInput while its endpoint is disabled.
    """
    viewer.require(Role.OWNER)

    async def work(tx: Transaction) -> UUID:
        delivery = await locked(tx, delivery_id)
        if delivery is None or delivery.shop_id != viewer.shop_id:
            raise NotFound(kind="WebhookDelivery", id=str(delivery_id))
        endpoint = await WebhookEndpoint.get(id=delivery.endpoint_id, using_db=tx)
        if endpoint.disabled_at is not None:
            raise _disabled()
        now = clock.now()
        delivery.status, delivery.tries, delivery.next_try_at = DeliveryStatus.QUEUED, 0, now
        delivery.delivered_at = delivery.response_status = delivery.error = None
        await delivery.save(using_db=tx)
        await set_alarm(tx, delivery.id, now)
        return delivery.id

    return await database.transaction(work)


async def locked(tx: Transaction, delivery_id: UUID) -> WebhookDelivery | None:
    """The delivery, for whoever changes it. A lock on its endpoint comes before this one."""
    found = WebhookDelivery.filter(id=delivery_id).using_db(tx)
    return await found.select_for_update(no_key=True).first()


async def stop(tx: Transaction, endpoint: WebhookEndpoint, reason: DisabledReason) -> None:
    """Disable a locked endpoint; what waits for it is dead. Changes nothing when it is."""
    if endpoint.disabled_at is not None:
        return
    endpoint.disabled_at, endpoint.disabled_reason = clock.now(), reason.value
    await endpoint.save(using_db=tx, update_fields=["disabled_at", "disabled_reason"])
    waiting = WebhookDelivery.filter(endpoint_id=endpoint.id, status=DeliveryStatus.QUEUED)
    await waiting.using_db(tx).update(
        status=DeliveryStatus.DEAD, error=Failure.ENDPOINT_DISABLED.value, next_try_at=None
    )


def _disabled() -> InvalidInput:
    return InvalidInput(
        field="id",
        found="DISABLED",
        expected="a delivery to an endpoint that is enabled",
        zh="所属端点已启用的投递",
    )
