"""The server of the read benchmark: the engine, and beside it the same page written by hand.

`/by-hand` answers what `reads.PAGE` asks for with four statements and no framework in between:
the same process, the same pool, the same authentication.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.loops.auto import auto_loop_factory

from refund_gql import app
from refund_gql.auth import authenticate
from refund_gql.database import fetch
from refund_gql.settings import Settings

_REFUNDS = """
select id, order_id, number, status, amount, currency, requested_at from refund
 where shop_id = $1 and (requested_at, id) < ($2, $3) order by requested_at desc, id desc limit 51
"""
_LINES = """
select refund_id, sku, title, quantity, amount from refund_line
 where refund_id = any($1::uuid[]) and shop_id = $2 order by position
"""
_ORDERS = """
select o.id, o.number, c.name from "order" o left join customer c on c.id = o.customer_id
 where o.id = any($1::uuid[]) and o.shop_id = $2
"""
_EVENTS = """
select refund_id, version, type, status, at from event
 where refund_id = any($1::uuid[]) and shop_id = $2 order by version
"""


async def by_hand(request: Request) -> Response:
    """One page of 50 refunds after (`moment`, `id`)."""
    _, _, token = request.headers["authorization"].partition(" ")
    viewer = await authenticate(token, Settings())
    assert viewer is not None, "the benchmark sends a good token"
    query = request.query_params
    after = datetime.fromisoformat(query["moment"]), UUID(query["id"])
    refunds = await fetch(_REFUNDS, viewer.shop_id, *after)
    more, refunds = len(refunds) > 50, refunds[:50]
    ids = [row["id"] for row in refunds]
    lines = _by_refund(await fetch(_LINES, ids, viewer.shop_id))
    events = _by_refund(await fetch(_EVENTS, ids, viewer.shop_id))
    order_ids = [row["order_id"] for row in refunds]
    orders = {row["id"]: row for row in await fetch(_ORDERS, order_ids, viewer.shop_id)}
    edges = [
        {"node": _node(row, orders[row["order_id"]], lines[row["id"]], events[row["id"]])}
        for row in refunds
    ]
    page = {"edges": edges, "pageInfo": {"hasNextPage": more}}
    return Response(orjson.dumps({"data": {"refunds": page}}), media_type="application/json")


def _by_refund(rows: Sequence[asyncpg.Record]) -> defaultdict[UUID, list[asyncpg.Record]]:
    groups: defaultdict[UUID, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        groups[row["refund_id"]].append(row)
    return groups


def _node(
    row: asyncpg.Record,
    order: asyncpg.Record,
    lines: Sequence[asyncpg.Record],
    events: Sequence[asyncpg.Record],
) -> dict[str, Any]:
    currency = row["currency"]
    return {
        "number": row["number"],
        "status": row["status"],
        "amount": {"amount": row["amount"], "currency": currency},
        "order": {"number": order["number"], "customer": {"name": order["name"]}},
        "lines": [
            {
                "sku": line["sku"],
                "title": line["title"],
                "quantity": line["quantity"],
                "amount": {"amount": line["amount"], "currency": currency},
            }
            for line in lines
        ],
        "timeline": [
            {
                "version": event["version"],
                "type": event["type"],
                "status": event["status"],
                "at": event["at"].isoformat(),
            }
            for event in events
        ],
    }


async def _serve(port: int) -> None:
    async with app.engine(Settings()) as running:
        web = app.create_app(running)
        web.router.routes.append(Route("/by-hand", by_hand))
        await uvicorn.Server(
            uvicorn.Config(web, port=port, access_log=False, log_config=None, ws="none")
        ).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(_serve(int(sys.argv[sys.argv.index("--port") + 1])))
