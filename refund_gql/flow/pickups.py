"""A courier fetches the goods from the customer: ordered once, however often it is tried.

Number and request are stored before the first byte. Whatever becomes of a call, the next one
first asks the courier what it knows of the number, and orders only when it proves that it knows
nothing. The refund waits for none of it: the customer can send the goods another way.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from refund_gql import validation
from refund_gql.auth import Viewer, system
from refund_gql.choices import ParcelDirection, PickupStatus, ReturnStatus
from refund_gql.errors import InvalidInput
from refund_gql.events import EventType
from refund_gql.flow import goods, journal, parcels
from refund_gql.flow.journal import Change
from refund_gql.flow.once import Once
from refund_gql.models import RefundLine, Return, ReturnPickup, new_id
from refund_gql.providers import (
    Address,
    Courier,
    Misconfigured,
    OutcomeUnknown,
    Pickup,
    PickupRequest,
    ProviderError,
    Refused,
    Retryable,
)
from refund_gql.registry import Connection, ProviderUnreachable, places, routing
from refund_gql.states import Step
from refund_gql.validation import printable

Couriers = Callable[[UUID, str], Awaitable[Connection[Courier]]]
"""Shop and plugin -> the courier. Raises ProviderUnreachable."""

JOB = "pickup"
PATIENCE = timedelta(days=2)
"""How long a pickup is tried; then the customer is to send the goods another way."""
IN_DOUBT = "IN_DOUBT"
"""Given up while the courier may have accepted it: a person asks it."""
MAX_GRAMS = 1_000_000

_UNDER_WAY = (PickupStatus.WANTED, PickupStatus.BOOKING)
LIVE = (*_UNDER_WAY, PickupStatus.BOOKED)
"""A return has one such pickup at most."""
_SHORTEST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
_NUMBER_WAIT = timedelta(minutes=30)
"""Between two looks for a tracking number that the courier had not given at once."""
_NUMBER_PATIENCE = timedelta(days=14)
"""Then the customer's own number has to do."""
_REQUEST = TypeAdapter(PickupRequest)

MISSING = """
select 'pickup' as kind, id as subject, 'pickup:' || id || ':missing' as key from return_pickup
 where status in ('WANTED', 'BOOKING')
    or status = 'BOOKED' and tracking_number is null and wanted_at > now() - interval '13 days'
"""
"""The pickups that must have a live job, as the reconciler's sweep wants them."""


@dataclass(frozen=True, kw_only=True)
class BookPickup:
    """What a customer asks for."""

    refund_id: UUID
    courier: str
    """What the shop calls it; its routing says which plugin that is."""
    sender: Address
    weight_grams: int
    earliest: datetime | None = None
    """UTC; None for as soon as possible."""
    latest: datetime | None = None
    expected_version: int | None = None


# --- wanted -----------------------------------------------------------------------------------


async def book(viewer: Viewer, asked: BookPickup, *, once: Once) -> UUID:
    """Have the goods of a refund fetched; returns the refund's id.

    Raises NotFound, NotAllowed, StaleVersion, IdempotencyConflict, and InvalidInput where no
    goods are awaited, where a pickup is under way already, and for a courier without a route.
    """
    validation.whole("weightGrams", asked.weight_grams, least=1, most=MAX_GRAMS)
    sender = places.address("sender", asked.sender)
    _require_order(asked)
    word = validation.text("courier", asked.courier, longest=64)
    route = await routing.courier_of(viewer.shop_id, word)

    async def work(change: Change) -> None:
        change.require(Step.SHIP_RETURN)
        parcel = await _awaited(change)
        if route is None:
            raise InvalidInput(
                field="courier",
                found=word,
                expected="a courier of the shop's courierRoutes",
                zh="店铺 courierRoutes 中的快递公司",
            )
        row = ReturnPickup(
            id=new_id(),
            shop_id=parcel.shop_id,
            refund_id=change.refund.id,
            goods_return_id=parcel.id,
            word=word,
            courier=route.provider,
            wanted_by=viewer.actor,
            wanted_at=change.now,
        )
        row.number = f"PU{row.id.hex.upper()}"
        row.request = await _request(change, replace(asked, sender=sender), parcel, row.number)
        await row.save(using_db=change.tx, force_create=True)
        await _schedule(change, row, change.now)

    return await journal.change(
        viewer, asked.refund_id, work, expected_version=asked.expected_version, once=once
    )


def _require_order(asked: BookPickup) -> None:
    if asked.earliest and asked.latest and asked.earliest >= asked.latest:
        raise InvalidInput(
            field="latest",
            found=asked.latest.isoformat(),
            expected="a time after `earliest`",
            zh="晚于 earliest 的时间",
        )


async def _awaited(change: Change) -> Return:
    """The return whose goods are still with the customer, and that nobody fetches yet."""
    waiting = Return.filter(refund_id=change.refund.id, status=ReturnStatus.AWAITED)
    parcel = await waiting.using_db(change.tx).first()
    if parcel is None:
        raise InvalidInput(
            field="refundId",
            found=change.refund.number,
            expected="a refund whose goods wait to be sent back",
            zh="等待寄回商品的退款单",
        )
    if not parcel.recipient:
        raise InvalidInput(
            field="refundId",
            found=parcel.address,
            expected="a return to an address in parts: the shop adds one with "
            "`returnAddressCreate`, and the goods are sent another way meanwhile",
            zh="带结构化退货地址的退货：请店铺用 returnAddressCreate 添加，期间可自行寄回",
        )
    live = ReturnPickup.filter(goods_return_id=parcel.id, status__in=LIVE)
    if await live.using_db(change.tx).exists():
        raise InvalidInput(
            field="refundId",
            found=change.refund.number,
            expected="a return without a pickup: one is under way",
            zh="尚未预约取件的退货：已有一个取件预约",
        )
    return parcel


async def _request(
    change: Change, asked: BookPickup, parcel: Return, number: str
) -> Mapping[str, Any]:
    lines = RefundLine.filter(refund_id=change.refund.id).order_by("position")
    request = PickupRequest(
        number=number,
        sender=asked.sender,
        recipient=Address(**parcel.recipient),
        goods=_titles(await lines.using_db(change.tx)),
        weight_grams=asked.weight_grams,
        earliest=asked.earliest,
        latest=asked.latest,
    )
    stored: Mapping[str, Any] = _REQUEST.dump_python(request, mode="json")
    return stored


def _titles(lines: Sequence[RefundLine]) -> str:
    return ", ".join(line.title for line in lines)[:200]


async def close(change: Change, parcel: Return) -> None:
    """The goods went off, or nobody waits for them: what no courier has heard of is not sent."""
    rows = ReturnPickup.filter(goods_return_id=parcel.id).using_db(change.tx)
    await rows.filter(status=PickupStatus.WANTED).update(status=PickupStatus.CANCELLED, request={})
    await rows.filter(status=PickupStatus.BOOKED).update(status=PickupStatus.DONE)


# --- the job ----------------------------------------------------------------------------------


async def serve(couriers: Couriers, pickup_id: UUID) -> None:
    """The job `pickup`: one try; does nothing when it is over."""
    found = await ReturnPickup.get(id=pickup_id)
    if found.status in _UNDER_WAY:
        await _try(couriers, found)
    elif found.status is PickupStatus.BOOKED and found.tracking_number is None:
        await _look_for_number(couriers, found)


async def _try(couriers: Couriers, found: ReturnPickup) -> None:
    try:
        line = await couriers(found.shop_id, found.courier)
        line.require_up()
    except ProviderUnreachable as error:
        await _finish(found, error)
        return
    begun = await _begin(found)
    if begun is None:
        return
    doubted = begun.tries > 1
    try:
        pickup = await _ordered(line, begun, look_first=doubted)
    except (ProviderError, ProviderUnreachable, TypeError) as error:
        await _finish(begun, error)
    else:
        await _change(begun, lambda change, row: _booked(change, row, pickup))


async def _ordered(
    line: Connection[Courier], row: ReturnPickup, *, look_first: bool
) -> Pickup | None:
    """What the courier knows, or has accepted; None for what it has never heard of, and nobody
    waits for any more."""
    if look_first:
        known = await _found(line, row)
        if known is not None:
            return known
        parcel = await Return.get(id=row.goods_return_id)
        if parcel.status is not ReturnStatus.AWAITED:
            return None
    request = _REQUEST.validate_python(row.request)
    return understood(await line.call("book_pickup", lambda courier: courier.book_pickup(request)))


async def _found(line: Connection[Courier], row: ReturnPickup) -> Pickup | None:
    try:
        known = await line.call("find_pickup", lambda courier: courier.find_pickup(row.number))
    except Refused as error:
        # That the courier does not look it up proves nothing about the pickup.
        raise OutcomeUnknown(str(error), code=error.code) from error
    return None if known is None else understood(known)


def understood(pickup: Pickup) -> Pickup:
    """A courier's answer in the length that rows can hold. Raises TypeError for what is none."""
    if not isinstance(pickup, Pickup):
        raise TypeError(f"a courier answers with a Pickup, not a {type(pickup).__name__}")
    reference = printable(pickup.reference, longest=128)
    if not reference:
        raise TypeError("the pickup has no reference")
    return Pickup(
        reference=reference,
        tracking_number=printable(pickup.tracking_number, longest=64) or None,
        label_url=_link(pickup.label_url),
    )


def _link(url: str | None) -> str | None:
    """An https address that a customer can be shown; anything else is dropped."""
    text = printable(url, longest=501)
    return text if len(text) <= 500 and text.startswith("https://") else None


async def _look_for_number(couriers: Couriers, found: ReturnPickup) -> None:
    """The courier accepted the pickup and had no tracking number yet."""
    pickup, failure = None, None
    try:
        pickup = await _found(await couriers(found.shop_id, found.courier), found)
    except (ProviderError, ProviderUnreachable, TypeError) as error:
        failure = error

    async def look(change: Change, row: ReturnPickup) -> None:
        row.problem = _code(failure) if failure else None
        row.error = printable(str(failure), longest=500) if failure else None
        if pickup is not None:
            await _accept(change, row, pickup)
        hoped_for = change.now < row.wanted_at + _NUMBER_PATIENCE
        if row.tracking_number is None and row.status is PickupStatus.BOOKED and hoped_for:
            await _schedule(change, row, change.now + _NUMBER_WAIT)

    await _change(found, look)


# --- what is stored ---------------------------------------------------------------------------


async def _begin(found: ReturnPickup) -> ReturnPickup | None:
    """Store that the courier is about to be called; None when it is not to be."""
    begun: list[ReturnPickup] = []

    async def work(change: Change, row: ReturnPickup) -> None:
        begun.clear()
        if row.status not in _UNDER_WAY:
            return
        row.status = PickupStatus.BOOKING
        row.tries += 1
        begun.append(row)

    await _change(found, work)
    return begun[0] if begun else None


async def _booked(change: Change, row: ReturnPickup, pickup: Pickup | None) -> None:
    if row.status is not PickupStatus.BOOKING:
        return
    if pickup is None:
        row.status, row.request = PickupStatus.CANCELLED, {}
        return
    row.status, row.booked_at, row.request = PickupStatus.BOOKED, change.now, {}
    row.problem = row.error = None
    await change.record(EventType.PICKUP_BOOKED, {"pickup": str(row.id)})
    await _accept(change, row, pickup)
    if row.tracking_number is None:
        await _schedule(change, row, change.now + _NUMBER_WAIT)


async def _accept(change: Change, row: ReturnPickup, pickup: Pickup) -> None:
    """Keep what the courier gave; from the tracking number on the parcel is followed."""
    row.reference, row.label_url = pickup.reference, pickup.label_url or row.label_url
    row.tracking_number = pickup.tracking_number or row.tracking_number
    parcel = await goods.newest(change)
    awaited = parcel.id == row.goods_return_id and parcel.status is ReturnStatus.AWAITED
    if row.tracking_number is None or not awaited:
        return
    parcel.courier, parcel.tracking_number = row.word, row.tracking_number
    await parcel.save(using_db=change.tx, update_fields=["courier", "tracking_number"])
    await parcels.follow(
        change.tx, row.shop_id, row.word, row.tracking_number, ParcelDirection.BACK
    )


async def _finish(found: ReturnPickup, error: Exception) -> None:
    """A try failed: again later, or given up."""

    async def work(change: Change, row: ReturnPickup) -> None:
        if row.status not in _UNDER_WAY or row.tries != found.tries:
            return
        row.problem, row.error = _code(error), printable(str(error), longest=500)
        refused = isinstance(error, Refused)
        if refused or change.now >= row.wanted_at + PATIENCE:
            await _give_up(change, row, refused=refused)
        else:
            await _schedule(change, row, change.now + _wait(row, error, change.now))

    await _change(found, work)


async def _give_up(change: Change, row: ReturnPickup, *, refused: bool) -> None:
    if row.status is PickupStatus.BOOKING and not refused:
        row.problem = IN_DOUBT
    row.status, row.request = PickupStatus.FAILED, {}
    await change.record(EventType.PICKUP_FAILED, {"pickup": str(row.id)})


async def _change(
    found: ReturnPickup, work: Callable[[Change, ReturnPickup], Awaitable[None]]
) -> None:
    async def unit(change: Change) -> None:
        rows = ReturnPickup.filter(id=found.id).using_db(change.tx)
        row = await rows.select_for_update().get()
        await work(change, row)
        await row.save(using_db=change.tx)

    await journal.change(system(found.shop_id), found.refund_id, unit)


async def _schedule(change: Change, row: ReturnPickup, at: datetime) -> None:
    key = f"{JOB}:{row.id}:{at.timestamp()}"
    await change.enqueue(JOB, row.id, key=key, run_at=at)


def _code(error: Exception) -> str:
    match error:
        case ProviderUnreachable():
            return f"COURIER_{error.reason}"
        case Misconfigured():
            return "COURIER_MISCONFIGURED"
        case ProviderError():
            return printable(error.code, longest=64) or type(error).__name__.upper()
        case _:
            return "NONSENSE"


def _wait(row: ReturnPickup, error: Exception, now: datetime) -> timedelta:
    """Longer and longer, and at least as long as the courier asked for; with jitter."""
    wait = min(max((now - row.wanted_at) / 4, _SHORTEST_WAIT), _LONGEST_WAIT)
    wait *= random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
    asked = error.retry_after if isinstance(error, Retryable) else None
    return max(wait, min(asked or wait, _LONGEST_WAIT))
