"""The courier: parcels that move with time, news that is signed, pickups ordered once."""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from refund_gql_sandbox.courier import SandboxCourier
from refund_gql_sandbox.courier.codes import CODES
from refund_gql_sandbox.courier.journey import JOURNEYS, Journey
from refund_gql_sandbox.courier.message import Line, Message, Report
from refund_gql_sandbox.settings import CourierSettings
from refund_gql_sandbox.webhook import sign

from refund_gql.providers import (
    Acknowledgement,
    Address,
    CourierCapabilities,
    Misconfigured,
    OutcomeUnknown,
    Parcel,
    Pickup,
    PickupRequest,
    ProviderError,
    Quote,
    Refused,
    Retryable,
    Tracking,
    TrackingFlag,
    TrackingTag,
    WebhookRejected,
)

SECRET = "sandbox-webhook-secret"
HOME = Address(name="林晓", phone="13800000000", country="CN", street="Garden Road 1")
REQUEST = PickupRequest(
    number="RP-1", sender=HOME, recipient=replace(HOME, name="Shop"), goods="tea", weight_grams=500
)
AT_ONCE = 1e9
"""So fast that every journey is over when it begins."""
NEVER = 1e-9
"""So slow that no parcel gets beyond its first checkpoint."""


def a_courier(tmp_path: Path, **settings: object) -> SandboxCourier:
    quick = {"timeout_seconds": 0.0, "slow_seconds": 0.0, "speed": AT_ONCE}
    return SandboxCourier(
        CourierSettings.model_validate({"ledger": tmp_path / "depot.sqlite", **quick, **settings})
    )


def read(tmp_path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(tmp_path / "depot.sqlite")) as db:
        return db.execute(statement).fetchall()


def tags(tracking: Tracking) -> list[str | None]:
    return [checkpoint.tag for checkpoint in tracking.checkpoints]


async def tracked(courier: SandboxCourier, number: str) -> Tracking:
    return await courier.track(Parcel(tracking_number=number))


# --- journeys ---------------------------------------------------------------------------------


def test_the_codes_cover_all_tags_and_flags() -> None:
    assert {meaning.tag for meaning in CODES.values()} == set(TrackingTag)
    flags = frozenset[TrackingFlag]().union(*(meaning.flags for meaning in CODES.values()))
    assert flags == set(TrackingFlag)


async def test_every_journey_is_told_to_its_end(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    for name, stops in JOURNEYS.items():
        tracking = await tracked(courier, f"SBX-{name}-0001")
        assert [known.code for known in tracking.checkpoints] == [stop.code for stop in stops]
    await courier.aclose()


async def test_checkpoints_come_into_view_as_time_passes(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    courier = a_courier(tmp_path, speed=NEVER)
    first = await tracked(courier, "SBX-DELIVERED-0001")
    assert tags(first) == ["INFO_RECEIVED"]
    await courier.aclose()

    # The journey is written down when it begins: letting time pass is moving it into the past.
    with closing(sqlite3.connect(tmp_path / "depot.sqlite")) as db, db:
        db.execute("UPDATE checkpoint SET seen_at = seen_at - ?", (6 / NEVER + 1,))
    assert tags(await tracked(courier, "SBX-DELIVERED-0001")) == [
        "INFO_RECEIVED",
        "IN_TRANSIT",
        "IN_TRANSIT",
        "OUT_FOR_DELIVERY",
    ]
    assert before <= first.checkpoints[0].at <= datetime.now(UTC)
    await courier.aclose()


async def test_what_a_parcel_went_through_is_the_same_in_every_process(tmp_path: Path) -> None:
    first, second = a_courier(tmp_path), a_courier(tmp_path, speed=NEVER, language="zh")
    seen = await tracked(first, "SBX-MISSED-0001")
    assert await tracked(second, "SBX-MISSED-0001") == seen
    assert len(seen.checkpoints) == 7
    await first.aclose()
    await second.aclose()


async def test_two_who_ask_at_once_start_one_journey(tmp_path: Path) -> None:
    couriers = [a_courier(tmp_path) for _ in range(2)]
    asked = [tracked(courier, "SBX-DELIVERED-0001") for courier in couriers * 5]
    answers = await asyncio.gather(*asked)
    assert all(answer == answers[0] for answer in answers)
    assert read(tmp_path, "SELECT count(*) FROM checkpoint") == [(5,)]
    for courier in couriers:
        await courier.aclose()


@pytest.mark.parametrize("number", ["SF1234567890", "SBX-NOWHERE-1", "XSBX-DELIVERED-1", ""])
async def test_a_number_nobody_sent_has_no_checkpoints(tmp_path: Path, number: str) -> None:
    courier = a_courier(tmp_path)
    assert await tracked(courier, number) == Tracking(tracking_number=number)
    assert read(tmp_path, "SELECT * FROM parcel") == []
    await courier.aclose()


async def test_a_code_of_no_table_is_kept_and_not_guessed(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    found = (await tracked(courier, "SBX-GARBAGE-0001")).checkpoints[3]
    assert (found.tag, found.code, found.flags) == (None, "X-77", frozenset())
    await courier.aclose()


async def test_a_parcel_may_go_back_in_time(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    *_, signed, late = (await tracked(courier, "SBX-BACKWARDS-0001")).checkpoints
    assert (signed.tag, late.tag) == (TrackingTag.DELIVERED, TrackingTag.OUT_FOR_DELIVERY)
    assert late.at < signed.at
    await courier.aclose()


async def test_a_checkpoint_may_be_told_twice(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    tracking = await tracked(courier, "SBX-DOUBLED-0001")
    twice = [known.code for known, times in Counter(tracking.checkpoints).items() if times == 2]
    assert twice == ["HUB", "SIGNED"]
    await courier.aclose()


async def test_flags_and_the_expected_time_are_told(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    returned = await tracked(courier, "SBX-DECLINED-0001")
    assert [sorted(known.flags) for known in returned.checkpoints[3:]] == [
        ["REFUSED"],
        ["RETURNING"],
        ["RETURNED_TO_SENDER"],
    ]
    assert returned.expected_at is None
    delivered = await tracked(courier, "SBX-DELIVERED-0001")
    assert delivered.expected_at == delivered.checkpoints[-1].at
    await courier.aclose()


@pytest.mark.parametrize(
    ("language", "text"), [("en", "Delivered and signed for"), ("zh", "快件已签收")]
)
async def test_it_writes_chinese_and_english(tmp_path: Path, language: str, text: str) -> None:
    courier = a_courier(tmp_path, language=language)
    assert (await tracked(courier, "SBX-DELIVERED-0001")).checkpoints[-1].text == text
    await courier.aclose()


# --- the file of journeys ---------------------------------------------------------------------


async def test_the_file_sends_any_number_on_a_journey(tmp_path: Path) -> None:
    journeys = tmp_path / "journeys.jsonl"
    journeys.write_text(
        '{"tracking_number": "SF1", "checkpoints": [{"after": 0, "code": "SIGNED", '
        '"happened": -3600, "text": "Left with Mr Wu", "place": "Hangzhou"}]}\n'
        '{"tracking_number": "SBX-DELIVERED-1", "checkpoints": []}\n'
        '{"checkpoints": [{"after": 0, "code": "LOST"}]}\n'
    )
    courier = a_courier(tmp_path, journeys=journeys, speed=1)
    before = datetime.now(UTC)
    [known] = (await tracked(courier, "SF1")).checkpoints
    assert (known.tag, known.text, known.place) == (
        TrackingTag.DELIVERED,
        "Left with Mr Wu",
        "Hangzhou",
    )
    assert timedelta(minutes=59) < before - known.at < timedelta(minutes=61)
    assert tags(await tracked(courier, "SBX-DELIVERED-1")) == []
    assert tags(await tracked(courier, "anything else")) == ["EXCEPTION"]
    await courier.aclose()


@pytest.mark.parametrize(
    "line",
    ["{}", '{"checkpoints": [{"after": -1, "code": "HUB"}]}', '{"checkpoints": [], "speed": 3}'],
)
async def test_a_broken_file_is_for_a_person(tmp_path: Path, line: str) -> None:
    journeys = tmp_path / "journeys.jsonl"
    journeys.write_text(line)
    courier = a_courier(tmp_path, journeys=journeys)
    for call in (courier.check(), tracked(courier, "SF1")):
        with pytest.raises(Misconfigured, match=r"journeys\.jsonl, line 1: ") as raised:
            await call
        assert raised.value.field == "journeys"
    assert f"a journey has the fields {', '.join(Journey.model_fields)}" in str(raised.value)
    await courier.aclose()


# --- trouble ----------------------------------------------------------------------------------


async def test_down_lasts_and_asks_for_no_pause(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    for _ in range(3):
        with pytest.raises(Retryable) as raised:
            await tracked(courier, "SBX-DOWN-0001")
        assert (raised.value.code, raised.value.retry_after) == ("DOWN", None)
    await courier.aclose()


async def test_trouble_and_a_journey_go_together(tmp_path: Path) -> None:
    courier = a_courier(tmp_path, retry_after_seconds=7)
    with pytest.raises(Retryable) as raised:
        await tracked(courier, "SBX-LOCKER-SBX-RATE_LIMITED")
    assert raised.value.retry_after == timedelta(seconds=7)
    assert tags(await tracked(courier, "SBX-LOCKER-SBX-RATE_LIMITED"))[-1] == "AVAILABLE_FOR_PICKUP"
    await courier.aclose()


async def test_bad_credentials_open_nothing(tmp_path: Path) -> None:
    courier = a_courier(tmp_path, api_key="bad")
    parcel = Parcel(tracking_number="SBX-DELIVERED-0001")
    for call in (
        courier.check(),
        courier.track(parcel),
        courier.subscribe(parcel),
        courier.book_pickup(REQUEST),
        courier.find_pickup("RP-1"),
        courier.quote(REQUEST),
    ):
        with pytest.raises(Misconfigured) as raised:
            await call
        assert (raised.value.code, raised.value.field) == ("AUTHENTICATION", "api_key")
    assert not (tmp_path / "depot.sqlite").exists()


# --- pickups ----------------------------------------------------------------------------------


async def test_a_pickup_is_booked_once_and_its_parcel_sets_out(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    assert await courier.find_pickup("RP-1") is None
    pickup = await courier.book_pickup(REQUEST)
    assert pickup == Pickup(reference="SBX-PICKUP-RP-1", tracking_number="SBX-DELIVERED-00000001")
    assert await courier.book_pickup(REQUEST) == pickup
    assert await courier.find_pickup("RP-1") == pickup
    assert read(tmp_path, "SELECT number FROM pickup") == [("RP-1",)]
    assert read(tmp_path, "SELECT tracking_number FROM parcel") == [("SBX-DELIVERED-00000001",)]
    await courier.aclose()


async def test_the_parcel_of_a_pickup_goes_where_it_is_told(tmp_path: Path) -> None:
    courier = a_courier(tmp_path, pickup_journey="LOST")
    pickup = await courier.book_pickup(REQUEST)
    assert tags(await tracked(courier, pickup.tracking_number or ""))[-1] == "EXCEPTION"
    await courier.aclose()


@pytest.mark.parametrize("trouble", ["TIMEOUT_AFTER", "ERROR_AFTER"])
async def test_what_is_in_doubt_was_booked(tmp_path: Path, trouble: str) -> None:
    courier = a_courier(tmp_path)
    request = replace(REQUEST, sender=replace(HOME, street=f"Garden Road 1 SBX-{trouble}"))
    with pytest.raises(OutcomeUnknown):
        await courier.book_pickup(request)
    found = await courier.find_pickup("RP-1")
    assert found is not None
    assert await courier.book_pickup(request) == found
    assert read(tmp_path, "SELECT count(*) FROM pickup") == [(1,)]
    await courier.aclose()


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ("TIMEOUT_BEFORE", OutcomeUnknown),
        ("ERROR_BEFORE", OutcomeUnknown),
        ("RATE_LIMITED", Retryable),
        ("DOWN", Retryable),
        ("REFUSE", Refused),
    ],
)
async def test_what_never_arrived_was_not_booked(
    tmp_path: Path, trouble: str, error: type[ProviderError]
) -> None:
    courier = a_courier(tmp_path)
    request = replace(REQUEST, sender=replace(HOME, street=f"SBX-{trouble}"))
    with pytest.raises(error):
        await courier.book_pickup(request)
    assert await courier.find_pickup("RP-1") is None
    await courier.aclose()


async def test_a_number_belongs_to_one_pickup(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    pickup = await courier.book_pickup(REQUEST)
    with pytest.raises(Refused) as raised:
        await courier.book_pickup(replace(REQUEST, weight_grams=501))
    assert raised.value.code == "NUMBER_REUSED"
    assert await courier.find_pickup("RP-1") == pickup
    await courier.aclose()


async def test_twenty_bookings_at_once_are_one(tmp_path: Path) -> None:
    couriers = [a_courier(tmp_path) for _ in range(2)]
    booked = await asyncio.gather(*(courier.book_pickup(REQUEST) for courier in couriers * 10))
    assert len(set(booked)) == 1
    assert read(tmp_path, "SELECT count(*) FROM pickup") == [(1,)]
    for courier in couriers:
        await courier.aclose()


@pytest.mark.parametrize(
    ("grams", "amounts"),
    [(0, [1000, 1800]), (1000, [1000, 1800]), (1001, [1200, 2300]), (5000, [1800, 3800])],
)
async def test_quotes_are_exact_and_cheapest_first(
    tmp_path: Path, grams: int, amounts: list[int]
) -> None:
    courier = a_courier(tmp_path, quote_currency="EUR")
    quotes = await courier.quote(replace(REQUEST, weight_grams=grams))
    assert [quote.amount for quote in quotes] == amounts
    assert quotes[0] == Quote(
        service="STANDARD", amount=amounts[0], currency="EUR", transit_time=timedelta(days=3)
    )
    assert await courier.find_pickup("RP-1") is None
    await courier.aclose()


def test_the_sheet_says_what_it_can_do(tmp_path: Path) -> None:
    assert a_courier(tmp_path, least_poll_seconds=60).capabilities() == CourierCapabilities(
        subscribe=True, pickup=True, quote=True, least_poll_interval=timedelta(minutes=1)
    )
    assert not a_courier(tmp_path, subscribe=False).capabilities().subscribe


# --- webhooks ---------------------------------------------------------------------------------


async def test_news_of_subscribed_parcels_travels_as_a_webhook(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    for number in ("SBX-DELIVERED-1", "SBX-GARBAGE-2", "SBX-DELIVERED-1"):
        await courier.subscribe(Parcel(tracking_number=number))
    news = await courier.subscriptions()
    assert [tracking.tracking_number for tracking in news] == ["SBX-DELIVERED-1", "SBX-GARBAGE-2"]

    message = Message.about(*news)
    body = message.model_dump_json().encode()
    notices = courier.parse_webhook(sign(body, SECRET), body)
    assert [notice.tracking for notice in notices] == news
    assert [notice.event_id for notice in notices] == [f"{message.id}#1", f"{message.id}#2"]
    assert Message.about(*news) == message
    assert Message.about(news[0]).id != message.id
    assert courier.acknowledgement(notices) == Acknowledgement(body=b"ok")
    await courier.aclose()


async def test_a_number_is_subscribed_before_the_courier_knows_it(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    await courier.subscribe(Parcel(tracking_number="SF1"))
    assert await courier.subscriptions() == [Tracking(tracking_number="SF1")]
    await courier.aclose()


def a_message(**changes: object) -> bytes:
    line = Line(at=datetime(2026, 11, 22, 8, tzinfo=UTC), code="SIGNED", text="there", place="here")
    message = Message(id="evt-1", parcels=(Report(tracking_number="SF1", checkpoints=(line,)),))
    return json.dumps({**message.model_dump(mode="json"), **changes}).encode()


def test_times_are_told_in_utc(tmp_path: Path) -> None:
    at = {"at": "2026-11-22T16:00:00+08:00", "code": "SIGNED", "mood": "good"}
    body = a_message(parcels=[{"tracking_number": "SF1", "checkpoints": [at]}])
    [notice] = a_courier(tmp_path).parse_webhook(sign(body, SECRET), body)
    [known] = notice.tracking.checkpoints
    assert known.at == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert known.at.tzinfo is UTC


@pytest.mark.parametrize("secret", ["another", "sandbox-webhook-secre"])
def test_a_forged_message_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(WebhookRejected):
        a_courier(tmp_path).parse_webhook(sign(a_message(), secret), a_message())


def test_a_tampered_message_is_refused(tmp_path: Path) -> None:
    headers, body = sign(a_message(), SECRET), a_message()
    for at in range(0, len(body), 7):
        flipped = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        with pytest.raises(WebhookRejected, match="does not verify"):
            a_courier(tmp_path).parse_webhook(headers, flipped)


def test_a_stale_message_is_refused(tmp_path: Path) -> None:
    headers = sign(a_message(), SECRET, at=datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(WebhookRejected, match="another time"):
        a_courier(tmp_path).parse_webhook(headers, a_message())


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"\xff",
        a_message(parcels=[]),
        a_message(parcels=[{"tracking_number": 1}]),
        a_message(
            parcels=[
                {"tracking_number": "SF1", "checkpoints": [{"at": "2026-11-22", "code": "HUB"}]}
            ]
        ),
    ],
)
def test_a_signed_body_that_is_no_message_is_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(WebhookRejected, match="body is not a message of it"):
        a_courier(tmp_path).parse_webhook(sign(body, SECRET), body)


def test_no_secret_is_in_a_text(tmp_path: Path) -> None:
    courier = a_courier(tmp_path, webhook_secret=SecretStr("canary"), api_key=SecretStr("canary"))
    with pytest.raises(WebhookRejected) as raised:
        courier.parse_webhook(sign(a_message(), SECRET), a_message())
    assert "canary" not in f"{courier!r} {courier.settings!r} {raised.value!r}"


async def test_the_event_loop_goes_on_while_the_file_is_locked(tmp_path: Path) -> None:
    courier = a_courier(tmp_path)
    await courier.check()
    with closing(sqlite3.connect(tmp_path / "depot.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(tracked(courier, "SBX-DELIVERED-0001"))
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not waiting.done()
        other.execute("ROLLBACK")
    assert len((await waiting).checkpoints) == 5
    await courier.aclose()
