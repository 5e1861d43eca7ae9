"""One step of one refund, against its statements alone on a bare connection.

The step is a question for evidence, which leaves the refund where it is, so that it can be
repeated. By hand means: the same statements, in one transaction, by asyncpg, with nothing
decided, checked or hashed in between.
"""

import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from benchmarks.figures import Figure, spread
from benchmarks.place import Place
from refund_gql import app
from refund_gql.auth import Viewer
from refund_gql.catalogue import orders
from refund_gql.catalogue.fulfilment import ShipmentFacts
from refund_gql.catalogue.orders import CaptureFacts, LineFacts, OrderFacts
from refund_gql.flow import classification, request, review, risk
from refund_gql.flow.once import Once
from refund_gql.flow.request import RequestRefund
from refund_gql.models import Shop, Staff, new_id
from refund_gql.roles import Role
from refund_gql.settings import Settings
from refund_gql.states import RefundKind

_ROUNDS = 6
_STEPS = 150
"""Steps of each kind in a round, one after the other."""

Way = Callable[[], Awaitable[object]]


async def measure(place: Place) -> list[Figure]:
    """Milliseconds a step, both ways, and their ratio."""
    ledger = str(Path(tempfile.gettempdir()) / f"refund-gql-bench-{os.getpid()}.sqlite")
    settings = Settings(database_url=place.url, data=place.folder)
    async with app.engine(settings, {"sandbox": {"ledger": ledger}}):
        viewer = await _owner(place)
        refund_id = await _in_review(viewer)
        async with asyncpg.create_pool(place.url, min_size=1, max_size=2) as pool:
            ways: dict[str, Way] = {
                "engine": lambda: _ask(viewer, refund_id),
                "by hand": lambda: _by_hand(pool, viewer, refund_id),
            }
            took = await _rounds(ways)
    ratios = [theirs / ours for ours, theirs in zip(*took.values(), strict=True)]
    return [
        spread("step by the engine", [seconds * 1000 for seconds in took["engine"]], "ms"),
        spread("its statements by hand", [seconds * 1000 for seconds in took["by hand"]], "ms"),
        spread("by hand / engine", ratios, "", aim="> 0.5", note="wall clock, one at a time"),
    ]


async def _rounds(ways: dict[str, Way]) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(_ROUNDS + 1):
        for way in list(ways) if number % 2 else list(reversed(ways)):
            began = time.perf_counter()
            for _ in range(_STEPS):
                await ways[way]()
            if number:  # the first round warms up
                took[way].append((time.perf_counter() - began) / _STEPS)
    return took


# --- a refund that waits for customer service -------------------------------------------------


async def _owner(place: Place) -> Viewer:
    shop = await Shop.get(handle=place.handle)
    owner = await Staff.get(shop_id=shop.id, role=Role.OWNER)
    return Viewer(shop_id=shop.id, role=Role.OWNER, id=owner.id, name=str(owner.name))


async def _in_review(viewer: Viewer) -> UUID:
    placed = datetime.now(UTC) - timedelta(days=3)
    parcel = ShipmentFacts(
        courier="SF", tracking_number=uuid4().hex[:12], shipped_at=placed, delivered_at=placed
    )
    facts = OrderFacts(
        number=uuid4().hex,
        currency="GBP",
        placed_at=placed,
        lines=(LineFacts(sku="CUP", title="Cup", quantity=1, unit_price=1250),),
        captures=(CaptureFacts(gateway="sandbox", reference=uuid4().hex, amount=1250),),
        shipments=(parcel,),
    )
    order_id = await orders.upsert(viewer, facts)
    asked = RequestRefund(order_id=order_id, kind=RefundKind.REFUND_ONLY, lines=None)
    refund_id = await request.request(viewer, asked, once=_once("refundRequest"))
    await classification.classify(refund_id, risk.NOBODY)
    return refund_id


def _once(operation: str) -> Once:
    return Once(key=uuid4().hex, operation=operation, input={})


async def _ask(viewer: Viewer, refund_id: UUID) -> None:
    await review.request_evidence(
        viewer, refund_id, question="A picture, please", once=_once("refundRequestEvidence")
    )


# --- the same by hand -------------------------------------------------------------------------

_LOCK = "select pg_advisory_xact_lock(hashtextextended('refund:' || $1, 0))"
_RESERVE = """
insert into idempotency_key (id, shop_id, key, fingerprint, created_at)
values ($1, $2, $3, $4, $5) on conflict (shop_id, key) do nothing returning id
"""
_FIND = "select * from refund where id = $1 and shop_id = $2 for update"
_DECIDE = """
insert into decision (id, shop_id, refund_id, step, actor, actor_name, reason, trace, decided_at)
values ($1, $2, $3, 'REQUEST_EVIDENCE', $4, $5, $6, '{}', $7)
"""
_RECORD = """
insert into event (id, shop_id, refund_id, version, type, status, payload, actor, actor_name, at,
                   hash)
values ($1, $2, $3, $4, 'EVIDENCE_REQUESTED', 'REVIEW', '{}', $5, $6, $7, $8)
"""
_SAVE = "update refund set version = $2, head = $3, updated_at = $4 where id = $1"
_FINISH = "update idempotency_key set subject_id = $2, problem = $3 where id = $1"


async def _by_hand(pool: Any, viewer: Viewer, refund_id: UUID) -> None:
    now, key_id = datetime.now(UTC), new_id()
    async with pool.acquire() as connection, connection.transaction():
        await connection.fetch(_LOCK, str(refund_id))
        await connection.fetch(_RESERVE, key_id, viewer.shop_id, uuid4().hex, "0" * 64, now)
        async with connection.transaction():
            [row] = await connection.fetch(_FIND, refund_id, viewer.shop_id)
            who = (viewer.actor, viewer.name)
            words = "A picture, please"
            await connection.execute(_DECIDE, new_id(), viewer.shop_id, refund_id, *who, words, now)
            version, head = row["version"] + 1, "0" * 64
            await connection.execute(
                _RECORD, new_id(), viewer.shop_id, refund_id, version, *who, now, head
            )
            await connection.execute(_SAVE, refund_id, version, head, now)
        await connection.execute(_FINISH, key_id, refund_id, None)
