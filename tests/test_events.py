"""History is append-only and proves it: whoever changes one link breaks the chain after it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.world import World

from refund_gql.events import GENESIS, EventType, chain_hash
from refund_gql.models import Refund
from refund_gql.states import TRANSITIONS

EXACT = settings(derandomize=True, database=None, deadline=None, max_examples=300)
AT = datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One event, as it goes into the chain."""

    refund_id: str = "0196b1c0-0000-7000-8000-000000000001"
    version: int = 1
    type: EventType = EventType.REQUESTED
    at: datetime = AT
    actor: str = "CUSTOMER:1"
    payload: Mapping[str, Any]

    def after(self, previous: str) -> str:
        return chain_hash(
            previous,
            refund_id=self.refund_id,
            version=self.version,
            type=self.type,
            at=self.at,
            actor=self.actor,
            payload=self.payload,
        )


def heads(links: list[Link]) -> list[str]:
    """The hash after each link."""
    found, head = [], GENESIS
    for link in links:
        head = link.after(head)
        found.append(head)
    return found


# --- the words --------------------------------------------------------------------------------


def test_every_event_is_written_by_a_step_or_is_a_note_beside_them() -> None:
    steps = {row.event for row in TRANSITIONS}
    assert set(EventType) - steps == {
        EventType.SPLIT,
        EventType.PAYOUT_PARKED,
        EventType.PAYOUT_RESUMED,
        EventType.PAYOUT_SUCCEEDED,
        EventType.GOODS_AWAITED,
        EventType.RETURN_SCANNED,
        EventType.RETURN_REMINDED,
        EventType.PICKUP_BOOKED,
        EventType.PICKUP_FAILED,
        EventType.CLAIM_OPENED,
        EventType.CLAIM_CHANGED,
        EventType.CLAIM_SETTLED,
        EventType.CLAIM_WRITTEN_OFF,
        EventType.COUPON_ISSUED,
        EventType.COUPON_REVOKED,
        EventType.POINTS_RESTORED,
        EventType.COUPON_RESTORED,
        EventType.REASON_FOUND,
        EventType.ROUTED,
        EventType.ESCALATED,
        EventType.PRIORITY_LOWERED,
        EventType.MESSAGE_REQUESTED,
        EventType.ASSIGNED,
        EventType.UNASSIGNED,
        EventType.NOTED,
        EventType.EVIDENCE_ADDED,
        EventType.EVIDENCE_REMOVED,
        EventType.REQUEST_ADDED,
        EventType.GOODS_DISPOSED,
        EventType.REASONS_SET,
        EventType.CHARGEBACK_OPENED,
        EventType.CHARGEBACK_WON,
        EventType.CHARGEBACK_LOST,
        EventType.IMPORTED,
        EventType.CLOCK_WARNED,
        EventType.CLOCK_BREACHED,
        EventType.SHIPPING_REMINDED,
        EventType.EVIDENCE_REMINDED,
        EventType.DISCRETION_REQUESTED,
        EventType.DISCRETION_REFUSED,
    }


# --- the chain --------------------------------------------------------------------------------


def test_the_hash_is_what_anybody_can_compute() -> None:
    """SHA-256 over the previous hash and the event's JSON, keys sorted, no spaces, UTF-8.

    A vector: with another canonical form, every chain that was ever stored would be broken.
    """
    link = Link(payload={"currency": "CNY", "amount": 8900})
    assert link.after(GENESIS) == (
        "cea209f1e9c124cc950b989fc78b53145edd3f45785062933428ea10b8a7112f"
    )


def test_the_order_of_a_payloads_keys_means_nothing() -> None:
    one, other = Link(payload={"a": 1, "b": 2}), Link(payload={"b": 2, "a": 1})
    assert one.after(GENESIS) == other.after(GENESIS)


PAYLOADS = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3)
LINKS = st.builds(
    Link,
    version=st.integers(1, 1000),
    type=st.sampled_from(EventType),
    at=st.datetimes(timezones=st.just(UTC)),
    actor=st.text(max_size=20),
    payload=PAYLOADS,
)


@EXACT
@given(LINKS, LINKS)
def test_different_events_have_different_hashes(one: Link, other: Link) -> None:
    assert (one.after(GENESIS) == other.after(GENESIS)) is (one == other)


@EXACT
@given(st.lists(LINKS, min_size=2, max_size=8, unique_by=repr), st.data())
def test_whoever_tampers_breaks_every_head_from_there_on(
    links: list[Link], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(links) - 1))
    how = data.draw(st.sampled_from(["change", "drop", "swap"]))
    tampered = list(links)
    if how == "change":
        tampered[at] = replace(links[at], version=links[at].version + 1)
    elif how == "drop":
        del tampered[at]
    else:
        other = data.draw(st.integers(0, len(links) - 1).filter(lambda i: i != at))
        tampered[at], tampered[other] = tampered[other], tampered[at]
        at = min(at, other)
    true, false = heads(links), heads(tampered)
    assert true[:at] == false[:at]
    assert not set(true[at:]) & set(false[at:])


def test_a_time_in_another_zone_is_not_taken_for_the_same_link() -> None:
    """Times are stored in UTC; a reader that forgets to convert finds a broken chain."""
    elsewhere = AT.astimezone(timezone(timedelta(hours=8)))
    assert Link(at=elsewhere, payload={}).after(GENESIS) != Link(payload={}).after(GENESIS)


# --- the chain in the database ----------------------------------------------------------------

EVENTS = """
select e.version, e.type, e.at, e.actor, e.payload, e.hash, e.refund_id, r.head
  from event e join refund r on r.id = e.refund_id where r.number = $1 order by e.version
"""


async def stored(url: str, number: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        rows: list[asyncpg.Record] = await connection.fetch(EVENTS, number)
        return rows
    finally:
        await connection.close()


async def test_what_is_stored_verifies_and_holds_no_persons_data(
    world: World, database_url: str
) -> None:
    note = "我叫王小明，电话 13800000000"
    asked = await world.refund(world.customer, await world.order(), note=note)
    refund = await world.reaches(asked, "REFUNDED")
    rows = await stored(database_url, refund["number"])
    links = [
        Link(
            refund_id=str(row["refund_id"]),
            version=row["version"],
            type=EventType(row["type"]),
            at=row["at"],
            actor=row["actor"],
            payload=row["payload"],
        )
        for row in rows
    ]
    assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
    assert heads(links) == [row["hash"] for row in rows]
    assert rows[-1]["hash"] == rows[-1]["head"]
    written = "".join(str(dict(row)) for row in rows)
    assert "王小明" not in written
    assert "13800000000" not in written


async def test_the_refund_itself_names_the_newest_link(world: World) -> None:
    asked = await world.refund(world.customer, await world.order())
    refund = await world.reaches(asked, "REFUNDED")
    row = await Refund.get(number=refund["number"])
    assert (row.version, row.status) == (5, "REFUNDED")


@pytest.mark.parametrize("text", ["汉字", "é", "\u2028", '"'])
def test_every_character_counts(text: str) -> None:
    assert Link(payload={"a": text}).after(GENESIS) != Link(payload={"a": ""}).after(GENESIS)
