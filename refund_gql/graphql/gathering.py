"""Reading what stands around a refund, once per refund and answer; see `standing`."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import orjson

from refund_gql.choices import ClaimStatus, EvidenceStatus
from refund_gql.desks import WORKERS, Desk
from refund_gql.graphql.bargain import Bargain
from refund_gql.graphql.context import Info
from refund_gql.graphql.rows import Row
from refund_gql.graphql.standing import Standing
from refund_gql.models import Shop
from refund_gql.states import JOURNEY, Step


async def gather(info: Info, refund: Row) -> Standing:
    """Everything around a refund that its viewer's next steps depend on."""
    rows, refund_id, order_id = info.context.rows, refund["id"], refund["order_id"]
    shop = await rows.one("shop", refund["shop_id"])
    assert shop is not None, "a viewer sees their own shop"
    lines = await rows.many("refund_line", "refund_id", refund_id, "position")
    claims = await rows.many("goods_claim", "refund_id", refund_id, "opened_at, id")
    files = await rows.many("evidence_file", "refund_id", refund_id, "started_at, id")
    return Standing(
        viewer=info.context.known_viewer,
        refund=refund,
        shop=_shop(shop),
        order=await rows.one("order", order_id) if order_id else None,
        lines=lines,
        bought=await _bought(info, lines),
        captures=await _captures(info, order_id),
        parcels=await rows.many("goods_return", "refund_id", refund_id, "opened_at desc, id desc"),
        payouts=await rows.many("payout", "refund_id", refund_id, "created_at, id"),
        decisions=await rows.many("decision", "refund_id", refund_id, "decided_at, id"),
        claims=[row for row in claims if row["status"] == ClaimStatus.OPEN],
        merged=await rows.many("refund", "merged_into_id", refund_id, "requested_at, id"),
        bargain=await _bargain(info, refund_id),
        tasks=await rows.many("discretion_task", "refund_id", refund_id, "asked_at, id"),
        files=[row for row in files if row["status"] == EvidenceStatus.STORED],
        pickups=await rows.many("return_pickup", "refund_id", refund_id, "wanted_at, id"),
        tags=await _tags(info, refund),
        events=await _events(info, refund),
        others=await _others(info, refund),
        people=await _people(info, refund),
    )


def _shop(row: Row) -> Shop:
    names = (
        "id",
        "currency",
        "time_zone",
        "finance_threshold",
        "dispute_days",
        "reduction_offer_threshold",
    )
    routes = orjson.loads(row["courier_routes"])
    return Shop(**{name: row[name] for name in names}, courier_routes=routes)


async def _bought(info: Info, lines: Sequence[Row]) -> list[Row]:
    ids = [line["order_line_id"] for line in lines if line["order_line_id"]]
    found = await asyncio.gather(*(info.context.rows.one("order_line", id_) for id_ in ids))
    return [row for row in found if row]


async def _captures(info: Info, order_id: UUID | None) -> list[Row]:
    if order_id is None:
        return []
    order = "captured_at desc, id desc"
    return await info.context.rows.many("capture", "order_id", order_id, order)


async def _bargain(info: Info, refund_id: UUID) -> Bargain:
    rows, newest = info.context.rows, "proposed_at desc, id desc"
    return Bargain(
        ladders=await rows.many("offer_ladder", "refund_id", refund_id, newest),
        offers=await rows.many("offer", "refund_id", refund_id, "rank"),
    )


async def _tags(info: Info, refund: Row) -> list[Row]:
    order = "position, code"
    rows = await info.context.rows.many("reason_tag", "shop_id", refund["shop_id"], order)
    return [row for row in rows if row["retired_at"] is None]


# --- what most viewers need not know ----------------------------------------------------------


async def _events(info: Info, refund: Row) -> list[Row]:
    if not _open_to(info, refund, Step.AMEND):
        return []
    return await info.context.rows.many("event", "refund_id", refund["id"], "version")


async def _others(info: Info, refund: Row) -> list[Row]:
    if refund["order_id"] is None or not _open_to(info, refund, Step.MERGE):
        return []
    order = "requested_at, id"
    rows = await info.context.rows.many("refund", "order_id", refund["order_id"], order)
    return [
        row
        for row in rows
        if row["id"] != refund["id"]
        and row["customer_id"] == refund["customer_id"]
        and row["status"] in JOURNEY[Step.MERGE].sources
    ]


def _open_to(info: Info, refund: Row, step: Step) -> bool:
    row = JOURNEY[step]
    return refund["status"] in row.sources and info.context.known_viewer.role in row.roles


async def _people(info: Info, refund: Row) -> list[Row]:
    desk = refund["desk"]
    if desk is None or info.context.known_viewer.role not in WORKERS[Desk(desk)]:
        return []
    order = "available desc, name, id"
    rows = await info.context.rows.many("staff", "shop_id", refund["shop_id"], order)
    return [row for row in rows if row["active"] and row["role"] in WORKERS[Desk(desk)]]
